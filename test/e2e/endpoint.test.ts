/** The chat endpoint from the wire on one side to the wire on the other: what passes untouched, what is taken out, what is added. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { streamed } from '../support/sse.ts';
import { type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
const PRICES = { input_cost_per_token: 3e-6, output_cost_per_token: 6e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'priced', PRICES, { model_info: { id: 'deployment-1' } }),
        deployment(upstream, 'free-of-price'),
        deployment(upstream, 'org/with/slashes', { model: 'openai/up' }),
        deployment(upstream, 'plain', { model: 'openai/gpt-4o-mini', temperature: 0.5, seed: 1 }),
        deployment(upstream, 'wild/*', { model: 'openai/*' }),
        deployment(upstream, 'retried', { num_retries: 2 }),
        {
          model_name: 'azure',
          litellm_params: {
            model: 'azure/my-deployment',
            api_base: upstream.origin,
            api_key: 'azure-key',
            api_version: '2024-10-21',
          },
        },
        { model_name: 'shared', litellm_params: { model: 'openai/shared-1', api_base: upstream.url, api_key: 'k1' } },
        { model_name: 'shared', litellm_params: { model: 'openai/shared-2', api_base: upstream.url, api_key: 'k2' } },
      ],
      router_settings: {
        num_retries: 0,
        retry_after: 0,
        model_group_alias: { nick: 'priced', hidden: { model: 'priced', hidden: true } },
      },
      litellm_settings: { sse_keepalive_ping_interval_seconds: 1 },
    },
  });
});
beforeEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const messages = [{ role: 'user', content: 'Count to 10' }];
const ask = (body: object, headers: Record<string, string> = {}): Promise<Response> =>
  gateway.ask({ model: 'priced', messages, ...body }, headers);

/** The request as the upstream saw it, and the answer, read to its end. */
async function through(body: object | string, headers: Record<string, string> = {}) {
  const answer = typeof body === 'string' ? await gateway.ask(body, headers) : await ask(body, headers);
  const text = await answer.text();
  return { answer, text, seen: upstream.requests.at(-1) as SeenRequest }; // It was asked just now.
}

