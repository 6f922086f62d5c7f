/** Every key of a model_list entry, of router_settings and of what stands around them, each seen to do what it says. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMPLETION_DEFAULTS } from '../../src/config/known-params.ts';
import { HONOURED } from '../../src/config/schema.ts';
import { REFUSED_KEYS } from '../../src/gateway/gateway-keys.ts';
import { deployment, type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { streamed } from '../support/sse.ts';
import { type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
const messages = [{ role: 'user', content: 'Count to 10' }];
const tool = (name: string): object => ({ type: 'function', function: { name, parameters: { type: 'object' } } });

/** A value for each parameter that a deployment may give a default for; what it is does not matter to the fake upstream. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(
    COMPLETION_DEFAULTS.filter((name) => name !== 'stream_options').map((name) => [name, { of: name }]),
  ),
  reasoning_effort: 'low',
};

beforeAll(async () => {
  upstream = await startUpstream();
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-settings-'));
  writeFileSync(join(folder, 'more.yaml'), JSON.stringify({ model_list: [deployment(upstream, 'included')] }));
  gateway = await startGateway({ folder, config: config(), env: { LITELLM_ENVIRONMENT: 'production' } });
});
beforeEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

function config(): object {
  const model = (name: string, params: object = {}, info?: object): object =>
    deployment(upstream, name, params, info && { model_info: info });
  const { url, origin } = upstream;
  return {
    model_list: [
      model('m'),
      model('defaults', DEFAULTS),
      model('with-tools', { tools: [tool('of_the_deployment')] }),
      model('streams-usage', { stream_options: { include_usage: true } }),
      { model_name: 'base-url', litellm_params: { model: 'openai/b', base_url: url, api_key: 'k' } },
      {
        model_name: 'custom',
        litellm_params: {
          model: 'c',
          custom_llm_provider: 'azure',
          api_base: origin,
          api_key: 'k',
          api_version: '2024-06-01',
        },
      },
      { model_name: 'azure-env', litellm_params: { model: 'azure/e', api_base: origin } },
      { model_name: 'key-env', litellm_params: { model: 'openai/k', api_base: url } },
      {
        model_name: 'key-reference',
        litellm_params: { model: 'openai/k', api_base: url, api_key: 'os.environ/REFERRED' },
      },
      { model_name: 'by-credential', litellm_params: { model: 'openai/k', litellm_credential_name: 'shared' } },
      model('organizations', { organization: ['org-1', 'org-2'] }, { id: 'org' }),
      model('extras', { extra_headers: { 'X-Extra': 'yes' }, extra_body: { extra: { deep: 1 } } }),
      model('timeout', { timeout: 0.2 }),
      model('request-timeout', { request_timeout: 0.2 }),
      model('stream-timeout', { stream_timeout: 0.2 }),
      model('retries', { num_retries: 2 }),
      ...(['weight', 'rpm', 'tpm'] as const).flatMap((name) => [
        // As limits they are far away.
        model(name, { model: 'openai/heavy', [name]: 4_000_000 }),
        model(name, { model: 'openai/light', [name]: 1_000_000 }),
      ]),
      model('mock', { mock_response: 'A canned answer.' }),
      model('whole', { fake_stream: true }),
      model('choosy', { model: 'groq/choosy' }),
      model('dropping', { model: 'groq/choosy', drop_params: true }),
      model('allowing', { model: 'groq/choosy', allowed_openai_params: ['logit_bias'] }),
      model('always-dropping', { additional_drop_params: ['seed', 'metadata_of.inner'] }),
      ...Object.keys(PRICES).map((name) => model(`price-${name}`, { ...ALL_CHEAP, [name]: 0.001 })),
      model('price-in-info', {}, { input_cost_per_token: 0.001, output_cost_per_token: 0 }),
      model('price-of-base', {}, { base_model: 'gpt-4o-mini' }),
      model('identified', {}, { id: 'the-id' }),
      model('with-callers-keys', { configurable_clientside_auth_params: ['api_key'] }, { id: 'open-id' }),
      model('failing'),
      model('grouped', {}, { access_groups: ['club'] }),
      model('here', {}, { supported_environments: ['production'] }),
      model('elsewhere', {}, { supported_environments: ['development'] }),
      deployment(upstream, 'blocked', {}, { blocked: true }),
      ...['slow', 'falls', 'spare-1', 'spare-2', 'spare-3'].map((name) => model(name)),
    ],
    router_settings: {
      routing_strategy: 'simple-shuffle',
      num_retries: 1,
      retry_after: 0.6,
      timeout: 0.5,
      stream_timeout: 0.3,
      fallbacks: [{ falls: ['spare-1', 'spare-2', 'spare-3'] }],
      default_fallbacks: ['spare-3'],
      max_fallbacks: 2,
      model_group_alias: { nick: 'm', quiet: { model: 'm', hidden: true } },
    },
    environment_variables: {
      REFERRED: 'key-by-reference',
      OPENAI_API_KEY: 'key-of-the-environment',
      OPENAI_ORGANIZATION: 'org-of-the-environment',
      AZURE_AD_TOKEN: 'token-of-the-environment',
      AZURE_API_VERSION: '2024-02-01',
    },
    credential_list: [
      {
        credential_name: 'shared',
        credential_values: { api_key: 'key-of-the-credential', api_base: url },
        credential_info: { description: 'for everybody' },
      },
    ],
    include: ['more.yaml'],
  };
}

/** Price fields, and how many tokens of the usage below each is for. */
const PRICES: Readonly<Record<string, number>> = {
  input_cost_per_token: 100,
  output_cost_per_token: 40,
  cache_read_input_token_cost: 20,
  cache_creation_input_token_cost: 10,
  output_cost_per_reasoning_token: 30,
  input_cost_per_audio_token: 5,
  output_cost_per_audio_token: 4,
};

