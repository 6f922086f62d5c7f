import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { sampleHealth } from '../../test/support/health-watch.ts';
import type { HealthEvent } from './health-watch.ts';

const place = adminPlace();
const AT_MS = Date.UTC(2026, 0, 31, 11);
const iso = (ms: number): string => new Date(ms).toISOString();
const ids = (endpoints: readonly { model_id: string }[]): string[] => endpoints.map(({ model_id }) => model_id);

describe('GET /health without probes', () => {
  test.each([
    ['untried', {}, true, 'untried'],
    ['one that answered last', { lastSuccessAtMs: AT_MS, lastFailureAtMs: AT_MS - 1 }, true, 'traffic'],
    ['one that failed last', { lastSuccessAtMs: AT_MS - 1, lastFailureAtMs: AT_MS }, false, 'traffic'],
    ['one that only ever failed', { lastFailureAtMs: AT_MS }, false, 'traffic'],
    ['one that is cooling down', { state: 'down' as const, lastFailureAtMs: AT_MS }, false, 'traffic'],
    ['one that may be tried again', { state: 'probe' as const, lastFailureAtMs: AT_MS }, false, 'traffic'],
    ['one that is being tried', { state: 'probing' as const, lastSuccessAtMs: AT_MS }, false, 'traffic'],
  ])('%s', async (_, seen, isHealthy, source) => {
    place.health.list = [sampleHealth(seen)];
    const { status, body } = await place.get('/health');
    expect(status).toBe(200);
    expect([body.healthy_count, body.unhealthy_count]).toEqual(isHealthy ? [1, 0] : [0, 1]);
    const [endpoint] = isHealthy ? body.healthy_endpoints : body.unhealthy_endpoints;
    expect(endpoint.tollgate.source).toBe(source);
    expect(place.health.asked).toEqual([]);
  });

  test('tells all that is known of a deployment', async () => {
    place.health.list = [
      sampleHealth({
        state: 'down',
        downUntilMs: AT_MS + 5_000,
        lastSuccessAtMs: AT_MS - 60_000,
        lastFailureAtMs: AT_MS,
        lastFailure: 'upstream_unavailable',
      }),
    ];
    expect((await place.get('/health')).body).toEqual({
      healthy_endpoints: [],
      unhealthy_endpoints: [
        {
          model: 'openai/gpt-4o-mini',
          model_id: 'deployment-1',
          model_name: 'gpt-4o-mini',
          custom_llm_provider: 'openai',
          api_base: 'https://api.openai.com/v1',
          error: 'upstream_unavailable',
          tollgate: {
            source: 'traffic',
            state: 'down',
            cooling_until: iso(AT_MS + 5_000),
            last_success_at: iso(AT_MS - 60_000),
            last_failure_at: iso(AT_MS),
            last_failure: 'upstream_unavailable',
            response_time_ms: null,
          },
        },
      ],
      healthy_count: 0,
      unhealthy_count: 1,
      tollgate: { probes: false, probed: 0, probes_left_this_hour: 0 },
    });
  });
});

describe('the filters', () => {
  beforeEach(() => {
    place.health.list = [
      sampleHealth({ id: 'a', modelGroup: 'fast', model: 'openai/small' }),
      sampleHealth({ id: 'b', modelGroup: 'fast', model: 'azure/small' }),
      sampleHealth({ id: 'c', modelGroup: 'slow', model: 'openai/large' }),
    ];
  });

  test.each([
    ['?model=fast', ['a', 'b']],
    ['?model=openai/large', ['c']],
    ['?model_id=b', ['b']],
    ['?model=fast&model_id=a', ['a']],
    ['', ['a', 'b', 'c']],
  ])('%s', async (query, expected) => {
    expect(ids((await place.get(`/health${query}`)).body.healthy_endpoints)).toEqual(expected);
  });

  test.each([
    ['?model=none', 'model'],
    ['?model_id=none', 'model_id'],
    ['?model=slow&model_id=a', 'model_id'],
  ])('%s is not found', async (query, param) => {
    const { status, body } = await place.get(`/health${query}`);
    expect([status, body.error.param]).toEqual([404, param]);
  });

  test('an unknown one is refused by name', async () => {
    const { status, body } = await place.get('/health?modle=fast');
    expect([status, body.error.param]).toEqual([400, 'modle']);
  });
});

