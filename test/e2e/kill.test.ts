/** The process is killed under load and started again on its data: each answered request has its row, exactly once. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const CLIENTS = 24;
/** How long each life of the gateway lasts under load. */
const LIVES_MS = [40, 130, 250, 400];

let upstream: Upstream;
let gateway: Gateway;
const config = (): object => ({
  model_list: [deployment(upstream, 'm', { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 })],
  router_settings: { num_retries: 0 },
});

beforeAll(async () => {
  upstream = await startUpstream(({ serial }) => ({ delayMs: serial % 20, paceMs: serial % 3 }));
  gateway = await startGateway({ config: config() });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** Call ids that were answered to the last byte. */
const answered: string[] = [];
/** All that were ever sent. */
const sent = new Set<string>();

async function client(living: { alive: boolean }): Promise<void> {
  while (living.alive) {
    const callId = crypto.randomUUID();
    sent.add(callId);
    const stream = sent.size % 2 === 0;
    try {
      const body = { model: 'm', stream, user: callId, messages: [{ role: 'user', content: 'Count to 10' }] };
      const answer = await gateway.ask(body, { 'x-litellm-call-id': callId });
      const text = await answer.text();
      if (answer.ok && (!stream || text.endsWith('data: [DONE]\n\n'))) answered.push(callId);
    } catch {
      // The connection died with the process: not answered.
    }
  }
}

async function liveAndDie(lifeMs: number): Promise<void> {
  const living = { alive: true };
  const clients = Array.from({ length: CLIENTS }, () => client(living));
  const before = answered.length;
  while (answered.length === before) await Bun.sleep(5);
  await Bun.sleep(lifeMs);
  const killed = gateway.kill('SIGKILL');
  living.alive = false;
  await killed;
  await Promise.all(clients);
  gateway = await startGateway({ config: config(), folder: gateway.folder });
}

const timesOf = (rows: readonly SpendRow[]): Map<string, number> => {
  const times = new Map<string, number>();
  for (const row of rows) {
    const id = String(row['litellm_call_id']);
    times.set(id, (times.get(id) ?? 0) + 1);
  }
  return times;
};

test('four kills under load lose no answered request and write none twice', async () => {
  for (const lifeMs of LIVES_MS) await liveAndDie(lifeMs);

  const times = timesOf(await gateway.rows('', answered.length));
  expect(answered.length).toBeGreaterThan(100);
  expect(answered.filter((id) => times.get(id) !== 1)).toEqual([]);
  expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
  expect([...times.keys()].filter((id) => !sent.has(id))).toEqual([]);
});

test('every request that reached the upstream has a row, crashed ones too', async () => {
  const times = timesOf(await gateway.rows('', answered.length));
  const reached = upstream.requests.map(({ body }) => String(body['user']));
  expect(reached.filter((id) => times.get(id) !== 1)).toEqual([]);
});

test('what an answered request cost is in its row after the kill', async () => {
  const rows = new Map((await gateway.rows('', answered.length)).map((row) => [row['litellm_call_id'], row]));
  for (const id of answered) {
    expect(rows.get(id)).toMatchObject({ status: 'success', completion_tokens: 10 });
    expect(rows.get(id)?.['spend']).toBeGreaterThan(0);
  }
});
