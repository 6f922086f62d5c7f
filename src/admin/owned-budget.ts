/** The budget row behind an entity whose limits are sent inline. */
import { type BudgetRow, budgets, countBudgetUses, EMPTY_BUDGET } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { invalidRequest } from '../errors.ts';
import { refuseUnknownBudget } from './budgets.ts';
import type { LimitFields } from './fields.ts';
import { limitColumns } from './limit-columns.ts';
import type { Making } from './member-users.ts';

export interface BudgetWish extends Partial<LimitFields> {
  readonly budget_id?: string | null | undefined;
}

/**
 * The budget that the entity refers to from now on; `undefined`: no change. One that others share is not changed: the
 * entity gets a copy of its own.
 * @param known the one that it refers to now
 * @throws GatewayError 400 when both kinds are sent, or for a budget that is not there
 */
export async function storeBudget(
  db: Database,
  known: string | null,
  wish: BudgetWish,
  making: Making,
): Promise<string | null | undefined> {
  const { budget_id, ...limits } = wish;
  const columns = limitColumns(limits);
  const isInline = Object.keys(columns).length > 0;
  if (budget_id === undefined) return isInline ? await storeInline(db, known, columns, making) : undefined;
  if (budget_id !== null && isInline) {
    throw invalidRequest("Send either 'budget_id' or the limits themselves.", 'budget_id');
  }
  if (budget_id !== null) await refuseUnknownBudget(db, budget_id);
  return isInline ? await storeInline(db, null, columns, making) : budget_id;
}

async function storeInline(
  db: Database,
  known: string | null,
  columns: Partial<BudgetRow>,
  { nowMs, by, newId }: Making,
): Promise<string> {
  const stamps = { updated_at_ms: nowMs, updated_by: by };
  const isAlone = known !== null && (await countBudgetUses(db, known)) <= 1;
  const changed = isAlone ? await budgets.change(db, known, EVERYTHING, () => ({ ...columns, ...stamps })) : undefined;
  if (known !== null && changed !== undefined) return known;
  const shared = known === null ? undefined : await budgets.find(db, known, EVERYTHING);
  const budget_id = newId();
  const made = { budget_id, version: 1, created_at_ms: nowMs, created_by: by };
  await budgets.insert(db, { ...EMPTY_BUDGET, ...shared, ...columns, ...stamps, ...made });
  return budget_id;
}
