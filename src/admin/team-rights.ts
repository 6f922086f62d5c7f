/** Who may change what of a team. Source: the roles of LiteLLM's documentation; nobody grants what they lack. */
import { objectIn, textsIn } from '../auth/json-columns.ts';
import type { Access } from '../auth/principal.ts';
import { budgets } from '../db/budgets.ts';
import type { Database } from '../db/client.ts';
import type { OwnLimits } from '../db/entity-tables.ts';
import { type OrganizationRow, organizations } from '../db/organizations.ts';
import type { TeamRow } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { type Ceiling, type Grant, refuseAbove, refuseRaise } from './ceiling.ts';
import { limitsView } from './limit-columns.ts';
import { guarded, type Standing } from './metadata.ts';
import { isSame } from './same-value.ts';
import type { TeamFields } from './team-schema.ts';
import { teamView } from './team-view.ts';

export function standingOver(access: Access, organizationId: string | null): Exclude<Standing, 'self'> {
  if (access.isUnlimited) return 'platform';
  return organizationId !== null && access.covers({ organizationId }) ? 'organization' : 'team';
}

/** Only the platform's admins say these. */
const PLATFORM_FIELDS = [
  'disable_global_guardrails',
  'guardrails',
  'policies',
  'object_permission',
  'router_settings',
  'access_group_ids',
  'allow_team_guardrail_config',
] as const satisfies (keyof TeamFields)[];

/** An alias may stand for a model that is not in the team's list, so it is given from above like the list itself. */
const ORGANIZATION_FIELDS = [
  'blocked',
  'model_aliases',
  'model_rpm_limit',
  'model_tpm_limit',
  'tags',
] as const satisfies (keyof TeamFields)[];

/**
 * Fields and metadata that somebody may not change, and limits that they may not raise.
 * @param row the team as it is; an empty one for a new team
 * @throws GatewayError 403 that names the field
 */
export function refuseUnduly(fields: TeamFields, row: TeamRow, standing: Exclude<Standing, 'self'>): void {
  if (standing === 'platform') return;
  const now = { disable_global_guardrails: null, ...teamView(row, []) };
  const closed = standing === 'team' ? [...PLATFORM_FIELDS, ...ORGANIZATION_FIELDS] : PLATFORM_FIELDS;
  for (const field of closed) {
    if (fields[field] === undefined || isSame(fields[field], now[field as keyof typeof now])) continue;
    throw new GatewayError('permission_denied', `'${field}' of a team can only be set by an admin of a higher level.`, {
      param: field,
    });
  }
  if (standing === 'team') refuseRaise(fields, row, listedModels(row));
}

/** With access groups an empty list of its own does not mean every model. */
function listedModels(row: TeamRow): readonly string[] {
  const own = textsIn(row.models);
  return own.length === 0 && textsIn(row.access_group_ids).length > 0 ? ['no-default-models'] : own;
}

/** What was sent, with the metadata that may not be touched as it was. */
export function withGuardedMetadata(fields: TeamFields, row: TeamRow, standing: Standing): TeamFields {
  if (fields.metadata === undefined) return fields;
  const before = objectIn(row.metadata);
  const metadata = guarded(fields.metadata ?? {}, before, standing);
  // Replacing the bag must not lift the budget of the team's members.
  const kept = before['team_member_budget_id'];
  return { ...fields, metadata: { ...(kept !== undefined && { team_member_budget_id: kept }), ...metadata } };
}

/** An entity's own limits over those of the budget it refers to, value by value. */
export function effectiveLimits<Row extends OwnLimits>(row: Row, budget: OwnLimits | undefined): Row {
  if (budget === undefined) return row;
  const own = Object.entries(row).filter(([, value]) => value !== null);
  return { ...row, ...budget, ...Object.fromEntries(own) };
}

export async function organizationCeiling(db: Database, row: OrganizationRow): Promise<Ceiling> {
  const budget = row.budget_id === null ? undefined : await budgets.find(db, row.budget_id, EVERYTHING);
  return { whose: 'the organization', limits: effectiveLimits(row, budget), models: textsIn(row.models) };
}

export const teamCeiling = (row: TeamRow): Ceiling => ({
  whose: 'the team',
  limits: row,
  models: textsIn(row.models),
});

/**
 * Holds a team below its organization: what is sent, or all of it when it comes to another organization.
 * @throws GatewayError 404 for an organization that is not there or foreign, 400 that names the field
 */
export async function refuseBeyondOrganization(
  db: Database,
  { fields, row, access }: { readonly fields: TeamFields; readonly row: TeamRow; readonly access: Access },
): Promise<void> {
  const sent = fields.organization_id;
  const organizationId = sent === undefined ? row.organization_id : sent;
  if (organizationId === null) return;
  const isMove = organizationId !== row.organization_id;
  const organization = await organizations.find(db, organizationId, isMove ? access.visibility : EVERYTHING);
  if (organization === undefined) {
    if (isMove) throw unknownOrganization();
    return;
  }
  const now: Grant = isMove ? { ...limitsView(row), models: textsIn(row.models) } : {};
  refuseAbove({ ...now, ...fields }, await organizationCeiling(db, organization));
}

export const unknownOrganization = (): GatewayError =>
  new GatewayError('not_found', 'There is no such organization.', {
    param: 'organization_id',
    type: 'not_found_error',
  });

/** @throws GatewayError 400, or 404 for an organization that the caller does not administer */
export function refuseOutside(access: Access, organizationId: string | null): void {
  if (access.isUnlimited) return;
  if (organizationId === null) {
    throw invalidRequest("Say in 'organization_id' for which of your organizations.", 'organization_id');
  }
  if (!access.covers({ organizationId })) throw unknownOrganization();
}

/** @throws GatewayError 403 for anybody but the platform's admins */
export function refuseMove(fields: TeamFields, row: TeamRow, standing: Standing): void {
  const to = fields.organization_id;
  if (standing === 'platform' || to === undefined || to === row.organization_id) return;
  throw new GatewayError('permission_denied', 'Only an admin of the platform moves a team to another organization.', {
    param: 'organization_id',
  });
}
