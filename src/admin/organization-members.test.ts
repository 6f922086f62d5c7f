import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace, MASTER_KEY } from '../../test/support/admin-place.ts';
import { addOrganization, addUser } from '../../test/support/key-owners.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';

const place = adminPlace();

const add = (fields: object, key = MASTER_KEY): Promise<Answer> =>
  place.post('/organization/member_add', { organization_id: 'acme', ...fields }, key);
const change = (fields: object, key = MASTER_KEY): Promise<Answer> => {
  const body = JSON.stringify({ organization_id: 'acme', ...fields });
  return place.request('/organization/member_update', { method: 'PATCH', body }, key);
};
const remove = (fields: object, key = MASTER_KEY): Promise<Answer> => {
  const body = JSON.stringify({ organization_id: 'acme', ...fields });
  return place.request('/organization/member_delete', { method: 'DELETE', body }, key);
};

async function roles(): Promise<Record<string, string>> {
  const { members } = (await place.get('/organization/info?organization_id=acme')).body;
  return Object.fromEntries(
    members.map(({ user_id, user_role }: { user_id: string; user_role: string }) => [user_id, user_role]),
  );
}

const refusal = ({ status, body }: Answer): unknown[] => [status, body.error.param, body.error.message];

beforeEach(async () => {
  await addOrganization(place.db, 'acme');
  await addUser(place.db, 'ann', { user_email: 'ann@x.example' }, { organizations: { acme: 'org_admin' } });
  await addUser(place.db, 'bob', { user_email: 'bob@x.example' }, { organizations: { acme: 'internal_user' } });
  await addUser(place.db, 'cyd', { user_email: 'cyd@x.example' });
});

