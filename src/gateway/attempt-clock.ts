/**
 * The time limits of one attempt: to connect, to begin, to go on, to end. One timer serves them all, and the error says
 * which it was. Only bytes of the upstream move it: what the gateway itself sends to keep a client waiting does not.
 * Source: LiteLLM's documentation of `timeout` and `stream_timeout`.
 */
import { GatewayError } from '../errors.ts';
import type { Deadline, Deadlines } from '../lib/deadlines.ts';

/** Milliseconds. */
export interface AttemptLimits {
  /** For the head of an answer. */
  readonly firstByteMs: number;
  /** For a whole answer, or for the first content of a stream. */
  readonly answerMs: number;
  /** Between two reads of a stream. */
  readonly idleMs: number;
  /** For the call with all its attempts and its stream. */
  readonly totalMs: number;
}

/** How it is found out that an upstream cannot even be connected to; `undefined`: it was heard of lately. */
export interface ConnectLimit {
  readonly limitMs: number;
  /** Resolves false when nobody accepts a connection within the time. */
  connects(withinMs: number): Promise<boolean>;
}

export interface ClockParts {
  readonly deadlines: Deadlines;
  now(): number;
  /** Ends the attempt. */
  end(reason: GatewayError): void;
}

/** For an upstream to close its answer after its last event. */
const LINGER_MS = 1_000;

type Phase = 'connecting' | 'waiting' | 'answering' | 'opening' | 'streaming' | 'closing';

export class AttemptClock {
  readonly #parts: ClockParts;
  readonly #limits: AttemptLimits;
  readonly #startedAtMs: number;
  readonly #deadline: Deadline;
  readonly #connect: ConnectLimit | undefined;
  #phase: Phase;
  /** However steadily the upstream drips. */
  #latestMs: number;
  readonly #totalAtMs: number;

  /** @param receivedAtMs of the call, which may have had other attempts */
  constructor(parts: ClockParts, limits: AttemptLimits, receivedAtMs: number, connect?: ConnectLimit) {
    const startedAtMs = parts.now();
    this.#parts = parts;
    this.#limits = limits;
    this.#startedAtMs = startedAtMs;
    this.#totalAtMs = receivedAtMs + limits.totalMs;
    this.#latestMs = Math.min(startedAtMs + limits.answerMs, this.#totalAtMs);
    this.#connect = connect !== undefined && connect.limitMs < limits.firstByteMs ? connect : undefined;
    this.#phase = this.#connect ? 'connecting' : 'waiting';
    // Half of the time for the answer itself, and half to ask whether anybody is there.
    const firstMs = this.#connect ? this.#connect.limitMs / 2 : limits.firstByteMs;
    this.#deadline = parts.deadlines.add(this.#within(startedAtMs + firstMs), () => this.#fire());
  }

  /** The head of a whole answer is there: from now on the limit for all of it counts. */
  answering(): void {
    this.#phase = 'answering';
    this.#deadline.atMs = this.#latestMs;
  }

  /** The head of a stream is there. */
  opening(): void {
    this.#phase = 'opening';
    this.heard();
  }

  /** Bytes came. */
  heard(): void {
    this.#deadline.atMs = this.#within(this.#parts.now() + this.#limits.idleMs);
  }

  /** Content is on its way to the client: from now on only silence ends the stream, or the limit for the whole call. */
  begun(): void {
    if (this.#phase !== 'opening') return;
    this.#phase = 'streaming';
    this.#latestMs = this.#totalAtMs;
    this.heard();
  }

  closing(): void {
    this.#phase = 'closing';
    this.#deadline.atMs = this.#parts.now() + LINGER_MS;
  }

  stop(): void {
    this.#parts.deadlines.remove(this.#deadline);
  }

  #within(atMs: number): number {
    return Math.min(atMs, this.#latestMs);
  }

  #fire(): void {
    const connect = this.#connect;
    if (this.#phase !== 'connecting' || connect === undefined) {
      this.#parts.end(this.#late());
      return;
    }
    this.#phase = 'waiting';
    const { deadlines } = this.#parts;
    this.#deadline.atMs = this.#within(this.#startedAtMs + this.#limits.firstByteMs);
    deadlines.put(this.#deadline);
    void connect.connects(connect.limitMs / 2).then((isThere) => {
      if (!isThere && this.#phase === 'waiting') this.#parts.end(unconnected(connect.limitMs));
    });
  }

  #late(): GatewayError {
    const { idleMs, answerMs, totalMs, firstByteMs } = this.#limits;
    if (this.#deadline.atMs >= this.#totalAtMs) return late(`The answer took longer than ${seconds(totalMs)}.`);
    switch (this.#phase) {
      case 'connecting':
      case 'waiting':
        return late(`The upstream did not answer within ${seconds(firstByteMs)}.`);
      case 'answering':
        return late(`The upstream did not finish its answer within ${seconds(answerMs)}.`);
      case 'opening':
        if (this.#deadline.atMs < this.#latestMs) return silent(idleMs);
        return late(`The upstream sent no content within ${seconds(answerMs)}.`);
      case 'streaming':
      case 'closing':
        return silent(idleMs);
      default:
        return this.#phase satisfies never;
    }
  }
}

const seconds = (ms: number): string => `${Math.round(ms) / 1000} seconds`;

const late = (message: string): GatewayError => new GatewayError('upstream_timeout', message);

const silent = (idleMs: number): GatewayError => late(`The upstream said nothing for ${seconds(idleMs)}.`);

const unconnected = (limitMs: number): GatewayError =>
  new GatewayError('upstream_unreachable', `The upstream accepted no connection within ${seconds(limitMs)}.`);
