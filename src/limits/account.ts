/** Where amounts stand: one account for each window of a counter. A hold keeps the accounts that it was booked to. */
import type { Unit, Window } from './types.ts';
import type { WindowClock, WindowSpan } from './window.ts';

/** What a hold needs of the place that it is booked to. */
export interface Account {
  readonly counter: Counter;
  /** Where a limit on it is read. */
  readonly place: Place;
  take(amount: number): void;
  giveBack(amount: number): void;
  /** @param row index that the ledger's row of the call will have, counted in rows recorded by this process */
  settle(held: number, used: number, row: number): void;
}

/** Settled while the stored past was being read: whether the sum read holds it is known by its row. */
interface Settled {
  readonly row: number;
  readonly used: number;
}

/** `stale`: the past is not known, and what settles meanwhile will be part of it. */
export type PeriodState = 'stale' | 'loading' | 'ready';

/** One calendar window, or the whole life. */
export class Period implements Account {
  readonly counter: PeriodCounter;
  readonly startMs: number;
  readonly endMs: number | null;
  /** Calls admitted earlier are not counted. */
  readonly fromMs: number;
  posted = 0;
  held = 0;
  state: PeriodState;
  /** What was there before this process counted: its events were told then. */
  loaded = 0;
  loading: Promise<void> | undefined;
  /** Events told, and when. */
  told: Map<string, number> | undefined;
  #settled: Settled[] = [];

  constructor(counter: PeriodCounter, span: WindowSpan, fromMs: number, state: PeriodState) {
    this.counter = counter;
    this.startMs = span.startMs;
    this.endMs = span.endMs;
    this.fromMs = fromMs;
    this.state = state;
  }

  get place(): this {
    return this;
  }

  /** Whether a call admitted then is counted here. */
  covers(admittedMs: number): boolean {
    return admittedMs >= this.fromMs && (this.endMs === null || admittedMs < this.endMs);
  }

  take(amount: number): void {
    this.held += amount;
  }

  giveBack(amount: number): void {
    this.held -= amount;
  }

  settle(held: number, used: number, row: number): void {
    this.held -= held;
    if (this.state === 'ready') this.posted += used;
    else if (this.state === 'loading' && used !== 0) this.#settled.push({ row, used });
  }

  beginLoading(): void {
    this.state = 'loading';
    this.#settled = [];
  }

  /** @param storedRows how many recorded rows the sum holds */
  endLoading(sum: number, storedRows: number): void {
    this.loaded = sum;
    this.posted = sum;
    for (const { row, used } of this.#settled) if (row >= storedRows) this.posted += used;
    this.#settled = [];
    this.state = 'ready';
  }

  failLoading(): void {
    this.#settled = [];
    this.state = 'stale';
  }
}

interface CounterBase {
  readonly unit: Unit;
  readonly window: Window;
  /** When an admin set the total by hand; 0: never. */
  readonly sinceMs: number;
  /** Accounts that live holds have here: a counter with any must stay in memory. */
  live: number;
  /** Where a call is booked; `undefined`: its window is over and forgotten. */
  accountFor(admittedMs: number, nowMs: number): Account | undefined;
  isIdle(nowMs: number): boolean;
}

/** Where a limit is read: the window of a counter, or what slides. */
export type Place = Period | SlidingCounter;

export type Counter = PeriodCounter | SlidingCounter;

export class PeriodCounter implements CounterBase {
  readonly unit: Unit;
  readonly window: Window;
  readonly sinceMs: number;
  live = 0;
  readonly #clock: WindowClock;
  #current: Period;
  /** For calls that were admitted before the boundary and take another scope after it. */
  #previous: Period | undefined;

  constructor(unit: Unit, clock: WindowClock, sinceMs: number, nowMs: number) {
    this.unit = unit;
    this.window = clock.window;
    this.sinceMs = sinceMs;
    this.#clock = clock;
    const span = clock.at(nowMs);
    // A level has no past: all that counts is under way in this process.
    const state = unit === 'parallel' ? 'ready' : 'stale';
    this.#current = new Period(this, span, Math.max(span.startMs, Math.min(sinceMs, nowMs)), state);
  }

  /** The window of now. A new one needs no past: this counter has seen all of it. */
  at(nowMs: number): Period {
    const { endMs } = this.#current;
    if (endMs === null || nowMs < endMs) return this.#current;
    const span = this.#clock.at(nowMs);
    this.#previous = this.#current;
    this.#current = new Period(this, span, span.startMs, 'ready');
    return this.#current;
  }

