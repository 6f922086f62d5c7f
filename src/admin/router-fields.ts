/** What the router's settings are, for people. Names are LiteLLM's (its documentation of `router_settings`). */

export interface FieldWords {
  readonly description: string;
  /** What counts where nothing is written. */
  readonly byDefault: unknown;
}

export const STRATEGIES: Readonly<Record<string, string>> = {
  'simple-shuffle': 'By weight, or evenly.',
  'least-busy': 'The fewest requests under way.',
  'usage-based-routing-v2': 'The fewest tokens of the last minute.',
  'latency-based-routing': 'The shortest time to the first content, or to the whole answer.',
  'cost-based-routing': 'The lowest price of a token.',
};

export const ROUTER_FIELDS: Readonly<Record<string, FieldWords>> = {
  routing_strategy: { description: 'Which deployment of a name is asked.', byDefault: 'simple-shuffle' },
  model_group_alias: { description: 'Further names of models.', byDefault: {} },
  num_retries: { description: "Retries within a name's deployments, before a fallback.", byDefault: 2 },
  timeout: { description: 'Seconds that a whole request may take.', byDefault: 600 },
  stream_timeout: { description: 'The same for streams.', byDefault: null },
  retry_after: { description: 'Least seconds before a retry of the same deployment.', byDefault: 0 },
  fallbacks: { description: 'Names that are tried after all retries failed, in this order.', byDefault: [] },
  default_fallbacks: { description: 'Fallbacks of names without any of their own.', byDefault: [] },
  max_fallbacks: { description: 'How many names are tried at most after the first.', byDefault: 5 },
  context_window_fallbacks: { description: 'Fallbacks after a prompt that was too long.', byDefault: [] },
  content_policy_fallbacks: { description: 'Fallbacks after a refusal for the content.', byDefault: [] },
  provider_budget_config: { description: 'What may be spent with each provider.', byDefault: {} },
  allowed_fails: { description: 'Failures of a kind before a deployment is left alone.', byDefault: null },
  allowed_fails_policy: { description: 'The same, by what went wrong.', byDefault: {} },
  cooldown_time: { description: 'Seconds for which a deployment that fails is left alone.', byDefault: 5 },
  disable_cooldowns: { description: 'No deployment is ever left alone.', byDefault: false },
  retry_policy: { description: 'Retries by what went wrong.', byDefault: {} },
  model_group_retry_policy: { description: 'The same, for single names.', byDefault: {} },
  enable_pre_call_checks: { description: 'Only deployments that can hold the prompt.', byDefault: false },
  optional_pre_call_checks: { description: 'What keeps requests on one deployment while it is well.', byDefault: [] },
  enable_tag_filtering: { description: 'Only deployments that have the tags of the request.', byDefault: false },
  tag_filtering_match_any: { description: 'One tag in common is enough.', byDefault: true },
  tag_routing_prefix: { description: 'Only tags of requests that begin so choose deployments.', byDefault: '' },
  deployment_affinity_ttl_seconds: { description: 'For how long they are kept there.', byDefault: 3600 },
};
