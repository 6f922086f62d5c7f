/** Response headers of an inference call. Source: LiteLLM's documentation of response headers. */
import { type GatewayError, retryHeaders } from '../errors.ts';
import { usdText } from '../lib/usd.ts';
import type { Target } from '../providers/adapter.ts';
import { attemptedMs, fallbacksOf, retried } from './attempted.ts';
import type { Call, Caller, LimitView, Outcome } from './call.ts';
import { requestIdIn } from './upstream-trace.ts';

/** On every answer. */
const SECURITY: readonly (readonly [string, string])[] = [
  ['vary', 'Origin'],
  ['x-frame-options', 'DENY'],
  ['content-security-policy', "frame-ancestors 'none'"],
  ['x-content-type-options', 'nosniff'],
];

/** Framing, cookies and browser rules of the upstream say nothing about our own connection. */
const NOT_RELAYED: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'content-type',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'date',
  'vary',
  'set-cookie',
  'proxy-authenticate',
  'proxy-authorization',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-expose-headers',
  'access-control-max-age',
  'content-security-policy',
  'strict-transport-security',
  'x-frame-options',
  'x-content-type-options',
  'cross-origin-opener-policy',
  'cross-origin-embedder-policy',
  'cross-origin-resource-policy',
  'alt-svc',
]);

/** Relayed under their own names too: SDKs read them. */
const RATE_LIMITS: ReadonlySet<string> = new Set([
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
]);

export function plainHeaders(): Headers {
  const headers = new Headers();
  for (const [name, value] of SECURITY) headers.set(name, value);
  return headers;
}

export interface HeaderMaker {
  /** For a 200. `outcome` is open while a stream runs: its cost is not known yet, so no cost header is sent. */
  success(call: Call, target: Target | undefined, outcome: Outcome | undefined, upstream: Headers | undefined): Headers;
  failure(call: Call, error: GatewayError, outcome: Outcome): Headers;
}

/** Headers that never change for a target are made once; copying them costs a tenth of setting each anew. */
export function createHeaderMaker(version: string, now: () => number): HeaderMaker {
  const templates = new WeakMap<Target, { full: Headers; stream: Headers }>();
  const local = templatesOf(undefined, version);

  function template(target: Target | undefined): { full: Headers; stream: Headers } {
    if (!target) return local;
    const known = templates.get(target);
    if (known) return known;
    const made = templatesOf(target, version);
    templates.set(target, made);
    return made;
  }

  return {
    success(call, target, outcome, upstream) {
      const headers = new Headers(outcome ? template(target).full : template(target).stream);
      setIdentity(headers, call);
      if (outcome) setCost(headers, outcome);
      setTimings(headers, call, outcome?.endedAtMs ?? now());
      const retries = retried(call.attempts);
      if (retries > 0 || fallbacksOf(call) > 0) setAttempts(headers, call, retries);
      if (call.changes.length > 0) headers.set('x-tollgate-changed', changesText(call));
      if (upstream) relayUpstream(headers, upstream);
      setPace(headers, call);
      return headers;
    },
    failure(call, error, outcome) {
      const headers = plainHeaders();
      headers.set('content-type', 'application/json');
      headers.set('x-litellm-version', version);
      headers.set('x-litellm-response-cost', usdText(outcome.cost?.totalNanoUsd ?? 0) ?? '0');
      setIdentity(headers, call);
      setTimings(headers, call, outcome.endedAtMs);
      if (call.attempts.length > 0) setAttempts(headers, call, retried(call.attempts));
      const retry = retryHeaders(error, error.isNeverRetried && call.attempts.length === 1);
      for (const [name, value] of Object.entries({ ...error.details.headers, ...retry }))
        headers.set(name, headerText(value));
      if (error.upstreamHeaders) relayUpstream(headers, error.upstreamHeaders);
      return headers;
    },
  };
}

function templatesOf(target: Target | undefined, version: string): { full: Headers; stream: Headers } {
  const full = plainHeaders();
  full.set('content-type', 'application/json');
  full.set('x-litellm-version', version);
  full.set('x-litellm-attempted-retries', '0');
  full.set('x-litellm-attempted-fallbacks', '0');
  full.set('x-litellm-callback-duration-ms', '0'); // Nothing outside runs before an answer leaves.
  if (target) {
    full.set('x-litellm-model-id', target.deploymentId);
    full.set('x-litellm-model-group', headerText(target.modelGroup));
    full.set('x-litellm-model-name', headerText(target.litellmModel));
    full.set('x-litellm-model-api-base', headerText(target.baseUrl));
  }
  const stream = new Headers(full);
  stream.set('content-type', 'text/event-stream; charset=utf-8');
  stream.set('cache-control', 'no-cache');
  stream.set('x-accel-buffering', 'no');
  return { full, stream };
}

function setIdentity(headers: Headers, call: Call): void {
  headers.set('x-litellm-call-id', call.callId);
  const { caller } = call;
  if (!caller) return;
  if (call.limits) setLimits(headers, call.limits(), call.attempts.at(-1)?.target.modelGroup ?? call.modelGroup);
  const maxBudget = usdText(maxBudgetNanoUsd(caller, call.receivedAtMs));
  if (maxBudget !== undefined) headers.set('x-litellm-key-max-budget', maxBudget);
  if (caller.tpmLimit !== null) headers.set('x-litellm-key-tpm-limit', String(caller.tpmLimit));
  if (caller.rpmLimit !== null) headers.set('x-litellm-key-rpm-limit', String(caller.rpmLimit));
}

/** With what it is raised by for a time. */
function maxBudgetNanoUsd({ maxBudgetUsd, allowance }: Caller, nowMs: number): number | null {
  if (maxBudgetUsd === null) return null;
  const increase = allowance?.temporaryIncrease;
  return Math.round(maxBudgetUsd * 1e9) + (increase && nowMs < increase.untilMs ? increase.nanoUsd : 0);
}

