import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import {
  meterAtFlatPrice,
  type SampleCall,
  SEND_SETTINGS,
  sampleCall,
  sampleTarget,
} from '../../test/support/call-parts.ts';
import { readEvents } from '../../test/support/sse.ts';
import { readAll } from '../../test/support/stream-parts.ts';
import { type Behaviour, startUpstream, type Upstream } from '../../test/support/upstream.ts';
import { GatewayError } from '../errors.ts';
import { createDeadlines } from '../lib/deadlines.ts';
import type { Target } from '../providers/adapter.ts';
import { upstreamError } from '../providers/upstream-error.ts';
import type { Call, FullReply, StreamReply } from './call.ts';
import { Presence } from './presence.ts';
import { Sender, type SendParts, type SendSettings } from './send.ts';

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.stop());

const now = (): number => performance.now();
const deadlines = createDeadlines(now);
/** Every attempt must let go of its timer, however it ends. */
afterEach(async () => {
  for (let waited = 0; deadlines.size > 0 && waited < 50; waited++) await Bun.sleep(10);
  expect(deadlines.size).toBe(0);
});

interface Sent {
  readonly behaviour?: Behaviour;
  readonly call?: SampleCall;
  readonly target?: Partial<Target>;
  readonly settings?: Partial<SendSettings>;
  readonly parts?: Partial<SendParts>;
}

function prepare({ behaviour = {}, call: given, target, settings, parts }: Sent): {
  call: Call;
  reply: Promise<FullReply | StreamReply>;
} {
  upstream.behave = () => behaviour;
  upstream.requests.length = 0;
  const call = sampleCall({ ...given, requestedModel: 'my-model' });
  const sender = new Sender({
    fetch: (url, init) => fetch(url, init),
    deadlines,
    now,
    settings: () => ({ ...SEND_SETTINGS, ...settings }),
    meter: (_call, _target, reading) => meterAtFlatPrice(reading),
    upstreamError,
    onChunk: undefined,
    ...parts,
  });
  return { call, reply: sender.send(sampleTarget({ baseUrl: upstream.url, ...target }), call) };
}

async function full(sent: Sent): Promise<FullReply> {
  const reply = await prepare(sent).reply;
  if (reply.kind === 'full') return reply;
  throw new Error('The reply is a stream.');
}

async function stream(sent: Sent): Promise<StreamReply> {
  const reply = await prepare({ ...sent, call: { ...sent.call, request: { stream: true, ...sent.call?.request } } })
    .reply;
  if (reply.kind === 'stream') return reply;
  throw new Error('The reply is no stream.');
}

const streamed = async (sent: Sent) => {
  const { text, error } = await readAll((await stream(sent)).body);
  return { ...readEvents(text), text, failure: error };
};

async function failure(reply: Promise<unknown>): Promise<GatewayError> {
  const thrown = await reply.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof GatewayError) return thrown;
  throw new Error(`Expected a GatewayError, got ${thrown}.`);
}

/** How long after `sinceMs` the upstream saw its connection close. */
const closedAfter = async (sinceMs: number): Promise<number> =>
  ((await upstream.requests[0]?.closed) ?? Number.NaN) - sinceMs;

describe('a request', () => {
  test('reaches the upstream with its own key and model, and without what is said to the gateway', async () => {
    await full({
      call: {
        text: '{"model":"m","tags":["a"],"messages":[{"role":"user","content":"Hi"}],"x":1.0}',
        gatewayKeys: ['tags'],
      },
    });
    const [request] = upstream.requests;
    expect(request?.path).toBe('/v1/chat/completions');
    expect(request?.headers['authorization']).toBe('Bearer sk-of-the-upstream');
    expect(request?.text).toBe('{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],"x":1.0}');
  });

  test('for a stream always asks for usage', async () => {
    const { usages } = await streamed({});
    expect(upstream.requests[0]?.body['stream_options']).toEqual({ include_usage: true });
    expect(usages).toEqual([]);
  });

  test("with the caller's own key uses that one, apart from the deployment's state", async () => {
    const target = { takesCallerKey: true };
    const reply = await full({ call: { controls: { apiKey: 'sk-of-the-caller' } }, target });
    expect(upstream.requests[0]?.headers['authorization']).toBe('Bearer sk-of-the-caller');
    expect(reply.target?.deploymentId).toBe('deployment-1:caller-key');
  });

  test('takes along client headers where the operator wants that, under its own', async () => {
    const headers = {
      'x-mine': 'a',
      authorization: 'Bearer sk-client',
      'x-litellm-tags': 't',
      traceparent: '00-1-2-3',
    };
    const forward = { headersFor: () => true, traceparent: true };
    await full({ call: { headers }, settings: { forward } });
    const seen = upstream.requests[0]?.headers;
    expect(seen).toMatchObject({ 'x-mine': 'a', traceparent: '00-1-2-3', authorization: 'Bearer sk-of-the-upstream' });
    expect(seen).not.toHaveProperty('x-litellm-tags');
  });

  test('forgets what an earlier attempt changed', async () => {
    const call = sampleCall();
    call.changes.push({ field: 'old', action: 'dropped', note: 'an earlier attempt' });
    const { call: used, reply } = prepare({ call });
    await reply;
    expect(used.changes).toEqual([]);
  });
});

