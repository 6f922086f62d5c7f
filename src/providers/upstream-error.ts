/** An upstream's refusal → our error table. Source: LiteLLM's documentation of exception mapping; status first, text second. */
import { ERROR_KINDS, type ErrorKindName, GatewayError } from '../errors.ts';
import type { Target } from './adapter.ts';

export interface UpstreamFailure {
  readonly target: Target;
  /** 200 for an error inside a stream or a successful answer. */
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

const CONTEXT_WINDOW = [
  'exceed context limit',
  "this model's maximum context length is",
  'string too long. expected a string with maximum length',
  "model's maximum context limit",
  "is longer than the model's context length",
  'input tokens exceed the configured limit',
  '`inputs` tokens + `max_new_tokens` must be',
  'exceeds the available context size',
  'exceeds the maximum number of tokens allowed',
  'context_length_exceeded',
];

const CONTENT_POLICY = [
  'content_policy_violation',
  'responsibleaipolicyviolation',
  "the response was filtered due to the prompt triggering azure openai's content management",
  'your task failed as a result of our safety system',
  'content_filter_policy',
  'your request was rejected as a result of our safety system',
  'content management policy',
];

const RATE_LIMIT = ['rate limit', 'rate_limit', 'service tier capacity exceeded', 'request too large'];

const BY_STATUS: ReadonlyMap<number, ErrorKindName> = new Map<number, ErrorKindName>([
  [400, 'upstream_rejected'],
  [401, 'upstream_unauthorized'],
  [402, 'upstream_payment_required'],
  [403, 'upstream_forbidden'],
  [404, 'upstream_not_found'],
  [408, 'upstream_timeout'],
  [422, 'upstream_rejected'],
  [429, 'upstream_busy'],
  [500, 'upstream_failed'],
  [502, 'upstream_bad_gateway'],
  [503, 'upstream_unavailable'],
  [504, 'upstream_gateway_timeout'],
]);

export function upstreamError({ target, status, body, headers }: UpstreamFailure): GatewayError {
  const parsed = parsedBody(body);
  const special = target.adapter.parseError?.(status, parsed ?? body);
  if (special) return special;
  const error = errorObject(parsed);
  const message = redacted(messageOf(error, body, status), target.apiKey);
  const kind = kindOf(status, `${message} ${textAt(error, 'code') ?? ''} ${textAt(error, 'type') ?? ''}`.toLowerCase());
  const type = textAt(error, 'type');
  const param = textAt(error, 'param');
  const retryAfterMs = retryAfter(headers);
  return new GatewayError(kind, message, {
    upstreamStatus: status,
    ...(type !== undefined && keepsType(kind) && { type }),
    ...(param !== undefined && { param }),
    ...(error !== undefined && { upstream: redactedObject(error, target.apiKey) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** An upstream's own type stands, but where ours is a contract: every 429 is a `rate_limit_error`. */
const keepsType = (kind: ErrorKindName): boolean => ERROR_KINDS[kind].status === 400;

function kindOf(status: number, text: string): ErrorKindName {
  const has = (phrases: readonly string[]): boolean => phrases.some((phrase) => text.includes(phrase));
  const clientFault = status === 400 || status === 413 || status === 422 || status === 200;
  if (clientFault && has(CONTEXT_WINDOW)) return 'context_window_exceeded';
  if (clientFault && has(CONTENT_POLICY)) return 'content_policy_violation';
  if ((status === 200 || status === 413) && has(RATE_LIMIT)) return 'upstream_busy';
  const known = BY_STATUS.get(status);
  if (known) return known;
  if (status >= 400 && status < 500) return 'upstream_rejected';
  return 'upstream_failed';
}

function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // Text or HTML: the status says what there is to say.
  }
}

type Loose = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `{error: {…}}`, `{error: "…"}`, `[{error: {…}}]`, or the object itself. */
function errorObject(parsed: unknown): Loose | undefined {
  const body = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!isObject(body)) return undefined;
  const { error } = body;
  if (isObject(error)) return error;
  return typeof error === 'string' ? { message: error } : body;
}

function textAt(error: Loose | undefined, key: string): string | undefined {
  const value = error?.[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const LONGEST_MESSAGE = 2_000;

function messageOf(error: Loose | undefined, body: string, status: number): string {
  const said = textAt(error, 'message') ?? textAt(error, 'detail') ?? (error ? undefined : plainText(body));
  return (said ?? `The upstream answered with status ${status}.`).slice(0, LONGEST_MESSAGE);
}

/** An error page is for people in front of a browser; only short plain text is passed on. */
const plainText = (body: string): string | undefined =>
  /^\s*</.test(body) || body.trim() === '' || body.length > 500 ? undefined : body.trim();

/** Some providers echo the key they refuse. */
function redacted(text: string, secret: string | undefined): string {
  return secret === undefined || secret.length < 8 ? text : text.replaceAll(secret, '[redacted]');
}

function redactedObject(error: Loose, secret: string | undefined): unknown {
  const text = JSON.stringify(error);
  return JSON.parse(redacted(text, secret && JSON.stringify(secret).slice(1, -1)));
}

const LONGEST_WAIT_MS = 24 * 3_600_000;

/** `retry-after-ms`, or `Retry-After` in seconds or as a date. Nonsense counts as absent. */
export function retryAfter(headers: Headers, nowMs: number = Date.now()): number | undefined {
  const precise = Number(headers.get('retry-after-ms') ?? Number.NaN);
  const text = headers.get('retry-after');
  const seconds = text === null ? Number.NaN : Number(text);
  const date = text === null ? Number.NaN : Date.parse(text) - nowMs;
  const found = [precise, seconds * 1000, date].find((ms) => Number.isFinite(ms));
  return found !== undefined && found >= 0 && found <= LONGEST_WAIT_MS ? found : undefined;
}
