/** Tags with a budget or a list of models. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { TagsTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type TagRow = TagsTable;

export const EMPTY_TAG: Omit<TagRow, 'tag_name' | 'created_at_ms' | 'updated_at_ms'> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  description: null,
  budget_id: null,
  models: null,
  model_info: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const tags: EntityTable<TagRow> = entityTable<TagRow>({
  table: 'tags',
  key: ['tag_name'],
  owner: {},
  sort: { by: 'created_at_ms', order: 'desc' },
});
