/** Reports from outside, over a database file that a thread of its own reads: one number wherever it is told. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

const PRICES = { input_cost_per_token: 1e-6, output_cost_per_token: 5e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  upstream.behave = () => ({ usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } });
  gateway = await startGateway({ config: { model_list: [deployment(upstream, 'gpt-4o', PRICES)] } });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const CALLS = 7;
const COST_NANO = 100 * 1_000 + 20 * 5_000;
const nano = (dollars: unknown): number => Math.round(Number(dollars) * 1e9);

async function json<Body>(path: string): Promise<Body> {
  const answer = await gateway.get(path);
  expect([path, answer.status]).toEqual([path, 200]);
  return (await answer.json()) as Body;
}

async function csvSum(path: string): Promise<number> {
  const answer = await gateway.get(path);
  expect(answer.headers.get('content-type')).toStartWith('text/csv');
  const [head = '', ...lines] = (await answer.text()).trimEnd().split('\r\n');
  const at = head.split(',').indexOf('spend');
  return lines.reduce((sum, line) => sum + nano(line.split(',')[at]), 0);
}

test('header, key, log, reports and tables tell the same sum the moment after a request', async () => {
  const made = await gateway.post('/key/generate', { key_alias: 'reported' });
  const { key } = (await made.json()) as { key: string };
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello' }], tags: ['red', 'blue'], user: 'eve' };
  const ask = () => gateway.ask(body, { authorization: `Bearer ${key}` });
  const others = await Promise.all(Array.from({ length: CALLS - 1 }, ask));
  for (const answer of others) await answer.text();
  const last = await ask();
  await last.text();
  const total = CALLS * COST_NANO;

  expect(nano(last.headers.get('x-litellm-key-spend'))).toBe(total);
  const { info } = await json<{ info: { spend: number; total_spend: number } }>(`/key/info?key=${key}`);
  expect([nano(info.spend), nano(info.total_spend)]).toEqual([total, total]);
  const log = await json<{ total: number; data: { spend: number }[] }>(`/spend/logs/v2?api_key=${key}`);
  expect(log.total).toBe(CALLS);
  expect(log.data.reduce((sum, { spend }) => sum + nano(spend), 0)).toBe(total);
  expect(await csvSum(`/spend/logs?api_key=${key}&format=csv`)).toBe(total);
  for (const noun of ['user', 'tag', 'customer']) {
    const path = `/${noun}/daily/activity/aggregated?api_key=${key}`;
    const { metadata } = await json<{ metadata: Record<string, number> }>(path);
    expect([noun, nano(metadata['total_spend']), metadata['total_api_requests']]).toEqual([noun, total, CALLS]);
    expect(await csvSum(`${path}&format=csv`)).toBe(total);
    const priced = await json<{ metadata: Record<string, number> }>(`${path}&as=priced-now&timezone=Asia/Kolkata`);
    expect(nano(priced.metadata['total_spend'])).toBe(total);
  }
  expect(nano((await json<{ spend: number }>('/global/spend')).spend)).toBe(total);
  const keys = await json<{ key_alias: string; total_spend: number }[]>('/global/spend/keys');
  expect(keys.map(({ key_alias, total_spend }) => [key_alias, nano(total_spend)])).toEqual([['reported', total]]);
  const tags = await json<{ individual_request_tag: string; total_spend: number }[]>('/spend/tags?tags=red,blue');
  expect(tags.map(({ total_spend }) => nano(total_spend))).toEqual([total, total]);
});

test('while reports are read, the gateway goes on answering', async () => {
  const reports = Array.from({ length: 12 }, () => gateway.get('/global/spend/report?as=priced-now'));
  const answer = await gateway.get('/health/liveliness');
  expect(answer.status).toBe(200);
  for (const report of await Promise.all(reports)) expect(report.status).toBe(200);
});
