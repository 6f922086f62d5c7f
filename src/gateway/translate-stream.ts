/** A stream that is parsed and written anew: providers with differences, features that look at chunks, odd line ends. */
import { createParser, type EventSourceParser } from 'eventsource-parser';
import { GatewayError } from '../errors.ts';
import type { StreamDecoder } from '../providers/adapter.ts';
import type { ChatChunk } from '../wire/openai.ts';
import type { StreamBody, StreamTally } from './call.ts';
import {
  frame,
  MAX_EVENT_BYTES,
  newTally,
  type StreamContext,
  tooLong,
  truncated,
  type UpstreamBytes,
  usageChunk,
} from './stream-source.ts';

export class TranslateStream implements StreamBody {
  readonly tally: StreamTally;
  readonly #context: StreamContext;
  readonly #source: UpstreamBytes;
  readonly #decode: StreamDecoder;
  readonly #onChunk: (chunk: ChatChunk) => ChatChunk;
  readonly #parser: EventSourceParser;
  readonly #text = new TextDecoder();
  #ready: Buffer[] = [];
  #ended = false;
  #reading: Promise<void> | undefined;
  #finished = false;
  #created = 0;
  /** What went wrong after content had been read: thrown once all before it has been handed out. */
  #failure: unknown;

  constructor(source: UpstreamBytes, context: StreamContext, onChunk: (chunk: ChatChunk) => ChatChunk) {
    this.#source = source;
    this.#context = context;
    this.#onChunk = onChunk;
    this.#decode = context.target.adapter.createStreamDecoder(context.target);
    this.tally = newTally(context.keepEvents);
    this.#parser = createParser({
      maxBufferSize: MAX_EVENT_BYTES,
      onEvent: ({ data }) => this.#event(data),
      onError: (cause) => {
        if (cause.type !== 'max-buffer-size-exceeded') return; // Unknown fields are skipped, as the SSE standard says.
        throw tooLong();
      },
    });
  }

  get begun(): boolean {
    return this.tally.firstContentAtMs !== undefined || this.#ended;
  }

  get holding(): boolean {
    return this.#ready.length > 0;
  }

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
    while (this.#ready.length === 0 && !this.#ended && !this.#failure) await this.#pull();
    if (this.#ready.length === 0) {
      if (this.#failure) throw this.#failure;
      return undefined;
    }
    const all = Buffer.concat(this.#ready);
    this.#ready = [];
    return all;
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
    try {
      this.#parser.feed(this.#text.decode(bytes, { stream: true }));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    if (this.tally.firstContentAtMs === undefined) throw thrown;
    this.#failure = thrown;
  }

  #event(data: string): void {
    if (this.#ended) return;
    if (data.length > MAX_EVENT_BYTES) throw tooLong();
    if (data.trim() === '[DONE]') {
      this.#finish();
      return;
    }
    if (hasError(data)) throw this.#context.errorFrom(data);
    for (const chunk of this.#decode(data)) this.#chunk(this.#onChunk(chunk));
  }

  #chunk(chunk: ChatChunk): void {
    this.tally.responseId ||= chunk.id;
    this.#created ||= chunk.created;
    const { usage, ...rest } = chunk;
    if (usage) this.tally.usage = usage;
    if (chunk.choices.length === 0) return;
    for (const { delta, finish_reason } of chunk.choices) this.#count(delta, finish_reason);
    const out = JSON.stringify({ ...rest, model: this.#context.requestedModel });
    this.tally.stored?.push(out);
    this.#ready.push(frame(out));
  }

  #count(delta: ChatChunk['choices'][number]['delta'] | undefined, finish: string | null | undefined): void {
    const calls = delta?.['tool_calls'];
    const parts = [delta?.content, delta?.['reasoning_content'], calls ? JSON.stringify(calls) : undefined];
    let chars = 0;
    for (const part of parts) if (typeof part === 'string') chars += part.length;
    this.tally.outputChars += chars;
    if (finish) this.#finished = true;
    if (chars > 0 || finish) this.tally.firstContentAtMs ??= this.#context.now();
  }

  #finish(): void {
    this.#ended = true;
    this.#source.finish();
    if (!this.#context.wantsUsage) return;
    const head = { id: this.tally.responseId ?? '', created: this.#created, model: this.#context.requestedModel };
    this.#ready.push(usageChunk(head, this.#context.meter(this.tally)));
  }

  #onEof(): void {
    this.#feedRest();
    if (this.#ended || this.#failure) return;
    if (this.#finished) this.#finish();
    else this.#fail(truncated());
  }

  /** A last event may lack its blank line, but half an event is no event. */
  #feedRest(): void {
    try {
      this.#parser.feed('\n\n');
    } catch (thrown) {
      const isHalf = thrown instanceof GatewayError && thrown.kind === 'upstream_protocol';
      this.#fail(isHalf ? truncated() : thrown);
    }
  }
}

/** Only an object with an `error` member of its own; what a model wrote about errors is no error. */
function hasError(data: string): boolean {
  if (!data.includes('"error"')) return false;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && Boolean(Reflect.get(value, 'error'));
  } catch {
    return false; // Not JSON: the decoder refuses it in its own words.
  }
}
