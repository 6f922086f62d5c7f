/** A stored key ⇄ LiteLLM's field names (its documentation of key management). The secret itself is in neither. */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import type { BudgetRow } from '../db/budgets.ts';
import type { KeyRow } from '../db/keys.ts';
import { endOfDuration } from '../lib/duration.ts';
import { usdNumber } from '../lib/usd.ts';
import { type KeyFields, METADATA_FIELDS } from './key-schema.ts';
import { iso, limitColumns, limitsView, nanoUsd } from './limit-columns.ts';
import { type Bag, bagAfter } from './metadata.ts';

/** Every field, `null` when it is not set. What it has spent and the budget it refers to come beside. */
export function keyView(row: KeyRow, spendNanoUsd = 0): Record<string, unknown> {
  return {
    key_name: row.key_name,
    key_alias: row.key_alias,
    spend: usdNumber(spendNanoUsd),
    total_spend: usdNumber(spendNanoUsd),
    expires: iso(row.expires_at_ms),
    models: textsIn(row.models),
    aliases: objectIn(row.aliases),
    config: objectIn(row.config),
    router_settings: objectIn(row.router_settings),
    permissions: objectIn(row.permissions),
    metadata: objectIn(row.metadata),
    user_id: row.user_id,
    team_id: row.team_id,
    organization_id: row.organization_id,
    project_id: row.project_id,
    agent_id: row.agent_id,
    budget_id: row.budget_id,
    blocked: isSet(row.blocked),
    ...limitsView(row),
    model_spend: {},
    soft_budget_cooldown: false,
    budget_reset_at: null,
    budget_fallbacks: objectIn(row.budget_fallbacks),
    allowed_routes: textsIn(row.allowed_routes),
    allowed_cache_controls: textsIn(row.allowed_cache_controls),
    key_type: row.key_type,
    policies: textsIn(row.policies),
    access_group_ids: textsIn(row.access_group_ids),
    ...movedFields(objectIn(row.metadata)),
    auto_rotate: isSet(row.auto_rotate),
    rotation_interval: row.rotation_interval,
    rotation_count: Number(row.rotation_count ?? 0),
    last_rotation_at: iso(row.last_rotation_at_ms),
    key_rotation_at: iso(row.key_rotation_at_ms),
    last_active: iso(row.last_active_at_ms),
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
    settings_updated_at: iso(row.updated_at_ms),
    created_by: row.created_by,
    updated_by: row.updated_by,
    litellm_budget_table: null,
    object_permission_id: null,
    object_permission: row.object_permission === null ? null : objectIn(row.object_permission),
  };
}

/** What LiteLLM keeps in the metadata is shown beside it too, where people look for it. */
const movedFields = (metadata: Bag): Record<string, unknown> =>
  Object.fromEntries(METADATA_FIELDS.map((field) => [field, metadata[field] ?? null]));

const isSet = (flag: number | null): boolean => Number(flag) === 1;

/** The budget that a key refers to. */
export const budgetTable = (row: BudgetRow): Record<string, unknown> => ({
  budget_id: row.budget_id,
  ...limitsView(row),
  created_at: iso(row.created_at_ms),
  updated_at: iso(row.updated_at_ms),
});

/** @param nowMs epoch milliseconds */
export function statusOf(row: KeyRow, nowMs: number): 'active' | 'expired' | 'revoked' {
  if (isSet(row.blocked)) return 'revoked';
  return row.expires_at_ms !== null && Number(row.expires_at_ms) <= nowMs ? 'expired' : 'active';
}

const ROUTES_OF_TYPE = {
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
} as const;

/** Stored as they are sent. */
const PLAIN_FIELDS = [
  'key_alias',
  'user_id',
  'team_id',
  'organization_id',
  'project_id',
  'agent_id',
  'budget_id',
  'key_type',
  'rotation_interval',
] as const satisfies (keyof KeyFields & keyof KeyRow)[];
const JSON_FIELDS = [
  'models',
  'aliases',
  'config',
  'permissions',
  'allowed_routes',
  'allowed_cache_controls',
  'router_settings',
  'access_group_ids',
  'policies',
  'object_permission',
  'budget_fallbacks',
] as const satisfies (keyof KeyFields & keyof KeyRow)[];

/**
 * The columns that a request sets: only fields that were sent, an explicit `null` clears.
 * @param metadata what the key's metadata is now
 */
export function columnsOf(fields: KeyFields, metadata: Bag, nowMs: number): Partial<KeyRow> {
  const bag = bagAfter(fields, METADATA_FIELDS, metadata);
  return {
    ...limitColumns(fields),
    ...sentColumns(fields),
    ...routesOfType(fields),
    ...(fields.blocked !== undefined && { blocked: fields.blocked ? 1 : 0 }),
    ...(fields.auto_rotate !== undefined && { auto_rotate: fields.auto_rotate ? 1 : 0 }),
    ...(fields.spend !== undefined && spendColumns(fields.spend, nowMs)),
    ...(fields.duration !== undefined && { expires_at_ms: expiryOf(fields.duration, nowMs) }),
    ...(bag !== undefined && { metadata: JSON.stringify(bag) }),
  };
}

/** When the key is due: counted from when that was said, or from its latest new secret. */
export function withRotationDate(row: KeyRow, before: KeyRow | undefined, nowMs: number): KeyRow {
  const { auto_rotate, rotation_interval } = row;
  if (Number(auto_rotate) !== 1 || rotation_interval === null) return { ...row, key_rotation_at_ms: null };
  const isSame =
    before !== undefined && Number(before.auto_rotate) === 1 && before.rotation_interval === rotation_interval;
  if (isSame && before.token === row.token && before.key_rotation_at_ms !== null) return row;
  return { ...row, key_rotation_at_ms: Math.round(endOfDuration(rotation_interval, nowMs) ?? nowMs) };
}

/** It was this much now; what comes later is added. `null`: what the log says. */
export const spendColumns = (dollars: number | null, nowMs: number): Partial<KeyRow> => ({
  spend_set_nano_usd: nanoUsd(dollars),
  spend_set_at_ms: dollars === null ? null : nowMs,
});

function sentColumns(fields: KeyFields): Partial<KeyRow> {
  const columns: Partial<KeyRow> = {};
  for (const name of PLAIN_FIELDS) if (fields[name] !== undefined) Object.assign(columns, { [name]: fields[name] });
  for (const name of JSON_FIELDS) {
    const value = fields[name] ?? null;
    if (fields[name] !== undefined) columns[name] = value === null ? null : JSON.stringify(value);
  }
  return columns;
}

/** A key's type is a short way to write its routes; routes that were sent win. */
function routesOfType({ key_type, allowed_routes }: KeyFields): Partial<KeyRow> {
  if (key_type === undefined || allowed_routes !== undefined) return {};
  if (key_type === null || key_type === 'default') return { allowed_routes: null };
  return { allowed_routes: JSON.stringify(ROUTES_OF_TYPE[key_type]) };
}

/** The schema has let through only what can be read. */
export function expiryOf(duration: string | null, nowMs: number): number | null {
  if (duration === null || duration === '-1') return null;
  return Math.round(endOfDuration(duration, nowMs) ?? nowMs);
}
