/** Stored projects ⇄ LiteLLM's field names (its documentation of projects). */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import { type BudgetRow, budgets } from '../db/budgets.ts';
import type { ProjectRow } from '../db/projects.ts';
import { EVERYTHING } from '../db/visibility.ts';
import type { AdminContext } from './context.ts';
import { iso, limitColumns, limitsView } from './limit-columns.ts';
import { type Bag, bagAfter } from './metadata.ts';
import { PROJECT_METADATA_FIELDS, type ProjectFields } from './project-schema.ts';
import { sentColumns } from './sent-columns.ts';
import { type Spent, spendSetOf, spentBy } from './spent.ts';
import { effectiveLimits } from './team-rights.ts';

type View = Record<string, unknown>;

/** The limits are those that hold, its own or its budget's. */
export function projectView(row: ProjectRow, budget?: BudgetRow, spent?: Spent): View {
  const used = spent ?? { spend: 0, total_spend: 0, budget_reset_at: null };
  const metadata = objectIn(row.metadata);
  const limits = limitsView(effectiveLimits(row, budget));
  return {
    project_id: row.project_id,
    project_alias: row.project_alias,
    description: row.description,
    team_id: row.team_id,
    budget_id: row.budget_id,
    blocked: Number(row.blocked) === 1,
    models: textsIn(row.models),
    metadata,
    ...limits,
    ...used,
    model_rpm_limit: row.model_rpm_limit === null ? null : objectIn(row.model_rpm_limit),
    model_tpm_limit: row.model_tpm_limit === null ? null : objectIn(row.model_tpm_limit),
    model_spend: {},
    tags: metadata['tags'] ?? null,
    guardrails: metadata['guardrails'] ?? null,
    policies: metadata['policies'] ?? null,
    object_permission: row.object_permission === null ? null : objectIn(row.object_permission),
    object_permission_id: null,
    litellm_budget_table: { budget_id: row.budget_id, ...limits, budget_reset_at: used.budget_reset_at },
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
    created_by: row.created_by,
    updated_by: row.updated_by,
  };
}

/** The columns that a request sets: only fields that were sent, an explicit `null` clears. */
export function projectColumns(fields: ProjectFields, metadata: Bag): Partial<ProjectRow> {
  const bag = bagAfter(fields, PROJECT_METADATA_FIELDS, metadata);
  return {
    ...limitColumns(fields),
    ...sentColumns<ProjectRow>(fields, {
      plain: ['project_alias', 'description', 'team_id', 'budget_id'],
      json: ['models', 'model_rpm_limit', 'model_tpm_limit', 'object_permission'],
      flags: ['blocked'],
    }),
    ...(bag !== undefined && { metadata: JSON.stringify(bag) }),
  };
}

/** Views of several, with what they have spent. */
export async function projectViews(
  context: Pick<AdminContext, 'db' | 'ledger' | 'settings' | 'now'>,
  rows: readonly ProjectRow[],
): Promise<View[]> {
  const ids = rows.flatMap(({ budget_id }) => budget_id ?? []);
  const found = await budgets.findMany(context.db, ids, EVERYTHING);
  const byId = new Map(found.map((budget) => [budget.budget_id, budget]));
  const budget = (row: ProjectRow): BudgetRow | undefined => byId.get(row.budget_id ?? '');
  const spent = await spentBy(
    context,
    'project',
    rows.map((row) => ({
      id: row.project_id,
      budgetDuration: effectiveLimits(row, budget(row)).budget_duration,
      spendSet: spendSetOf(row),
    })),
  );
  return rows.map((row) => projectView(row, budget(row), spent(row.project_id)));
}
