import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

const OWNER = keyOf('a-owner');
const LEAD = keyOf('a-lead');
const MATE = keyOf('a-mate');

type Json = Record<string, unknown>;

const add = (fields: object, key?: string): Promise<Answer> =>
  place.post('/team/member_add', { team_id: 'a-team', ...fields }, key);
const update = (fields: object, key?: string): Promise<Answer> =>
  place.post('/team/member_update', { team_id: 'a-team', ...fields }, key);
const remove = (fields: object, key?: string): Promise<Answer> =>
  place.post('/team/member_delete', { team_id: 'a-team', ...fields }, key);

async function members(): Promise<Record<string, unknown>> {
  const { body } = await place.get('/team/info?team_id=a-team');
  return Object.fromEntries(body.team_info.members_with_roles.map((each: Json) => [each['user_id'], each['role']]));
}

async function membership(userId: string): Promise<Json> {
  const { body } = await place.get('/team/info?team_id=a-team');
  return body.team_memberships.find((each: Json) => each['user_id'] === userId);
}

function expectRefusal({ status, body }: Answer, expected: { status: number; param: string; says?: string }): void {
  expect({ status, param: body.error?.param }).toEqual({ status: expected.status, param: expected.param });
  if (expected.says !== undefined) expect(body.error.message).toContain(expected.says);
}

describe('adding members', () => {
  test('takes one or a list, by id or address, and makes who is not known', async () => {
    const one = await add({ member: { role: 'user', user_id: 'a-owner' } });
    expect(one.status).toBe(200);
    expect(one.body).toMatchObject({
      team_id: 'a-team',
      updated_users: [{ user_id: 'a-owner' }],
      updated_team_memberships: [{ user_id: 'a-owner', team_id: 'a-team', spend: 0 }],
    });
    const { body } = await add({
      member: [
        { role: 'admin', user_email: 'B-LEAD@example.com' },
        { role: 'user', user_email: 'new@example.com' },
        { role: 'user', user_id: 'fresh', user_email: 'fresh@example.com' },
      ],
    });
    const ids = body.updated_users.map((user: Json) => user['user_id']);
    expect(ids).toEqual(['b-lead', expect.stringMatching(/^[0-9a-f-]{36}$/), 'fresh']);
    expect(await members()).toMatchObject({ 'a-owner': 'user', 'b-lead': 'admin', [ids[1]]: 'user', fresh: 'user' });
    expect((await place.get('/v2/user/info?user_id=fresh')).body).toMatchObject({
      user_email: 'fresh@example.com',
      user_role: 'internal_user',
      organization_id: 'a',
      teams: ['a-team'],
    });
  });

  test('gives them what they may use of the team’s', async () => {
    const grant = { budget_duration: '1d', allowed_models: ['m1'], rpm_limit: 5, tpm_limit: 500 };
    const { body } = await add({ member: { role: 'user', user_id: 'a-owner' }, max_budget_in_team: 2, ...grant });
    const table = { max_budget: 2, budget_reset_at: '2026-02-01T00:00:00.000Z', ...grant };
    expect(body.updated_team_memberships[0].litellm_budget_table).toMatchObject(table);
    expect((await membership('a-owner'))['litellm_budget_table']).toMatchObject(table);
  });

  test('gives them the models that members of the team start with', async () => {
    await place.post('/team/update', { team_id: 'a-team', default_team_member_models: ['m1'] });
    await add({ member: { role: 'user', user_id: 'a-owner' } });
    expect((await membership('a-owner'))['litellm_budget_table']).toMatchObject({ allowed_models: ['m1'] });
  });

  test('adds all of a list or none, and nobody twice', async () => {
    const twice = await add({
      member: [
        { role: 'user', user_id: 'new' },
        { role: 'user', user_id: 'a-mate' },
      ],
    });
    expectRefusal(twice, { status: 400, param: 'member', says: 'already' });
    expect(twice.body.error.type).toBe('team_member_already_in_team');
    expect(await members()).toEqual({ 'a-lead': 'admin', 'a-mate': 'user', 'a-reader': 'user' });
    expect((await place.get('/user/info?user_id=new')).status).toBe(404);
  });

  test.each([
    [{ member: { role: 'user' } }, 'user_id'],
    [{ member: { role: 'owner', user_id: 'x' } }, 'member'],
    [{ member: { role: 'user', user_email: 'nobody' } }, 'member'],
    [{ member: [] }, 'member'],
    [{ member: { role: 'user', user_id: 'x' }, max_budget: 1 }, 'max_budget'],
    [{ member: { role: 'user', user_id: 'a\u001fb' } }, 'member'],
  ])('refuses %j', async (fields, param) => {
    const answer = await add(fields);
    expect(answer.status).toBe(400);
    expect(answer.body.error.param).toStartWith(param);
  });

  test('gives nobody more than the team has', async () => {
    await place.post('/team/update', { team_id: 'a-team', max_budget: 5, models: ['m1'], rpm_limit: 9 });
    const member = { role: 'user', user_id: 'x' };
    for (const key of [undefined, LEAD]) {
      expectRefusal(await add({ member, max_budget_in_team: 6 }, key), { status: 400, param: 'max_budget' });
      expectRefusal(await add({ member, allowed_models: ['m2'] }, key), { status: 400, param: 'allowed_models' });
      expectRefusal(await add({ member, rpm_limit: 10 }, key), { status: 400, param: 'rpm_limit' });
    }
  });
});

