import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { sampleRow } from '../../test/support/sample-row.ts';
import {
  FROM_MS,
  isConsuming,
  startMs,
  sumOf,
  TAGS,
  TO_MS,
  tokensOf,
  usageRow,
  ZONES,
} from '../../test/support/usage-rows.ts';
import { type Database, openDatabase } from './client.ts';
import { directReader, openReader, type Reader } from './reader.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests } from './requests.ts';
import { type UsageFilters, type UsageGroup, type UsageQuery, type UsageRow, usageBy } from './usage-reports.ts';

let db: Database;
let reader: Reader;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
  reader = directReader(db);
});
afterEach(() => db.destroy());

async function filled(rows: readonly LedgerRow[]): Promise<void> {
  for (const table of ['requests', 'request_details', 'scope_usage', 'usage_cube'] as const) {
    await db.deleteFrom(table).execute();
  }
  await insertRequests(db, rows);
  await insertRequests(db, rows.slice(0, 5));
}

const GROUPS: Readonly<Record<Exclude<UsageGroup, 'day' | 'tag'>, (row: LedgerRow) => string | null>> = {
  key: (row) => row.keyHash,
  team: (row) => row.teamId,
  user: (row) => row.userId,
  organization: (row) => row.organizationId,
  project: (row) => row.projectId,
  end_user: (row) => row.endUser,
  model: (row) => row.model,
  model_group: (row) => row.modelGroup,
  provider: (row) => row.provider,
  route: (row) => row.route,
  deployment: (row) => row.deploymentId,
};

const FILTERS: Readonly<Record<Exclude<keyof UsageFilters, 'tags' | 'having'>, (row: LedgerRow) => string | null>> = {
  keys: GROUPS.key,
  teams: GROUPS.team,
  users: GROUPS.user,
  organizations: GROUPS.organization,
  projects: GROUPS.project,
  endUsers: GROUPS.end_user,
  models: GROUPS.model,
  modelGroups: GROUPS.model_group,
  deployments: GROUPS.deployment,
  providers: GROUPS.provider,
  routes: GROUPS.route,
};

/** The local date, by another way than the report's. */
function dayOf(ms: number, timeZone = 'UTC'): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(ms);
}

function groupsOf(row: LedgerRow, { groupBy, filters, timeZone }: UsageQuery): (string | null)[][] {
  let combined: (string | null)[][] = [[]];
  for (const group of groupBy) {
    const names = group === 'tag' ? tagsIn(row, filters) : [nameOf(row, group, timeZone)];
    combined = combined.flatMap((before) => names.map((name) => [...before, name]));
  }
  return combined;
}

const nameOf = (row: LedgerRow, group: Exclude<UsageGroup, 'tag'>, timeZone: string | undefined): string | null =>
  group === 'day' ? dayOf(row.startedAtMs, timeZone) : GROUPS[group](row);

function tagsIn(row: LedgerRow, filters: UsageFilters | undefined): (string | null)[] {
  const tags: (string | null)[] = row.tags.length === 0 ? [null] : [...new Set(row.tags)];
  return tags.filter((tag) => filters?.tags === undefined || filters.tags.includes(tag));
}

function matches(row: LedgerRow, filters: UsageFilters): boolean {
  if (filters.tags !== undefined && tagsIn(row, filters).length === 0) return false;
  const has = (kind: NonNullable<UsageFilters['having']>[number]): boolean =>
    kind === 'tags' ? row.tags.length > 0 : FILTERS[kind](row) !== null;
  if (!(filters.having ?? []).every(has)) return false;
  return Object.entries(FILTERS).every(([name, value]) => {
    const wanted = filters[name as keyof typeof FILTERS];
    return wanted === undefined || wanted.includes(value(row));
  });
}

const inRange = (row: LedgerRow, { fromMs, toMs, filters = {}, anyOf }: UsageQuery): boolean =>
  row.startedAtMs >= fromMs &&
  row.startedAtMs < toMs &&
  matches(row, filters) &&
  (anyOf === undefined || anyOf.some((other) => matches(row, other)));

