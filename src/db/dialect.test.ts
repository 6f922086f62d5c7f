import { Database as BunDatabase } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { Kysely, sql } from 'kysely';
import { bulkRunner, bunSqlite, isSqlite, sqliteDialect } from './dialect.ts';

interface Schema {
  things: { id: number; name: string | null };
}

let file: BunDatabase;
let closed = 0;
let db: Kysely<Schema>;
beforeEach(() => {
  file = new BunDatabase(':memory:');
  file.run('create table things (id integer primary key, name text unique)');
  closed = 0;
  db = new Kysely<Schema>({
    dialect: sqliteDialect(
      bunSqlite(file, () => {
        closed += 1;
      }),
    ),
  });
});
afterEach(() => db.destroy());

const ids = async () => (await db.selectFrom('things').select('id').orderBy('id').execute()).map(({ id }) => id);

test('rows come and go as Kysely says, with what changed', async () => {
  const inserted = await db.insertInto('things').values({ id: 7, name: 'a' }).executeTakeFirst();
  expect([inserted.insertId, inserted.numInsertedOrUpdatedRows]).toEqual([7n, 1n]);
  expect(await db.insertInto('things').values({ id: 8, name: null }).returningAll().execute()).toEqual([
    { id: 8, name: null },
  ]);
  const updated = await db
    .updateTable('things')
    .set({ name: 'b' })
    .where('id', '>', 1)
    .where('id', '<', 8)
    .executeTakeFirst();
  expect(updated.numUpdatedRows).toBe(1n);
  expect((await db.deleteFrom('things').executeTakeFirst()).numDeletedRows).toBe(2n);
});

test('more different statements than are kept at hand all run', async () => {
  for (let number = 0; number < 450; number++) {
    const { rows } = await sql<{ n: number }>`select ${sql.lit(number)} as n`.execute(db);
    expect(rows).toEqual([{ n: number }]);
  }
  expect((await sql<{ n: number }>`select 0 as n`.execute(db)).rows).toEqual([{ n: 0 }]);
});

test('a statement that is known still sees a table that was changed since', async () => {
  const all = () => sql`select * from things`.execute(db);
  await all();
  await sql`alter table things add column size integer`.execute(db);
  await db.insertInto('things').values({ id: 1, name: null }).execute();
  expect((await all()).rows).toEqual([{ id: 1, name: null, size: null }]);
});

test('rows can be read one after another', async () => {
  for (const id of [1, 2, 3]) await db.insertInto('things').values({ id, name: null }).execute();
  const seen: number[] = [];
  for await (const { id } of db.selectFrom('things').select('id').orderBy('id').stream()) seen.push(id);
  expect(seen).toEqual([1, 2, 3]);
});

describe('many rows at once', () => {
  test('are inserted on the connection of the transaction and go with it', async () => {
    const failed = db.transaction().execute(async (transaction) => {
      const run = bulkRunner<Schema>(transaction);
      expect(run?.('insert into things (id, name) values (?, ?)', [1, 'a'])).toBe(1);
      expect(run?.('insert into things (id, name) values (?, ?) on conflict do nothing', [1, 'a'])).toBe(0);
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await ids()).toEqual([]);
  });

  test('each say what was wrong with them', async () => {
    const run = bulkRunner(db);
    run?.('insert into things (id, name) values (?, ?)', [1, 'a']);
    expect(() => run?.('insert into things (id, name) values (?, ?)', [2, 'a'])).toThrow('UNIQUE');
    expect(() => run?.('insert into missing values (?)', [2])).toThrow('no such table');
    expect(await ids()).toEqual([1]);
  });
});

test('changes of tables are undone with their transaction', async () => {
  const failed = db.transaction().execute(async (transaction) => {
    await transaction.schema.createTable('others').addColumn('id', 'integer').execute();
    await transaction.schema.dropTable('things').execute();
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect((await db.introspection.getTables()).map(({ name }) => name)).toEqual(['things']);
});

test('the end comes once, after the file is closed', async () => {
  await ids();
  await db.destroy();
  expect(closed).toBe(1);
  expect(() => file.query('select 1').all()).toThrow();
});

test('it knows itself to be SQLite', () => {
  expect(isSqlite(db)).toBe(true);
});
