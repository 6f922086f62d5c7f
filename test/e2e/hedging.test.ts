/** A second deployment for slow answers, seen by the upstreams, the client and the log. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let first: Upstream;
let second: Upstream;
let gateway: Gateway;
const PRICES = { input_cost_per_token: 0.001, output_cost_per_token: 0.002 };
const SAID = { usage: { prompt_tokens: 4, completion_tokens: 10, total_tokens: 14 } };
const SLOW = 'Be slow';

/** The first tier is always tried first; the second is there for the hedge. */
const pair = (name: string, more: object = {}): object[] => [
  deployment(first, name, { ...PRICES, order: 1 }, { model_info: { id: `${name}-first` } }),
  deployment(second, name, { ...PRICES, order: 2, ...more }, { model_info: { id: `${name}-second` } }),
];

beforeAll(async () => {
  [first, second] = await Promise.all([startUpstream(), startUpstream()]);
  gateway = await startGateway({
    config: {
      model_list: ['whole', 'stream', 'leaves', 'limited', 'fails', 'capped', 'plain', 'unknown'].flatMap((name) =>
        pair(name),
      ),
      router_settings: { num_retries: 0, disable_cooldowns: true },
      tollgate_settings: {
        hedging: ['whole', 'stream', 'leaves', 'limited', 'fails', 'capped', 'unknown'],
        budget_wait: 0,
      },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([first?.stop(), second?.stop()]);
});
beforeEach(() => {
  first.behave = (request) => ({ ...SAID, ...(isSlow(request) && { delayMs: 3_000 }) });
  second.behave = () => SAID;
});

const isSlow = ({ text }: SeenRequest): boolean => text.includes(SLOW);
const asking = (model: string, content = 'Hello', more: object = {}): object => ({
  model,
  messages: [{ role: 'user', content }],
  max_tokens: 20,
  ...more,
});

/** Just enough quick answers for a deployment's p95 to be known: one more could be hedged itself. */
async function warm(model: string): Promise<void> {
  for (let at = 0; at < 20; at++) await (await gateway.ask(asking(model))).text();
}

interface AttemptView {
  readonly deploymentId: string;
  readonly error: string | null;
  readonly costNanoUsd: number;
}

async function rowOf(callId: string | null): Promise<SpendRow & { readonly attempts: readonly AttemptView[] }> {
  const [row] = await gateway.rows(`?request_id=${callId}`);
  if (row === undefined) throw new Error(`There is no row of ${callId}.`);
  const { attempts } = row['tollgate'] as { attempts: AttemptView[] };
  return { ...row, attempts };
}

for (const stream of [false, true]) {
  const model = stream ? 'stream' : 'whole';
  test(`a slow ${model} answer is overtaken: one answer, both in the row and priced, the loser’s socket closed`, async () => {
    await warm(model);
    const seen = { first: first.requests.length, second: second.requests.length };
    const startedAtMs = performance.now();
    const answer = await gateway.ask(asking(model, SLOW, { stream }));
    const text = await answer.text();
    expect(performance.now() - startedAtMs).toBeLessThan(1_500);
    expect(answer.status).toBe(200);
    expect(text).toContain(stream ? '[DONE]' : 'chat.completion');
    expect(answer.headers.get('x-litellm-model-id')).toBe(`${model}-second`);
    expect(answer.headers.get('x-litellm-attempted-retries')).toBe('0');
    expect([first.requests.length - seen.first, second.requests.length - seen.second]).toEqual([1, 1]);
    const closedAtMs = await first.requests.at(-1)?.closed;
    expect(closedAtMs).toBeLessThan(startedAtMs + 1_500);
    const row = await rowOf(answer.headers.get('x-litellm-call-id'));
    // Seven characters of prompt are two tokens; the answer has four of prompt and ten of output.
    expect(row.attempts).toMatchObject([
      { deploymentId: `${model}-first`, error: 'outrun', costNanoUsd: 2_000_000 },
      { deploymentId: `${model}-second`, error: null, costNanoUsd: 24_000_000 },
    ]);
    expect(row['spend']).toBeCloseTo(0.026, 9);
    expect(row).toMatchObject({ status: 'success', model_id: `${model}-second`, completion_tokens: 10 });
  }, 15_000);
}

test('a group that is not named has no second attempts, and neither has one that nothing is known of', async () => {
  for (const model of ['plain', 'unknown']) {
    if (model === 'plain') await warm(model);
    first.behave = (request) => ({ ...SAID, ...(isSlow(request) && { delayMs: 300 }) });
    const before = second.requests.length;
    const answer = await gateway.ask(asking(model, SLOW));
    await answer.text();
    expect(answer.headers.get('x-litellm-model-id')).toBe(`${model}-first`);
    expect(second.requests.length).toBe(before);
  }
});

test('a client that leaves takes both with it, and owes both prompts', async () => {
  await warm('leaves');
  second.behave = () => ({ silent: true });
  const leaving = new AbortController();
  const arrived = second.arrived(second.requests.length + 1);
  const gone = fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.masterKey}`,
      'content-type': 'application/json',
      'x-litellm-call-id': 'one-that-leaves',
    },
    body: JSON.stringify(asking('leaves', SLOW)),
    signal: leaving.signal,
  });
  const { closed } = await arrived;
  leaving.abort();
  await gone.catch(() => undefined);
  const [one, other] = await Promise.all([first.requests.at(-1)?.closed, closed]);
  expect(Math.max(one ?? Infinity, other)).toBeLessThan(performance.now() + 1);
  const row = await rowOf('one-that-leaves');
  expect(row.attempts.map(({ costNanoUsd }) => costNanoUsd)).toEqual([2_000_000, 2_000_000]);
  expect(row['spend']).toBeCloseTo(0.004, 9);
}, 15_000);

test('when the slow one fails, the second one’s answer is the answer', async () => {
  await warm('fails');
  first.behave = () => ({ delayMs: 200, status: 500 });
  second.behave = () => ({ ...SAID, delayMs: 400 });
  const answer = await gateway.ask(asking('fails', SLOW));
  expect([answer.status, answer.headers.get('x-litellm-model-id')]).toEqual([200, 'fails-second']);
  await answer.text();
  const row = await rowOf(answer.headers.get('x-litellm-call-id'));
  expect(row.attempts.map(({ error, costNanoUsd }) => [error !== null, costNanoUsd])).toEqual([
    [true, 0],
    [false, 24_000_000],
  ]);
}, 15_000);

test('a budget that covers one attempt and not two has one', async () => {
  await warm('limited');
  first.behave = (request) => ({ ...SAID, ...(isSlow(request) && { delayMs: 400 }) });
  // An attempt can cost at most 20 tokens out at 2 million nano-dollars, and its bytes in at 1 million each.
  const bytes = JSON.stringify(asking('limited', SLOW)).length;
  for (const [share, expected] of [
    [1.5, 'limited-first'],
    [2.5, 'limited-second'],
  ] as const) {
    const max_budget = ((20 * 2 + bytes) * share) / 1_000;
    const { key } = (await (await gateway.post('/key/generate', { max_budget })).json()) as { key: string };
    const answer = await gateway.ask(asking('limited', SLOW), { authorization: `Bearer ${key}` });
    expect([answer.status, answer.headers.get('x-litellm-model-id')]).toEqual([200, expected]);
    await answer.text();
  }
}, 15_000);

describe('extra calls', () => {
  test('stay within 5 % of 400 calls, however slow the first deployment is', async () => {
    await warm('capped');
    first.behave = () => ({ ...SAID, delayMs: 60 });
    const before = second.requests.length;
    const ask = async (): Promise<void> => {
      const answer = await gateway.ask(asking('capped', SLOW));
      expect(answer.status).toBe(200);
      await answer.text();
    };
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 38 }, ask));
    const extra = second.requests.length - before;
    expect(extra).toBeGreaterThan(0);
    expect(extra).toBeLessThanOrEqual(20);
  }, 20_000);
});
