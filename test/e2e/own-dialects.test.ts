/** What only Cohere and Ollama do behind the real program; what every dialect does is in dialects.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { type Gateway, startGateway, UPSTREAM_KEY } from '../support/gateway.ts';
import { fixturesOf } from '../support/recordings.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
let client: OpenAI;

beforeAll(async () => {
  upstream = await startUpstream();
  const at = {
    api_base: upstream.origin,
    api_key: UPSTREAM_KEY,
    input_cost_per_token: 1e-6,
    output_cost_per_token: 2e-6,
  };
  gateway = await startGateway({
    config: {
      model_list: [
        { model_name: 'cohere', litellm_params: { model: 'cohere_chat/command-a-03-2025', ...at } },
        { model_name: 'ollama', litellm_params: { model: 'ollama_chat/qwen3:8b', ...at } },
      ],
      router_settings: { num_retries: 0 },
    },
  });
  client = new OpenAI({ apiKey: gateway.masterKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const recordingOf = (provider: string, name: string) => {
  const found = fixturesOf(provider).find((recording) => recording.name === name);
  return { whole: found?.whole ?? '', events: found?.events ?? [] };
};

/** A stream as Ollama frames it. */
const streamOf = (events: readonly string[]): Behaviour => ({
  body: events.join('\n'),
  headers: { 'content-type': 'application/x-ndjson' },
});

const messages = [{ role: 'user' as const, content: 'Greet me' }];

describe.each(['cohere', 'ollama'])('%s', (provider) => {
  test('is counted in its row as in its answer', async () => {
    upstream.behave = () => ({ body: recordingOf(provider, 'reasoning').whole });
    const answer = await client.chat.completions.create({ model: provider, messages });
    const row = (await gateway.rows()).find(
      ({ status, ...rest }) => status === 'success' && rest['model_group'] === provider,
    );
    expect(row).toMatchObject({ prompt_tokens: answer.usage?.prompt_tokens });
  });

  test('is called on its own path with its own key', async () => {
    upstream.behave = () => ({ body: recordingOf(provider, 'reasoning').whole });
    await client.chat.completions.create({ model: provider, messages, max_tokens: 5 });
    const seen = upstream.requests.at(-1);
    expect(seen?.path).toBe(provider === 'cohere' ? '/v2/chat' : '/api/chat');
    expect(seen?.headers).toMatchObject({ authorization: `Bearer ${UPSTREAM_KEY}` });
    expect(JSON.stringify(seen?.body)).toContain(provider === 'cohere' ? '"max_tokens":5' : '"num_predict":5');
  });

  test('a refusal keeps its words', async () => {
    const body = provider === 'cohere' ? { message: 'no such model' } : { error: 'no such model' };
    upstream.behave = () => ({ status: 404, body });
    const response = await gateway.ask({ model: provider, messages });
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('no such model');
  });
});

test('an error in the middle of Ollama’s stream reaches the client', async () => {
  const [first = ''] = recordingOf('ollama', 'reasoning').events;
  upstream.behave = () => streamOf([first, '{"error":"the runner has stopped"}']);
  const text = await (await gateway.ask({ model: 'ollama', messages, stream: true })).text();
  expect(text).toContain('the runner has stopped');
});

test('a stream of Ollama that comes as one JSON body is a stream all the same', async () => {
  const { whole } = recordingOf('ollama', 'reasoning');
  upstream.behave = () => ({ body: JSON.stringify(JSON.parse(whole)) });
  const text = await (await gateway.ask({ model: 'ollama', messages, stream: true })).text();
  expect(text).toContain('Köln');
  expect(text).toEndWith('data: [DONE]\n\n');
});