const UNIT_WORDS = { requests: 'requests', tokens: 'tokens', parallel: 'max_parallel_requests' } as const;

/** What is left, for clients that pace themselves. Of several limits with one name the tightest is told. */
function setLimits(headers: Headers, limits: readonly LimitView[], modelGroup: string): void {
  for (const limit of limits) {
    const isBound = limit.max !== Number.POSITIVE_INFINITY;
    if (isBound && tightest(limits, limit) === limit) {
      setLimit(headers, limit);
      if (limit.scope === 'model_per_key') setModelLimit(headers, limit, modelGroup);
    } else if (!isBound && limit.scope === 'api_key') headers.set('x-litellm-key-spend', usdText(limit.used) ?? '0');
  }
}

function tightest(limits: readonly LimitView[], like: LimitView): LimitView {
  const isLike = ({ scope, unit }: LimitView): boolean => scope === like.scope && unit === like.unit;
  return limits.reduce((best, one) => (isLike(one) && one.remaining < best.remaining ? one : best), like);
}

function setLimit(headers: Headers, { scope, unit, max, remaining }: LimitView): void {
  if (unit === 'usd') {
    headers.set(`x-tollgate-budget-limit-${scope}`, usdText(max) ?? '0');
    headers.set(`x-tollgate-budget-remaining-${scope}`, usdText(remaining) ?? '0');
    return;
  }
  headers.set(`x-ratelimit-${scope}-limit-${UNIT_WORDS[unit]}`, String(max));
  headers.set(`x-ratelimit-${scope}-remaining-${UNIT_WORDS[unit]}`, String(remaining));
}

/** OpenAI's names: what the upstream said of itself, else what the group can take, else what the key may. */
function setPace(headers: Headers, call: Call): void {
  const views = call.groupLimits?.() ?? [];
  for (const unit of ['requests', 'tokens'] as const) {
    if (headers.has(`x-ratelimit-limit-${unit}`) || headers.has(`x-ratelimit-remaining-${unit}`)) continue;
    const view = views.find((one) => one.unit === unit);
    const told = (what: 'limit' | 'remaining'): string | null => headers.get(`x-ratelimit-api_key-${what}-${unit}`);
    const [limit, remaining] = view ? [String(view.max), String(view.remaining)] : [told('limit'), told('remaining')];
    if (limit === null || remaining === null) continue;
    headers.set(`x-ratelimit-limit-${unit}`, limit);
    headers.set(`x-ratelimit-remaining-${unit}`, remaining);
  }
}

/** LiteLLM's own name for what one model of a key has left. */
function setModelLimit(headers: Headers, { unit, remaining }: LimitView, modelGroup: string): void {
  if (unit !== 'requests' && unit !== 'tokens') return;
  headers.set(`x-litellm-key-remaining-${unit}-${modelGroup.replace(/[^\w.-]/g, '-')}`, String(remaining));
}

/** An unknown price sends no cost header at all: zero would be a lie. */
function setCost(headers: Headers, { cost }: Outcome): void {
  const total = cost && usdText(cost.totalNanoUsd);
  if (!cost || total === undefined) return;
  headers.set('x-litellm-response-cost', total);
  headers.set('x-litellm-response-cost-input', usdText(cost.inputNanoUsd) ?? '0');
  headers.set('x-litellm-response-cost-output', usdText(cost.outputNanoUsd) ?? '0');
  if (cost.cacheReadNanoUsd > 0)
    headers.set('x-litellm-response-cost-cache-read', usdText(cost.cacheReadNanoUsd) ?? '0');
  if (cost.cacheWriteNanoUsd > 0) {
    headers.set('x-litellm-response-cost-cache-creation', usdText(cost.cacheWriteNanoUsd) ?? '0');
  }
  if (cost.reasoningNanoUsd > 0)
    headers.set('x-litellm-response-cost-reasoning', usdText(cost.reasoningNanoUsd) ?? '0');
}

function setTimings(headers: Headers, call: Call, endedAtMs: number): void {
  const totalMs = endedAtMs - call.receivedAtMs;
  const upstreamMs = attemptedMs(call.attempts);
  headers.set('x-litellm-response-duration-ms', milliseconds(totalMs));
  headers.set('x-litellm-overhead-duration-ms', milliseconds(totalMs - upstreamMs));
}

const milliseconds = (ms: number): string => String(Math.round(Math.max(0, ms) * 1000) / 1000);

function setAttempts(headers: Headers, call: Call, retries: number): void {
  const asked = new Set(call.attempts.map(({ target }) => target.modelGroup)).size;
  headers.set('x-litellm-attempted-retries', String(Math.max(0, retries - (asked - 1))));
  headers.set('x-litellm-attempted-fallbacks', String(fallbacksOf(call)));
}

/** `temperature=dropped(why); max_tokens=renamed(max_completion_tokens)` */
const changesText = (call: Call): string =>
  headerText(call.changes.map(({ field, action, note }) => `${field}=${action}(${note})`).join('; '));

function relayUpstream(headers: Headers, upstream: Headers): void {
  upstream.forEach((value, name) => {
    if (NOT_RELAYED.has(name)) return;
    headers.set(`llm_provider-${name}`, value);
    if (RATE_LIMITS.has(name)) headers.set(name, value);
  });
  const id = requestIdIn(upstream);
  if (id !== undefined) headers.set('request-id', id);
}

/** Names come from configuration and clients: only printable ASCII may stand in a header. */
const headerText = (text: string): string => text.replaceAll('’', "'").replace(/[^\x20-\x7e]/g, '?');
