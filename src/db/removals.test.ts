import { beforeEach, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import {
  keyRow,
  memberRow,
  organizationMemberRow,
  organizationRow,
  projectRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { deletedKeys, keys } from './keys.ts';
import { organizationMembers } from './organization-members.ts';
import { organizations } from './organizations.ts';
import { projects } from './projects.ts';
import { removeOrganizations, removeTeams, removeUsers } from './removals.ts';
import { membersOfTeam, teamMembers } from './team-members.ts';
import { deletedTeams, teams } from './teams.ts';
import { users } from './users.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const removal = { visibility: EVERYTHING, nowMs: 77, by: 'root' };

beforeEach(async () => {
  await organizations.insert(db(), organizationRow('o'));
  await organizationMembers.insert(db(), organizationMemberRow('o', 'ann'));
  await teams.insert(db(), teamRow('t', { organization_id: 'o', team_alias: 'T' }));
  await teams.insert(db(), teamRow('other'));
  await projects.insert(db(), projectRow('p', { team_id: 't' }));
  for (const id of ['ann', 'bob']) await users.insert(db(), userRow(id));
  await teamMembers.insert(db(), memberRow('t', 'ann'));
  await teamMembers.insert(db(), memberRow('other', 'ann'));
  await teamMembers.insert(db(), memberRow('t', 'bob'));
  await keys.insert(db(), keyRow('service', { team_id: 't' }));
  await keys.insert(db(), keyRow('ann in t', { team_id: 't', user_id: 'ann' }));
  await keys.insert(db(), keyRow('ann', { user_id: 'ann' }));
  await keys.insert(db(), keyRow('o', { organization_id: 'o' }));
  await keys.insert(db(), keyRow('bob', { user_id: 'bob' }));
});

const tokens = async (): Promise<string[]> =>
  (await keys.list(db(), { visibility: EVERYTHING, limit: 99 })).rows.map(({ token }) => token).sort();

test('with a team go its members and keys, and it is found among the deleted ones', async () => {
  const { rows, keys: gone } = await removeTeams(db(), ['t', 'nobody'], removal);
  expect(rows.map(({ team_id }) => team_id)).toEqual(['t']);
  expect(gone.map(({ token }) => token).sort()).toEqual(['ann in t', 'service']);
  expect(await tokens()).toEqual(['ann', 'bob', 'o']);
  expect(await deletedKeys.find(db(), 'service', EVERYTHING)).toMatchObject({ deleted_at_ms: 77 });
  expect(await deletedTeams.find(db(), 't', EVERYTHING)).toMatchObject({
    ...{ team_alias: 'T', deleted_at_ms: 77, deleted_by: 'root' },
  });
  expect(await membersOfTeam(db(), 't')).toEqual([]);
  expect(await membersOfTeam(db(), 'other')).toHaveLength(1);
  expect(await projects.find(db(), 'p', EVERYTHING)).toMatchObject({ team_id: null });
});

test('a team made and deleted again under one id is found as it was last', async () => {
  await removeTeams(db(), ['t'], removal);
  await teams.insert(db(), teamRow('t', { team_alias: 'again' }));
  await removeTeams(db(), ['t'], { ...removal, nowMs: 99 });
  expect(await deletedTeams.find(db(), 't', EVERYTHING)).toMatchObject({ team_alias: 'again', deleted_at_ms: 99 });
});

test('with a user go memberships and keys, and a service account stays', async () => {
  const { rows, keys: gone } = await removeUsers(db(), ['ann'], removal);
  expect(rows).toEqual([userRow('ann')]);
  expect(gone.map(({ token }) => token).sort()).toEqual(['ann', 'ann in t']);
  expect(await tokens()).toEqual(['bob', 'o', 'service']);
  expect((await membersOfTeam(db(), 't')).map(({ user_id }) => user_id)).toEqual(['bob']);
});

test('with an organization go its members, teams and keys', async () => {
  const removed = await removeOrganizations(db(), ['o'], removal);
  expect(removed.teams.map(({ team_id }) => team_id)).toEqual(['t']);
  expect(removed.keys.map(({ token }) => token).sort()).toEqual(['ann in t', 'o', 'service']);
  expect(await tokens()).toEqual(['ann', 'bob']);
  expect((await organizationMembers.list(db(), { visibility: EVERYTHING, limit: 9 })).total).toBe(0);
});

test('what is foreign stays with all that hangs on it, and nothing is asked of nobody', async () => {
  const visibility = { all: false, userId: 'bob', keyHash: null, teams: ['other'], organizations: [] } as const;
  const foreign = { ...removal, visibility };
  expect(await removeTeams(db(), ['t'], foreign)).toEqual({ rows: [], keys: [] });
  expect(await removeUsers(db(), ['ann'], foreign)).toEqual({ rows: [], keys: [] });
  expect(await removeOrganizations(db(), ['o'], foreign)).toEqual({ rows: [], teams: [], keys: [] });
  expect(await removeTeams(db(), [], removal)).toEqual({ rows: [], keys: [] });
  expect(await tokens()).toHaveLength(5);
});
