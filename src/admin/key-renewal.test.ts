import { describe, expect, test } from 'bun:test';
import { adminPlace, NOW_MS } from '../../test/support/admin-place.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { digest } from '../auth/digest.ts';
import type { Caller } from '../gateway/call.ts';

const place = adminPlace();
const HOUR_MS = 3_600_000;

const use = async (key: string): Promise<Caller> => await place.authenticate({ authorization: `Bearer ${key}` });
const reasonOf = async (key: string): Promise<string | undefined> => (await refusalOf(() => use(key))).details.reason;
const regenerate = async (key: string, fields: object = {}) =>
  (await place.post('/key/regenerate', { key, ...fields })).body;
const spent = (key: Caller, dollars: number, atMs = place.nowMs): void =>
  place.ledger.record(sampleRow({ keyHash: key.keyHash, costNanoUsd: Math.round(dollars * 1e9), startedAtMs: atMs }));
const infoOf = async (key: string) => (await place.get(`/key/info?key=${key}`)).body.info;

describe('a key with a new secret', () => {
  test('is the same key in all but the secret', async () => {
    const fields = { key_alias: 'app', models: ['m'], max_budget: 5, budget_duration: '30d', metadata: { a: 1 } };
    const made = (await place.post('/key/generate', fields)).body;
    place.nowMs += HOUR_MS;
    const renewed = await regenerate(made.key);
    expect(renewed.key).toMatch(/^sk-[A-Za-z0-9_-]{43}$/);
    expect(renewed).toMatchObject({
      ...fields,
      token: digest(renewed.key),
      token_id: digest(renewed.key),
      key_name: `sk-...${renewed.key.slice(-4)}`,
      created_at: made.created_at,
      rotation_count: 1,
      last_rotation_at: new Date(NOW_MS + HOUR_MS).toISOString(),
    });
    expect((await place.get('/key/list')).body.keys).toEqual([renewed.token]);
  });

  test('takes the old one away at once, which is told from one that never was', async () => {
    const old = await place.key();
    await use(old);
    const { key } = await regenerate(old);
    expect(await reasonOf(old)).toContain('replaced by a new one');
    expect((await use(key)).keyHash).toBe(digest(old));
  });

  test('is changed, blocked and reset by the name of the old one, while that works, and deleting it leaves the key', async () => {
    const old = await place.key({ max_budget: 1 });
    const { key } = await regenerate(old, { grace_period: '1h' });
    expect((await place.post('/key/update', { key: old, models: ['n'] })).status).toBe(200);
    expect((await use(key)).models).toEqual(['n']);
    expect((await place.post(`/key/${old}/reset_spend`, { reset_to: 0 })).status).toBe(200);
    expect((await place.post('/key/block', { key: old })).status).toBe(200);
    expect([await reasonOf(old), await reasonOf(key)]).toEqual(Array(2).fill(expect.stringContaining('blocked')));
    expect((await place.post('/key/unblock', { key: old })).status).toBe(200);
    // Whoever clears up after a renewal means the old secret, not the key.
    await use(old);
    const deleted = await place.post('/key/delete', { keys: [old] });
    expect([deleted.status, deleted.body]).toEqual([200, { deleted_keys: [old] }]);
    expect(await reasonOf(old)).toContain('replaced by a new one');
    await use(key);
    expect((await place.post('/key/delete', { keys: [old] })).status).toBe(404);
    expect((await place.post('/key/update', { key: old, models: [] })).status).toBe(404);
    expect((await use(key)).models).toEqual(['n']);
  });

  test('leaves the old one for its grace time, and every change reaches both', async () => {
    const old = await place.key();
    const { key } = await regenerate(old, { grace_period: '1h' });
    expect((await use(old)).keyHash).toBe((await use(key)).keyHash);
    await place.post('/key/update', { key, models: ['n'] });
    expect([(await use(old)).models, (await use(key)).models]).toEqual([['n'], ['n']]);
    await place.post('/key/block', { key });
    expect([await reasonOf(old), await reasonOf(key)]).toEqual([
      expect.stringContaining('blocked'),
      expect.stringContaining('blocked'),
    ]);
    await place.post('/key/unblock', { key });
    place.nowMs += HOUR_MS;
    expect(await reasonOf(old)).toContain('replaced by a new one');
    await use(key);
  });

  test('goes for all its secrets when it is deleted', async () => {
    const old = await place.key();
    const { key } = await regenerate(old, { grace_period: '1h' });
    await use(old);
    await place.post('/key/delete', { keys: [key] });
    expect(await reasonOf(old)).toBeDefined();
    expect(await reasonOf(key)).toContain('deleted');
    expect((await infoOf(key)).status).toBe('deleted');
  });

  test('may be renewed again within the grace time of the last', async () => {
    const first = await place.key();
    const second = (await regenerate(first, { grace_period: '2h' })).key;
    const third = (await regenerate(second, { grace_period: '1h' })).key;
    for (const key of [first, second, third]) expect((await use(key)).keyHash).toBe(digest(first));
    place.nowMs += HOUR_MS;
    expect(await reasonOf(second)).toContain('replaced');
    await use(first);
  });

  test('may be given a secret of one’s own, and other values with it', async () => {
    const old = await place.key();
    const renewed = await regenerate(old, { new_key: 'sk-chosen-by-somebody', rpm_limit: 7, duration: '1h' });
    expect(renewed).toMatchObject({ key: 'sk-chosen-by-somebody', rpm_limit: 7 });
    expect(renewed.expires).toBe(new Date(NOW_MS + HOUR_MS).toISOString());
  });

  test('gets no secret that is another’s, was its own, or is none', async () => {
    const old = await place.key();
    const other = await place.key();
    const { key } = await regenerate(old);
    for (const new_key of [other, old, key, 'sk-short', 'without-a-prefix-at-all']) {
      const answer = await place.post('/key/regenerate', { key, new_key });
      expect([new_key, answer.status, answer.body.error?.param]).toEqual([new_key, 400, 'new_key']);
    }
    await use(key);
  });

  test('is named in the body or in the path', async () => {
    const key = await place.key();
    const renewed = await place.post(`/key/${digest(key)}/regenerate`, { grace_period: '1h' });
    expect(renewed.status).toBe(200);
    expect((await place.post('/key/regenerate', {})).body.error.param).toBe('key');
    expect((await place.post('/key/regenerate', { key: 'sk-never-made-by-anyone' })).status).toBe(404);
    expect((await place.post('/key/regenerate', { key, grace_period: 'soon' })).body.error.param).toBe('grace_period');
  });

  test('keeps what it has spent, and goes on from there under each of its secrets', async () => {
    const old = await place.key({ max_budget: 5, budget_duration: '30d' });
    spent(await use(old), 1.5);
    const { key, spend } = await regenerate(old, { grace_period: '1h' });
    expect(spend).toBe(1.5);
    spent(await use(old), 0.25);
    spent(await use(key), 0.25);
    expect(await infoOf(key)).toMatchObject({ spend: 2, total_spend: 2 });
    for (const secret of [old, key, digest(key), digest(old)]) {
      expect((await place.get(`/spend/logs?api_key=${secret}`)).body).toHaveLength(3);
    }
    const listed = (await place.get('/key/list?return_full_object=true&sort_by=spend')).body.keys[0];
    expect(listed).toMatchObject({ token: digest(key), spend: 2 });
  });

  test('stays in its access groups', async () => {
    const key = await place.key();
    const group = { access_group_name: 'g', access_model_names: ['m'], assigned_key_ids: [key] };
    const { access_group_id } = (await place.post('/v1/access_group', group)).body;
    const { token, access_group_ids } = await regenerate(key);
    expect(access_group_ids).toEqual([access_group_id]);
    expect((await place.get(`/v1/access_group/${access_group_id}`)).body.assigned_key_ids).toEqual([token]);
  });

  test('sees itself', async () => {
    const { key, token } = await regenerate(await place.key({ key_alias: 'me' }));
    for (const query of ['', `?key=${key}`, `?key=${token}`]) {
      expect((await place.get(`/key/info${query}`, key)).body.info.key_alias).toBe('me');
    }
    expect((await place.get('/key/info', key)).body.key).toBe(token);
  });
});

