/**
 * OpenAI's own server-sent events, relayed as bytes. Nothing is parsed or serialised again but the events that must
 * change: the `model` text is spliced, usage is read and taken out, errors and the end are recognised.
 *
 * Searching in bytes is sound because JSON escapes every quote inside a string: the bytes `"usage"` can only be a real
 * JSON string, never a part of what a model wrote.
 */
import { GatewayError } from '../errors.ts';
import { topLevelMembers } from '../lib/json-members.ts';
import type { StreamBody, StreamTally } from './call.ts';
import {
  frame,
  MAX_EVENT_BYTES,
  newTally,
  type StreamContext,
  truncated,
  type UpstreamBytes,
  usageChunk,
} from './stream-source.ts';

const DATA = /^data: ?/;
const NEWLINE = 10;

export class RelayStream implements StreamBody {
  readonly tally: StreamTally;
  readonly #context: StreamContext;
  readonly #source: UpstreamBytes;
  readonly #replacement: string;
  /** Bytes of an event whose end has not arrived. */
  #carry: Buffer | undefined;
  #ready: Uint8Array[] = [];
  #ended = false;
  #reading: Promise<void> | undefined;
  /** The exact text of the `model` member in this stream, learnt from its first event. */
  #modelText: string | undefined;
  #modelValueAt = 0;
  #learnt = false;
  #contentMark = 'content":"';
  #created = 0;
  #lastText = '';

  constructor(source: UpstreamBytes, context: StreamContext) {
    this.#source = source;
    this.#context = context;
    this.#replacement = JSON.stringify(context.requestedModel);
    this.tally = newTally(context.keepEvents);
  }

  /** True once an event with content has been read: from here on there is no falling back. */
  get begun(): boolean {
    return this.tally.firstContentAtMs !== undefined || this.#ended;
  }

  /** Something could be sent, though no content has come yet. */
  get holding(): boolean {
    return this.#ready.length > 0;
  }

  /** Reads once from the upstream. */
  async fill(): Promise<void> {
    const bytes = await this.#source.read();
    if (bytes) this.feed(bytes);
    else this.#onEof();
  }

  /** Hands over a read that is still under way. */
  resume(reading: Promise<void>): void {
    this.#reading = reading;
    reading.catch(() => {}); // Rethrown to whoever calls next().
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#ready.length > 1 ? this.#takeAll() : this.#ready.pop();
      if (bytes) return bytes;
      if (this.#ended) return undefined;
      await this.#pull();
    }
  }

