/** What keys have spent and of what, beside what is stored with them. Names are LiteLLM's (its documentation of `/key/info`). */
import { allowanceOfKey } from '../auth/allowance.ts';
import { type BudgetRow, budgets } from '../db/budgets.ts';
import { type KeyRow, usageHashOf } from '../db/keys.ts';
import { joined } from '../db/usage-scopes.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { usdNumber } from '../lib/usd.ts';
import type { AdminContext } from './context.ts';
import { budgetTable, keyView } from './key-view.ts';
import { type Spent, spentBy } from './spent.ts';

type View = Record<string, unknown>;
type Source = Pick<AdminContext, 'db' | 'ledger' | 'settings' | 'now'>;

/** Views of many keys, in their order; what all of them spent is read at once. */
export async function keyViews(context: Source, rows: readonly KeyRow[]): Promise<View[]> {
  const known = await budgetsOf(context, rows);
  const spent = await spentBy(
    context,
    'api_key',
    rows.map((row) => ({
      id: usageHashOf(row),
      budgetDuration: row.budget_duration ?? known.get(row.budget_id)?.budget_duration ?? null,
      spendSet: spendSetOf(row),
    })),
  );
  return rows.map((row) => {
    const budget = known.get(row.budget_id);
    return {
      ...keyView(row),
      ...spent(usageHashOf(row)),
      litellm_budget_table: budget === undefined ? null : budgetTable(budget),
    };
  });
}

export async function viewOfKey(context: Source, row: KeyRow): Promise<View> {
  return (await keyViews(context, [row]))[0] ?? keyView(row);
}

async function budgetsOf({ db }: Source, rows: readonly KeyRow[]): Promise<ReadonlyMap<string | null, BudgetRow>> {
  const ids = rows.flatMap(({ budget_id }) => budget_id ?? []);
  const found = await budgets.findMany(db, ids, EVERYTHING);
  return new Map(found.map((budget) => [budget.budget_id, budget]));
}

const spendSetOf = ({ spend_set_nano_usd: nano, spend_set_at_ms: atMs }: KeyRow) =>
  nano === null || atMs === null ? null : { nanoUsd: Number(nano), atMs: Number(atMs) };

/** How much of each budget by model, and of each of several windows, is gone; nothing where there are none. */
export async function budgetUsage(context: Source, row: KeyRow): Promise<View> {
  const budget = (await budgetsOf(context, [row])).get(row.budget_id);
  const { perModel, budgetWindows } = allowanceOfKey(row, budget);
  const models = Object.entries(perModel).filter(([, { maxBudgetNanoUsd }]) => maxBudgetNanoUsd !== null);
  return {
    ...(models.length > 0 && { model_max_budget_usage: await modelUsage(context, row, models) }),
    ...(budgetWindows.length > 0 && { budget_limits_usage: await windowUsage(context, row, budgetWindows) }),
  };
}

type PerModel = ReturnType<typeof allowanceOfKey>['perModel'][string];

async function modelUsage(context: Source, row: KeyRow, models: readonly [string, PerModel][]): Promise<View> {
  const idOf = (model: string): string => joined(usageHashOf(row), model);
  const spent = await spentBy(
    context,
    'model_per_key',
    models.map(([model, { budgetDuration }]) => ({ id: idOf(model), budgetDuration })),
  );
  const usage = models.map(([model, { maxBudgetNanoUsd, budgetDuration }]) => {
    const { spend, budget_reset_at } = spent(idOf(model));
    const budget_limit = usdNumber(maxBudgetNanoUsd);
    return [model, { current_spend: spend, budget_limit, time_period: budgetDuration, reset_at: budget_reset_at }];
  });
  return Object.fromEntries(usage);
}

async function windowUsage(
  context: Source,
  row: KeyRow,
  windows: readonly { readonly duration: string; readonly maxNanoUsd: number }[],
): Promise<View> {
  const usage: View = {};
  for (const { duration, maxNanoUsd } of windows) {
    const id = usageHashOf(row);
    const spender = { id, budgetDuration: duration, spendSet: spendSetOf(row) };
    const { spend, budget_reset_at }: Spent = (await spentBy(context, 'api_key', [spender]))(id);
    usage[duration] = { current_spend: spend, max_budget: usdNumber(maxNanoUsd), reset_at: budget_reset_at };
  }
  return usage;
}
