import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  asking,
  DAY,
  FIRST,
  KEY,
  LimitPlace,
  limitOn,
  MINUTE,
  NOTHING,
  SECOND,
  TEAM,
} from '../../test/support/limit-place.ts';
import type { Limit, Part } from './types.ts';

const on = (...limits: Limit[]): Part => ({ scopes: limits.map(({ scope }) => scope), limits });
const budget = limitOn(KEY, 'usd', 100);
const tokens = limitOn(KEY, 'tokens', 1_000);
const requests = limitOn(KEY, 'requests', 10);
const parallel = limitOn(KEY, 'parallel', 2);

describe('the end of a call', () => {
  test.each([
    ['less than it held', 10, [10, 0]],
    ['exactly what it held', 40, [40, 0]],
    ['more than it held', 70, [70, 0]],
    ['more than the whole budget', 500, [500, 0]],
    ['nothing', 0, [0, 0]],
  ] as const)('posts what was used when that is %s', async (_what, used, stands) => {
    const place = new LimitPlace();
    place.settle(await place.hold(asking(40), on(budget)), used);
    expect(place.stands(budget)).toEqual([...stands]);
  });

  test('counts each unit by its own measure, and gives the slot back', async () => {
    const place = new LimitPlace();
    const all = { scopes: [KEY], limits: [budget, tokens, requests, parallel] };
    const hold = await place.hold(asking(40, 300), all);
    expect(all.limits.map((limit) => place.stands(limit))).toEqual([
      [0, 40],
      [0, 300],
      [0, 1],
      [0, 1],
    ]);
    place.settle(hold, 7, 123);
    expect(all.limits.map((limit) => place.stands(limit))).toEqual([
      [7, 0],
      [123, 0],
      [1, 0],
      [0, 0],
    ]);
  });

  test('by release leaves no trace, not even the request', async () => {
    const place = new LimitPlace();
    const all = { scopes: [KEY], limits: [budget, tokens, requests, parallel] };
    (await place.hold(asking(40, 300), all)).release();
    expect(all.limits.map((limit) => place.stands(limit))).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  const used = { nanoUsd: 9, tokens: 0 };
  test.each([
    ['settle', 'settle', [9, 0]],
    ['settle', 'release', [9, 0]],
    ['release', 'settle', [0, 0]],
    ['release', 'release', [0, 0]],
  ] as const)('counts once: first %s, then %s', async (first, second, stands) => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(40), on(budget));
    for (const end of [first, second]) hold[end](used);
    expect(place.stands(budget)).toEqual([...stands]);
  });

  test.each([
    ['a negative amount as none', -5, 0],
    ['no number as all that was held', Number.NaN, 40],
    ['an endless amount as all that was held', Number.POSITIVE_INFINITY, 40],
  ])('takes %s', async (_what, claimed, posted) => {
    const place = new LimitPlace();
    place.settle(await place.hold(asking(40), on(budget)), claimed);
    expect(place.stands(budget)).toEqual([posted, 0]);
  });

  test('takes nonsense from a call without a price as nothing', async () => {
    const place = new LimitPlace();
    const counted = { ...budget, max: Number.POSITIVE_INFINITY };
    place.settle(await place.hold(asking(null), on(counted)), Number.NaN);
    expect(place.stands(counted)).toEqual([0, 0]);
  });
});

