import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { cutsThatShow } from '../../test/support/cut-streams.ts';
import { API_KEY, ask, targetOf } from '../../test/support/provider-parts.ts';
import { fixture, fixturesOf } from '../../test/support/recordings.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import type { Target } from './adapter.ts';
import { databricks } from './databricks.ts';
import { upstreamError } from './upstream-error.ts';

const WORKSPACE = 'https://adb-1.2.azuredatabricks.net';
const target = (model: string, overrides: Partial<Target> = {}) =>
  targetOf(`databricks/${model}`, { baseUrl: WORKSPACE, ...overrides });
const CLAUDE = 'databricks-claude-sonnet-4-5';
const LLAMA = 'databricks-meta-llama-3-3-70b-instruct';
const SAID = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';
const SIGNATURE = 'c2lnbmF0dXJlLW9mLXRoZS10aG91Z2h0';
const sentTo = (model: string, body: object) => ask(target(model), { body: { ...body } }).sent;

describe('the address', () => {
  test.each([
    [WORKSPACE, LLAMA, `${WORKSPACE}/serving-endpoints/chat/completions`],
    [`${WORKSPACE}/serving-endpoints`, LLAMA, `${WORKSPACE}/serving-endpoints/chat/completions`],
    [`${WORKSPACE}/serving-endpoints/chat/completions`, LLAMA, `${WORKSPACE}/serving-endpoints/chat/completions`],
    [`${WORKSPACE}/ai-gateway/mlflow/v1`, LLAMA, `${WORKSPACE}/ai-gateway/mlflow/v1/chat/completions`],
    [WORKSPACE, 'system.ai.claude-sonnet-4-5', `${WORKSPACE}/ai-gateway/mlflow/v1/chat/completions`],
    [`${WORKSPACE}/serving-endpoints`, 'a.b.c', `${WORKSPACE}/ai-gateway/mlflow/v1/chat/completions`],
    ['http://127.0.0.1:9/v1', 'a.b.c', 'http://127.0.0.1:9/v1/chat/completions'],
    ['http://127.0.0.1:9/v1', 'a.b', 'http://127.0.0.1:9/v1/chat/completions'],
  ])('of %s for %s is %s', (baseUrl, model, url) => {
    expect(ask(target(model, { baseUrl })).url).toBe(url);
  });
});

describe('credentials', () => {
  const SECRET = 'dose-secret-1234567';
  const seen: { path: string; authorization: string | null; form: string }[] = [];
  let answer: () => Response;
  let server: ReturnType<typeof Bun.serve>;
  beforeAll(() => {
    server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request) {
        const path = new URL(request.url).pathname;
        seen.push({ path, authorization: request.headers.get('authorization'), form: await request.text() });
        return answer();
      },
    });
  });
  afterAll(() => server.stop());

  const own = () =>
    target(LLAMA, {
      baseUrl: `http://127.0.0.1:${server.port}`,
      apiKey: undefined,
      settings: databricks.parseSettings?.({ client_id: 'me', client_secret: SECRET }),
    });

  test('are a key as a bearer, which stands over the service principal', () => {
    const settings = databricks.parseSettings?.({ client_id: 'me', client_secret: SECRET });
    const keyed = target(LLAMA, { settings });
    expect(ask(keyed).headers['authorization']).toBe(`Bearer ${API_KEY}`);
    expect(databricks.authorize?.(ask(keyed), keyed, 0)).toBeUndefined();
    const bare = target(LLAMA, { apiKey: undefined, settings: databricks.parseSettings?.({ client_id: 'me' }) });
    expect(databricks.authorize?.(ask(bare), bare, 0)).toBeUndefined();
    expect(databricks.secretsOf?.(bare)).toEqual([]);
    expect(databricks.settingsEnv).toEqual({
      client_id: ['DATABRICKS_CLIENT_ID'],
      client_secret: ['DATABRICKS_CLIENT_SECRET'],
    });
  });

  test('of a service principal are exchanged once for twenty requests, and again at the token’s end', async () => {
    seen.length = 0;
    answer = () => Response.json({ access_token: `token-${seen.length}-long`, expires_in: 3600, token_type: 'Bearer' });
    const principal = own();
    const at = (nowMs: number) => databricks.authorize?.(ask(principal), principal, nowMs);
    const all = await Promise.all(Array.from({ length: 20 }, () => at(1_000)));
    expect(new Set(all.map((request) => request?.headers['authorization']))).toEqual(new Set(['Bearer token-1-long']));
    expect(seen).toEqual([
      {
        path: '/oidc/v1/token',
        authorization: `Basic ${btoa(`me:${SECRET}`)}`,
        form: 'grant_type=client_credentials&scope=all-apis',
      },
    ]);
    expect((await at(3_000_000))?.headers['authorization']).toBe('Bearer token-1-long');
    expect((await at(3_600_000))?.headers['authorization']).toBe('Bearer token-2-long');
    expect(databricks.secretsOf?.(principal)).toEqual([SECRET, 'token-2-long']);
  });

  test('that are refused fail the request in plain words without the secret', async () => {
    answer = () => Response.json({ error: 'invalid_client', error_description: `no ${SECRET}` }, { status: 401 });
    const principal = own();
    const failing = databricks.authorize?.(ask(principal), principal, 1_000);
    const error: unknown = await failing?.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      kind: 'upstream_unauthorized',
      message:
        "Databricks gave no access token (401, invalid_client); check the deployment's client_id and client_secret and its api_base.",
    });
  });
});