const ALL_CHEAP = Object.fromEntries(Object.keys(PRICES).map((name) => [name, 0.000001]));

/** A failure is the test's subject, not the plan's. */
const ONCE = { num_retries: 0, disable_fallbacks: true };
const ask = (model: string, body: object = {}, headers: Record<string, string> = {}): Promise<Response> =>
  gateway.ask({ model, messages, ...body }, headers);

/** What the upstream was sent for an answer that succeeded. */
async function sent(model: string, body: object = {}): Promise<SeenRequest> {
  const answer = await ask(model, body);
  expect(`${answer.status} ${await answer.text()}`).toStartWith('200');
  return upstream.requests.at(-1) as SeenRequest; // It was asked just now.
}

async function messageOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { error: { message: string } }).error.message;
}

/** Upstream models of the requests that one request led to. */
async function tried(model: string, body: object = {}): Promise<unknown[]> {
  const before = upstream.requests.length;
  await (await ask(model, body)).text();
  return upstream.requests.slice(before).map((request) => request.body['model']);
}

describe('litellm_params: who is asked, and how', () => {
  test('model, api_base and api_key', async () => {
    const { body, headers, path } = await sent('m');
    expect([body['model'], headers['authorization'], path]).toEqual([
      'm',
      `Bearer ${UPSTREAM_KEY}`,
      '/v1/chat/completions',
    ]);
  });

  test('base_url is api_base', async () => {
    expect((await sent('base-url')).body['model']).toBe('b');
  });

  test('custom_llm_provider and api_version', async () => {
    const { path, query } = await sent('custom');
    expect([path, query.get('api-version')]).toEqual(['/openai/deployments/c/chat/completions', '2024-06-01']);
  });

  test('environment_variables give keys, references and settings', async () => {
    const named = await sent('key-env');
    expect(named.headers['authorization']).toBe('Bearer key-of-the-environment');
    expect(named.headers['openai-organization']).toBe('org-of-the-environment');
    expect((await sent('key-reference')).headers['authorization']).toBe('Bearer key-by-reference');
    const azure = await sent('azure-env');
    expect(azure.headers['authorization']).toBe('Bearer token-of-the-environment');
    expect(azure.query.get('api-version')).toBe('2024-02-01');
  });

  test('organization: a list is a deployment for each', async () => {
    const seen = new Set<string | undefined>();
    const ids = new Set<string | null>();
    for (let round = 0; round < 40; round++) {
      const answer = await ask('organizations');
      await answer.text();
      ids.add(answer.headers.get('x-litellm-model-id'));
      seen.add(upstream.requests.at(-1)?.headers['openai-organization']);
    }
    expect([...seen].sort()).toEqual(['org-1', 'org-2']);
    expect(ids.size).toBe(2);
  });

  test('extra_headers and extra_body', async () => {
    const { headers, body } = await sent('extras');
    expect(headers['x-extra']).toBe('yes');
    expect(body['extra']).toEqual({ deep: 1 });
  });

  test('mock_response answers without an upstream', async () => {
    const before = upstream.requests.length;
    expect(await (await ask('mock')).text()).toContain('A canned answer.');
    expect(upstream.requests.length).toBe(before);
  });

  test('fake_stream makes the stream of a whole answer', async () => {
    const answer = await ask('whole', { stream: true });
    expect(await streamed(answer)).toMatchObject({ isDone: true, finishReasons: ['stop'] });
    expect(upstream.requests.at(-1)?.body).not.toHaveProperty('stream');
  });

  test('litellm_credential_name takes key and address from credential_list, which tells its credential_info', async () => {
    expect((await sent('by-credential')).headers['authorization']).toBe('Bearer key-of-the-credential');
    const listed = await (await gateway.get('/credentials')).text();
    expect(listed).toContain('for everybody');
    expect(listed).not.toContain('key-of-the-credential');
  });

  test.each(['weight', 'rpm', 'tpm'])('%s shares the traffic', async (name) => {
    const before = upstream.requests.length;
    await Promise.all(Array.from({ length: 300 }, async () => (await ask(name)).text()));
    const asked = upstream.requests.slice(before);
    const heavy = asked.filter(({ body }) => body['model'] === 'heavy').length / asked.length;
    // Expected 0.8; seven standard deviations either way.
    expect(heavy).toBeGreaterThan(0.64);
    expect(heavy).toBeLessThan(0.96);
  });

  test('num_retries goes before the one of the router', async () => {
    upstream.behave = () => ({ status: 500, headers: { 'retry-after': '0' } });
    expect(await tried('retries', { disable_fallbacks: true })).toHaveLength(3);
  });

  test.each([
    ['timeout', {}],
    ['request-timeout', {}],
    ['stream-timeout', { stream: true }],
  ])('%s ends an attempt', async (model, body) => {
    upstream.behave = () => ({ silent: true });
    const answer = await ask(model, { ...ONCE, ...body });
    expect(answer.status).toBe(408);
    expect(await messageOf(answer)).toContain('within 0.2 seconds');
  });
});