describe('what a key has spent', () => {
  const reset = (key: string, reset_to: number) => place.post(`/key/${key}/reset_spend`, { reset_to });

  test('is set to less, and what comes later is added', async () => {
    const key = await place.key({ max_budget: 10, budget_duration: '1d' });
    const caller = await use(key);
    spent(caller, 4);
    place.nowMs += 1_000;
    const answer = await reset(key, 1.5);
    expect(answer.body).toEqual({
      key_hash: digest(key),
      spend: 1.5,
      previous_spend: 4,
      max_budget: 10,
      budget_reset_at: '2026-02-01T00:00:00.000Z',
    });
    spent(caller, 0.25);
    expect(await infoOf(key)).toMatchObject({ spend: 1.75, total_spend: 4.25 });
    expect((await use(key)).allowance?.spendSet).toEqual({ nanoUsd: 1.5e9, atMs: place.nowMs });
  });

  test('begins anew with the next window all the same', async () => {
    const key = await place.key({ max_budget: 10, budget_duration: '1d' });
    spent(await use(key), 4);
    place.nowMs += 1_000;
    await reset(key, 2);
    place.nowMs += 24 * HOUR_MS;
    expect(await infoOf(key)).toMatchObject({ spend: 0, total_spend: 4 });
  });

  test('cannot be set to more than it is, nor to less than nothing', async () => {
    const key = await place.key();
    spent(await use(key), 1);
    for (const amount of [1.5, -1]) {
      const answer = await reset(key, amount);
      expect([answer.status, answer.body.error.param]).toEqual([400, 'reset_to']);
    }
    expect((await reset('sk-never-made-by-anyone', 0)).status).toBe(404);
    expect(await infoOf(key)).toMatchObject({ spend: 1 });
  });

  test('is set by an admin with any other change, or from the start', async () => {
    const made = await place.post('/key/generate', { spend: 3 });
    expect(made.body).toMatchObject({ spend: 3, total_spend: 0 });
    const { key } = made.body;
    expect((await place.post('/key/update', { key, spend: 5 })).body.spend).toBe(5);
    expect((await place.post('/key/update', { key, spend: null })).body.spend).toBe(0);
  });

  test('stays what it was when the key gets a new secret', async () => {
    const { key } = (await place.post('/key/generate', { spend: 3 })).body;
    expect((await regenerate(key)).spend).toBe(3);
  });
});
