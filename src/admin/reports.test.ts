import { describe, expect, test } from 'bun:test';
import { adminPlace, NOW_MS } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';
import { digest } from '../auth/digest.ts';
import type { LedgerRow } from '../db/request-row.ts';

const place = adminPlace();
const NOON = Date.UTC(2026, 0, 30, 12);

function record(over: Partial<LedgerRow> = {}): LedgerRow {
  const startedAtMs = over.startedAtMs ?? NOON;
  const row = sampleRow({ startedAtMs, endedAtMs: startedAtMs + 500, ...over });
  place.ledger.record(row);
  return row;
}

const of = (userId: string, over: Partial<LedgerRow> = {}): Partial<LedgerRow> => ({
  keyHash: digest(keyOf(userId)),
  userId,
  organizationId: userId.slice(0, 1),
  teamId: null,
  ...over,
});

describe('who sees what', () => {
  /** Powers of two in dollars, so that a sum says which rows are in it. */
  async function settled(): Promise<void> {
    await settleTenants(place.db);
    const rows = [
      of('a-mate'),
      of('a-mate', { teamId: 'a-team' }),
      of('a-lead', { teamId: 'a-team' }),
      of('a-owner'),
      of('b-mate', { teamId: 'b-team' }),
      of('b-lead'),
      of('a-reader', { teamId: 'a-team' }),
    ];
    for (const [at, row] of rows.entries()) record({ ...row, endUser: 'e', tags: ['t'], costNanoUsd: 2 ** at * 1e9 });
  }

  const ALL = 127;
  const SEEN: Readonly<Record<string, number>> = {
    'a-mate': 1 + 2,
    'a-reader': 64,
    'a-lead': 2 + 4 + 64,
    'a-owner': 1 + 2 + 4 + 8 + 64,
    'b-mate': 16,
    'b-lead': 16 + 32,
    auditor: ALL,
    boss: ALL,
  };

  test('a report adds up what its caller may see, and nothing else, on every route that people may read', async () => {
    await settled();
    for (const [person, dollars] of Object.entries(SEEN)) {
      const key = keyOf(person);
      const rows = dollars.toString(2).replaceAll('0', '').length;
      const customers = await place.get('/customer/daily/activity', key);
      expect([person, customers.body.metadata?.total_spend]).toEqual([person, dollars]);
      const tags = await place.get('/tag/daily/activity/aggregated', key);
      expect([person, tags.body.metadata?.total_spend]).toEqual([person, dollars]);
      expect((await place.get('/global/activity', key)).body.sum_api_requests).toBe(rows);
      const [model] = (await place.get('/global/activity/model', key)).body;
      expect([person, model.sum_api_requests]).toEqual([person, rows]);
      const days = await place.get('/spend/logs?start_date=2026-01-30&end_date=2026-01-30', key);
      expect([person, days.body[0].spend]).toEqual([person, dollars]);
      const page = await place.get('/spend/logs/ui', key);
      expect([person, page.body.total, page.body.data.length]).toEqual([person, rows, rows]);
      const table = await place.get('/customer/daily/activity?format=csv', key);
      expect(String(table.body)).toContain(`,${dollars},`);
    }
  });

  test('of people a report is about oneself; an admin’s is about all', async () => {
    await settled();
    const seen = { 'a-mate': 1 + 2, 'a-lead': 4, 'a-owner': 8, auditor: ALL };
    for (const [person, dollars] of Object.entries(seen)) {
      const { body } = await place.get('/user/daily/activity', keyOf(person));
      expect([person, body.metadata.total_spend]).toEqual([person, dollars]);
    }
    const mate = await place.get('/user/daily/activity?user_id=a-mate', keyOf('a-lead'));
    expect(mate.body.metadata.total_spend).toBe(2);
  });

  test('what is foreign is empty or not there, however it is asked for', async () => {
    await settled();
    for (const query of [
      'team_ids=b-team',
      'team_ids=b-team,nothing',
      'team_ids=',
      'model=openai/gpt-4o-mini&team_ids=b-team',
    ]) {
      const { status, body } = await place.get(`/team/daily/activity?${query}`, keyOf('a-lead'));
      const mine = query === 'team_ids=' ? 2 + 4 + 64 : 0;
      expect([query, status, body.metadata.total_spend, body.results.length]).toEqual([
        query,
        200,
        mine,
        mine === 0 ? 0 : 1,
      ]);
    }
    const ownTeam = await place.get('/team/daily/activity?team_ids=a-team,b-team', keyOf('a-lead'));
    expect(ownTeam.body.metadata.total_spend).toBe(2 + 4 + 64);
    expect(Object.keys(ownTeam.body.results[0].breakdown.entities)).toEqual(['a-team']);
    for (const path of ['/user/daily/activity', '/team/daily/activity', '/spend/logs', '/spend/logs/v2']) {
      const { status, body } = await place.get(`${path}?api_key=${digest(keyOf('b-mate'))}`, keyOf('a-lead'));
      expect([status, body.error.param]).toEqual([404, 'api_key']);
    }
    for (const query of ['user_id=b-mate', 'team_id=b-team', 'organization_id=b', 'user_id=never']) {
      const { body } = await place.get(`/spend/logs/v2?${query}`, keyOf('a-owner'));
      expect([query, body.total, body.data]).toEqual([query, 0, []]);
    }
  });

  test('sums of all are for the platform’s admins and their viewer', async () => {
    await settled();
    const paths = [
      ...['', '/keys', '/models', '/provider', '/teams', '/logs', '/tags', '/all_tag_names', '/report'],
    ].map((path) => `/global/spend${path}`);
    paths.push('/spend/keys', '/spend/users', '/spend/tags', '/provider/budgets', '/team/spend/report');
    for (const path of paths) {
      for (const person of ['a-mate', 'a-lead', 'a-owner']) {
        expect([path, person, (await place.get(path, keyOf(person))).status]).toEqual([path, person, 403]);
      }
      for (const person of ['boss', 'auditor']) {
        expect([path, person, (await place.get(path, keyOf(person))).status]).toEqual([path, person, 200]);
      }
    }
    expect((await place.get('/global/spend', keyOf('auditor'))).body.spend).toBe(ALL);
    expect((await place.post('/global/spend/end_users', {}, keyOf('a-owner'))).status).toBe(403);
    const users = (await place.get('/spend/users', keyOf('boss'))).body;
    expect(users.map(({ user_id, spend }: Record<string, unknown>) => [user_id, spend])[0]).toEqual(['a-reader', 64]);
    const keys = (await place.get('/spend/keys?limit=2', keyOf('boss'))).body;
    expect(keys.map(({ key_alias, spend }: Record<string, unknown>) => [key_alias, spend])).toEqual([
      ['key of a-reader', 64],
      ['key of b-lead', 32],
    ]);
  });

  test('prompts are for the admins and for whose request it was', async () => {
    await settleTenants(place.db);
    const row = record({ ...of('a-mate', { teamId: 'a-team' }), requestBody: '{"messages":["x"]}' });
    const path = `/spend/logs/ui/${row.id}`;
    for (const [person, shown] of [
      ['boss', ['x']],
      ['a-mate', ['x']],
      ['a-lead', {}],
      ['a-owner', {}],
      ['auditor', {}],
    ] as const) {
      const { body } = await place.get(path, keyOf(person));
      expect([person, body.messages]).toEqual([person, shown]);
    }
    expect((await place.get(path, keyOf('b-owner'))).status).toBe(404);
    const notes = (await place.get('/audit')).body.audit_logs;
    expect(notes.map((note: Record<string, unknown>) => [note['action'], note['object_id']])).toEqual([
      ['viewed', row.id],
    ]);
  });
});

