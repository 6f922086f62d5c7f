import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';
import { budgets } from '../db/budgets.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

const OWNER = keyOf('a-owner');
const FOREIGN = keyOf('b-owner');

type Json = Record<string, unknown>;

const send = (method: string, path: string, body: object, key?: string): Promise<Answer> =>
  place.request(path, { method, body: JSON.stringify(body) }, key);
const update = (fields: object, key?: string): Promise<Answer> => send('PATCH', '/organization/update', fields, key);
const info = async (id: unknown, key?: string): Promise<Json> =>
  (await place.get(`/organization/info?organization_id=${String(id)}`, key)).body;

async function made(fields: object): Promise<Json> {
  const { status, body } = await place.post('/organization/new', { organization_alias: 'New', ...fields });
  expect([status, body.error]).toEqual([200, undefined]);
  return body;
}

function expectRefusal({ status, body }: Answer, expected: { status: number; param: string; says?: string }): void {
  expect({ status, param: body.error?.param }).toEqual({ status: expected.status, param: expected.param });
  if (expected.says !== undefined) expect(body.error.message).toContain(expected.says);
}

const notFound = { status: 404, param: 'organization_id' };

const LIMITS = {
  max_budget: 12.5,
  soft_budget: 10,
  budget_duration: '30d',
  model_max_budget: { m1: { budget_limit: 2, time_period: '1d' } },
  max_parallel_requests: 4,
  rpm_limit: 60,
  tpm_limit: 60_000,
  tpd_limit: 1_000_000,
};
const FIELDS = {
  organization_alias: 'Acme',
  models: ['m1', 'openai/*'],
  blocked: true,
  model_rpm_limit: { m1: 5 },
  model_tpm_limit: { m1: 500 },
  ...LIMITS,
};

describe('an organization', () => {
  test('has every field that it was made with, its limits in a budget of its own', async () => {
    const organization = await made({ ...FIELDS, metadata: { floor: 3 } });
    expect(organization).toMatchObject(FIELDS);
    const table = { budget_id: organization['budget_id'], ...LIMITS, budget_reset_at: '2026-02-01T00:00:00.000Z' };
    expect(organization['litellm_budget_table']).toMatchObject(table);
    expect(await info(organization['organization_id'])).toMatchObject({
      ...FIELDS,
      metadata: { floor: 3, model_rpm_limit: { m1: 5 } },
      litellm_budget_table: table,
      members: [],
      teams: [],
      spend: 0,
    });
    const budget = await place.post('/budget/info', { budgets: [organization['budget_id']] });
    expect(budget.body).toMatchObject([{ max_budget: 12.5, rpm_limit: 60 }]);
  });

  test('has a budget even when nothing is limited', async () => {
    const organization = await made({});
    expect(organization).toMatchObject({ budget_id: expect.any(String), max_budget: null, models: [], blocked: false });
  });

  test('can share a budget, and gets its own when the limits are changed inline', async () => {
    await place.post('/budget/new', { budget_id: 'shared', max_budget: 9, rpm_limit: 3 });
    const first = await made({ budget_id: 'shared' });
    await made({ budget_id: 'shared' });
    expect(first).toMatchObject({ budget_id: 'shared', max_budget: 9 });
    const { body } = await update({ organization_id: first['organization_id'], max_budget: 20 });
    expect(body).toMatchObject({ max_budget: 20, rpm_limit: 3 });
    expect(body.budget_id).not.toBe('shared');
    expect(await budgets.find(place.db, 'shared', EVERYTHING)).toMatchObject({ max_budget_nano_usd: 9e9 });
  });

  test('keeps its own budget when the limits are changed inline', async () => {
    const { organization_id, budget_id } = await made(LIMITS);
    const { body } = await update({ organization_id, max_budget: 20, rpm_limit: null });
    expect(body).toMatchObject({ ...LIMITS, budget_id, max_budget: 20, rpm_limit: null });
  });

  test('keeps what an update leaves out, and loses what it sets to null', async () => {
    const { organization_id } = await made({ ...FIELDS, metadata: { floor: 3 } });
    expect((await update({ organization_id, organization_alias: 'Other' })).body).toMatchObject({
      ...FIELDS,
      organization_alias: 'Other',
    });
    const nulls = {
      models: null,
      metadata: null,
      blocked: null,
      model_rpm_limit: null,
      model_tpm_limit: null,
      max_budget: null,
    };
    expect((await update({ organization_id, ...nulls })).body).toMatchObject({
      models: [],
      metadata: {},
      blocked: false,
      model_rpm_limit: null,
      max_budget: null,
      tpm_limit: 60_000,
    });
  });

  test.each([
    ['organization_alias', { organization_alias: '' }, 400],
    ['spend', { spend: 1 }, 400],
    ['members', { members: [] }, 400],
    ['budget_duration', { budget_duration: 'often' }, 400],
    ['budget_id', { budget_id: 'nowhere' }, 400],
    ['budget_id', { budget_id: 'b1', max_budget: 1 }, 400],
    ['metadata._gw', { metadata: { _gw: 1 } }, 403],
  ])('names %s when it is not accepted', async (param, fields, status) => {
    await place.post('/budget/new', { budget_id: 'b1', max_budget: 1 });
    const answer = await place.post('/organization/new', { organization_alias: 'x', organization_id: 'x', ...fields });
    expectRefusal(answer, { status, param });
    expect((await place.get('/organization/info?organization_id=x')).status).toBe(404);
  });

  test('is refused when its id is taken', async () => {
    const twin = await place.post('/organization/new', { organization_alias: 'x', organization_id: 'a' });
    expectRefusal(twin, { status: 400, param: 'organization_id', says: 'exists already' });
  });

  test('has spent what its calls cost', async () => {
    const row = { organizationId: 'a', costNanoUsd: 5e8, startedAtMs: place.nowMs, endedAtMs: place.nowMs + 1 };
    place.ledger.record(sampleRow(row));
    expect(await info('a')).toMatchObject({ spend: 0.5, total_spend: 0.5 });
  });
});

