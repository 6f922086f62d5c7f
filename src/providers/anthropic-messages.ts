/**
 * OpenAI's messages as Anthropic's system blocks and turns: leading system messages go to the top, neighbours of one
 * role become one turn, each tool result stands right behind its call. Sources: Anthropic's API reference, "Create a
 * Message", and its guides on vision, PDF support, tool use and extended thinking; LiteLLM's documentation of
 * `anthropic/`.
 */
import { invalidRequest } from '../errors.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Change } from './adapter.ts';
import { isBlank, partBlock, textBlock } from './anthropic-parts.ts';
import { exactInput, type RawInputs } from './anthropic-tool-input.ts';
import { noteUnread } from './unread-members.ts';

export interface MessageContext {
  /** A tool's name as Anthropic accepts it. */
  readonly nameOf: (name: string) => string;
  /** The model takes system messages between the turns. */
  readonly takesLateSystem: boolean;
  readonly rawInputs: RawInputs;
  readonly changes: Change[];
}

export interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: readonly JsonObject[];
}

export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly turns: readonly Turn[];
}

/** `detail` is told where images are read. */
const READ: ReadonlySet<string> = new Set(
  'reasoning_content thinking_blocks refusal provider_specific_fields cache_control is_error filename detail'.split(
    ' ',
  ),
);

const LATE_SYSTEM = 'Note from the operator of this conversation:\n';
const OPENING = 'Please continue.';
const NO_RESULT = 'The call was given up: there is no result.';

/** @throws GatewayError 400 for what cannot be said to Anthropic */
export function conversationOf(messages: readonly ChatMessage[], context: MessageContext): Conversation {
  noteUnread(messages, READ, (change) => noteOnce(context, change));
  const first = messages.findIndex(({ role }) => !isSystem(role));
  const leading = first === -1 ? messages : messages.slice(0, first);
  const system = leading.flatMap((message) => textBlocks(message));
  const reader = new TurnReader(context);
  const read = first === -1 ? [] : messages.slice(first).map((message, at) => reader.turnOf(message, first + at));
  const turns = withOpening(trimmed(merged(resultsBehindCalls(merged(read), context))), context);
  if (turns.length > 0) return { system, turns };
  if (system.length === 0) throw invalidRequest('No message holds any text or other content.', 'messages');
  noteOnce(context, { field: 'messages', action: 'emulated', note: 'the system prompt as the user’s turn' });
  return { system: [], turns: [{ role: 'user', content: system }] };
}

const isSystem = (role: unknown): boolean => role === 'system' || role === 'developer';

function noteOnce({ changes }: Pick<MessageContext, 'changes'>, change: Change): void {
  const isKnown = changes.some(({ field, note }) => field === change.field && note === change.note);
  if (!isKnown) changes.push(change);
}

/** The texts of a message without empty ones, which Anthropic refuses. */
function textBlocks(message: ChatMessage): JsonObject[] {
  const { content } = message;
  const parts: readonly unknown[] = typeof content === 'string' ? [content] : (content ?? []);
  const blocks = parts.flatMap((part) => {
    const text = isObject(part) ? part['text'] : part;
    return typeof text === 'string' && !isBlank(text) ? [textBlock(text, isObject(part) ? part : {})] : [];
  });
  return withMark(blocks, message);
}

/** A cache mark of a whole message belongs on its last block. */
function withMark(blocks: JsonObject[], { cache_control: mark }: ChatMessage): JsonObject[] {
  const last = blocks.at(-1);
  if (!isObject(mark) || !last || last['cache_control'] !== undefined || isThinking(last)) return blocks;
  return [...blocks.slice(0, -1), { ...last, cache_control: mark }];
}

export const isThinking = (block: JsonObject): boolean =>
  block['type'] === 'thinking' || block['type'] === 'redacted_thinking';

/** Those that Anthropic will take back: a thought without its signature is somebody else’s. */
export function signedThoughts(message: ChatMessage): JsonObject[] {
  const { thinking_blocks: own, content } = message;
  const parts = Array.isArray(content) ? content : [];
  const given: readonly unknown[] = [...(Array.isArray(own) ? own : []), ...parts];
  return given.filter((block): block is JsonObject => isObject(block) && isSigned(block));
}

