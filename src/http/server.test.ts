/** The front door with made-up rooms behind it: which path leads where, and what leaves when a room fails. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { meterAtFlatPrice, sampleCaller, sampleTarget } from '../../test/support/call-parts.ts';
import { exchange } from '../../test/support/raw-http.ts';
import { readEvents } from '../../test/support/sse.ts';
import { bytesFrom, framed, streamContext } from '../../test/support/stream-parts.ts';
import { until } from '../../test/support/until.ts';
import { GatewayError, invalidApiKey } from '../errors.ts';
import type { Call, Outcome, Reply } from '../gateway/call.ts';
import { fullReply } from '../gateway/full-reply.ts';
import { parseChatRequest } from '../gateway/parse-chat-request.ts';
import { Pipeline } from '../gateway/pipeline.ts';
import { RelayStream } from '../gateway/relay-stream.ts';
import { createHeaderMaker } from '../gateway/reply-headers.ts';
import { createRouter } from './routes.ts';
import { type HttpParts, type HttpSettings, type Listener, listen } from './server.ts';

const CHAT = '/v1/chat/completions';
const TARGET = sampleTarget();
const PARSE = {
  userHeaderName: undefined,
  maxDepth: 100,
  maxNodes: 10_000,
  completionModel: undefined,
  allowMockTestingParams: false,
  enforceUserParam: false,
  rejectClientTags: false,
};

let settings: HttpSettings;
let send: (call: Call) => Promise<Reply>;
let outcomes: { call: Call; outcome: Outcome }[];
let bugs: unknown[];
let ready: { ok: boolean; body: Record<string, unknown> };
let admin: HttpParts['admin'];
let listener: Listener;

const whole = (): Reply =>
  fullReply({
    target: TARGET,
    text: '{"id":"chatcmpl-1","model":"other","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}',
    requestedModel: 'gpt-4o-mini',
    upstreamHeaders: new Headers({ 'x-request-id': 'req_1', 'set-cookie': 'a=b' }),
  });

const chunk = (content: string, finish_reason: string | null = null): string =>
  JSON.stringify({ id: 'chatcmpl-1', model: 'other', choices: [{ index: 0, delta: { content }, finish_reason }] });

function streamOf(events: readonly string[], failure?: Error): Reply {
  const reads = events.map((event) => framed([event]));
  const body = new RelayStream(bytesFrom(reads, failure), streamContext({ target: TARGET }));
  return { kind: 'stream', target: TARGET, upstreamHeaders: undefined, body };
}

beforeEach(() => {
  settings = { maxRequestBytes: 1_000, corsOrigins: ['*'], includeCallIdInErrors: false, keepAlivePingMs: undefined };
  send = () => Promise.resolve(whole());
  outcomes = [];
  bugs = [];
  ready = { ok: true, body: { status: 'healthy' } };
  admin = (request) => new Response(`admin ${request.method} ${new URL(request.url).pathname}`);
  let ids = 0;
  const pipeline = new Pipeline({
    authenticate(headers) {
      if (headers['authorization'] === 'Bearer wrong') throw invalidApiKey('Unknown.');
      return sampleCaller();
    },
    parse: (source) => parseChatRequest(source, PARSE),
    *plan() {
      yield { target: TARGET, delayMs: 0 };
      return undefined;
    },
    watch: () => ({ failed: () => {}, answered: () => {}, lost: () => {}, ended: () => {} }),
    send: (_, call) => send(call),
    meter: (_call, _target, reading) => meterAtFlatPrice(reading),
    features: [],
    ledger: { intend: () => undefined, record: (call, outcome) => outcomes.push({ call, outcome }) },
    now: Date.now,
    explain: (call, outcome) => JSON.stringify({ id: call.id, status: outcome.status }),
    onSettleError: (error) => bugs.push(error),
  });
  listener = listen(
    {
      router: createRouter([{ method: 'POST', path: '/key/generate' }]),
      pipeline,
      headerMaker: createHeaderMaker('1.2.3', Date.now),
      settings: () => settings,
      newId: () => `id-${++ids}`,
      admin: (request) => admin(request),
      listModels(headers, one) {
        if (headers['authorization'] === 'Bearer wrong') throw invalidApiKey('Unknown.');
        return { listed: one ?? 'all' };
      },
      readiness: () => ready,
      readinessDetails: async () => ready,
      onBug: (error) => bugs.push(error),
    },
    { host: '127.0.0.1', port: 0 },
  );
});
afterEach(() => listener.stop(true));

const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${listener.url}${path}`, init);
const post = (body: object | string, headers: Record<string, string> = {}, path = CHAT): Promise<Response> =>
  get(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });
const ASKED = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }] };
const errorOf = async (response: Response): Promise<Record<string, unknown>> => Object(await response.json()).error;

describe('a path', () => {
  test.each([
    ['/v1/models', '{"listed":"all"}'],
    ['/models?limit=1', '{"listed":"all"}'],
    ['/v1/models/org%2Fname', '{"listed":"org/name"}'],
    ['/health/liveliness', `"I'm alive!"`],
    ['/health/liveness', `"I'm alive!"`],
    ['/health/readiness', '{"status":"healthy"}'],
  ])('%s answers %s', async (path, text) => {
    const response = await get(path);
    expect([response.status, await response.text()]).toEqual([200, text]);
  });

  test('of the management API goes there as it came', async () => {
    expect(await (await get('/key/generate?a=1', { method: 'POST' })).text()).toBe('admin POST /key/generate');
  });

  test('that is not there is a 404 that says where to look, and does not echo at length', async () => {
    const response = await get(`/${'x'.repeat(5_000)}`);
    const { message } = await errorOf(response);
    expect(response.status).toBe(404);
    expect(String(message)).toContain('/v1/models');
    expect(String(message).length).toBeLessThan(400);
  });

  test('with a wrong method says which are right', async () => {
    const response = await get(CHAT);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await get('/health/readiness', { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD');
  });

  test('names the model that is asked for in its middle', async () => {
    const { messages } = ASKED;
    await (await post({ messages }, {}, '/openai/deployments/gpt-4o/chat/completions')).text();
    expect(outcomes.map(({ call }) => [call.requestedModel, call.route])).toEqual([
      ['gpt-4o', '/openai/deployments/gpt-4o/chat/completions'],
    ]);
  });
});

test('readiness that is not so is a 503 with its reasons', async () => {
  ready = { ok: false, body: { status: 'unhealthy', db: 'gone' } };
  const response = await get('/health/readiness');
  expect([response.status, await response.json()]).toEqual([503, { status: 'unhealthy', db: 'gone' }]);
});

describe('an inference call', () => {
  test('is answered with the reply, its cost and the id of the call', async () => {
    const response = await post(ASKED);
    expect(await response.json()).toMatchObject({ id: 'chatcmpl-1', model: 'gpt-4o-mini' });
    expect(response.headers.get('x-litellm-call-id')).toBe('id-1');
    expect(response.headers.get('x-litellm-response-cost')).toBe('0.000002');
    expect(response.headers.get('llm_provider-x-request-id')).toBe('req_1');
    expect(response.headers.has('set-cookie')).toBe(false);
    expect(outcomes.map(({ outcome }) => outcome.status)).toEqual(['ok']);
  });

  test('has an id of its own each time', async () => {
    for (let times = 0; times < 3; times++) await (await post(ASKED)).text();
    expect(outcomes.map(({ call }) => call.id)).toEqual(['id-1', 'id-2', 'id-3']);
  });

  test('streams, and is recorded when the stream has ended', async () => {
    send = () => Promise.resolve(streamOf([chunk('Hel'), chunk('lo', 'stop'), '[DONE]']));
    const response = await post({ ...ASKED, stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.has('x-litellm-response-cost')).toBe(false);
    const { content, isDone } = readEvents(await response.text());
    expect([content, isDone]).toEqual(['Hello', true]);
    expect(outcomes.map(({ outcome }) => outcome.status)).toEqual(['ok']);
  });

  test('that fails has the status of the failure and tells nobody that there is a bug', async () => {
    send = () => Promise.reject(new GatewayError('upstream_busy', 'Busy', { retryAfterMs: 1_500 }));
    const response = await post(ASKED);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2']);
    expect(await errorOf(response)).toMatchObject({ message: 'Busy', type: 'rate_limit_error' });
    expect(bugs).toEqual([]);
  });

  test('that meets a bug is a plain 500, and the bug is reported', async () => {
    const bug = new TypeError('x of undefined in sk-secret');
    send = () => Promise.reject(bug);
    const response = await post(ASKED);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('sk-secret');
    expect(bugs).toEqual([bug]);
  });

  test('names its id in an error body when the operator wants that, from the next request on', async () => {
    const ask = async (): Promise<Record<string, unknown>> =>
      errorOf(await post(ASKED, { authorization: 'Bearer wrong' }));
    expect(await ask()).not.toHaveProperty('litellm_call_id');
    settings = { ...settings, includeCallIdInErrors: true };
    expect(await ask()).toHaveProperty('litellm_call_id', 'id-2');
  });

  test('with a body over the limit is refused, with its length said or not', async () => {
    const body = JSON.stringify({ ...ASKED, padding: 'x'.repeat(1_000) });
    expect((await post(body)).status).toBe(413);
    const chunks = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(body));
        controller.close();
      },
    });
    expect((await get(CHAT, { method: 'POST', body: chunks })).status).toBe(413);
    expect((await post({ ...ASKED, padding: 'x'.repeat(800) })).status).toBe(200);
  });

  test('of a stranger is refused before its body is read', async () => {
    const head = `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer wrong\r\ncontent-length: 900\r\n\r\n{`;
    expect((await exchange(listener.port, Buffer.from(head), 300)).status).toBe(401);
  });

  test('whose client has left says so to whoever answers it', async () => {
    const left = Promise.withResolvers<void>();
    send = (call) => {
      call.client.watch(() => left.resolve());
      return left.promise.then(() => Promise.reject(new GatewayError('client_closed', 'Gone')));
    };
    const client = new AbortController();
    const asking = get(CHAT, { method: 'POST', body: JSON.stringify(ASKED), signal: client.signal }).catch(
      () => 'left',
    );
    await until(
      () => listener.pending(),
      (pending) => pending === 1,
    );
    client.abort();
    expect(await asking).toBe('left');
    await left.promise;
    await until(
      () => outcomes.length,
      (length) => length === 1,
    );
    expect(outcomes[0]?.outcome.status).toBe('aborted');
  });
});

describe('a room that throws', () => {
  test('on purpose answers in the words of its error', async () => {
    const response = await get('/v1/models', { headers: { authorization: 'Bearer wrong' } });
    expect([response.status, (await errorOf(response))['code']]).toEqual([401, 'invalid_api_key']);
    expect(bugs).toEqual([]);
  });

  test('by mistake is a 500, reported once', async () => {
    const bug = new Error('secret');
    admin = () => {
      throw bug;
    };
    const response = await post('{}', {}, '/key/generate');
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(bugs).toEqual([bug]);
  });

  test('later than at once is a 500 too, reported once', async () => {
    const bug = new Error('secret');
    admin = () => Promise.reject(bug);
    expect((await post('{}', {}, '/key/generate')).status).toBe(500);
    expect(bugs).toEqual([bug]);
  });
});

describe('a browser', () => {
  const origin = 'https://page.example';

  test('is let in from the origins that are configured, also after they have changed', async () => {
    const allowed = async (): Promise<string | null> =>
      (await post(ASKED, { origin })).headers.get('access-control-allow-origin');
    expect(await allowed()).toBe('*');
    settings = { ...settings, corsOrigins: [origin] };
    expect(await allowed()).toBe(origin);
    settings = { ...settings, corsOrigins: ['https://other.example'] };
    expect(await allowed()).toBeNull();
  });

  test('may read refusals as well', async () => {
    expect((await get('/nothing', { headers: { origin } })).headers.get('access-control-allow-origin')).toBe('*');
  });

  test('has its preflight answered without a key', async () => {
    const headers = { origin, 'access-control-request-method': 'POST', authorization: 'Bearer wrong' };
    const response = await get(CHAT, { method: 'OPTIONS', headers });
    expect(response.ok).toBe(true);
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    expect(outcomes).toEqual([]);
  });

  test('asking for options without naming a method gets what a wrong method gets', async () => {
    expect((await get(CHAT, { method: 'OPTIONS' })).status).toBe(405);
  });
});

describe('the listener', () => {
  test('says where it listens, and refuses a port that is taken', () => {
    expect(listener.url).toBe(`http://127.0.0.1:${listener.port}`);
    const parts = { settings: () => settings } as HttpParts; // It fails before it needs more.
    expect(() => listen(parts, { host: '127.0.0.1', port: listener.port })).toThrow();
  });

  test('counts what is being answered', async () => {
    const gate = Promise.withResolvers<Reply>();
    send = () => gate.promise;
    const asking = [post(ASKED), post(ASKED)];
    await until(
      () => listener.pending(),
      (pending) => pending === 2,
    );
    gate.resolve(whole());
    for (const answer of await Promise.all(asking)) await answer.text();
    await until(
      () => listener.pending(),
      (pending) => pending === 0,
    );
  });

  test('finishes what is under way when it stops softly', async () => {
    const gate = Promise.withResolvers<Reply>();
    send = () => gate.promise;
    const asking = post(ASKED);
    await until(
      () => listener.pending(),
      (pending) => pending === 1,
    );
    const stopped = listener.stop(false);
    gate.resolve(whole());
    expect((await asking).status).toBe(200);
    await stopped;
    await expect(get('/health/liveness')).rejects.toThrow();
  });
});
