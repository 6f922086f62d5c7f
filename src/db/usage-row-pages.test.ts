import { afterEach, beforeEach, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleRow } from '../../test/support/sample-row.ts';
import { FROM_MS, startMs, TAGS, TO_MS, usageRow, ZONES } from '../../test/support/usage-rows.ts';
import { type Database, openDatabase } from './client.ts';
import { directReader, type Reader } from './reader.ts';
import { insertRequests } from './requests.ts';
import { type UsageGroup, type UsageQuery, usageBy } from './usage-reports.ts';
import { type UsageItem, usageItems } from './usage-row-pages.ts';

let db: Database;
let reader: Reader;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
  reader = directReader(db);
});
afterEach(() => db.destroy());

async function all(query: UsageQuery): Promise<UsageItem[]> {
  const items: UsageItem[] = [];
  for await (const page of usageItems(reader, query)) items.push(...page);
  return items;
}

/** Group → how often and how much, in no order. */
function told(groups: Iterable<readonly [by: object, requests: number, costNanoUsd: number]>): Map<string, number[]> {
  const sums = new Map<string, number[]>();
  for (const [by, requests, cost] of groups) {
    const [count = 0, total = 0] = sums.get(JSON.stringify(by)) ?? [];
    sums.set(JSON.stringify(by), [count + requests, total + cost]);
  }
  return sums;
}

test('the rows are those of the report: of random rows, groups, filters, ranges and zones they have its sums', async () => {
  const rows = fc.sample(usageRow, { numRuns: 200, seed: 5 });
  await insertRequests(db, rows);
  const query = fc.record({
    fromMs: fc.oneof(fc.constant(FROM_MS), startMs),
    timeZone: fc.constantFrom(...ZONES),
    filters: fc.constantFrom({}, { tags: [TAGS[0], TAGS[3]] }, { having: ['tags'] as const }, { teams: ['t1', null] }),
    anyOf: fc.constantFrom(undefined, [], [{ users: ['u1'] }, { keys: ['k2'] }]),
    groupBy: fc.uniqueArray(fc.constantFrom<UsageGroup>('day', 'tag', 'key', 'model', 'team'), { maxLength: 3 }),
  });
  let counted = 0;
  await fc.assert(
    fc.asyncProperty(query, async (asked) => {
      const full = { ...asked, toMs: TO_MS - 1_000_000 };
      const items = await all(full);
      const sums = (await usageBy(reader, full)).filter(({ requests }) => requests > 0);
      expect(told(items.map(({ by, costNanoUsd }) => [by, 1, costNanoUsd ?? 0]))).toEqual(
        told(sums.map(({ by, requests, costNanoUsd }) => [by, requests, costNanoUsd])),
      );
      counted += items.length;
    }),
    { numRuns: 60, seed: 3 },
  );
  expect(counted).toBeGreaterThan(500);
});

test('more than a page come complete, also where many began in the same moment', async () => {
  for (let batch = 0; batch < 9; batch++) {
    await insertRequests(
      db,
      Array.from({ length: 500 }, () => sampleRow({ startedAtMs: FROM_MS, tags: ['a', 'b'], costNanoUsd: 1 })),
    );
  }
  const asked: UsageQuery = { fromMs: FROM_MS, toMs: FROM_MS + 1, groupBy: [] };
  expect(await all(asked)).toHaveLength(4_500);
  expect(await all({ ...asked, groupBy: ['tag'] })).toHaveLength(9_000);
});

test('a row says all that its price depends on', async () => {
  const row = sampleRow({ priceFactors: { serviceTier: 'flex' }, startedAtMs: FROM_MS, endedAtMs: FROM_MS + 1_234.5 });
  await insertRequests(db, [row, sampleRow({ startedAtMs: FROM_MS, buckets: null, deploymentId: null, model: null })]);
  const items = await all({ fromMs: 0, toMs: TO_MS, groupBy: ['key'] });
  expect(items.find(({ buckets }) => buckets !== null)).toEqual({
    by: { key: row.keyHash },
    buckets: { ...sampleRow().buckets, source: 'provider', cacheWrite1h: 0 } as UsageItem['buckets'],
    durationMs: 1_234.5,
    modelGroup: 'gpt-4o-mini',
    deploymentId: 'deployment-1',
    model: 'openai/gpt-4o-mini',
    provider: 'openai',
    priceVersion: '2025-11-20',
    factors: { serviceTier: 'flex' },
    costNanoUsd: 27_000,
  });
  expect(items.find(({ buckets }) => buckets === null)).toMatchObject({ model: null, deploymentId: null, factors: {} });
});
