/** One request's row, as the journal carries it and the database stores it. Exactly one exists for each request. */
import type { PriceFactors, TokenBuckets } from '../wire/usage.ts';
import type { RoutingRecord } from './routing-record.ts';

export type RowStatus = 'success' | 'failure' | 'aborted' | 'truncated' | 'crashed';

export interface AttemptRow {
  readonly deploymentId: string;
  readonly model: string;
  readonly provider: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** Error kind, or `null` for the attempt that answered. */
  readonly error: string | null;
  readonly upstreamStatus: number | null;
  /** Of an attempt that failed: the provider's id of the request, and its own name of the failure. */
  readonly upstreamRequestId?: string;
  readonly upstreamCode?: string;
  /**
   * Nano-dollars; `null` means unknown price. The attempts of a row add up to its cost: the one that answered carries it,
   * a failed one that the provider did not bill has 0.
   */
  readonly costNanoUsd: number | null;
}

export interface LedgerRow {
  /** UUIDv7; primary key, so writing a row twice is harmless. */
  readonly id: string;
  readonly callId: string;
  /** The answer's own id (`chatcmpl-…`), which clients know the request by. */
  readonly responseId: string | null;
  readonly route: string;
  readonly status: RowStatus;
  /** HTTP status answered (499 when the client left first). */
  readonly httpStatus: number;
  readonly stream: boolean;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly firstTokenAtMs: number | null;
  /** Time inside upstream attempts. */
  readonly upstreamMs: number;
  /** Total minus upstream: what the gateway itself added. */
  readonly overheadMs: number;
  readonly keyHash: string | null;
  readonly keyAlias: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly organizationId: string | null;
  readonly projectId: string | null;
  readonly endUser: string | null;
  readonly sessionId: string | null;
  readonly clientIp: string | null;
  readonly userAgent: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly requestedModel: string;
  /** The group that answered or failed last; before any was tried, the one asked for. */
  readonly modelGroup: string;
  readonly deploymentId: string | null;
  /** `openai/gpt-4o-mini`. */
  readonly model: string | null;
  readonly provider: string | null;
  readonly apiBase: string | null;
  readonly buckets: TokenBuckets | null;
  /** Nano-dollars; `null` means unknown price. */
  readonly costNanoUsd: number | null;
  readonly costParts: {
    readonly input: number;
    readonly output: number;
    readonly cacheRead: number;
    readonly cacheWrite: number;
    readonly reasoning: number;
  } | null;
  readonly priceVersion: string | null;
  /** What besides tokens decided the price; absent when nothing did. */
  readonly priceFactors?: PriceFactors;
  readonly attempts: readonly AttemptRow[];
  /** Absent when there is nothing to tell: one deployment to choose from, which answered at once, and no finite limit. */
  readonly routing?: RoutingRecord;
  readonly changes: readonly { readonly field: string; readonly action: string; readonly note: string }[];
  readonly error: {
    readonly kind: string;
    readonly type: string;
    readonly message: string;
    readonly code: string | null;
  } | null;
  /** It counts in all totals, and its row is not kept. */
  readonly totalsOnly?: true;
  /** Present only when prompts are stored. JSON text. */
  readonly requestBody?: string;
  readonly responseBody?: string;
}