describe('a whole answer', () => {
  test('is the upstream’s bytes under the name asked for', async () => {
    const body =
      '{ "id":"chatcmpl-1", "object":"chat.completion","model": "gpt-4o-mini-2024" ,"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}, "x":1e2}\n';
    const reply = await full({ behaviour: { body } });
    expect(reply.text).toBe(body.replace('gpt-4o-mini-2024', 'my-model'));
    expect(reply).toMatchObject({ responseId: 'chatcmpl-1', usage: { total_tokens: 3 } });
    expect(reply.upstreamHeaders?.get('x-request-id')).toMatch(/^req_/);
  });

  test('may be compressed, or come byte by byte', async () => {
    for (const behaviour of [
      { gzip: true, content: 'Hallo, 世界' },
      { dripMs: 0, content: 'Hallo, 世界' },
    ]) {
      const reply = await full({ behaviour });
      expect(reply.body().choices[0]?.message.content).toBe('Hallo, 世界');
    }
  });

  test('larger than allowed is refused, however its size shows', async () => {
    const large = { content: 'x'.repeat(20_000) };
    for (const behaviour of [large, { ...large, gzip: true }, { body: Buffer.alloc(20_000, 'x') }]) {
      const error = await failure(full({ behaviour, settings: { maxResponseBytes: 10_000 } }));
      expect([error.kind, error.next]).toEqual(['upstream_protocol', 'retry']);
    }
  });

  test('that holds an error is one, whatever the status says', async () => {
    const error = await failure(
      full({ behaviour: { body: ' {"error": {"message":"Rate limit reached","code":"rate_limit_exceeded"}}' } }),
    );
    expect(error).toMatchObject({ kind: 'upstream_busy', message: 'Rate limit reached' });
  });

  test('that turns out to be a failure keeps the upstream’s id of the request', async () => {
    const whole = await failure(full({ behaviour: { body: { error: { message: 'Busy', code: 503 } } } }));
    const nonsense = await failure(full({ behaviour: { body: '<html></html>' } }));
    const first = await failure(stream({ behaviour: { events: ['{"error":{"message":"Busy"}}'] } }));
    const edit = (events: string[]) => [...events.slice(0, 2), '{"error":{"message":"Busy"}}'];
    const { body } = await stream({ behaviour: { edit } });
    const { error: later } = await readAll(body);
    body.cancel();
    for (const error of [whole, nonsense, first, later]) {
      expect(error instanceof GatewayError && error.upstreamHeaders?.get('x-request-id')).toBe('req_1');
    }
  });

  test.each(['', 'OK', '<html></html>', '[]', '{"id":"x"}', '{"id":"x","model":"m","choices"'])(
    'that is no completion (%j) is refused without being quoted',
    async (body) => {
      const error = await failure(full({ behaviour: { body } }));
      expect(error.kind).toBe('upstream_protocol');
      if (body) expect(error.message).not.toContain(body);
    },
  );

  test.each(['reset', 'close'] as const)('cut in the middle (%s) can be tried again', async (how) => {
    const error = await failure(full({ behaviour: { cut: { after: 30, how } } }));
    expect(error.next).toBe('retry');
  });
});

