/**
 * Names allowed in `litellm_params` and `model_info`, as data: parameters of a chat completion that may be given as
 * defaults, provider settings, prices, and what LiteLLM has and Tollgate does not act on yet. Names follow OpenAI's
 * and LiteLLM's public documentation.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Parameters of a chat completion that a deployment may give a default for. */
export const COMPLETION_DEFAULTS = words(`
  temperature top_p max_tokens max_completion_tokens n stop seed presence_penalty frequency_penalty logit_bias
  logprobs top_logprobs tools tool_choice parallel_tool_calls functions function_call response_format
  reasoning_effort thinking verbosity service_tier store prediction modalities audio web_search_options
  safety_identifier prompt_cache_key prompt_cache_retention user stream_options top_k
`);

/** Parameters that some upstreams know; listed so that none of them is taken for a typing error. */
export const UPSTREAM_DEFAULTS = words(`
  top_a min_p typical_p repetition_penalty length_penalty min_tokens best_of ignore_eos skip_special_tokens
  include_stop_str_in_output guided_json guided_regex guided_choice guided_grammar chat_template
  chat_template_kwargs add_generation_prompt continue_final_message structured_outputs mirostat mirostat_eta
  mirostat_tau num_ctx num_predict num_gpu num_thread keep_alive format think options repeat_penalty repeat_last_n
  tfs_z models route provider transforms reasoning include_reasoning reasoning_format reasoning_split plugins usage
  safe_prompt random_seed prompt_mode search_domain_filter search_recency_filter search_mode search_parameters
  return_images return_related_questions return_citations enable_thinking thinking_budget documents citation_options
  context_management include_server_side_tool_invocations cache_prompt echo metadata stream suffix
`);

/** Handed to the deployment's provider; only its adapter understands them. */
export const PROVIDER_SETTINGS = words(`
  region_name azure_ad_token tenant_id client_id client_secret azure_username azure_password azure_scope
  vertex_project vertex_location vertex_credentials vertex_ai_project vertex_ai_location vertex_ai_credentials
  use_psc_endpoint_format aws_access_key_id aws_secret_access_key aws_session_token
  aws_region_name aws_session_name aws_profile_name aws_role_name aws_web_identity_token aws_sts_endpoint
  aws_external_id aws_session_tags aws_bedrock_runtime_endpoint aws_bedrock_project_id watsonx_region_name
  sagemaker_base_url model_id hf_model_name enable_azure_ad_token_refresh project_id space_id watsonx_project token zen_api_key
`);

/** What its model cannot take or its clients cannot read, whichever provider it is. */
export const SHAPE_SETTINGS = words(`
  supports_system_message ensure_alternating_roles user_continue_message assistant_continue_message
  merge_reasoning_content_in_choices
`);

/** LiteLLM has them; Tollgate does not act on them yet, and they never reach an upstream. */
export const IGNORED_PARAMS = words(`
  itpm otpm timeout_by_service_tier stream_timeout_by_service_tier max_retries
  model_info use_chat_completions_api
  use_in_pass_through use_litellm_proxy use_xai_oauth fireworks_forward_user_id keepalive_seconds
  allow_client_keepalive_override max_file_size_mb provider_affinity_header cache_control_injection_points
  guardrails default_api_key_rpm_limit default_api_key_tpm_limit litellm_trace_id auto_router_config_path
  auto_router_config auto_router_default_model auto_router_embedding_model auto_router_max_input_chars
  auto_router_routing_compression auto_router_model_compression complexity_router_config
  complexity_router_default_model adaptive_router_config adaptive_router_default_model quality_router_config
  quality_router_default_model gcs_bucket_name bucket_name s3_bucket_name s3_endpoint_url s3_region_name
  s3_access_key_id s3_secret_access_key s3_encryption_key_id s3_bucket_owner s3_output_bucket_name
  aws_batch_role_arn bedrock_tags vector_store_id vector_bucket_name index_name embedding_model milvus_text_field
  milvus_db_name milvus_partition_names valkey_host valkey_port valkey_password valkey_ssl valkey_text_field
  valkey_embedding_field prompt_id prompt_version prompt_variables prompt_label prompt_environment
  prompt_integration litellm_system_prompt enable_json_schema_validation modify_params
  roles initial_prompt_value
  final_prompt_value bos_token eos_token caching cache ttl no-log
  fallbacks context_window_fallback_dict mock_tool_calls mock_timeout mock_delay
  disable_add_transform_inline_image_block search_tool_name max_agentic_loops stream_chunk_size allowed_model_region
  callbacks success_callback failure_callback langfuse_public_key langfuse_secret langfuse_host
  anthropic_federation_rule_id anthropic_organization_id anthropic_service_account_id
  anthropic_federation_workspace_id anthropic_identity_token_file anthropic_identity_token
  openai_identity_provider_id openai_service_account_id openai_identity_token_file output_vector_size ssl_verify
  tiered_pricing off_peak_pricing search_context_cost_per_query
`);

