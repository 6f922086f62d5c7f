import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { amountIn, type NaiveCall, NaiveLimits, type NaiveRow, sameScope } from '../../test/support/naive-limits.ts';
import { createLimitTree, type StoredUnit } from './memory.ts';
import {
  type Demand,
  type Hold,
  isRefusal,
  type Limit,
  type Part,
  type Refusal,
  type Scope,
  type Window,
} from './types.ts';
import { windowAt } from './window.ts';

const KEY_A: Scope = { kind: 'api_key', id: 'a' };
const KEY_B: Scope = { kind: 'api_key', id: 'b' };
const TEAM: Scope = { kind: 'team', id: 't' };
const MODEL: Scope = { kind: 'model_per_key', id: 'm' };
const FIRST: Scope = { kind: 'deployment', id: 'first' };
const SECOND: Scope = { kind: 'deployment', id: 'second' };

const BASES = [[KEY_A, TEAM], [KEY_B, TEAM, TEAM], [KEY_A]];
const ATTEMPTS = [[MODEL, FIRST], [FIRST], [SECOND], [MODEL, SECOND, TEAM], []];
const ALL = [KEY_A, KEY_B, TEAM, MODEL, FIRST, SECOND];

const LIFETIME: Window = { kind: 'lifetime' };
const SECOND_LONG: Window = { kind: 'sliding', ms: 1_000 };
const calendar = (period: 'minute' | 'day' | 'month'): Window => ({
  kind: 'calendar',
  every: 1,
  period,
  timeZone: 'Europe/Berlin',
});
const [MINUTE, DAY, MONTH] = [calendar('minute'), calendar('day'), calendar('month')];
const WINDOWS = [LIFETIME, MINUTE, DAY, MONTH];
const STEPS_MS = [0, 1, 250, 999, 1_000, 59_000, 12 * 3_600_000, 31 * 86_400_000];
const START_MS = Date.parse('2026-10-24T21:59:58.000Z');

interface Live {
  readonly hold: Hold;
  readonly call: NaiveCall;
}

/** The tree, a ledger that stores late, and the naive sums beside it. */
class Trial {
  nowMs = START_MS;
  readonly naive = new NaiveLimits();
  readonly live: Live[] = [];
  admitted = 0;
  refused = 0;
  compared = 0;
  readonly limits = new Map<Scope, Limit[]>(ALL.map((scope) => [scope, firstLimits(scope)]));
  readonly #rows: NaiveRow[] = [];
  #stored = 0;
  readonly #asked: { answer(): void; fail(): void }[] = [];
  readonly tree = createLimitTree({
    now: () => this.nowMs,
    recordedRows: () => this.#rows.length,
    seed: (scope, unit, sinceMs) =>
      new Promise((resolve, reject) => {
        const answer = (): void => resolve(this.#sum(scope, unit, sinceMs));
        this.#asked.push({ answer, fail: () => reject(new Error('The database is away')) });
      }),
    pause: () => Promise.resolve(),
    onEvent: () => {},
    maxCounters: 9,
  });

  constructor() {
    for (const each of this.limits.values()) this.load(each);
  }

  #sum(scope: Scope, unit: StoredUnit, sinceMs: number) {
    const rows = this.#rows.slice(0, this.#stored).filter(({ admittedMs }) => admittedMs >= sinceMs);
    const amounts = rows.flatMap((row) => row.amounts);
    const mine = amounts.filter((each) => each.unit === unit && sameScope(each.scope, scope));
    return { amount: mine.reduce((total, { amount }) => total + amount, 0), storedRows: this.#stored };
  }

  load(limits: readonly Limit[]): boolean {
    const loading = this.tree.load(limits);
    loading?.catch(() => {}); // tried anew by the next load
    return loading === undefined;
  }

  /** Limits that are known stand over a call; others do not, as with a call that began before they were set. */
  part(scopes: readonly Scope[]): Part {
    const limits = scopes.flatMap((scope) => this.limits.get(scope) ?? []);
    return { scopes, limits: limits.filter((limit) => this.load([limit])) };
  }

  reserve(demand: Demand, base: readonly Scope[], attempt: readonly Scope[]): void {
    // Loading one may have let another go.
    const parts = [base, attempt].map((scopes) => this.part(scopes)) as [Part, Part]; // two in, two out
    if (!this.load([...parts[0].limits, ...parts[1].limits])) return;
    const found = this.tree.reserve(demand, ...parts);
    const limits = [...parts[0].limits, ...parts[1].limits].filter(isHard);
    this.#compare(
      isRefusal(found) ? found : undefined,
      limits,
      (limit) => {
        const { posted, held } = this.naive.total(limit, this.nowMs);
        const asked = amountIn(limit.unit, demand);
        return asked === 0 || posted + held + asked <= limit.max;
      },
      demand,
    );
    if (isRefusal(found)) {
      this.refused += 1;
      return;
    }
    this.live.push({ hold: found, call: this.naive.begin(this.nowMs, demand, ...parts) });
    this.admitted += 1;
    for (const limit of limits) {
      if (amountIn(limit.unit, demand) === 0) continue; // makes nothing worse that is overspent already
      const { posted, held } = this.naive.total(limit, this.nowMs);
      expect(posted + held).toBeLessThanOrEqual(limit.max);
    }
  }