describe('a refusal', () => {
  test.each([
    [400, 'upstream_rejected', 'fallback'],
    [401, 'upstream_unauthorized', 'fallback'],
    [404, 'upstream_not_found', 'fallback'],
    [408, 'upstream_timeout', 'retry'],
    [429, 'upstream_busy', 'retry'],
    [500, 'upstream_failed', 'retry'],
    [502, 'upstream_bad_gateway', 'retry'],
    [503, 'upstream_unavailable', 'retry'],
    [504, 'upstream_gateway_timeout', 'retry'],
  ] as const)('with status %d is %s: %s', async (status, kind, next) => {
    for (const stream of [false, true]) {
      const error = await failure(prepare({ behaviour: { status }, call: { request: { stream } } }).reply);
      expect([error.kind, error.next, error.details.upstreamStatus]).toEqual([kind, next, status]);
      expect(error.message).toBe(`The fake upstream says ${status}.`);
    }
  });

  test('says when to come back, and its headers are kept', async () => {
    const error = await failure(full({ behaviour: { status: 429, headers: { 'retry-after': '3' } } }));
    expect(error.details.retryAfterMs).toBe(3_000);
    expect(error.upstreamHeaders?.get('retry-after')).toBe('3');
  });

  test('of any length keeps its status', async () => {
    for (const body of [
      `<html>${'x'.repeat(200_000)}</html>`,
      { error: { message: 'long', detail: 'x'.repeat(200_000) } },
    ]) {
      const error = await failure(full({ behaviour: { status: 503, body } }));
      expect(error.kind).toBe('upstream_unavailable');
      expect(error.message.length).toBeLessThan(3_000);
    }
  });

  test('by redirect is never followed', async () => {
    const error = await failure(
      full({ behaviour: { status: 302, headers: { location: `${upstream.origin}/elsewhere` } } }),
    );
    expect(error).toMatchObject({ kind: 'upstream_protocol', details: { upstreamStatus: 302 } });
    expect(upstream.requests).toHaveLength(1);
  });

  test.each(['reset', 'close'] as const)('of the connection (%s) can be tried again', async (how) => {
    const error = await failure(full({ behaviour: { refuse: how } }));
    expect([error.kind, error.next]).toEqual(['upstream_unreachable', 'retry']);
  });

  test.each(['reset', 'close'] as const)(
    'in the middle of a whole answer (%s) is a cut, and can be tried again',
    async (how) => {
      const error = await failure(full({ behaviour: { cut: { after: 30, how } } }));
      expect([error.kind, error.next]).toEqual(['upstream_truncated', 'retry']);
    },
  );

  test('where nobody listens can be tried again, and names no address', async () => {
    const error = await failure(full({ target: { baseUrl: 'http://127.0.0.1:1/v1' } }));
    expect([error.kind, error.next]).toEqual(['upstream_unreachable', 'retry']);
    expect(error.message).not.toContain('127.0.0.1');
  });
});

describe('time limits', () => {
  test('end an attempt at an upstream that says nothing, and close its connection', async () => {
    const startedAtMs = now();
    const error = await failure(full({ behaviour: { silent: true }, settings: { timeoutMs: 60 } }));
    expect(error).toMatchObject({
      kind: 'upstream_timeout',
      message: 'The upstream did not answer within 0.06 seconds.',
    });
    expect(now() - startedAtMs).toBeGreaterThanOrEqual(59);
    expect(await closedAfter(startedAtMs)).toBeLessThan(400);
  });

  test('for the first byte are apart from those for the whole answer', async () => {
    const error = await failure(full({ behaviour: { silent: true }, settings: { firstByteTimeoutMs: 40 } }));
    expect(error.message).toBe('The upstream did not answer within 0.04 seconds.');
    const body = '{"id":"slow","model":"m","choices":[]}';
    expect((await full({ behaviour: { body, dripMs: 4 }, settings: { firstByteTimeoutMs: 60 } })).responseId).toBe(
      'slow',
    );
  });

  test('hold for a whole answer, not for each of its bytes', async () => {
    const error = await failure(full({ behaviour: { dripMs: 2 }, settings: { timeoutMs: 60 } }));
    expect(error.kind).toBe('upstream_timeout');
  });

  test.each([
    ['the request beats all', { timeoutMs: 40 }, { timeoutMs: 9_000 }, false],
    ['the deployment beats the router', {}, { timeoutMs: 40 }, false],
    ['a stream has its own on the request', { streamTimeoutMs: 40, timeoutMs: 9_000 }, {}, true],
    ['a stream has its own on the deployment', {}, { streamTimeoutMs: 40, timeoutMs: 9_000 }, true],
    ['a stream without its own takes the request’s', { timeoutMs: 40 }, { streamTimeoutMs: 9_000 }, true],
    ['a stream without its own takes the deployment’s', {}, { timeoutMs: 40 }, true],
  ])('of several the nearest counts: %s', async (_, controls, target, stream) => {
    const error = await failure(
      prepare({ behaviour: { silent: true }, call: { controls, request: { stream } }, target }).reply,
    );
    expect(error.message).toBe('The upstream did not answer within 0.04 seconds.');
  });

  test('of the router for streams counts for streams only', async () => {
    const settings = { timeoutMs: 80, streamTimeoutMs: 40 };
    const whole = await failure(full({ behaviour: { silent: true }, settings }));
    const streamed = await failure(stream({ behaviour: { silent: true }, settings }));
    expect([whole.message, streamed.message].map((text) => /[\d.]+ seconds/.exec(text)?.[0])).toEqual([
      '0.08 seconds',
      '0.04 seconds',
    ]);
  });

  test('cut a stream that falls silent, after all that came', async () => {
    const { failure, content, finishReasons } = await streamed({
      behaviour: { muteAfter: 3, content: 'one two three' },
      settings: { idleTimeoutMs: 60 },
    });
    expect(failure).toMatchObject({ kind: 'upstream_timeout' });
    expect([content, finishReasons]).toEqual(['one two', []]);
    expect(await closedAfter(0)).toBeGreaterThan(0);
  });

  test('leave a slow stream alone as long as it goes on', async () => {
    const { failure, content } = await streamed({
      behaviour: { paceMs: 20, content: 'a b c d e f g h' },
      settings: { idleTimeoutMs: 100 },
    });
    expect([failure, content]).toEqual([undefined, 'a b c d e f g h']);
  });
});