const isSigned = (block: JsonObject): boolean =>
  (block['type'] === 'thinking' && textOf(block['signature']) !== undefined) ||
  (block['type'] === 'redacted_thinking' && textOf(block['data']) !== undefined);

class TurnReader {
  readonly #context: MessageContext;
  /** Of the old `function_call`, which has no id. */
  #functionCalls = 0;

  constructor(context: MessageContext) {
    this.#context = context;
  }

  turnOf(message: ChatMessage, at: number): Turn {
    const { role } = message;
    if (isSystem(role)) return this.#late(message);
    if (role === 'assistant') return { role, content: this.#said(message, at) };
    if (role === 'tool' || role === 'function') return { role: 'user', content: [this.#result(message, at)] };
    return { role: 'user', content: withMark(this.#parts(message, at), message) };
  }

  #late(message: ChatMessage): Turn {
    const content = textBlocks(message);
    if (this.#context.takesLateSystem || content.length === 0) return { role: 'system', content };
    this.#note('emulated', 'a later system message as the user’s text');
    const [first, ...rest] = content;
    return { role: 'user', content: [{ ...first, text: `${LATE_SYSTEM}${String(first?.['text'])}` }, ...rest] };
  }

  #parts({ content }: ChatMessage, at: number): JsonObject[] {
    const parts: readonly unknown[] = typeof content === 'string' ? [content] : (content ?? []);
    return parts.flatMap((part, index) => {
      const block = partBlock(part, `messages[${at}].content[${index}]`, (change) => noteOnce(this.#context, change));
      return block.type === 'text' && isBlank(block['text']) ? [] : [block];
    });
  }

  #said(message: ChatMessage, at: number): JsonObject[] {
    const echoed = echoedBlocks(message);
    if (echoed) return withMark([...echoed], message);
    const parts = this.#parts(message, at);
    const thoughts = parts.some(isThinking) ? [] : signedThoughts({ ...message, content: null });
    const unsigned = (block: JsonObject): boolean => isThinking(block) && !isSigned(block);
    this.#noteLostThoughts(message, thoughts.length + parts.filter(isSigned).length);
    const said = parts.filter((block) => !unsigned(block));
    const own = [...thoughts, ...(said.length > 0 ? said : refusal(message)), ...this.#calls(message, at)];
    return withMark(own, message);
  }

  #noteLostThoughts({ thinking_blocks: blocks, reasoning_content: text }: ChatMessage, kept: number): void {
    const given = Array.isArray(blocks) ? blocks.length : 0;
    if (kept < given || (kept === 0 && textOf(text) !== undefined)) {
      this.#note('dropped', 'reasoning_content and thinking_blocks without a signature of Anthropic’s');
    }
  }

  #calls(message: ChatMessage, at: number): JsonObject[] {
    const { tool_calls: calls, function_call: old } = message;
    const listed: readonly unknown[] = Array.isArray(calls) ? calls : [];
    const made = listed.filter(isObject).map((call, index) => this.#call(call, `messages[${at}].tool_calls[${index}]`));
    if (listed.length === 0 && isObject(old)) {
      this.#functionCalls++;
      made.push(this.#call({ id: this.#functionId(), function: old }, `messages[${at}].function_call`));
    }
    return made;
  }

  #functionId(): string {
    return `call_function_${this.#functionCalls}`;
  }

  #call(call: JsonObject, where: string): JsonObject {
    const made = isObject(call['function']) ? call['function'] : {};
    const mark = call['cache_control'] ?? made['cache_control'];
    const { input, wasClosed } = exactInput(made['arguments'], where, this.#context.rawInputs);
    if (wasClosed) this.#note('emulated', 'cut-off arguments of a tool call closed');
    return {
      type: 'tool_use',
      id: safeId(call['id'], where),
      name: this.#context.nameOf(textOf(made['name']) ?? ''),
      input,
      ...(isObject(mark) && { cache_control: mark }),
    };
  }

  #result(message: ChatMessage, at: number): JsonObject {
    const { content, tool_call_id: id, cache_control: mark, is_error: isError } = message;
    const isOld = message.role === 'function' && id === undefined;
    const said = typeof content === 'string' ? content : this.#parts(message, at);
    return {
      type: 'tool_result',
      tool_use_id: isOld ? this.#functionId() : safeId(id, `messages[${at}].tool_call_id`),
      ...(said.length > 0 && { content: said }),
      ...(isError === true && { is_error: true }),
      ...(isObject(mark) && { cache_control: mark }),
    };
  }

  #note(action: Change['action'], note: string): void {
    noteOnce(this.#context, { field: 'messages', action, note });
  }
}

/** What the assistant would not say is what it said, where it said nothing else. */
function refusal({ refusal: said }: ChatMessage): JsonObject[] {
  return typeof said === 'string' && !isBlank(said) ? [textBlock(said, {})] : [];
}

/** Anthropic takes letters, digits, `_` and `-` only; other providers’ ids hold more. */
function safeId(id: unknown, where: string): string {
  const text = textOf(id);
  if (text === undefined)
    throw invalidRequest(`'${where}' needs an id: a tool result is matched to its call by it.`, where);
  return text.replace(/[^a-zA-Z0-9_-]/g, '_');
}

/**
 * The blocks of an earlier answer exactly as Anthropic sent them, when the client has kept them and the rest of its
 * message still says the same. Searches and interleaved thoughts cannot be put together again from OpenAI’s fields.
 */
function echoedBlocks(message: ChatMessage): readonly JsonObject[] | undefined {
  const fields = message['provider_specific_fields'];
  const blocks: unknown = isObject(fields) ? fields['content_blocks'] : undefined;
  if (!Array.isArray(blocks) || blocks.length === 0 || !blocks.every(isObject)) return undefined;
  const texts = blocks.map((block) => (block['type'] === 'text' ? block['text'] : '')).join('');
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
  const { content, tool_calls: made } = message;
  const madeIds = (Array.isArray(made) ? made : []).map((call: unknown) => (isObject(call) ? call['id'] : undefined));
  const isSame = texts === (content ?? '') && JSON.stringify(calls) === JSON.stringify(madeIds);
  return isSame ? blocks.filter((block) => block['type'] !== 'text' || !isBlank(block['text'])) : undefined;
}

/** Neighbours of one role as one turn, turns without content left out. */
function merged(turns: readonly Turn[]): Turn[] {
  const all: { readonly role: Turn['role']; readonly content: JsonObject[] }[] = [];
  for (const { role, content } of turns) {
    if (content.length === 0) continue;
    const last = all.at(-1);
    if (last?.role === role) for (const block of content) last.content.push(block);
    else all.push({ role, content: [...content] });
  }
  return all;
}

/** Each turn with calls is followed by their results, in the order of the calls, before anything else is said. */
function resultsBehindCalls(turns: readonly Turn[], context: MessageContext): Turn[] {
  const callers = callersOf(turns);
  const results = new Map<number, JsonObject[]>();
  const rest = turns.map((turn, at) => {
    const content = turn.content.filter((block) => {
      const home = homeOf(block, at, callers);
      if (home !== undefined) put(results, home, block);
      return home === undefined;
    });
    return { ...turn, content: turn.role === 'user' ? resultsFirst(content) : content };
  });
  return rest.flatMap((turn, at) => {
    if (turn.role !== 'assistant') return [turn];
    const order = [...new Set(turn.content.filter(isCall).map(({ id }) => id))];
    const rankOf = new Map(order.map((id, rank) => [id, rank]));
    const rank = ({ tool_use_id: id }: JsonObject): number => rankOf.get(id) ?? -1;
    const given = results.get(at) ?? [];
    const isOver = at < turns.length - 1;
    const own = isOver ? [...given, ...missingResults(order, given, context)] : [...given];
    own.sort((one, other) => rank(one) - rank(other));
    return withOwnIds(turn, own, (id) => countBelow(callers.get(id) ?? [], at));
  });
}

function put<Key, Item>(lists: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

/** The conversation went on without them, which Anthropic refuses. */
function missingResults(
  calls: readonly unknown[],
  given: readonly JsonObject[],
  context: MessageContext,
): JsonObject[] {
  const answered = new Set(given.map(({ tool_use_id: id }) => id));
  const missing = [...new Set(calls)].filter((id) => !answered.has(id));
  if (missing.length > 0) {
    noteOnce(context, { field: 'messages', action: 'added', note: 'results for tool calls that have none' });
  }
  return missing.map((id) => ({ type: 'tool_result', tool_use_id: id, content: NO_RESULT, is_error: true }));
}

const isCall = ({ type }: JsonObject): boolean => type === 'tool_use';

/** Call id → the turns that use it. Some models count their calls anew in each turn. */
function callersOf(turns: readonly Turn[]): ReadonlyMap<unknown, readonly number[]> {
  const callers = new Map<unknown, number[]>();
  for (const [at, { role, content }] of turns.entries()) {
    if (role !== 'assistant') continue;
    for (const id of new Set(content.filter(isCall).map((block) => block['id']))) {
      put(callers, id, at);
    }
  }
  return callers;
}

/** The turn whose call it answers: the last before it, else the first of all. */
function homeOf(block: JsonObject, at: number, callers: ReadonlyMap<unknown, readonly number[]>): number | undefined {
  const turns = block['type'] === 'tool_result' ? callers.get(block['tool_use_id']) : undefined;
  return turns?.[countBelow(turns, at) - 1] ?? turns?.[0];
}

/** How many of these, which rise, are less: by halves, since one id may be used thousands of times. */
function countBelow(rising: readonly number[], limit: number): number {
  let [from, to] = [0, rising.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((rising[middle] ?? limit) < limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** An id that an earlier turn has used gets a number, because Anthropic takes each only once. */
function withOwnIds(turn: Turn, results: readonly JsonObject[], usesBefore: (id: unknown) => number): Turn[] {
  const own = (block: JsonObject, name: string): JsonObject => {
    const count = usesBefore(block[name]);
    return count <= 0 ? block : { ...block, [name]: `${String(block[name])}_${count + 1}` };
  };
  return [
    { ...turn, content: onceEach(turn.content).map((block) => (isCall(block) ? own(block, 'id') : block)) },
    { role: 'user', content: results.map((block) => own(block, 'tool_use_id')) },
  ];
}

/** A call that is there twice is one. */
function onceEach(blocks: readonly JsonObject[]): JsonObject[] {
  const seen = new Set<unknown>();
  return blocks.filter((block) => !isCall(block) || (!seen.has(block['id']) && seen.add(block['id'])));
}

const resultsFirst = (blocks: readonly JsonObject[]): JsonObject[] => [
  ...blocks.filter(({ type }) => type === 'tool_result'),
  ...blocks.filter(({ type }) => type !== 'tool_result'),
];

/** The beginning of the answer, which the model continues, must not end in white space. */
function trimmed(turns: readonly Turn[]): readonly Turn[] {
  const last = turns.at(-1);
  const block = last?.content.at(-1);
  if (last?.role !== 'assistant' || typeof block?.['text'] !== 'string') return turns;
  const content = [...last.content.slice(0, -1), { ...block, text: block['text'].trimEnd() }];
  return [...turns.slice(0, -1), { ...last, content }];
}

function withOpening(turns: readonly Turn[], context: MessageContext): readonly Turn[] {
  if (turns.length === 0 || turns[0]?.role === 'user') return turns;
  noteOnce(context, { field: 'messages', action: 'added', note: 'a first turn of the user' });
  return [{ role: 'user', content: [textBlock(OPENING, {})] }, ...turns];
}

/** Names of the tools that earlier turns called. */
export function calledTools(messages: readonly ChatMessage[]): string[] {
  const calls = messages.flatMap(({ tool_calls: made, function_call: old }) => [
    ...(Array.isArray(made) ? made : []).map((call: unknown) => (isObject(call) ? call['function'] : undefined)),
    old,
  ]);
  return calls.flatMap((made) => (isObject(made) ? (textOf(made['name']) ?? []) : []));
}