describe('what reaches the upstream', () => {
  test('the body arrives as it was written: order, spaces, big numbers, escapes and unknown fields', async () => {
    const body =
      '{ "z_unknown": 12345678901234567890, "messages":[{"role":"user","content":"\\u00e9\\n\\ud83d\\ude00 1.0"}],  "model":"priced", "temperature": 1.0,"nested":{"b":[1e400,-0.0]} }';
    const { seen, answer } = await through(body);
    expect(answer.status).toBe(200);
    expect(seen.text).toBe(body);
  });

  test('only the name of the model is exchanged', async () => {
    const body =
      '{"messages":[{"role":"user","content":"\\"model\\":\\"plain\\""}],"model": "org/with/slashes","top_p":0.25}';
    const { seen } = await through(body);
    expect(seen.text).toBe(body.replace('"org/with/slashes"', '"up"'));
  });

  test("the gateway's own keys never arrive", async () => {
    const own = {
      metadata: { a: 1 },
      litellm_metadata: {},
      tags: ['t'],
      num_retries: 1,
      timeout: 30,
      stream_timeout: 30,
      fallbacks: ['plain'],
      disable_fallbacks: true,
      drop_params: true,
      additional_drop_params: ['seed'],
      allowed_openai_params: ['x'],
      mock_response: 'never mind',
      cache: { 'no-cache': true },
      guardrails: [],
      litellm_call_id: 'x',
      'no-log': false,
    };
    const { seen, answer } = await through({ ...own, seed: 5, user: 'someone' });
    expect(answer.status).toBe(200);
    expect(Object.keys(seen.body).sort()).toEqual(['messages', 'model', 'user']);
  });

  test('extra_body is merged, extra_headers become headers, the credential is ours', async () => {
    const { seen } = await through(
      { extra_body: { top_k: 4 }, extra_headers: { 'x-extra': 'yes' } },
      { 'x-private': 'no', cookie: 'a=b' },
    );
    expect(seen.body['top_k']).toBe(4);
    expect(seen.body['extra_body']).toBeUndefined();
    expect(seen.headers['x-extra']).toBe('yes');
    expect(seen.headers['authorization']).toBe(`Bearer ${UPSTREAM_KEY}`);
    expect(seen.headers['x-private']).toBeUndefined();
    expect(seen.headers['cookie']).toBeUndefined();
  });

  test('parameters of the deployment are defaults', async () => {
    expect((await through({ model: 'plain' })).seen.body).toMatchObject({ temperature: 0.5, seed: 1 });
    expect((await through({ model: 'plain', temperature: 1 })).seen.body).toMatchObject({ temperature: 1, seed: 1 });
  });

  test('what is dropped on request is named in x-tollgate-changed and in the row', async () => {
    const { seen, answer } = await through({ seed: 3, additional_drop_params: ['seed'] });
    expect(seen.body['seed']).toBeUndefined();
    expect(answer.headers.get('x-tollgate-changed')).toContain('seed');
    const id = answer.headers.get('x-litellm-call-id');
    const row = (await gateway.rows()).find((each) => each['litellm_call_id'] === id);
    expect(row?.['tollgate']).toMatchObject({ changes: [{ field: 'seed', action: 'dropped' }] });
  });

  test.each([
    ['org/with/slashes', '/engines/org/with/slashes/chat/completions', 'up'],
    ['an encoded slash', '/engines/org%2Fwith%2Fslashes/chat/completions', 'up'],
    ['a deployment path', '/openai/deployments/org/with/slashes/chat/completions?api-version=2024-10-21', 'up'],
    ['a wildcard', '/engines/wild/some-model/chat/completions', 'some-model'],
  ])('the path names the model: %s', async (_, path, upstreamModel) => {
    const answer = await gateway.ask({ messages, model: 'ignored' }, {}, path);
    expect(answer.status).toBe(200);
    await answer.text();
    expect(upstream.requests.at(-1)?.body['model']).toBe(upstreamModel);
  });

  test("Azure gets Azure's path, version and header", async () => {
    const { seen, answer } = await through({ model: 'azure' });
    expect(answer.status).toBe(200);
    expect(seen.path).toBe('/openai/deployments/my-deployment/chat/completions');
    expect(seen.query.get('api-version')).toBe('2024-10-21');
    expect(seen.headers['api-key']).toBe('azure-key');
    expect(seen.headers['authorization']).toBeUndefined();
  });

  test('two deployments under one name share the load', async () => {
    const before = upstream.requests.length;
    await Promise.all(Array.from({ length: 40 }, async () => (await ask({ model: 'shared' })).text()));
    const used = new Set(
      upstream.requests.slice(before).map(({ headers, body }) => `${headers['authorization']} ${body['model']}`),
    );
    expect([...used].sort()).toEqual(['Bearer k1 shared-1', 'Bearer k2 shared-2']);
  });

  test.each([
    ['authorization', (key: string) => ({ authorization: `Bearer ${key}` })],
    ['a lower-case bearer', (key: string) => ({ authorization: `bearer ${key}` })],
    ['x-litellm-api-key', (key: string) => ({ authorization: '', 'x-litellm-api-key': key })],
    ['x-api-key', (key: string) => ({ authorization: '', 'x-api-key': key })],
    ['api-key', (key: string) => ({ authorization: '', 'api-key': key })],
  ])('the key may come in %s', async (_, headers) => {
    expect((await ask({}, headers(gateway.masterKey))).status).toBe(200);
    expect((await ask({}, headers('sk-not-this-one'))).status).toBe(401);
  });
});