describe('a client that leaves', () => {
  const leaveAt = async (behaviour: Behaviour, streams: boolean): Promise<{ error: unknown; closedMs: number }> => {
    const client = new Presence();
    const { reply } = prepare({ behaviour, call: { client, request: { stream: streams } } });
    const ended = reply
      .then((got) => (got.kind === 'stream' ? readAll(got.body) : undefined))
      .then((read) => read?.error)
      .catch((error: unknown) => error);
    await upstream.arrived(1);
    await Bun.sleep(30);
    const leftAtMs = now();
    client.leave();
    const error = await ended;
    return { error, closedMs: await closedAfter(leftAtMs) };
  };

  test.each([
    ['before the answer begins', { silent: true }, false],
    ['in the middle of a whole answer', { dripMs: 1 }, false],
    ['before a stream begins', { silent: true }, true],
    ['before a stream has content', { muteAfter: 1 }, true],
    ['in the middle of a stream', { muteAfter: 3 }, true],
    ['while a stream runs', { paceMs: 3, content: 'word '.repeat(500) }, true],
  ] as const)('%s closes the upstream within 100 ms', async (_, behaviour, streams) => {
    const { error, closedMs } = await leaveAt(behaviour, streams);
    expect(error).toMatchObject({ kind: 'client_closed' });
    expect(closedMs).toBeLessThan(100);
  });

  test('before anything was sent is sent nowhere', async () => {
    const client = new Presence();
    client.leave();
    const error = await failure(prepare({ call: { client } }).reply);
    expect([error.kind, error.next]).toEqual(['client_closed', 'stop']);
    expect(upstream.requests).toHaveLength(0);
  });

  test('by way of the stream body closes the upstream too', async () => {
    const { body } = await stream({ behaviour: { muteAfter: 3 } });
    const leftAtMs = now();
    body.cancel();
    expect(await closedAfter(leftAtMs)).toBeLessThan(100);
  });
});

