/** What the key routes accept. Field names are LiteLLM's (its documentation of key management). */
import { z } from '@hono/zod-openapi';
import { endOfDuration } from '../lib/duration.ts';
import type { Refusals } from './body.ts';

const LONGEST_NAME = 256;
const MOST_ITEMS = 1_000;
/** Nano-dollars beyond this are no exact numbers any more. */
const MOST_USD = 9_000_000;
/** LiteLLM's words for windows of a budget. */
const WINDOW_WORDS: ReadonlySet<string> = new Set(['daily', 'weekly', 'monthly']);

/** An empty text is a form field left empty. */
const name = z
  .string()
  .max(LONGEST_NAME)
  .transform((text) => (text === '' ? null : text));
const texts = z.array(z.string().max(LONGEST_NAME)).max(MOST_ITEMS);
const record = z.record(z.string(), z.unknown());
const count = z.number().int().nonnegative();
const money = z.number().nonnegative().max(MOST_USD);
const duration = z
  .string()
  .refine(
    (text) => text === '-1' || endOfDuration(text, 0) !== undefined,
    'must be a time such as 30s, 30m, 24h, 30d, 1w or 1mo, or -1 for a key that never expires',
  );
const window = z
  .string()
  .refine(
    (text) => WINDOW_WORDS.has(text) || endOfDuration(text, 0) !== undefined,
    'must be a time such as 30s, 30m, 24h, 30d, 1w or 1mo, or daily, weekly or monthly',
  );

const FIELDS = {
  key_alias: name.nullish(),
  models: texts.nullish(),
  aliases: z.record(z.string(), z.string()).nullish(),
  config: record.nullish(),
  permissions: record.nullish(),
  metadata: record.nullish(),
  tags: texts.nullish(),
  user_id: name.nullish(),
  team_id: name.nullish(),
  organization_id: name.nullish(),
  project_id: name.nullish(),
  agent_id: name.nullish(),
  duration: duration.nullish(),
  blocked: z.boolean().nullish(),
  max_budget: money.nullish(),
  soft_budget: money.nullish(),
  budget_duration: window.nullish(),
  budget_id: name.nullish(),
  budget_limits: z.array(record).max(MOST_ITEMS).nullish(),
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

/** A key, or its digest where it exists already. */
const key = z.string().min(1).max(1_000);

export const generateBody = z.strictObject({ ...FIELDS, key: key.nullish() });
export const updateBody = z.strictObject({ ...FIELDS, key });
export const oneKeyBody = z.strictObject({ key });
export const deleteBody = z.strictObject({
  keys: z.array(key).max(MOST_ITEMS).nullish(),
  key_aliases: texts.nullish(),
});

export type KeyFields = Omit<z.output<typeof generateBody>, 'key'>;

const LATER = 'is not supported yet';

export const KEY_REFUSALS: Refusals = {
  spend: 'is the sum of the request log and cannot be set',
  token: 'is made from the key and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
  allowed_passthrough_routes: LATER,
  auto_rotate: LATER,
  budget_fallbacks: LATER,
  disable_global_guardrails: LATER,
  end_user_budget_id: LATER,
  enforced_params: LATER,
  object_permission: LATER,
  prompts: LATER,
  rotation_interval: LATER,
  rpm_limit_type: LATER,
  send_invite_email: LATER,
  temp_budget_expiry: LATER,
  temp_budget_increase: LATER,
  tpm_limit_type: LATER,
};

/** Fields that LiteLLM takes at the top level and keeps in the metadata. */
export const METADATA_FIELDS = [
  'tags',
  'model_rpm_limit',
  'model_tpm_limit',
  'guardrails',
] as const satisfies (keyof KeyFields)[];

/** Stored with the key and shown again, but acted on by nothing yet. */
const UNENFORCED_FIELDS = [
  'max_budget',
  'soft_budget',
  'budget_duration',
  'budget_id',
  'budget_limits',
  'model_max_budget',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpd_limit',
  'model_rpm_limit',
  'model_tpm_limit',
  'guardrails',
  'policies',
  'permissions',
  'router_settings',
  'allowed_cache_controls',
  'access_group_ids',
  'config',
] as const satisfies (keyof KeyFields)[];

/** Those of the fields sent that have no effect yet: whoever sets a limit must not find out by overspending. */
export function unenforcedIn(fields: KeyFields): string[] {
  return UNENFORCED_FIELDS.filter((field) => {
    const value = fields[field];
    return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value != null;
  });
}
