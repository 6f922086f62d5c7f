/** Health and readiness of the whole gateway, with the upstreams' own count of calls as the witness. */
import { afterEach, describe, expect, test } from 'bun:test';
import { type AppPlace, startAppPlace } from '../support/app-place.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const messages = [{ role: 'user', content: 'Hello' }];
const SECRET = 'sk-of-the-provider';
let upstream: Upstream;
let place: AppPlace | undefined;

afterEach(async () => {
  await place?.stop();
  await upstream?.stop();
  place = undefined;
});

async function start(sections: Readonly<Record<string, object>> = {}): Promise<AppPlace> {
  upstream = await startUpstream();
  const deployment = (name: string, params: object = {}): object => ({
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_base: upstream.url, api_key: SECRET, ...params },
    model_info: { id: `id-of-${name}`, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
  });
  place = await startAppPlace({
    model_list: [
      deployment('good'),
      deployment('bad'),
      deployment('canned', { mock_response: 'Hi.' }),
      deployment('any/*', { model: 'openai/*' }),
    ],
    router_settings: { num_retries: 0, cooldown_time: 60 },
    ...sections,
  });
  upstream.behave = ({ body }) => (body['model'] === 'bad' ? { status: 503 } : {});
  return place;
}

interface Endpoint {
  readonly model_id: string;
  readonly error?: string;
  readonly tollgate: { readonly source: string; readonly state: string };
}
interface HealthAnswer {
  readonly healthy_endpoints: readonly Endpoint[];
  readonly unhealthy_endpoints: readonly Endpoint[];
  readonly tollgate: { readonly probed: number; readonly probes_left_this_hour: number };
}

async function health(query = ''): Promise<HealthAnswer> {
  const answer = await place?.fetch(`/health${query}`);
  expect(answer?.status).toBe(200);
  const text = (await answer?.text()) ?? '';
  expect(text).not.toContain(SECRET);
  return JSON.parse(text);
}

describe('GET /health', () => {
  test('answers from traffic and asks nobody', async () => {
    const { ask } = await start();
    await ask({ model: 'good', messages });
    for (let time = 0; time < 5; time++) await ask({ model: 'bad', messages });
    const asked = upstream.requests.length;
    const { healthy_endpoints, unhealthy_endpoints } = await health();
    expect(unhealthy_endpoints).toMatchObject([
      { model_id: 'id-of-bad', error: 'upstream_unavailable', tollgate: { source: 'traffic', state: 'down' } },
    ]);
    expect(healthy_endpoints.map(({ model_id, tollgate }) => [model_id, tollgate.source])).toEqual([
      ['id-of-good', 'traffic'],
      ['id-of-canned', 'untried'],
      ['id-of-any/*', 'untried'],
    ]);
    expect(upstream.requests.length).toBe(asked);
  });

  test('tells in the history when a deployment was left alone', async () => {
    const { ask, fetch } = await start();
    for (let time = 0; time < 5; time++) await ask({ model: 'bad', messages });
    const { health_checks } = (await (await fetch('/health/history')).json()) as { health_checks: object[] };
    expect(health_checks).toMatchObject([
      { model_id: 'id-of-bad', model_name: 'bad', status: 'unhealthy', details: { event: 'cooled_down' } },
    ]);
  });
});