/** What matters of a sum, as one text for each group. */
function naive(rows: readonly LedgerRow[], query: UsageQuery): string[] {
  const groups = new Map<string, LedgerRow[]>();
  if (query.groupBy.length === 0) groups.set('[]', []);
  for (const row of rows.filter((one) => inRange(one, query))) {
    for (const group of groupsOf(row, query)) {
      const key = JSON.stringify(group);
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
  }
  return Array.from(groups, ([key, members]) => `${key} ${JSON.stringify(naiveTotals(members))}`).sort();
}

const naiveTotals = (rows: readonly LedgerRow[]) => ({
  requests: rows.length,
  successes: rows.filter(({ status }) => status === 'success').length,
  failures: rows.filter(({ status }) => status !== 'success').length,
  consumingRequests: rows.filter(isConsuming).length,
  unpricedRequests: rows.filter(({ costNanoUsd }) => costNanoUsd === null).length,
  totalTokens: sumOf(rows, tokensOf),
  inputTokens: sumOf(rows, ({ buckets }) => buckets?.input ?? 0),
  cacheWrite1hTokens: sumOf(rows, ({ buckets }) => buckets?.cacheWrite1h ?? 0),
  outputAudioTokens: sumOf(rows, ({ buckets }) => buckets?.outputAudio ?? 0),
  costNanoUsd: sumOf(rows, ({ costNanoUsd }) => costNanoUsd ?? 0),
  costCacheWriteNanoUsd: sumOf(rows, ({ costParts }) => costParts?.cacheWrite ?? 0),
  costReasoningNanoUsd: sumOf(rows, ({ costParts }) => costParts?.reasoning ?? 0),
  durationMs: sumOf(rows, ({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs),
});

const told = (found: readonly UsageRow[], { groupBy }: UsageQuery): string[] =>
  found
    .map((row) => {
      const sums = Object.fromEntries(
        Object.keys(naiveTotals([])).map((name) => [name, row[name as keyof ReturnType<typeof naiveTotals>]]),
      );
      return `${JSON.stringify(groupBy.map((group) => row.by[group] ?? null))} ${JSON.stringify(sums)}`;
    })
    .sort();

const some = (...names: (string | null)[]) => fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 });
const filters: fc.Arbitrary<UsageFilters> = fc.record(
  {
    keys: some('k1', 'k2', 'k3', null, 'nobody'),
    having: fc.subarray<'teams' | 'tags' | 'endUsers'>(['teams', 'tags', 'endUsers']),
    teams: some('t1', 't2', null),
    users: some('u1', 'u2', 't1', null),
    organizations: some('o1', 'o2', null),
    projects: some('p1', null),
    endUsers: some('e1', 'e2', null),
    models: some('openai/gpt-4o', 'openai/gpt-4o-mini', null),
    modelGroups: some('', 'gpt-4o', 'small'),
    deployments: some('d1', 'd2', null),
    providers: some('openai', 'anthropic', null),
    routes: some('/v1/chat/completions', '/v1/embeddings'),
    tags: some(...TAGS, null, 'unheard of'),
  },
  { requiredKeys: [] },
);
/** Most queries have one or two filters: with all of them nothing is left to add up. */
const few = filters.map((all) => Object.fromEntries(Object.entries(all).slice(0, 2)));
const groupBy = fc.uniqueArray(
  fc.constantFrom<UsageGroup>('day', 'tag', ...(Object.keys(GROUPS) as (keyof typeof GROUPS)[])),
  {
    maxLength: 3,
  },
);
const instant = fc.oneof(startMs, fc.constantFrom(0, FROM_MS, TO_MS, Number.MAX_SAFE_INTEGER));
const range = fc.oneof(fc.tuple(instant, instant), fc.tuple(fc.constant(FROM_MS + 1_000_003), instant));
const query: fc.Arbitrary<UsageQuery> = fc
  .record({
    range: range.map(([a, b]) => ({ fromMs: Math.min(a, b), toMs: Math.max(a, b) })),
    timeZone: fc.constantFrom(...ZONES),
    filters: fc.oneof(fc.constant({}), few),
    anyOf: fc.option(fc.array(few, { maxLength: 2 }), { nil: undefined, freq: 2 }),
    groupBy,
  })
  .map(({ range, ...rest }) => ({ ...range, ...rest }));

describe('a report', () => {
  test('is the sum over the rows, for random rows, filters, groups, ranges and zones', async () => {
    const cases = fc.record({
      rows: fc.array(usageRow, { minLength: 25, maxLength: 40 }),
      queries: fc.array(query, { minLength: 8, maxLength: 8 }),
    });
    let counted = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, queries }) => {
        await filled(rows);
        for (const asked of queries) {
          const found = await usageBy(reader, asked);
          expect(told(found, asked)).toEqual(naive(rows, asked));
          counted += sumOf(found, ({ requests }) => requests);
        }
      }),
      { numRuns: 40, seed: 17 },
    );
    expect(counted).toBeGreaterThan(1_000);
  });

  test('counts days by the zone’s own clock: one has 23 hours, one 25, and none begins at another hour', async () => {
    const hours = (from: number, count: number) =>
      Array.from({ length: count }, (_, hour) => sampleRow({ startedAtMs: from + hour * 3_600_000 }));
    await filled([...hours(Date.UTC(2026, 2, 28), 72), ...hours(Date.UTC(2026, 9, 24), 72)]);
    const daysOf = async (timeZone: string, fromMs: number) => {
      const found = await usageBy(reader, { fromMs, toMs: fromMs + 4 * 86_400_000, timeZone, groupBy: ['day'] });
      return found.map(({ by, requests }) => `${by.day} ${requests}`);
    };
    expect(await daysOf('Europe/Berlin', Date.UTC(2026, 2, 27, 23))).toEqual([
      '2026-03-28 23',
      '2026-03-29 23',
      '2026-03-30 24',
      '2026-03-31 2',
    ]);
    expect(await daysOf('Europe/Berlin', Date.UTC(2026, 9, 23, 22))).toEqual([
      '2026-10-24 22',
      '2026-10-25 25',
      '2026-10-26 24',
      '2026-10-27 1',
    ]);
    expect(await daysOf('UTC', Date.UTC(2026, 2, 28))).toEqual(['2026-03-28 24', '2026-03-29 24', '2026-03-30 24']);
  });

  test('follows clocks that change by half an hour', async () => {
    const from = Date.UTC(2026, 3, 4);
    const quarters = Array.from({ length: 4 * 96 }, (_, at) => sampleRow({ startedAtMs: from + at * 900_000 }));
    await filled(quarters);
    const asked = {
      fromMs: 0,
      toMs: from + 8 * 86_400_000,
      timeZone: 'Australia/Lord_Howe',
      groupBy: ['day'],
    } as const;
    const found = await usageBy(reader, asked);
    expect(found.map(({ by, requests }) => `${by.day} ${requests}`)).toEqual([
      '2026-04-04 52',
      '2026-04-05 98',
      '2026-04-06 96',
      '2026-04-07 96',
      '2026-04-08 42',
    ]);
  });

  test('of an unknown zone is refused', async () => {
    const asked = usageBy(reader, { fromMs: FROM_MS, toMs: TO_MS, timeZone: 'Mars/Olympus', groupBy: ['day'] });
    expect(await asked.catch((error: unknown) => error)).toMatchObject({
      kind: 'invalid_request',
      message: 'Unknown time zone "Mars/Olympus". Use an IANA name, such as Europe/Berlin.',
    });
  });

  test('puts a request under each of its tags, and once into the total', async () => {
    const at = { startedAtMs: FROM_MS, costNanoUsd: 5 };
    await filled([
      sampleRow({ ...at, tags: ['a', 'b', 'a'] }),
      sampleRow({ ...at, tags: ['b'] }),
      sampleRow({ ...at, tags: [] }),
    ]);
    const asked = { fromMs: FROM_MS, toMs: TO_MS };
    const byTag = await usageBy(reader, { ...asked, groupBy: ['tag'] });
    expect(byTag.map(({ by, costNanoUsd }) => [by.tag, costNanoUsd])).toEqual([
      ['b', 10],
      [null, 5],
      ['a', 5],
    ]);
    const [total] = await usageBy(reader, { ...asked, groupBy: [] });
    expect([total?.requests, total?.costNanoUsd]).toEqual([3, 15]);
    const onlyA = await usageBy(reader, { ...asked, filters: { tags: ['a'] }, groupBy: ['tag'] });
    expect(onlyA.map(({ by, costNanoUsd }) => [by.tag, costNanoUsd])).toEqual([['a', 5]]);
  });

  test('begins with the largest, and its pages give each group once', async () => {
    const rows = Array.from({ length: 23 }, (_, at) =>
      sampleRow({ startedAtMs: FROM_MS, userId: `u${at}`, costNanoUsd: (at % 5) * 10 }),
    );
    await filled(rows);
    const asked = { fromMs: 0, toMs: TO_MS, groupBy: ['user'] as const };
    const all = await usageBy(reader, asked);
    expect(all.map(({ costNanoUsd }) => costNanoUsd)).toEqual(
      rows.map(({ costNanoUsd }) => costNanoUsd ?? 0).sort((a, b) => b - a),
    );
    const pages: UsageRow[] = [];
    for (let offset = 0; offset < 25; offset += 5)
      pages.push(...(await usageBy(reader, { ...asked, limit: 5, offset })));
    expect(pages).toEqual(all);
    const byRequests = await usageBy(reader, { ...asked, orderBy: 'requests', limit: 1 });
    expect(byRequests).toHaveLength(1);
  });

  test('of nothing has no rows, or one of zeros for the total', async () => {
    await filled([sampleRow({ startedAtMs: FROM_MS })]);
    for (const nothing of [
      { filters: { teams: [] } },
      { filters: { teams: ['nobody'] } },
      { anyOf: [] },
      { toMs: 0 },
    ]) {
      const asked = { fromMs: 0, toMs: TO_MS, ...nothing };
      expect(await usageBy(reader, { ...asked, groupBy: ['day', 'model'] })).toEqual([]);
      const [total, ...rest] = await usageBy(reader, { ...asked, groupBy: [] });
      expect([rest, Object.values(total ?? {}).filter((sum) => typeof sum === 'number' && sum !== 0)]).toEqual([
        [],
        [],
      ]);
      expect(total?.by).toEqual({});
    }
  });

  test('of somebody goes by an index over names, of everybody by time', async () => {
    await filled(fc.sample(usageRow, { numRuns: 50, seed: 4 }));
    const planOf = async (over: Partial<UsageQuery>): Promise<string> => {
      const plan: string[] = [];
      const explaining: Reader = {
        ...reader,
        run: async (asked) => {
          const explained = { ...asked, sql: `explain query plan ${asked.sql}` };
          for (const { detail } of (await db.executeQuery<{ detail: string }>(explained)).rows) plan.push(detail);
          return reader.run(asked);
        },
      };
      await usageBy(explaining, { fromMs: FROM_MS, toMs: TO_MS, groupBy: ['model'], ...over });
      return plan.join('\n');
    };
    const byNames = 'usage_cube_by_dimensions (dimensions_ref=? AND quarter>? AND quarter<?)';
    for (const [filters, index] of [
      [{ keys: ['k1'] }, 'key_ref=?'],
      [{ teams: ['t1', 't2'] }, 'team_ref=?'],
      [{ users: ['u1'] }, 'user_ref=?'],
      [{ organizations: ['o1'] }, 'organization_ref=?'],
      [{ projects: ['p1'] }, 'project_ref=?'],
      [{ endUsers: ['e1'] }, 'end_user_ref=?'],
      [{ tags: ['a'] }, 'tags_ref=?'],
    ] as const) {
      const plan = await planOf({ filters });
      expect(plan).toContain(index);
      expect(plan).toContain(byNames);
    }
    expect(await planOf({})).toContain('SEARCH c USING PRIMARY KEY (quarter>? AND quarter<?)');
    const edges = await planOf({ fromMs: FROM_MS + 1, filters: { keys: ['k1'] } });
    expect(edges).toContain('requests_by_start (started_at_ms>? AND started_at_ms<?)');
  });

  test('is the same from a thread of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-report-'));
    const url = `sqlite:${join(folder, 'tollgate.db')}`;
    const owner = await openDatabase({ url });
    const rows = fc.sample(usageRow, { numRuns: 200, seed: 8 });
    await insertRequests(owner, rows);
    const apart = openReader({ db: owner, url });
    const asked: UsageQuery = {
      fromMs: FROM_MS + 5,
      toMs: TO_MS,
      timeZone: 'Asia/Kathmandu',
      groupBy: ['day', 'team'],
    };
    expect(told(await usageBy(apart, asked), asked)).toEqual(naive(rows, asked));
    apart.close();
    await owner.destroy();
    rmSync(folder, { recursive: true });
  });
});
