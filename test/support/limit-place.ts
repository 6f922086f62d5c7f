/** A limit tree with a clock to turn and a ledger that answers when told to, or at once. */
import { createLimitTree, type LimitTreeOptions, type StoredUnit } from '../../src/limits/memory.ts';
import {
  type Demand,
  type Hold,
  isRefusal,
  type Limit,
  type LimitEvent,
  type Part,
  type Refusal,
  type Scope,
  type Window,
} from '../../src/limits/types.ts';

export const KEY: Scope = { kind: 'api_key', id: 'key' };
export const TEAM: Scope = { kind: 'team', id: 'team' };
export const FIRST: Scope = { kind: 'deployment', id: 'first' };
export const SECOND: Scope = { kind: 'deployment', id: 'second' };

export const LIFETIME: Window = { kind: 'lifetime' };
export const MINUTE: Window = { kind: 'sliding', ms: 60_000 };
export const DAY: Window = { kind: 'calendar', every: 1, period: 'day', timeZone: 'UTC' };

export const limitOn = (scope: Scope, unit: Limit['unit'], max: number, more: Partial<Limit> = {}): Limit => ({
  scope,
  unit,
  max,
  window: LIFETIME,
  strength: 'hard',
  ...more,
});

export const NOTHING: Part = { scopes: [], limits: [] };

export const asking = (nanoUsd: number | null, tokens = 0): Demand => ({ nanoUsd, tokens });

export interface Asked {
  readonly scope: Scope;
  readonly unit: StoredUnit;
  readonly sinceMs: number;
  answer(amount: number, storedRows?: number): void;
  fail(error: Error): void;
}

export class LimitPlace {
  nowMs = Date.parse('2026-10-08T12:00:00Z');
  rows = 0;
  /** What the ledger was asked; `answers` says whether it answers by itself. */
  readonly asked: Asked[] = [];
  readonly events: LimitEvent[] = [];
  readonly tree;

  constructor(options: Partial<LimitTreeOptions> & { answers?: boolean } = {}) {
    const { answers = true, ...others } = options;
    this.tree = createLimitTree({
      now: () => this.nowMs,
      recordedRows: () => this.rows,
      seed: (scope, unit, sinceMs) => {
        const { promise, resolve, reject } = Promise.withResolvers<{ amount: number; storedRows: number }>();
        const answer = (amount: number, storedRows = this.rows): void => resolve({ amount, storedRows });
        this.asked.push({ scope, unit, sinceMs, answer, fail: reject });
        if (answers) answer(0);
        return promise;
      },
      pause: () => Promise.resolve(),
      onEvent: (event) => this.events.push(event),
      ...others,
    });
  }

  /** Loads what is needed and tries once. */
  async try(demand: Demand, base: Part, attempt: Part = NOTHING): Promise<Hold | Refusal> {
    await this.tree.load([...base.limits, ...attempt.limits]);
    return this.tree.reserve(demand, base, attempt);
  }

  async hold(demand: Demand, base: Part, attempt: Part = NOTHING): Promise<Hold> {
    const found = await this.try(demand, base, attempt);
    if (isRefusal(found)) throw new Error(`Refused: ${JSON.stringify(found)}`);
    return found;
  }

  async refusal(demand: Demand, base: Part, attempt: Part = NOTHING): Promise<Refusal> {
    const found = await this.try(demand, base, attempt);
    if (!isRefusal(found)) throw new Error('Not refused');
    return found;
  }

  /** The row of a call is recorded right after it has settled. */
  settle(hold: Hold, nanoUsd: number, tokens = 0): void {
    hold.settle({ nanoUsd, tokens });
    this.rows += 1;
  }

  /** `[posted, held]`, or `undefined` while it is not in memory. */
  stands(limit: Limit): [number, number] | undefined {
    const [standing] = this.tree.standing([limit]);
    return standing && [standing.posted, standing.held];
  }
}