describe('a stream', () => {
  test('is relayed to its end under the name asked for', async () => {
    const { content, chunks, finishReasons, failure } = await streamed({ behaviour: { content: 'Grüß dich, 世界' } });
    expect(failure).toBeUndefined();
    expect([content, finishReasons]).toEqual(['Grüß dich, 世界', ['stop']]);
    expect(new Set(chunks.map(({ model }) => model))).toEqual(new Set(['my-model']));
  });

  test('shows usage to those who asked, and to all when the operator wants it', async () => {
    const asked = await streamed({ call: { request: { stream_options: { include_usage: true } } } });
    const always = await streamed({ settings: { alwaysIncludeStreamUsage: true } });
    expect([asked.usages.length, always.usages.length]).toEqual([1, 1]);
  });

  test('keeps its connection for the next request', async () => {
    await streamed({});
    const { closed } = upstream.requests[0] ?? {};
    await full({});
    expect(upstream.requests[0]?.closed === closed).toBe(true);
  });

  test.each(['\r\n', '\r'] as const)(
    'with line ends %j is read all the same, wherever its first bytes are cut',
    async (lineEnd) => {
      for (const splitAt of [[1], [5], [40]]) {
        const { content, failure } = await streamed({ behaviour: { lineEnd, splitAt, content: 'one two' } });
        expect([content, failure]).toEqual(['one two', undefined]);
      }
    },
  );

  test('may be compressed', async () => {
    expect((await streamed({ behaviour: { gzip: true, content: 'one two' } })).content).toBe('one two');
  });

  test('goes through the features that look at chunks', async () => {
    const { content } = await streamed({
      behaviour: { content: 'one two' },
      parts: {
        onChunk: (_call, chunk) => ({
          ...chunk,
          choices: chunk.choices.map((choice) => ({ ...choice, delta: { content: '*' } })),
        }),
      },
    });
    expect(content).toMatch(/^\*+$/);
  });

  test('that breaks off before any content is thrown, so that another target can be tried', async () => {
    for (const after of [0, 1]) {
      for (const how of ['reset', 'close', 'eof'] as const) {
        const error = await failure(stream({ behaviour: { cut: { after, how } } }));
        expect([error.kind, error.next]).toEqual(['upstream_truncated', 'retry']);
      }
    }
  });

  test('that breaks off later ends with the reason, after all that came', async () => {
    for (const how of ['reset', 'close', 'eof'] as const) {
      const { content, failure, finishReasons } = await streamed({
        behaviour: { content: 'one two three', cut: { after: 3, how } },
      });
      expect(failure).toMatchObject({ kind: 'upstream_truncated' });
      expect([content, finishReasons]).toEqual(['one two', []]);
    }
  });

  test('that is an error event is thrown like a refusal', async () => {
    const error = await failure(
      stream({ behaviour: { events: ['{"error":{"message":"Rate limit reached","type":"rate_limit"}}'] } }),
    );
    expect([error.kind, error.message]).toEqual(['upstream_busy', 'Rate limit reached']);
  });

  test('that is no stream but JSON is refused', async () => {
    const refusal = await failure(stream({ behaviour: { body: { error: { message: 'Rate limit reached' } } } }));
    expect(refusal).toMatchObject({ kind: 'upstream_busy', message: 'Rate limit reached' });
    const whole = await failure(stream({ behaviour: { body: { id: 'x', choices: [{ text: 'secret words' }] } } }));
    expect([whole.kind, whole.next]).toEqual(['upstream_protocol', 'retry']);
    expect(whole.message).not.toContain('secret');
  });

  test('with nothing in it is thrown', async () => {
    const error = await failure(
      stream({ behaviour: { events: [], headers: { 'content-type': 'text/event-stream' } } }),
    );
    expect(error.kind).toBe('upstream_truncated');
  });

  test('that starts with a role and then thinks is begun after a second', async () => {
    const { body } = await stream({ behaviour: { muteAfter: 1 } });
    const first = Buffer.from((await body.next()) ?? []).toString();
    expect(readEvents(first).chunks[0]?.choices?.[0]?.delta).toMatchObject({ role: 'assistant' });
    expect(body.tally.firstContentAtMs).toBeUndefined();
    body.cancel();
  });
});

describe('without an upstream', () => {
  test('a deployment with a canned answer gives that', async () => {
    const reply = await full({ target: { mockResponse: 'canned' } });
    expect(reply.body()).toMatchObject({ model: 'my-model', choices: [{ message: { content: 'canned' } }] });
    expect((await streamed({ target: { mockResponse: 'canned words' } })).content).toBe('canned words');
    expect(upstream.requests).toHaveLength(0);
  });

  test('a pretended timeout is one', async () => {
    const error = await failure(full({ call: { controls: { mockTimeout: true, timeoutMs: 50 } } }));
    expect([error.kind, error.message]).toEqual([
      'upstream_timeout',
      'The upstream did not answer within 0.05 seconds.',
    ]);
  });

  test('a parameter that the provider refuses is the client’s error, and nothing is sent', async () => {
    const target = { litellmModel: 'openai/o3', upstreamModel: 'o3' };
    const error = await failure(full({ target, call: { request: { temperature: 0.2 } } }));
    expect(error).toMatchObject({ kind: 'invalid_request', details: { param: 'temperature' } });
    expect(upstream.requests).toHaveLength(0);
  });
});
