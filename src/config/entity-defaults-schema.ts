/** The keys of `config.yaml` that say what new users and teams have. */
import { rules } from './section-rules.ts';

/** LiteLLM takes any field of `/user/new` here; those that nothing fills in yet are known and told. */
export const USER_DEFAULTS = rules(
  {
    user_role: 'text',
    max_budget: 'amount',
    budget_duration: 'text',
    models: 'texts',
    max_parallel_requests: 'whole',
    tpm_limit: 'whole',
    rpm_limit: 'whole',
  },
  [
    ...['teams', 'available_teams', 'organizations', 'user_email', 'user_alias', 'metadata', 'blocked', 'config'],
    ...['soft_budget', 'model_max_budget', 'model_rpm_limit', 'model_tpm_limit', 'guardrails', 'policies', 'aliases'],
    ...['tags', 'permissions', 'duration', 'key_alias', 'auto_create_key', 'send_invite_email', 'object_permission'],
    ...['allowed_cache_controls', 'sso_user_id'],
  ],
);

export const TEAM_DEFAULTS = rules({
  organization_id: 'text',
  max_budget: 'amount',
  budget_duration: 'text',
  models: 'texts',
  tpm_limit: 'whole',
  rpm_limit: 'whole',
  team_member_permissions: 'texts',
});

export const DEFAULT_USER_ROLES: readonly string[] = [
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
];

/** What the members of a team can be allowed; the management API has the same list. */
export const MEMBER_PERMISSIONS: readonly string[] = [
  ...['/key/generate', '/key/service-account/generate', '/key/update', '/key/delete', '/key/regenerate'],
  ...['/key/{key_id}/regenerate', '/key/{key}/reset_spend', '/key/block', '/key/unblock', '/key/bulk_update'],
  ...['/key/info', '/key/health', '/key/list', '/key/aliases', '/team/daily/activity'],
];
