/** Vertex AI behind the real program: a fake Google that lets in only those with a token of its fake token desk. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { answerOf } from '../support/gemini-place.ts';
import {
  authorizedUser,
  PRIVATE_KEY,
  REFRESH_TOKEN,
  serviceAccount,
  startTokenDesk,
  type TokenDesk,
} from '../support/google-tokens.ts';
import { fixture } from '../support/recordings.ts';
import { streamed } from '../support/sse.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

const EXPRESS_KEY = 'AQ.express-key-canary-0123456789';
const KEY_LINES = PRIVATE_KEY.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
const messages = [{ role: 'user' as const, content: 'Hi' }];
const AT = '/v1/projects/project-of-the-key/locations/europe-west4';
const LLAMA = 'meta/llama-3.3-70b-instruct-maas';

let desk: TokenDesk;
let upstream: Upstream;
let gateway: Gateway;
let client: OpenAI;
let folder: string;
let answer: (request: SeenRequest) => Behaviour;

const lines = (file: string): string[] => fixture(file).split('\n').filter(Boolean);
const events = (...parts: readonly object[][]): string[] =>
  parts.map((some, at) =>
    JSON.stringify(answerOf(some, { finishReason: at === parts.length - 1 ? 'STOP' : undefined })),
  );

function guarded(request: SeenRequest): Behaviour {
  const { authorization, 'x-goog-api-key': key } = request.headers;
  const isLetIn = key === EXPRESS_KEY || desk.given.some((token) => authorization === `Bearer ${token}`);
  if (isLetIn) return answer(request);
  const error = { code: 401, status: 'UNAUTHENTICATED', message: 'Request had invalid authentication credentials.' };
  return { status: 401, body: { error } };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-vertex-'));
  desk = startTokenDesk();
  upstream = await startUpstream(guarded);
  const person = join(folder, 'adc.json');
  writeFileSync(person, JSON.stringify(authorizedUser(desk)));
  const own = { vertex_credentials: serviceAccount(desk), vertex_location: 'europe-west4', api_base: upstream.origin };
  const model = (model_name: string, name: string, params: object = own): object => ({
    model_name,
    litellm_params: { model: `vertex_ai/${name}`, api_base: upstream.origin, ...params },
  });
  const wrong = { vertex_credentials: JSON.stringify(serviceAccount(desk, { client_email: 'nobody@else.example' })) };
  gateway = await startGateway({
    config: {
      model_list: [
        model('flash', 'gemini-2.5-flash'),
        model('three', 'gemini-3-flash-preview'),
        model('claude', 'claude-sonnet-4-5@20250929'),
        model('llama', LLAMA),
        model('machine', 'gemini-2.5-flash', {}),
        model('express', 'gemini-2.5-flash', { api_key: EXPRESS_KEY }),
        model('wrong', 'gemini-2.5-flash', wrong),
        model('missing', 'gemini-2.5-flash', { vertex_credentials: join(folder, 'none.json') }),
        model('beta', 'gemini-2.5-flash', {
          ...own,
          custom_llm_provider: 'vertex_ai_beta',
          model: 'vertex_ai_beta/gemini-2.5-flash',
        }),
      ],
      router_settings: { num_retries: 0, disable_cooldowns: true },
    },
    env: { GOOGLE_APPLICATION_CREDENTIALS: person },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
beforeEach(() => {
  upstream.requests.length = 0;
  answer = () => ({ body: answerOf([{ text: 'Hello' }]) });
});
afterAll(async () => {
  expect(await gateway?.stop()).toBe(0);
  await Promise.all([upstream?.stop(), desk?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

describe('Gemini', () => {
  test('signs in once for twenty requests at a time', async () => {
    const asking = Array.from({ length: 20 }, () => client.chat.completions.create({ model: 'flash', messages }));
    const answers = await Promise.all(asking);
    expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(Array(20).fill('Hello'));
    expect(desk.asked).toHaveLength(1);
    expect(new Set(upstream.requests.map(({ path }) => path))).toEqual(
      new Set([`${AT}/publishers/google/models/gemini-2.5-flash:generateContent`]),
    );
  });

  test('costs what it costs at Vertex, cached tokens less', async () => {
    const usageMetadata = {
      promptTokenCount: 100,
      cachedContentTokenCount: 40,
      candidatesTokenCount: 5,
      totalTokenCount: 105,
    };
    answer = () => ({ body: answerOf([{ text: 'Hello' }], {}, { usageMetadata }) });
    for (const model of ['flash', 'beta']) {
      const { response } = await client.chat.completions.create({ model, messages, max_tokens: 9 }).withResponse();
      const cost = Number(response.headers.get('x-litellm-response-cost'));
      expect(cost).toBeCloseTo(60 * 3e-7 + 40 * 3e-8 + 5 * 2.5e-6, 12);
    }
  });

  test('streams', async () => {
    answer = () => ({ events: events([{ text: 'Hm', thought: true }], [{ text: 'Hel' }], [{ text: 'lo' }]) });
    const body = { model: 'flash', messages, stream: true, stream_options: { include_usage: true } };
    const said = await streamed(await gateway.ask(body));
    expect(said).toMatchObject({ content: 'Hello', finishReasons: ['stop'], isDone: true, error: undefined });
    expect(upstream.requests[0]?.path).toContain(':streamGenerateContent');
  });

  test.each([false, true])('gets its thought signatures back, byte for byte (streamed: %p)', async (isStream) => {
    const called = (n: number): object[] => [
      { functionCall: { name: 'step', args: { n } }, thoughtSignature: `Sig/${n}+==` },
    ];
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'step', parameters: { type: 'object', properties: { n: { type: 'integer' } } } },
      },
    ];
    const history: OpenAI.ChatCompletionMessageParam[] = [...messages];
    for (const n of [1, 2, 3]) {
      answer = () => (isStream ? { events: events(called(n), [{ text: '' }]) } : { body: answerOf(called(n)) });
      const body = { model: 'three', messages: history, tools };
      const made = isStream
        ? await client.chat.completions.stream(body).finalChatCompletion()
        : await client.chat.completions.create(body);
      const [call] = made.choices[0]?.message.tool_calls ?? [];
      if (call?.type !== 'function') throw new Error('no call');
      const {
        id,
        function: { name, arguments: text },
      } = call;
      const tool_calls = [{ id, type: 'function' as const, function: { name, arguments: text } }];
      history.push(
        { role: 'assistant', content: null, tool_calls },
        { role: 'tool', tool_call_id: id, content: `${n}` },
      );
    }
    const contents = upstream.requests[2]?.body['contents'] as { role: string; parts: object[] }[];
    const echoed = contents.filter(({ role }) => role === 'model').map(({ parts }) => parts);
    expect(JSON.stringify(echoed)).toBe(JSON.stringify([called(1), called(2)]));
  });

  test('signs in as the machine’s user where the deployment names nobody', async () => {
    await client.chat.completions.create({ model: 'machine', messages });
    expect(upstream.requests[0]?.path).toStartWith('/v1/projects/project-of-the-person/locations/us-central1/');
    expect(desk.asked.at(-1)?.fields['refresh_token']).toBe(REFRESH_TOKEN);
  });

  test('is reached with an API key instead', async () => {
    const before = desk.asked.length;
    await client.chat.completions.create({ model: 'express', messages });
    expect(upstream.requests[0]?.path).toContain('/publishers/google/models/gemini-2.5-flash:generateContent');
    expect(upstream.requests[0]?.headers['x-goog-api-key']).toBe(EXPRESS_KEY);
    expect(desk.asked).toHaveLength(before);
  });
});

describe('other models', () => {
  test('Claude answers whole and streamed, by Anthropic’s own API', async () => {
    answer = ({ path }) =>
      path.includes(':streamRawPredict')
        ? { events: lines('anthropic/tool-calls.chunks.txt') }
        : { body: fixture('anthropic/tool-calls.json') };
    const { data: whole, response } = await client.chat.completions
      .create({ model: 'claude', messages, max_tokens: 99 })
      .withResponse();
    const { usage } = whole;
    // A tenth more than where it is served everywhere.
    const listed = (usage?.prompt_tokens ?? 0) * 3e-6 + (usage?.completion_tokens ?? 0) * 15e-6;
    expect(Number(response.headers.get('x-litellm-response-cost'))).toBeCloseTo(listed * 1.1, 12);
    const rebuilt = await client.chat.completions
      .stream({ model: 'claude', messages, max_tokens: 99 })
      .finalChatCompletion();
    expect(whole.choices[0]?.finish_reason).toBe('tool_calls');
    const calls = (completion: typeof whole) =>
      completion.choices[0]?.message.tool_calls?.map(
        (call) => call.type === 'function' && [call.function.name, JSON.parse(call.function.arguments)],
      );
    expect(calls(rebuilt)).toEqual(calls(whole));
    const paths = upstream.requests.map(({ path }) => path);
    const model = `${AT}/publishers/anthropic/models/claude-sonnet-4-5@20250929`;
    expect(paths).toEqual([`${model}:rawPredict`, `${model}:streamRawPredict`]);
    expect(upstream.requests[0]?.body).toMatchObject({ anthropic_version: 'vertex-2023-10-16', max_tokens: 99 });
    expect(upstream.requests[0]?.body).not.toHaveProperty('model');
  });

  test('Llama answers whole and streamed, by OpenAI’s', async () => {
    answer = () => ({});
    const whole = await client.chat.completions.create({ model: 'llama', messages });
    const said = await streamed(await gateway.ask({ model: 'llama', messages, stream: true }));
    expect(said.content).toBe(whole.choices[0]?.message.content ?? 'none');
    expect(upstream.requests.map(({ path }) => path)).toEqual(
      Array(2).fill(`${AT}/endpoints/openapi/chat/completions`),
    );
    expect(upstream.requests[0]?.body).toMatchObject({ model: LLAMA });
  });
});

describe('credentials', () => {
  const expectNoSecret = (text: string): void => {
    for (const secret of [...KEY_LINES, REFRESH_TOKEN, EXPRESS_KEY, ...desk.given]) expect(text).not.toContain(secret);
  };

  test('that Google refuses are a clear 401', async () => {
    const refused = await gateway.ask({ model: 'wrong', messages });
    expect(refused.status).toBe(401);
    const text = await refused.text();
    expect(text).toContain('Google Cloud gave no access token (400, invalid_grant)');
    expect(text).toContain('authentication_error');
    expect(upstream.requests).toEqual([]);
    expectNoSecret(text);
  });

  test('that are not there are a clear 401 too', async () => {
    const refused = await gateway.ask({ model: 'missing', messages });
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain('cannot be read, ENOENT');
  });

  test('cannot be brought by a client', async () => {
    for (const name of ['vertex_credentials', 'vertex_ai_credentials', 'vertex_project', 'vertex_ai_location']) {
      const refused = await gateway.ask({ model: 'flash', messages, [name]: 'evil' });
      expect(refused.status).toBe(400);
      expect(await refused.text()).toContain(name);
    }
    expect(upstream.requests).toEqual([]);
  });

  test('stand neither in answers about models nor in the log', async () => {
    for (const path of ['/model/info', '/v1/model/info', '/v2/model/info', '/health']) {
      const answered = await gateway.get(path);
      expectNoSecret(await answered.text());
    }
    const info = await (await gateway.get('/model/info')).text();
    expect(info).toContain('gemini-2.5-flash');
    expect(info).toContain('europe-west4');
    expectNoSecret(JSON.stringify(await gateway.rows()));
    expectNoSecret(gateway.logs());
  });

  test('added at run time are sealed', async () => {
    const litellm_params = {
      model: 'vertex_ai/gemini-2.5-flash',
      api_base: upstream.origin,
      vertex_credentials: serviceAccount(desk),
    };
    const made = await gateway.post('/model/new', { model_name: 'added', litellm_params });
    expect(made.status).toBe(200);
    expectNoSecret(await made.text());
    const info = await (await gateway.get('/model/info')).text();
    expectNoSecret(info);
    const said = await client.chat.completions.create({ model: 'added', messages });
    expect(said.choices[0]?.message.content).toBe('Hello');
  });
});

test('a machine of Google’s signs in as what it is', async () => {
  const asked: string[] = [];
  const metadata = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      const headers = { 'metadata-flavor': 'Google' };
      if (pathname.endsWith('/token')) {
        desk.given.push('ya29.token-of-the-machine');
        return Response.json({ access_token: 'ya29.token-of-the-machine', expires_in: 3600 }, { headers });
      }
      if (pathname.endsWith('/project/project-id')) return new Response('project-of-the-machine', { headers });
      return new Response('{}', { headers: { ...headers, 'content-type': 'application/json' } });
    },
  });
  const machine = await startGateway({
    config: {
      model_list: [
        { model_name: 'm', litellm_params: { model: 'vertex_ai/gemini-2.5-flash', api_base: upstream.origin } },
      ],
      router_settings: { num_retries: 0 },
    },
    env: { GCE_METADATA_HOST: `127.0.0.1:${metadata.port}`, METADATA_SERVER_DETECTION: 'assume-present' },
  });
  const said = await machine.ask({ model: 'm', messages });
  expect(await said.text()).toContain('Hello');
  expect(upstream.requests[0]?.path).toStartWith('/v1/projects/project-of-the-machine/locations/us-central1/');
  expect(asked.filter((path) => path.endsWith('/token'))).toHaveLength(1);
  expect(await machine.stop()).toBe(0);
  await metadata.stop(true);
});
