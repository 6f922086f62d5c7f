/**
 * Fields of LiteLLM's management API: names as its request and answer models have them (version 1.110.2, public package).
 * What is not like this here stands in `docs/litellm-differences.md`, with the reason.
 */
interface Fields {
  /** As the page of differences names it. */
  readonly thing: string;
  readonly routes: readonly string[];
  readonly fields: readonly string[];
}

export interface AnswerFields extends Fields {
  /** Where in the answer, `[]` for each of a list; all of it when it is not said. */
  readonly at?: string;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const LIMITS = words(
  'max_budget soft_budget max_parallel_requests tpm_limit rpm_limit tpd_limit model_max_budget budget_duration',
);
const BUDGET = [...LIMITS, ...words('budget_id allowed_models temp_budget_increase temp_budget_expiry')];

const KEY_REQUEST = words(`
  key_alias duration models spend max_budget user_id team_id agent_id max_parallel_requests metadata tpm_limit rpm_limit
  budget_duration budget_limits allowed_cache_controls config permissions model_max_budget budget_fallbacks model_rpm_limit
  model_tpm_limit mcp_rpm_limit tag_rpm_limit guardrails policies prompts blocked aliases object_permission key tpd_limit
  default_estimated_output_tokens default_estimated_output_tokens_per_model budget_id end_user_budget_id tags
  disable_global_guardrails enable_prompt_caching throttle_on_budget_exceeded enforced_params allowed_routes
  allowed_passthrough_routes denied_passthrough_routes allowed_vector_store_indexes rpm_limit_type tpm_limit_type
  router_settings access_group_ids soft_budget auto_rotate rotation_interval organization_id project_id`);
const KEY_MADE = [
  ...KEY_REQUEST.filter((field) => !['duration', 'soft_budget', 'auto_rotate', 'rotation_interval'].includes(field)),
  ...words('key_name key_type expires token_id litellm_budget_table token created_by updated_by created_at updated_at'),
];
const KEY_STORED = words(`
  key_name key_alias spend total_spend max_budget expires models aliases config user_id team_id agent_id project_id
  organization_id max_parallel_requests metadata tpm_limit rpm_limit tpd_limit budget_duration budget_reset_at
  allowed_cache_controls allowed_routes key_type permissions model_spend model_max_budget budget_fallbacks
  soft_budget_cooldown blocked litellm_budget_table budget_id created_at created_by updated_at updated_by
  settings_updated_at last_active object_permission_id object_permission access_group_ids rotation_count auto_rotate
  rotation_interval last_rotation_at key_rotation_at router_settings budget_limits`);

const USER_REQUEST = words(`
  key_alias duration models spend max_budget user_id team_id agent_id max_parallel_requests metadata tpm_limit rpm_limit
  budget_duration budget_limits allowed_cache_controls config permissions model_max_budget budget_fallbacks model_rpm_limit
  model_tpm_limit mcp_rpm_limit tag_rpm_limit guardrails policies prompts blocked aliases object_permission user_email
  user_alias user_role password`);
const USER = words(`
  user_id user_alias team_id sso_user_id organization_id object_permission_id password_reset_required
  last_breach_check_at teams user_role max_budget spend user_email models metadata max_parallel_requests tpm_limit
  rpm_limit budget_duration budget_reset_at allowed_cache_controls policies model_spend model_max_budget created_at
  updated_at organization_memberships object_permission`);

const TEAM_CHANGE = words(`
  team_id team_alias organization_id metadata tpm_limit rpm_limit tpd_limit max_budget soft_budget models blocked
  budget_duration tags model_aliases guardrails policies object_permission disable_global_guardrails require_trace_id
  team_member_budget team_member_budget_duration team_member_model_max_budget team_member_rpm_limit team_member_tpm_limit
  team_member_key_duration allowed_passthrough_routes denied_passthrough_routes secret_manager_settings prompts
  model_rpm_limit model_tpm_limit default_estimated_output_tokens default_estimated_output_tokens_per_model mcp_rpm_limit
  allowed_vector_store_indexes enforced_batch_output_expires_after enforced_file_expires_after router_settings
  access_group_ids budget_limits default_team_member_models model_max_budget`);
const TEAM = words(`
  team_alias team_id organization_id admins members members_with_roles team_member_permissions metadata tpm_limit rpm_limit
  tpd_limit max_budget soft_budget budget_duration budget_limits models blocked router_settings access_group_ids
  default_team_member_models spend max_parallel_requests budget_reset_at model_id model_spend model_max_budget policies
  allow_team_guardrail_config litellm_model_table object_permission object_permission_id updated_at created_at`);
const MEMBERSHIP = words('user_id team_id budget_id spend total_spend litellm_budget_table');

const ORGANIZATION = words(`
  organization_id organization_alias budget_id spend metadata models model_spend created_by updated_by users
  litellm_budget_table object_permission object_permission_id created_at updated_at`);
const ORGANIZATION_MEMBERSHIP = words(
  'user_id organization_id user_role spend budget_id created_at updated_at user litellm_budget_table user_email',
);
const ORGANIZATION_REQUEST = [
  ...BUDGET,
  ...words('organization_id organization_alias models metadata model_rpm_limit model_tpm_limit object_permission'),
];
const PROJECT = words(`
  project_id project_alias description team_id budget_id metadata models spend model_spend model_rpm_limit model_tpm_limit
  blocked object_permission_id created_by updated_by created_at updated_at litellm_budget_table object_permission`);
const PROJECT_REQUEST = [
  ...BUDGET,
  ...words(`project_id project_alias description team_id metadata tags guardrails policies models model_rpm_limit
    model_tpm_limit model_itpm_limit model_otpm_limit blocked object_permission`),
];
const CUSTOMER = words(`
  user_id blocked alias spend allowed_model_region default_model models budget_id litellm_budget_table
  object_permission_id object_permission`);
const CUSTOMER_CHANGE = words(
  'user_id alias blocked max_budget budget_id allowed_model_region default_model models object_permission',
);
const TAG_REQUEST = words(`
  name description models model_info budget_id max_budget soft_budget max_parallel_requests tpm_limit rpm_limit
  model_max_budget budget_duration`);
const TAG = words('name description models model_info created_at updated_at created_by');
const GROUP_REQUEST = words(`
  access_group_name description access_model_names access_mcp_server_ids mcp_tool_permissions access_agent_ids
  access_skill_names assigned_team_ids assigned_key_ids`);
const GROUP = [
  ...GROUP_REQUEST,
  ...words(`access_group_id access_mcp_servers access_agents assigned_teams assigned_keys created_at created_by updated_at
    updated_by`),
];
const MODEL = words(
  'model_id model_name litellm_params model_info blocked created_at created_by updated_at updated_by',
);
const MODEL_GROUP = words(`
  model_group providers max_input_tokens max_output_tokens input_cost_per_token output_cost_per_token
  input_cost_per_pixel mode tpm rpm supports_parallel_function_calling supports_vision supports_web_search
  supports_url_context supports_reasoning supports_function_calling supported_openai_params
  configurable_clientside_auth_params is_public_model_group health_status health_response_time health_checked_at`);
const LOG_ROW = words(`
  request_id call_type api_key spend total_tokens prompt_tokens completion_tokens startTime endTime completionStartTime
  model model_id model_group mcp_namespaced_tool_name agent_id billing_agent_id api_base user metadata cache_hit cache_key
  request_tags team_id organization_id end_user requester_ip_address custom_llm_provider messages response
  proxy_server_request session_id request_duration_ms status litellm_call_id created_at updated_at`);
const METRICS = words(`
  spend flat_cost ptu_hours prompt_tokens completion_tokens cache_read_input_tokens cache_creation_input_tokens
  compression_saved_tokens compression_savings_spend prompt_caching_savings_spend
  gateway_injected_caching_savings_spend autorouter_savings_spend total_tokens successful_requests failed_requests
  api_requests total_response_time_ms timed_requests`);
const BREAKDOWN = words('mcp_servers models model_groups providers endpoints api_keys entities guardrails');
const TOTALS = words(`
  total_spend total_flat_cost total_ptu_hours total_prompt_tokens total_completion_tokens total_tokens total_api_requests
  total_successful_requests total_failed_requests total_cache_read_input_tokens total_cache_creation_input_tokens
  total_compression_saved_tokens total_compression_savings_spend total_prompt_caching_savings_spend
  total_gateway_injected_caching_savings_spend total_autorouter_savings_spend total_response_time_ms total_timed_requests
  page total_pages has_more api_key_limit total_api_keys entity_total_api_keys`);
const AUDIT = words(
  'id updated_at changed_by changed_by_api_key action table_name object_id before_value updated_values',
);
const PAGE = words('total page page_size total_pages');

const NOUNS_WITH_DAYS = ['user', 'team', 'tag', 'organization', 'customer', 'end_user'];
const DAYS = NOUNS_WITH_DAYS.flatMap((noun) => ['', '/aggregated'].map((end) => `GET /${noun}/daily/activity${end}`));
const customers = (...ends: readonly string[]): readonly string[] =>
  ends.flatMap((end) => ['customer', 'end_user'].map((root) => end.replace('*', root)));

/** What a request may say. */
export const REQUESTS: readonly Fields[] = [
  {
    thing: 'key',
    routes: ['POST /key/generate', 'POST /key/service-account/generate'],
    fields: [...KEY_REQUEST, 'send_invite_email', 'key_type'],
  },
  {
    thing: 'key',
    routes: ['POST /key/update'],
    fields: [...KEY_REQUEST, 'temp_budget_increase', 'temp_budget_expiry'],
  },
  {
    thing: 'key',
    routes: ['POST /key/regenerate', 'POST /key/{key}/regenerate'],
    fields: [...KEY_REQUEST, ...words('send_invite_email key_type new_key new_master_key grace_period')],
  },
  {
    thing: 'user',
    routes: ['POST /user/new'],
    fields: [...USER_REQUEST, ...words('teams auto_create_key send_invite_email sso_user_id organizations')],
  },
  { thing: 'user', routes: ['POST /user/update'], fields: USER_REQUEST },
  {
    thing: 'team',
    routes: ['POST /team/new'],
    fields: [
      ...TEAM_CHANGE,
      ...words('admins members members_with_roles team_member_permissions rpm_limit_type tpm_limit_type'),
    ],
  },
  { thing: 'team', routes: ['POST /team/update', 'PATCH /team/{team_id}'], fields: TEAM_CHANGE },
  {
    thing: 'team member',
    routes: ['POST /team/member_add'],
    fields: words('member team_id max_budget_in_team budget_duration allowed_models'),
  },
  {
    thing: 'team member',
    routes: ['POST /team/member_update'],
    fields: words(`user_id user_email team_id max_budget_in_team role tpm_limit rpm_limit budget_duration allowed_models
      temp_budget_increase temp_budget_expiry model_max_budget`),
  },
  {
    thing: 'team member',
    routes: ['POST /team/bulk_member_add'],
    fields: words('team_id members all_users max_budget_in_team'),
  },
  { thing: 'team member', routes: ['POST /team/member_delete'], fields: words('team_id user_id user_email') },
  { thing: 'organization', routes: ['POST /organization/new'], fields: ORGANIZATION_REQUEST },
  { thing: 'organization', routes: ['PATCH /organization/update'], fields: [...ORGANIZATION_REQUEST, 'spend'] },
  {
    thing: 'organization member',
    routes: ['POST /organization/member_add'],
    fields: words('member organization_id max_budget_in_organization'),
  },
  {
    thing: 'organization member',
    routes: ['PATCH /organization/member_update'],
    fields: words('user_id user_email organization_id max_budget_in_organization role'),
  },
  { thing: 'project', routes: ['POST /project/new', 'POST /project/update'], fields: PROJECT_REQUEST },
  {
    thing: 'customer',
    routes: customers('POST /*/new'),
    fields: [...CUSTOMER_CHANGE, ...LIMITS, 'budget_reset_at', 'spend'],
  },
  { thing: 'customer', routes: customers('POST /*/update'), fields: CUSTOMER_CHANGE },
  {
    thing: 'budget',
    routes: ['POST /budget/new', 'POST /budget/update'],
    fields: [...LIMITS, 'budget_id', 'budget_reset_at'],
  },
  { thing: 'tag', routes: ['POST /tag/new'], fields: TAG_REQUEST },
  { thing: 'tag', routes: ['POST /tag/update'], fields: [...TAG_REQUEST, 'spend'] },
  {
    thing: 'access group',
    routes: ['POST /v1/access_group', 'PUT /v1/access_group/{access_group_id}'],
    fields: GROUP_REQUEST,
  },
  {
    thing: 'model group',
    routes: ['POST /access_group/new'],
    fields: words('access_group model_names model_ids'),
  },
  {
    thing: 'model',
    routes: ['POST /model/new', 'POST /model/update', 'PATCH /model/{model_id}/update'],
    fields: words('model_name litellm_params model_info'),
  },
  { thing: 'model', routes: ['POST /model/update'], fields: ['id'] },
  {
    thing: 'credential',
    routes: ['POST /credentials'],
    fields: words('credential_name display_name credential_info credential_values model_id'),
  },
  {
    thing: 'credential',
    routes: ['PATCH /credentials/{credential_name}'],
    fields: words(
      'credential_name display_name credential_info credential_values model_id credential_values_to_delete',
    ),
  },
  { thing: 'cost', routes: ['POST /spend/calculate'], fields: words('model messages completion_response') },
  {
    thing: 'token count',
    routes: ['POST /utils/token_counter'],
    fields: words('model prompt messages contents tools system'),
  },
  { thing: 'raw request', routes: ['POST /utils/transform_request'], fields: words('call_type request_body') },
  {
    thing: 'estimate',
    routes: ['POST /cost/estimate'],
    fields: words(`model input_tokens output_tokens cache_read_input_tokens cache_creation_input_tokens reasoning_tokens
      num_requests_per_day num_requests_per_month`),
  },
];

/** What an answer says. */
export const ANSWERS: readonly AnswerFields[] = [
  {
    thing: 'key',
    routes: [
      'POST /key/generate',
      'POST /key/service-account/generate',
      'POST /key/regenerate',
      'POST /key/{key}/regenerate',
    ],
    fields: KEY_MADE,
  },
  { thing: 'key', routes: ['GET /key/info'], at: 'info', fields: [...KEY_STORED, 'status'] },
  { thing: 'key', routes: ['POST /v2/key/info'], at: 'info.[]', fields: KEY_STORED },
  { thing: 'key', routes: ['POST /key/update'], fields: [...KEY_STORED, 'key'] },
  { thing: 'key', routes: ['POST /key/block', 'POST /key/unblock'], fields: [...KEY_STORED, 'token'] },
  { thing: 'key', routes: ['GET /key/list'], fields: words('keys total_count current_page total_pages') },
  { thing: 'key', routes: ['GET /key/aliases'], fields: words('aliases total_count current_page total_pages size') },
  { thing: 'key', routes: ['POST /key/delete'], fields: ['deleted_keys'] },
  {
    thing: 'key',
    routes: ['POST /key/bulk_update'],
    fields: words('total_requested successful_updates failed_updates'),
  },
  {
    thing: 'key',
    routes: ['POST /key/{key}/reset_spend'],
    fields: words('key_hash spend previous_spend max_budget budget_reset_at'),
  },
  {
    thing: 'user',
    routes: ['POST /user/new'],
    fields: [...KEY_MADE, ...words('user_email user_role teams user_alias')],
  },
  { thing: 'user', routes: ['GET /user/info'], fields: words('user_id user_info keys teams') },
  { thing: 'user', routes: ['GET /user/info'], at: 'user_info', fields: USER },
  { thing: 'user', routes: ['POST /user/update'], at: 'data', fields: USER },
  {
    thing: 'user',
    routes: ['GET /v2/user/info'],
    fields: words(`user_id user_email user_alias user_role spend max_budget tpm_limit rpm_limit models budget_duration
      budget_reset_at metadata created_at updated_at sso_user_id teams object_permission model_max_budget`),
  },
  { thing: 'user', routes: ['GET /user/list'], fields: ['users', ...PAGE] },
  { thing: 'user', routes: ['GET /user/list'], at: 'users.[]', fields: [...USER, 'key_count'] },
  {
    thing: 'user',
    routes: ['POST /user/bulk_update'],
    fields: words('results total_requested successful_updates failed_updates'),
  },
  {
    thing: 'user',
    routes: ['POST /user/bulk_update'],
    at: 'results.[]',
    fields: words('user_id user_email success error updated_user'),
  },
  { thing: 'team', routes: ['POST /team/new', 'POST /team/block', 'POST /team/unblock'], fields: TEAM },
  {
    thing: 'team',
    routes: ['POST /team/member_delete', 'POST /team/model/add', 'POST /team/model/delete'],
    fields: TEAM,
  },
  { thing: 'team', routes: ['POST /team/permissions_update'], fields: TEAM },
  { thing: 'team', routes: ['POST /team/update', 'PATCH /team/{team_id}'], at: 'data', fields: TEAM },
  { thing: 'team', routes: ['GET /team/info'], fields: words('team_id team_info keys team_memberships') },
  {
    thing: 'team',
    routes: ['GET /team/info'],
    at: 'team_info',
    fields: [
      ...TEAM,
      ...words(`team_member_budget_table access_group_models access_group_mcp_server_ids access_group_agent_ids
        access_group_skill_names unresolved_access_group_ids access_group_details organization_models
        model_max_budget_usage caller_edit_access`),
    ],
  },
  {
    thing: 'team member',
    routes: ['GET /team/info'],
    at: 'team_memberships.[]',
    fields: [...MEMBERSHIP, 'budget_source'],
  },
  { thing: 'team', routes: ['GET /team/list'], at: '[]', fields: [...TEAM, 'team_memberships', 'keys'] },
  { thing: 'team', routes: ['GET /v2/team/list'], fields: ['teams', ...PAGE] },
  { thing: 'team', routes: ['GET /v2/team/list'], at: 'teams.[]', fields: TEAM },
  { thing: 'team', routes: ['POST /team/delete'], fields: ['deleted_teams'] },
  {
    thing: 'team',
    routes: ['GET /team/permissions_list'],
    fields: words('team_id team_member_permissions all_available_permissions'),
  },
  {
    thing: 'team member',
    routes: ['POST /team/member_add'],
    fields: [...TEAM, 'updated_users', 'updated_team_memberships'],
  },
  { thing: 'user', routes: ['POST /team/member_add'], at: 'updated_users.[]', fields: USER },
  { thing: 'team member', routes: ['POST /team/member_add'], at: 'updated_team_memberships.[]', fields: MEMBERSHIP },
  {
    thing: 'team member',
    routes: ['POST /team/member_update'],
    fields: words(`user_id user_email team_id max_budget_in_team tpm_limit rpm_limit budget_duration allowed_models
      temp_budget_increase temp_budget_expiry model_max_budget`),
  },
  {
    thing: 'team member',
    routes: ['POST /team/bulk_member_add'],
    fields: words('team_id results total_requested successful_additions failed_additions updated_team'),
  },
  {
    thing: 'team member',
    routes: ['POST /team/bulk_member_add'],
    at: 'results.[]',
    fields: words('user_id user_email success error updated_user updated_team_membership'),
  },
  { thing: 'organization', routes: ['POST /organization/new'], fields: ORGANIZATION },
  {
    thing: 'organization',
    routes: ['GET /organization/info', 'PATCH /organization/update'],
    fields: [...ORGANIZATION, 'members', 'teams'],
  },
  {
    thing: 'organization',
    routes: ['GET /organization/list', 'DELETE /organization/delete'],
    at: '[]',
    fields: [...ORGANIZATION, 'members', 'teams'],
  },
  {
    thing: 'organization member',
    routes: ['GET /organization/info'],
    at: 'members.[]',
    fields: ORGANIZATION_MEMBERSHIP,
  },
  {
    thing: 'organization member',
    routes: ['POST /organization/member_add'],
    fields: words('organization_id updated_users updated_organization_memberships'),
  },
  { thing: 'user', routes: ['POST /organization/member_add'], at: 'updated_users.[]', fields: USER },
  {
    thing: 'organization member',
    routes: ['POST /organization/member_add'],
    at: 'updated_organization_memberships.[]',
    fields: ORGANIZATION_MEMBERSHIP,
  },
  {
    thing: 'organization member',
    routes: ['PATCH /organization/member_update', 'DELETE /organization/member_delete'],
    fields: ORGANIZATION_MEMBERSHIP,
  },
  {
    thing: 'project',
    routes: ['POST /project/new', 'POST /project/update', 'GET /project/info'],
    fields: PROJECT,
  },
  { thing: 'project', routes: ['GET /project/list'], at: '[]', fields: PROJECT },
  { thing: 'customer', routes: customers('POST /*/new', 'POST /*/update', 'GET /*/info'), fields: CUSTOMER },
  { thing: 'customer', routes: customers('GET /*/list'), at: '[]', fields: CUSTOMER },
  { thing: 'customer', routes: customers('POST /*/block', 'POST /*/unblock'), fields: ['blocked_users'] },
  { thing: 'customer', routes: customers('POST /*/delete'), fields: ['deleted_customers', 'message'] },
  {
    thing: 'budget',
    routes: ['POST /budget/new', 'POST /budget/update'],
    fields: [...BUDGET, ...words('budget_reset_at created_at created_by updated_at updated_by')],
  },
  {
    thing: 'budget',
    routes: ['GET /budget/list', 'POST /budget/info'],
    at: '[]',
    fields: [...BUDGET, 'budget_reset_at', 'created_at'],
  },
  {
    thing: 'budget',
    routes: ['GET /provider/budgets'],
    at: 'providers.openai',
    fields: words('budget_limit time_period spend budget_reset_at'),
  },
  { thing: 'tag', routes: ['POST /tag/new', 'POST /tag/update'], fields: ['message', 'tag'] },
  { thing: 'tag', routes: ['POST /tag/new', 'POST /tag/update'], at: 'tag', fields: TAG },
  {
    thing: 'tag',
    routes: ['POST /tag/info'],
    at: 'full',
    fields: [...TAG, 'spend', 'budget_id', 'updated_by', 'litellm_budget_table'],
  },
  { thing: 'tag', routes: ['GET /tag/list'], at: '[]', fields: words('name description models created_at updated_at') },
  { thing: 'tag', routes: ['POST /tag/delete'], fields: ['message'] },
  {
    thing: 'access group',
    routes: [
      'POST /v1/access_group',
      'GET /v1/access_group/{access_group_id}',
      'PUT /v1/access_group/{access_group_id}',
    ],
    fields: GROUP,
  },
  { thing: 'access group', routes: ['GET /v1/access_group'], at: '[]', fields: GROUP },
  {
    thing: 'model group',
    routes: ['POST /access_group/new', 'PUT /access_group/{access_group}/update'],
    fields: words('access_group model_names model_ids models_updated'),
  },
  { thing: 'model group', routes: ['GET /access_group/list'], fields: ['access_groups'] },
  {
    thing: 'model group',
    routes: ['GET /access_group/{access_group}/info'],
    fields: words('access_group model_names deployment_count spend budget'),
  },
  {
    thing: 'model group',
    routes: ['DELETE /access_group/{access_group}/delete'],
    fields: words('access_group models_updated message'),
  },
  {
    thing: 'model',
    routes: ['POST /model/new', 'POST /model/update', 'PATCH /model/{model_id}/update'],
    fields: MODEL,
  },
  { thing: 'model', routes: ['POST /model/block', 'POST /model/unblock'], fields: MODEL },
  { thing: 'model', routes: ['POST /model/delete'], fields: ['message'] },
  {
    thing: 'model',
    routes: ['GET /model/info', 'GET /v1/model/info', 'GET /v2/model/info'],
    at: 'data.[]',
    fields: words('model_name litellm_params model_info'),
  },
  {
    thing: 'model',
    routes: ['GET /v2/model/info'],
    fields: words('data total_count current_page total_pages size'),
  },
  { thing: 'model', routes: ['GET /model_group/info'], at: 'data.[]', fields: MODEL_GROUP },
  { thing: 'credential', routes: ['GET /credentials'], fields: ['success', 'credentials'] },
  {
    thing: 'credential',
    routes: ['GET /credentials'],
    at: 'credentials.[]',
    fields: words('credential_name display_name credential_info credential_values source'),
  },
  {
    thing: 'credential',
    routes: ['GET /credentials/by_name/{credential_name}'],
    fields: words('credential_name display_name credential_info credential_values source'),
  },
  {
    thing: 'credential',
    routes: ['POST /credentials', 'PATCH /credentials/{credential_name}', 'DELETE /credentials/{credential_name}'],
    fields: ['success', 'message'],
  },
  { thing: 'log', routes: ['GET /spend/logs/v2', 'GET /spend/logs/ui'], fields: ['data', ...PAGE] },
  { thing: 'log', routes: ['GET /spend/logs/session/ui'], fields: ['data', ...PAGE] },
  {
    thing: 'log',
    routes: ['GET /spend/logs/v2', 'GET /spend/logs/ui', 'GET /spend/logs/session/ui'],
    at: 'data.[]',
    fields: LOG_ROW,
  },
  { thing: 'spend', routes: ['GET /global/spend'], fields: ['spend', 'max_budget'] },
  {
    thing: 'spend',
    routes: ['GET /global/spend/teams'],
    fields: words('daily_spend teams total_spend_per_team'),
  },
  { thing: 'spend', routes: ['GET /global/spend/tags'], fields: ['spend_per_tag'] },
  { thing: 'spend', routes: ['GET /global/spend/all_tag_names'], fields: ['tag_names'] },
  { thing: 'cost', routes: ['POST /spend/calculate'], fields: ['cost'] },
  {
    thing: 'token count',
    routes: ['POST /utils/token_counter'],
    fields:
      words(`total_tokens request_model model_used tokenizer_type count_source original_response error error_message
      status_code`),
  },
  {
    thing: 'raw request',
    routes: ['POST /utils/transform_request'],
    fields: words('raw_request_api_base raw_request_body raw_request_headers'),
  },
  {
    thing: 'model',
    routes: ['GET /utils/supported_openai_params'],
    fields: ['supported_openai_params'],
  },
  { thing: 'listed model', routes: ['GET /utils/model_info'], fields: words('model custom_llm_provider model_info') },
  {
    thing: 'estimate',
    routes: ['POST /cost/estimate'],
    fields: words(`model cost_per_request input_cost_per_request output_cost_per_request margin_cost_per_request
      cache_read_cost_per_request cache_creation_cost_per_request reasoning_cost_per_request daily_cost daily_input_cost
      monthly_cost monthly_output_cost input_cost_per_token output_cost_per_token cache_read_input_token_cost provider`),
  },
  {
    thing: 'export',
    routes: NOUNS_WITH_DAYS.map((noun) => `GET /${noun}/daily/activity/export`),
    at: '[]',
    fields: words(`date entity_id entity_alias api_key key_alias user_id user_email model spend flat_cost prompt_tokens
      completion_tokens api_requests successful_requests failed_requests cache_read_input_tokens
      cache_creation_input_tokens`),
  },
  {
    thing: 'activity',
    routes: ['GET /global/activity'],
    fields: words('daily_data sum_api_requests sum_total_tokens'),
  },
  {
    thing: 'activity',
    routes: ['GET /global/activity/model'],
    at: '[]',
    fields: words('model daily_data sum_api_requests sum_total_tokens'),
  },
  {
    thing: 'activity',
    routes: ['GET /global/activity/exceptions'],
    fields: words('daily_data sum_num_rate_limit_exceptions'),
  },
  {
    thing: 'activity',
    routes: ['GET /global/activity/exceptions/deployment'],
    at: '[]',
    fields: words('api_base daily_data sum_num_rate_limit_exceptions'),
  },
  { thing: 'days', routes: DAYS, fields: ['results', 'metadata'] },
  { thing: 'days', routes: DAYS, at: 'metadata', fields: TOTALS },
  { thing: 'days', routes: DAYS, at: 'results.[]', fields: ['date', 'metrics', 'breakdown'] },
  { thing: 'days', routes: DAYS, at: 'results.[].metrics', fields: METRICS },
  { thing: 'days', routes: DAYS, at: 'results.[].breakdown', fields: BREAKDOWN },
  {
    thing: 'days',
    routes: DAYS,
    at: 'results.[].breakdown.models.[]',
    fields: words('metrics metadata api_key_breakdown'),
  },
  {
    thing: 'days',
    routes: DAYS,
    at: 'results.[].breakdown.api_keys.[].metadata',
    fields: words('key_alias team_id user_id user_email key_exists'),
  },
  {
    thing: 'setting',
    routes: ['GET /router/settings'],
    fields: words('fields current_values routing_strategy_descriptions routing_group_strategies source'),
  },
  {
    thing: 'setting',
    routes: ['GET /router/fields'],
    fields: words('fields routing_strategy_descriptions routing_group_strategies'),
  },
  {
    thing: 'setting',
    routes: ['GET /router/settings', 'GET /router/fields'],
    at: 'fields.[]',
    fields: words('field_name field_type field_value field_description field_default options ui_field_name link'),
  },
  {
    thing: 'setting',
    routes: ['GET /config/list'],
    at: '[]',
    fields: words(`field_name field_type field_description field_value stored_in_db field_default_value premium_field
      nested_fields field_options field_tab source editable`),
  },
  {
    thing: 'setting',
    routes: ['GET /config/field/info'],
    fields: words('field_name field_value source editable'),
  },
  { thing: 'setting', routes: ['POST /config/update'], fields: ['message'] },
  {
    thing: 'health',
    routes: ['GET /health'],
    fields: words('healthy_endpoints unhealthy_endpoints healthy_count unhealthy_count'),
  },
  { thing: 'health', routes: ['GET /health/latest'], fields: words('latest_health_checks total_models') },
  { thing: 'health', routes: ['GET /health/history'], fields: words('health_checks total_records limit offset') },
  { thing: 'audit log', routes: ['GET /audit'], fields: ['audit_logs', ...PAGE] },
  { thing: 'audit log', routes: ['GET /audit'], at: 'audit_logs.[]', fields: AUDIT },
  { thing: 'audit log', routes: ['GET /audit/{id}'], fields: AUDIT },
];

/** What a query may say. */
export const QUERIES: readonly Fields[] = [
  {
    thing: 'key',
    routes: ['GET /key/list'],
    fields: words(`page size user_id team_id organization_id key_hash key_alias search return_full_object
      include_team_keys include_created_by_keys sort_by sort_order expand status project_id access_group_id agent_id
      substring_matching expires`),
  },
  { thing: 'key', routes: ['GET /key/info'], fields: ['key'] },
  { thing: 'key', routes: ['GET /key/aliases'], fields: words('page size search team_id') },
  {
    thing: 'user',
    routes: ['GET /user/list'],
    fields: words(`role user_ids sso_user_ids user_email search team page page_size sort_by sort_order
      organization_ids`),
  },
  { thing: 'user', routes: ['GET /user/info', 'GET /v2/user/info'], fields: ['user_id'] },
  { thing: 'team', routes: ['GET /team/info'], fields: words('team_id key_limit') },
  { thing: 'team', routes: ['GET /team/list'], fields: words('user_id organization_id') },
  {
    thing: 'team',
    routes: ['GET /v2/team/list'],
    fields: words(`user_id organization_id team_id team_alias search search_team_id_match page page_size sort_by
      sort_order status`),
  },
  { thing: 'organization', routes: ['GET /organization/list'], fields: words('org_id org_alias') },
  { thing: 'organization', routes: ['GET /organization/info'], fields: ['organization_id'] },
  { thing: 'customer', routes: customers('GET /*/list'), fields: words('page page_size search') },
  { thing: 'customer', routes: customers('GET /*/info'), fields: ['end_user_id'] },
  { thing: 'budget', routes: ['GET /budget/settings'], fields: ['budget_id'] },
  { thing: 'tag', routes: ['GET /tag/list'], fields: words('start_date end_date') },
  {
    thing: 'model',
    routes: ['GET /model/info', 'GET /v1/model/info'],
    fields: words('litellm_model_id include_team_models teamId healthy_only'),
  },
  {
    thing: 'model',
    routes: ['GET /v2/model/info'],
    fields: words(`model user_models_only include_team_models debug page size search modelId use_stored_params teamId
      sortBy sortOrder blocked exclude_auto_routers access_group wildcard_only`),
  },
  { thing: 'model', routes: ['GET /model_group/info'], fields: ['model_group'] },
  { thing: 'token count', routes: ['POST /utils/token_counter'], fields: ['call_endpoint'] },
  { thing: 'model', routes: ['GET /utils/supported_openai_params'], fields: ['model'] },
  { thing: 'listed model', routes: ['GET /utils/model_info'], fields: words('model custom_llm_provider') },
  {
    thing: 'log',
    routes: ['GET /spend/logs'],
    fields: words('api_key user_id request_id start_date end_date summarize'),
  },
  {
    thing: 'log',
    routes: ['GET /spend/logs/v2', 'GET /spend/logs/ui'],
    fields: words(`api_key user_id request_id session_id team_id min_spend max_spend start_date end_date page page_size
      status_filter cache_hit_filter used_client_oauth_token span_type model model_id model_group key_alias end_user
      error_code error_message sort_by sort_order exclude_internal_health_checks group_by_session session_cursor search`),
  },
  { thing: 'log', routes: ['GET /spend/logs/session/ui'], fields: words('session_id page page_size') },
  {
    thing: 'spend',
    routes: ['GET /global/spend/report'],
    fields: words('start_date end_date group_by api_key internal_user_id team_id customer_id'),
  },
  { thing: 'spend', routes: ['GET /spend/tags'], fields: words('start_date end_date') },
  { thing: 'activity', routes: ['GET /global/activity'], fields: words('start_date end_date') },
  {
    thing: 'activity',
    routes: ['GET /global/activity/model', 'GET /global/activity/exceptions'],
    fields: words('start_date end_date'),
  },
  {
    thing: 'activity',
    routes: ['GET /global/activity/cache_hits'],
    fields: words('start_date end_date key_aliases models'),
  },
  {
    thing: 'days',
    routes: DAYS,
    fields: words('start_date end_date model api_key page page_size timezone'),
  },
  {
    thing: 'days',
    routes: ['GET /user/daily/activity'],
    fields: words('user_id include_current_utc_day'),
  },
  { thing: 'days', routes: ['GET /team/daily/activity'], fields: words('team_ids exclude_team_ids') },
  {
    thing: 'days',
    routes: ['GET /organization/daily/activity'],
    fields: words('organization_ids exclude_organization_ids'),
  },
  { thing: 'days', routes: ['GET /customer/daily/activity'], fields: words('end_user_ids exclude_end_user_ids') },
  { thing: 'days', routes: ['GET /tag/daily/activity'], fields: ['tags'] },
];
