import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleKey } from '../../test/support/callers.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { createKeyCache, type KeyCache, type KeyCacheOptions, type LoadedKey } from './key-cache.ts';

const TTL_MS = 60_000;
const GRACE_MS = 60_000;

/** A database of keys that counts how often it is asked and can be down. */
class Store {
  readonly keys = new Map<string, LoadedKey>();
  asked = 0;
  isDown = false;
  nowMs = 1_000_000;

  cache(over: Partial<KeyCacheOptions> = {}): KeyCache {
    return createKeyCache({
      now: () => this.nowMs,
      ttlMs: () => TTL_MS,
      load: async (hash) => {
        this.asked += 1;
        if (this.isDown) throw new Error('database is down');
        return this.keys.get(hash);
      },
      ...over,
    });
  }
}

let store: Store;
beforeEach(() => {
  store = new Store();
  store.keys.set('known', sampleKey({}, { keyHash: 'known' }));
});

describe('a warm key', () => {
  test('is given without asking the database, and without waiting', async () => {
    const cache = store.cache();
    expect(cache.peek('known')).toBeUndefined();
    await cache.fetch('known');
    for (let i = 0; i < 100; i++) expect(cache.peek('known')?.caller.keyHash).toBe('known');
    expect(store.asked).toBe(1);
  });

  test('is the very same object each time, so that what was worked out for it can be kept with it', async () => {
    const cache = store.cache();
    const caller = (await cache.fetch('known'))?.caller;
    expect(cache.peek('known')?.caller).toBe(caller);
  });

  test('must be fetched again when its time is over', async () => {
    const cache = store.cache();
    await cache.fetch('known');
    store.nowMs += TTL_MS - 1;
    expect(cache.peek('known')).toBeDefined();
    store.nowMs += 1;
    expect(cache.peek('known')).toBeUndefined();
    await cache.fetch('known');
    expect(store.asked).toBe(2);
  });

  test('gone from the database is unknown after its time, not used again', async () => {
    const cache = store.cache();
    await cache.fetch('known');
    store.keys.delete('known');
    store.nowMs += TTL_MS;
    expect(await cache.fetch('known')).toBeNull();
    expect(cache.peek('known')).toBeNull();
  });
});

describe('an unknown digest', () => {
  test('is remembered for five seconds', async () => {
    const cache = store.cache();
    expect(await cache.fetch('guess')).toBeNull();
    expect(cache.peek('guess')).toBeNull();
    store.nowMs += 5_000;
    expect(cache.peek('guess')).toBeUndefined();
  });

  test('is known the moment that its key has been made', async () => {
    const cache = store.cache();
    await cache.fetch('new');
    store.keys.set('new', sampleKey());
    cache.invalidate('new');
    expect(cache.peek('new')).toBeUndefined();
    expect(await cache.fetch('new')).not.toBeNull();
  });

  test('pushes no key out, however many are tried', async () => {
    const cache = store.cache({ maxKeys: 10 });
    await cache.fetch('known');
    for (let i = 0; i < 10_050; i++) await cache.fetch(`guess ${i}`);
    expect(cache.peek('known')).toBeDefined();
    expect(cache.peek('guess 0')).toBeUndefined();
    expect(cache.peek('guess 10049')).toBeNull();
  });
});

test('many requests of a cold key ask the database once', async () => {
  const cache = store.cache();
  const found = await Promise.all(Array.from({ length: 50 }, () => cache.fetch('known')));
  expect(store.asked).toBe(1);
  expect(new Set(found.map((key) => key?.caller)).size).toBe(1);
});

test('memory is bounded: of more keys than fit, the one not used for longest goes', async () => {
  const cache = store.cache({ maxKeys: 2 });
  for (const name of ['a', 'b', 'c']) store.keys.set(name, sampleKey());
  await cache.fetch('a');
  await cache.fetch('b');
  cache.peek('a');
  await cache.fetch('c');
  expect([cache.peek('a') !== undefined, cache.peek('b') !== undefined]).toEqual([true, false]);
});

describe('while the database is down', () => {
  test('a key seen before goes on for sixty seconds past its time, then is 503', async () => {
    const cache = store.cache();
    await cache.fetch('known');
    store.isDown = true;
    store.nowMs += TTL_MS + GRACE_MS - 1;
    expect((await cache.fetch('known'))?.caller.keyHash).toBe('known');
    store.nowMs += 1;
    const error = await refusalOf(() => cache.fetch('known'));
    expect([error.status, error.kind, error.details.code]).toEqual([503, 'unavailable', 'no_db_connection']);
  });

  test('an unknown key is 503 and never 401: nobody can say that it is wrong', async () => {
    const cache = store.cache();
    store.isDown = true;
    const error = await refusalOf(() => cache.fetch('never seen'));
    expect(error.status).toBe(503);
    expect(error.details.retryAfterMs).toBe(1_000);
    expect(cache.peek('never seen')).toBeUndefined();
  });

  test('a key that was just changed is 503: its old form is not used again', async () => {
    const cache = store.cache();
    await cache.fetch('known');
    cache.invalidate('known');
    store.isDown = true;
    expect((await refusalOf(() => cache.fetch('known'))).status).toBe(503);
  });

  test('it is asked anew as soon as it is back', async () => {
    const cache = store.cache();
    store.isDown = true;
    await refusalOf(() => cache.fetch('known'));
    store.isDown = false;
    expect(await cache.fetch('known')).not.toBeNull();
  });
});

