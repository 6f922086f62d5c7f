/** The teams and organizations that a new user is put into. */
import { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import { EMPTY_ORGANIZATION_MEMBER, organizationMembers } from '../db/organization-members.ts';
import { organizations } from '../db/organizations.ts';
import { teams } from '../db/teams.ts';
import type { UserRow } from '../db/users.ts';
import { invalidRequest } from '../errors.ts';
import { join } from './joining.ts';
import type { Making } from './member-users.ts';
import { unknownTeam } from './team-changes.ts';
import { unknownOrganization } from './team-rights.ts';
import type { NewUser } from './user-schema.ts';
import type { Author, Note } from './write.ts';

interface Wish {
  readonly teamId: string;
  readonly role: 'admin' | 'user';
  readonly maxBudget: number | null | undefined;
}

/** Teams in both forms that LiteLLM takes, and the one of the key. */
export function teamsWanted({ teams: wanted, team_id }: Pick<NewUser, 'teams' | 'team_id'>): Wish[] {
  const wishes = (wanted ?? []).map((each): Wish => {
    if (typeof each === 'string') return { teamId: each, role: 'user', maxBudget: undefined };
    return { teamId: each.team_id, role: each.user_role ?? 'user', maxBudget: each.max_budget_in_team };
  });
  if (team_id == null || wishes.some(({ teamId }) => teamId === team_id)) return wishes;
  return [...wishes, { teamId: team_id, role: 'user', maxBudget: undefined }];
}

/**
 * The organizations that a new user is for; somebody who administers only one needs not name it.
 * @throws GatewayError 400, or 404 for one that the caller does not administer
 */
export function organizationsWanted(
  { organizations: wanted, organization_id }: Pick<NewUser, 'organizations' | 'organization_id'>,
  access: Access,
): string[] {
  const named = [...new Set([...(organization_id == null ? [] : [organization_id]), ...(wanted ?? [])])];
  const { visibility } = access;
  if (visibility.all) return named;
  if (named.some((organizationId) => !access.covers({ organizationId }))) throw unknownOrganization();
  if (named.length > 0) return named;
  const [only, ...others] = visibility.organizations;
  if (only !== undefined && others.length === 0) return [only];
  throw invalidRequest("Say in 'organizations' for which of your organizations.", 'organizations');
}

export interface UserJoining {
  readonly making: Making;
  readonly note: Note;
  readonly author: Author;
}

/** @throws GatewayError 404 for a team or an organization that is not there or foreign */
export async function joinAll(
  db: Database,
  user: UserRow,
  wanted: { readonly teams: readonly Wish[]; readonly organizations: readonly string[] },
  { making, note, author }: UserJoining,
): Promise<void> {
  for (const id of wanted.organizations) {
    if ((await organizations.find(db, id, author.access.visibility)) === undefined) throw unknownOrganization();
    const { nowMs, by } = making;
    const stamps = { created_at_ms: nowMs, updated_at_ms: nowMs, created_by: by, updated_by: by };
    const user_role = user.user_role === 'internal_user_viewer' ? user.user_role : 'internal_user';
    const { user_id, counts_from_ms } = user;
    const row = { ...EMPTY_ORGANIZATION_MEMBER, ...stamps, organization_id: id, user_id, user_role, counts_from_ms };
    await organizationMembers.insert(db, row);
    note({
      action: 'created',
      kind: 'organization_member',
      id: `${id}/${user.user_id}`,
      after: { user_role },
      organizationId: id,
    });
  }
  const { visibility } = new Access(author.access.principal, 'teams.members');
  for (const { teamId, role, maxBudget } of wanted.teams) {
    const team = await teams.find(db, teamId, visibility);
    if (team === undefined) throw unknownTeam();
    const grant = maxBudget === undefined ? {} : { max_budget: maxBudget };
    await join(db, { user_id: user.user_id, role }, { team, grant, making, note });
  }
}
