/** One attempt at one target: all the I/O of the request path is in this file. */
import { GatewayError } from '../errors.ts';
import type { Deadline, Deadlines } from '../lib/deadlines.ts';
import type { ChatInput, Target } from '../providers/adapter.ts';
import type { ChatChunk } from '../wire/openai.ts';
import type { Call, FullReply, Reading, Reply, StreamReply, StreamTally } from './call.ts';
import type { EventStream } from './event-stream.ts';
import { type ForwardSettings, forwardedHeaders } from './forward-headers.ts';
import { fullReply, type Metered } from './full-reply.ts';
import { mockReply, wantsUsage } from './mock-reply.ts';
import { RelayStream } from './relay-stream.ts';
import { clientClosed, sleep } from './sleep.ts';
import {
  brokenOff,
  firstLine,
  HOLD_MS,
  type Interruption,
  type StreamContext,
  settlesWithin,
  truncated,
  upstreamBytes,
} from './stream-source.ts';
import { targetFor } from './target-for.ts';
import { TranslateStream } from './translate-stream.ts';

export interface SendSettings {
  readonly forward: ForwardSettings;
  /** Longest wait for an answer to begin. */
  readonly firstByteTimeoutMs: number;
  /** Whole-request limit where neither the request nor the deployment has one. */
  readonly timeoutMs: number;
  readonly streamTimeoutMs: number | undefined;
  /** Longest silence between two reads of a stream. */
  readonly idleTimeoutMs: number;
  readonly maxResponseBytes: number;
  readonly storePrompts: boolean;
  readonly alwaysIncludeStreamUsage: boolean;
}

export interface SendParts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly deadlines: Deadlines;
  now(): number;
  settings(): SendSettings;
  meter(call: Call, target: Target | undefined, reading: Reading): Metered;
  /** An upstream's refusal → our taxonomy. `body` is its text. */
  upstreamError(failure: { target: Target; status: number; body: string; headers: Headers }): GatewayError;
  /** The features' onChunk, chained; `undefined` when none has one. */
  readonly onChunk: ((call: Call, chunk: ChatChunk) => ChatChunk) | undefined;
}

const LONGEST_STREAM_MS = 3_600_000;
const LONGEST_ERROR_BYTES = 64 * 1024;

export class Sender {
  readonly #parts: SendParts;
  /** Ends of the attempts under way. */
  readonly #running = new Set<(reason: GatewayError) => void>();

  constructor(parts: SendParts) {
    this.#parts = parts;
  }

  /** Ends every attempt under way for this reason, which its client is told: in a stream by an error event. */
  interrupt(reason: GatewayError): void {
    for (const end of [...this.#running]) end(reason);
  }

  /** @throws GatewayError for every way an attempt can fail; the plan decides what follows. */
  async send(given: Target, call: Call): Promise<Reply> {
    call.changes.splice(0, Infinity, ...call.admittedChanges);
    const target = targetFor(call, given);
    if (call.controls.mockTimeout) return this.#mockTimeout(target, call);
    if (call.controls.mockDelayMs > 0) await sleep(call.controls.mockDelayMs, call.client);
    if (target.mockResponse !== undefined) return this.#answerMock(target, call, target.mockResponse);
    const attempt = this.#open(target, call);
    try {
      return await this.#receive(target, call, attempt);
    } catch (thrown) {
      attempt.close();
      if (thrown instanceof GatewayError) throw thrown;
      throw attempt.interruption.reason ?? unreachable(thrown);
    }
  }

  async #receive(target: Target, call: Call, attempt: Attempt): Promise<Reply> {
    const response = await attempt.response;
    attempt.deadline.atMs = attempt.startedAtMs + attempt.timeoutMs; // It has begun: now the whole limit counts.
    if (response.status < 200 || response.status > 299) throw await this.#refusal(target, response);
    if (call.request.stream === true) return this.#stream(target, call, response, attempt);
    return this.#full(target, call, response, attempt);
  }

  /** For users' tests of their own time-out handling: waits as an upstream that never answers would. */
  async #mockTimeout(target: Target, call: Call): Promise<never> {
    const timeoutMs = timeoutOf(target, call, this.#parts.settings());
    await sleep(timeoutMs, call.client);
    throw timedOut(timeoutMs);
  }

  #answerMock(target: Target, call: Call, content: string): FullReply | StreamReply {
    const { now } = this.#parts;
    const meter = (outputChars: number): Metered => this.#parts.meter(call, target, { usage: undefined, outputChars });
    const alwaysUsage = this.#parts.settings().alwaysIncludeStreamUsage;
    return mockReply({ call, target, content, now, meter, alwaysUsage });
  }

