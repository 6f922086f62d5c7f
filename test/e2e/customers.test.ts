/** What admins define for end users, tags and access groups, as the next real request meets it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { administrationOf, type Body } from '../support/administration.ts';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

/** 20 tokens of output at 5 micro-dollars: $0.0001 a call, and nothing for the input. */
const COST_USD = 0.0001;
const OUTPUT_TOKENS = 20;
const PRICES = { input_cost_per_token: 0, output_cost_per_token: 5e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  upstream.behave = () => ({
    usage: { prompt_tokens: 10, completion_tokens: OUTPUT_TOKENS, total_tokens: 10 + OUTPUT_TOKENS },
  });
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'gpt-4o', PRICES),
        deployment(upstream, 'small', PRICES),
        deployment(upstream, 'premium', PRICES),
      ],
      litellm_settings: { max_end_user_budget_id: 'everybody' },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const administration = administrationOf(() => gateway);
const { post, made } = administration;
const admin = async (method: string, path: string, body?: object): Promise<Body> =>
  (await administration.admin(method, path, body)).body;

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly error: { readonly type: string; readonly limit?: { readonly scope: string; readonly max: number } };
}

async function ask(body: object, key = gateway.masterKey): Promise<Asked> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const whole = { model: 'gpt-4o', messages, max_tokens: OUTPUT_TOKENS, ...body };
  const answer = await gateway.ask(whole, { authorization: `Bearer ${key}` });
  const { error } = (await answer.json()) as { error: Asked['error'] };
  return { status: answer.status, headers: answer.headers, error };
}

/** How many of so many calls, one after the other, pass. */
async function passing(calls: number, body: object): Promise<number> {
  let passed = 0;
  for (let call = 0; call < calls; call += 1) if ((await ask(body)).status === 200) passed += 1;
  return passed;
}

describe('a customer', () => {
  test('that is blocked is refused until unblocked, stored before or not', async () => {
    expect((await ask({ user: 'mallory' })).status).toBe(200);
    await post('/customer/block', { user_ids: ['mallory'] });
    expect((await ask({ user: 'mallory' })).status).toBe(403);
    expect((await ask({ user: 'somebody else' })).status).toBe(200);
    await post('/customer/unblock', { user_ids: ['mallory'] });
    expect((await ask({ user: 'mallory' })).status).toBe(200);
  });

  test('spends the budget and no more, over all keys', async () => {
    await post('/customer/new', { user_id: 'ada', max_budget: 3 * COST_USD });
    const other = await made({});
    expect(await passing(2, { user: 'ada' })).toBe(2);
    expect((await ask({ user: 'ada' }, other)).status).toBe(200);
    const { status, error } = await ask({ user: 'ada' }, other);
    expect([status, error.type, error.limit?.scope]).toEqual([422, 'budget_exceeded', 'end_user']);
    const info = await admin('GET', '/customer/info?end_user_id=ada');
    expect(info['spend']).toBeCloseTo(3 * COST_USD, 9);
  });

  test('whose budget is shared goes by it as it is now', async () => {
    await post('/budget/new', { budget_id: 'plan', max_budget: COST_USD });
    await post('/customer/new', { user_id: 'bea', budget_id: 'plan' });
    expect(await passing(2, { user: 'bea' })).toBe(1);
    await post('/budget/update', { budget_id: 'plan', max_budget: 3 * COST_USD });
    expect(await passing(5, { user: 'bea' })).toBe(2);
  });

  test('without a budget of their own is under the one that the key gives to its end users', async () => {
    await post('/budget/new', { budget_id: 'trial', max_budget: 2 * COST_USD });
    await post('/budget/new', { budget_id: 'paying', max_budget: 4 * COST_USD });
    await post('/customer/new', { user_id: 'stored' });
    await post('/customer/new', { user_id: 'payer', budget_id: 'paying' });
    const key = await made({ end_user_budget_id: 'trial' });
    const times = async (user: string): Promise<number> => {
      let passed = 0;
      while (passed < 9 && (await ask({ user }, key)).status === 200) passed += 1;
      return passed;
    };
    expect(await Promise.all(['passer-by', 'stored', 'payer'].map(times))).toEqual([2, 2, 4]);
    // By another key no default holds for them.
    expect((await ask({ user: 'stored' }, await made({}))).status).toBe(200);
    await post('/budget/update', { budget_id: 'trial', max_budget: 10 * COST_USD });
    expect((await ask({ user: 'passer-by' }, key)).status).toBe(200);
    await expect(post('/budget/delete', { id: 'trial' })).rejects.toThrow('used by 1 key');
    await expect(post('/key/update', { key, end_user_budget_id: 'nowhere' })).rejects.toThrow('no such budget');
    await expect(post('/key/generate', { metadata: { end_user_budget_id: 7 } })).rejects.toThrow('no such budget');
  });

  test('that nobody has stored is under the default budget', async () => {
    expect(await passing(2, { user: 'stranger' })).toBe(2);
    await post('/budget/new', { budget_id: 'everybody', max_budget: 3 * COST_USD });
    expect(await passing(3, { user: 'stranger' })).toBe(1);
    expect(await passing(5, { user: 'another stranger' })).toBe(3);
    await post('/budget/update', { budget_id: 'everybody', max_budget: null });
    expect((await ask({ user: 'stranger' })).status).toBe(200);
  });

  test('may use the models of the list, or gets the default model', async () => {
    await post('/customer/new', { user_id: 'carl', models: ['small'] });
    expect((await ask({ user: 'carl', model: 'small' })).status).toBe(200);
    const denied = await ask({ user: 'carl', model: 'premium' });
    expect([denied.status, denied.error.type]).toEqual([403, 'end_user_model_access_denied']);
    await post('/customer/update', { user_id: 'carl', default_model: 'small' });
    const instead = await ask({ user: 'carl', model: 'premium' });
    expect([instead.status, instead.headers.get('x-litellm-model-group')]).toEqual([200, 'small']);
    expect(instead.headers.get('x-tollgate-changed')).toContain('model');
  });

  test('keeps to the requests a minute', async () => {
    await post('/customer/new', { user_id: 'dora', rpm_limit: 2 });
    expect(await passing(4, { user: 'dora' })).toBe(2);
  });
});

