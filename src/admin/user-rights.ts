/** Who may change what of a user. Source: the roles of LiteLLM's documentation; nobody grants what they lack. */
import { objectIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import { organizations } from '../db/organizations.ts';
import { type UserRow, users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError } from '../errors.ts';
import { refuseAbove } from './ceiling.ts';
import { guarded, type Standing } from './metadata.ts';
import { organizationCeiling } from './team-rights.ts';
import type { UserFields } from './user-schema.ts';

/** What somebody may say of themselves. */
const SELF_FIELDS: readonly string[] = ['user_alias', 'metadata'];
/** What the admin of somebody's own organization may say. Who controls an address or a sign-in controls the account. */
const ORGANIZATION_FIELDS: readonly string[] = [
  ...SELF_FIELDS,
  ...['user_role', 'blocked', 'models', 'max_budget', 'soft_budget', 'budget_duration', 'budget_limits'],
  ...['model_max_budget', 'max_parallel_requests', 'rpm_limit', 'tpm_limit', 'tpd_limit', 'tollgate_limits'],
  ...['model_rpm_limit', 'model_tpm_limit'],
];
/** Of a user who is new, also how to find them. */
const NEW_FIELDS: readonly string[] = [...ORGANIZATION_FIELDS, 'user_email'];

/** Roles that reach beyond one organization, or would within it. */
export const ROLES_OF_ORGANIZATIONS: readonly (string | null | undefined)[] = [
  'internal_user',
  'internal_user_viewer',
  null,
  undefined,
];

export function standingOverUser(access: Access, row: UserRow): Exclude<Standing, 'team'> {
  if (access.isUnlimited) return 'platform';
  const isOwn = row.user_id === access.principal.userId;
  const isHome = row.organization_id !== null && access.covers({ organizationId: row.organization_id });
  return !isOwn && isHome && ROLES_OF_ORGANIZATIONS.includes(row.user_role) ? 'organization' : 'self';
}

/**
 * @param row the user as it is, or `undefined` for a new one
 * @throws GatewayError 403 that names the field
 */
export function refuseUndulyOfUser(
  fields: UserFields,
  row: UserRow | undefined,
  { access, standing }: { readonly access: Access; readonly standing: Exclude<Standing, 'team'> },
): void {
  const isOwn = row !== undefined && row.user_id === access.principal.userId;
  if (isOwn) refuseOwnRights(fields, row);
  if (standing === 'platform') return;
  if (standing === 'self' && !isOwn) {
    throw new GatewayError(
      'permission_denied',
      'This user belongs to another organization, or to none, so only an admin of the platform changes it.',
      { param: 'user_id' },
    );
  }
  const open = row === undefined ? NEW_FIELDS : standing === 'organization' ? ORGANIZATION_FIELDS : SELF_FIELDS;
  const closed = Object.entries(fields).find(([field, value]) => value !== undefined && !open.includes(field))?.[0];
  if (closed !== undefined) throw refused(closed);
  if (!ROLES_OF_ORGANIZATIONS.includes(fields.user_role)) throw refused('user_role');
}

/** Not even an admin. */
function refuseOwnRights({ user_role, blocked }: UserFields, row: UserRow): void {
  if (user_role !== undefined && user_role !== row.user_role) {
    throw new GatewayError('permission_denied', 'Nobody changes their own role. Ask another admin.', {
      param: 'user_role',
    });
  }
  if (blocked === true) {
    throw new GatewayError('permission_denied', 'Nobody blocks themselves. Ask another admin.', { param: 'blocked' });
  }
}

const refused = (field: string): GatewayError =>
  new GatewayError('permission_denied', `'${field}' of a user can only be set by an admin of a higher level.`, {
    param: field,
  });

/**
 * An organization's admin gives nobody more than the organization has.
 * @throws GatewayError 400 that names the field
 */
export async function refuseBeyondHome(
  db: Database,
  fields: UserFields,
  { organizationId, standing }: { readonly organizationId: string | null; readonly standing: Standing },
): Promise<void> {
  if (standing !== 'organization' || organizationId === null) return;
  const home = await organizations.find(db, organizationId, EVERYTHING);
  if (home !== undefined) refuseAbove(fields, await organizationCeiling(db, home));
}

/** What was sent, with the metadata that may not be touched as it was. */
export function withGuardedUserMetadata(fields: UserFields, row: UserRow | undefined, standing: Standing): UserFields {
  if (fields.metadata === undefined) return fields;
  return { ...fields, metadata: guarded(fields.metadata ?? {}, objectIn(row?.metadata ?? null), standing) };
}

/**
 * Call it within the change, when it has been made: of two that take away the last two, one fails.
 * @throws GatewayError 400 when no admin would be left whose account is open
 */
export async function refuseWithoutAdmin(db: Database, before: readonly UserRow[]): Promise<void> {
  if (!before.some(isOpenAdmin)) return;
  const left = await users.count(db, {
    visibility: EVERYTHING,
    where: [
      { column: 'user_role', is: 'proxy_admin' },
      { column: 'blocked', is: 0 },
    ],
  });
  if (left > 0) return;
  throw new GatewayError(
    'invalid_request',
    'This is the last admin of the platform. Make somebody else one (user_role proxy_admin) first.',
    { param: 'user_role' },
  );
}

const isOpenAdmin = ({ user_role, blocked }: UserRow): boolean => user_role === 'proxy_admin' && Number(blocked) === 0;
