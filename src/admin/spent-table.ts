/** Lists of keys and of people with what they have spent, as lines of a table. */
import type { Cell } from '../lib/csv.ts';
import { usdText } from '../lib/usd.ts';

type View = Readonly<Record<string, unknown>>;

export const KEY_COLUMNS = [
  ...(['token', 'key_name', 'key_alias', 'user_id', 'team_id', 'organization_id'] as const),
  ...(['spend', 'total_spend', 'max_budget', 'budget_reset_at'] as const),
];
export const USER_COLUMNS = [
  ...(['user_id', 'user_email', 'user_alias', 'user_role'] as const),
  ...(['spend', 'total_spend', 'max_budget', 'budget_reset_at'] as const),
];
const IN_DOLLARS: ReadonlySet<string> = new Set(['spend', 'total_spend', 'max_budget']);

export const spentLines = (views: readonly View[], columns: readonly string[]): Record<string, Cell>[] =>
  views.map((view) => Object.fromEntries(columns.map((column) => [column, cellOf(column, view[column])])));

/** Dollars are written out: a spreadsheet reads 1e-7 as a text. */
function cellOf(column: string, value: unknown): Cell {
  if (typeof value === 'number') return IN_DOLLARS.has(column) ? usdText(Math.round(value * 1e9)) : value;
  return typeof value === 'string' ? value : null;
}
