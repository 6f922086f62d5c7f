/** New secrets, ends and limits of keys, as they show on real requests. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

/** Each answer of the upstream has 10 tokens, the most that a request asks for; what is sent costs nothing. */
const COST_USD = 10e-3;

let upstream: Upstream;
let gateway: Gateway;
beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'm', { input_cost_per_token: 0, output_cost_per_token: 1e-3 }),
        deployment(upstream, 'other', { input_cost_per_token: 0, output_cost_per_token: 1e-3 }),
      ],
      router_settings: { num_retries: 0 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

type Body = Record<string, unknown>;
const messages = [{ role: 'user', content: 'Count to 10' }];
const ask = (key: unknown, body: object = {}): Promise<Response> =>
  gateway.ask({ model: 'm', messages, max_tokens: 10, ...body }, { authorization: `Bearer ${key}` });

async function statusOf(key: unknown, body: object = {}): Promise<number> {
  const answer = await ask(key, body);
  await answer.text();
  return answer.status;
}

async function post(path: string, body: object): Promise<Body> {
  const answer = await gateway.post(path, body);
  const text = await answer.text();
  expect(`${answer.status} ${text}`).toStartWith('200');
  return JSON.parse(text) as Body;
}
const make = (fields: object = {}): Promise<Body> => post('/key/generate', fields);
const regenerate = (key: unknown, fields: object = {}): Promise<Body> => post('/key/regenerate', { key, ...fields });

async function infoOf(key: unknown): Promise<Body> {
  const answer = await gateway.get(`/key/info?key=${key}`);
  return ((await answer.json()) as { info: Body }).info;
}

async function reasonOf(key: unknown): Promise<string> {
  const answer = await ask(key);
  const { error } = (await answer.json()) as { error: { reason?: string } };
  expect(answer.status).toBe(401);
  return error.reason ?? '';
}

describe('a new secret', () => {
  test('works at once, and the old one no more', async () => {
    const { key: old } = await make();
    expect(await statusOf(old)).toBe(200);
    const { key } = await regenerate(old);
    expect(await statusOf(key)).toBe(200);
    expect(await reasonOf(old)).toContain('replaced by a new one');
  });

  test('leaves the old one its grace time, after which it fails', async () => {
    const { key: old } = await make();
    const { key } = await regenerate(old, { grace_period: '1s' });
    expect([await statusOf(old), await statusOf(key)]).toEqual([200, 200]);
    await until(
      () => statusOf(old),
      (status) => status === 401,
    );
    expect(await statusOf(key)).toBe(200);
  });

  test('takes over what the key has spent: its total, its log and its budget', async () => {
    const { key: old } = await make({ max_budget: 3.5 * COST_USD });
    expect([await statusOf(old), await statusOf(old)]).toEqual([200, 200]);
    const { key, spend } = await regenerate(old, { grace_period: '1h' });
    expect(spend).toBeCloseTo(2 * COST_USD, 9);
    expect(await statusOf(old)).toBe(200);
    // Three are paid, by either secret, and half of one is left.
    expect([await statusOf(key), await statusOf(old)]).toEqual([422, 422]);
    const info = await infoOf(key);
    expect(info['spend']).toBeCloseTo(3 * COST_USD, 9);
    const paid = (await gateway.rows(`?api_key=${key}`, 5)).filter(({ status }) => status === 'success');
    expect(paid).toHaveLength(3);
  });

  test('takes over how often the key was used in this minute', async () => {
    const { key: old } = await make({ rpm_limit: 2 });
    expect(await statusOf(old)).toBe(200);
    const { key } = await regenerate(old, { grace_period: '1h' });
    expect(await statusOf(key)).toBe(200);
    expect([await statusOf(key), await statusOf(old)]).toEqual([429, 429]);
    const { key: third } = await regenerate(key);
    expect(await statusOf(third)).toBe(429);
  });

  test('outlives the gateway, with the old one, its grace time and what both have spent', async () => {
    const { key: old } = await make({ max_budget: 1.5 * COST_USD });
    expect(await statusOf(old)).toBe(200);
    const { key } = await regenerate(old, { grace_period: '1h' });
    const { folder } = gateway;
    await gateway.kill('SIGKILL');
    gateway = await startGateway({ folder, args: ['--config', `${folder}/config.yaml`] });
    expect([await statusOf(key), await statusOf(old)]).toEqual([422, 422]);
    expect((await infoOf(key))['spend']).toBeCloseTo(COST_USD, 9);
  });
});

describe('what a key has spent', () => {
  test('is reset, and the key pays again up to its budget', async () => {
    const { key } = await make({ max_budget: 1.5 * COST_USD });
    expect([await statusOf(key), await statusOf(key)]).toEqual([200, 422]);
    const reset = await post(`/key/${key}/reset_spend`, { reset_to: 0 });
    expect(reset).toMatchObject({ spend: 0, max_budget: 1.5 * COST_USD });
    expect([await statusOf(key), await statusOf(key)]).toEqual([200, 422]);
    const info = await infoOf(key);
    expect(info['spend']).toBeCloseTo(COST_USD, 9);
    expect(info['total_spend']).toBeCloseTo(2 * COST_USD, 9);
  });

  test('is raised for a while by an admin', async () => {
    const { key } = await make({ max_budget: 0.5 * COST_USD });
    expect(await statusOf(key)).toBe(422);
    const until_ = new Date(Date.now() + 3_600_000).toISOString();
    await post('/key/update', { key, temp_budget_increase: COST_USD, temp_budget_expiry: until_ });
    expect([await statusOf(key), await statusOf(key)]).toEqual([200, 422]);
  });
});

describe('limits of a key, as soon as they are set', () => {
  test('hold for a model by itself', async () => {
    const { key } = await make({ model_max_budget: { m: { budget_limit: 1.5 * COST_USD, time_period: '1d' } } });
    expect([await statusOf(key), await statusOf(key), await statusOf(key, { model: 'other' })]).toEqual([
      200, 422, 200,
    ]);
    const info = await infoOf(key);
    const usage = info['model_max_budget_usage'] as Record<string, { current_spend: number }>;
    expect(usage['m']?.current_spend).toBeCloseTo(COST_USD, 9);
  });

  test('hold in any unit over any window', async () => {
    const { key } = await make({ tollgate_limits: [{ unit: 'requests', window: '1d', max: 2 }] });
    expect([await statusOf(key), await statusOf(key), await statusOf(key)]).toEqual([200, 200, 429]);
    await post('/key/update', { key, tollgate_limits: [{ unit: 'requests', window: '1d', max: 3 }] });
    expect([await statusOf(key), await statusOf(key)]).toEqual([200, 429]);
  });

  test('hold for each of several windows of a budget', async () => {
    const { key } = await make({
      budget_limits: [
        { budget_duration: '30d', max_budget: 10 },
        { budget_duration: '1d', max_budget: 1.5 * COST_USD },
      ],
    });
    expect([await statusOf(key), await statusOf(key)]).toEqual([200, 422]);
  });
});

describe('what a key may call', () => {
  test('is what its routes say, for models and for the management API', async () => {
    const { key: chat } = await make({ allowed_routes: ['/v1/chat/completions'] });
    const { key: info } = await make({ key_type: 'read_only' });
    expect([await statusOf(chat), await statusOf(info)]).toEqual([200, 403]);
    const own = (key: unknown): Promise<Response> => gateway.get('/key/info', { authorization: `Bearer ${key}` });
    expect([(await own(chat)).status, (await own(info)).status]).toEqual([403, 200]);
    await post('/key/update', { key: info, allowed_routes: ['llm_api_routes'] });
    expect([await statusOf(info), (await own(info)).status]).toEqual([200, 403]);
  });

  test('is nothing from the moment that it is blocked, under its old secret too', async () => {
    const { key: old } = await make();
    const { key } = await regenerate(old, { grace_period: '1h' });
    expect([await statusOf(old), await statusOf(key)]).toEqual([200, 200]);
    await post('/key/block', { key });
    expect([await reasonOf(old), await reasonOf(key)].every((reason) => reason.includes('blocked'))).toBe(true);
    await post('/key/unblock', { key });
    expect([await statusOf(old), await statusOf(key)]).toEqual([200, 200]);
    await post('/key/delete', { keys: [key] });
    expect([await statusOf(old), await statusOf(key)]).toEqual([401, 401]);
  });

  test('ends when its time is over', async () => {
    const { key } = await make({ duration: '1s' });
    expect(await statusOf(key)).toBe(200);
    await until(
      () => statusOf(key),
      (status) => status === 401,
    );
    expect(await reasonOf(key)).toContain('expired');
    await post('/key/update', { key, duration: '-1' });
    expect(await statusOf(key)).toBe(200);
  });
});
