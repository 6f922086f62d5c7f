/** Teams, and what is kept of deleted ones. Their members are in `team-members.ts`. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { DeletedTeamsTable, TeamsTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type TeamRow = TeamsTable;

export const EMPTY_TEAM: Omit<TeamRow, 'team_id' | 'created_at_ms' | 'updated_at_ms'> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  blocked: 0,
  allow_team_guardrail_config: 0,
  team_alias: null,
  organization_id: null,
  budget_id: null,
  models: null,
  model_aliases: null,
  metadata: null,
  router_settings: null,
  team_member_permissions: null,
  default_team_member_models: null,
  access_group_ids: null,
  policies: null,
  object_permission: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const teams: EntityTable<TeamRow> = entityTable<TeamRow>({
  table: 'teams',
  key: ['team_id'],
  owner: { team: 'team_id', organization: 'organization_id' },
  sort: { by: 'created_at_ms', order: 'desc' },
});

/** Where deleted teams are still found. */
export const deletedTeams: Pick<
  EntityTable<DeletedTeamsTable>,
  'find' | 'findMany' | 'list'
> = entityTable<DeletedTeamsTable>({
  table: 'deleted_teams',
  key: ['team_id'],
  owner: { team: 'team_id', organization: 'organization_id' },
  sort: { by: 'deleted_at_ms', order: 'desc' },
});