  attempt({ hold, call }: Live, demand: Demand, scopes: readonly Scope[], previousWasSent: boolean): void {
    const part = this.part(scopes);
    if (!this.load(part.limits)) return;
    const before = hold.demand;
    const refusal = hold.attempt(demand, part, previousWasSent);
    const limits = [...call.base.limits, ...part.limits].filter(isHard);
    const isPlain = limits.every(({ window, since }) => {
      if (window.kind === 'sliding') return true;
      const isSameWindow = windowAt(window, call.admittedMs).id === windowAt(window, this.nowMs).id;
      return isSameWindow && !(since && call.admittedMs < since.atMs);
    });
    if (isPlain) {
      this.#compare(
        refusal,
        limits,
        (limit) => {
          const { posted, held } = this.naive.total(limit, this.nowMs);
          const own = this.naive.own(call, limit, this.nowMs);
          const asked = amountIn(limit.unit, demand);
          const holds = [...call.base.scopes, ...call.attempt.scopes].some((each) => sameScope(each, limit.scope));
          return asked === 0 || (holds && asked <= own) || posted + held - own + asked <= limit.max;
        },
        demand,
      );
    }
    expect(hold.demand).toEqual(refusal ? before : demand);
    if (!refusal) this.naive.another(call, demand, part, { nowMs: this.nowMs, previousWasSent });
  }

  /** Refused exactly when the plain sums say so, and for a limit that stands in the way. */
  #compare(refusal: Refusal | undefined, limits: Limit[], fits: (limit: Limit) => boolean, { nanoUsd }: Demand): void {
    const against = limits.filter(
      (limit) => (limit.unit === 'usd' && nanoUsd === null && limit.max !== Number.POSITIVE_INFINITY) || !fits(limit),
    );
    if (against.length === 0) expect(refusal).toBeUndefined();
    else expect(against).toContainEqual(refusal?.standing.limit ?? expect.anything());
    expect(refusal === undefined).toBe(against.length === 0);
  }

  edit(scope: Scope, change: { max: number; window: Window; since: number | null }): void {
    const [first, ...rest] = this.limits.get(scope) ?? [];
    if (!first) return;
    const { max, window } = change;
    const set = change.since === null ? {} : { since: { atMs: this.nowMs, amount: change.since } };
    this.limits.set(scope, [{ scope, unit: first.unit, strength: first.strength, max, window, ...set }, ...rest]);
  }

  settle({ hold, call }: Live, used: { tokens: number; nanoUsd: number }): void {
    hold.settle(used);
    hold.settle({ tokens: 1e6, nanoUsd: 1e6 });
    hold.release();
    this.#rows.push(this.naive.settle(call, used));
  }

  release({ hold, call }: Live): void {
    hold.release();
    hold.settle({ tokens: 1e6, nanoUsd: 1e6 });
    this.naive.release(call);
  }

  async answer(store: number, fails: boolean): Promise<void> {
    this.#stored = Math.min(this.#rows.length, this.#stored + store);
    const [first, ...others] = this.#asked.splice(0);
    if (fails) first?.fail();
    else first?.answer();
    for (const asked of others) asked.answer();
    await settled();
  }

  async answerAll(): Promise<void> {
    this.#stored = this.#rows.length;
    while (this.#asked.length > 0) {
      for (const asked of this.#asked.splice(0)) asked.answer();
      await settled();
    }
  }

  /** Every counter in memory says what the plain sums say. */
  verify(): void {
    for (const each of this.limits.values()) {
      for (const { limit, posted, held } of this.tree.standing(each)) {
        const plain = this.naive.total(limit, this.nowMs);
        // Thousands of times a run: only a difference is worth an expectation.
        if (posted !== plain.posted || held !== plain.held)
          expect({ limit, posted, held }).toEqual({ limit, ...plain });
        if (held < 0) throw new Error(`Less than nothing is held under ${JSON.stringify(limit)}`);
        this.compared += 1;
      }
    }
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const isHard = ({ strength }: Limit): boolean => strength === 'hard';

function firstLimits(scope: Scope): Limit[] {
  const limit = (unit: Limit['unit'], window: Window, max: number): Limit => ({
    scope,
    unit,
    window,
    max,
    strength: 'hard',
  });
  return [
    limit('usd', DAY, 100),
    limit('tokens', SECOND_LONG, 100),
    limit('requests', SECOND_LONG, 6),
    limit('requests', MINUTE, 12),
    limit('parallel', LIFETIME, 4),
    { ...limit('usd', LIFETIME, Number.POSITIVE_INFINITY) },
    { ...limit('tokens', DAY, 50), strength: 'shadow' },
  ];
}

const amount = fc.integer({ min: 0, max: 40 });
const demand = fc.record({
  tokens: amount,
  nanoUsd: fc.oneof({ weight: 12, arbitrary: amount }, { weight: 1, arbitrary: fc.constant(null) }),
});
const index = fc.nat({ max: 1_000 });

/** Told as data, so that a counterexample can be read. */
type Step =
  | { readonly kind: 'reserve'; readonly demand: Demand; readonly base: Scope[]; readonly attempt: Scope[] }
  | {
      readonly kind: 'retry';
      readonly which: number;
      readonly demand: Demand;
      readonly scopes: Scope[];
      readonly sent: boolean;
    }
  | { readonly kind: 'settle'; readonly which: number; readonly tokens: number; readonly nanoUsd: number }
  | { readonly kind: 'release'; readonly which: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'edit';
      readonly scope: Scope;
      readonly max: number;
      readonly window: Window;
      readonly since: number | null;
    }
  | { readonly kind: 'answer'; readonly store: number; readonly fails: boolean }
  | { readonly kind: 'answer all' };

const kind = <T extends string>(name: T) => fc.constant(name);
const which = index;
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: kind('reserve'),
      demand,
      base: fc.constantFrom(...BASES),
      attempt: fc.constantFrom(...ATTEMPTS),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind('retry'),
      which,
      demand,
      scopes: fc.constantFrom(...ATTEMPTS),
      sent: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kind('settle'), which, tokens: amount, nanoUsd: amount }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('release'), which }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('wait'), ms: fc.constantFrom(...STEPS_MS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind('edit'),
      scope: fc.constantFrom(...ALL),
      max: fc.constantFrom(0, 10, 60, 100, Number.POSITIVE_INFINITY),
      window: fc.constantFrom(...WINDOWS),
      since: fc.option(amount),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kind('answer'), store: fc.nat({ max: 4 }), fails: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('answer all') }) },
);

