import { afterEach, beforeEach, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Database, openDatabase } from './client.ts';
import { readSetting, writeSetting } from './settings.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

test('what was never written is not there', async () => {
  await writeSetting(db, 'other', 'x');
  expect(await readSetting(db, 'name')).toBeUndefined();
});

test('an empty value is a value', async () => {
  await writeSetting(db, 'name', '');
  expect(await readSetting(db, 'name')).toBe('');
});

test('many writers at once leave one value, one of theirs', async () => {
  const values = Array.from({ length: 20 }, (_, at) => `v${at}`);
  await Promise.all(values.map((value) => writeSetting(db, 'name', value)));
  expect(values).toContain((await readSetting(db, 'name')) ?? 'none');
  expect(await db.selectFrom('settings').selectAll().execute()).toHaveLength(1);
});

test('any sequence of writes reads as a map would', async () => {
  const text = fc.oneof(
    fc.constantFrom('a', 'A', "a'; drop table settings; --", '%', ''),
    fc.string({ unit: 'grapheme' }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 12 }), async (writes) => {
      await db.deleteFrom('settings').execute();
      for (const [name, value] of writes) await writeSetting(db, name, value);
      for (const [name, value] of new Map(writes)) expect(await readSetting(db, name)).toBe(value);
      expect(await db.selectFrom('settings').selectAll().execute()).toHaveLength(new Map(writes).size);
    }),
    { numRuns: 40 },
  );
});