describe('GET /health with health_checks', () => {
  const on = { tollgate_settings: { health_checks: true, health_check_max_tokens: 3, health_checks_per_hour: 3 } };

  test('asks each deployment that can be asked once, for a short answer, and writes down what it cost', async () => {
    const { rows } = await start(on);
    expect(upstream.requests.length).toBe(0);
    const { healthy_endpoints, unhealthy_endpoints, tollgate } = await health();
    expect(upstream.requests.map(({ body }) => [body['model'], body['max_tokens']]).sort()).toEqual([
      ['bad', 3],
      ['good', 3],
    ]);
    expect(unhealthy_endpoints).toMatchObject([{ model_id: 'id-of-bad', tollgate: { source: 'probe' } }]);
    expect(healthy_endpoints[0]).toMatchObject({ model_id: 'id-of-good', tollgate: { source: 'probe' } });
    expect(tollgate).toMatchObject({ probed: 2, probes_left_this_hour: 1 });
    const recorded = await rows({}, 2);
    expect(recorded.map(({ route }) => route)).toEqual(['/health', '/health']);
    expect(recorded.some(({ costNanoUsd }) => (costNanoUsd ?? 0) > 0)).toBe(true);
  });

  test('stops asking when the hour’s budget is used up, and goes on telling what it knows', async () => {
    await start(on);
    for (let time = 0; time < 4; time++) await health('?model_id=id-of-good');
    expect(upstream.requests.length).toBe(3);
    const last = await health('?model_id=id-of-good');
    expect(last.tollgate).toMatchObject({ probed: 0, probes_left_this_hour: 0 });
    expect(last.healthy_endpoints).toMatchObject([{ tollgate: { source: 'traffic' } }]);
  });

  test('asks the deployment alone: no copy goes to its silent_model', async () => {
    const copied = { model: 'openai/copied', api_base: '', api_key: SECRET, silent_model: 'good' };
    const { app, configOf } = await start(on);
    const list = [
      {
        model_name: 'good',
        litellm_params: { ...copied, model: 'openai/good', api_base: upstream.url, silent_model: undefined },
      },
      { model_name: 'copied', litellm_params: { ...copied, api_base: upstream.url } },
    ];
    app.reload(configOf({ model_list: list, ...on }));
    await health('?model=copied');
    await health('?model=good');
    expect(upstream.requests.map(({ body }) => body['model'])).toEqual(['copied', 'good']);
  });

  test('is what background_health_checks asks for too, and never asks by itself', async () => {
    await start({ general_settings: { background_health_checks: true } });
    await place?.fetch('/health/readiness');
    await place?.fetch('/health/latest');
    expect(upstream.requests.length).toBe(0);
    await health('?model=good');
    expect(upstream.requests.length).toBe(1);
  });
});

describe('readiness', () => {
  test('tells strangers two things, and admins the rest', async () => {
    const { fetch, key } = await start();
    expect(await (await fetch('/health/readiness', { key: '' })).json()).toEqual({
      status: 'healthy',
      db: 'connected',
    });
    expect((await fetch('/health/readiness/details', { key: '' })).status).toBe(401);
    expect((await fetch('/health/readiness/details', { key: await key() })).status).toBe(403);
    const details = await fetch('/health/readiness/details');
    expect(details.status).toBe(200);
    expect(await details.json()).toMatchObject({
      status: 'healthy',
      db: 'connected',
      version: '0.0.0-test',
      stopping: false,
      pending_rows: expect.any(Number),
      config: { models: 4, deployments: 4 },
      routing_strategy: 'simple-shuffle',
    });
  });

  test('has open details where the operator says so', async () => {
    const { fetch } = await start({ general_settings: { allow_public_health_readiness_details: true } });
    expect((await fetch('/health/readiness/details', { key: '' })).status).toBe(200);
  });

  test('details tell of a reload', async () => {
    const { fetch, app, configOf } = await start();
    const read = async () =>
      (await (await fetch('/health/readiness/details')).json()) as { config: { loaded_at: string } };
    const before = (await read()).config;
    app.reload(configOf({ model_list: [], router_settings: { routing_strategy: 'least-busy' } }));
    const after = await read();
    expect(after).toMatchObject({ config: { models: 0 }, routing_strategy: 'least-busy' });
    expect(after.config.loaded_at >= before.loaded_at).toBe(true);
  });

  test('is over when the gateway is being stopped, while what is under way is finished', async () => {
    const { app, ask } = await start();
    upstream.behave = () => ({ delayMs: 300 });
    const answer = ask({ model: 'good', messages });
    await upstream.arrived(1);
    const stopping = place?.stop();
    place = undefined;
    const ready = await fetch(`${app.listener.url}/health/readiness`).then(
      ({ status }) => status,
      () => 'no connection is taken',
    );
    expect([503, 'no connection is taken']).toContain(ready);
    expect((await answer).status).toBe(200);
    await stopping;
  });
});
