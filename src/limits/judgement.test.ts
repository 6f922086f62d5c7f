import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { asking, DAY, KEY, LIFETIME, limitOn, MINUTE } from '../../test/support/limit-place.ts';
import { type Account, PeriodCounter, SlidingCounter } from './account.ts';
import { askedFor, judge, laterOf, postedOf, standingOf } from './judgement.ts';
import type { Limit, Refusal, Unit } from './types.ts';
import { WindowClock } from './window.ts';

const NOON_MS = Date.parse('2026-10-08T12:00:00Z');
const MIDNIGHT_MS = Date.parse('2026-10-09T00:00:00Z');

/** A day's window in which so much is posted and held. */
function dayWith(posted: number, held = 0) {
  const period = new PeriodCounter('usd', new WindowClock(DAY), 0, NOON_MS).at(NOON_MS);
  period.posted = posted;
  period.take(held);
  return period;
}

const budget = (max: number, more: Partial<Limit> = {}): Limit => limitOn(KEY, 'usd', max, { window: DAY, ...more });

describe('what is asked for', () => {
  test.each([
    ['usd', 7, 7],
    ['usd', null, null],
    ['tokens', null, 30],
    ['requests', null, 1],
    ['parallel', null, 1],
  ] as const)('in %s at a price of %p is %p', (unit, nanoUsd, asked) => {
    expect(askedFor(unit, asking(nanoUsd, 30))).toBe(asked);
  });
});

