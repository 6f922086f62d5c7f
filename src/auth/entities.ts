/** Stored teams, users and the like → what the request path needs of them. */
import type { CustomerRow } from '../db/customers.ts';
import { NO_LIMITS } from '../db/no-limits.ts';
import type { OrganizationMemberRow } from '../db/organization-members.ts';
import type { OrganizationRow } from '../db/organizations.ts';
import type { ProjectRow } from '../db/projects.ts';
import type { TagRow } from '../db/tags.ts';
import type { TeamMemberRow } from '../db/team-members.ts';
import type { TeamRow } from '../db/teams.ts';
import { joined } from '../db/usage-scopes.ts';
import type { UserRow } from '../db/users.ts';
import {
  type EndUser,
  type Organization,
  type OrganizationMember,
  type Project,
  type Tag,
  type Team,
  type TeamMember,
  UNLIMITED,
  type User,
  type UserRole,
} from '../gateway/entities.ts';
import { allowanceOf, memberAllowanceOf, type Budget as SharedBudget } from './allowance.ts';
import { aliasesIn, objectIn, textsIn } from './json-columns.ts';

export { allowanceOf, allowanceOfKey, memberAllowanceOf } from './allowance.ts';

/** The budget that a row refers to; `undefined`: none, or one that is not there. */
export type Budget = SharedBudget | undefined;

/** @param memberBudget that of `team_member_budget_id` in the team's metadata */
export function teamOf(row: TeamRow, budget: Budget, memberBudget: Budget): Team {
  const metadata = objectIn(row.metadata);
  const memberAllowance = memberAllowanceOf(metadata, memberBudget);
  const allowance = allowanceOf(row, budget, metadata);
  return {
    kind: 'team',
    id: row.team_id,
    name: row.team_alias,
    blocked: isSet(row.blocked),
    models: textsIn(row.models),
    metadata,
    allowance,
    organizationId: row.organization_id,
    aliases: aliasesIn(row.model_aliases),
    // Members belong to the team that is, not to the one that was.
    memberAllowance: memberAllowance && { ...memberAllowance, countsFromMs: allowance.countsFromMs ?? null },
  };
}

export function teamMemberOf(row: TeamMemberRow, budget: Budget): TeamMember {
  return {
    kind: 'team_member',
    id: joined(row.team_id, row.user_id),
    name: null,
    blocked: false,
    models: textsIn(row.allowed_models),
    metadata: {},
    allowance: allowanceOf(row, budget, {}),
    role: row.role === 'admin' ? 'admin' : 'user',
  };
}

const USER_ROLES: readonly string[] = [
  ...(['proxy_admin', 'proxy_admin_viewer', 'org_admin', 'internal_user'] as const),
  ...(['internal_user_viewer', 'team', 'customer'] as const),
] satisfies UserRole[];

export const isUserRole = (value: unknown): value is UserRole =>
  typeof value === 'string' && USER_ROLES.includes(value);

/** Whoever an identity provider has switched off (`metadata.scim_active`) counts as blocked. */
export function userOf(row: UserRow, budget: Budget): User {
  const metadata = objectIn(row.metadata);
  return {
    kind: 'user',
    id: row.user_id,
    name: row.user_alias ?? row.user_email,
    blocked: isSet(row.blocked) || metadata['scim_active'] === false,
    models: textsIn(row.models),
    metadata,
    allowance: allowanceOf(row, budget, metadata),
    role: isUserRole(row.user_role) ? row.user_role : null,
  };
}

export function organizationOf(row: OrganizationRow, budget: Budget): Organization {
  const metadata = objectIn(row.metadata);
  return {
    kind: 'organization',
    id: row.organization_id,
    name: row.organization_alias,
    blocked: isSet(row.blocked),
    models: textsIn(row.models),
    metadata,
    allowance: allowanceOf(row, budget, metadata),
  };
}

export const organizationMemberOf = (row: OrganizationMemberRow, budget: Budget): OrganizationMember => ({
  kind: 'organization_member',
  id: joined(row.organization_id, row.user_id),
  name: null,
  blocked: false,
  models: [],
  metadata: {},
  allowance: allowanceOf(row, budget, {}),
});

/** A project's rates by model stand in columns of their own. */
export function projectOf(row: ProjectRow, budget: Budget): Project {
  const metadata = objectIn(row.metadata);
  const rates = {
    ...(row.model_rpm_limit !== null && { model_rpm_limit: objectIn(row.model_rpm_limit) }),
    ...(row.model_tpm_limit !== null && { model_tpm_limit: objectIn(row.model_tpm_limit) }),
  };
  return {
    kind: 'project',
    id: row.project_id,
    name: row.project_alias,
    blocked: isSet(row.blocked),
    models: textsIn(row.models),
    metadata,
    allowance: allowanceOf(row, budget, { ...metadata, ...rates }),
    teamId: row.team_id,
  };
}

export function endUserOf(row: CustomerRow, budget: Budget): EndUser {
  const metadata = objectIn(row.metadata);
  return {
    kind: 'end_user',
    id: row.user_id,
    name: row.alias,
    blocked: isSet(row.blocked),
    models: textsIn(row.models),
    metadata,
    allowance: allowanceOf(row, budget, metadata),
    ...(row.budget_id === null && { ownAllowance: allowanceOf(row, undefined, metadata) }),
    defaultModel: row.default_model,
    allowedModelRegion: row.allowed_model_region,
  };
}

/** An end user nobody has stored, under the budget that such ones have. */
export const unknownEndUser = (id: string, budget: SharedBudget): EndUser => ({
  kind: 'end_user',
  id,
  name: null,
  blocked: false,
  models: [],
  metadata: {},
  allowance: allowanceOf(NO_LIMITS, budget, {}),
  ownAllowance: UNLIMITED,
  defaultModel: null,
  allowedModelRegion: null,
});

export function tagOf(row: TagRow, budget: Budget): Tag {
  return {
    kind: 'tag',
    id: row.tag_name,
    name: row.tag_name,
    blocked: false,
    models: textsIn(row.models),
    metadata: {},
    allowance: allowanceOf(row, budget, {}),
  };
}

const isSet = (flag: number): boolean => Number(flag) === 1;
