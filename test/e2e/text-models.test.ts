/** Models behind predictions and endpoints that complete texts, behind the real program: OpenAI's client in front. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { replicate } from '../../src/providers/replicate.ts';
import { payloadFrames } from '../support/event-stream.ts';
import { type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { fixturesOf, type Recording } from '../support/recordings.ts';
import { framedAs } from '../support/stream-parts.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

const ALL = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\nBye.';
const KEYS = {
  aws_access_key_id: 'AKIAEXAMPLE',
  aws_secret_access_key: 'aws-secret-1234567',
  aws_region_name: 'eu-west-1',
};
let upstream: Upstream;
let gateway: Gateway;
let client: OpenAI;

beforeAll(async () => {
  upstream = await startUpstream();
  const priced = { api_base: upstream.origin, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };
  const model = (model_name: string, name: string, params: object) => ({
    model_name,
    litellm_params: { model: name, ...priced, ...params },
  });
  gateway = await startGateway({
    config: {
      model_list: [
        model('replicate', 'replicate/meta/meta-llama-3-70b-instruct', { api_key: UPSTREAM_KEY }),
        model('texts', 'sagemaker/my-endpoint', KEYS),
        model('chats', 'sagemaker_chat/my-endpoint', { ...KEYS, model_id: 'component-1' }),
      ],
      router_settings: { num_retries: 0 },
    },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
beforeEach(() => {
  upstream.requests.length = 0;
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const messages = [{ role: 'user' as const, content: 'Greet me' }];
const recorded = (folder: string): Recording => {
  const found = fixturesOf(folder).find(({ name }) => name === 'text');
  if (!found) throw new Error(`No recording of ${folder}`);
  return found;
};
const sse = (body: string | Buffer): Behaviour => ({ body, headers: { 'content-type': 'text/event-stream' } });

/** A promise of its own: the client's is none until somebody waits for it. */
const create = async (model: string, options: OpenAI.RequestOptions = {}) =>
  client.chat.completions.create({ model, messages }, options);

async function both(model: string) {
  const answer = await create(model);
  const runner = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
  return { answer, streamed: await runner.finalChatCompletion() };
}

describe('Replicate', () => {
  const { whole = '', events = [] } = recorded('replicate');
  const urls = (): object => ({ get: `${upstream.origin}/v1/predictions/p1`, stream: `${upstream.origin}/stream/p1` });
  const under = (status: string): Behaviour => ({ status: 201, body: { id: 'p1', status, urls: urls() } });

  test('is asked until the prediction is there, and streams from where it says', async () => {
    let polls = 0;
    const poll = (): Behaviour => {
      polls += 1;
      return polls < 2 ? under('processing') : { body: whole };
    };
    upstream.behave = ({ method, path }: SeenRequest) => {
      if (method === 'POST') return under('starting');
      return path === '/stream/p1' ? sse(framedAs(replicate, events)) : poll();
    };
    const { answer, streamed } = await both('replicate');
    expect(polls).toBe(2);
    expect(answer.choices[0]?.message.content).toBe(ALL);
    expect(answer.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 40 });
    expect(streamed.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: ALL } });
    const seen = upstream.requests.map(({ method, path, headers }) => [method, path, headers['authorization']]);
    const key = `Bearer ${UPSTREAM_KEY}`;
    const post = ['POST', '/v1/models/meta/meta-llama-3-70b-instruct/predictions', key];
    const asked = ['GET', '/v1/predictions/p1', key];
    expect(seen).toEqual([post, asked, asked, post, ['GET', '/stream/p1', undefined]]);
  });

  test('that fails is a failure, also when it said at first that all is well', async () => {
    upstream.behave = ({ method }) =>
      method === 'POST' ? under('starting') : { body: { id: 'p1', status: 'failed', error: 'CUDA out of memory' } };
    const failing = create('replicate');
    await expect(failing).rejects.toMatchObject({ message: expect.stringContaining('CUDA out of memory') });
  });

  test('that sends elsewhere is not followed', async () => {
    upstream.behave = () => ({ body: { id: 'p1', status: 'starting', urls: { get: 'https://evil.example/p1' } } });
    const lost = create('replicate');
    await expect(lost).rejects.toMatchObject({ message: expect.stringContaining('somewhere else') });
    expect(upstream.requests.length).toBe(1);
  });

  test('is left alone once the client has gone', async () => {
    let posted = (): void => {};
    const first = new Promise<void>((resolve) => {
      posted = resolve;
    });
    upstream.behave = ({ method }) => {
      if (method === 'POST') posted();
      return under('processing');
    };
    const leaving = new AbortController();
    const asking = create('replicate', { signal: leaving.signal });
    await first;
    leaving.abort();
    await expect(asking).rejects.toThrow();
    upstream.behave = () => ({ body: whole });
    const { length } = upstream.requests;
    expect((await create('replicate')).choices.length).toBe(1);
    expect(upstream.requests.slice(length).map(({ method }) => method)).toEqual(['POST']);
  });
});

describe('SageMaker', () => {
  test('completes texts, whole and in its frames', async () => {
    const { whole = '', events = [] } = recorded('sagemaker');
    const lines = events.map((event) => `data:${event}\n\n`).join('');
    const pieces = [lines.slice(0, 40), lines.slice(40, 41), lines.slice(41)];
    upstream.behave = ({ path }) =>
      path.endsWith('-response-stream')
        ? { body: payloadFrames(pieces), headers: { 'content-type': 'application/vnd.amazon.eventstream' } }
        : { body: whole };
    const { answer, streamed } = await both('texts');
    expect(answer.choices[0]?.message.content).toBe(ALL);
    expect(streamed.choices[0]?.message.content).toBe(ALL);
    // It does not tell its tokens: what the answer cost is estimated, and never nothing.
    expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
    expect(upstream.requests.map(({ body }) => body)).toEqual([
      { inputs: 'Greet me', parameters: {} },
      { inputs: 'Greet me', parameters: {}, stream: true },
    ]);
  });

  test('chats as OpenAI does, signed, in frames around its events', async () => {
    const [{ whole = '', events = [] } = {}] = fixturesOf('openai').filter(({ name }) => name === 'tool-calls');
    const lines = [...events, '[DONE]'].map((event) => `data: ${event}\n\n`).join('');
    upstream.behave = ({ path }) =>
      path.endsWith('-response-stream')
        ? { body: payloadFrames([...lines]), headers: { 'content-type': 'application/vnd.amazon.eventstream' } }
        : { body: whole };
    const { answer, streamed } = await both('chats');
    expect(streamed.choices[0]?.message.tool_calls).toEqual(answer.choices[0]?.message.tool_calls);
    expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
    expect(streamed.usage).toMatchObject({ total_tokens: answer.usage?.total_tokens });
    for (const { headers } of upstream.requests) {
      expect(headers['authorization']).toContain('/eu-west-1/sagemaker/aws4_request');
      expect(headers['x-amzn-sagemaker-inference-component']).toBe('component-1');
    }
  });

  test('that refuses says what the container said', async () => {
    const body = { ErrorCode: 'CLIENT_ERROR', OriginalStatusCode: 422, OriginalMessage: 'max_new_tokens is too large' };
    upstream.behave = () => ({ status: 424, body, headers: { 'x-amzn-errortype': 'ModelError' } });
    const refused = create('chats');
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining('max_new_tokens is too large') });
  });
});
