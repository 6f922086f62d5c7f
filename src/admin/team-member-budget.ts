/** What members of a team may use who have no budget of their own: a budget that the team's metadata refers to. */
import { type BudgetRow, budgets, EMPTY_BUDGET } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import type { TeamRow } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { refuseAbove } from './ceiling.ts';
import { limitColumns } from './limit-columns.ts';
import { teamCeiling } from './team-rights.ts';
import type { TeamFields } from './team-schema.ts';
import { memberBudgetId } from './team-view.ts';

export interface Stamp {
  readonly nowMs: number;
  readonly by: string;
  newId(): string;
}

/**
 * Stores the `team_member_…` fields that were sent.
 * @param team as it will be
 * @returns the id of the budget that is new
 */
export async function storeMemberBudget(
  db: Database,
  team: TeamRow,
  fields: TeamFields,
  stamp: Stamp,
): Promise<string | undefined> {
  const limits = {
    max_budget: fields.team_member_budget,
    budget_duration: fields.team_member_budget_duration,
    rpm_limit: fields.team_member_rpm_limit,
    tpm_limit: fields.team_member_tpm_limit,
  };
  const columns = limitColumns(Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)));
  if (Object.keys(columns).length === 0) return undefined;
  refuseAbove({ max_budget: limits.max_budget }, teamCeiling(team));
  const stamps = { updated_at_ms: stamp.nowMs, updated_by: stamp.by };
  const known = memberBudgetId(team);
  const changed =
    known === null ? undefined : await budgets.change(db, known, EVERYTHING, () => ({ ...columns, ...stamps }));
  if (changed !== undefined || Object.values(columns).every((value) => value === null)) return undefined;
  const row: BudgetRow = {
    ...EMPTY_BUDGET,
    ...columns,
    ...stamps,
    budget_id: stamp.newId(),
    created_at_ms: stamp.nowMs,
    created_by: stamp.by,
  };
  await budgets.insert(db, row);
  return row.budget_id;
}
