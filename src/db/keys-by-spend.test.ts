import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { databasePlace } from '../../test/support/database-place.ts';
import { keyRow } from '../../test/support/entity-rows.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { KEY_OWNER, type KeyRow, keys } from './keys.ts';
import { pageBySpend, type SpendPage } from './keys-by-spend.ts';
import { insertRequests } from './requests.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const FEW = 1;
/** More than can be sorted cheaply: the other way to the same page. */
const MANY = 1_000_000;

async function store(costs: Readonly<Record<string, number | null>>, over: Partial<KeyRow> = {}): Promise<void> {
  for (const [token, costNanoUsd] of Object.entries(costs)) {
    await keys.insert(db(), keyRow(token, over));
    if (costNanoUsd !== null) await insertRequests(db(), [sampleRow({ keyHash: token, costNanoUsd })]);
  }
}

async function page(total: number, over: Partial<SpendPage> = {}): Promise<string[]> {
  const base = { visibility: EVERYTHING, where: [], owner: KEY_OWNER, order: 'desc', limit: 99, offset: 0 } as const;
  return (await pageBySpend(db(), { ...base, ...over }, total)).map(({ token }) => token);
}

describe.each([
  ['few', FEW],
  ['many', MANY],
])('of %s keys a page by spend', (_size, total) => {
  test('begins with those that spent most, and ends with those that never did', async () => {
    await store({ low: 1, never: null, high: 9, free: 0, middle: 5 });
    expect(await page(total)).toEqual(['high', 'middle', 'low', 'free', 'never']);
    expect(await page(total, { order: 'asc' })).toEqual(['never', 'free', 'low', 'middle', 'high']);
  });

  test('is empty of nothing, past the end and with room for nothing', async () => {
    expect(await page(total)).toEqual([]);
    await store({ a: 1, b: null });
    expect([await page(total, { offset: 2 }), await page(total, { limit: 0 })]).toEqual([[], []]);
  });

  test('follows a key to what it spent under the secret before', async () => {
    await store({ new: null }, { usage_hash: 'old' });
    await store({ a: 5 });
    await insertRequests(db(), [sampleRow({ keyHash: 'old', costNanoUsd: 7 })]);
    expect(await page(total)).toEqual(['new', 'a']);
  });

  test('shows only what may be seen', async () => {
    await store({ a: 5, b: null }, { user_id: 'me' });
    await store({ c: 9, d: null }, { user_id: 'you' });
    const visibility = { all: false, userId: 'me', keyHash: 'd', teams: [], organizations: [] } as const;
    expect((await page(total, { visibility })).sort()).toEqual(['a', 'b', 'd']);
    const nobody = { ...visibility, userId: null, keyHash: null };
    expect(await page(total, { visibility: nobody })).toEqual([]);
  });
});

test('pages of any size, one after the other, are the whole list either way', async () => {
  await store({ a: 4, b: null, c: 4, d: 0, e: 9, f: null, g: 1 });
  const order = fc.constantFrom('asc' as const, 'desc' as const);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), order, async (limit, way) => {
      const whole = await page(FEW, { order: way });
      const pages: string[] = [];
      for (let offset = 0; offset < 8; offset += limit) {
        pages.push(...(await page(MANY, { order: way, limit, offset })));
      }
      expect(pages).toEqual(whole);
    }),
    { numRuns: 16 },
  );
});
