/**
 * Cohere's chat, version 2. Sources: Cohere's API reference, "Chat" (v2), its guides on tool use, retrieval, structured
 * outputs and reasoning; LiteLLM's documentation of `cohere/` and `cohere_chat/`.
 */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
import { cohereMessages } from './cohere-messages.ts';
import { cohereCompletion, cohereEvents } from './cohere-reply.ts';
import {
  cannot,
  type DialectRequest,
  dialectRequest,
  functionTools,
  needless,
  schemaOf,
  take,
  takeThinking,
} from './dialect-request.ts';
import { chunkDecoder, completionReader } from './openai-decoder.ts';
import type { ParameterRules, Refusal } from './parameters.ts';
import { noteToolMarks } from './unread-members.ts';

const UNSUPPORTED =
  `n logit_bias top_logprobs functions function_call modalities audio prediction web_search_options store
  verbosity prompt_cache_retention prompt_cache_key safety_identifier user service_tier stream_options`.split(/\s+/);

const RENAMES: readonly (readonly [string, string])[] = [
  ['max_completion_tokens', 'max_tokens'],
  ['top_p', 'p'],
  ['top_k', 'k'],
  ['stop', 'stop_sequences'],
];

const rulesFor = (id: string): ParameterRules => ({
  id,
  renames: (edit) => RENAMES.filter(([from]) => edit.has(from)),
  unsupported: new Set(UNSUPPORTED),
  refuses,
});

function refuses(edit: BodyEdit): Refusal[] {
  return edit.get('parallel_tool_calls') === false
    ? [{ field: 'parallel_tool_calls', why: 'calls cannot be kept to one at a time' }]
    : [];
}

/** Tokens of thought for each effort, as LiteLLM has them. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 128,
  low: 1_024,
  medium: 2_048,
  high: 4_096,
  xhigh: 8_192,
  max: 16_384,
};

/** Configs name the host, the version or the whole path; the first version of the API is never spoken. */
const urlOf = ({ baseUrl }: Target): string => `${baseUrl.replace(/\/v[12](\/chat)?$/, '')}/v2/chat`;

const modelOf = ({ upstreamModel }: Target): string => upstreamModel.replace(/^v[12]\//, '');

function buildRequest(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest {
  const request = dialectRequest(input, target, changes, rulesFor(target.adapter.id));
  const { fields, note, isStream, headers, extraBody } = request;
  const model = modelOf(target);
  const isOne = fields['n'] === 1;
  if (isOne) note(needless('n'));
  if (isOne || fields['n'] === null) take(fields, 'n');
  if (fields['parallel_tool_calls'] === true) {
    take(fields, 'parallel_tool_calls');
    note(needless('parallel_tool_calls'));
  }
  if (typeof fields['stop_sequences'] === 'string') fields['stop_sequences'] = [fields['stop_sequences']];
  const made = {
    ...toolFields(request),
    ...formatFields(request),
    ...thinkingFields(request),
  };
  const body = {
    model,
    messages: cohereMessages(request, model),
    ...(input.request.stream !== undefined && { stream: isStream }),
    ...fields,
    ...made,
    ...extraBody,
  };
  return { url: urlOf(target), headers, body: JSON.stringify(body) };
}

function toolFields({ fields, note }: DialectRequest): JsonObject {
  noteToolMarks(fields['tools'], note);
  const tools = functionTools(take(fields, 'tools'));
  const choice = take(fields, 'tool_choice');
  const { named, must } = chosen(choice, note);
  const missing = named?.find((name) => !tools.some((tool) => tool.name === name));
  if (missing !== undefined) throw cannot('tool_choice', 'names a function that is not among the tools.');
  const kept = named ? tools.filter(({ name }) => named.includes(name)) : tools;
  if (kept.length < tools.length) note({ field: 'tools', action: 'dropped', note: 'those not chosen' });
  if (kept.length === 0) return {};
  const stricts = kept.filter(({ made }) => made['strict'] === true).length;
  if (stricts > 0) {
    const isForAll = stricts === kept.length;
    note(
      isForAll
        ? { field: 'tools.strict', action: 'renamed', note: 'strict_tools' }
        : { field: 'tools.strict', action: 'dropped', note: 'only for all tools or none' },
    );
  }
  return {
    tools: kept.map(({ name, made: { description, parameters } }) => ({
      type: 'function',
      function: {
        name,
        ...(textOf(description) !== undefined && { description }),
        parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} },
      },
    })),
    ...(stricts === kept.length && { strict_tools: true }),
    ...(must !== undefined && { tool_choice: must }),
  };
}

