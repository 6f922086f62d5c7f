/**
 * What the configuration says of keys: values for what a request leaves out, caps, and who may make which. Source:
 * LiteLLM's documentation of `default_key_generate_params`, `upperbound_key_generate_params` and `key_generation_settings`.
 */
import type { Access } from '../auth/principal.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { endOfDuration } from '../lib/duration.ts';
import { accept } from './body.ts';
import type { KeyMakers, KeySettings } from './context.ts';
import { type GenerateFields, generateBody, type KeyFields } from './key-schema.ts';

const TIMES: ReadonlySet<string> = new Set(['duration', 'budget_duration']);

/** Defaults first, then caps for what is still open. */
export function withDefaults(fields: GenerateFields, { defaults, caps }: KeySettings): GenerateFields {
  const filled: Record<string, unknown> = { ...fields };
  const type = fields.key_type == null && fields.allowed_routes == null;
  for (const [field, value] of Object.entries(defaults)) {
    const isRoute = field === 'key_type' || field === 'allowed_routes';
    if (filled[field] == null && (type || !isRoute)) filled[field] = value;
  }
  for (const [field, value] of Object.entries(caps)) filled[field] ??= value;
  return withinCaps(accept(filled, generateBody), caps);
}

/**
 * An explicit `null` lifts a limit only as far as the cap.
 * @throws GatewayError 400 that names the field
 */
export function withinCaps<Fields extends KeyFields>(fields: Fields, caps: KeySettings['caps']): Fields {
  const within: Record<string, unknown> = { ...fields };
  for (const [field, most] of Object.entries(caps)) {
    const given = within[field];
    if (given === undefined) continue;
    if (given === null) within[field] = most;
    else if (sizeOf(field, given) > sizeOf(field, most)) {
      throw invalidRequest(`${field} is over max limit set in config - user_value=${given}; max_value=${most}`, field);
    }
  }
  // Every value is the one that was there, or one that the configuration's own check has read.
  return within as Fields;
}

function sizeOf(field: string, value: unknown): number {
  if (!TIMES.has(field)) return Number(value);
  if (value === '-1') return Number.POSITIVE_INFINITY;
  return endOfDuration(String(value), 0) ?? Number.POSITIVE_INFINITY;
}

/**
 * Admins of the platform make any key.
 * @throws GatewayError 403 for a role that may not, 400 for a field that is missing
 */
export function refuseMaker(fields: KeyFields, access: Access, settings: KeySettings): void {
  if (access.isUnlimited) return;
  const { memberships, caller } = access.principal;
  if (fields.team_id == null) {
    refuse(fields, caller.user?.role ?? 'internal_user', settings.personalKeys);
    return;
  }
  refuse(fields, memberships.teams.get(fields.team_id), settings.teamKeys);
}

/** @param role `undefined`: somebody above the team */
function refuse(fields: KeyFields, role: string | undefined, { roles, requiredFields }: KeyMakers): void {
  if (role !== undefined && roles !== null && !roles.includes(role)) {
    throw new GatewayError(
      'permission_denied',
      `The role "${role}" may not make such keys; key_generation_settings allow ${roles.join(', ') || 'nobody'}.`,
    );
  }
  const missing = requiredFields.find((field) => Reflect.get(fields, field) == null);
  if (missing === undefined) return;
  throw invalidRequest(`'${missing}' must be set: key_generation_settings require it of such keys.`, missing);
}
