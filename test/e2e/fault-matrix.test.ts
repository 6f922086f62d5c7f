/**
 * Every fault of an upstream × {before, after its first content} × {stream, whole} × {one deployment with a retry, a
 * fallback group}. What each cell answers is written down as data; how often the upstream was asked, it says itself.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, type SpendRow, startGateway } from '../support/gateway.ts';
import { COUNT } from '../support/model-zoo.ts';
import { readEvents, type Streamed } from '../support/sse.ts';
import { type Behaviour, startUpstream, type Upstream } from '../support/upstream.ts';
import { AFTER, BEFORE } from '../support/upstream-faults.ts';

type Moment = 'before' | 'after';
type Shape = 'stream' | 'whole';
type Setup = 'alone' | 'with fallback';

/** How the gateway answers, and what it cost the upstream. */
interface Expected {
  readonly status: number;
  /** `error.type`, of the answer or of the event that ends a stream. */
  readonly type: string | null;
  /** Whether the fallback's words are the answer. */
  readonly isFallback: boolean;
  /** Times the deployment at fault was asked, as it counts itself. */
  readonly calls: number;
  readonly isDone: boolean;
  readonly row: 'success' | 'failure' | 'truncated';
  /** In the row. */
  readonly attempts: number;
}

const failure = (status: number, type: string, calls: number, attempts = calls): Expected => ({
  ...{ status, type, calls, attempts },
  ...{ isFallback: false, isDone: false, row: 'failure' },
});

const rescued = (calls: number, isDone: boolean): Expected => ({
  ...{ status: 200, type: null, calls, isDone, attempts: 2 },
  ...{ isFallback: true, row: 'success' },
});

/** Content was sent: there is no going back. */
const truncated = (type: string): Expected => ({
  ...{ status: 200, type, calls: 1, attempts: 1 },
  ...{ isFallback: false, isDone: false, row: 'truncated' },
});

const SERVER = 'internal_server_error';
const REQUEST = 'invalid_request_error';
const DONE = rescued(1, true);
const WHOLE = rescued(1, false);

type Row = readonly [fault: string, moment: Moment, shape: Shape, alone: Expected, withFallback: Expected];

const MATRIX: readonly Row[] = [
  // Nobody is there to count; the row does.
  ['refused', 'before', 'stream', failure(500, SERVER, 0, 2), rescued(0, true)],
  ['refused', 'before', 'whole', failure(500, SERVER, 0, 2), rescued(0, false)],
  ['TLS error', 'before', 'stream', failure(500, SERVER, 2), DONE],
  ['TLS error', 'before', 'whole', failure(500, SERVER, 2), WHOLE],
  ['reset', 'before', 'stream', failure(500, SERVER, 2), DONE],
  ['reset', 'before', 'whole', failure(500, SERVER, 2), WHOLE],
  ['429 with Retry-After', 'before', 'stream', failure(429, 'rate_limit_error', 2), DONE],
  ['429 with Retry-After', 'before', 'whole', failure(429, 'rate_limit_error', 2), WHOLE],
  ['429 without', 'before', 'stream', failure(429, 'rate_limit_error', 2), DONE],
  ['429 without', 'before', 'whole', failure(429, 'rate_limit_error', 2), WHOLE],
  ['500', 'before', 'stream', failure(500, SERVER, 2), DONE],
  ['500', 'before', 'whole', failure(500, SERVER, 2), WHOLE],
  ['503', 'before', 'stream', failure(503, SERVER, 2), DONE],
  ['503', 'before', 'whole', failure(503, SERVER, 2), WHOLE],
  ['529', 'before', 'stream', failure(500, SERVER, 2), DONE],
  ['529', 'before', 'whole', failure(500, SERVER, 2), WHOLE],
  ['mute', 'before', 'stream', failure(408, REQUEST, 2), DONE],
  ['mute', 'before', 'whole', failure(408, REQUEST, 2), WHOLE],
  ['slow drip', 'before', 'stream', failure(408, REQUEST, 2), DONE],
  ['slow drip', 'before', 'whole', failure(408, REQUEST, 2), WHOLE],
  ['garbage', 'before', 'stream', failure(502, SERVER, 2), DONE],
  ['garbage', 'before', 'whole', failure(502, SERVER, 2), WHOLE],
  ['cut', 'before', 'stream', failure(502, SERVER, 2), DONE],
  ['cut', 'before', 'whole', failure(502, SERVER, 2), WHOLE],
  ['error event', 'before', 'stream', failure(500, SERVER, 2), DONE],
  ['error event', 'before', 'whole', failure(500, SERVER, 2), WHOLE],
  ['error event after the role', 'before', 'stream', failure(500, SERVER, 2), DONE],
  ['overloaded event', 'before', 'stream', failure(500, SERVER, 2), DONE],
  ['overloaded event', 'before', 'whole', failure(500, SERVER, 2), WHOLE],
  // A whole answer is nobody's until it is whole.
  ['reset', 'after', 'stream', truncated(SERVER), truncated(SERVER)],
  ['reset', 'after', 'whole', failure(502, SERVER, 2), WHOLE],
  ['mute', 'after', 'stream', truncated(REQUEST), truncated(REQUEST)],
  ['mute', 'after', 'whole', failure(408, REQUEST, 2), WHOLE],
  ['slow drip', 'after', 'stream', truncated(REQUEST), truncated(REQUEST)],
  ['slow drip', 'after', 'whole', failure(408, REQUEST, 2), WHOLE],
  ['garbage', 'after', 'stream', truncated(SERVER), truncated(SERVER)],
  ['garbage', 'after', 'whole', failure(502, SERVER, 2), WHOLE],
  ['cut', 'after', 'stream', truncated(SERVER), truncated(SERVER)],
  ['cut', 'after', 'whole', failure(502, SERVER, 2), WHOLE],
  ['error event', 'after', 'stream', truncated(SERVER), truncated(SERVER)],
  ['overloaded event', 'after', 'stream', truncated(SERVER), truncated(SERVER)],
  ['error event', 'after', 'whole', failure(500, SERVER, 2), WHOLE],
];

