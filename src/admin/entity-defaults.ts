/**
 * What the configuration gives new users and teams. Source: LiteLLM's documentation of `default_internal_user_params`,
 * `max_internal_user_budget` and `default_team_params`.
 */
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import { organizations } from '../db/organizations.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { accept } from './body.ts';
import { loweredBelow } from './ceiling.ts';
import type { EntityDefaults } from './context.ts';
import { organizationCeiling } from './team-rights.ts';
import { type TeamFields, updateTeamBody } from './team-schema.ts';
import { ROLES_OF_ORGANIZATIONS } from './user-rights.ts';
import { type UserFields, updateUserBody } from './user-schema.ts';

interface Home {
  readonly organizationId: string | null;
  readonly defaults?: EntityDefaults | undefined;
}

/**
 * The fields of a new user, no more of those filled in than their organization has.
 * @param home with the standing of whoever makes the user: only the platform's admins make more than users of an organization
 */
export async function filledUser(
  db: Database,
  asked: UserFields,
  home: Home & { readonly standing: 'platform' | 'organization' },
): Promise<UserFields> {
  const { defaults, standing } = home;
  if (defaults === undefined) return asked;
  const { user_role: role, ...params } = accept(defaults.user, updateUserBody);
  const mayHave = standing === 'platform' || ROLES_OF_ORGANIZATIONS.includes(role);
  // Of an admin whom the request makes one nothing is limited.
  let filled =
    asked.user_role === 'proxy_admin' ? asked : filledIn(asked, { ...params, ...(mayHave && { user_role: role }) });
  const isInternal = ROLES_OF_ORGANIZATIONS.includes(filled.user_role);
  if (isInternal) filled = filledIn(filled, accept(defaults.internalUser, updateUserBody));
  return await belowOrganization(db, { asked, filled }, home);
}

/** Where a team is whose request does not say it; a default that its maker does not administer is none for them. */
export function homeOfTeam(defaults: EntityDefaults | undefined, access: Access): string | null {
  const organizationId = defaults?.team['organization_id'];
  if (typeof organizationId !== 'string') return null;
  return access.isUnlimited || access.covers({ organizationId }) ? organizationId : null;
}

/** An explicit `null` for `budget_duration` is a budget that never begins anew, as in LiteLLM. */
export async function filledTeam(db: Database, asked: TeamFields, home: Home): Promise<TeamFields> {
  const { defaults, organizationId } = home;
  if (defaults === undefined) return asked;
  const { organization_id: _, ...params } = defaults.team;
  const { team_id: __, ...given } = accept({ ...params, team_id: 'new' }, updateTeamBody);
  const filled: TeamFields = filledIn<TeamFields>({ ...asked, organization_id: organizationId }, given);
  if (asked.budget_duration === null) filled.budget_duration = null;
  return await belowOrganization(db, { asked, filled }, home);
}

/** As in LiteLLM, `null` and an empty list of models say nothing. */
function filledIn<Fields extends UserFields | TeamFields>(asked: Fields, given: Partial<Fields>): Fields {
  const filled: Record<string, unknown> = { ...asked };
  for (const [field, value] of Object.entries(given)) {
    const now = filled[field];
    if (now == null || (field === 'models' && Array.isArray(now) && now.length === 0)) filled[field] = value;
  }
  // Each value is one that was there, or one of the same field.
  return filled as Fields;
}

async function belowOrganization<Fields extends UserFields | TeamFields>(
  db: Database,
  { asked, filled }: { readonly asked: Fields; readonly filled: Fields },
  { organizationId }: Home,
): Promise<Fields> {
  const home = organizationId === null ? undefined : await organizations.find(db, organizationId, EVERYTHING);
  return home === undefined ? filled : loweredBelow(filled, asked, await organizationCeiling(db, home));
}
