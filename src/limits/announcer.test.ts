import { describe, expect, test } from 'bun:test';
import { asking, DAY, FIRST, KEY, LimitPlace, limitOn, MINUTE, SECOND } from '../../test/support/limit-place.ts';
import { isRefusal, type Limit, type Part } from './types.ts';

const DAY_MS = 86_400_000;
const on = (...limits: Limit[]): Part => ({ scopes: limits.map(({ scope }) => scope), limits });

async function use(place: LimitPlace, nanoUsd: number, ...limits: Limit[]): Promise<void> {
  place.settle(await place.hold(asking(0), on(...limits)), nanoUsd);
}

const kinds = ({ events }: LimitPlace) => events.map(({ kind, threshold }) => threshold ?? kind);

describe('a soft limit', () => {
  const soft = limitOn(KEY, 'usd', 100, { strength: 'soft', window: DAY });

  test('refuses nothing, and is told once a window when it is passed', async () => {
    const place = new LimitPlace();
    await use(place, 99, soft);
    expect(place.events).toEqual([]);
    await use(place, 2, soft);
    await use(place, 2, soft);
    const resetsAtMs = Date.parse('2026-10-09T00:00:00Z');
    expect(place.events).toEqual([
      { kind: 'soft_limit_passed', standing: { limit: soft, posted: 101, held: 0, resetsAtMs } },
    ]);
    place.nowMs += DAY_MS;
    await use(place, 100, soft);
    expect(place.events).toHaveLength(2);
  });

  test('is told again when it is set to another amount', async () => {
    const place = new LimitPlace();
    await use(place, 100, soft);
    await use(place, 1, { ...soft, max: 50 });
    await use(place, 1, { ...soft, max: 200 });
    expect(kinds(place)).toEqual(['soft_limit_passed', 'soft_limit_passed']);
  });

  test('that an earlier process saw passed is not told again', async () => {
    const place = new LimitPlace({ answers: false });
    const loading = place.tree.load([soft]);
    place.asked[0]?.answer(100);
    await loading;
    await use(place, 5, soft);
    expect(place.events).toEqual([]);
  });

  test('counts a total set by hand', async () => {
    const place = new LimitPlace();
    await use(place, 5, { ...soft, since: { atMs: place.nowMs, amount: 95 } });
    expect(kinds(place)).toEqual(['soft_limit_passed']);
  });

  test('on parallel calls is told when one too many is under way', async () => {
    const place = new LimitPlace();
    const slots = limitOn(KEY, 'parallel', 1, { strength: 'soft' });
    await place.hold(asking(0), on(slots));
    expect(place.events).toEqual([]);
    await place.hold(asking(0), on(slots));
    await place.hold(asking(0), on(slots));
    expect(place.events).toMatchObject([{ kind: 'soft_limit_passed', standing: { posted: 0, held: 2 } }]);
    place.nowMs += 60_000;
    await place.hold(asking(0), on(slots));
    expect(place.events).toHaveLength(2);
  });
});

describe('a hard budget', () => {
  test('tells how far it has gone, at each share once', async () => {
    const place = new LimitPlace();
    const budget = limitOn(KEY, 'usd', 100, { window: DAY });
    for (const nanoUsd of [84, 1, 1, 9, 1]) await use(place, nanoUsd, budget);
    expect(kinds(place)).toEqual([0.85, 0.95]);
    expect(place.events.map(({ standing }) => standing.posted)).toEqual([85, 95]);
  });

  test('tells the shares that were asked for, all that one call passes', async () => {
    const place = new LimitPlace({ thresholds: [0.1, 0.5] });
    const limits = [limitOn(KEY, 'usd', 100), limitOn(KEY, 'tokens', 1), limitOn(KEY, 'usd', Number.POSITIVE_INFINITY)];
    await use(place, 60, ...limits);
    expect(kinds(place)).toEqual([0.1, 0.5]);
  });

  test('of the deployment that served is told, not of one that was left', async () => {
    const place = new LimitPlace({ thresholds: [0.5] });
    const [first, second] = [limitOn(FIRST, 'usd', 100), limitOn(SECOND, 'usd', 100)];
    await place.tree.load([second]);
    const hold = await place.hold(asking(10), on(), on(first));
    hold.attempt(asking(10), on(second), true);
    place.settle(hold, 60);
    expect(place.events.map(({ standing }) => standing.limit)).toEqual([second]);
  });
});

describe('a shadow limit', () => {
  test('counts, refuses nothing, and tells what it would have refused', async () => {
    const place = new LimitPlace();
    const shadow = limitOn(KEY, 'requests', 2, { strength: 'shadow', window: MINUTE });
    for (let call = 0; call < 5; call++) await use(place, 0, shadow);
    expect(place.stands(shadow)).toEqual([5, 0]);
    expect(kinds(place)).toEqual(['shadow_refusal']);
    place.nowMs += 60_000;
    for (let call = 0; call < 3; call++) await use(place, 0, shadow);
    expect(place.events).toHaveLength(2);
  });

  test('tells what it would have refused of another attempt', async () => {
    const place = new LimitPlace();
    const shadow = limitOn(SECOND, 'usd', 5, { strength: 'shadow' });
    await place.tree.load([shadow]);
    const hold = await place.hold(asking(9), on());
    expect(hold.attempt(asking(9), on(shadow), true)).toBeUndefined();
    expect(place.events).toMatchObject([{ kind: 'shadow_refusal', standing: { held: 9 } }]);
  });

  test('would have refused a price that nobody knows', async () => {
    const place = new LimitPlace();
    const shadow = limitOn(KEY, 'usd', 2, { strength: 'shadow' });
    expect(isRefusal(await place.try(asking(null), on(shadow)))).toBe(false);
    expect(kinds(place)).toEqual(['shadow_refusal']);
  });

  test('says nothing of a call that a hard limit refused', async () => {
    const place = new LimitPlace();
    const limits = [limitOn(KEY, 'requests', 0, { strength: 'shadow' }), limitOn(KEY, 'requests', 0)];
    await place.refusal(asking(0), on(...limits));
    expect(place.events).toEqual([]);
  });
});