/** Prices in USD, by the names of the price catalog. Each may carry suffixes: see `isPriceKey`. */
export const PRICE_STEMS = words(`
  input_cost_per_token output_cost_per_token cache_read_input_token_cost cache_creation_input_token_cost
  output_cost_per_reasoning_token input_cost_per_audio_token output_cost_per_audio_token input_cost_per_image_token
  output_cost_per_image_token input_cost_per_video_token output_cost_per_video_token cache_read_input_audio_token_cost
  cache_read_input_image_token_cost cache_creation_input_audio_token_cost input_cost_per_token_cache_hit
  input_cost_per_character output_cost_per_character input_cost_per_image output_cost_per_image input_cost_per_pixel
  output_cost_per_pixel input_cost_per_query input_cost_per_request cost_per_second input_cost_per_second
  output_cost_per_second input_cost_per_audio_per_second output_cost_per_audio_per_second
  input_cost_per_video_per_second output_cost_per_video_per_second citation_cost_per_token
  google_maps_grounding_cost_per_query ocr_cost_per_page ocr_cost_per_credit annotation_cost_per_page
  code_interpreter_cost_per_session file_search_cost_per_1k_calls file_search_cost_per_gb_per_day
  vector_store_cost_per_gb_per_day regional_processing_uplift_multiplier_eu regional_processing_uplift_multiplier_us
  regional_endpoint_uplift_multiplier free
`);

/** Facts about a model, kept as written. */
export const MODEL_FACTS = words(`
  mode max_tokens max_input_tokens max_output_tokens litellm_provider description supported_openai_params
  supported_endpoints supported_modalities supported_output_modalities supported_regions supports_system_messages
  supports_response_schema supports_vision supports_function_calling supports_tool_choice
  supports_assistant_prefill supports_prompt_caching supports_computer_use supports_audio_input
  supports_audio_output supports_video_input supports_image_input supports_pdf_input supports_native_streaming
  supports_native_structured_output supports_parallel_function_calling supports_web_search supports_reasoning
  supports_url_context supports_embedding_image_input deprecation_date
`);

/** Free-form fields that people put there; listed so that none is taken for a typing error of a known key. */
export const FREE_FACTS = words(`
  model models provider key name owner notes note source comment metadata rules region version family url ids tags
  created_at created_by updated_at updated_by db_model output_vector_size reasoning_effort_levels litellm_params
`);

export const IGNORED_MODEL_INFO = words(`
  tier health_check_model health_check_timeout health_check_max_tokens
  health_check_voice disable_background_health_check blocked
  ptu_count cost_per_ptu_per_hour ptu_effective_from
  ptu_effective_to internal_router_model member_auto_router rpm tpm tiered_pricing off_peak_pricing
  search_context_cost_per_query
`);

const PRICE_SUFFIXES =
  /(_above_\d+k_tokens|_above_1hr|_above_\d+s_interval|_batches|_flex|_priority|_balanced|_ultrafast|_decisions|_\d+p|_\d+[kK]?)+$/;
const STEMS = new Set(PRICE_STEMS);

/** A stem, or a stem with tier suffixes such as `_above_200k_tokens`, `_batches`, `_flex` or `_priority`. */
export const isPriceKey = (key: string): boolean => STEMS.has(key) || STEMS.has(key.replace(PRICE_SUFFIXES, ''));
