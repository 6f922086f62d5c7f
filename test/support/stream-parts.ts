/** A stream body over bytes that arrive as a test says, read to its end as a client would. */
import type { StreamBody } from '../../src/gateway/call.ts';
import type { RelayStream } from '../../src/gateway/relay-stream.ts';
import type { StreamContext, UpstreamBytes } from '../../src/gateway/stream-source.ts';
import type { TranslateStream } from '../../src/gateway/translate-stream.ts';
import type { ProviderAdapter } from '../../src/providers/adapter.ts';
import { upstreamError } from '../../src/providers/upstream-error.ts';
import { meterAtFlatPrice, STARTED_AT_MS, sampleTarget } from './call-parts.ts';
import { eventFrame, eventFrames } from './event-stream.ts';

export interface FakeBytes extends UpstreamBytes {
  readonly isCancelled: () => boolean;
}

/** Gives the reads in order, then the end, or the failure in its place. */
export function bytesFrom(reads: readonly Uint8Array[], failure?: Error): FakeBytes {
  let at = 0;
  let cancelled = false;
  return {
    async read() {
      const bytes = reads[at++];
      if (bytes === undefined && failure) throw failure;
      return bytes;
    },
    finish() {},
    cancel() {
      cancelled = true;
    },
    isCancelled: () => cancelled,
  };
}

export function streamContext(over: Partial<StreamContext> = {}): StreamContext {
  const target = sampleTarget();
  return {
    target,
    requestedModel: 'my-model',
    wantsUsage: false,
    keepEvents: false,
    now: () => STARTED_AT_MS,
    meter: (tally) => meterAtFlatPrice(tally),
    errorFrom: (data) => upstreamError({ target, status: 200, body: data, headers: new Headers() }),
    ...over,
  };
}

export interface ReadStream {
  /** All that the client got. */
  readonly text: string;
  /** Why it broke off; `undefined` when it came to its end. */
  readonly error: unknown;
}

/** Everything up to the end or the failure. */
export async function readAll(body: StreamBody): Promise<ReadStream> {
  const pieces: Uint8Array[] = [];
  try {
    for (let bytes = await body.next(); bytes; bytes = await body.next()) pieces.push(bytes);
  } catch (error) {
    return { text: Buffer.concat(pieces).toString('utf8'), error };
  }
  return { text: Buffer.concat(pieces).toString('utf8'), error: undefined };
}

/** As the sender does it: what fails before the stream has begun is thrown, so that another target can be tried. */
export async function begin(body: RelayStream | TranslateStream): Promise<void> {
  while (!body.begun) await body.fill();
}

/** `data:` framing as OpenAI's. */
export const framed = (events: readonly string[], lineEnd = '\n'): Buffer =>
  Buffer.from(events.map((data) => `data: ${data}${lineEnd}${lineEnd}`).join(''));

/** Another stream inside AWS's frames. */
const PAYLOAD = {
  ':event-type': 'PayloadPart',
  ':content-type': 'application/octet-stream',
  ':message-type': 'event',
};

/** Recorded as `{"<event>": "<data>"}`. */
const namedFrame = (event: string): string => {
  const [[name, data] = ['message', '']] = Object.entries<string>(JSON.parse(event));
  return `event: ${name}\n${data
    .split('\n')
    .map((line) => `data: ${line}\n`)
    .join('')}\n`;
};

/** Recorded events as the provider frames them. */
export function framedAs({ framing }: ProviderAdapter, events: readonly string[]): Buffer {
  if (framing === 'aws-event-stream') return eventFrames(events);
  if (framing?.startsWith('aws-')) return eventFrame(PAYLOAD, framed(events).toString());
  if (framing === 'named-events') return Buffer.from(events.map(namedFrame).join(''));
  return framing === 'ndjson' ? Buffer.from(events.map((line) => `${line}\n`).join('')) : framed(events);
}

/** Cut into reads at the given positions. */
export function cutAt(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const inside = new Set(positions.filter((at) => at > 0 && at < bytes.length));
  const edges = [0, ...[...inside].sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, index) => bytes.slice(edges[index], end));
}