describe('a demand', () => {
  test.each([
    ['fills what is left to the last', [100, 60, 20, 20], undefined],
    ['is one too many', [100, 60, 20, 21], { reason: 'over', clearsAtMs: MIDNIGHT_MS, onlyHeld: true }],
    ['would fit if nothing were held', [100, 60, 40, 40], { reason: 'over', clearsAtMs: MIDNIGHT_MS, onlyHeld: true }],
    ['would not fit even then', [100, 61, 39, 40], { reason: 'over', clearsAtMs: MIDNIGHT_MS, onlyHeld: false }],
    ['is as much as the limit', [100, 0, 0, 100], undefined],
    ['is more than the limit', [100, 0, 0, 101], { reason: 'too_large', clearsAtMs: null, onlyHeld: false }],
    ['is nothing, of a limit of nothing', [0, 0, 0, 0], undefined],
    ['is something, of a limit of nothing', [0, 0, 0, 1], { reason: 'too_large', clearsAtMs: null, onlyHeld: false }],
    ['is nothing, of a budget that is overspent', [100, 500, 0, 0], undefined],
    ['has no price', [100, 0, 0, null], { reason: 'unpriced', clearsAtMs: null, onlyHeld: false }],
  ] as const)('that %s is judged so', (_what, [max, posted, held, asked], expected) => {
    const refusal = judge(budget(max), dayWith(posted, held), asked);
    if (expected === undefined) return expect(refusal).toBeUndefined();
    expect(refusal).toEqual({
      standing: { limit: budget(max), posted, held, resetsAtMs: MIDNIGHT_MS },
      asked: asked ?? 0,
      ...expected,
    });
  });

  test.each([
    ['no more than it holds, under a limit that was lowered meanwhile', [10, 40, 40], undefined],
    ['less than it holds', [10, 40, 39], undefined],
    ['more than it holds, with room for the difference', [100, 40, 90], undefined],
    ['more than it holds, with no room for the difference', [100, 40, 91], 'over'],
  ] as const)('of a call under way that asks for %s', (_what, [max, own, asked], reason) => {
    const place = dayWith(10, own);
    expect(judge(budget(max), place, asked, { account: place, amount: own })?.reason).toBe(reason);
  });

  test('of a call whose own share has left the sliding window must find room for all of it', () => {
    const counter = new SlidingCounter('tokens', { kind: 'sliding', ms: 60_000 });
    const limit = limitOn(KEY, 'tokens', 100, { window: MINUTE });
    const account: Account = counter.entryAt(0);
    account.take(80);
    counter.entryAt(30_000).settle(0, 20);
    expect(judge(limit, counter.at(59_999), 80, { account, amount: 80 })).toBeUndefined();
    expect(judge(limit, counter.at(60_000), 80, { account, amount: 80 })).toBeUndefined();
    expect(judge(limit, counter.at(60_000), 81, { account, amount: 80 })).toMatchObject({
      reason: 'over',
      clearsAtMs: 90_000,
      onlyHeld: false,
    });
  });

  test('passes exactly when posted, held and asked together are within the maximum', () => {
    const amount = fc.nat(1_000);
    fc.assert(
      fc.property(amount, amount, amount, amount, (max, posted, held, asked) => {
        const fits = asked === 0 || posted + held + asked <= max;
        expect(judge(budget(max), dayWith(posted, held), asked) === undefined).toBe(fits);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a total set by hand', () => {
  const since = (text: string) => ({ atMs: Date.parse(`2026-10-${text}Z`), amount: 1_000 });

  test.each([
    ['at the first instant of the window', '08T00:00:00', 1_005],
    ['within the window', '08T11:00:00', 1_005],
    ['just before the window', '07T23:59:59.999', 5],
  ])('%s', (_when, when, posted) => {
    const limit = budget(2_000, { since: since(when) });
    expect(postedOf(limit, dayWith(5))).toBe(posted);
    expect(standingOf(limit, dayWith(5, 3))).toEqual({ limit, posted, held: 3, resetsAtMs: MIDNIGHT_MS });
  });

  test('of a budget for ever stands for ever, and leaves no end to wait for', () => {
    const limit = budget(1_004, { window: LIFETIME, since: since('01T00:00:00') });
    const place = new PeriodCounter('usd', new WindowClock(LIFETIME), 0, NOON_MS).at(NOON_MS);
    place.posted = 5;
    expect(judge(limit, place, 1)).toMatchObject({ reason: 'over', clearsAtMs: null, onlyHeld: false });
    expect(standingOf(limit, place)).toEqual({ limit, posted: 1_005, held: 0, resetsAtMs: null });
  });

  test('says nothing about what slides', () => {
    const counter = new SlidingCounter('tokens', { kind: 'sliding', ms: 60_000 });
    const limit = limitOn(KEY, 'tokens', 10, { window: MINUTE, since: { atMs: NOON_MS, amount: 1_000 } });
    expect(standingOf(limit, counter)).toEqual({ limit, posted: 0, held: 0, resetsAtMs: null });
  });
});

describe('of two refusals', () => {
  const refusal = (reason: Refusal['reason'], clearsAtMs: number | null, onlyHeld = false): Refusal => ({
    standing: { limit: budget(1), posted: 0, held: 0, resetsAtMs: null },
    reason,
    asked: 1,
    clearsAtMs,
    onlyHeld,
  });
  const soon = refusal('over', 10);
  const late = refusal('over', 20);
  const heldForEver = refusal('over', null, true);
  const spentForEver = refusal('over', null);
  const tooLarge = refusal('too_large', null);
  const unpriced = refusal('unpriced', null);

  test.each([
    ['the later', soon, late, late],
    ['the one that time never clears', late, heldForEver, heldForEver],
    ['the one that no ended call clears', heldForEver, spentForEver, spentForEver],
    ['the one that is too large in itself', spentForEver, tooLarge, tooLarge],
    ['the one without a price', tooLarge, unpriced, unpriced],
    ['the one that waiting for calls does not clear', refusal('over', 20, true), late, late],
  ])('%s is told, whichever came first', (_which, one, other, told) => {
    expect(laterOf(one, other)).toBe(told);
    expect(laterOf(other, one)).toBe(told);
  });

  test('the first of equals is told', () => {
    const again = refusal('over', 20);
    expect(laterOf(late, again)).toBe(late);
    expect(laterOf(undefined, soon)).toBe(soon);
  });

  test('in any order the same instant is told', () => {
    const any = fc.array(fc.option(fc.nat(9)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(any, (times) => {
        const found = times.map((ms) => refusal('over', ms));
        const told = found.reduce<Refusal | undefined>(laterOf, undefined);
        const last = times.includes(null) ? null : Math.max(...times.map(Number));
        expect(told?.clearsAtMs).toBe(last);
      }),
      { numRuns: 100 },
    );
  });
});

describe('units', () => {
  test.each(['usd', 'tokens', 'requests', 'parallel'] as const)(
    'of %s are refused by their own maximum',
    (unit: Unit) => {
      const asked = askedFor(unit, asking(1, 1));
      expect(judge(limitOn(KEY, unit, 1), dayWith(0), asked)).toBeUndefined();
      expect(judge(limitOn(KEY, unit, 1), dayWith(1), asked)).toMatchObject({ reason: 'over', asked: 1 });
    },
  );
});
