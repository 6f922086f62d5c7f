/** Which models a request may be served by: what budgets, tags, customers and spent budgets say of it, from outside. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { administrationOf } from '../support/administration.ts';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

/** 20 tokens of output at 5 micro-dollars. */
const COST_USD = 0.0001;
const PRICES = { input_cost_per_token: 0, output_cost_per_token: 5e-6 };
const CHEAP = { input_cost_per_token: 0, output_cost_per_token: 1e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  upstream.behave = () => ({ usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 } });
  gateway = await startGateway({
    config: {
      model_list: [
        deployment(upstream, 'large', PRICES),
        deployment(upstream, 'small', CHEAP),
        { ...deployment(upstream, 'european', { ...PRICES, region_name: 'eu-west-1' }) },
        { ...deployment(upstream, 'pair', PRICES), model_info: { id: 'pair-one' } },
        { ...deployment(upstream, 'pair', PRICES), model_info: { id: 'pair-two' } },
      ],
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const { admin, post, made } = administrationOf(() => gateway);

interface Asked {
  readonly status: number;
  readonly type: string | undefined;
  readonly scope: string | undefined;
  readonly group: string | null;
  readonly changed: string | null;
  readonly cost: number;
  readonly deployment: string | null;
}

async function ask(key: string, body: object = {}): Promise<Asked> {
  const whole = { model: 'large', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 20, ...body };
  const answer = await gateway.ask(whole, { authorization: `Bearer ${key}` });
  const text = await answer.text();
  const { error } = text.startsWith('{')
    ? (JSON.parse(text) as { error?: { type: string; limit?: { scope: string } } })
    : {};
  return {
    status: answer.status,
    type: error?.type,
    scope: error?.limit?.scope,
    group: answer.headers.get('x-litellm-model-group'),
    changed: answer.headers.get('x-tollgate-changed'),
    cost: Number(answer.headers.get('x-litellm-response-cost')),
    deployment: answer.headers.get('x-litellm-model-id'),
  };
}

describe('allowed_models of a shared budget', () => {
  const DENIED: Record<string, string> = {
    key: 'key_model_access_denied',
    member: 'team_model_access_denied',
    organization: 'org_model_access_denied',
    project: 'project_model_access_denied',
    customer: 'end_user_model_access_denied',
    'customer by its key': 'end_user_model_access_denied',
    tag: 'tag_model_access_denied',
  };
  const makers: Record<string, (budget_id: string, id: string) => Promise<{ key: string; body?: object }>> = {
    key: async (budget_id) => ({ key: await made({ budget_id }) }),
    async member(budget_id, id) {
      await post('/team/new', { team_id: id });
      await post('/team/member_add', { team_id: id, member: { user_id: id, role: 'user' } });
      await post('/team/update', { team_id: id, metadata: { team_member_budget_id: budget_id } });
      return { key: await made({ team_id: id, user_id: id }) };
    },
    async organization(budget_id, id) {
      await post('/organization/new', { organization_id: id, organization_alias: id, budget_id });
      return { key: await made({ organization_id: id }) };
    },
    async project(budget_id, id) {
      await post('/team/new', { team_id: id });
      await post('/project/new', { project_id: id, team_id: id, budget_id });
      return { key: await made({ project_id: id, team_id: id }) };
    },
    async customer(budget_id, user_id) {
      await post('/customer/new', { user_id, budget_id });
      return { key: await made({}), body: { user: user_id } };
    },
    'customer by its key': async (budget_id) => ({
      key: await made({ end_user_budget_id: budget_id }),
      body: { user: 'passer-by' },
    }),
    async tag(budget_id, name) {
      await post('/tag/new', { name, budget_id });
      return { key: await made({}), body: { metadata: { tags: [name] } } };
    },
  };

  test.each(Object.keys(DENIED))(
    'holds for whom it stands over (%s), fallbacks too, and changes with the budget',
    async (kind) => {
      const budget_id = `of ${kind}`;
      const { warning } = await admin('POST', '/budget/new', { budget_id, allowed_models: ['small'] });
      expect(warning).toBeNull();
      const { key, body } = (await makers[kind]?.(budget_id, `${kind}-owner`)) ?? { key: '' };
      expect(await ask(key, { ...body, model: 'small' })).toMatchObject({ status: 200, group: 'small' });
      expect(await ask(key, { ...body, model: 'large' })).toMatchObject({ status: 403, type: DENIED[kind] });
      const fallback = { ...body, model: 'small', fallbacks: ['large'] };
      expect(await ask(key, fallback)).toMatchObject({ status: 403, type: DENIED[kind] });
      await post('/budget/update', { budget_id, allowed_models: ['large'] });
      expect((await ask(key, { ...body, model: 'large' })).status).toBe(200);
      expect((await ask(key, { ...body, model: 'small' })).status).toBe(403);
      await post('/budget/update', { budget_id, allowed_models: null });
      expect((await ask(key, { ...body, model: 'small' })).status).toBe(200);
    },
  );

  test('is what /v1/models lists', async () => {
    await post('/budget/new', { budget_id: 'listed', allowed_models: ['small'] });
    const key = await made({ budget_id: 'listed' });
    const answer = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    const { data } = (await answer.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['small']);
  });
});

describe('a tag', () => {
  test('with models is served by those only', async () => {
    await post('/tag/new', { name: 'frugal', models: ['small'] });
    const key = await made({});
    const body = { metadata: { tags: ['frugal'] } };
    expect(await ask(key, { ...body, model: 'small' })).toMatchObject({ status: 200 });
    expect(await ask(key, body)).toMatchObject({ status: 403, type: 'tag_model_access_denied' });
    expect(await ask(key)).toMatchObject({ status: 200 });
    // Of the key as well as of the request.
    expect((await ask(await made({ tags: ['frugal'] }))).status).toBe(403);
  });

  test('that names one deployment is served by no other of its group', async () => {
    await post('/tag/new', { name: 'second', models: ['pair-two'] });
    const key = await made({});
    const asked = { model: 'pair', metadata: { tags: ['second'] } };
    const served = await Promise.all(Array.from({ length: 8 }, () => ask(key, asked)));
    expect(new Set(served.map((one) => one.deployment))).toEqual(new Set(['pair-two']));
    expect((await ask(key, { metadata: { tags: ['second'] } })).status).toBe(403);
  });

  test('has a budget for one model, which its others do not share, and which parallel calls do not pass', async () => {
    const { warning } = await admin('POST', '/tag/new', {
      name: 'by model',
      model_max_budget: { large: { budget_limit: 3 * COST_USD, time_period: '1d' } },
    });
    expect(warning).toBeNull();
    const keys = await Promise.all([made({}), made({})]);
    const body = { metadata: { tags: ['by model'] } };
    const all = await Promise.all(Array.from({ length: 10 }, (_, at) => ask(keys[at % 2] ?? '', body)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(all.find(({ status }) => status === 422)).toMatchObject({ type: 'budget_exceeded', scope: 'model_per_tag' });
    expect((await ask(keys[0] ?? '', { ...body, model: 'small' })).status).toBe(200);
    expect((await ask(keys[0] ?? '')).status).toBe(200);
  });

  test('of a client’s program cannot have one', async () => {
    const wanted = { name: 'User-Agent: curl', model_max_budget: { large: 1 } };
    await expect(post('/tag/new', wanted)).rejects.toThrow('400: {"error":{"message":"\'model_max_budget\'');
  });
});

describe('budget_fallbacks of a key', () => {
  const spent = { large: { budget_limit: 2 * COST_USD, time_period: '1d' } };

  test('serve when the budget of a model is spent, are told, and cost their own price', async () => {
    const fields = { model_max_budget: spent, budget_fallbacks: { large: ['small'] } };
    const { body, warning } = await admin('POST', '/key/generate', fields);
    expect(warning).toBeNull();
    expect(body['budget_fallbacks'] as unknown).toEqual({ large: ['small'] });
    const key = String(body['key']);
    const all = await Promise.all(Array.from({ length: 6 }, () => ask(key)));
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200));
    expect(all.filter(({ group }) => group === 'large')).toHaveLength(2);
    for (const { group, changed, cost } of all.filter((one) => one.group !== 'large')) {
      expect([group, cost]).toEqual(['small', COST_USD / 5]);
      expect(changed).toContain('model=renamed(to small, as the budget of the key for large is spent)');
    }
    const stream = await gateway.ask(
      { model: 'large', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 20, stream: true },
      { authorization: `Bearer ${key}` },
    );
    expect([stream.status, stream.headers.get('x-litellm-model-group')]).toEqual([200, 'small']);
    await stream.text();
  });

  test('are tried in their order, each within its own budget, and the refusal is of what was asked for', async () => {
    const key = await made({
      model_max_budget: { large: COST_USD, small: COST_USD / 5, european: COST_USD },
      budget_fallbacks: { large: ['small', 'european'] },
    });
    const groups: (string | null)[] = [];
    for (let call = 0; call < 3; call += 1) groups.push((await ask(key)).group);
    expect(groups).toEqual(['large', 'small', 'european']);
    const refused = await ask(key);
    expect(refused).toMatchObject({ status: 422, type: 'budget_exceeded', scope: 'model_per_key', changed: null });
  });

  test('are passed over where the key may not use them', async () => {
    const fields = { model_max_budget: { large: COST_USD }, models: ['large', 'small'] };
    const key = await made({ ...fields, budget_fallbacks: { large: ['pair', 'small'] } });
    await ask(key);
    expect(await ask(key)).toMatchObject({ status: 200, group: 'small' });
    const none = await made({ ...fields, budget_fallbacks: { large: ['pair', 'nowhere'] } });
    await ask(none);
    expect(await ask(none)).toMatchObject({ status: 422, scope: 'model_per_key' });
  });

  test('help nothing where the key’s whole budget is spent', async () => {
    const key = await made({ max_budget: COST_USD, model_max_budget: spent, budget_fallbacks: { large: ['small'] } });
    await ask(key);
    expect(await ask(key)).toMatchObject({ status: 422, scope: 'api_key' });
  });
});

describe('allowed_model_region of a customer', () => {
  test('is where requests are served, and the default model stands in for what is elsewhere', async () => {
    const { warning } = await admin('POST', '/customer/new', { user_id: 'eu-1', allowed_model_region: 'eu' });
    expect(warning).toBeNull();
    const key = await made({});
    expect(await ask(key, { user: 'eu-1', model: 'european' })).toMatchObject({ status: 200, group: 'european' });
    expect((await ask(key, { user: 'eu-1' })).status).toBeGreaterThanOrEqual(400);
    await post('/customer/update', { user_id: 'eu-1', default_model: 'european' });
    const served = await ask(key, { user: 'eu-1' });
    expect(served).toMatchObject({ status: 200, group: 'european' });
    expect(served.changed).toContain('default model');
  });
});
