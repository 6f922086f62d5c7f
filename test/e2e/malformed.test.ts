/** Malformed requests of every kind: a 4xx in the error shape that says what is wrong, and the process lives. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { exchange, type RawAnswer, requestBytes } from '../support/raw-http.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const MEGABYTE = 1024 * 1024;
let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'm')],
      general_settings: { max_request_size_mb: 1 },
      router_settings: { num_retries: 0 },
    },
  });
});
afterEach(async () => {
  expect((await gateway.get('/health/liveliness')).status).toBe(200);
});
afterAll(async () => {
  expect(await gateway?.stop()).toBe(0);
  await upstream?.stop();
});

const messages = [{ role: 'user', content: 'Hi' }];
const good = { model: 'm', messages };
const nested = (depth: number): string => `{"model":"m","messages":${'['.repeat(depth)}${']'.repeat(depth)}}`;

interface Envelope {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
}

function envelopeOf(text: string): Envelope {
  const { error } = JSON.parse(text) as { error: Envelope };
  expect(error.message).toBeString();
  expect(error.type).toBeString();
  return error;
}

const post = (
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = {},
  path = '/v1/chat/completions',
) =>
  exchange(
    gateway.port,
    requestBytes(path, body, { authorization: `Bearer ${gateway.masterKey}`, connection: 'close', ...headers }),
  );

/** The upstream must not have been asked. */
async function refused(ask: () => Promise<RawAnswer>, statuses: readonly number[]): Promise<Envelope> {
  const before = upstream.requests.length;
  const answer = await ask();
  expect(statuses).toContain(answer.status);
  expect(upstream.requests.length).toBe(before);
  return envelopeOf(answer.body);
}

describe('bodies that are no JSON object', () => {
  const bodies: [string, Uint8Array | string][] = [
    ['nothing', ''],
    ['blanks', ' \r\n\t '],
    ['words', 'hello'],
    ['half an object', '{"model": "m", "messages": [{"role": "us'],
    ['a trailing comma', '{"model": "m",}'],
    ['single quotes', "{'model': 'm'}"],
    ['something after the object', `${JSON.stringify(good)} {}`],
    ['a form', 'model=m&messages=hi'],
    ['a list', '[]'],
    ['a number', '7'],
    ['null', 'null'],
    ['NaN', '{"model": "m", "messages": [], "temperature": NaN}'],
    ['a NUL byte', `{"model": "m\u0000"}`],
    ['invalid UTF-8', Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe, 0xc3]), Buffer.from('"}')])],
    [
      'a lone surrogate in UTF-8',
      Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    ],
    ['UTF-16', Buffer.from(JSON.stringify(good), 'utf16le')],
    ['random bytes', Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 7919) % 256))],
    ['gzip without saying so', gzipSync(JSON.stringify(good))],
    ['ten thousand levels', nested(10_000)],
    ['a hundred thousand open brackets', '['.repeat(100_000)],
    ['seventy levels', nested(70)],
    ['two hundred thousand values', `{"model":"m","messages":[${'0,'.repeat(200_000)}0]}`],
    ['a prototype key', '{"model":"m","messages":[],"__proto__":{"admin":true}}'],
    ['a nested prototype key', '{"model":"m","messages":[{"role":"user","content":"x","__proto__":{}}]}'],
    ['an escaped prototype key', '{"model":"m","messages":[],"__pro\\u0074o__":{}}'],
  ];

  test.each(bodies)('%s', async (_, body) => {
    const error = await refused(() => post(body), [400]);
    expect(error.type).toBe('invalid_request_error');
    expect(error.message).not.toContain('hello');
  });
});

