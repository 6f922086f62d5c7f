import { beforeEach, describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import {
  keyRow,
  memberRow,
  modelRow,
  organizationMemberRow,
  organizationRow,
  projectRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { appendAudit, auditLog } from './audit-log.ts';
import { listKeyAliases, listKeys } from './key-list.ts';
import { changeKeys, keys, removeKeys } from './keys.ts';
import { models } from './models.ts';
import { organizationMembers } from './organization-members.ts';
import { organizations } from './organizations.ts';
import { projects } from './projects.ts';
import { teamMembers } from './team-members.ts';
import { teams } from './teams.ts';
import { users } from './users.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

const db = databasePlace();

/** Two organizations, each with a team, and a team of nobody; a key for each way of belonging. */
beforeEach(async () => {
  for (const id of ['o1', 'o2']) await organizations.insert(db(), organizationRow(id));
  await teams.insert(db(), teamRow('t1', { organization_id: 'o1' }));
  await teams.insert(db(), teamRow('t2', { organization_id: 'o2' }));
  await teams.insert(db(), teamRow('t3'));
  for (const id of ['ann', 'bob', 'cid']) await users.insert(db(), userRow(id));
  await users.insert(db(), userRow('dan', { organization_id: 'o2' }));
  await teamMembers.insert(db(), memberRow('t1', 'ann'));
  await teamMembers.insert(db(), memberRow('t2', 'bob'));
  await organizationMembers.insert(db(), organizationMemberRow('o1', 'ann'));
  await organizationMembers.insert(db(), organizationMemberRow('o2', 'bob'));
  await projects.insert(db(), projectRow('p1', { team_id: 't1' }));
  await projects.insert(db(), projectRow('p2', { team_id: 't2' }));
  await models.insert(db(), modelRow('m1', { team_id: 't1' }));
  await models.insert(db(), modelRow('m for all'));
  const owned = { user: { user_id: 'ann' }, team: { team_id: 't1' }, organization: { organization_id: 'o1' } };
  for (const [name, over] of Object.entries(owned)) await keys.insert(db(), keyRow(name, { ...over, key_alias: name }));
  await keys.insert(db(), keyRow('bare'));
  await keys.insert(db(), keyRow('foreign', { user_id: 'bob', team_id: 't2', organization_id: 'o2', key_alias: 'x' }));
});

const sees = (over: Partial<Visibility & { all: false }>): Visibility => ({
  all: false,
  userId: null,
  keyHash: null,
  teams: [],
  organizations: [],
  ...over,
});

const WHO: readonly [string, Visibility][] = [
  ['the platform', EVERYTHING],
  ['nobody', sees({})],
  ['ann', sees({ userId: 'ann' })],
  ['a key', sees({ keyHash: 'bare' })],
  ['team t1', sees({ teams: ['t1'] })],
  ['teams t1 and t3', sees({ teams: ['t1', 't3'] })],
  ['organization o1', sees({ organizations: ['o1'] })],
  ['ann with t3', sees({ userId: 'ann', teams: ['t3'] })],
];

async function visibleTo(visibility: Visibility): Promise<Record<string, string[]>> {
  const request = { visibility, limit: 99 };
  const all = {
    keys: (await keys.list(db(), request)).rows.map((row) => row.token),
    teams: (await teams.list(db(), request)).rows.map((row) => row.team_id),
    members: (await teamMembers.list(db(), request)).rows.map((row) => row.user_id),
    users: (await users.list(db(), request)).rows.map((row) => row.user_id),
    organizations: (await organizations.list(db(), request)).rows.map((row) => row.organization_id),
    projects: (await projects.list(db(), request)).rows.map((row) => row.project_id),
    models: (await models.list(db(), request)).rows.map((row) => row.model_id),
  };
  return Object.fromEntries(Object.entries(all).map(([name, ids]) => [name, ids.sort()]));
}

describe('who sees what', () => {
  const none = { keys: [], teams: [], members: [], users: [], organizations: [], projects: [], models: [] };

  test.each([
    ['nobody', none],
    ['ann', { ...none, keys: ['user'], users: ['ann'], members: ['ann'] }],
    ['a key', { ...none, keys: ['bare'] }],
    ['team t1', { ...none, keys: ['team'], teams: ['t1'], members: ['ann'], projects: ['p1'], models: ['m1'] }],
    [
      'organization o1',
      {
        ...{ keys: ['organization', 'team'], teams: ['t1'], members: ['ann'], users: ['ann'], organizations: ['o1'] },
        ...{ projects: ['p1'], models: ['m1'] },
      },
    ],
    ['ann with t3', { ...none, keys: ['user'], teams: ['t3'], members: ['ann'], users: ['ann'] }],
  ])('%s', async (name, expected) => {
    const visibility = WHO.find(([who]) => who === name)?.[1] ?? EVERYTHING;
    expect(await visibleTo(visibility)).toEqual(expected);
  });

  test('an organization sees users that belong to it by their own row as by membership', async () => {
    expect((await visibleTo(sees({ organizations: ['o2'] })))['users']).toEqual(['bob', 'dan']);
  });

  test.each(WHO)('%s: what is found one by one, counted and listed is the same', async (_name, visibility) => {
    const { keys: listed = [] } = await visibleTo(visibility);
    const all = ['user', 'team', 'organization', 'bare', 'foreign'];
    const found: string[] = [];
    for (const token of all) if ((await keys.find(db(), token, visibility)) !== undefined) found.push(token);
    expect(found.sort()).toEqual(listed);
    expect((await keys.findMany(db(), all, visibility)).map(({ token }) => token).sort()).toEqual(listed);
    expect(await keys.count(db(), { visibility })).toBe(listed.length);
  });
});

describe('a foreign key', () => {
  const ann = sees({ userId: 'ann' });
  const request = { visibility: ann, limit: 9, offset: 0, nowMs: 0 };

  test('is not told by any filter, order or count', async () => {
    for (const filter of [
      { token: 'foreign' },
      { userId: 'bob' },
      { teamId: 't2' },
      { organizationId: 'o2' },
      { keyAlias: 'x' },
      { keyAliasContains: 'x' },
      { anyOf: { userId: 'bob', teamIds: ['t2'], createdBy: 'bob' } },
      { status: 'active' as const, userId: 'bob' },
    ]) {
      expect(await listKeys(db(), { ...request, filter })).toEqual({ rows: [], total: 0 });
    }
    expect(await listKeyAliases(db(), request)).toEqual({ rows: ['user'], total: 1 });
  });

  test('is neither changed nor removed', async () => {
    const outcomes = await changeKeys(db(), ['foreign', 'user'], ann, () => ({ blocked: 1 }));
    expect([outcomes.get('foreign'), outcomes.get('user')]).toMatchObject([undefined, { after: { blocked: 1 } }]);
    const removed = await removeKeys(db(), ['foreign', 'user'], { visibility: ann, nowMs: 1 });
    expect(removed.map(({ token }) => token)).toEqual(['user']);
    expect(await keys.find(db(), 'foreign', EVERYTHING)).toMatchObject({ blocked: 0 });
  });
});

test('of the audit log an organization sees its own rows', async () => {
  const entry = { at_ms: 1, actor_key: null, actor_user: 'root', actor_role: null, action: 'created' };
  const rest = { before_values: null, after_values: null, changed_by: null, call_id: null };
  for (const organization_id of ['o1', 'o2', null]) {
    const object = { object_kind: 'teams', object_id: 't', organization_id, team_id: null };
    await appendAudit(db(), { ...entry, ...object, ...rest });
  }
  const { rows, total } = await auditLog.list(db(), { visibility: sees({ organizations: ['o1'] }), limit: 9 });
  expect([rows.map((row) => row.organization_id), total]).toEqual([['o1'], 1]);
});
