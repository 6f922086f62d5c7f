import { describe, expect, test } from 'bun:test';
import { adminPlace, NOW_MS } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { auditLog } from '../db/audit-log.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();

const DAY_MS = 86_400_000;

/** A request of an end user, in dollars. */
const spend = (endUser: string, dollars: number, agoMs = 0): void =>
  place.ledger.record(sampleRow({ endUser, costNanoUsd: dollars * 1e9, startedAtMs: NOW_MS - agoMs }));

const lastAudit = async () => (await auditLog.list(place.db, { visibility: EVERYTHING, limit: 1 })).rows[0];

const INLINE = {
  max_budget: 10,
  soft_budget: 8,
  budget_duration: '1d',
  budget_limits: [{ budget_duration: '1mo', max_budget: 100 }],
  model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' } },
  max_parallel_requests: 4,
  tpm_limit: 1_000,
  rpm_limit: 10,
  tpd_limit: 100_000,
  tollgate_limits: [{ unit: 'requests', window: '1d', max: 50 }],
  temp_budget_increase: 5,
  temp_budget_expiry: '2026-02-01T00:00:00.000Z',
};

const PLAIN = {
  alias: 'Ada',
  blocked: true,
  models: ['gpt-4o'],
  default_model: 'gpt-4o',
  allowed_model_region: 'eu',
  metadata: { plan: 'gold' },
};

for (const root of ['customer', 'end_user']) {
  test(`/${root}: every field of a customer comes back as it was sent`, async () => {
    const made = await place.post(`/${root}/new`, { user_id: 'ada', ...PLAIN, ...INLINE });
    expect(made.status).toBe(200);
    expect(made.headers.get('x-tollgate-warning')).toBeNull();
    expect(made.body).toEqual({
      user_id: 'ada',
      ...PLAIN,
      budget_id: null,
      object_permission: null,
      object_permission_id: null,
      created_at: new Date(NOW_MS).toISOString(),
      updated_at: new Date(NOW_MS).toISOString(),
      created_by: 'default_user_id',
      updated_by: 'default_user_id',
      spend: 0,
      total_spend: 0,
      litellm_budget_table: { budget_id: null, ...INLINE, budget_reset_at: '2026-02-01T00:00:00.000Z' },
    });
    expect((await place.get(`/${root}/info?end_user_id=ada`)).body).toEqual(made.body);
    expect((await place.get(`/${root}/list`)).body).toEqual([made.body]);
    expect((await place.post(`/${root}/delete`, { user_ids: ['ada'] })).body.deleted_customers).toBe(1);
    expect((await place.get(`/${root}/info?end_user_id=ada`)).status).toBe(404);
  });
}

describe('budgets', () => {
  test('a customer without any has none', async () => {
    const { body } = await place.post('/customer/new', { user_id: 'ada' });
    expect(body).toMatchObject({ litellm_budget_table: null, budget_id: null, models: [], blocked: false });
  });

  test('a shared one is shown with the customer, as it is now', async () => {
    await place.post('/budget/new', { budget_id: 'free', max_budget: 1, rpm_limit: 5 });
    const { body } = await place.post('/customer/new', { user_id: 'ada', budget_id: 'free' });
    expect(body.litellm_budget_table).toMatchObject({ budget_id: 'free', max_budget: 1, rpm_limit: 5 });
    await place.post('/budget/update', { budget_id: 'free', max_budget: 2, budget_duration: '7d' });
    const after = (await place.get('/customer/info?end_user_id=ada')).body;
    expect(after.litellm_budget_table).toMatchObject({
      max_budget: 2,
      rpm_limit: 5,
      budget_reset_at: '2026-02-02T00:00:00.000Z',
    });
  });

  test('the default one holds for a customer without a budget', async () => {
    await place.post('/budget/new', { budget_id: 'default', max_budget: 3 });
    place.settings = { ...place.settings, endUserBudgetId: 'default' };
    const { body } = await place.post('/customer/new', { user_id: 'ada', rpm_limit: 7 });
    expect([body.budget_id, body.litellm_budget_table]).toMatchObject([null, { max_budget: 3, rpm_limit: 7 }]);
  });

  test('both at once are refused', async () => {
    await place.post('/budget/new', { budget_id: 'free', max_budget: 1 });
    const answer = await place.post('/customer/new', { user_id: 'ada', budget_id: 'free', max_budget: 2 });
    expect([answer.status, answer.body.error.param]).toEqual([400, 'budget_id']);
  });

  test('one that does not exist is refused, because nothing would be limited', async () => {
    const fresh = await place.post('/customer/new', { user_id: 'ada', budget_id: 'nowhere' });
    expect([fresh.status, fresh.body.error.param]).toEqual([400, 'budget_id']);
    await place.post('/customer/new', { user_id: 'ada' });
    expect((await place.post('/customer/update', { user_id: 'ada', budget_id: 'nowhere' })).status).toBe(400);
  });

  test('a shared one that is set later takes the place of the customer’s own limits', async () => {
    await place.post('/budget/new', { budget_id: 'free', max_budget: 1 });
    await place.post('/customer/new', { user_id: 'ada', max_budget: 10, rpm_limit: 4 });
    const { body } = await place.post('/customer/update', { user_id: 'ada', budget_id: 'free' });
    expect(body.litellm_budget_table).toMatchObject({ budget_id: 'free', max_budget: 1, rpm_limit: null });
  });

  test('limits set later stand over the shared one, which stays as it is for others', async () => {
    await place.post('/budget/new', { budget_id: 'free', max_budget: 1, rpm_limit: 5 });
    await place.post('/customer/new', { user_id: 'ada', budget_id: 'free' });
    const { body } = await place.post('/customer/update', { user_id: 'ada', max_budget: 4 });
    expect(body.litellm_budget_table).toMatchObject({ budget_id: 'free', max_budget: 4, rpm_limit: 5 });
    expect((await place.post('/budget/info', { budgets: ['free'] })).body[0].max_budget).toBe(1);
  });
});

