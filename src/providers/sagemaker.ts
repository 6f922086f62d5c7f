/**
 * Endpoints of Amazon SageMaker: `sagemaker_chat/` with containers that speak OpenAI's chat completions, `sagemaker/` with
 * those that complete texts. Sources: AWS's API reference, "InvokeEndpoint" and "InvokeEndpointWithResponseStream";
 * Hugging Face's "Text Generation Inference API"; LiteLLM's documentation of both.
 */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import { awsError } from './aws-error.ts';
import { signedFor } from './bedrock-credentials.ts';
import { DEFAULT_REGION } from './bedrock-model.ts';
import {
  type BedrockSettings,
  parseSettings as parseAwsSettings,
  regionOf,
  SETTINGS_ENV,
  secretsOf,
} from './bedrock-settings.ts';
import { dialectRequest, take } from './dialect-request.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { chunkDecoder, completionReader } from './openai-decoder.ts';
import type { ParameterRules } from './parameters.ts';
import { joined, NOT_FOR_TEXTS, promptText, takeOne } from './prompt-text.ts';
import { reasoningAsContent } from './reply-differences.ts';

interface SagemakerSettings extends BedrockSettings {
  /** `model_id`: one of several models behind an endpoint. */
  readonly inferenceComponent: string | undefined;
  /** `hf_model_name`: under which the container knows its model. */
  readonly servedModel: string | undefined;
  /** `sagemaker_base_url`: in place of the whole address. */
  readonly url: string | undefined;
}

