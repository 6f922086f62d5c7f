import type { OwnLimits } from './entity-tables.ts';

/** An entity that limits nothing. */
export const NO_LIMITS: OwnLimits = {
  max_budget_nano_usd: null,
  soft_budget_nano_usd: null,
  budget_duration: null,
  rpm_limit: null,
  tpm_limit: null,
  tpd_limit: null,
  max_parallel_requests: null,
  model_max_budget: null,
  budget_limits: null,
  tollgate_limits: null,
  temp_budget_increase_nano_usd: null,
  temp_budget_expiry_ms: null,
  spend_set_nano_usd: null,
  spend_set_at_ms: null,
};
