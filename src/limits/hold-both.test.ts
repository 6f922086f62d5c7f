import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { asking, FIRST, KEY, LimitPlace, limitOn, MINUTE, SECOND } from '../../test/support/limit-place.ts';
import { holdBoth, joined, type NarrowHold } from './hold-both.ts';
import { type Hold, isRefusal, type Limit, type Part } from './types.ts';

const BUDGET = limitOn(KEY, 'usd', 100);
const RATE = limitOn(KEY, 'requests', 10, { window: MINUTE });
const SLOTS = limitOn(KEY, 'parallel', 10);
const BASE: Part = { scopes: [KEY], limits: [BUDGET, RATE, SLOTS] };
const limitsOf = (scope: Limit['scope']): readonly Limit[] => [
  limitOn(scope, 'requests', 10, { window: MINUTE }),
  limitOn(scope, 'parallel', 1),
];
const ON_FIRST: Part = { scopes: [FIRST], limits: limitsOf(FIRST) };
const ON_SECOND: Part = { scopes: [SECOND], limits: limitsOf(SECOND) };
const [FIRST_RATE, FIRST_SLOT, SECOND_RATE, SECOND_SLOT] = [...ON_FIRST.limits, ...ON_SECOND.limits] as [
  Limit,
  Limit,
  Limit,
  Limit,
];

const beside = (nanoUsd: number) => ({ deploymentId: 'second', part: ON_SECOND, demand: asking(nanoUsd) });

describe('a hold for two attempts', () => {
  test('covers both, as one request of the key and one of each deployment', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(40), BASE, ON_FIRST);
    await place.tree.load(ON_SECOND.limits);
    expect(holdBoth(hold, ON_FIRST, beside(50))).toBeFunction();
    expect(place.stands(BUDGET)).toEqual([0, 90]);
    expect([RATE, SLOTS, FIRST_SLOT, SECOND_SLOT].map((limit) => place.stands(limit)?.[1])).toEqual([1, 1, 1, 1]);
  });

  test('is refused where it does not fit, and stays as it was', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(40), BASE, ON_FIRST);
    await place.tree.load(ON_SECOND.limits);
    expect(holdBoth(hold, ON_FIRST, beside(61))).toBe('refused');
    expect(place.stands(BUDGET)).toEqual([0, 40]);
    const busy = await place.hold(asking(0), { scopes: [], limits: [] }, ON_SECOND);
    expect(holdBoth(hold, ON_FIRST, beside(1))).toBe('refused');
    busy.release();
    expect(holdBoth(hold, ON_FIRST, beside(1))).toBeFunction();
  });

  for (const winner of ['first', 'second'] as const) {
    test(`holds for what is left and what was lost when the ${winner} one wins`, async () => {
      const place = new LimitPlace();
      const hold = await place.hold(asking(40), BASE, ON_FIRST);
      await place.tree.load(ON_SECOND.limits);
      const narrow = holdBoth(hold, ON_FIRST, beside(50));
      if (narrow === 'refused') throw new Error('It fits.');
      const isFirst = winner === 'first';
      expect(narrow(winner, 3)).toBe(isFirst ? ON_FIRST : ON_SECOND);
      expect(place.stands(BUDGET)).toEqual([0, isFirst ? 43 : 53]);
      expect([FIRST_SLOT, SECOND_SLOT].map((limit) => place.stands(limit)?.[1])).toEqual(isFirst ? [1, 0] : [0, 1]);
      place.settle(hold, 13);
      expect(place.stands(BUDGET)).toEqual([13, 0]);
      // Both were asked.
      expect([RATE, FIRST_RATE, SECOND_RATE].map((limit) => place.stands(limit)?.[0])).toEqual([1, 1, 1]);
    });
  }

  test('never lets what is used and what is held pass the budget, whatever is asked, lost and used', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 8 }), async (pairs) => {
        const place = new LimitPlace();
        const running: Running[] = [];
        for (const one of pairs) {
          const hold = await place.try(asking(one.first), OPEN, partOn(FIRST));
          if (isRefusal(hold)) continue;
          const beside = { deploymentId: 'second', part: partOn(SECOND), demand: asking(one.second) };
          running.push({ pair: one, hold, narrow: holdBoth(hold, partOn(FIRST), beside) });
          expectWithin(place);
        }
        const used = running.map((one) => endOf(one, place));
        expect(place.stands(BUDGET) ?? [0, 0]).toEqual([used.reduce((sum, cost) => sum + cost, 0), 0]);
      }),
      { numRuns: 200 },
    );
  });
});

const OPEN: Part = { scopes: [KEY], limits: [BUDGET] };
const partOn = (scope: Limit['scope']): Part => ({ scopes: [scope], limits: [] });
const share = fc.double({ min: 0, max: 1, noNaN: true });
/** What the attempts may cost at most, and what becomes of them. */
const pair = fc.record({
  first: fc.nat(60),
  second: fc.nat(60),
  wins: fc.constantFrom<('first' | 'second')[]>('first', 'second'),
  lost: share,
  used: share,
});

interface Running {
  readonly pair: typeof pair extends fc.Arbitrary<infer Pair> ? Pair : never;
  readonly hold: Hold;
  readonly narrow: NarrowHold | 'refused';
}

function expectWithin(place: LimitPlace): void {
  const [posted, held] = place.stands(BUDGET) ?? [0, 0];
  expect(posted + held).toBeLessThanOrEqual(BUDGET.max);
}

/** @returns what it cost */
function endOf({ pair: asked, hold, narrow }: Running, place: LimitPlace): number {
  const wins = narrow === 'refused' ? 'first' : asked.wins;
  const lost = narrow === 'refused' ? 0 : Math.floor(asked.lost * asked[wins === 'first' ? 'second' : 'first']);
  if (narrow !== 'refused') narrow(wins, lost);
  expectWithin(place);
  const cost = lost + Math.floor(asked.used * asked[wins]);
  place.settle(hold, cost);
  expectWithin(place);
  return cost;
}

test('what two parts share is in their union once', () => {
  const both = joined(
    { scopes: [KEY, FIRST], limits: [BUDGET, FIRST_RATE] },
    { scopes: [KEY, SECOND], limits: [BUDGET] },
  );
  expect(both).toEqual({ scopes: [KEY, FIRST, SECOND], limits: [BUDGET, FIRST_RATE] });
});
