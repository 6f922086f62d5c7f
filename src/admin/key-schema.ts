/** What the key routes accept. Field names are LiteLLM's (its documentation of key management). */
import { z } from '@hono/zod-openapi';
import { isRouteGroup } from '../auth/routes.ts';
import { endOfDuration } from '../lib/duration.ts';
import type { Refusals } from './body.ts';
import {
  flag,
  IDLE_NAMES,
  id,
  KEPT_FIELDS,
  KEPT_NAMES,
  LIMIT_FIELDS,
  LONGEST_NAME,
  lifetime,
  MOST_ITEMS,
  modelRates,
  money,
  name,
  pageNumber,
  record,
  texts,
} from './fields.ts';

const duration = z
  .string()
  .refine(
    (text) => text === '-1' || endOfDuration(text, 0) !== undefined,
    'must be a time such as 30s, 30m, 24h, 30d, 1w or 1mo, or -1 for a key that never expires',
  );
const path = z
  .string()
  .max(LONGEST_NAME)
  .refine(
    (text) => text === '*' || text.startsWith('/') || isRouteGroup(text),
    'must be a path such as /chat/completions, a pattern such as /key/*, or a group such as llm_api_routes',
  );
/** An empty text is a form field left empty. */
const owner = z
  .literal('')
  .transform(() => null)
  .or(id);

/** A budget holds to the last cent: what would let a key go on when it is spent is not taken. */
const NO_THROTTLE =
  'must be false: a key whose budget is spent is refused, not slowed down. Give it a soft_budget and a rate limit, or a larger max_budget';

const FIELDS = {
  ...LIMIT_FIELDS,
  ...KEPT_FIELDS,
  key_alias: name.nullish(),
  models: texts.nullish(),
  aliases: z.record(z.string(), z.string()).nullish(),
  config: record.nullish(),
  permissions: record.nullish(),
  metadata: record.nullish(),
  tags: texts.nullish(),
  user_id: owner.nullish(),
  team_id: owner.nullish(),
  organization_id: owner.nullish(),
  project_id: owner.nullish(),
  agent_id: name.nullish(),
  duration: duration.nullish(),
  blocked: z.boolean().nullish(),
  spend: money.nullish(),
  budget_id: owner.nullish(),
  /** Model → those to use in its place, in order, when the key's `model_max_budget` for it is spent. */
  budget_fallbacks: z.record(z.string().max(LONGEST_NAME), texts).nullish(),
  model_rpm_limit: modelRates.nullish(),
  model_tpm_limit: modelRates.nullish(),
  tag_rpm_limit: modelRates.nullish(),
  allowed_routes: z.array(path).max(MOST_ITEMS).nullish(),
  allowed_cache_controls: texts.nullish(),
  key_type: z.enum(['default', 'llm_api', 'management', 'read_only']).nullish(),
  guardrails: texts.nullish(),
  disable_global_guardrails: z.boolean().nullish(),
  policies: texts.nullish(),
  enforced_params: texts.nullish(),
  enable_prompt_caching: z.boolean().nullish(),
  throttle_on_budget_exceeded: z
    .boolean()
    .refine((isSet) => !isSet, NO_THROTTLE)
    .nullish(),
  end_user_budget_id: name.nullish(),
  object_permission: record.nullish(),
  router_settings: record.nullish(),
  access_group_ids: texts.nullish(),
  auto_rotate: z.boolean().nullish(),
  rotation_interval: lifetime.nullish(),
} as const;

/** A key, or its digest where it exists already. */
const key = z.string().min(1).max(1_000);
const keys = z.array(key).max(MOST_ITEMS);

export const generateBody = z.strictObject({ ...FIELDS, key: key.nullish(), send_invite_email: z.boolean().nullish() });
export const serviceAccountBody = generateBody.extend({ team_id: id });
export const updateBody = z.strictObject({ ...FIELDS, key });
export const oneKeyBody = z.strictObject({ key });
export const deleteBody = z.strictObject({ keys: keys.nullish(), key_aliases: texts.nullish() });
export const regenerateBody = z.strictObject({
  ...FIELDS,
  key: key.nullish(),
  new_key: key.nullish(),
  grace_period: lifetime.nullish(),
  send_invite_email: z.boolean().nullish(),
});
export const resetSpendBody = z.strictObject({ reset_to: money });
export const manyKeysBody = z.strictObject({ keys: keys.min(1) });
export const bulkUpdateBody = z.strictObject({ keys: z.array(updateBody).min(1).max(MOST_ITEMS) });

