/**
 * A chat completion as a request to Anthropic's Messages API. What Anthropic has no word for is refused, dropped or
 * emulated, and said so. Sources: Anthropic's API reference, "Create a Message"; its guide "Structured outputs";
 * LiteLLM's documentation of `anthropic/`.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change, ChatInput, KnownModel, Target } from './adapter.ts';
import { type Conversation, calledTools, conversationOf } from './anthropic-messages.ts';
import { namesFiles } from './anthropic-parts.ts';
import { closedSchema, type JsonMode, toolSchema } from './anthropic-schema.ts';
import { applyThinking, samplingRefusals } from './anthropic-thinking.ts';
import { type RawInputs, withRawInputs } from './anthropic-tool-input.ts';
import {
  betasOf,
  choiceOf,
  functionCallAsChoice,
  functionsAsTools,
  namesIn,
  ToolNames,
  toolsOf,
  webSearch,
} from './anthropic-tools.ts';
import { BodyEdit } from './body-edit.ts';
import { THE_GATEWAYS } from './extra-body.ts';
import { applyDefaults, applyParameterRules, type Default, type ParameterRules, type Refusal } from './parameters.ts';

/** What reading the answer takes to know of the request. */
export interface AnthropicMemo {
  /** Name that was sent → the client's. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** The answer comes as arguments of JSON_TOOL. */
  readonly json?: JsonMode | undefined;
}

/** LiteLLM's name of the tool whose arguments are the answer. */
export const JSON_TOOL = 'json_tool_call';
/** LiteLLM's, for models whose longest answer is not known. */
const DEFAULT_MAX_TOKENS = 4096;

const UNSUPPORTED = [
  ...['n', 'seed', 'logprobs', 'top_logprobs', 'logit_bias', 'presence_penalty', 'frequency_penalty'],
  ...['modalities', 'audio', 'prediction', 'verbosity', 'store', 'safety_identifier'],
  ...['prompt_cache_key', 'prompt_cache_retention'],
];

export function parameterRules(id: string): ParameterRules {
  return {
    id,
    unsupported: new Set(UNSUPPORTED),
    renames: () => [
      ['max_completion_tokens', 'max_tokens'],
      ['stop', 'stop_sequences'],
    ],
    refuses: (edit, target) => [...samplingRefusals(edit, knownOf(target)), ...tierRefusals(edit)],
  };
}

export const knownOf = ({ knownModel, upstreamModel }: Target): KnownModel | undefined => knownModel?.(upstreamModel);

const TIERS: Readonly<Record<string, string>> = {
  auto: 'auto',
  default: 'standard_only',
  standard_only: 'standard_only',
};

function tierRefusals(edit: BodyEdit): Refusal[] {
  const tier = edit.get('service_tier');
  if (typeof tier !== 'string' || Object.hasOwn(TIERS, tier)) return [];
  return [{ field: 'service_tier', why: 'auto, default and standard_only are accepted' }];
}

export interface Draft {
  readonly edit: BodyEdit;
  readonly betas: ReadonlySet<string>;
  readonly memo: AnthropicMemo;
  readonly rawInputs: RawInputs;
}

interface Making {
  readonly edit: BodyEdit;
  readonly known: KnownModel | undefined;
  readonly names: ToolNames;
  readonly betas: Set<string>;
  readonly changes: Change[];
}

/** @param rules of the door through which the model is reached */
export function draftOf(input: ChatInput, target: Target, rules: ParameterRules, changes: Change[]): Draft {
  const edit = new BodyEdit(input.request);
  applyDefaults(edit, defaultsOf(target));
  for (const name of Object.keys(input.request)) if (edit.get(name) === null) edit.remove(name);
  applyParameterRules(edit, { rules, input, target, changes });
  const known = knownOf(target);
  const { messages } = input.request;
  const listed = [...listOf(edit.get('tools')), ...functionsAsTools(edit.get('functions'))];
  const names = new ToolNames([...namesIn(listed), ...calledTools(messages)]);
  const making: Making = { edit, known, names, betas: new Set(), changes };
  const rawInputs: RawInputs = new Map();
  setLimits(making, input.dropParams ?? target.dropParams);
  const thinks = applyThinking(edit, making);
  const conversation = conversationOf(messages, {
    nameOf: (name) => names.of(name),
    takesLateSystem: known?.flags['supports_mid_conversation_system'] === true,
    rawInputs,
    changes,
  });
  setTools(making, listed, thinks);
  const json = setFormat(making, thinks);
  setConversation(making, conversation);
  setSmallThings(making);
  if (!edit.has('max_tokens')) edit.set('max_tokens', known?.maxOutputTokens ?? DEFAULT_MAX_TOKENS);
  return { edit, betas: making.betas, memo: { names: names.renamed, json }, rawInputs };
}

/** The body's text: the client's own wherever nothing had to change. */
export function bodyOf({ edit, rawInputs }: Draft, input: ChatInput): string {
  return withRawInputs(edit.toText(input.text, input.gatewayKeys), rawInputs);
}