describe('who changes members', () => {
  test('admins of the platform, the organization and the team do', async () => {
    let number = 0;
    for (const key of [undefined, keyOf('boss'), OWNER, LEAD]) {
      const user_id = `n${++number}`;
      expect((await add({ member: { role: 'user', user_id } }, key)).status).toBe(200);
      expect((await update({ user_id, role: 'admin' }, key)).status).toBe(200);
      expect((await remove({ user_id }, key)).status).toBe(200);
    }
  });

  test('nobody else does, and for strangers there is no such team', async () => {
    const member = { role: 'user', user_id: 'x' };
    for (const person of ['a-mate', 'a-reader', 'auditor']) {
      expect((await add({ member }, keyOf(person))).status).toBe(403);
    }
    for (const person of ['b-owner', 'b-lead']) {
      for (const answer of [
        await add({ member }, keyOf(person)),
        await update({ user_id: 'a-mate', role: 'admin' }, keyOf(person)),
        await remove({ user_id: 'a-mate' }, keyOf(person)),
        await place.post('/team/bulk_member_add', { team_id: 'a-team', members: [member] }, keyOf(person)),
      ]) {
        expectRefusal(answer, { status: 404, param: 'team_id' });
      }
    }
    expect(await members()).toEqual({ 'a-lead': 'admin', 'a-mate': 'user', 'a-reader': 'user' });
  });

  test('nobody changes their own role', async () => {
    expectRefusal(await update({ user_id: 'a-lead', role: 'user' }, LEAD), { status: 403, param: 'role' });
    expectRefusal(await update({ user_email: 'A-Lead@example.com', role: 'user' }, LEAD), {
      status: 403,
      param: 'role',
    });
    expect((await update({ user_id: 'a-lead', role: 'admin', rpm_limit: 5 }, LEAD)).status).toBe(200);
    await add({ member: { role: 'user', user_id: 'a-owner' } });
    expectRefusal(await update({ user_id: 'a-owner', role: 'admin' }, OWNER), { status: 403, param: 'role' });
  });

  test('who becomes the team’s admin is one with the next request, and who stops being it is none', async () => {
    const rename = () => place.post('/team/update', { team_id: 'a-team', team_alias: 'x' }, MATE);
    expect((await rename()).status).toBe(403);
    await update({ user_id: 'a-mate', role: 'admin' });
    expect((await rename()).status).toBe(200);
    await update({ user_id: 'a-mate', role: 'user' });
    expect((await rename()).status).toBe(403);
  });
});

test('an admin of a team comes by no rights of those whom it takes in', async () => {
  for (const user_id of ['boss', 'b-owner']) {
    expect((await add({ member: { role: 'user', user_id } }, LEAD)).status).toBe(200);
    const { body } = await place.post('/key/generate', { team_id: 'a-team', user_id }, LEAD);
    expect(body.key).toStartWith('sk-');
    for (const path of ['/user/list', '/organization/list', '/team/info?team_id=b-team', '/user/info']) {
      expect((await place.get(path, body.key)).status).toBe(403);
    }
  }
});

describe('changing a member', () => {
  test('changes what is sent and clears what is null', async () => {
    const all = { max_budget_in_team: 2, budget_duration: '1d', allowed_models: ['m1'], rpm_limit: 5, tpm_limit: 500 };
    const { body } = await update({ user_id: 'a-mate', ...all });
    expect(body).toMatchObject({
      team_id: 'a-team',
      user_id: 'a-mate',
      user_email: 'a-mate@example.com',
      role: 'user',
      ...all,
    });
    const less = await update({ user_email: 'a-mate@example.com', rpm_limit: null, allowed_models: null });
    expect(less.body).toMatchObject({ ...all, rpm_limit: null, allowed_models: [] });
  });

  test('who has no budget of their own has the team’s for members', async () => {
    await place.post('/team/update', {
      team_id: 'a-team',
      team_member_budget: 7,
      team_member_budget_duration: '1mo',
      team_member_rpm_limit: 70,
    });
    expect((await membership('a-mate'))['litellm_budget_table']).toMatchObject({
      max_budget: 7,
      budget_duration: '1mo',
      rpm_limit: 70,
    });
    const { body } = await update({ user_id: 'a-mate', max_budget_in_team: 1 });
    expect(body).toMatchObject({ max_budget_in_team: 1, budget_duration: null, rpm_limit: 70 });
  });

  test('is refused for who is not in the team', async () => {
    for (const named of [{ user_id: 'b-mate' }, { user_id: 'nobody' }, { user_email: 'no@example.com' }]) {
      expectRefusal(await update({ ...named, role: 'user' }), { status: 404, param: 'user_id' });
      expectRefusal(await remove(named), { status: 404, param: 'user_id' });
    }
    expectRefusal(await remove({}), { status: 400, param: 'user_id' });
  });
});

