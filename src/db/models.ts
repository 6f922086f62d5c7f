/** Deployments added at run time. Secret values in `litellm_params` are sealed. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { ModelsTable } from './entity-tables.ts';

export type ModelRow = ModelsTable;

export const EMPTY_MODEL: Omit<
  ModelRow,
  'model_id' | 'model_name' | 'litellm_params' | 'created_at_ms' | 'updated_at_ms'
> = {
  blocked: 0,
  model_info: null,
  team_id: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const models: EntityTable<ModelRow> = entityTable<ModelRow>({
  table: 'models',
  key: ['model_id'],
  owner: { team: 'team_id' },
  sort: { by: 'created_at_ms', order: 'desc' },
});