const defaultsOf = ({ defaults }: Target): Default[] =>
  Object.entries(defaults)
    .filter(([name]) => !THE_GATEWAYS.has(name))
    .map(([name, value]) => [name, value, JSON.stringify(value)]);

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function setLimits({ edit, changes }: Making, drops: boolean): void {
  const most = numberOf(edit.get('max_tokens'));
  if (most !== undefined && most < 0) {
    edit.remove('max_tokens');
    changes.push({ field: 'max_tokens', action: 'dropped', note: 'no limit is the model’s longest answer' });
  }
  const temperature = numberOf(edit.get('temperature'));
  if (temperature !== undefined && temperature > 1) {
    edit.set('temperature', 1);
    changes.push({ field: 'temperature', action: 'clamped', note: '1 is the highest' });
  }
  setStops(edit, drops, changes);
}

/** Anthropic refuses stops of white space only. */
function setStops(edit: BodyEdit, drops: boolean, changes: Change[]): void {
  const given = edit.get('stop_sequences');
  if (typeof given !== 'string' && !Array.isArray(given)) return;
  const stops: readonly unknown[] = typeof given === 'string' ? [given] : given;
  const kept = stops.filter((stop) => typeof stop !== 'string' || stop.trim() !== '');
  if (kept.length < stops.length) {
    if (!drops) {
      const why = "anthropic takes no 'stop' of white space only. To leave it out, set drop_params to true.";
      throw invalidRequest(why, 'stop');
    }
    changes.push({ field: 'stop', action: 'dropped', note: 'entries of white space only' });
  }
  if (kept.length === 0) edit.remove('stop_sequences');
  else if (typeof given === 'string' || kept.length < stops.length) edit.set('stop_sequences', kept);
}

function setTools(making: Making, listed: readonly unknown[], thinks: boolean): void {
  const { edit, known, names, betas, changes } = making;
  const takesStrict = known?.flags['supports_native_structured_output'] === true;
  const made = toolsOf(listed, { names, takesStrict, changes });
  const searches = edit.get('web_search_options');
  const tools = [...made.tools, ...(isObject(searches) ? [webSearch(searches)] : [])];
  noteOld(making, isObject(searches));
  if (made.mcpServers.length > 0) {
    edit.set('mcp_servers', [...listOf(edit.get('mcp_servers')), ...made.mcpServers]);
    changes.push({ field: 'tools', action: 'renamed', note: 'mcp_servers' });
  }
  if (edit.has('mcp_servers') && !tools.some(({ type }) => type === 'mcp_toolset')) betas.add('mcp-client-2025-04-04');
  for (const beta of betasOf(tools)) betas.add(beta);
  const old =
    edit.has('function_call') && !edit.has('tool_choice') ? functionCallAsChoice(edit.get('function_call')) : undefined;
  edit.remove('function_call');
  setChoice(making, tools, { given: old ?? edit.get('tool_choice'), thinks });
}

function noteOld({ edit, changes }: Making, searches: boolean): void {
  for (const [field, note] of [
    ['functions', 'tools'],
    ['function_call', 'tool_choice'],
  ] as const) {
    if (edit.has(field)) changes.push({ field, action: 'renamed', note });
  }
  if (searches) changes.push({ field: 'web_search_options', action: 'renamed', note: 'tools' });
  edit.remove('functions');
  edit.remove('web_search_options');
}

interface Asked {
  readonly given: unknown;
  readonly thinks: boolean;
}

function setChoice(making: Making, all: readonly JsonObject[], { given, thinks }: Asked): void {
  const { edit, names, changes } = making;
  const called = calledTools(edit.request.messages).map((name) => names.of(name));
  const { choice, only } = choiceOf(given, names);
  const tools = only ? all.filter(({ name }) => only.includes(textOf(name) ?? '')) : all;
  if (only) changes.push({ field: 'tool_choice', action: 'emulated', note: 'the other tools left out' });
  if (tools.length < all.length) changes.push({ field: 'tools', action: 'dropped', note: 'those not chosen' });
  if (tools.length === 0) {
    setNoTools(making, called, given !== undefined);
    return;
  }
  edit.set('tools', tools);
  const possible = possibleChoice(making, choice, thinks);
  const single = edit.get('parallel_tool_calls') === false && possible?.['type'] !== 'none';
  dropParallel(making, single);
  const sent = single ? { type: 'auto', ...possible, disable_parallel_tool_use: true } : possible;
  if (sent) edit.set('tool_choice', sent);
  else edit.remove('tool_choice');
}

function dropParallel({ edit, changes }: Making, isUsed: boolean): void {
  if (!edit.has('parallel_tool_calls')) return;
  edit.remove('parallel_tool_calls');
  const note = isUsed ? 'tool_choice' : 'nothing to say';
  changes.push({ field: 'parallel_tool_calls', action: isUsed ? 'renamed' : 'dropped', note });
}

/** A history with tool calls needs their tools, even when none may be called any more. */
function setNoTools(making: Making, called: readonly string[], hasChoice: boolean): void {
  const { edit, changes } = making;
  edit.remove('tools');
  edit.remove('tool_choice');
  dropParallel(making, false);
  if (hasChoice) changes.push({ field: 'tool_choice', action: 'dropped', note: 'there are no tools' });
  if (called.length === 0) return;
  const tools = [...new Set(called)].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }));
  edit.set('tools', tools);
  edit.set('tool_choice', { type: 'none' });
  changes.push({ field: 'tools', action: 'added', note: 'those that earlier turns called, for no more calls' });
}

