/**
 * The shape of the one limit tree: scope × unit × window. Only types stand here: no limit is enforced yet. They fix what
 * an enforcing store must promise, so that every caller of it (admission, settlement, the management API) agrees.
 *
 * A call draws on all of its scopes at once. Before it starts, its worst case is reserved everywhere or nowhere; when it
 * has ended, the reservation is replaced by what was really used. So the sum of what is posted and what is held can never
 * pass a maximum, however many calls run at the same moment.
 */
import type { LimitReport } from '../errors.ts';

/** Who is limited. A call has one scope of most kinds and one for each of its tags. */
export type ScopeKind =
  | 'key'
  | 'team'
  | 'team_member'
  | 'user'
  | 'organization'
  | 'project'
  | 'end_user'
  | 'tag'
  | 'model'
  | 'provider';

export interface Scope {
  readonly kind: ScopeKind;
  /** Digest of the key, id of the team …; for a team member the team's id, a slash and the user's. */
  readonly id: string;
}

/**
 * What is counted, always in whole numbers: `usd` in nano-dollars, `requests` and `tokens` in pieces, `parallel` in calls
 * under way. The first three add up over a window; `parallel` is a level, given back when the call ends.
 */
export type Unit = 'usd' | 'requests' | 'tokens' | 'parallel';

export type Amounts = Readonly<Record<Unit, number>>;

/**
 * Over which time something adds up. Windows come from the clock: the id of the current one is computed from the time and
 * the zone, so nothing has to be reset and a missed job cannot leave an old total standing. Hours and shorter start on
 * the boundary, days at midnight, weeks on Monday, months on the first.
 */
export type Window =
  | { readonly kind: 'lifetime' }
  | {
      readonly kind: 'calendar';
      readonly every: number;
      readonly period: 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month';
      /** IANA name, such as `Europe/Berlin`. */
      readonly timeZone: string;
    };

export interface Limit {
  readonly scope: Scope;
  readonly unit: Unit;
  /** Without meaning for `parallel`. */
  readonly window: Window;
  readonly max: number;
  /** `soft` never refuses: passing it is only told to those who asked to know. */
  readonly strength: 'hard' | 'soft';
}

/** The worst case of one attempt. */
export interface Demand {
  readonly callId: string;
  readonly scopes: readonly Scope[];
  readonly requests: number;
  readonly tokens: number;
  readonly parallel: number;
  /** `null`: the price is unknown, which is not zero. A hard `usd` limit on any of the scopes then refuses. */
  readonly nanoUsd: number | null;
}

/**
 * Held amounts. Ending it twice is harmless and the first end counts. A reservation whose owner is gone ends by itself at
 * `expiresAtMs`; a living owner keeps it alive.
 */
export interface Reservation {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
  /** Replaces what was held by what was used, also where that is more. A price that stayed unknown counts as 0. */
  settle(used: Amounts): void | Promise<void>;
  /** Gives everything back: no upstream was asked. */
  release(): void | Promise<void>;
}

/** How much of a limit is gone. `held` belongs to calls that are still under way. */
export interface Standing {
  readonly limit: Limit;
  readonly posted: number;
  readonly held: number;
  /** Epoch milliseconds; `null` for a window without an end. */
  readonly resetsAtMs: number | null;
}

/** Where limits are kept: memory for one process, a shared store for several. */
export interface LimitStore {
  /**
   * Checks every limit before it takes from any: `posted + held + demand ≤ max` in all of them, or nothing changes.
   * @throws GatewayError `rate_limited` or `budget_exceeded` with a `LimitReport` of the limit that clears last
   */
  reserve(demand: Demand, limits: readonly Limit[]): Reservation | Promise<Reservation>;
  /** For displays; admission never reads it. */
  standing(limits: readonly Limit[]): readonly Standing[] | Promise<readonly Standing[]>;
}

/** What a refused client is told of a standing. */
export type ReportOf = (standing: Standing) => LimitReport;
