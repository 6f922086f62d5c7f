/** Projects within teams. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { ProjectsTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type ProjectRow = ProjectsTable;

export const EMPTY_PROJECT: Omit<ProjectRow, 'project_id' | 'created_at_ms' | 'updated_at_ms'> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  blocked: 0,
  project_alias: null,
  description: null,
  team_id: null,
  budget_id: null,
  models: null,
  metadata: null,
  model_rpm_limit: null,
  model_tpm_limit: null,
  object_permission: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const projects: EntityTable<ProjectRow> = entityTable<ProjectRow>({
  table: 'projects',
  key: ['project_id'],
  owner: { team: 'team_id' },
  sort: { by: 'created_at_ms', order: 'desc' },
});
