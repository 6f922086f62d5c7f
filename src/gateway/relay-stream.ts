/**
 * OpenAI's own server-sent events, relayed as bytes. Nothing is parsed or serialised again but the events that must
 * change: the `model` text is spliced, usage is read and taken out, errors and the end are recognised.
 *
 * Searching in bytes is sound because JSON escapes every quote inside a string: the bytes `"usage"` can only be a real
 * JSON string, never a part of what a model wrote.
 */
import { GatewayError } from '../errors.ts';
import { patchJson, stringEnd, topLevelMembers } from '../lib/json-members.ts';
import type { StreamTally } from './call.ts';
import { EventStream } from './event-stream.ts';
import { OpenChoices } from './open-choices.ts';
import { frame, MAX_EVENT_BYTES, type StreamContext, tooLong, type UpstreamBytes } from './stream-source.ts';

const DATA = /^data: ?/;
const FINISH_OR_CALL = /"finish_reason": ?"|"tool_calls"/;
const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;

export class RelayStream extends EventStream {
  readonly #replacement: Buffer;
  /** Pieces of an event whose end has not arrived. */
  #carry: Buffer[] = [];
  #carriedBytes = 0;
  /** The exact text of the `model` member in this stream, learnt from its first event. */
  #modelText: string | undefined;
  #modelValueAt = 0;
  #learnt = false;
  #lastText = '';
  /** Only for streams of several choices: it costs a parse of each event. */
  readonly #open: OpenChoices | undefined;

  constructor(source: UpstreamBytes, context: StreamContext) {
    super(source, context);
    this.#replacement = Buffer.from(JSON.stringify(context.requestedModel));
    this.#open = (context.choices ?? 1) > 1 ? new OpenChoices() : undefined;
  }

  protected override take(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#carry.length === 0) this.#takeBlock(chunk);
    else if (this.#completes(chunk)) this.#takeBlock(Buffer.concat([...this.#carry, chunk]));
    else this.#keep(chunk);
  }

  /** Whether the event that is carried ends in this chunk. */
  #completes(chunk: Buffer): boolean {
    return chunk.includes('\n\n') || (chunk[0] === NEWLINE && this.#carry.at(-1)?.at(-1) === NEWLINE);
  }

  #keep(piece: Buffer): void {
    this.#carry.push(piece);
    this.#carriedBytes += piece.length;
    if (this.#carriedBytes > MAX_EVENT_BYTES) throw tooLong();
  }

  #takeBlock(block: Buffer): void {
    this.#carry = [];
    this.#carriedBytes = 0;
    const text = block.toString('latin1');
    const end = text.endsWith('\n\n') ? text.length : text.lastIndexOf('\n\n') + 2;
    if (end > 1) this.#relay(block, text, end);
    if (end === 1) this.#keep(block);
    else if (end < text.length) this.#keep(block.subarray(end));
  }

  /** Complete events from 0 to `end`. */
  #relay(block: Buffer, text: string, end: number): void {
    let from = 0;
    while (!this.ended) {
      while (text.charCodeAt(from) === NEWLINE) from++;
      if (from >= end) return;
      const to = text.indexOf('\n\n', from) + 2;
      if (to - from > MAX_EVENT_BYTES) throw tooLong();
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
    this.#note(text);
    this.tally.stored?.push(bytes.toString('utf8').slice(text.indexOf('{')).trimEnd());
    this.push(this.#spliced(bytes, text));
  }

  #note(text: string): void {
    this.#lastText = text;
    this.#open?.noteText(text);
    const chars = charsAfter(text, 'content":') + charsAfter(text, 'arguments":');
    this.tally.outputChars += chars;
    if (this.begun) return;
    if (chars > 0 || FINISH_OR_CALL.test(text)) this.tally.firstContentAtMs = this.context.now();
  }

  /** Plain content events, nearly all of a stream, are relayed without a look inside. */
  #needsReading(text: string): boolean {
    if (!this.#learnt || text.charCodeAt(6) !== 123 || text.length < 40) return true;
    const usage = text.indexOf('"usage"');
    if (usage !== -1 && !text.startsWith(':null', usage + 7) && !text.startsWith(': null', usage + 7)) return true;
    return text.includes('"error"');
  }

