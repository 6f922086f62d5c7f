/** Everything that goes wrong at an upstream: one well-formed answer in time, one row, and the process lives. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { COUNT } from '../support/model-zoo.ts';
import { streamed } from '../support/sse.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'm'),
        deployment(upstream, 'hasty', { timeout: 0.3 }),
        deployment(upstream, 'nowhere', { api_base: 'http://127.0.0.1:1/v1' }),
        deployment(upstream, 'no-such-host', { api_base: 'http://tollgate-test.invalid/v1' }),
        deployment(upstream, 'first'),
        deployment(upstream, 'second'),
      ],
      router_settings: { num_retries: 0, fallbacks: [{ first: ['second'] }] },
      tollgate_settings: { idle_timeout: 0.3 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const messages = [{ role: 'user', content: 'Count to 10' }];

async function ask(behaviour: Behaviour, more: object = {}): Promise<Response> {
  upstream.behave = () => behaviour;
  return gateway.ask({ model: 'm', messages, ...more });
}

/** The one row of an answer. */
async function rowOf(response: Response): Promise<SpendRow> {
  const id = response.headers.get('x-litellm-call-id');
  const rows = (await gateway.rows()).filter((row) => row['litellm_call_id'] === id);
  expect(rows).toHaveLength(1);
  return rows[0] as SpendRow; // Just counted.
}

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  for (const field of ['message', 'type', 'code']) expect(error[field]).toBeString();
  return error;
}

const statusIn = (row: SpendRow): unknown => (row['tollgate'] as { status: string }).status;

const HTML = '<!doctype html><html><body><h1>502 Bad Gateway</h1><script>alert(1)</script></body></html>';

