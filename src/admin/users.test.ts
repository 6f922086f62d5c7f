import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { keyOf, settleTenants, settleUser } from '../../test/support/tenants.ts';
import { users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

const OWNER = keyOf('a-owner');
const LEAD = keyOf('a-lead');
const MATE = keyOf('a-mate');
const BOSS = keyOf('boss');

type Json = Record<string, unknown>;

async function made(fields: object, key?: string): Promise<Json> {
  const { status, body } = await place.post('/user/new', fields, key);
  expect([status, body.error]).toEqual([200, undefined]);
  return body;
}

const update = (fields: object, key?: string): Promise<Answer> => place.post('/user/update', fields, key);

async function info(userId: unknown, key?: string): Promise<Json> {
  return (await place.get(`/user/info?user_id=${String(userId)}`, key)).body.user_info;
}

function expectRefusal({ status, body }: Answer, expected: { status: number; param: string; says?: string }): void {
  expect({ status, param: body.error?.param }).toEqual({ status: expected.status, param: expected.param });
  if (expected.says !== undefined) expect(body.error.message).toContain(expected.says);
}

const notFound = { status: 404, param: 'user_id' };

const FIELDS = {
  user_email: 'Ada@example.com',
  user_alias: 'Ada',
  user_role: 'internal_user_viewer',
  sso_user_id: 'sso-1',
  models: ['m1'],
  metadata: { desk: 4 },
  blocked: false,
  max_budget: 12.5,
  soft_budget: 10,
  budget_duration: '1mo',
  budget_limits: [{ budget_duration: '1d', max_budget: 1 }],
  model_max_budget: { m1: { budget_limit: 2, time_period: '1d' } },
  tollgate_limits: [{ unit: 'requests', window: '1d', max: 1000 }],
  max_parallel_requests: 4,
  rpm_limit: 60,
  tpm_limit: 60_000,
  tpd_limit: 1_000_000,
  model_rpm_limit: { m1: 5 },
  model_tpm_limit: { m1: 500 },
  guardrails: ['g'],
  policies: ['p'],
  allowed_cache_controls: ['no-cache'],
  object_permission: { vector_stores: ['v'] },
};

describe('a user', () => {
  test('has every field that it was made with, and says which have no effect yet', async () => {
    const { body, headers } = await place.post('/user/new', {
      user_id: 'ada',
      ...FIELDS,
      password: 'longer than that',
    });
    const { metadata, ...rest } = FIELDS;
    expect(body).toMatchObject({ user_id: 'ada', ...rest });
    expect(body.metadata).toMatchObject(metadata);
    expect(await info('ada')).toMatchObject(rest);
    expect(headers.get('x-tollgate-warning')).toBe(
      'stored but not enforced yet: password, sso_user_id, guardrails, policies, allowed_cache_controls, object_permission',
    );
  });

  test('gets a key that works, and is shown once', async () => {
    const { key, token, key_name, expires, user_id } = await made({ duration: '30d', key_alias: 'first', tags: ['t'] });
    expect(key).toStartWith('sk-');
    expect(key_name).toBe(`sk-...${String(key).slice(-4)}`);
    expect(expires).toBe('2026-03-02T12:00:00.000Z');
    const { body } = await place.get('/user/info', String(key));
    expect(body).toMatchObject({ user_id, keys: [{ token, key_alias: 'first', metadata: { tags: ['t'] } }] });
    expect(JSON.stringify(body)).not.toContain(String(key));
  });

  test('gets no key when none is wanted', async () => {
    const { key, token, user_id } = await made({ auto_create_key: false });
    expect([key, token]).toEqual([null, null]);
    expect((await place.get(`/user/info?user_id=${user_id}`)).body.keys).toEqual([]);
  });

  test('is put into teams and organizations', async () => {
    const user = await made({
      user_id: 'ada',
      teams: ['a-team', { team_id: 'b-team', user_role: 'admin', max_budget_in_team: 2 }],
      organizations: ['a', 'b'],
    });
    expect(user).toMatchObject({ teams: ['a-team', 'b-team'], organizations: ['a', 'b'], organization_id: 'a' });
    expect(await info('ada')).toMatchObject({
      teams: ['a-team', 'b-team'],
      organization_memberships: [
        { organization_id: 'a', user_role: 'internal_user' },
        { organization_id: 'b', user_role: 'internal_user' },
      ],
    });
    const team = await place.get('/team/info?team_id=b-team');
    expect(team.body.team_memberships).toContainEqual(
      expect.objectContaining({
        user_id: 'ada',
        role: 'admin',
        litellm_budget_table: expect.objectContaining({ max_budget: 2 }),
      }),
    );
  });

  test.each([
    ['user_id', { user_id: 'a-mate' }, 400],
    ['user_email', { user_email: 'A-MATE@example.com' }, 400],
    ['key_alias', { user_id: 'new', key_alias: 'key of a-mate' }, 400],
    ['team_id', { user_id: 'new', teams: ['nowhere'] }, 404],
    ['organization_id', { user_id: 'new', organizations: ['nowhere'] }, 404],
    ['user_role', { user_id: 'new', user_role: 'root' }, 400],
    ['spend', { user_id: 'new', spend: 1 }, 400],
    ['password', { user_id: 'new', password: 'short' }, 400],
    ['password_hash', { user_id: 'new', password_hash: 'x' }, 400],
    ['send_invite_email', { user_id: 'new', send_invite_email: true }, 400],
  ])('is refused for its %s, and nothing of it stays', async (param, fields, status) => {
    expectRefusal(await place.post('/user/new', fields), { status, param });
    expect((await place.get('/user/info?user_id=new')).status).toBe(404);
  });

  test('keeps what an update leaves out, and loses what it sets to null', async () => {
    await made({ user_id: 'ada', ...FIELDS });
    const { body } = await update({ user_id: 'ada', user_alias: 'Countess', rpm_limit: null, models: null });
    const { metadata, ...rest } = FIELDS;
    expect(body).toMatchObject({
      user_id: 'ada',
      data: { ...rest, user_alias: 'Countess', rpm_limit: null, models: [] },
    });
    expect(body.data.metadata).toMatchObject(metadata);
    expect((await update({ user_email: 'ada@EXAMPLE.com', max_budget: 1 })).body.data).toMatchObject({
      user_email: 'Ada@example.com',
      max_budget: 1,
    });
    expectRefusal(await update({ user_id: 'ada', user_email: 'a-mate@example.com' }), {
      status: 400,
      param: 'user_email',
    });
    expectRefusal(await update({ rpm_limit: 1 }), { status: 400, param: 'user_id' });
    expectRefusal(await update({ user_id: 'nobody' }), notFound);
  });

  test('has a password that no answer and no audit row holds, not even as a hash', async () => {
    const created = await made({ user_id: 'ada', password: 'correct horse battery' });
    const changed = await update({ user_id: 'ada', password: 'another long secret' });
    const hash = (await users.find(place.db, 'ada', EVERYTHING))?.password_hash ?? '';
    expect(await Bun.password.verify('another long secret', hash)).toBe(true);
    const seen = [created, changed.body, await info('ada'), (await place.get('/v2/user/info?user_id=ada')).body];
    const audit = await place.db.selectFrom('audit_log').selectAll().execute();
    const list = await place.get('/user/list');
    const text = JSON.stringify([seen, audit, list.body]);
    for (const secret of [hash, '$argon2', 'correct horse', 'another long', 'password'])
      expect(text).not.toContain(secret);
  });
});

describe('what a user has spent', () => {
  test('is the sum of the log, in the window of the budget and ever', async () => {
    await made({ user_id: 'ada', max_budget: 5, budget_duration: '1d' });
    for (const startedAtMs of [place.nowMs, place.nowMs - 86_400_000]) {
      place.ledger.record(sampleRow({ userId: 'ada', costNanoUsd: 5e8, startedAtMs, endedAtMs: startedAtMs + 1 }));
    }
    const spent = { spend: 0.5, total_spend: 1, budget_reset_at: '2026-02-01T00:00:00.000Z' };
    expect(await info('ada')).toMatchObject(spent);
    expect((await place.get('/user/list?user_ids=ada')).body.users).toMatchObject([spent]);
  });
});

describe('self-service', () => {
  test('everybody sees themselves, with their keys and teams', async () => {
    for (const person of ['a-mate', 'a-reader', 'a-lead', 'a-owner', 'auditor']) {
      const key = keyOf(person);
      const { body } = await place.get(`/user/info?user_id=${person}`, key);
      expect(body).toMatchObject({
        user_id: person,
        user_info: { user_id: person },
        keys: [{ key_alias: `key of ${person}` }],
      });
      expect((await place.get('/v2/user/info', key)).body.user_id).toBe(person);
    }
    expect((await place.get('/user/info', MATE)).body).toMatchObject({
      user_id: 'a-mate',
      teams: [{ team_id: 'a-team' }],
    });
  });

  test('a key of nobody sees itself', async () => {
    const key = await place.key({ key_alias: 'lonely' });
    expect((await place.get('/user/info', key)).body).toMatchObject({
      user_id: null,
      user_info: null,
      keys: [{ key_alias: 'lonely' }],
      teams: [],
    });
    expectRefusal(await place.get('/v2/user/info', key), notFound);
    expectRefusal(await place.get('/user/info?user_id=a-mate', key), notFound);
  });

  test('an admin without an id sees the keys and teams of all', async () => {
    const { body } = await place.get('/user/info');
    expect(body).toMatchObject({ user_id: null, user_info: null });
    expect([body.keys.length, body.teams.length]).toEqual([10, 2]);
    expect((await place.get('/user/info', BOSS)).body).toMatchObject({
      user_id: 'boss',
      user_info: { user_id: 'boss' },
    });
  });

  test('users change their own alias and metadata, and nothing else', async () => {
    for (const person of ['a-mate', 'a-reader', 'auditor']) {
      const fields = { user_id: person, user_alias: 'Me', metadata: { theme: 'dark' } };
      expect((await update(fields, keyOf(person))).body.data).toMatchObject(fields);
    }
    const rest = { ...FIELDS, password: 'longer than that', organization_id: 'b' };
    for (const [field, value] of Object.entries(rest)) {
      if (field === 'user_alias' || field === 'metadata') continue;
      expectRefusal(await update({ user_id: 'a-mate', [field]: value }, MATE), { status: 403, param: field });
    }
  });

  test('users cannot write metadata that means something to the gateway', async () => {
    await update({ user_id: 'a-mate', metadata: { scim_active: true, model_rpm_limit: { m: 1 }, note: 1 } });
    const { body } = await update({ user_id: 'a-mate', metadata: { theme: 'dark' } }, MATE);
    expect(body.data.metadata).toEqual({ scim_active: true, model_rpm_limit: { m: 1 }, theme: 'dark' });
    for (const name of ['scim_active', 'model_rpm_limit', 'tags', 'allow_client_pricing_override', '_gw.x']) {
      const answer = await update({ user_id: 'a-mate', metadata: { [name]: 'x' } }, MATE);
      expectRefusal(answer, { status: 403, param: `metadata.${name}` });
    }
  });

  test('others are as if they did not exist', async () => {
    for (const key of [MATE, LEAD, keyOf('a-reader')]) {
      for (const other of ['a-owner', 'b-mate', 'nobody']) {
        expectRefusal(await place.get(`/user/info?user_id=${other}`, key), notFound);
        expectRefusal(await place.get(`/v2/user/info?user_id=${other}`, key), notFound);
        expectRefusal(await update({ user_id: other, user_alias: 'x' }, key), notFound);
        expectRefusal(await update({ user_email: `${other}@example.com`, user_alias: 'x' }, key), notFound);
      }
      for (const path of ['/user/new', '/user/delete', '/user/bulk_update']) {
        expect((await place.post(path, { user_ids: ['a-mate'] }, key)).status).toBe(403);
      }
      expect((await place.get('/user/list', key)).status).toBe(403);
    }
  });

  test('everybody may ask which roles there are', async () => {
    const { body } = await place.get('/user/available_roles', await place.key());
    expect(Object.keys(body)).toEqual(['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer']);
    expect(body.proxy_admin).toEqual({ ui_label: expect.any(String), description: expect.any(String) });
  });
});

describe('the admin of an organization', () => {
  test('makes users in it, and is asked which when there are two', async () => {
    expect(await made({ user_id: 'ada', models: ['m'] }, OWNER)).toMatchObject({
      organization_id: 'a',
      organizations: ['a'],
    });
    const abroad = await place.post('/user/new', { organizations: ['b'] }, OWNER);
    expectRefusal(abroad, { status: 404, param: 'organization_id' });
    await place.post('/organization/member_add', {
      organization_id: 'b',
      member: { role: 'org_admin', user_id: 'a-owner' },
    });
    expectRefusal(await place.post('/user/new', {}, OWNER), { status: 400, param: 'organizations' });
  });

  test('puts new users into its teams alone', async () => {
    expect(await made({ teams: ['a-team'] }, OWNER)).toMatchObject({ teams: ['a-team'] });
    expectRefusal(await place.post('/user/new', { teams: ['b-team'] }, OWNER), { status: 404, param: 'team_id' });
  });

  test.each(['proxy_admin', 'proxy_admin_viewer', 'org_admin'])('makes nobody a %s', async (user_role) => {
    expectRefusal(await place.post('/user/new', { user_role }, OWNER), { status: 403, param: 'user_role' });
    expectRefusal(await update({ user_id: 'a-mate', user_role }, OWNER), { status: 403, param: 'user_role' });
  });

  test('gives its users no more than it has, and their first keys draw on it', async () => {
    await place.request('/organization/update', {
      method: 'PATCH',
      body: JSON.stringify({ organization_id: 'a', max_budget: 5, models: ['m1'] }),
    });
    for (const [field, value] of [
      ['max_budget', 6],
      ['models', ['m2']],
    ] as const) {
      const refusal = { status: 400, param: field, says: 'the organization' };
      expectRefusal(await place.post('/user/new', { [field]: value }, OWNER), refusal);
      expectRefusal(await update({ user_id: 'a-mate', [field]: value }, OWNER), refusal);
    }
    const { key } = await made({ max_budget: 5, models: ['m1'] }, OWNER);
    expect((await place.get('/key/info', String(key))).body.info.organization_id).toBe('a');
  });

  test('changes users of it, but neither how they sign in nor where they belong', async () => {
    const fields = {
      user_id: 'a-mate',
      user_role: 'internal_user_viewer',
      max_budget: 3,
      models: ['m'],
      blocked: true,
    };
    expect((await update(fields, OWNER)).body.data).toMatchObject(fields);
    for (const [field, value] of Object.entries({
      user_email: 'mine@example.com',
      password: 'longer than that',
      sso_user_id: 'mine',
      organization_id: 'b',
      guardrails: [],
    })) {
      expectRefusal(await update({ user_id: 'a-mate', [field]: value }, OWNER), { status: 403, param: field });
    }
  });

  test('changes nobody who only visits, and no admin of the platform', async () => {
    for (const user_id of ['b-mate', 'boss']) {
      await place.post('/organization/member_add', {
        organization_id: 'a',
        member: { role: 'internal_user', user_id },
      });
      expect((await place.get(`/user/info?user_id=${user_id}`, OWNER)).status).toBe(200);
      expectRefusal(await update({ user_id, blocked: true }, OWNER), { status: 403, param: 'user_id' });
      expectRefusal(await update({ user_id, user_alias: 'x' }, OWNER), { status: 403, param: 'user_id' });
    }
    await update({ user_id: 'boss', organization_id: 'a' });
    expectRefusal(await update({ user_id: 'boss', blocked: true }, OWNER), { status: 403, param: 'user_id' });
  });

  test('lists and reads those of it, and nobody of another', async () => {
    const { body } = await place.get('/user/list', OWNER);
    expect(body.users.map((user: Json) => user['user_id']).sort()).toEqual(['a-lead', 'a-mate', 'a-owner', 'a-reader']);
    expect(body.total).toBe(4);
    expect((await place.get('/user/list?team=b-team', OWNER)).body).toMatchObject({ users: [], total: 0 });
    expect((await place.get('/user/list?user_ids=b-mate,a-mate', OWNER)).body.total).toBe(1);
    for (const answer of [
      await place.get('/user/info?user_id=b-mate', OWNER),
      await update({ user_id: 'b-mate', user_alias: 'x' }, OWNER),
    ]) {
      expectRefusal(answer, notFound);
    }
  });
});

describe('the last admin of the platform', () => {
  test('is neither demoted, blocked nor deleted, by anybody', async () => {
    for (const fields of [{ user_role: 'internal_user' }, { user_role: null }, { blocked: true }]) {
      const answer = await update({ user_id: 'boss', ...fields });
      expectRefusal(answer, { status: 400, param: 'user_role', says: 'last admin' });
    }
    expectRefusal(await place.post('/user/delete', { user_ids: ['boss', 'a-mate'] }), {
      status: 400,
      param: 'user_role',
    });
    expect(await info('boss')).toMatchObject({ user_role: 'proxy_admin', blocked: false });
    expect(await info('a-mate')).toMatchObject({ user_id: 'a-mate' });
  });

  test('is not who is left when two go at once', async () => {
    await made({ user_id: 'second', user_role: 'proxy_admin' });
    const both = [
      update({ user_id: 'boss', user_role: 'internal_user' }),
      update({ user_id: 'second', user_role: 'internal_user' }),
    ];
    expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([200, 400]);
    expect((await place.get('/user/list?role=proxy_admin')).body.total).toBe(1);
  });

  test('may go when there is another whose account is open', async () => {
    await made({ user_id: 'second', user_role: 'proxy_admin', blocked: true });
    expect((await place.post('/user/delete', { user_ids: ['boss'] })).status).toBe(400);
    await update({ user_id: 'second', blocked: false });
    expect((await place.post('/user/delete', { user_ids: ['boss'] })).body).toEqual({ deleted_users: ['boss'] });
  });
});

test('nobody changes their own role, blocks or deletes themselves', async () => {
  await made({ user_id: 'second', user_role: 'proxy_admin' });
  expectRefusal(await update({ user_id: 'boss', user_role: 'internal_user' }, BOSS), {
    status: 403,
    param: 'user_role',
  });
  expectRefusal(await update({ user_email: 'boss@example.com', user_role: null }, BOSS), {
    status: 403,
    param: 'user_role',
  });
  expectRefusal(await update({ user_id: 'boss', blocked: true }, BOSS), { status: 403, param: 'blocked' });
  expectRefusal(await place.post('/user/delete', { user_ids: ['boss'] }, BOSS), { status: 403, param: 'user_ids' });
  expectRefusal(await update({ user_id: 'a-owner', user_role: 'proxy_admin' }, OWNER), {
    status: 403,
    param: 'user_role',
  });
  expect((await update({ user_id: 'boss', user_role: 'proxy_admin', rpm_limit: 5 }, BOSS)).status).toBe(200);
});

describe('deleting users', () => {
  test('takes their memberships and keys with them', async () => {
    expect((await place.post('/user/delete', { user_ids: ['a-mate'] })).body).toEqual({ deleted_users: ['a-mate'] });
    expectRefusal(await place.get('/user/info?user_id=a-mate'), notFound);
    expect((await place.get('/key/info', MATE)).status).toBe(401);
    expect((await place.get('/team/info?team_id=a-team')).body.team_info.members).toEqual(['a-lead', 'a-reader']);
  });

  test('happens to all that are named or to none', async () => {
    expectRefusal(await place.post('/user/delete', { user_ids: ['a-mate', 'nobody'] }), notFound);
    expect(await info('a-mate')).toMatchObject({ user_id: 'a-mate' });
    expect((await place.post('/user/delete', { user_ids: ['a-mate'] }, OWNER)).status).toBe(403);
  });
});

describe('changing many users', () => {
  test('changes those that can be, and tells who cannot', async () => {
    const { body } = await place.post('/user/bulk_update', {
      users: [
        { user_id: 'a-mate', max_budget: 1 },
        { user_id: 'nobody', max_budget: 1 },
        { user_email: 'a-lead@example.com', rpm_limit: 2 },
      ],
    });
    expect(body).toMatchObject({ total_requested: 3, successful_updates: 2, failed_updates: 1 });
    expect(body.results.map((result: Json) => result['success'])).toEqual([true, false, true]);
    expect(await info('a-mate')).toMatchObject({ max_budget: 1 });
    expect(await info('a-lead')).toMatchObject({ rpm_limit: 2 });
  });

  test('changes everybody that the caller may', async () => {
    const { body } = await place.post('/user/bulk_update', { all_users: true, user_updates: { rpm_limit: 7 } }, OWNER);
    expect(body).toMatchObject({ total_requested: 4, successful_updates: 3, failed_updates: 1 });
    expect([await info('a-mate'), await info('a-owner'), await info('b-mate')]).toMatchObject([
      { rpm_limit: 7 },
      { rpm_limit: null },
      { rpm_limit: null },
    ]);
    expectRefusal(await place.post('/user/bulk_update', {}), { status: 400, param: 'users' });
  });
});

describe('a list of users', () => {
  const ids = async (query: string): Promise<unknown> =>
    (await place.get(`/user/list?${query}`)).body.users.map((user: Json) => user['user_id']);

  test('is filtered', async () => {
    await settleUser(place.db, 'zed', { user_alias: 'Zed Z', sso_user_id: 's1', blocked: 1 });
    expect(await ids('role=proxy_admin')).toEqual(['boss']);
    expect(await ids('user_ids=boss,zed&sort_by=user_id&sort_order=asc')).toEqual(['boss', 'zed']);
    expect(await ids('user_email=ZED@')).toEqual(['zed']);
    expect(await ids('user_alias=zed')).toEqual(['zed']);
    expect(await ids('sso_user_ids=s1')).toEqual(['zed']);
    expect(await ids('blocked=true')).toEqual(['zed']);
    expect(await ids('team=b-team&sort_by=user_id&sort_order=asc')).toEqual(['b-lead', 'b-mate', 'b-reader']);
    expect(await ids('organization_id=a&sort_by=user_email&sort_order=desc')).toEqual([
      'a-reader',
      'a-owner',
      'a-mate',
      'a-lead',
    ]);
  });

  test('has pages, and says how many keys each user has', async () => {
    const { body } = await place.get('/user/list?page=2&page_size=4&sort_by=user_id&sort_order=asc');
    expect(body).toMatchObject({ total: 10, page: 2, page_size: 4, total_pages: 3 });
    expect(body.users).toHaveLength(4);
    expect(body.users[2]).toMatchObject({ user_id: 'b-mate', key_count: 1, teams: ['b-team'] });
  });

  test.each(['page=0', 'page_size=101', 'sort_by=password_hash', 'role=king', 'blocked=maybe', 'q=x'])(
    'refuses %s',
    async (query) => {
      expectRefusal(await place.get(`/user/list?${query}`), { status: 400, param: String(query.split('=')[0]) });
    },
  );
});

test('every change of a user is noted, with what it was and is', async () => {
  await made({ user_id: 'ada', user_alias: 'A' });
  await update({ user_id: 'ada', user_alias: 'B' }, BOSS);
  await place.post('/user/delete', { user_ids: ['ada'] });
  const rows = await place.db.selectFrom('audit_log').selectAll().orderBy('id').execute();
  expect(rows.map((row) => [row.action, row.object_kind])).toEqual([
    ['created', 'user'],
    ['created', 'key'],
    ['updated', 'user'],
    ['deleted', 'user'],
    ['deleted', 'key'],
  ]);
  expect(rows[2]).toMatchObject({ object_id: 'ada', actor_user: 'boss' });
  expect(JSON.parse(rows[2]?.before_values ?? '')).toMatchObject({ user_alias: 'A' });
  expect(JSON.parse(rows[2]?.after_values ?? '')).toMatchObject({ user_alias: 'B' });
});
