import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { accessGroupRow } from '../../test/support/entity-rows.ts';
import { keyOf, settleTenants, settleUser } from '../../test/support/tenants.ts';
import { accessGroups } from '../db/access-groups.ts';
import { organizations } from '../db/organizations.ts';
import { teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();
beforeEach(async () => {
  await settleTenants(place.db);
  await accessGroups.insert(place.db, accessGroupRow('g'));
});

const OWNER = keyOf('a-owner');
const LEAD = keyOf('a-lead');
const MATE = keyOf('a-mate');
const FOREIGN = keyOf('b-owner');
const AUDITOR = keyOf('auditor');

type Json = Record<string, unknown>;

async function made(fields: object = {}, key?: string): Promise<Json> {
  const { status, body } = await place.post('/team/new', fields, key);
  expect([status, body.error]).toEqual([200, undefined]);
  return body;
}

async function changed(fields: object, key?: string): Promise<Json> {
  const { status, body } = await place.post('/team/update', fields, key);
  expect([status, body.error]).toEqual([200, undefined]);
  return body.data;
}

async function info(teamId: unknown, key?: string): Promise<Json> {
  const { body } = await place.get(`/team/info?team_id=${encodeURIComponent(String(teamId))}`, key);
  return body.team_info;
}

function expectRefusal({ status, body }: Answer, expected: { status: number; param: string; says?: string }): void {
  expect({ status, param: body.error?.param }).toEqual({ status: expected.status, param: expected.param });
  if (expected.says !== undefined) expect(body.error.message).toContain(expected.says);
}

const notFound = { status: 404, param: 'team_id' };

const FIELDS = {
  team_alias: 'Readers',
  models: ['gpt-4o', 'openai/*'],
  model_aliases: { best: 'gpt-4o' },
  metadata: { cost_centre: 7 },
  max_budget: 12.5,
  soft_budget: 10,
  budget_duration: '30d',
  budget_limits: [{ budget_duration: '1d', max_budget: 1 }],
  model_max_budget: { 'gpt-4o': { budget_limit: 2, time_period: '1d' } },
  tollgate_limits: [{ unit: 'requests', window: '1d', max: 1000 }],
  max_parallel_requests: 4,
  rpm_limit: 60,
  tpm_limit: 60_000,
  tpd_limit: 1_000_000,
  tags: ['x'],
  model_rpm_limit: { 'gpt-4o': 5 },
  model_tpm_limit: { 'gpt-4o': 500 },
  guardrails: ['g'],
  blocked: true,
  policies: ['p'],
  access_group_ids: ['g'],
  router_settings: { num_retries: 1 },
  object_permission: { vector_stores: ['v'] },
  allow_team_guardrail_config: true,
  team_member_permissions: ['/key/generate'],
  default_team_member_models: ['gpt-4o'],
  team_member_key_duration: '30d',
  team_member_budget: 3,
  team_member_budget_duration: '1d',
  team_member_rpm_limit: 6,
  team_member_tpm_limit: 600,
};

const EMPTY = {
  team_alias: null,
  models: [],
  model_aliases: {},
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  budget_limits: [],
  model_max_budget: {},
  tollgate_limits: [],
  max_parallel_requests: null,
  rpm_limit: null,
  tpm_limit: null,
  tpd_limit: null,
  tags: null,
  model_rpm_limit: null,
  model_tpm_limit: null,
  guardrails: null,
  policies: [],
  access_group_ids: [],
  router_settings: {},
  object_permission: null,
  team_member_permissions: ['/key/info', '/key/health'],
  default_team_member_models: [],
  team_member_key_duration: null,
  team_member_budget: null,
  team_member_budget_duration: null,
  team_member_rpm_limit: null,
  team_member_tpm_limit: null,
};

describe('a team', () => {
  test('has every field that it was made with, and says which have no effect yet', async () => {
    const { body, headers } = await place.post('/team/new', FIELDS);
    const { metadata, ...rest } = FIELDS;
    expect(body).toMatchObject(rest);
    expect(body.metadata).toMatchObject(metadata);
    expect(await info(body.team_id)).toMatchObject(rest);
    expect(headers.get('x-tollgate-warning')).toBe(
      'stored but not enforced yet: guardrails, policies, object_permission, router_settings, allow_team_guardrail_config',
    );
  });

  test('has every field, null or empty, when nothing is said', async () => {
    const team = await made();
    expect(team).toMatchObject({ ...EMPTY, blocked: false, spend: 0, total_spend: 0, budget_reset_at: null });
    expect(team['team_id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(team).toMatchObject({ members_with_roles: [], admins: [], members: [], metadata: {} });
  });

  test('keeps what an update leaves out, and loses what it sets to null', async () => {
    const { team_id } = await made(FIELDS);
    const after = await changed({ team_id, team_alias: 'Writers', rpm_limit: null });
    expect(after).toMatchObject({ ...FIELDS, metadata: expect.anything(), team_alias: 'Writers', rpm_limit: null });
    const nulls = Object.fromEntries(Object.keys(EMPTY).map((field) => [field, null]));
    expect(await changed({ team_id, ...nulls })).toMatchObject(EMPTY);
    expect(await info(team_id)).toMatchObject(EMPTY);
  });

  test('can be changed by a path that names it', async () => {
    const answer = await place.request('/team/a-team', { method: 'PATCH', body: '{"max_budget": 4}' });
    expect(answer.body).toMatchObject({ team_id: 'a-team', data: { max_budget: 4 } });
    const other = await place.request('/team/a-team', { method: 'PATCH', body: '{"team_id": "b-team"}' });
    expectRefusal(other, { status: 400, param: 'team_id' });
  });

  test('tells when its budget begins anew', async () => {
    const team = await made({ max_budget: 1, budget_duration: '1d' });
    expect(team['budget_reset_at']).toBe('2026-02-01T00:00:00.000Z');
  });

  test('replaces its metadata without losing the budget of its members', async () => {
    const { team_id } = await made({ team_member_budget: 3, metadata: { old: 1 } });
    const after = await changed({ team_id, metadata: { fresh: 1 } });
    expect(after).toMatchObject({ team_member_budget: 3, metadata: { fresh: 1 } });
    expect(Object.keys(after['metadata'] as object).sort()).toEqual(['fresh', 'team_member_budget_id']);
  });

  test('has one budget for its members, however often that is changed', async () => {
    const { team_id, metadata } = await made({ team_member_budget: 3 });
    const after = await changed({ team_id, team_member_rpm_limit: 9 });
    expect(after).toMatchObject({ team_member_budget: 3, team_member_rpm_limit: 9, metadata });
  });

  test('has its first members, those who are not known yet included', async () => {
    const team = await made({
      members_with_roles: [
        { role: 'admin', user_id: 'a-mate' },
        { role: 'user', user_email: 'New@example.com' },
      ],
      admins: ['a-lead'],
      members: ['a-lead', 'fresh'],
    });
    const members = team['members_with_roles'] as Json[];
    expect(members).toHaveLength(4);
    expect(members).toContainEqual({ user_id: 'a-mate', user_email: 'a-mate@example.com', role: 'admin' });
    expect(members).toContainEqual({ user_id: 'fresh', user_email: null, role: 'user' });
    expect(team['admins']).toEqual(expect.arrayContaining(['a-mate', 'a-lead']));
    const made_ = await place.get('/user/list?user_email=new@example.com');
    expect(made_.body).toMatchObject({ total: 1, users: [{ user_role: 'internal_user' }] });
  });

  test('is refused when its id is taken, and nothing of it stays', async () => {
    const twin = await place.post('/team/new', { team_id: 'a-team', members: ['never'], team_member_budget: 1 });
    expectRefusal(twin, { status: 400, param: 'team_id', says: 'exists already' });
    expect((await place.get('/user/info?user_id=never')).status).toBe(404);
  });

  test.each([
    ['spend', { spend: 1 }],
    ['created_by', { created_by: 'me' }],
    ['max_bugdet', { max_bugdet: 1 }],
    ['budget_duration', { budget_duration: 'often' }],
    ['rpm_limit', { rpm_limit: -1 }],
    ['team_member_permissions', { team_member_permissions: ['/team/delete'] }],
    ['metadata._gw.x', { metadata: { '_gw.x': 1 } }],
    ['organization_id', { organization_id: 'nowhere' }],
  ])('names %s when it is not accepted', async (param, fields) => {
    const status = param === 'organization_id' ? 404 : param.startsWith('metadata') ? 403 : 400;
    expectRefusal(await place.post('/team/update', { team_id: 'a-team', ...fields }), { status, param });
    expectRefusal(await place.post('/team/new', fields), { status, param });
  });
});

describe('deleting a team', () => {
  test('takes its members and keys with it', async () => {
    const key = await place.key({ team_id: 'a-team' });
    const { body } = await place.post('/team/delete', { team_ids: ['a-team'] });
    expect(body).toEqual({ deleted_teams: ['a-team'] });
    expectRefusal(await place.get('/team/info?team_id=a-team'), notFound);
    expect((await place.get('/key/info', key)).status).toBe(401);
    expect((await place.get('/user/info', MATE)).body.teams).toEqual([]);
  });

  test('happens to all that are named or to none', async () => {
    expectRefusal(await place.post('/team/delete', { team_ids: ['a-team', 'nowhere'] }), notFound);
    expectRefusal(await place.post('/team/delete', { team_ids: ['a-team', 'b-team'] }, OWNER), notFound);
    expect(await info('a-team')).toMatchObject({ team_id: 'a-team' });
  });
});

describe('the models of a team', () => {
  const models = async (path: string, list: string[], key?: string): Promise<unknown> =>
    (await place.post(path, { team_id: 'a-team', models: list }, key)).body.models;

  test('are added and taken out by name', async () => {
    expect(await models('/team/model/add', ['m1', 'm2'])).toEqual(['m1', 'm2']);
    expect(await models('/team/model/add', ['m2', 'm3'])).toEqual(['m1', 'm2', 'm3']);
    expect(await models('/team/model/delete', ['m1', 'm3'])).toEqual(['m2']);
  });

  test('never become all of them because the last one was taken out', async () => {
    await models('/team/model/add', ['m1']);
    expect(await models('/team/model/delete', ['m1'])).toEqual(['no-default-models']);
    expect(await models('/team/model/add', ['m2'])).toEqual(['m2']);
  });

  test('cannot be taken out of a list that allows all of them', async () => {
    const answer = await place.post('/team/model/delete', { team_id: 'a-team', models: ['m1'] });
    expectRefusal(answer, { status: 400, param: 'models' });
  });

  test('can be taken out by the admin of the team, who adds none', async () => {
    await changed({ team_id: 'a-team', models: ['m1', 'm2'] });
    expect(await models('/team/model/delete', ['m2'], LEAD)).toEqual(['m1']);
    const more = await place.post('/team/model/add', { team_id: 'a-team', models: ['m2'] }, LEAD);
    expectRefusal(more, { status: 403, param: 'models' });
  });
});

describe('the admin of a team', () => {
  beforeEach(async () => {
    await changed({
      team_id: 'a-team',
      max_budget: 10,
      budget_duration: '1d',
      rpm_limit: 100,
      models: ['m1', 'openai/*'],
      metadata: { tags: ['t'], note: 'n' },
    });
  });

  test('renames it and lowers what it may use', async () => {
    const lower = { team_alias: 'Ours', max_budget: 5, rpm_limit: 100, tpm_limit: 5, models: ['openai/gpt-4o'] };
    expect(await changed({ team_id: 'a-team', ...lower }, LEAD)).toMatchObject(lower);
  });

  test.each([
    ['max_budget', 11],
    ['max_budget', null],
    ['rpm_limit', 101],
    ['budget_duration', '1h'],
    ['models', ['m1', 'm2']],
    ['models', []],
    ['models', null],
    ['budget_limits', [{ budget_duration: '1d', max_budget: 99 }]],
    ['model_max_budget', { m1: 99 }],
    ['temp_budget_increase', 5],
    ['model_aliases', { cheap: 'm9' }],
    ['blocked', true],
    ['tags', ['other']],
    ['organization_id', 'b'],
    ['organization_id', null],
    ['guardrails', ['none']],
    ['disable_global_guardrails', true],
    ['object_permission', { vector_stores: ['v'] }],
    ['access_group_ids', ['g']],
  ])('may not set %s to %j', async (field, value) => {
    const before = await teams.find(place.db, 'a-team', EVERYTHING);
    const answer = await place.post('/team/update', { team_id: 'a-team', [field]: value }, LEAD);
    expectRefusal(answer, { status: 403, param: field });
    expect(await teams.find(place.db, 'a-team', EVERYTHING)).toEqual(before);
  });

  test('adds no models to those of the team’s access groups', async () => {
    await changed({ team_id: 'a-team', models: [], access_group_ids: ['g'] });
    const answer = await place.post('/team/update', { team_id: 'a-team', models: ['m2'] }, LEAD);
    expectRefusal(answer, { status: 403, param: 'models' });
  });

  test('writes metadata, but not what means something to the gateway', async () => {
    const after = await changed({ team_id: 'a-team', metadata: { note: 'other' } }, LEAD);
    expect(after['metadata']).toEqual({ tags: ['t'], note: 'other' });
    for (const name of ['tags', 'model_rpm_limit', 'allow_client_pricing_override', 'team_member_budget_id', '_gw']) {
      const answer = await place.post('/team/update', { team_id: 'a-team', metadata: { [name]: 'x' } }, LEAD);
      expectRefusal(answer, { status: 403, param: `metadata.${name}` });
    }
  });

  test('gives members no more than the team has', async () => {
    expect(await changed({ team_id: 'a-team', team_member_budget: 10 }, LEAD)).toMatchObject({
      team_member_budget: 10,
    });
    const answer = await place.post('/team/update', { team_id: 'a-team', team_member_budget: 11 }, LEAD);
    expectRefusal(answer, { status: 400, param: 'max_budget' });
  });

  test('may neither make, delete nor block a team', async () => {
    for (const [path, body] of [
      ['/team/new', {}],
      ['/team/delete', { team_ids: ['a-team'] }],
      ['/team/block', { team_id: 'a-team' }],
    ] as const) {
      expect((await place.post(path, body, LEAD)).status).toBe(403);
    }
  });
});

describe('the admin of an organization', () => {
  beforeEach(async () => {
    await organizations.change(place.db, 'a', EVERYTHING, () => ({
      max_budget_nano_usd: 100e9,
      rpm_limit: 50,
      models: '["m1","openai/*"]',
    }));
  });

  test('makes teams in it and is their first admin', async () => {
    const fields = { organization_id: 'a', max_budget: 100, models: ['openai/gpt-4o'], rpm_limit: 5 };
    const team = await made(fields, OWNER);
    expect(team).toMatchObject({ ...fields, admins: ['a-owner'] });
  });

  test.each([
    ['max_budget', 101],
    ['rpm_limit', 51],
    ['models', ['m2']],
  ])('gives a team no %s of %j, which the organization lacks', async (field, value) => {
    const fields = { [field]: value };
    const make = await place.post('/team/new', { organization_id: 'a', ...fields }, OWNER);
    expectRefusal(make, { status: 400, param: field, says: 'the organization' });
    const update = await place.post('/team/update', { team_id: 'a-team', ...fields }, OWNER);
    expectRefusal(update, { status: 400, param: field });
  });

  test('makes no team elsewhere, and moves none', async () => {
    expectRefusal(await place.post('/team/new', {}, OWNER), { status: 400, param: 'organization_id' });
    const abroad = await place.post('/team/new', { organization_id: 'b' }, OWNER);
    expectRefusal(abroad, { status: 404, param: 'organization_id' });
    const move = await place.post('/team/update', { team_id: 'a-team', organization_id: 'b' }, OWNER);
    expectRefusal(move, { status: 403, param: 'organization_id' });
  });

  test('blocks, unblocks and deletes its teams', async () => {
    expect((await place.post('/team/block', { team_id: 'a-team' }, OWNER)).body.blocked).toBe(true);
    expect((await place.get('/key/info', MATE)).status).toBe(200);
    expect((await place.post('/team/unblock', { team_id: 'a-team' }, OWNER)).body.blocked).toBe(false);
    expect((await place.post('/team/delete', { team_ids: ['a-team'] }, OWNER)).status).toBe(200);
  });
});

test('a team that comes to an organization must fit into it', async () => {
  await organizations.change(place.db, 'a', EVERYTHING, () => ({ models: '["m1"]', max_budget_nano_usd: 5e9 }));
  const { team_id } = await made({ models: ['m2'], max_budget: 4 });
  const answer = await place.post('/team/update', { team_id, organization_id: 'a' });
  expectRefusal(answer, { status: 400, param: 'models' });
  expect(await changed({ team_id, organization_id: 'a', models: ['m1'] })).toMatchObject({ organization_id: 'a' });
});

describe('who sees which teams', () => {
  const listed = async (key?: string, query = ''): Promise<unknown[]> =>
    (await place.get(`/team/list${query}`, key)).body.map((team: Json) => team['team_id']).sort();

  test('everybody sees their own, admins all', async () => {
    expect(await listed()).toEqual(['a-team', 'b-team']);
    expect(await listed(AUDITOR)).toEqual(['a-team', 'b-team']);
    for (const person of ['a-owner', 'a-lead', 'a-mate', 'a-reader'])
      expect(await listed(keyOf(person))).toEqual(['a-team']);
  });

  test('a foreign team is not there, to read or to change', async () => {
    for (const key of [FOREIGN, keyOf('b-lead'), keyOf('b-mate')]) {
      expectRefusal(await place.get('/team/info?team_id=a-team', key), notFound);
      expect((await place.get('/v2/team/list?team_id=a-team', key)).body).toMatchObject({ teams: [], total: 0 });
    }
    for (const key of [FOREIGN, keyOf('b-lead')]) {
      expectRefusal(await place.post('/team/update', { team_id: 'a-team', team_alias: 'x' }, key), notFound);
      expectRefusal(
        await place.post('/team/permissions_update', { team_id: 'a-team', team_member_permissions: [] }, key),
        notFound,
      );
    }
    expectRefusal(await place.post('/team/block', { team_id: 'a-team' }, FOREIGN), notFound);
  });

  test('a key of nobody may call none of the routes', async () => {
    const key = await place.key({ team_id: 'a-team' });
    expect((await place.get('/team/info?team_id=a-team', key)).status).toBe(403);
  });

  test('pages are filtered, sorted and counted', async () => {
    for (const number of [1, 2, 3]) await made({ team_id: `t${number}`, team_alias: `Page ${4 - number}` });
    const page = async (query: string): Promise<Json> => (await place.get(`/v2/team/list?${query}`)).body;
    const ids = async (query: string): Promise<unknown> =>
      ((await page(query))['teams'] as Json[]).map((team) => team['team_id']);
    expect(await page('page_size=2&page=2')).toMatchObject({ total: 5, page: 2, page_size: 2, total_pages: 3 });
    expect(await ids('team_alias=page&sort_by=team_alias&sort_order=asc')).toEqual(['t3', 't2', 't1']);
    expect(await ids('organization_id=a')).toEqual(['a-team']);
    expect(await ids('user_id=b-mate')).toEqual(['b-team']);
    expectRefusal(await place.get('/v2/team/list?page_size=0'), { status: 400, param: 'page_size' });
    expectRefusal(await place.get('/v2/team/list?sort=x'), { status: 400, param: 'sort' });
  });

  test('a plain member sees no other member’s spend or keys', async () => {
    await place.key({ team_id: 'a-team', key_alias: 'of the team' });
    const seen = async (key?: string): Promise<Json> => (await place.get('/team/info?team_id=a-team', key)).body;
    const spends = (body: Json): unknown =>
      (body['team_memberships'] as Json[]).filter(({ spend }) => spend !== null).map(({ user_id }) => user_id);
    const own = await seen(MATE);
    expect([spends(own), own['keys']]).toEqual([['a-mate'], []]);
    const all = await seen(LEAD);
    expect([spends(all), all['keys']]).toEqual([
      ['a-lead', 'a-mate', 'a-reader'],
      [expect.objectContaining({ key_alias: 'of the team' })],
    ]);
    expect(JSON.stringify(all)).not.toContain('sk-of-');
  });

  test('no team is open to everybody', async () => {
    expect((await place.get('/team/available', MATE)).body).toEqual([]);
  });
});

test('which key routes members may call is listed and set', async () => {
  const before = await place.get('/team/permissions_list?team_id=a-team', MATE);
  expect(before.body).toMatchObject({ team_id: 'a-team', team_member_permissions: ['/key/info', '/key/health'] });
  expect(before.body.all_available_permissions).toContain('/key/generate');
  const team_member_permissions = ['/key/generate'];
  const set = await place.post('/team/permissions_update', { team_id: 'a-team', team_member_permissions }, LEAD);
  expect(set.body).toMatchObject({ team_member_permissions });
  expect(
    (await place.post('/team/permissions_update', { team_id: 'a-team', team_member_permissions }, MATE)).status,
  ).toBe(403);
});

test('every change of a team is noted, with what it was and is', async () => {
  await settleUser(place.db, 'helper');
  await place.post('/team/new', { team_id: 't', max_budget: 1, members: ['helper'] });
  await place.post('/team/update', { team_id: 't', max_budget: 2 }, keyOf('boss'));
  await place.post('/team/block', { team_id: 't' });
  await place.post('/team/delete', { team_ids: ['t'] });
  const rows = await place.db
    .selectFrom('audit_log')
    .selectAll()
    .where('object_id', 'like', 't%')
    .orderBy('id')
    .execute();
  expect(rows.map((row) => [row.action, row.object_kind, row.object_id])).toEqual([
    ['created', 'team_member', 't/helper'],
    ['created', 'team', 't'],
    ['updated', 'team', 't'],
    ['blocked', 'team', 't'],
    ['deleted', 'team', 't'],
  ]);
  expect(rows[2]).toMatchObject({ actor_user: 'boss', actor_role: 'platform_admin', team_id: 't' });
  expect(JSON.parse(rows[2]?.before_values ?? '')).toMatchObject({ max_budget: 1 });
  expect(JSON.parse(rows[2]?.after_values ?? '')).toMatchObject({ max_budget: 2 });
});
