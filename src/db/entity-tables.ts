/**
 * How teams, users, organizations and the like are stored, with LiteLLM's column names (its documentation of the
 * management API). JSON columns are text; flags are 0 or 1; money is integer nano-dollars; times are epoch milliseconds.
 */

/** What an entity imposes on the calls made in its name. */
export interface OwnLimits {
  max_budget_nano_usd: number | null;
  soft_budget_nano_usd: number | null;
  budget_duration: string | null;
  rpm_limit: number | null;
  tpm_limit: number | null;
  /** Tokens a day. */
  tpd_limit: number | null;
  max_parallel_requests: number | null;
  /** JSON: `{"gpt-4": {"budget_limit": 10, "time_period": "1d"}}`. */
  model_max_budget: string | null;
  /** JSON: `[{"budget_duration": "1d", "max_budget": 10}]`. */
  budget_limits: string | null;
  /** JSON: `[{"unit": "tokens", "window": "1mo", "max": 1000000}]`. */
  tollgate_limits: string | null;
  temp_budget_increase_nano_usd: number | null;
  temp_budget_expiry_ms: number | null;
  /** An admin set the spend by hand: it was this much then. */
  spend_set_nano_usd: number | null;
  spend_set_at_ms: number | null;
}

/** What was used under the same id before it was deleted and made anew. */
export interface Counted {
  /** Nothing from before then counts for its limits; `null`: all that there is does. */
  counts_from_ms: number | null;
}

export interface Stamps {
  created_at_ms: number;
  updated_at_ms: number;
  created_by: string | null;
  updated_by: string | null;
  /** Grows by one with every change. */
  version: number;
}

export interface BudgetsTable extends OwnLimits, Stamps {
  budget_id: string;
  allowed_models: string | null;
}

export interface TeamsTable extends OwnLimits, Counted, Stamps {
  team_id: string;
  team_alias: string | null;
  organization_id: string | null;
  budget_id: string | null;
  blocked: number;
  models: string | null;
  model_aliases: string | null;
  metadata: string | null;
  router_settings: string | null;
  team_member_permissions: string | null;
  default_team_member_models: string | null;
  access_group_ids: string | null;
  policies: string | null;
  object_permission: string | null;
  allow_team_guardrail_config: number;
}

export interface DeletedTeamsTable extends TeamsTable {
  deleted_at_ms: number;
  deleted_by: string | null;
}

export interface TeamMembersTable extends OwnLimits, Counted, Stamps {
  team_id: string;
  user_id: string;
  /** `admin` or `user`. */
  role: string;
  budget_id: string | null;
  allowed_models: string | null;
}

export interface UsersTable extends OwnLimits, Counted, Stamps {
  user_id: string;
  user_alias: string | null;
  /** Unique without regard to case. */
  user_email: string | null;
  user_role: string | null;
  sso_user_id: string | null;
  /** Never leaves the server. */
  password_hash: string | null;
  organization_id: string | null;
  budget_id: string | null;
  blocked: number;
  models: string | null;
  metadata: string | null;
  allowed_cache_controls: string | null;
  policies: string | null;
  object_permission: string | null;
}

export interface OrganizationsTable extends OwnLimits, Counted, Stamps {
  organization_id: string;
  organization_alias: string | null;
  budget_id: string | null;
  blocked: number;
  models: string | null;
  metadata: string | null;
  object_permission: string | null;
}

export interface OrganizationMembersTable extends OwnLimits, Counted, Stamps {
  organization_id: string;
  user_id: string;
  /** LiteLLM's `org_admin`, `internal_user` or `internal_user_viewer`. */
  user_role: string | null;
  budget_id: string | null;
}

export interface ProjectsTable extends OwnLimits, Counted, Stamps {
  project_id: string;
  project_alias: string | null;
  description: string | null;
  team_id: string | null;
  budget_id: string | null;
  blocked: number;
  models: string | null;
  metadata: string | null;
  /** JSON: model → number. */
  model_rpm_limit: string | null;
  model_tpm_limit: string | null;
  object_permission: string | null;
}

/** End users. LiteLLM calls their id `user_id`. */
export interface CustomersTable extends OwnLimits, Counted, Stamps {
  user_id: string;
  alias: string | null;
  budget_id: string | null;
  blocked: number;
  models: string | null;
  default_model: string | null;
  allowed_model_region: string | null;
  metadata: string | null;
  object_permission: string | null;
}

export interface TagsTable extends OwnLimits, Counted, Stamps {
  tag_name: string;
  description: string | null;
  budget_id: string | null;
  models: string | null;
  model_info: string | null;
}

export interface AccessGroupsTable extends Stamps {
  access_group_id: string;
  /** Unique. */
  access_group_name: string;
  description: string | null;
  access_model_names: string | null;
  access_mcp_server_ids: string | null;
  access_agent_ids: string | null;
  assigned_team_ids: string | null;
  assigned_key_ids: string | null;
}

/** Deployments added at run time. */
export interface ModelsTable extends Stamps {
  model_id: string;
  model_name: string;
  /** JSON; its secret values are sealed. */
  litellm_params: string;
  model_info: string | null;
  blocked: number;
  team_id: string | null;
}

export interface CredentialsTable extends Stamps {
  credential_id: string;
  /** Unique. */
  credential_name: string;
  /** JSON; every value is sealed. */
  credential_values: string;
  credential_info: string | null;
}

/** The secret a key had before it was regenerated, for as long as it still works. */
export interface DeprecatedKeysTable {
  token: string;
  active_token: string;
  valid_until_ms: number;
  created_at_ms: number;
}

/** Append-only. Each row holds the hash of the one before it, so a row that is changed or taken out shows. */
export interface AuditLogTable {
  /** Without gaps, from 1. */
  id: number;
  at_ms: number;
  /** Digest of the key that did it. */
  actor_key: string | null;
  actor_user: string | null;
  actor_role: string | null;
  /** `created`, `updated`, `deleted`, `blocked`, `unblocked`, `rotated` … */
  action: string;
  /** Table of the object, such as `teams`. */
  object_kind: string;
  object_id: string;
  /** Whose object it is, for readers who may see only their own organization. */
  organization_id: string | null;
  team_id: string | null;
  /** JSON, secrets masked by the caller. */
  before_values: string | null;
  after_values: string | null;
  /** The header `litellm-changed-by`. */
  changed_by: string | null;
  call_id: string | null;
  previous_hash: string;
  hash: string;
}
