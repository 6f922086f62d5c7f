import { describe, expect, test } from 'bun:test';
import { sampleCaller } from '../../test/support/callers.ts';
import { databasePlace } from '../../test/support/database-place.ts';
import { userRow } from '../../test/support/entity-rows.ts';
import { addOrganization, addTeams, addUser } from '../../test/support/key-owners.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import type { Caller } from '../gateway/call.ts';
import type { UserRole } from '../gateway/entities.ts';
import { userOf } from './entities.ts';
import { PERMISSIONS, type Permission, ROLES, type Role, reachOf } from './permissions.ts';
import { Access, accessFor, createPrincipals, type Memberships, NO_MEMBERSHIPS, principalOf } from './principal.ts';

const OWN_KEY = 'b'.repeat(64);
const ofUser = (over: Partial<Caller> = {}): Caller => sampleCaller({ userId: 'me', ...over });
const serviceAccount = sampleCaller({ teamId: 't', metadata: { service_account_id: 'robot' } });
const member = (teams: Memberships['teams'], organizations: Memberships['organizations'] = new Map()): Memberships => ({
  teams,
  organizations,
});
const LEAD = member(
  new Map([
    ['led', 'admin'],
    ['joined', 'user'],
  ]),
);
const OWNER = member(
  new Map([['joined', 'user']]),
  new Map([
    ['mine', 'org_admin'],
    ['other', 'internal_user'],
  ]),
);

describe('the roles of a caller', () => {
  test.each([
    ['the master key', sampleCaller({ kind: 'master' }), undefined, NO_MEMBERSHIPS, ['root']],
    ['a key of nobody', sampleCaller(), undefined, NO_MEMBERSHIPS, ['key']],
    ['a key of a team alone', sampleCaller({ teamId: 't' }), undefined, NO_MEMBERSHIPS, ['key']],
    ['a service account', serviceAccount, undefined, NO_MEMBERSHIPS, ['service']],
    ['a service account without a team', { ...serviceAccount, teamId: null }, undefined, NO_MEMBERSHIPS, ['key']],
    [
      'a service account of no name',
      { ...serviceAccount, metadata: { service_account_id: 1 } },
      undefined,
      NO_MEMBERSHIPS,
      ['key'],
    ],
    [
      'a user that claims to be a service account',
      ofUser({ ...serviceAccount, userId: 'me' }),
      null,
      NO_MEMBERSHIPS,
      ['key', 'user'],
    ],
    ['a user who is not stored', ofUser(), undefined, NO_MEMBERSHIPS, ['key']],
    ['a user without a role', ofUser(), null, NO_MEMBERSHIPS, ['key', 'user']],
    ['a team admin', ofUser(), 'internal_user', LEAD, ['key', 'user', 'team_admin']],
    ['an organization admin', ofUser(), 'internal_user', OWNER, ['key', 'user', 'org_admin']],
    ['a viewer who is a team admin', ofUser(), 'internal_user_viewer', LEAD, ['key', 'viewer']],
    ['a viewer of the platform', ofUser(), 'proxy_admin_viewer', NO_MEMBERSHIPS, ['key', 'platform_viewer']],
    ['an admin of the platform', ofUser(), 'proxy_admin', NO_MEMBERSHIPS, ['key', 'platform_admin']],
    ['an organization admin by name alone', ofUser(), 'org_admin', NO_MEMBERSHIPS, ['key', 'user']],
    ['a customer', ofUser(), 'customer', NO_MEMBERSHIPS, ['key', 'key']],
  ] as [string, Caller, UserRole | null | undefined, Memberships, Role[]][])('of %s', (...given) => {
    const [, caller, role, memberships, roles] = given;
    expect(principalOf(caller, role, memberships).roles).toEqual(roles);
  });
});

