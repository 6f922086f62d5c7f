/** A stored team and its members ⇄ LiteLLM's field names (its documentation of team management). */
import { aliasesIn, objectIn, textsIn } from '../auth/json-columns.ts';
import { type BudgetRow, budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import { membersOfTeams, type NamedMember } from '../db/team-members.ts';
import type { TeamRow } from '../db/teams.ts';
import { joined } from '../db/usage-scopes.ts';
import { EVERYTHING } from '../db/visibility.ts';
import type { AdminContext } from './context.ts';
import { iso, limitColumns, limitsView } from './limit-columns.ts';
import { type Bag, bagAfter } from './metadata.ts';
import { sentColumns } from './sent-columns.ts';
import { type Spent, spendSetOf, spentBy } from './spent.ts';
import { memberPermissions } from './team-permissions.ts';
import { TEAM_METADATA_FIELDS, type TeamFields } from './team-schema.ts';

export type View = Record<string, unknown>;
type SpendContext = Pick<AdminContext, 'db' | 'ledger' | 'settings' | 'now'>;

/** What of a team is stored in its own row; what it has spent and who is in it come beside. */
export function teamView(row: TeamRow, members: readonly NamedMember[], spent?: Spent): View {
  const metadata = objectIn(row.metadata);
  return {
    team_id: row.team_id,
    team_alias: row.team_alias,
    organization_id: row.organization_id,
    blocked: Number(row.blocked) === 1,
    admins: members.filter(({ role }) => role === 'admin').map(({ user_id }) => user_id),
    members: members.map(({ user_id }) => user_id),
    members_with_roles: members.map(({ user_id, user_email, role }) => ({ user_id, user_email, role })),
    models: textsIn(row.models),
    model_aliases: aliasesIn(row.model_aliases),
    litellm_model_table: row.model_aliases === null ? null : { model_aliases: aliasesIn(row.model_aliases) },
    metadata,
    ...limitsView(row),
    ...(spent ?? { spend: 0, total_spend: 0, budget_reset_at: null }),
    model_spend: {},
    model_id: null,
    ...Object.fromEntries(SHOWN_BESIDE.map((field) => [field, metadata[field] ?? null])),
    policies: textsIn(row.policies),
    router_settings: objectIn(row.router_settings),
    access_group_ids: textsIn(row.access_group_ids),
    object_permission: row.object_permission === null ? null : objectIn(row.object_permission),
    object_permission_id: null,
    allow_team_guardrail_config: Number(row.allow_team_guardrail_config) === 1,
    team_member_permissions: memberPermissions(row),
    default_team_member_models: textsIn(row.default_team_member_models),
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
    created_by: row.created_by,
    updated_by: row.updated_by,
  };
}

/** What is kept in the metadata and shown beside it too, where people look for it. */
const SHOWN_BESIDE = TEAM_METADATA_FIELDS.filter((field) => field !== 'disable_global_guardrails');

const JSON_FIELDS = [
  'models',
  'model_aliases',
  'policies',
  'object_permission',
  'router_settings',
  'access_group_ids',
  'team_member_permissions',
  'default_team_member_models',
] as const satisfies (keyof TeamFields & keyof TeamRow)[];

/** The columns that a request sets: only fields that were sent, an explicit `null` clears. */
export function teamColumns(fields: TeamFields, metadata: Bag): Partial<TeamRow> {
  const bag = bagAfter(fields, TEAM_METADATA_FIELDS, metadata);
  return {
    ...limitColumns(fields),
    ...sentColumns<TeamRow>(fields, {
      plain: ['team_alias', 'organization_id'],
      json: JSON_FIELDS,
      flags: ['blocked', 'allow_team_guardrail_config'],
    }),
    ...(bag !== undefined && { metadata: JSON.stringify(bag) }),
  };
}

/** Views of several teams, with their members and spend. */
export async function teamViews(context: SpendContext, rows: readonly TeamRow[]): Promise<View[]> {
  const ids = rows.map(({ team_id }) => team_id);
  const members = Map.groupBy(await membersOfTeams(context.db, ids), ({ team_id }) => team_id);
  const spent = await spentBy(
    context,
    'team',
    rows.map((row) => ({ id: row.team_id, budgetDuration: row.budget_duration, spendSet: spendSetOf(row) })),
  );
  return rows.map((row) => teamView(row, members.get(row.team_id) ?? [], spent(row.team_id)));
}

export const memberBudgetId = (team: TeamRow): string | null => {
  const id = objectIn(team.metadata)['team_member_budget_id'];
  return typeof id === 'string' ? id : null;
};

/** The budget that members of a team have who have none of their own. */
export async function memberBudgetOf(db: Database, team: TeamRow): Promise<BudgetRow | undefined> {
  const id = memberBudgetId(team);
  return id === null ? undefined : await budgets.find(db, id, EVERYTHING);
}

/** A membership without what it has spent, as the audit keeps it. */
export function memberView(row: NamedMember): View {
  return {
    user_id: row.user_id,
    team_id: row.team_id,
    user_email: row.user_email,
    role: row.role,
    budget_id: row.budget_id,
    allowed_models: textsIn(row.allowed_models),
    ...limitsView(row),
  };
}

/** Memberships with spend and the budget that holds for them: their own, value by value over the team's. */
export async function membershipViews(
  context: SpendContext,
  team: TeamRow,
  members: readonly NamedMember[],
): Promise<View[]> {
  const shared = await memberBudgetOf(context.db, team);
  const hasOwn = (member: NamedMember): boolean => member.max_budget_nano_usd !== null;
  const durationOf = (member: NamedMember): string | null =>
    (hasOwn(member) ? member : shared)?.budget_duration ?? member.budget_duration;
  const spent = await spentBy(
    context,
    'team_member',
    members.map((member) => ({
      id: joined(member.team_id, member.user_id),
      budgetDuration: durationOf(member),
      spendSet: spendSetOf(member),
    })),
  );
  return members.map((member) => {
    const used = spent(joined(member.team_id, member.user_id));
    const own = limitsView(member);
    const from = shared && limitsView(shared);
    const effective = Object.fromEntries(
      Object.entries(own).map(([field, value]) => [field, isSet(value) ? value : (from?.[field] ?? value)]),
    );
    return {
      user_id: member.user_id,
      team_id: member.team_id,
      user_email: member.user_email,
      role: member.role,
      budget_id: member.budget_id ?? (hasOwn(member) ? null : (shared?.budget_id ?? null)),
      budget_source: hasOwn(member) ? 'custom' : shared === undefined ? 'none' : 'team_default',
      spend: used.spend,
      total_spend: used.total_spend,
      litellm_budget_table: {
        ...effective,
        budget_duration: durationOf(member),
        budget_reset_at: used.budget_reset_at,
        allowed_models: textsIn(member.allowed_models),
      },
    };
  });
}

const isSet = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value !== null;
