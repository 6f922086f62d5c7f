import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, HOSTILE, seeing } from '../../test/support/describe-entity-table.ts';
import { organizationMemberRow, userRow } from '../../test/support/entity-rows.ts';
import { membersOfOrganization, organizationMembers, organizationsOfUser } from './organization-members.ts';
import { joined } from './usage-scopes.ts';
import { users } from './users.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({
  name: 'organization_members',
  entity: organizationMembers,
  rowOf: (id, over) => organizationMemberRow(id, `user ${id}`, over),
  idOf: (id) => joined(id, `user ${id}`),
  key: ['organization_id', 'user_id'],
});

const db = databasePlace();

test('members come in the order they came in, those of one moment by their id, with the address of their account', async () => {
  for (const [user, at] of Object.entries({ c: 2, a: 2, z: 1, lone: 3 })) {
    await organizationMembers.insert(db(), organizationMemberRow('o', user, { created_at_ms: at }));
  }
  await organizationMembers.insert(db(), organizationMemberRow('p', 'a'));
  await users.insert(db(), userRow('a', { user_email: 'a@example.com' }));
  await users.insert(db(), userRow('z'));
  const members = await membersOfOrganization(db(), 'o');
  expect(members.map(({ user_id, user_email }) => [user_id, user_email])).toEqual([
    ['z', null],
    ['a', 'a@example.com'],
    ['c', null],
    ['lone', null],
  ]);
  expect(members[0]).toEqual({ ...organizationMemberRow('o', 'z'), user_email: null });
  expect(await membersOfOrganization(db(), 'none')).toEqual([]);
});

test('somebody knows their organizations, by their order', async () => {
  for (const organization of ['b', 'a', 'c']) {
    await organizationMembers.insert(db(), organizationMemberRow(organization, 'u'));
    await organizationMembers.insert(db(), organizationMemberRow(organization, 'v'));
  }
  const found = await organizationsOfUser(db(), 'u');
  expect(found.map(({ organization_id, user_id }) => [organization_id, user_id])).toEqual([
    ['a', 'u'],
    ['b', 'u'],
    ['c', 'u'],
  ]);
});

test('a membership is seen by the member and by who sees the organization', async () => {
  await organizationMembers.insert(db(), organizationMemberRow('o', 'u'));
  const id = joined('o', 'u');
  for (const visibility of [seeing({ userId: 'u' }), seeing({ organizations: ['o'] }), EVERYTHING]) {
    expect(await organizationMembers.find(db(), id, visibility)).toBeDefined();
  }
  for (const visibility of [seeing({ userId: 'o' }), seeing({ organizations: ['u'] }), seeing({ teams: ['o', 'u'] })]) {
    expect(await organizationMembers.find(db(), id, visibility)).toBeUndefined();
    expect(await organizationMembers.remove(db(), [id], visibility)).toEqual([]);
  }
});

test('names are values in the questions that join tables, too', async () => {
  await organizationMembers.insert(db(), organizationMemberRow('o', 'u'));
  for (const name of HOSTILE) {
    expect(await membersOfOrganization(db(), name)).toEqual([]);
    expect(await organizationsOfUser(db(), name)).toEqual([]);
  }
  expect(await organizationsOfUser(db(), 'u')).toHaveLength(1);
});
