import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, HOSTILE, seeing } from '../../test/support/describe-entity-table.ts';
import { memberRow, teamRow, userRow } from '../../test/support/entity-rows.ts';
import { membershipsOfUser, membersOfTeam, membersOfTeams, teamMembers } from './team-members.ts';
import { teams } from './teams.ts';
import { joined } from './usage-scopes.ts';
import { users } from './users.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({
  name: 'team_members',
  entity: teamMembers,
  rowOf: (id, over) => memberRow(id, `user ${id}`, over),
  idOf: (id) => joined(id, `user ${id}`),
  key: ['team_id', 'user_id'],
});

const db = databasePlace();

test('members of several teams come at once, each with the address of their account', async () => {
  await users.insert(db(), userRow('a', { user_email: 'a@example.com' }));
  for (const [team, user, at] of [
    ['t', 'b', 2],
    ['t', 'a', 2],
    ['u', 'a', 1],
    ['v', 'a', 1],
  ] as const) {
    await teamMembers.insert(db(), memberRow(team, user, { created_at_ms: at, role: team === 'u' ? 'admin' : 'user' }));
  }
  const found = await membersOfTeams(db(), ['t', 'u', 'none']);
  expect(found.map(({ team_id, user_id, user_email, role }) => [team_id, user_id, user_email, role])).toEqual([
    ['u', 'a', 'a@example.com', 'admin'],
    ['t', 'a', 'a@example.com', 'user'],
    ['t', 'b', null, 'user'],
  ]);
  expect(await membersOfTeams(db(), [])).toEqual([]);
  expect(await membersOfTeam(db(), 'v')).toEqual(found.slice(0, 0).concat(await membersOfTeams(db(), ['v'])));
});

test('somebody knows the teams they are in, and no others', async () => {
  for (const team of ['c', 'a', 'b']) await teamMembers.insert(db(), memberRow(team, 'u'));
  await teamMembers.insert(db(), memberRow('d', 'v'));
  expect((await membershipsOfUser(db(), 'u')).map(({ team_id }) => team_id)).toEqual(['a', 'b', 'c']);
  expect(await membershipsOfUser(db(), 'w')).toEqual([]);
});

test('a membership is seen by the member, the team and the organization of the team', async () => {
  await teams.insert(db(), teamRow('t', { organization_id: 'o' }));
  await teamMembers.insert(db(), memberRow('t', 'u'));
  const id = joined('t', 'u');
  for (const visibility of [seeing({ userId: 'u' }), seeing({ teams: ['t'] }), EVERYTHING]) {
    expect(await teamMembers.find(db(), id, visibility)).toBeDefined();
  }
  expect(await teamMembers.find(db(), id, seeing({ organizations: ['o'] }))).toBeDefined();
  expect(await teamMembers.find(db(), id, seeing({ userId: 't', teams: ['u'], organizations: ['t'] }))).toBeUndefined();
});

test('names are values in the questions that join tables, too', async () => {
  await teamMembers.insert(db(), memberRow('t', 'u'));
  for (const name of HOSTILE) {
    expect(await membersOfTeam(db(), name)).toEqual([]);
    expect(await membershipsOfUser(db(), name)).toEqual([]);
  }
  expect(await membersOfTeams(db(), [...HOSTILE, 't'])).toHaveLength(1);
});

test('an id with the sign that joins two names in it can be read in one way only', async () => {
  await teamMembers.insert(db(), memberRow('a', 'b'));
  expect(await teamMembers.find(db(), joined('a', 'b'), EVERYTHING)).toBeDefined();
  for (const id of ['ab', 'a', joined('b', 'a'), joined('a', ''), joined('', 'b'), joined(joined('a', 'b'), '')]) {
    expect(await teamMembers.find(db(), id, EVERYTHING)).toBeUndefined();
  }
});