  accountFor(admittedMs: number, nowMs: number): Period | undefined {
    const current = this.at(nowMs);
    if (admittedMs >= current.fromMs) return current;
    // Between the two may lie windows in which nobody looked here: a call of theirs belongs to neither.
    return this.#previous?.covers(admittedMs) ? this.#previous : undefined;
  }

  isIdle(): boolean {
    return this.live === 0 && this.#current.state !== 'loading';
  }
}

/** Calls close in time, as one entry of a sliding window. */
class Bucket implements Account {
  readonly counter: SlidingCounter;
  readonly firstMs: number;
  lastMs: number;
  posted = 0;
  held = 0;
  /** Out of the window: changes here change nothing. */
  gone = false;

  constructor(counter: SlidingCounter, atMs: number) {
    this.counter = counter;
    this.firstMs = atMs;
    this.lastMs = atMs;
  }

  get place(): SlidingCounter {
    return this.counter;
  }

  take(amount: number): void {
    this.held += amount;
    if (!this.gone) this.counter.held += amount;
  }

  giveBack(amount: number): void {
    this.take(-amount);
  }

  settle(held: number, used: number): void {
    this.take(-held);
    this.posted += used;
    if (!this.gone) this.counter.posted += used;
  }
}

/** Share of the window within which entries become one, so that a window holds about a thousand at most. */
const GRAIN = 1 / 1_000;

/**
 * At no instant more than the maximum in any span of `ms`. An entry counts until `ms` have passed since its time; entries
 * that become one take the later time, so the sum is never too low, and too high for a thousandth of the window at most.
 */
export class SlidingCounter implements CounterBase {
  readonly unit: Unit;
  readonly window: Window;
  readonly sinceMs = 0;
  readonly ms: number;
  live = 0;
  posted = 0;
  held = 0;
  /** Events told, and when. */
  told: Map<string, number> | undefined;
  readonly #buckets: Bucket[] = [];
  /** Buckets before it are gone. */
  #head = 0;

  constructor(unit: Unit, window: Extract<Window, { kind: 'sliding' }>) {
    this.unit = unit;
    this.window = window;
    this.ms = window.ms;
  }

  /** Lets go of what has left the window. */
  at(nowMs: number): this {
    let bucket = this.#buckets[this.#head];
    while (bucket && bucket.lastMs + this.ms <= nowMs) {
      bucket.gone = true;
      this.posted -= bucket.posted;
      this.held -= bucket.held;
      this.#head += 1;
      bucket = this.#buckets[this.#head];
    }
    if (this.#head > 32 && this.#head * 2 > this.#buckets.length) {
      this.#buckets.splice(0, this.#head);
      this.#head = 0;
    }
    return this;
  }

  accountFor(_admittedMs: number, nowMs: number): Bucket {
    this.at(nowMs);
    return this.entryAt(nowMs);
  }

  /** The entry of that time, which is no earlier than any before it. */
  entryAt(atMs: number): Bucket {
    const last = this.#buckets.at(-1);
    if (last && !last.gone) {
      const isClose = atMs - last.firstMs < this.ms * GRAIN;
      if (isClose || atMs <= last.lastMs) {
        last.lastMs = Math.max(last.lastMs, atMs);
        return last;
      }
    }
    const bucket = new Bucket(this, atMs);
    this.#buckets.push(bucket);
    return bucket;
  }

  /** When the oldest entry leaves. */
  oldestLeavesAtMs(): number | null {
    const oldest = this.#buckets[this.#head];
    return oldest ? oldest.lastMs + this.ms : null;
  }

  /** When so much has left that `excess` is gone, own amounts not counted. */
  leavesAtMs(excess: number, own: Account | undefined, ownAmount: number): number | null {
    let rest = excess;
    for (let index = this.#head; index < this.#buckets.length; index++) {
      const bucket = this.#buckets[index];
      if (!bucket) continue;
      rest -= bucket.posted + bucket.held - (bucket === own ? ownAmount : 0);
      if (rest <= 0) return bucket.lastMs + this.ms;
    }
    return null;
  }

  /** What of an amount booked there is still in the window. */
  inWindow(account: Account, amount: number): number {
    return account instanceof Bucket && account.gone ? 0 : amount;
  }

  isIdle(nowMs: number): boolean {
    return this.live === 0 && this.at(nowMs).#head === this.#buckets.length;
  }
}
