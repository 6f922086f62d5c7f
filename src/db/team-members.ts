/** Who belongs to which team, by `joined(teamId, userId)`. */

import type { Database } from './client.ts';
import { type EntityTable, entityTable } from './entity-table.ts';
import type { TeamMembersTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type TeamMemberRow = TeamMembersTable;

export const EMPTY_TEAM_MEMBER: Omit<
  TeamMemberRow,
  'team_id' | 'user_id' | 'role' | 'created_at_ms' | 'updated_at_ms'
> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  budget_id: null,
  allowed_models: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const teamMembers: EntityTable<TeamMemberRow> = entityTable<TeamMemberRow>({
  table: 'team_members',
  key: ['team_id', 'user_id'],
  owner: { team: 'team_id', user: 'user_id' },
  sort: { by: 'created_at_ms', order: 'desc' },
});

export interface NamedMember extends TeamMemberRow {
  /** `null` also when nobody has that user id. */
  readonly user_email: string | null;
}

/** Everybody in a team, in the order they came. Whether the team may be seen has been asked before. */
export const membersOfTeam = (db: Database, teamId: string): Promise<NamedMember[]> => membersOfTeams(db, [teamId]);

/** The same of several teams at once. */
export async function membersOfTeams(db: Database, teamIds: readonly string[]): Promise<NamedMember[]> {
  if (teamIds.length === 0) return [];
  return await db
    .selectFrom('team_members')
    .leftJoin('users', 'users.user_id', 'team_members.user_id')
    .selectAll('team_members')
    .select('users.user_email')
    .where('team_members.team_id', 'in', [...teamIds])
    .orderBy('team_members.created_at_ms')
    .orderBy('team_members.user_id')
    .execute();
}

/** The teams somebody belongs to. */
export function membershipsOfUser(db: Database, userId: string): Promise<TeamMemberRow[]> {
  return db.selectFrom('team_members').selectAll().where('user_id', '=', userId).orderBy('team_id').execute();
}
