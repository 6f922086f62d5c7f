/** What the organization routes accept. Field names are LiteLLM's (its documentation of organizations). */
import { z } from '@hono/zod-openapi';
import type { Refusals } from './body.ts';
import { id, LIMIT_FIELDS, LONGEST_NAME, MOST_ITEMS, modelRates, money, name, record, texts } from './fields.ts';
import { email } from './team-schema.ts';

const FIELDS = {
  organization_alias: name.nullish(),
  models: texts.nullish(),
  metadata: record.nullish(),
  blocked: z.boolean().nullish(),
  budget_id: id.nullish(),
  ...LIMIT_FIELDS,
  model_rpm_limit: modelRates.nullish(),
  model_tpm_limit: modelRates.nullish(),
  tags: texts.nullish(),
  object_permission: record.nullish(),
} as const;

export const newOrganizationBody = z.strictObject({
  ...FIELDS,
  organization_alias: z.string().min(1).max(LONGEST_NAME),
  organization_id: id.nullish(),
});
export const updateOrganizationBody = z.strictObject({ ...FIELDS, organization_id: id });
export const organizationsDeletedBody = z.strictObject({ organization_ids: z.array(id).min(1).max(MOST_ITEMS) });
export const organizationsBody = z.strictObject({ organizations: z.array(id).min(1).max(MOST_ITEMS) });
export const organizationQuery = z.strictObject({ organization_id: id });
export const organizationListQuery = z.strictObject({
  org_id: id.optional(),
  org_alias: z.string().max(LONGEST_NAME).optional(),
});

const memberRole = z.enum(['org_admin', 'internal_user', 'internal_user_viewer']);
const WHO = { user_id: id.nullish(), user_email: email.nullish() } as const;
const member = z.strictObject({ ...WHO, role: memberRole });

export const addOrganizationMembersBody = z.strictObject({
  organization_id: id,
  member: member.or(z.array(member).min(1).max(MOST_ITEMS)),
  max_budget_in_organization: money.nullish(),
});
export const updateOrganizationMemberBody = z.strictObject({
  organization_id: id,
  ...WHO,
  role: memberRole.nullish(),
  max_budget_in_organization: money.nullish(),
});
export const removeOrganizationMemberBody = z.strictObject({ organization_id: id, ...WHO });

export type OrganizationFields = z.output<z.ZodObject<typeof FIELDS>>;
export type NewOrganization = z.output<typeof newOrganizationBody>;
export type OrganizationListQuery = z.output<typeof organizationListQuery>;
export type AddOrganizationMembers = z.output<typeof addOrganizationMembersBody>;
export type UpdateOrganizationMember = z.output<typeof updateOrganizationMemberBody>;
export type RemoveOrganizationMember = z.output<typeof removeOrganizationMemberBody>;

export const ORGANIZATION_REFUSALS: Refusals = {
  allowed_models: 'is not supported: set models',
  spend: 'is the sum of the request log and cannot be set',
  members: 'is changed with /organization/member_add and /organization/member_delete',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
};

/** Fields that LiteLLM takes at the top level and keeps in the metadata. */
export const ORGANIZATION_METADATA_FIELDS = ['model_rpm_limit', 'model_tpm_limit', 'tags'] as const;

/** The request path takes an organization's tags for none of its calls. */
export const ORGANIZATION_UNENFORCED = ['tags', 'object_permission'] as const;