describe('what comes back', () => {
  test("the body is the upstream's, with the name that the client asked for", async () => {
    const body =
      '{"id":"chatcmpl-1", "object":"chat.completion","created":17,"model" : "gpt-4-0613","choices":[{"index":0,"message":{"role":"assistant","content":"\\"model\\": \\"x\\"","vendor":12345678901234567890},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"new_field":[1.0]}';
    upstream.behave = () => ({ body });
    const { text } = await through({ model: 'nick' });
    expect(text).toBe(body.replace('"gpt-4-0613"', '"nick"'));
  });

  test('the headers of a success say what it cost, who answered and how long it took', async () => {
    const { answer } = await through({});
    const { headers } = answer;
    const usage = { prompt: 11, completion: 10 };
    expect(Number(headers.get('x-litellm-response-cost'))).toBeCloseTo(
      3e-6 * usage.prompt + 6e-6 * usage.completion,
      9,
    );
    expect(headers.get('x-litellm-response-cost')).not.toContain('e');
    expect(headers.get('x-litellm-model-id')).toBe('deployment-1');
    expect(headers.get('x-litellm-model-group')).toBe('priced');
    expect(headers.get('x-litellm-model-api-base')).toBe(upstream.url);
    expect(headers.get('x-litellm-call-id')).toBeTruthy();
    expect(headers.get('x-litellm-version')).toBeTruthy();
    expect(headers.get('x-litellm-attempted-retries')).toBe('0');
    expect(headers.get('x-litellm-attempted-fallbacks')).toBe('0');
    expect(Number(headers.get('x-litellm-response-duration-ms'))).toBeGreaterThan(0);
    expect(Number(headers.get('x-litellm-overhead-duration-ms'))).toBeLessThan(
      Number(headers.get('x-litellm-response-duration-ms')),
    );
    expect(headers.get('llm_provider-x-request-id')).toMatch(/^req_/);
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('9999');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('an unknown price is no header and a null, not zero', async () => {
    const { answer } = await through({ model: 'free-of-price' });
    expect(answer.headers.get('x-litellm-response-cost')).toBeNull();
    const id = answer.headers.get('x-litellm-call-id');
    expect((await gateway.rows()).find((row) => row['litellm_call_id'] === id)?.['spend']).toBeNull();
  });

  test("a client's own call id comes back", async () => {
    expect((await through({}, { 'x-litellm-call-id': 'mine-1' })).answer.headers.get('x-litellm-call-id')).toBe(
      'mine-1',
    );
  });

  test('cookies and browser rules of the upstream stay with it', async () => {
    upstream.behave = () => ({
      headers: {
        'set-cookie': 'a=b',
        'access-control-allow-origin': 'https://x',
        'strict-transport-security': 'max-age=1',
      },
    });
    const { headers } = (await through({})).answer;
    expect(
      [...headers.keys()].filter((name) => /set-cookie|strict-transport|access-control-allow-origin/.test(name)),
    ).toEqual([]);
  });

  test("retries are counted, and the answer is the last attempt's", async () => {
    const before = upstream.requests.length;
    upstream.behave = () => (upstream.requests.length < before + 3 ? { status: 503 } : {});
    const { answer } = await through({ model: 'retried' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-litellm-attempted-retries')).toBe('2');
    expect(upstream.requests.length).toBe(before + 3);
  });

  test("a request's own time limit is kept", async () => {
    upstream.behave = () => ({ delayMs: 5_000 });
    for (const [body, headers] of [
      [{ timeout: 0.1 }, {}],
      [{}, { 'x-litellm-timeout': '0.1' }],
    ] as const) {
      const answer = await ask(body, headers);
      expect(answer.status).toBe(408);
    }
  });
});

describe('streams', () => {
  test('pass through byte for byte but for the name of the model', async () => {
    const event = (content: string): string =>
      `{"id":"chatcmpl-9","object":"chat.completion.chunk","created":1764000000,"model":"gpt-4-0613","x":12345678901234567890,"choices":[{"index":0,"delta":{"content":${content}},"finish_reason":null}],"obfuscation":"aB"}`;
    const events = [
      event('"a"'),
      event('"\\u00e9 \\"model\\":\\"gpt-4-0613\\""'),
      event('"usage"'),
      event('"b"').replace('"finish_reason":null', '"finish_reason":"stop"'),
      '[DONE]',
    ];
    upstream.behave = () => ({ events });
    const { text, answer } = await through({ model: 'nick', stream: true });
    expect(text).toBe(
      events.map((data) => `data: ${data.replace('"model":"gpt-4-0613"', '"model":"nick"')}\n\n`).join(''),
    );
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    expect(answer.headers.get('x-litellm-response-cost')).toBeNull();
  });

  test('ask the upstream for usage always, and show it to those who asked', async () => {
    for (const include of [true, false, undefined]) {
      const body = { stream: true, ...(include !== undefined && { stream_options: { include_usage: include } }) };
      const { text, seen } = await through(body);
      expect(seen.body['stream_options']).toMatchObject({ include_usage: true });
      expect(text.includes('"completion_tokens"')).toBe(include === true);
      // An upstream that was asked sends nulls in between; they say nothing.
      expect(text.includes('"usage":{')).toBe(include === true);
    }
  });

  test('usage that comes on the last content chunk is found, shown once and priced', async () => {
    const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
    upstream.behave = () => ({
      edit: (events) =>
        events
          .filter((data) => !data.includes('"choices":[]'))
          .map((data) =>
            data.includes('"finish_reason":"stop"') ? JSON.stringify({ ...JSON.parse(data), usage }) : data,
          ),
    });
    const seen = await streamed(await ask({ stream: true, stream_options: { include_usage: true } }));
    expect(seen.usages).toHaveLength(1);
    expect(seen.usages[0]).toMatchObject(usage);
    expect(seen.usages[0]?.['cost']).toBeCloseTo(100 * 3e-6 + 50 * 6e-6, 9);
    expect(seen.chunks.at(-1)?.choices).toEqual([]);
    expect(seen).toMatchObject({ isDone: true, finishReasons: ['stop'] });
  });

  test('the first content is on its way before the last is written', async () => {
    upstream.behave = () => ({ paceMs: 20 });
    const answer = await ask({ stream: true });
    const reader = answer.body?.getReader();
    await reader?.read();
    expect(upstream.requests.at(-1)?.sent).toBeLessThan(8);
    await reader?.cancel();
  });

  test('a quiet stream is kept open by comments, which clients skip', async () => {
    upstream.behave = ({ serial }) => ({ content: `quiet ${serial}`, paceMs: 700 });
    const answer = await ask({ stream: true });
    const text = await answer.text();
    expect(text).toContain(': ping\n\n');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });
});

describe('around the endpoint', () => {
  test('models are listed with their aliases, hidden ones are not', async () => {
    const { data } = (await (await gateway.get('/v1/models')).json()) as { data: { id: string; object: string }[] };
    const ids = data.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['priced', 'nick', 'org/with/slashes', 'azure']));
    expect(ids).not.toContain('hidden');
    expect(new Set(ids).size).toBe(ids.length);
    expect((await ask({ model: 'hidden' })).status).toBe(200);
  });

  test("a browser's preflight and its request are answered for any origin", async () => {
    const preflight = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(200);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(preflight.headers.get('access-control-allow-origin')).toMatch(/^(\*|https:\/\/app\.example)$/);
    const { answer } = await through({}, { origin: 'https://app.example' });
    expect(answer.headers.get('access-control-allow-origin')).toMatch(/^(\*|https:\/\/app\.example)$/);
  });

  test('five hundred requests at once are all answered', async () => {
    upstream.behave = () => ({ delayMs: 50 });
    const before = upstream.requests.length;
    const statuses = await Promise.all(Array.from({ length: 500 }, async () => (await ask({})).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(upstream.requests.length).toBe(before + 500);
  });
});
