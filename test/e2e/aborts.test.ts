/** The client leaves, in any phase: the upstream's connection closes at once, no attempt follows, one row says so. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type FullHouse, startFullHouse } from '../support/full-house.ts';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { openClient, requestBytes } from '../support/raw-http.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

const MOST_MS = 100;
const TRIES = 3;

let upstream: Upstream;
let gateway: Gateway;
let full: FullHouse;

beforeAll(async () => {
  upstream = await startUpstream();
  full = await startFullHouse();
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'm', { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 }),
        deployment(upstream, 'patient', { num_retries: 5 }),
        deployment(upstream, 'rescued', { num_retries: 1 }),
        deployment(upstream, 'unreachable', { api_base: `http://127.0.0.1:${full.port}/v1`, num_retries: 2 }),
      ],
      router_settings: {
        num_retries: 0,
        retry_after: 0.4,
        fallbacks: [{ rescued: ['m'] }, { unreachable: ['m'] }],
      },
      tollgate_settings: { queue: { max_wait: 5 }, connect_timeout: 0.6 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
  full?.stop();
});

interface Phase {
  readonly behaviour: Behaviour;
  readonly stream: boolean;
  readonly model?: string;
  /** Text that the client waits for before it leaves; without one it leaves once the upstream was asked. */
  readonly after?: string;
}

const phases: Record<string, Phase> = {
  'waiting for a whole answer': { behaviour: { silent: true }, stream: false },
  'waiting for a stream': { behaviour: { silent: true }, stream: true },
  'between the headers and the first event': { behaviour: { muteAfter: 0 }, stream: true },
  'in the middle of a whole answer': { behaviour: { dripMs: 50 }, stream: false },
  'in the middle of a stream': { behaviour: { paceMs: 30 }, stream: true, after: ' 2,"' },
  'in a stream that has gone quiet': { behaviour: { muteAfter: 3 }, stream: true, after: '1,"' },
};

/** @returns milliseconds from leaving to the upstream's connection being closed, and the call's id */
async function leaveIn(phase: Phase, how: 'close' | 'reset'): Promise<{ tookMs: number; callId: string }> {
  upstream.behave = () => phase.behaviour;
  const callId = crypto.randomUUID();
  const body = JSON.stringify({
    model: 'm',
    stream: phase.stream,
    messages: [{ role: 'user', content: 'Count to 10' }],
  });
  const headers = { authorization: `Bearer ${gateway.masterKey}`, 'x-litellm-call-id': callId };
  const next = upstream.arrived(upstream.requests.length + 1);
  const client = openClient(gateway.port, requestBytes('/v1/chat/completions', body, headers));
  const request = await next;
  if (phase.after !== undefined) await client.received(phase.after);
  const leftAtMs = client.leave(how);
  return { tookMs: (await request.closed) - leftAtMs, callId };
}

const rowsOf = async (callId: string, count = 1) =>
  (await gateway.rows('', count)).filter((row) => row['litellm_call_id'] === callId);

async function rowsOnceThere(callId: string) {
  for (;;) {
    const rows = await rowsOf(callId);
    if (rows.length > 0) return rows;
    await Bun.sleep(10);
  }
}

test.each(Object.keys(phases))('%s', async (name) => {
  const times: number[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const asked = upstream.requests.length;
    const { tookMs, callId } = await leaveIn(phases[name] as Phase, attempt === 0 ? 'reset' : 'close'); // A key of it.
    times.push(tookMs);
    const rows = await rowsOnceThere(callId);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.['tollgate']).toMatchObject({ status: 'aborted', http_status: 499 });
    expect(upstream.requests.length).toBe(asked + 1);
  }
  // The best of three: a busy machine may be late, a gateway that waits for something is late each time.
  expect(Math.min(...times)).toBeLessThan(MOST_MS);
});

test('what a stream had said before its client left is charged', async () => {
  const { callId } = await leaveIn(phases['in the middle of a stream'] as Phase, 'close'); // A key of it.
  const [row] = await rowsOnceThere(callId);
  expect(row?.['completion_tokens']).toBeGreaterThan(0);
  expect(row?.['spend']).toBeGreaterThan(0);
});

test('between two attempts, no other attempt starts', async () => {
  const asked = upstream.requests.length;
  const { callId } = await leaveBetweenRetries('patient');
  const rows = await rowsOnceThere(callId);
  expect(rows).toHaveLength(1);
  expect(rows[0]?.['tollgate']).toMatchObject({ status: 'aborted' });
  // Longer than the wait before a retry.
  await Bun.sleep(700);
  expect(upstream.requests.length).toBe(asked + 1);
});

test('between a retry and a fallback, neither starts', async () => {
  const asked = upstream.requests.length;
  const { callId } = await leaveBetweenRetries('rescued');
  expect(await rowsOnceThere(callId)).toMatchObject([{ tollgate: { status: 'aborted' } }]);
  await Bun.sleep(700);
  expect(upstream.requests.length).toBe(asked + 1);
});

test('waiting in a queue, nobody is asked', async () => {
  upstream.behave = () => ({});
  const made = await gateway.post('/key/generate', { rpm_limit: 1 });
  const { key } = (await made.json()) as { key: string }; // As documented.
  const authorization = `Bearer ${key}`;
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
  await (await gateway.ask(body, { authorization })).text();
  const asked = upstream.requests.length;
  const left = await leaveAfter(80, body, { authorization });
  expect(await rowsOnceThere(left.callId)).toMatchObject([{ tollgate: { status: 'aborted', http_status: 499 } }]);
  expect(performance.now() - left.atMs).toBeLessThan(1_000);
  expect(upstream.requests.length).toBe(asked);
});

test('connecting, no other attempt starts, and no fallback', async () => {
  upstream.behave = () => ({});
  const asked = upstream.requests.length;
  const left = await leaveAfter(80, { model: 'unreachable', messages: [{ role: 'user', content: 'Hi' }] });
  expect(await rowsOnceThere(left.callId)).toMatchObject([{ tollgate: { status: 'aborted' } }]);
  expect(performance.now() - left.atMs).toBeLessThan(450);
  // Longer than the limit for a connection.
  await Bun.sleep(700);
  expect(upstream.requests.length).toBe(asked);
  expect(await rowsOf(left.callId)).toHaveLength(1);
});

/** @returns when it left */
async function leaveAfter(
  waitMs: number,
  body: object,
  headers: Record<string, string> = { authorization: `Bearer ${gateway.masterKey}` },
): Promise<{ callId: string; atMs: number }> {
  const callId = crypto.randomUUID();
  const bytes = requestBytes('/v1/chat/completions', JSON.stringify(body), { ...headers, 'x-litellm-call-id': callId });
  const client = openClient(gateway.port, bytes);
  await Bun.sleep(waitMs);
  return { callId, atMs: client.leave('close') };
}

async function leaveBetweenRetries(model: string): Promise<{ callId: string }> {
  upstream.behave = () => ({ status: 503 });
  const callId = crypto.randomUUID();
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }] });
  const headers = { authorization: `Bearer ${gateway.masterKey}`, 'x-litellm-call-id': callId };
  const next = upstream.arrived(upstream.requests.length + 1);
  const client = openClient(gateway.port, requestBytes('/v1/chat/completions', body, headers));
  await next;
  // The refusal is on its way back; the wait for the retry comes next.
  await Bun.sleep(100);
  client.leave('close');
  return { callId };
}
