/**
 * OpenAI's request → the body of Gemini's `generateContent`, the same for Google AI Studio and Vertex AI. Sources: OpenAI
 * API reference, "Create chat completion"; Google's "Gemini API" reference, `GenerateContentRequest`; LiteLLM's
 * documentation of `gemini/`.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf, without } from '../lib/json.ts';
import type { Change, ChatInput, Target } from './adapter.ts';
import { BodyEdit } from './body-edit.ts';
import { extraMembers, THE_GATEWAYS } from './extra-body.ts';
import { conversationOf } from './gemini-messages.ts';
import { type GeminiModel, geminiModel } from './gemini-model.ts';
import { geminiJsonSchema, openApiSchema } from './gemini-schema.ts';
import { thinkingConfig } from './gemini-thinking.ts';
import { toolFields } from './gemini-tools.ts';
import { applyDefaults, applyParameterRules, type ParameterRules, type Refusal } from './parameters.ts';
import type { SignatureMemory } from './thought-signatures.ts';

export interface BuiltRequest {
  readonly body: JsonObject;
  readonly isStream: boolean;
  /** The request's `extra_headers`. */
  readonly extraHeaders: unknown;
}

const UNSUPPORTED =
  `logit_bias prediction store verbosity prompt_cache_key prompt_cache_retention safety_identifier user
  context_management`.split(/\s+/);

const rulesFor = (id: string): ParameterRules => ({
  id,
  renames: () => [],
  unsupported: new Set(UNSUPPORTED),
  refuses,
});

function refuses(edit: BodyEdit, target: Target): Refusal[] {
  const model = geminiModel(target);
  const given = (fields: readonly string[], why: string): Refusal[] =>
    fields.filter((field) => edit.has(field)).map((field) => ({ field, why }));
  return [
    ...(model.thinking ? [] : given(['reasoning_effort', 'thinking'], 'the model does not think on request')),
    ...(model.isThirdOrLater ? given(['presence_penalty', 'frequency_penalty'], 'not with Gemini 3 and later') : []),
    ...(model.isGemma
      ? given(['tools', 'functions', 'tool_choice', 'web_search_options'], 'the model has no tools')
      : []),
  ];
}

/** @throws GatewayError 400 for what this dialect cannot say */
export function geminiRequest(
  input: ChatInput,
  target: Target,
  changes: Change[],
  memory: SignatureMemory,
): BuiltRequest {
  const edit = new BodyEdit(input.request);
  applyDefaults(edit, defaultsOf(target));
  applyParameterRules(edit, { rules: rulesFor(target.adapter.id), input, target, changes });
  const model = geminiModel(target);
  const { contents, system } = conversationOf(messagesOf(edit), { model, memory, changes });
  const generationConfig = generationConfigOf(edit, model, changes);
  const { request } = edit;
  const prompt = schemaInWords(edit, model, changes);
  const made: JsonObject = {
    ...passedOn(edit),
    contents: prompt === undefined ? contents : [...contents, { role: 'user', parts: [{ text: prompt }] }],
    ...(system.length > 0 && { systemInstruction: { parts: system } }),
    ...toolFields(edit, model, changes),
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    ...ownFields(edit),
  };
  return {
    body: withExtraBody(made, edit.get('extra_body'), changes),
    isStream: request.stream === true,
    extraHeaders: edit.get('extra_headers'),
  };
}

const defaultsOf = ({ defaults }: Target) =>
  Object.entries(defaults)
    .filter(([name]) => !THE_GATEWAYS.has(name))
    .map(([name, value]) => [name, value, ''] as const);

function messagesOf(edit: BodyEdit) {
  const messages = edit.get('messages');
  // Checked at the door; `additional_drop_params` takes members away, not messages.
  return Array.isArray(messages)
    ? messages.filter(isObject).map((message) => ({ ...message, role: textOf(message['role']) ?? '' }))
    : [];
}

/** Fields of the body beside `generationConfig`, by the names that clients and configs use. */
function ownFields(edit: BodyEdit): JsonObject {
  const safety = edit.get('safetySettings') ?? edit.get('safety_settings');
  const cached = edit.get('cachedContent') ?? edit.get('cached_content');
  const tier = serviceTier(edit.get('service_tier'));
  return {
    ...(Array.isArray(safety) && { safetySettings: safety }),
    ...(typeof cached === 'string' && { cachedContent: cached }),
    ...(tier !== undefined && { serviceTier: tier }),
  };
}

/** `auto` leaves it to the provider. */
function serviceTier(tier: unknown): string | undefined {
  if (typeof tier !== 'string' || tier === 'auto') return undefined;
  return tier === 'default' ? 'standard' : tier;
}