const ADDRESS = /^https?:\/\/[^/?#]+/;

/** @throws Error that names the setting */
function parseSettings(raw: Readonly<Record<string, unknown>>): SagemakerSettings {
  const url = textOf(raw['sagemaker_base_url']);
  if (url !== undefined && !ADDRESS.test(url)) {
    throw new Error('sagemaker_base_url must be the whole address of an endpoint, https://… with its path');
  }
  return {
    ...parseAwsSettings(raw),
    inferenceComponent: textOf(raw['model_id']),
    servedModel: textOf(raw['hf_model_name']),
    url,
  };
}

const settingsOf = ({ settings }: Pick<Target, 'settings'>): Partial<SagemakerSettings> =>
  // Made by parseSettings above; a target built without it has none.
  isObject(settings) ? (settings as Partial<SagemakerSettings>) : {};

function baseUrlOf(settings: unknown, upstreamModel: string): string {
  const own = isObject(settings) ? (settings as unknown as SagemakerSettings) : parseSettings({});
  const region = regionOf(own, upstreamModel);
  if (!/^[a-z0-9-]+$/.test(region)) throw new Error('aws_region_name must be a region such as us-west-2');
  return own.url === undefined ? runtimeUrl(region) : new URL(own.url).origin;
}

const runtimeUrl = (region: string): string =>
  `https://runtime.sagemaker.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}`;

function urlOf(target: Target, isStream: boolean): string {
  const whole = settingsOf(target).url;
  if (whole !== undefined) return whole;
  const method = isStream ? 'invocations-response-stream' : 'invocations';
  return `${target.baseUrl}/endpoints/${encodeURIComponent(target.upstreamModel)}/${method}`;
}

function componentHeader(target: Target): Readonly<Record<string, string>> {
  const { inferenceComponent } = settingsOf(target);
  return inferenceComponent === undefined ? {} : { 'x-amzn-sagemaker-inference-component': inferenceComponent };
}

/** What the container itself answered stands in `OriginalStatusCode` and `OriginalMessage`. */
function parseError(status: number, body: unknown, headers?: Headers): GatewayError | undefined {
  const { OriginalStatusCode: code, OriginalMessage: words } = isObject(body) ? body : {};
  const original = numberOf(code);
  if (original === undefined) return awsError(status, body, headers);
  const message = textOf(words) ?? 'The container refused the request.';
  if (TOO_LONG.test(message)) return new GatewayError('context_window_exceeded', message, { upstreamStatus: original });
  const isRefusal = original >= 400 && original < 500 && original !== 429;
  const kind = isRefusal ? 'upstream_rejected' : original === 429 ? 'upstream_busy' : 'upstream_failed';
  return new GatewayError(kind, message, { upstreamStatus: original });
}

const TOO_LONG =
  /maximum (context|model) length|context length|`?inputs`? must have less than|inputs tokens \+ `?max_new_tokens/i;

const facts = {
  defaultBaseUrl: runtimeUrl(DEFAULT_REGION),
  apiKeyEnv: [],
  baseUrlEnv: [],
  settingsEnv: SETTINGS_ENV,
  parseSettings,
  baseUrlOf,
  authorize: (request: UpstreamRequest, target: Target, nowMs: number) =>
    signedFor('sagemaker', request, target, nowMs),
  parseError,
  secretsOf,
};

const chat = openAiCompatible({
  ...facts,
  id: 'sagemaker_chat',
  modelOf: (target) => settingsOf(target).servedModel ?? target.upstreamModel,
  url: (target) => urlOf(target, false),
  headers: componentHeader,
  renames: { max_completion_tokens: 'max_tokens' },
  reply: { message: reasoningAsContent },
});

export const sagemakerChat: ProviderAdapter = {
  ...chat,
  framing: 'aws-payload-parts',
  buildRequest(input, target, changes) {
    const request = chat.buildRequest(input, target, changes);
    return input.request.stream === true ? { ...request, url: urlOf(target, true) } : request;
  },
};

const rules: ParameterRules = {
  id: 'sagemaker',
  renames: () => [],
  unsupported: new Set([...NOT_FOR_TEXTS, 'presence_penalty']),
  refuses: undefined,
};

const TO_PARAMETERS: readonly (readonly [string, string])[] = [
  ['max_tokens', 'max_new_tokens'],
  ['max_completion_tokens', 'max_new_tokens'],
];

function buildText(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest {
  const request = dialectRequest(input, target, changes, rules);
  const { fields, note, headers, extraBody, isStream } = request;
  takeOne(request);
  for (const [from, to] of TO_PARAMETERS) {
    if (fields[from] === undefined) continue;
    fields[to] = take(fields, from);
    note({ field: from, action: 'renamed', note: `parameters.${to}` });
  }
  if (typeof fields['stop'] === 'string') fields['stop'] = [fields['stop']];
  const given = take(fields, 'parameters');
  const inputs = joined(promptText(request));
  note({ field: 'messages', action: 'emulated', note: 'one text' });
  const parameters = { ...fields, ...(isObject(given) ? given : {}) };
  const body = { inputs, parameters, ...(isStream && { stream: true }), ...extraBody };
  return {
    url: urlOf(target, isStream),
    headers: { ...headers, ...componentHeader(target) },
    body: JSON.stringify(body),
    memo: inputs,
  };
}

/** A list of one, an object, or one event of a stream. Some containers repeat the prompt before the answer. */
function openAiShape(body: JsonObject, place: 'message' | 'delta', prompt: string): JsonObject {
  const { generated_text: text, token, details } = body;
  if (place === 'message') {
    return typeof text === 'string' ? { choices: [choiceOf(place, withoutPrompt(text, prompt), details, 'stop')] } : {};
  }
  if (!isObject(token)) return { choices: [] };
  const piece = token['special'] === true ? '' : (textOf(token['text']) ?? '');
  return { choices: [choiceOf(place, piece, details, typeof text === 'string' ? 'stop' : null)] };
}

const withoutPrompt = (text: string, prompt: string): string =>
  prompt !== '' && text.startsWith(prompt) ? text.slice(prompt.length) : text;

function choiceOf(place: string, content: string, details: unknown, ending: string | null): JsonObject {
  const reason = isObject(details) ? textOf(details['finish_reason']) : undefined;
  return { index: 0, [place]: { role: 'assistant', content }, finish_reason: reason ?? ending };
}

const promptIn = (memo: unknown): string => (typeof memo === 'string' ? memo : '');
const oneOf = (body: unknown): unknown => (Array.isArray(body) ? body[0] : body);

export const sagemaker: ProviderAdapter = {
  ...facts,
  id: rules.id,
  relaysBytes: false,
  framing: 'aws-payload-parts',
  buildRequest: buildText,
  parseResponse: (body, _, memo) =>
    completionReader({ whole: (raw) => openAiShape(raw, 'message', promptIn(memo)) })(oneOf(body)),
  createStreamDecoder: () => chunkDecoder({ whole: (raw) => openAiShape(raw, 'delta', '') }),
};