describe('GET /health with probes', () => {
  beforeEach(() => {
    Object.assign(place.health, {
      isOpen: true,
      left: 2,
      list: ['a', 'b', 'c'].map((id) => sampleHealth({ id, lastFailureAtMs: AT_MS, lastFailure: 'upstream_failed' })),
    });
  });

  test('believes what a probe has shown rather than what traffic has, as far as the hour’s budget goes', async () => {
    place.health.faults = { b: 'upstream_timeout' };
    const { body } = await place.get('/health');
    expect(place.health.asked).toEqual(['a', 'b']);
    expect(ids(body.healthy_endpoints)).toEqual(['a']);
    const told = body.unhealthy_endpoints.map((one: { error: string; tollgate: { source: string } }) => [
      one.error,
      one.tollgate.source,
    ]);
    expect(told).toEqual([
      ['upstream_timeout', 'probe'],
      ['upstream_failed', 'traffic'],
    ]);
    expect(body.tollgate).toEqual({ probes: true, probed: 2, probes_left_this_hour: 0 });
  });

  test('asks only those it was asked about', async () => {
    await place.get('/health?model_id=c');
    expect(place.health.asked).toEqual(['c']);
  });

  test('spends nothing for one who may only look', async () => {
    const { body } = await place.post('/user/new', { user_role: 'proxy_admin_viewer' });
    const answer = await place.get('/health', body.key);
    expect(answer.status).toBe(200);
    expect(answer.body.tollgate.probes).toBe(false);
    expect(place.health.asked).toEqual([]);
  });
});

describe('the last of each and the history', () => {
  const event = (over: Partial<HealthEvent>): HealthEvent => ({
    atMs: AT_MS,
    deploymentId: 'a',
    modelGroup: 'fast',
    model: 'openai/small',
    kind: 'cooled_down',
    untilMs: null,
    error: null,
    durationMs: null,
    ...over,
  });

  test('the last of each leaves out those that nobody has asked', async () => {
    place.health.list = [
      sampleHealth({ id: 'a', lastSuccessAtMs: AT_MS }),
      sampleHealth({ id: 'b', lastFailureAtMs: AT_MS + 1, lastFailure: 'upstream_busy' }),
      sampleHealth({ id: 'c' }),
    ];
    const { body } = await place.get('/health/latest');
    expect(body.total_models).toBe(2);
    expect(body.latest_health_checks.a).toMatchObject({
      model_name: 'gpt-4o-mini',
      status: 'healthy',
      error_message: null,
      checked_by: 'traffic',
      checked_at: iso(AT_MS),
    });
    expect(body.latest_health_checks.b).toMatchObject({ status: 'unhealthy', error_message: 'upstream_busy' });
  });

  test('the history is newest first, by pages, and can be narrowed down', async () => {
    place.health.happened = [
      event({ kind: 'cooled_down', untilMs: AT_MS + 5_000 }),
      event({ kind: 'recovered', atMs: AT_MS + 1 }),
      event({ kind: 'probe_failed', atMs: AT_MS + 2, deploymentId: 'b', modelGroup: 'slow', error: 'upstream_failed' }),
      event({ kind: 'probe_answered', atMs: AT_MS + 3, durationMs: 120.6 }),
    ];
    const kinds = async (query: string): Promise<string[]> => {
      const { body } = await place.get(`/health/history${query}`);
      return body.health_checks.map((check: { details: { event: string } }) => check.details.event);
    };
    expect(await kinds('')).toEqual(['probe_answered', 'probe_failed', 'recovered', 'cooled_down']);
    expect(await kinds('?limit=2&offset=1')).toEqual(['probe_failed', 'recovered']);
    expect(await kinds('?status_filter=healthy')).toEqual(['probe_answered', 'recovered']);
    expect(await kinds('?model=slow')).toEqual(['probe_failed']);
    const { body } = await place.get('/health/history?limit=1');
    expect(body).toMatchObject({ total_records: 4, limit: 1, offset: 0 });
    expect(body.health_checks[0]).toMatchObject({ checked_by: 'probe', response_time_ms: 121, status: 'healthy' });
  });
});

describe('GET /health/services', () => {
  test('sends something out, so it is for admins alone', async () => {
    const { body: viewer } = await place.post('/user/new', { user_role: 'proxy_admin_viewer' });
    expect((await place.get('/health/services', viewer.key)).status).toBe(403);
  });

  test('says that there are none', async () => {
    expect((await place.get('/health/services')).body).toEqual({
      services: [],
      message: 'No service is configured.',
    });
  });

  test('says so of one by name', async () => {
    const { status, body } = await place.get('/health/services?service=slack');
    expect([status, body.error.param]).toEqual([422, 'service']);
    expect(body.error.message).toContain('"slack" is not configured');
  });
});

test.each([
  ['/health', 200],
  ['/health/latest', 200],
  ['/health/history', 200],
  ['/health/services', 403],
])('GET %s is for admins, and shows the platform’s viewer what it may see', async (path, ofViewer) => {
  const key = await place.key();
  const { body: user } = await place.post('/user/new', { user_role: 'internal_user' });
  const { body: viewer } = await place.post('/user/new', { user_role: 'proxy_admin_viewer' });
  const statuses = [null, key, user.key, viewer.key].map(async (one) => (await place.get(path, one)).status);
  expect(await Promise.all(statuses)).toEqual([401, 403, 403, ofViewer]);
});
