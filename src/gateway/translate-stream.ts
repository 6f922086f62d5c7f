/** A stream that is parsed and written anew: providers with differences, features that look at chunks, odd line ends. */
import { GatewayError } from '../errors.ts';
import type { StreamDecoder } from '../providers/adapter.ts';
import type { ChatChunk } from '../wire/openai.ts';
import { EventStream } from './event-stream.ts';
import type { FrameReader } from './framing.ts';
import { OpenChoices } from './open-choices.ts';
import { serverSentEvents } from './server-sent-events.ts';
import { frame, MAX_EVENT_BYTES, type StreamContext, tooLong, truncated, type UpstreamBytes } from './stream-source.ts';

export class TranslateStream extends EventStream {
  readonly #decode: StreamDecoder;
  readonly #onChunk: (chunk: ChatChunk) => ChatChunk;
  readonly #frames: FrameReader;
  #finished = false;
  readonly #open = new OpenChoices();

  constructor(source: UpstreamBytes, context: StreamContext, onChunk: (chunk: ChatChunk) => ChatChunk) {
    super(source, context);
    this.#onChunk = onChunk;
    this.#decode = context.target.adapter.createStreamDecoder(context.target, context.memo);
    this.#frames = (context.framing ?? serverSentEvents)((data) => this.#event(data));
  }

  protected override take(bytes: Uint8Array): void {
    this.#frames.feed(bytes);
  }

  #event(data: string): void {
    if (this.ended) return;
    if (data.length > MAX_EVENT_BYTES) throw tooLong();
    if (data.trim() === '[DONE]') {
      this.finish();
      return;
    }
    if (hasError(data)) throw this.context.errorFrom(data);
    for (const chunk of this.#decode(data)) this.#chunk(this.#onChunk(chunk));
  }

  #chunk(chunk: ChatChunk): void {
    this.tally.responseId ||= chunk.id;
    this.created ||= chunk.created;
    const { usage, ...rest } = chunk;
    if (usage) this.tally.usage = usage;
    if (typeof rest['service_tier'] === 'string') this.tally.serviceTier = rest['service_tier'];
    if (chunk.choices.length === 0) return;
    this.#open.note(chunk.choices);
    for (const { delta, finish_reason } of chunk.choices) this.#count(delta, finish_reason);
    const out = JSON.stringify({ ...rest, model: this.context.requestedModel });
    this.tally.stored?.push(out);
    this.push(frame(out));
  }

  #count(delta: ChatChunk['choices'][number]['delta'] | undefined, finish: string | null | undefined): void {
    const calls = delta?.['tool_calls'];
    const parts = [delta?.content, delta?.['reasoning_content'], calls ? JSON.stringify(calls) : undefined];
    let chars = 0;
    for (const part of parts) if (typeof part === 'string') chars += part.length;
    this.tally.outputChars += chars;
    if (finish) this.#finished = true;
    if (chars > 0 || finish) this.tally.firstContentAtMs ??= this.context.now();
  }

  protected override hasFinished(): boolean {
    return this.#finished && !this.#open.any;
  }

  protected override takeRest(): void {
    try {
      this.#frames.end?.();
      if (this.#frames.isInside) throw truncated();
    } catch (thrown) {
      const isHalf = thrown instanceof GatewayError && thrown.kind === 'upstream_protocol';
      this.fail(isHalf ? truncated() : thrown);
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
