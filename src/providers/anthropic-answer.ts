/**
 * Anthropic's answers as chat completions. What OpenAI has no field for stays in `provider_specific_fields`. Sources:
 * Anthropic's API reference, "Messages"; LiteLLM's documentation of reasoning content, citations and web search.
 */
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, textOf, without } from '../lib/json.ts';
import type { ChatCompletion, ChatMessage } from '../wire/openai.ts';
import { isThinking } from './anthropic-messages.ts';
import { type AnthropicMemo, JSON_TOOL } from './anthropic-request.ts';
import type { JsonMode } from './anthropic-schema.ts';
import { usageOf } from './anthropic-usage.ts';

/** For what no upstream said. */
export interface Stamp {
  nowMs(): number;
  newId(): string;
}

export const systemStamp: Stamp = {
  nowMs: () => Date.now(),
  newId: () => crypto.randomUUID().replaceAll('-', ''),
};

const FINISHES: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  compaction: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

export interface Ending {
  readonly finish_reason: string;
  readonly provider_specific_fields?: JsonObject;
}

/**
 * @param said holds `stop_reason`, `stop_sequence` and `stop_details`
 * @param blocks of the whole message
 */
export function endingOf(said: JsonObject, blocks: readonly JsonObject[], memo: AnthropicMemo): Ending {
  const reason = textOf(said['stop_reason']);
  const { stop_sequence: sequence, stop_details: details } = said;
  const finish_reason = finishOf(reason, blocks, memo);
  if (reason === undefined) return { finish_reason };
  return {
    finish_reason,
    provider_specific_fields: {
      native_finish_reason: reason,
      ...(typeof sequence === 'string' && { stop_sequence: sequence }),
      ...(isObject(details) && { stop_details: details }),
    },
  };
}

/** A call that a tool of Anthropic's own made and that is answered is none for the client: more follows it. */
function finishOf(reason: string | undefined, blocks: readonly JsonObject[], memo: AnthropicMemo): string {
  const known = (reason !== undefined && Object.hasOwn(FINISHES, reason) && FINISHES[reason]) || 'stop';
  const last = blocks.at(-1);
  if (known === 'stop') return last?.['type'] === 'tool_use' && !isJsonTool(last, memo) ? 'tool_calls' : known;
  const calls = blocks.filter(({ type }) => type === 'tool_use');
  const isAnswer = known === 'tool_calls' && calls.length > 0 && calls.every((block) => isJsonTool(block, memo));
  return isAnswer ? 'stop' : known;
}

/** What the model says of its refusal. */
export function refusalOf({ stop_reason: reason, stop_details: details }: JsonObject): JsonObject {
  const words = reason === 'refusal' && isObject(details) ? textOf(details['explanation']) : undefined;
  return words === undefined ? {} : { refusal: words };
}

export const memoOf = (memo: unknown): AnthropicMemo =>
  // Made by buildRequest; absent where a body is read without its request.
  isObject(memo) ? (memo as AnthropicMemo) : {};

export const isJsonTool = (block: JsonObject, { json }: AnthropicMemo): boolean =>
  json !== undefined && block['type'] === 'tool_use' && block['name'] === JSON_TOOL;

export function clientName(block: JsonObject, { names }: AnthropicMemo): string {
  const name = textOf(block['name']) ?? '';
  return (names && Object.hasOwn(names, name) ? names[name] : undefined) ?? name;
}

/** The answer in the arguments of the tool that was made for it. */
export function jsonAnswer(input: unknown, mode: JsonMode | undefined): string {
  const held = mode === 'wrapped' && isObject(input) && 'value' in input ? input['value'] : input;
  return JSON.stringify(held ?? {});
}

const textIn = (block: JsonObject, name: string): string =>
  typeof block[name] === 'string' ? String(block[name]) : '';

