/**
 * Every way a request can fail, in one table: HTTP status, OpenAI `type`, and what routing does next.
 *
 * Statuses follow LiteLLM's public exception mapping; the 401 and 429 shapes follow Tollgate's own contract
 * (`docs/errors.md`). `next` says whether the same model group may be tried again (`retry`), only another model
 * group (`fallback`), or nothing (`stop`).
 */

export type Next = 'stop' | 'retry' | 'fallback';

interface ErrorKind {
  readonly status: number;
  readonly type: string;
  readonly next: Next;
}

export const ERROR_KINDS = {
  // What the client did.
  invalid_request: { status: 400, type: 'invalid_request_error', next: 'stop' },
  invalid_api_key: { status: 401, type: 'invalid_request_error', next: 'stop' },
  permission_denied: { status: 403, type: 'permission_error', next: 'stop' },
  model_access_denied: { status: 403, type: 'key_model_access_denied', next: 'stop' },
  not_found: { status: 404, type: 'invalid_request_error', next: 'stop' },
  method_not_allowed: { status: 405, type: 'invalid_request_error', next: 'stop' },
  conflict: { status: 409, type: 'invalid_request_error', next: 'stop' },
  payload_too_large: { status: 413, type: 'invalid_request_error', next: 'stop' },
  model_not_found: { status: 400, type: 'invalid_request_error', next: 'stop' },
  rate_limited: { status: 429, type: 'rate_limit_error', next: 'stop' },
  budget_exceeded: { status: 422, type: 'budget_exceeded', next: 'stop' },
  // What one deployment may not take now: another may, the same one may not.
  model_unpriced: { status: 400, type: 'invalid_request_error', next: 'fallback' },
  deployment_busy: { status: 429, type: 'rate_limit_error', next: 'fallback' },
  // No deployment of this model is for such a request, by its tags or its end user's region; another model's may be.
  no_eligible_deployment: { status: 403, type: 'key_model_access_denied', next: 'fallback' },
  client_closed: { status: 499, type: 'client_disconnect', next: 'stop' },
  // What the upstream did.
  upstream_busy: { status: 429, type: 'rate_limit_error', next: 'retry' },
  upstream_rejected: { status: 400, type: 'invalid_request_error', next: 'fallback' },
  context_window_exceeded: { status: 400, type: 'invalid_request_error', next: 'fallback' },
  content_policy_violation: { status: 400, type: 'invalid_request_error', next: 'fallback' },
  upstream_unauthorized: { status: 401, type: 'authentication_error', next: 'fallback' },
  upstream_payment_required: { status: 402, type: 'invalid_request_error', next: 'fallback' },
  upstream_forbidden: { status: 403, type: 'permission_error', next: 'fallback' },
  upstream_not_found: { status: 404, type: 'invalid_request_error', next: 'fallback' },
  upstream_timeout: { status: 408, type: 'invalid_request_error', next: 'retry' },
  upstream_gateway_timeout: { status: 504, type: 'internal_server_error', next: 'retry' },
  upstream_failed: { status: 500, type: 'internal_server_error', next: 'retry' },
  upstream_bad_gateway: { status: 502, type: 'internal_server_error', next: 'retry' },
  upstream_unavailable: { status: 503, type: 'internal_server_error', next: 'retry' },
  upstream_unreachable: { status: 500, type: 'internal_server_error', next: 'retry' },
  upstream_protocol: { status: 502, type: 'internal_server_error', next: 'retry' },
  upstream_truncated: { status: 502, type: 'internal_server_error', next: 'retry' },
  // What the gateway itself could not do.
  unavailable: { status: 503, type: 'internal_server_error', next: 'stop' },
  internal: { status: 500, type: 'internal_server_error', next: 'stop' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorKindName = keyof typeof ERROR_KINDS;

/** What kind of failure of an upstream it was: LiteLLM's classes of its retry and cooldown policies. */
export type ErrorClass =
  | 'bad_request'
  | 'authentication'
  | 'timeout'
  | 'rate_limit'
  | 'content_policy'
  | 'internal'
  | 'unavailable'
  | 'bad_gateway'
  | 'not_found';

/** Which limit refused, in the shape of `error.limit` on a 429 and on a refused budget. Money in dollars. */
export interface LimitReport {
  readonly scope: string;
  readonly unit: string;
  readonly used: number;
  readonly max: number;
  /** Budgets: what is spent for good, what calls under way hold, and what this one might cost. */
  readonly spent?: number;
  readonly held?: number;
  readonly needed?: number;
  /** ISO 8601; `null`: not by itself. */
  readonly resets_at: string | null;
}

/** Who a key stands for; `keyHash` is its digest. */
export interface KeyIdentity {
  readonly keyHash: string;
  readonly keyAlias: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly organizationId: string | null;
  readonly projectId: string | null;
}

export interface ErrorDetails {
  /** The field at fault, for `error.param`. */
  readonly param?: string;
  /** `error.code`; the HTTP status as text when absent, as LiteLLM sends it. */
  readonly code?: string;
  /** Plain words for `error.reason`: which case it was and what to do. Never a secret. */
  readonly reason?: string;
  readonly limit?: LimitReport;
  readonly retryAfterMs?: number;
  /** Overrides the table's status where the operator chooses it. */
  readonly status?: number;
  /** Sent with the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The upstream's own `error` object, shown as `error.provider_specific_fields`. */
  readonly upstream?: unknown;
  /** The status the upstream answered with, for the log row. */
  readonly upstreamStatus?: number;
  /** Whose key was refused, for the log row: not a caller, since nothing may be done in its name. */
  readonly refusedKey?: KeyIdentity;
  /** Overrides the table's `type` where an upstream's own type is kept. */
  readonly type?: string;
  /** A failure that a user's own test asked for: nobody's fault. `group`: of the whole group, so nobody in it is tried again. */
  readonly pretended?: 'attempt' | 'group';
  readonly cause?: unknown;
}

/** The only error the gateway throws on purpose. Its message is shown to clients, so it holds no secret and no prompt. */
export class GatewayError extends Error {
  readonly kind: ErrorKindName;
  readonly details: ErrorDetails;
  /** What the upstream answered with, to be relayed as `llm_provider-*`. */
  upstreamHeaders: Headers | undefined;
  /** Neither the request nor the configuration lets us retry it. */
  isNeverRetried = false;

  constructor(kind: ErrorKindName, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GatewayError';
    this.kind = kind;
    this.details = details;
  }

  get status(): number {
    return this.details.status ?? ERROR_KINDS[this.kind].status;
  }

  get next(): Next {
    return ERROR_KINDS[this.kind].next;
  }
}

/** Refusals of the gateway's own that end by themselves. */
const PASSING: ReadonlySet<ErrorKindName> = new Set<ErrorKindName>([
  'rate_limited',
  'deployment_busy',
  'budget_exceeded',
  'unavailable',
]);
const SOON_MS = 1_000;
/** OpenAI's SDKs wait as `Retry-After` says when that is less; otherwise they come back at once. */
const LONGEST_SDK_WAIT_SECONDS = 60;

/**
 * When to come back: `retry-after` in seconds, and `x-should-retry`, which OpenAI's SDKs obey. It is `true` where the
 * gateway itself refused and soon may not; `false` where a retry changes nothing, or the gateway has retried already.
 * @param keepsRetries the gateway was to make no retries, so that the client may make its own
 */
export function retryHeaders(error: GatewayError, keepsRetries = false): Record<string, string> {
  const isPassing = PASSING.has(error.kind);
  const retryAfterMs = error.details.retryAfterMs ?? (error.kind === 'unavailable' ? SOON_MS : undefined);
  const seconds = retryAfterMs === undefined ? undefined : Math.max(0, Math.ceil(retryAfterMs / 1000));
  const after = seconds === undefined ? undefined : { 'retry-after': String(seconds) };
  if (isPassing) {
    const isSoon = seconds !== undefined && seconds < LONGEST_SDK_WAIT_SECONDS;
    return { ...after, 'x-should-retry': String(isSoon) };
  }
  return keepsRetries && error.next === 'retry' ? { ...after } : { ...after, 'x-should-retry': 'false' };
}

/** Anything thrown becomes a GatewayError; what we did not foresee is `internal` and keeps its cause for the log. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('internal', 'Internal server error', { cause: thrown });
}

/** The error envelope on the wire: OpenAI's shape, plus Tollgate's `reason` and `limit`. */
export function errorBody(error: GatewayError): { error: Record<string, unknown> } {
  const { details } = error;
  return {
    error: {
      message: error.message,
      type: details.type ?? ERROR_KINDS[error.kind].type,
      param: details.param ?? null,
      code: details.code ?? String(error.status),
      ...(details.reason !== undefined && { reason: details.reason }),
      ...(details.limit !== undefined && { limit: details.limit }),
      ...(details.upstream !== undefined && { provider_specific_fields: details.upstream }),
    },
  };
}

/** The one 401 of the contract; `reason` says which case it was and what to do. */
export function invalidApiKey(reason: string, refusedKey?: KeyIdentity): GatewayError {
  return new GatewayError('invalid_api_key', 'Invalid API key', {
    code: 'invalid_api_key',
    reason,
    ...(refusedKey && { refusedKey }),
  });
}

export function invalidRequest(message: string, param?: string): GatewayError {
  return new GatewayError('invalid_request', message, param === undefined ? {} : { param });
}
