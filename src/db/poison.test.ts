import { describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import { credentialRow, keyRow, modelRow, teamRow } from '../../test/support/entity-rows.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { createSecretBox } from '../lib/secret-box.ts';
import { budgetUses } from './budgets.ts';
import { credentials } from './credentials.ts';
import { listKeys } from './key-list.ts';
import { findKey, insertKey } from './keys.ts';
import { totalsByDay } from './log-totals.ts';
import { models } from './models.ts';
import { directReader } from './reader.ts';
import { recentUsage } from './recent-usage.ts';
import { requestById } from './request-by-id.ts';
import { insertRequests } from './requests.ts';
import { resealAll } from './sealed-values.ts';
import { findLogs } from './spend-logs.ts';
import { teams } from './teams.ts';
import { usageBy } from './usage-reports.ts';
import { usageItems } from './usage-row-pages.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const reader = () => directReader(db());
const RANGE = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER } as const;

/** What a foreign hand, a bug or a damaged page may leave in a column of JSON. */
const BAD_JSON = ['{', '', 'null', '7', '"text"', '[', 'undefined', '{"a":1}x', '\u0000', '[1,', 'NaN'] as const;
const DETAILS = ['tags', 'metadata', 'attempts', 'changes', 'price_factors', 'routing'] as const;

async function threeRows(): Promise<void> {
  const failed = { status: 'failure', error: { kind: 'k', type: 't', message: 'm', code: 'c' } } as const;
  await insertRequests(db(), [
    sampleRow({ id: 'before', startedAtMs: 1_000, tags: ['a'], metadata: { is: 'kept' }, sessionId: 's' }),
    sampleRow({ id: 'bad', startedAtMs: 2_000, tags: ['a'], metadata: { is: 'lost' }, ...failed }),
    sampleRow({ id: 'after', startedAtMs: 3_000, tags: ['a'], metadata: { is: 'kept' } }),
  ]);
}

async function page(): Promise<readonly [string, unknown][]> {
  const { rows } = await findLogs(reader(), {}, { limit: 9, offset: 0 });
  return rows.map(({ id, metadata }) => [id, metadata]);
}

describe('a row of the log with an unreadable part', () => {
  test.each(DETAILS)('has no %s, keeps all else, and leaves the page to the others', async (column) => {
    await threeRows();
    for (const text of BAD_JSON) {
      await db()
        .updateTable('request_details')
        .set({ [column]: text })
        .where('request_id', '=', 'bad')
        .execute();
      const rows = await page();
      expect(rows.map(([id]) => id)).toEqual(['after', 'bad', 'before']);
      expect(rows[0]?.[1]).toEqual({ is: 'kept' });
      const bad = await requestById(db(), 'bad', EVERYTHING);
      expect(bad).toMatchObject({
        id: 'bad',
        status: 'failure',
        costNanoUsd: 27_000,
        error: { kind: 'k', type: 't', message: 'm', code: 'c' },
        metadata: column === 'metadata' ? {} : { is: 'lost' },
        changes: [],
        tags: column === 'tags' ? [] : ['a'],
      });
      expect([bad?.priceFactors, bad?.routing]).toEqual([undefined, undefined]);
      expect(Array.isArray(bad?.attempts)).toBe(true);
    }
  });

  test('is told with those of its tags that are texts', async () => {
    await threeRows();
    const tags = '["good", 7, null, {"a": 1}, ["x"], "also good"]';
    await db().updateTable('request_details').set({ tags }).where('request_id', '=', 'bad').execute();
    expect(await requestById(db(), 'bad', EVERYTHING)).toMatchObject({ tags: ['good', 'also good'] });
  });

  test('is in every report, since money does not hang on how it is told', async () => {
    await threeRows();
    const before = await usageBy(reader(), { ...RANGE, groupBy: ['tag', 'key'] });
    for (const column of DETAILS) {
      await db()
        .updateTable('request_details')
        .set({ [column]: '{' })
        .where('request_id', '=', 'bad')
        .execute();
    }
    expect(await usageBy(reader(), { ...RANGE, groupBy: ['tag', 'key'] })).toEqual(before);
    const items: unknown[] = [];
    for await (const rows of usageItems(reader(), { ...RANGE, groupBy: [] })) items.push(...rows);
    expect(items).toHaveLength(3);
    expect(await totalsByDay(reader(), RANGE, 'UTC')).toMatchObject([{ costNanoUsd: 81_000 }]);
  });
});

