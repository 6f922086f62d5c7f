/**
 * The keys of `config.yaml` that do something, with the kind of value each takes. With its data files `known-keys.ts` and
 * `known-params.ts` this is the only place that knows LiteLLM's names (its documentation of config settings).
 */
import { CREDENTIAL_ENTRY, CREDENTIAL_VALUES } from './credential-schema.ts';
import { TEAM_DEFAULTS, USER_DEFAULTS } from './entity-defaults-schema.ts';
import { KEY_CAPS, KEY_DEFAULTS, KEY_GENERATION, PERSONAL_KEY_GENERATION, TEAM_KEY_GENERATION } from './key-schema.ts';
import { IGNORED_GENERAL, IGNORED_LITELLM, IGNORED_ROUTER, IGNORED_TOP_LEVEL } from './known-keys.ts';
import { IGNORED_MODEL_INFO, IGNORED_PARAMS } from './known-params.ts';
import { rules } from './section-rules.ts';

export const TOP_LEVEL = rules(
  {
    model_list: 'tree',
    router_settings: 'tree',
    litellm_settings: 'tree',
    general_settings: 'tree',
    environment_variables: 'tree',
    credential_list: 'tree',
    include: 'tree',
    tollgate_settings: 'tree',
  },
  IGNORED_TOP_LEVEL,
);

export const MODEL_ENTRY = rules({
  model_name: 'text',
  litellm_params: 'tree',
  model_info: 'tree',
  blocked: 'boolean',
});

/** `litellm_params` also takes completion parameters, provider settings and prices: see `known-params.ts`. */
export const LITELLM_PARAMS = rules(
  {
    model: 'text',
    custom_llm_provider: 'text',
    api_key: 'text',
    api_base: 'text',
    base_url: 'text',
    api_version: 'text',
    organization: 'texts',
    extra_headers: 'textMap',
    extra_body: 'object',
    timeout: 'duration',
    request_timeout: 'duration',
    stream_timeout: 'duration',
    num_retries: 'whole',
    weight: 'amount',
    rpm: 'whole',
    tpm: 'whole',
    max_parallel_requests: 'whole',
    max_budget: 'amount',
    budget_duration: 'text',
    order: 'whole',
    tags: 'texts',
    tag_regex: 'texts',
    cooldown_time: 'delay',
    silent_model: 'texts',
    mock_response: 'text',
    fake_stream: 'boolean',
    litellm_credential_name: 'text',
    drop_params: 'boolean',
    additional_drop_params: 'texts',
    allowed_openai_params: 'texts',
    configurable_clientside_auth_params: 'tree',
  },
  IGNORED_PARAMS,
);

/** `model_info` also takes prices, facts about the model and anything else. */
export const MODEL_INFO = rules(
  {
    id: 'text',
    base_model: 'text',
    access_groups: 'texts',
    supported_environments: 'texts',
    team_id: 'text',
    team_public_model_name: 'text',
    access_windows: 'tree',
    discoverable: 'boolean',
    allowed_fails: 'whole',
    allowed_fails_policy: 'tree',
    enable_tag_filtering: 'boolean',
    allow_fail_open: 'boolean',
  },
  IGNORED_MODEL_INFO,
);

export const ROUTER = rules(
  {
    routing_strategy: 'text',
    model_group_alias: 'tree',
    num_retries: 'whole',
    timeout: 'duration',
    stream_timeout: 'duration',
    retry_after: 'delay',
    fallbacks: 'tree',
    default_fallbacks: 'texts',
    max_fallbacks: 'whole',
    provider_budget_config: 'tree',
    allowed_fails: 'whole',
    allowed_fails_policy: 'tree',
    cooldown_time: 'delay',
    disable_cooldowns: 'boolean',
    retry_policy: 'tree',
    model_group_retry_policy: 'tree',
    context_window_fallbacks: 'tree',
    content_policy_fallbacks: 'tree',
    enable_pre_call_checks: 'boolean',
    optional_pre_call_checks: 'texts',
    enable_tag_filtering: 'boolean',
    tag_filtering_match_any: 'boolean',
    tag_routing_prefix: 'text',
    deployment_affinity_ttl_seconds: 'duration',
  },
  IGNORED_ROUTER,
);

export const LITELLM = rules(
  {
    drop_params: 'boolean',
    enable_azure_ad_token_refresh: 'boolean',
    num_retries: 'whole',
    request_timeout: 'duration',
    fallbacks: 'tree',
    context_window_fallbacks: 'tree',
    content_policy_fallbacks: 'tree',
    default_fallbacks: 'texts',
    max_fallbacks: 'whole',
    allowed_fails: 'whole',
    model_alias_map: 'textMap',
    turn_off_message_logging: 'boolean',
    forward_traceparent_to_llm_provider: 'boolean',
    disable_add_user_agent_to_request_tags: 'boolean',
    disable_end_user_cost_tracking: 'boolean',
    model_group_settings: 'tree',
    sse_keepalive_ping_interval_seconds: 'duration',
    max_budget: 'amount',
    budget_duration: 'text',
    budget_exceeded_status_code: 'whole',
    timezone: 'text',
    max_end_user_budget_id: 'text',
    default_key_generate_params: 'tree',
    upperbound_key_generate_params: 'tree',
    key_generation_settings: 'tree',
    default_internal_user_params: 'tree',
    max_internal_user_budget: 'amount',
    default_max_internal_user_budget: 'amount',
    internal_user_budget_duration: 'text',
    default_team_params: 'tree',
  },
  IGNORED_LITELLM,
);

export const MODEL_GROUP_SETTINGS = rules({ forward_client_headers_to_llm_api: 'texts' });

