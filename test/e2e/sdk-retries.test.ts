/** OpenAI's npm SDK, which retries by itself, in front of the gateway, which does too: the upstream counts what arrives. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import OpenAI, { type APIError } from 'openai';
import { type AppPlace, startAppPlace } from '../support/app-place.ts';
import { deployment } from '../support/gateway.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let place: AppPlace;
const messages = [{ role: 'user' as const, content: 'Count to 10' }];
const SOON = { 'retry-after-ms': '1' };

beforeAll(async () => {
  upstream = await startUpstream();
  place = await startAppPlace({
    model_list: [
      ...['m', 'spare'].map((name) => deployment(upstream, name)),
      deployment(upstream, 'narrow', { max_parallel_requests: 1 }),
      deployment(upstream, 'minute', { rpm: 1 }),
    ],
    router_settings: { num_retries: 1, disable_cooldowns: true, fallbacks: [{ m: ['spare'] }] },
  });
});
afterEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await place?.stop();
  await upstream?.stop();
});

interface Outcome {
  /** `undefined`: it was answered. */
  readonly error: APIError | undefined;
  /** Upstream models that were asked. */
  readonly asked: string[];
  /** Requests that the SDK itself made. */
  readonly sent: number;
}

async function outcomeOf(model: string, body: object = {}, apiKey?: string): Promise<Outcome> {
  let sent = 0;
  const client = new OpenAI({
    apiKey: apiKey ?? 'sk-master-of-the-app-tests',
    baseURL: `${place.url}/v1`,
    maxRetries: 2,
    fetch: (url, init) => {
      sent += 1;
      return fetch(url, init);
    },
  });
  const before = upstream.requests.length;
  const error = await client.chat.completions.create({ model, messages, ...body }).then(
    () => undefined,
    (thrown: APIError) => thrown,
  );
  return { error, sent, asked: upstream.requests.slice(before).map((request) => String(request.body['model'])) };
}

const always = (behaviour: Behaviour): void => {
  upstream.behave = () => behaviour;
};

describe('a failure of the upstream', () => {
  test.each([500, 502, 503, 504, 529, 429, 408])('%d is retried by the gateway alone', async (status) => {
    always({ status, headers: SOON });
    const { error, sent, asked } = await outcomeOf('m');
    expect([sent, asked]).toEqual([1, ['m', 'm', 'spare', 'spare']]);
    expect(error?.headers?.get('x-should-retry')).toBe('false');
  });

  test.each([400, 401, 403, 404, 409, 422])('%d is not retried by either', async (status) => {
    always({ status });
    const { error, sent, asked } = await outcomeOf('spare');
    expect([sent, asked.length, error?.headers?.get('x-should-retry')]).toEqual([1, 1, 'false']);
  });

  test('in a stream that has not begun is retried by the gateway alone', async () => {
    always({ events: ['{"error":{"message":"overloaded","type":"overloaded_error"}}'] });
    const { sent, asked } = await outcomeOf('spare', { stream: true });
    expect([sent, asked.length]).toEqual([1, 2]);
  });

  test('is the SDK’s to retry where the client wants no retries of ours', async () => {
    always({ status: 503, headers: SOON });
    const { error, sent, asked } = await outcomeOf('spare', { num_retries: 0 });
    expect([sent, asked.length, error?.headers?.has('x-should-retry')]).toEqual([3, 3, false]);
    const withFallback = await outcomeOf('m', { num_retries: 0 });
    expect([withFallback.sent, withFallback.asked]).toEqual([1, ['m', 'spare']]);
  });
});

describe('a refusal of the gateway', () => {
  test('that ends soon is waited for: the SDK comes back and is answered', async () => {
    always({ delayMs: 300 });
    const first = outcomeOf('narrow');
    await upstream.arrived(upstream.requests.length + 1);
    const second = await outcomeOf('narrow');
    expect([(await first).error, second.error, second.sent]).toEqual([undefined, undefined, 2]);
  });

  test('says when to come back, and not to come back early', async () => {
    expect((await outcomeOf('minute')).error).toBeUndefined();
    const answer = await place.ask({ model: 'minute', messages });
    const seconds = Number(answer.headers.get('retry-after'));
    expect(answer.status).toBe(429);
    expect(seconds).toBeWithin(1, 61);
    expect(answer.headers.get('x-should-retry')).toBe(String(seconds < 60));
  });

  test.each([
    ['a model that is not there', 'nothing', {}, undefined],
    ['a parameter that is wrong', 'm', { temperature: 'hot' }, undefined],
    ['a key that is not known', 'm', {}, 'sk-of-nobody'],
  ] as const)('of %s is final', async (_, model, body, apiKey) => {
    const { error, sent, asked } = await outcomeOf(model, body, apiKey);
    expect([sent, asked, error?.headers?.get('x-should-retry')]).toEqual([1, [], 'false']);
    expect(error?.status).toBeWithin(400, 402);
  });

  test('of a budget that is spent is final until its time', async () => {
    const key = await place.key({ max_budget: 0, budget_duration: '1d' });
    const { error, sent } = await outcomeOf('m', {}, key);
    expect([sent, error?.headers?.get('x-should-retry')]).toEqual([1, 'false']);
  });
});
