import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DAY, LIFETIME } from '../../test/support/limit-place.ts';
import { PeriodCounter, SlidingCounter } from './account.ts';
import type { Unit } from './types.ts';
import { WindowClock } from './window.ts';

const at = (text: string): number => Date.parse(`2026-10-${text}Z`);
const NOON_MS = at('08T12:00:00');
const MIDNIGHT_MS = at('09T00:00:00');

function daily(sinceMs = 0, nowMs = NOON_MS, unit: Unit = 'usd'): PeriodCounter {
  return new PeriodCounter(unit, new WindowClock(DAY), sinceMs, nowMs);
}

describe('a counter of calendar days', () => {
  test.each([
    ['usd', 'stale'],
    ['tokens', 'stale'],
    ['requests', 'stale'],
    ['parallel', 'ready'],
  ] as const)('of %s begins %s', (unit, state) => {
    expect(daily(0, NOON_MS, unit).at(NOON_MS).state).toBe(state);
  });

  test('has one window up to the last millisecond of the day and another from midnight on, which needs no past', () => {
    const counter = daily();
    const today = counter.at(NOON_MS);
    expect(counter.at(MIDNIGHT_MS - 1)).toBe(today);
    const tomorrow = counter.at(MIDNIGHT_MS);
    expect([tomorrow.startMs, tomorrow.endMs, tomorrow.state, tomorrow.posted]).toEqual([
      MIDNIGHT_MS,
      at('10T00:00:00'),
      'ready',
      0,
    ]);
  });

  test('never ends when it counts a lifetime', () => {
    const counter = new PeriodCounter('usd', new WindowClock(LIFETIME), 0, NOON_MS);
    expect(counter.at(Number.MAX_SAFE_INTEGER)).toBe(counter.at(NOON_MS));
  });

  test.each([
    ['was set at eleven', at('08T11:00:00'), at('08T11:00:00')],
    ['was set yesterday', at('07T11:00:00'), at('08T00:00:00')],
    ['will be set later', at('08T13:00:00'), NOON_MS],
    ['was never set', 0, at('08T00:00:00')],
  ])('counts calls from the right moment when its total %s', (_when, sinceMs, fromMs) => {
    const counter = daily(sinceMs);
    expect(counter.at(NOON_MS).fromMs).toBe(fromMs);
    expect(counter.accountFor(fromMs, NOON_MS)).toBe(counter.at(NOON_MS));
    expect(counter.accountFor(fromMs - 1, NOON_MS)).toBeUndefined();
  });

  test('books a call that was admitted before midnight in the day before', () => {
    const counter = daily();
    const today = counter.at(NOON_MS);
    expect(counter.accountFor(MIDNIGHT_MS - 1, MIDNIGHT_MS)).toBe(today);
    expect(counter.accountFor(MIDNIGHT_MS, MIDNIGHT_MS)).toBe(counter.at(MIDNIGHT_MS));
  });

  test('books nothing in a day that was over two days ago', () => {
    const counter = daily();
    counter.at(at('09T12:00:00'));
    counter.at(at('10T12:00:00'));
    expect(counter.accountFor(NOON_MS, at('10T12:00:00'))).toBeUndefined();
    expect(counter.accountFor(at('09T12:00:00'), at('10T12:00:00'))?.startMs).toBe(MIDNIGHT_MS);
  });

  test('books a call of a day in which nobody looked in no other day', () => {
    const counter = daily();
    expect(counter.accountFor(at('09T23:59:59'), at('10T00:00:01'))).toBeUndefined();
    expect(counter.accountFor(NOON_MS, at('10T00:00:01'))?.endMs).toBe(MIDNIGHT_MS);
  });

  test('may leave memory when nobody holds anything and nothing is being read', () => {
    const counter = daily();
    expect(counter.isIdle()).toBe(true);
    counter.live = 1;
    expect(counter.isIdle()).toBe(false);
    counter.live = 0;
    counter.at(NOON_MS).beginLoading();
    expect(counter.isIdle()).toBe(false);
  });
});