export const SERVICE_ACCOUNT_SETTINGS = rules({ enforced_params: 'texts' });

export const ALIAS = rules({ model: 'text', hidden: 'boolean' });

export const GENERAL = rules(
  {
    master_key: 'text',
    dangerously_permit_weak_or_unset_master_key: 'boolean',
    database_url: 'text',
    store_prompts_in_spend_logs: 'boolean',
    disable_spend_logs: 'boolean',
    max_request_size_mb: 'megabytes',
    max_response_size_mb: 'megabytes',
    litellm_key_header_name: 'text',
    always_include_stream_usage: 'boolean',
    user_header_name: 'text',
    completion_model: 'text',
    user_api_key_cache_ttl: 'delay',
    enforce_user_param: 'boolean',
    enforced_params: 'texts',
    service_account_settings: 'tree',
    reject_clientside_metadata_tags: 'boolean',
    allow_client_side_credentials: 'boolean',
    dangerously_allow_mock_testing_request_params: 'boolean',
    include_call_id_in_error_body: 'boolean',
    forward_client_headers_to_llm_api: 'boolean',
    apply_user_budget_to_team_keys: 'boolean',
    store_model_in_db: 'boolean',
    disable_custom_api_keys: 'boolean',
    background_health_checks: 'boolean',
    allow_public_health_readiness_details: 'boolean',
  },
  IGNORED_GENERAL,
);

/** Tollgate's own keys. */
export const TOLLGATE = rules({
  first_byte_timeout: 'duration',
  idle_timeout: 'duration',
  total_timeout: 'duration',
  connect_timeout: 'duration',
  drain_timeout: 'delay',
  json_max_depth: 'whole',
  json_max_nodes: 'whole',
  data_dir: 'text',
  cors_origins: 'texts',
  max_stored_chars: 'whole',
  budget_wait: 'delay',
  budget_alerts: 'texts',
  queue: 'tree',
  hedging: 'texts',
  mirror_budget: 'tree',
  health_checks: 'boolean',
  health_check_max_tokens: 'whole',
  health_checks_per_hour: 'whole',
});

/** LiteLLM's names of the failures that a policy counts. */
const policy = <const Suffix extends string>(suffix: Suffix) => {
  const kind = (name: string) => [`${name}${suffix}`, 'whole' as const] as const;
  return Object.fromEntries(Object.values(POLICY_ERRORS).map(kind));
};

/** Class of failure → LiteLLM's name of it. */
export const POLICY_ERRORS = {
  bad_request: 'BadRequestError',
  authentication: 'AuthenticationError',
  timeout: 'TimeoutError',
  rate_limit: 'RateLimitError',
  content_policy: 'ContentPolicyViolationError',
  internal: 'InternalServerError',
  unavailable: 'ServiceUnavailableError',
  bad_gateway: 'BadGatewayError',
  not_found: 'NotFoundError',
} as const;

export const RETRY_POLICY = rules({ ...policy('Retries'), DefaultRetries: 'whole' as const });
export const ALLOWED_FAILS_POLICY = rules(policy('AllowedFails'));

export const QUEUE = rules({ max_wait: 'delay', max_waiting: 'whole' });

/** Of copies of requests that nobody waits for. */
export const MIRROR_BUDGET = rules({ max_budget: 'amount', budget_duration: 'text' });

/** One provider's budget; LiteLLM takes both names of each. */
export const BUDGET_CONFIG = rules({
  budget_limit: 'amount',
  time_period: 'text',
  max_budget: 'amount',
  budget_duration: 'text',
});

/** The honoured tables by the section they belong to, for the example file's test and for documentation. */
export const HONOURED = {
  '': TOP_LEVEL.honoured,
  'model_list.*': MODEL_ENTRY.honoured,
  'model_list.*.litellm_params': LITELLM_PARAMS.honoured,
  'model_list.*.model_info': MODEL_INFO.honoured,
  'model_list.*.model_info.allowed_fails_policy': ALLOWED_FAILS_POLICY.honoured,
  'credential_list.*': CREDENTIAL_ENTRY.honoured,
  'credential_list.*.credential_values': CREDENTIAL_VALUES.honoured,
  router_settings: ROUTER.honoured,
  'router_settings.provider_budget_config.*': BUDGET_CONFIG.honoured,
  'router_settings.retry_policy': RETRY_POLICY.honoured,
  'router_settings.allowed_fails_policy': ALLOWED_FAILS_POLICY.honoured,
  'router_settings.model_group_alias.*': ALIAS.honoured,
  litellm_settings: LITELLM.honoured,
  'litellm_settings.model_group_settings': MODEL_GROUP_SETTINGS.honoured,
  'litellm_settings.default_key_generate_params': KEY_DEFAULTS.honoured,
  'litellm_settings.upperbound_key_generate_params': KEY_CAPS.honoured,
  'litellm_settings.default_internal_user_params': USER_DEFAULTS.honoured,
  'litellm_settings.default_team_params': TEAM_DEFAULTS.honoured,
  'litellm_settings.key_generation_settings': KEY_GENERATION.honoured,
  'litellm_settings.key_generation_settings.team_key_generation': TEAM_KEY_GENERATION.honoured,
  'litellm_settings.key_generation_settings.personal_key_generation': PERSONAL_KEY_GENERATION.honoured,
  general_settings: GENERAL.honoured,
  'general_settings.service_account_settings': SERVICE_ACCOUNT_SETTINGS.honoured,
  tollgate_settings: TOLLGATE.honoured,
  'tollgate_settings.queue': QUEUE.honoured,
  'tollgate_settings.mirror_budget': MIRROR_BUDGET.honoured,
} as const;