describe('before the first byte for the client', () => {
  const refusals: [string, Behaviour, number, string][] = [
    ['500', { status: 500 }, 500, 'internal_server_error'],
    ['502', { status: 502 }, 502, 'internal_server_error'],
    ['503', { status: 503 }, 503, 'internal_server_error'],
    ['504', { status: 504 }, 504, 'internal_server_error'],
    ['529, overloaded', { status: 529 }, 500, 'internal_server_error'],
    ['400', { status: 400 }, 400, 'invalid_request_error'],
    ['401 for our credential', { status: 401 }, 401, 'authentication_error'],
    ['402', { status: 402 }, 402, 'invalid_request_error'],
    ['403 for our credential', { status: 403 }, 403, 'permission_error'],
    ['404', { status: 404 }, 404, 'invalid_request_error'],
    ['408', { status: 408 }, 408, 'invalid_request_error'],
    ['413', { status: 413 }, 400, 'invalid_request_error'],
    ['422', { status: 422 }, 400, 'invalid_request_error'],
    ['429', { status: 429 }, 429, 'rate_limit_error'],
    ['a hang-up at once', { refuse: 'close' }, 500, 'internal_server_error'],
    ['a reset at once', { refuse: 'reset' }, 500, 'internal_server_error'],
    [
      'an HTML page with 502',
      { status: 502, body: HTML, headers: { 'content-type': 'text/html' } },
      502,
      'internal_server_error',
    ],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' },
      502,
      'internal_server_error',
    ],
  ];

  test.each(refusals)('%s', async (_, behaviour, status, type) => {
    const before = upstream.requests.length;
    for (const stream of [false, true]) {
      const answer = await ask(behaviour, { stream });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toStartWith('application/json');
      const error = await errorOf(answer);
      expect(error['type']).toBe(type);
      expect(String(error['message'])).not.toContain('<');
      expect(statusIn(await rowOf(answer))).toBe('failure');
    }
    expect(upstream.requests.length).toBe(before + 2);
  });

  const wholeOnly: [string, Behaviour][] = [
    ['a body that is no JSON', { body: '{"id": "chatcmpl-1", "choi' }],
    ['an HTML page with 200', { body: HTML, headers: { 'content-type': 'text/html' } }],
    ['an empty body', { body: '' }],
    ['JSON that is no completion', { body: ['surprise'] }],
    ['a body cut by a reset', { cut: { after: 60, how: 'reset' } }],
    ['a body shorter than its length', { cut: { after: 60, how: 'close' } }],
    ['a wrong content-encoding', { headers: { 'content-encoding': 'gzip' } }],
  ];

  test.each(wholeOnly)('%s is a 5xx, not half an answer', async (_, behaviour) => {
    const answer = await ask(behaviour);
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect((await errorOf(answer))['message']).not.toContain('<');
    expect(statusIn(await rowOf(answer))).toBe('failure');
  });

  const streamOnly: [string, Behaviour][] = [
    ['an empty stream', { events: [] }],
    ['a first event that is no JSON', { events: ['{"id": "chatcmpl-', '[DONE]'] }],
    ['a first event that is an error', { events: ['{"error":{"message":"Overloaded","type":"server_error"}}'] }],
    ['a reset after the headers', { cut: { after: 0, how: 'reset' } }],
    ['an HTML page', { body: HTML, headers: { 'content-type': 'text/html' } }],
    ['JSON with an error', { body: { error: { message: 'Sorry', type: 'server_error' } } }],
  ];

  test.each(streamOnly)('in place of a stream, %s is a plain error', async (_, behaviour) => {
    const answer = await ask(behaviour, { stream: true });
    expect(answer.status).toBeGreaterThanOrEqual(500);
    await errorOf(answer);
    expect(statusIn(await rowOf(answer))).toBe('failure');
  });

  test.each([
    ['7', '7'],
    ['0', '0'],
    ['-5', null],
    ['soon', null],
    [undefined, null],
  ])('Retry-After %s of an upstream comes through as %s', async (given, expected) => {
    const answer = await ask({ status: 429, headers: given === undefined ? {} : { 'retry-after': given } });
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe(expected);
  });

  test.each(['nowhere', 'no-such-host'])('an upstream that is not there (%s) is an error at once', async (model) => {
    const answer = await ask({}, { model });
    expect(answer.status).toBe(500);
    expect(await errorOf(answer)).toMatchObject({ type: 'internal_server_error' });
    expect(statusIn(await rowOf(answer))).toBe('failure');
  });

  test.each([
    ['says nothing', { silent: true }, false],
    ['says nothing to a stream', { silent: true }, true],
    ['sends headers and nothing more', { muteAfter: 0 }, true],
    ['drips its answer', { dripMs: 20 }, false],
  ] as const)('an upstream that %s runs into the time limit', async (_, behaviour, stream) => {
    const answer = await ask(behaviour, { model: 'hasty', stream });
    expect(answer.status).toBe(408);
    expect((await errorOf(answer))['message']).toContain('0.3 seconds');
    expect(statusIn(await rowOf(answer))).toBe('failure');
    await upstream.requests.at(-1)?.closed;
  });

  test('the fallback answers, whole or streamed, and both attempts are in the row', async () => {
    for (const stream of [false, true]) {
      upstream.behave = ({ body }) =>
        body['model'] === 'first' ? { events: ['{"error":{"message":"no"}}'], status: stream ? 200 : 503 } : {};
      const answer = await gateway.ask({ model: 'first', messages, stream });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-litellm-attempted-fallbacks')).toBe('1');
      expect(await answer.text()).toContain('10');
      const { attempts } = (await rowOf(answer))['tollgate'] as { attempts: { error: string | null }[] };
      expect(attempts.map(({ error }) => error === null)).toEqual([false, true]);
    }
  });
});