describe('litellm_params: what is sent', () => {
  test.each(Object.keys(DEFAULTS))('%s is a default that a request may replace', async (name) => {
    const { body } = await sent('defaults');
    expect(body[name]).toEqual(DEFAULTS[name]);
  });

  test('a request replaces a default, but tools are added', async () => {
    expect((await sent('defaults', { temperature: 0.25 })).body['temperature']).toBe(0.25);
    const { body } = await sent('with-tools', { tools: [tool('of_the_request')] });
    expect(body['tools']).toEqual([tool('of_the_request'), tool('of_the_deployment')]);
  });

  test('stream_options: usage on streams, unless the request says otherwise', async () => {
    expect((await streamed(await ask('streams-usage', { stream: true }))).usages).toHaveLength(1);
    const own = { stream: true, stream_options: { include_usage: false } };
    expect((await streamed(await ask('streams-usage', own))).usages).toHaveLength(0);
  });

  test('drop_params and allowed_openai_params decide on what is not supported', async () => {
    const body = { logit_bias: { 1: 1 } };
    expect((await ask('choosy', { ...ONCE, ...body })).status).toBe(400);
    expect((await sent('dropping', body)).body).not.toHaveProperty('logit_bias');
    expect((await sent('allowing', body)).body).toHaveProperty('logit_bias');
  });

  test('additional_drop_params drops always, inside of objects too', async () => {
    const { body } = await sent('always-dropping', { seed: 1, metadata_of: { inner: 1, outer: 2 } });
    expect(body).not.toHaveProperty('seed');
    expect(body['metadata_of']).toEqual({ outer: 2 });
  });
});

describe('prices', () => {
  const usage = {
    prompt_tokens: 135,
    completion_tokens: 74,
    total_tokens: 209,
    prompt_tokens_details: { cached_tokens: 20, cache_creation_tokens: 10, audio_tokens: 5 },
    completion_tokens_details: { reasoning_tokens: 30, audio_tokens: 4 },
  };
  const costOf = async (model: string): Promise<number> =>
    Number((await ask(model)).headers.get('x-litellm-response-cost'));

  test.each(Object.entries(PRICES))('%s is what its tokens cost', async (name, tokens) => {
    upstream.behave = () => ({ usage });
    const others = usage.total_tokens - tokens;
    expect(await costOf(`price-${name}`)).toBeCloseTo(tokens * 0.001 + others * 0.000001, 9);
  });

  test('model_info may hold them as well', async () => {
    upstream.behave = () => ({ usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } });
    expect(await costOf('price-in-info')).toBeCloseTo(0.007, 9);
  });

  test('model_info.base_model says whose prices of the list hold', async () => {
    upstream.behave = () => ({ usage: { prompt_tokens: 100_000, completion_tokens: 1, total_tokens: 100_001 } });
    expect(await costOf('price-of-base')).toBeCloseTo(0.015 + 0.0000006, 9);
    expect((await ask('m')).headers.get('x-litellm-response-cost')).toBeNull();
  });
});

describe('model_info and the entry', () => {
  test('id is shown, and can be asked for', async () => {
    expect((await ask('identified')).headers.get('x-litellm-model-id')).toBe('the-id');
    expect((await sent('the-id')).body['model']).toBe('identified');
  });

  test('access_groups: a key of the group reaches its models only', async () => {
    const { key } = (await (await gateway.post('/key/generate', { models: ['club'] })).json()) as { key: string };
    const authorization = `Bearer ${key}`;
    expect((await ask('grouped', {}, { authorization })).status).toBe(200);
    expect((await ask('m', {}, { authorization })).status).toBe(403);
  });

  test('supported_environments and blocked leave entries out', async () => {
    expect((await ask('here')).status).toBe(200);
    for (const model of ['elsewhere', 'blocked']) expect((await ask(model)).status).toBe(400);
  });
});

