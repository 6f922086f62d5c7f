/**
 * Every provider that speaks OpenAI's chat dialect, its small differences as data.
 * Source: the providers' API references and LiteLLM's documentation of them.
 */
import { invalidRequest } from '../errors.ts';
import type { ChatRequest } from '../wire/openai.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { BodyEdits } from './body-edits.ts';
import { createChunkDecoder, parseCompletion, type ReplyDifferences } from './openai-reply.ts';
import { applyRules, dropNamed, type ParameterContext, type ParameterRules } from './parameter-rules.ts';

export interface CompatibleProvider {
  readonly id: string;
  readonly defaultBaseUrl: string;
  /** Environment variables that hold the key. */
  readonly apiKeyEnv: string | readonly string[];
  readonly baseUrlEnv?: string | readonly string[];
  readonly reportsCost?: boolean;
  /** Put before the model's name unless it is there. */
  readonly modelPrefix?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: the provider refuses `stream_options`. */
  readonly acceptsStreamOptions?: boolean;
  readonly rules?: ParameterRules | ((target: Target, request: ChatRequest) => ParameterRules);
  /** Values to write differently: member → new value, `undefined` leaves it. */
  readonly rewrites?: Readonly<Record<string, (value: unknown) => unknown>>;
  /** Present when answers differ; bytes are then not relayed but translated. */
  readonly reply?: ReplyDifferences;
  readonly url?: (target: Target) => string;
  readonly authorization?: (target: Target) => Record<string, string>;
  readonly parseSettings?: ProviderAdapter['parseSettings'];
  readonly parseError?: ProviderAdapter['parseError'];
}

const NO_DIFFERENCES: ReplyDifferences = {};
const NO_RULES: ParameterRules = {};

const listOf = (names: string | readonly string[] | undefined): readonly string[] =>
  names === undefined ? [] : typeof names === 'string' ? [names] : names;

export function openAiCompatible(provider: CompatibleProvider): ProviderAdapter {
  const reply = provider.reply ?? NO_DIFFERENCES;
  return {
    id: provider.id,
    defaultBaseUrl: provider.defaultBaseUrl,
    apiKeyEnv: listOf(provider.apiKeyEnv),
    baseUrlEnv: listOf(provider.baseUrlEnv),
    relaysBytes: provider.reply === undefined,
    reportsCost: provider.reportsCost ?? false,
    buildRequest: (input, target, changes) => buildRequest(provider, input, target, changes),
    parseResponse: (body) => parseCompletion(body, reply),
    createStreamDecoder: () => createChunkDecoder(reply),
    ...(provider.parseSettings && { parseSettings: provider.parseSettings }),
    ...(provider.parseError && { parseError: provider.parseError }),
  };
}

function buildRequest(
  provider: CompatibleProvider,
  input: ChatInput,
  target: Target,
  changes: Change[],
): UpstreamRequest {
  const { request } = input;
  const edits = new BodyEdits(input.gatewayKeys);
  const context: ParameterContext = { input, target, edits, changes };
  edits.set('model', modelName(provider, target.upstreamModel));
  addDefaults(context);
  const { rules = NO_RULES } = provider;
  const active = typeof rules === 'function' ? rules(target, request) : rules;
  if (active !== NO_RULES) applyRules(active, context);
  rewrite(provider, context);
  if (request.stream === true && provider.acceptsStreamOptions !== false) {
    edits.set('stream_options', { ...request.stream_options, include_usage: true });
  }
  if (request['extra_headers'] !== undefined) edits.remove('extra_headers');
  mergeExtraBody(context);
  dropNamed(context);
  return {
    url: provider.url?.(target) ?? `${target.baseUrl}/chat/completions`,
    headers: headersOf(provider, input, target),
    body: edits.apply(request, input.text),
  };
}

const modelName = ({ modelPrefix }: CompatibleProvider, model: string): string =>
  modelPrefix === undefined || model.startsWith(modelPrefix) ? model : modelPrefix + model;

/** A deployment's defaults stand in for what the request leaves out; its tools come on top of the request's. */
function addDefaults({ input, target, edits }: ParameterContext): void {
  for (const key in target.defaults) {
    const given = input.request[key];
    const value = target.defaults[key];
    if (given === undefined) edits.set(key, value);
    else if (key === 'tools' && Array.isArray(given) && Array.isArray(value)) edits.set(key, [...given, ...value]);
  }
}

function rewrite({ rewrites }: CompatibleProvider, { input, edits }: ParameterContext): void {
  for (const key in rewrites) {
    const value = edits.valueOf(key, input.request);
    const written = value === undefined ? undefined : rewrites[key]?.(value);
    if (written !== undefined) edits.set(key, written);
  }
}

/** Members of `extra_body` go into the body as they are; the model and the stream are not theirs to change. */
function mergeExtraBody({ input, edits }: ParameterContext): void {
  const extra = input.request['extra_body'];
  if (typeof extra !== 'object' || extra === null) return;
  edits.remove('extra_body');
  for (const [key, value] of Object.entries(extra)) {
    if (key !== 'model' && key !== 'stream' && key !== 'messages') edits.set(key, value);
  }
}

/** Never a client's to set: they carry our credential or frame the request. */
const PROTECTED =
  /^(authorization|api-key|x-api-key|host|content-length|content-type|transfer-encoding|connection|cookie|proxy-.*|te|trailer|upgrade)$/;

function headersOf(provider: CompatibleProvider, input: ChatInput, target: Target): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ...provider.headers,
    ...target.extraHeaders,
  };
  const extra = input.request['extra_headers'];
  if (typeof extra === 'object' && extra !== null) Object.assign(headers, clientHeaders(extra));
  if (provider.authorization) Object.assign(headers, provider.authorization(target));
  else if (target.apiKey !== undefined) headers['authorization'] = `Bearer ${target.apiKey}`;
  if (target.organization !== undefined) headers['openai-organization'] = target.organization;
  return headers;
}

function clientHeaders(extra: object): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [given, value] of Object.entries(extra)) {
    const name = given.toLowerCase();
    if (!/^[a-z0-9-]+$/.test(name) || typeof value !== 'string' || /[^\x20-\x7e\t]/.test(value)) {
      throw invalidRequest(
        `'extra_headers.${given.slice(0, 60)}' is not a header: names are letters, digits and dashes, values printable text.`,
        'extra_headers',
      );
    }
    if (!PROTECTED.test(name)) headers[name] = value;
  }
  return headers;
}