describe('a change that races with look-ups', () => {
  /** Version of the stored key, told by its alias. */
  const versionOf = (key: LoadedKey | null | undefined): number => Number(key?.caller.keyAlias ?? Number.NaN);

  test('nobody who asks after a change has answered sees what was before, in any order of events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 }), race),
      { numRuns: 300 },
    );
  });

  async function race(scheduler: fc.Scheduler, changes: number, readers: number): Promise<void> {
    let stored = 0;
    let answered = 0;
    const cache = createKeyCache({
      now: () => 0,
      ttlMs: () => TTL_MS,
      load: async () => {
        await scheduler.schedule(Promise.resolve(), 'query sent');
        const seen = stored;
        await scheduler.schedule(Promise.resolve(), 'result arrives');
        return sampleKey({}, { keyAlias: String(seen) });
      },
    });

    async function change(version: number): Promise<void> {
      await scheduler.schedule(Promise.resolve(), `change ${version} begins`);
      stored = Math.max(stored, version);
      await scheduler.schedule(Promise.resolve(), `change ${version} is stored`);
      cache.invalidate('k');
      answered = Math.max(answered, version);
    }

    async function read(reader: number): Promise<void> {
      for (let i = 0; i < 3; i++) {
        await scheduler.schedule(Promise.resolve(), `reader ${reader} asks`);
        const atLeast = answered;
        const peeked = cache.peek('k');
        if (peeked !== undefined) expect(versionOf(peeked)).toBeGreaterThanOrEqual(atLeast);
        else expect(versionOf(await cache.fetch('k'))).toBeGreaterThanOrEqual(atLeast);
      }
    }

    const all = [
      ...Array.from({ length: changes }, (_, i) => change(i + 1)),
      ...Array.from({ length: readers }, (_, i) => read(i)),
    ];
    await scheduler.waitFor(Promise.all(all));
    expect(versionOf(await scheduler.waitFor(cache.fetch('k')))).toBe(changes);
    expect(versionOf(cache.peek('k'))).toBe(changes);
  }

  test('a look-up that was under way is repeated: its waiter gets the new form', async () => {
    const gate = Promise.withResolvers<void>();
    let blocked = false;
    const cache = createKeyCache({
      now: () => 0,
      ttlMs: () => TTL_MS,
      load: async () => {
        const read = blocked;
        await gate.promise;
        return sampleKey({ blocked: read });
      },
    });
    const waiting = cache.fetch('k');
    blocked = true;
    cache.invalidate('k');
    gate.resolve();
    expect((await waiting)?.blocked).toBe(true);
    expect(cache.peek('k')?.blocked).toBe(true);
  });

  test('a change to one key leaves look-ups of others alone', async () => {
    const cache = store.cache();
    const waiting = cache.fetch('known');
    cache.invalidate('another');
    await waiting;
    expect(cache.peek('known')).toBeDefined();
    expect(store.asked).toBe(1);
  });
});

describe('a secret that was replaced', () => {
  const oldSecret = (over: Partial<LoadedKey> = {}) => sampleKey(over, { keyHash: 'known' });

  test('is forgotten together with the key that it belongs to', async () => {
    const cache = store.cache();
    store.keys.set('old', oldSecret());
    await cache.fetch('old');
    expect(cache.peek('old')?.caller.keyHash).toBe('known');
    store.keys.set('old', oldSecret({ blocked: true }));
    cache.invalidate('known');
    expect(cache.peek('old')).toBeUndefined();
    expect((await cache.fetch('old'))?.blocked).toBe(true);
  });

  test('is looked up again when its key changed meanwhile, although nobody could know that it was being looked up', async () => {
    const gate = Promise.withResolvers<void>();
    let blocked = false;
    const cache = store.cache({
      load: async () => {
        const read = blocked;
        await gate.promise;
        return oldSecret({ blocked: read });
      },
    });
    const waiting = cache.fetch('old');
    blocked = true;
    cache.invalidate('known');
    gate.resolve();
    expect((await waiting)?.blocked).toBe(true);
    expect(cache.peek('old')?.blocked).toBe(true);
  });
});

test('forgetting everything also makes look-ups under way outdated', async () => {
  const gate = Promise.withResolvers<void>();
  let version = 1;
  const cache = store.cache({
    load: async () => {
      const read = version;
      await gate.promise;
      return sampleKey({}, { keyAlias: String(read) });
    },
  });
  const waiting = cache.fetch('k');
  version = 2;
  cache.invalidateAll();
  gate.resolve();
  expect((await waiting)?.caller.keyAlias).toBe('2');
  expect(cache.peek('k')?.caller.keyAlias).toBe('2');
});
