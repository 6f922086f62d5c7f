/**
 * What a request asks of the gateway itself, from headers and body.
 * Source: LiteLLM's documentation of request headers and of `metadata`, `tags`, `user`, timeouts and retries.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, parsedJson, textOf } from '../lib/json.ts';
import type { Controls, HeaderBag, MockFailure } from './call.ts';
import { fallbacksIn } from './request-fallbacks.ts';

export interface ControlSettings {
  /** `general_settings.user_header_name`. */
  readonly userHeaderName: string | undefined;
  /** What the request asks for, when that is not the body's `model`. */
  readonly model?: string;
}

type Json = Readonly<Record<string, unknown>>;

/** @throws GatewayError 400 for a header whose value cannot be read. */
export function readControls(body: Json, headers: HeaderBag, settings: ControlSettings): Controls {
  const metadata = mergedMetadata(body, headers);
  return {
    metadata,
    tags: tagsOf(body, headers, metadata),
    endUser: endUserOf(body, headers, metadata, settings),
    sessionId: sessionOf(body, headers, metadata),
    timeoutMs:
      secondsHeader(headers, 'x-litellm-timeout') ?? secondsIn(body, 'timeout') ?? secondsIn(body, 'request_timeout'),
    streamTimeoutMs: secondsHeader(headers, 'x-litellm-stream-timeout') ?? secondsIn(body, 'stream_timeout'),
    numRetries: retriesHeader(headers) ?? countIn(body, 'num_retries') ?? countIn(body, 'max_retries'),
    ...fallbacksIn(body, settings.model ?? String(body['model'] ?? '')),
    maxFallbacks: countIn(body, 'max_fallbacks'),
    disableFallbacks: body['disable_fallbacks'] === true,
    mockResponse: textOf(body['mock_response']),
    mockTimeout: body['mock_timeout'] === true,
    mockFailure: MOCK_FAILURES.find((failure) => body[`mock_testing_${failure}`] === true),
    mockDelayMs: secondsIn(body, 'mock_delay') ?? 0,
    apiKey: textOf(body['api_key']),
  };
}

const MOCK_FAILURES: readonly MockFailure[] = [
  'fallbacks',
  'context_fallbacks',
  'content_policy_fallbacks',
  'rate_limit_error',
];

const NOTHING: Json = Object.freeze({});

/** Lowest first: `x-litellm-metadata`, `litellm_metadata`, body `metadata`; `spend_logs_metadata` may come in a header of its own. */
function mergedMetadata(body: Json, headers: HeaderBag): Json {
  const fromHeader = headers['x-litellm-metadata'];
  const spendLogs = headers['x-litellm-spend-logs-metadata'];
  const own = body['metadata'];
  const second = body['litellm_metadata'];
  if (fromHeader === undefined && spendLogs === undefined && own == null && second == null) return NOTHING;
  const merged: Record<string, unknown> = {
    ...(fromHeader !== undefined && jsonHeader('x-litellm-metadata', fromHeader)),
    ...objectOrJson('litellm_metadata', second),
    ...objectOrJson('metadata', own),
  };
  const tags = [...tagsIn(own), ...tagsIn(second)];
  if (tags.length > 0) merged['tags'] = tags;
  if (spendLogs !== undefined) {
    const already = merged['spend_logs_metadata'];
    merged['spend_logs_metadata'] = {
      ...jsonHeader('x-litellm-spend-logs-metadata', spendLogs),
      ...(isObject(already) && already),
    };
  }
  for (const key of Object.keys(merged)) if (key.startsWith('user_api_key_')) delete merged[key];
  return merged;
}

/** Tags of both bags count: neither list replaces the other. */
function tagsIn(bag: unknown): readonly unknown[] {
  const given = typeof bag === 'string' ? parsedObject(bag) : isObject(bag) ? bag : undefined;
  return Array.isArray(given?.['tags']) ? given['tags'] : [];
}

function jsonHeader(name: string, text: string): Json {
  return (
    parsedObject(text) ??
    refuse(name, `The header ${name} must hold a JSON object, such as {"environment": "production"}.`)
  );
}

function objectOrJson(name: string, value: unknown): Json {
  if (value === undefined || value === null) return NOTHING;
  if (isObject(value)) return value;
  const parsed = typeof value === 'string' ? parsedObject(value) : undefined;
  return (
    parsed ?? refuse(name, `Invalid type for '${name}': expected an object, or a string that holds a JSON object.`)
  );
}

/** Not an object: the caller says so with the header's name. */
function parsedObject(text: string): Json | undefined {
  const value = parsedJson(text);
  return isObject(value) && !Object.hasOwn(value, '__proto__') ? value : undefined;
}

const refuse = (param: string, message: string): never => {
  throw invalidRequest(message, param);
};

/** Body `tags` replaces the header's list; `metadata.tags` is added to either. */
function tagsOf(body: Json, headers: HeaderBag, metadata: Json): readonly string[] {
  const header = headers['x-litellm-tags'];
  const listed = body['tags'] ?? header?.split(',').map((tag) => tag.trim());
  const also = metadata['tags'];
  if (listed === undefined && also === undefined) return [];
  const all = [...(Array.isArray(listed) ? listed : []), ...(Array.isArray(also) ? also : [])];
  return [...new Set(all.filter((tag): tag is string => typeof tag === 'string' && tag !== ''))];
}

function endUserOf(body: Json, headers: HeaderBag, metadata: Json, settings: ControlSettings): string | null {
  const named = settings.userHeaderName === undefined ? undefined : headers[settings.userHeaderName.toLowerCase()];
  return (
    textOf(headers['x-litellm-customer-id']) ??
    textOf(headers['x-litellm-end-user-id']) ??
    textOf(named) ??
    textOf(headers['x-litellm-user-id']) ??
    textOf(body['user']) ??
    textOf(metadata['user']) ??
    textOf(metadata['user_id']) ??
    textOf(body['safety_identifier']) ??
    null
  );
}

function sessionOf(body: Json, headers: HeaderBag, metadata: Json): string | null {
  return (
    textOf(headers['x-litellm-trace-id']) ??
    textOf(headers['x-litellm-session-id']) ??
    textOf(headers['x-session-id']) ??
    textOf(body['litellm_session_id']) ??
    textOf(body['litellm_trace_id']) ??
    textOf(metadata['session_id']) ??
    textOf(metadata['trace_id']) ??
    null
  );
}

function secondsHeader(headers: HeaderBag, name: string): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0)
    refuse(name, `The header ${name} must be a number of seconds above 0.`);
  return seconds * 1000;
}

function retriesHeader(headers: HeaderBag): number | undefined {
  const text = headers['x-litellm-num-retries'];
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) {
    refuse('x-litellm-num-retries', 'The header x-litellm-num-retries must be a whole number, 0 or more.');
  }
  return count;
}

const secondsIn = (body: Json, key: string): number | undefined => {
  const value = body[key];
  return value === undefined || value === null ? undefined : Number(value) * 1000;
};

const countIn = (body: Json, key: string): number | undefined => {
  const value = body[key];
  return typeof value === 'number' ? value : undefined;
};