describe('a tag', () => {
  test('with a budget refuses whatever carries it once it is spent', async () => {
    await post('/tag/new', { name: 'campaign', max_budget: 2 * COST_USD });
    const metadata = { tags: ['campaign', 'other'] };
    expect(await passing(4, { metadata })).toBe(2);
    const { status, error } = await ask({ metadata });
    expect([status, error.type, error.limit?.scope]).toEqual([422, 'budget_exceeded', 'tag']);
    expect((await ask({ metadata: { tags: ['other'] } })).status).toBe(200);
    await post('/tag/update', { name: 'campaign', max_budget: 3 * COST_USD });
    expect(await passing(4, { metadata })).toBe(1);
    await post('/tag/delete', { name: 'campaign' });
    expect((await ask({ metadata })).status).toBe(200);
  });

  test('of a key counts for all its requests', async () => {
    await post('/tag/new', { name: 'team-x', max_budget: COST_USD });
    const key = await made({ metadata: { tags: ['team-x'] } });
    expect((await ask({}, key)).status).toBe(200);
    expect((await ask({}, key)).status).toBe(422);
  });
});

describe('an access group', () => {
  test('opens its models to a key with the next request, and closes them again', async () => {
    const key = await made({ models: ['small'] });
    const status = async (model: string): Promise<number> => (await ask({ model }, key)).status;
    expect([await status('small'), await status('premium')]).toEqual([200, 403]);
    const group = await post('/v1/access_group', {
      access_group_name: 'vip',
      access_model_names: ['premium'],
      assigned_key_ids: [key],
    });
    expect([await status('small'), await status('premium'), await status('gpt-4o')]).toEqual([200, 200, 403]);
    const path = `/v1/access_group/${group['access_group_id']}`;
    await admin('PUT', path, { access_model_names: ['gpt-4o'] });
    expect([await status('premium'), await status('gpt-4o')]).toEqual([403, 200]);
    await admin('DELETE', path);
    expect([await status('small'), await status('gpt-4o')]).toEqual([200, 403]);
  });

  test('is seen in the list of models', async () => {
    const key = await made({ models: ['small'] });
    await post('/v1/access_group', {
      access_group_name: 'listed',
      access_model_names: ['premium'],
      assigned_key_ids: [key],
    });
    const answer = await gateway.get('/v1/models', { authorization: `Bearer ${key}` });
    const { data } = (await answer.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id).sort()).toEqual(['premium', 'small']);
  });
});

test('what was done stands in the audit log, whole', async () => {
  await post('/customer/new', { user_id: 'zoe', max_budget: 1 });
  const log = await admin('GET', '/audit?object_kind=customer&object_id=zoe');
  expect(log).toMatchObject({ total: 1, audit_logs: [{ action: 'created', table_name: 'LiteLLM_EndUserTable' }] });
  expect(await admin('GET', '/audit/verify')).toMatchObject({ intact: true });
});
