/** Gemini behind the gateway: a fake AI Studio on loopback, OpenAI's client in front. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { answerOf } from '../support/gemini-place.ts';
import { streamed } from '../support/sse.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const KEY = 'AIza-canary-of-the-gemini-test';

let upstream: Upstream;
let other: Upstream;
let gateway: Gateway;
let client: OpenAI;

beforeAll(async () => {
  [upstream, other] = await Promise.all([startUpstream(), startUpstream()]);
  const gemini = (model_name: string, model: string, more: object = {}): object => ({
    model_name,
    litellm_params: { model: `gemini/${model}`, api_base: upstream.origin, api_key: KEY, ...more },
  });
  const model_list = [
    gemini('flash', 'gemini-2.5-flash'),
    gemini('three', 'gemini-3-flash-preview'),
    gemini('dropping', 'gemini-2.5-flash', { drop_params: true }),
    deployment(other, 'gpt-4o'),
  ];
  const router_settings = { num_retries: 0, disable_cooldowns: true, fallbacks: [{ three: ['gpt-4o'] }] };
  gateway = await startGateway({ config: { model_list, router_settings } });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([upstream?.stop(), other?.stop()]);
});
beforeEach(() => {
  upstream.requests.length = 0;
  other.requests.length = 0;
});

const messages = [{ role: 'user' as const, content: 'Hi' }];
const events = (...parts: readonly object[][]): string[] =>
  parts.map((some, at) =>
    JSON.stringify(answerOf(some, { finishReason: at === parts.length - 1 ? 'STOP' : undefined })),
  );

describe('through the gateway', () => {
  test('a whole answer, with its cost, and the key in a header only', async () => {
    upstream.behave = () => ({ body: answerOf([{ text: 'Hello' }]) });
    const { data, response } = await client.chat.completions
      .create({ model: 'flash', messages, max_tokens: 9 })
      .withResponse();
    expect(data).toMatchObject({ model: 'flash', choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] });
    expect(Number(response.headers.get('x-litellm-response-cost'))).toBeCloseTo(10 * 3e-7 + 5 * 2.5e-6, 12);
    const [request] = upstream.requests;
    expect(request?.path).toBe('/v1beta/models/gemini-2.5-flash:generateContent');
    expect(request?.body).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
      generationConfig: { maxOutputTokens: 9 },
    });
    expect(request?.headers['x-goog-api-key']).toBe(KEY);
    expect(`${request?.path}${request?.text}${gateway.logs()}`).not.toContain(KEY);
  });

  test('a stream, with its usage', async () => {
    upstream.behave = () => ({ events: events([{ text: 'Hm', thought: true }], [{ text: 'Hel' }], [{ text: 'lo' }]) });
    const body = { model: 'flash', messages, stream: true, stream_options: { include_usage: true } };
    const answer = await streamed(await gateway.ask(body));
    expect(answer).toMatchObject({ content: 'Hello', finishReasons: ['stop'], isDone: true, error: undefined });
    expect(answer.usages).toMatchObject([{ prompt_tokens: 10, completion_tokens: 5 }]);
    expect(upstream.requests[0]?.path).toBe('/v1beta/models/gemini-2.5-flash:streamGenerateContent');
  });

  test('a stream that stops in the middle is an error, not an end', async () => {
    upstream.behave = () => ({ events: events([{ text: 'Hel' }], [{ text: 'lo' }]).slice(0, 1) });
    const answer = await streamed(await gateway.ask({ model: 'flash', messages, stream: true }));
    expect(answer.finishReasons).toEqual([]);
    expect(answer.error).toBeDefined();
  });

  test('a blocked prompt is a refusal', async () => {
    upstream.behave = () => ({ body: { promptFeedback: { blockReason: 'SAFETY' } } });
    const answer = await client.chat.completions.create({ model: 'flash', messages });
    expect(answer.choices).toMatchObject([{ finish_reason: 'content_filter', message: { content: null } }]);
    expect(answer.choices[0]?.message.refusal).toContain('SAFETY');
  });

  test('what was dropped is said, what is not to be dropped is refused before anything is sent', async () => {
    upstream.behave = () => ({ body: answerOf([{ text: 'Hello' }]) });
    const body = { model: 'dropping', messages, logit_bias: { '1': 1 } };
    const answer = await gateway.ask(body);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-tollgate-changed')).toContain('logit_bias');
    const refused = await gateway.ask({ ...body, model: 'flash' });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('logit_bias');
    expect(upstream.requests).toHaveLength(1);
  });

  test('a refusal keeps its words and says when to come back', async () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }];
    const error = { code: 429, message: 'You exceeded your current quota.', status: 'RESOURCE_EXHAUSTED', details };
    upstream.behave = () => ({ status: 429, body: { error } });
    const answer = await gateway.ask({ model: 'flash', messages });
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('35');
    expect(await answer.text()).toContain('You exceeded your current quota.');
    upstream.behave = () => ({
      status: 400,
      body: [{ error: { code: 400, message: 'API key not valid.', status: 'INVALID_ARGUMENT' } }],
    });
    expect((await gateway.ask({ model: 'flash', messages, stream: true })).status).toBe(401);
  });
});

describe('a conversation with tools', () => {
  const tools = [
    {
      type: 'function' as const,
      function: { name: 'step', parameters: { type: 'object', properties: { n: { type: 'integer' } } } },
    },
  ];
  const called = (n: number): object[] => [
    { functionCall: { name: 'step', args: { n } }, thoughtSignature: `Sig/${n}+==` },
  ];

  /** Three turns with a client that drops everything OpenAI does not document. */
  async function converse(isStream: boolean): Promise<OpenAI.ChatCompletionMessageParam[]> {
    const history: OpenAI.ChatCompletionMessageParam[] = [...messages];
    for (const n of [1, 2, 3]) {
      upstream.behave = () =>
        isStream ? { events: events(called(n), [{ text: '' }]) } : { body: answerOf(called(n)) };
      const body = { model: 'three', messages: history, tools };
      const answer = isStream
        ? await client.chat.completions.stream(body).finalChatCompletion()
        : await client.chat.completions.create(body);
      const [call] = answer.choices[0]?.message.tool_calls ?? [];
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
    return history;
  }

  test.each([false, true])('gives the model its signatures back, byte for byte (streamed: %p)', async (isStream) => {
    await converse(isStream);
    const contents = upstream.requests[2]?.body['contents'] as { role: string; parts: object[] }[];
    const echoed = contents.filter(({ role }) => role === 'model').map(({ parts }) => parts);
    expect(JSON.stringify(echoed)).toBe(JSON.stringify([called(1), called(2)]));
  });

  test('goes on with another provider when Gemini fails, which sees nothing of Gemini', async () => {
    const history = await converse(false);
    upstream.behave = () => ({
      status: 503,
      body: { error: { code: 503, message: 'Overloaded', status: 'UNAVAILABLE' } },
    });
    const answer = await client.chat.completions.create({ model: 'three', messages: history, tools });
    expect(answer.choices[0]?.message.role).toBe('assistant');
    const [request] = other.requests;
    expect(request?.body['messages']).toEqual(history);
    expect(request?.text).not.toContain('Sig/');
  });
});
