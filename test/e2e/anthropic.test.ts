/** Anthropic behind the gateway: OpenAI's client on one side, the Messages API on the other, and what it costs. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { fixturesOf } from '../support/recordings.ts';
import { type Streamed, streamed } from '../support/sse.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let other: Upstream;
let gateway: Gateway;
let client: OpenAI;

/** A stream ends with its own last event; there is no `[DONE]`. */
const eventBody = (events: readonly string[]): Behaviour => ({
  headers: { 'content-type': 'text/event-stream', 'request-id': 'req_011stream' },
  body: events.map((data) => `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`).join(''),
});

function answerWith(name: string): (request: SeenRequest) => Behaviour {
  const recording = fixturesOf('anthropic').find((one) => one.name === name);
  return ({ body }) =>
    body['stream'] === true
      ? eventBody(recording?.events ?? [])
      : { headers: { 'content-type': 'application/json', 'request-id': 'req_011whole' }, body: recording?.whole ?? '' };
}

const claude = (modelName: string, model: string): object => ({
  model_name: modelName,
  litellm_params: { model: `anthropic/${model}`, api_base: upstream.origin, api_key: UPSTREAM_KEY },
});

beforeAll(async () => {
  upstream = await startUpstream();
  other = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [
        claude('claude', 'claude-sonnet-4-5'),
        claude('claude-*', 'claude-*'),
        { model_name: 'backup', litellm_params: { model: 'openai/gpt-4o-mini', api_base: other.url, api_key: 'k' } },
      ],
      router_settings: { num_retries: 0, fallbacks: [{ 'claude-with-backup': ['backup'] }] },
    },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
  await other?.stop();
});

const messages = [{ role: 'user' as const, content: 'Hi' }];
const ask = (body: object, headers = {}): Promise<Response> =>
  gateway.ask({ model: 'claude', messages, ...body }, headers);
const lastSeen = (): SeenRequest => upstream.requests.at(-1) as SeenRequest; // It was asked just now.
const askStream = async (body: object = {}): Promise<Streamed> =>
  streamed(await ask({ stream: true, stream_options: { include_usage: true }, ...body }));

/** Sonnet 4.5: 3 dollars in, 15 out, 0.3 from the cache, 3.75 into it for five minutes and 6 for an hour; a million each. */
const PRICE = (30 * 3 + 100 * 0.3 + 20 * 3.75 + 50 * 6 + 60 * 15) / 1e6;

