/** What the user routes accept. Field names are LiteLLM's (its documentation of internal users). */
import { z } from '@hono/zod-openapi';
import { endOfDuration } from '../lib/duration.ts';
import type { Refusals } from './body.ts';
import {
  flag,
  id,
  LIMIT_FIELDS,
  LONGEST_NAME,
  MOST_ITEMS,
  modelRates,
  money,
  name,
  pageNumber,
  record,
  texts,
} from './fields.ts';
import { email, memberRole } from './team-schema.ts';

export const USER_ROLES = {
  proxy_admin: { ui_label: 'Admin (All Permissions)', description: 'May do everything.' },
  proxy_admin_viewer: { ui_label: 'Admin (View Only)', description: 'May read everything and change nothing.' },
  internal_user: { ui_label: 'Internal User', description: 'May make, see and delete own keys, and see own spend.' },
  internal_user_viewer: { ui_label: 'Internal Viewer', description: 'May see own keys and own spend.' },
} as const;

/** LiteLLM's other roles are understood where they are stored already. */
const role = z.enum([
  'proxy_admin',
  'proxy_admin_viewer',
  'org_admin',
  'internal_user',
  'internal_user_viewer',
  'team',
  'customer',
]);
const FIELDS = {
  user_email: email.nullish(),
  user_alias: name.nullish(),
  user_role: role.nullish(),
  sso_user_id: name.nullish(),
  password: z.string().min(8, 'must have at least 8 characters').max(256).nullish(),
  models: texts.nullish(),
  metadata: record.nullish(),
  blocked: z.boolean().nullish(),
  ...LIMIT_FIELDS,
  model_rpm_limit: modelRates.nullish(),
  model_tpm_limit: modelRates.nullish(),
  guardrails: texts.nullish(),
  policies: texts.nullish(),
  allowed_cache_controls: texts.nullish(),
  object_permission: record.nullish(),
} as const;

/** Of the key that a new user gets. */
const KEY_FIELDS = {
  key_alias: name.nullish(),
  duration: z
    .string()
    .refine(
      (text) => text === '-1' || endOfDuration(text, 0) !== undefined,
      'must be a time such as 30d, or -1 for never',
    )
    .nullish(),
  aliases: z.record(z.string(), z.string()).nullish(),
  tags: texts.nullish(),
  team_id: id.nullish(),
} as const;

const newMembership = z.strictObject({
  team_id: id,
  user_role: memberRole.nullish(),
  max_budget_in_team: money.nullish(),
});

export const newUserBody = z.strictObject({
  ...FIELDS,
  ...KEY_FIELDS,
  user_id: id.nullish(),
  auto_create_key: z.boolean().nullish(),
  send_invite_email: z.literal(false, 'is not supported yet').nullish(),
  teams: z.array(id.or(newMembership)).max(MOST_ITEMS).nullish(),
  organizations: z.array(id).max(MOST_ITEMS).nullish(),
  organization_id: id.nullish(),
});

const change = { ...FIELDS, user_id: id.nullish(), organization_id: id.nullish() } as const;
export const updateUserBody = z.strictObject(change);
export const bulkUserBody = z.strictObject({
  users: z.array(z.strictObject(change)).max(MOST_ITEMS).nullish(),
  all_users: z.boolean().nullish(),
  user_updates: z.strictObject({ ...FIELDS }).nullish(),
});
export const usersBody = z.strictObject({ user_ids: z.array(id).min(1).max(MOST_ITEMS) });
export const userQuery = z.strictObject({ user_id: id.optional() });

export const USER_ORDERS = {
  user_id: 'user_id',
  user_email: 'user_email',
  user_alias: 'user_alias',
  user_role: 'user_role',
  max_budget: 'max_budget_nano_usd',
  created_at: 'created_at_ms',
  updated_at: 'updated_at_ms',
} as const;

export const userListQuery = z.strictObject({
  role: role.optional(),
  user_role: role.optional(),
  user_ids: z.string().max(20_000).optional(),
  sso_user_ids: z.string().max(20_000).optional(),
  user_email: z.string().max(LONGEST_NAME).optional(),
  user_alias: z.string().max(LONGEST_NAME).optional(),
  team: id.optional(),
  organization_id: id.optional(),
  /** Names with commas between them. */
  organization_ids: z.string().max(20_000).optional(),
  /** Part of an id or an address. */
  search: z.string().max(LONGEST_NAME).optional(),
  blocked: flag.optional(),
  page: pageNumber().optional(),
  page_size: pageNumber(100).optional(),
  sort_by: z
    .enum(['user_id', 'user_email', 'user_alias', 'user_role', 'max_budget', 'created_at', 'updated_at'])
    .optional(),
  sort_order: z.enum(['asc', 'desc']).optional(),
});

export const userSearchQuery = z.strictObject({
  /** Parts of an id or an address. */
  user_id: z.string().max(LONGEST_NAME).optional(),
  user_email: z.string().max(LONGEST_NAME).optional(),
  search: z.string().max(LONGEST_NAME).optional(),
  /** For which team; whom somebody finds does not depend on it. */
  team_id: id.optional(),
  page: pageNumber().optional(),
  page_size: pageNumber(100).optional(),
});

export type UserSearch = z.output<typeof userSearchQuery>;

export type UserFields = z.output<z.ZodObject<typeof FIELDS>> & {
  readonly organization_id?: string | null | undefined;
};
export type NewUser = z.output<typeof newUserBody>;
export type UserUpdate = z.output<typeof updateUserBody>;
export type BulkUserUpdate = z.output<typeof bulkUserBody>;
export type UserListQuery = z.output<typeof userListQuery>;

export const USER_REFUSALS: Refusals = {
  spend: 'is the sum of the request log and cannot be set',
  password_hash: 'is made from the password and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
  config: 'is set on a key, with /key/update',
  permissions: 'is set on a key, with /key/update',
  invite_email: 'is not supported yet',
};

/** Fields that LiteLLM takes at the top level and keeps in the metadata. */
export const USER_METADATA_FIELDS = ['model_rpm_limit', 'model_tpm_limit', 'guardrails'] as const;

export const USER_UNENFORCED = [
  'password',
  'sso_user_id',
  'guardrails',
  'policies',
  'allowed_cache_controls',
  'object_permission',
] as const;