describe('a request', () => {
  test('never holds what Databricks refuses as an unknown field', () => {
    const { sent, changes } = ask(target(LLAMA), {
      body: { stream: true, stream_options: { include_usage: true }, user: 'u', store: true, max_completion_tokens: 5 },
    });
    expect(Object.keys(sent).toSorted()).toEqual(['max_tokens', 'messages', 'model', 'stream']);
    expect(changes.map(({ field }) => field)).toContain('user');
    expect(() => sentTo(LLAMA, { seed: 1, parallel_tool_calls: false })).toThrow("['seed', 'parallel_tool_calls']");
  });

  test('keeps the client’s bytes where nothing has to change', () => {
    const text = '{"model":"asked","messages":[{"role":"user","content":"Hi"}],"top_k": 12345678901234567890}';
    const input = { text, request: JSON.parse(text), gatewayKeys: [], dropParams: undefined };
    const { body } = databricks.buildRequest(
      { ...input, additionalDropParams: [], allowedParams: [] },
      target(LLAMA),
      [],
    );
    expect(body).toBe(text.replace('"asked"', `"${LLAMA}"`));
  });

  test('has one text where there is one, and no empty ones', () => {
    const mark = { type: 'ephemeral' };
    const messages = [
      { role: 'system', content: 'A' },
      { role: 'developer', content: [{ type: 'text', text: 'B', cache_control: mark }] },
      {
        role: 'user',
        name: 'Ann',
        content: [
          { type: 'text', text: '' },
          { type: 'text', text: 'Hi' },
        ],
      },
      { role: 'assistant', content: '', reasoning_content: 'only thoughts', thinking_blocks: [] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'two' },
        ],
        cache_control: mark,
      },
    ];
    const { sent, changes } = ask(target(LLAMA), { body: { messages } });
    expect(sent['messages']).toEqual([
      { role: 'system', content: 'A\n\nB' },
      { role: 'user', name: 'Ann', content: 'Hi' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'two' },
        ],
      },
    ]);
    expect(changes.map(({ field }) => field)).toEqual(['messages', 'messages', 'messages']);
    const claude = sentTo(CLAUDE, { messages })['messages'];
    expect(claude).toEqual([
      { role: 'system', content: 'A' },
      { role: 'system', content: [{ type: 'text', text: 'B', cache_control: mark }] },
      { role: 'user', name: 'Ann', content: [{ type: 'text', text: 'Hi' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'two', cache_control: mark },
        ],
      },
    ]);
  });

  const call = (id: string) => ({ id, type: 'function', function: { name: `f_${id}`, arguments: '{}' } });
  const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: `r_${id}` });

  test('has each parallel call right before its result, but for Claude', () => {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Both', tool_calls: [call('a'), call('b')] },
      result('b'),
      result('a'),
      { role: 'user', content: 'Go on' },
    ];
    expect(sentTo(LLAMA, { messages })['messages']).toEqual([
      messages[0],
      { role: 'assistant', content: 'Both', tool_calls: [call('b')] },
      result('b'),
      { role: 'assistant', tool_calls: [call('a')] },
      result('a'),
      messages[4],
    ]);
    expect(sentTo(CLAUDE, { messages })['messages']).toEqual(messages);
  });

  test.each([
    ['a result is missing', [call('a'), call('b')], [result('a')]],
    ['a result is another’s', [call('a'), call('b')], [result('a'), result('c')]],
    ['two calls have one id', [call('a'), call('a')], [result('a'), result('a')]],
    ['a result stands twice', [call('a'), call('b')], [result('a'), result('a')]],
    ['there is one call', [call('a')], [result('a')]],
  ])('loses no call where %s', (_, calls, results) => {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'x', tool_calls: calls },
      ...results,
    ];
    expect(sentTo(LLAMA, { messages })['messages']).toEqual(messages);
  });

  test('says how hard to think as the model does', () => {
    const claude = sentTo(CLAUDE, { reasoning_effort: 'low' });
    expect(claude).toMatchObject({ thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 5120 });
    expect(claude).not.toHaveProperty('reasoning_effort');
    expect(sentTo('databricks-gpt-oss-120b', { reasoning_effort: 'low' })).toMatchObject({ reasoning_effort: 'low' });
    const budget = { thinking: { type: 'enabled', budget_tokens: 2048 } };
    expect(sentTo('databricks-gpt-oss-120b', budget)).toMatchObject({ reasoning_effort: 'medium' });
    const catalog = loadCatalog();
    const knownModel = (model: string) => catalog.abilities({ provider: 'databricks', model });
    const adaptive = ask(target('databricks-claude-opus-4-7', { knownModel }), { body: { reasoning_effort: 'high' } });
    expect(adaptive.sent).toMatchObject({ thinking: { type: 'adaptive' }, output_config: { effort: 'high' } });
    expect(() => sentTo(CLAUDE, { reasoning_effort: 'low', temperature: 0 })).toThrow('temperature');
  });

  test('has tools as the model takes them', () => {
    const tool = (parameters?: object) => ({
      type: 'function',
      function: { name: 'f', strict: true, ...(parameters && { parameters }) },
    });
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const plain = { type: 'function', function: { name: 'f', parameters: schema } };
    expect(sentTo(LLAMA, { tools: [tool(schema)] })['tools']).toEqual([plain]);
    expect(sentTo(CLAUDE, { tools: [tool(schema), tool()] })['tools']).toEqual([
      plain,
      { type: 'function', function: { name: 'f', parameters: { type: 'object' } } },
    ]);
    const forced = { tools: [tool(schema)], tool_choice: { type: 'function', function: { name: 'f' } } };
    expect(sentTo(CLAUDE, forced)['tool_choice']).toEqual(forced.tool_choice);
    expect(sentTo(CLAUDE, { ...forced, reasoning_effort: 'low' })['tool_choice']).toBe('auto');
  });

  test('asks Claude for JSON by a schema, or by a tool where there is none', () => {
    const format = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } };
    expect(sentTo(CLAUDE, { response_format: format })['response_format']).toEqual(format);
    const choice = { type: 'function', function: { name: 'json_tool_call' } };
    const asked = sentTo(CLAUDE, { response_format: { type: 'json_object' } });
    expect(asked).toMatchObject({ tools: [{ function: { name: 'json_tool_call' } }], tool_choice: choice });
    expect(asked).not.toHaveProperty('response_format');
    const thinking = sentTo(CLAUDE, { response_format: { type: 'json_object' }, reasoning_effort: 'low' });
    expect(thinking['tool_choice']).toBe('auto');
    expect(sentTo(LLAMA, { response_format: { type: 'json_object' } })).toHaveProperty('response_format');
  });
});