describe('what a caller reaches', () => {
  const reach = (permission: Permission, role: UserRole | null, memberships: Memberships) =>
    new Access(principalOf(ofUser(), role, memberships), permission).visibility;

  test.each([
    ['everything, as admin of the platform', 'keys.update', 'proxy_admin', NO_MEMBERSHIPS, { all: true }],
    ['its own, as user', 'keys.update', 'internal_user', NO_MEMBERSHIPS, { keyHash: OWN_KEY, userId: 'me' }],
    ['only teams it leads, as their admin', 'teams.update', 'internal_user', LEAD, { teams: ['led'] }],
    ['all its teams, as a member who reads', 'teams.read', 'internal_user', LEAD, { teams: ['led', 'joined'] }],
    [
      'organizations it administers, and no others',
      'teams.create',
      'internal_user',
      OWNER,
      { organizations: ['mine'] },
    ],
    ['nothing more, as viewer', 'keys.read', 'internal_user_viewer', LEAD, { keyHash: OWN_KEY, userId: 'me' }],
  ] as [string, Permission, UserRole, Memberships, object][])('is %s', (...given) => {
    const [, permission, role, memberships, expected] = given;
    const nothing = { all: false, keyHash: null, userId: null, teams: [], organizations: [] };
    const visibility = reach(permission, role, memberships);
    expect<object>(visibility).toEqual({ ...(visibility.all ? {} : nothing), ...expected });
  });

  test('is for a key of nobody itself, and no user of the same name as none', () => {
    const access = new Access(principalOf(sampleCaller(), undefined, NO_MEMBERSHIPS), 'keys.read');
    expect([access.covers({ keyHash: OWN_KEY }), access.covers({ userId: null }), access.covers({})]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('is for a service account what its team has', () => {
    const access = new Access(principalOf(serviceAccount, undefined, NO_MEMBERSHIPS), 'spend.read');
    expect([access.covers({ teamId: 't' }), access.covers({ teamId: 'u' }), access.isUnlimited]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test.each([
    ['its own', { userId: 'me' }, true],
    ['that of another', { userId: 'you' }, false],
    ['that of a team it leads', { userId: 'you', teamId: 'led' }, true],
    ['that of a team it is only in', { userId: 'you', teamId: 'joined' }, false],
    ['that of an organization', { organizationId: 'mine' }, false],
    ['that of nobody', { userId: null, keyHash: null, teamId: null, organizationId: null }, false],
  ])('is for a team admin %s: %p %p', (_what, owner, covered) => {
    expect(new Access(principalOf(ofUser(), null, LEAD), 'keys.update').covers(owner)).toBe(covered);
  });

  test('is nothing without the right, and the refusal names it', async () => {
    const principal = principalOf(sampleCaller(), undefined, NO_MEMBERSHIPS);
    const error = await refusalOf(() => accessFor(principal, 'keys.create', '/key/generate'));
    expect([error.kind, error.message]).toEqual([
      'permission_denied',
      'This key may not call /key/generate: it needs the right "keys.create". Ask an admin, or use a key of a user who has it.',
    ]);
  });
});

describe('memberships', () => {
  const db = databasePlace();

  test('are read anew for each request, so that a right taken away is gone with the next one', async () => {
    await addOrganization(db(), 'mine');
    await addTeams(db(), 'led', 'joined');
    const belongings = { teams: { led: 'admin', joined: 'user' }, organizations: { mine: 'org_admin' } } as const;
    await addUser(db(), 'me', {}, belongings);
    const caller = ofUser({ user: userOf(userRow('me'), undefined) });
    const principals = createPrincipals(db());
    expect((await principals(caller)).roles).toEqual(['key', 'user', 'team_admin', 'org_admin']);
    await db().deleteFrom('team_members').where('team_id', '=', 'led').execute();
    expect(await principals(caller)).toMatchObject({ roles: ['key', 'user', 'org_admin'], userId: 'me' });
  });

  test('do not count for the master key', async () => {
    const principal = await createPrincipals(db())(sampleCaller({ kind: 'master', userId: 'me' }));
    expect([principal.roles, principal.memberships]).toEqual([['root'], NO_MEMBERSHIPS]);
  });
});

describe('the table of permissions', () => {
  const all = Object.keys(PERMISSIONS) as Permission[]; // The keys are what Permission is made of.

  test.each(['platform_admin', 'root'] as const)('gives %s everything, everywhere', (role) => {
    expect(all.filter((permission) => reachOf(role, permission) !== 'all')).toEqual([]);
  });

  test('gives somebody who is nobody only what watches the process and its documents', () => {
    expect(all.filter((permission) => reachOf('anonymous', permission) !== undefined)).toEqual(['probe', 'documents']);
  });

  const writes = /\.(?:write|create|update|delete|revoke|block|members|reset|test|bodies)$/;
  test.each(['viewer', 'platform_viewer', 'key', 'service'] as const)('lets a %s write nothing', (role) => {
    expect(all.filter((permission) => writes.test(permission) && reachOf(role, permission) !== undefined)).toEqual([]);
  });

  test('gives the reach of all to nobody but the platform', () => {
    const others = ROLES.filter((role) => !['platform_admin', 'platform_viewer', 'root'].includes(role));
    const open = all.filter((permission) => others.some((role) => reachOf(role, permission) === 'all'));
    expect(open).toEqual(['probe', 'documents']);
  });

  test('keeps the settings, prices, credentials and totals of the platform from everybody else', () => {
    const platform =
      /^(?:settings|models\.write|credentials|budgets|tags|customers|access_groups|connections|spend\.(?:totals|reset))/;
    const others = ROLES.filter((role) => !['platform_admin', 'platform_viewer', 'root'].includes(role));
    const leaks = all.filter((one) => platform.test(one) && others.some((role) => reachOf(role, one) !== undefined));
    expect(leaks).toEqual([]);
  });
});
