/** Budgets that keys, members, customers and others share by reference. */

import { type EntityTable, entityTable } from './entity-table.ts';
import type { BudgetsTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type BudgetRow = BudgetsTable;

export const EMPTY_BUDGET: Omit<BudgetRow, 'budget_id' | 'created_at_ms' | 'updated_at_ms'> = {
  ...NO_LIMITS,
  allowed_models: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const budgets: EntityTable<BudgetRow> = entityTable<BudgetRow>({
  table: 'budgets',
  key: ['budget_id'],
  owner: {},
  sort: { by: 'created_at_ms', order: 'desc' },
});
