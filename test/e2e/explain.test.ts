/** Why requests went where they went: what the gateway tells agrees with what the upstreams saw. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { type AppPlace, startAppPlace } from '../support/app-place.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

interface Explanation {
  readonly dry: boolean;
  readonly decision: string;
  readonly deployment: string | null;
  readonly http_status: number | null;
  readonly choices: readonly {
    readonly group: string;
    readonly strategy: string;
    readonly candidates: readonly { readonly deployment: string; readonly score: number; readonly health: string }[];
    readonly passed_over: readonly { readonly deployment: string; readonly reason: string }[];
    readonly picked: string | null;
    readonly pinned: boolean;
  }[];
  readonly attempts: readonly {
    readonly deployment: string;
    readonly group: string;
    readonly status: number | null;
    readonly error: string | null;
    readonly cost: number;
    readonly duration_ms: number;
  }[];
  readonly limits: readonly {
    readonly scope: string;
    readonly unit: string;
    readonly max: number;
    readonly used: number;
    readonly remaining: number;
    readonly resets_at: string | null;
  }[];
  readonly waits: readonly { readonly kind: string; readonly duration_ms?: number; readonly up_to_ms?: number }[];
  readonly refused_by: { readonly scope: string; readonly unit: string; readonly max: number } | null;
  readonly error: { readonly kind: string; readonly message: string | null } | null;
  readonly cost: number;
}

const SECRET_WORDS = 'the words of the prompt';
const messages = [{ role: 'user', content: SECRET_WORDS }];
let upstreams: Readonly<Record<'a' | 'b' | 'c', Upstream>>;
let place: AppPlace;

const deploymentAt = (upstream: Upstream, group: string, id: string, params: object = {}): object => ({
  model_name: group,
  litellm_params: { model: 'openai/gpt-4o-mini', api_base: upstream.url, api_key: 'sk-of-the-provider', ...params },
  model_info: { id, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
});

beforeAll(async () => {
  const [a, b, c] = [await startUpstream(), await startUpstream(), await startUpstream()];
  upstreams = { a, b, c };
  place = await startAppPlace({
    model_list: [
      deploymentAt(a, 'pair', 'a', { order: 1 }),
      deploymentAt(b, 'pair', 'b', { order: 2 }),
      deploymentAt(c, 'spare', 'c'),
      deploymentAt(c, 'tight', 'tight-1', { rpm: 1, order: 1 }),
      deploymentAt(c, 'tight', 'tight-2', { order: 2 }),
    ],
    router_settings: { num_retries: 1, fallbacks: [{ pair: ['spare'] }], disable_cooldowns: true },
    litellm_settings: { drop_params: true },
  });
});
beforeEach(() => {
  for (const upstream of Object.values(upstreams)) {
    upstream.behave = () => ({});
    upstream.requests.length = 0;
  }
});
afterAll(async () => {
  await place?.stop();
  for (const upstream of Object.values(upstreams ?? {})) await upstream.stop();
});

const explain = (id: string, key?: string): Promise<Response> =>
  place.fetch(`/v1/explain/${encodeURIComponent(id)}`, key === undefined ? {} : { key });

async function explanation(id: string, key?: string): Promise<Explanation> {
  const answer = await explain(id, key);
  expect(answer.status).toBe(200);
  const text = await answer.text();
  expect(text).not.toContain(SECRET_WORDS);
  expect(text).not.toContain('sk-of-the-provider');
  return JSON.parse(text);
}

async function rehearsal(body: object, key?: string): Promise<Explanation> {
  const answer = await place.ask(
    { messages, ...body },
    { headers: { 'x-tollgate-explain': 'dry' }, ...(key !== undefined && { key }) },
  );
  expect(answer.status).toBe(200);
  return (await answer.json()) as Explanation;
}

const counted = (): Record<string, number> =>
  Object.fromEntries(Object.entries(upstreams).map(([name, { requests }]) => [name, requests.length]));
const callIdOf = (answer: Response): string => answer.headers.get('x-litellm-call-id') ?? '';

describe('a request that was answered', () => {
  test('tells of a retry and a fallback as often as the upstreams were asked', async () => {
    upstreams.a.behave = () => ({ status: 503 });
    upstreams.b.behave = () => ({ status: 500 });
    const answer = await place.ask({ model: 'pair', messages });
    expect(answer.status).toBe(200);
    const told = await explanation(callIdOf(answer));

    expect(told).toMatchObject({ dry: false, decision: 'asked', deployment: 'c', http_status: 200 });
    expect(told.attempts.map(({ deployment, group, status, error }) => [deployment, group, status, error])).toEqual([
      ['a', 'pair', 503, 'upstream_unavailable'],
      ['b', 'pair', 500, 'upstream_failed'],
      ['c', 'spare', 200, null],
    ]);
    expect(counted()).toEqual({ a: 1, b: 1, c: 1 });
    expect(told.attempts.map(({ cost }) => cost).reduce((sum, cost) => sum + cost)).toBe(told.cost);
    expect(told.cost).toBe(Number(answer.headers.get('x-litellm-response-cost')));
    expect(told.attempts.every(({ duration_ms }) => duration_ms > 0)).toBe(true);
  });

  test('tells who was passed over each time and why', async () => {
    upstreams.a.behave = () => ({ status: 503 });
    const answer = await place.ask({ model: 'pair', messages });
    const told = await explanation(callIdOf(answer));
    expect(told.choices).toEqual([
      {
        group: 'pair',
        strategy: 'simple-shuffle',
        candidates: [{ deployment: 'a', score: 0, health: 'up' }],
        passed_over: [{ deployment: 'b', reason: 'another has a lower order' }],
        picked: 'a',
        pinned: false,
      },
      {
        group: 'pair',
        strategy: 'simple-shuffle',
        candidates: [{ deployment: 'b', score: 0, health: 'up' }],
        passed_over: [{ deployment: 'a', reason: 'it has failed this request' }],
        picked: 'b',
        pinned: false,
      },
    ]);
  });

  test('tells how long it waited before it asked the same one again', async () => {
    upstreams.c.behave = () => (upstreams.c.requests.length === 1 ? { status: 503 } : {});
    const answer = await place.ask({ model: 'spare', messages });
    expect(answer.status).toBe(200);
    const told = await explanation(callIdOf(answer));
    expect(told.attempts.map(({ deployment }) => deployment)).toEqual(['c', 'c']);
    expect(told.waits).toHaveLength(1);
    expect(told.waits[0]).toMatchObject({ kind: 'backoff', after_attempts: 1 });
    expect(counted()).toEqual({ a: 0, b: 0, c: 2 });
  });

  test('without anything to tell is told from its row, and keeps nothing more', async () => {
    const answer = await place.ask({ model: 'spare', messages });
    const id = callIdOf(answer);
    expect(await explanation(id)).toMatchObject({
      decision: 'asked',
      deployment: 'c',
      choices: [{ group: 'spare', candidates: [{ deployment: 'c', health: 'up' }], passed_over: [], picked: 'c' }],
      attempts: [{ deployment: 'c', group: 'spare', status: 200, error: null }],
      limits: [],
      waits: [],
    });
    const [row] = await place.rows({ requestId: id }, 1);
    expect(row?.routing).toBeUndefined();
  });

  test('tells the limits that had a say and what they have left', async () => {
    const key = await place.key({ rpm_limit: 5, max_budget: 1 });
    const answer = await place.ask({ model: 'spare', messages }, { key });
    const told = await explanation(callIdOf(answer), key);
    const byUnit = Object.fromEntries(told.limits.map((limit) => [limit.unit, limit]));
    expect(byUnit['requests']).toMatchObject({ scope: 'api_key', max: 5, used: 1, remaining: 4 });
    expect(byUnit['usd']).toMatchObject({ scope: 'api_key', max: 1, used: told.cost });
    expect(byUnit['usd']?.remaining).toBeCloseTo(1 - told.cost, 9);
  });

  test('tells that a deployment of the group was at a limit of its own', async () => {
    const first = await explanation(callIdOf(await place.ask({ model: 'tight', messages })));
    expect(first.deployment).toBe('tight-1');
    const second = await explanation(callIdOf(await place.ask({ model: 'tight', messages })));
    expect(second.deployment).toBe('tight-2');
    expect(second.choices[0]?.passed_over).toEqual([{ deployment: 'tight-1', reason: 'it is at a limit of its own' }]);
  });

  test('keeps to itself what an upstream said of the prompt', async () => {
    upstreams.c.behave = ({ text }) => ({ status: 400, body: { error: { message: `cannot read ${text}` } } });
    const answer = await place.ask({ model: 'spare', messages });
    expect(answer.status).toBe(400);
    const told = await explanation(callIdOf(answer));
    expect(told).toMatchObject({ decision: 'failed', error: { kind: 'upstream_rejected', message: null } });
  });
});

describe('a refused request', () => {
  test('tells the limit that refused it', async () => {
    const key = await place.key({ rpm_limit: 1 });
    await place.ask({ model: 'spare', messages }, { key });
    const refused = await place.ask({ model: 'spare', messages }, { key });
    expect(refused.status).toBe(429);
    expect(counted()).toEqual({ a: 0, b: 0, c: 1 });
    const told = await explanation(callIdOf(refused), key);
    expect(told).toMatchObject({
      decision: 'refused',
      http_status: 429,
      deployment: null,
      attempts: [],
      refused_by: { scope: 'api_key', unit: 'requests', max: 1, used: 1 },
      error: { kind: 'rate_limited' },
    });
    expect(told.limits).toMatchObject([{ scope: 'api_key', unit: 'requests', max: 1, used: 1, remaining: 0 }]);
  });
});

describe('who may ask', () => {
  test("the client's own call id finds its request, and the answer's id does too", async () => {
    const key = await place.key();
    const callId = `mine-${Bun.randomUUIDv7()}`;
    const answer = await place.ask({ model: 'spare', messages }, { key, headers: { 'x-litellm-call-id': callId } });
    const { id } = (await answer.json()) as { id: string };
    expect(await explanation(callId, key)).toMatchObject({ deployment: 'c' });
    expect(await explanation(id, key)).toMatchObject({ deployment: 'c' });
    expect(await explanation(callId)).toMatchObject({ deployment: 'c' });
  });

  test("another's request is as if there were none, also where both chose the same call id", async () => {
    const [mine, other] = [await place.key(), await place.key()];
    const callId = `shared-${Bun.randomUUIDv7()}`;
    const headers = { 'x-litellm-call-id': callId };
    await place.ask({ model: 'spare', messages }, { key: mine, headers });
    const foreign = await explain(callId, other);
    expect(foreign.status).toBe(404);
    expect(await foreign.json()).toMatchObject({ error: { type: 'not_found_error' } });
    await place.ask({ model: 'pair', messages }, { key: other, headers });
    expect(await explanation(callId, mine)).toMatchObject({ deployment: 'c' });
    expect(await explanation(callId, other)).toMatchObject({ deployment: 'a' });
  });

  test('nobody learns which ids exist', async () => {
    const key = await place.key();
    const answer = await explain('there-is-no-such-request', key);
    expect(answer.status).toBe(404);
    expect((await explain('there-is-no-such-request', '')).status).toBe(401);
  });
});

describe('a dry run', () => {
  test('says who would be asked and asks nobody', async () => {
    const told = await rehearsal({ model: 'pair' });
    expect(told).toMatchObject({ dry: true, decision: 'ask', deployment: 'a', attempts: [], cost: 0 });
    expect(told.choices[0]?.passed_over).toEqual([{ deployment: 'b', reason: 'another has a lower order' }]);
    expect(counted()).toEqual({ a: 0, b: 0, c: 0 });
  });

  test('answers with an explanation where a stream was asked for, too', async () => {
    expect(await rehearsal({ model: 'spare', stream: true })).toMatchObject({
      dry: true,
      stream: true,
      decision: 'ask',
    });
  });

  test('consumes nothing: the whole limit is there for the requests after it', async () => {
    const key = await place.key({ rpm_limit: 2, max_parallel_requests: 1, max_budget: 1 });
    for (let time = 0; time < 5; time++) {
      const told = await rehearsal({ model: 'spare' }, key);
      expect(told.decision).toBe('ask');
      expect(told.limits.find(({ unit }) => unit === 'requests')).toMatchObject({ used: 0, remaining: 2 });
    }
    const statuses: number[] = [];
    for (let time = 0; time < 3; time++) {
      statuses.push((await place.ask({ model: 'spare', messages }, { key })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    expect(counted()).toEqual({ a: 0, b: 0, c: 2 });
  });

  test('leaves no row', async () => {
    const key = await place.key();
    const headers = { 'x-tollgate-explain': 'dry', 'x-litellm-call-id': `dry-${Bun.randomUUIDv7()}` };
    const answer = await place.ask({ model: 'spare', messages }, { key, headers });
    expect(answer.status).toBe(200);
    expect((await explain(headers['x-litellm-call-id'])).status).toBe(404);
    expect(await place.spendOf(key)).toBe(0);
  });

  test('explains a refusal by a limit instead of refusing', async () => {
    const key = await place.key({ rpm_limit: 1 });
    await place.ask({ model: 'spare', messages }, { key });
    expect(await rehearsal({ model: 'spare' }, key)).toMatchObject({
      decision: 'refuse',
      http_status: 429,
      refused_by: { scope: 'api_key', unit: 'requests', max: 1 },
      error: { kind: 'rate_limited' },
    });
  });

  test('explains that the key may not use the model', async () => {
    const key = await place.key({ models: ['pair'] });
    expect(await rehearsal({ model: 'spare' }, key)).toMatchObject({
      decision: 'refuse',
      deployment: null,
      error: { kind: 'model_access_denied' },
    });
  });

  test('still needs a key', async () => {
    const answer = await place.ask({ model: 'spare', messages }, { key: '', headers: { 'x-tollgate-explain': 'dry' } });
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('candidates');
  });

  test('still needs a request that can be read', async () => {
    const answer = await place.ask({ model: 'spare' }, { headers: { 'x-tollgate-explain': 'dry' } });
    expect(answer.status).toBe(400);
  });

  test('is asked for with "dry" only', async () => {
    const answer = await place.ask({ model: 'spare', messages }, { headers: { 'x-tollgate-explain': 'wet' } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: 'x-tollgate-explain' } });
    expect(counted()).toEqual({ a: 0, b: 0, c: 0 });
  });
});
