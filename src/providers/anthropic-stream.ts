/**
 * Anthropic's streams as chat completion chunks: a state machine that knows every block by its index. Source: Anthropic's
 * guide "Streaming messages", which also asks that unknown events be ignored.
 */

import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject, numberOf, textOf, without } from '../lib/json.ts';
import type { ChatChunk, ChatChunkChoice, Usage } from '../wire/openai.ts';
import type { StreamDecoder } from './adapter.ts';
import {
  clientName,
  endingOf,
  extrasOf,
  isJsonTool,
  jsonAnswer,
  memoOf,
  refusalOf,
  type Stamp,
  systemStamp,
} from './anthropic-answer.ts';
import type { AnthropicMemo } from './anthropic-request.ts';
import { laterUsage, usageOf } from './anthropic-usage.ts';
import { eventObject } from './stream-event.ts';

export function messageDecoder(memo: unknown, stamp = systemStamp): StreamDecoder {
  const stream = new MessageStream(memoOf(memo), stamp);
  return (data) => stream.take(data);
}

/** One block of the answer as it grows. */
interface Growing {
  /** As Anthropic would send it whole. */
  block: Record<string, unknown>;
  /** JSON of a tool's input so far. */
  input: string;
  /** The call's place among those that the client sees; `undefined` for all other blocks. */
  readonly call: number | undefined;
}

type Delta = ChatChunkChoice['delta'];

class MessageStream {
  readonly #memo: AnthropicMemo;
  readonly #stamp: Stamp;
  readonly #all: Growing[] = [];
  readonly #byIndex = new Map<number, Growing>();
  #head: Pick<ChatChunk, 'id' | 'created' | 'model'> | undefined;
  #usage: JsonObject = {};
  #ending: JsonObject = {};
  #others: JsonObject = {};
  #calls = 0;
  /** Text that waits until it is known whether the answer comes as JSON. */
  #held = '';

  constructor(memo: AnthropicMemo, stamp: Stamp) {
    this.#memo = memo;
    this.#stamp = stamp;
  }

  /** @throws GatewayError for what is no event, and for an event that says that the upstream failed */
  take(data: string): ChatChunk[] {
    const event = eventOf(data);
    switch (event?.['type']) {
      case 'message_start':
        return this.#start(isObject(event['message']) ? event['message'] : {});
      case 'content_block_start':
        return this.#say(this.#open(numberOf(event['index']) ?? 0, objectOf(event['content_block'])));
      case 'content_block_delta':
        return this.#say(this.#grow(numberOf(event['index']) ?? 0, objectOf(event['delta'])));
      case 'content_block_stop':
        return this.#say(this.#close(numberOf(event['index']) ?? 0));
      case 'message_delta':
        return this.#turn(event);
      case 'message_stop':
        return this.#end();
      case 'error':
        throw failure(objectOf(event['error']));
      default:
        return []; // ping, and what Anthropic adds tomorrow.
    }
  }

