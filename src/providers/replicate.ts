/**
 * Language models on Replicate, which runs them as predictions: asked for with a POST, an answer may come at once or has
 * to be fetched, and a stream is at an address of its own. Sources: Replicate's HTTP API reference, "Create a prediction",
 * "Get a prediction" and "Streaming output"; LiteLLM's documentation of `replicate/`.
 */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change, ChatInput, FollowUp, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { type DialectRequest, dialectRequest, take } from './dialect-request.ts';
import { bearer } from './openai-compatible.ts';
import { chunkDecoder, completionReader } from './openai-decoder.ts';
import type { ParameterRules } from './parameters.ts';
import { joined, NOT_FOR_TEXTS, promptText, takeOne } from './prompt-text.ts';

const rules: ParameterRules = {
  id: 'replicate',
  renames: () => [],
  unsupported: new Set(NOT_FOR_TEXTS),
  refuses: undefined,
};

/** Models that name their cap so; the others have one of two names, and leave out of account what they do not know. */
const BY_LENGTH = /vicuna|flan/;
const CAPS = ['max_tokens', 'max_new_tokens'];

const VERSION = /^[0-9a-f]{64}$/;

interface Place {
  readonly path: string;
  readonly version: string | undefined;
}

/** `owner/name`, `owner/name:version`, a version alone or `deployments/owner/name`. */
function placeOf(model: string): Place {
  const [name = '', version = name] = model.split(':');
  if (VERSION.test(version)) return { path: 'predictions', version };
  const isDeployment = name.startsWith('deployments/');
  const parts = name.replace(/^deployments\//, '').split('/');
  const path = parts.map((part) => encodeURIComponent(part)).join('/');
  return { path: `${isDeployment ? 'deployments' : 'models'}/${path}/predictions`, version: undefined };
}

/** The longest that Replicate keeps a request open. */
const WAIT = 'wait=60';

function buildRequest(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest {
  const request = dialectRequest(input, target, changes, rules);
  const { fields, headers, extraBody, isStream } = request;
  takeOne(request);
  renameFields(request, BY_LENGTH.test(target.upstreamModel) ? ['max_length'] : CAPS);
  const { path, version } = placeOf(target.upstreamModel);
  const body = {
    ...(version !== undefined && { version }),
    ...(isStream && { stream: true }),
    input: { ...promptFields(request), ...fields, ...extraBody },
  };
  return {
    url: `${rootOf(target)}/${path}`,
    headers: { ...headers, ...(!isStream && { prefer: WAIT }) },
    body: JSON.stringify(body),
  };
}

function renameFields({ fields, note }: DialectRequest, caps: readonly string[]): void {
  for (const from of ['max_completion_tokens', 'max_tokens']) {
    const cap = take(fields, from);
    if (cap === undefined) continue;
    for (const name of caps) fields[name] = cap;
    note({ field: from, action: 'renamed', note: `input.${caps.join(', input.')}` });
  }
  const stop = take(fields, 'stop');
  if (stop === undefined) return;
  fields['stop_sequences'] = Array.isArray(stop) ? stop.join(',') : stop;
  note({ field: 'stop', action: 'renamed', note: 'input.stop_sequences' });
}

const rootOf = ({ baseUrl }: Target): string => (/\/v\d+$/.test(baseUrl) ? baseUrl : `${baseUrl}/v1`);

/** `supports_system_prompt: false` puts the system's words before the others. */
function promptFields(request: DialectRequest): JsonObject {
  const takesSystem = take(request.fields, 'supports_system_prompt') !== false;
  const text = promptText(request);
  request.note({ field: 'messages', action: 'emulated', note: takesSystem ? 'input.prompt, system_prompt' : 'prompt' });
  if (!takesSystem) return { prompt: joined(text) };
  return { prompt: text.prompt, ...(text.system !== '' && { system_prompt: text.system }) };
}

const POLL_MS = 500;
const UNDER_WAY: ReadonlySet<unknown> = new Set(['starting', 'processing', 'queued']);

/** @throws GatewayError when the prediction has failed, or is to be had from somewhere else than Replicate */
function followUp(body: unknown, target: Target, isStream: boolean): FollowUp | undefined {
  const prediction = isObject(body) ? body : {};
  const { status, error, urls } = prediction;
  if (status === 'failed' || status === 'canceled' || status === 'aborted') {
    throw new GatewayError('upstream_failed', textOf(error) ?? `The prediction was ${String(status)}.`);
  }
  const addresses = isObject(urls) ? urls : {};
  if (isStream) {
    const stream = textOf(addresses['stream']);
    // The address itself lets one in: the key is not shown to another host.
    if (stream !== undefined) {
      return { url: belonging(stream, target), headers: { accept: 'text/event-stream' }, waitMs: 0 };
    }
    // Not all models stream: the whole answer will do.
  }
  if (!UNDER_WAY.has(status)) return undefined;
  const address = textOf(addresses['get']);
  if (address === undefined) throw lost('It does not say where it is.');
  const url = belonging(address, target);
  return { url, headers: { ...(isAt(url, target) && bearer(target)) }, waitMs: POLL_MS };
}

const lost = (why: string): GatewayError =>
  new GatewayError('upstream_protocol', `The upstream's prediction cannot be followed. ${why}`);

const REPLICATES = /(^|\.)replicate\.(com|net|delivery)$/;

function belonging(address: string, target: Target): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isReplicates = url?.protocol === 'https:' && REPLICATES.test(url.hostname);
  if (url === undefined || !(isReplicates || isAt(address, target))) throw lost('It is somewhere else.');
  return url.href;
}

const isAt = (address: string, { baseUrl }: Target): boolean => new URL(address).origin === new URL(baseUrl).origin;

/** Texts in pieces, or one text. */
function wholeShape(body: JsonObject): JsonObject {
  const { output, id, created_at: createdAt, metrics } = body;
  const text = Array.isArray(output) ? output.filter((piece) => typeof piece === 'string').join('') : output;
  if (typeof text !== 'string') return {};
  const created = Date.parse(textOf(createdAt) ?? '');
  return {
    ...(textOf(id) !== undefined && { id }),
    ...(!Number.isNaN(created) && { created: Math.floor(created / 1000) }),
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    ...usageOf(isObject(metrics) ? metrics : {}),
  };
}

function usageOf(metrics: JsonObject): JsonObject {
  const [read, written] = [numberOf(metrics['input_token_count']), numberOf(metrics['output_token_count'])];
  if (read === undefined || written === undefined) return {};
  return { usage: { prompt_tokens: read, completion_tokens: written, total_tokens: read + written } };
}

const STREAM_FAILED = 'The prediction failed.';

/** One event of a stream, as `{"<event>": "<data>"}`. */
function streamShape(event: JsonObject): JsonObject {
  const { output, done } = event;
  const choice = (delta: JsonObject, finish: string | null): JsonObject => ({
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  if (typeof output === 'string') return choice({ role: 'assistant', content: output }, null);
  if (typeof done !== 'string') return { choices: [] };
  if (/"reason"\s*:\s*"(error|canceled)"/.test(done)) throw new GatewayError('upstream_failed', STREAM_FAILED);
  return choice({}, 'stop');
}

function parseError(status: number, body: unknown): GatewayError | undefined {
  const { detail, title, error } = isObject(body) ? body : {};
  const message = textOf(detail) ?? textOf(title) ?? textOf(error);
  if (message === undefined) return undefined;
  if (TOO_LONG.test(message)) return new GatewayError('context_window_exceeded', message, { upstreamStatus: status });
  return status === 402 ? new GatewayError('upstream_forbidden', message, { upstreamStatus: status }) : undefined;
}

const TOO_LONG = /context (length|window)|prompt (is )?too long|exceeds? (the )?maximum (context|input|prompt)/i;

export const replicate: ProviderAdapter = {
  id: rules.id,
  defaultBaseUrl: 'https://api.replicate.com/v1',
  apiKeyEnv: ['REPLICATE_API_KEY', 'REPLICATE_API_TOKEN'],
  baseUrlEnv: ['REPLICATE_API_BASE'],
  relaysBytes: false,
  framing: 'named-events',
  buildRequest,
  followUp,
  parseResponse: completionReader({ whole: wholeShape }),
  createStreamDecoder: () => chunkDecoder({ whole: streamShape }),
  parseError,
};
