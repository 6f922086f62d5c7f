import { afterEach, beforeEach, expect, test } from 'bun:test';
import { budgets, EMPTY_BUDGET } from '../db/budgets.ts';
import { type Database, openDatabase } from '../db/client.ts';
import { deleteKeys, EMPTY_KEY, findKey, type KeyRow } from '../db/keys.ts';
import { regenerateKey } from '../db/regenerated-keys.ts';
import { loadedKey, loadKey, objectIn, textsIn } from './loaded-key.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

async function rowWith(over: Partial<KeyRow>): Promise<KeyRow> {
  await db
    .insertInto('keys')
    .values({ ...EMPTY_KEY, key_name: null, token: 't', created_at_ms: 1, updated_at_ms: 1, ...over })
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
    project_id: 'p',
    models: '["gpt-4o","claude-*"]',
    aliases: '{"best":"gpt-4o"}',
    metadata: '{"tags":["x"]}',
    allowed_routes: '["llm_api_routes"]',
    expires_at_ms: 1_800_000_000_000,
    max_budget_nano_usd: 1_500_000_000,
    rpm_limit: 60,
    tpm_limit: 5_000_000_000,
  });
  expect(loadedKey(row, undefined)).toEqual({
    token: 't',
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
      projectId: 'p',
      allowance: expect.objectContaining({ maxBudgetNanoUsd: 1_500_000_000, rpmLimit: 60, tpmLimit: 5_000_000_000 }),
      team: null,
      member: null,
      user: null,
      organization: null,
      project: null,
    },
  });
});

test('what is not set is empty or null, and limits nothing', async () => {
  const { blocked, expiresAtMs, allowedRoutes, caller } = loadedKey(await rowWith({}), undefined);
  expect({ blocked, expiresAtMs, allowedRoutes }).toEqual({ blocked: false, expiresAtMs: null, allowedRoutes: [] });
  expect(caller).toMatchObject({ models: [], metadata: {}, maxBudgetUsd: null, rpmLimit: null, teamId: null });
});

test('an alias is found by its own name only, not by those that every object has', async () => {
  const { caller } = loadedKey(await rowWith({ aliases: '{"a":"b","n":1}' }), undefined);
  const found = ['a', 'n', 'constructor', '__proto__'].map((alias) => caller.aliases[alias]);
  expect(found).toEqual(['b', undefined, undefined, undefined]);
});

test('a column that holds JSON of another shape counts as empty', () => {
  expect([objectIn('[1]'), objectIn('null'), objectIn('3'), objectIn(null)]).toEqual([{}, {}, {}, {}]);
  expect([textsIn('{"a":1}'), textsIn('[1,"a",null]'), textsIn(null)]).toEqual([[], ['a'], []]);
});

test('a budget that the key refers to stands behind the key’s own limits', async () => {
  const limits = { max_budget_nano_usd: 7, rpm_limit: 3 };
  await budgets.insert(db, { ...EMPTY_BUDGET, ...limits, budget_id: 'b', created_at_ms: 1, updated_at_ms: 1 });
  await rowWith({ budget_id: 'b', rpm_limit: 5 });
  const loaded = await loadKey(db, 't');
  expect(loaded?.caller.allowance).toMatchObject({ maxBudgetNanoUsd: 7, rpmLimit: 5 });
  expect(loaded?.caller.rpmLimit).toBe(5);
});

test('a key that was deleted is found as one, and a digest that never was is not found', async () => {
  await rowWith({ key_alias: 'alias' });
  await deleteKeys(db, ['t'], 5);
  expect(await loadKey(db, 't')).toMatchObject({ deleted: true, caller: { keyAlias: 'alias' } });
  expect(await loadKey(db, 'never')).toBeUndefined();
});

test('a replaced secret is the key that it belongs to, until its time is over or the key’s own', async () => {
  await rowWith({ key_alias: 'alias', expires_at_ms: 900 });
  const request = { nowMs: 100, change: () => ({}) };
  await regenerateKey(db, 't', { ...request, newToken: 'second', oldValidUntilMs: 500 });
  expect(await loadKey(db, 't')).toMatchObject({
    expiresAtMs: 500,
    token: 'second',
    caller: { keyHash: 't', keyAlias: 'alias' },
  });
  expect(await loadKey(db, 'second')).toMatchObject({ expiresAtMs: 900, token: 'second', caller: { keyHash: 't' } });
  await regenerateKey(db, 'second', { ...request, newToken: 'third', oldValidUntilMs: 5_000 });
  expect(await loadKey(db, 't')).toMatchObject({ expiresAtMs: 500, token: 'third', caller: { keyHash: 't' } });
  expect(await loadKey(db, 'second')).toMatchObject({ expiresAtMs: 900, token: 'third', caller: { keyHash: 't' } });
  await deleteKeys(db, ['third'], 5);
  expect([await loadKey(db, 't'), await loadKey(db, 'second')]).toEqual([undefined, undefined]);
});
