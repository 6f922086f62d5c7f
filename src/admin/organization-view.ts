/** Stored organizations and their members ⇄ LiteLLM's field names (its documentation of organizations). */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import { type BudgetRow, budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import { membersOfOrganization, type NamedOrganizationMember } from '../db/organization-members.ts';
import type { OrganizationRow } from '../db/organizations.ts';
import { teams } from '../db/teams.ts';
import { joined } from '../db/usage-scopes.ts';
import { EVERYTHING } from '../db/visibility.ts';
import type { AdminContext } from './context.ts';
import { iso, limitColumns, limitsView } from './limit-columns.ts';
import { type Bag, bagAfter } from './metadata.ts';
import { ORGANIZATION_METADATA_FIELDS, type OrganizationFields } from './organization-schema.ts';
import { sentColumns } from './sent-columns.ts';
import { spenderOf } from './shared-budget.ts';
import { type Spent, spendSetOf, spentBy } from './spent.ts';
import { effectiveLimits } from './team-rights.ts';
import { teamViews } from './team-view.ts';

type View = Record<string, unknown>;
type SpendContext = Pick<AdminContext, 'db' | 'ledger' | 'settings' | 'now'>;

const MOST_TEAMS = 1_000;

/** An organization by itself; the limits are those that hold, its own or its budget's. */
export function organizationView(row: OrganizationRow, budget: BudgetRow | undefined, spent?: Spent): View {
  const metadata = objectIn(row.metadata);
  const used = spent ?? { spend: 0, total_spend: 0, budget_reset_at: null };
  return {
    organization_id: row.organization_id,
    organization_alias: row.organization_alias,
    budget_id: row.budget_id,
    blocked: Number(row.blocked) === 1,
    models: textsIn(row.models),
    metadata,
    ...limitsView(effectiveLimits(row, budget)),
    ...used,
    model_rpm_limit: metadata['model_rpm_limit'] ?? null,
    model_tpm_limit: metadata['model_tpm_limit'] ?? null,
    tags: metadata['tags'] ?? null,
    model_spend: {},
    users: null,
    object_permission: row.object_permission === null ? null : objectIn(row.object_permission),
    object_permission_id: null,
    litellm_budget_table: budget
      ? { budget_id: budget.budget_id, ...limitsView(budget), budget_reset_at: used.budget_reset_at }
      : null,
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
    created_by: row.created_by,
    updated_by: row.updated_by,
  };
}

/** The columns that a request sets but the limits, which stand in a budget of their own. */
export function organizationColumns(fields: OrganizationFields, metadata: Bag): Partial<OrganizationRow> {
  const bag = bagAfter(fields, ORGANIZATION_METADATA_FIELDS, metadata);
  return {
    ...sentColumns<OrganizationRow>(fields, {
      plain: ['organization_alias'],
      json: ['models', 'object_permission'],
      flags: ['blocked'],
    }),
    ...(bag !== undefined && { metadata: JSON.stringify(bag) }),
  };
}

export const budgetOf = async (
  db: Database,
  { budget_id }: { readonly budget_id: string | null },
): Promise<BudgetRow | undefined> => (budget_id === null ? undefined : await budgets.find(db, budget_id, EVERYTHING));

/** Views of several, with what they have spent. */
export async function organizationViews(context: SpendContext, rows: readonly OrganizationRow[]): Promise<View[]> {
  const ids = rows.flatMap(({ budget_id }) => budget_id ?? []);
  const found = await budgets.findMany(context.db, ids, EVERYTHING);
  const byId = new Map(found.map((budget) => [budget.budget_id, budget]));
  const budget = (row: OrganizationRow): BudgetRow | undefined => byId.get(row.budget_id ?? '');
  const spent = await spentBy(
    context,
    'organization',
    rows.map((row) => ({
      id: row.organization_id,
      budgetDuration: effectiveLimits(row, budget(row)).budget_duration,
      spendSet: spendSetOf(row),
    })),
  );
  return rows.map((row) => organizationView(row, budget(row), spent(row.organization_id)));
}

/** The same with everybody and every team in them. */
export async function wholeOrganizations(context: SpendContext, rows: readonly OrganizationRow[]): Promise<View[]> {
  const views = await organizationViews(context, rows);
  const whole: View[] = [];
  for (const [index, row] of rows.entries()) {
    const id = row.organization_id;
    const members = await membersOfOrganization(context.db, id);
    const within = await teams.list(context.db, {
      visibility: EVERYTHING,
      where: [{ column: 'organization_id', is: id }],
      limit: MOST_TEAMS,
    });
    whole.push({
      ...views[index],
      members: await organizationMemberViews(context, members),
      teams: await teamViews(context, within.rows),
    });
  }
  return whole;
}

/** The same with what they have spent with keys of the organization. */
export async function organizationMemberViews(
  context: SpendContext,
  rows: readonly NamedOrganizationMember[],
): Promise<View[]> {
  const idOf = (row: NamedOrganizationMember): string => joined(row.organization_id, row.user_id);
  const spenders = rows.map((row) => spenderOf(idOf(row), row, undefined));
  const spent = await spentBy(context, 'organization_member', spenders);
  return rows.map((row) => {
    const { spend, total_spend } = spent(idOf(row));
    return { ...organizationMemberView(row), spend, total_spend };
  });
}

export function organizationMemberView(row: NamedOrganizationMember): View {
  const limits = limitsView(row);
  return {
    organization_id: row.organization_id,
    user_id: row.user_id,
    user_email: row.user_email,
    user_role: row.user_role,
    user: { user_id: row.user_id, user_email: row.user_email },
    budget_id: row.budget_id,
    max_budget_in_organization: limits['max_budget'],
    litellm_budget_table: limits['max_budget'] === null ? null : limits,
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
  };
}

export const memberLimits = (maxBudget: number | null | undefined): ReturnType<typeof limitColumns> =>
  limitColumns(maxBudget === undefined ? {} : { max_budget: maxBudget });
