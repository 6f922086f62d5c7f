/** OpenAI's npm SDK against the gateway. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import OpenAI, { AzureOpenAI } from 'openai';
import { COUNT, openZoo, type Zoo } from '../support/model-zoo.ts';

let zoo: Zoo;
let client: OpenAI;

beforeAll(async () => {
  zoo = await openZoo();
  client = new OpenAI({ apiKey: zoo.gateway.masterKey, baseURL: `${zoo.gateway.url}/v1`, maxRetries: 0 });
});
afterAll(() => zoo?.close());

const messages = [{ role: 'user' as const, content: 'Count to 10' }];
const tools = [
  {
    type: 'function' as const,
    function: { name: 'get_weather', parameters: { type: 'object', properties: { location: { type: 'string' } } } },
  },
];

describe('answers', () => {
  test.each(['', '/v1', '/v1/'])('base URL with the path "%s" works', async (path) => {
    const other = new OpenAI({ apiKey: zoo.gateway.masterKey, baseURL: zoo.gateway.url + path });
    const answer = await other.chat.completions.create({ model: 'gpt-4', messages });
    expect(answer).toMatchObject({ model: 'gpt-4', choices: [{ message: { content: COUNT }, finish_reason: 'stop' }] });
    expect(answer.usage?.completion_tokens).toBe(10);
  });

  test('the raw response has the headers', async () => {
    const { response, data } = await client.chat.completions.create({ model: 'gpt-4', messages }).withResponse();
    expect(Number(response.headers.get('x-litellm-response-cost'))).toBeGreaterThan(0);
    expect(response.headers.get('x-litellm-model-group')).toBe('gpt-4');
    expect(response.headers.get('llm_provider-x-request-id')).toMatch(/^req_/);
    expect(data.choices[0]?.message.content).toBe(COUNT);
  });

  test('a stream is the same text in parts', async () => {
    const stream = await client.chat.completions.create({ model: 'gpt-4', messages, stream: true });
    let content = '';
    for await (const chunk of stream) {
      expect(chunk.model).toBe('gpt-4');
      expect(chunk.usage ?? null).toBeNull();
      content += chunk.choices[0]?.delta.content ?? '';
    }
    expect(content).toBe(COUNT);
  });

  test('usage is the last chunk of a stream that asked for it', async () => {
    const stream = await client.chat.completions.create({
      model: 'gpt-4',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 10 } });
    expect(chunks.filter((chunk) => chunk.usage)).toHaveLength(1);
  });

  test('the streaming helper puts tool calls together', async () => {
    const stream = client.chat.completions.stream({ model: 'gpt-4', messages, tools });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: 'get_weather', arguments: '{"location":"New York"}' },
    });
    expect(final.choices[0]?.finish_reason).toBe('tool_calls');
  });

  test('the Azure client works', async () => {
    const azure = new AzureOpenAI({
      apiKey: zoo.gateway.masterKey,
      endpoint: zoo.gateway.url,
      apiVersion: '2024-10-21',
      deployment: 'gpt-4',
    });
    const answer = await azure.chat.completions.create({ model: 'gpt-4', messages });
    expect(answer.choices[0]?.message.content).toBe(COUNT);
  });

  test('models are listed and found', async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id);
    expect(ids).toContain('gpt-4');
    expect(await client.models.retrieve('gpt-4')).toMatchObject({ id: 'gpt-4', object: 'model' });
  });
});

describe('errors', () => {
  const ask = (model: string, other = client) => other.chat.completions.create({ model, messages });

  test.each([
    ['nobody-knows', OpenAI.BadRequestError],
    ['busy', OpenAI.RateLimitError],
    ['down', OpenAI.InternalServerError],
    ['refusing', OpenAI.BadRequestError],
  ])('model %s raises the right class', async (model, expected) => {
    expect(await ask(model).catch((error: unknown) => error)).toBeInstanceOf(expected);
  });

  test('a wrong key raises AuthenticationError', async () => {
    const other = new OpenAI({ apiKey: 'sk-wrong', baseURL: zoo.gateway.url, maxRetries: 0 });
    const error = await ask('gpt-4', other).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'invalid_request_error' });
  });

  test.each(['cut', 'error-event'])('model %s, which fails in the stream, raises APIError', async (model) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const finishes: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of stream) if (chunk.choices[0]?.finish_reason) finishes.push(chunk.choices[0]);
    };
    expect(await read().catch((error: unknown) => error)).toBeInstanceOf(OpenAI.APIError);
    expect(finishes).toEqual([]);
  });

  test('the SDK retries a busy upstream by itself, each time with a row', async () => {
    const patient = new OpenAI({ apiKey: zoo.gateway.masterKey, baseURL: zoo.gateway.url, maxRetries: 1 });
    const before = zoo.upstream.requests.length;
    zoo.upstream.behave = () => (zoo.upstream.requests.length === before + 1 ? { status: 500 } : {});
    const answer = await ask('gpt-4', patient);
    expect(answer.choices[0]?.message.content).toBe(COUNT);
    expect(zoo.upstream.requests.length).toBe(before + 2);
  });
});
