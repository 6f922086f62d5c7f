/**
 * Work beside the event loop, one question after another, in a thread that is started for the first of them. It cannot be
 * interrupted from outside, so what takes too long loses its thread, and the next question gets a new one.
 */

/** Why there is no answer. */
export type ThreadFault = 'closed' | 'too many wait' | 'too slow' | 'broken';

export interface SideThreadOptions {
  start(): Worker;
  /** For one question. */
  readonly timeLimitMs: number;
  readonly maxWaiting: number;
  /** The thread is ended when nobody has asked for so long; it stays when absent. */
  readonly idleMs?: number;
  /** @param message what the thread said when it broke; it may quote the question */
  errorOf(fault: ThreadFault, message: string): Error;
}

interface Job<Question, Answer> {
  readonly question: Question;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** The thread answers each message with one. */
export class SideThread<Question, Answer> {
  readonly #options: SideThreadOptions;
  readonly #waiting: Job<Question, Answer>[] = [];
  #running: Job<Question, Answer> | undefined;
  #thread: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: SideThreadOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#thread !== undefined;
  }

  /** @throws what `errorOf` makes of a fault */
  async ask(question: Question): Promise<Answer> {
    const { maxWaiting, errorOf } = this.#options;
    if (this.#isClosed) throw errorOf('closed', '');
    if (this.#waiting.length >= maxWaiting) throw errorOf('too many wait', '');
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ question, resolve, reject });
    this.#next();
    return await promise;
  }

  /** Questions that have no answer yet are refused. */
  close(): void {
    this.#isClosed = true;
    const left = [...(this.#running ? [this.#running] : []), ...this.#waiting.splice(0)];
    this.#stop();
    for (const { reject } of left) reject(this.#options.errorOf('closed', ''));
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
    this.#timer = setTimeout(() => this.#fail('too slow', ''), this.#options.timeLimitMs);
    this.#thread.postMessage(job.question);
  }

  /** An idle thread must not keep the process alive. */
  #rest(): void {
    this.#thread?.unref();
    if (this.#thread === undefined || this.#options.idleMs === undefined) return;
    this.#timer = setTimeout(() => this.#stop(), this.#options.idleMs);
    this.#timer.unref();
  }

  #start(): Worker {
    const thread = this.#options.start();
    thread.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (thread === this.#thread) this.#end(data);
    };
    thread.onerror = ({ message }: ErrorEvent) => {
      if (thread === this.#thread) this.#fail('broken', message);
    };
    return thread;
  }

  #end(answer: Answer): void {
    const job = this.#running;
    this.#running = undefined;
    job?.resolve(answer);
    this.#next();
  }

  #fail(fault: ThreadFault, message: string): void {
    const job = this.#running;
    this.#stop();
    job?.reject(this.#options.errorOf(fault, message));
    this.#next();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#running = undefined;
    this.#thread?.terminate();
    this.#thread = undefined;
  }
}