describe('a row of the log with numbers that nobody gave out', () => {
  const set = (values: Record<string, number | null>) =>
    db().updateTable('requests').set(values).where('id', '=', 'bad').execute();

  test('has a status all the same, and it is no success', async () => {
    await threeRows();
    for (const status of [99, -1, 2 ** 40]) {
      await set({ status });
      expect((await page()).length).toBe(3);
      expect(await requestById(db(), 'bad', EVERYTHING)).toMatchObject({ status: 'failure' });
    }
  });

  test('knows nothing of its usage when it does not know where that comes from', async () => {
    await threeRows();
    for (const usage_source of [99, -1]) {
      await set({ usage_source });
      expect(await requestById(db(), 'bad', EVERYTHING)).toMatchObject({ buckets: null, costNanoUsd: 27_000 });
    }
  });

  test('has no names where the dictionary has none', async () => {
    await threeRows();
    await set({ key_ref: 1e9, team_ref: -5, model_ref: 0, tags_ref: 1e9, route_ref: 1e9, model_group_ref: 1e9 });
    expect(await requestById(db(), 'bad', EVERYTHING)).toMatchObject({
      keyHash: null,
      teamId: null,
      model: null,
      tags: [],
      route: '',
      modelGroup: '',
    });
    expect((await page()).length).toBe(3);
    expect(await recentUsage(db(), 0)).toHaveLength(2);
  });

  test('is shown however absurd its times and amounts are', async () => {
    await threeRows();
    const most = Number.MAX_SAFE_INTEGER;
    await set({ duration_us: -most, first_token_us: most, upstream_us: most, overhead_us: -most });
    await set({ input_tokens: -5, output_tokens: most, cost_nano_usd: most, cost_input_nano_usd: -most });
    const row = await requestById(db(), 'bad', EVERYTHING);
    expect(row).toMatchObject({ costNanoUsd: most, buckets: { input: -5, output: most } });
    expect(JSON.stringify(row)).not.toContain('null,"endedAtMs"');
    expect((await page()).length).toBe(3);
  });
});

describe('an unreadable column of an object', () => {
  test('does not keep other keys from being found and listed', async () => {
    for (const [at, text] of BAD_JSON.entries()) {
      const json = text.replaceAll('\0', '');
      await insertKey(db(), keyRow(`bad ${at}`, { models: json, metadata: json, aliases: json, budget_limits: json }));
    }
    await insertKey(db(), keyRow('good', { models: '["m"]' }));
    expect(await findKey(db(), 'good')).toMatchObject({ models: '["m"]' });
    const { rows, total } = await listKeys(db(), { visibility: EVERYTHING, limit: 99, offset: 0, nowMs: 1 });
    expect([rows.length, total]).toEqual([BAD_JSON.length + 1, BAD_JSON.length + 1]);
  });

  test('of a team’s metadata does not hide who uses a budget', async () => {
    await teams.insert(db(), teamRow('bad', { metadata: '{"team_member_budget_id": "b"' }));
    await teams.insert(db(), teamRow('good', { metadata: '{"team_member_budget_id": "b"}' }));
    expect(await budgetUses(db(), 'b')).toEqual({ teams: 1 });
  });
});

describe('sealing anew with an unreadable row', () => {
  const box = createSecretBox({
    keys: [{ id: 'one', secret: 'a secret that is long enough' }],
    current: 'one',
    randomBytes: (size) => new Uint8Array(size),
  });

  test.each(BAD_JSON.filter((text) => text !== '\u0000'))('stops, names it, and changes nothing: %p', async (text) => {
    await models.insert(db(), modelRow('good', { litellm_params: '{"api_key":"x"}' }));
    await models.insert(db(), modelRow('bad', { litellm_params: text }));
    await expect(resealAll(db(), box)).rejects.toThrow('models "bad" cannot be read');
    expect(await models.find(db(), 'good', EVERYTHING)).toMatchObject({ litellm_params: '{"api_key":"x"}' });
  });

  test('tells a credential from a model', async () => {
    await credentials.insert(db(), credentialRow('c', { credential_values: '[]' }));
    await expect(resealAll(db(), box)).rejects.toThrow('credentials "c" cannot be read');
  });
});

test('a total that was changed by hand is what is shown: reports read it, and do not fail on it', async () => {
  await threeRows();
  await sql`update usage_cube set cost_nano_usd = -1, requests = 9007199254740991`.execute(db());
  const [total] = await usageBy(reader(), { ...RANGE, groupBy: [] });
  expect(total).toMatchObject({ costNanoUsd: -1, requests: Number.MAX_SAFE_INTEGER });
});
