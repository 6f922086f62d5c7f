/** A chat completion as a request of Converse or ConverseStream. Source: AWS's API reference, "Converse"; LiteLLM's documentation of `bedrock/`. */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change, ChatInput, KnownModel, Target, UpstreamRequest } from './adapter.ts';
import { knownOf } from './anthropic-request.ts';
import { samplingRefusals } from './anthropic-thinking.ts';
import { calledNames, conversationOf, usesTools } from './bedrock-messages.ts';
import { bedrockModel, type Family, familyOf } from './bedrock-model.ts';
import { type AskedNames, ToolNames } from './bedrock-names.ts';
import { bearerOf } from './bedrock-settings.ts';
import { type Thinking, takesEffort, thinkingOf } from './bedrock-thinking.ts';
import { type ToolParts, toolName, toolParts } from './bedrock-tools.ts';
import { BodyEdit } from './body-edit.ts';
import { extraMembers, THE_GATEWAYS } from './extra-body.ts';
import { applyDefaults, applyParameterRules, type Refusal } from './parameters.ts';
import { withExtraHeaders } from './request-headers.ts';

/** What reading the answer takes to know of the request. */
export interface BedrockMemo {
  readonly names: AskedNames;
  readonly answersByTool: boolean;
  /** It is the `value` of those arguments. */
  readonly isWrapped?: boolean;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const UNSUPPORTED = new Set(
  words(`frequency_penalty presence_penalty logit_bias logprobs top_logprobs n seed modalities audio prediction
    store verbosity user safety_identifier prompt_cache_key prompt_cache_retention functions
    function_call`),
);

/** Taken apart into Converse's own fields. */
const TRANSLATED = new Set(
  words(`model messages stream stream_options max_tokens max_completion_tokens temperature top_p stop tools tool_choice
    parallel_tool_calls web_search_options response_format reasoning_effort thinking top_k service_tier extra_headers extra_body
    additionalModelRequestFields`),
);

/** Converse's own, for clients that know them. */
const NATIVE = new Set(
  words(`guardrailConfig performanceConfig requestMetadata promptVariables additionalModelResponseFieldPaths
    serviceTier outputConfig`),
);

/** Under these names models take what the gateway has said already: above all a budget's cap on the output. */
const SAID_ALREADY = new Set(
  words(`model modelId messages system stream max_tokens maxTokens max_completion_tokens max_new_tokens max_gen_len
    max_tokens_to_sample`),
);

export function buildRequest(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest {
  const family = familyOf(target.upstreamModel, target.baseModel);
  const edit = new BodyEdit(input.request);
  applyDefaults(
    edit,
    Object.entries(target.defaults)
      .filter(([name]) => !THE_GATEWAYS.has(name))
      .map(([name, value]) => [name, value, ''] as const),
  );
  for (const [name, value] of Object.entries(extraMembers(edit.get('extra_body'), changes))) edit.set(name, value);
  const rules = {
    id: 'bedrock',
    renames: () => [['max_completion_tokens', 'max_tokens']] as const,
    unsupported: UNSUPPORTED,
    refuses: (asked: BodyEdit) => refusalsOf(asked, family, knownOf(target)),
  };
  applyParameterRules(edit, { rules, input, target, changes });
  const { body, memo } = bodyOf(edit, target, family, changes);
  return {
    url: urlOf(target, input.request.stream === true),
    headers: headersOf(edit, target, changes),
    body: JSON.stringify(body),
    memo,
  };
}

const isNova = (family: Family): boolean => family === 'nova' || family === 'nova-2';

function refusalsOf(edit: BodyEdit, family: Family, known: KnownModel | undefined): Refusal[] {
  const choice = edit.get('tool_choice');
  const isNone = choice === 'none' || (isObject(choice) && choice['type'] === 'none');
  const isClaude = family === 'claude';
  const lacks: readonly (readonly [string, boolean, string?])[] = [
    ['tool_choice', isNone && edit.has('tools'), 'none is not known to Bedrock; leave the tools out'],
    ['reasoning_effort', edit.has('reasoning_effort') && !takesEffort(family)],
    ['thinking', edit.has('thinking') && !isClaude],
    ['parallel_tool_calls', edit.get('parallel_tool_calls') === false && !isClaude],
    ['web_search_options', edit.has('web_search_options') && !isNova(family)],
  ];
  const refused = lacks.flatMap(([field, isLacking, why]) =>
    isLacking ? [{ field, ...(why !== undefined && { why }) }] : [],
  );
  return isClaude ? [...refused, ...samplingRefusals(edit, known)] : refused;
}

function urlOf({ baseUrl, upstreamModel }: Target, isStream: boolean): string {
  const { id } = bedrockModel(upstreamModel);
  return `${baseUrl}/model/${encodeURIComponent(id)}/converse${isStream ? '-stream' : ''}`;
}

function headersOf(edit: BodyEdit, target: Target, changes: Change[]): Record<string, string> {
  const bearer = bearerOf(target);
  const operators = Object.entries(target.extraHeaders).map(([name, value]) => [name.toLowerCase(), value] as const);
  const own = {
    'content-type': 'application/json',
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    ...Object.fromEntries(operators),
  };
  return withExtraHeaders(own, edit.get('extra_headers'), changes);
}

interface Body {
  readonly body: JsonObject;
  readonly memo: BedrockMemo;
}

function bodyOf(edit: BodyEdit, target: Target, family: Family, changes: Change[]): Body {
  const { messages } = edit.request;
  const note = (change: Change): void => {
    if (!changes.some(({ field, note: said }) => field === change.field && said === change.note)) changes.push(change);
  };
  const tools = listOf(edit.get('tools'), 'tools');
  const called = calledNames(messages);
  const names = new ToolNames([...tools.flatMap((tool) => toolName(tool) ?? []), ...called]);
  const { system, messages: turns } = conversationOf(messages, { names, note });
  const thinking = thinkingOf(edit, { family, target, changes });
  const parts = toolParts({
    ...{ tools, called, names, family, note },
    choice: edit.get('tool_choice'),
    isParallel: edit.get('parallel_tool_calls'),
    searches: edit.get('web_search_options'),
    format: formatOf(edit.get('response_format')),
    hasSchemas: knownOf(target)?.flags['supports_native_structured_output'] === true,
    isThinking: thinking.isOn,
    isToolHistory: usesTools(messages),
  });
  const whole = edit.toObject();
  const inference = inferenceOf(whole, thinking.maxTokens, note);
  const additional = additionalOf(whole, { family, thinking, parts, note });
  const tier = serviceTierOf(whole['service_tier']);
  const body = {
    ...(system.length > 0 && { system }),
    messages: turns,
    ...(Object.keys(inference).length > 0 && { inferenceConfig: inference }),
    ...(parts.toolConfig && { toolConfig: parts.toolConfig }),
    ...(parts.outputConfig && { outputConfig: parts.outputConfig }),
    ...(tier && { serviceTier: tier }),
    ...Object.fromEntries(Object.entries(whole).filter(([name, value]) => NATIVE.has(name) && value != null)),
    ...(Object.keys(additional).length > 0 && { additionalModelRequestFields: additional }),
  };
  return { body, memo: memoOf(names, parts) };
}

const memoOf = ({ changed: names }: ToolNames, { answersByTool, isWrapped }: ToolParts): BedrockMemo => ({
  ...{ names, answersByTool },
  ...(isWrapped && { isWrapped }),
});

function listOf(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw invalidRequest(`'${field}' must be a list.`, field);
}

/** `undefined`: plain text. */
function formatOf(format: unknown): JsonObject | undefined {
  if (!isObject(format) || format['type'] === 'text') return undefined;
  if (format['type'] === 'json_object' || format['type'] === 'json_schema') return format;
  throw invalidRequest("'response_format.type' must be text, json_object or json_schema.", 'response_format');
}

function inferenceOf(
  whole: JsonObject,
  thinkingTokens: number | undefined,
  note: (change: Change) => void,
): JsonObject {
  const { max_tokens: given, temperature: asked, top_p: topP, stop } = whole;
  const isTooHigh = (numberOf(asked) ?? 0) > 1;
  const temperature = isTooHigh ? 1 : asked;
  if (isTooHigh) note({ field: 'temperature', action: 'clamped', note: '1 is the highest' });
  const maxTokens = given ?? thinkingTokens;
  const stops = (typeof stop === 'string' ? [stop] : Array.isArray(stop) ? stop : []).filter((word) => word !== '');
  return {
    ...(maxTokens != null && { maxTokens }),
    ...(temperature != null && { temperature }),
    ...(topP != null && { topP }),
    ...(stops.length > 0 && { stopSequences: stops }),
  };
}

/** OpenAI's `auto` is Bedrock's own default. */
function serviceTierOf(tier: unknown): JsonObject | undefined {
  const type = textOf(tier);
  return type === undefined || type === 'auto' ? undefined : { type };
}

interface AdditionalParts {
  readonly family: Family;
  readonly thinking: Thinking;
  readonly parts: ToolParts;
  note(change: Change): void;
}

/** Whatever has no place in Converse belongs to the model. */
function additionalOf(whole: JsonObject, { family, thinking, parts, note }: AdditionalParts): JsonObject {
  const given = isObject(whole['additionalModelRequestFields']) ? whole['additionalModelRequestFields'] : {};
  const unknown = Object.entries(whole).filter(([name]) => !TRANSLATED.has(name) && !NATIVE.has(name));
  const additional: Record<string, unknown> = { ...thinking.fields, ...parts.additional };
  for (const [name, value] of [...unknown, ...Object.entries(given)]) {
    if (value === undefined || value === null) continue;
    if (SAID_ALREADY.has(name)) note({ field: name, action: 'dropped', note: 'set by the gateway' });
    else additional[name] = value;
  }
  const topK = numberOf(whole['top_k']);
  if (topK === undefined) return additional;
  if (!isNova(family)) return { ...additional, top_k: topK };
  const inference = isObject(additional['inferenceConfig']) ? additional['inferenceConfig'] : {};
  return { ...additional, inferenceConfig: { ...inference, topK } };
}
