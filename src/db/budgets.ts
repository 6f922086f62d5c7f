/** Budgets that keys, members, customers and others share by reference. */

import type { Database } from './client.ts';
import { holds, loosely } from './conditions.ts';
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

/** How many rows refer to a budget, by table: with it gone, none of them would be limited any more. Without those of zero. */
export async function budgetUses(db: Database, budgetId: string): Promise<Readonly<Record<string, number>>> {
  const uses: Record<string, number> = {};
  for (const table of REFERRING) {
    const counted = await loosely(db)
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('uses'))
      .where('budget_id', '=', budgetId)
      .executeTakeFirst();
    if (Number(counted?.uses ?? 0) > 0) uses[table] = Number(counted?.uses);
  }
  for (const { table, name } of IN_METADATA) {
    const more = await usesInMetadata(db, { table, name, budgetId });
    if (more > 0) uses[table] = (uses[table] ?? 0) + more;
  }
  return uses;
}

/** Teams give a budget to each of their members, and keys to each end user that they are used for. */
const IN_METADATA = [
  { table: 'teams', name: 'team_member_budget_id' },
  { table: 'keys', name: 'end_user_budget_id' },
] as const;

interface UseInMetadata {
  readonly table: string;
  readonly name: string;
  readonly budgetId: string;
}

async function usesInMetadata(db: Database, { table, name, budgetId }: UseInMetadata): Promise<number> {
  const rows = await loosely(db)
    .selectFrom(table)
    .select('metadata')
    .where((eb) => holds(eb, { column: 'metadata', contains: name }))
    .execute();
  return rows.filter(({ metadata }) => valueIn(String(metadata), name) === budgetId).length;
}

/** `undefined` also for metadata that cannot be read: it gives nobody anything. */
function valueIn(metadata: string, name: string): unknown {
  try {
    return JSON.parse(metadata)?.[name];
  } catch {
    return undefined;
  }
}

export async function countBudgetUses(db: Database, budgetId: string): Promise<number> {
  return Object.values(await budgetUses(db, budgetId)).reduce((sum, uses) => sum + uses, 0);
}