describe('router_settings', () => {
  test('num_retries and retry_after: one retry, no sooner than that', async () => {
    upstream.behave = () => ({ status: 500 });
    expect(await tried('slow', { disable_fallbacks: true })).toEqual(['slow', 'slow']);
    const [first, second] = upstream.requests.slice(-2);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(599);
  });

  test.each([
    ['timeout', {}, '0.5'],
    ['stream_timeout', { stream: true }, '0.3'],
  ])('%s ends a request', async (_, body, seconds) => {
    upstream.behave = () => ({ silent: true });
    const answer = await ask('slow', { ...ONCE, ...body });
    expect(answer.status).toBe(408);
    expect(await messageOf(answer)).toContain(`within ${seconds} seconds`);
  });

  test('fallbacks in their order, max_fallbacks of them, and default_fallbacks for the rest', async () => {
    upstream.behave = () => ({ status: 400 });
    expect(await tried('falls')).toEqual(['falls', 'spare-1', 'spare-2']);
    expect(await tried('m')).toEqual(['m', 'spare-3']);
  });

  test('model_group_alias gives further names, hidden ones unlisted', async () => {
    expect((await sent('nick')).body['model']).toBe('m');
    expect((await sent('quiet')).body['model']).toBe('m');
    const { data } = (await (await gateway.get('/v1/models')).json()) as { data: { id: string }[] };
    const ids = data.map(({ id }) => id);
    expect(ids).toContain('nick');
    expect(ids).not.toContain('quiet');
  });

  test('routing_strategy must be one that exists', async () => {
    const router_settings = { routing_strategy: 'by-moonlight' };
    const start = startGateway({ config: { model_list: [deployment(upstream, 'm')], router_settings } });
    await expect(start).rejects.toThrow('simple-shuffle');
  });
});

describe('around the file', () => {
  test('include adds the models of another file', async () => {
    expect((await sent('included')).body['model']).toBe('included');
  });

  test("a caller's own api_key goes upstream in place of the deployment's where the operator allows it", async () => {
    const answer = await ask('with-callers-keys', { api_key: 'sk-of-the-caller' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-litellm-model-id')).toBe('open-id:caller-key');
    const { headers, text } = upstream.requests.at(-1) as SeenRequest; // It was asked just now.
    expect(headers['authorization']).toBe('Bearer sk-of-the-caller');
    expect(text).not.toContain('sk-of-the-caller');
    expect((await sent('with-callers-keys')).headers['authorization']).toBe(`Bearer ${UPSTREAM_KEY}`);
  });

  test('it is refused elsewhere, in a fallback as well, and nobody is asked', async () => {
    const before = upstream.requests.length;
    const answer = await ask('identified', { api_key: 'sk-of-the-caller' });
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ param: 'api_key', type: 'invalid_request_error' });
    expect(error['message']).toContain('configurable_clientside_auth_params');
    expect(upstream.requests.length).toBe(before);
    upstream.behave = () => ({ status: 500, body: '{"error":{"message":"no"}}' });
    const fallbacks = [{ model: 'identified', api_key: 'sk-of-the-caller' }];
    expect((await ask('failing', { fallbacks, num_retries: 0 })).status).not.toBe(200);
    expect(upstream.requests.slice(before).map(({ body }) => body['model'])).toEqual(['failing']);
  });

  test.each([...REFUSED_KEYS])('%s in a body is refused, on top and in extra_body', async (name) => {
    const before = upstream.requests.length;
    for (const body of [{ [name]: 'x' }, { extra_body: { [name]: 'x' } }]) {
      expect((await ask('m', body)).status).toBe(400);
    }
    expect(upstream.requests.length).toBe(before);
  });
});

/** What is too large to stand among other settings has a test of its own. */
const OWN_TESTS = [
  'cloud-tokens',
  'governed-requests',
  'health',
  'hedging',
  'mirroring',
  'models',
  'team-models',
  'time-limits',
];

test('every key that the configuration honours is used here or in another test of settings', () => {
  const text = readdirSync(import.meta.dir)
    .filter((name) => name.endsWith('settings.test.ts') || OWN_TESTS.includes(name.replace('.test.ts', '')))
    .map((name) => readFileSync(join(import.meta.dir, name), 'utf8'))
    .join('');
  const keys = new Set(Object.values(HONOURED).flatMap((section) => Object.keys(section)));
  expect([...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(text))).toEqual([]);
});
