/** The examples of LiteLLM's page on chat completions, as printed, with the port and the key filled in. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { hasCurl, hasPython, run, runPython } from '../support/programs.ts';
import { read } from '../support/source-tree.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
let key: string;

beforeAll(async () => {
  upstream = await startUpstream(({ body }) => (body['model'] === 'broken' ? { status: 503 } : {}));
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'gpt-4'),
        deployment(upstream, 'the-deployment'),
        deployment(upstream, 'primary', { model: 'openai/broken' }),
      ],
      router_settings: { fallbacks: [{ primary: ['the-deployment'] }], num_retries: 0 },
    },
  });
  key = await newKey({});
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

async function newKey(settings: object): Promise<string> {
  const made = await gateway.post('/key/generate', settings);
  expect(made.status).toBe(200);
  return ((await made.json()) as { key: string }).key;
}

const filledIn = (file: string, secret: string): string =>
  read(join('test', 'e2e', 'page', file))
    .replaceAll('localhost:4000', `localhost:${gateway.port}`)
    .replaceAll('sk-litellm-xxx', secret);

/** Runs an example and gives what it printed and the row that it left. */
async function example(file: string, { secret = key, show = '' } = {}) {
  const before = (await gateway.rows('', 0)).length;
  const source = filledIn(file, secret);
  const { stdout, stderr, exitCode } = file.endsWith('.py')
    ? await runPython(`${source}\n${show}`)
    : await run(['bash', '-c', source.replace('curl ', 'curl -sS -i ')]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const rows = await gateway.rows('', before + 1);
  expect(rows).toHaveLength(before + 1);
  const newest = rows.toSorted((a, b) => String(b['startTime']).localeCompare(String(a['startTime'])))[0];
  return { stdout, row: newest, seen: upstream.requests.at(-1) };
}

describe.skipIf(!hasCurl)('with curl', () => {
  test('the basic request is answered in the shape of the page, with its cost', async () => {
    const { stdout, row } = await example('basic-request.sh');
    const [head = '', body = ''] = stdout.split('\r\n\r\n');
    expect(head).toStartWith('HTTP/1.1 200 OK');
    expect(head.toLowerCase()).toContain('content-type: application/json');
    expect(head).toMatch(/^x-litellm-response-cost: 0\.0\d+/m);
    const answer = JSON.parse(body);
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'gpt-4',
      choices: [{ index: 0, message: { role: 'assistant' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
    });
    expect(row).toMatchObject({ request_id: answer.id, status: 'success', model_group: 'gpt-4' });
  });
});

describe.skipIf(!hasPython)('with Python', () => {
  test('the Python request prints the answer', async () => {
    const { stdout, seen } = await example('python-request.py');
    expect(stdout).toContain('Hello! I am doing well.');
    expect(seen?.body).toMatchObject({ model: 'gpt-4', messages: [{ role: 'user', content: 'Hello!' }] });
    expect(seen?.headers['authorization']).not.toContain(key);
  });

  test('the streaming request prints the count, though its loop knows no chunk without choices', async () => {
    const { stdout, row, seen } = await example('streaming-request.py');
    expect(stdout).toBe('1, 2, 3, 4, 5, 6, 7, 8, 9, 10');
    expect(seen?.body['stream_options']).toEqual({ include_usage: true });
    expect(row).toMatchObject({ status: 'success', completion_tokens: 10 });
  });

  test('the headers for user, metadata and tags arrive in the log row', async () => {
    const { row, seen } = await example('request-with-metadata.py');
    expect(row).toMatchObject({ end_user: 'user-123', metadata: { environment: 'production' } });
    expect(row?.['request_tags']).toEqual(expect.arrayContaining(['tag1', 'tag2']));
    expect(Object.keys(seen?.headers ?? {}).filter((name) => name.startsWith('x-litellm'))).toEqual([]);
  });

  test('function calling brings back a call of the tool', async () => {
    const { stdout } = await example('function-calling.py', {
      show: 'call = response.choices[0].message.tool_calls[0]\nprint(call.function.name, call.function.arguments, response.choices[0].finish_reason)',
    });
    expect(stdout.trim()).toBe('get_weather {"location":"New York"} tool_calls');
  });

  test('the budget example is tracked on its key', async () => {
    const secret = await newKey({ max_budget: 10 });
    const { row } = await example('budget-tracking.py', { secret });
    expect(row?.['spend']).toBeGreaterThan(0);
    const info = (await (await gateway.get(`/key/info?key=${secret}`)).json()) as { info: { spend: number } };
    expect(info.info.spend).toBeCloseTo(Number(row?.['spend']), 9);
  });

  test('a model alias maps to a specific deployment', async () => {
    const secret = await newKey({ aliases: { 'gpt-4': 'the-deployment' } });
    const { stdout, seen } = await example('model-aliases.py', { secret, show: 'print(response.model)' });
    expect(seen?.body['model']).toBe('the-deployment');
    expect(stdout.trim()).toBe('gpt-4');
  });

  test('when the primary deployment fails, the fallback answers', async () => {
    const secret = await newKey({ aliases: { 'gpt-4': 'primary' } });
    const before = upstream.requests.length;
    await example('retries-and-fallbacks.py', { secret });
    const models = upstream.requests.slice(before).map(({ body }) => body['model']);
    expect(models).toEqual(['broken', 'the-deployment']);
  });
});

describe('the errors of the page', () => {
  test("a missing or an unknown key is told so in the page's shape", async () => {
    for (const authorization of ['', 'Bearer sk-unknown', 'Bearer', 'Basic nonsense']) {
      const refused = await gateway.ask({ model: 'gpt-4', messages: [] }, { authorization });
      expect(refused.status).toBe(401);
      const { error } = (await refused.json()) as { error: Record<string, unknown> };
      expect(error).toMatchObject({
        message: 'Invalid API key',
        type: 'invalid_request_error',
        code: 'invalid_api_key',
      });
      expect(error['reason']).toBeString();
    }
  });

  test.each([
    '/v1/chat/completions',
    '/chat/completions',
    '/engines/gpt-4/chat/completions',
    '/openai/deployments/gpt-4/chat/completions',
  ])('POST %s answers', async (path) => {
    const model = path.includes('gpt-4') ? {} : { model: 'gpt-4' };
    const answer = await gateway.ask({ ...model, messages: [{ role: 'user', content: 'Hi' }] }, {}, path);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ object: 'chat.completion' });
  });

  test("an upstream's rate limit keeps its words and its Retry-After", async () => {
    upstream.behave = () => ({
      status: 429,
      headers: { 'retry-after': '7' },
      body: { error: { message: 'Please slow down, friend.', type: 'tokens', code: 'rate_limit_exceeded' } },
    });
    const refused = await gateway.ask({ model: 'the-deployment', messages: [{ role: 'user', content: 'Hi' }] });
    upstream.behave = () => ({});
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('7');
    const { error } = (await refused.json()) as { error: { message: string; type: string } };
    expect(error.type).toBe('rate_limit_error');
    expect(error.message).toContain('Please slow down, friend.');
  });
});
