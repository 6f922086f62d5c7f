/** Rate limits from outside: real requests in parallel against a slow upstream. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
/** RPM and TPM over two seconds, so that a test can see a window end. */
const WINDOW_SECONDS = 2;
const USAGE = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    env: { LITELLM_RATE_LIMIT_WINDOW_SIZE: String(WINDOW_SECONDS) },
    config: {
      model_list: [
        deployment(upstream, 'gpt-4o'),
        deployment(upstream, 'other'),
        deployment(upstream, 'pair', { rpm: 2, model: 'openai/first' }),
        deployment(upstream, 'pair', { rpm: 3, model: 'openai/second' }),
        deployment(upstream, 'wide', { rpm: 40, tpm: 5_000, mock_response: 'Hi' }),
        deployment(upstream, 'wide', { rpm: 60, mock_response: 'Hi' }),
        deployment(upstream, 'wide', { mock_response: 'Hi' }),
        deployment(upstream, 'mock', { mock_response: 'Hi' }),
        deployment(upstream, 'narrow', { rpm: 40, tpm: 5_000 }),
      ],
      router_settings: { num_retries: 0 },
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

async function made(fields: object): Promise<string> {
  const answer = await gateway.post('/key/generate', fields);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { key: string }).key;
}

const messages = [{ role: 'user', content: 'Hello' }];
const ask = (key: string, body: object = {}): Promise<Response> =>
  gateway.ask({ model: 'gpt-4o', messages, max_tokens: 20, ...body }, { authorization: `Bearer ${key}` });

async function burst(count: number, key: string, body: object = {}): Promise<number[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await ask(key, body);
      await answer.text();
      return answer.status;
    }),
  );
}

const passed = (statuses: readonly number[]): number => statuses.filter((status) => status === 200).length;

describe('requests a minute', () => {
  test('of 100 in parallel at most 30 pass, and the rest reach nobody', async () => {
    upstream.behave = () => ({ delayMs: 50 });
    const before = upstream.requests.length;
    const statuses = await burst(100, await made({ rpm_limit: 30 }));
    expect(passed(statuses)).toBe(30);
    expect(statuses.filter((status) => status === 429)).toHaveLength(70);
    expect(upstream.requests.length - before).toBe(30);
  });

  test('are refused in one shape, and after Retry-After a retry passes', async () => {
    const key = await made({ rpm_limit: 1 });
    expect((await ask(key)).status).toBe(200);
    const refused = await ask(key);
    expect(refused.status).toBe(429);
    const { error } = (await refused.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ message: 'Rate limit exceeded', type: 'rate_limit_error' });
    expect(error['limit']).toMatchObject({ scope: 'api_key', unit: 'requests', used: 1, max: 1 });
    expect(refused.headers.get('x-ratelimit-api_key-remaining-requests')).toBe('0');
    expect(Number(refused.headers.get('x-litellm-key-spend'))).toBeGreaterThan(0);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(WINDOW_SECONDS);
    await Bun.sleep(seconds * 1_000);
    expect((await ask(key)).status).toBe(200);
  });

  test('are not used up by refused calls', async () => {
    const key = await made({ rpm_limit: 2 });
    expect(passed(await burst(20, key))).toBe(2);
    const { headers } = await ask(key);
    await Bun.sleep(Number(headers.get('retry-after')) * 1_000);
    expect(passed(await burst(20, key))).toBe(2);
  });

  test('are told in the headers', async () => {
    const answer = await ask(await made({ rpm_limit: 7, tpm_limit: 900 }));
    expect(answer.headers.get('x-ratelimit-api_key-limit-requests')).toBe('7');
    expect(answer.headers.get('x-ratelimit-api_key-remaining-requests')).toBe('6');
    expect(answer.headers.get('x-ratelimit-api_key-limit-tokens')).toBe('900');
  });

  test('are told under OpenAI’s names too: what the group can take, else what the key may', async () => {
    const told = ({ headers }: Response) =>
      ['limit-requests', 'remaining-requests', 'limit-tokens'].map((name) => headers.get(`x-ratelimit-${name}`));
    const key = await made({ rpm_limit: 7 });
    expect(told(await ask(key, { model: 'mock' }))).toEqual(['7', '6', null]);
    expect(told(await ask(await made({}), { model: 'mock' }))).toEqual([null, null, null]);
    const wide = told(await ask(await made({}), { model: 'wide', stream: true }));
    expect(wide).toEqual(['100', expect.stringMatching(/^(99|100)$/), '5000']);
    // What the upstream says itself stands before both.
    expect(told(await ask(key, { model: 'narrow' }))).toEqual(['10000', '9999', expect.any(String)]);
  });

  test('of one model leave the others alone', async () => {
    const key = await made({ model_rpm_limit: { 'gpt-4o': 1 } });
    expect(passed(await burst(3, key))).toBe(1);
    expect(passed(await burst(3, key, { model: 'other' }))).toBe(3);
  });

  test('of a deployment send the rest to the next, and refuse only when all are full', async () => {
    const key = await made({});
    const before = upstream.requests.length;
    expect(passed(await burst(9, key, { model: 'pair' }))).toBe(5);
    const models = upstream.requests.slice(before).map(({ body }) => body['model']);
    expect(models.toSorted()).toEqual(['first', 'first', 'second', 'second', 'second']);
  });
});

describe('tokens a minute', () => {
  test('are the same streamed and whole', async () => {
    upstream.behave = () => ({ usage: USAGE });
    for (const stream of [false, true]) {
      const key = await made({ tpm_limit: 100 });
      const statuses: number[] = [];
      for (let call = 0; call < 5; call++) statuses.push(...(await burst(1, key, { stream })));
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
    }
  });

  test('are weighed by the largest cap, so that a call that cannot fit is refused', async () => {
    const key = await made({ tpm_limit: 60 });
    const refused = await ask(key, { max_tokens: 1, max_completion_tokens: 700 });
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain('Lower max_tokens');
  });
});

describe('parallel requests', () => {
  test('have so many slots, which come back however a call ends', async () => {
    const key = await made({ max_parallel_requests: 3 });
    const endings = [
      { delayMs: 30 },
      { status: 500 },
      { refuse: 'reset' },
      { cut: { after: 1, how: 'reset' } },
    ] as const;
    let turn = 0;
    upstream.behave = () => endings[turn++ % endings.length] ?? {};
    for (let round = 0; round < 6; round++) await burst(6, key, { stream: round % 2 === 0 });
    upstream.behave = () => ({ delayMs: 80 });
    expect(passed(await burst(8, key))).toBe(3);
  });
});

describe('a limit in shadow mode', () => {
  test('refuses nothing and is told in the log', async () => {
    const key = await made({ tollgate_limits: [{ unit: 'requests', window: '1d', max: 1, mode: 'shadow' }] });
    expect(passed(await burst(3, key))).toBe(3);
    expect(gateway.logs()).toContain('shadow_refusal');
  });
});