describe('prices of today', () => {
  const TIERED = {
    model_name: 'long',
    litellm_params: {
      model: 'openai/long-model',
      api_key: 'x',
      input_cost_per_token: 0.000002,
      output_cost_per_token: 0.00001,
      input_cost_per_token_above_200k_tokens: 0.000004,
      input_cost_per_token_flex: 0.000001,
      output_cost_per_token_flex: 0.000005,
    },
    model_info: { id: 'd-long' },
  };
  const served = { deploymentId: 'd-long', model: 'openai/long-model', modelGroup: 'long', costNanoUsd: 1 };
  const tokens = (input: number, output: number): Partial<LedgerRow> => ({
    buckets: {
      input,
      cacheRead: 0,
      cacheWrite: 0,
      inputAudio: 0,
      output,
      reasoning: 0,
      outputAudio: 0,
      source: 'provider',
    },
  });

  async function configured(): Promise<void> {
    place.configuration = { model_list: [TIERED] };
    await place.end();
    await place.start();
    place.configuration = {};
  }

  const report = async (query: string) => await place.get(`/global/spend/report?group_by=model&${query}`);

  test('are those of the deployment, with its thresholds and the tier that served', async () => {
    await configured();
    record({ ...served, ...tokens(1_000, 100) });
    record({ ...served, ...tokens(300_000, 0) });
    record({ ...served, ...tokens(1_000, 100), priceFactors: { serviceTier: 'flex' } });
    const now = 1_000 * 2_000 + 100 * 10_000 + 300_000 * 4_000 + 1_000 * 1_000 + 100 * 5_000;
    const billed = await report('as=billed');
    expect(billed.body[0].models[0].total_spend).toBe(3 / 1e9);
    expect(billed.headers.get('x-tollgate-priced')).toBeNull();
    const priced = await report('as=priced-now');
    expect(priced.body[0].models[0].total_spend).toBe(now / 1e9);
    expect(priced.headers.get('x-tollgate-priced')).toBe('now');
    const table = await report('as=priced-now&format=csv');
    expect(String(table.body)).toContain(',0.0047045,'.replace('0.0047045', String(now / 1e9)));
    const days = (await place.get('/user/daily/activity?as=priced-now')).body;
    expect(days.metadata).toMatchObject({ total_spend: now / 1e9, total_unpriced_requests: 0, total_api_requests: 3 });
    expect((await place.get('/global/spend/models?as=priced-now')).body).toEqual([
      { model: 'openai/long-model', total_spend: now / 1e9 },
    ]);
  });

  test('of a model that has none any more are said to be missing, and are not zero', async () => {
    record({ model: 'openai/gone-model', modelGroup: 'gone', deploymentId: 'd-gone', ...tokens(10, 10) });
    record({ model: 'openai/gpt-4o-mini', ...tokens(1_000_000, 0) });
    const { body, headers } = await report('as=priced-now');
    expect(headers.get('x-tollgate-unpriced-models')).toBe('openai/gone-model');
    const spends = body[0].models.map(({ model, total_spend }: Record<string, unknown>) => [model, total_spend]);
    expect(new Map(spends)).toEqual(
      new Map([
        ['openai/gone-model', null],
        ['openai/gpt-4o-mini', 0.15],
      ]),
    );
    const days = (await place.get('/user/daily/activity?as=priced-now')).body;
    expect(days.metadata).toMatchObject({ total_spend: 0.15, total_unpriced_requests: 1 });
    expect(days.results[0].breakdown.models['openai/gone-model'].metrics).toMatchObject({
      spend: null,
      unpriced_requests: 1,
    });
    const table = await report('as=priced-now&format=csv');
    expect(String(table.body)).toMatch(/openai\/gone-model,\w+,,10,10/);
    expect((await report('as=billed')).body[0].models).toHaveLength(2);
  });

  test('leave what the provider told as it was, and what nobody served', async () => {
    record({ priceVersion: 'reported', costNanoUsd: 77e9 });
    record({ deploymentId: null, model: null, provider: null, modelGroup: 'mocked', costNanoUsd: 0 });
    record({ buckets: null, costNanoUsd: 0, costParts: null, status: 'failure' });
    const { body } = await place.get('/user/daily/activity?as=priced-now');
    expect(body.metadata).toMatchObject({ total_spend: 77, total_unpriced_requests: 0, total_api_requests: 3 });
  });

  test('of a model with an odd name are told all the same', async () => {
    record({ deploymentId: null, model: null, modelGroup: 'ünpriced\r\nx: y', costNanoUsd: null, costParts: null });
    const { status, headers } = await report('as=priced-now');
    expect([status, headers.get('x-tollgate-unpriced-models')]).toEqual([200, '?npriced??x: y']);
  });

  test('are the only other ones', async () => {
    expect((await report('as=guessed')).body.error.param).toBe('as');
  });
});

