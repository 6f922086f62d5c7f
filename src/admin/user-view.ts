/** A stored user ⇄ LiteLLM's field names (its documentation of internal users). The password's hash is in neither. */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import { Access } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import { membershipsOfUser } from '../db/team-members.ts';
import { type UserRow, users } from '../db/users.ts';
import { iso, limitColumns, limitsView } from './limit-columns.ts';
import { type Bag, bagAfter } from './metadata.ts';
import { sentColumns } from './sent-columns.ts';
import type { Spent } from './spent.ts';
import { USER_METADATA_FIELDS, type UserFields } from './user-schema.ts';

/** Every field, `null` when it is not set. What somebody has spent and belongs to comes beside. */
export function userView(row: UserRow, spent?: Spent): Record<string, unknown> {
  const metadata = objectIn(row.metadata);
  return {
    user_id: row.user_id,
    user_email: row.user_email,
    user_alias: row.user_alias,
    user_role: row.user_role,
    sso_user_id: row.sso_user_id,
    organization_id: row.organization_id,
    blocked: Number(row.blocked) === 1,
    models: textsIn(row.models),
    metadata,
    ...limitsView(row),
    ...(spent ?? { spend: 0, total_spend: 0, budget_reset_at: null }),
    model_spend: {},
    model_rpm_limit: metadata['model_rpm_limit'] ?? null,
    model_tpm_limit: metadata['model_tpm_limit'] ?? null,
    guardrails: metadata['guardrails'] ?? null,
    policies: textsIn(row.policies),
    allowed_cache_controls: textsIn(row.allowed_cache_controls),
    object_permission: row.object_permission === null ? null : objectIn(row.object_permission),
    object_permission_id: null,
    team_id: null,
    organization_memberships: null,
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
    created_by: row.created_by,
    updated_by: row.updated_by,
  };
}

/** With the teams that each is in. */
export async function userViews(db: Database, rows: readonly UserRow[]): Promise<Record<string, unknown>[]> {
  const views: Record<string, unknown>[] = [];
  for (const row of rows) {
    const memberships = await membershipsOfUser(db, row.user_id);
    views.push({ ...userView(row), teams: memberships.map(({ team_id }) => team_id) });
  }
  return views;
}

/** Of people who are taken in from elsewhere: whom they are, and nothing of what they have there. */
const NAMES: readonly string[] = ['user_id', 'user_email', 'user_alias'];

/** As `userViews`; of whom the caller may not see only the names. */
export async function userViewsFor(
  db: Database,
  rows: readonly UserRow[],
  { principal }: Access,
): Promise<Record<string, unknown>[]> {
  const { visibility } = new Access(principal, 'users.read');
  const ids = rows.map(({ user_id }) => user_id);
  const visible = new Set((await users.findMany(db, ids, visibility)).map(({ user_id }) => user_id));
  const views = await userViews(db, rows);
  return views.map((view, at) => {
    const isSeen = visible.has(ids[at] ?? '');
    return isSeen
      ? view
      : Object.fromEntries(Object.entries(view).map(([field, value]) => [field, NAMES.includes(field) ? value : null]));
  });
}

/** The columns that a request sets: only fields that were sent, an explicit `null` clears. The password is not among them. */
export function userColumns(fields: UserFields, metadata: Bag): Partial<UserRow> {
  const bag = bagAfter(fields, USER_METADATA_FIELDS, metadata);
  return {
    ...limitColumns(fields),
    ...sentColumns<UserRow>(fields, {
      plain: ['user_email', 'user_alias', 'user_role', 'sso_user_id', 'organization_id'],
      json: ['models', 'policies', 'allowed_cache_controls', 'object_permission'],
      flags: ['blocked'],
    }),
    ...(bag !== undefined && { metadata: JSON.stringify(bag) }),
  };
}
