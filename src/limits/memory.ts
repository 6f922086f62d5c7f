/** The limit tree of one process: all counters in memory, the past read from the ledger when a counter is first needed. */
import { GatewayError } from '../errors.ts';
import { Period, SlidingCounter } from './account.ts';
import { Announcer } from './announcer.ts';
import { Books, type Replay } from './books.ts';
import { Check } from './check.ts';
import { Counters } from './counters.ts';
import { MemoryHold } from './hold.ts';
import { standingOf } from './judgement.ts';
import type { Demand, Hold, Limit, LimitEvent, LimitTree, Part, Refusal, Scope, Standing } from './types.ts';

export type { Replay, ReplayEntry } from './books.ts';

/** What adds up over time; a level has no past. */
export type StoredUnit = 'usd' | 'requests' | 'tokens';

/** A sum over the stored ledger, and how many of the rows that this process recorded it knows of, oldest first. */
export interface Stored {
  readonly amount: number;
  readonly storedRows: number;
}

export interface LimitTreeOptions {
  /** Epoch milliseconds. */
  now(): number;
  /** Everything used in the scope since then, in the unit. Rejects when the past cannot be read. */
  seed(scope: Scope, unit: StoredUnit, sinceMs: number): Promise<Stored>;
  /** Rows recorded by this process so far. The row of a call is recorded right after it has settled. */
  recordedRows(): number;
  readonly replay?: Replay;
  /** Called within `reserve`, `attempt` and `settle`, after they have done their work. */
  onEvent(event: LimitEvent): void;
  /** Shares of a hard budget that raise an event: 0.85 and 0.95 unless set. */
  readonly thresholds?: readonly number[];
  /** Counters kept; those of calls under way may be more. */
  readonly maxCounters?: number;
  /** Waits before the stored sum is asked for again. */
  pause?(ms: number): Promise<void>;
}

const DEFAULT_MAX_COUNTERS = 200_000;
/** How often a sum is asked for that does not yet hold every row recorded before. */
const MAX_ASKS = 50;
const MAX_PAUSE_MS = 100;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const createLimitTree = (options: LimitTreeOptions): LimitTree => new MemoryTree(options);

class MemoryTree implements LimitTree {
  readonly #options: LimitTreeOptions;
  readonly #books: Books;

  constructor(options: LimitTreeOptions) {
    this.#options = options;
    this.#books = new Books({
      now: () => options.now(),
      recordedRows: () => options.recordedRows(),
      counters: new Counters(options.maxCounters ?? DEFAULT_MAX_COUNTERS),
      announcer: new Announcer((event) => options.onEvent(event), options.thresholds),
      replay: options.replay,
    });
  }

  load(limits: readonly Limit[]): Promise<void> | undefined {
    const nowMs = this.#books.now();
    const { counters } = this.#books;
    const before = counters.size;
    let loads: Promise<void>[] | undefined;
    for (const limit of limits) {
      const place = this.#books.counterFor(limit, nowMs).at(nowMs);
      if (place instanceof SlidingCounter || place.state === 'ready' || limit.unit === 'parallel') continue;
      place.loading ??= this.#read(limit.scope, limit.unit, place).finally(() => {
        place.loading = undefined;
      });
      loads ??= [];
      loads.push(place.loading);
    }
    if (counters.size > before) counters.shrink(nowMs);
    return loads && Promise.all(loads).then(() => undefined);
  }

  reserve(demand: Demand, base: Part, attempt: Part): Hold | Refusal {
    const nowMs = this.#books.now();
    const check = new Check(this.#books, demand, nowMs);
    check.all(base.limits);
    check.all(attempt.limits);
    if (check.refusal) return check.refusal;
    const hold = new MemoryHold(this.#books, demand, { base, attempt }, nowMs);
    check.tell();
    return hold;
  }

  standing(limits: readonly Limit[]): readonly Standing[] {
    const nowMs = this.#books.now();
    return limits.flatMap((limit) => {
      const place = this.#books.counters.find(limit)?.at(nowMs);
      const isKnown = place && !(place instanceof Period && place.state !== 'ready');
      return isKnown ? [standingOf(limit, place)] : [];
    });
  }

  freed(): Promise<void> {
    return this.#books.freed();
  }

  /** What settles meanwhile is counted once: by its row, either in the sum or on top of it. */
  async #read(scope: Scope, unit: StoredUnit, period: Period): Promise<void> {
    const options = this.#options;
    const pause = options.pause ?? sleep;
    period.beginLoading();
    const recorded = options.recordedRows();
    try {
      for (let ask = 1; ask <= MAX_ASKS; ask++) {
        const { amount, storedRows } = await options.seed(scope, unit, period.fromMs);
        if (storedRows >= recorded) return period.endLoading(amount, storedRows);
        await pause(Math.min(MAX_PAUSE_MS, ask * 5));
      }
      throw new GatewayError('unavailable', 'The usage so far is not stored yet. Try again.');
    } catch (error) {
      period.failLoading();
      throw error;
    }
  }
}
