/** Streams of models that have none, behind the real program, read by OpenAI's own client. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { deployment, type Gateway, type SpendRow, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { openClient, requestBytes } from '../support/raw-http.ts';
import { readEvents } from '../support/sse.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
let client: OpenAI;

const PRICES = { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  const model = (name: string, params: object = {}, info: object = {}): object =>
    deployment(upstream, name, { ...PRICES, ...params }, { model_info: info });
  const whole = { fake_stream: true };
  gateway = await startGateway({
    config: {
      model_list: [
        model('native'),
        model('whole', whole),
        model('flagged', {}, { supports_native_streaming: false }),
        model('trusted', { fake_stream: false }, { supports_native_streaming: false }),
        model('rescued', whole),
        model('hurried', { ...whole, timeout: 30, stream_timeout: 0.2 }),
        model('claude', { ...whole, model: 'anthropic/claude-x' }),
        {
          model_name: 'gemma',
          litellm_params: {
            model: 'vertex_ai/gemma/gemma-3-12b-it',
            api_base: `${upstream.origin}/v1/projects/p/locations/l/endpoints/7`,
            api_key: 'ya29.token',
          },
        },
        {
          model_name: 'replicate',
          litellm_params: { model: 'replicate/me/mine', api_base: upstream.origin, api_key: UPSTREAM_KEY },
        },
      ],
      router_settings: { num_retries: 0, disable_cooldowns: true, fallbacks: [{ rescued: ['native'] }] },
    },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
beforeEach(() => {
  upstream.behave = () => ({});
  upstream.requests.length = 0;
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const messages = [{ role: 'user' as const, content: 'Count to 10' }];
const tools = [{ type: 'function' as const, function: { name: 'look_up', parameters: { type: 'object' } } }];

async function askStream(model: string, body: object = {}) {
  const answer = await gateway.ask({ model, messages, stream: true, ...body });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, ...(answer.ok && readEvents(text)) };
}

async function rowOf({ headers }: { readonly headers: Headers }): Promise<SpendRow | undefined> {
  const id = headers.get('x-litellm-call-id');
  for (;;) {
    const row = (await gateway.rows()).find((one) => one['litellm_call_id'] === id);
    if (row) return row;
  }
}

/** Ids of calls have the number of the upstream's answer. */
const withoutSerial = (value: object): object => JSON.parse(JSON.stringify(value).replaceAll(/call_\d+/g, 'call_'));

describe('the client’s own library', () => {
  test.each<[string, Behaviour, object]>([
    ['a text', { content: 'Grüße aus Köln 👋, "quoted".\n\nBye.' }, {}],
    ['tool calls', { toolCalls: [{ name: 'look_up', arguments: '{"city":"Köln"}' }] }, { tools }],
    ['an answer that was cut off', { content: 'Hal', finishReason: 'length' }, {}],
  ])('rebuilds %s as it is unstreamed', async (_name, behaviour, rest) => {
    upstream.behave = () => behaviour;
    const body = { model: 'whole', messages, ...rest };
    const whole = await client.chat.completions.create(body);
    const stream = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
    const rebuilt = await stream.finalChatCompletion();
    const choices = whole.choices.map(({ logprobs: _, ...choice }) => choice);
    expect(withoutSerial(rebuilt.choices)).toMatchObject(withoutSerial(choices));
    expect(rebuilt.usage).toMatchObject({ ...whole.usage });
    expect(upstream.requests).toHaveLength(2);
    for (const request of upstream.requests) {
      expect(request.body).not.toHaveProperty('stream');
      expect(request.body).not.toHaveProperty('stream_options');
    }
  });

  test('rebuilds thoughts and tool calls that were translated', async () => {
    const usage = { input_tokens: 9, output_tokens: 4 };
    const thinking = { type: 'thinking', thinking: 'Where is it?', signature: 'c2ln' };
    const use = { type: 'tool_use', id: 'toolu_1', name: 'look_up', input: { city: 'Köln' } };
    const head = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-x', stop_reason: 'tool_use' };
    upstream.behave = () => ({ body: { ...head, content: [thinking, { type: 'text', text: 'I look.' }, use], usage } });
    const whole = await client.chat.completions.create({ model: 'claude', messages, tools });
    const rebuilt = await client.chat.completions.stream({ model: 'claude', messages, tools }).finalChatCompletion();
    expect(rebuilt.choices[0]?.message).toMatchObject({ ...whole.choices[0]?.message });
    expect(rebuilt.choices[0]?.message).toMatchObject({ reasoning_content: 'Where is it?', content: 'I look.' });
    expect(rebuilt.choices[0]?.finish_reason).toBe('tool_calls');
  });
});

