/**
 * Body keys that speak to the gateway and never reach an upstream. Source: LiteLLM's documentation of its proxy's
 * request parameters. `extra_headers` and `extra_body` are not among them: adapters merge what those hold.
 */

const CONTROLS = [
  'metadata',
  'litellm_metadata',
  'tags',
  'fallbacks',
  'context_window_fallback_dict',
  'context_window_fallbacks',
  'content_policy_fallbacks',
  'num_retries',
  'max_retries',
  'timeout',
  'stream_timeout',
  'request_timeout',
  'disable_fallbacks',
  'include_fallback_errors',
  'max_fallbacks',
  'drop_params',
  'additional_drop_params',
  'allowed_openai_params',
  'api_key',
  'litellm_call_id',
  'litellm_trace_id',
  'litellm_session_id',
  'no-log',
];

const LATER = [
  'cache',
  'caching',
  'ttl',
  'guardrails',
  'guardrail_config',
  'include_guardrail_response',
  'policies',
  'prompt_id',
  'prompt_version',
  'prompt_variables',
  'prompt_label',
  'prompt_environment',
  'litellm_system_prompt',
  'merge_reasoning_content_in_choices',
  'enable_json_schema_validation',
  'litellm_credential_name',
  'custom_llm_provider',
  'allowed_model_region',
  'priority',
  'specific_deployment',
  'fastest_response',
  'keepalive_seconds',
  'success_callback',
  'failure_callback',
  'turn_off_message_logging',
  'cache_control_injection_points',
  'stream_chunk_size',
  'user_continue_message',
  'assistant_continue_message',
  'ensure_alternating_roles',
  'supports_system_message',
  'roles',
  'initial_prompt_value',
  'final_prompt_value',
  'bos_token',
  'eos_token',
  'hf_model_name',
  'max_agentic_loops',
  'search_tool_name',
  'vector_store_ids',
];

/** LiteLLM removes these from client bodies without a word. */
const STRIPPED = [
  'weights',
  '_router_weights',
  'fallback_depth',
  'attempted_targets',
  'proxy_server_request',
  'standard_logging_object',
  'secret_fields',
  'mock_response',
  'mock_tool_calls',
  'disable_global_guardrails',
  'enable_prompt_caching',
  'opted_out_global_guardrails',
  'applied_guardrails',
  'attempted_fallbacks',
  'original_model_group',
  'previous_models',
  'request_retry_count',
  'applied_policies',
  'policy_sources',
  'routing_decision',
  'callbacks',
  'service_callback',
  'logger_fn',
  'litellm_disabled_callbacks',
  'client_side_timeout',
  'base_model',
  'model_info',
  'input_cost_per_token',
  'output_cost_per_token',
  'input_cost_per_second',
  'output_cost_per_second',
  'cache_read_input_token_cost',
  'cache_creation_input_token_cost',
];

/** Only for users' own tests; refused unless the operator allows them. */
export const MOCK_TESTING_KEYS: ReadonlySet<string> = new Set([
  'mock_timeout',
  'mock_delay',
  'mock_testing_fallbacks',
  'mock_testing_context_fallbacks',
  'mock_testing_content_policy_fallbacks',
  'mock_testing_rate_limit_error',
]);

export const GATEWAY_KEYS: ReadonlySet<string> = new Set([...CONTROLS, ...LATER, ...STRIPPED, ...MOCK_TESTING_KEYS]);

/** Whole families of the same kind: state and prices of the gateway, and settings of its log's receivers. */
const GATEWAY_FAMILIES =
  /^(?:_?litellm_|user_api_key_|guardrail_scan_|langfuse_|langsmith_|arize_|(?:in|out)put_cost_per_|cache_(?:read|creation)_input_token_cost)/;

/** Whether a body key speaks to the gateway only. */
export const isGatewayKey = (key: string): boolean => GATEWAY_KEYS.has(key) || GATEWAY_FAMILIES.test(key);

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Destination and credentials are the operator's: a client that could set them could steal a provider key. */
export const REFUSED_KEYS: ReadonlySet<string> = new Set(
  words(`
    api_base base_url api_version deployment_url user_config model_list
    vertex_credentials vertex_project vertex_location vertex_ai_credentials vertex_ai_project vertex_ai_location
    use_psc_endpoint_format
    azure_ad_token azure_username azure_password azure_scope azure_authority_host enable_azure_ad_token_refresh
    aws_access_key_id aws_secret_access_key aws_session_token aws_role_name aws_session_name aws_profile_name
    aws_region_name aws_web_identity_token aws_sts_endpoint aws_external_id aws_session_tags
    aws_bedrock_runtime_endpoint aws_bedrock_project_id aws_workspace_id bedrock_tags sagemaker_base_url s3_endpoint_url
    watsonx_region_name watsonx_project zen_api_key iam_url anthropic_workspace_id anthropic-workspace-id
    langfuse_secret langfuse_secret_key langfuse_host langsmith_api_key langsmith_base_url
  `),
);

/** Settings of providers whose names are plain words: people's own metadata may hold those, a request may not. */
export const REFUSED_SETTINGS: ReadonlySet<string> = new Set(
  words(`
    region_name tenant_id client_id client_secret project_id space_id model_id workspace_id account_id token auth_token
  `),
);
