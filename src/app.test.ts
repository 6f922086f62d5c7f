/** Starting, reloading and stopping; what passes through a running gateway is in the tests with random requests. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type AppPlace, startAppPlace } from '../test/support/app-place.ts';
import { readEvents } from '../test/support/sse.ts';
import { until } from '../test/support/until.ts';
import { startUpstream, type Upstream } from '../test/support/upstream.ts';

let upstream: Upstream;
let place: AppPlace;
let isStopped: boolean;

const entry = (name: string, params: object = {}) => ({
  model_name: name,
  litellm_params: { model: `openai/${name}`, api_base: upstream.url, api_key: 'k', ...params },
});

const start = async (tollgate: object = {}): Promise<void> => {
  place = await startAppPlace({
    model_list: [entry('a')],
    router_settings: { num_retries: 0 },
    tollgate_settings: tollgate,
  });
};
const stop: AppPlace['stop'] = () => {
  isStopped = true;
  return place.stop();
};

beforeEach(async () => {
  isStopped = false;
  upstream = await startUpstream();
});
afterEach(async () => {
  if (!isStopped) await place.stop();
  await upstream.stop();
});

const asked = (model: string, more: object = {}) => ({ model, messages: [{ role: 'user', content: 'Hi' }], ...more });
const models = async (): Promise<string[]> => {
  const { data } = (await (await place.fetch('/v1/models')).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
};

describe('a start', () => {
  test('listens on a free port and is ready, with nothing waiting to be written', async () => {
    await start();
    expect(place.url).toBe(`http://127.0.0.1:${place.app.listener.port}`);
    expect(await (await place.fetch('/health/readiness', { key: '' })).json()).toEqual({
      status: 'healthy',
      db: 'connected',
    });
  });

  test("with a key of the operator's makes no other", async () => {
    await start();
    expect([place.app.masterKey.made, place.app.tryKey]).toEqual([undefined, undefined]);
  });
});

describe('a reload', () => {
  test('serves the new models to the next request, and the old ones no more', async () => {
    await start();
    place.app.reload(place.configOf({ model_list: [entry('b')] }));
    expect(await models()).toEqual(['b']);
    expect((await place.ask(asked('b'))).status).toBe(200);
    expect((await place.ask(asked('a'))).status).toBe(400);
  });

  test('takes limits and origins with it', async () => {
    await start();
    const origin = 'https://page.example';
    place.app.reload(
      place.configOf({
        model_list: [entry('a')],
        general_settings: { max_request_size_mb: 0.001 },
        tollgate_settings: { cors_origins: [origin] },
      }),
    );
    expect((await place.ask(asked('a', { padding: 'x'.repeat(2_000) }))).status).toBe(413);
    const answer = await place.ask(asked('a'), { headers: { origin } });
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
  });

  test('prices with the new prices', async () => {
    await start();
    const costAt = async (price: number): Promise<string | null> => {
      const prices = { input_cost_per_token: price, output_cost_per_token: price };
      place.app.reload(place.configOf({ model_list: [entry('a', prices)] }));
      return (await place.ask(asked('a'))).headers.get('x-litellm-response-cost');
    };
    const [low, high] = [Number(await costAt(1e-6)), Number(await costAt(2e-6))];
    expect(low).toBeGreaterThan(0);
    expect(high).toBeCloseTo(2 * low, 9);
  });

  test('that fails leaves everything as it was', async () => {
    await start();
    const { runtime } = place.app;
    const faulty = place.configOf({ model_list: [{ model_name: 'x', litellm_params: { model: 'mystery' } }] });
    expect(() => place.app.reload(faulty)).toThrow('mystery');
    expect(place.app.runtime).toBe(runtime);
    expect((await place.ask(asked('a'))).status).toBe(200);
  });

  test('does not touch what is under way', async () => {
    await start();
    upstream.behave = () => ({ paceMs: 10 });
    const answer = await place.ask(asked('a', { stream: true }));
    place.app.reload(place.configOf({ model_list: [entry('b')] }));
    expect(readEvents(await answer.text()).isDone).toBe(true);
    const { rows } = await stop();
    expect(rows.map(({ status, requestedModel }) => [status, requestedModel])).toEqual([['success', 'a']]);
  });
});

describe('a stop', () => {
  test('waits for a stream, writes its row and takes nobody new', async () => {
    await start();
    upstream.behave = () => ({ paceMs: 20 });
    const answer = await place.ask(asked('a', { stream: true }));
    const stopping = stop();
    expect(readEvents(await answer.text()).isDone).toBe(true);
    const { rows, warnings } = await stopping;
    expect([rows.map(({ status }) => status), warnings]).toEqual([['success'], []]);
    await expect(place.fetch('/health/liveness')).rejects.toThrow();
  });

  test('ends what outlasts its time with words of its own, and the rows say so', async () => {
    await start({ drain_timeout: 0.1 });
    upstream.behave = ({ body }) => (body['stream'] === true ? { muteAfter: 3 } : { silent: true });
    const stream = await place.ask(asked('a', { stream: true }));
    const waiting = place.ask(asked('a'));
    await upstream.arrived(2);
    const [streamed, whole, { rows, warnings, openIntents }] = await Promise.all([stream.text(), waiting, stop()]);
    expect(readEvents(streamed)).toMatchObject({
      isDone: false,
      error: { message: expect.stringContaining('stopped') },
    });
    expect([whole.status, Object(await whole.json()).error.message]).toEqual([503, expect.stringContaining('stopped')]);
    expect(new Set(rows.map(({ stream: isStream, status }) => `${isStream} ${status}`))).toEqual(
      new Set(['true truncated', 'false failure']),
    );
    expect([warnings, openIntents]).toEqual([[], 0]);
  });

  test('loses no row of many that had just been answered', async () => {
    await start();
    const answers = await Promise.all(Array.from({ length: 60 }, () => place.ask(asked('a'))));
    const ids = answers.map(({ headers }) => headers.get('x-litellm-call-id') ?? '');
    const { rows } = await stop();
    expect(rows.map(({ callId }) => callId).sort()).toEqual(ids.sort());
  });
});

describe('the rows that wait to be written', () => {
  test('are counted, and are none after a moment', async () => {
    await start();
    await place.ask(asked('a'));
    const pending = async (): Promise<number> =>
      Object(await (await place.fetch('/health/readiness/details')).json()).pending_rows;
    expect(await until(pending, (count) => count === 0)).toBe(0);
    expect(await place.rows({}, 1)).toHaveLength(1);
  });
});

test('neither keys nor prompts nor answers are in the log of the program', async () => {
  await start();
  upstream.behave = () => ({ status: 500 });
  const key = await place.key();
  await place.ask(asked('a', { messages: [{ role: 'user', content: 'my-prompt' }] }), { key });
  await place.ask('{"my-prompt', { key });
  await stop();
  expect(place.logged.join('')).not.toMatch(/my-prompt|sk-/);
});
