/** What the key routes accept and answer. Field names are LiteLLM's (its documentation of key management). */
import { z } from '@hono/zod-openapi';

const texts = z.array(z.string());
const record = z.record(z.string(), z.unknown());
const count = z.number().int().nonnegative();
const money = z.number().nonnegative();

const FIELDS = {
  key_alias: z.string().min(1).max(256).nullish(),
  models: texts.nullish(),
  aliases: z.record(z.string(), z.string()).nullish(),
  config: record.nullish(),
  permissions: record.nullish(),
  metadata: record.nullish(),
  tags: texts.nullish(),
  user_id: z.string().nullish(),
  team_id: z.string().nullish(),
  organization_id: z.string().nullish(),
  project_id: z.string().nullish(),
  agent_id: z.string().nullish(),
  duration: z.string().nullish(),
  blocked: z.boolean().nullish(),
  max_budget: money.nullish(),
  soft_budget: money.nullish(),
  budget_duration: z.string().nullish(),
  budget_id: z.string().nullish(),
  budget_limits: z.array(record).nullish(),
  model_max_budget: record.nullish(),
  max_parallel_requests: count.nullish(),
  tpm_limit: count.nullish(),
  rpm_limit: count.nullish(),
  tpd_limit: count.nullish(),
  model_rpm_limit: z.record(z.string(), count).nullish(),
  model_tpm_limit: z.record(z.string(), count).nullish(),
  allowed_routes: texts.nullish(),
  allowed_cache_controls: texts.nullish(),
  key_type: z.enum(['default', 'llm_api', 'management', 'read_only']).nullish(),
  guardrails: texts.nullish(),
  policies: texts.nullish(),
  router_settings: record.nullish(),
  access_group_ids: texts.nullish(),
} as const;

export const generateBody = z.strictObject({ ...FIELDS, key: z.string().nullish() });
export const updateBody = z.strictObject({ ...FIELDS, key: z.string() });
export const oneKeyBody = z.strictObject({ key: z.string() });
export const deleteBody = z.strictObject({ keys: texts.optional(), key_aliases: texts.optional() });

export type KeyFields = Omit<z.infer<typeof generateBody>, 'key'>;

/** Fields that LiteLLM takes at the top level and keeps in the metadata. */
export const METADATA_FIELDS = [
  'tags',
  'model_rpm_limit',
  'model_tpm_limit',
  'guardrails',
] as const satisfies (keyof KeyFields)[];

/** Stored with the key, acted on by nothing yet. */
export const UNENFORCED_FIELDS = [
  'max_budget',
  'soft_budget',
  'budget_duration',
  'budget_limits',
  'model_max_budget',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpd_limit',
  'model_rpm_limit',
  'model_tpm_limit',
  'guardrails',
] as const satisfies (keyof KeyFields)[];
