/**
 * A conversation in OpenAI's shape → Converse's `system` and `messages`. Turns alternate there, tool results stand in the
 * user's turn, and what a model thought is sent back as it was. Source: AWS's API reference, "Converse", and its guide on tool use; LiteLLM's documentation of `bedrock/`.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, parsedJson, textOf } from '../lib/json.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Change } from './adapter.ts';
import { closedJson } from './anthropic-tool-input.ts';
import { callId, type ToolNames } from './bedrock-names.ts';
import { blocksOfPart, cachePoint, ownNames, textBlock } from './bedrock-parts.ts';
import { noteUnread } from './unread-members.ts';

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: readonly JsonObject[];
}

export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly messages: readonly Turn[];
}

export interface Translation {
  readonly names: ToolNames;
  note(change: Change): void;
}

const READ: ReadonlySet<string> = new Set(
  'reasoning_content thinking_blocks refusal cache_control is_error filename'.split(' '),
);
/** Converse wants the user to begin. */
const OPENING = 'Please continue.';
const NO_RESULT = 'The call was given up: there is no result.';
const LOST_THOUGHTS = 'reasoning_content and thinking_blocks without a signature';

/** @throws GatewayError 400 that names the message at fault */
export function conversationOf(messages: readonly ChatMessage[], translation: Translation): Conversation {
  noteUnread(messages, READ, translation.note);
  const isSystem = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer';
  const found = messages.findIndex((message) => !isSystem(message));
  const count = found === -1 ? messages.length : found;
  const system = messages.slice(0, count).flatMap((message, at) => contentBlocks(message, `messages[${at}]`));
  const turns = new Turns(translation);
  for (const [at, message] of messages.entries()) if (at >= count) turns.add(message, `messages[${at}]`);
  const made = turns.finished();
  if (made[0]?.role === 'assistant') {
    translation.note({ field: 'messages', action: 'added', note: 'a first turn of the user' });
    return { system, messages: [{ role: 'user', content: [{ text: OPENING }] }, ...made] };
  }
  if (made.length > 0) return { system, messages: made };
  if (system.length === 0) throw invalidRequest('No message holds any text or other content.', 'messages');
  translation.note({ field: 'messages', action: 'emulated', note: 'the system prompt as the user’s turn' });
  return { system: [], messages: [{ role: 'user', content: system }] };
}

/** Names of all tools that were called in a conversation. */
export function calledNames(messages: readonly ChatMessage[]): string[] {
  return messages.flatMap((message) =>
    callsOf(message).flatMap((call) => (isObject(call['function']) ? (textOf(call['function']['name']) ?? []) : [])),
  );
}

/** Whether tools have a part in it: Converse then wants to be told of them. */
export const usesTools = (messages: readonly ChatMessage[]): boolean =>
  messages.some((message) => message.role === 'tool' || callsOf(message).length > 0);

function callsOf(message: ChatMessage): JsonObject[] {
  const calls: unknown = message['tool_calls'];
  return Array.isArray(calls) ? calls.filter(isObject) : [];
}

function contentBlocks({ content, cache_control: mark }: ChatMessage, where: string): JsonObject[] {
  const parts = Array.isArray(content) ? content : typeof content === 'string' ? [content] : [];
  const blocks = parts.flatMap((part: unknown, at) => blocksOfPart(part, `${where}.content[${at}]`));
  const point = cachePoint(mark);
  return point && blocks.length > 0 ? [...blocks, point] : blocks;
}

class Turns {
  readonly #turns: { role: Turn['role']; content: JsonObject[] }[] = [];
  readonly #translation: Translation;
  readonly #named = ownNames();

  constructor(translation: Translation) {
    this.#translation = translation;
  }

  add(message: ChatMessage, where: string): void {
    const isAssistant = message.role === 'assistant';
    const blocks = isAssistant ? this.#answer(message, where) : this.#question(message, where);
    if (blocks.length === 0) return;
    const role = isAssistant ? 'assistant' : 'user';
    const last = this.#turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else this.#turns.push({ role, content: blocks });
  }

