import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DAY, KEY, LIFETIME, limitOn, MINUTE, TEAM } from '../../test/support/limit-place.ts';
import { Counters } from './counters.ts';
import type { Limit, Scope } from './types.ts';

const NOW_MS = Date.parse('2026-10-08T12:00:00Z');
const scope = (id: string): Scope => ({ kind: 'api_key', id });
const budgetOf = (id: string): Limit => limitOn(scope(id), 'usd', 100);

function filled(max: number, ids: readonly string[]): Counters {
  const counters = new Counters(max);
  for (const id of ids) counters.create(budgetOf(id), NOW_MS);
  return counters;
}

const kept = (counters: Counters, ids: readonly string[]): string[] =>
  ids.filter((id) => counters.node(scope(id)) !== undefined);

function touch(counters: Counters, id: string): void {
  const node = counters.node(scope(id));
  if (node) counters.touch(node);
}

describe('the counter of a limit', () => {
  const daily = limitOn(KEY, 'usd', 100, { window: DAY });
  const perMinute = limitOn(KEY, 'tokens', 100, { window: MINUTE });
  const parallel = limitOn(KEY, 'parallel', 2);
  const set = { atMs: NOW_MS, amount: 5 };

  test.each([
    ['another maximum', daily, { ...daily, max: 1 }, true],
    ['another strength', daily, { ...daily, strength: 'shadow' }, true],
    ['an equal window', daily, { ...daily, window: { ...DAY } }, true],
    ['an equal sliding window', perMinute, { ...perMinute, window: { kind: 'sliding', ms: 60_000 } }, true],
    ['any window, for a level', parallel, { ...parallel, window: DAY }, true],
    ['any total, for what slides', perMinute, { ...perMinute, since: set }, true],
    [
      'the same total at another time of setting',
      { ...daily, since: set },
      { ...daily, since: { ...set, amount: 9 } },
      true,
    ],
    ['a total set by hand', daily, { ...daily, since: set }, false],
    ['another unit', daily, { ...daily, unit: 'tokens' }, false],
    ['another scope', daily, { ...daily, scope: TEAM }, false],
    ['a scope of the same name and another kind', daily, { ...daily, scope: { kind: 'team', id: KEY.id } }, false],
    ['another zone', daily, { ...daily, window: { ...DAY, timeZone: 'Europe/Berlin' } }, false],
    ['another period', daily, { ...daily, window: { ...DAY, period: 'week' } }, false],
    ['another number of days', daily, { ...daily, window: { ...DAY, every: 2 } }, false],
    ['a longer sliding window', perMinute, { ...perMinute, window: { kind: 'sliding', ms: 60_001 } }, false],
    ['another kind of window', daily, { ...daily, window: LIFETIME }, false],
  ] as [string, Limit, Limit, boolean][])('serves a limit with %s: %p', (_what, made, asked, isSame) => {
    const counters = new Counters(10);
    const counter = counters.create(made, NOW_MS);
    expect(counters.find(made)).toBe(counter);
    expect(counters.find(asked)).toBe(isSame ? counter : undefined);
  });

  test('is one of several of its scope, which is one node', () => {
    const counters = new Counters(10);
    for (const limit of [daily, perMinute, parallel]) counters.create(limit, NOW_MS);
    expect(counters.node(KEY)?.counters.map(({ unit }) => unit)).toEqual(['usd', 'tokens', 'parallel']);
    expect([counters.size, counters.node(TEAM)]).toEqual([3, undefined]);
  });
});

describe('when there are too many counters', () => {
  const all = ['a', 'b', 'c', 'd', 'e'];

  test('those unused for longest leave first', () => {
    const counters = filled(3, all);
    counters.shrink(NOW_MS);
    expect([kept(counters, all), counters.size]).toEqual([['c', 'd', 'e'], 3]);
  });

  test('a use is a reason to stay', () => {
    const counters = filled(3, all);
    touch(counters, 'a');
    touch(counters, 'c');
    counters.shrink(NOW_MS);
    expect(kept(counters, all)).toEqual(['a', 'c', 'e']);
  });

  test('nobody leaves while there are no more than the maximum', () => {
    const counters = filled(5, all);
    counters.shrink(NOW_MS);
    expect(kept(counters, all)).toEqual(all);
  });

  test('those in use stay, however old, and with them more than the maximum', () => {
    const counters = filled(1, all);
    for (const id of ['a', 'b', 'c']) {
      const counter = counters.find(budgetOf(id));
      if (counter) counter.live = 1;
    }
    counters.shrink(NOW_MS);
    expect(kept(counters, all)).toEqual(['a', 'b', 'c', 'e']);
  });

  test('the newest stays, even over a maximum of none', () => {
    const counters = filled(0, all);
    counters.shrink(NOW_MS);
    expect(kept(counters, all)).toEqual(['e']);
  });

  test('what slides stays until all of it has left its window', () => {
    const counters = new Counters(0);
    counters
      .create(limitOn(scope('a'), 'tokens', 9, { window: MINUTE }), NOW_MS)
      .accountFor(NOW_MS, NOW_MS)
      ?.settle(0, 1, 0);
    counters.create(budgetOf('b'), NOW_MS);
    counters.create(budgetOf('c'), NOW_MS);
    counters.shrink(NOW_MS + 59_999);
    expect(kept(counters, ['a', 'b', 'c'])).toEqual(['a', 'c']);
    touch(counters, 'c');
    counters.shrink(NOW_MS + 60_000);
    expect(kept(counters, ['a', 'b', 'c'])).toEqual(['c']);
  });

  test('a scope that left begins anew', () => {
    const counters = filled(1, ['a', 'b']);
    counters.shrink(NOW_MS);
    expect(counters.find(budgetOf('a'))).toBeUndefined();
    counters.create(budgetOf('a'), NOW_MS);
    counters.shrink(NOW_MS);
    expect(kept(counters, ['a', 'b'])).toEqual(['a']);
  });

  test('the last used are those that stay, whatever the order of use', () => {
    const names = Array.from({ length: 12 }, (_, index) => `k${index}`);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...names), { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        (uses, max) => {
          const counters = filled(max, names);
          for (const id of uses) touch(counters, id);
          const byUse = [...new Set([...uses.toReversed(), ...names.toReversed()])];
          counters.shrink(NOW_MS);
          expect(kept(counters, names).sort()).toEqual(byUse.slice(0, max).sort());
          expect(counters.size).toBe(max);
        },
      ),
      { numRuns: 150 },
    );
  });
});