describe('fields of a wrong kind', () => {
  const fields: [string, object, string][] = [
    ['no model', { messages }, 'model'],
    ['an empty model', { model: '', messages }, 'model'],
    ['a number as model', { model: 4, messages }, 'model'],
    ['a list as model', { model: ['m'], messages }, 'model'],
    ['no messages', { model: 'm' }, 'messages'],
    ['messages as text', { model: 'm', messages: 'hi' }, 'messages'],
    ['messages as an object', { model: 'm', messages: {} }, 'messages'],
    ['no message at all', { model: 'm', messages: [] }, 'messages'],
    ['a message as text', { model: 'm', messages: ['hi'] }, 'messages[0]'],
    ['a message as null', { model: 'm', messages: [null] }, 'messages[0]'],
    ['a role that does not exist', { model: 'm', messages: [{ role: 'king', content: 'x' }] }, 'messages[0].role'],
    ['a message without a role', { model: 'm', messages: [...messages, { content: 'x' }] }, 'messages[1].role'],
    ['a number as content', { model: 'm', messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
    ['a hot temperature', { ...good, temperature: 'hot' }, 'temperature'],
    ['a temperature of 3', { ...good, temperature: 3 }, 'temperature'],
    ['a negative max_tokens', { ...good, max_tokens: -2 }, 'max_tokens'],
    ['stream as text', { ...good, stream: 'yes' }, 'stream'],
    ['stream_options as a list', { ...good, stream: true, stream_options: [] }, 'stream_options'],
    ['tools as an object', { ...good, tools: {} }, 'tools'],
    ['n as a half', { ...good, n: 0.5 }, 'n'],
    ['metadata as a number', { ...good, metadata: 5 }, 'metadata'],
    ['a time limit of zero', { ...good, timeout: 0 }, 'timeout'],
    ['a destination', { ...good, api_base: 'http://evil.example' }, 'api_base'],
    ['a nested destination', { ...good, extra_body: { base_url: 'http://evil.example' } }, 'base_url'],
  ];

  test.each(fields)('%s', async (_, body, param) => {
    const error = await refused(() => post(JSON.stringify(body)), [400]);
    expect(error).toMatchObject({ type: 'invalid_request_error', param });
    expect(error.message.length).toBeGreaterThan(15);
  });

  test('any JSON value in any known field never ends in a 5xx of ours', async () => {
    const names = [
      'model',
      'messages',
      'temperature',
      'stream',
      'tools',
      'stop',
      'metadata',
      'user',
      'tags',
      'n',
      'fallbacks',
      'mock_response',
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 3 }), async (name, value) => {
        const answer = await gateway.ask({ ...good, [name]: value });
        const text = await answer.text();
        expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400) envelopeOf(text);
      }),
      { numRuns: 150 },
    );
  });

  test('names of object members are data', async () => {
    for (const model of [
      'constructor',
      'toString',
      '__proto__',
      'hasOwnProperty',
      '../../etc/passwd',
      'm\u0000',
      'x'.repeat(50_000),
    ]) {
      const error = await refused(() => post(JSON.stringify({ model, messages })), [400]);
      expect(error.message.length).toBeLessThan(2_000);
    }
  });
});

