/** Every setting of budgets and rates, each seen to do what it says. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
const running: Gateway[] = [];

beforeAll(async () => {
  upstream = await startUpstream();
});
afterEach(async () => {
  upstream.behave = () => undefined;
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
});
afterAll(() => upstream?.stop());

/** $0.0001 a call of 20 tokens. */
const PRICES = { input_cost_per_token: 0, output_cost_per_token: 5e-6 };
const USAGE = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };

async function started(settings: object, params: object = {}): Promise<Gateway> {
  upstream.behave = () => ({ usage: USAGE, delayMs: 20 });
  const model_list = [deployment(upstream, 'm', { ...PRICES, ...params })];
  const gateway = await startGateway({ config: { model_list, router_settings: { num_retries: 0 }, ...settings } });
  running.push(gateway);
  return gateway;
}

async function keyOf(gateway: Gateway, fields: object = {}): Promise<string> {
  const answer = await gateway.post('/key/generate', fields);
  return ((await answer.json()) as { key: string }).key;
}

async function statuses(
  gateway: Gateway,
  count: number,
  key = gateway.masterKey,
  body: object = {},
): Promise<number[]> {
  const messages = [{ role: 'user', content: 'Hello' }];
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const asked = { model: 'm', messages, max_tokens: 20, ...body };
      const answer = await gateway.ask(asked, { authorization: `Bearer ${key}` });
      await answer.text();
      return answer.status;
    }),
  );
}

const passed = (all: readonly number[]): number => all.filter((status) => status === 200).length;

describe('litellm_settings', () => {
  test('max_budget and budget_duration hold for all keys together', async () => {
    const gateway = await started({ litellm_settings: { max_budget: 0.0003, budget_duration: '1d' } });
    const keys = await Promise.all([keyOf(gateway), keyOf(gateway)]);
    const all = (await Promise.all(keys.map((key) => statuses(gateway, 4, key)))).flat();
    expect(passed(all)).toBe(3);
  });

  test('budget_exceeded_status_code is the status of a refused budget', async () => {
    const gateway = await started({ litellm_settings: { budget_exceeded_status_code: 429 } });
    const key = await keyOf(gateway, { max_budget: 0.0001 });
    expect((await statuses(gateway, 3, key)).toSorted()).toEqual([200, 429, 429]);
  });

  test('timezone says when a day ends', async () => {
    const gateway = await started({ litellm_settings: { timezone: 'Asia/Kathmandu' } });
    const key = await keyOf(gateway, { max_budget: 0.0001, budget_duration: '1d' });
    await statuses(gateway, 1, key);
    const answer = await gateway.ask(
      { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 20 },
      { authorization: `Bearer ${key}` },
    );
    const { error } = (await answer.json()) as { error: { limit: { resets_at: string } } };
    // Midnight there is 18:15 in UTC.
    expect(error.limit.resets_at).toContain('T18:15:00');
  });

  test('a time zone or a window that does not exist stops the start', async () => {
    await expect(started({ litellm_settings: { timezone: 'Europe/Nowhere' } })).rejects.toThrow('timezone');
    await expect(started({ litellm_settings: { max_budget: 1, budget_duration: 'often' } })).rejects.toThrow(
      'budget_duration',
    );
  });

  test('max_end_user_budget_id limits end users that have no budget of their own', async () => {
    const gateway = await started({ litellm_settings: { max_end_user_budget_id: 'small' } });
    expect((await gateway.post('/budget/new', { budget_id: 'small', max_budget: 0.0002 })).status).toBe(200);
    const key = await keyOf(gateway);
    expect(passed(await statuses(gateway, 4, key, { user: 'alice' }))).toBe(2);
    expect(passed(await statuses(gateway, 4, key, { user: 'bob' }))).toBe(2);
    expect(passed(await statuses(gateway, 4, key))).toBe(4);
  });
});

describe('litellm_params', () => {
  test('max_parallel_requests of a deployment are its slots', async () => {
    const gateway = await started({}, { max_parallel_requests: 2 });
    upstream.behave = () => ({ usage: USAGE, delayMs: 100 });
    expect(passed(await statuses(gateway, 5))).toBe(2);
    expect(passed(await statuses(gateway, 2))).toBe(2);
  });

  test('max_budget with budget_duration is what it may cost', async () => {
    const gateway = await started({}, { max_budget: 0.0002, budget_duration: '1d' });
    expect(passed(await statuses(gateway, 5))).toBe(2);
  });
});

describe('router_settings', () => {
  for (const names of [
    { budget_limit: 0.0002, time_period: '1d' },
    { max_budget: 0.0002, budget_duration: '1mo' },
  ]) {
    test(`provider_budget_config with ${Object.keys(names).join(' and ')}`, async () => {
      const gateway = await started({ router_settings: { num_retries: 0, provider_budget_config: { openai: names } } });
      expect(passed(await statuses(gateway, 5))).toBe(2);
    });
  }
});

describe('general_settings', () => {
  for (const applies of [true, false]) {
    test(`apply_user_budget_to_team_keys: ${applies}`, async () => {
      const gateway = await started({ general_settings: { apply_user_budget_to_team_keys: applies } });
      await gateway.post('/team/new', { team_id: 't' });
      await gateway.post('/user/new', { user_id: 'u', max_budget: 0.0001, auto_create_key: false });
      const key = await keyOf(gateway, { user_id: 'u', team_id: 't' });
      expect(passed(await statuses(gateway, 3, key))).toBe(applies ? 1 : 3);
    });
  }
});

describe('tollgate_settings', () => {
  test('queue: max_wait lets calls wait for a rate, max_waiting of them', async () => {
    const queue = { max_wait: 3, max_waiting: 2 };
    const gateway = await started({ tollgate_settings: { queue } });
    const key = await keyOf(gateway, { max_parallel_requests: 1 });
    expect(passed(await statuses(gateway, 6, key))).toBe(3);
  });

  test('budget_wait: 0 refuses at once what others might give back', async () => {
    const gateway = await started({ tollgate_settings: { budget_wait: 0 } });
    const key = await keyOf(gateway, { max_budget: 0.01 });
    // Each holds half of the budget, and uses a hundredth of it.
    expect(passed(await statuses(gateway, 6, key, { max_tokens: 1_000 }))).toBe(2);
    const patient = await started({ tollgate_settings: { budget_wait: 10 } });
    const other = await keyOf(patient, { max_budget: 0.01 });
    expect(passed(await statuses(patient, 6, other, { max_tokens: 1_000 }))).toBe(6);
  });

  test('budget_alerts are told once each', async () => {
    const gateway = await started({ tollgate_settings: { budget_alerts: [0.5] } });
    const key = await keyOf(gateway, { max_budget: 0.0004 });
    expect(passed(await statuses(gateway, 4, key))).toBe(4);
    expect(gateway.logs().match(/threshold_passed/g)).toHaveLength(1);
  });
});

describe('model_info', () => {
  test('free: true passes a budget that is spent', async () => {
    upstream.behave = () => ({ usage: USAGE });
    const model_list = [deployment(upstream, 'm', {}, { model_info: { free: true } })];
    const gateway = await startGateway({ config: { model_list } });
    running.push(gateway);
    expect(passed(await statuses(gateway, 3, await keyOf(gateway, { max_budget: 0.000001 })))).toBe(3);
  });
});
