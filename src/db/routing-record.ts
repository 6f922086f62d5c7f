/** Why a request went where it went, as its row keeps it. Absent when the row itself says all there is to say. */
import type { LimitReport } from '../errors.ts';

export interface RoutingRecord {
  /** In the order they were made: one for each attempt, and one more where nobody was left. */
  readonly choices: readonly ChoiceRecord[];
  /** Finite limits that had a say, as they stood when the request had ended. */
  readonly limits: readonly LimitRecord[];
  readonly waits: readonly WaitRecord[];
  /** Chosen and then not asked, because a limit spoke against it; the reason is an error's kind. */
  readonly notAsked: readonly { readonly deploymentId: string; readonly reason: string }[];
  /** The limit that refused it; money in dollars. */
  readonly refusedBy?: LimitReport;
}

export interface ChoiceRecord {
  /** Model group chosen from; another than before is a fallback. */
  readonly group: string;
  readonly strategy: string;
  readonly candidates: readonly {
    readonly deploymentId: string;
    /** What the strategy compares; less is better, and 0 everywhere where it compares nothing. */
    readonly score: number;
    readonly health: string;
  }[];
  readonly passedOver: readonly { readonly deploymentId: string; readonly reason: string }[];
  readonly picked: string | null;
  /** Kept on the deployment that earlier requests of its kind had. */
  readonly pinned: boolean;
}

export interface LimitRecord {
  readonly scope: string;
  readonly unit: string;
  /** In the unit; nano-dollars for `usd`. */
  readonly max: number;
  readonly used: number;
  readonly remaining: number;
  /** Epoch milliseconds. */
  readonly resetsAtMs: number | null;
}

export interface WaitRecord {
  /** `queue`: for a rate to clear. `budget`: for money that others hold. `backoff`: before a retry. */
  readonly kind: 'queue' | 'budget' | 'backoff';
  readonly durationMs: number;
  /** Attempts made before it. */
  readonly afterAttempts: number;
}