  #pull(): Promise<void> {
    const reading = this.#reading ?? this.fill();
    this.#reading = undefined;
    return reading;
  }

  cancel(): void {
    this.#source.cancel();
  }

  feed(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const block = this.#carry ? Buffer.concat([this.#carry, chunk]) : chunk;
    const text = block.toString('latin1');
    const end = text.endsWith('\n\n') ? text.length : text.lastIndexOf('\n\n') + 2;
    this.#carry = end === text.length ? undefined : block.subarray(end === 1 ? 0 : end);
    if (this.#carry && this.#carry.length > MAX_EVENT_BYTES) {
      throw new GatewayError('upstream_protocol', 'The upstream sent one event of more than 1 MiB.');
    }
    if (end > 1) this.#relay(block, text, end);
  }

  /** Complete events from 0 to `end`. */
  #relay(block: Buffer, text: string, end: number): void {
    let from = 0;
    while (from < end && !this.#ended) {
      const to = text.indexOf('\n\n', from) + 2;
      const single = from === 0 && to === text.length;
      this.#event(single ? block : block.subarray(from, to), single ? text : text.slice(from, to));
      from = to;
    }
  }

  #event(bytes: Buffer, text: string): void {
    if (this.#needsReading(text)) this.#readEvent(bytes, text);
    else this.#pass(bytes, text);
  }

  #pass(bytes: Buffer, text: string): void {
    this.#lastText = text;
    this.#count(text);
    this.tally.stored?.push(bytes.toString('utf8').replace(DATA, '').trimEnd());
    this.#ready.push(this.#spliced(bytes, text));
  }

  /** Plain content events, nearly all of a stream, are relayed without a look inside. */
  #needsReading(text: string): boolean {
    if (!this.#learnt || text.charCodeAt(6) !== 123 || text.length < 40) return true;
    const usage = text.indexOf('"usage"');
    if (usage !== -1 && !text.startsWith(':null', usage + 7) && !text.startsWith(': null', usage + 7)) return true;
    return text.includes('"error"');
  }

  #count(text: string): void {
    const mark = text.indexOf(this.#contentMark);
    const from = mark === -1 ? text.indexOf('arguments"') : mark;
    if (from === -1) {
      if (!this.begun && text.includes('"finish_reason"')) this.#markContent(text);
      return;
    }
    const open = from + (mark === -1 ? 12 : this.#contentMark.length);
    let close = text.indexOf('"', open);
    while (close > 0 && text.charCodeAt(close - 1) === 92) close = text.indexOf('"', close + 1);
    const chars = close - open;
    this.tally.outputChars += Math.max(0, chars);
    if (chars > 0) this.tally.firstContentAtMs ??= this.#context.now();
    else if (!this.begun) this.#markContent(text);
  }

  #markContent(text: string): void {
    if (/"finish_reason": ?"|"tool_calls"/.test(text)) this.tally.firstContentAtMs ??= this.#context.now();
  }

  #spliced(bytes: Buffer, text: string): Uint8Array {
    const known = this.#modelText;
    if (known === undefined) return bytes;
    const at = text.indexOf(known);
    if (at === -1) return this.#splicedByScan(text, bytes);
    const model = Buffer.from(this.#replacement);
    const start = at + this.#modelValueAt;
    const rest = at + known.length;
    const out = Buffer.allocUnsafe(bytes.length - (rest - start) + model.length);
    bytes.copy(out, 0, 0, start);
    model.copy(out, start);
    bytes.copy(out, start + model.length, rest);
    return out;
  }

  /** An event whose `model` differs from the first one's (Azure's first chunk has an empty one), or that has none. */
  #splicedByScan(text: string, bytes: Buffer): Uint8Array {
    const json = text.slice(6, -2);
    const member = topLevelMembers(json)?.find(({ key }) => key === 'model');
    if (!member) return bytes;
    const head = bytes.subarray(0, 6 + member.valueStart);
    return Buffer.concat([head, Buffer.from(this.#replacement), bytes.subarray(6 + member.valueEnd)]);
  }

  /** The careful way: the first event, events with usage or an error, comments, the end. */
  #readEvent(bytes: Buffer, text: string): void {
    const lines = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line.startsWith('data:'));
    if (lines.length === 0) {
      if (text.trim() !== '') this.#ready.push(bytes);
      return;
    }
    const data = lines.map((line) => line.replace(DATA, '')).join('\n');
    if (data.trim() === '[DONE]') {
      this.#finish();
      return;
    }
    const chunk = parseChunk(data);
    if (chunk['error'] !== undefined && chunk['error'] !== null) throw this.#context.errorFrom(data);
    this.#learn(chunk, data);
    if (chunk['usage']) this.#takeUsage(chunk);
    else this.#pass(bytes, text);
  }

  /** Usage leaves in a chunk of its own at the end, if it was asked for; here it is only noted. */
  #takeUsage(chunk: Readonly<Record<string, unknown>>): void {
    const { usage, ...rest } = chunk;
    // Untrusted: metering checks every number.
    this.tally.usage = usage as NonNullable<StreamTally['usage']>;
    const { choices } = chunk;
    if (!Array.isArray(choices) || choices.length === 0) return;
    const out = frame(JSON.stringify({ ...rest, model: this.#context.requestedModel }));
    this.#pass(out, out.toString('latin1'));
  }

  #learn(chunk: Readonly<Record<string, unknown>>, data: string): void {
    if (this.#learnt) return;
    this.#learnt = true;
    const { id, created } = chunk;
    this.tally.responseId = typeof id === 'string' ? id : null;
    this.#created = typeof created === 'number' ? created : Math.floor(this.#context.now() / 1000);
    const member = topLevelMembers(data)?.find(({ key }) => key === 'model');
    if (member && chunk['model'] !== this.#context.requestedModel) {
      this.#modelText = Buffer.from(data.slice(member.keyStart, member.valueEnd)).toString('latin1');
      this.#modelValueAt = member.valueStart - member.keyStart;
    }
    if (data.includes('": ')) this.#contentMark = 'content": "';
  }

  #finish(): void {
    this.#ended = true;
    if (!this.#context.wantsUsage) return;
    const head = { id: this.tally.responseId ?? '', created: this.#created, model: this.#context.requestedModel };
    this.#ready.push(usageChunk(head, this.#context.meter(this.tally)));
  }

  /** Some upstreams end without `[DONE]`; that is an end only if the model had finished. */
  #onEof(): void {
    if (this.#carry && this.#carry.at(-1) !== NEWLINE) this.feed(Buffer.from('\n\n'));
    else if (this.#carry) this.feed(Buffer.from('\n'));
    if (this.#ended) return;
    if (!/"finish_reason": ?"/.test(this.#lastText)) throw truncated();
    this.#finish();
  }

  #takeAll(): Uint8Array {
    const all = Buffer.concat(this.#ready);
    this.#ready = [];
    return all;
  }
}

function parseChunk(data: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data);
    // A chunk is an object; its members stay unknown.
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Falls through: the parser's message would quote the model's words.
  }
  throw new GatewayError('upstream_protocol', 'The upstream sent an event that is not JSON.');
}
