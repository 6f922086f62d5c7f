/** Random calls against deployments that are slow at random: no budget is passed while attempts run beside each other. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstreams: readonly Upstream[];
let gateway: Gateway;
const PRICES = { input_cost_per_token: 0.001, output_cost_per_token: 0.001 };

beforeAll(async () => {
  upstreams = await Promise.all([startUpstream(), startUpstream()]);
  gateway = await startGateway({
    config: {
      model_list: upstreams.map((upstream, at) => deployment(upstream, 'm', PRICES, { model_info: { id: `d${at}` } })),
      router_settings: { num_retries: 1, disable_cooldowns: true },
      tollgate_settings: { hedging: ['m'], budget_wait: 2 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all(upstreams?.map((upstream) => upstream.stop()) ?? []);
});

interface AttemptView {
  readonly error: string | null;
  readonly costNanoUsd: number;
}
const attemptsOf = (row: SpendRow): readonly AttemptView[] =>
  (row['tollgate'] as { attempts: readonly AttemptView[] }).attempts;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

test('every dollar of a budget is in a row, in one of its attempts, and none is beyond it', async () => {
  const random = seededRandom(7);
  for (const upstream of upstreams) {
    upstream.behave = ({ body }) => {
      const completion_tokens = Math.ceil(Number(body['max_tokens']) * random());
      const usage = { prompt_tokens: 2, completion_tokens, total_tokens: 2 + completion_tokens };
      const isSlow = random() < 0.15;
      return { usage, delayMs: isSlow ? 80 : Math.floor(random() * 4), ...(random() < 0.05 && { status: 500 }) };
    };
  }
  const max_budget = 4;
  const { key } = (await (await gateway.post('/key/generate', { max_budget })).json()) as { key: string };
  const statuses: number[] = [];
  const call = async (): Promise<void> => {
    const max_tokens = 1 + Math.floor(random() * 60);
    const messages = [{ role: 'user', content: 'Hello' }];
    const answer = await gateway.ask(
      { model: 'm', messages, max_tokens, stream: random() < 0.5 },
      { authorization: `Bearer ${key}` },
    );
    statuses.push(answer.status);
    await answer.text();
  };
  for (let round = 0; round < 40; round++) await Promise.all(Array.from({ length: 8 }, call));
  expect(statuses).toContain(200);
  expect(statuses).toContain(422); // It was spent to the end.
  const rows = await gateway.rows('', statuses.length);
  const lost = rows.filter((row) => attemptsOf(row).some(({ error }) => error === 'outrun'));
  expect(lost.length).toBeGreaterThan(0);
  for (const row of rows) {
    const costs = attemptsOf(row).map(({ costNanoUsd }) => costNanoUsd);
    expect(sum(costs) / 1e9).toBeCloseTo(Number(row['spend']), 9);
  }
  // A prompt that was read, at the least.
  for (const { error, costNanoUsd } of lost.flatMap(attemptsOf)) {
    if (error === 'outrun') expect(costNanoUsd).toBeGreaterThanOrEqual(2_000_000);
  }
  const { info } = (await (await gateway.get(`/key/info?key=${key}`)).json()) as { info: { spend: number } };
  expect(info.spend).toBeCloseTo(sum(rows.map((row) => Number(row['spend']))), 9);
  expect(info.spend).toBeLessThanOrEqual(max_budget + 1e-9);
  expect(info.spend).toBeGreaterThan(max_budget / 2);
}, 20_000);
