import { afterEach, beforeEach, expect, test } from 'bun:test';
import { type Database, openDatabase } from '../db/client.ts';
import { findKey, type KeyRow } from '../db/keys.ts';
import { loadedKey, objectIn, textsIn } from './loaded-key.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

async function rowWith(over: Partial<KeyRow>): Promise<KeyRow> {
  await db
    .insertInto('keys')
    // Columns that are not given are null, as the table has it.
    .values({ token: 't', blocked: 0, created_at_ms: 1, updated_at_ms: 1, ...over } as KeyRow)
    .execute();
  const row = await findKey(db, 't');
  if (row === undefined) throw new Error('The row is not there');
  return row;
}

test('a row becomes what the request path needs of it', async () => {
  const row = await rowWith({
    blocked: 1,
    key_alias: 'alias',
    key_name: 'sk-...abcd',
    user_id: 'u',
    team_id: 't1',
    organization_id: 'o',
    models: '["gpt-4o","claude-*"]',
    aliases: '{"best":"gpt-4o"}',
    metadata: '{"tags":["x"]}',
    allowed_routes: '["llm_api_routes"]',
    expires_at_ms: 1_800_000_000_000,
    max_budget_nano_usd: 1_500_000_000,
    rpm_limit: 60,
    tpm_limit: 5_000_000_000,
  });
  expect(loadedKey(row, 42)).toEqual({
    blocked: true,
    expiresAtMs: 1_800_000_000_000,
    allowedRoutes: ['llm_api_routes'],
    caller: {
      kind: 'key',
      keyHash: 't',
      keyAlias: 'alias',
      keyName: 'sk-...abcd',
      userId: 'u',
      teamId: 't1',
      organizationId: 'o',
      models: ['gpt-4o', 'claude-*'],
      aliases: Object.assign(Object.create(null), { best: 'gpt-4o' }),
      metadata: { tags: ['x'] },
      maxBudgetUsd: 1.5,
      rpmLimit: 60,
      tpmLimit: 5_000_000_000,
      spend: { nanoUsd: 42 },
    },
  });
});

test('what is not set is empty or null, and limits nothing', async () => {
  const { blocked, expiresAtMs, allowedRoutes, caller } = loadedKey(await rowWith({}), 0);
  expect({ blocked, expiresAtMs, allowedRoutes }).toEqual({ blocked: false, expiresAtMs: null, allowedRoutes: [] });
  expect(caller).toMatchObject({ models: [], metadata: {}, maxBudgetUsd: null, rpmLimit: null, teamId: null });
});

test('an alias is found by its own name only, not by those that every object has', async () => {
  const { caller } = loadedKey(await rowWith({ aliases: '{"a":"b","n":1}' }), 0);
  const found = ['a', 'n', 'constructor', '__proto__'].map((alias) => caller.aliases[alias]);
  expect(found).toEqual(['b', undefined, undefined, undefined]);
});

test('a column that holds JSON of another shape counts as empty', () => {
  expect([objectIn('[1]'), objectIn('null'), objectIn('3'), objectIn(null)]).toEqual([{}, {}, {}, {}]);
  expect([textsIn('{"a":1}'), textsIn('[1,"a",null]'), textsIn(null)]).toEqual([[], ['a'], []]);
});
