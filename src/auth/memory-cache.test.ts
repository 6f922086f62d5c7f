import { describe, expect, test } from 'bun:test';
import { refusalOf } from '../../test/support/refusals.ts';
import { createMemoryCache, type MemoryCacheOptions } from './memory-cache.ts';

interface Thing {
  readonly form: number;
}

/** A store that answers at once, fails, or waits until it is told. */
function place(over: Partial<MemoryCacheOptions<Thing>> = {}) {
  const state = { nowMs: 0, isDown: false, asked: 0, form: 1 as number | undefined };
  const reloads: unknown[] = [];
  const cache = createMemoryCache<Thing>({
    now: () => state.nowMs,
    ttlMs: () => 1_000,
    unknownTtlMs: () => 100,
    graceForUnknown: true,
    max: 2,
    subject: 'The thing',
    load: async () => {
      state.asked += 1;
      if (state.isDown) throw new Error('down');
      return state.form === undefined ? undefined : { form: state.form };
    },
    onReload: (before, after) => reloads.push([before, after]),
    ...over,
  });
  return { cache, state, reloads };
}

describe('something in memory', () => {
  test.each([
    [0, { form: 1 }],
    [999, { form: 1 }],
    [1_000, undefined],
  ])('is after %p ms %p', async (waitMs, expected) => {
    const { cache, state } = place();
    expect(cache.peek('a')).toBeUndefined();
    await cache.fetch('a');
    state.nowMs += waitMs;
    expect(cache.peek('a')).toEqual(expected);
  });

  test.each([
    [99, null],
    [100, undefined],
  ])('is known not to be there for %p ms: %p', async (waitMs, expected) => {
    const { cache, state } = place();
    state.form = undefined;
    expect(await cache.fetch('a')).toBeNull();
    state.nowMs += waitMs;
    expect(cache.peek('a')).toBe(expected);
  });

  test('is asked for once, however many want it at the same moment', async () => {
    const { cache, state } = place();
    const found = await Promise.all([cache.fetch('a'), cache.fetch('a'), cache.fetch('a')]);
    expect([found.map((thing) => thing?.form), state.asked]).toEqual([[1, 1, 1], 1]);
  });

  test('makes room for what is newer, and is not pushed out by what does not exist', async () => {
    const { cache, state } = place();
    await cache.fetch('a');
    state.form = undefined;
    for (const id of ['x', 'y', 'z']) await cache.fetch(id);
    expect(cache.peek('a')).toEqual({ form: 1 });
    state.form = 2;
    for (const id of ['b', 'c']) await cache.fetch(id);
    expect(cache.peek('a')).toBeUndefined();
  });
});

describe('a change', () => {
  test('while it is being looked up is what everybody gets, and the old form is never kept', async () => {
    const waits: PromiseWithResolvers<Thing>[] = [];
    const load = () => {
      const wait = Promise.withResolvers<Thing>();
      waits.push(wait);
      return wait.promise;
    };
    const { cache } = place({ load });
    const early = cache.fetch('a');
    cache.invalidate('a');
    const late = cache.fetch('a');
    waits[1]?.resolve({ form: 2 });
    expect(await late).toEqual({ form: 2 });
    waits[0]?.resolve({ form: 1 });
    for (let turn = 0; turn < 5 && waits.length < 3; turn++) await Promise.resolve();
    waits[2]?.resolve({ form: 3 });
    expect(await early).toEqual({ form: 3 });
    expect(cache.peek('a')).toEqual({ form: 3 });
  });

  test.each(['invalidate', 'invalidateAll'] as const)('by %s also makes known what was not there', async (how) => {
    const { cache, state } = place();
    state.form = undefined;
    await cache.fetch('a');
    state.form = 2;
    cache[how]('a');
    expect([cache.peek('a'), await cache.fetch('a')]).toEqual([undefined, { form: 2 }]);
  });

  test('is told with what was there before, but not the first sight of anything', async () => {
    const { cache, state, reloads } = place();
    await cache.fetch('a');
    expect(reloads).toEqual([]);
    for (const form of [2, undefined, 3]) {
      state.form = form;
      await cache.fetch('a');
    }
    expect(reloads).toEqual([
      [{ form: 1 }, { form: 2 }],
      [{ form: 2 }, null],
      [null, { form: 3 }],
    ]);
  });
});

describe('while the database is down', () => {
  const after = async (waitMs: number, form: number | undefined, over: Partial<MemoryCacheOptions<Thing>> = {}) => {
    const { cache, state } = place(over);
    state.form = form;
    await cache.fetch('a');
    state.isDown = true;
    state.nowMs += waitMs;
    return cache.fetch('a');
  };

  test('something seen goes on for a minute past its time, and no longer', async () => {
    expect(await after(60_999, 1)).toEqual({ form: 1 });
    expect((await refusalOf(() => after(61_000, 1))).kind).toBe('unavailable');
  });

  test('something known not to be there stays so for as long, where that is wanted', async () => {
    expect(await after(60_099, undefined)).toBeNull();
    expect((await refusalOf(() => after(60_100, undefined))).kind).toBe('unavailable');
    expect((await refusalOf(() => after(0, undefined, { graceForUnknown: false }))).kind).toBe('unavailable');
  });

  test('something that was changed is not given in its old form', async () => {
    const { cache, state } = place();
    await cache.fetch('a');
    state.isDown = true;
    cache.invalidate('a');
    const error = await refusalOf(() => cache.fetch('a'));
    expect([error.message, error.details.code, error.details.retryAfterMs]).toEqual([
      'The thing could not be checked because the database is unavailable. Try again shortly.',
      'no_db_connection',
      1_000,
    ]);
    state.isDown = false;
    expect(await cache.fetch('a')).toEqual({ form: 1 });
  });
});
