import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { cutsThatShow, readStream } from '../../test/support/cut-streams.ts';
import { API_KEY, ask, targetOf } from '../../test/support/provider-parts.ts';
import { fixture, fixturesOf } from '../../test/support/recordings.ts';
import { GatewayError } from '../errors.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import type { Target } from './adapter.ts';
import { upstreamError } from './upstream-error.ts';
import { watsonx } from './watsonx.ts';

const HOST = 'https://eu-de.ml.cloud.ibm.com';
const MODEL = 'ibm/granite-3-3-8b-instruct';
const settingsFrom = (raw: object) => watsonx.parseSettings?.({ project_id: 'my-project', ...raw });
const target = (model = MODEL, overrides: Partial<Target> = {}) =>
  targetOf(`watsonx/${model}`, { baseUrl: HOST, settings: settingsFrom({}), ...overrides });
const events = (file: string): string[] => fixture(file).split('\n').filter(Boolean);
const SAID = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';

describe('the address', () => {
  const VERSION = 'version=2024-03-13';
  test.each([
    [MODEL, {}, `${HOST}/ml/v1/text/chat?${VERSION}`],
    [MODEL, { apiVersion: '2025-02-11' }, `${HOST}/ml/v1/text/chat?version=2025-02-11`],
    [MODEL, { baseUrl: `${HOST}/ml/v1` }, `${HOST}/ml/v1/text/chat?${VERSION}`],
    ['deployment/my-id', {}, `${HOST}/ml/v1/deployments/my-id/text/chat?${VERSION}`],
    ['deployment/a/b?', {}, `${HOST}/ml/v1/deployments/a%2Fb%3F/text/chat?${VERSION}`],
  ])('of %s with %j is %s, and beside it that of streams', (model, overrides, url) => {
    expect(ask(target(model, overrides)).url).toBe(url);
    expect(ask(target(model, overrides), { body: { stream: true } }).url).toBe(url.replace('/chat?', '/chat_stream?'));
  });

  test('comes from the region where none is given', () => {
    expect(watsonx.baseUrlOf?.(settingsFrom({ watsonx_region_name: 'eu-de' }), MODEL)).toBe(HOST);
    expect(watsonx.baseUrlOf?.(settingsFrom({ region_name: 'us-south' }), MODEL)).toBe(
      'https://us-south.ml.cloud.ibm.com',
    );
    expect(watsonx.baseUrlOf?.(settingsFrom({ watsonx_region_name: 'evil.example/' }), MODEL)).toBeUndefined();
    expect(watsonx.baseUrlOf?.(settingsFrom({}), MODEL)).toBeUndefined();
    expect(watsonx.baseUrlEnv).toContain('WATSONX_URL');
  });
});

