/** What the two kinds of stream body share: their surroundings, the reader with its idle limit, and the usage chunk. */
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { ChatChunk, Usage } from '../wire/openai.ts';
import type { AttemptClock } from './attempt-clock.ts';
import type { StreamTally } from './call.ts';
import type { Framing } from './framing.ts';
import type { Metered } from './full-reply.ts';

/** The one method of a stream's reader that is used. */
export interface ByteReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Longest single event; a longer one is an upstream gone wrong. Models that draw put a whole picture into one. */
export const MAX_EVENT_BYTES = 16 * 1024 * 1024;

export interface StreamContext {
  readonly target: Target;
  readonly requestedModel: string;
  /** Of the request that was sent: what the adapter wanted to know again. */
  readonly memo?: unknown;
  /** The client asked for `stream_options.include_usage`. */
  readonly wantsUsage: boolean;
  /** The request's `n`, where it gives one. */
  readonly choices?: number | undefined;
  readonly keepEvents: boolean;
  /** Cuts a binary stream into events; server-sent events when absent. */
  readonly framing?: Framing | undefined;
  readonly now: () => number;
  meter(tally: StreamTally): Metered;
  /** An `error` object inside a 200 stream, or a body that is no stream. */
  errorFrom(data: string): GatewayError;
}

/** The upstream's bytes with every way of breaking off turned into a GatewayError. */
export interface UpstreamBytes {
  /** `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** The protocol's own end was read: what little may follow is waited for, so that the connection can be used again. */
  finish(): void;
  cancel(): void;
}

export interface Interruption {
  /** Why we aborted, if we did. */
  reason: GatewayError | undefined;
}

export function upstreamBytes(options: {
  readonly reader: ByteReader;
  readonly controller: AbortController;
  readonly interruption: Interruption;
  readonly clock: Pick<AttemptClock, 'heard' | 'closing'>;
  readonly release: () => void;
}): UpstreamBytes {
  const { reader, controller, interruption, clock, release } = options;
  return {
    async read() {
      try {
        const { done, value } = await reader.read();
        clock.heard();
        if (!done) return value;
        release();
        return undefined;
      } catch (cause) {
        release();
        throw interruption.reason ?? brokenOff(cause);
      }
    },
    finish() {
      clock.closing();
      const end = ({ done }: { readonly done: boolean }): void => {
        release();
        if (!done) controller.abort();
      };
      reader.read().then(end, release);
    },
    cancel() {
      release();
      controller.abort();
      reader.cancel().catch(() => {}); // Already closed or errored: nothing is left to cancel.
    },
  };
}

const hasLineEnd = (bytes: Uint8Array): boolean => bytes.includes(10) || bytes.includes(13);

/** The first bytes, with the first line's end among them: it tells how lines end in this stream. */
export async function firstLine(source: UpstreamBytes): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let piece = await source.read(); piece; piece = await source.read()) {
    pieces.push(piece);
    size += piece.length;
    if (hasLineEnd(piece) || size > MAX_EVENT_BYTES) break;
  }
  return pieces.length > 1 ? Buffer.concat(pieces) : pieces[0];
}

export const newTally = (keepEvents: boolean): StreamTally => ({
  responseId: null,
  usage: undefined,
  serviceTier: undefined,
  firstContentAtMs: undefined,
  outputChars: 0,
  stored: keepEvents ? [] : undefined,
});

export function unreachable(cause: unknown): GatewayError {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
  return new GatewayError('upstream_unreachable', `The upstream could not be reached${code}.`, { cause });
}

export const brokenOff = (cause: unknown): GatewayError =>
  new GatewayError('upstream_truncated', 'The upstream broke off its answer.', { cause });

export const truncated = (): GatewayError =>
  new GatewayError('upstream_truncated', 'The upstream ended its answer without finishing it.');

/** @param isBinary there are no lines in it: any bytes will do */
export const firstBytes = (source: UpstreamBytes, isBinary: boolean): Promise<Uint8Array | undefined> =>
  isBinary ? source.read() : firstLine(source);

export const tooLong = (): GatewayError =>
  new GatewayError('upstream_protocol', 'The upstream sent one event of more than 16 MiB.');

export const frame = (data: string): Buffer => Buffer.from(`data: ${data}\n\n`);

/** OpenAI's form: `choices: []`, after the finish chunk. The cost in USD stands beside the tokens. */
export function usageChunk(head: { id: string; created: number; model: string }, metered: Metered): Buffer {
  const { totalNanoUsd } = metered.cost;
  const usage: Usage = totalNanoUsd === null ? metered.usage : { ...metered.usage, cost: totalNanoUsd / 1e9 };
  const chunk: ChatChunk = {
    id: head.id,
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
    choices: [],
    usage,
  };
  return frame(JSON.stringify(chunk));
}

/** How long the first event is held back while content is awaited: early failures can still fall back until then. */
export const HOLD_MS = 1_000;

/** Resolves true when `promise` settles within the time, false when it is still pending. */
export async function settlesWithin(promise: Promise<unknown>, delayMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), delayMs);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, late]);
  clearTimeout(timer);
  return inTime;
}
