/** What the team routes accept. Field names are LiteLLM's (its documentation of team management). */
import { z } from '@hono/zod-openapi';
import type { Refusals } from './body.ts';
import {
  count,
  flag,
  IDLE_NAMES,
  id,
  KEPT_FIELDS,
  KEPT_NAMES,
  LIMIT_FIELDS,
  lifetime,
  MOST_ITEMS,
  modelRates,
  money,
  name,
  pageNumber,
  record,
  texts,
  window,
} from './fields.ts';

export const email = z
  .string()
  .min(3)
  .max(320)
  .regex(/^\S+@\S+$/, 'must be an e-mail address');
export const memberRole = z.enum(['admin', 'user']);
export const member = z.strictObject({ user_id: id.nullish(), user_email: email.nullish(), role: memberRole });
const FIELDS = {
  team_alias: name.nullish(),
  organization_id: id.nullish(),
  models: texts.nullish(),
  model_aliases: z.record(z.string(), z.string()).nullish(),
  metadata: record.nullish(),
  blocked: z.boolean().nullish(),
  ...LIMIT_FIELDS,
  ...KEPT_FIELDS,
  model_rpm_limit: modelRates.nullish(),
  model_tpm_limit: modelRates.nullish(),
  tags: texts.nullish(),
  guardrails: texts.nullish(),
  disable_global_guardrails: z.boolean().nullish(),
  policies: texts.nullish(),
  require_trace_id: z.boolean().nullish(),
  enforced_batch_output_expires_after: record.nullish(),
  enforced_file_expires_after: record.nullish(),
  object_permission: record.nullish(),
  router_settings: record.nullish(),
  access_group_ids: texts.nullish(),
  allow_team_guardrail_config: z.boolean().nullish(),
  team_member_permissions: texts.nullish(),
  default_team_member_models: texts.nullish(),
  team_member_budget: money.nullish(),
  team_member_budget_duration: window.nullish(),
  team_member_rpm_limit: count.nullish(),
  team_member_tpm_limit: count.nullish(),
  team_member_key_duration: lifetime.nullish(),
} as const;

export const newTeamBody = z.strictObject({
  ...FIELDS,
  team_id: id.nullish(),
  members_with_roles: z.array(member).max(MOST_ITEMS).nullish(),
  admins: z.array(id).max(MOST_ITEMS).nullish(),
  members: z.array(id).max(MOST_ITEMS).nullish(),
});
export const updateTeamBody = z.strictObject({ ...FIELDS, team_id: id });
export const patchTeamBody = z.strictObject({ ...FIELDS, team_id: id.nullish() });
export const teamsBody = z.strictObject({ team_ids: z.array(id).min(1).max(MOST_ITEMS) });
export const oneTeamBody = z.strictObject({ team_id: id });
export const teamModelsBody = z.strictObject({ team_id: id, models: texts.min(1) });
export const permissionsBody = z.strictObject({ team_id: id, team_member_permissions: texts });
export const teamQuery = z.strictObject({ team_id: id });

export const TEAM_ORDERS = {
  team_id: 'team_id',
  team_alias: 'team_alias',
  organization_id: 'organization_id',
  max_budget: 'max_budget_nano_usd',
  created_at: 'created_at_ms',
  updated_at: 'updated_at_ms',
} as const;

const FILTERS = {
  user_id: id.optional(),
  organization_id: id.optional(),
  team_id: id.optional(),
  team_alias: z.string().max(256).optional(),
};
export const teamListQuery = z.strictObject({
  ...FILTERS,
  page: pageNumber().optional(),
  page_size: pageNumber(1_000).optional(),
});
export const teamPageQuery = z.strictObject({
  ...FILTERS,
  /** Part of an id or an alias. */
  search: z.string().max(256).optional(),
  blocked: flag.optional(),
  page: pageNumber().optional(),
  page_size: pageNumber(100).optional(),
  sort_by: z.enum(['team_id', 'team_alias', 'organization_id', 'max_budget', 'created_at', 'updated_at']).optional(),
  sort_order: z.enum(['asc', 'desc']).optional(),
});

export type TeamFields = z.output<z.ZodObject<typeof FIELDS>>;
export type NewTeam = z.output<typeof newTeamBody>;
export type TeamQuery = z.output<typeof teamPageQuery>;

export const TEAM_REFUSALS: Refusals = {
  spend: 'is the sum of the request log and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
  members_with_roles: 'is changed with /team/member_add, /team/member_update and /team/member_delete',
  admins: 'is changed with /team/member_update',
  members: 'is changed with /team/member_add and /team/member_delete',
  secret_manager_settings: 'is not supported yet',
  team_member_model_max_budget: 'is not supported yet',
};

/** Fields that LiteLLM takes at the top level and keeps in the metadata. */
export const TEAM_METADATA_FIELDS = [
  'tags',
  'guardrails',
  'disable_global_guardrails',
  'model_rpm_limit',
  'model_tpm_limit',
  'team_member_key_duration',
  'require_trace_id',
  'enforced_batch_output_expires_after',
  'enforced_file_expires_after',
  ...KEPT_NAMES,
] as const satisfies (keyof TeamFields)[];

export const TEAM_UNENFORCED = [
  'guardrails',
  'disable_global_guardrails',
  'policies',
  'object_permission',
  'router_settings',
  'allow_team_guardrail_config',
  'require_trace_id',
  'enforced_batch_output_expires_after',
  'enforced_file_expires_after',
  ...IDLE_NAMES,
] as const satisfies (keyof TeamFields)[];
