import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { sql } from 'kysely';
import { FROM_MS, rateTokensOf, scopesOf, sumOf, TO_MS, usageRow } from '../../../test/support/usage-rows.ts';
import { type Database, openDatabase } from '../client.ts';
import { directReader } from '../reader.ts';
import type { LedgerRow } from '../request-row.ts';
import { insertRequests, spendByKey } from '../requests.ts';
import { usageSince } from '../scope-usage.ts';
import { findLogs } from '../spend-logs.ts';
import { type UsageQuery, usageBy } from '../usage-reports.ts';
import { initial } from './0001-initial.ts';
import { keys } from './0002-keys.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-upgrade-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Every row of a table, as it stands, into a database of an older version: what that has no column for is left out. */
async function copy(from: Database, to: Database, table: string): Promise<void> {
  const known = await sql<{ name: string }>`select name from pragma_table_info(${table})`.execute(to);
  const names = new Set(known.rows.map(({ name }) => name));
  const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(from);
  for (const row of rows) {
    const entries = Object.entries(row).filter(([name]) => names.has(name));
    const columns = sql.join(entries.map(([name]) => sql.ref(name)));
    await sql`insert into ${sql.table(table)} (${columns}) values (${sql.join(entries.map(([, value]) => value))})`.execute(
      to,
    );
  }
}

/** A file as the version before left it. */
async function oldFile(rows: readonly LedgerRow[]): Promise<string> {
  const url = `sqlite:${join(folder, 'tollgate.db')}`;
  const old = await openDatabase({ url, migrations: { '0001-initial': initial, '0002-keys': keys } });
  const current = await openDatabase({ url: 'sqlite::memory:' });
  await insertRequests(current, rows);
  await sql`update requests set tags_ref = null
    where id in (select request_id from request_details where tags is not null)`.execute(current);
  await sql`delete from names where name = '' or name like '#%'`.execute(current);
  await copy(current, old, 'names');
  await copy(current, old, 'requests');
  await copy(current, old, 'request_details');
  await sql`insert into key_spend select n.name, sum(coalesce(cost_nano_usd, 0)), count(*)
    from requests r join names n on n.id = r.key_ref group by 1`.execute(old);
  await current.destroy();
  await old.destroy();
  return url;
}

const SAMPLE = fc
  .sample(usageRow, { numRuns: 150, seed: 23 })
  // The version before had no projects, and gave every request some model group.
  .map((row): LedgerRow => ({ ...row, projectId: null, modelGroup: row.modelGroup || 'small' }));

async function upgraded<Result>(rows: readonly LedgerRow[], look: (db: Database) => Promise<Result>): Promise<Result> {
  const db = await openDatabase({ url: await oldFile(rows) });
  try {
    return await look(db);
  } finally {
    await db.destroy();
  }
}

test('after an upgrade totals, reports and tags are what they would be had the rows come now', async () => {
  const fresh = await openDatabase({ url: 'sqlite::memory:' });
  await insertRequests(fresh, SAMPLE);
  await upgraded(SAMPLE, async (db) => {
    const totals = (one: Database) =>
      sql`select s.kind, a.name, b.name as second, s.quarter, s.request_count, s.cost_nano_usd, s.tokens
        from scope_usage s join names a on a.id = s.ref left join names b on b.id = s.second_ref order by 1, 2, 3, 4`.execute(
        one,
      );
    expect((await totals(db)).rows).toEqual((await totals(fresh)).rows);
    for (const groupBy of [['tag'], ['day', 'key', 'team'], ['model', 'route', 'deployment'], []] as const) {
      const asked: UsageQuery = { fromMs: FROM_MS + 77, toMs: TO_MS - 1_000_000, timeZone: 'Europe/Berlin', groupBy };
      const sorted = async (one: Database) =>
        (await usageBy(directReader(one), asked)).map((row) => JSON.stringify(row)).sort();
      expect(await sorted(db)).toEqual(await sorted(fresh));
    }
  });
  await fresh.destroy();
});

test('after an upgrade a key’s spend and a scope’s use since any instant are the sums over the old rows', async () => {
  await upgraded(SAMPLE, async (db) => {
    const mine = SAMPLE.filter(({ keyHash }) => keyHash === 'k1');
    expect(mine.length).toBeGreaterThan(10);
    expect(await spendByKey(db, 'k1')).toBe(sumOf(mine, ({ costNanoUsd }) => costNanoUsd ?? 0));
    const sinceMs = FROM_MS + 100_000_001;
    for (const scope of new Map(SAMPLE.flatMap(scopesOf).map((one) => [JSON.stringify(one), one])).values()) {
      const later = SAMPLE.filter(
        (row) =>
          row.startedAtMs >= sinceMs && scopesOf(row).some(({ kind, id }) => kind === scope.kind && id === scope.id),
      );
      expect((await usageSince(db, scope, sinceMs)).tokens).toBe(sumOf(later, rateTokensOf));
    }
  });
});

test('after an upgrade rows are what they were, and new ones add to the old totals', async () => {
  await upgraded(SAMPLE, async (db) => {
    const { rows } = await findLogs(directReader(db), {}, { limit: 500, offset: 0 });
    expect(rows.map(({ id, tags }) => [id, tags]).sort()).toEqual(SAMPLE.map(({ id, tags }) => [id, [...tags]]).sort());
    const before = await usageSince(db, { kind: 'global', id: '' }, null);
    const [row] = SAMPLE;
    if (row === undefined) throw new Error('There are rows.');
    expect(await insertRequests(db, [row, { ...row, id: 'new', callId: 'new', costNanoUsd: 3 }])).toBe(1);
    const after = await usageSince(db, { kind: 'global', id: '' }, null);
    expect(after.costNanoUsd - before.costNanoUsd).toBe(3);
  });
});

test('a file without requests is upgraded to one without totals', async () => {
  await upgraded([], async (db) => {
    expect(await db.selectFrom('scope_usage').selectAll().execute()).toEqual([]);
    expect(await db.selectFrom('names').selectAll().execute()).toEqual([]);
  });
});