describe('an answer', () => {
  const own = target(CLAUDE);
  const stream = (file: string) => {
    const decode = databricks.createStreamDecoder(own);
    return accumulate(
      fixture(file)
        .split('\n')
        .filter(Boolean)
        .flatMap((event) => decode(event)),
    );
  };
  const blocks = [{ type: 'thinking', thinking: 'The user greets me. I greet back.', signature: SIGNATURE }];

  test('has thoughts and texts of a list in their own fields', () => {
    const { choices } = databricks.parseResponse(JSON.parse(fixture('databricks/reasoning.json')), own);
    expect(choices[0]?.message).toEqual({
      role: 'assistant',
      content: SAID,
      reasoning_content: 'The user greets me. I greet back.',
      thinking_blocks: blocks,
    });
  });

  test('streamed says the same, its blocks whole at the end', () => {
    const events = fixture('databricks/reasoning.chunks.txt').split('\n').filter(Boolean);
    const decode = databricks.createStreamDecoder(own);
    const chunks = events.flatMap((event) => decode(event));
    expect(accumulate(chunks)).toMatchObject({
      content: SAID,
      reasoning: 'The user greets me. I greet back.',
      finish: 'stop',
    });
    const held = chunks.map((chunk) => chunk.choices[0]?.delta['thinking_blocks']);
    expect(held).toEqual([...Array(5).fill(undefined), blocks]);
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 45 });
  });

  test('goes back as it came, thoughts first', () => {
    const { choices } = databricks.parseResponse(JSON.parse(fixture('databricks/reasoning.json')), own);
    const message = choices[0]?.message;
    const { sent } = ask(own, {
      body: { messages: [{ role: 'user', content: 'Hi' }, message, { role: 'user', content: 'And?' }] },
    });
    const raw = JSON.parse(fixture('databricks/reasoning.json')).choices[0].message;
    expect(sent['messages']).toEqual([{ role: 'user', content: 'Hi' }, raw, { role: 'user', content: 'And?' }]);
    const llama = sentTo(LLAMA, { messages: [message] })['messages'];
    expect(llama).toEqual([{ role: 'assistant', content: SAID }]);
  });

  test('has the arguments of its calls once, an empty object where there are none', () => {
    const expected = [
      { name: 'get_weather', arguments: '{"city":"Köln","unit":"c"}' },
      { name: 'get_time', arguments: '{}' },
    ];
    const { calls, finish } = stream('databricks/tool-calls.chunks.txt');
    expect(calls.map(({ name, arguments: text }) => ({ name, arguments: text }))).toEqual(expected);
    expect(finish).toBe('tool_calls');
  });

  test('keeps citations and parts of kinds that are not known', () => {
    const cited = { type: 'url_citation', url: 'https://c.example', title: 'C' };
    const parts = [
      { type: 'text', text: 'So it is', citations: [cited] },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
      { type: 'reasoning', summary: [{ type: 'other', data: 'x' }] },
      'nonsense',
    ];
    const whole = databricks.parseResponse(
      { id: '1', model: 'm', choices: [{ message: { role: 'assistant', content: parts }, finish_reason: 'stop' }] },
      own,
    );
    const fields = { citations: [[{ ...cited, supported_text: 'So it is' }]], content_parts: [parts[1], parts[2]] };
    const annotations = [
      { type: 'url_citation', url_citation: { url: 'https://c.example', title: 'C', start_index: 0, end_index: 0 } },
    ];
    expect(whole.choices[0]?.message).toMatchObject({
      content: 'So it is',
      annotations,
      provider_specific_fields: fields,
    });
    const decode = databricks.createStreamDecoder(own);
    const event = (delta: object, finish_reason: string | null) =>
      JSON.stringify({ id: '1', choices: [{ index: 0, delta, finish_reason }] });
    const chunks = [event({ content: parts }, null), event({}, 'stop')].flatMap((one) => decode(one));
    expect(chunks[0]?.choices[0]?.delta).toEqual({ content: 'So it is' });
    expect(chunks[1]?.choices[0]?.delta).toEqual({ annotations, provider_specific_fields: fields });
  });

  test.each(fixturesOf('databricks').map(({ name, events }) => [name, events ?? []] as const))(
    '"%s" is the same wherever its bytes are cut',
    async (_, events) => {
      expect(await cutsThatShow(own, events)).toEqual([]);
    },
  );
});

describe('refusals', () => {
  const kindOf = (status: number, body: object) =>
    upstreamError({ target: target(LLAMA), status, body: JSON.stringify(body), headers: new Headers() });

  test.each([
    [400, 'BAD_REQUEST', 'json: unknown field "x"', 'upstream_rejected'],
    [403, 'PERMISSION_DENIED', 'no', 'upstream_forbidden'],
    [404, 'RESOURCE_DOES_NOT_EXIST', 'no such endpoint', 'upstream_not_found'],
    [429, 'REQUEST_LIMIT_EXCEEDED', 'slower', 'upstream_busy'],
    [400, 'BAD_REQUEST', "This model's maximum context length is 8192 tokens", 'context_window_exceeded'],
  ])('%i %s "%s" is %s', (status, error_code, message, kind) => {
    expect(kindOf(status, { error_code, message })).toMatchObject({ kind, message });
  });
});
