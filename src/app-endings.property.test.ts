/** However calls end, and whatever ends beside them: each leaves exactly one row that says how it ended. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type AppPlace, startAppPlace } from '../test/support/app-place.ts';
import { until } from '../test/support/until.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../test/support/upstream.ts';
import type { RowStatus } from './db/request-row.ts';

interface Ending {
  readonly status: RowStatus;
  readonly httpStatus: number;
  /** Upstream attempts, as the row should have them. */
  readonly attempts: number;
  readonly model?: string;
  readonly stream?: boolean;
  readonly key?: string;
  readonly body?: string;
  /** By attempt, from 0. */
  readonly behave?: (attempt: number) => Behaviour;
  /** When the client goes away. */
  readonly leaves?: 'before an answer' | 'in the stream';
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  'a whole answer': { status: 'success', httpStatus: 200, attempts: 1 },
  'a stream': { status: 'success', httpStatus: 200, attempts: 1, stream: true },
  'a refusal': { status: 'failure', httpStatus: 400, attempts: 1, behave: () => ({ status: 400 }) },
  'a stream refused': {
    status: 'failure',
    httpStatus: 400,
    attempts: 1,
    stream: true,
    behave: () => ({ status: 422 }),
  },
  'failures to the last retry': { status: 'failure', httpStatus: 500, attempts: 3, behave: () => ({ status: 500 }) },
  'a second attempt that answers': {
    status: 'success',
    httpStatus: 200,
    attempts: 2,
    behave: (at) => (at === 0 ? { status: 503 } : {}),
  },
  'a stream on the third attempt': {
    status: 'success',
    httpStatus: 200,
    attempts: 3,
    stream: true,
    behave: (at) => (at < 2 ? { refuse: 'close' } : {}),
  },
  'a fallback': {
    status: 'success',
    httpStatus: 200,
    attempts: 2,
    model: 'falling',
    behave: (at) => (at === 0 ? { status: 401 } : {}),
  },
  'an upstream cut in the stream': {
    status: 'truncated',
    httpStatus: 200,
    attempts: 1,
    stream: true,
    behave: () => ({ cut: { after: 3, how: 'close' } }),
  },
  'nonsense instead of an answer': {
    status: 'failure',
    httpStatus: 502,
    attempts: 3,
    behave: () => ({ body: 'no JSON' }),
  },
  'a client that waits no longer': {
    status: 'aborted',
    httpStatus: 499,
    attempts: 1,
    behave: () => ({ silent: true }),
    leaves: 'before an answer',
  },
  'a client that leaves a stream': {
    status: 'aborted',
    httpStatus: 499,
    attempts: 1,
    stream: true,
    behave: () => ({ muteAfter: 3 }),
    leaves: 'in the stream',
  },
  'a model that is not there': { status: 'failure', httpStatus: 400, attempts: 0, model: 'nobody' },
  'a key that is not there': { status: 'failure', httpStatus: 401, attempts: 0, key: 'sk-nobody' },
  'a body that is no JSON': { status: 'failure', httpStatus: 400, attempts: 0, body: '{"model": ' },
};

/** The body's `x_call` says which call an upstream request belongs to. */
class Calls {
  readonly upstream: Upstream;
  readonly place: AppPlace;
  readonly #made = new Map<string, Ending>();
  readonly #attempts = new Map<string, number>();

  constructor(upstream: Upstream, place: AppPlace) {
    this.upstream = upstream;
    this.place = place;
    upstream.behave = (request) => this.#behave(request);
  }

  get made(): ReadonlyMap<string, Ending> {
    return this.#made;
  }

  #behave({ body }: SeenRequest): Behaviour {
    const id = String(body['x_call']);
    const attempt = this.#attempts.get(id) ?? 0;
    this.#attempts.set(id, attempt + 1);
    return this.#made.get(id)?.behave?.(attempt) ?? {};
  }

  async make(ending: Ending): Promise<void> {
    const id = crypto.randomUUID();
    this.#made.set(id, ending);
    const { model = 'plain', stream = false, key, body, leaves } = ending;
    const client = new AbortController();
    const asked = { model, stream, messages: [{ role: 'user', content: 'Hello' }], x_call: id };
    const answering = this.place.ask(body ?? asked, {
      headers: { 'x-litellm-call-id': id },
      signal: client.signal,
      ...(key !== undefined && { key }),
    });
    if (leaves === 'before an answer') {
      await until(() => this.#attempts.has(id), Boolean);
      client.abort();
      await answering.catch(() => undefined);
      return;
    }
    const answer = await answering;
    if (leaves === 'in the stream') {
      await answer.body?.getReader().read();
      client.abort();
      return;
    }
    if (ending.status !== 'truncated') expect(answer.status).toBe(ending.httpStatus);
    await answer.text();
  }
}

test('each call leaves one row with its status, and no request stays open', async () => {
  const upstream = await startUpstream();
  const params = { api_base: upstream.url, api_key: 'k', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };
  const place = await startAppPlace({
    // Three of a name, so that a retry finds a fresh one and need not wait.
    model_list: ['plain', 'plain', 'plain', 'falling', 'soft'].map((name, at) => ({
      model_name: name,
      litellm_params: { model: `openai/${name}`, ...params },
      model_info: { id: `${name}-${at}` },
    })),
    router_settings: { disable_cooldowns: true, num_retries: 2, retry_after: 0, fallbacks: [{ falling: ['soft'] }] },
  });
  const calls = new Calls(upstream, place);
  const step = fc.record({ ending: fc.constantFrom(...Object.keys(ENDINGS)), together: fc.boolean() });
  const all = Object.keys(ENDINGS).map((ending) => ({ ending, together: true }));

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const before = new Set(calls.made.keys());
      const running: Promise<void>[] = [];
      for (const { ending, together } of steps) {
        const made = calls.make(ENDINGS[ending] as Ending); // One of its own names.
        running.push(made);
        if (!together) await made;
      }
      await Promise.all(running);
      for (const [id, { status, httpStatus, attempts }] of calls.made) {
        if (before.has(id)) continue;
        const rows = await place.rows({ requestId: id }, 1);
        expect(rows.map((row) => [row.status, row.httpStatus, row.attempts.length])).toEqual([
          [status, httpStatus, attempts],
        ]);
      }
    }),
    { numRuns: 8, examples: [[all]], endOnFailure: true },
  );

  const { rows, warnings, openIntents } = await place.stop();
  await upstream.stop();
  expect(rows.map(({ callId }) => callId).sort()).toEqual([...calls.made.keys()].sort());
  expect({ warnings, openIntents }).toEqual({ warnings: [], openIntents: 0 });
});
