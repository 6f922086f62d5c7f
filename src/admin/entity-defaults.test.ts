import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';
import type { EntityDefaults } from './context.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

function set(defaults: Partial<EntityDefaults>): void {
  place.settings = { ...place.settings, entityDefaults: { user: {}, internalUser: {}, team: {}, ...defaults } };
}

const newUser = async (fields: object = {}, as?: string): Promise<Answer> =>
  await place.post('/user/new', { auto_create_key: false, ...fields }, as);
const newTeam = (fields: object = {}, as?: string): Promise<Answer> => place.post('/team/new', fields, as);
const limit = (organization_id: string, fields: object): Promise<Answer> =>
  place.request('/organization/update', { method: 'PATCH', body: JSON.stringify({ organization_id, ...fields }) });
const stored = async (userId: string) =>
  await place.db.selectFrom('users').selectAll().where('user_id', '=', userId).executeTakeFirstOrThrow();

const USER = { max_budget: 20, budget_duration: '30d', models: ['m'], tpm_limit: 100, rpm_limit: 10 };

describe('default_internal_user_params', () => {
  test('are what a request leaves out, and a null or an empty list of models leaves it out', async () => {
    set({ user: { ...USER, user_role: 'internal_user_viewer', max_parallel_requests: 2 } });
    const all = { ...USER, user_role: 'internal_user_viewer', max_parallel_requests: 2 };
    expect((await newUser()).body).toMatchObject(all);
    const silent = { max_budget: null, budget_duration: null, models: [], user_role: null };
    expect((await newUser(silent)).body).toMatchObject(all);
    const own = { max_budget: 50, models: ['x'], user_role: 'internal_user', rpm_limit: 0 };
    expect((await newUser(own)).body).toMatchObject({ ...all, ...own });
  });

  test('are stored, not only shown', async () => {
    set({ user: USER });
    const { user_id } = (await newUser()).body;
    const row = await stored(user_id);
    expect([Number(row.max_budget_nano_usd), row.budget_duration, row.models]).toEqual([20e9, '30d', '["m"]']);
  });

  test('do not limit whom a request makes an admin', async () => {
    set({ user: USER, internalUser: { max_budget: 1 } });
    const { body } = await newUser({ user_role: 'proxy_admin' });
    expect([body.user_role, body.max_budget, body.models]).toEqual(['proxy_admin', null, []]);
  });

  test('let no admin of an organization make an admin of the platform', async () => {
    set({ user: { user_role: 'proxy_admin', max_budget: 3 } });
    const { status, body } = await newUser({}, keyOf('a-owner'));
    expect([status, body.user_role, body.max_budget]).toEqual([200, 'internal_user', 3]);
    expect((await newUser()).body.user_role).toBe('proxy_admin');
  });

  test('say nothing about users who are there', async () => {
    set({ user: USER });
    await place.post('/user/update', { user_id: 'a-mate', user_alias: 'Mate' });
    expect((await stored('a-mate')).max_budget_nano_usd).toBeNull();
  });
});

describe('max_internal_user_budget', () => {
  const internalUser = { max_budget: 5, budget_duration: '7d' };

  test('is for users and viewers, named so or not, who have no budget otherwise', async () => {
    set({ internalUser });
    for (const fields of [{}, { user_role: 'internal_user' }, { user_role: 'internal_user_viewer' }]) {
      expect((await newUser(fields)).body).toMatchObject(internalUser);
    }
    expect((await newUser({ max_budget: 9 })).body).toMatchObject({ max_budget: 9, budget_duration: '7d' });
    expect((await newUser({ user_role: 'proxy_admin_viewer' })).body.max_budget).toBeNull();
  });

  test('comes after default_internal_user_params', async () => {
    set({ internalUser, user: { max_budget: 2 } });
    expect((await newUser()).body).toMatchObject({ max_budget: 2, budget_duration: '7d' });
  });

  test('may be nothing at all', async () => {
    set({ internalUser: { max_budget: 0 } });
    expect((await newUser()).body.max_budget).toBe(0);
  });
});

