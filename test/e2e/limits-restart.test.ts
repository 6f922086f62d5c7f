/** What was spent and used survives every way a process can end, and what a dead one held comes back. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
const COST_USD = 0.0001;
const USAGE = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };

beforeAll(async () => {
  upstream = await startUpstream();
});
afterEach(async () => {
  await gateway.kill('SIGKILL');
  rmSync(gateway.folder, { recursive: true, force: true });
});
afterAll(() => upstream?.stop());

/** Whether the log keeps no row. */
let disablesLogs = false;

const config = () => ({
  general_settings: { disable_spend_logs: disablesLogs },
  model_list: [deployment(upstream, 'm', { input_cost_per_token: 0, output_cost_per_token: 5e-6 })],
  router_settings: { num_retries: 0 },
});

const begin = async (): Promise<void> => {
  gateway = await startGateway({ config: config() });
};

/** The same data and port-free start, as after a crash. */
async function again(signal: NodeJS.Signals): Promise<void> {
  await gateway.kill(signal);
  gateway = await startGateway({ config: config(), folder: gateway.folder });
}

async function keyOf(fields: object): Promise<string> {
  const answer = await gateway.post('/key/generate', fields);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { key: string }).key;
}

const messages = [{ role: 'user', content: 'Hello' }];
const ask = (key: string, body: object = {}): Promise<Response> =>
  gateway.ask({ model: 'm', messages, max_tokens: 20, ...body }, { authorization: `Bearer ${key}` });

async function passed(count: number, key: string): Promise<number> {
  const statuses = await Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await ask(key);
      await answer.text();
      return answer.status;
    }),
  );
  return statuses.filter((status) => status === 200).length;
}

async function spendOf(key: string): Promise<number> {
  const { info } = (await (await gateway.get(`/key/info?key=${key}`)).json()) as { info: { spend: number } };
  return info.spend;
}

for (const [signal, logs] of [
  ['SIGTERM', 'with rows'],
  ['SIGKILL', 'with rows'],
  ['SIGTERM', 'without rows'],
  ['SIGKILL', 'without rows'],
] as const) {
  describe(`after ${signal}, ${logs}`, () => {
    beforeEach(() => {
      disablesLogs = logs === 'without rows';
    });

    test('a budget goes on where it was', async () => {
      upstream.behave = () => ({ usage: USAGE });
      await begin();
      const key = await keyOf({ max_budget: 10 * COST_USD, budget_duration: '30d' });
      expect(await passed(7, key)).toBe(7);
      await again(signal);
      expect(await passed(10, key)).toBe(3);
      expect(await spendOf(key)).toBeCloseTo(10 * COST_USD, 9);
      expect(await gateway.rows('', 0)).toHaveLength(disablesLogs ? 0 : 17);
    });

    test('a rate of the last minute goes on where it was', async () => {
      upstream.behave = () => ({ usage: USAGE });
      await begin();
      const key = await keyOf({ rpm_limit: 60 });
      expect(await passed(40, key)).toBe(40);
      await again(signal);
      expect(await passed(40, key)).toBe(20);
    });

    test('what calls under way held is free again, and a blocked key is still blocked', async () => {
      await begin();
      const key = await keyOf({ max_budget: 4 * COST_USD, max_parallel_requests: 4 });
      const blocked = await keyOf({});
      await gateway.post('/key/block', { key: blocked });
      upstream.behave = () => ({ silent: true });
      const before = upstream.requests.length;
      const cut = Array.from({ length: 4 }, () => ask(key).catch((error: unknown) => error));
      await upstream.arrived(before + 4);
      await gateway.kill('SIGKILL');
      await Promise.all(cut);
      gateway = await startGateway({ config: config(), folder: gateway.folder });
      upstream.behave = () => ({ usage: USAGE });
      expect((await ask(blocked)).status).toBe(401);
      expect(await passed(6, key)).toBe(4);
    });
  });
}

test.each([false, true])(
  'a kill in the middle of a burst overspends nothing; logs disabled: %p',
  async (disabled) => {
    disablesLogs = disabled;
    upstream.behave = () => ({ usage: USAGE, delayMs: 15 });
    await begin();
    const key = await keyOf({ max_budget: 30 * COST_USD });
    const before = upstream.requests.length;
    for (let kills = 0; kills < 3; kills++) {
      const asked = Array.from({ length: 40 }, () =>
        ask(key)
          .then((answer) => answer.text())
          .catch(() => ''),
      );
      await upstream.arrived(upstream.requests.length + 4);
      await gateway.kill('SIGKILL');
      await Promise.all(asked);
      gateway = await startGateway({ config: config(), folder: gateway.folder });
    }
    await passed(40, key);
    const spend = await spendOf(key);
    expect(spend).toBeLessThanOrEqual(30 * COST_USD + 1e-12);
    expect(spend).toBeCloseTo(30 * COST_USD, 9);
    expect(upstream.requests.length - before).toBeGreaterThanOrEqual(30);
  },
  20_000,
);
