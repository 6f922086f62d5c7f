/** End users: those whom a caller of ours names as theirs. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { CustomersTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type CustomerRow = CustomersTable;

export const EMPTY_CUSTOMER: Omit<CustomerRow, 'user_id' | 'created_at_ms' | 'updated_at_ms'> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  blocked: 0,
  alias: null,
  budget_id: null,
  models: null,
  default_model: null,
  allowed_model_region: null,
  metadata: null,
  object_permission: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const customers: EntityTable<CustomerRow> = entityTable<CustomerRow>({
  table: 'customers',
  key: ['user_id'],
  owner: {},
  sort: { by: 'created_at_ms', order: 'desc' },
});