async function run(trial: Trial, step: Step): Promise<void> {
  switch (step.kind) {
    case 'reserve':
      return trial.reserve(step.demand, step.base, step.attempt);
    case 'retry': {
      const live = trial.live[step.which % Math.max(1, trial.live.length)];
      if (live) trial.attempt(live, step.demand, step.scopes, step.sent);
      return;
    }
    case 'settle':
    case 'release': {
      const [live] = trial.live.splice(step.which % Math.max(1, trial.live.length), 1);
      if (live && step.kind === 'settle') trial.settle(live, step);
      else if (live) trial.release(live);
      return;
    }
    case 'wait':
      trial.nowMs += step.ms;
      return;
    case 'edit':
      return trial.edit(step.scope, step);
    case 'answer':
      return trial.answer(step.store, step.fails && step.store === 0);
    case 'answer all':
      return trial.answerAll();
    default:
      return step satisfies never;
  }
}

test('the tree says, refuses and lets through what plain sums over every call do', async () => {
  let admitted = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 60, size: 'max' }), async (plan) => {
      const trial = new Trial();
      await trial.answerAll();
      for (const step of plan) {
        await run(trial, step);
        trial.verify();
      }
      for (const live of trial.live.splice(0)) trial.settle(live, { tokens: 1, nanoUsd: 1 });
      for (const each of trial.limits.values()) trial.load(each);
      await trial.answerAll();
      trial.verify();
      for (const each of trial.limits.values()) {
        for (const { held } of trial.tree.standing(each)) expect(held).toBe(0);
      }
      admitted += trial.admitted;
      refused += trial.refused;
    }),
    { numRuns: 100 },
  );
  expect(admitted).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(100);
}, 20_000);