describe('headers', () => {
  const headers: [string, Record<string, string>, number][] = [
    ['gzip', { 'content-encoding': 'gzip' }, 400],
    ['an unknown content-encoding', { 'content-encoding': 'rot13' }, 400],
    ['metadata that is no JSON', { 'x-litellm-metadata': '{"environment": ' }, 400],
    ['metadata that is a list', { 'x-litellm-metadata': '[1]' }, 400],
    ['a time limit in words', { 'x-litellm-timeout': 'soon' }, 400],
    ['a negative number of retries', { 'x-litellm-num-retries': '-2' }, 400],
    ['a team the key is not of', { 'x-litellm-team-id': 'someone-elses', authorization: 'Bearer sk-unknown' }, 401],
    ['no credential', { authorization: '' }, 401],
    ['a host with a slash', { host: 'a/b' }, 400],
  ];

  test.each(headers)('%s', async (name, more, status) => {
    const body = name === 'gzip' ? gzipSync(JSON.stringify(good)) : JSON.stringify(good);
    await refused(() => post(body, more), [status]);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense'])(
    'the content-type %s does not matter while the body is JSON',
    async (type) => {
      const answer = await post(JSON.stringify(good), { 'content-type': type });
      expect([200, 400, 415]).toContain(answer.status);
    },
  );
});

describe('sizes and framing', () => {
  const tooLarge = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(MEGABYTE) }] });
  const chunked = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

  test('a body over the limit is a 413, whether it says its length or comes in chunks', async () => {
    expect((await refused(() => post(tooLarge), [413])).message).toContain('1 MB');
    await refused(() => post(chunked(tooLarge), { 'transfer-encoding': 'chunked' }), [413]);
  });

  test('a body just under the limit passes', async () => {
    const answer = await gateway.ask({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(MEGABYTE - 200) }] });
    expect(answer.status).toBe(200);
    await answer.text();
  });

  test('a chunked body is read', async () => {
    const answer = await post(chunked(JSON.stringify(good)), { 'transfer-encoding': 'chunked' });
    expect(answer.status).toBe(200);
  });

  test('a length that is not that of the body is never answered with a success', async () => {
    for (const length of ['-1', '1e3', 'many', '99999999999999999999']) {
      expect((await post(JSON.stringify(good), { 'content-length': length })).status).not.toBe(200);
    }
    expect((await post(JSON.stringify(good), { 'content-length': '20' })).status).toBe(400);
  });

  test('both ways of framing at once, and bad chunks, are refused', async () => {
    const body = JSON.stringify(good);
    const smuggled = await post(chunked(body), { 'transfer-encoding': 'chunked', 'content-length': '5' });
    expect(smuggled.status).not.toBe(200);
    expect((await post(`zz\r\n${body}\r\n0\r\n\r\n`, { 'transfer-encoding': 'chunked' })).status).not.toBe(200);
  });

  test('a request that is no HTTP closes the connection', async () => {
    for (const bytes of ['\x16\x03\x01\x02\x00', 'HELO mail\r\n\r\n', 'GET\r\n\r\n', 'POST / HTTP/9.9\r\n\r\n']) {
      expect((await exchange(gateway.port, Buffer.from(bytes), 500)).status).not.toBe(200);
    }
  });

  test('a client that goes away in the middle of its body harms nobody', async () => {
    const bytes = requestBytes('/v1/chat/completions', JSON.stringify(good), {
      authorization: `Bearer ${gateway.masterKey}`,
    });
    for (const cut of [20, 80, bytes.length - 5]) await exchange(gateway.port, bytes.subarray(0, cut), 50);
  });
});

describe('paths and methods', () => {
  test.each(['/v1/chat/completion', '/v2/chat/completions', '/nowhere', '/v1/chat/completions/x'])(
    'POST %s is a 404 in the error shape',
    async (path) => {
      await refused(() => post(JSON.stringify(good), {}, path), [404]);
    },
  );

  test.each([
    '/v1/../admin',
    '/v1/%2e%2e/key/generate',
    '/v1/chat/completions%00',
    '/v1;/chat/completions',
    '/v1\\chat',
  ])('POST %s is refused', async (path) => {
    await refused(() => post(JSON.stringify(good), {}, path), [400, 404]);
  });

  test('a wrong method says which are right', async () => {
    const answer = await gateway.get('/v1/chat/completions');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toContain('POST');
    envelopeOf(await answer.text());
  });

  test('a deployment path with an encoded slash or a stray % is a model name', async () => {
    for (const name of ['a%2Fb', '100%', 'a/b/c', '%E0%A4%A']) {
      const answer = await gateway.ask({ messages }, {}, `/engines/${name}/chat/completions`);
      expect(answer.status).toBe(400);
      expect(envelopeOf(await answer.text()).message).toContain('/v1/models');
    }
  });
});
