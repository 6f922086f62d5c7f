import { describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests } from './requests.ts';
import { usageSince } from './scope-usage.ts';
import { quarterOf } from './usage-rollup.ts';
import { joined, type SCOPE_KINDS } from './usage-scopes.ts';
import { LIFETIME, QUARTER_MS } from './usage-tables.ts';

const db = databasePlace();
const AT_MS = 1_764_000_000_000;
const cube = () => db().selectFrom('usage_cube').selectAll().orderBy('quarter').execute();
const attempt = {
  deploymentId: 'd',
  model: 'm',
  provider: 'p',
  startedAtMs: 0,
  durationMs: 1,
  error: 'upstream_failed',
  upstreamStatus: 500,
  costNanoUsd: 0,
};

describe('a quarter hour', () => {
  test('begins with its first millisecond and ends before the next one', () => {
    expect([0, QUARTER_MS - 1, QUARTER_MS, AT_MS].map(quarterOf)).toEqual([0, 0, 1, 1_960_000]);
  });

  test('of a clock that stood before the epoch is the first one', async () => {
    expect(quarterOf(-5)).toBe(0);
    await insertRequests(db(), [sampleRow({ startedAtMs: -5, endedAtMs: 0 })]);
    expect((await cube()).map(({ quarter }) => quarter)).toEqual([0]);
    expect(await usageSince(db(), { kind: 'global', id: '' }, null)).toMatchObject({ requests: 1 });
  });
});

describe('the cube', () => {
  test('adds rows that agree in all names, and tells apart those that differ in one', async () => {
    await insertRequests(db(), [
      sampleRow(),
      sampleRow({ keyAlias: 'another alias', clientIp: '::1', status: 'failure' }),
    ]);
    expect(await cube()).toMatchObject([{ requests: 2, successes: 1, cost_nano_usd: 54_000, input_tokens: 200 }]);
    const differing: Partial<LedgerRow>[] = [
      { keyHash: 'x' },
      { teamId: null },
      { userId: 'x' },
      { organizationId: 'x' },
      { projectId: 'x' },
      { endUser: 'x' },
      { modelGroup: 'x' },
      { model: 'x' },
      { deploymentId: null },
      { provider: 'x' },
      { route: 'x' },
      { tags: ['x'] },
      { startedAtMs: AT_MS + QUARTER_MS },
    ];
    for (const [at, over] of differing.entries()) {
      await insertRequests(db(), [sampleRow(over)]);
      expect((await cube()).length).toBe(at + 2);
    }
  });

  test('counts what was served or tried as use, and an unknown price as a request without one', async () => {
    const failure = { status: 'failure', buckets: null, costNanoUsd: null, costParts: null } as const;
    await insertRequests(db(), [
      sampleRow(),
      sampleRow({ ...failure, attempts: [] }),
      sampleRow({ ...failure, attempts: [attempt] }),
    ]);
    expect(await cube()).toMatchObject([
      { requests: 3, successes: 1, consuming: 2, unpriced: 2, cost_nano_usd: 27_000, input_tokens: 100 },
    ]);
  });

  test('is the same however the rows came: at once, one by one, backwards, or twice', async () => {
    const rows = Array.from({ length: 40 }, (_, at) =>
      sampleRow({ id: `r${at}`, startedAtMs: AT_MS + at * 400_000, keyHash: `k${at % 3}`, costNanoUsd: at }),
    );
    const told = async () =>
      (
        await sql`select n.name, c.quarter, c.requests, c.cost_nano_usd from usage_cube c
          join usage_dimensions d on d.id = c.dimensions_ref join names n on n.id = d.key_ref order by 1, 2`.execute(
          db(),
        )
      ).rows;
    const clear = async () => {
      for (const table of ['requests', 'usage_cube', 'scope_usage'])
        await sql`delete from ${sql.table(table)}`.execute(db());
    };
    await insertRequests(db(), rows);
    const expected = await told();
    await clear();
    for (const row of rows.toReversed()) await insertRequests(db(), [row]);
    expect(await told()).toEqual(expected);
    await insertRequests(db(), rows);
    expect(await told()).toEqual(expected);
    await clear();
    await insertRequests(db(), [...rows, ...rows]);
    expect(await told()).toEqual(expected);
  });
});

describe('what a scope has used', () => {
  test('is kept for each quarter hour and since it began, and the two agree', async () => {
    await insertRequests(
      db(),
      Array.from({ length: 30 }, (_, at) =>
        sampleRow({ startedAtMs: AT_MS + at * 600_000, tags: ['a', 'b'], endUser: 'e' }),
      ),
    );
    const { rows } = await sql<{ kind: number; whole: number; parts: number }>`select kind, ref, second_ref,
      sum(case when quarter = ${LIFETIME} then cost_nano_usd else 0 end) as whole,
      sum(case when quarter = ${LIFETIME} then 0 else cost_nano_usd end) as parts
      from scope_usage group by 1, 2, 3`.execute(db());
    expect(rows.length).toBeGreaterThan(10);
    for (const { kind, whole, parts } of rows) expect([kind, whole, parts]).toEqual([kind, 30 * 27_000, 30 * 27_000]);
  });

  test('counts a tag once that stands in a list twice, and each of several', async () => {
    await insertRequests(db(), [sampleRow({ tags: ['a', 'a', 'b'] })]);
    for (const id of ['a', 'b'])
      expect(await usageSince(db(), { kind: 'tag', id }, null)).toMatchObject({ requests: 1 });
  });

  test('is of a pair and not of its two names', async () => {
    await insertRequests(db(), [
      sampleRow({ teamId: 't', userId: 'u', costNanoUsd: 1 }),
      sampleRow({ teamId: 't', userId: 'v', costNanoUsd: 2 }),
      sampleRow({ teamId: 's', userId: 'u', costNanoUsd: 4 }),
      sampleRow({ teamId: 'u', userId: 't', costNanoUsd: 8 }),
    ]);
    const spent = async (kind: (typeof SCOPE_KINDS)[number], id: string) =>
      (await usageSince(db(), { kind, id }, null)).costNanoUsd;
    expect(await spent('team_member', joined('t', 'u'))).toBe(1);
    expect(await spent('team_member', joined('u', 't'))).toBe(8);
    expect([await spent('team', 't'), await spent('user', 'u'), await spent('user', 't')]).toEqual([3, 5, 8]);
  });

  test('leaves out what came from the provider’s cache, as rate limits do', async () => {
    const buckets = { ...sampleRow().buckets, cacheRead: 1_000, cacheWrite: 7 } as LedgerRow['buckets'];
    await insertRequests(db(), [sampleRow({ keyHash: 'k', buckets })]);
    expect(await usageSince(db(), { kind: 'api_key', id: 'k' }, null)).toMatchObject({ tokens: 127 });
    expect(await cube()).toMatchObject([{ cache_read_tokens: 1_000 }]);
  });
});