describe('spend', () => {
  test('is what was spent in the window of the budget, and ever', async () => {
    await place.post('/customer/new', { user_id: 'ada', max_budget: 10, budget_duration: '1d' });
    spend('ada', 2);
    spend('ada', 3, DAY_MS);
    spend('bob', 9);
    const { body } = await place.get('/customer/info?end_user_id=ada');
    expect(body).toMatchObject({ spend: 2, total_spend: 5 });
  });

  test('is all of it without a window', async () => {
    await place.post('/customer/new', { user_id: 'ada' });
    spend('ada', 2, 40 * DAY_MS);
    expect((await place.get('/customer/info?end_user_id=ada')).body).toMatchObject({ spend: 2, total_spend: 2 });
  });

  test('whom requests have named is there without having been stored', async () => {
    spend('bob', 9);
    expect((await place.get('/customer/info?end_user_id=bob')).body).toMatchObject({
      user_id: 'bob',
      spend: 9,
      created_at: null,
    });
    await place.post('/customer/new', { user_id: 'ada' });
    const listed = async (query: string) =>
      (await place.get(`/customer/list${query}`)).body.map(({ user_id }: { user_id: string }) => user_id);
    expect(await listed('')).toEqual(['ada', 'bob']);
    expect(await listed('?page=1&page_size=1')).toEqual(['ada']);
    expect(await listed('?page=2&page_size=1')).toEqual(['bob']);
    expect(await listed('?page=3&page_size=1')).toEqual([]);
    const { body } = await place.post('/customer/update', { user_id: 'bob', alias: 'Bob' });
    expect(body).toMatchObject({ alias: 'Bob', spend: 9 });
    expect(await listed('')).toEqual(expect.arrayContaining(['ada', 'bob']));
    expect(await listed('')).toHaveLength(2);
  });
});

test('are searched by any part of an id or an alias, in any case, stored or only seen', async () => {
  await place.post('/customer/new', { user_id: 'ada', alias: 'Countess' });
  await place.post('/customer/new', { user_id: 'bob_1' });
  for (const endUser of ['only-Seen', 'ada', 'bobx1']) place.ledger.record(sampleRow({ endUser }));
  const found = async (search: string): Promise<string[]> =>
    (await place.get(`/customer/list?search=${encodeURIComponent(search)}`)).body.map(
      ({ user_id }: { user_id: string }) => user_id,
    );
  expect(await found('COUNT')).toEqual(['ada']);
  expect(await found('seen')).toEqual(['only-Seen']);
  expect(await found('b_1')).toEqual(['bob_1']);
  expect((await found('')).length).toBe(4);
  expect((await found('a')).toSorted()).toEqual(['ada']);
});