describe('in the middle of a stream', () => {
  const START = (events: string[]): string[] => events.slice(0, 4);
  const faults: [string, Behaviour][] = [
    ['a reset', { cut: { after: 4, how: 'reset' } }],
    ['a close', { cut: { after: 4, how: 'close' } }],
    ['an end without a finish', { cut: { after: 4, how: 'eof' } }],
    ['silence', { muteAfter: 4 }],
    ['an error event', { edit: (events) => [...START(events), '{"error":{"message":"Overloaded"}}'], paceMs: 10 }],
    ['broken JSON', { edit: (events) => [...START(events), '{"id": "chatcmpl-', ...events.slice(4)], paceMs: 10 }],
  ];

  test.each(faults)('%s becomes an error event, without [DONE] and without a finish', async (_, behaviour) => {
    const answer = await ask(behaviour, { stream: true });
    expect(answer.status).toBe(200);
    const seen = await streamed(answer);
    expect(seen.content).toStartWith('1, 2,');
    for (const field of ['message', 'type', 'code']) expect(seen.error?.[field]).toBeString();
    expect(seen.data.at(-1)).toContain('"error"');
    expect(seen).toMatchObject({ isDone: false, finishReasons: [] });
    const row = await rowOf(answer);
    expect(statusIn(row)).toBe('truncated');
    expect(row['completion_tokens']).toBeGreaterThan(0);
  });
});

describe('framing that is odd and legal', () => {
  const odd: [string, Behaviour][] = [
    ['CRLF line ends', { lineEnd: '\r\n' }],
    ['CR line ends', { lineEnd: '\r' }],
    ['cuts at any byte', { splitAt: Array.from({ length: 90 }, (_, at) => 37 * at) }],
    ['gzip', { gzip: true }],
    ['all events in one write', { splitAt: [] }],
  ];

  test.each(odd)('a stream with %s says the same', async (_, behaviour) => {
    const answer = await ask(behaviour, { stream: true, stream_options: { include_usage: true } });
    const seen = await streamed(answer);
    expect(seen).toMatchObject({ content: COUNT, isDone: true, finishReasons: ['stop'] });
    expect(seen.usages).toMatchObject([{ completion_tokens: 10 }]);
    expect(new Set(seen.chunks.map(({ model }) => model))).toEqual(new Set(['m']));
  });

  test('comments, other fields, a byte order mark and data over two lines are read as the standard says', async () => {
    const chunk = (delta: object, finish: string | null = null): string =>
      JSON.stringify({
        id: 'c',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'm',
        choices: [{ index: 0, delta, finish_reason: finish }],
      });
    const [before = '', after = ''] = chunk({ content: 'two' }).split(/(?<=,)(?="model")/);
    const text = [
      '\uFEFF: hello',
      `id: 7\nevent: message\nretry: 10\ndata:${chunk({ role: 'assistant', content: 'one ' })}`,
      ': a comment alone',
      `data: ${before}\ndata: ${after}`,
      `data: ${chunk({}, 'stop')}`,
      'data: [DONE]\n\n',
    ].join('\n\n');
    const answer = await ask({ body: text, headers: { 'content-type': 'text/event-stream' } }, { stream: true });
    expect(await streamed(answer)).toMatchObject({ content: 'one two', isDone: true, finishReasons: ['stop'] });
  });

  test('gzip of a whole answer is opened', async () => {
    const answer = await ask({ gzip: true });
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: COUNT } }] });
  });
});

describe('usage that cannot be', () => {
  const claims: [string, unknown][] = [
    ['missing', null],
    ['negative', { prompt_tokens: -5, completion_tokens: -10, total_tokens: -15 }],
    ['absurd', { prompt_tokens: 1e15, completion_tokens: 1e15, total_tokens: 2e15 }],
    ['text', { prompt_tokens: '12', completion_tokens: 'many', total_tokens: null }],
    ['fractional', { prompt_tokens: 1.5, completion_tokens: 2.5, total_tokens: 4 }],
  ];

  test.each(claims)('%s usage is replaced by our own count, and marked', async (_, usage) => {
    for (const stream of [false, true]) {
      const answer = await ask({ usage }, { stream });
      expect(answer.status).toBe(200);
      await answer.text();
      const row = await rowOf(answer);
      expect(row['prompt_tokens']).toBeWithin(1, 200);
      expect(row['completion_tokens']).toBeWithin(1, 200);
      const { tokens } = row['tollgate'] as { tokens: { source: string } };
      expect(tokens.source).toBe(usage === null ? 'estimated' : 'suspect');
    }
  });
});

test('after all this the gateway answers as before', async () => {
  const answer = await ask({});
  expect(answer.status).toBe(200);
  expect(gateway.logs()).not.toContain('unhandled');
});
