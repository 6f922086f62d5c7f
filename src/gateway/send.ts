/** One attempt at one target: all the I/O of the request path is in this file. */
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors.ts';
import type { Deadlines } from '../lib/deadlines.ts';
import type { Target, UpstreamRequest } from '../providers/adapter.ts';
import type { ChatChunk } from '../wire/openai.ts';
import { AttemptClock, type ConnectLimit } from './attempt-clock.ts';
import { limitsOf, type TimeSettings, timeoutOf } from './attempt-limits.ts';
import { authorized } from './authorized.ts';
import { bodyText } from './body-text.ts';
import type { Call, FullReply, Reading, Reply, StreamReply, StreamTally } from './call.ts';
import { EMULATED, emulatedStream } from './emulated-stream.ts';
import { followed } from './follow-ups.ts';
import { type ForwardSettings, forwardedHeaders, withForwarded } from './forward-headers.ts';
import { framingName, framingOf } from './framing-choice.ts';
import { fullReply, type Metered } from './full-reply.ts';
import { mockFailure, mockTimeout } from './mock-failure.ts';
import { mockReply, wantsUsage } from './mock-reply.ts';
import { RelayStream } from './relay-stream.ts';
import { clientClosed, sleep } from './sleep.ts';
import {
  brokenOff,
  firstBytes,
  type Interruption,
  type StreamContext,
  truncated,
  unreachable,
  upstreamBytes,
} from './stream-source.ts';
import { inputFor, targetFor } from './target-for.ts';
import { TranslateStream } from './translate-stream.ts';

export interface SendSettings extends TimeSettings {
  readonly forward: ForwardSettings;
  /** Longest wait for a connection to an upstream that was not heard of lately. */
  readonly connectTimeoutMs: number;
  readonly maxResponseBytes: number;
  readonly storePrompts: boolean;
  readonly alwaysIncludeStreamUsage: boolean;
}

export interface SendParts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly deadlines: Deadlines;
  /** Whether anybody accepts connections at a URL; `undefined`: that cannot be found out from here. */
  readonly connects?: ((url: string, withinMs: number) => Promise<boolean>) | undefined;
  now(): number;
  settings(): SendSettings;
  meter(call: Call, target: Target | undefined, reading: Reading): Metered;
  /** An upstream's refusal → our taxonomy. `body` is its text. */
  upstreamError(failure: { target: Target; status: number; body: string; headers: Headers }): GatewayError;
  /** The features' onChunk, chained; `undefined` when none has one. */
  readonly onChunk: ((call: Call, chunk: ChatChunk) => ChatChunk) | undefined;
}

const LONGEST_ERROR_BYTES = 64 * 1024;
const HEARD_LATELY_MS = 30_000;