describe('two calls on one scope', () => {
  test('hold side by side, and each gives back its own', async () => {
    const place = new LimitPlace();
    const one = await place.hold(asking(60), on(budget));
    const other = await place.hold(asking(40), on(budget));
    expect(place.stands(budget)).toEqual([0, 100]);
    expect(await place.refusal(asking(1), on(budget))).toMatchObject({ reason: 'over', onlyHeld: true });
    one.release();
    expect(place.stands(budget)).toEqual([0, 40]);
    place.settle(other, 40);
    expect(await place.refusal(asking(61), on(budget))).toMatchObject({ reason: 'over', onlyHeld: false });
    expect(await place.hold(asking(60), on(budget))).toBeDefined();
  });

  test('take a slot each, and a third has none', async () => {
    const place = new LimitPlace();
    const one = await place.hold(asking(1), on(parallel));
    await place.hold(asking(1), on(parallel));
    expect(await place.refusal(asking(1), on(parallel))).toMatchObject({ onlyHeld: true, clearsAtMs: null });
    place.settle(one, 1);
    await place.hold(asking(1), on(parallel));
    expect(place.stands(parallel)).toEqual([0, 2]);
  });

  test('never post or hold more than was taken, in whatever order they end', async () => {
    const call = fc.record({ held: fc.nat(50), used: fc.nat(80), isSent: fc.boolean(), turn: fc.nat(99) });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 12 }), async (calls) => {
        const place = new LimitPlace();
        const counted = { ...budget, max: Number.POSITIVE_INFINITY };
        const open = [];
        for (const each of calls) open.push({ ...each, hold: await place.hold(asking(each.held), on(counted)) });
        const total = { posted: 0, held: calls.reduce((sum, each) => sum + each.held, 0) };
        for (const { hold, isSent, held, used } of open.toSorted((one, other) => one.turn - other.turn)) {
          hold[isSent ? 'settle' : 'release']({ nanoUsd: used, tokens: 0 });
          total.posted += Number(isSent) * used;
          total.held -= held;
          expect(place.stands(counted)).toEqual([total.posted, total.held]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('another attempt', () => {
  test('replaces the demand and keeps the one request and slot', async () => {
    const place = new LimitPlace();
    const all = { scopes: [KEY], limits: [budget, requests, parallel] };
    const hold = await place.hold(asking(40), all);
    expect(hold.attempt(asking(100), NOTHING, true)).toBeUndefined();
    expect(all.limits.map((limit) => place.stands(limit))).toEqual([
      [0, 100],
      [0, 1],
      [0, 1],
    ]);
    expect(hold.demand).toEqual({ nanoUsd: 100, tokens: 0 });
  });

  test('that does not fit changes nothing', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(40), on(budget));
    await place.hold(asking(30), on(budget));
    expect(hold.attempt(asking(71), NOTHING, true)).toMatchObject({ reason: 'over', asked: 71, onlyHeld: true });
    expect([place.stands(budget), hold.demand.nanoUsd]).toEqual([[0, 70], 40]);
  });

  test.each([
    ['was sent stays counted there', true, [0, 1], [1, 0]],
    ['was not sent is given back', false, [0, 0], [0, 0]],
  ] as const)('leaves a deployment: a request that %s', async (_what, wasSent, before, after) => {
    const place = new LimitPlace();
    const [first, second] = [limitOn(FIRST, 'requests', 5), limitOn(SECOND, 'requests', 5)];
    const hold = await place.hold(asking(1), on(budget), on(first));
    await place.tree.load([second]);
    expect(hold.attempt(asking(1), on(second), wasSent)).toBeUndefined();
    expect([place.stands(first), place.stands(second)]).toEqual([[...before], [0, 1]]);
    place.settle(hold, 1);
    expect([place.stands(first), place.stands(second)]).toEqual([[...after], [1, 0]]);
  });

  test('after the end changes nothing', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(40), on(budget));
    place.settle(hold, 10);
    expect(hold.attempt(asking(500), NOTHING, true)).toBeUndefined();
    expect(place.stands(budget)).toEqual([10, 0]);
  });

  test('in a scope whose window nobody looked at when the call began is not held against an older one', async () => {
    const place = new LimitPlace();
    const daily = limitOn(FIRST, 'usd', 50, { window: DAY });
    place.settle(await place.hold(asking(50), NOTHING, on(daily)), 50);
    place.nowMs = Date.parse('2026-10-09T23:59:59Z');
    const hold = await place.hold(asking(40), on(budget));
    place.nowMs = Date.parse('2026-10-10T00:00:01Z');
    expect(hold.attempt(asking(40), on(daily), false)).toBeUndefined();
    place.settle(hold, 40);
    expect(place.stands(daily)).toEqual([0, 0]);
  });
});

describe('a limit that changes while a call is under way', () => {
  test('and is lowered lets the call finish, and nobody else begin', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(80), on(budget));
    const lowered = { ...budget, max: 50 };
    expect(await place.refusal(asking(1), on(lowered))).toMatchObject({ reason: 'over', onlyHeld: true });
    place.settle(hold, 20);
    expect(place.stands(lowered)).toEqual([20, 0]);
    await place.hold(asking(30), on(lowered));
  });

  test('and is raised has room at once', async () => {
    const place = new LimitPlace();
    await place.hold(asking(100), on(budget));
    await place.refusal(asking(1), on(budget));
    await place.hold(asking(1), on({ ...budget, max: 101 }));
  });

  test('and is new counts the call from its start', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(40, 30), on(budget));
    await place.try(asking(0, 0), on(tokens));
    expect(place.stands(tokens)).toEqual([0, 30]);
    place.settle(hold, 40, 25);
    expect(place.stands(tokens)).toEqual([25, 0]);
  });

  test('and gets another window counts the call there too', async () => {
    const place = new LimitPlace();
    const hold = await place.hold(asking(40), on(budget));
    const daily = { ...budget, window: DAY };
    await place.refusal(asking(61), on(daily));
    expect(place.stands(daily)).toEqual([0, 40]);
    hold.release();
    expect([place.stands(daily), place.stands(budget)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('windows', () => {
  test.each([
    ['the spring day of 23 hours', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    ['the autumn day of 25 hours', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
  ])('of days in Berlin begin and end with %s', async (_day, start, end) => {
    const [startMs, endMs] = [Date.parse(start), Date.parse(end)];
    const place = new LimitPlace();
    const daily = limitOn(KEY, 'usd', 100, {
      window: { kind: 'calendar', every: 1, period: 'day', timeZone: 'Europe/Berlin' },
    });
    place.nowMs = startMs;
    const hold = await place.hold(asking(100), on(daily));
    expect(place.asked.map(({ sinceMs }) => sinceMs)).toEqual([startMs]);
    place.nowMs = endMs - 1;
    expect(await place.refusal(asking(1), on(daily))).toMatchObject({ clearsAtMs: endMs });
    place.nowMs = endMs;
    const next = await place.hold(asking(100), on(daily));
    place.settle(hold, 60);
    expect(place.stands(daily)).toEqual([0, 100]);
    place.settle(next, 30);
    expect(place.stands(daily)).toEqual([30, 0]);
  });

  test('that slide let go of a call a full window after its attempt, and its end changes nothing then', async () => {
    const place = new LimitPlace();
    const perMinute = limitOn(KEY, 'tokens', 100, { window: MINUTE });
    const startMs = place.nowMs;
    const hold = await place.hold(asking(0, 100), on(perMinute));
    place.nowMs = startMs + 59_999;
    expect(await place.refusal(asking(0, 1), on(perMinute))).toMatchObject({ clearsAtMs: startMs + 60_000 });
    place.nowMs = startMs + 60_000;
    await place.hold(asking(0, 100), on(perMinute));
    place.settle(hold, 0, 100);
    expect(place.stands(perMinute)).toEqual([0, 100]);
  });
});

describe('shadow mode', () => {
  test('refuses nothing, counts everything and tells once a window what it would have refused', async () => {
    const place = new LimitPlace();
    const shadow = limitOn(KEY, 'usd', 50, { window: DAY, strength: 'shadow' });
    await place.hold(asking(50), on(shadow));
    expect(place.events).toEqual([]);
    await place.hold(asking(1), on(shadow));
    await place.hold(asking(500), on(shadow));
    expect(place.stands(shadow)).toEqual([0, 551]);
    expect(place.events.map(({ kind }) => kind)).toEqual(['shadow_refusal']);
    place.nowMs += 86_400_000;
    await place.hold(asking(51), on(shadow));
    expect(place.events.map(({ kind }) => kind)).toEqual(['shadow_refusal', 'shadow_refusal']);
  });

  test('tells nothing of a call that a hard limit refuses', async () => {
    const place = new LimitPlace();
    const shadow = limitOn(TEAM, 'usd', 1, { strength: 'shadow' });
    await place.refusal(asking(101), on(shadow, budget));
    expect([place.events, place.stands(shadow)]).toEqual([[], [0, 0]]);
  });

  test('tells of calls without a price, and lets them through', async () => {
    const place = new LimitPlace();
    await place.hold(asking(null), on({ ...budget, strength: 'shadow' }));
    expect(place.events.map(({ kind }) => kind)).toEqual(['shadow_refusal']);
    expect(await place.refusal(asking(null), on(budget))).toMatchObject({ reason: 'unpriced', asked: 0 });
  });
});