/** Members of `generationConfig` that OpenAI has no word for, by both of their spellings. */
const CONFIG_NAMES = `topK responseModalities speechConfig mediaResolution imageConfig responseMimeType responseSchema
  responseJsonSchema enableEnhancedCivicAnswers audioTimestamp routingConfig modelSelectionConfig`.split(/\s+/);

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function nativeConfig(edit: BodyEdit, changes: Change[]): JsonObject {
  const whole = edit.get('generationConfig') ?? edit.get('generation_config');
  const single = CONFIG_NAMES.flatMap((name) => {
    const value = edit.get(name) ?? edit.get(snake(name));
    return value === undefined || value === null ? [] : [[name, value] as const];
  });
  return { ...(isObject(whole) ? withoutCaps(whole, 'generationConfig', changes) : {}), ...Object.fromEntries(single) };
}

/** What budgets and limits were reckoned with cannot be changed behind the gateway's back. */
const CAPS = ['maxOutputTokens', 'max_output_tokens', 'candidateCount', 'candidate_count'];

function withoutCaps(config: JsonObject, at: string, changes: Change[]): JsonObject {
  for (const name of CAPS) {
    if (config[name] !== undefined)
      changes.push({ field: `${at}.${name}`, action: 'dropped', note: 'max_tokens and n say it' });
  }
  return without(config, ...CAPS);
}

/** -1 is "no limit" to some clients, and of two limits one is said. */
function noteLimits(edit: BodyEdit, said: unknown, changes: Change[]): void {
  const { max_completion_tokens: newer, max_tokens: older } = edit.toObject();
  if (newer !== undefined && newer !== null && older !== undefined && older !== null) {
    changes.push({ field: 'max_tokens', action: 'dropped', note: 'max_completion_tokens says it' });
  }
  if (typeof said === 'number' && said <= 0) {
    const field = said === newer ? 'max_completion_tokens' : 'max_tokens';
    changes.push({ field, action: 'dropped', note: 'a limit is above 0' });
  }
}

function generationConfigOf(edit: BodyEdit, model: GeminiModel, changes: Change[]): JsonObject {
  const maxTokens = edit.get('max_completion_tokens') ?? edit.get('max_tokens') ?? edit.get('max_output_tokens');
  noteLimits(edit, maxTokens, changes);
  const thinking = model.thinking ? thinkingConfig(edit, model, changes) : undefined;
  return {
    ...nativeConfig(edit, changes),
    ...numbers(edit, { temperature: 'temperature', top_p: 'topP', n: 'candidateCount' }),
    ...numbers(edit, { presence_penalty: 'presencePenalty', frequency_penalty: 'frequencyPenalty' }),
    ...(typeof maxTokens === 'number' && maxTokens > 0 && { maxOutputTokens: maxTokens }),
    ...stopOf(edit.get('stop'), changes),
    ...seedOf(edit.get('seed'), changes),
    ...logprobsOf(edit),
    ...formatOf(edit.get('response_format'), model, changes),
    ...modalitiesOf(edit, changes),
    ...(thinking && { thinkingConfig: thinking }),
  };
}

function numbers(edit: BodyEdit, names: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, own]) => {
      const value = numberOf(edit.get(name));
      return value === undefined ? [] : [[own, value]];
    }),
  );
}

const MAX_STOPS = 5;

function stopOf(stop: unknown, changes: Change[]): JsonObject {
  const given = (Array.isArray(stop) ? stop : [stop]).filter((text) => textOf(text) !== undefined);
  if (given.length > MAX_STOPS)
    changes.push({ field: 'stop', action: 'clamped', note: `the first ${MAX_STOPS} texts` });
  return given.length === 0 ? {} : { stopSequences: given.slice(0, MAX_STOPS) };
}

/** Gemini's is a number of 32 bits. */
function seedOf(seed: unknown, changes: Change[]): JsonObject {
  const number = numberOf(seed);
  if (number === undefined) return {};
  const fitting = Math.trunc(number) | 0;
  if (fitting !== number) changes.push({ field: 'seed', action: 'clamped', note: 'its lowest 32 bits' });
  return { seed: fitting };
}

function logprobsOf(edit: BodyEdit): JsonObject {
  if (edit.get('logprobs') !== true) return {};
  const top = numberOf(edit.get('top_logprobs'));
  return { responseLogprobs: true, ...(top !== undefined && { logprobs: top }) };
}