  #spliced(bytes: Buffer, text: string): Uint8Array {
    const known = this.#modelText;
    if (known === undefined) return bytes;
    const model = this.#replacement;
    const at = text.indexOf(known);
    const rest = at + known.length;
    // Found twice, one of them stands inside another member.
    if (at === -1 || text.includes(known, rest)) return this.#splicedByScan(text, bytes);
    const start = at + this.#modelValueAt;
    const out = Buffer.allocUnsafe(bytes.length - (rest - start) + model.length);
    bytes.copy(out, 0, 0, start);
    model.copy(out, start);
    bytes.copy(out, start + model.length, rest);
    return out;
  }

  /** An event whose `model` differs from the first one's (Azure's first chunk has an empty one), or that has none. */
  #splicedByScan(text: string, bytes: Buffer): Uint8Array {
    const at = text.indexOf('{');
    const member = topLevelMembers(text.slice(at, text.lastIndexOf('}') + 1))?.find(({ key }) => key === 'model');
    if (!member) return bytes;
    const head = bytes.subarray(0, at + member.valueStart);
    return Buffer.concat([head, this.#replacement, bytes.subarray(at + member.valueEnd)]);
  }

  /** The careful way: the first event, events with usage or an error, comments, the end. */
  #readEvent(bytes: Buffer, text: string): void {
    const lines = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line.startsWith('data:'));
    if (lines.length === 0) {
      if (text.trim() !== '') this.push(bytes);
      return;
    }
    const data = lines.map((line) => line.replace(DATA, '')).join('\n');
    if (data.trim() === '[DONE]') {
      this.finish();
      return;
    }
    const chunk = parseChunk(data);
    if (!chunk) throw new GatewayError('upstream_protocol', 'The upstream sent an event that is not JSON.');
    if (chunk['error'] !== undefined && chunk['error'] !== null) throw this.context.errorFrom(data);
    this.#learn(chunk, data);
    if (typeof chunk['service_tier'] === 'string') this.tally.serviceTier = chunk['service_tier'];
    if (chunk['usage']) this.#takeUsage(chunk, data);
    // Clients look for choices in whatever comes: a ping is none.
    else if (chunk['choices'] !== undefined) this.#pass(bytes, text);
  }

  /** Usage leaves in a chunk of its own at the end, if it was asked for; here it is only noted. */
  #takeUsage(chunk: Readonly<Record<string, unknown>>, text: string): void {
    const { usage, choices, ...rest } = chunk;
    // Untrusted: metering checks every number.
    this.tally.usage = usage as NonNullable<StreamTally['usage']>;
    if (!Array.isArray(choices) || choices.length === 0) return;
    const model = this.context.requestedModel;
    const patch = { set: { model: JSON.stringify(model) }, remove: ['usage'] };
    const patched = text.includes('\n') ? undefined : patchJson(text, patch);
    const data = patched ?? JSON.stringify({ ...rest, model, choices });
    const out = frame(data);
    this.#note(out.toString('latin1'));
    this.tally.stored?.push(data);
    this.push(out);
  }

  /** Azure's first chunk has an empty id and model: then the next one is asked. */
  #learn(chunk: Readonly<Record<string, unknown>>, data: string): void {
    if (this.#learnt) return;
    const { id, created, model } = chunk;
    this.#learnt = typeof model === 'string' && model !== '';
    this.tally.responseId ||= typeof id === 'string' && id !== '' ? id : null;
    this.created ||= typeof created === 'number' ? created : 0;
    const member = topLevelMembers(data)?.find(({ key }) => key === 'model');
    if (!member || model === this.context.requestedModel) return;
    this.#modelText = Buffer.from(data.slice(member.keyStart, member.valueEnd)).toString('latin1');
    this.#modelValueAt = member.valueStart - member.keyStart;
  }

  protected override hasFinished(): boolean {
    return /"finish_reason": ?"/.test(this.#lastText) && !this.#open?.any;
  }

  protected override takeRest(): void {
    if (this.#carry.length === 0) return;
    const rest = Buffer.concat(this.#carry);
    const data = rest.toString('utf8').trim().replace(DATA, '');
    if (data === '[DONE]' || parseChunk(data)) this.feed(Buffer.from(rest.at(-1) === NEWLINE ? '\n' : '\n\n'));
  }
}

/** `undefined` when it is no JSON object: the parser's own message would quote the model's words. */
function parseChunk(data: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    // A chunk is an object; its members stay unknown.
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Characters in the JSON strings that follow a mark such as `content":`. */
function charsAfter(text: string, mark: string): number {
  let chars = 0;
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + mark.length)) {
    const value = at + mark.length;
    const open = text.charCodeAt(value) === SPACE ? value + 1 : value;
    if (text.charCodeAt(open) === QUOTE) chars += charsIn(text.slice(open + 1, stringEnd(text, open) - 1));
  }
  return chars;
}

const MANY_TO_ONE = /[\\\x80-\xff]/;
const ESCAPE = /\\(?:u[0-9a-fA-F]{4}|.)/g;

/** Characters that a JSON string stands for, given byte by byte; a whole answer is counted after parsing, to the same sum. */
function charsIn(bytes: string): number {
  if (!MANY_TO_ONE.test(bytes)) return bytes.length;
  return Buffer.from(bytes, 'latin1').toString('utf8').replace(ESCAPE, '.').length;
}