describe('users who come in by being added', () => {
  beforeEach(() => set({ user: { ...USER, user_role: 'proxy_admin' }, internalUser: { max_budget: 1 } }));

  test('to a team have the defaults, and no rights over others', async () => {
    const member = { user_id: 'came', role: 'user' };
    expect((await place.post('/team/member_add', { team_id: 'a-team', member }, keyOf('a-lead'))).status).toBe(200);
    const row = await stored('came');
    expect([Number(row.max_budget_nano_usd), row.models, row.user_role]).toEqual([20e9, '["m"]', 'internal_user']);
    expect(Number(row.rpm_limit)).toBe(10);
  });

  test('to an organization have no more than it has', async () => {
    await limit('a', { max_budget: 4, models: ['x'] });
    const member = { user_id: 'came', role: 'internal_user' };
    const added = await place.post('/organization/member_add', { organization_id: 'a', member }, keyOf('a-owner'));
    expect(added.status).toBe(200);
    const row = await stored('came');
    expect([Number(row.max_budget_nano_usd), row.models]).toEqual([4e9, '["no-default-models"]']);
  });

  test('with a new team too', async () => {
    await newTeam({ members_with_roles: [{ user_id: 'came', role: 'user' }] });
    expect(Number((await stored('came')).max_budget_nano_usd)).toBe(20e9);
  });

  test('as viewers where that is the default', async () => {
    set({ user: { user_role: 'internal_user_viewer' } });
    await newTeam({ members_with_roles: [{ user_id: 'came', role: 'user' }] });
    expect((await stored('came')).user_role).toBe('internal_user_viewer');
  });
});

describe('what the configuration gives within an organization', () => {
  test('is no more than that has, and what a request asks beyond it is refused', async () => {
    await limit('a', { max_budget: 3, rpm_limit: 7 });
    set({ user: USER, team: { max_budget: 100, rpm_limit: 50, tpm_limit: 5 } });
    const user = (await newUser({}, keyOf('a-owner'))).body;
    expect([user.max_budget, user.rpm_limit, user.tpm_limit]).toEqual([3, 7, 100]);
    for (const as of [keyOf('a-owner'), undefined]) {
      const team = await newTeam({ organization_id: 'a', max_budget: null }, as);
      expect([team.status, team.body.max_budget, team.body.rpm_limit, team.body.tpm_limit]).toEqual([200, 3, 7, 5]);
      expect((await newTeam({ organization_id: 'a', max_budget: 4 }, as)).status).toBe(400);
    }
    expect((await newUser({ max_budget: 4 }, keyOf('a-owner'))).status).toBe(400);
  });

  test.each([
    [['m', 'n'], ['n', 'o'], ['n']],
    [['*'], ['n'], ['n']],
    [['openai/*'], ['openai/a', 'x/b'], ['openai/a']],
    [['openai/a'], ['openai/*'], ['openai/a']],
    [['m'], ['n'], ['no-default-models']],
    [['m'], [], ['m']],
    [[], ['n'], []],
  ])('of models %j with those of the organization %j are %j', async (given, models, expected) => {
    await limit('a', { models });
    set({ user: { models: given }, team: { models: given } });
    expect((await newTeam({ organization_id: 'a' })).body.models).toEqual(expected);
    expect((await newUser({ organizations: ['a'] })).body.models).toEqual(expected);
  });
});

describe('default_team_params', () => {
  const team = {
    max_budget: 30,
    budget_duration: '30d',
    models: ['m'],
    tpm_limit: 100,
    rpm_limit: 10,
    team_member_permissions: ['/key/generate'],
  };

  test('are what a request leaves out', async () => {
    set({ team });
    expect((await newTeam({ max_budget: null, models: [] })).body).toMatchObject(team);
    const own = { max_budget: 50, models: ['x'], team_member_permissions: [], rpm_limit: 0 };
    expect((await newTeam(own)).body).toMatchObject({ ...team, ...own });
  });

  test('leave a budget endless for which that is asked by name', async () => {
    set({ team });
    expect((await newTeam({ budget_duration: null })).body).toMatchObject({ max_budget: 30, budget_duration: null });
  });

  test('say in which organization it is, to those who administer that', async () => {
    set({ team: { organization_id: 'a' } });
    expect((await newTeam()).body.organization_id).toBe('a');
    expect((await newTeam({ organization_id: 'b' })).body.organization_id).toBe('b');
    expect((await newTeam({}, keyOf('a-owner'))).body.organization_id).toBe('a');
    expect((await newTeam({}, keyOf('b-owner'))).status).toBe(400);
  });

  test('say nothing about teams that are there', async () => {
    set({ team });
    const { body } = await place.post('/team/update', { team_id: 'a-team', team_alias: 'Ours' });
    expect(body.data).toMatchObject({ max_budget: null, models: [] });
  });
});