describe('a range', () => {
  test('is the last thirty days of the zone when none is given', async () => {
    const day = 86_400_000;
    const midnight = Date.UTC(2026, 0, 2);
    for (const startedAtMs of [midnight - 1, midnight, NOW_MS - 1, Date.UTC(2026, 1, 1) - 1]) record({ startedAtMs });
    expect((await place.get('/global/activity')).body.sum_api_requests).toBe(3);
    expect((await place.get('/global/activity?timezone=Etc/GMT-1')).body.sum_api_requests).toBe(3);
    expect((await place.get('/global/activity?end_date=2026-01-01')).body.sum_api_requests).toBe(1);
    record({ startedAtMs: midnight - day });
    expect((await place.get('/global/activity?start_date=2025-12-01')).body.sum_api_requests).toBe(5);
  });

  test('that cannot be read is refused by name', async () => {
    for (const [query, param] of [
      ['start_date=2026-02-30x', 'start_date'],
      ['start_date=2026-02-02&end_date=2026-02-01', 'start_date'],
      ['timezone=Nowhere/Land', 'timezone'],
      ['timezone=999', 'timezone'],
      ['timezone=%2B05:31', 'timezone'],
      ['format=xml', 'format'],
      ['group_by=colour', 'group_by'],
      ['groupby=team', 'groupby'],
    ] as const) {
      const { status, body } = await place.get(`/global/spend/report?${query}`);
      expect([query, status, body.error?.param]).toEqual([query, 400, param]);
    }
  });

  test('has days of 23 hours where the clocks go forward, and says which midnight it means', async () => {
    for (let hour = 0; hour < 72; hour++) {
      record({ startedAtMs: Date.UTC(2026, 2, 28) + hour * 3_600_000, costNanoUsd: 1e9 });
    }
    const zone = 'start_date=2026-03-29&end_date=2026-03-29&timezone=Europe/Berlin';
    const { body } = await place.get(`/global/spend/report?${zone}`);
    expect(body).toMatchObject([{ group_by_day: '2026-03-29T00:00:00+01:00', teams: [{ total_spend: 23 }] }]);
    const after = await place.get(`/global/spend/report?${zone.replaceAll('03-29', '03-30')}`);
    expect(after.body[0].group_by_day).toBe('2026-03-30T00:00:00+02:00');
  });
});

