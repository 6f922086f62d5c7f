import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { asking, KEY, LimitPlace, limitOn, MINUTE, NOTHING, TEAM } from '../../test/support/limit-place.ts';
import { isRefusal, type Limit, type Part } from './types.ts';

const on = (...limits: Limit[]): Part => ({ scopes: limits.map(({ scope }) => scope), limits });

/** Calls as they come: after so long, asking for so much, using so much. */
const arrivals = (longestPauseMs: number) =>
  fc.array(
    fc.record({
      pauseMs: fc.oneof(fc.nat({ max: longestPauseMs }), fc.constant(0)),
      asked: fc.integer({ min: 1, max: 60 }),
      used: fc.nat({ max: 60 }),
    }),
    { minLength: 1, maxLength: 80 },
  );

describe('a sliding limit', () => {
  test('lets thirty of a hundred parallel calls through, and the next exactly when a minute has passed', async () => {
    const place = new LimitPlace();
    const rate = limitOn(KEY, 'requests', 30, { window: MINUTE });
    const startMs = place.nowMs;
    const tries = await Promise.all(Array.from({ length: 100 }, () => place.try(asking(0), on(rate))));
    expect(tries.filter((found) => !isRefusal(found))).toHaveLength(30);
    for (const hold of tries) if (!isRefusal(hold)) place.settle(hold, 0);
    place.nowMs = startMs + 59_999;
    const refusal = await place.refusal(asking(0), on(rate));
    expect(refusal).toMatchObject({ reason: 'over', clearsAtMs: startMs + 60_000 });
    expect(refusal.standing).toEqual({ limit: rate, posted: 30, held: 0, resetsAtMs: startMs + 60_000 });
    place.nowMs = startMs + 60_000;
    await place.hold(asking(0), on(rate));
    expect(place.stands(rate)).toEqual([0, 1]);
    expect(place.asked).toHaveLength(0);
  });

  test('admits what a log of every call admits, and says when a refused call passes', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals(400), async (calls) => {
        const place = new LimitPlace();
        const windowMs = 1_000;
        const rate = limitOn(KEY, 'tokens', 100, { window: { kind: 'sliding', ms: windowMs } });
        const log: { atMs: number; amount: number }[] = [];
        const inWindow = (atMs: number): number =>
          log.filter((each) => each.atMs > atMs - windowMs).reduce((sum, { amount }) => sum + amount, 0);
        for (const { pauseMs, asked, used } of calls) {
          place.nowMs += pauseMs;
          const found = await place.try(asking(0, asked), on(rate));
          expect(isRefusal(found)).toBe(inWindow(place.nowMs) + asked > 100);
          if (isRefusal(found)) {
            const clearsAtMs = found.clearsAtMs ?? Number.NaN;
            expect(clearsAtMs).toBeGreaterThan(place.nowMs);
            expect(inWindow(clearsAtMs) + asked).toBeLessThanOrEqual(100);
            expect(inWindow(clearsAtMs - 1) + asked).toBeGreaterThan(100);
            place.nowMs = clearsAtMs;
            place.settle(await place.hold(asking(0, asked), on(rate)), 0, Math.min(used, asked));
          } else place.settle(found, 0, Math.min(used, asked));
          log.push({ atMs: place.nowMs, amount: Math.min(used, asked) });
        }
      }),
      { numRuns: 100 },
    );
  });

  test('is never over in any span, and too strict by a thousandth of the window at most', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals(2_000), async (calls) => {
        const place = new LimitPlace();
        const rate = limitOn(KEY, 'tokens', 200, { window: MINUTE });
        const log: { atMs: number; amount: number }[] = [];
        const between = (fromMs: number, toMs: number): number =>
          log.filter(({ atMs }) => atMs > fromMs && atMs <= toMs).reduce((sum, { amount }) => sum + amount, 0);
        for (const { pauseMs, asked } of calls) {
          place.nowMs += pauseMs / 40;
          const found = await place.try(asking(0, asked), on(rate));
          if (isRefusal(found)) {
            expect(between(place.nowMs - 60_060, place.nowMs) + asked).toBeGreaterThan(200);
            place.nowMs = found.clearsAtMs ?? Number.NaN;
            expect(isRefusal(await place.try(asking(0, asked), on(rate)))).toBe(false);
          }
          log.push({ atMs: place.nowMs, amount: asked });
          expect(between(place.nowMs - 60_000, place.nowMs)).toBeLessThanOrEqual(200);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('lets calls that come without a pause leave, one after the other', async () => {
    const place = new LimitPlace();
    const rate = limitOn(KEY, 'requests', 10_000, { window: MINUTE });
    await place.tree.load([rate]);
    for (let call = 0; call < 20_000; call++) {
      place.nowMs += 10;
      const found = place.tree.reserve(asking(0), on(rate), NOTHING);
      if (isRefusal(found)) throw new Error('6000 a minute are allowed');
      found.settle({ nanoUsd: 0, tokens: 0 });
    }
    const [posted = 0, held] = place.stands(rate) ?? [];
    expect(posted).toBeGreaterThanOrEqual(6_000);
    expect(posted).toBeLessThanOrEqual(6_006);
    expect(held).toBe(0);
  });

  test('forgets a call that is longer than the window, also when it ends', async () => {
    const place = new LimitPlace();
    const rate = limitOn(KEY, 'tokens', 100, { window: MINUTE });
    const long = await place.hold(asking(0, 100), on(rate));
    place.nowMs += 60_000;
    const next = await place.hold(asking(0, 100), on(rate));
    place.settle(long, 0, 90);
    expect(place.stands(rate)).toEqual([0, 100]);
    next.release();
    expect(place.stands(rate)).toEqual([0, 0]);
  });

  test('tells a demand that can never pass', async () => {
    const place = new LimitPlace();
    const rate = limitOn(KEY, 'tokens', 100, { window: MINUTE });
    expect(await place.refusal(asking(0, 101), on(rate))).toMatchObject({ reason: 'too_large', clearsAtMs: null });
  });
});

describe('after a restart', () => {
  function restarted() {
    const probe = new LimitPlace();
    const { nowMs } = probe;
    const entry = (agoMs: number, tokens: number) => ({ atMs: nowMs - agoMs, scopes: [KEY, TEAM, KEY], tokens });
    const entries = [entry(5_000, 40), entry(60_000, 1_000), entry(59_999, 7)];
    return new LimitPlace({ replay: { untilMs: nowMs + 60_000, entries } });
  }

  test('calls of the last minute still count, once each', async () => {
    const place = restarted();
    const limits = [
      limitOn(KEY, 'tokens', 100, { window: MINUTE }),
      limitOn(TEAM, 'requests', 2, { window: MINUTE }),
      limitOn({ kind: 'user', id: 'someone else' }, 'tokens', 100, { window: MINUTE }),
    ];
    await place.tree.load(limits);
    expect(limits.map((limit) => place.stands(limit)?.[0])).toEqual([47, 2, 0]);
    const startMs = place.nowMs;
    const refusal = await place.refusal(asking(0, 1), on(...limits));
    expect(refusal.clearsAtMs).toBe(startMs + 1);
    place.nowMs = startMs + 1;
    expect(limits.map((limit) => place.stands(limit)?.[0])).toEqual([40, 1, 0]);
    place.nowMs = startMs + 55_000;
    expect(limits.map((limit) => place.stands(limit)?.[0])).toEqual([0, 0, 0]);
  });

  test('they are forgotten when no window reaches back to them', async () => {
    const place = restarted();
    place.nowMs += 60_000;
    const hour = limitOn(KEY, 'tokens', 100, { window: { kind: 'sliding', ms: 3_600_000 } });
    await place.tree.load([hour]);
    expect(place.stands(hour)).toEqual([0, 0]);
  });
});