describe('an emulated stream', () => {
  test('says so in its headers, and looks like any other in the log', async () => {
    const emulated = await askStream('whole');
    const native = await askStream('native');
    expect(emulated.headers.get('x-tollgate-changed')).toContain('stream=emulated(');
    expect(native.headers.get('x-tollgate-changed')).toBeNull();
    expect(emulated.headers.get('content-type')).toBe(native.headers.get('content-type'));
    expect(emulated).toMatchObject({ status: 200, isDone: true, content: native.content, usages: [] });
    const rows = [await rowOf(emulated), await rowOf(native)];
    const facts = rows.map((row) => [row?.['spend'], row?.['total_tokens'], row?.['tollgate']]);
    expect(facts[0]?.slice(0, 2)).toEqual(facts[1]?.slice(0, 2) ?? []);
    expect(facts[0]?.[0]).toBeGreaterThan(0);
    for (const row of rows) expect(row?.['tollgate']).toMatchObject({ stream: true, status: 'success' });
  });

  test('ends with the usage where that is asked for', async () => {
    const { usages, chunks, isDone } = await askStream('whole', { stream_options: { include_usage: true } });
    expect(usages).toHaveLength(1);
    expect(chunks?.at(-1)).toMatchObject({ choices: [] });
    expect(isDone).toBe(true);
  });

  test('is what a model known not to stream gets, unless its deployment knows better', async () => {
    expect((await askStream('flagged')).isDone).toBe(true);
    expect(upstream.requests.at(-1)?.body).not.toHaveProperty('stream');
    expect((await askStream('trusted')).isDone).toBe(true);
    expect(upstream.requests.at(-1)?.body).toMatchObject({ stream: true });
  });

  test.each<[string, Behaviour]>([
    ['a refusal', { status: 500 }],
    ['a failure in a 200', { body: { error: { message: 'Overloaded', type: 'server_error' } } }],
    ['an answer without choices', { body: { id: 'x', model: 'm', choices: [] } }],
    ['nonsense', { body: 'nonsense' }],
    ['half an answer', { cut: { after: 40, how: 'close' } }],
  ])('goes to the next model after %s', async (_name, behaviour) => {
    upstream.behave = ({ body }) => (body['model'] === 'rescued' ? behaviour : {});
    const answer = await askStream('rescued');
    expect(answer).toMatchObject({ status: 200, isDone: true, finishReasons: ['stop'] });
    // What answered in the end streams by itself.
    expect(answer.headers.get('x-tollgate-changed')).toBeNull();
    expect(upstream.requests.map(({ body }) => body['stream'])).toEqual([undefined, true]);
  });

  test('that failed is an error with its status, since nothing has been sent', async () => {
    upstream.behave = () => ({
      status: 400,
      body: { error: { message: 'No such thing', type: 'invalid_request_error' } },
    });
    const { status, text } = await askStream('whole');
    expect(status).toBe(400);
    expect(JSON.parse(text).error.message).toContain('No such thing');
  });

  test('has the time of a stream', async () => {
    upstream.behave = () => ({ silent: true });
    const startedAtMs = performance.now();
    const { status, text } = await askStream('hurried');
    expect(status).toBe(408);
    expect(text).toContain('within 0.2 seconds');
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
  });

  test('is given up when its client leaves', async () => {
    upstream.behave = () => ({ silent: true });
    const callId = crypto.randomUUID();
    const headers = { authorization: `Bearer ${gateway.masterKey}`, 'x-litellm-call-id': callId };
    const body = JSON.stringify({ model: 'whole', messages, stream: true });
    const asked = upstream.arrived(1);
    const caller = openClient(gateway.port, requestBytes('/v1/chat/completions', body, headers));
    const request = await asked;
    caller.leave('close');
    expect(await request.closed).toBeNumber();
    const row = await rowOf({ headers: new Headers({ 'x-litellm-call-id': callId }) });
    expect(row?.['tollgate']).toMatchObject({ status: 'aborted', http_status: 499, stream: true });
  });
});

describe('a provider without a stream', () => {
  test('is Gemma in a container, which predicts', async () => {
    const { id, choices, usage } = JSON.parse(await (await gateway.ask({ model: 'native', messages })).text());
    const predictions = { id, object: 'chat.completion', created: 1, model: 'gemma', choices, usage };
    upstream.behave = () => ({ body: { predictions, deployedModelId: '1' } });
    const answer = await askStream('gemma');
    expect(answer).toMatchObject({ status: 200, isDone: true, content: choices[0].message.content });
    expect(answer.headers.get('x-tollgate-changed')).toContain('stream=emulated(');
    expect(upstream.requests.at(-1)).toMatchObject({ path: '/v1/projects/p/locations/l/endpoints/7:predict' });
    expect(upstream.requests.at(-1)?.body).toEqual({ instances: [{ '@requestFormat': 'chatCompletions', messages }] });
  });

  test('is a model of Replicate’s whose prediction has no stream: it is awaited', async () => {
    const urls = { get: `${upstream.origin}/v1/predictions/p1` };
    const done = { id: 'p1', status: 'succeeded', output: ['Hel', 'lo'], urls };
    upstream.behave = ({ path }) => ({ body: path.endsWith('/p1') ? done : { id: 'p1', status: 'starting', urls } });
    const answer = await askStream('replicate', { stream_options: null });
    expect(answer).toMatchObject({ status: 200, isDone: true, content: 'Hello', finishReasons: ['stop'] });
    expect(answer.headers.get('x-tollgate-changed')).toContain('stream=emulated(');
    expect(upstream.requests).toHaveLength(2);
  });
});

test('what is sent upstream can be looked at beforehand', async () => {
  const answer = await gateway.post('/utils/transform_request', {
    call_type: 'completion',
    request_body: { model: 'whole', messages, stream: true },
  });
  const sent = await answer.json();
  expect(answer.status).toBe(200);
  expect(JSON.stringify(sent)).not.toContain('"stream"');
});
