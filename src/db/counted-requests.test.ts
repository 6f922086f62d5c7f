import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { forgetCounted } from './counted-requests.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests, spendByKey } from './requests.ts';
import { usageSince } from './scope-usage.ts';

const db = databasePlace();
const STARTED_AT_MS = Date.UTC(2026, 0, 31, 12, 7);

const unkept = (over: Partial<LedgerRow> = {}): LedgerRow =>
  sampleRow({ keyHash: 'k', costNanoUsd: 5, startedAtMs: STARTED_AT_MS, ...over, totalsOnly: true });

async function idsIn(table: 'requests' | 'counted_requests'): Promise<string[]> {
  const rows = await db().selectFrom(table).select('id').orderBy('id').execute();
  return rows.map(({ id }) => id);
}

test('a request that only counts leaves no row, no detail and no payload', async () => {
  await insertRequests(db(), [unkept({ id: 'a', metadata: { plan: 1 }, requestBody: '{}' }), sampleRow({ id: 'b' })]);
  expect([await idsIn('requests'), await idsIn('counted_requests')]).toEqual([['b'], ['a']]);
  for (const table of ['request_details', 'request_payloads'] as const) {
    const rows = await db().selectFrom(table).select('request_id').where('request_id', '=', 'a').execute();
    expect(rows).toEqual([]);
  }
});

test('it counts once however often it comes, in a batch or again', async () => {
  await insertRequests(db(), [unkept({ id: 'a' }), unkept({ id: 'a' }), unkept({ id: 'b' })]);
  expect(await insertRequests(db(), [unkept({ id: 'b' }), unkept({ id: 'c' })])).toBe(1);
  expect(await spendByKey(db(), 'k')).toBe(15);
  expect(await usageSince(db(), { kind: 'api_key', id: 'k' }, STARTED_AT_MS)).toMatchObject({ costNanoUsd: 15 });
  expect(await usageSince(db(), { kind: 'api_key', id: 'k' }, STARTED_AT_MS + 1)).toMatchObject({ costNanoUsd: 0 });
});

test('what is forgotten is what ended before, and totals keep it', async () => {
  const ended = (id: string, endedAtMs: number) => unkept({ id, endedAtMs });
  const rows = [ended('a', STARTED_AT_MS), ended('b', STARTED_AT_MS + 1_000), ended('c', STARTED_AT_MS + 60_000)];
  await insertRequests(db(), [...rows, sampleRow({ id: 'kept', endedAtMs: STARTED_AT_MS })]);
  await forgetCounted(db(), STARTED_AT_MS + 1_000);
  expect([await idsIn('requests'), await idsIn('counted_requests')]).toEqual([['kept'], ['b', 'c']]);
  expect(await spendByKey(db(), 'k')).toBe(15);
});
