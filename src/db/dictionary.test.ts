import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Database, openDatabase } from './client.ts';
import { addNames, knownRefs, namesOf, refOf } from './dictionary.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

const storedNames = async () => (await db.selectFrom('names').select('name').execute()).map(({ name }) => name);

describe('names', () => {
  test('a name keeps its number however often it is added', async () => {
    const first = await addNames(db, ['a', 'b']);
    const second = await addNames(db, ['b', 'c', 'a']);
    expect(second.get('a')).toBe(first.get('a') ?? -1);
    expect(second.get('b')).toBe(first.get('b') ?? -1);
    expect(await storedNames()).toEqual(['a', 'b', 'c']);
  });

  test('a name that another process added is found, not added again', async () => {
    const { id } = await db.insertInto('names').values({ name: 'theirs' }).returning('id').executeTakeFirstOrThrow();
    expect((await addNames(db, ['theirs'])).get('theirs')).toBe(id);
    expect(await storedNames()).toEqual(['theirs']);
  });

  test('more names than fit in one statement are all added', async () => {
    const names = Array.from({ length: 1_234 }, (_, index) => `name ${index}`);
    const refs = await addNames(db, names);
    expect(new Set(refs.values()).size).toBe(1_234);
    const back = await namesOf(db, refs.values());
    expect([...back.values()].sort()).toEqual([...names].sort());
  });

  test('many names are looked up at once, and those that are unknown stay so', async () => {
    const names = Array.from({ length: 700 }, (_, index) => `name ${index}`);
    const added = await addNames(db, names);
    const asked = [...names, 'unknown', 'name 1'];
    expect([...(await knownRefs(db, asked))].sort()).toEqual([...added].sort());
    expect(await storedNames()).toHaveLength(700);
  });

  test('a filter looks up a name without adding it', async () => {
    expect(await refOf(db, 'unknown')).toBeUndefined();
    expect(await storedNames()).toEqual([]);
    const added = await addNames(db, ['known']);
    expect(await refOf(db, 'known')).toBe(added.get('known'));
  });

  test('numbers that nobody gave out are absent', async () => {
    expect((await namesOf(db, [77])).size).toBe(0);
  });

  test('an endless name from a client is cut, and still found', async () => {
    const long = 'x'.repeat(100_000);
    const ref = (await addNames(db, [long])).get(long);
    expect(ref).toBeNumber();
    expect(await refOf(db, long)).toBe(ref);
    expect((await storedNames())[0]).toHaveLength(1_000);
  });

  test('any text, broken Unicode and NUL among it, gets a number and never fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }), async (names) => {
        const withBroken = [...names, '\ud800', 'a\0b', "'; drop table names; --", ''];
        const refs = await addNames(db, withBroken);
        for (const name of withBroken) expect(refs.get(name)).toBeNumber();
        const back = await namesOf(db, refs.values());
        for (const name of withBroken) {
          expect(back.get(refs.get(name) ?? -1)).toBe(name.replaceAll('\0', '').toWellFormed());
        }
      }),
      { numRuns: 100 },
    );
  });
});
