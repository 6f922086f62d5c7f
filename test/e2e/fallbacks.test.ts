/** Fallbacks as clients ask for them: objects, bounds, failures for tests, and what the caller may not use. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, type Headers, type SpendRow, startGateway } from '../support/gateway.ts';
import { streamed } from '../support/sse.ts';
import { type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
let closed: Gateway;

const priced = { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  const model_list = [
    ...['bad', 'good', 'other', 'typed'].map((name) =>
      deployment(upstream, name, { ...priced, configurable_clientside_auth_params: ['api_key'] }),
    ),
    deployment(upstream, 'pair', { model: 'openai/pair-one' }),
    deployment(upstream, 'pair', { model: 'openai/pair-two' }),
    deployment(upstream, 'long', priced),
  ];
  const router_settings = {
    num_retries: 0,
    disable_cooldowns: true,
    fallbacks: [{ long: ['good', 'other'] }, { typed: ['good'] }],
    context_window_fallbacks: [{ typed: ['other'] }],
    content_policy_fallbacks: [{ typed: ['other'] }],
  };
  const general_settings = { dangerously_allow_mock_testing_request_params: true };
  [gateway, closed] = await Promise.all([
    startGateway({ config: { model_list, router_settings, general_settings } }),
    startGateway({ config: { model_list } }),
  ]);
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), closed?.stop()]);
  await upstream?.stop();
});

const BAD: readonly unknown[] = ['bad', 'long'];
beforeEach(() => {
  upstream.requests.length = 0;
  upstream.behave = ({ body }) => (BAD.includes(body['model']) ? { status: 500 } : {});
});

const messages = [{ role: 'user', content: 'Hi' }];
const ask = (body: object, headers: Headers = {}): Promise<Response> => gateway.ask({ messages, ...body }, headers);
const asked = (): unknown[] => upstream.requests.map(({ body }) => body['model']);
const last = (): SeenRequest | undefined => upstream.requests.at(-1);

async function keyWith(settings: object): Promise<Headers> {
  const made = await gateway.post('/key/generate', settings);
  const { key } = (await made.json()) as { key: string }; // As documented.
  return { authorization: `Bearer ${key}` };
}

async function rowOf(answer: Response): Promise<SpendRow | undefined> {
  const id = answer.headers.get('x-litellm-call-id');
  return (await gateway.rows()).find((row) => row['litellm_call_id'] === id);
}

const attemptErrors = (row: SpendRow | undefined): (string | null)[] => {
  const { attempts } = (row?.['tollgate'] ?? { attempts: [] }) as { attempts: { error: string | null }[] }; // Its shape.
  return attempts.map(({ error }) => error);
};

describe('a fallback of the request', () => {
  test('that is an object asks with its own fields, and the rest of the request', async () => {
    const changes = { temperature: 0.1, messages: [{ role: 'user', content: 'In short' }], vendor_option: { a: 1 } };
    const answer = await ask({ model: 'bad', temperature: 1, seed: 7, fallbacks: [{ model: 'good', ...changes }] });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-litellm-model-group')).toBe('good');
    expect(asked()).toEqual(['bad', 'good']);
    expect(upstream.requests[0]?.body).toMatchObject({ temperature: 1, seed: 7, messages });
    expect(last()?.body).toEqual({ model: 'good', seed: 7, ...changes });
  });

  test('that is an object can bring a provider key, and streams like the request', async () => {
    const fallbacks = [{ model: 'good', api_key: 'sk-mine', stream: false, seed: 3 }];
    const answer = await ask({ model: 'bad', stream: true, fallbacks });
    expect(await streamed(answer)).toMatchObject({ isDone: true });
    expect(last()?.headers['authorization']).toBe('Bearer sk-mine');
    expect(last()?.body).not.toHaveProperty('api_key');
    expect(last()?.body).toMatchObject({ stream: true, seed: 3 });
    expect(upstream.requests[0]?.headers['authorization']).not.toContain('sk-mine');
  });

  test('that is an object with a fault is refused before anybody is asked', async () => {
    for (const [item, param] of [
      [{ temperature: 'hot' }, 'temperature'],
      [{ api_base: 'http://127.0.0.1:1' }, 'api_base'],
      [{ messages: 'Hi' }, 'messages'],
    ] as const) {
      const answer = await ask({ model: 'bad', fallbacks: [{ model: 'good', ...item }] });
      expect([answer.status, ((await answer.json()) as { error: object }).error]).toMatchObject([400, { param }]);
    }
    expect(asked()).toEqual([]);
  });

  test('is not taken when the request wants none, and not beyond its own bound', async () => {
    expect((await ask({ model: 'bad', fallbacks: ['good'], disable_fallbacks: true })).status).toBe(500);
    expect((await ask({ model: 'bad', fallbacks: ['long', 'good'], max_fallbacks: 1 })).status).toBe(500);
    expect((await ask({ model: 'bad', fallbacks: ['good'], max_fallbacks: 0 })).status).toBe(500);
    expect(asked()).toEqual(['bad', 'bad', 'long', 'bad']);
    expect((await ask({ model: 'bad', fallbacks: ['long', 'good'], max_fallbacks: 2 })).status).toBe(200);
    expect((await ask({ model: 'bad', max_fallbacks: -1 })).status).toBe(400);
  });

  test('that the key may not use is refused up front', async () => {
    const headers = await keyWith({ models: ['bad'] });
    const answer = await ask({ model: 'bad', fallbacks: [{ model: 'good', seed: 1 }] }, headers);
    expect(answer.status).toBe(403);
    expect(asked()).toEqual([]);
  });
});

describe('a configured fallback', () => {
  test('that the key may not use is skipped', async () => {
    const headers = await keyWith({ models: ['long', 'other'] });
    const answer = await ask({ model: 'long' }, headers);
    expect([answer.status, answer.headers.get('x-litellm-model-group')]).toEqual([200, 'other']);
    expect(asked()).toEqual(['long', 'other']);
  });

  test('of which the key may use none leaves the upstream’s own error', async () => {
    const answer = await ask({ model: 'long' }, await keyWith({ models: ['long'] }));
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('The fake upstream says 500.');
    expect(asked()).toEqual(['long']);
  });

  test('that is at a limit of the key is skipped, and limits hold for the model that serves', async () => {
    const headers = await keyWith({ model_rpm_limit: { good: 1 } });
    const groups: unknown[] = [];
    for (let at = 0; at < 3; at++)
      groups.push((await ask({ model: 'long' }, headers)).headers.get('x-litellm-model-group'));
    expect(groups).toEqual(['good', 'other', 'other']);
  });

  test('that the key has no money for is skipped', async () => {
    const headers = await keyWith({ model_max_budget: { good: { budget_limit: 0.000001, time_period: '1d' } } });
    const answer = await ask({ model: 'long', max_tokens: 100 }, headers);
    expect([answer.status, answer.headers.get('x-litellm-model-group')]).toEqual([200, 'other']);
    expect(asked()).toEqual(['long', 'other']);
  });
});

describe('a budget', () => {
  test('is not got round by a fallback that asks for more than the request', async () => {
    const headers = await keyWith({ max_budget: 0.0005 });
    const fallbacks = [{ model: 'good', max_tokens: 100_000 }];
    const answer = await ask({ model: 'bad', max_tokens: 10, fallbacks }, headers);
    expect([422, 429, 400]).toContain(answer.status);
    expect(asked()).toEqual([]);
    expect((await ask({ model: 'bad', max_tokens: 10, fallbacks: [{ model: 'good', seed: 1 }] }, headers)).status).toBe(
      200,
    );
  });
});

describe('failures for tests', () => {
  const cases = [
    ['mock_testing_fallbacks', 'good', 'upstream_failed'],
    ['mock_testing_context_fallbacks', 'other', 'context_window_exceeded'],
    ['mock_testing_content_policy_fallbacks', 'other', 'content_policy_violation'],
  ] as const;

  test.each(cases)(
    '%s fails the group asked for, without a call, and its fallback answers',
    async (name, group, kind) => {
      for (const stream of [false, true]) {
        upstream.requests.length = 0;
        const answer = await ask({ model: 'typed', [name]: true, stream, num_retries: 2 });
        await answer.text();
        expect([answer.status, answer.headers.get('x-litellm-model-group')]).toEqual([200, group]);
        expect(asked()).toEqual([group]);
        expect(last()?.body).not.toHaveProperty(name);
        expect(attemptErrors(await rowOf(answer))).toEqual([kind, null]);
      }
    },
  );

  test('mock_testing_rate_limit_error fails the first attempt, and a retry answers', async () => {
    const answer = await ask({ model: 'pair', mock_testing_rate_limit_error: true, num_retries: 1 });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-litellm-attempted-retries')).toBe('1');
    expect(asked()).toHaveLength(1);
    expect(attemptErrors(await rowOf(answer))).toEqual(['upstream_busy', null]);
  });

  test('without a fallback the client meets the failure itself', async () => {
    const answer = await ask({ model: 'good', mock_testing_fallbacks: true });
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('mock_testing_fallbacks');
    expect(asked()).toEqual([]);
  });

  test.each([...cases.map(([name]) => name), 'mock_testing_rate_limit_error'])(
    '%s is refused where the operator has not allowed it',
    async (name) => {
      const answer = await closed.ask({ model: 'good', messages, [name]: true });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { param: name } });
      expect(asked()).toEqual([]);
    },
  );

  test('speak against nobody: a deployment that bears no failure does not cool down', async () => {
    const strict = await startGateway({
      config: {
        model_list: [deployment(upstream, 'good'), deployment(upstream, 'bad')],
        router_settings: { allowed_fails: 0, num_retries: 0 },
        general_settings: { dangerously_allow_mock_testing_request_params: true },
      },
    });
    const told = (): boolean => strict.logs().includes('cools down');
    for (const failure of ['fallbacks', 'rate_limit_error'])
      await strict.ask({ model: 'good', messages, [`mock_testing_${failure}`]: true });
    await strict.ask({ model: 'good', messages, mock_timeout: true, stream_timeout: 0.05, stream: true });
    expect(told()).toBe(false);
    await strict.ask({ model: 'bad', messages });
    expect(told()).toBe(true);
    await strict.stop();
  });
});
