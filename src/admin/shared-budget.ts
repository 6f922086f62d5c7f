/** An entity's own limits over those of the budget it refers to, in LiteLLM's shape `litellm_budget_table`. */
import type { BudgetRow } from '../db/budgets.ts';
import { budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import type { Counted, OwnLimits } from '../db/entity-tables.ts';
import { NO_LIMITS } from '../db/no-limits.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { invalidRequest } from '../errors.ts';
import { budgetView, resetAt } from './budgets.ts';
import type { AdminContext } from './context.ts';
import { LIMIT_FIELDS, type LimitFields } from './fields.ts';
import { limitColumns, limitsView } from './limit-columns.ts';
import { type Spender, spendSetOf } from './spent.ts';

type View = Record<string, unknown>;

interface Limited extends OwnLimits {
  readonly budget_id: string | null;
}

/** @returns for each row the budget it refers to, or `fallbackId` when it refers to none */
export async function budgetsBehind<Row extends Limited>(
  db: Database,
  rows: readonly Row[],
  fallbackId: string | null = null,
): Promise<(row: Row) => BudgetRow | undefined> {
  const wanted = new Set(rows.flatMap((row) => row.budget_id ?? fallbackId ?? []));
  const found = new Map(
    (await budgets.findMany(db, [...wanted], EVERYTHING)).map((budget) => [budget.budget_id, budget]),
  );
  return (row) => found.get(row.budget_id ?? fallbackId ?? '');
}

/** `null`: nothing limits it. */
export function budgetTable(
  row: Limited,
  budget: BudgetRow | undefined,
  context: Pick<AdminContext, 'settings' | 'now'>,
): View | null {
  const own = limitsView(row);
  if (budget === undefined && !Object.values(own).some(isSaid)) return null;
  const shared = budget === undefined ? { budget_id: null, ...limitsView(NO_LIMITS) } : budgetView(budget, context);
  const table: View = { ...shared };
  for (const [field, value] of Object.entries(own)) if (isSaid(value)) table[field] = value;
  const duration = durationBehind(row, budget);
  return { ...table, budget_reset_at: resetAt(duration, context.settings().timeZone, context.now()) };
}

export const spenderOf = (id: string, row: Limited & Partial<Counted>, budget: BudgetRow | undefined): Spender => ({
  id,
  budgetDuration: durationBehind(row, budget),
  spendSet: spendSetOf(row),
});

/**
 * The columns of limits that a request sets. A new budget replaces the entity's own limits.
 * @throws GatewayError 400 when it names a budget and limits besides
 */
export function sharedOrOwn(
  fields: Partial<LimitFields> & { readonly budget_id?: string | null | undefined },
): Partial<Limited> {
  const { budget_id } = fields;
  const limit = Object.keys(LIMIT_FIELDS).find((name) => Reflect.get(fields, name) != null);
  if (budget_id == null) return { ...(budget_id !== undefined && { budget_id }), ...limitColumns(fields) };
  if (limit === undefined) return { ...NO_LIMITS, budget_id };
  throw invalidRequest(
    `Set either '${limit}' or 'budget_id', not both: what the budget says holds for all who refer to it.`,
    'budget_id',
  );
}

const durationBehind = (row: OwnLimits, budget: BudgetRow | undefined): string | null =>
  row.budget_duration ?? budget?.budget_duration ?? null;

const isSaid = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value !== null;
