/** How virtual keys and settings are stored. JSON columns are text; money is integer nano-dollars; times are epoch milliseconds. */

import type { OwnLimits } from './entity-tables.ts';

export interface KeysTable extends OwnLimits {
  /** SHA-256 hex of the secret, which itself is never stored. */
  token: string;
  /**
   * Under which name its requests are counted when that is not `token`: the digest of its first secret, so that a new
   * secret takes no spend and no counter away. Read it with `usageHashOf`.
   */
  usage_hash: string | null;
  blocked: number;
  created_at_ms: number;
  updated_at_ms: number;
  key_alias: string | null;
  /** `sk-...abcd`. */
  key_name: string | null;
  user_id: string | null;
  team_id: string | null;
  organization_id: string | null;
  project_id: string | null;
  agent_id: string | null;
  budget_id: string | null;
  key_type: string | null;
  created_by: string | null;
  updated_by: string | null;
  models: string | null;
  aliases: string | null;
  config: string | null;
  permissions: string | null;
  metadata: string | null;
  allowed_routes: string | null;
  allowed_cache_controls: string | null;
  router_settings: string | null;
  access_group_ids: string | null;
  policies: string | null;
  /** `null`: never. */
  expires_at_ms: number | null;
  budget_reset_at_ms: number | null;
  object_permission: string | null;
  model_spend: string | null;
  /** JSON: what to use in place of a model whose budget is spent. */
  budget_fallbacks: string | null;
  /** `null` stands for 0. */
  auto_rotate: number | null;
  rotation_interval: string | null;
  rotation_count: number | null;
  last_rotation_at_ms: number | null;
  /** When it is due next. */
  key_rotation_at_ms: number | null;
  last_active_at_ms: number | null;
}

export interface DeletedKeysTable extends KeysTable {
  deleted_at_ms: number | null;
}

export interface SettingsTable {
  name: string;
  value: string;
}
