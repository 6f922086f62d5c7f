import { expect, test } from 'bun:test';
import { adminPlace, MASTER_KEY, NOW_MS } from '../../test/support/admin-place.ts';
import { customerRow, keyRow, teamRow } from '../../test/support/entity-rows.ts';
import { auditLog } from '../db/audit-log.ts';
import { customers } from '../db/customers.ts';
import { keys } from '../db/keys.ts';
import { teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();

const EVERY_FIELD = {
  max_budget: 10.5,
  soft_budget: 8,
  budget_duration: '1d',
  budget_limits: [{ budget_duration: '1mo', max_budget: 100 }],
  model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' }, small: 0.5 },
  max_parallel_requests: 4,
  tpm_limit: 1_000,
  rpm_limit: 10,
  tpd_limit: 100_000,
  tollgate_limits: [{ unit: 'requests', window: '1d', max: 50, mode: 'shadow', model: 'small' }],
  temp_budget_increase: 5,
  temp_budget_expiry: '2026-02-01T00:00:00.000Z',
  allowed_models: ['small'],
};

const lastAudit = async () => (await auditLog.list(place.db, { visibility: EVERYTHING, limit: 1 })).rows[0];

test('every field of a budget comes back as it was sent', async () => {
  const made = await place.post('/budget/new', { budget_id: 'b', ...EVERY_FIELD });
  expect(made.status).toBe(200);
  expect(made.body).toEqual({
    budget_id: 'b',
    ...EVERY_FIELD,
    budget_reset_at: '2026-02-01T00:00:00.000Z',
    created_at: new Date(NOW_MS).toISOString(),
    updated_at: new Date(NOW_MS).toISOString(),
    created_by: 'default_user_id',
    updated_by: 'default_user_id',
  });
  expect((await place.post('/budget/info', { budgets: ['b', 'nobody'] })).body).toEqual([made.body]);
  expect((await place.get('/budget/list')).body).toEqual([made.body]);
});

test('a budget without an id gets one, and has null for what is not set', async () => {
  const { body } = await place.post('/budget/new', {});
  expect(body.budget_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(body).toMatchObject({ max_budget: null, budget_duration: null, budget_reset_at: null, rpm_limit: null });
});

test('only the fields sent change, and an explicit null clears one', async () => {
  await place.post('/budget/new', { budget_id: 'b', ...EVERY_FIELD });
  const { body } = await place.post('/budget/update', { budget_id: 'b', max_budget: 20, soft_budget: null });
  expect(body).toMatchObject({ max_budget: 20, soft_budget: null, rpm_limit: 10, budget_duration: '1d' });
});

test('models that it allows are stored and shown, and nothing has to be said', async () => {
  const { headers } = await place.post('/budget/new', { allowed_models: ['small'] });
  expect(headers.get('x-tollgate-warning')).toBeNull();
  expect((await place.post('/budget/new', { max_budget: 1 })).headers.get('x-tollgate-warning')).toBeNull();
});

test('an id that is taken is refused', async () => {
  await place.post('/budget/new', { budget_id: 'b', max_budget: 1 });
  const again = await place.post('/budget/new', { budget_id: 'b', max_budget: 2 });
  expect([again.status, again.body.error.param]).toEqual([400, 'budget_id']);
  expect((await place.post('/budget/info', { budgets: ['b'] })).body[0].max_budget).toBe(1);
});

test.each<[string, object, string]>([
  ['a negative budget', { max_budget: -1 }, 'max_budget'],
  ['a budget that is a word', { max_budget: 'one' }, 'max_budget'],
  ['a window that is none', { budget_duration: 'soon' }, 'budget_duration'],
  ['a model budget that nobody could enforce', { model_max_budget: { m: { max: 1 } } }, 'model_max_budget.m.max'],
  ['a custom limit in an unknown unit', { tollgate_limits: [{ unit: 'cats', max: 1 }] }, 'tollgate_limits.0.unit'],
  ['half a request a minute', { rpm_limit: 0.5 }, 'rpm_limit'],
  ['what was spent', { spend: 1 }, 'spend'],
  ['who made it', { created_by: 'me' }, 'created_by'],
  ['an unknown field', { max_bugdet: 1 }, 'max_bugdet'],
  ['an id with control characters', { budget_id: 'a\u001fb' }, 'budget_id'],
])('%s is refused by name', async (_, body, param) => {
  const answer = await place.post('/budget/new', body);
  expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  expect((await place.get('/budget/list')).body).toEqual([]);
});

test('a budget that is not there cannot be changed, shown or deleted', async () => {
  for (const answer of [
    await place.post('/budget/update', { budget_id: 'b', max_budget: 1 }),
    await place.post('/budget/delete', { id: 'b' }),
    await place.get('/budget/settings?budget_id=b'),
  ]) {
    expect([answer.status, answer.body.error.type]).toEqual([404, 'not_found_error']);
  }
});

test('a budget that others refer to is not deleted, and the refusal says by whom', async () => {
  await place.post('/budget/new', { budget_id: 'b', max_budget: 1 });
  await keys.insert(place.db, keyRow('k1', { budget_id: 'b' }));
  await keys.insert(place.db, keyRow('k2', { budget_id: 'b' }));
  await customers.insert(place.db, customerRow('c', { budget_id: 'b' }));
  await teams.insert(place.db, teamRow('t', { metadata: JSON.stringify({ team_member_budget_id: 'b' }) }));
  await teams.insert(place.db, teamRow('u', { metadata: JSON.stringify({ team_member_budget_id: 'bb' }) }));
  place.settings = { ...place.settings, endUserBudgetId: 'b' };
  const refused = await place.post('/budget/delete', { id: 'b' });
  expect(refused.status).toBe(400);
  for (const use of ['2 keys', '1 customer,', '1 team', 'max_end_user_budget_id']) {
    expect(refused.body.error.message).toContain(use);
  }
  expect((await place.get('/budget/list')).body).toHaveLength(1);
});

test('a budget that nothing refers to is deleted, once', async () => {
  await place.post('/budget/new', { budget_id: 'b', max_budget: 1 });
  const gone = await place.post('/budget/delete', { id: 'b' });
  expect([gone.status, gone.body.budget_id]).toEqual([200, 'b']);
  expect((await place.post('/budget/delete', { id: 'b' })).status).toBe(404);
  expect((await place.post('/budget/delete', {})).status).toBe(400);
});

test('the form shows each field with its value', async () => {
  await place.post('/budget/new', { budget_id: 'b', max_budget: 1, rpm_limit: 2 });
  const { body } = await place.get('/budget/settings?budget_id=b');
  const values = Object.fromEntries(
    body.map((field: { field_name: string; field_value: unknown }) => [field.field_name, field.field_value]),
  );
  expect(values).toMatchObject({ max_budget: 1, rpm_limit: 2, tpm_limit: null });
});

test('every change leaves a row that says who, what, before and after', async () => {
  await place.post('/budget/new', { budget_id: 'b', max_budget: 1 });
  expect(await lastAudit()).toMatchObject({ action: 'created', object_kind: 'budget', object_id: 'b' });
  await place.post('/budget/update', { budget_id: 'b', max_budget: 2 });
  const row = await lastAudit();
  expect(row).toMatchObject({ action: 'updated', actor_user: 'default_user_id', actor_role: 'root' });
  expect(JSON.parse(row?.before_values ?? '')).toMatchObject({ max_budget: 1 });
  expect(JSON.parse(row?.after_values ?? '')).toMatchObject({ max_budget: 2 });
  await place.post('/budget/delete', { id: 'b' });
  expect(await lastAudit()).toMatchObject({ action: 'deleted', object_id: 'b', after_values: null });
});

test('a change that was refused leaves none', async () => {
  await place.post('/budget/new', { budget_id: 'b', max_budget: 1 });
  await keys.insert(place.db, keyRow('k', { budget_id: 'b' }));
  const before = await lastAudit();
  await place.post('/budget/delete', { id: 'b' });
  expect(await lastAudit()).toEqual(before);
});

test('only admins define budgets', async () => {
  const key = await place.key();
  for (const path of ['/budget/new', '/budget/update', '/budget/delete', '/budget/info']) {
    expect((await place.post(path, { budget_id: 'b' }, key)).status).toBe(403);
  }
  expect((await place.get('/budget/list', key)).status).toBe(403);
  expect((await place.get('/budget/list', null)).status).toBe(401);
  expect((await place.get('/budget/list', MASTER_KEY)).status).toBe(200);
});
