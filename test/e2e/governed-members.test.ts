/** Members of organizations, tags of a key, and what is deleted and made anew: what each may spend, from outside. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { administrationOf, type Body } from '../support/administration.ts';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

/** 20 tokens of output at 5 micro-dollars. */
const COST_USD = 0.0001;
const PRICES = { input_cost_per_token: 0, output_cost_per_token: 5e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  upstream.behave = () => ({ usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 } });
  gateway = await startGateway({
    config: { model_list: [deployment(upstream, 'm', PRICES)], router_settings: { num_retries: 0 } },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const administration = administrationOf(() => gateway);

/** Everything here is acted on, so nothing is warned of. */
async function admin(method: string, path: string, body?: object): Promise<Body> {
  const told = await administration.admin(method, path, body);
  expect(told.warning).toBeNull();
  return told.body;
}
const post = (path: string, body: object): Promise<Body> => admin('POST', path, body);
const made = async (fields: object): Promise<string> => String((await post('/key/generate', fields))['key']);

interface Asked {
  readonly status: number;
  readonly scope: string | undefined;
}

async function ask(key: string, body: object = {}): Promise<Asked> {
  const whole = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 20, ...body };
  const answer = await gateway.ask(whole, { authorization: `Bearer ${key}` });
  const { error } = (await answer.json()) as { error?: { limit?: { scope: string } } };
  return { status: answer.status, scope: error?.limit?.scope };
}

const together = (count: number, keys: readonly string[], body: object = {}): Promise<Asked[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => ask(keys[at % keys.length] ?? '', body)));
const passed = (all: readonly Asked[]): number => all.filter(({ status }) => status === 200).length;
const scopes = (all: readonly Asked[]): (string | undefined)[] => [
  ...new Set(all.flatMap(({ status, scope }) => (status === 200 ? [] : [scope]))),
];

describe('a member of an organization', () => {
  const member = async (user_id: string): Promise<Body> => {
    const { members } = (await admin('GET', '/organization/info?organization_id=acme')) as { members?: Body[] };
    return members?.find((one) => one['user_id'] === user_id) ?? {};
  };

  test('spends what they may in it and no more, with all keys, also those of its teams', async () => {
    await post('/organization/new', { organization_id: 'acme', organization_alias: 'Acme' });
    await post('/team/new', { team_id: 'of acme', organization_id: 'acme' });
    await post('/organization/member_add', {
      organization_id: 'acme',
      member: [
        { user_id: 'ann', role: 'internal_user' },
        { user_id: 'bob', role: 'org_admin' },
      ],
      max_budget_in_organization: 3 * COST_USD,
    });
    const keys = [
      await made({ user_id: 'ann', organization_id: 'acme' }),
      await made({ user_id: 'ann', team_id: 'of acme' }),
    ];
    const all = await together(10, keys);
    expect([passed(all), scopes(all)]).toEqual([3, ['organization_member']]);
    // Another member has as much, and so has she herself elsewhere.
    expect(await ask(await made({ user_id: 'bob', organization_id: 'acme' }))).toMatchObject({ status: 200 });
    expect(await ask(await made({ user_id: 'ann' }))).toMatchObject({ status: 200 });
    const { user_role, spend, total_spend, max_budget_in_organization } = await member('ann');
    expect(String(user_role)).toBe('internal_user');
    expect(max_budget_in_organization).toBeCloseTo(3 * COST_USD, 9);
    expect(spend).toBeCloseTo(3 * COST_USD, 9);
    expect(total_spend).toBeCloseTo(3 * COST_USD, 9);
  });

  test('has what was changed with the next request', async () => {
    const key = await made({ user_id: 'ann', organization_id: 'acme' });
    const update = { organization_id: 'acme', user_id: 'ann', max_budget_in_organization: 5 * COST_USD };
    const changed = await admin('PATCH', '/organization/member_update', update);
    expect(changed['spend']).toBeCloseTo(3 * COST_USD, 9);
    expect(passed(await together(6, [key]))).toBe(2);
  });

  test('who leaves and comes back begins anew', async () => {
    const key = await made({ user_id: 'ann', organization_id: 'acme' });
    expect((await ask(key)).status).toBe(422);
    await admin('DELETE', '/organization/member_delete', { organization_id: 'acme', user_id: 'ann' });
    await post('/organization/member_add', {
      organization_id: 'acme',
      member: { user_id: 'ann', role: 'internal_user' },
      max_budget_in_organization: COST_USD,
    });
    expect(passed(await together(3, [key]))).toBe(1);
    expect((await member('ann'))['spend']).toBeCloseTo(COST_USD, 9);
  });
});

