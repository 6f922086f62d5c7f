/** Each time limit of a call: which one ended it is in the message and in the row, and what we send to clients moves none. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createServer, type Server } from 'node:net';
import { type FullHouse, startFullHouse } from '../support/full-house.ts';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { readEvents } from '../support/sse.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';

const PING_SECONDS = 0.1;
const FIRST_BYTE_SECONDS = 0.9;
const IDLE_SECONDS = 0.5;
const TOTAL_SECONDS = 1.5;
const QUEUE_SECONDS = 0.3;

let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream(({ body }) => behaviours.get(String(body['user'])));
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'm'),
        deployment(upstream, 'short', { timeout: 0.3 }),
        deployment(upstream, 'short streams', { timeout: 30, stream_timeout: 0.3 }),
      ],
      router_settings: { num_retries: 0, disable_cooldowns: true, stream_timeout: 0.8 },
      litellm_settings: { sse_keepalive_ping_interval_seconds: PING_SECONDS },
      tollgate_settings: {
        first_byte_timeout: FIRST_BYTE_SECONDS,
        idle_timeout: IDLE_SECONDS,
        total_timeout: TOTAL_SECONDS,
        queue: { max_wait: QUEUE_SECONDS },
      },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});
interface Ended {
  readonly status: number;
  readonly message: string;
  readonly text: string;
  readonly tookMs: number;
  readonly row: SpendRow | undefined;
}

/** By the request's `user`, so that many can run at once. */
const behaviours = new Map<string, Behaviour>();

async function ask(body: object, behaviour: Behaviour, headers: Record<string, string> = {}): Promise<Ended> {
  const user = crypto.randomUUID();
  behaviours.set(user, behaviour);
  const startedAtMs = performance.now();
  const messages = [{ role: 'user', content: 'Count to 10' }];
  const answer = await gateway.ask({ model: 'm', messages, user, ...body }, headers);
  const text = await answer.text();
  const tookMs = performance.now() - startedAtMs;
  const isStream = answer.headers.get('content-type')?.includes('event-stream') ?? false;
  const error = isStream ? readEvents(text).error : JSON.parse(text).error;
  const id = answer.headers.get('x-litellm-call-id');
  const row = (await gateway.rows()).find((one) => one['litellm_call_id'] === id);
  return { status: answer.status, message: String(error?.message), text, tookMs, row };
}

/** The row's own words. */
const rowSays = ({ row }: Ended): unknown => row?.['tollgate'];
const STREAM = { stream: true };
/** Drips its first event for longer than any limit. */
const DRIPS: Behaviour = { dripMs: 30 };
const STEADY: Behaviour = { dripMs: 30, dripAfter: 4 };

describe('the limit that ended a call', () => {
  const cases: readonly [name: string, body: object, behaviour: Behaviour, status: number, message: string][] = [
    ['for the first byte', {}, { silent: true }, 408, 'The upstream did not answer within 0.9 seconds.'],
    ['for the first byte of a stream', { ...STREAM, stream_timeout: 20 }, { silent: true }, 408, 'within 0.9 seconds.'],
    ['of the deployment', { model: 'short' }, { silent: true }, 408, 'did not answer within 0.3 seconds.'],
    [
      'of the deployment, for all of it',
      { model: 'short' },
      DRIPS,
      408,
      'did not finish its answer within 0.3 seconds.',
    ],
    [
      'of the deployment for streams',
      { model: 'short streams', ...STREAM },
      { silent: true },
      408,
      'within 0.3 seconds.',
    ],
    ['of the router for streams', STREAM, { silent: true }, 408, 'did not answer within 0.8 seconds.'],
    ['of the router for streams, before content', STREAM, DRIPS, 408, 'sent no content within 0.8 seconds.'],
    ['of the request', { timeout: 0.2 }, { silent: true }, 408, 'did not answer within 0.2 seconds.'],
    ['of the request for streams', { ...STREAM, stream_timeout: 0.2 }, { silent: true }, 408, 'within 0.2 seconds.'],
    ['of the request, though the deployment’s is longer', { model: 'short streams', timeout: 0.2 }, DRIPS, 408, '0.2'],
    ['of silence', STREAM, { muteAfter: 4 }, 200, 'The upstream said nothing for 0.5 seconds.'],
    ['of silence before content', STREAM, { muteAfter: 0 }, 408, 'The upstream said nothing for 0.5 seconds.'],
    ['for the whole call', STREAM, STEADY, 200, 'The answer took longer than 1.5 seconds.'],
  ];

  const ends = new Map<string, Ended>();
  beforeAll(async () => {
    await Promise.all(cases.map(async ([name, body, behaviour]) => ends.set(name, await ask(body, behaviour))));
  });

  test.each(cases)('%s is told, and the row has it', (...[name, , , status, message]) => {
    const ended = ends.get(name);
    if (!ended) throw new Error('It was not asked.');
    expect([ended.status, ended.message]).toEqual([status, expect.stringContaining(message)]);
    expect(ended.tookMs).toBeLessThan(2_000);
    expect(rowSays(ended)).toMatchObject({
      status: status === 200 ? 'truncated' : 'failure',
      error: expect.objectContaining({ message: ended.message }),
    });
  });

  test('closes the upstream’s connection', async () => {
    expect(await Promise.all(upstream.requests.map(({ closed }) => closed))).toHaveLength(cases.length);
  });

  test('can come in a header', async () => {
    expect((await ask({}, { silent: true }, { 'x-litellm-timeout': '0.2' })).message).toContain('0.2 seconds');
    const streamed = await ask(STREAM, { silent: true }, { 'x-litellm-stream-timeout': '0.2' });
    expect(streamed.message).toContain('0.2 seconds');
  });
});