/** Thoughts and a forced tool exclude each other, and some models cannot be forced at all. */
function possibleChoice(making: Making, choice: JsonObject | undefined, thinks: boolean): JsonObject | undefined {
  const isForced = choice?.['type'] === 'any' || choice?.['type'] === 'tool';
  const cannot = thinks || making.known?.flags['supports_forced_tool_use'] === false;
  if (!isForced || !cannot) return choice;
  making.changes.push({ field: 'tool_choice', action: 'emulated', note: 'auto, as the model thinks first' });
  return { type: 'auto' };
}

/** @returns how the answer comes, when it comes as a tool call */
function setFormat(making: Making, thinks: boolean): JsonMode | undefined {
  const { edit, known, changes } = making;
  const format = edit.get('response_format');
  if (format === undefined) return undefined;
  edit.remove('response_format');
  const type = isObject(format) ? format['type'] : undefined;
  if (type === 'text') {
    changes.push({ field: 'response_format', action: 'dropped', note: 'text is what there is' });
    return undefined;
  }
  const schema = schemaOf(format);
  const isNative = known?.flags['supports_native_structured_output'] === true;
  const closed = isNative ? closedSchema(schema) : undefined;
  if (closed) {
    const config = edit.get('output_config');
    edit.set('output_config', { ...(isObject(config) && config), format: { type: 'json_schema', schema: closed } });
    changes.push({ field: 'response_format', action: 'renamed', note: 'output_config' });
    return undefined;
  }
  changes.push({ field: 'response_format', action: 'emulated', note: `the arguments of a tool ${JSON_TOOL}` });
  return addJsonTool(making, toolSchema(schema), thinks);
}

/** `undefined` is any JSON object. */
function schemaOf(format: unknown): unknown {
  const { type, json_schema: named, schema: bare, response_schema: given } = isObject(format) ? format : {};
  if (type === 'json_object') return bare ?? given;
  if (type !== 'json_schema') {
    throw invalidRequest("'response_format.type' must be text, json_object or json_schema.", 'response_format.type');
  }
  return (isObject(named) ? named['schema'] : undefined) ?? bare;
}

const JSON_ORDER = `Give your answer by calling the tool ${JSON_TOOL}, and do not write it as text.`;

function addJsonTool(making: Making, made: ReturnType<typeof toolSchema>, thinks: boolean): JsonMode {
  const { edit, known } = making;
  const given = edit.get('tool_choice');
  const mayCallOthers = !isObject(given) || given['type'] !== 'none';
  const others = listOf(edit.get('tools'));
  const description = 'Gives the answer. Its arguments are the whole answer.';
  edit.set('tools', [...others, { name: JSON_TOOL, description, input_schema: made.schema }]);
  const cannotForce = thinks || known?.flags['supports_forced_tool_use'] === false;
  if (cannotForce) {
    edit.set('tool_choice', { type: 'auto' });
    making.edit.set('system', [{ type: 'text', text: JSON_ORDER }]);
  } else if (others.length > 0 && mayCallOthers) {
    const keeps = isObject(given) && given['type'] === 'tool';
    if (!keeps) edit.set('tool_choice', { ...(isObject(given) && given), type: 'any' });
  } else edit.set('tool_choice', { type: 'tool', name: JSON_TOOL });
  return made.mode;
}

function setConversation({ edit, betas }: Making, { system, turns }: Conversation): void {
  const order = edit.get('system');
  const blocks = [...system, ...systemBlocks(order)];
  edit.set('messages', turns);
  if (blocks.length > 0) edit.set('system', blocks);
  if (namesFiles(turns)) betas.add('files-api-2025-04-14');
}

const systemBlocks = (system: unknown): readonly unknown[] =>
  typeof system === 'string' ? [{ type: 'text', text: system }] : listOf(system);

const LOOKS_PERSONAL = /^\S+@\S+\.\S+$|^\+?[\d\s().-]{7,}$/;

function setSmallThings({ edit, betas, changes }: Making): void {
  edit.remove('stream_options');
  if (edit.get('n') === 1) edit.remove('n'); // What every answer is.
  if (edit.has('context_management')) betas.add('context-management-2025-06-27');
  const tier = textOf(edit.get('service_tier'));
  const known = tier === undefined ? undefined : TIERS[tier];
  if (known !== undefined && known !== tier) {
    edit.set('service_tier', known);
    changes.push({ field: 'service_tier', action: 'renamed', note: known });
  }
  const user = textOf(edit.get('user'));
  if (user === undefined) return;
  edit.remove('user');
  if (LOOKS_PERSONAL.test(user)) {
    changes.push({ field: 'user', action: 'dropped', note: 'it looks like an address or a number of a person' });
    return;
  }
  edit.set('metadata', { user_id: user });
  changes.push({ field: 'user', action: 'renamed', note: 'metadata.user_id' });
}