describe('what a request costs', () => {
  const cost = async (body: object, key?: string) => await place.post('/spend/calculate', body, key);

  test('is computed from an answer’s usage, by public name or by the price list', async () => {
    const usage = { prompt_tokens: 1_000_000, completion_tokens: 0, total_tokens: 1_000_000 };
    expect((await cost({ model: 'gpt-4o-mini', completion_response: { usage } })).body).toEqual({ cost: 0.15 });
    expect((await cost({ completion_response: { model: 'openai/gpt-4o-mini', usage } })).body).toEqual({ cost: 0.15 });
    const cached = { ...usage, prompt_tokens_details: { cached_tokens: 1_000_000 } };
    expect((await cost({ model: 'gpt-4o-mini', completion_response: { usage: cached } })).body).toEqual({
      cost: 0.075,
    });
  });

  test('is estimated from messages, and any key may ask', async () => {
    const key = await place.key();
    const messages = [{ role: 'user', content: 'x'.repeat(4_000) }];
    expect((await cost({ model: 'gpt-4o-mini', messages }, key)).body).toEqual({ cost: 0.00015 });
    const parts = [{ role: 'user', content: [{ type: 'text', text: 'x'.repeat(4_000) }, null, 7] }];
    expect((await cost({ model: 'gpt-4o-mini', messages: parts })).body).toEqual({ cost: 0.00015 });
  });

  test('is refused where it is unknown, with what to do', async () => {
    for (const [body, param] of [
      [{ model: 'no-such-model', messages: [] }, 'model'],
      [{ messages: [] }, 'model'],
      [{ model: 'gpt-4o-mini' }, 'messages'],
      [{ model: 'gpt-4o-mini', messages: [], price: 1 }, 'price'],
    ] as const) {
      const answer = await cost(body);
      expect([answer.status, answer.body.error.param]).toEqual([400, param]);
    }
  });
});

