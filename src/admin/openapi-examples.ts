/** A body for each route that asks for one, to be sent as it is or changed. Values are those of LiteLLM's documentation. */
import type { ManagementRoute } from '../auth/routes.ts';

const KEY = 'sk-...';
const TEAM = 'engineering';
const USER = 'ada';
const MEMBER = { role: 'user', user_id: USER };
const KEY_LIMITS = { models: ['gpt-4o'], max_budget: 10, budget_duration: '30d', rpm_limit: 60, tpm_limit: 100_000 };

const CUSTOMERS: Readonly<Record<string, object>> = {
  new: { user_id: 'customer-1', alias: 'Customer One', max_budget: 5, budget_duration: '1mo' },
  update: { user_id: 'customer-1', budget_id: 'free-tier' },
  delete: { user_ids: ['customer-1'] },
  block: { user_ids: ['customer-1'] },
  unblock: { user_ids: ['customer-1'] },
};

const EXAMPLES: Readonly<Partial<Record<ManagementRoute, object>>> = {
  'POST /key/generate': { key_alias: 'app-1', duration: '90d', ...KEY_LIMITS, metadata: { tags: ['app'] } },
  'POST /key/service-account/generate': { team_id: TEAM, key_alias: 'nightly-build', models: ['gpt-4o'] },
  'POST /v2/key/info': { keys: [KEY] },
  'POST /key/update': { key: KEY, max_budget: 20 },
  'POST /key/bulk_update': { keys: [{ key: KEY, max_budget: 20 }] },
  'POST /team/key/bulk_update': { team_id: TEAM, all_keys_in_team: true, update_fields: { rpm_limit: 60 } },
  'POST /key/delete': { keys: [KEY] },
  'POST /key/block': { key: KEY },
  'POST /key/unblock': { key: KEY },
  'POST /key/regenerate': { key: KEY, grace_period: '24h' },
  'POST /key/{key}/regenerate': { grace_period: '24h' },
  'POST /key/{key}/reset_spend': { reset_to: 0 },
  'POST /budget/new': { budget_id: 'free-tier', max_budget: 5, budget_duration: '1mo', rpm_limit: 10 },
  'POST /budget/update': { budget_id: 'free-tier', max_budget: 10 },
  'POST /budget/info': { budgets: ['free-tier'] },
  'POST /budget/delete': { id: 'free-tier' },
  'POST /tag/new': {
    name: 'marketing',
    description: 'The marketing department',
    max_budget: 500,
    budget_duration: '30d',
  },
  'POST /tag/update': { name: 'marketing', max_budget: 750 },
  'POST /tag/info': { names: ['marketing'] },
  'POST /tag/delete': { name: 'marketing' },
  'POST /v1/access_group': { access_group_name: 'vision', access_model_names: ['gpt-4o'], assigned_team_ids: [TEAM] },
  'PUT /v1/access_group/{access_group_id}': { access_model_names: ['gpt-4o', 'gpt-4o-mini'] },
  'POST /access_group/new': { access_group: 'beta-models', model_names: ['my-gpt-4o'] },
  'PUT /access_group/{access_group}/update': { model_names: ['my-gpt-4o'] },
  'POST /team/new': {
    team_id: TEAM,
    team_alias: 'Engineering',
    models: ['gpt-4o'],
    max_budget: 100,
    budget_duration: '30d',
    members_with_roles: [{ role: 'admin', user_id: 'grace' }],
  },
  'POST /team/update': { team_id: TEAM, max_budget: 200 },
  'PATCH /team/{team_id}': { max_budget: 200 },
  'POST /team/delete': { team_ids: [TEAM] },
  'POST /team/block': { team_id: TEAM },
  'POST /team/unblock': { team_id: TEAM },
  'POST /team/model/add': { team_id: TEAM, models: ['gpt-4o-mini'] },
  'POST /team/model/delete': { team_id: TEAM, models: ['gpt-4o-mini'] },
  'POST /team/permissions_update': { team_id: TEAM, team_member_permissions: ['/key/generate', '/key/info'] },
  'POST /team/permissions_bulk_update': { team_ids: [TEAM], permissions: ['/key/generate'] },
  'POST /team/member_add': { team_id: TEAM, member: MEMBER, max_budget_in_team: 10 },
  'POST /team/bulk_member_add': { team_id: TEAM, members: [MEMBER] },
  'POST /team/member_update': { team_id: TEAM, user_id: USER, max_budget_in_team: 20 },
  'POST /team/member_delete': { team_id: TEAM, user_id: USER },
  'POST /team/{team_id}/member/{user_id}/reset_spend': { reset_to: 0 },
  'POST /user/new': { user_id: USER, user_email: 'ada@example.com', user_role: 'internal_user', max_budget: 20 },
  'POST /user/update': { user_id: USER, max_budget: 30 },
  'POST /user/bulk_update': { users: [{ user_id: USER, max_budget: 30 }] },
  'POST /user/delete': { user_ids: [USER] },
  'POST /organization/new': { organization_alias: 'Marketing', models: ['gpt-4o'], max_budget: 1_000 },
  'PATCH /organization/update': { organization_id: 'marketing', max_budget: 2_000 },
  'DELETE /organization/delete': { organization_ids: ['marketing'] },
  'POST /organization/info': { organizations: ['marketing'] },
  'POST /organization/member_add': { organization_id: 'marketing', member: { role: 'org_admin', user_id: 'grace' } },
  'PATCH /organization/member_update': { organization_id: 'marketing', user_id: 'grace', role: 'internal_user' },
  'DELETE /organization/member_delete': { organization_id: 'marketing', user_id: 'grace' },
  'POST /project/new': { project_alias: 'search', team_id: TEAM, max_budget: 50 },
  'POST /project/update': { project_id: 'search', max_budget: 60 },
  'DELETE /project/delete': { project_ids: ['search'] },
  'POST /model/new': {
    model_name: 'my-gpt-4o',
    litellm_params: { model: 'gpt-4o', api_key: 'os.environ/PROVIDER_API_KEY' },
  },
  'POST /model/update': { model_info: { id: 'the-id' }, litellm_params: { rpm: 100 } },
  'PATCH /model/{model_id}/update': { litellm_params: { rpm: 100 } },
  'POST /model/delete': { id: 'the-id' },
  'POST /model/block': { id: 'the-id' },
  'POST /model/unblock': { id: 'the-id' },
  'POST /credentials': {
    credential_name: 'production',
    credential_values: { api_key: KEY },
    credential_info: { description: 'Key of the production account' },
  },
  'PATCH /credentials/{credential_name}': { credential_values: { api_key: KEY } },
  'POST /config/update': { router_settings: { num_retries: 2 } },
  'POST /config/field/update': { field_name: 'alerting', field_value: ['slack'] },
  'POST /config/field/delete': { field_name: 'alerting' },
  'POST /global/spend/end_users': { startTime: '2026-01-01', endTime: '2026-01-31' },
  'POST /utils/token_counter': { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] },
  'POST /utils/transform_request': {
    call_type: 'completion',
    request_body: { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] },
  },
  'POST /cost/estimate': { model: 'gpt-4o', input_tokens: 1_000, output_tokens: 100 },
  'POST /spend/calculate': { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] },
};

/** `undefined` where a route asks for nothing. */
export const exampleFor = (route: ManagementRoute): object | undefined =>
  EXAMPLES[route] ?? CUSTOMERS[/^POST \/(?:customer|end_user)\/(.+)$/.exec(route)?.[1] ?? ''];
