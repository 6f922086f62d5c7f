/** Clouds that want a fetched token, behind the real program: each has its own office for tokens, and lets in only those. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { fixture, fixturesOf } from '../support/recordings.ts';
import { selfSigned } from '../support/self-signed.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

const SECRETS = {
  client: 'client-secret-1234567',
  password: 'password-of-ann-1234567',
  assertion: 'assertion-of-the-platform-1234567',
  identity: 'identity-header-1234567',
  principal: 'dose-principal-1234567',
  ibm: 'ibm-cloud-key-1234567',
};
const AUDIENCE = 'https://cognitiveservices.azure.com/.default';

let upstream: Upstream;
let gateway: Gateway;
let client: OpenAI;
let entra: ReturnType<typeof Bun.serve>;
/** What each office was asked for a token with. */
const asked: Record<'entra' | 'identity' | 'databricks' | 'ibm', URLSearchParams[]> = {
  entra: [],
  identity: [],
  databricks: [],
  ibm: [],
};
let lifeSeconds: number;
let refuses: boolean;

/** Microsoft Entra ID: its description of itself, and tokens for those who show one of the three things it takes. */
async function entraAnswer(request: Request): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const tenant = pathname.split('/')[1];
  if (request.method === 'GET') {
    const at = `${origin}/${tenant}/oauth2/v2.0`;
    const named = { issuer: `${origin}/${tenant}/v2.0`, jwks_uri: `${at}/keys`, end_session_endpoint: `${at}/logout` };
    return Response.json({ ...named, token_endpoint: `${at}/token`, authorization_endpoint: `${at}/authorize` });
  }
  const form = new URLSearchParams(await request.text());
  asked.entra.push(form);
  const shown = form.get('client_secret') ?? form.get('password') ?? form.get('client_assertion') ?? '';
  if (!Object.values<string>(SECRETS).includes(shown)) {
    const error_description = `AADSTS7000215: Invalid client secret provided for app 'me' ${shown}.`;
    return Response.json({ error: 'invalid_client', error_description, error_codes: [7000215] }, { status: 401 });
  }
  return Response.json({
    token_type: 'Bearer',
    expires_in: 3600,
    access_token: `entra-token-${form.get('grant_type')}`,
  });
}

function office(request: SeenRequest): Behaviour | undefined {
  const { path, query, headers, text } = request;
  const note = (where: keyof typeof asked, token: string): Behaviour => {
    asked[where].push(new URLSearchParams(text));
    if (refuses) return { status: 401, body: { error: 'invalid_client', error_description: `no ${text}` } };
    return { body: { access_token: `${token}-${asked[where].length}`, expires_in: lifeSeconds, token_type: 'Bearer' } };
  };
  if (path === '/msi/token') {
    if (headers['x-identity-header'] !== SECRETS.identity) return { status: 403, body: {} };
    const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
    asked.identity.push(query);
    return {
      body: { access_token: 'identity-token', expires_on, resource: 'r', token_type: 'Bearer', client_id: 'c' },
    };
  }
  if (path === '/identity/token') return note('ibm', 'ibm-token');
  return path === '/oidc/v1/token' ? note('databricks', 'databricks-token') : undefined;
}

const TOKEN = /^Bearer (entra-token-\w+|identity-token|databricks-token-\d+|ibm-token-\d+)$/;

/** A model that knows tools and no schemas. */
function jsonByTool({ body }: SeenRequest): Behaviour {
  const named = { id: 'old-1', created: 1, model: 'gpt-4' };
  const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
  const call = (text: string) => ({
    id: 'call_1',
    type: 'function',
    function: { name: 'json_tool_call', arguments: text },
  });
  if (body['stream'] !== true) {
    const message = { role: 'assistant', content: null, tool_calls: [call('{"city":"Köln"}')] };
    return {
      body: { ...named, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }], usage },
    };
  }
  const chunk = (delta: object, finish_reason: string | null = null): string =>
    JSON.stringify({ ...named, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] });
  const more = (text: string) => chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] });
  const begin = chunk({ role: 'assistant', content: null, tool_calls: [{ index: 0, ...call('') }] });
  const end = JSON.stringify({ ...named, object: 'chat.completion.chunk', choices: [], usage });
  return { events: [begin, more('{"city"'), more(':"Köln"}'), chunk({}, 'stop'), end, '[DONE]'] };
}

