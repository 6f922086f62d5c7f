/** Putting people into a team: what every route does that can. */
import { textsIn } from '../auth/json-columns.ts';
import type { Database } from '../db/client.ts';
import { EMPTY_TEAM_MEMBER, type TeamMemberRow, teamMembers } from '../db/team-members.ts';
import type { TeamRow } from '../db/teams.ts';
import type { UserRow } from '../db/users.ts';
import { GatewayError } from '../errors.ts';
import { type Grant, refuseAbove, refuseOtherModels } from './ceiling.ts';
import { limitColumns } from './limit-columns.ts';
import { countsFrom } from './made-anew.ts';
import { type Making, type MemberName, userFor } from './member-users.ts';
import { teamCeiling } from './team-rights.ts';
import { memberView } from './team-view.ts';
import { userView } from './user-view.ts';
import type { Note } from './write.ts';

export interface NewMember extends MemberName {
  readonly role: 'admin' | 'user';
}

/** What a member may use of the team's. */
export interface MemberGrant extends Omit<Grant, 'models'> {
  readonly allowed_models?: readonly string[] | null | undefined;
}

export interface Joining {
  readonly team: TeamRow;
  readonly grant: MemberGrant;
  readonly making: Making;
  readonly note: Note;
}

export interface Joined {
  readonly user: UserRow;
  readonly member: TeamMemberRow;
}

/** @throws GatewayError 400 for somebody who is in it already, or for more than the team has */
export async function join(db: Database, member: NewMember, joining: Joining): Promise<Joined> {
  const { team, grant, making, note } = joining;
  const { row: user, isNew } = await userFor(db, member, making);
  const owner = { teamId: team.team_id, organizationId: team.organization_id };
  if (isNew) note({ action: 'created', kind: 'user', id: user.user_id, after: userView(user), ...owner });
  const { nowMs, by } = making;
  const row: TeamMemberRow = {
    ...EMPTY_TEAM_MEMBER,
    team_id: team.team_id,
    user_id: user.user_id,
    role: member.role,
    allowed_models: textsIn(team.default_team_member_models).length > 0 ? team.default_team_member_models : null,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
    created_by: by,
    updated_by: by,
    ...memberColumns(team, grant),
    counts_from_ms: await memberCountsFrom(db, team, user, nowMs),
  };
  if ((await teamMembers.insert(db, row)) !== undefined) throw alreadyIn(user);
  const after = memberView({ ...row, user_email: user.user_email });
  note({ action: 'created', kind: 'team_member', id: `${team.team_id}/${user.user_id}`, after, ...owner });
  return { user, member: row };
}

/** What somebody spent in a team that is no more, or as somebody who is no more, is not theirs. */
async function memberCountsFrom(db: Database, team: TeamRow, user: UserRow, nowMs: number): Promise<number | null> {
  const isAnew = team.counts_from_ms !== null || user.counts_from_ms !== null;
  return isAnew ? nowMs : await countsFrom(db, 'team_member', `${team.team_id}/${user.user_id}`, nowMs);
}

/** @throws GatewayError 400 for more than the team has */
export function memberColumns(team: TeamRow, grant: MemberGrant): Partial<TeamMemberRow> {
  const { allowed_models, ...limits } = grant;
  const ceiling = teamCeiling(team);
  refuseAbove(limits, ceiling);
  refuseOtherModels(allowed_models ?? [], ceiling.models, ceiling.whose, 'allowed_models');
  return {
    ...limitColumns(limits),
    ...(allowed_models !== undefined && {
      allowed_models: allowed_models === null ? null : JSON.stringify(allowed_models),
    }),
  };
}

const alreadyIn = (user: UserRow): GatewayError =>
  new GatewayError('invalid_request', `The user ${user.user_email ?? user.user_id} is in this team already.`, {
    param: 'member',
    type: 'team_member_already_in_team',
  });
