import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { databasePlace } from '../../test/support/database-place.ts';
import { addCombinations, addTagLists, type Combination } from './usage-dimensions.ts';
import { DIMENSIONS } from './usage-tables.ts';

const db = databasePlace();

function combination(...values: readonly number[]): Combination {
  // Made of exactly these names.
  return Object.fromEntries(DIMENSIONS.map((name, at) => [name, values[at] ?? 0])) as Combination;
}

const keyOf = (one: Combination): string => JSON.stringify(one);
const add = (...all: readonly Combination[]) =>
  addCombinations(db(), new Map(all.map((one) => [keyOf(one), one] as const)));
const stored = () => db().selectFrom('usage_dimensions').selectAll().orderBy('id').execute();

describe('a combination of names', () => {
  test('has one number, however often it is asked for and by however many at once', async () => {
    const all = [combination(1, 2), combination(1, 3), combination()];
    const answers = await Promise.all(Array.from({ length: 10 }, () => add(...all)));
    for (const answer of answers) expect([...answer]).toEqual([...(answers[0] ?? [])]);
    expect(new Set(answers[0]?.values()).size).toBe(3);
    expect(await stored()).toHaveLength(3);
  });

  test('that differs in one name only is another one, whichever name that is', async () => {
    const all = DIMENSIONS.map((_, at) => combination(...DIMENSIONS.map((__, other) => (at === other ? 5 : 0))));
    const numbers = await add(combination(), ...all);
    expect(new Set(numbers.values()).size).toBe(DIMENSIONS.length + 1);
    for (const [at, name] of DIMENSIONS.entries()) {
      const row = (await stored()).find(({ id }) => id === numbers.get(keyOf(all[at] ?? combination())));
      expect(row?.[name]).toBe(5);
    }
  });

  test('that another process has added is found, not added again', async () => {
    await db()
      .insertInto('usage_dimensions')
      .values({ ...combination(7, 8), id: 42 })
      .execute();
    expect([...(await add(combination(7, 8))).values()]).toEqual([42]);
    expect(await stored()).toHaveLength(1);
  });

  test('keeps its number among any others', async () => {
    const one = fc
      .array(fc.integer({ min: 0, max: 3 }), { minLength: 12, maxLength: 12 })
      .map((values) => combination(...values));
    const known = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 5 }), async (all) => {
        for (const [key, number] of await add(...all)) {
          expect(known.get(key) ?? number).toBe(number);
          known.set(key, number);
        }
      }),
      { numRuns: 60, seed: 6 },
    );
    expect(new Set(known.values()).size).toBe(known.size);
    expect(await stored()).toHaveLength(known.size);
  });

  test('nothing is asked of nobody', async () => {
    expect((await add()).size).toBe(0);
    expect(await stored()).toEqual([]);
  });
});

describe('a tag list', () => {
  const members = () => db().selectFrom('tag_sets').selectAll().orderBy('tags_ref').orderBy('tag_ref').execute();

  test('notes each of its tags once, however often it comes', async () => {
    const lists = new Map([
      [1, new Set([10, 11])],
      [2, new Set([11])],
    ]);
    await addTagLists(db(), lists);
    await addTagLists(db(), lists);
    expect(await members()).toEqual([
      { tags_ref: 1, tag_ref: 10 },
      { tags_ref: 1, tag_ref: 11 },
      { tags_ref: 2, tag_ref: 11 },
    ]);
  });

  test('that another process has noted, wholly or in part, is complete in the end', async () => {
    await db().insertInto('tag_sets').values({ tags_ref: 1, tag_ref: 10 }).execute();
    await addTagLists(db(), new Map([[1, new Set([10, 11, 12])]]));
    expect((await members()).map(({ tag_ref }) => tag_ref)).toEqual([10, 11, 12]);
  });

  test('may be longer than a statement', async () => {
    const tags = new Set(Array.from({ length: 350 }, (_, at) => at));
    await addTagLists(db(), new Map([[5, tags]]));
    expect(await members()).toHaveLength(350);
  });

  test('without tags is nothing', async () => {
    await addTagLists(db(), new Map([[1, new Set<number>()]]));
    await addTagLists(db(), new Map());
    expect(await members()).toEqual([]);
  });
});