  #open(target: Target, call: Call): Attempt {
    const request = target.adapter.buildRequest(inputOf(call), target, call.changes);
    const controller = new AbortController();
    const interruption: Interruption = { reason: undefined };
    const settings = this.#parts.settings();
    const timeoutMs = timeoutOf(target, call, settings);
    const startedAtMs = this.#parts.now();
    const firstByteMs = Math.min(timeoutMs, settings.firstByteTimeoutMs);
    const end = (reason: GatewayError): void => {
      interruption.reason = reason;
      controller.abort();
    };
    const deadline = this.#parts.deadlines.add(startedAtMs + firstByteMs, () =>
      end(timedOut(deadline.atMs - startedAtMs)),
    );
    const forwarded = forwardedHeaders(call, settings.forward);
    call.client.watch(() => end(clientClosed()));
    this.#running.add(end);
    const release = (): void => {
      this.#running.delete(end);
      this.#parts.deadlines.remove(deadline);
      call.client.unwatch();
    };
    const close = (): void => {
      release();
      controller.abort();
    };
    // Redirects are never followed: they could carry a credential elsewhere.
    const response = call.client.gone
      ? Promise.reject(clientClosed())
      : this.#parts.fetch(request.url, {
          method: 'POST',
          headers: forwarded ? { ...forwarded, ...request.headers } : request.headers,
          body: request.body,
          redirect: 'manual',
          signal: controller.signal,
        });
    return { response, controller, interruption, deadline, startedAtMs, timeoutMs, release, close };
  }

  async #full(target: Target, call: Call, response: Response, attempt: Attempt): Promise<FullReply> {
    const text = await bodyText(response, this.#parts.settings().maxResponseBytes).catch((thrown: unknown) => {
      throw thrown instanceof GatewayError ? thrown : (attempt.interruption.reason ?? brokenOff(thrown));
    });
    attempt.release();
    // A provider may put its failure into a 200.
    if (text.length < LONGEST_ERROR_BYTES && HOLDS_ERROR.test(text)) {
      throw this.#parts.upstreamError({ target, status: response.status, body: text, headers: response.headers });
    }
    return fullReply({ target, text, requestedModel: call.requestedModel, upstreamHeaders: response.headers });
  }

  async #stream(target: Target, call: Call, response: Response, attempt: Attempt): Promise<StreamReply> {
    const { now } = this.#parts;
    const settings = this.#parts.settings();
    if (!response.body) throw truncated();
    if (response.headers.get('content-type')?.includes('application/json'))
      throw await this.#noStream(target, response);
    const { controller, interruption, deadline, timeoutMs, release } = attempt;
    const idleMs = Math.min(timeoutMs, settings.idleTimeoutMs);
    const source = upstreamBytes({
      reader: response.body.getReader(),
      controller,
      interruption,
      idle: deadline,
      idleMs,
      latestMs: attempt.startedAtMs + LONGEST_STREAM_MS,
      now,
      release,
    });
    const context: StreamContext = {
      target,
      requestedModel: call.requestedModel,
      wantsUsage: wantsUsage(call.request, target) || settings.alwaysIncludeStreamUsage,
      choices: typeof call.request['n'] === 'number' ? call.request['n'] : undefined,
      keepEvents: settings.storePrompts,
      now,
      meter: (tally: StreamTally) => this.#parts.meter(call, target, tally),
      errorFrom: (data) => this.#parts.upstreamError({ target, status: 200, body: data, headers: response.headers }),
    };
    const first = await firstLine(source);
    if (!first) throw truncated();
    const onChunk = this.#parts.onChunk;
    const relays = target.adapter.relaysBytes && !onChunk && isPlainFraming(first);
    const body = relays
      ? new RelayStream(source, context)
      : new TranslateStream(source, context, (chunk) => onChunk?.(call, chunk) ?? chunk);
    body.feed(first);
    await untilBegun(body);
    return { kind: 'stream', target, upstreamHeaders: response.headers, body };
  }

  /** Some providers put a failure into a 200; anything else that is no stream is nonsense, and its words stay unsaid. */
  async #noStream(target: Target, response: Response): Promise<GatewayError> {
    const body = await bodyText(response, LONGEST_ERROR_BYTES, 'cut');
    const { status, headers } = response;
    if (HOLDS_ERROR.test(body)) return this.#parts.upstreamError({ target, status, body, headers });
    return new GatewayError(
      'upstream_protocol',
      'The upstream answered with something that is not a stream of events.',
      {
        upstreamStatus: status,
      },
    );
  }

  async #refusal(target: Target, response: Response): Promise<GatewayError> {
    const { status, headers } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      return new GatewayError('upstream_protocol', 'The upstream answered with a redirect, which is never followed.', {
        upstreamStatus: status,
      });
    }
    const body = await bodyText(response, LONGEST_ERROR_BYTES, 'cut');
    const error = this.#parts.upstreamError({ target, status, body, headers });
    error.upstreamHeaders = headers;
    return error;
  }
}