describe('adding', () => {
  test.each<[string, object, string, string]>([
    ['somebody known by id', { user_id: 'cyd' }, 'cyd', 'cyd@x.example'],
    ['somebody known by address', { user_email: 'cyd@x.example' }, 'cyd', 'cyd@x.example'],
    ['somebody known by an address in capitals', { user_email: 'CYD@X.example' }, 'cyd', 'cyd@x.example'],
    ['somebody new with an address', { user_id: 'dan', user_email: 'dan@x.example' }, 'dan', 'dan@x.example'],
  ])('%s makes them a member', async (_, named, user_id, user_email) => {
    const { status, body } = await add({ member: { role: 'internal_user_viewer', ...named } });
    expect(status).toBe(200);
    expect(body.updated_organization_memberships).toMatchObject([
      { organization_id: 'acme', user_id, user_email, user_role: 'internal_user_viewer' },
    ]);
    expect(await roles()).toEqual({ ann: 'org_admin', bob: 'internal_user', [user_id]: 'internal_user_viewer' });
  });

  const ALREADY = 'is in this organization already.';
  const NAMELESS = "Name the user by 'user_id' or 'user_email'.";

  test.each<[string, unknown, string, string]>([
    ['a member', { role: 'internal_user', user_id: 'bob' }, 'member', `The user bob@x.example ${ALREADY}`],
    [
      'a member by address, in another role',
      { role: 'org_admin', user_email: 'bob@x.example' },
      'member',
      `The user bob@x.example ${ALREADY}`,
    ],
    [
      'one person twice at once',
      [
        { role: 'internal_user', user_id: 'new' },
        { role: 'org_admin', user_id: 'new' },
      ],
      'member',
      `The user new ${ALREADY}`,
    ],
    [
      'one person by id and by address at once',
      [
        { role: 'internal_user', user_id: 'cyd' },
        { role: 'internal_user', user_email: 'Cyd@x.example' },
      ],
      'member',
      `The user cyd@x.example ${ALREADY}`,
    ],
    [
      'somebody new with the address of another',
      { role: 'internal_user', user_id: 'new', user_email: 'cyd@x.example' },
      'user_email',
      'Another user has this address.',
    ],
    ['nobody', { role: 'internal_user' }, 'user_id', NAMELESS],
    [
      'somebody and nobody',
      [{ role: 'internal_user', user_id: 'cyd' }, { role: 'internal_user' }],
      'user_id',
      NAMELESS,
    ],
  ])('%s is refused, and nobody comes in', async (_, member, param, message) => {
    expect(refusal(await add({ member }))).toEqual([400, param, message]);
    expect(await roles()).toEqual({ ann: 'org_admin', bob: 'internal_user' });
    expect((await place.get('/user/info?user_id=new')).status).toBe(404);
    expect((await place.get('/audit')).body.total).toBe(0);
  });

  test.each<[string, object, string]>([
    ['a role of the platform', { member: { role: 'proxy_admin', user_id: 'cyd' } }, 'member.role'],
    ['no role', { member: { user_id: 'cyd' } }, 'member.role'],
    ['an address that is none', { member: { role: 'internal_user', user_email: 'cyd' } }, 'member.user_email'],
    ['an empty list', { member: [] }, 'member'],
    ['no member', {}, 'member'],
    [
      'less than nothing to spend',
      { member: { role: 'internal_user', user_id: 'cyd' }, max_budget_in_organization: -1 },
      'max_budget_in_organization',
    ],
  ])('with %s is refused by the name of the field', async (_, fields, param) => {
    const { status, body } = await add(fields);
    expect([status, body.error.param]).toEqual([400, param]);
  });

  test('to an organization that is not there makes nobody', async () => {
    const answer = await add({ organization_id: 'nowhere', member: { role: 'internal_user', user_id: 'new' } });
    expect(refusal(answer)).toEqual([404, 'organization_id', 'There is no such organization.']);
    expect((await place.get('/user/info?user_id=new')).status).toBe(404);
  });

  test('of two at once who are the same, one comes in', async () => {
    const member = { role: 'internal_user', user_id: 'cyd' };
    const answers = await Promise.all([add({ member }), add({ member })]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
  });
});

test("an organization's own admin gives no member more than the organization has; the platform's may", async () => {
  await place.request('/organization/update', {
    method: 'PATCH',
    body: JSON.stringify({ organization_id: 'acme', max_budget: 10 }),
  });
  const ann = await place.key({ user_id: 'ann' });
  const beyond = { user_id: 'bob', max_budget_in_organization: 11 };
  const said = "'max_budget_in_organization' is more than the organization has (10).";
  expect(refusal(await change(beyond, ann))).toEqual([400, 'max_budget_in_organization', said]);
  const member = { role: 'internal_user', user_id: 'cyd' };
  const added = await add({ member, max_budget_in_organization: 11 }, ann);
  expect(refusal(added)).toEqual([400, 'max_budget_in_organization', said]);
  expect((await change({ ...beyond, max_budget_in_organization: 10 }, ann)).status).toBe(200);
  expect((await add({ member }, ann)).status).toBe(200);
  expect((await change(beyond)).body.max_budget_in_organization).toBe(11);
});

describe('changing', () => {
  test.each<[object, string, number | null]>([
    [{ role: 'org_admin' }, 'org_admin', null],
    [{ role: 'internal_user_viewer', max_budget_in_organization: 3 }, 'internal_user_viewer', 3],
    [{ max_budget_in_organization: 0.5 }, 'internal_user', 0.5],
    [{ max_budget_in_organization: null }, 'internal_user', null],
    [{ role: null }, 'internal_user', null],
    [{}, 'internal_user', null],
  ])('a member with %p leaves the rest as it was', async (fields, user_role, budget) => {
    const { body } = await change({ user_email: 'BOB@x.example', ...fields });
    expect(body).toMatchObject({ user_id: 'bob', user_role, max_budget_in_organization: budget });
    expect(await roles()).toEqual({ ann: 'org_admin', bob: user_role });
  });

  test('is noted with what it was and is', async () => {
    await change({ user_id: 'bob', role: 'org_admin', max_budget_in_organization: 2 });
    const [row] = (await place.get('/audit')).body.audit_logs;
    expect(row).toMatchObject({
      action: 'updated',
      object_kind: 'organization_member',
      object_id: 'acme/bob',
      organization_id: 'acme',
      before_value: { user_role: 'internal_user', max_budget_in_organization: null },
      updated_values: { user_role: 'org_admin', max_budget_in_organization: 2 },
    });
  });
});

describe('who is not a member', () => {
  test.each<[string, object, number, string]>([
    ['a user', { user_id: 'cyd' }, 404, 'There is no such member of this organization.'],
    ['a user by address', { user_email: 'cyd@x.example' }, 404, 'There is no such member of this organization.'],
    ['a stranger', { user_id: 'nobody' }, 404, 'There is no such member of this organization.'],
    ['a strange address', { user_email: 'no@x.example' }, 404, 'There is no such member of this organization.'],
    ['nobody', {}, 400, "Name the user by 'user_id' or 'user_email'."],
  ])('%s is neither changed nor taken out', async (_, named, status, message) => {
    expect(refusal(await change({ ...named, role: 'org_admin' }))).toEqual([status, 'user_id', message]);
    expect(refusal(await remove(named))).toEqual([status, 'user_id', message]);
    expect(await roles()).toEqual({ ann: 'org_admin', bob: 'internal_user' });
  });
});

test('who is taken out stays a user, and is out only once', async () => {
  expect((await remove({ user_email: 'Bob@x.example' })).body).toMatchObject({ user_id: 'bob' });
  expect((await remove({ user_id: 'bob' })).status).toBe(404);
  expect(await roles()).toEqual({ ann: 'org_admin' });
  expect((await place.get('/v2/user/info?user_id=bob')).body.organization_memberships).toEqual([]);
  expect((await add({ member: { role: 'org_admin', user_id: 'bob' } })).status).toBe(200);
});

test('an admin of one organization takes in nobody who is at home in another', async () => {
  await settleTenants(place.db);
  const member = { role: 'internal_user', user_id: 'b-mate' };
  const refused = await add({ organization_id: 'a', member }, keyOf('a-owner'));
  expect([refused.status, refused.body.error.param]).toEqual([403, 'member']);
  expect((await add({ organization_id: 'a', member })).status).toBe(200);
});