test('deleting an organization takes its teams, members and keys with it', async () => {
  const key = await place.key({ team_id: 'a-team' });
  const { body } = await send('DELETE', '/organization/delete', { organization_ids: ['a'] });
  expect(body).toMatchObject([{ organization_id: 'a' }]);
  expectRefusal(await place.get('/organization/info?organization_id=a'), notFound);
  expect((await place.get('/team/info?team_id=a-team')).status).toBe(404);
  expect((await place.get('/key/info', key)).status).toBe(401);
  expect((await place.get('/organization/list', OWNER)).status).toBe(403);
  const none = await send('DELETE', '/organization/delete', { organization_ids: ['b', 'nowhere'] });
  expectRefusal(none, notFound);
  expect(await info('b')).toMatchObject({ organization_id: 'b' });
});

describe('who sees which organizations', () => {
  const listed = async (key?: string, query = ''): Promise<unknown[]> =>
    (await place.get(`/organization/list${query}`, key)).body.map((each: Json) => each['organization_id']).sort();

  test('its admin sees one, those of the platform all', async () => {
    expect(await listed()).toEqual(['a', 'b']);
    expect(await listed(keyOf('auditor'))).toEqual(['a', 'b']);
    expect(await listed(OWNER)).toEqual(['a']);
    expect(await listed(undefined, '?org_id=b')).toEqual(['b']);
    expect(await listed(undefined, '?org_alias=TION%20B')).toEqual(['b']);
    expect(await listed(OWNER, '?org_id=b')).toEqual([]);
    for (const person of ['a-lead', 'a-mate', 'a-reader']) {
      expect((await place.get('/organization/list', keyOf(person))).status).toBe(403);
    }
  });

  test('a foreign one is not there, alone or in a list', async () => {
    expectRefusal(await place.get('/organization/info?organization_id=a', FOREIGN), notFound);
    expectRefusal(await place.post('/organization/info', { organizations: ['b', 'a'] }, FOREIGN), notFound);
    expect((await place.post('/organization/info', { organizations: ['b'] }, FOREIGN)).body).toMatchObject([
      { organization_id: 'b', teams: [{ team_id: 'b-team' }] },
    ]);
    expect(JSON.stringify((await place.get('/organization/list', FOREIGN)).body)).not.toContain('a-');
  });

  test('nobody but admins of the platform makes, changes or deletes one', async () => {
    for (const person of ['a-owner', 'a-lead', 'a-mate', 'auditor']) {
      const key = keyOf(person);
      expect((await place.post('/organization/new', { organization_alias: 'x' }, key)).status).toBe(403);
      expect((await update({ organization_id: 'a', max_budget: 1 }, key)).status).toBe(403);
      expect((await send('DELETE', '/organization/delete', { organization_ids: ['a'] }, key)).status).toBe(403);
    }
  });
});