describe('tag_rpm_limit of a key', () => {
  test('gives each tag a rate of its own, and leaves others and other keys alone', async () => {
    const key = await made({ tag_rpm_limit: { 'cell-1': 3, 'cell-2': 1 } });
    const tagged = (tag: string): object => ({ metadata: { tags: [tag] } });
    const [one, two, three] = await Promise.all([
      together(8, [key], tagged('cell-1')),
      together(4, [key], tagged('cell-2')),
      together(4, [key], tagged('cell-3')),
    ]);
    expect([passed(one), passed(two), passed(three)]).toEqual([3, 1, 4]);
    expect(scopes(one)).toEqual(['tag_per_key']);
    expect(await ask(await made({ tag_rpm_limit: { 'cell-1': 3 } }), tagged('cell-1'))).toMatchObject({ status: 200 });
    await post('/key/update', { key, tag_rpm_limit: { 'cell-1': 4 } });
    expect(passed(await together(3, [key], tagged('cell-1')))).toBe(1);
  });
});

describe('what is deleted and made anew under its id', () => {
  const spendOf = async (path: string): Promise<Body> => admin('GET', path);

  test('is a customer who begins without what was spent before', async () => {
    const key = await made({});
    const fields = { user_id: 'ada', max_budget: 2 * COST_USD };
    await post('/customer/new', fields);
    expect(passed(await together(4, [key], { user: 'ada' }))).toBe(2);
    await post('/customer/delete', { user_ids: ['ada'] });
    await post('/customer/new', fields);
    expect((await spendOf('/customer/info?end_user_id=ada'))['spend']).toBe(0 as never);
    expect(passed(await together(4, [key], { user: 'ada' }))).toBe(2);
    expect((await spendOf('/customer/info?end_user_id=ada'))['spend']).toBeCloseTo(2 * COST_USD, 9);
  });

  test('who was only seen before keeps what they have spent', async () => {
    const key = await made({});
    await together(3, [key], { user: 'seen' });
    await post('/customer/new', { user_id: 'seen', max_budget: 4 * COST_USD });
    expect(passed(await together(3, [key], { user: 'seen' }))).toBe(1);
  });

  test('is a tag, with its budgets by model', async () => {
    const key = await made({});
    const body = { metadata: { tags: ['campaign'] } };
    const fields = { name: 'campaign', max_budget: 9 * COST_USD, model_max_budget: { m: 2 * COST_USD } };
    for (const round of [1, 2, 3]) {
      await post('/tag/new', fields);
      expect([round, passed(await together(4, [key], body))]).toEqual([round, 2]);
      const { campaign } = (await post('/tag/info', { names: ['campaign'] })) as { campaign?: { spend: number } };
      expect(campaign?.spend).toBeCloseTo(2 * COST_USD, 9);
      await post('/tag/delete', { name: 'campaign' });
    }
  });

  test('is a team and its members, while reports keep all', async () => {
    for (const round of [1, 2]) {
      await post('/team/new', { team_id: 't', max_budget: 3 * COST_USD, model_max_budget: { m: 5 * COST_USD } });
      await post('/team/member_add', {
        team_id: 't',
        member: { user_id: 'mia', role: 'user' },
        max_budget_in_team: 2 * COST_USD,
      });
      const keys = [await made({ team_id: 't', user_id: 'mia' }), await made({ team_id: 't' })];
      expect([round, passed(await together(4, keys.slice(0, 1)))]).toEqual([round, 2]);
      expect([round, passed(await together(3, keys.slice(1)))]).toEqual([round, 1]);
      const { team_info } = (await spendOf('/team/info?team_id=t')) as { team_info?: Body };
      expect(team_info?.['spend']).toBeCloseTo(3 * COST_USD, 9);
      expect(team_info?.['total_spend']).toBeCloseTo(round * 3 * COST_USD, 9);
      await post('/team/delete', { team_ids: ['t'] });
    }
  });
});