describe('changes', () => {
  test('only the fields sent change, and an explicit null clears one', async () => {
    await place.post('/customer/new', { user_id: 'ada', ...PLAIN, ...INLINE });
    const { body } = await place.post('/customer/update', { user_id: 'ada', alias: null, max_budget: 20 });
    expect(body).toMatchObject({ ...PLAIN, alias: null });
    expect(body.litellm_budget_table).toMatchObject({ ...INLINE, max_budget: 20 });
    const cleared = await place.post('/customer/update', { user_id: 'ada', models: null, default_model: null });
    expect(cleared.body).toMatchObject({ models: [], default_model: null });
  });

  test('a customer is blocked and unblocked, also one that nobody has stored', async () => {
    await place.post('/customer/new', { user_id: 'ada' });
    const blocked = await place.post('/customer/block', { user_ids: ['ada', 'stranger', 'ada'] });
    expect(blocked.body.blocked_users).toMatchObject([
      { user_id: 'ada', blocked: true },
      { user_id: 'stranger', blocked: true },
    ]);
    const { body } = await place.post('/customer/unblock', { user_ids: ['ada'] });
    expect(body).toMatchObject({ unblocked_users: [{ user_id: 'ada', blocked: false }], blocked_users: ['stranger'] });
    expect((await place.post('/customer/unblock', { user_ids: ['nobody'] })).status).toBe(404);
  });

  test('customers are deleted all or none', async () => {
    await place.post('/customer/new', { user_id: 'ada' });
    const answer = await place.post('/customer/delete', { user_ids: ['ada', 'nobody'] });
    expect([answer.status, answer.body.error.type]).toEqual([404, 'not_found_error']);
    expect(answer.body.error.message).toContain("'nobody'");
    expect((await place.get('/customer/list')).body).toHaveLength(1);
  });

  test('each leaves a row that says who, what, before and after', async () => {
    await place.post('/customer/new', { user_id: 'ada', max_budget: 1 });
    await place.request('/customer/update', {
      method: 'POST',
      headers: { 'litellm-changed-by': 'support' },
      body: JSON.stringify({ user_id: 'ada', max_budget: 2 }),
    });
    const row = await lastAudit();
    expect(row).toMatchObject({ action: 'updated', object_kind: 'customer', object_id: 'ada', changed_by: 'support' });
    expect(JSON.parse(row?.before_values ?? '')).toMatchObject({ max_budget: 1 });
    expect(JSON.parse(row?.after_values ?? '')).toMatchObject({ max_budget: 2 });
    await place.post('/customer/block', { user_ids: ['ada'] });
    expect(await lastAudit()).toMatchObject({ action: 'blocked', object_id: 'ada' });
    await place.post('/customer/delete', { user_ids: ['ada'] });
    expect(await lastAudit()).toMatchObject({ action: 'deleted', object_id: 'ada', after_values: null });
  });
});

describe('refusals', () => {
  test('a customer that exists is not made again', async () => {
    await place.post('/customer/new', { user_id: 'ada', alias: 'first' });
    const again = await place.post('/customer/new', { user_id: 'ada', alias: 'second' });
    expect([again.status, again.body.error.param]).toEqual([400, 'user_id']);
    expect((await place.get('/customer/info?end_user_id=ada')).body.alias).toBe('first');
  });

  test.each<[string, object, string]>([
    ['nobody', {}, 'user_id'],
    ['an empty id', { user_id: '' }, 'user_id'],
    ['an id of two', { user_id: 'a\u001fb' }, 'user_id'],
    ['a region that is none', { user_id: 'ada', allowed_model_region: 'mars' }, 'allowed_model_region'],
    ['what was spent', { user_id: 'ada', spend: 0 }, 'spend'],
    ['an unknown field', { user_id: 'ada', max_bugdet: 1 }, 'max_bugdet'],
    ['a window that is none', { user_id: 'ada', budget_duration: 'x' }, 'budget_duration'],
  ])('%s', async (_, body, param) => {
    const answer = await place.post('/customer/new', body);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });

  test.each(['/customer/info', '/customer/info?user_id=x', '/customer/list?page=0', '/customer/list?pages=1'])(
    'GET %s',
    async (path) => {
      expect((await place.get(path)).status).toBe(400);
    },
  );

  test('nobody is changed who is not there', async () => {
    expect((await place.post('/customer/update', { user_id: 'nobody', alias: 'x' })).status).toBe(404);
    expect((await place.get('/customer/info?end_user_id=nobody')).status).toBe(404);
  });

  test('a key sees and changes none', async () => {
    await place.post('/customer/new', { user_id: 'ada' });
    const key = await place.key();
    for (const path of ['/customer/info?end_user_id=ada', '/customer/list', '/end_user/list']) {
      expect((await place.get(path, key)).status).toBe(403);
    }
    expect((await place.post('/end_user/block', { user_ids: ['ada'] }, key)).status).toBe(403);
  });
});
