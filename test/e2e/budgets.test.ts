/** Budgets from outside: real requests in parallel against a slow upstream, which counts what reached it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

/** 20 tokens of output at 5 micro-dollars: $0.0001 a call, and nothing for the input. */
const COST_USD = 0.0001;
const OUTPUT_TOKENS = 20;
const PRICES = { input_cost_per_token: 0, output_cost_per_token: 5e-6 };
const USAGE = { prompt_tokens: 10, completion_tokens: OUTPUT_TOKENS, total_tokens: 10 + OUTPUT_TOKENS };

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'gpt-4o', PRICES),
        deployment(upstream, 'dear', { input_cost_per_token: 1e-6, output_cost_per_token: 1e-5 }),
        deployment(upstream, 'dearer', { input_cost_per_token: 1e-3, output_cost_per_token: 1e-2 }),
        deployment(upstream, 'no-such-price'),
        deployment(upstream, 'gift', { free: true }),
        deployment(upstream, 'mixed', { ...PRICES, model: 'openai/with-a-price' }),
        deployment(upstream, 'mixed', { model: 'openai/without-a-price' }),
        deployment(upstream, 'capped', { ...PRICES, max_budget: 0.0003 }),
      ],
      router_settings: {
        num_retries: 0,
        fallbacks: [{ dear: ['dearer'] }],
        model_group_alias: { best: 'gpt-4o' },
      },
      tollgate_settings: { budget_wait: 10 },
    },
  });
});
afterEach(() => {
  upstream.behave = () => undefined;
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const slow = (delayMs = 60): void => {
  upstream.behave = () => ({ delayMs, usage: USAGE });
};

async function made(fields: object): Promise<string> {
  const answer = await gateway.post('/key/generate', fields);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { key: string }).key;
}

const messages = [{ role: 'user', content: 'Hello' }];
const ask = (key: string, body: object = {}): Promise<Response> =>
  gateway.ask({ model: 'gpt-4o', messages, ...body }, { authorization: `Bearer ${key}` });

/** Statuses of so many calls at once, every answer read to its end. */
async function burst(count: number, key: string, body: object): Promise<number[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await ask(key, body);
      await answer.text();
      return answer.status;
    }),
  );
}

const passed = (statuses: readonly number[]): number => statuses.filter((status) => status === 200).length;

async function spendOf(key: string): Promise<number> {
  const answer = await gateway.get(`/key/info?key=${key}`);
  const { info } = (await answer.json()) as { info: { spend: number } };
  return info.spend;
}

describe('of N calls in parallel at a constant cost, as many pass as the budget covers', () => {
  for (const calls of [50, 500]) {
    for (const stream of [false, true]) {
      test(`${calls} calls, ${stream ? 'streamed' : 'whole'}`, async () => {
        slow();
        const before = upstream.requests.length;
        const key = await made({ max_budget: 20 * COST_USD });
        const statuses = await burst(calls, key, { max_tokens: OUTPUT_TOKENS, stream });
        expect(passed(statuses)).toBe(20);
        expect(statuses.filter((status) => status === 422)).toHaveLength(calls - 20);
        expect(upstream.requests.length - before).toBe(20);
        expect(await spendOf(key)).toBeCloseTo(20 * COST_USD, 12);
      });
    }
  }

  test('also when nobody caps the output, so that each call might have cost all that is left', async () => {
    slow(5);
    const key = await made({ max_budget: 8.5 * COST_USD });
    const statuses = await burst(30, key, {});
    // The last half of a call's price buys a shorter answer.
    expect(passed(statuses)).toBeGreaterThanOrEqual(8);
    expect(passed(statuses)).toBeLessThanOrEqual(9);
  });

  test('also when the price of the input is only known afterwards', async () => {
    upstream.behave = () => ({ delayMs: 20, usage: USAGE });
    // 10 in, 20 out at $1 and $10 a million: $0.00021.
    const key = await made({ max_budget: 12 * 0.00021 });
    expect(passed(await burst(40, key, { model: 'dear', max_tokens: OUTPUT_TOKENS }))).toBe(12);
    expect(await spendOf(key)).toBeCloseTo(12 * 0.00021, 12);
  });
});