describe('the past of a window, read while calls end', () => {
  const reading = () => {
    const period = daily().at(NOON_MS);
    period.beginLoading();
    return period;
  };

  test.each([
    ['none of the rows', 0, 160],
    ['the first row', 1, 150],
    ['the first two rows', 2, 130],
    ['all three rows', 3, 100],
  ])('adds what the sum lacks when it holds %s', (_what, storedRows, posted) => {
    const period = reading();
    period.settle(0, 10, 0);
    period.settle(0, 20, 1);
    period.settle(0, 30, 2);
    period.endLoading(100, storedRows);
    expect([period.posted, period.loaded, period.state]).toEqual([posted, 100, 'ready']);
  });

  test('is dropped when it could not be read, and with it what ended meanwhile', () => {
    const period = reading();
    period.settle(0, 10, 0);
    period.failLoading();
    expect([period.posted, period.state]).toEqual([0, 'stale']);
    period.beginLoading();
    period.endLoading(10, 0);
    expect(period.posted).toBe(10);
  });

  test('does not count what ended before anybody asked: the sum will hold it', () => {
    const period = daily().at(NOON_MS);
    period.take(40);
    period.settle(40, 30, 0);
    expect([period.posted, period.held]).toEqual([0, 0]);
    period.beginLoading();
    period.endLoading(30, 1);
    expect(period.posted).toBe(30);
  });

  test('is the same total wherever among the rows it was read', () => {
    const uses = fc.array(fc.nat(1_000), { maxLength: 20 });
    fc.assert(
      fc.property(uses, fc.nat(20), fc.nat(20), (amounts, one, other) => {
        const [asked, stored] = [one, other].map((index) => Math.min(index, amounts.length)).sort((a, b) => a - b);
        const period = daily().at(NOON_MS);
        const sum = amounts.slice(0, stored).reduce((total, amount) => total + amount, 0);
        amounts.slice(0, asked).forEach((amount, row) => {
          period.settle(0, amount, row);
        });
        period.beginLoading();
        amounts.slice(asked).forEach((amount, index) => {
          period.settle(0, amount, (asked ?? 0) + index);
        });
        period.endLoading(sum, stored ?? 0);
        expect(period.posted).toBe(amounts.reduce((total, amount) => total + amount, 0));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a sliding counter', () => {
  const sliding = (ms = 60_000) => new SlidingCounter('tokens', { kind: 'sliding', ms });

  test('counts an entry up to the last millisecond of its window', () => {
    const counter = sliding();
    counter.entryAt(1_000).settle(0, 7);
    expect(counter.at(60_999).posted).toBe(7);
    expect(counter.at(61_000).posted).toBe(0);
  });

  test('joins entries within a thousandth of the window, and no others', () => {
    const counter = sliding();
    const first = counter.entryAt(0);
    expect(counter.entryAt(59)).toBe(first);
    expect(counter.entryAt(60)).not.toBe(first);
    expect([first.firstMs, first.lastMs]).toEqual([0, 59]);
  });

  test('gives an entry from the past to the latest one, never to one that leaves earlier', () => {
    const counter = sliding();
    counter.entryAt(0);
    const late = counter.entryAt(5_000);
    expect(counter.entryAt(4_000)).toBe(late);
    expect(late.lastMs).toBe(5_000);
  });

  test('changes nothing by what is settled or given back after its entry has left', () => {
    const counter = sliding();
    const entry = counter.accountFor(0, 0);
    entry.take(50);
    expect(counter.inWindow(entry, 50)).toBe(50);
    counter.at(60_000);
    expect(counter.inWindow(entry, 50)).toBe(0);
    entry.settle(50, 80);
    entry.giveBack(3);
    expect([counter.posted, counter.held]).toEqual([0, 0]);
  });

  test('is idle once nobody holds anything and all has left', () => {
    const counter = sliding();
    counter.entryAt(0);
    counter.live = 1;
    expect([counter.isIdle(59_999), counter.isIdle(60_000)]).toEqual([false, false]);
    counter.live = 0;
    expect(counter.isIdle(60_000)).toBe(true);
  });

  test.each([
    [1, 60_000],
    [10, 60_000],
    [11, 61_000],
    [30, 61_000],
    [31, 62_000],
    [60, 62_000],
    [61, null],
  ])('says when %p of 10, 20 and 30 have left: at %p', (excess, leavesAtMs) => {
    const counter = sliding();
    for (const [index, amount] of [10, 20, 30].entries()) counter.entryAt(index * 1_000).settle(0, amount);
    expect(counter.leavesAtMs(excess, undefined, 0)).toBe(leavesAtMs);
    expect(counter.oldestLeavesAtMs()).toBe(60_000);
  });

  test('does not wait for what the asking call holds itself', () => {
    const counter = sliding();
    const own = counter.entryAt(0);
    own.take(10);
    counter.entryAt(1_000).settle(0, 20);
    expect(counter.leavesAtMs(10, undefined, 0)).toBe(60_000);
    expect(counter.leavesAtMs(10, own, 10)).toBe(61_000);
  });

  test('has no oldest entry when it is empty', () => {
    expect(sliding().oldestLeavesAtMs()).toBeNull();
    expect(sliding().leavesAtMs(1, undefined, 0)).toBeNull();
  });

  test('is never below the exact sum of its window, nor above that of a window a thousandth longer', () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(400), amount: fc.nat(100) }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const counter = sliding(10_000);
        const past: { atMs: number; amount: number }[] = [];
        const exact = (nowMs: number, ms: number): number =>
          past.filter(({ atMs }) => atMs + ms > nowMs).reduce((sum, { amount }) => sum + amount, 0);
        let nowMs = 0;
        for (const { waitMs, amount } of all) {
          nowMs += waitMs;
          const entry = counter.accountFor(nowMs, nowMs);
          entry.take(2 * amount);
          entry.settle(2 * amount, amount);
          past.push({ atMs: nowMs, amount });
          expect(counter.posted).toBeGreaterThanOrEqual(exact(nowMs, 10_000));
          expect(counter.posted).toBeLessThanOrEqual(exact(nowMs, 10_010));
          expect(counter.held).toBe(0);
        }
        expect(counter.at(nowMs + 10_000).posted).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
