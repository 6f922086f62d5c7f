/** Budgets that keys, members, customers and others share by reference. */

import type { Database } from './client.ts';
import { loosely } from './conditions.ts';
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

const REFERRING = [
  ...['keys', 'teams', 'team_members', 'users', 'organizations', 'organization_members', 'projects', 'customers'],
  'tags',
];

/** How many rows refer to a budget: with it gone, none of them would be limited any more. */
export async function countBudgetUses(db: Database, budgetId: string): Promise<number> {
  let uses = 0;
  for (const table of REFERRING) {
    const counted = await loosely(db)
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('uses'))
      .where('budget_id', '=', budgetId)
      .executeTakeFirst();
    uses += Number(counted?.uses ?? 0);
  }
  return uses;
}