function behave(request: SeenRequest): Behaviour {
  const found = office(request);
  if (found) return found;
  const authorization = request.headers['authorization'] ?? '';
  if (!TOKEN.test(authorization)) {
    return { status: 401, body: { error: { message: `No such token: ${authorization}` } } };
  }
  if (request.path.includes('/deployments/old/')) return jsonByTool(request);
  if (request.path.includes('/anthropic/')) return { body: fixture('anthropic/text.json') };
  if (!request.path.startsWith('/ml/v1/') && !request.path.startsWith('/serving-endpoints/')) return {};
  const provider = request.path.startsWith('/ml/') ? 'watsonx' : 'databricks';
  const name = provider === 'watsonx' ? 'text' : 'reasoning';
  const recording = fixturesOf(provider).find((one) => one.name === name);
  const isStream = request.path.includes('chat_stream') || request.body['stream'] === true;
  return isStream ? { events: recording?.events ?? [], splitAt: [9, 400, 411] } : { body: recording?.whole };
}

beforeAll(async () => {
  const tls = selfSigned(Date.now());
  entra = Bun.serve({ port: 0, hostname: '127.0.0.1', tls, fetch: entraAnswer });
  upstream = await startUpstream(behave);
  const at = { api_base: upstream.origin, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };
  const app = { tenant_id: 'my-tenant', client_id: 'my-client' };
  const entry = (model_name: string, params: object) => ({ model_name, litellm_params: { ...at, ...params } });
  gateway = await startGateway({
    config: {
      model_list: [
        entry('secret', { model: 'azure/d', ...app, client_secret: SECRETS.client }),
        entry('password', {
          model: 'azure/d',
          client_id: 'my-client',
          azure_username: 'ann',
          azure_password: SECRETS.password,
        }),
        entry('assertion', { model: 'azure/d', ...app, azure_ad_token: 'oidc/env/PLATFORM_TOKEN' }),
        entry('machine', { model: 'azure/d' }),
        entry('wrong', { model: 'azure/d', ...app, client_secret: 'a-wrong-secret-1234567' }),
        entry('old', { model: 'azure/old', ...app, client_secret: SECRETS.client, api_version: '2024-06-01' }),
        entry('foundry', { model: 'azure_ai/grok-3', ...app, client_secret: SECRETS.client }),
        entry('foundry-claude', { model: 'azure_ai/claude-haiku-4-5', ...app, client_secret: SECRETS.client }),
        entry('databricks', {
          model: 'databricks/databricks-claude-sonnet-4-5',
          client_id: 'dbx',
          client_secret: SECRETS.principal,
        }),
        entry('databricks-other', {
          model: 'databricks/databricks-claude-sonnet-4-5',
          client_id: 'dbx',
          client_secret: SECRETS.principal,
        }),
        entry('watsonx', { model: 'watsonx/ibm/granite-3-3-8b-instruct', api_key: SECRETS.ibm, project_id: 'p' }),
      ],
      router_settings: { num_retries: 0, allowed_fails: 1000 },
      litellm_settings: { enable_azure_ad_token_refresh: true },
    },
    env: {
      AZURE_AUTHORITY_HOST: entra.url.origin,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      PLATFORM_TOKEN: SECRETS.assertion,
      IDENTITY_ENDPOINT: `${upstream.origin}/msi/token`,
      IDENTITY_HEADER: SECRETS.identity,
      AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
      WATSONX_IAM_URL: `${upstream.origin}/identity/token`,
    },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
beforeEach(() => {
  for (const list of Object.values(asked)) list.length = 0;
  lifeSeconds = 3600;
  refuses = false;
});
afterAll(async () => {
  expect(await gateway?.stop()).toBe(0);
  await upstream?.stop();
  await entra?.stop(true);
  for (const secret of Object.values(SECRETS)) expect(gateway?.logs()).not.toContain(secret);
});

const messages = [{ role: 'user' as const, content: 'Hi' }];
const ask = (model: string, more: object = {}) => gateway.ask({ model, messages, ...more });
const sentTokens = (from: number) =>
  upstream.requests
    .slice(from)
    .filter(({ path }) => path.includes('/chat') || path.includes('/messages'))
    .map(({ headers }) => headers['authorization']);

describe('Entra ID', () => {
  test.each([
    ['secret', 'client_credentials', { client_id: 'my-client', scope: AUDIENCE }],
    ['assertion', 'client_credentials', { client_id: 'my-client', client_assertion: SECRETS.assertion }],
    ['password', 'password', { client_id: 'my-client', username: 'ann' }],
    ['foundry', 'client_credentials', { client_id: 'my-client', scope: AUDIENCE }],
    ['foundry-claude', 'client_credentials', { client_id: 'my-client' }],
  ])('gives "%s" one token for twenty requests at a time', async (model, grant, form) => {
    const before = upstream.requests.length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(model)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(asked.entra).toHaveLength(1);
    expect(Object.fromEntries(asked.entra[0] ?? [])).toMatchObject(form);
    expect(new Set(sentTokens(before))).toEqual(new Set([`Bearer entra-token-${grant}`]));
    await (await ask(model, { stream: model !== 'foundry-claude' })).text();
    expect(asked.entra).toHaveLength(1);
  });

  test('gives the machine what it is, where nothing else is said', async () => {
    const before = upstream.requests.length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('machine')));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(asked.identity.map((form) => form.get('resource'))).toEqual(['https://cognitiveservices.azure.com']);
    expect(new Set(sentTokens(before))).toEqual(new Set(['Bearer identity-token']));
  });

  test('refuses a wrong secret with its own code, and nothing is sent to the model', async () => {
    const before = upstream.requests.length;
    const answer = await ask('wrong');
    const { error } = (await answer.json()) as { error: { message: string; type: string } };
    expect([answer.status, error.type]).toEqual([401, 'authentication_error']);
    expect(error.message).toContain('Microsoft Entra ID gave no access token (AADSTS7000215)');
    expect(JSON.stringify(error)).not.toContain('a-wrong-secret-1234567');
    expect(upstream.requests.slice(before)).toEqual([]);
  });
});

test('an old version of Azure’s API gives JSON by a schema, whole and streamed', async () => {
  const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const response_format = { type: 'json_schema' as const, json_schema: { name: 'place', schema } };
  const before = upstream.requests.length;
  const whole = await client.chat.completions.create({ model: 'old', messages, response_format });
  const runner = client.chat.completions.stream({ model: 'old', messages, response_format });
  const streamed = await runner.finalChatCompletion();
  for (const { choices } of [whole, streamed]) {
    expect(choices[0]).toMatchObject({ message: { content: '{"city":"Köln"}' }, finish_reason: 'stop' });
    expect(choices[0]?.message.tool_calls ?? []).toEqual([]);
  }
  for (const { body } of upstream.requests.slice(before)) expect(body).not.toHaveProperty('response_format');
  const plain = await client.chat.completions.create({ model: 'old', messages });
  expect(plain.choices[0]?.message.tool_calls).toHaveLength(1);
});

describe('Databricks', () => {
  test('gives a service principal one token for twenty requests at a time, and thoughts come through', async () => {
    const before = upstream.requests.length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('databricks')));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(asked.databricks.map((form) => form.toString())).toEqual(['grant_type=client_credentials&scope=all-apis']);
    expect(new Set(sentTokens(before))).toEqual(new Set(['Bearer databricks-token-1']));
    const whole = await client.chat.completions.create({ model: 'databricks', messages });
    const runner = client.chat.completions.stream({ model: 'databricks', messages });
    const streamed = await runner.finalChatCompletion();
    const { content } = whole.choices[0]?.message ?? {};
    expect(content).toStartWith('Grüße aus Köln');
    expect(streamed.choices[0]?.message.content).toBe(content ?? null);
    const blocks = [{ type: 'thinking', thinking: expect.any(String), signature: expect.any(String) }];
    expect(whole.choices[0]?.message).toMatchObject({ thinking_blocks: blocks });
    expect(streamed.choices[0]?.message).toMatchObject({ thinking_blocks: blocks });
    expect(asked.databricks).toHaveLength(1);
  });

  test('is asked again when the token has as good as ended', async () => {
    lifeSeconds = 5;
    const before = upstream.requests.length;
    for (let turn = 0; turn < 3; turn++) expect((await ask('databricks-other')).status).toBe(200);
    const tokens = [1, 2, 3].map((serial) => `Bearer databricks-token-${serial}`);
    expect(sentTokens(before)).toEqual(tokens);
  });

  test('that gives no token is an error in plain words', async () => {
    lifeSeconds = 5;
    refuses = true;
    const answer = await ask('databricks-other');
    const { error } = (await answer.json()) as { error: { message: string } };
    expect(answer.status).toBe(401);
    expect(error.message).toContain('Databricks gave no access token (401, invalid_client)');
    expect(JSON.stringify(error)).not.toContain(SECRETS.principal);
  });
});

describe('watsonx', () => {
  test('sells one token for twenty requests at a time, whole and streamed', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('watsonx')));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(asked.ibm.map((form) => form.get('apikey'))).toEqual([SECRETS.ibm]);
    const before = upstream.requests.length;
    const runner = client.chat.completions.stream({
      model: 'watsonx',
      messages,
      stream_options: { include_usage: true },
    });
    const streamed = await runner.finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toStartWith('Grüße aus Köln');
    expect(streamed.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 15 });
    const [seen] = upstream.requests.slice(before);
    expect([seen?.path, seen?.query.get('version')]).toEqual(['/ml/v1/text/chat_stream', '2024-03-13']);
    expect(seen?.body).toEqual({ messages, model_id: 'ibm/granite-3-3-8b-instruct', project_id: 'p' });
    expect(asked.ibm).toHaveLength(1);
  });
});

test('a model’s facts hold no secret', async () => {
  const text = await (await gateway.get('/model/info')).text();
  expect(text).toContain('"project_id":"p"');
  for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
});
