/**
 * Counts tokens beside the event loop: a long prompt takes seconds, in which no request may wait. The thread is started for the
 * first count and ended when there has been none for a while, since its tables are large.
 */
import { GatewayError } from '../errors.ts';
import type { CountAnswer, CountQuestion } from './counting-thread.ts';
import type { Encoding } from './encodings.ts';
import type { Prompt } from './prompt-tokens.ts';

export interface TokenCounter {
  /**
   * Prompts are counted one after another.
   * @throws GatewayError 503 when too many wait already, when it takes too long, or once closed
   */
  count(prompt: Prompt, encoding: Encoding): Promise<number>;
  /** Whether its thread is there. */
  readonly isRunning: boolean;
  /** Counts that are still under way are refused. */
  close(): void;
}

export interface TokenCounterOptions {
  /** For one count. */
  readonly timeLimitMs?: number;
  readonly idleMs?: number;
  readonly maxWaiting?: number;
}

interface Job {
  readonly question: CountQuestion;
  resolve(tokens: number): void;
  reject(error: GatewayError): void;
}

export function createTokenCounter(options: TokenCounterOptions = {}): TokenCounter {
  return new ThreadedCounter({ timeLimitMs: 30_000, idleMs: 30_000, maxWaiting: 50, ...options });
}

class ThreadedCounter implements TokenCounter {
  readonly #options: Required<TokenCounterOptions>;
  readonly #waiting: Job[] = [];
  #running: Job | undefined;
  #thread: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: Required<TokenCounterOptions>) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#thread !== undefined;
  }

  async count(prompt: Prompt, encoding: Encoding): Promise<number> {
    if (this.#isClosed) throw unavailable('The gateway is stopping.');
    if (this.#waiting.length >= this.#options.maxWaiting) throw unavailable('Too many prompts are being counted.');
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiting.push({ question: { prompt, encoding }, resolve, reject });
    this.#next();
    return await promise;
  }

  close(): void {
    this.#isClosed = true;
    const left = [...(this.#running ? [this.#running] : []), ...this.#waiting.splice(0)];
    this.#stop();
    for (const { reject } of left) reject(unavailable('The gateway is stopping.'));
  }

  #next(): void {
    if (this.#running !== undefined) return;
    clearTimeout(this.#timer);
    const job = this.#waiting.shift();
    if (job === undefined) {
      this.#rest();
      return;
    }
    this.#running = job;
    this.#thread ??= this.#start();
    this.#thread.ref();
    this.#timer = setTimeout(
      () => this.#fail(unavailable('The prompt took too long to count.')),
      this.#options.timeLimitMs,
    );
    this.#thread.postMessage(job.question);
  }

  /** An idle thread must not keep the process alive. */
  #rest(): void {
    if (this.#thread === undefined) return;
    this.#thread.unref();
    this.#timer = setTimeout(() => this.#stop(), this.#options.idleMs);
    this.#timer.unref();
  }

  #start(): Worker {
    const thread = new Worker(new URL('./counting-thread.ts', import.meta.url));
    thread.onmessage = ({ data }: MessageEvent<CountAnswer>) => {
      if (thread === this.#thread) this.#end(data);
    };
    thread.onerror = () => {
      if (thread === this.#thread) this.#fail(failed());
    };
    return thread;
  }

  #end(answer: CountAnswer): void {
    const job = this.#running;
    this.#running = undefined;
    if ('tokens' in answer) job?.resolve(answer.tokens);
    else job?.reject(failed());
    this.#next();
  }

  /** Counting cannot be interrupted from outside its thread, so the thread goes with it. */
  #fail(error: GatewayError): void {
    const job = this.#running;
    this.#stop();
    job?.reject(error);
    this.#next();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#running = undefined;
    this.#thread?.terminate();
    this.#thread = undefined;
  }
}

const unavailable = (message: string): GatewayError =>
  new GatewayError('unavailable', message, { code: 'token_count_unavailable', retryAfterMs: 1_000 });

const failed = (): GatewayError => unavailable('The prompt could not be counted.');
