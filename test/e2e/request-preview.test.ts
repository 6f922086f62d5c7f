/** `/utils/*` through the running program: what is counted, by whom, what would be sent, and that nobody else notices. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
let narrowKey: string;

const AWS_SECRET = 'aws-secret-of-the-test-0123456789';
const HEADER_SECRET = 'header-secret-of-the-test';
const json = (body: unknown, status = 200): Behaviour => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
});

beforeAll(async () => {
  upstream = await startUpstream();
  const { origin } = upstream;
  const at = (modelName: string, model: string, params: object = {}): object => ({
    model_name: modelName,
    litellm_params: { model, api_base: origin, api_key: UPSTREAM_KEY, ...params },
  });
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'gpt-4o', { extra_headers: { 'X-Tenant': HEADER_SECRET } }),
        deployment(upstream, 'hidden', { model: 'openai/gpt-4' }),
        at('claude', 'anthropic/claude-sonnet-4-5'),
        at('gemini', 'gemini/gemini-2.5-flash'),
        at('bedrock', 'bedrock/eu.anthropic.claude-sonnet-4-20250514-v1:0', {
          api_key: undefined,
          aws_bedrock_runtime_endpoint: origin,
          aws_region_name: 'eu-west-1',
          aws_access_key_id: 'AKIAEXAMPLE',
          aws_secret_access_key: AWS_SECRET,
        }),
        { model_name: 'canned', litellm_params: { model: 'openai/gpt-4o', api_key: 'k', mock_response: 'Hello.' } },
      ],
    },
  });
  const made = await gateway.post('/key/generate', { models: ['gpt-4o', 'claude'], max_budget: 1e-9 });
  narrowKey = await keyIn(made);
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});
beforeEach(() => {
  upstream.behave = () => ({});
});

interface Seen {
  readonly status: number;
  // A test says what it expects of it.
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  readonly body: any;
}

/** The gateway has just made it. */
const keyIn = async (made: Response): Promise<string> => ((await made.json()) as { key: string }).key;
const withKey = (key?: string) => (key === undefined ? {} : { authorization: `Bearer ${key}` });
const seen = async (response: Response): Promise<Seen> => ({ status: response.status, body: await response.json() });
const post = async (path: string, body: object, key?: string) => seen(await gateway.post(path, body, withKey(key)));
const get = async (path: string, key?: string) => seen(await gateway.get(path, withKey(key)));
const lastSeen = (): SeenRequest => upstream.requests.at(-1) as SeenRequest; // It was asked just now.

/** No word twice in a row, so that nothing remembered makes it short. */
function wordsOf(chars: number): string {
  const random = seededRandom(7);
  const pieces: string[] = [];
  for (let length = 0; length < chars; length += pieces.at(-1)?.length ?? 0) pieces.push(random().toString(36));
  return pieces.join(' ');
}

const MESSAGES = [
  { role: 'system', content: 'You are a helpful assistant.' },
  { role: 'user', content: 'Hello, how are you?' },
];
const WEATHER = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};