describe('a request', () => {
  test('names model and project, or only what the deployment does not know', () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    expect(ask(target(), { body: { stream: true, stream_options: { include_usage: true } } }).sent).toEqual({
      messages,
      model_id: MODEL,
      project_id: 'my-project',
    });
    const space = settingsFrom({ project_id: undefined, space_id: 'my-space' });
    expect(ask(target(MODEL, { settings: space })).sent).toEqual({ messages, model_id: MODEL, space_id: 'my-space' });
    const project = settingsFrom({ project_id: undefined, watsonx_project: 'other', space_id: 'my-space' });
    expect(ask(target(MODEL, { settings: project })).sent).toEqual({ messages, model_id: MODEL, project_id: 'other' });
    expect(ask(target('deployment/my-id')).sent).toEqual({ messages });
  });

  test('cannot be led to another project by its client', () => {
    expect(ask(target(), { body: { project_id: 'theirs', model_id: 'other' } }).sent).toMatchObject({
      project_id: 'my-project',
      model_id: MODEL,
    });
  });

  test('keeps the client’s bytes where nothing has to change', () => {
    const text = '{"messages":[{"role":"user","content":"Hi"}],"time_limit": 12345678901234567890,"model":"asked"}';
    const input = { text, request: JSON.parse(text), gatewayKeys: [], dropParams: undefined };
    const { body } = watsonx.buildRequest({ ...input, additionalDropParams: [], allowedParams: [] }, target(), []);
    expect(body).toContain('"time_limit": 12345678901234567890');
    expect(JSON.parse(body)).toMatchObject({ model_id: MODEL });
  });

  test.each([
    ['auto', { tool_choice_option: 'auto' }],
    ['required', { tool_choice_option: 'required' }],
    ['none', { tool_choice_option: 'none' }],
    [{ type: 'auto' }, { tool_choice_option: 'auto' }],
    [{ type: 'function', function: { name: 'f' } }, { tool_choice: { type: 'function', function: { name: 'f' } } }],
  ])('says tool_choice %j as watsonx does', (choice, expected) => {
    const parameters = { type: 'object', additionalProperties: false, properties: { a: { type: 'string' } } };
    const tools = [{ type: 'function', function: { name: 'f', strict: true, parameters } }];
    const { sent } = ask(target(), { body: { tools, tool_choice: choice } });
    const { messages: _, model_id: __, project_id: ___, tools: sentTools, ...rest } = sent;
    expect(rest).toEqual(expected);
    const plain = { type: 'object', properties: { a: { type: 'string' } } };
    expect(sentTools).toEqual([{ type: 'function', function: { name: 'f', parameters: plain } }]);
  });

  test('has texts where watsonx takes no lists, and nothing of earlier answers but what was said', () => {
    const messages = [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Be' },
          { type: 'text', text: 'kind' },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See', cache_control: { type: 'ephemeral' } },
          { type: 'image_url', image_url: 'data:image/png;base64,AA' },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'Yes' }], reasoning_content: 'hm', thinking_blocks: [] },
    ];
    expect(ask(target(), { body: { messages } }).sent['messages']).toEqual([
      { role: 'system', content: 'Be\nkind' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
        ],
      },
      { role: 'assistant', content: 'Yes' },
    ]);
  });

  test('has the parameters that watsonx takes, and refuses the others by name', () => {
    const body = {
      max_completion_tokens: 5,
      thinking: { type: 'enabled', budget_tokens: 4096 },
      seed: 1,
      n: 2,
      logprobs: true,
    };
    expect(ask(target(), { body }).sent).toMatchObject({
      max_tokens: 5,
      reasoning_effort: 'high',
      seed: 1,
      n: 2,
      logprobs: true,
    });
    expect(() => ask(target(), { body: { logit_bias: { 1: 1 }, parallel_tool_calls: true } })).toThrow(
      "watsonx does not support parameters: ['logit_bias', 'parallel_tool_calls']",
    );
    const dropped = ask(target(), { body: { logit_bias: { 1: 1 }, user: 'u' }, dropParams: true });
    expect(Object.keys(dropped.sent).toSorted()).toEqual(['messages', 'model_id', 'project_id']);
    expect(dropped.changes.map(({ field }) => field)).toEqual(['logit_bias', 'user']);
    const defaults = target(MODEL, { defaults: { temperature: 0.5, guided_choice: ['a'] } });
    expect(ask(defaults, { body: { temperature: 0 } }).sent).toMatchObject({ temperature: 0, guided_choice: ['a'] });
  });
});

describe('credentials', () => {
  const seen: string[] = [];
  let answer: () => Response;
  let server: ReturnType<typeof Bun.serve>;
  beforeAll(() => {
    server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request) {
        seen.push(`${new URL(request.url).pathname} ${await request.text()}`);
        return answer();
      },
    });
  });
  afterAll(() => server.stop());

  const buying = () => target(MODEL, { settings: settingsFrom({ iam_url: `${server.url}identity/token` }) });

  test.each([
    [{ token: 'own-token-1234567' }, 'Bearer own-token-1234567'],
    [{ zen_api_key: 'zen-key-1234567' }, 'ZenApiKey zen-key-1234567'],
    [{ token: 'own-token-1234567', zen_api_key: 'zen-key-1234567' }, 'Bearer own-token-1234567'],
  ])('%j are sent as they are and never echoed', (raw, expected) => {
    const own = target(MODEL, { settings: settingsFrom(raw) });
    expect(ask(own).headers).toEqual({ 'content-type': 'application/json', authorization: expected });
    expect(watsonx.authorize?.(ask(own), own, 0)).toBeUndefined();
    expect(watsonx.secretsOf?.(own)).toEqual(Object.values(raw));
  });

  test('of IBM Cloud are exchanged once for twenty requests, and again at the token’s end', async () => {
    seen.length = 0;
    answer = () =>
      Response.json({ access_token: `iam-token-${seen.length}`, expires_in: 3600, refresh_token: 'not_supported' });
    const own = buying();
    const at = (nowMs: number) => watsonx.authorize?.(ask(own), own, nowMs);
    const all = await Promise.all(Array.from({ length: 20 }, () => at(1_000)));
    expect(new Set(all.map((request) => request?.headers['authorization']))).toEqual(new Set(['Bearer iam-token-1']));
    const grant = encodeURIComponent('urn:ibm:params:oauth:grant-type:apikey');
    expect(seen).toEqual([`/identity/token grant_type=${grant}&apikey=${API_KEY}`]);
    expect((await at(3_000_000))?.headers['authorization']).toBe('Bearer iam-token-1');
    expect((await at(3_601_000))?.headers['authorization']).toBe('Bearer iam-token-2');
    expect(watsonx.secretsOf?.(own)).toEqual(['iam-token-2']);
    expect(ask(own).headers).not.toHaveProperty('authorization');
  });

  test('that are refused fail the request in plain words without the key, and are asked for again', async () => {
    seen.length = 0;
    answer = () => Response.json({ errorCode: 'BXNIM0415E', errorMessage: `no ${API_KEY}` }, { status: 400 });
    const own = buying();
    const ending = async () => await watsonx.authorize?.(ask(own), own, 1_000)?.catch((thrown: unknown) => thrown);
    const error = await ending();
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({
      kind: 'upstream_unauthorized',
      message: "IBM Cloud gave no access token (400, BXNIM0415E); check the deployment's api_key, or give a token.",
    });
    await ending();
    expect(seen).toHaveLength(2);
  });

  test('that are missing leave the word to watsonx', () => {
    const own = target(MODEL, { apiKey: undefined });
    expect(watsonx.authorize?.(ask(own), own, 0)).toBeUndefined();
    expect(ask(own).headers).toEqual({ 'content-type': 'application/json' });
  });
});

