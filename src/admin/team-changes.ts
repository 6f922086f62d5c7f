/** Steps that the changes of a team have in common. */
import { objectIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import type { Condition } from '../db/conditions.ts';
import { membershipsOfUser } from '../db/team-members.ts';
import type { TeamRow } from '../db/teams.ts';
import { joined } from '../db/usage-scopes.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { refuseOverallocatedTeam } from './guaranteed-rates.ts';
import type { NewMember } from './joining.ts';
import type { Making } from './member-users.ts';
import { newId } from './new-id.ts';
import { storeMemberBudget } from './team-member-budget.ts';
import { refuseUnknownPermissions } from './team-permissions.ts';
import { refuseBeyondOrganization } from './team-rights.ts';
import type { NewTeam, TeamFields, TeamQuery } from './team-schema.ts';
import { teamColumns, type View } from './team-view.ts';
import { type Author, authorOf } from './write.ts';

export const makingOf = (context: AdminContext, { access }: Author): Making => ({
  nowMs: Math.round(context.now()),
  by: authorOf(access.caller),
  organizationId: null,
  defaults: context.settings().entityDefaults,
  newId: () => newId(context),
});

export const about = (row: TeamRow) =>
  ({ kind: 'team', id: row.team_id, teamId: row.team_id, organizationId: row.organization_id }) as const;

interface Settling {
  readonly row: TeamRow;
  readonly fields: TeamFields;
  readonly author: Author;
  readonly making: Making;
}

/**
 * The team as it will be, with the budget of its members stored.
 * @throws GatewayError when it would have what its organization has not
 */
export async function settled(db: Database, { row, fields, author, making }: Settling): Promise<TeamRow> {
  refuseUnknownPermissions(fields.team_member_permissions ?? []);
  await refuseBeyondOrganization(db, { fields, row, access: author.access });
  const next: TeamRow = { ...row, ...teamColumns(fields, objectIn(row.metadata)) };
  await refuseOverallocatedTeam(db, next);
  const budgetId = await storeMemberBudget(db, next, fields, making);
  if (budgetId === undefined) return next;
  return { ...next, metadata: JSON.stringify({ ...objectIn(next.metadata), team_member_budget_id: budgetId }) };
}

/** Whoever makes a team without being an admin of the platform is its first admin, as in LiteLLM. */
export function firstMembers(
  { members_with_roles, admins, members }: Pick<NewTeam, 'members_with_roles' | 'admins' | 'members'>,
  { access }: Author,
): NewMember[] {
  const wanted: NewMember[] = [
    ...(members_with_roles ?? []),
    ...(admins ?? []).map((user_id) => ({ user_id, role: 'admin' as const })),
    ...(members ?? []).map((user_id) => ({ user_id, role: 'user' as const })),
  ];
  const { userId } = access.principal;
  const own: NewMember[] = access.isUnlimited || userId === null ? [] : [{ user_id: userId, role: 'admin' as const }];
  const found = new Map<string, NewMember>();
  for (const each of [...own, ...wanted]) {
    const name = each.user_id ?? each.user_email?.toLowerCase() ?? '';
    if (!found.has(name)) found.set(name, each);
  }
  return [...found.values()];
}

/** What stands in memory of a team and of these of its members. */
export function forget(
  { directory }: Pick<AdminContext, 'directory'>,
  teamId: string,
  userIds: readonly string[],
): void {
  directory.invalidate('team', teamId);
  for (const userId of userIds) {
    directory.invalidate('team_member', joined(teamId, userId));
    directory.invalidate('user', userId);
  }
}

export async function conditionsOf(db: Database, query: TeamQuery): Promise<Condition<TeamRow>[]> {
  const conditions: Condition<TeamRow>[] = [];
  const { user_id, organization_id, team_id, team_alias, blocked, search } = query;
  if (user_id !== undefined) {
    const memberships = await membershipsOfUser(db, user_id);
    conditions.push({ column: 'team_id', in: memberships.map((membership) => membership.team_id) });
  }
  if (organization_id !== undefined) conditions.push({ column: 'organization_id', is: organization_id });
  if (team_id !== undefined) conditions.push({ column: 'team_id', is: team_id });
  if (team_alias !== undefined) conditions.push({ column: 'team_alias', contains: team_alias });
  if (search !== undefined) {
    conditions.push({
      any: [
        { column: 'team_id', contains: search },
        { column: 'team_alias', contains: search },
      ],
    });
  }
  if (blocked !== undefined) conditions.push({ column: 'blocked', is: blocked ? 1 : 0 });
  return conditions;
}

/** What others have spent is for admins. */
export function maySeeSpend({ isUnlimited, principal }: Access, row: TeamRow, membership: View): boolean {
  if (isUnlimited || membership['user_id'] === principal.userId) return true;
  const { teams, organizations } = principal.memberships;
  if (!principal.roles.includes('user')) return false;
  return teams.get(row.team_id) === 'admin' || organizations.get(row.organization_id ?? '') === 'org_admin';
}

export const withoutSpend = (view: View): View => ({ ...view, spend: null, total_spend: null });

export const unknownTeam = (): GatewayError =>
  new GatewayError('not_found', 'There is no such team.', { param: 'team_id', type: 'not_found_error' });

export const teamTaken = (): GatewayError =>
  invalidRequest('A team with this id exists already; choose another, or leave it out to have one made.', 'team_id');