function formatOf(format: unknown, model: GeminiModel, changes: Change[]): JsonObject {
  if (!isObject(format) || model.isGemma) return {};
  const { type } = format;
  if (type === 'text') return { responseMimeType: 'text/plain' };
  if (type !== 'json_object' && type !== 'json_schema') {
    throw invalidRequest("'response_format.type' must be text, json_object or json_schema.", 'response_format');
  }
  const schema = schemaOf(format);
  const place = { field: 'response_format', changes };
  if (schema) {
    const note = model.takesJsonSchema ? 'responseJsonSchema' : 'responseSchema';
    changes.push({ field: 'response_format', action: 'renamed', note });
  }
  return {
    responseMimeType: 'application/json',
    ...(schema && model.takesJsonSchema && { responseJsonSchema: geminiJsonSchema(schema, place) }),
    ...(schema && !model.takesJsonSchema && { responseSchema: openApiSchema(schema, place) }),
  };
}

/** OpenAI's place for a schema, and LiteLLM's shorter one. */
function schemaOf(format: JsonObject): JsonObject | undefined {
  const { json_schema: wrapped, response_schema: short } = format;
  const schema = isObject(wrapped) ? wrapped['schema'] : short;
  return isObject(schema) ? schema : undefined;
}

/** Gemma has no JSON mode: it is asked for JSON in words. */
function schemaInWords(edit: BodyEdit, { isGemma }: GeminiModel, changes: Change[]): string | undefined {
  const format = edit.get('response_format');
  if (!isGemma || !isObject(format) || format['type'] === 'text') return undefined;
  changes.push({ field: 'response_format', action: 'emulated', note: 'asked for in words' });
  const schema = schemaOf(format);
  const rest = schema === undefined ? '' : ` that conforms to this JSON schema:\n${JSON.stringify(schema)}`;
  return `Answer with one JSON object and nothing else${rest}`;
}

function modalitiesOf(edit: BodyEdit, changes: Change[]): JsonObject {
  const given = edit.get('modalities');
  const audio = edit.get('audio');
  const words = Array.isArray(given)
    ? given.filter((word) => typeof word === 'string').map((word) => word.toUpperCase())
    : [];
  const modalities = isObject(audio) && !words.includes('AUDIO') ? [...words, 'AUDIO'] : words;
  const { voice, format } = isObject(audio) ? audio : {};
  if (textOf(format) !== undefined && format !== 'pcm16') {
    changes.push({ field: 'audio', action: 'dropped', note: 'format: the model sends pcm16' });
  }
  const voiceConfig = textOf(voice) === undefined ? undefined : { prebuiltVoiceConfig: { voiceName: voice } };
  return {
    ...(modalities.length > 0 && { responseModalities: modalities }),
    ...(voiceConfig && { speechConfig: { voiceConfig } }),
  };
}

/** Everything that is translated, under any of its names; the rest goes on as it is, so that new fields work. */
const TRANSLATED: ReadonlySet<string> = new Set([
  ...`model messages stream stream_options extra_body extra_headers temperature top_p n max_tokens max_completion_tokens
  max_output_tokens max_new_tokens max_tokens_to_sample stop seed presence_penalty frequency_penalty logprobs top_logprobs
  tools tool_choice parallel_tool_calls functions function_call web_search_options response_format reasoning_effort
  thinking modalities audio service_tier include_server_side_tool_invocations contents systemInstruction
  system_instruction`.split(/\s+/),
  ...[...CONFIG_NAMES, 'safetySettings', 'cachedContent', 'serviceTier', 'generationConfig', 'thinkingConfig'].flatMap(
    (name) => [name, snake(name)],
  ),
]);

function passedOn(edit: BodyEdit): JsonObject {
  return Object.fromEntries(
    Object.entries(edit.toObject()).filter(([name, value]) => !TRANSLATED.has(name) && value !== null),
  );
}

/** What the gateway has looked at before anything is sent. */
const GUARDED: ReadonlySet<string> = new Set([
  'model',
  'contents',
  'systemInstruction',
  'system_instruction',
  'stream',
  'messages',
]);

function withExtraBody(body: JsonObject, extra: unknown, changes: Change[]): JsonObject {
  const { generationConfig, generation_config: spelt, ...rest } = extraMembers(extra, changes, GUARDED);
  const more = generationConfig ?? spelt;
  if (!isObject(more)) return { ...body, ...rest };
  const own = isObject(body['generationConfig']) ? body['generationConfig'] : {};
  const config = { ...own, ...withoutCaps(more, 'extra_body.generationConfig', changes) };
  return { ...body, ...rest, generationConfig: config };
}