interface Chosen {
  /** Only these; all when absent. */
  readonly named?: readonly string[];
  readonly must?: 'REQUIRED' | 'NONE';
}

/** Cohere can demand a call or forbid it; to demand a certain one, only that tool is shown. */
function chosen(choice: unknown, note: DialectRequest['note']): Chosen {
  if (choice === undefined) return {};
  const word = textOf(choice) ?? (isObject(choice) ? textOf(choice['type']) : undefined) ?? '';
  switch (word.toLowerCase()) {
    case 'auto':
      note(needless('tool_choice'));
      return {};
    case 'none':
      return { must: 'NONE' };
    case 'required':
    case 'any':
      return { must: 'REQUIRED' };
    default:
      return isObject(choice) ? chosenTools(choice, note) : wrongChoice();
  }
}

function chosenTools(choice: JsonObject, note: DialectRequest['note']): Chosen {
  const allowed = isObject(choice['allowed_tools']) ? choice['allowed_tools'] : undefined;
  const given = allowed ? allowed['tools'] : [choice];
  const names = (Array.isArray(given) ? given : []).map((tool: unknown) =>
    isObject(tool) && isObject(tool['function']) ? textOf(tool['function']['name']) : undefined,
  );
  const known = names.filter((name) => name !== undefined);
  if (known.length === 0 || known.length < names.length) return wrongChoice();
  note({ field: 'tool_choice', action: 'emulated', note: 'only the tools chosen are sent' });
  return { named: known, ...((!allowed || allowed['mode'] === 'required') && { must: 'REQUIRED' as const }) };
}

function wrongChoice(): never {
  throw cannot('tool_choice', 'must be auto, none, required or the name of a function.');
}

function formatFields({ fields, note }: DialectRequest): JsonObject {
  const format = take(fields, 'response_format');
  if (!isObject(format)) return {};
  if (format['type'] !== 'json_schema') return { response_format: format };
  const schema = schemaOf(format);
  if (!isObject(schema)) throw cannot('response_format.json_schema', 'must hold a schema.');
  note({ field: 'response_format', action: 'renamed', note: 'json_object with a json_schema' });
  return { response_format: { type: 'json_object', json_schema: schema } };
}

function thinkingFields({ fields, note }: DialectRequest): JsonObject {
  const isEffort = fields['reasoning_effort'] !== undefined;
  const asked = takeThinking(fields);
  if (!asked) {
    if (isEffort) note(needless('reasoning_effort'));
    return {};
  }
  if (isEffort) note({ field: 'reasoning_effort', action: 'renamed', note: 'thinking' });
  if (!asked.isOn) return { thinking: { type: 'disabled' } };
  const budget = asked.budgetTokens ?? BUDGETS[asked.effort ?? ''];
  return { thinking: { type: 'enabled', ...(budget !== undefined && { token_budget: budget }) } };
}

const TOO_LONG = /too many tokens|maximum context length|exceeds? the (model's )?(maximum )?context/i;

/** 498: the prompt or the answer held something that Cohere forbids. */
function parseError(status: number, body: unknown): GatewayError | undefined {
  const said = isObject(body) ? textOf(body['message']) : textOf(body);
  const details = { upstreamStatus: status };
  if (status === 498) {
    return new GatewayError('content_policy_violation', said ?? 'Cohere refused what was said.', details);
  }
  if (said === undefined || status < 400 || status > 499 || !TOO_LONG.test(said)) return undefined;
  return status === 429 ? undefined : new GatewayError('context_window_exceeded', said, details);
}

function cohereAs(id: string): ProviderAdapter {
  return {
    id,
    defaultBaseUrl: 'https://api.cohere.com',
    apiKeyEnv: ['COHERE_API_KEY', 'CO_API_KEY'],
    baseUrlEnv: ['COHERE_API_BASE'],
    relaysBytes: false,
    buildRequest,
    parseResponse: completionReader({ whole: cohereCompletion }),
    createStreamDecoder: () => chunkDecoder({ whole: cohereEvents() }),
    parseError,
  };
}

export const cohere = cohereAs('cohere');
/** LiteLLM's other name for it. */
export const cohereChat = cohereAs('cohere_chat');