  finished(): Turn[] {
    return this.#turns.map((turn, at) => {
      const before = this.#turns[at - 1];
      if (turn.role === 'user') return { ...turn, content: this.#answered(turn.content, before?.content ?? []) };
      return at === this.#turns.length - 1 ? { ...turn, content: withoutTrail(turn.content) } : turn;
    });
  }

  /** Calls that the conversation left behind are given a result, without which Converse refuses it. */
  #answered(content: readonly JsonObject[], before: readonly JsonObject[]): JsonObject[] {
    const given = new Set(content.map(resultId));
    const missing = callIdsIn(before).filter((id) => !given.has(id));
    if (missing.length > 0) {
      this.#translation.note({ field: 'messages', action: 'added', note: 'results for tool calls that have none' });
    }
    const made = missing.map((toolUseId) => ({
      toolResult: { toolUseId, content: [{ text: NO_RESULT }], status: 'error' },
    }));
    return resultsFirst([...content, ...made], before);
  }

  #question(message: ChatMessage, where: string): JsonObject[] {
    if (message.role === 'tool') return [this.#result(message, where), ...marks(message)];
    if (message.role === 'system' || message.role === 'developer') {
      this.#translation.note({ field: 'messages', action: 'emulated', note: 'a late system message as the user’s' });
    }
    return contentBlocks(message, where).map(this.#named);
  }

  #result(message: ChatMessage, where: string): JsonObject {
    const id = textOf(message['tool_call_id']);
    if (id === undefined) throw invalidRequest(`'${where}.tool_call_id' is missing.`, `${where}.tool_call_id`);
    const content = contentBlocks({ role: 'tool', content: message.content ?? '' }, where).filter(
      (block) => block['cachePoint'] === undefined,
    );
    const isFailure = message['is_error'] === true;
    return {
      toolResult: {
        toolUseId: callId(id),
        // A result without words is one all the same.
        content: content.length > 0 ? content.map(this.#named) : [{ text: '(empty)' }],
        ...(isFailure && { status: 'error' }),
      },
    };
  }

  #answer(message: ChatMessage, where: string): JsonObject[] {
    const calls = callsOf(message).map((call, at) => this.#call(call, `${where}.tool_calls[${at}]`));
    return [...this.#thoughts(message), ...answerText(message, where), ...calls];
  }

  #call(call: JsonObject, where: string): JsonObject {
    const made = isObject(call['function']) ? call['function'] : {};
    const [id, name] = [textOf(call['id']), textOf(made['name'])];
    if (id === undefined || name === undefined) {
      throw invalidRequest(`'${where}' needs 'id' and 'function.name'.`, where);
    }
    const { input, wasClosed } = inputOf(made['arguments'], `${where}.function.arguments`);
    if (wasClosed) {
      const note = 'cut-off arguments of a tool call closed';
      this.#translation.note({ field: 'messages', action: 'emulated', note });
    }
    return { toolUse: { toolUseId: callId(id), name: this.#translation.names.sent(name), input } };
  }

  #thoughts(message: ChatMessage): JsonObject[] {
    const given: unknown = message['thinking_blocks'];
    const blocks = wholeThoughts(Array.isArray(given) ? given.filter(isObject) : []);
    const kept = blocks.filter(isSigned);
    const isLost =
      kept.length < blocks.length || (blocks.length === 0 && textOf(message['reasoning_content']) !== undefined);
    if (isLost) this.#translation.note({ field: 'messages', action: 'dropped', note: LOST_THOUGHTS });
    return kept.map(thoughtBlock);
  }
}

const marks = (message: ChatMessage): JsonObject[] => {
  const point = cachePoint(message['cache_control']);
  return point ? [point] : [];
};

function answerText(message: ChatMessage, where: string): JsonObject[] {
  const blocks = contentBlocks(message, where);
  const refusal = textOf(message['refusal']);
  const refused = blocks.length === 0 && refusal !== undefined ? textBlock(refusal) : undefined;
  return refused ? [refused] : blocks;
}

interface Input {
  readonly input: JsonObject;
  readonly wasClosed: boolean;
}

function inputOf(text: unknown, where: string): Input {
  if (isObject(text)) return { input: text, wasClosed: false };
  const said = typeof text === 'string' ? text.trim() : '';
  if (said === '' && (typeof text === 'string' || text === undefined || text === null)) {
    return { input: {}, wasClosed: false };
  }
  const [whole, closed] = [parsedJson(said), parsedJson(closedJson(said))];
  const input = [whole, closed].find(isObject);
  if (!input) throw invalidRequest(`'${where}' must be the JSON text of an object.`, where);
  return { input, wasClosed: input !== whole };
}

/** A client that joined a stream by itself may hold a thought in pieces, the last of which is signed. */
function wholeThoughts(blocks: readonly JsonObject[]): JsonObject[] {
  const whole: JsonObject[] = [];
  let isOpen = false;
  for (const block of blocks) {
    const last = whole.at(-1);
    const isThought = block['type'] === 'thinking';
    if (isThought && isOpen && last) whole[whole.length - 1] = joined(last, block);
    else whole.push(block);
    isOpen = isThought && textOf(block['signature']) === undefined;
  }
  return whole;
}

const joined = (one: JsonObject, other: JsonObject): JsonObject => ({
  ...one,
  ...other,
  thinking: `${textOf(one['thinking']) ?? ''}${textOf(other['thinking']) ?? ''}`,
});

const isSigned = (block: JsonObject): boolean =>
  textOf(block['signature']) !== undefined || block['type'] === 'redacted_thinking';

function thoughtBlock(block: JsonObject): JsonObject {
  if (block['type'] === 'redacted_thinking') return { reasoningContent: { redactedContent: block['data'] } };
  const { thinking, signature } = block;
  return {
    reasoningContent: {
      reasoningText: {
        text: typeof thinking === 'string' ? thinking : '',
        ...(signature !== undefined && { signature }),
      },
    },
  };
}

const resultId = (block: JsonObject | undefined): unknown =>
  isObject(block?.['toolResult']) ? block['toolResult']['toolUseId'] : undefined;

const callIdsIn = (content: readonly JsonObject[]): unknown[] =>
  content.flatMap(({ toolUse }) => (isObject(toolUse) ? [toolUse['toolUseId']] : []));

/** Results come before anything else of their turn, in the order of the calls; a cache point stays behind its block. */
function resultsFirst(content: readonly JsonObject[], before: readonly JsonObject[]): JsonObject[] {
  const order = new Map(callIdsIn(before).map((id, at) => [id, at]));
  const groups: JsonObject[][] = [];
  for (const block of content) {
    if (block['cachePoint'] !== undefined && groups.length > 0) groups.at(-1)?.push(block);
    else groups.push([block]);
  }
  const rank = ([first]: JsonObject[]): number => {
    const id = resultId(first);
    return id === undefined ? Number.POSITIVE_INFINITY : (order.get(id) ?? Number.MAX_SAFE_INTEGER);
  };
  // Of two others the difference of infinities would be no number.
  return groups.sort((a, b) => rank(a) - rank(b) || 0).flat();
}

/** A prefill must not end in white space. */
function withoutTrail(content: readonly JsonObject[]): JsonObject[] {
  const last = content.at(-1);
  if (typeof last?.['text'] !== 'string') return [...content];
  return [...content.slice(0, -1), { text: last['text'].trimEnd() }];
}