describe('Anthropic behind the gateway', () => {
  test('gets its own request, with its own key', async () => {
    upstream.behave = answerWith('text');
    const answer = await ask(
      { temperature: 0.5, seed: 7, drop_params: true },
      { 'anthropic-beta': 'context-1m-2025-08-07' },
    );
    expect(answer.status).toBe(200);
    const seen = lastSeen();
    expect(seen.path).toBe('/v1/messages');
    expect(seen.headers).toMatchObject({
      'x-api-key': UPSTREAM_KEY,
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'context-1m-2025-08-07',
    });
    expect(seen.headers['authorization']).toBeUndefined();
    expect(seen.body).toEqual({
      model: 'claude-sonnet-4-5',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      temperature: 0.5,
      max_tokens: 64_000,
    });
    expect(answer.headers.get('x-tollgate-changed')).toContain('seed');
    expect(answer.headers.get('llm_provider-request-id')).toBe('req_011whole');
  });

  test('has the longest answer of the model that a wildcard leads to', async () => {
    upstream.behave = answerWith('text');
    await ask({ model: 'claude-opus-4-7' });
    expect(lastSeen().body).toMatchObject({ model: 'claude-opus-4-7', max_tokens: 128_000 });
  });

  test('costs what its cache costs, whole and streamed', async () => {
    upstream.behave = answerWith('reasoning');
    const whole = await ask({});
    expect(Number(whole.headers.get('x-litellm-response-cost'))).toBeCloseTo(PRICE, 9);
    const body = (await whole.json()) as { usage: object; model: string };
    expect(body.usage).toMatchObject({ prompt_tokens: 200, completion_tokens: 60, cache_read_input_tokens: 100 });
    expect(body.model).toBe('claude');
    const { usages, isDone, content } = await askStream();
    expect(usages).toHaveLength(1);
    expect(usages[0]).toMatchObject({ prompt_tokens: 200, completion_tokens: 60 });
    expect(Number(usages[0]?.['cost'])).toBeCloseTo(PRICE, 9);
    expect([isDone, content]).toEqual([true, 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n']);
    const rows = await gateway.rows('', 4);
    const spent = rows.filter(({ spend }) => Math.abs(Number(spend) - PRICE) < 1e-9);
    expect(spent).toHaveLength(2);
  });

  test('asks for tools in OpenAI’s way, which its client puts together', async () => {
    upstream.behave = answerWith('tool-calls');
    const stream = client.chat.completions.stream({
      model: 'claude',
      messages,
      tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }],
    });
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]?.finish_reason).toBe('tool_calls');
    expect(choices[0]?.message.tool_calls).toMatchObject([
      { id: 'toolu_a1', function: { name: 'get_weather', arguments: '{"city":"Köln","unit":"c"}' } },
      { id: 'toolu_b2', function: { name: 'get_time' } },
      { id: 'toolu_c3', function: { name: 'now', arguments: '{}' } },
    ]);
  });

  test('has its thoughts and sources kept in the answer', async () => {
    upstream.behave = answerWith('web-search');
    const { choices } = (await (await ask({})).json()) as { choices: { message: Record<string, unknown> }[] };
    expect(choices[0]?.message).toMatchObject({
      reasoning_content: 'I should search.Found it.',
      annotations: [{ type: 'url_citation' }, { type: 'url_citation' }],
    });
  });

  test('answers with JSON through a tool, and with the names of the client', async () => {
    upstream.behave = ({ body }) => {
      const [first] = body['tools'] as { name: string }[];
      const content = [{ type: 'tool_use', id: 't', name: first?.name, input: { a: 1 } }];
      return {
        body: {
          type: 'message',
          role: 'assistant',
          content,
          stop_reason: 'tool_use',
          usage: { input_tokens: 1, output_tokens: 1 },
        },
      };
    };
    const json = (await (await ask({ response_format: { type: 'json_object' } })).json()) as OpenAI.ChatCompletion;
    expect(json.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: '{"a":1}' } });
    const tools = [{ type: 'function', function: { name: 'my.tool' } }];
    const called = (await (await ask({ tools })).json()) as OpenAI.ChatCompletion;
    expect(called.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'my.tool' } }]);
  });

  test('that refuses is heard in OpenAI’s words, with its own kept', async () => {
    const error = { type: 'invalid_request_error', message: 'prompt is too long: 5 tokens > 4 maximum' };
    upstream.behave = () => ({
      status: 400,
      body: { type: 'error', error, request_id: 'req_x' },
      headers: { 'request-id': 'req_x' },
    });
    const answer = await ask({});
    expect(answer.status).toBe(400);
    expect(answer.headers.get('llm_provider-request-id')).toBe('req_x');
    expect(await answer.json()).toMatchObject({ error: { message: error.message, type: 'invalid_request_error' } });
    expect((await ask({ logprobs: true })).status).toBe(400);
  });

  test('that is overloaded before it says anything leaves the answer to another', async () => {
    const [start] = fixturesOf('anthropic')[0]?.events ?? [];
    const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    upstream.behave = () => eventBody([start ?? '', JSON.stringify(overloaded)]);
    const { content, error } = await askStream({ model: 'claude-with-backup' });
    expect(error).toBeUndefined();
    expect(content).not.toBe('');
    expect(other.requests).toHaveLength(1);
  });

  test('that fails or breaks off halfway ends the stream with an error', async () => {
    const events = fixturesOf('anthropic').find(({ name }) => name === 'text')?.events ?? [];
    const overloaded = JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
    upstream.behave = () => eventBody([...events.slice(0, 5), overloaded]);
    expect((await askStream()).error).toMatchObject({ message: 'Overloaded' });
    upstream.behave = () => eventBody(events.slice(0, -1));
    const cut = await askStream();
    expect(cut.error).toBeDefined();
    expect(cut.finishReasons).toEqual([]);
  });
});
