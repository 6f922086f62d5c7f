import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type Database, openDatabase } from '../src/db/client.ts';
import { findKey } from '../src/db/keys.ts';
import { directReader } from '../src/db/reader.ts';
import { insertRequests } from '../src/db/requests.ts';
import { usageSince } from '../src/db/scope-usage.ts';
import { logRows } from '../src/db/spend-logs.ts';
import { usageBy } from '../src/db/usage-reports.ts';
import { coldKey } from './large-questions.ts';
import { countIn, seed } from './seed.ts';
import { hasBudgets, ownersOf, peopleOf, tokenOf } from './seed-people.ts';
import { busyKey, SPAN_MS } from './seed-requests.ts';

const NOW_MS = Date.UTC(2026, 5, 15, 12);
const ignore = (): void => undefined;
let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-seed-'));
  file = join(folder, 'seeded.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function seeded<Result>(keys: number, rows: number, look: (db: Database) => Promise<Result>): Promise<Result> {
  await seed({ file, keys, rows, nowMs: NOW_MS, note: ignore });
  const db = await openDatabase({ url: `sqlite:${file}` });
  try {
    return await look(db);
  } finally {
    await db.destroy();
  }
}

const indexesOf = async (db: Database): Promise<string[]> =>
  (
    await sql<{
      sql: string;
    }>`select sql from sqlite_master where type = 'index' and sql is not null order by name`.execute(db)
  ).rows.map((row) => row.sql);

test('a seeded database is a whole one, with every index', async () => {
  const fresh = await openDatabase({ url: 'sqlite::memory:' });
  await seeded(120, 900, async (db) => {
    const count = async (table: string) =>
      (await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db)).rows[0]?.n;
    expect([await count('keys'), await count('requests'), await count('users')]).toEqual([120, 900, 6]);
    expect(await indexesOf(db)).toEqual(await indexesOf(fresh));
    expect((await sql`pragma integrity_check`.execute(db)).rows).toEqual([{ integrity_check: 'ok' }]);
  });
  await fresh.destroy();
});

test('its totals are what they would be had the ledger written each row', async () => {
  const other = await openDatabase({ url: 'sqlite::memory:' });
  await seeded(120, 900, async (db) => {
    const rows = await logRows(directReader(db), {}, { limit: 1_000, offset: 0 });
    for (const part of [rows.slice(0, 450), rows.slice(450)]) await insertRequests(other, part);
    for (const groupBy of [[], ['key', 'day'], ['tag'], ['end_user', 'team'], ['model', 'organization']] as const) {
      const asked = { fromMs: NOW_MS - SPAN_MS - 1, toMs: NOW_MS + 1, groupBy };
      const told = async (one: Database) =>
        (await usageBy(directReader(one), asked)).map((row) => JSON.stringify(row)).sort();
      expect(await told(db)).toEqual(await told(other));
    }
    const { teamId } = ownersOf(busyKey(0, 120), peopleOf(120));
    for (const scope of [
      { kind: 'api_key', id: tokenOf(busyKey(0, 120)) },
      { kind: 'team', id: teamId ?? '' },
      { kind: 'global', id: '' },
    ] as const) {
      const used = await usageSince(db, scope, null);
      expect(used).toEqual(await usageSince(other, scope, null));
      expect(used.costNanoUsd).toBeGreaterThan(0);
      expect(await usageSince(db, scope, NOW_MS - 3 * 86_400_000)).toEqual(
        await usageSince(other, scope, NOW_MS - 3 * 86_400_000),
      );
    }
  });
  await other.destroy();
});

test('seeding again begins anew, with any numbers', async () => {
  await seeded(50, 20, async (db) => expect(await findKey(db, tokenOf(49))).toBeDefined());
  await seeded(3, 2, async (db) => {
    expect(await findKey(db, tokenOf(2))).toBeDefined();
    expect(await findKey(db, tokenOf(3))).toBeUndefined();
  });
});

test('the keys that a cold admission uses are usable ones with a budget at every level', async () => {
  await seeded(913, 1, async (db) => {
    for (let times = 1; times < 50; times++) {
      const secret = coldKey(times, 913);
      const key = await findKey(db, Bun.CryptoHasher.hash('sha256', secret, 'hex'));
      expect(key).toMatchObject({ blocked: 0, expires_at_ms: null, max_budget_nano_usd: expect.any(Number) });
      expect(key?.team_id).not.toBeNull();
      expect(hasBudgets(Number(secret.split('-').at(-1)))).toBe(true);
    }
  });
});

test('a number that is none is refused', () => {
  expect(countIn(undefined, 7)).toBe(7);
  expect(countIn('12', 7)).toBe(12);
  for (const text of ['0', '-1', '1.5', 'many', '']) expect(() => countIn(text, 7)).toThrow('whole number');
});
