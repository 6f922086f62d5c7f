/**
 * Ollama's own chat API. Sources: Ollama's API documentation, "Generate a chat message", "Structured outputs" and
 * "Thinking"; LiteLLM's documentation of `ollama/` and `ollama_chat/`.
 */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';
import type { Change, ChatInput, ProviderAdapter, Target, UpstreamRequest } from './adapter.ts';
import type { BodyEdit } from './body-edit.ts';
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
import { ollamaMessages } from './ollama-messages.ts';
import { chunkDecoder, completionReader } from './openai-decoder.ts';
import type { ParameterRules, Refusal } from './parameters.ts';
import { withTaggedThoughts } from './tagged-thoughts.ts';
import { noteToolMarks } from './unread-members.ts';

const UNSUPPORTED = `n logit_bias functions function_call modalities audio prediction web_search_options store verbosity
  prompt_cache_retention prompt_cache_key safety_identifier user service_tier stream_options`.split(/\s+/);

const rulesFor = (id: string): ParameterRules => ({
  id,
  renames: () => [],
  unsupported: new Set(UNSUPPORTED),
  refuses,
});

function refuses(edit: BodyEdit): Refusal[] {
  const refused: Refusal[] = [];
  const choice = edit.get('tool_choice');
  if (edit.has('tool_choice') && !CHOICES.has(wordOf(choice))) {
    refused.push({ field: 'tool_choice', why: 'only auto and none' });
  }
  if (edit.get('parallel_tool_calls') === false) {
    refused.push({ field: 'parallel_tool_calls', why: 'calls cannot be kept to one at a time' });
  }
  return refused;
}

const CHOICES: ReadonlySet<unknown> = new Set(['auto', 'none']);
const wordOf = (choice: unknown): unknown => (isObject(choice) ? choice['type'] : choice);

/** OpenAI's names of what Ollama calls options. The penalties mean the same; `repeat_penalty` means something else. */
const AS_OPTIONS: Readonly<Record<string, string>> = {
  max_tokens: 'num_predict',
  max_completion_tokens: 'num_predict',
  temperature: 'temperature',
  top_p: 'top_p',
  seed: 'seed',
  stop: 'stop',
  frequency_penalty: 'frequency_penalty',
  presence_penalty: 'presence_penalty',
};

/** Ollama's own options, which clients and configs give beside the other parameters. */
const OPTIONS =
  `num_keep num_predict top_k min_p typical_p repeat_last_n repeat_penalty mirostat mirostat_tau mirostat_eta
  penalize_newline numa num_ctx num_batch num_gpu main_gpu low_vram vocab_only use_mmap use_mlock num_thread tfs_z`.split(
    /\s+/,
  );

/** Configs give the server's address, or that of one of its two APIs. */
const urlOf = ({ baseUrl }: Target): string => `${baseUrl.replace(/\/(api(\/chat)?|v1)$/, '')}/api/chat`;

function buildRequest(input: ChatInput, target: Target, changes: Change[]): UpstreamRequest {
  const request = dialectRequest(input, target, changes, rulesFor(target.adapter.id));
  const { fields, note, headers, extraBody, isStream } = request;
  for (const [name, only] of [
    ['n', 1],
    ['parallel_tool_calls', true],
  ] as const) {
    if (fields[name] !== only) continue;
    take(fields, name);
    note(needless(name));
  }
  const made = {
    ...optionFields(request),
    ...toolFields(request),
    ...formatFields(request),
    ...thinkFields(request, target.upstreamModel),
  };
  const body = {
    model: target.upstreamModel,
    messages: ollamaMessages(request),
    // Ollama streams unless it is told not to.
    stream: isStream,
    ...fields,
    ...made,
    ...extraBody,
  };
  return { url: urlOf(target), headers, body: JSON.stringify(body) };
}

function optionFields({ fields, note }: DialectRequest): JsonObject {
  const own = take(fields, 'options');
  const options: Record<string, unknown> = {};
  for (const name of OPTIONS) moveOption(fields, options, [name, name], note);
  for (const pair of Object.entries(AS_OPTIONS)) moveOption(fields, options, pair, note);
  if (typeof options['stop'] === 'string') options['stop'] = [options['stop']];
  const all = { ...options, ...(isObject(own) ? own : {}) };
  return Object.keys(all).length === 0 ? {} : { options: all };
}

function moveOption(
  fields: Record<string, unknown>,
  options: Record<string, unknown>,
  [from, to]: readonly [string, string],
  note: DialectRequest['note'],
): void {
  if (fields[from] === undefined) return;
  options[to] = take(fields, from);
  note({ field: from, action: 'renamed', note: `options.${to}` });
}

function toolFields({ fields, note }: DialectRequest): JsonObject {
  noteToolMarks(fields['tools'], note);
  const tools = functionTools(take(fields, 'tools'));
  const choice = wordOf(take(fields, 'tool_choice'));
  if (choice === 'auto') note(needless('tool_choice'));
  if (choice === 'none') {
    note({ field: 'tool_choice', action: 'emulated', note: 'no tools are sent' });
    if (tools.length > 0) note({ field: 'tools', action: 'dropped', note: 'tool_choice none' });
    return {};
  }
  if (tools.length === 0) return {};
  if (tools.some(({ made }) => made['strict'] === true)) {
    note({ field: 'tools.strict', action: 'dropped', note: 'not supported' });
  }
  return {
    tools: tools.map(({ name, made: { description, parameters } }) => ({
      type: 'function',
      function: {
        name,
        description: textOf(description) ?? '',
        parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} },
      },
    })),
  };
}

