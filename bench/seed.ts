/**
 * `npm run bench -- seed`: a database as a large company has it after a year, with a million keys and five million requests,
 * or a hundredth of that without --full. Options: --db FILE (written anew), --full, --keys N, --rows N.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { type Database, openDatabase } from '../src/db/client.ts';
import { FULL, keyRow, memberRows, organizationRow, peopleOf, type Size, teamRow, userRow } from './seed-people.ts';
import { inserter, seedRequests } from './seed-requests.ts';

const SMALL_SHARE = 100;
const KEYS_PER_BATCH = 100_000;
/** A linear congruential generator: every run makes the same database. */
const SEED = 7;

export interface SeedOptions extends Size {
  /** Of the database. What is there is deleted. */
  readonly file: string;
  readonly nowMs: number;
  note(text: string): void;
}

export const sizeOf = (isFull: boolean): Size =>
  isFull ? FULL : { keys: FULL.keys / SMALL_SHARE, rows: FULL.rows / SMALL_SHARE };

export function removeDatabase(file: string): void {
  for (const end of ['', '-wal', '-shm', '.lock', '.pid']) rmSync(`${file}${end}`, { force: true });
}

export async function seed({ file, keys, rows, nowMs, note }: SeedOptions): Promise<void> {
  removeDatabase(file);
  const db = await openDatabase({ url: `sqlite:${file}` });
  try {
    // A file that is worth nothing until it is complete needs no care on the way.
    await sql`pragma synchronous = off`.execute(db);
    const indexes = await dropIndexes(db, ['keys', 'requests', 'users', 'teams', 'team_members']);
    await seedPeople(db, keys, nowMs);
    note(`${keys} keys`);
    const people = peopleOf(keys);
    await seedRequests(db, { keys, rows, people, untilMs: nowMs, random: randomFrom(SEED), note });
    note(`${rows} requests with their totals`);
    // Built at once they cost a fraction of what each row would.
    for (const index of indexes) await sql.raw(index).execute(db);
    await sql`pragma wal_checkpoint(truncate)`.execute(db);
    note('indexes');
  } finally {
    await db.destroy();
  }
}

/** @returns the statements that make them again */
async function dropIndexes(db: Database, tables: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ name: string; sql: string }>`select name, sql from sqlite_master
    where type = 'index' and sql is not null and tbl_name in (${sql.join(tables)})`.execute(db);
  for (const { name } of rows) await db.schema.dropIndex(name).execute();
  return rows.map((row) => row.sql);
}

async function seedPeople(db: Database, keys: number, nowMs: number): Promise<void> {
  const people = peopleOf(keys);
  const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);
  await insertAll(
    db,
    'organizations',
    numbers(people.organizations).map((one) => organizationRow(one, nowMs)),
  );
  await insertAll(
    db,
    'teams',
    numbers(people.teams).map((one) => teamRow(one, people, nowMs)),
  );
  await insertAll(
    db,
    'users',
    numbers(people.users).map((one) => userRow(one, nowMs)),
  );
  await insertAll(
    db,
    'team_members',
    numbers(people.users).flatMap((one) => memberRows(one, people, nowMs)),
  );
  for (let done = 0; done < keys; done += KEYS_PER_BATCH) {
    const batch = numbers(Math.min(KEYS_PER_BATCH, keys - done));
    await insertAll(
      db,
      'keys',
      batch.map((at) => keyRow(done + at, people, nowMs)),
    );
  }
}

async function insertAll(db: Database, table: string, rows: readonly object[]): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const insert = inserter(transaction, table);
    for (const row of rows) insert(row);
  });
}

function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function countIn(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`"${text}" is not a whole number above 0`);
  return count;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      db: { type: 'string', default: join('data', 'seeded.db') },
      full: { type: 'boolean', default: false },
      keys: { type: 'string' },
      rows: { type: 'string' },
    },
  });
  const size = sizeOf(values.full);
  const startedAtMs = performance.now();
  const note = (text: string): void => {
    process.stderr.write(`seed: ${text}, ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s\n`);
  };
  const keys = countIn(values.keys, size.keys);
  const rows = countIn(values.rows, size.rows);
  await seed({ file: values.db, keys, rows, nowMs: Date.now(), note });
}