interface Cell {
  readonly name: string;
  readonly fault: string;
  readonly shape: Shape;
  readonly setup: Setup;
  readonly expected: Expected;
  readonly behaviour: Behaviour;
}

const CELLS: readonly Cell[] = MATRIX.flatMap(([fault, moment, shape, alone, withFallback]) => {
  const behaviour = (moment === 'before' ? BEFORE : AFTER)[fault]?.[shape];
  if (!behaviour) throw new Error(`Nobody knows how a fake upstream does ${fault} ${moment} its content.`);
  const name = `${fault}, ${moment}, ${shape}`;
  return [
    { name: `${name}, alone`, fault, shape, setup: 'alone', expected: alone, behaviour },
    { name: `${name}, with fallback`, fault, shape, setup: 'with fallback', expected: withFallback, behaviour },
  ];
});

/** What a cell really answered. */
interface Found {
  readonly response: Response;
  readonly text: string;
  readonly tookMs: number;
  readonly rows: readonly SpendRow[];
  readonly calls: number;
  readonly fallbackCalls: number;
}

/** Every cell has its own upstream, so that its count is nobody else's. */
const upstreams = new Map<string, Upstream>();
const found = new Map<string, Found>();
let fallback: Upstream;
let gateway: Gateway;

/** The whole call's limit, for the drip that never ends; above all that is waited for elsewhere. */
const TOTAL_SECONDS = 2.4;
const ATTEMPT_SECONDS = 0.8;
const NOBODY = 'http://127.0.0.1:1/v1';

function addressOf({ name, fault }: Cell): string {
  if (fault === 'refused') return NOBODY;
  const upstream = upstreams.get(name);
  return (fault === 'TLS error' ? upstream?.httpsUrl : upstream?.url) ?? '';
}

const isLate = ({ fault }: Cell): boolean => fault === 'mute' || fault === 'slow drip';

const modelOf = (cell: Cell): object => {
  const upstream = upstreams.get(cell.name);
  return (upstream &&
    deployment(upstream, cell.name, {
      ...{ model: 'openai/m', api_base: addressOf(cell) },
      // Elsewhere a busy machine must not run into it.
      ...(isLate(cell) && { timeout: ATTEMPT_SECONDS }),
      num_retries: cell.setup === 'alone' ? 1 : 0,
    })) as object; // Started before.
};