describe('an answer', () => {
  const own = target();

  test('is OpenAI’s, with what watsonx adds', () => {
    const answer = watsonx.parseResponse(JSON.parse(fixture('watsonx/text.json')), own);
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: MODEL,
      choices: [{ index: 0, message: { role: 'assistant', content: SAID }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 12, completion_tokens: 15, total_tokens: 27 },
      system: { warnings: [{ id: 'disclaimer_warning' }] },
    });
    const called = watsonx.parseResponse(JSON.parse(fixture('watsonx/tool-calls.json')), own);
    expect(called.model).toBe('mistralai/mistral-large');
    expect(called.choices[0]).toMatchObject({ message: { content: null }, finish_reason: 'tool_calls' });
  });

  test.each(fixturesOf('watsonx').map(({ name, whole, events: some }) => [name, whole ?? '', some ?? []] as const))(
    '"%s" is the same whole and streamed, wherever its bytes are cut',
    async (_, whole, some) => {
      const decode = watsonx.createStreamDecoder(own);
      const streamed = accumulate(some.flatMap((event) => decode(event)));
      const { choices, usage } = watsonx.parseResponse(JSON.parse(whole), own);
      const [choice] = choices;
      expect(streamed).toMatchObject({ content: choice?.message.content ?? '', finish: choice?.finish_reason, usage });
      const calls = choice?.message['tool_calls'];
      expect(streamed.calls.map(({ name }) => name)).toEqual(
        Array.isArray(calls) ? calls.map((call) => call.function.name) : [],
      );
      expect(await cutsThatShow(own, some)).toEqual([]);
    },
  );

  test('has the finish reasons of watsonx as OpenAI’s', () => {
    const finish = (finish_reason: string) =>
      watsonx.parseResponse({ choices: [{ message: { role: 'assistant', content: 'x' }, finish_reason }] }, own)
        .choices[0];
    expect(finish('eos_token')).toMatchObject({
      finish_reason: 'stop',
      provider_specific_fields: { native_finish_reason: 'eos_token' },
    });
    expect(finish('max_tokens')?.finish_reason).toBe('length');
  });

  test('that is none is the upstream’s failure', () => {
    for (const body of [null, 1, 'text', [], {}, { choices: null }]) {
      expect(() => watsonx.parseResponse(body, own)).toThrow(GatewayError);
    }
    expect(() => watsonx.createStreamDecoder(own)('<html>')).toThrow('not a JSON object');
  });

  test('with an error in its stream breaks off with it', async () => {
    const error = JSON.stringify({
      errors: [{ code: 'downstream_request_failed', message: 'No luck' }],
      trace: 't',
      status_code: 500,
    });
    const read = await readStream(own, [...events('watsonx/text.chunks.txt').slice(0, 2), error]);
    expect(read.text).toContain('Grüße');
    expect(read.error).toMatchObject({ message: 'No luck' });
  });
});

describe('refusals', () => {
  const errorOf = (status: number, code: string, message: string) =>
    upstreamError({
      target: target(),
      status,
      body: JSON.stringify({
        errors: [{ code, message, more_info: 'https://cloud.ibm.com' }],
        trace: 't',
        status_code: status,
      }),
      headers: new Headers(),
    });

  test.each([
    [401, 'authentication_token_expired', 'Failed to authenticate', 'upstream_unauthorized'],
    [404, 'model_not_supported', "Model 'x' is not supported", 'upstream_not_found'],
    [429, 'consumption_limit_reached', 'Slower', 'upstream_busy'],
    [
      400,
      'invalid_input_argument',
      'the number of input tokens 9000 cannot exceed the total tokens limit 8192 for this model',
      'context_window_exceeded',
    ],
    [400, 'invalid_request_entity', 'Json document validation error', 'upstream_rejected'],
  ])('%i %s "%s" is %s', (status, code, message, kind) => {
    const error = errorOf(status, code, message);
    expect(error).toMatchObject({ kind, message });
    expect(error.details.upstreamStatus).toBe(status);
  });
});

test('its models have prices', () => {
  const card = loadCatalog().rateCard({ provider: 'watsonx', model: 'ibm/granite-3-3-8b-instruct' });
  expect(card).toBeDefined();
});