describe('members of an organization', () => {
  const add = (fields: object, key?: string): Promise<Answer> =>
    place.post('/organization/member_add', { organization_id: 'a', ...fields }, key);
  const change = (fields: object, key?: string): Promise<Answer> =>
    send('PATCH', '/organization/member_update', { organization_id: 'a', ...fields }, key);
  const remove = (fields: object, key?: string): Promise<Answer> =>
    send('DELETE', '/organization/member_delete', { organization_id: 'a', ...fields }, key);
  const roles = async (): Promise<Json> =>
    Object.fromEntries(((await info('a'))['members'] as Json[]).map((each) => [each['user_id'], each['user_role']]));

  test('are added one or many, by id or address, and who is not known is made', async () => {
    const { body, headers } = await add({
      member: [
        { role: 'org_admin', user_email: 'B-MATE@example.com' },
        { role: 'internal_user_viewer', user_id: 'fresh' },
      ],
      max_budget_in_organization: 4,
    });
    expect(body).toMatchObject({
      organization_id: 'a',
      updated_users: [{ user_id: 'b-mate' }, { user_id: 'fresh', organization_id: 'a' }],
      updated_organization_memberships: [
        { user_id: 'b-mate', user_role: 'org_admin', max_budget_in_organization: 4 },
        { user_id: 'fresh', user_role: 'internal_user_viewer' },
      ],
    });
    expect(headers.get('x-tollgate-warning')).toBeNull();
    expect(await roles()).toMatchObject({ 'b-mate': 'org_admin', fresh: 'internal_user_viewer' });
  });

  test('are added all or none, and nobody twice', async () => {
    const answer = await add({
      member: [
        { role: 'internal_user', user_id: 'new' },
        { role: 'internal_user', user_id: 'a-mate' },
      ],
    });
    expectRefusal(answer, { status: 400, param: 'member', says: 'already' });
    expect(Object.keys(await roles())).toHaveLength(4);
    for (const role of ['proxy_admin', 'admin', 'root']) {
      expect((await add({ member: { role, user_id: 'new' } })).status).toBe(400);
    }
  });

  test('get and lose their rights with the very next request', async () => {
    const mate = keyOf('a-mate');
    expect((await place.get('/organization/info?organization_id=a', mate)).status).toBe(403);
    expect((await change({ user_id: 'a-mate', role: 'org_admin' }, OWNER)).body).toMatchObject({
      user_role: 'org_admin',
    });
    expect((await place.get('/organization/info?organization_id=a', mate)).status).toBe(200);
    expect((await remove({ user_email: 'a-mate@example.com' }, OWNER)).body).toMatchObject({ user_id: 'a-mate' });
    expect((await place.get('/organization/info?organization_id=a', mate)).status).toBe(403);
  });

  test('do not change their own role', async () => {
    expectRefusal(await change({ user_id: 'a-owner', role: 'internal_user' }, OWNER), { status: 403, param: 'role' });
    expect((await change({ user_id: 'a-owner', role: 'org_admin' }, OWNER)).status).toBe(200);
    expect((await change({ user_id: 'a-owner', role: 'internal_user' })).status).toBe(200);
  });

  test('are out of reach for admins of other organizations and for plain people', async () => {
    const member = { role: 'internal_user', user_id: 'b-mate' };
    for (const call of [
      add({ member }, FOREIGN),
      change({ user_id: 'a-mate', role: 'org_admin' }, FOREIGN),
      remove({ user_id: 'a-mate' }, FOREIGN),
    ]) {
      expectRefusal(await call, notFound);
    }
    for (const person of ['a-lead', 'a-mate', 'auditor'])
      expect((await add({ member }, keyOf(person))).status).toBe(403);
    expect(Object.keys(await roles())).toHaveLength(4);
  });

  test('who are none cannot be changed or taken out', async () => {
    for (const named of [{ user_id: 'b-mate' }, { user_id: 'nobody' }, { user_email: 'no@example.com' }]) {
      expectRefusal(await change({ ...named, role: 'internal_user' }), { status: 404, param: 'user_id' });
      expectRefusal(await remove(named), { status: 404, param: 'user_id' });
    }
  });
});

test('every change of an organization is noted', async () => {
  await made({ organization_id: 'o', max_budget: 1 });
  await update({ organization_id: 'o', max_budget: 2 });
  await place.post('/organization/member_add', {
    organization_id: 'o',
    member: { role: 'internal_user', user_id: 'a-mate' },
  });
  await send('DELETE', '/organization/delete', { organization_ids: ['o'] });
  const rows = await place.db.selectFrom('audit_log').selectAll().orderBy('id').execute();
  expect(rows.map((row) => [row.action, row.object_kind, row.object_id, row.organization_id])).toEqual([
    ['created', 'organization', 'o', 'o'],
    ['updated', 'organization', 'o', 'o'],
    ['created', 'organization_member', 'o/a-mate', 'o'],
    ['deleted', 'organization', 'o', 'o'],
  ]);
  expect(JSON.parse(rows[1]?.before_values ?? '')).toMatchObject({ max_budget: 1 });
  expect(JSON.parse(rows[1]?.after_values ?? '')).toMatchObject({ max_budget: 2 });
});