const { user_id, team_id, organization_id, project_id, spend, blocked, key_alias, ...changeable } = FIELDS;
/** One change for many keys of a team. What makes a key somebody else's, or is about one key alone, is not among it. */
export const teamBulkUpdateBody = z.strictObject({
  team_id: id,
  key_ids: keys.min(1).nullish(),
  all_keys_in_team: z.boolean().nullish(),
  update_fields: z.strictObject(changeable),
});

export type KeyFields = Omit<z.output<typeof updateBody>, 'key'>;
export type GenerateFields = z.output<typeof generateBody>;

export const KEY_REFUSALS: Refusals = {
  token: 'is made from the key and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
  new_master_key: 'is not a key to regenerate: the master key is set where the gateway is started',
};

const ORDERS = [
  ...(['created_at', 'updated_at', 'key_alias', 'key_name', 'max_budget', 'expires', 'spend'] as const),
  ...(['user_id', 'team_id', 'organization_id', 'project_id', 'created_by'] as const),
] as const;
const PAGE = {
  page: pageNumber().optional(),
  size: pageNumber(100).optional(),
} as const;
const FILTERS = {
  user_id: z.string().optional(),
  team_id: z.string().optional(),
  organization_id: z.string().optional(),
  project_id: z.string().optional(),
} as const;

export const listQuery = z.strictObject({
  ...PAGE,
  ...FILTERS,
  key_alias: z.string().optional(),
  key_hash: z.string().optional(),
  agent_id: z.string().optional(),
  access_group_id: z.string().optional(),
  /** A key or its digest, or a part of an alias. */
  search: z.string().max(1_000).optional(),
  /** Aliases, and for those who see every user their ids, are found by any part. */
  substring_matching: flag.optional(),
  expires: z.enum(['active', 'expired']).optional(),
  include_team_keys: flag.optional(),
  include_created_by_keys: flag.optional(),
  return_full_object: flag.optional(),
  expand: z.string().optional(),
  status: z.enum(['active', 'expired', 'blocked', 'revoked', 'deleted']).optional(),
  sort_by: z.enum(ORDERS).optional(),
  sort_order: z.enum(['asc', 'desc']).optional(),
});
export const aliasQuery = z.strictObject({ ...PAGE, ...FILTERS, search: z.string().optional() });
export type ListQuery = z.output<typeof listQuery>;
export type AliasQuery = z.output<typeof aliasQuery>;

/** Fields that LiteLLM takes at the top level and keeps in the metadata. */
export const METADATA_FIELDS = [
  'tags',
  'model_rpm_limit',
  'model_tpm_limit',
  'tag_rpm_limit',
  'guardrails',
  'disable_global_guardrails',
  'enforced_params',
  'end_user_budget_id',
  'enable_prompt_caching',
  'throttle_on_budget_exceeded',
  ...KEPT_NAMES,
] as const satisfies (keyof KeyFields)[];

/** Stored with the key and shown again, but acted on by nothing yet. */
const UNENFORCED_FIELDS = [
  'guardrails',
  'disable_global_guardrails',
  'policies',
  'permissions',
  'object_permission',
  'router_settings',
  'allowed_cache_controls',
  'enable_prompt_caching',
  ...IDLE_NAMES,
  'config',
  'send_invite_email',
] as const satisfies (keyof GenerateFields)[];

/** Acted on where the operator has turned rotation on. */
const ROTATION_FIELDS = ['auto_rotate', 'rotation_interval'] as const satisfies (keyof GenerateFields)[];

export const unenforced = ({ rotatesKeys }: { readonly rotatesKeys?: boolean }): readonly string[] =>
  rotatesKeys === true ? UNENFORCED_FIELDS : [...UNENFORCED_FIELDS, ...ROTATION_FIELDS];
