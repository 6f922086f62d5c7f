/** Rows of every table behind a key, of which a test says only what matters to it. */
import { type AccessGroupRow, EMPTY_ACCESS_GROUP } from '../../src/db/access-groups.ts';
import { type BudgetRow, EMPTY_BUDGET } from '../../src/db/budgets.ts';
import { type CredentialRow, EMPTY_CREDENTIAL } from '../../src/db/credentials.ts';
import { type CustomerRow, EMPTY_CUSTOMER } from '../../src/db/customers.ts';
import { EMPTY_KEY, type KeyRow } from '../../src/db/keys.ts';
import { EMPTY_MODEL, type ModelRow } from '../../src/db/models.ts';
import { EMPTY_ORGANIZATION_MEMBER, type OrganizationMemberRow } from '../../src/db/organization-members.ts';
import { EMPTY_ORGANIZATION, type OrganizationRow } from '../../src/db/organizations.ts';
import { EMPTY_PROJECT, type ProjectRow } from '../../src/db/projects.ts';
import { EMPTY_TAG, type TagRow } from '../../src/db/tags.ts';
import { EMPTY_TEAM_MEMBER, type TeamMemberRow } from '../../src/db/team-members.ts';
import { EMPTY_TEAM, type TeamRow } from '../../src/db/teams.ts';
import { EMPTY_USER, type UserRow } from '../../src/db/users.ts';

const STAMPS = { created_at_ms: 1, updated_at_ms: 1 };

export const keyRow = (token: string, over: Partial<KeyRow> = {}): KeyRow => ({
  ...EMPTY_KEY,
  ...STAMPS,
  key_name: null,
  token,
  ...over,
});

export const teamRow = (team_id: string, over: Partial<TeamRow> = {}): TeamRow => ({
  ...EMPTY_TEAM,
  ...STAMPS,
  team_id,
  ...over,
});

export const memberRow = (team_id: string, user_id: string, over: Partial<TeamMemberRow> = {}): TeamMemberRow => ({
  ...EMPTY_TEAM_MEMBER,
  ...STAMPS,
  role: 'user',
  team_id,
  user_id,
  ...over,
});

export const userRow = (user_id: string, over: Partial<UserRow> = {}): UserRow => ({
  ...EMPTY_USER,
  ...STAMPS,
  user_id,
  ...over,
});

export const organizationRow = (organization_id: string, over: Partial<OrganizationRow> = {}): OrganizationRow => ({
  ...EMPTY_ORGANIZATION,
  ...STAMPS,
  organization_id,
  ...over,
});

export const organizationMemberRow = (
  organization_id: string,
  user_id: string,
  over: Partial<OrganizationMemberRow> = {},
): OrganizationMemberRow => ({ ...EMPTY_ORGANIZATION_MEMBER, ...STAMPS, organization_id, user_id, ...over });

export const projectRow = (project_id: string, over: Partial<ProjectRow> = {}): ProjectRow => ({
  ...EMPTY_PROJECT,
  ...STAMPS,
  project_id,
  ...over,
});

export const customerRow = (user_id: string, over: Partial<CustomerRow> = {}): CustomerRow => ({
  ...EMPTY_CUSTOMER,
  ...STAMPS,
  user_id,
  ...over,
});

export const budgetRow = (budget_id: string, over: Partial<BudgetRow> = {}): BudgetRow => ({
  ...EMPTY_BUDGET,
  ...STAMPS,
  budget_id,
  ...over,
});

export const tagRow = (tag_name: string, over: Partial<TagRow> = {}): TagRow => ({
  ...EMPTY_TAG,
  ...STAMPS,
  tag_name,
  ...over,
});

export const accessGroupRow = (access_group_id: string, over: Partial<AccessGroupRow> = {}): AccessGroupRow => ({
  ...EMPTY_ACCESS_GROUP,
  ...STAMPS,
  access_group_name: access_group_id,
  access_group_id,
  ...over,
});

export const modelRow = (model_id: string, over: Partial<ModelRow> = {}): ModelRow => ({
  ...EMPTY_MODEL,
  ...STAMPS,
  model_name: 'm',
  litellm_params: '{}',
  model_id,
  ...over,
});

export const credentialRow = (credential_id: string, over: Partial<CredentialRow> = {}): CredentialRow => ({
  ...EMPTY_CREDENTIAL,
  ...STAMPS,
  credential_name: credential_id,
  credential_values: '{}',
  credential_id,
  ...over,
});
