import { afterEach, beforeEach, expect, test } from 'bun:test';
import { load } from '../../test/support/config-files.ts';
import { digest } from '../auth/digest.ts';
import { type Database, openDatabase } from '../db/client.ts';
import { createMasterKey } from './master-key.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

const NONE = load('model_list: []');
const GIVEN = load('general_settings:\n  master_key: sk-the-operators-own');

test("the operator's own key is used, and nothing is made or kept", async () => {
  const key = await createMasterKey({ config: GIVEN, db });
  expect(key).toEqual({ hash: digest('sk-the-operators-own'), made: undefined });
  expect(await db.selectFrom('settings').selectAll().execute()).toEqual([]);
});

test('without one a long random key is made and shown, and only its digest is kept', async () => {
  const { hash, made = '' } = await createMasterKey({ config: NONE, db });
  expect(made).toMatch(/^sk-[\w-]{43}$/);
  expect(hash).toBe(digest(made));
  const kept = await db.selectFrom('settings').selectAll().execute();
  expect(kept.map(({ value }) => value)).toEqual([hash]);
  expect(JSON.stringify(kept)).not.toContain(made);
});

test('later starts know it and do not show it again', async () => {
  const { hash } = await createMasterKey({ config: NONE, db });
  expect(await createMasterKey({ config: NONE, db })).toEqual({ hash, made: undefined });
});

test("the operator's own key goes before one that was made, which comes back when it is taken away", async () => {
  const { hash } = await createMasterKey({ config: NONE, db });
  expect((await createMasterKey({ config: GIVEN, db })).hash).toBe(digest('sk-the-operators-own'));
  expect((await createMasterKey({ config: NONE, db })).hash).toBe(hash);
});

test('two installations do not have the same key', async () => {
  const other = await openDatabase({ url: 'sqlite::memory:' });
  const [one, two] = [await createMasterKey({ config: NONE, db }), await createMasterKey({ config: NONE, db: other })];
  expect(one.made).not.toBe(two.made);
  await other.destroy();
});