interface Attempt {
  readonly response: Promise<Response>;
  readonly controller: AbortController;
  readonly interruption: Interruption;
  readonly deadline: Deadline;
  readonly startedAtMs: number;
  readonly timeoutMs: number;
  /** Lets go of timer and listener; the connection goes on. */
  readonly release: () => void;
  /** Ends the attempt: the upstream socket closes. */
  readonly close: () => void;
}

/** A body whose first member is an error. */
const HOLDS_ERROR = /^\s*\{\s*"error"\s*:\s*[{"]/;

const inputOf = (call: Call): ChatInput => call;

function timeoutOf(target: Target, call: Call, settings: SendSettings): number {
  const { controls, request } = call;
  const forStream =
    controls.streamTimeoutMs ?? controls.timeoutMs ?? target.streamTimeoutMs ?? settings.streamTimeoutMs;
  const whole = controls.timeoutMs ?? target.timeoutMs ?? settings.timeoutMs;
  return request.stream === true ? (forStream ?? whole) : whole;
}

const timedOut = (timeoutMs: number): GatewayError =>
  new GatewayError('upstream_timeout', `The upstream did not answer within ${Math.round(timeoutMs) / 1000} seconds.`);

function unreachable(cause: unknown): GatewayError {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
  return new GatewayError('upstream_unreachable', `The upstream could not be reached${code}.`, { cause });
}

/** Blank-line framing with plain newlines and no byte order mark: what the byte relay understands. */
const isPlainFraming = (first: Uint8Array): boolean => first[0] !== 0xef && !first.includes(13);

/** Until content arrives a failure can still go to another target; the wait for it after a first event is bounded. */
async function untilBegun(body: EventStream): Promise<void> {
  while (!body.begun) {
    const reading = body.fill();
    if (!body.holding) await reading;
    else if (!(await settlesWithin(reading, HOLD_MS))) {
      body.resume(reading);
      return;
    } else await reading;
  }
}

/** The body as text, refused or cut past `maxBytes`: a compressed or endless answer must not fill the memory. */
async function bodyText(response: Response, maxBytes: number, excess: 'refuse' | 'cut' = 'refuse'): Promise<string> {
  const declared = response.headers.get('content-length');
  if (declared !== null && Number(declared) <= maxBytes && response.headers.get('content-encoding') === null) {
    return response.text();
  }
  if (!response.body) return '';
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body) {
    pieces.push(piece);
    size += piece.byteLength;
    if (size <= maxBytes) continue;
    if (excess === 'cut') break;
    throw new GatewayError('upstream_protocol', `The upstream's answer is larger than ${maxBytes} bytes.`);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
}