export class Sender {
  readonly #parts: SendParts;
  /** When each upstream answered last, whatever it said. */
  readonly #heard = new LRUCache<string, number>({ max: 10_000 });
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
    const pretended = mockFailure(call, target);
    if (pretended) throw pretended;
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
    this.#heard.set(target.baseUrl, this.#parts.now());
    attempt.clock.answering();
    if (response.status < 200 || response.status > 299) throw await this.#refusal(target, response);
    return this.#read(target, call, response, attempt).catch((thrown: unknown) =>
      Promise.reject(answered(thrown, response.headers)),
    );
  }

  async #read(target: Target, call: Call, response: Response, attempt: Attempt): Promise<Reply> {
    const { isStream, memo } = attempt;
    if (call.request.stream !== true) return this.#full(target, call, response, attempt);
    const type = response.headers.get('content-type');
    const isWhole = !isStream || (target.adapter.followUp !== undefined && type?.includes('application/json') === true);
    if (!isWhole) return this.#stream(target, call, response, attempt);
    if (isStream) call.changes.push(EMULATED);
    const { onChunk } = this.#parts;
    return emulatedStream(await this.#full(target, call, response, attempt), {
      ...this.#context(target, call, memo, response.headers),
      onChunk: onChunk && ((chunk) => onChunk(call, chunk)),
    });
  }

  /** For users' tests of their own time-out handling: waits as an upstream that never answers would. */
  async #mockTimeout(target: Target, call: Call): Promise<never> {
    const timeoutMs = timeoutOf(target, call, this.#parts.settings());
    await sleep(timeoutMs, call.client);
    throw mockTimeout(timeoutMs);
  }

  #answerMock(target: Target, call: Call, content: string): FullReply | StreamReply {
    const { now } = this.#parts;
    const meter = (outputChars: number): Metered => this.#parts.meter(call, target, { usage: undefined, outputChars });
    const alwaysUsage = this.#parts.settings().alwaysIncludeStreamUsage;
    return mockReply({ call, target, content, now, meter, alwaysUsage });
  }

  #open(target: Target, call: Call): Attempt {
    const input = inputFor(call, target);
    const isStream = input.request.stream === true;
    if (call.request.stream === true && !isStream) call.changes.push(EMULATED);
    const request = target.adapter.buildRequest(input, target, call.changes);
    const controller = new AbortController();
    const interruption: Interruption = { reason: undefined };
    const settings = this.#parts.settings();
    const end = (reason: GatewayError): void => {
      interruption.reason = reason;
      controller.abort();
    };
    const limits = limitsOf(target, call, settings);
    const { deadlines, now } = this.#parts;
    const clock = new AttemptClock({ deadlines, now, end }, limits, call.receivedAtMs, this.#connectLimit(target));
    const forwarded = forwardedHeaders(call, settings.forward, target.adapter.forwards);
    call.client.watch(() => end(clientClosed()));
    this.#running.add(end);
    const release = (): void => {
      this.#running.delete(end);
      clock.stop();
      call.client.unwatch();
    };
    const close = (): void => {
      release();
      controller.abort();
    };
    const post = ({ url, headers, body }: UpstreamRequest): Promise<Response> =>
      // Redirects are never followed: they could carry a credential elsewhere.
      this.#parts.fetch(url, {
        method: 'POST',
        headers: withForwarded(headers, forwarded),
        body,
        redirect: 'manual',
        signal: controller.signal,
      });
    const time = { nowMs: now(), signal: controller.signal };
    const posted = call.client.gone
      ? Promise.reject(clientClosed())
      : (authorized(request, target, time)?.then(post) ?? post(request));
    const { fetch } = this.#parts;
    const following = { ...time, target, isStream, maxBytes: settings.maxResponseBytes };
    const response = target.adapter.followUp ? posted.then((first) => followed(first, following, fetch)) : posted;
    return { response, isStream, memo: request.memo, controller, interruption, clock, release, close };
  }

  /** One that has just answered need not be asked whether it is there. */
  #connectLimit({ baseUrl }: Target): ConnectLimit | undefined {
    const { connects, now, settings } = this.#parts;
    const heardAtMs = this.#heard.get(baseUrl);
    if (!connects || (heardAtMs !== undefined && now() - heardAtMs < HEARD_LATELY_MS)) return undefined;
    return { limitMs: settings().connectTimeoutMs, connects: (withinMs) => connects(baseUrl, withinMs) };
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
    const { requestedModel } = call;
    return fullReply({ target, text, requestedModel, upstreamHeaders: response.headers, memo: attempt.memo });
  }

  async #stream(target: Target, call: Call, response: Response, attempt: Attempt): Promise<StreamReply> {
    const { headers, body: bytes } = response;
    if (!bytes) throw truncated();
    // One line of NDJSON is a JSON body.
    const isWhole = headers.get('content-type')?.includes('application/json');
    if (isWhole && framingName(target.adapter, target) !== 'ndjson') throw await this.#noStream(target, response);
    attempt.clock.opening();
    const source = upstreamBytes({ ...attempt, reader: bytes.getReader() });
    const framing = await framingOf(target.adapter, target);
    const context: StreamContext = { ...this.#context(target, call, attempt.memo, headers), framing };
    const first = await firstBytes(source, framing !== undefined);
    if (!first) throw truncated();
    const onChunk = this.#parts.onChunk;
    const isRelayed = target.adapter.relaysBytes && attempt.memo === undefined;
    const relays = isRelayed && !onChunk && isPlainFraming(first);
    const body = relays
      ? new RelayStream(source, context)
      : new TranslateStream(source, context, (chunk) => onChunk?.(call, chunk) ?? chunk);
    body.feed(first);
    await body.beginning();
    attempt.clock.begun();
    return { kind: 'stream', target, upstreamHeaders: headers, body };
  }

  #context(target: Target, call: Call, memo: unknown, headers: Headers): StreamContext {
    const { now } = this.#parts;
    const settings = this.#parts.settings();
    const choices = target.requestChanges?.['n'] ?? call.request['n'];
    return {
      target,
      requestedModel: call.requestedModel,
      memo,
      wantsUsage: wantsUsage(call.request, target) || settings.alwaysIncludeStreamUsage,
      choices: typeof choices === 'number' ? choices : undefined,
      keepEvents: settings.storePrompts,
      now,
      meter: (tally: StreamTally) => this.#parts.meter(call, target, tally),
      errorFrom: (data) => answered(this.#parts.upstreamError({ target, status: 200, body: data, headers }), headers),
    };
  }

  /** Some providers put a failure into a 200; anything else that is no stream is nonsense, and its words stay unsaid. */
  async #noStream(target: Target, response: Response): Promise<GatewayError> {
    const body = await bodyText(response, LONGEST_ERROR_BYTES, 'cut');
    const { status, headers } = response;
    if (HOLDS_ERROR.test(body)) return this.#parts.upstreamError({ target, status, body, headers });
    const what = 'The upstream answered with something that is not a stream of events.';
    return new GatewayError('upstream_protocol', what, { upstreamStatus: status });
  }

  async #refusal(target: Target, response: Response): Promise<GatewayError> {
    const { status, headers } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      const what = 'The upstream answered with a redirect, which is never followed.';
      return new GatewayError('upstream_protocol', what, { upstreamStatus: status });
    }
    const body = await bodyText(response, LONGEST_ERROR_BYTES, 'cut');
    return answered(this.#parts.upstreamError({ target, status, body, headers }), headers);
  }
}

/** With the headers that came with it: in them is the provider's own id of the request. */
function answered<Thrown>(thrown: Thrown, headers: Headers): Thrown {
  if (thrown instanceof GatewayError) thrown.upstreamHeaders ??= headers;
  return thrown;
}

interface Attempt {
  readonly response: Promise<Response>;
  /** The upstream was asked for one. */
  readonly isStream: boolean;
  /** The adapter's, of the request that was sent. */
  readonly memo: unknown;
  readonly controller: AbortController;
  readonly interruption: Interruption;
  readonly clock: AttemptClock;
  /** Lets go of timer and listener; the connection goes on. */
  readonly release: () => void;
  /** Ends the attempt: the upstream socket closes. */
  readonly close: () => void;
}

/** A body whose first member is an error; Anthropic's says before it that it is one. */
const HOLDS_ERROR = /^\s*\{\s*(?:"type"\s*:\s*"error"\s*,\s*)?"error"\s*:\s*[{"]/;

/** Blank-line framing with plain newlines and no byte order mark: what the byte relay understands. */
const isPlainFraming = (first: Uint8Array): boolean => first[0] !== 0xef && !first.includes(13);
