/** Whose rights a caller has on the management API: its roles, and over what they reach. */
import type { Database } from '../db/client.ts';
import { organizationsOfUser } from '../db/organization-members.ts';
import { membershipsOfUser } from '../db/team-members.ts';
import type { Visibility } from '../db/visibility.ts';
import { GatewayError } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';
import type { UserRole } from '../gateway/entities.ts';
import { type Permission, type Reach, type Role, reachOf } from './permissions.ts';

export interface Memberships {
  /** Teams of the user, and whether as their admin. */
  readonly teams: ReadonlyMap<string, 'admin' | 'user'>;
  /** Organizations of the user, and whether as their admin. */
  readonly organizations: ReadonlyMap<string, string | null>;
}

export interface Principal {
  readonly caller: Caller;
  readonly roles: readonly Role[];
  readonly userId: string | null;
  readonly keyHash: string;
  readonly memberships: Memberships;
}

/** Who something belongs to. `null`: to nobody of that kind. */
export interface Owner {
  readonly keyHash?: string | null | undefined;
  readonly userId?: string | null | undefined;
  readonly teamId?: string | null | undefined;
  readonly organizationId?: string | null | undefined;
}

export const NO_MEMBERSHIPS: Memberships = { teams: new Map(), organizations: new Map() };

const ROLE_OF_USER: Readonly<Record<UserRole, Role>> = {
  proxy_admin: 'platform_admin',
  proxy_admin_viewer: 'platform_viewer',
  org_admin: 'user', // What it may beyond that comes with its memberships.
  internal_user: 'user',
  internal_user_viewer: 'viewer',
  team: 'key',
  customer: 'key',
};

/** Memberships are read anew for each management request: a right that was taken away is gone with the next one. */
export function createPrincipals(db: Database): (caller: Caller) => Promise<Principal> {
  return async (caller) => {
    if (caller.kind === 'master' || caller.user === null) return principalOf(caller, undefined, NO_MEMBERSHIPS);
    const [teams, organizations] = await Promise.all([
      membershipsOfUser(db, caller.user.id),
      organizationsOfUser(db, caller.user.id),
    ]);
    return principalOf(caller, caller.user.role, {
      teams: new Map(teams.map(({ team_id, role }) => [team_id, role === 'admin' ? 'admin' : 'user'])),
      organizations: new Map(organizations.map(({ organization_id, user_role }) => [organization_id, user_role])),
    });
  };
}

/** A key acts with the rights of its user; one without a user has only those of a key. */
export function principalOf(caller: Caller, role: UserRole | null | undefined, memberships: Memberships): Principal {
  return {
    caller,
    roles: rolesOf(caller, role, memberships),
    userId: caller.userId,
    keyHash: caller.keyHash,
    memberships,
  };
}

function rolesOf(caller: Caller, role: UserRole | null | undefined, memberships: Memberships): Role[] {
  if (caller.kind === 'master') return ['root'];
  if (caller.userId === null) return [isServiceAccount(caller) ? 'service' : 'key'];
  const roles: Role[] = ['key'];
  if (role !== undefined) roles.push(ROLE_OF_USER[role ?? 'internal_user']);
  if (roles.includes('viewer')) return roles; // A viewer's rights never grow by being in a team.
  if ([...memberships.teams.values()].includes('admin')) roles.push('team_admin');
  if ([...memberships.organizations.values()].includes('org_admin')) roles.push('org_admin');
  return roles;
}

const isServiceAccount = (caller: Caller): boolean =>
  caller.teamId !== null && typeof caller.metadata['service_account_id'] === 'string';

/** One caller's reach for one permission. */
export class Access {
  readonly principal: Principal;
  readonly visibility: Visibility;

  constructor(principal: Principal, permission: Permission) {
    this.principal = principal;
    const reaches = principal.roles.map((role) => ({ role, reach: reachOf(role, permission) }));
    this.visibility = visibilityOf(principal, reaches);
  }

  get caller(): Caller {
    return this.principal.caller;
  }

  /** The platform's admins, and its viewer where it may read. */
  get isUnlimited(): boolean {
    return this.visibility.all;
  }

  covers(owner: Owner): boolean {
    const { visibility } = this;
    if (visibility.all) return true;
    const has = (mine: string | null, id: string | null | undefined): boolean => id != null && mine === id;
    return (
      has(visibility.userId, owner.userId) ||
      has(visibility.keyHash, owner.keyHash) ||
      (owner.teamId != null && visibility.teams.includes(owner.teamId)) ||
      (owner.organizationId != null && visibility.organizations.includes(owner.organizationId))
    );
  }
}

/** @throws GatewayError 403 when none of the caller's roles holds the permission at all */
export function accessFor(principal: Principal, permission: Permission, path: string): Access {
  if (principal.roles.some((role) => reachOf(role, permission) !== undefined)) return new Access(principal, permission);
  throw new GatewayError(
    'permission_denied',
    `This key may not call ${path}: it needs the right "${permission}". Ask an admin, or use a key of a user who has it.`,
  );
}

function visibilityOf(
  principal: Principal,
  reaches: readonly { readonly role: Role; readonly reach: Reach | undefined }[],
): Visibility {
  if (reaches.some(({ reach }) => reach === 'all')) return { all: true };
  const own = reaches.some(({ reach }) => reach === 'own');
  const ownAsUser = reaches.some(({ role, reach }) => reach === 'own' && role !== 'key' && role !== 'service');
  const teams = new Set(reaches.flatMap(({ role, reach }) => (reach === 'team' ? teamsOf(principal, role) : [])));
  const isOrganizations = reaches.some(({ reach }) => reach === 'organization');
  return {
    all: false,
    keyHash: own ? principal.keyHash : null,
    userId: ownAsUser ? principal.userId : null,
    teams: [...teams],
    organizations: isOrganizations ? administered(principal) : [],
  };
}

function teamsOf({ caller, memberships }: Principal, role: Role): readonly string[] {
  if (role === 'service') return caller.teamId === null ? [] : [caller.teamId];
  const wanted = [...memberships.teams].filter(([, as]) => role !== 'team_admin' || as === 'admin');
  return wanted.map(([teamId]) => teamId);
}

const administered = ({ memberships }: Principal): string[] =>
  [...memberships.organizations].filter(([, role]) => role === 'org_admin').map(([id]) => id);
