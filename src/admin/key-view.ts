/** A stored key ⇄ LiteLLM's field names (its documentation of key management). The secret itself is in neither. */
import { objectIn, textsIn } from '../auth/loaded-key.ts';
import type { KeyRow } from '../db/keys.ts';
import { endOfDuration } from '../lib/duration.ts';
import { usdNumber } from '../lib/usd.ts';
import { type KeyFields, METADATA_FIELDS } from './key-schema.ts';

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(Number(ms)).toISOString());
const usd = (nano: number | null): number | null => usdNumber(nano === null ? null : Number(nano));
const whole = (value: number | null): number | null => (value === null ? null : Number(value));
const list = (json: string | null): unknown[] => {
  const value: unknown = json === null ? [] : JSON.parse(json);
  return Array.isArray(value) ? value : [];
};

/** Every field, `null` when it is not set. */
export function keyView(row: KeyRow, spendNanoUsd: number): Record<string, unknown> {
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
    blocked: Number(row.blocked) === 1,
    max_budget: usd(row.max_budget_nano_usd),
    soft_budget: usd(row.soft_budget_nano_usd),
    budget_duration: row.budget_duration,
    budget_reset_at: iso(row.budget_reset_at_ms),
    budget_limits: list(row.budget_limits),
    model_max_budget: objectIn(row.model_max_budget),
    max_parallel_requests: whole(row.max_parallel_requests),
    tpm_limit: whole(row.tpm_limit),
    rpm_limit: whole(row.rpm_limit),
    tpd_limit: whole(row.tpd_limit),
    allowed_routes: textsIn(row.allowed_routes),
    allowed_cache_controls: textsIn(row.allowed_cache_controls),
    key_type: row.key_type,
    policies: textsIn(row.policies),
    access_group_ids: textsIn(row.access_group_ids),
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
    created_by: row.created_by,
    updated_by: row.updated_by,
    litellm_budget_table: null,
    object_permission: null,
  };
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
  'budget_duration',
  'key_type',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpd_limit',
] as const satisfies (keyof KeyFields & keyof KeyRow)[];
const JSON_FIELDS = [
  'models',
  'aliases',
  'config',
  'permissions',
  'allowed_routes',
  'allowed_cache_controls',
  'model_max_budget',
  'budget_limits',
  'router_settings',
  'access_group_ids',
  'policies',
] as const;

/**
 * The columns that a request sets: only fields that were sent, an explicit `null` clears.
 * @param metadata what the key's metadata is now
 */
export function columnsOf(
  fields: KeyFields,
  metadata: Readonly<Record<string, unknown>>,
  nowMs: number,
): Partial<KeyRow> {
  const bag = metadataOf(fields, metadata);
  return {
    ...sentColumns(fields),
    ...routesOfType(fields),
    ...(fields.blocked !== undefined && { blocked: fields.blocked ? 1 : 0 }),
    ...(fields.max_budget !== undefined && { max_budget_nano_usd: nano(fields.max_budget) }),
    ...(fields.soft_budget !== undefined && { soft_budget_nano_usd: nano(fields.soft_budget) }),
    ...(fields.duration !== undefined && { expires_at_ms: expiryOf(fields.duration, nowMs) }),
    ...(bag !== undefined && { metadata: JSON.stringify(bag) }),
  };
}

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

const nano = (dollars: number | null): number | null => (dollars === null ? null : Math.round(dollars * 1e9));

/** The schema has let through only what can be read. */
function expiryOf(duration: string | null, nowMs: number): number | null {
  if (duration === null || duration === '-1') return null;
  return Math.round(endOfDuration(duration, nowMs) ?? nowMs);
}

function metadataOf(fields: KeyFields, now: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const moved = METADATA_FIELDS.filter((name) => fields[name] !== undefined);
  if (fields.metadata === undefined && moved.length === 0) return undefined;
  const bag: Record<string, unknown> = { ...(fields.metadata === undefined ? now : fields.metadata) };
  for (const name of moved) {
    if (fields[name] === null) delete bag[name];
    else bag[name] = fields[name];
  }
  return bag;
}
