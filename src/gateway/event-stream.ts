/** What the two kinds of streamed answer share: reading on demand, holding back, ending once, failing in order. */
import type { StreamBody, StreamTally } from './call.ts';
import {
  HOLD_MS,
  newTally,
  type StreamContext,
  settlesWithin,
  truncated,
  type UpstreamBytes,
  usageChunk,
} from './stream-source.ts';

export abstract class EventStream implements StreamBody {
  readonly tally: StreamTally;
  protected readonly context: StreamContext;
  /** The stream's own `created`; 0 until an event has told it. */
  protected created = 0;
  readonly #source: UpstreamBytes;
  #ready: Uint8Array[] = [];
  #ended = false;
  #reading: Promise<void> | undefined;
  /** What went wrong after content had been read: thrown once all before it has been handed out. */
  #failure: unknown;

  constructor(source: UpstreamBytes, context: StreamContext) {
    this.#source = source;
    this.context = context;
    this.tally = newTally(context.keepEvents);
  }

  /** Takes in bytes that have arrived: `push` what can be sent, `finish` at the protocol's end, throw what is wrong. */
  protected abstract take(bytes: Uint8Array): void;
  /** The upstream has closed: a last event may lack its blank line, but half an event is no event. */
  protected abstract takeRest(): void;
  /** Whether the model had finished: some upstreams end without `[DONE]`. */
  protected abstract hasFinished(): boolean;

  /** True once an event with content has been read: from here on there is no falling back. */
  get begun(): boolean {
    return this.tally.firstContentAtMs !== undefined || this.#ended;
  }

  /** Something could be sent, though no content has come yet. */
  get holding(): boolean {
    return this.#ready.length > 0;
  }

  protected get ended(): boolean {
    return this.#ended;
  }

  /** Reads once from the upstream. */
  async fill(): Promise<void> {
    const bytes = await this.#source.read();
    if (bytes) this.feed(bytes);
    else this.#onClosed();
  }

  /** Until content arrives a failure can still go to another target; the wait for it after a first event is bounded. */
  async beginning(): Promise<void> {
    while (!this.begun) {
      const reading = this.fill();
      if (!this.holding) await reading;
      else if (!(await settlesWithin(reading, HOLD_MS))) {
        this.resume(reading);
        return;
      } else await reading;
    }
  }

  /** Hands over a read that is still under way. */
  resume(reading: Promise<void>): void {
    this.#reading = reading;
    reading.catch(() => {}); // Rethrown to whoever calls next().
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#ready.length > 1 ? Buffer.concat(this.#ready.splice(0)) : this.#ready.pop();
      if (bytes) return bytes;
      if (this.#failure) throw this.#failure;
      if (this.#ended) return undefined;
      const reading = this.#reading ?? this.fill();
      this.#reading = undefined;
      await reading;
    }
  }

  cancel(): void {
    this.#source.cancel();
  }

  feed(bytes: Uint8Array): void {
    try {
      this.take(bytes);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  protected push(bytes: Uint8Array): void {
    this.#ready.push(bytes);
  }

  /** Before content a failure can still go to another target, so it is thrown; afterwards it waits its turn. */
  protected fail(thrown: unknown): void {
    if (this.tally.firstContentAtMs === undefined) throw thrown;
    this.#failure = thrown;
  }

  /** @throws GatewayError when nothing at all came before the end: that is no answer. */
  protected finish(): void {
    if (!this.begun && !this.holding && this.tally.usage === undefined) throw truncated();
    this.#ended = true;
    this.#source.finish();
    const { wantsUsage, requestedModel, now, meter } = this.context;
    if (!wantsUsage) return;
    const created = this.created || Math.floor(now() / 1000);
    this.push(usageChunk({ id: this.tally.responseId ?? '', created, model: requestedModel }, meter(this.tally)));
  }

  #onClosed(): void {
    this.takeRest();
    if (this.#ended || this.#failure) return;
    if (this.hasFinished()) this.finish();
    else this.fail(truncated());
  }
}
