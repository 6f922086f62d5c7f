import { expect, test } from 'bun:test';
import { adminPlace, NOW_MS } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { auditLog } from '../db/audit-log.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();

const spend = (tags: readonly string[], dollars: number): void =>
  place.ledger.record(sampleRow({ tags, costNanoUsd: dollars * 1e9, startedAtMs: NOW_MS }));

const EVERY_FIELD = {
  description: 'The marketing campaign',
  models: ['gpt-4o'],
  model_info: { 'gpt-4o': 'GPT' },
  max_budget: 10,
  soft_budget: 8,
  budget_duration: '1d',
  budget_limits: [{ budget_duration: '1mo', max_budget: 100 }],
  model_max_budget: { 'gpt-4o': 1 },
  max_parallel_requests: 4,
  tpm_limit: 1_000,
  rpm_limit: 10,
  tpd_limit: 100_000,
  tollgate_limits: [{ unit: 'requests', window: '1d', max: 50 }],
  temp_budget_increase: 5,
  temp_budget_expiry: '2026-02-01T00:00:00.000Z',
};

const listed = async (): Promise<Record<string, unknown>[]> => (await place.get('/tag/list')).body;

test('every field of a tag comes back as it was sent', async () => {
  const made = await place.post('/tag/new', { name: 'campaign', ...EVERY_FIELD });
  expect(made.status).toBe(200);
  expect(made.headers.get('x-tollgate-warning')).toBe('stored but not enforced yet: model_info');
  expect(made.body.tag).toMatchObject({
    name: 'campaign',
    ...EVERY_FIELD,
    budget_id: null,
    spend: 0,
    total_spend: 0,
    budget_reset_at: '2026-02-01T00:00:00.000Z',
    litellm_budget_table: { max_budget: 10, budget_duration: '1d' },
    is_dynamic: false,
    created_at: new Date(NOW_MS).toISOString(),
  });
  expect((await place.post('/tag/info', { names: ['campaign'] })).body).toEqual({ campaign: made.body.tag });
  expect(await listed()).toEqual([made.body.tag]);
});

test('only the fields sent change, and an explicit null clears one', async () => {
  await place.post('/tag/new', { name: 'campaign', ...EVERY_FIELD });
  const { body } = await place.post('/tag/update', { name: 'campaign', max_budget: 20, description: null });
  expect(body.tag).toMatchObject({ ...EVERY_FIELD, max_budget: 20, description: null });
});

test('a tag can share a budget with others', async () => {
  await place.post('/budget/new', { budget_id: 'campaigns', max_budget: 3 });
  const { body } = await place.post('/tag/new', { name: 'spring', budget_id: 'campaigns' });
  expect(body.tag.litellm_budget_table).toMatchObject({ budget_id: 'campaigns', max_budget: 3 });
  expect((await place.post('/budget/delete', { id: 'campaigns' })).body.error.message).toContain('1 tag');
  const both = await place.post('/tag/update', { name: 'spring', budget_id: 'campaigns', max_budget: 1 });
  expect([both.status, both.body.error.param]).toEqual([400, 'budget_id']);
  expect((await place.post('/tag/update', { name: 'spring', budget_id: 'none' })).status).toBe(400);
});

test('tags that only requests have named are listed as such, with what was spent', async () => {
  spend(['spring', 'User-Agent: curl'], 2);
  spend(['spring'], 3);
  await place.post('/tag/new', { name: 'autumn' });
  expect(await listed()).toMatchObject([
    { name: 'autumn', is_dynamic: false, spend: 0 },
    { name: 'User-Agent: curl', is_dynamic: true, spend: 2, created_at: null },
    { name: 'spring', is_dynamic: true, spend: 5 },
  ]);
  await place.post('/tag/new', { name: 'spring' });
  const spring = (await listed()).filter(({ name }) => name === 'spring');
  expect(spring).toMatchObject([{ is_dynamic: false, spend: 5 }]);
});

test('a tag is deleted once, and what was spent under it stays', async () => {
  spend(['spring'], 5);
  await place.post('/tag/new', { name: 'spring', max_budget: 1 });
  expect((await place.post('/tag/delete', { name: 'spring' })).body.message).toContain('spring');
  expect((await place.post('/tag/delete', { name: 'spring' })).status).toBe(404);
  expect(await listed()).toMatchObject([{ name: 'spring', is_dynamic: true, spend: 5, max_budget: null }]);
});

test('each change leaves a row that says what, before and after', async () => {
  const last = async () => (await auditLog.list(place.db, { visibility: EVERYTHING, limit: 1 })).rows[0];
  await place.post('/tag/new', { name: 'spring', max_budget: 1 });
  expect(await last()).toMatchObject({ action: 'created', object_kind: 'tag', object_id: 'spring' });
  await place.post('/tag/update', { name: 'spring', max_budget: 2 });
  const row = await last();
  expect(JSON.parse(row?.before_values ?? '')).toMatchObject({ max_budget: 1 });
  expect(JSON.parse(row?.after_values ?? '')).toMatchObject({ max_budget: 2 });
  await place.post('/tag/delete', { name: 'spring' });
  expect(await last()).toMatchObject({ action: 'deleted', after_values: null });
});

test('refusals name what is wrong', async () => {
  await place.post('/tag/new', { name: 'spring' });
  const cases: [string, object, number, string][] = [
    ['/tag/new', { name: 'spring' }, 400, 'name'],
    ['/tag/new', {}, 400, 'name'],
    ['/tag/new', { name: 'x', spend: 1 }, 400, 'spend'],
    ['/tag/new', { name: 'x', modles: [] }, 400, 'modles'],
    ['/tag/update', { name: 'nobody', max_budget: 1 }, 404, 'name'],
    ['/tag/info', { names: ['spring', 'nobody'] }, 404, 'name'],
  ];
  for (const [path, body, status, param] of cases) {
    const answer = await place.post(path, body);
    expect([path, answer.status, answer.body.error.param]).toEqual([path, status, param]);
  }
});

test('a key sees and changes none', async () => {
  const key = await place.key();
  expect((await place.get('/tag/list', key)).status).toBe(403);
  expect((await place.post('/tag/info', { names: [] }, key)).status).toBe(403);
  for (const path of ['/tag/new', '/tag/update', '/tag/delete']) {
    expect((await place.post(path, { name: 'x' }, key)).status).toBe(403);
  }
});
