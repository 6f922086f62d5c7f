/** What hosts of OpenAI's dialect have of their own, behind the real program and read by OpenAI's own client. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
let client: OpenAI;

const TOKEN = 'pat/snow-canary-81Kd02';

beforeAll(async () => {
  upstream = await startUpstream();
  const at = { api_base: upstream.url, api_key: UPSTREAM_KEY };
  const model = (name: string, params: object, info: object = {}) => ({
    model_name: name,
    litellm_params: { ...at, ...params },
    model_info: info,
  });
  gateway = await startGateway({
    config: {
      model_list: [
        model('groq', { model: 'groq/llama-x' }),
        model('fireworks', { model: 'fireworks_ai/kimi-x' }),
        model('mistral', { model: 'mistral/mistral-x' }),
        model('together', { model: 'together_ai/m' }, { supports_function_calling: false }),
        model('snowflake', { model: 'snowflake/claude-x', api_base: upstream.origin, api_key: TOKEN }),
        model('tgi', { model: 'huggingface/org/model' }),
        { model_name: 'cloudflare', litellm_params: { model: 'cloudflare/@cf/meta/llama', api_key: 'k' } },
        { model_name: 'embedder', litellm_params: { model: 'voyage/voyage-3', api_key: 'k' } },
      ],
      router_settings: { num_retries: 0 },
    },
    env: { CLOUDFLARE_ACCOUNT_ID: 'acc1' },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
beforeEach(() => {
  upstream.behave = () => ({});
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const messages = [{ role: 'user' as const, content: 'Where is the cathedral?' }];
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const response_format = { type: 'json_schema' as const, json_schema: { name: 'place', schema } };
const JSON_ANSWER = '{"city":"Köln"}';
const seen = () => upstream.requests.at(-1);
const jsonCall = () => ({ toolCalls: [{ name: 'json_tool_call', arguments: JSON_ANSWER }] });

describe('a schema that the model does not have', () => {
  test('is a tool at Groq, and its arguments the answer, whole and streamed', async () => {
    upstream.behave = jsonCall;
    const { data, response } = await client.chat.completions
      .create({ model: 'groq', messages, response_format })
      .withResponse();
    expect(data.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: JSON_ANSWER } });
    expect(data.choices[0]?.message.tool_calls).toBeUndefined();
    expect(response.headers.get('x-tollgate-changed')).toContain('response_format');
    expect(seen()?.body).toMatchObject({ tool_choice: { function: { name: 'json_tool_call' } } });

    const stream = client.chat.completions.stream({ model: 'groq', messages, response_format });
    const [choice] = (await stream.finalChatCompletion()).choices;
    expect(choice).toMatchObject({ finish_reason: 'stop', message: { content: JSON_ANSWER } });
    expect(seen()?.body).toMatchObject({ stream: true });
  });

  test('is a tool more at Fireworks, whose answers are relayed otherwise', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'look_up', parameters: { type: 'object' } } }];
    upstream.behave = jsonCall;
    for (const stream of [true, false]) {
      const answer = await gateway.ask({ model: 'fireworks', messages, response_format, tools, stream });
      const text = await answer.text();
      expect(text).toContain('city');
      expect(text).not.toContain('json_tool_call');
    }
    expect(seen()?.body).toMatchObject({ model: 'accounts/fireworks/models/kimi-x', tool_choice: 'any' });
  });

  test('beside tools at Groq is a 400 that says what to do, and nothing is sent', async () => {
    const before = upstream.requests.length;
    const tools = [{ type: 'function' as const, function: { name: 'look_up', parameters: { type: 'object' } } }];
    const refused = await gateway.ask({ model: 'groq', messages, response_format, tools });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { param: 'response_format', message: expect.stringContaining('drop_params') },
    });
    expect(upstream.requests.length).toBe(before);
  });
});

test('a tool loop begun elsewhere goes on at Mistral', async () => {
  const id = 'call_0fypS1hVX_of_another_provider';
  const call = { id, type: 'function' as const, function: { name: 'look_up', arguments: '{}' } };
  await client.chat.completions.create({
    model: 'mistral',
    messages: [
      ...messages,
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: id, content: 'Köln' },
    ],
  });
  const sent = Array.isArray(seen()?.body['messages']) ? seen()?.body['messages'] : [];
  const made = JSON.stringify(sent).match(/"(?:tool_call_)?id":"([a-zA-Z0-9]{9})"/g);
  expect(made).toHaveLength(2);
  expect(JSON.stringify(sent)).not.toContain(id);
});

test('what the catalog says a model lacks is a 400, or dropped and reported', async () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
  const refused = await gateway.ask({ model: 'together', messages, tools });
  expect(refused.status).toBe(400);
  const dropped = await gateway.ask({ model: 'together', messages, tools, drop_params: true });
  expect([dropped.status, dropped.headers.get('x-tollgate-changed')]).toEqual([200, expect.stringContaining('tools')]);
  expect(seen()?.body).not.toHaveProperty('tools');
});

describe('addresses and keys', () => {
  test('Snowflake’s token goes to Snowflake, and nowhere else', async () => {
    upstream.behave = () => ({ status: 401, body: { message: 'The token snow-canary-81Kd02 has expired.' } });
    const answer = await gateway.ask({ model: 'snowflake', messages });
    expect(seen()?.path).toBe('/api/v2/cortex/v1/chat/completions');
    expect(seen()?.headers).toMatchObject({
      authorization: 'Bearer snow-canary-81Kd02',
      'x-snowflake-authorization-token-type': 'PROGRAMMATIC_ACCESS_TOKEN',
    });
    expect(await answer.text()).not.toContain('canary');
    const info = await gateway.get('/model/info');
    expect(await info.text()).not.toContain('canary');
    expect(gateway.logs()).not.toContain('canary');
  });

  test('a text generation server of one’s own is asked for the model as it is written', async () => {
    await client.chat.completions.create({ model: 'tgi', messages, max_completion_tokens: 5 });
    expect(seen()?.path).toBe('/v1/chat/completions');
    expect(seen()?.body).toMatchObject({ model: 'org/model', max_tokens: 5 });
  });

  test('an account from the environment makes the address, which needs no api_base', async () => {
    const info = await gateway.get('/model/info');
    expect(await info.text()).toContain('cloudflare/@cf/meta/llama');
  });

  test('a provider without chats is left out, and the start says what it is', async () => {
    const models = await (await gateway.get('/v1/models')).text();
    expect(models).not.toContain('embedder');
    expect(gateway.logs()).toMatch(/voyage\W+makes embeddings or ranks documents and has no chat completions/);
  });
});