describe('a refusal', () => {
  test('says which scope, what is spent, held and allowed, and when it starts anew', async () => {
    slow(0);
    const key = await made({ max_budget: 2 * COST_USD, budget_duration: '1d' });
    await burst(2, key, { max_tokens: OUTPUT_TOKENS });
    const answer = await ask(key, { max_tokens: OUTPUT_TOKENS });
    expect(answer.status).toBe(422);
    const { error } = (await answer.json()) as { error: Record<string, unknown> & { limit: Record<string, unknown> } };
    expect(error).toMatchObject({ type: 'budget_exceeded', code: '422' });
    expect(String(error['message'])).toContain('Budget has been exceeded');
    expect(error.limit).toMatchObject({ scope: 'api_key', unit: 'usd', spent: 0.0002, held: 0, max: 0.0002 });
    const resetsAt = new Date(String(error.limit['resets_at']));
    expect([resetsAt.getUTCHours(), resetsAt.getUTCMinutes()]).toEqual([0, 0]);
    expect(resetsAt.getTime()).toBeGreaterThan(Date.now());
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('of a model without a price says how to price it; a model that is free passes', async () => {
    const key = await made({ max_budget: 1 });
    const answer = await ask(key, { model: 'no-such-price' });
    expect(answer.status).toBe(400);
    const text = await answer.text();
    expect(text).toContain('model_unpriced');
    expect(text).toContain('input_cost_per_token');
    expect((await ask(key, { model: 'gift' })).status).toBe(200);
    expect((await ask(await made({}), { model: 'no-such-price' })).status).toBe(200);
  });

  test('of one deployment without a price leaves the call to one that has a price', async () => {
    slow(5);
    const before = upstream.requests.length;
    const statuses = await burst(12, await made({ max_budget: 1 }), { model: 'mixed', max_tokens: OUTPUT_TOKENS });
    expect(passed(statuses)).toBe(12);
    const models = upstream.requests.slice(before).map(({ body }) => body['model']);
    expect(new Set(models)).toEqual(new Set(['with-a-price']));
  });

  test('lets what is free pass when the budget is spent, also when it was lowered below what is spent', async () => {
    slow(0);
    const key = await made({ max_budget: 2 * COST_USD });
    expect(passed(await burst(3, key, { max_tokens: OUTPUT_TOKENS }))).toBe(2);
    expect((await ask(key, { model: 'gift' })).status).toBe(200);
    await gateway.post('/key/update', { key, max_budget: COST_USD });
    expect((await ask(key, { model: 'gift' })).status).toBe(200);
  });
});

describe('what a call may cost', () => {
  test('without a cap of its own is capped by what the budget still covers, and the caller is told', async () => {
    const key = await made({ max_budget: 100 * 5e-6 });
    const answer = await ask(key);
    expect(answer.status).toBe(200);
    expect(upstream.requests.at(-1)?.body['max_tokens']).toBe(100);
    expect(answer.headers.get('x-tollgate-changed')).toContain('max_tokens=clamped');
  });

  test('with a cap of its own is never cut short', async () => {
    const key = await made({ max_budget: 100 * 5e-6 });
    const answer = await ask(key, { max_tokens: 101 });
    expect(answer.status).toBe(422);
    expect((await ask(key, { max_completion_tokens: 100 })).status).toBe(200);
  });

  test('is weighed by the largest of its caps', async () => {
    const key = await made({ max_budget: 100 * 5e-6 });
    expect((await ask(key, { max_tokens: 1, max_completion_tokens: 101 })).status).toBe(422);
  });

  test('is priced anew for a fallback, which is not called when the budget does not cover it', async () => {
    upstream.behave = ({ body }) => (body['model'] === 'dear' ? { status: 500 } : { usage: USAGE });
    const before = upstream.requests.length;
    const key = await made({ max_budget: 0.01 });
    const answer = await ask(key, { model: 'dear', max_tokens: OUTPUT_TOKENS });
    // The first model's own failure is the answer then.
    expect(answer.status).toBe(500);
    expect(upstream.requests.length - before).toBe(1);
    const rich = await made({ max_budget: 10 });
    expect((await ask(rich, { model: 'dear', max_tokens: OUTPUT_TOKENS })).status).toBe(200);
  });
});

describe('a budget', () => {
  test('of a model per key holds for that model only', async () => {
    slow(0);
    const key = await made({ model_max_budget: { 'gpt-4o': { budget_limit: 2 * COST_USD, time_period: '1d' } } });
    expect(passed(await burst(4, key, { max_tokens: OUTPUT_TOKENS }))).toBe(2);
    expect((await ask(key, { model: 'dear', max_tokens: 5 })).status).toBe(200);
  });

  test('of a model holds under every name that the model has', async () => {
    slow(0);
    for (const name of ['gpt-4o', 'best']) {
      const key = await made({ model_max_budget: { [name]: { budget_limit: 2 * COST_USD, time_period: '1d' } } });
      expect(passed(await burst(4, key, { model: 'best', max_tokens: OUTPUT_TOKENS }))).toBe(2);
    }
  });

  test('of a deployment holds for all keys together', async () => {
    slow(0);
    const keys = await Promise.all([made({}), made({}), made({})]);
    const statuses = (await Promise.all(keys.map((key) => burst(3, key, { model: 'capped', max_tokens: 20 })))).flat();
    expect(passed(statuses)).toBe(3);
    expect(statuses.filter((status) => status === 422)).toHaveLength(6);
    const refused = await ask(await made({}), { model: 'capped', max_tokens: 20 });
    const { error } = (await refused.json()) as { error: object };
    expect(error).toMatchObject({
      type: 'budget_exceeded',
      message: expect.stringContaining('Budget has been exceeded'),
    });
    expect(error).toMatchObject({ limit: { scope: 'deployment', unit: 'usd', spent: 0.0003, held: 0, max: 0.0003 } });
  });

  test('that is raised counts what was spent before', async () => {
    slow(0);
    const key = await made({ max_budget: 2 * COST_USD });
    expect(passed(await burst(4, key, { max_tokens: OUTPUT_TOKENS }))).toBe(2);
    await gateway.post('/key/update', { key, max_budget: 5 * COST_USD });
    expect(passed(await burst(6, key, { max_tokens: OUTPUT_TOKENS }))).toBe(3);
  });

  test('whose window is changed counts what was spent in the new one', async () => {
    slow(0);
    const key = await made({ max_budget: 3 * COST_USD });
    expect(passed(await burst(2, key, { max_tokens: OUTPUT_TOKENS }))).toBe(2);
    await gateway.post('/key/update', { key, budget_duration: '30d' });
    expect(passed(await burst(3, key, { max_tokens: OUTPUT_TOKENS }))).toBe(1);
  });

  test('that is soft refuses nothing and is told in the log', async () => {
    slow(0);
    const key = await made({ soft_budget: COST_USD / 2 });
    expect(passed(await burst(2, key, { max_tokens: OUTPUT_TOKENS }))).toBe(2);
    expect(gateway.logs()).toContain('soft_limit_passed');
  });

  test('is told in the headers of each answer', async () => {
    slow(0);
    const key = await made({ max_budget: 10 * COST_USD });
    const answer = await ask(key, { max_tokens: OUTPUT_TOKENS });
    expect(answer.headers.get('x-litellm-response-cost')).toBe('0.0001');
    expect(answer.headers.get('x-litellm-key-spend')).toBe('0.0001');
    expect(answer.headers.get('x-litellm-key-max-budget')).toBe('0.001');
    expect(answer.headers.get('x-tollgate-budget-remaining-api_key')).toBe('0.0009');
  });
});

test('an upstream that claims what no model can say empties no budget', async () => {
  const claim = { prompt_tokens: 10, completion_tokens: 10_000_000, total_tokens: 10_000_010 };
  upstream.behave = () => ({ usage: claim, content: 'x'.repeat(80) });
  const key = await made({ max_budget: 1 });
  for (const stream of [false, true]) {
    expect(passed(await burst(1, key, { max_tokens: OUTPUT_TOKENS, stream }))).toBe(1);
  }
  expect(await spendOf(key)).toBeCloseTo(2 * COST_USD, 9);
});

test('calls that fail, or whose client leaves, give back what they held', async () => {
  upstream.behave = () => ({ status: 500, delayMs: 5 });
  const key = await made({ max_budget: 3 * COST_USD });
  // Three at a time are covered; those who wait go on when one has failed and cost nothing.
  expect(new Set(await burst(12, key, { max_tokens: OUTPUT_TOKENS }))).toEqual(new Set([500]));
  upstream.behave = () => ({ silent: true });
  const arrived = upstream.arrived(upstream.requests.length + 1);
  const leaving = new AbortController();
  const left = fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', messages, max_tokens: 3 * OUTPUT_TOKENS }),
    signal: leaving.signal,
  }).catch((error: unknown) => error);
  await arrived;
  leaving.abort();
  await left;
  slow(0);
  expect(passed(await burst(6, key, { max_tokens: OUTPUT_TOKENS }))).toBe(3);
});
