/** Named lists of models that teams and keys are given. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { AccessGroupsTable } from './entity-tables.ts';

export type AccessGroupRow = AccessGroupsTable;

export const EMPTY_ACCESS_GROUP: Omit<
  AccessGroupRow,
  'access_group_id' | 'access_group_name' | 'created_at_ms' | 'updated_at_ms'
> = {
  description: null,
  access_model_names: null,
  access_mcp_server_ids: null,
  access_agent_ids: null,
  assigned_team_ids: null,
  assigned_key_ids: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const accessGroups: EntityTable<AccessGroupRow> = entityTable<AccessGroupRow>({
  table: 'access_groups',
  key: ['access_group_id'],
  unique: ['access_group_name'],
  owner: {},
  sort: { by: 'created_at_ms', order: 'desc' },
});
