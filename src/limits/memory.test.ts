import { describe, expect, test } from 'bun:test';
import {
  asking,
  DAY,
  FIRST,
  KEY,
  LIFETIME,
  LimitPlace,
  limitOn,
  MINUTE,
  SECOND,
  TEAM,
} from '../../test/support/limit-place.ts';
import { until } from '../../test/support/until.ts';
import { isRefusal, type Limit, type Part } from './types.ts';

const DAY_MS = 86_400_000;
const on = (...limits: Limit[]): Part => ({ scopes: limits.map(({ scope }) => scope), limits });

describe('a budget', () => {
  test.each([50, 500])('lets exactly as many of %p calls through as it pays for', async (calls) => {
    const place = new LimitPlace();
    const budget = limitOn(KEY, 'usd', 1_000);
    const tries = await Promise.all(Array.from({ length: calls }, () => place.try(asking(99), on(budget))));
    expect(tries.filter((found) => !isRefusal(found))).toHaveLength(10);
    expect(place.stands(budget)).toEqual([0, 990]);
    expect(place.asked).toHaveLength(1);
  });

  test('is given back what a call did not use, and charged what it used beyond', async () => {
    const place = new LimitPlace();
    const budget = limitOn(KEY, 'usd', 100);
    const [cheap, dear] = [await place.hold(asking(40), on(budget)), await place.hold(asking(60), on(budget))];
    place.settle(cheap, 10);
    expect(place.stands(budget)).toEqual([10, 60]);
    place.settle(dear, 75);
    expect(place.stands(budget)).toEqual([85, 0]);
  });

  test('takes no harm from a call that ends twice, or claims nonsense', async () => {
    const place = new LimitPlace();
    const budget = limitOn(KEY, 'usd', 100);
    const hold = await place.hold(asking(40), on(budget));
    hold.settle({ nanoUsd: Number.NaN, tokens: -5 });
    hold.settle({ nanoUsd: 1, tokens: 1 });
    hold.release();
    expect(hold.attempt(asking(90), on(budget), false)).toBeUndefined();
    expect(place.stands(budget)).toEqual([40, 0]);
    place.settle(await place.hold(asking(1), on(budget)), -1_000);
    expect(place.stands(budget)).toEqual([40, 0]);
  });

  test('refuses in all scopes or in none', async () => {
    const place = new LimitPlace();
    const [key, team] = [limitOn(KEY, 'usd', 100), limitOn(TEAM, 'usd', 50)];
    const { standing, reason, asked } = await place.refusal(asking(60), on(key, team));
    expect({ limit: standing.limit, reason, asked }).toEqual({ limit: team, reason: 'too_large', asked: 60 });
    expect([place.stands(key), place.stands(team)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test('says whether calls under way stand in the way, or money that is gone', async () => {
    const place = new LimitPlace();
    const budget = limitOn(KEY, 'usd', 100, { window: DAY });
    const hold = await place.hold(asking(80), on(budget));
    const midnight = Date.parse('2026-10-09T00:00:00Z');
    expect(await place.refusal(asking(30), on(budget))).toEqual({
      standing: { limit: budget, posted: 0, held: 80, resetsAtMs: midnight },
      reason: 'over',
      asked: 30,
      clearsAtMs: midnight,
      onlyHeld: true,
    });
    place.settle(hold, 80);
    expect(await place.refusal(asking(30), on(budget))).toMatchObject({ reason: 'over', onlyHeld: false });
  });

  test('refuses a price that nobody knows, unless the budget has no end', async () => {
    const place = new LimitPlace();
    const unlimited = limitOn(KEY, 'usd', Number.POSITIVE_INFINITY);
    const hold = await place.hold(asking(null), on(unlimited));
    place.settle(hold, 7);
    expect(place.stands(unlimited)).toEqual([7, 0]);
    expect(await place.refusal(asking(null), on(limitOn(KEY, 'usd', 1_000)))).toMatchObject({
      reason: 'unpriced',
      clearsAtMs: null,
      onlyHeld: false,
    });
  });

  test('lets through what is free, however much is spent and whatever was lowered since', async () => {
    const place = new LimitPlace();
    place.settle(await place.hold(asking(40), on(limitOn(KEY, 'usd', 100))), 40);
    const lowered = limitOn(KEY, 'usd', 10);
    const hold = await place.hold(asking(0), on(lowered));
    expect(hold.attempt(asking(0), on(lowered), true)).toBeUndefined();
    expect(await place.refusal(asking(1), on(lowered))).toMatchObject({ reason: 'over' });
  });

  test('keeps its usage when its maximum is edited, and finds it again when its window is', async () => {
    const place = new LimitPlace();
    place.settle(await place.hold(asking(40), on(limitOn(KEY, 'usd', 100))), 40);
    expect(await place.refusal(asking(1), on(limitOn(KEY, 'usd', 40)))).toMatchObject({ reason: 'over' });
    place.nowMs += 5;
    const underWay = await place.hold(asking(5), on(limitOn(KEY, 'usd', 100)));
    const daily = limitOn(KEY, 'usd', 100, { window: DAY });
    const loading = place.tree.load([daily]);
    expect(place.asked.at(-1)).toMatchObject({ scope: KEY, unit: 'usd', sinceMs: Date.parse('2026-10-08T00:00:00Z') });
    await loading;
    expect(place.stands(daily)).toEqual([0, 5]);
    place.settle(underWay, 3);
    expect(place.stands(daily)).toEqual([3, 0]);
  });
});

describe('a window', () => {
  test('starts empty when the last one ends, and takes nothing from calls of the last one', async () => {
    const place = new LimitPlace();
    const daily = limitOn(KEY, 'usd', 100, { window: DAY });
    const late = await place.hold(asking(90), on(daily));
    place.nowMs += DAY_MS;
    const early = await place.hold(asking(95), on(daily));
    place.settle(late, 99);
    expect(place.stands(daily)).toEqual([0, 95]);
    place.settle(early, 95);
    expect(place.stands(daily)).toEqual([95, 0]);
    expect(place.asked).toHaveLength(1);
  });

  test('of the admission also pays for a deployment that is tried after it has ended', async () => {
    const place = new LimitPlace();
    const daily = limitOn(SECOND, 'usd', 100, { window: DAY });
    await place.tree.load([daily]);
    place.settle(await place.hold(asking(50), { scopes: [SECOND], limits: [] }), 50);
    const late = await place.hold(asking(10), on(limitOn(KEY, 'usd', 1_000)));
    place.nowMs += DAY_MS;
    expect(place.stands(daily)).toEqual([0, 0]);
    expect(late.attempt(asking(60), on(daily), true)).toMatchObject({ standing: { posted: 50, held: 0 } });
    expect(late.attempt(asking(50), on(daily), true)).toBeUndefined();
    expect(place.stands(daily)).toEqual([0, 0]);
  });

  test('does not start again when the clock is set back', async () => {
    const place = new LimitPlace();
    const daily = limitOn(KEY, 'requests', 1, { window: DAY });
    place.nowMs = Date.parse('2026-10-09T00:00:00.010Z');
    place.settle(await place.hold(asking(0), on(daily)), 0);
    place.nowMs -= 20;
    expect(await place.refusal(asking(0), on(daily))).toMatchObject({ reason: 'over' });
    await place.hold(asking(0), on({ ...daily, max: 2 }));
    expect(place.stands(daily)).toEqual([1, 1]);
  });

  test('of a total set by hand counts from there, until it ends', async () => {
    const place = new LimitPlace();
    const daily = limitOn(KEY, 'usd', 100, { window: DAY });
    const before = await place.hold(asking(30), on(daily));
    place.nowMs += 1_000;
    const reset = { ...daily, since: { atMs: place.nowMs, amount: 20 } };
    const after = await place.hold(asking(40), on(reset));
    expect(place.asked.at(-1)?.sinceMs).toBe(place.nowMs);
    place.settle(before, 30);
    expect(place.stands(reset)).toEqual([20, 40]);
    place.settle(after, 35);
    expect(place.stands(reset)).toEqual([55, 0]);
    expect(place.stands(daily)).toEqual([65, 0]);
    place.nowMs += DAY_MS;
    expect(place.stands(reset)).toEqual([0, 0]);
  });
});

describe('parallel calls', () => {
  test('are counted down however a call ends, also those that began before the limit was set', async () => {
    const place = new LimitPlace();
    const slots = limitOn(KEY, 'parallel', 2);
    const early = await place.hold(asking(0), { scopes: [KEY], limits: [] });
    const late = await place.hold(asking(0), on(slots));
    expect(await place.refusal(asking(0), on(slots))).toMatchObject({ clearsAtMs: null, onlyHeld: true });
    place.settle(early, 0);
    late.release();
    expect(place.stands(slots)).toEqual([0, 0]);
    expect(place.asked).toHaveLength(0);
  });

  test('that end are told to those who wait', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(0), on(limitOn(KEY, 'parallel', 1)));
    let woken = 0;
    const wait = [place.tree.freed(), place.tree.freed()].map((each) => each.then(() => (woken += 1)));
    await Promise.resolve();
    expect(woken).toBe(0);
    hold.release();
    await Promise.all(wait);
    expect(woken).toBe(2);
  });
});

describe('of several refusals', () => {
  test('the one that clears last is told, and one that never clears is last of all', async () => {
    const place = new LimitPlace();
    const rate = limitOn(KEY, 'requests', 1, { window: MINUTE });
    const daily = limitOn(TEAM, 'requests', 1, { window: DAY });
    const life = limitOn(KEY, 'usd', 10);
    place.settle(await place.hold(asking(10), on(rate, daily, life)), 10);
    expect((await place.refusal(asking(1), on(rate, daily))).standing.limit).toBe(daily);
    expect((await place.refusal(asking(1), on(daily, rate))).standing.limit).toBe(daily);
    expect((await place.refusal(asking(1), on(rate, life, daily))).standing.limit).toBe(life);
    expect((await place.refusal(asking(null), on(life, rate))).reason).toBe('unpriced');
  });

  test('money that is gone goes before calls under way, whatever their order', async () => {
    const place = new LimitPlace();
    const [slots, life] = [limitOn(KEY, 'parallel', 1), limitOn(KEY, 'usd', 10)];
    await place.hold(asking(0), on(slots));
    place.settle(await place.hold(asking(10), on(life)), 10);
    expect((await place.refusal(asking(1), on(slots, life))).standing.limit).toBe(life);
    expect((await place.refusal(asking(1), on(life, slots))).standing.limit).toBe(life);
  });
});

describe('another attempt', () => {
  const keyBudget = limitOn(KEY, 'usd', 100);
  const perFirst = [limitOn(FIRST, 'requests', 2), limitOn(FIRST, 'usd', 100), limitOn(FIRST, 'parallel', 5)];
  const perSecond = limitOn(SECOND, 'usd', 50);

  async function begun() {
    const place = new LimitPlace();
    await place.tree.load([keyBudget, ...perFirst, perSecond]);
    const hold = await place.hold(asking(30), on(keyBudget), { scopes: [FIRST], limits: perFirst });
    return { place, hold };
  }

  test('replaces the demand, and leaves the request where it was sent', async () => {
    const { place, hold } = await begun();
    expect(hold.attempt(asking(45), on(perSecond), true)).toBeUndefined();
    expect(hold.demand).toEqual(asking(45));
    expect(place.stands(keyBudget)).toEqual([0, 45]);
    expect(place.stands(perSecond)).toEqual([0, 45]);
    expect(perFirst.map((limit) => place.stands(limit))).toEqual([
      [0, 1],
      [0, 0],
      [0, 0],
    ]);
    place.settle(hold, 20);
    expect(perFirst.map((limit) => place.stands(limit))).toEqual([
      [1, 0],
      [0, 0],
      [0, 0],
    ]);
    expect([place.stands(keyBudget), place.stands(perSecond)]).toEqual([
      [20, 0],
      [20, 0],
    ]);
  });

  test('gives the request back where it was not sent', async () => {
    const { place, hold } = await begun();
    expect(hold.attempt(asking(45), on(perSecond), false)).toBeUndefined();
    expect(perFirst.map((limit) => place.stands(limit)?.[1])).toEqual([0, 0, 0]);
  });

  test('that is refused leaves the hold as it was', async () => {
    const { place, hold } = await begun();
    expect(hold.attempt(asking(51), on(perSecond), true)).toMatchObject({ reason: 'too_large', asked: 51 });
    expect(hold.demand).toEqual(asking(30));
    expect([keyBudget, perSecond, ...perFirst].map((limit) => place.stands(limit)?.[1])).toEqual([30, 0, 1, 30, 1]);
    expect(hold.attempt(asking(101), { scopes: [FIRST], limits: perFirst }, true)).toMatchObject({ asked: 101 });
    expect(hold.attempt(asking(100), { scopes: [FIRST], limits: perFirst }, true)).toBeUndefined();
    expect(place.stands(keyBudget)).toEqual([0, 100]);
  });

  test('that asks for no more passes even where the maximum was lowered below what is held', async () => {
    const { hold } = await begun();
    const lowered = perFirst.map((limit) => ({ ...limit, max: 0 }));
    expect(hold.attempt(asking(30), { scopes: [FIRST], limits: lowered }, true)).toBeUndefined();
  });

  test('is not asked by a total that was set after its call had begun', async () => {
    const { place, hold } = await begun();
    place.nowMs += 1;
    const reset = limitOn(FIRST, 'usd', 10, { since: { atMs: place.nowMs, amount: 9 } });
    await place.tree.load([reset]);
    expect(hold.attempt(asking(60), { scopes: [FIRST], limits: [reset] }, true)).toBeUndefined();
    expect(place.stands(reset)).toEqual([9, 0]);
  });

  test('is known to a limit that is set on a scope the call has left', async () => {
    const { place, hold } = await begun();
    hold.attempt(asking(30), on(perSecond), true);
    const daily = limitOn(FIRST, 'requests', 10, { window: DAY });
    await place.tree.load([daily]);
    expect(place.stands(daily)).toEqual([0, 1]);
    hold.attempt(asking(30), { scopes: [FIRST], limits: [daily] }, true);
    expect(place.stands(daily)).toEqual([0, 2]);
    hold.release();
    expect(place.stands(daily)).toEqual([0, 0]);
  });

  test('is used from then on, for what slides', async () => {
    const place = new LimitPlace();
    const rate = limitOn(KEY, 'tokens', 100, { window: MINUTE });
    const hold = await place.hold(asking(0, 60), on(rate));
    place.nowMs += 50_000;
    hold.attempt(asking(0, 70), { scopes: [], limits: [] }, true);
    place.nowMs += 10_000;
    expect(await place.refusal(asking(0, 31), on(rate))).toMatchObject({ clearsAtMs: place.nowMs + 50_000 });
    const slower = limitOn(KEY, 'tokens', 100, { window: { kind: 'sliding', ms: 40_000 } });
    await place.tree.load([slower]);
    place.nowMs += 29_999;
    expect(place.stands(slower)).toEqual([0, 70]);
    place.nowMs += 1;
    expect(place.stands(slower)).toEqual([0, 0]);
  });
});

describe('loading', () => {
  const budget = limitOn(KEY, 'usd', 100);
  const cold = () => new LimitPlace({ answers: false });

  test('is shared, and done once', async () => {
    const place = cold();
    const loads = [place.tree.load([budget]), place.tree.load([budget])];
    expect(place.asked).toHaveLength(1);
    expect(place.stands(budget)).toBeUndefined();
    place.asked[0]?.answer(70);
    await Promise.all(loads);
    expect(place.tree.load([budget])).toBeUndefined();
    expect(place.stands(budget)).toEqual([70, 0]);
  });

  test('counts what settles meanwhile once, whether the sum holds it or not', async () => {
    for (const [sum, storedRows] of [
      [70, 1],
      [75, 2],
      [81, 3],
    ] as const) {
      const place = cold();
      place.rows = 1;
      const early = await place.hold(asking(5), { scopes: [KEY], limits: [] });
      const loading = place.tree.load([budget]);
      place.settle(early, 5);
      const late = place.tree.reserve(asking(9), { scopes: [KEY], limits: [] }, { scopes: [], limits: [] });
      if (isRefusal(late)) throw new Error('nothing limits it');
      place.settle(late, 6);
      place.asked[0]?.answer(sum, storedRows);
      await loading;
      expect(place.stands(budget)).toEqual([81, 0]);
    }
  });

  test('asks again while the sum lacks rows that were recorded before', async () => {
    const place = cold();
    place.rows = 3;
    const loading = place.tree.load([budget]);
    place.asked[0]?.answer(10, 2);
    await until(
      () => place.asked.length,
      (length) => length === 2,
    );
    place.asked[1]?.answer(15, 3);
    await loading;
    expect(place.stands(budget)).toEqual([15, 0]);
  });

  test('gives up when rows are not stored in a long time', async () => {
    const place = new LimitPlace({ seed: () => Promise.resolve({ amount: 0, storedRows: 0 }) });
    place.rows = 1;
    await expect(place.tree.load([budget])).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('that fails is told, and tried anew', async () => {
    const place = cold();
    const loading = place.tree.load([budget]);
    const during = place.tree.reserve(asking(5), { scopes: [KEY], limits: [] }, { scopes: [], limits: [] });
    place.asked[0]?.fail(new Error('The database is away'));
    await expect(loading ?? Promise.resolve()).rejects.toThrow('The database is away');
    expect(() => place.tree.reserve(asking(1), on(budget), on())).toThrow('not known yet');
    if (!isRefusal(during)) place.settle(during, 4);
    const again = place.tree.load([budget]);
    place.asked[1]?.answer(44);
    await again;
    expect(place.stands(budget)).toEqual([44, 0]);
  });

  test('that throws at once is tried anew as well', async () => {
    let throws = true;
    const place = new LimitPlace({
      seed: () => {
        if (throws) throw new Error('No connection');
        return Promise.resolve({ amount: 3, storedRows: 0 });
      },
    });
    await place.tree.load([budget])?.catch(() => {});
    throws = false;
    await place.tree.load([budget]);
    expect(place.stands(budget)).toEqual([3, 0]);
  });

  test('that fails does not stop what is only counted', async () => {
    const place = cold();
    const counted = limitOn(KEY, 'usd', Number.POSITIVE_INFINITY);
    const loading = place.tree.load([counted]);
    place.asked[0]?.fail(new Error('The database is away'));
    await loading?.catch(() => {});
    expect(isRefusal(place.tree.reserve(asking(1), on(counted), on()))).toBe(false);
    expect(place.stands(counted)).toBeUndefined();
  });
});

describe('memory', () => {
  const keyLimit = (name: number, unit: Limit['unit'] = 'usd') =>
    limitOn({ kind: 'api_key', id: `key ${name}` }, unit, 1_000, { window: unit === 'usd' ? DAY : MINUTE });

  test('lets go of what was used longest ago, and reads it again', async () => {
    const place = new LimitPlace({ maxCounters: 3 });
    const limits = [0, 1, 2, 3, 4].map((name) => keyLimit(name));
    for (const limit of limits.slice(0, 3)) place.settle(await place.hold(asking(1), on(limit)), 1);
    await place.tree.load(limits.slice(0, 1));
    for (const limit of limits.slice(3)) await place.tree.load([limit]);
    expect(limits.map((limit) => place.stands(limit) !== undefined)).toEqual([true, false, false, true, true]);
    expect(place.tree.load(limits.slice(1, 2))).toBeInstanceOf(Promise);
  });

  test('never lets go of a call under way, nor of what still slides', async () => {
    const place = new LimitPlace({ maxCounters: 1 });
    const [budget, rate] = [keyLimit(0), keyLimit(1, 'requests')];
    const hold = await place.hold(asking(5), on(budget));
    place.settle(await place.hold(asking(0), on(rate)), 0);
    for (let name = 2; name < 20; name++) await place.tree.load([keyLimit(name)]);
    expect([place.stands(budget), place.stands(rate)]).toEqual([
      [0, 5],
      [1, 0],
    ]);
    hold.release();
    place.nowMs += 60_000;
    for (let name = 20; name < 25; name++) await place.tree.load([keyLimit(name)]);
    expect([place.stands(budget), place.stands(rate)]).toEqual([undefined, undefined]);
  });
});

test('a scope that is named twice is charged once', async () => {
  const place = new LimitPlace();
  const budget = limitOn(KEY, 'usd', 100);
  await place.hold(asking(30), { scopes: [KEY, KEY], limits: [budget] }, { scopes: [KEY], limits: [budget] });
  expect(place.stands(budget)).toEqual([0, 30]);
});

test('a lifetime has no end to tell', async () => {
  const place = new LimitPlace();
  const life = limitOn(KEY, 'usd', 100, { window: LIFETIME });
  await place.tree.load([life]);
  expect(place.tree.standing([life])[0]?.resetsAtMs).toBeNull();
});
