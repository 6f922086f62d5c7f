/**
 * A bounded wait instead of a refusal. Fair between keys: when something comes free, they are asked in turn, and within a
 * key the one that came first. Nobody polls: those who wait are asked when a call ends, or when a window clears.
 */
import type { Refusal } from './types.ts';

export interface WaitOptions {
  /** Epoch milliseconds; from then on the last refusal stands. */
  readonly deadlineMs: number;
  /** Whether a refusal may clear in time; asked after each try. */
  canWait(refusal: Refusal): boolean;
  /** Resolves when the client has left. */
  readonly gone?: Promise<void>;
}

export interface WaitingRoom {
  /**
   * Tries at once, unless others of the same key wait; then waits. When the wait ends without success, the answer is the
   * last refusal, which for one that was never its key's first is that of the one before it. What `attempt` throws ends it.
   */
  enter<T>(key: string, attempt: () => T | Refusal, options: WaitOptions): Promise<T | Refusal>;
  /** How many wait now. */
  readonly waiting: number;
}

export interface WaitingRoomOptions {
  /** Epoch milliseconds. */
  now(): number;
  /** More are refused at once. */
  readonly maxWaiting: number;
  /** Resolves when something has been given back after the call. */
  wake(): Promise<void>;
  /** Calls back once, and returns how to take that back. */
  timer?(callback: () => void, delayMs: number): () => void;
}

export const createWaitingRoom = (options: WaitingRoomOptions): WaitingRoom => new Room(options);

/** One that waits; what for is of no interest to the room. */
interface Waiter {
  readonly key: string;
  readonly deadlineMs: number;
  /** The last one told. */
  refusal: Refusal;
  /** Tries; says whether its wait is over. */
  ask(): boolean;
  /** Ends the wait with the last refusal. */
  giveUp(): void;
}

/** Longest delay that a timer takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

function startTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

class Room implements WaitingRoom {
  waiting = 0;
  readonly #options: WaitingRoomOptions;
  /** Keys in the order in which they are asked; one that was served goes to the end. */
  readonly #queues = new Map<string, Waiter[]>();
  #isListening = false;
  #alarm: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  async enter<T>(key: string, attempt: () => T | Refusal, options: WaitOptions): Promise<T | Refusal> {
    const before = this.#queues.get(key)?.at(-1);
    const first = before ? before.refusal : attempt();
    if (!isRefused(first)) return first;
    const isOver = options.deadlineMs <= this.#options.now() || this.waiting >= this.#options.maxWaiting;
    if (isOver || (!before && !options.canWait(first))) return first;
    return this.#wait({ key, refusal: first }, attempt, options);
  }

  #wait<T>(
    { key, refusal }: Pick<Waiter, 'key' | 'refusal'>,
    attempt: () => T | Refusal,
    { deadlineMs, canWait, gone }: WaitOptions,
  ): Promise<T | Refusal> {
    const { promise, resolve, reject } = Promise.withResolvers<T | Refusal>();
    const waiter: Waiter = {
      key,
      deadlineMs,
      refusal,
      ask() {
        try {
          const answer = attempt();
          if (isRefused(answer)) waiter.refusal = answer;
          if (isRefused(answer) && canWait(answer)) return false;
          resolve(answer);
        } catch (error) {
          reject(error);
        }
        return true;
      },
      giveUp: () => resolve(waiter.refusal),
    };
    this.#add(waiter);
    void gone?.then(() => this.#leave(waiter));
    return promise;
  }

  #add(waiter: Waiter): void {
    const queue = this.#queues.get(waiter.key);
    if (queue) queue.push(waiter);
    else this.#queues.set(waiter.key, [waiter]);
    this.waiting += 1;
    this.#listen();
    this.#wakeBy(Math.min(waiter.deadlineMs, this.#clearsAtMs(waiter)));
  }

  /** Says whether it was still waiting. */
  #remove(waiter: Waiter): boolean {
    const queue = this.#queues.get(waiter.key);
    const index = queue?.indexOf(waiter) ?? -1;
    if (!queue || index === -1) return false;
    queue.splice(index, 1);
    if (queue.length === 0) this.#queues.delete(waiter.key);
    this.waiting -= 1;
    return true;
  }

  #leave(waiter: Waiter): void {
    const wasFirst = this.#queues.get(waiter.key)?.[0] === waiter;
    if (!this.#remove(waiter)) return;
    waiter.giveUp();
    if (wasFirst) this.#askFirsts([waiter.key]);
    this.#rest();
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    void this.#options.wake().then(() => {
      this.#isListening = false;
      this.#run();
    });
  }

  #run(): void {
    this.#askFirsts([...this.#queues.keys()]);
    this.#askFirsts(this.#expire());
    this.#rest();
  }

  /** One of each key in turn, until nobody's wait ends any more. A refused key need not be asked again: nothing comes back. */
  #askFirsts(keys: readonly string[]): void {
    let turn = keys;
    while (turn.length > 0) turn = turn.filter((key) => this.#askFirst(key));
  }

  #askFirst(key: string): boolean {
    const queue = this.#queues.get(key);
    const first = queue?.[0];
    if (!queue || !first?.ask()) return false;
    this.#remove(first);
    if (queue.length === 0) return false;
    this.#queues.delete(key);
    this.#queues.set(key, queue);
    return true;
  }

  /** Keys whose first has changed. */
  #expire(): string[] {
    const nowMs = this.#options.now();
    const changed: string[] = [];
    for (const [key, queue] of [...this.#queues]) {
      const [first] = queue;
      for (const waiter of queue.filter(({ deadlineMs }) => deadlineMs <= nowMs)) {
        this.#remove(waiter);
        waiter.giveUp();
      }
      if (queue.length > 0 && queue[0] !== first) changed.push(key);
    }
    return changed;
  }

  /** Until the next call ends, the next window clears or the next deadline comes. */
  #rest(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (this.waiting === 0) return;
    this.#listen();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const queue of this.#queues.values()) {
      const [first] = queue;
      if (first) nextMs = Math.min(nextMs, this.#clearsAtMs(first));
      for (const { deadlineMs } of queue) nextMs = Math.min(nextMs, deadlineMs);
    }
    this.#wakeBy(nextMs);
  }

  /** A moment that has come already is no reason to ask again. */
  #clearsAtMs({ refusal: { clearsAtMs } }: Waiter): number {
    return clearsAtMs !== null && clearsAtMs > this.#options.now() ? clearsAtMs : Number.POSITIVE_INFINITY;
  }

  #wakeBy(atMs: number): void {
    if (this.#alarm && this.#alarm.atMs <= atMs) return;
    this.#alarm?.cancel();
    const { timer = startTimer, now } = this.#options;
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(1, Math.ceil(atMs - now())));
    const cancel = timer(() => {
      this.#alarm = undefined;
      this.#run();
    }, delayMs);
    this.#alarm = { atMs, cancel };
  }
}

const isRefused = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'reason' in value && 'standing' in value;