describe('counting tokens here', () => {
  const count = (fields: object, key?: string) => post('/utils/token_counter', { model: 'gpt-4o', ...fields }, key);

  test('answers in LiteLLM’s shape and asks nobody', async () => {
    const before = upstream.requests.length;
    const { status, body } = await count({ messages: MESSAGES });
    expect(status).toBe(200);
    expect(body).toEqual({
      total_tokens: 23,
      request_model: 'gpt-4o',
      model_used: 'gpt-4o',
      tokenizer_type: 'openai_tokenizer',
      count_source: 'local_estimate',
      original_response: null,
      error: false,
      error_message: null,
      status_code: null,
    });
    expect(upstream.requests.length).toBe(before);
  });

  test('a prompt is its text alone; a system text makes it a conversation', async () => {
    expect((await count({ prompt: 'tiktoken is great!' })).body.total_tokens).toBe(6);
    const alone = await count({ messages: MESSAGES.slice(1) });
    const both = await count({ system: 'You are a helpful assistant.', prompt: 'Hello, how are you?' });
    expect(both.body.total_tokens).toBe(23);
    expect(alone.body.total_tokens).toBeLessThan(23);
  });

  test('Gemini’s contents count like the messages that say the same', async () => {
    const contents = [{ role: 'user', parts: [{ text: 'Hello, how are you?' }] }];
    const { body } = await count({ contents, system: 'You are a helpful assistant.' });
    expect(body.total_tokens).toBe(23);
  });

  test('a group’s name says nothing: the deployment’s model is counted with its own encoding', async () => {
    const text = 'Überstraße 你好世界';
    const [newer, older] = [await count({ prompt: text }), await count({ model: 'hidden', prompt: text })];
    expect(older.body.model_used).toBe('gpt-4');
    expect(older.body.total_tokens).toBeGreaterThan(newer.body.total_tokens);
  });

  test.each([
    [{}, 'messages'],
    [{ prompt: 'a', messages: MESSAGES }, 'prompt'],
    [{ contents: [{}], messages: MESSAGES }, 'contents'],
    [{ contents: [{ parts: [{ video: 1 }] }] }, 'contents'],
    [{ messages: 'Hello' }, 'messages'],
  ])('refuses %j', async (fields, param) => {
    const { status, body } = await count(fields);
    expect(status).toBe(400);
    expect(body.error.param).toBe(param);
  });

  test('a key may count what it may use, whatever it has left to spend, and nothing else', async () => {
    expect((await count({ prompt: 'a' }, narrowKey)).status).toBe(200);
    const foreign = await count({ model: 'hidden', prompt: 'a' }, narrowKey);
    const asChat = await seen(await gateway.ask({ model: 'hidden', messages: MESSAGES }, withKey(narrowKey)));
    expect(foreign).toEqual(asChat);
    const unknown = await count({ model: 'nobody', prompt: 'a' });
    expect(unknown.status).toBe(400);
    expect(unknown.body.error.message).toContain('Invalid model name passed in model=nobody');
    expect((await count({ prompt: 'a' }, 'sk-nobody')).status).toBe(401);
  });

  test('a huge prompt is counted while chats go on', async () => {
    let counted: Seen | undefined;
    const counting = count({ prompt: wordsOf(400_000) }).then((answer) => {
      counted = answer;
    });
    for (let chats = 0; chats < 30; chats++) {
      expect((await gateway.ask({ model: 'gpt-4o', messages: MESSAGES })).status).toBe(200);
    }
    expect(counted).toBeUndefined();
    await counting;
    expect(counted?.body.total_tokens).toBeGreaterThan(100_000);
  }, 30_000);
});