describe('budgets of all', () => {
  test('are told with what is spent of them', async () => {
    place.settings = {
      ...place.settings,
      globalBudget: { maxUsd: 100, duration: '30d' },
      providerBudgets: { openai: { maxUsd: 10, duration: '1d' }, anthropic: { maxUsd: 5, duration: null } },
    };
    record({ costNanoUsd: 2e9, startedAtMs: NOW_MS - 3_600_000 });
    record({ costNanoUsd: 1e9, startedAtMs: NOW_MS - 86_400_000 });
    expect((await place.get('/global/spend')).body).toEqual({ spend: 3, max_budget: 100 });
    expect((await place.get('/provider/budgets')).body).toEqual({
      providers: {
        openai: { budget_limit: 10, time_period: '1d', spend: 2, budget_reset_at: '2026-02-01T00:00:00.000Z' },
        anthropic: { budget_limit: 5, time_period: null, spend: 0, budget_reset_at: null },
      },
    });
    const table = [
      'provider,budget_limit,time_period,spend,budget_reset_at',
      'openai,10,1d,2,2026-02-01T00:00:00.000Z',
      'anthropic,5,,0,',
      '',
    ].join('\r\n');
    expect((await place.get('/provider/budgets?format=csv')).body).toBe(table);
    expect((await place.request('/provider/budgets', { headers: { accept: 'text/csv' } })).body).toBe(table);
    place.settings = { ...place.settings, providerBudgets: {} };
    expect((await place.get('/provider/budgets?format=csv')).body).toBe(`${table.split('\r\n')[0]}\r\n`);
  });
});

test('requests that ended with 429 are counted by day and by deployment', async () => {
  record({ httpStatus: 429, status: 'failure', deploymentId: 'd1' });
  record({ httpStatus: 429, status: 'failure', deploymentId: null, startedAtMs: NOON - 86_400_000 });
  record({ httpStatus: 500, status: 'failure' });
  expect((await place.get('/global/activity/exceptions')).body).toEqual({
    daily_data: [
      { date: '2026-01-29', num_rate_limit_exceptions: 1 },
      { date: '2026-01-30', num_rate_limit_exceptions: 1 },
    ],
    sum_num_rate_limit_exceptions: 2,
  });
  const { body } = await place.get('/global/activity/exceptions/deployment?model_group=gpt-4o-mini');
  expect(body.map((one: Record<string, unknown>) => one['api_base']).sort()).toEqual(['', 'd1']);
  expect((await place.get('/global/activity/exceptions?model_group=other')).body.sum_num_rate_limit_exceptions).toBe(0);
});