beforeAll(async () => {
  fallback = await startUpstream(() => ({ content: COUNT }));
  for (const { name, behaviour } of CELLS) upstreams.set(name, await startUpstream(() => behaviour));
  gateway = await startGateway({
    config: {
      model_list: [...CELLS.map(modelOf), deployment(fallback, 'well')],
      router_settings: {
        fallbacks: CELLS.filter(({ setup }) => setup !== 'alone').map(({ name }) => ({ [name]: ['well'] })),
      },
      tollgate_settings: { total_timeout: TOTAL_SECONDS },
    },
  });
  // Those that wait for a 429 to clear share a budget of retries: one after the other.
  const isBusy = ({ fault, setup }: Cell): boolean => fault.startsWith('429') && setup === 'alone';
  await Promise.all([
    ...CELLS.filter((cell) => !isBusy(cell)).map(ask),
    CELLS.filter(isBusy).reduce((before, cell) => before.then(() => ask(cell)), Promise.resolve()),
  ]);
  const rows = await gateway.rows('', CELLS.length);
  for (const [name, one] of found) {
    const id = one.response.headers.get('x-litellm-call-id');
    found.set(name, { ...one, rows: rows.filter((row) => row['litellm_call_id'] === id) });
  }
}, 20_000);
afterAll(async () => {
  await gateway?.stop();
  for (const upstream of [...upstreams.values(), fallback]) await upstream?.stop();
});

async function ask({ name, shape, fault }: Cell): Promise<void> {
  const startedAtMs = performance.now();
  const messages = [{ role: 'user', content: `Count to 10 for ${name}.` }];
  const response = await gateway.ask({ model: name, messages, stream: shape === 'stream' });
  const text = await response.text();
  const tookMs = performance.now() - startedAtMs;
  const upstream = upstreams.get(name);
  const calls = (fault === 'TLS error' ? upstream?.handshakes : upstream?.requests.length) ?? Number.NaN;
  const fallbackCalls = fallback.requests.filter(({ text: asked }) => asked.includes(`for ${name}.`)).length;
  found.set(name, { response, text, tookMs, rows: [], calls, fallbackCalls });
}

interface Said {
  readonly error: Record<string, unknown> | undefined;
  readonly isDone: boolean;
  readonly content: string;
  readonly finishReasons: readonly string[];
}

function saidIn({ response, text }: Found): Said {
  if (response.headers.get('content-type')?.includes('event-stream')) return readEvents(text) satisfies Streamed;
  const body = JSON.parse(text);
  const [choice] = body.choices ?? [];
  return { error: body.error, isDone: false, content: choice?.message?.content ?? '', finishReasons: [] };
}

describe.each(CELLS)('$name', ({ name, expected }) => {
  const seen = (): Found => {
    const one = found.get(name);
    if (!one) throw new Error('It was not asked.');
    return one;
  };

  test('is answered as the matrix says', () => {
    const one = seen();
    const said = saidIn(one);
    expect({
      status: one.response.status,
      type: said.error?.['type'] ?? null,
      isFallback: one.response.headers.get('x-litellm-model-group') === 'well',
      calls: one.calls,
      isDone: said.isDone,
      row: rowStatus(one.rows[0]),
      attempts: attemptsIn(one.rows[0]).length,
    }).toEqual(expected);
    expect(one.rows).toHaveLength(1);
    expect(one.fallbackCalls).toBe(expected.isFallback ? 1 : 0);
    expect(one.tookMs).toBeLessThan(TOTAL_SECONDS * 1_000 + 2_000);
  });

  test('is well formed, and its row tells who failed', () => {
    const one = seen();
    const { error, content, finishReasons } = saidIn(one);
    const attempts = attemptsIn(one.rows[0]);
    expect(attempts.map((attempt) => attempt.error === null)).toEqual(
      attempts.map((_, at) => expected.row !== 'failure' && at === attempts.length - 1),
    );
    if (expected.type === null) {
      expect(content).toBe(COUNT);
      return;
    }
    for (const field of ['message', 'type', 'code']) expect(error?.[field]).toBeString();
    expect(finishReasons).toEqual([]);
    expect(content).toStartWith(expected.row === 'truncated' ? '1,' : '');
  });
});

const attemptsIn = (row: SpendRow | undefined): readonly { readonly error: string | null }[] =>
  (row?.['tollgate'] as { attempts: { error: string | null }[] } | undefined)?.attempts ?? []; // The row's own shape.

const rowStatus = (row: SpendRow | undefined): unknown => (row?.['tollgate'] as { status: string } | undefined)?.status; // As above.

test('a 429 that was not to be helped still says when to come back', () => {
  const asked = found.get('429 with Retry-After, before, whole, alone');
  expect(asked?.response.headers.get('retry-after')).toBe('1');
  expect(asked?.tookMs).toBeGreaterThan(1_000);
});

test('the gateway is as well as before', async () => {
  const answer = await gateway.ask({ model: 'well', messages: [{ role: 'user', content: 'Hi' }] });
  expect(answer.status).toBe(200);
  expect(gateway.logs()).not.toContain('unforeseen');
});