describe('counting tokens there', () => {
  const TALK = { messages: MESSAGES, tools: [WEATHER] };
  const ask = (model: string, fields: object = {}, query = '?call_endpoint=true') =>
    post(`/utils/token_counter${query}`, { model, ...TALK, ...fields });

  test('Claude’s prompt goes to count_tokens as it would go to the model', async () => {
    upstream.behave = () => json({ input_tokens: 403 });
    const { body } = await ask('claude');
    expect(body).toMatchObject({ total_tokens: 403, model_used: 'claude-sonnet-4-5', tokenizer_type: 'anthropic_api' });
    expect(body).toMatchObject({
      count_source: 'provider',
      original_response: { input_tokens: 403 },
      status_code: 200,
    });
    const { path, headers, body: sent } = lastSeen();
    expect(path).toBe('/v1/messages/count_tokens');
    expect(headers['x-api-key']).toBe(UPSTREAM_KEY);
    expect(sent).toEqual({
      model: 'claude-sonnet-4-5',
      system: [{ type: 'text', text: 'You are a helpful assistant.' }],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello, how are you?' }] }],
      tools: [{ name: 'weather', input_schema: WEATHER.function.parameters }],
    });
  });

  test('Gemini’s goes to countTokens, instructions and tools with it', async () => {
    upstream.behave = () => json({ totalTokens: 61, promptTokensDetails: [] });
    expect((await ask('gemini', { call_endpoint: true }, '')).body.total_tokens).toBe(61);
    const { path, body } = lastSeen();
    expect(path).toBe('/v1beta/models/gemini-2.5-flash:countTokens');
    expect(body['generateContentRequest']).toMatchObject({
      model: 'models/gemini-2.5-flash',
      systemInstruction: { parts: [{ text: 'You are a helpful assistant.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hello, how are you?' }] }],
      tools: [{ functionDeclarations: [{ name: 'weather' }] }],
    });
  });

  test('Bedrock’s goes to CountTokens of the model behind the profile, signed', async () => {
    upstream.behave = () => json({ inputTokens: 77 });
    expect((await ask('bedrock')).body.total_tokens).toBe(77);
    const { path, headers, body } = lastSeen();
    expect(decodeURIComponent(path)).toBe('/model/anthropic.claude-sonnet-4-20250514-v1:0/count-tokens');
    expect(headers['authorization']).toContain('AWS4-HMAC-SHA256');
    expect(body['input']).toMatchObject({
      converse: { system: [{ text: 'You are a helpful assistant.' }], toolConfig: { tools: [{}] } },
    });
  });

  test('a provider without such an endpoint is not asked', async () => {
    const before = upstream.requests.length;
    expect((await ask('gpt-4o', { tools: undefined })).body).toMatchObject({
      total_tokens: 23,
      count_source: 'local_estimate',
    });
    expect(upstream.requests.length).toBe(before);
  });

  test('where it is missing the count is ours, and says so', async () => {
    upstream.behave = () => json({ error: { type: 'not_found_error', message: 'No such endpoint' } }, 404);
    const { status, body } = await ask('claude', { tools: undefined });
    expect(status).toBe(200);
    expect(body).toMatchObject({ total_tokens: 23, error: true, error_message: 'No such endpoint', status_code: 404 });
  });

  test('other refusals are told without the key, and cool nobody down', async () => {
    upstream.behave = () =>
      json({ type: 'error', error: { type: 'authentication_error', message: `bad key ${UPSTREAM_KEY}` } }, 401);
    const { status, body } = await ask('claude');
    expect(status).toBe(401);
    expect(JSON.stringify(body)).not.toContain(UPSTREAM_KEY);
    const { body: health } = await get('/health/latest');
    expect(JSON.stringify(health)).not.toContain('down');
    upstream.behave = () => json({ input_tokens: 1 });
    expect((await ask('claude')).body.total_tokens).toBe(1);
  });

  test.each([
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }, 502],
    ['nonsense', { body: 'soon' }, 502],
    ['no number', json({ tokens: 'many' }), 502],
    ['nothing', { refuse: 'reset' }, 500],
  ] as const)('%s is an error of the upstream', async (_, behaviour, expected) => {
    upstream.behave = () => behaviour as Behaviour;
    expect((await ask('claude')).status).toBe(expected);
  });

  test('leaves no row and costs nothing', async () => {
    upstream.behave = () => json({ input_tokens: 3 });
    const before = (await get('/global/spend')).body.spend;
    await ask('claude');
    const rows = await gateway.rows('?summarize=false');
    expect(rows.filter(({ call_type: type }) => String(type).includes('token'))).toEqual([]);
    expect(rows.every(({ model_group: group }) => group !== 'claude')).toBe(true);
    expect((await get('/global/spend')).body.spend).toBe(before);
  });
});

describe('what a model takes', () => {
  const params = (model: string, key?: string) => get(`/utils/supported_openai_params?model=${model}`, key);

  test('is what its translation takes', async () => {
    const openai = (await params('gpt-4o')).body.supported_openai_params;
    const claude = (await params('claude')).body.supported_openai_params;
    expect(openai).toEqual(expect.arrayContaining(['temperature', 'logit_bias', 'tools', 'response_format', 'n']));
    expect(claude).toEqual(expect.arrayContaining(['temperature', 'tools', 'thinking', 'max_completion_tokens']));
    expect(claude).not.toContain('logit_bias');
    const refused = await gateway.ask({ model: 'claude', messages: MESSAGES, logit_bias: { '1': 1 } });
    expect(refused.status).toBe(400);
  });

  test('is known of models of the price list that are not served', async () => {
    expect((await params('anthropic/claude-sonnet-4-5')).body.supported_openai_params).toContain('tools');
    expect((await params('nobody-knows-this')).status).toBe(400);
    expect((await get('/utils/supported_openai_params')).status).toBe(400);
  });

  test('is told of models that the key may use', async () => {
    expect((await params('claude', narrowKey)).status).toBe(200);
    const [foreign, absent] = [await params('hidden', narrowKey), await params('o3', narrowKey)];
    expect(foreign.status).toBe(403);
    expect(absent.status).toBe(403);
  });

  test('stands in /model/info and /model_group/info', async () => {
    const { body } = await get('/model/info', narrowKey);
    const claude = body.data.find(({ model_name: name }: { model_name: string }) => name === 'claude');
    expect(claude.model_info.supported_openai_params).toEqual((await params('claude')).body.supported_openai_params);
    const group = (await get('/model_group/info?model_group=claude')).body.data[0];
    expect(group.supported_openai_params).toContain('thinking');
    expect(group).toMatchObject({ supports_vision: true, max_input_tokens: expect.any(Number) });
  });
});

