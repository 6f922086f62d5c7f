/**
 * An upstream's refusal → our error table. What it says counts before its status, because providers put rate limits,
 * full context windows and filtered prompts under many statuses. Source: LiteLLM's documentation of exception mapping.
 */
import { ERROR_KINDS, type ErrorDetails, type ErrorKindName, GatewayError } from '../errors.ts';
import { isObject, type JsonObject, parsedJson, textOf, without } from '../lib/json.ts';
import type { Target } from './adapter.ts';
import { redactor } from './redaction.ts';
import { retryAfter } from './retry-after.ts';

export interface UpstreamFailure {
  readonly target: Target;
  /** Of a 200 it was an error inside a stream or a body: the error's own words must say what it is. */
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** The provider's own message is kept, without a prefix; its `code` and the rest go to `details.upstream`. */
export function upstreamError({ target, status, body, headers }: UpstreamFailure): GatewayError {
  const parsed = parsedJson(body);
  const error = errorObject(parsed);
  const special = target.adapter.parseError?.(status, parsed ?? body, headers);
  const said = special?.message ?? (error ? messageOf(error) : plainText(parsed === undefined ? body : parsed));
  const effective = status >= 300 ? status : statusOf(error);
  const kind = special?.kind ?? kindOf(effective, said ?? '', error);
  const hide = redactor(target);
  const message = hide(said ?? `The upstream answered with status ${status}.`).slice(0, LONGEST_MESSAGE);
  return new GatewayError(kind, message, {
    ...detailsOf(error, kind, hide),
    upstreamStatus: status,
    ...(special?.details.retryAfterMs !== undefined && { retryAfterMs: special.details.retryAfterMs }),
    ...retryAfter(headers),
  });
}

const LONGEST_MESSAGE = 4_000;
const LONGEST_DETAILS = 8_000;

/** `provider_specific_fields` repeats what the message does not say. */
function detailsOf(error: JsonObject | undefined, kind: ErrorKindName, hide: (text: string) => string): ErrorDetails {
  if (!error) return {};
  const type = textOf(error['type']);
  const param = textOf(error['param']);
  const text = JSON.stringify(without(error, 'message'));
  const upstream: unknown = text.length <= LONGEST_DETAILS ? JSON.parse(hide(text)) : pick(error, hide);
  return {
    // An upstream's own type stands, but where ours is a contract: every 429 is a `rate_limit_error`.
    ...(type !== undefined && ERROR_KINDS[kind].status === 400 && { type: hide(type) }),
    ...(param !== undefined && { param: hide(param) }),
    ...(text !== '{}' && { upstream }),
  };
}

function pick(error: JsonObject, hide: (text: string) => string): JsonObject {
  const entries = ['code', 'type', 'param', 'status'].map((name) => [name, textOf(error[name])] as const);
  return Object.fromEntries(entries.flatMap(([name, text]) => (text === undefined ? [] : [[name, hide(text)]])));
}

const includesAny = (text: string, phrases: readonly string[]): boolean =>
  phrases.some((phrase) => text.includes(phrase));

const RATE_LIMIT = ['rate limit', 'rate_limit_exceeded', 'service tier capacity exceeded', 'throttlingexception'];

const CONTEXT_WINDOW = [
  'context_length_exceeded',
  'exceed context limit',
  'maximum context length',
  'string too long. expected a string with maximum length',
  "model's maximum context limit",
  "is longer than the model's context length",
  'input tokens exceed the configured limit',
  '`inputs` tokens + `max_new_tokens` must be',
  'exceeds the available context size',
  'exceeds the maximum number of tokens allowed',
  'prompt is too long',
  // As xAI, vLLM, Moonshot, MiniMax, Z.ai, DashScope, GitHub, text-generation-inference, LM Studio and watsonx say it.
  'maximum prompt length is',
  'longer than the maximum model length',
  'exceeded model token limit',
  'context window exceeds limit',
  'prompt exceeds max length',
  'range of input length should be',
  'tokens_limit_reached',
  '`inputs` must have less than',
  'is loaded with context length of only',
  'cannot exceed the total tokens limit',
];
const CONTEXT_WINDOW_PAIRS = [
  ['current length is', 'while limit is'],
  ['maximum input length is', 'tokens'],
] as const;
/** One field was too long, not the conversation. */
const NOT_CONTEXT_WINDOW = ['string_above_max_length', "invalid 'user'"];

const CONTENT_POLICY = [
  'content_policy_violation',
  'responsibleaipolicyviolation',
  "the response was filtered due to the prompt triggering azure openai's content management",
  'your task failed as a result of our safety system',
  'content_filter_policy',
  'content filtering policy',
  'your request was rejected as a result of our safety system',
  'flagged as potentially violating our usage policy',
  // As DeepSeek, xAI, DashScope, Moonshot and OpenRouter say it.
  'content exists risk',
  'content violates usage guidelines',
  'data_inspection_failed',
  'considered high risk',
  ' content_filter ',
  'requires moderation on',
];

const SERVER_FAULT = [
  'the server had an error while processing your request',
  'web server is returning an unknown error',
  'server_error',
];

/** In this order; the first rule that recognises the failure names its kind. */
const RULES: readonly (readonly [ErrorKindName, (text: string, status: number | undefined) => boolean])[] = [
  ['upstream_busy', (text, status) => includesAny(text, RATE_LIMIT) || (isBusy(status) && text.includes(' 429 '))],
  ['context_window_exceeded', (text) => speaksOfContext(text)],
  ['upstream_not_found', (text) => text.includes('model_not_found')],
  ['upstream_timeout', (text) => text.includes('a timeout occurred')],
  ['content_policy_violation', (text) => includesAny(text, CONTENT_POLICY)],
  ['upstream_rejected', (text, status) => isPlainRefusal(status) && text.includes('invalid_request_error')],
  ['upstream_failed', (text, status) => isVague(status) && includesAny(text, SERVER_FAULT)],
  ['upstream_busy', (text) => text.includes('request too large')],
];

const isBusy = (status: number | undefined): boolean => status === undefined || status === 429;
/** A type word must not hide what a telling status says: a 401 stays one, and so does a 503. */
const isPlainRefusal = (status: number | undefined): boolean =>
  status === undefined || status === 400 || status === 422 || status === 500;
const isVague = (status: number | undefined): boolean => status === undefined || status === 400;

function speaksOfContext(text: string): boolean {
  if (includesAny(text, NOT_CONTEXT_WINDOW)) return false;
  const hasPair = CONTEXT_WINDOW_PAIRS.some(([one, other]) => text.includes(one) && text.includes(other));
  return hasPair || includesAny(text, CONTEXT_WINDOW);
}

const BY_STATUS: ReadonlyMap<number, ErrorKindName> = new Map([
  [401, 'upstream_unauthorized'],
  [402, 'upstream_payment_required'],
  [403, 'upstream_forbidden'],
  [404, 'upstream_not_found'],
  [408, 'upstream_timeout'],
  [429, 'upstream_busy'],
  [502, 'upstream_bad_gateway'],
  [503, 'upstream_unavailable'],
  [504, 'upstream_gateway_timeout'],
]);

/** @param status `undefined` when there is none to go by */
function kindOf(status: number | undefined, said: string, error: JsonObject | undefined): ErrorKindName {
  // Only what the provider says of the failure, never details that might quote the prompt.
  const words = [said, error?.['code'], error?.['type']].filter((word) => typeof word === 'string');
  const text = ` ${words.join(' ').toLowerCase()} `;
  const rule = RULES.find(([, recognises]) => recognises(text, status));
  if (rule) return rule[0];
  if (status === undefined) return 'upstream_failed';
  return BY_STATUS.get(status) ?? (status < 500 ? 'upstream_rejected' : 'upstream_failed');
}

/** Words of an error inside a 200 that stand for a status. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  authentication_error: 401,
  invalid_api_key: 401,
  permission_error: 403,
  not_found_error: 404,
  rate_limit_error: 429,
  too_many_requests: 429,
  insufficient_quota: 429,
  invalid_request_error: 400,
  overloaded_error: 529,
  timeout_error: 408,
};

/** An error inside a 200 may carry the status it should have had. */
function statusOf(error: JsonObject | undefined): number | undefined {
  for (const name of ['status', 'status_code', 'code', 'type']) {
    const value = error?.[name];
    const number = Number(value);
    if (Number.isInteger(number) && number >= 400 && number <= 599) return number;
    if (typeof value === 'string' && Object.hasOwn(STATUS_OF_TYPE, value)) return STATUS_OF_TYPE[value];
  }
  return undefined;
}

/** `{error: {…}}`, `{error: "…"}`, `[{error: {…}}]`, `{errors: [{…}]}`, `{detail: …}`, or the object itself. */
function errorObject(parsed: unknown): JsonObject | undefined {
  const body = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!isObject(body)) return undefined;
  const { error, errors } = body;
  if (isObject(error)) return isObject(error['error']) ? error['error'] : error;
  if (typeof error === 'string') return { ...without(body, 'error'), message: textOf(body['message']) ?? error };
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  return isObject(first) ? first : body;
}

function messageOf(error: JsonObject): string | undefined {
  const { message, detail, msg, error_message: other } = error;
  return (
    textOf(message) ?? nestedMessage(message) ?? textOf(detail) ?? nestedMessage(detail) ?? textOf(msg) ?? textOf(other)
  );
}

/** `{message: {detail: [{msg: "…"}]}}`, as validation layers write it. */
function nestedMessage(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (!isObject(first)) return undefined;
  return textOf(first['msg']) ?? textOf(first['message']) ?? nestedMessage(first['detail']);
}

/** An error page is for people in front of a browser; only short plain text is passed on. */
const plainText = (body: unknown): string | undefined =>
  typeof body !== 'string' || /^\s*</.test(body) || body.length > 1_000 ? undefined : textOf(body.trim());