function formatFields({ fields, note }: DialectRequest): JsonObject {
  const format = take(fields, 'response_format');
  if (!isObject(format)) return {};
  if (format['type'] === 'text') {
    note(needless('response_format'));
    return {};
  }
  note({ field: 'response_format', action: 'renamed', note: 'format' });
  if (format['type'] !== 'json_schema') return { format: 'json' };
  const schema = schemaOf(format);
  if (!isObject(schema)) throw cannot('response_format.json_schema', 'must hold a schema.');
  return { format: schema };
}

/** gpt-oss thinks more or less; the others think or do not. */
const HAS_LEVELS = /gpt-oss/;
const LEVELS: Readonly<Record<string, string>> = { minimal: 'low', low: 'low', medium: 'medium', xhigh: 'high' };

function thinkFields({ fields, note }: DialectRequest, model: string): JsonObject {
  const asked = ['reasoning_effort', 'thinking'].filter((name) => fields[name] !== undefined);
  const thinking = takeThinking(fields);
  if (!thinking) {
    for (const name of asked) note(needless(name));
    return {};
  }
  for (const name of asked) note({ field: name, action: 'renamed', note: 'think' });
  if (!thinking.isOn) return { think: false };
  const level = thinking.effort === undefined ? undefined : (LEVELS[thinking.effort] ?? 'high');
  return { think: HAS_LEVELS.test(model) ? (level ?? true) : true };
}

/** A whole answer, or one line of a stream, in OpenAI's shape. `{}` when it is neither. */
function openAiShape(body: JsonObject, place: 'message' | 'delta'): JsonObject {
  const { message, done, done_reason: reason, created_at: createdAt, logprobs, ...others } = body;
  const { prompt_eval_count: prompt, eval_count: completion, ...rest } = others;
  if (!isObject(message) && (place === 'message' || done !== true)) return place === 'message' ? {} : { choices: [] };
  const created = Date.parse(textOf(createdAt) ?? '');
  return {
    ...rest,
    ...(!Number.isNaN(created) && { created: Math.floor(created / 1000) }),
    choices: [
      {
        index: 0,
        [place]: messageOf(isObject(message) ? message : {}),
        finish_reason: done === true ? (reason ?? 'stop') : null,
        ...(Array.isArray(logprobs) && { logprobs: { content: logprobs, refusal: null } }),
      },
    ],
    ...(done === true && { usage: usageOf(prompt, completion) }),
  };
}

function messageOf(message: JsonObject): JsonObject {
  const { thinking, tool_calls: calls, content, ...rest } = message;
  return {
    ...rest,
    content: content ?? null,
    ...(textOf(thinking) !== undefined && { reasoning_content: thinking }),
    ...(Array.isArray(calls) && calls.length > 0 && { tool_calls: calls.filter(isObject).map(wholeCall) }),
  };
}

/** Calls always come whole, several with one number or none: only a name of its own opens a call. */
function wholeCall(call: JsonObject): JsonObject {
  const { index: _, ...made } = isObject(call['function']) ? call['function'] : {};
  const { index: __, ...rest } = call;
  return { ...rest, function: made };
}

/** A count that is not told is left out, and estimated where it is metered. */
function usageOf(prompt: unknown, completion: unknown): JsonObject {
  const [read, written] = [numberOf(prompt), numberOf(completion)];
  return {
    ...(read !== undefined && { prompt_tokens: read }),
    ...(written !== undefined && { completion_tokens: written }),
    ...(read !== undefined && written !== undefined && { total_tokens: read + written }),
  };
}

const TOO_LONG = /exceed(s|ed|ing)?\b.*\bcontext|context (length|window|size) exceeded|prompt (is )?too long/i;

function parseError(status: number, body: unknown): GatewayError | undefined {
  const said = isObject(body) ? textOf(body['error']) : undefined;
  if (said === undefined || !TOO_LONG.test(said)) return undefined;
  return new GatewayError('context_window_exceeded', said, { upstreamStatus: status });
}

function ollamaAs(id: string): ProviderAdapter {
  // Models without a template for thoughts write them into their text.
  return withTaggedThoughts({
    id,
    defaultBaseUrl: 'http://localhost:11434',
    apiKeyEnv: ['OLLAMA_API_KEY'],
    baseUrlEnv: ['OLLAMA_API_BASE'],
    relaysBytes: false,
    framing: 'ndjson',
    buildRequest,
    parseResponse: completionReader({ whole: (body) => openAiShape(body, 'message') }),
    createStreamDecoder: () => chunkDecoder({ whole: (body) => openAiShape(body, 'delta') }),
    parseError,
  });
}

/** Both of LiteLLM's names mean the same chat here. */
export const ollama = ollamaAs('ollama');
export const ollamaChat = ollamaAs('ollama_chat');
