import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { teamRow } from '../../test/support/entity-rows.ts';
import { type Database, openDatabase } from './client.ts';
import { openReader, type Reader, type ReaderOptions } from './reader.ts';
import { teams } from './teams.ts';
import { inTransaction } from './transaction.ts';
import { EVERYTHING } from './visibility.ts';

let folder = '';
let db: Database;
const readers: Reader[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-reader-'));
  db = await openDatabase({ url: `sqlite:${join(folder, 'tollgate.db')}` });
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await db.destroy();
  rmSync(folder, { recursive: true, force: true });
});

function reading(over: Partial<ReaderOptions> = {}): Reader {
  const reader = openReader({ db, url: `sqlite:${join(folder, 'tollgate.db')}`, ...over });
  readers.push(reader);
  return reader;
}

const names = () => db.selectFrom('names').select('name').orderBy('name').compile();
/** Counts up to a number, which takes as long as one likes. */
const counting = (to: number) =>
  sql<{ last: number }>`with recursive up(n) as (select 1 union all select n + 1 from up where n < ${to})
    select max(n) as last from up`.compile(db);
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a reader of a file', () => {
  test('sees what was committed before it was asked, and cannot write', async () => {
    const reader = reading();
    expect(await reader.run(names())).toEqual([]);
    await db.insertInto('names').values({ name: 'a' }).execute();
    expect(await reader.run(names())).toEqual([{ name: 'a' }]);
    const written = await failureOf(reader.run(sql`insert into names (name) values ('b')`.compile(db)));
    expect(written).toMatchObject({ code: 'SQLITE_READONLY' });
    expect(await reader.run(names())).toEqual([{ name: 'a' }]);
  });

  test('leaves the event loop free while it counts', async () => {
    const reader = reading();
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const [row] = await reader.run(counting(3_000_000));
    clearInterval(timer);
    expect(row?.last).toBe(3_000_000);
    expect(turns).toBeGreaterThan(20);
  });

  test('answers in the order of the questions, each with its own rows', async () => {
    const reader = reading();
    const answers = await Promise.all([5, 300_000, 7].map((to) => reader.run(counting(to))));
    expect(answers.map(([row]) => row?.last)).toEqual([5, 300_000, 7]);
  });

  test('says why a query is wrong, and answers the next', async () => {
    const reader = reading();
    const wrong = await failureOf(reader.run(sql`select * from nowhere`.compile(db)));
    expect(wrong).toMatchObject({ message: 'no such table: nowhere' });
    expect(await reader.run(names())).toEqual([]);
  });

  test('gives up on a query that takes too long, and answers the next', async () => {
    const reader = reading({ timeLimitMs: 150 });
    const [slow, next] = await Promise.all([failureOf(reader.run(counting(4_000_000))), reader.run(names())]);
    expect(slow).toMatchObject({ kind: 'unavailable', message: 'The report took too long' });
    expect(next).toEqual([]);
  });

  test('refuses more than may wait', async () => {
    const reader = reading({ maxWaiting: 2 });
    const asked = [1, 2, 3, 4, 5].map((to) => failureOf(reader.run(counting(to))));
    const failures = (await Promise.all(asked)).filter((error) => error !== undefined);
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatchObject({ kind: 'unavailable', status: 503 });
  });

  test('refuses what waits when it is closed, and everything after', async () => {
    const reader = reading();
    const asked = [counting(1_000_000), names()].map((query) => failureOf(reader.run<unknown>(query)));
    reader.close();
    for (const error of [...(await Promise.all(asked)), await failureOf(reader.run(names()))]) {
      expect(error).toMatchObject({ kind: 'unavailable', message: 'The gateway is stopping' });
    }
  });
});

test('a database in memory is read where it is', async () => {
  const memory = await openDatabase({ url: 'sqlite::memory:' });
  const reader = openReader({ db: memory, url: 'sqlite::memory:' });
  await memory.insertInto('names').values({ name: 'here' }).execute();
  expect(await reader.run(memory.selectFrom('names').select('name').compile())).toEqual([{ name: 'here' }]);
  reader.close();
  await memory.destroy();
});

describe('lists', () => {
  test('are what the database itself would give, transactions among them, and cannot write', async () => {
    const { lists } = reading();
    for (const id of ['a', 'b', 'c']) await teams.insert(db, teamRow(id));
    const request = { visibility: EVERYTHING, limit: 2, offset: 1 };
    expect(await teams.list(lists, request)).toEqual(await teams.list(db, request));
    expect(await inTransaction(lists, (one) => teams.find(one, 'a', EVERYTHING))).toEqual(teamRow('a'));
    expect(await lists.introspection.getTables()).toEqual(await db.introspection.getTables());
    expect(await failureOf(teams.insert(lists, teamRow('d')))).toMatchObject({ code: 'SQLITE_READONLY' });
    expect(await failureOf(lists.selectFrom('teams').selectAll().stream().next())).toBeInstanceOf(Error);
  });

  test('do not wait for a report, nor it for them', async () => {
    const reader = reading();
    let isOver = false;
    const report = reader.run(counting(4_000_000)).finally(() => {
      isOver = true;
    });
    expect((await teams.list(reader.lists, { visibility: EVERYTHING, limit: 1 })).total).toBe(0);
    expect(isOver).toBe(false);
    await report;
  });

  test('are refused after the end, like reports', async () => {
    const reader = reading();
    reader.close();
    await expect(teams.list(reader.lists, { visibility: EVERYTHING, limit: 1 })).rejects.toThrow('stopping');
  });

  test('of a database in memory are read where they are', async () => {
    const memory = await openDatabase({ url: 'sqlite::memory:' });
    expect(openReader({ db: memory, url: 'sqlite::memory:' }).lists).toBe(memory);
    await memory.destroy();
  });
});
