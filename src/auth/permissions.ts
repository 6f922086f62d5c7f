/**
 * Who may do what, as data: role × permission → how far it reaches. Every route names one of these permissions
 * (`routes.ts`); nothing else decides.
 *
 * A person or a key can hold several roles at once (a team's admin is also a user); rights add up. On top of the table:
 * nobody grants what they lack, a foreign object is as if it did not exist, and a blocked or expired key has no role.
 * Roles follow LiteLLM's documentation of role-based access.
 */

export const ROLES = [
  'anonymous',
  'key',
  'service',
  'viewer',
  'user',
  'team_admin',
  'org_admin',
  'platform_viewer',
  'platform_admin',
  'root',
] as const;

export type Role = (typeof ROLES)[number];

/**
 * `own`: what belongs to the key itself or to its user. `team`: the teams of the role (administered ones for a team's
 * admin, the key's own for a service account, the user's own otherwise). `organization`: the organizations administered.
 */
export type Reach = 'own' | 'team' | 'organization' | 'all';

type Cells = Partial<Record<Role, Reach>>;

const EVERYBODY: Cells = Object.fromEntries(ROLES.map((role) => [role, 'all']));
const ADMINS: Cells = { platform_admin: 'all', root: 'all' };
const ADMINS_AND_VIEWER: Cells = { ...ADMINS, platform_viewer: 'all' };

export const PERMISSIONS = {
  // Health, documents, models
  probe: EVERYBODY,
  documents: EVERYBODY,
  details: ADMINS_AND_VIEWER,
  infer: { ...ADMINS, key: 'own', service: 'team', viewer: 'own', user: 'own' },
  /** What a request would be, count and cost the provider's own count; nothing is inferred. */
  'requests.preview': { ...ADMINS, key: 'own', service: 'team', viewer: 'own', user: 'own' },
  'models.list': { ...ADMINS_AND_VIEWER, key: 'own', service: 'team', viewer: 'own', user: 'own' },
  // Keys
  'keys.create': { ...ADMINS, user: 'own', team_admin: 'team', org_admin: 'organization' },
  'keys.read': {
    ...ADMINS_AND_VIEWER,
    key: 'own',
    service: 'own',
    viewer: 'own',
    user: 'own',
    team_admin: 'team',
    org_admin: 'organization',
  },
  'keys.list': {
    ...ADMINS_AND_VIEWER,
    viewer: 'own',
    user: 'own',
    team_admin: 'team',
    org_admin: 'organization',
  },
  'keys.update': { ...ADMINS, user: 'own', team_admin: 'team', org_admin: 'organization' },
  'keys.revoke': { ...ADMINS, user: 'own', team_admin: 'team', org_admin: 'organization' },
  // Teams
  'teams.create': { ...ADMINS, org_admin: 'organization' },
  'teams.delete': { ...ADMINS, org_admin: 'organization' },
  'teams.read': {
    ...ADMINS_AND_VIEWER,
    viewer: 'team',
    user: 'team',
    team_admin: 'team',
    org_admin: 'organization',
  },
  'teams.update': { ...ADMINS, team_admin: 'team', org_admin: 'organization' },
  /** Many at once, or all there are. */
  'teams.update_many': ADMINS,
  'teams.block': { ...ADMINS, org_admin: 'organization' },
  'teams.members': { ...ADMINS, team_admin: 'team', org_admin: 'organization' },
  // Organizations, users, projects
  'organizations.write': ADMINS,
  'organizations.read': { ...ADMINS_AND_VIEWER, org_admin: 'organization' },
  'organizations.members': { ...ADMINS, org_admin: 'organization' },
  'users.write': { ...ADMINS, org_admin: 'organization' },
  'users.delete': ADMINS,
  'users.read': {
    ...ADMINS_AND_VIEWER,
    key: 'own',
    viewer: 'own',
    user: 'own',
    org_admin: 'organization',
  },
  'users.list': { ...ADMINS_AND_VIEWER, org_admin: 'organization' },
  'users.self': { ...ADMINS, platform_viewer: 'own', viewer: 'own', user: 'own', org_admin: 'organization' },
  'projects.write': { ...ADMINS, team_admin: 'team', org_admin: 'organization' },
  'projects.read': {
    ...ADMINS_AND_VIEWER,
    viewer: 'team',
    user: 'team',
    team_admin: 'team',
    org_admin: 'organization',
  },
  // What admins define for all
  'customers.write': ADMINS,
  'customers.read': ADMINS_AND_VIEWER,
  'budgets.write': ADMINS,
  'budgets.read': ADMINS_AND_VIEWER,
  'tags.write': ADMINS,
  'tags.read': ADMINS_AND_VIEWER,
  'access_groups.write': ADMINS,
  'access_groups.read': ADMINS_AND_VIEWER,
  'models.write': ADMINS,
  'models.read': { ...ADMINS_AND_VIEWER, key: 'own', service: 'team', viewer: 'own', user: 'own' },
  'credentials.write': ADMINS,
  'credentials.read': ADMINS,
  /** Sends something out, if only to see whether it arrives. */
  'connections.test': ADMINS,
  'settings.write': ADMINS,
  'settings.read': ADMINS_AND_VIEWER,
  // Money and logs
  'spend.read': {
    ...ADMINS_AND_VIEWER,
    key: 'own',
    service: 'team',
    viewer: 'own',
    user: 'own',
    team_admin: 'team',
    org_admin: 'organization',
  },
  'spend.totals': ADMINS_AND_VIEWER,
  'spend.calculate': { ...ADMINS_AND_VIEWER, key: 'own', service: 'team', viewer: 'own', user: 'own' },
  'spend.reset': ADMINS,
  'logs.read': {
    ...ADMINS_AND_VIEWER,
    key: 'own',
    service: 'own',
    viewer: 'own',
    user: 'own',
    team_admin: 'team',
    org_admin: 'organization',
  },
  // Prompts and answers. Of people's own: those of a team or organization are its members'.
  'logs.bodies': { ...ADMINS, user: 'own' },
  'audit.read': { ...ADMINS_AND_VIEWER, org_admin: 'organization' },
  /** Of all rows at once, whoever's they are. */
  'audit.verify': ADMINS_AND_VIEWER,
} as const satisfies Record<string, Cells>;

export type Permission = keyof typeof PERMISSIONS;

export function reachOf(role: Role, permission: Permission): Reach | undefined {
  const cells: Cells = PERMISSIONS[permission];
  return cells[role];
}
