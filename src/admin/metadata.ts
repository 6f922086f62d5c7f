/**
 * Metadata: a bag of anything, in which some names mean something to the gateway. LiteLLM takes several of them as fields
 * of their own and keeps them here (its documentation of teams, users and keys).
 */
import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../errors.ts';

export type Bag = Readonly<Record<string, unknown>>;

/** Whose word a change of metadata is. `organization`: of an organization's admin. */
export type Standing = 'platform' | 'organization' | 'team' | 'self';

/** They loosen what the platform imposes. */
const PLATFORM_NAMES: readonly string[] = [
  'allow_client_message_redaction_opt_out',
  'allow_client_mock_response',
  'allow_client_pricing_override',
  'allowed_teams',
  'callback_settings',
  'disable_fallbacks',
  'disable_global_guardrails',
  'end_user_budget_id',
  'enforced_params',
  'guardrails',
  'litellm_disabled_callbacks',
  'logging',
  'policies',
  'priority',
  'scim_active',
  'service_account_id',
  'temp_budget_expiry',
  'temp_budget_increase',
  'throttle_on_budget_exceeded',
  'team_member_budget_id',
  'team_member_budget',
  'team_member_budget_duration',
  'team_member_rpm_limit',
  'team_member_tpm_limit',
  'team_member_key_duration',
];

/** They limit, or say whose budget is drawn on. */
const LIMIT_NAMES: readonly string[] = [
  'allowed_passthrough_routes',
  'allowed_vector_store_indexes',
  'denied_passthrough_routes',
  'mcp_rpm_limit',
  'model_rpm_limit',
  'model_tpm_limit',
  'require_trace_id',
  'rpm_limit_type',
  'tag_rpm_limit',
  'tags',
  'tpm_limit_type',
];

const RESERVED = '_gw';

/**
 * The bag after a request, or `undefined` when it says nothing of it.
 * @param moved fields that are kept in the bag; an explicit `null` takes one out
 */
export function bagAfter(
  fields: { readonly metadata?: Bag | null | undefined },
  moved: readonly string[],
  before: Bag,
): Bag | undefined {
  const sent = moved.filter((name) => Reflect.get(fields, name) !== undefined);
  if (fields.metadata === undefined && sent.length === 0) return undefined;
  const bag: Record<string, unknown> = { ...(fields.metadata === undefined ? before : fields.metadata) };
  for (const name of sent) {
    const value: unknown = Reflect.get(fields, name);
    if (value === null) delete bag[name];
    else bag[name] = value;
  }
  return bag;
}

/**
 * What somebody may not write stays as it is when they leave it out.
 * @throws GatewayError 403 that names it, when they send something else for it
 */
export function guarded(after: Bag, before: Bag, standing: Standing): Bag {
  const kept: Record<string, unknown> = { ...after };
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (mayWrite(name, standing)) continue;
    if (Object.hasOwn(after, name) && !isDeepStrictEqual(after[name], before[name])) throw refused(name);
    if (Object.hasOwn(before, name)) kept[name] = before[name];
  }
  return kept;
}

function mayWrite(name: string, standing: Standing): boolean {
  if (name.startsWith(RESERVED)) return false;
  if (standing === 'platform') return true;
  if (PLATFORM_NAMES.includes(name)) return false;
  return standing === 'organization' || !LIMIT_NAMES.includes(name);
}

const refused = (name: string): GatewayError =>
  new GatewayError(
    'permission_denied',
    name.startsWith(RESERVED)
      ? `'metadata.${name}' is a name that the gateway keeps for itself. Use another one.`
      : `'metadata.${name}' can only be set by an admin of a higher level. Leave it out, and it stays as it is.`,
    { param: `metadata.${name}` },
  );
