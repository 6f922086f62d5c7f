/** How virtual keys and settings are stored. JSON columns are text; money is integer nano-dollars; times are epoch milliseconds. */

export interface KeysTable {
  /** SHA-256 hex of the secret, which itself is never stored. */
  token: string;
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
  budget_duration: string | null;
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
  model_max_budget: string | null;
  budget_limits: string | null;
  router_settings: string | null;
  access_group_ids: string | null;
  policies: string | null;
  /** `null`: never. */
  expires_at_ms: number | null;
  max_budget_nano_usd: number | null;
  soft_budget_nano_usd: number | null;
  budget_reset_at_ms: number | null;
  max_parallel_requests: number | null;
  tpm_limit: number | null;
  rpm_limit: number | null;
  tpd_limit: number | null;
}

export interface DeletedKeysTable extends KeysTable {
  deleted_at_ms: number | null;
}

export interface SettingsTable {
  name: string;
  value: string;
}