describe('what a provider would be sent', () => {
  const transform = (request: object, key?: string, type: string = 'completion') =>
    post('/utils/transform_request', { call_type: type, request_body: { messages: MESSAGES, ...request } }, key);

  test('is what it is sent', async () => {
    const request = { model: 'claude', temperature: 0.5, tools: [WEATHER], metadata: { tags: ['a'] } };
    const before = upstream.requests.length;
    const { body } = await transform(request);
    expect(upstream.requests.length).toBe(before);
    upstream.behave = () => json({ type: 'error', error: { type: 'invalid_request_error', message: 'enough' } }, 400);
    await gateway.ask({ messages: MESSAGES, ...request });
    const sent = lastSeen();
    expect(body.raw_request_body).toEqual(sent.body);
    expect(body.raw_request_api_base).toBe(`${upstream.origin}${sent.path}`);
    expect(body.raw_request_headers).toMatchObject({ 'x-api-key': '****', 'anthropic-version': '2023-06-01' });
  });

  test('shows no secret to anybody, and no address of the operator’s to keys', async () => {
    for (const model of ['gpt-4o', 'claude', 'gemini', 'bedrock']) {
      const text = JSON.stringify((await transform({ model, user: UPSTREAM_KEY })).body);
      for (const secret of [UPSTREAM_KEY, AWS_SECRET, HEADER_SECRET]) expect(text).not.toContain(secret);
    }
    const { body } = await transform({ model: 'gpt-4o' }, undefined);
    expect(body.raw_request_headers).toMatchObject({ authorization: 'Bearer ****', 'x-tenant': '****' });
    const unspent = await gateway.post('/key/generate', { models: ['gpt-4o'] });
    const { body: shown, status } = await transform({ model: 'gpt-4o' }, await keyIn(unspent));
    expect(status).toBe(200);
    expect(shown.raw_request_api_base).toBe('https://****/v1/chat/completions');
  });

  test('is refused as the request would be', async () => {
    const [foreign, asked] = [
      await transform({ model: 'hidden' }, narrowKey),
      await seen(await gateway.ask({ model: 'hidden', messages: MESSAGES }, withKey(narrowKey))),
    ];
    expect(foreign).toEqual(asked);
    expect((await transform({ model: 'claude', logit_bias: { '1': 1 } })).body.error.message).toContain('logit_bias');
    expect((await transform({ model: 'claude', api_base: 'http://127.0.0.1' })).body.error.param).toBe('api_base');
    expect((await transform({ model: 'claude' }, narrowKey)).body.error.type).toBe('budget_exceeded');
    expect((await transform({ model: 'canned' })).body.error.param).toBe('mock_response');
  });

  test.each([
    ['acompletion', 200, ''],
    ['embedding', 400, 'not served here yet'],
    ['aimage_generation', 400, 'not served here yet'],
    ['steal', 400, 'not known'],
  ])('call_type %s', async (type, status, says) => {
    const answer = await transform({ model: 'gpt-4o' }, undefined, type);
    expect(answer.status).toBe(status);
    expect(answer.body.error?.message ?? '').toContain(says);
  });
});

describe('the price list', () => {
  test('tells of any model', async () => {
    const { body } = await get('/utils/model_info?model=gpt-4o-mini');
    expect(body).toMatchObject({
      model: 'gpt-4o-mini',
      custom_llm_provider: 'openai',
      model_info: { mode: 'chat', max_input_tokens: 128000, input_cost_per_token: 1.5e-7, supports_vision: true },
    });
    const named = await get('/utils/model_info?model=claude-sonnet-4-5&custom_llm_provider=anthropic');
    expect(named.body.model_info.litellm_provider).toBe('anthropic');
  });

  test.each(['nobody-knows-this', 'openai/nobody', '*', 'openai/*'])('does not know %s', async (model) => {
    const { status, body } = await get(`/utils/model_info?model=${encodeURIComponent(model)}`);
    expect(status).toBe(404);
    expect(body.error.param).toBe('model');
  });
});