test('whoever leaves a team loses the keys they had in it, and keeps the others', async () => {
  const inTeam = await place.key({ team_id: 'a-team', user_id: 'a-mate' });
  const ofTeam = await place.key({ team_id: 'a-team' });
  expect((await remove({ user_id: 'a-mate' }, LEAD)).body.members).toEqual(['a-lead', 'a-reader']);
  expect((await place.get('/key/info', inTeam)).status).toBe(401);
  for (const key of [ofTeam, MATE]) expect((await place.get('/key/info', key)).status).toBe(200);
});

describe('adding many members', () => {
  test('adds those who can be, and tells who cannot', async () => {
    const { body } = await place.post('/team/bulk_member_add', {
      team_id: 'a-team',
      members: [
        { role: 'user', user_id: 'n1' },
        { role: 'user', user_id: 'a-mate' },
        { role: 'admin', user_email: 'n2@example.com' },
      ],
      max_budget_in_team: 3,
    });
    expect(body).toMatchObject({ team_id: 'a-team', total_requested: 3, successful_additions: 2, failed_additions: 1 });
    expect(body.results.map((result: Json) => result['success'])).toEqual([true, false, true]);
    expect(body.results[1].error).toContain('already');
    expect(body.results[0].updated_team_membership.litellm_budget_table.max_budget).toBe(3);
    expect(body.updated_team.members).toHaveLength(5);
  });

  test('adds everybody when an admin of the platform says so', async () => {
    const all = { team_id: 'a-team', all_users: true };
    expectRefusal(await place.post('/team/bulk_member_add', all, LEAD), { status: 403, param: 'all_users' });
    const { body } = await place.post('/team/bulk_member_add', all);
    expect(body).toMatchObject({ total_requested: 10, successful_additions: 7, failed_additions: 3 });
  });
});

describe('what a member has spent', () => {
  const spend = (costNanoUsd: number, startedAtMs = place.nowMs): void => {
    const owners = { teamId: 'a-team', userId: 'a-mate' };
    place.ledger.record(sampleRow({ ...owners, costNanoUsd, startedAtMs, endedAtMs: startedAtMs + 1 }));
  };
  const reset = (body: object, key?: string): Promise<Answer> =>
    place.post('/team/a-team/member/a-mate/reset_spend', body, key);

  test('is the sum of the log, in the window of the budget and ever', async () => {
    await update({ user_id: 'a-mate', max_budget_in_team: 5, budget_duration: '1d' });
    spend(1e9, place.nowMs - 86_400_000);
    spend(25e7);
    expect(await membership('a-mate')).toMatchObject({ spend: 0.25, total_spend: 1.25 });
    const { body } = await place.get('/team/info?team_id=a-team');
    expect(body.team_info).toMatchObject({ spend: 1.25, total_spend: 1.25 });
  });

  test('starts anew from what was set by hand', async () => {
    spend(1e9, place.nowMs - 1);
    await reset({ reset_to: 0.5 });
    place.nowMs += 1_000;
    spend(25e7);
    expect(await membership('a-mate')).toMatchObject({ spend: 0.75, total_spend: 1.25 });
  });

  test('can be set by hand by admins of the platform alone', async () => {
    await update({ user_id: 'a-mate', max_budget_in_team: 5 });
    const { body } = await reset({ reset_to: 2.5 });
    expect(body).toMatchObject({ team_id: 'a-team', user_id: 'a-mate', spend: 2.5, previous_spend: 0, max_budget: 5 });
    expect(await membership('a-mate')).toMatchObject({ spend: 2.5, total_spend: 0 });
    for (const key of [OWNER, LEAD, MATE, keyOf('auditor')])
      expect((await reset({ reset_to: 0 }, key)).status).toBe(403);
    expectRefusal(await reset({ reset_to: -1 }), { status: 400, param: 'reset_to' });
    expectRefusal(await place.post('/team/a-team/member/nobody/reset_spend', { reset_to: 0 }), {
      status: 404,
      param: 'user_id',
    });
  });
});

test('every change of a member is noted', async () => {
  await add({ member: { role: 'user', user_id: 'fresh' } }, LEAD);
  await update({ user_id: 'fresh', role: 'admin' }, LEAD);
  await place.post('/team/a-team/member/fresh/reset_spend', { reset_to: 1 });
  await remove({ user_id: 'fresh' }, LEAD);
  const rows = await place.db.selectFrom('audit_log').selectAll().orderBy('id').execute();
  expect(rows.map((row) => [row.action, row.object_kind, row.object_id, row.organization_id])).toEqual([
    ['created', 'user', 'fresh', 'a'],
    ['created', 'team_member', 'a-team/fresh', 'a'],
    ['updated', 'team_member', 'a-team/fresh', 'a'],
    ['reset', 'team_member', 'a-team/fresh', 'a'],
    ['deleted', 'team_member', 'a-team/fresh', 'a'],
  ]);
  expect(JSON.parse(rows[2]?.after_values ?? '')).toMatchObject({ role: 'admin' });
});
