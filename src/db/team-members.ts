/** Who belongs to which team, by `joined(teamId, userId)`. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { TeamMembersTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type TeamMemberRow = TeamMembersTable;

export const EMPTY_TEAM_MEMBER: Omit<
  TeamMemberRow,
  'team_id' | 'user_id' | 'role' | 'created_at_ms' | 'updated_at_ms'
> = {
  ...NO_LIMITS,
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