  #start(message: JsonObject): ChatChunk[] {
    this.#byIndex.clear(); // A server that begins anew numbers its blocks anew.
    this.#usage = laterUsage(this.#usage, message['usage']);
    const isFirst = this.#head === undefined;
    this.#head ??= this.#headOf(message);
    const content: readonly unknown[] = Array.isArray(message['content']) ? message['content'] : [];
    const given = content
      .filter(isObject)
      .flatMap((block, index) => [...this.#open(index, block), ...this.#close(index)]);
    const deltas: Delta[] = isFirst ? [{ role: 'assistant', content: '' }, ...given] : given;
    // How much is said is not known yet; what has been read is.
    return [...this.#say(deltas), ...this.#count(without(this.#usage, 'output_tokens'))];
  }

  #headOf(message: JsonObject): Pick<ChatChunk, 'id' | 'created' | 'model'> {
    return {
      id: textOf(message['id']) ?? `chatcmpl-${this.#stamp.newId()}`,
      created: Math.floor(this.#stamp.nowMs() / 1000),
      model: textOf(message['model']) ?? '',
    };
  }

  #chunk(choices: ChatChunkChoice[], more: object = {}): ChatChunk {
    this.#head ??= this.#headOf({});
    return { ...this.#head, object: 'chat.completion.chunk', choices, ...more };
  }

  #say(deltas: readonly Delta[]): ChatChunk[] {
    return deltas.map((delta) => this.#chunk([{ index: 0, delta, finish_reason: null }]));
  }

  #count(usage: JsonObject): ChatChunk[] {
    return Object.keys(usage).length === 0 ? [] : [this.#chunk([], { usage: usageOf(usage) satisfies Usage })];
  }

  #open(index: number, given: JsonObject): Delta[] {
    const isCall = given['type'] === 'tool_use' && !isJsonTool(given, this.#memo);
    const id = isCall && textOf(given['id']) === undefined ? { id: `call_${this.#stamp.newId()}` } : {};
    const growing: Growing = { block: { ...given, ...id }, input: '', call: isCall ? this.#calls++ : undefined };
    this.#all.push(growing);
    this.#byIndex.set(index, growing);
    this.#follow(growing.block);
    const { block, call } = growing;
    if (call !== undefined) {
      const made = { name: clientName(block, this.#memo), arguments: '' };
      return [{ tool_calls: [{ index: call, id: block['id'], type: 'function', function: made }] }];
    }
    if (block['type'] === 'text') return this.#text(block['text']);
    return block['type'] === 'thinking' ? thought(block['thinking']) : [];
  }

  /** Anthropic may let another model go on; it is that one's answer then. */
  #follow({ type, to }: JsonObject): void {
    const model = type === 'fallback' && isObject(to) ? textOf(to['model']) : undefined;
    if (model !== undefined && this.#head) this.#head = { ...this.#head, model };
  }

  #text(text: unknown): Delta[] {
    if (typeof text !== 'string' || text === '') return [];
    if (this.#memo.json === undefined) return [{ content: text }];
    this.#held += text;
    return [];
  }

  #grow(index: number, delta: JsonObject): Delta[] {
    // A delta to nothing opens what it must belong to.
    const opened = this.#byIndex.has(index) ? [] : this.#open(index, blockFor(delta));
    const growing = this.#byIndex.get(index);
    if (!growing) return opened;
    return [...opened, ...this.#grown(growing, delta)];
  }

  #grown(growing: Growing, delta: JsonObject): Delta[] {
    const { block } = growing;
    switch (delta['type']) {
      case 'text_delta':
        append(block, 'text', delta['text']);
        return this.#text(delta['text']);
      case 'thinking_delta':
        append(block, 'thinking', delta['thinking']);
        return thought(delta['thinking']);
      case 'signature_delta':
        append(block, 'signature', delta['signature']);
        return [];
      case 'citations_delta':
        block['citations'] = [...(Array.isArray(block['citations']) ? block['citations'] : []), delta['citation']];
        return [];
      case 'input_json_delta':
        return this.#arguments(growing, delta['partial_json']);
      case 'compaction_delta':
        block['content'] = delta['content'];
        return [];
      default:
        return [];
    }
  }

  #arguments(growing: Growing, text: unknown): Delta[] {
    if (typeof text !== 'string' || text === '') return [];
    growing.input += text;
    if (isJsonTool(growing.block, this.#memo)) return this.#memo.json === 'plain' ? [{ content: text }] : [];
    return growing.call === undefined ? [] : [argumentsOf(growing.call, text)];
  }

  #close(index: number): Delta[] {
    const growing = this.#byIndex.get(index);
    if (!growing) return [];
    this.#byIndex.delete(index);
    const { block, input, call } = growing;
    if (input !== '') block['input'] = parsedOr(input, block['input']);
    if (isJsonTool(block, this.#memo)) {
      const isSaid = input !== '' && this.#memo.json === 'plain';
      return isSaid ? [] : [{ content: jsonAnswer(block['input'], this.#memo.json) }];
    }
    return call === undefined || input !== '' ? [] : [argumentsOf(call, JSON.stringify(objectOf(block['input'])))];
  }

  #turn(event: JsonObject): ChatChunk[] {
    const delta = objectOf(event['delta']);
    this.#ending = laterUsage(this.#ending, delta);
    this.#usage = laterUsage(this.#usage, event['usage']);
    const others = without(
      { ...event, ...delta },
      'type',
      'delta',
      'usage',
      'stop_reason',
      'stop_sequence',
      'stop_details',
    );
    this.#others = laterUsage(this.#others, others);
    return this.#count(this.#usage);
  }

  /** Only the protocol's own end finishes the answer: a stream that stops before it has been cut. */
  #end(): ChatChunk[] {
    const blocks = this.#all.map(({ block }) => block);
    const hasJson = blocks.some((block) => isJsonTool(block, this.#memo));
    const rest = this.#held !== '' && !hasJson ? [{ content: this.#held }] : [];
    const extras = { ...extrasOf(blocks, this.#memo), ...refusalOf(this.#ending) };
    const last = [...rest, ...(Object.keys(extras).length > 0 ? [extras] : [])];
    const tier = textOf(this.#usage['service_tier']);
    const finish = { index: 0, delta: {}, ...endingOf(this.#ending, blocks, this.#memo) };
    this.#held = '';
    return [
      ...this.#say(last),
      this.#chunk([finish], { ...this.#others, ...(tier !== undefined && { service_tier: tier }) }),
      ...this.#count(this.#usage),
    ];
  }
}

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

const thought = (text: unknown): Delta[] =>
  typeof text === 'string' && text !== '' ? [{ reasoning_content: text }] : [];

const argumentsOf = (index: number, text: string): Delta => ({
  tool_calls: [{ index, function: { arguments: text } }],
});

function append(block: Record<string, unknown>, name: string, text: unknown): void {
  if (typeof text === 'string') block[name] = `${typeof block[name] === 'string' ? block[name] : ''}${text}`;
}

const KINDS: ReadonlyMap<unknown, JsonObject> = new Map<unknown, JsonObject>([
  ['text_delta', { type: 'text', text: '' }],
  ['thinking_delta', { type: 'thinking', thinking: '' }],
  ['signature_delta', { type: 'thinking', thinking: '' }],
]);

const blockFor = ({ type }: JsonObject): JsonObject => KINDS.get(type) ?? {};

function parsedOr(text: string, absent: unknown): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return absent; // The model ran out of tokens: the client has the text as it came.
  }
}

function eventOf(data: string): JsonObject | undefined {
  const text = data.trim();
  if (text === '' || text === '[DONE]') return undefined;
  return eventObject(text);
}

const failure = (error: JsonObject): GatewayError =>
  new GatewayError('upstream_failed', textOf(error['message']) ?? 'The upstream failed.', { upstream: error });