test('the limit for waiting in a queue is told too, and nobody was asked', async () => {
  const made = await gateway.post('/key/generate', { rpm_limit: 1 });
  const { key } = (await made.json()) as { key: string }; // As documented.
  const headers = { authorization: `Bearer ${key}` };
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], user: 'in a queue' };
  expect((await gateway.ask(body, headers)).status).toBe(200);
  const before = upstream.requests.length;
  const startedAtMs = performance.now();
  const answer = await gateway.ask(body, headers);
  expect(performance.now() - startedAtMs).toBeWithin(QUEUE_SECONDS * 1_000 - 20, 1_500);
  expect(answer.status).toBe(429);
  expect(await answer.json()).toMatchObject({
    error: { type: 'rate_limit_error', limit: { unit: 'requests', max: 1 } },
  });
  expect(upstream.requests.length).toBe(before);
});

describe('comments that keep a client waiting', () => {
  test('do not put off the limit of silence', async () => {
    const { message, text } = await ask(STREAM, { muteAfter: 4 });
    expect(text.split('\n').filter((line) => line.startsWith(':')).length).toBeGreaterThanOrEqual(2);
    expect(message).toBe('The upstream said nothing for 0.5 seconds.');
  });

  test('those of the upstream do put it off, but not the limit for content', async () => {
    const pings = Array.from({ length: 200 }, () => ': ping\n\n').join('');
    const body = Buffer.from(pings);
    const behaviour: Behaviour = { body, headers: { 'content-type': 'text/event-stream' }, dripMs: 20 };
    expect((await ask(STREAM, behaviour)).message).toBe('The upstream sent no content within 0.8 seconds.');
  });
});

describe('the limit for a connection', () => {
  let deaf: Server;
  let full: FullHouse;
  let place: Gateway;
  let connections = 0;
  beforeAll(async () => {
    full = await startFullHouse();
    // It accepts and says nothing: there, and not dead.
    deaf = createServer((socket) => {
      connections++;
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const address = deaf.address();
    const port = typeof address === 'object' ? address?.port : 0;
    place = await startGateway({
      config: {
        model_list: [
          deployment(upstream, 'deaf', { api_base: `http://127.0.0.1:${port}/v1` }),
          deployment(upstream, 'warm'),
          deployment(upstream, 'full', { api_base: `http://127.0.0.1:${full.port}/v1` }),
          deployment(upstream, 'full, with fallback', { api_base: `http://127.0.0.1:${full.port}/v1` }),
        ],
        router_settings: { num_retries: 0, fallbacks: [{ 'full, with fallback': ['warm'] }] },
        tollgate_settings: { connect_timeout: 0.2, first_byte_timeout: 0.6 },
      },
    });
  });
  afterAll(async () => {
    await place?.stop();
    deaf?.close();
    full?.stop();
  });

  test('ends an attempt at one that accepts nothing, long before the first byte is due', async () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    const startedAtMs = performance.now();
    const answer = await place.ask({ model: 'full', messages });
    expect(performance.now() - startedAtMs).toBeWithin(150, 500);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('The upstream accepted no connection within 0.2 seconds.');
    const rescued = await place.ask({ model: 'full, with fallback', messages });
    expect([rescued.status, rescued.headers.get('x-litellm-model-group')]).toEqual([200, 'warm']);
  });

  test('leaves one that accepts and thinks its time for the first byte, and asks it once', async () => {
    const answer = await place.ask({ model: 'deaf', messages: [{ role: 'user', content: 'Hi' }] });
    expect(answer.status).toBe(408);
    expect(await answer.text()).toContain('did not answer within 0.6 seconds');
    expect(connections).toBe(2);
  });

  test('costs a warm upstream nothing: nobody asks it', async () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    await (await place.ask({ model: 'warm', messages })).text();
    const before = upstream.connections;
    behaviours.set('slow', { delayMs: 300 });
    expect((await place.ask({ model: 'warm', messages, user: 'slow' })).status).toBe(200);
    expect(upstream.connections).toBe(before);
  });
});
