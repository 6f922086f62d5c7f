/** The keys of `config.yaml` that say what new keys may have and who makes them. */
import { rules } from './section-rules.ts';

/** What a new key has that the request says nothing of. */
export const KEY_DEFAULTS = rules({
  max_budget: 'amount',
  soft_budget: 'amount',
  budget_duration: 'text',
  budget_id: 'text',
  duration: 'text',
  models: 'texts',
  aliases: 'textMap',
  metadata: 'object',
  tags: 'texts',
  guardrails: 'texts',
  team_id: 'text',
  organization_id: 'text',
  allowed_routes: 'texts',
  key_type: 'text',
  max_parallel_requests: 'whole',
  tpm_limit: 'whole',
  rpm_limit: 'whole',
  tpd_limit: 'whole',
  model_max_budget: 'object',
  model_rpm_limit: 'object',
  model_tpm_limit: 'object',
});

/** The most that a key may have. */
export const KEY_CAPS = rules({
  max_budget: 'amount',
  budget_duration: 'text',
  duration: 'text',
  max_parallel_requests: 'whole',
  tpm_limit: 'whole',
  rpm_limit: 'whole',
});

export const KEY_GENERATION = rules({ team_key_generation: 'tree', personal_key_generation: 'tree' });
export const TEAM_KEY_GENERATION = rules({ allowed_team_member_roles: 'texts', required_params: 'texts' });
export const PERSONAL_KEY_GENERATION = rules({ allowed_user_roles: 'texts', required_params: 'texts' });
