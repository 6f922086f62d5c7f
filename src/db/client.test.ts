import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { makeDurable, openDatabase } from './client.ts';
import { MIGRATIONS } from './migrations/index.ts';

const folders: string[] = [];
function freshUrl(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-db-'));
  folders.push(folder);
  return `sqlite:${join(folder, 'deep', 'tollgate.db')}`;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function tablesOf(url: string): Promise<string[]> {
  const db = await openDatabase({ url, readonly: true });
  const tables = await db.introspection.getTables();
  await db.destroy();
  return tables.map((table) => table.name);
}

describe('opening', () => {
  test('a new file and its folder are made and every table is there', async () => {
    const url = freshUrl();
    await (await openDatabase({ url })).destroy();
    const tables = await tablesOf(url);
    for (const name of ['requests', 'request_details', 'request_payloads', 'names', 'scope_usage', 'usage_cube']) {
      expect(tables).toContain(name);
    }
  });

  test('what was written is there after opening again, and migrations do not run twice', async () => {
    const url = freshUrl();
    const first = await openDatabase({ url });
    await first.insertInto('names').values({ name: 'kept' }).execute();
    await first.destroy();
    const second = await openDatabase({ url });
    expect(await second.selectFrom('names').select('name').execute()).toEqual([{ name: 'kept' }]);
    await second.destroy();
  });

  test('the log is write-ahead, so a killed process leaves a whole database', async () => {
    const db = await openDatabase({ url: freshUrl() });
    const mode = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db);
    expect(mode.rows).toEqual([{ journal_mode: 'wal' }]);
    await makeDurable(db);
    await db.destroy();
  });

  test('a database in memory works and has no file to lock', async () => {
    const [a, b] = [await openDatabase({ url: 'sqlite::memory:' }), await openDatabase({ url: 'sqlite::memory:' })];
    await a.insertInto('names').values({ name: 'only in a' }).execute();
    expect(await b.selectFrom('names').selectAll().execute()).toEqual([]);
    await a.destroy();
    await b.destroy();
  });

  test('a reader may open the file beside its owner and cannot write', async () => {
    const url = freshUrl();
    const owner = await openDatabase({ url });
    await owner.insertInto('names').values({ name: 'seen' }).execute();
    const reader = await openDatabase({ url, readonly: true });
    expect(await reader.selectFrom('names').select('name').execute()).toEqual([{ name: 'seen' }]);
    await expect(reader.insertInto('names').values({ name: 'no' }).execute()).rejects.toThrow(/readonly/);
    await reader.destroy();
    await owner.destroy();
  });

  test('two transactions at once wait for each other', async () => {
    const db = await openDatabase({ url: 'sqlite::memory:' });
    const add = (name: string) =>
      db.transaction().execute(async (transaction) => {
        await transaction.insertInto('names').values({ name }).execute();
        await new Promise((resolve) => setImmediate(resolve));
        await transaction
          .insertInto('names')
          .values({ name: `${name}2` })
          .execute();
      });
    await Promise.all([add('a'), add('b'), add('c')]);
    expect(await db.selectFrom('names').select('name').orderBy('id').execute()).toHaveLength(6);
    await db.destroy();
  });

  test.each(['mysql://root:s3cret@db/x', 'postgres://u:s3cret@db/x', 'tollgate.db', 'sqlite:'])(
    'the address %s is refused with what is accepted and without its password',
    async (url) => {
      const error = await openDatabase({ url }).then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      expect(error?.message).toContain('sqlite:PATH');
      expect(error?.message).not.toContain('s3cret');
    },
  );
});

describe('migrations', () => {
  const create = (name: string): Migration => ({
    up: async (db) => {
      await db.schema.createTable(name).addColumn('id', 'integer').execute();
    },
  });

  test('a newer database is refused, names its change and gives the lock back', async () => {
    const url = freshUrl();
    const newer = { ...MIGRATIONS, '9999-from-the-future': create('future') };
    await (await openDatabase({ url, migrations: newer })).destroy();
    await expect(openDatabase({ url })).rejects.toThrow(/newer Tollgate.*9999-from-the-future/);
    await expect(openDatabase({ url, readonly: true })).rejects.toThrow(/newer Tollgate/);
    await (await openDatabase({ url, migrations: newer })).destroy();
  });

  test('a migration that fails half-way is rolled back, and the next start completes it', async () => {
    const url = freshUrl();
    const halfway: Migration = {
      up: async (db) => {
        await db.schema.createTable('half').addColumn('id', 'integer').execute();
        throw new Error('power cut');
      },
    };
    await expect(openDatabase({ url, migrations: { ...MIGRATIONS, '9000-half': halfway } })).rejects.toThrow(
      /"9000-half" failed and was rolled back/,
    );
    await (await openDatabase({ url })).destroy();
    expect(await tablesOf(url)).not.toContain('half');
    await (await openDatabase({ url, migrations: { ...MIGRATIONS, '9000-half': create('half') } })).destroy();
  });

  test('names sort in the order they run', () => {
    const names = Object.keys(MIGRATIONS);
    expect(names).toEqual([...names].sort());
  });
});

test('a full disk is said to be one, although SQLite has rolled the transaction back by itself', async () => {
  const db = await openDatabase({ url: 'sqlite::memory:' });
  await sql`create table filler (data blob)`.execute(db);
  await sql`pragma max_page_count = 1`.execute(db); // Not below what is there already: no page more.
  const filling = db.transaction().execute(async (transaction) => {
    for (;;) await sql`insert into filler values (zeroblob(10000))`.execute(transaction);
  });
  await expect(filling).rejects.toThrow('full');
  expect((await sql`select * from filler`.execute(db)).rows).toEqual([]);
  await db.destroy();
});