/** @throws GatewayError `upstream_protocol` for what is no message */
export function completionOf(raw: unknown, given: unknown, stamp = systemStamp): ChatCompletion {
  if (!isObject(raw) || !Array.isArray(raw['content'])) {
    throw new GatewayError('upstream_protocol', 'The upstream answered with something that is not a chat completion.');
  }
  const memo = memoOf(given);
  const blocks = raw['content'].filter(isObject);
  const calls = callsIn(blocks, memo, stamp);
  const json = blocks.filter((block) => isJsonTool(block, memo));
  const content = json.length > 0 ? json.map(({ input }) => jsonAnswer(input, memo.json)).join('') : textOfAll(blocks);
  const thoughts = blocks.map((block) => (block['type'] === 'thinking' ? textIn(block, 'thinking') : '')).join('');
  const { usage, container, ...rest } = without(
    raw,
    'type',
    'role',
    'content',
    'stop_reason',
    'stop_sequence',
    'stop_details',
  );
  const tier = isObject(usage) ? textOf(usage['service_tier']) : undefined;
  return {
    ...rest,
    ...(isObject(container) && { container }),
    id: textOf(raw['id']) ?? `chatcmpl-${stamp.newId()}`,
    object: 'chat.completion',
    created: Math.floor(stamp.nowMs() / 1000),
    model: textOf(raw['model']) ?? '',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: content === '' ? null : content,
          ...(thoughts !== '' && { reasoning_content: thoughts }),
          ...(calls.length > 0 && { tool_calls: calls }),
          ...extrasOf(blocks, memo),
          ...refusalOf(raw),
        } as ChatMessage,
        ...endingOf(raw, blocks, memo),
      },
    ],
    ...(tier !== undefined && { service_tier: tier }),
    ...(isObject(usage) && { usage: usageOf(usage) }),
  };
}

const textOfAll = (blocks: readonly JsonObject[]): string =>
  blocks.map((block) => (block['type'] === 'text' ? textIn(block, 'text') : '')).join('');

function callsIn(blocks: readonly JsonObject[], memo: AnthropicMemo, stamp: Stamp): JsonObject[] {
  const calls = blocks.filter((block) => block['type'] === 'tool_use' && !isJsonTool(block, memo));
  return calls.map((block) => ({
    id: textOf(block['id']) ?? `call_${stamp.newId()}`,
    type: 'function',
    function: {
      name: clientName(block, memo),
      arguments: JSON.stringify(isObject(block['input']) ? block['input'] : {}),
    },
  }));
}

/** What of a message is only known when all of it is there: blocks to send back, sources, what tools of Anthropic's own said. */
export function extrasOf(blocks: readonly JsonObject[], memo: AnthropicMemo): JsonObject {
  const thinking = blocks.filter(isThinking);
  const annotations = memo.json === undefined ? annotationsOf(blocks) : [];
  const fields = fieldsOf(blocks);
  return {
    ...(thinking.length > 0 && { thinking_blocks: thinking }),
    ...(annotations.length > 0 && { annotations }),
    ...(Object.keys(fields).length > 0 && { provider_specific_fields: fields }),
  };
}

function fieldsOf(blocks: readonly JsonObject[]): JsonObject {
  const citations = blocks.flatMap(({ citations: own }) => (Array.isArray(own) && own.length > 0 ? [own] : []));
  const results = blocks.filter(({ type }) => typeof type === 'string' && type.endsWith('_tool_result'));
  const isSearch = ({ type }: JsonObject): boolean => type === 'web_search_tool_result';
  const [found, others] = [results.filter(isSearch), results.filter((block) => !isSearch(block))];
  return {
    ...(citations.length > 0 && { citations }),
    ...(found.length > 0 && { web_search_results: found }),
    ...(others.length > 0 && { tool_results: others }),
    ...(!isPlain(blocks) && { content_blocks: blocks }),
  };
}

/** Whether the blocks can be made again from OpenAI's fields: thoughts, then text, then calls, and nothing else in them. */
function isPlain(blocks: readonly JsonObject[]): boolean {
  let stage = 0;
  for (const block of blocks) {
    const at = STAGES.get(block['type']);
    const hasMore = Array.isArray(block['citations']) || block['caller'] !== undefined;
    if (at === undefined || at < stage || hasMore) return false;
    stage = at;
  }
  return true;
}

const STAGES: ReadonlyMap<unknown, number> = new Map([
  ['thinking', 0],
  ['redacted_thinking', 0],
  ['text', 1],
  ['tool_use', 2],
]);

/** Sources with an address as OpenAI's annotations, each for the stretch of text that it supports. */
function annotationsOf(blocks: readonly JsonObject[]): JsonObject[] {
  let end = 0;
  return blocks
    .filter(({ type }) => type === 'text')
    .flatMap((block) => {
      const start = end;
      end += textIn(block, 'text').length;
      const citations = Array.isArray(block['citations']) ? block['citations'].filter(isObject) : [];
      return citations.flatMap((citation) => annotationOf(citation, start, end));
    });
}

function annotationOf(citation: JsonObject, start: number, end: number): JsonObject[] {
  const url = textOf(citation['url']) ?? textOf(citation['source']);
  if (url === undefined) return [];
  const title = textOf(citation['title']) ?? '';
  return [{ type: 'url_citation', url_citation: { url, title, start_index: start, end_index: end } }];
}
