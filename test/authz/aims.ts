/** How each route is called, aimed at a target. */
import type { Target, Thing } from './targets.ts';
import type { Sending, World } from './world.ts';

export interface Aiming {
  readonly target: Target;
  readonly world: World;
  /** A name that was never used. */
  name(what: string): string;
  /** One that stands still, or a new one when the call will succeed. */
  thing(what: Thing): Promise<string>;
}

export interface Aimed {
  readonly path?: string;
  readonly body?: unknown;
  /** What an answer holds when it shows the target. */
  readonly shows?: string;
}

export type Aim = (aiming: Aiming) => Aimed | Promise<Aimed>;

const CHAT = { model: 'shared', messages: [{ role: 'user', content: 'Hi' }] };

const plain: Aim = () => ({});
const at =
  (path: string): Aim =>
  () => ({ path });
/** The target's id as a query parameter. */
const by =
  (path: string, param: string): Aim =>
  ({ target: { id } }) =>
    id === null ? { path } : { path: `${path}?${param}=${encodeURIComponent(id)}`, shows: id };
const body =
  (make: (id: string, target: Target) => unknown): Aim =>
  ({ target }) => ({ body: make(target.id ?? '', target) });
const inPath =
  (before: string, after: string, fields?: object): Aim =>
  ({ target: { id } }) => ({
    path: `${before}${encodeURIComponent(id ?? '')}${after}`,
    ...(fields && { body: fields }),
  });
const thingBody =
  (what: Thing, make: (name: string) => unknown): Aim =>
  async ({ thing }) => ({ body: make(await thing(what)) });
const thingPath =
  (what: Thing, make: (name: string) => string, fields?: object): Aim =>
  async ({ thing }) => ({ path: make(encodeURIComponent(await thing(what))), ...(fields && { body: fields }) });

/** A request's own id finds it alone. */
const logs =
  (path: string): Aim =>
  ({ target: { id } }) => ({ path: `${path}?request_id=${id}`, shows: String(id) });

const DAYS = 'start_date=2020-01-01&end_date=2099-12-31';
const activity =
  (noun: string, param: string, name: (target: Target, world: World) => string): Aim =>
  ({ target, world }) => ({ path: `/${noun}/daily/activity?${DAYS}&${param}=${name(target, world)}` });
const ACTIVITIES: Readonly<Record<string, Aim>> = {
  user: activity('user', 'user_id', ({ userId }) => userId),
  team: activity('team', 'team_ids', ({ teamId }) => teamId),
  tag: activity('tag', 'tags', ({ tenant }, world) => world.tenants[tenant].tag),
  organization: activity('organization', 'organization_ids', ({ organizationId }) => organizationId),
  customer: activity('customer', 'end_user_ids', ({ tenant }, world) => world.tenants[tenant].customer),
  end_user: activity('end_user', 'end_user_ids', ({ tenant }, world) => world.tenants[tenant].customer),
};
const activityAims: Record<string, Aim> = Object.fromEntries(
  Object.entries(ACTIVITIES).flatMap(([noun, aim]) => [
    [`GET /${noun}/daily/activity`, aim],
    [
      `GET /${noun}/daily/activity/aggregated`,
      async (aiming: Aiming) => {
        const { path = '' } = await aim(aiming);
        return { path: path.replace('/activity?', '/activity/aggregated?') };
      },
    ],
    [
      `GET /${noun}/daily/activity/export`,
      async (aiming: Aiming) => {
        const { path = '' } = await aim(aiming);
        return { path: path.replace('/activity?', '/activity/export?') };
      },
    ],
  ]),
);

const totalAims: Record<string, Aim> = Object.fromEntries(
  [
    ...['/global/spend', '/global/spend/keys', '/global/spend/models', '/global/spend/provider'],
    ...['/global/spend/teams', '/global/spend/logs', '/global/spend/tags', '/global/spend/all_tag_names'],
    ...['/spend/tags', '/spend/keys', '/spend/users', '/provider/budgets', '/global/spend/report'],
    ...['/team/spend/report', '/user/spend/report', '/key/spend/report', '/organization/spend/report'],
    ...['/global/activity', '/global/activity/model', '/global/activity/exceptions'],
    ...['/global/activity/exceptions/deployment', '/global/activity/cache_hits'],
    ...['/health/liveliness', '/health/liveness', '/health/readiness', '/', '/docs', '/openapi.json', '/routes'],
    ...['/v1/models', '/models', '/model/info', '/v1/model/info', '/v2/model/info', '/model_group/info'],
    ...['/tag/dau', '/tag/wau', '/tag/mau', '/tag/distinct', '/tag/user-agent/per-user-analytics'],
    ...['/customer/list', '/end_user/list', '/budget/list', '/tag/list', '/access_group/list', '/v1/access_group'],
    ...['/credentials', '/audit/verify', '/user/available_roles', '/team/available'],
    ...['/router/settings', '/router/fields', '/config/yaml', '/config/list'],
    ...['/health', '/health/history', '/health/latest', '/health/readiness/details'],
  ].map((path) => [`GET ${path}`, plain]),
);

function customerAims(root: string): Record<string, Aim> {
  const some = thingBody('customer', (name) => ({ user_ids: [name] }));
  return {
    [`POST /${root}/new`]: ({ name }) => ({ body: { user_id: name('customer') } }),
    [`POST /${root}/update`]: thingBody('customer', (user_id) => ({ user_id, alias: 'Another' })),
    [`POST /${root}/delete`]: some,
    [`POST /${root}/block`]: some,
    [`POST /${root}/unblock`]: some,
    [`GET /${root}/info`]: thingPath('customer', (name) => `/${root}/info?end_user_id=${name}`),
  };
}

const RETRIES = { config_type: 'router_settings', field_name: 'num_retries' } as const;
const setMetadata = { metadata: { note: 'changed' } };

export const AIMS: Readonly<Record<string, Aim>> = {
  ...totalAims,
  ...activityAims,
  ...customerAims('customer'),
  ...customerAims('end_user'),
  'GET /health/services': at('/health/services?service=webhook'),
  'GET /docs/*': at('/docs/swagger-ui.css'),
  'GET /v1/models/*': at('/v1/models/shared'),
  'GET /models/*': at('/models/shared'),
  'POST /v1/chat/completions': () => ({ body: CHAT }),
  'POST /chat/completions': () => ({ body: CHAT }),
  'POST /engines/*': () => ({ path: '/engines/shared/chat/completions', body: CHAT }),
  'POST /openai/deployments/*': () => ({ path: '/openai/deployments/shared/chat/completions', body: CHAT }),
  // Keys
  'POST /key/generate': ({ target, name }) => ({
    body: {
      key_alias: name('key'),
      models: ['shared'],
      ...(target.relation !== 'own' && { team_id: target.teamId }),
    },
  }),
  'POST /key/service-account/generate': ({ target, name }) => ({
    body: { key_alias: name('service'), models: ['shared'], team_id: target.isFresh ? ownTeam(target) : target.teamId },
  }),
  'POST /key/update': body((key) => ({ key, ...setMetadata })),
  'POST /key/bulk_update': body((key) => ({ keys: [{ key, ...setMetadata }] })),
  'POST /team/key/bulk_update': body((team_id) => ({ team_id, all_keys_in_team: true, update_fields: setMetadata })),
  'POST /key/delete': body((key) => ({ keys: [key] })),
  'POST /key/block': body((key) => ({ key })),
  'POST /key/unblock': body((key) => ({ key })),
  'POST /key/regenerate': body((key) => ({ key })),
  'POST /key/{key}/regenerate': inPath('/key/', '/regenerate', {}),
  'POST /key/{key}/reset_spend': inPath('/key/', '/reset_spend', { reset_to: 0 }),
  'GET /key/info': by('/key/info', 'key'),
  'POST /v2/key/info': ({ target: { id } }) => ({ body: { keys: [id] }, shows: '"key_name"' }),
  'GET /key/list': by('/key/list', 'key_hash'),
  'GET /key/aliases': ({ target }) => ({ path: `/key/aliases?team_id=${target.teamId}` }),
  'POST /key/health': plain,
  // Teams
  'POST /team/new': ({ target, name }) => ({
    body: { team_id: name('team'), organization_id: target.organizationId, models: ['shared'] },
  }),
  'POST /team/update': body((team_id) => ({ team_id, ...setMetadata })),
  'PATCH /team/{team_id}': inPath('/team/', '', setMetadata),
  'POST /team/delete': body((id) => ({ team_ids: [id] })),
  'GET /team/info': by('/team/info', 'team_id'),
  'GET /team/list': by('/team/list', 'team_id'),
  'GET /v2/team/list': by('/v2/team/list', 'team_id'),
  'POST /team/block': body((team_id) => ({ team_id })),
  'POST /team/unblock': body((team_id) => ({ team_id })),
  'POST /team/model/add': body((team_id, { tenant }) => ({ team_id, models: [`${tenant}-model`] })),
  'POST /team/model/delete': body((team_id) => ({ team_id, models: ['shared'] })),
  'GET /team/permissions_list': by('/team/permissions_list', 'team_id'),
  'POST /team/permissions_update': body((team_id) => ({ team_id, team_member_permissions: ['/key/info'] })),
  'POST /team/permissions_bulk_update': body((id) => ({ team_ids: [id], permissions: ['/key/list'] })),
  'POST /team/member_add': ({ target, name }) => ({
    body: { team_id: target.id, member: { user_id: name('member'), role: 'user' } },
  }),
  'POST /team/bulk_member_add': ({ target, name }) => ({
    body: { team_id: target.id, members: [{ user_id: name('member'), role: 'user' }] },
  }),
  'POST /team/member_update': body((team_id, target) => ({ team_id, user_id: memberIn(target), rpm_limit: 1 })),
  'POST /team/member_delete': body((team_id, target) => ({ team_id, user_id: memberIn(target) })),
  'POST /team/{team_id}/member/{user_id}/reset_spend': ({ target }) => ({
    path: `/team/${target.id}/member/${memberIn(target)}/reset_spend`,
    body: { reset_to: 0 },
  }),
  'POST /team/{team_id}/member/{user_id}/reset_budget': ({ target }) => ({
    path: `/team/${target.id}/member/${memberIn(target)}/reset_budget`,
  }),
  // Users
  'POST /user/new': ({ target, name }) => ({
    body: { user_id: name('user'), organizations: [target.organizationId], auto_create_key: false },
  }),
  'POST /user/update': body((user_id) => ({ user_id, user_alias: 'Somebody' })),
  'POST /user/bulk_update': body((user_id) => ({ users: [{ user_id, user_alias: 'Somebody' }] })),
  'POST /user/delete': body((id) => ({ user_ids: [id] })),
  'GET /user/info': by('/user/info', 'user_id'),
  'GET /v2/user/info': by('/v2/user/info', 'user_id'),
  'GET /user/list': by('/user/list', 'user_ids'),
  'GET /user/filter/ui': by('/user/filter/ui', 'user_id'),
  // Organizations and projects
  'POST /organization/new': ({ name }) => ({ body: { organization_alias: name('organization') } }),
  'PATCH /organization/update': body((organization_id) => ({ organization_id, ...setMetadata })),
  'DELETE /organization/delete': async ({ target, world, name }) => {
    const organization_id = target.isFresh ? name('organization') : target.organizationId;
    if (target.isFresh) await world.made('POST', '/organization/new', { organization_id, organization_alias: 'Short' });
    return { body: { organization_ids: [organization_id] } };
  },
  'GET /organization/list': by('/organization/list', 'org_id'),
  'GET /organization/info': by('/organization/info', 'organization_id'),
  'POST /organization/info': body((id) => ({ organizations: [id] })),
  'POST /organization/member_add': ({ target, name }) => ({
    body: { organization_id: target.id, member: { user_id: name('member'), role: 'internal_user' } },
  }),
  'PATCH /organization/member_update': memberOf({ role: 'internal_user_viewer' }),
  'DELETE /organization/member_delete': memberOf({}),
  'POST /project/new': ({ target, name }) => ({ body: { project_id: name('project'), team_id: target.teamId } }),
  'POST /project/update': body((project_id) => ({ project_id, description: 'Changed' })),
  'DELETE /project/delete': body((id) => ({ project_ids: [id] })),
  'GET /project/info': by('/project/info', 'project_id'),
  'GET /project/list': ({ target: { id, teamId } }) => ({ path: `/project/list?team_id=${teamId}`, shows: String(id) }),
  // What the platform's admins define for all
  'POST /budget/new': ({ name }) => ({ body: { budget_id: name('budget'), max_budget: 1 } }),
  'POST /budget/update': thingBody('budget', (budget_id) => ({ budget_id, max_budget: 2 })),
  'POST /budget/delete': thingBody('budget', (id) => ({ id })),
  'POST /budget/info': thingBody('budget', (id) => ({ budgets: [id] })),
  'GET /budget/settings': thingPath('budget', (id) => `/budget/settings?budget_id=${id}`),
  'POST /tag/new': ({ name }) => ({ body: { name: name('tag') } }),
  'POST /tag/update': thingBody('tag', (name) => ({ name, description: 'Changed' })),
  'POST /tag/delete': thingBody('tag', (name) => ({ name })),
  'POST /tag/info': thingBody('tag', (name) => ({ names: [name] })),
  'POST /access_group/new': ({ target, name }) => ({
    body: { access_group: name('group'), model_names: [`${target.tenant}-model`] },
  }),
  'GET /access_group/{access_group}/info': thingPath('modelGroup', (name) => `/access_group/${name}/info`),
  'PUT /access_group/{access_group}/update': async ({ target, thing }) => ({
    path: `/access_group/${await thing('modelGroup')}/update`,
    body: { model_names: [`${target.tenant}-model`] },
  }),
  'DELETE /access_group/{access_group}/delete': thingPath('modelGroup', (name) => `/access_group/${name}/delete`),
  'POST /v1/access_group': ({ name }) => ({ body: { access_group_name: name('access group') } }),
  'GET /v1/access_group/{access_group_id}': thingPath('accessGroup', (id) => `/v1/access_group/${id}`),
  'PUT /v1/access_group/{access_group_id}': thingPath('accessGroup', (id) => `/v1/access_group/${id}`, {
    description: 'Changed',
  }),
  'DELETE /v1/access_group/{access_group_id}': thingPath('accessGroup', (id) => `/v1/access_group/${id}`),
  // Models and credentials
  'POST /model/new': ({ name }) => ({
    body: { model_name: name('model'), litellm_params: { model: 'openai/gpt-4o', api_key: 'sk-nothing' } },
  }),
  'POST /model/update': thingBody('model', (id) => ({ model_info: { id, note: 'Changed' } })),
  'PATCH /model/{model_id}/update': thingPath('model', (id) => `/model/${id}/update`, { model_info: { note: 'x' } }),
  'POST /model/delete': thingBody('model', (id) => ({ id })),
  'POST /model/block': thingBody('model', (id) => ({ id })),
  'POST /model/unblock': thingBody('model', (id) => ({ id })),
  'POST /credentials': ({ name }) => ({
    body: { credential_name: name('credential'), credential_values: { api_key: 'sk-nothing' } },
  }),
  'POST /credentials/rotate': () => ({ body: {} }),
  'POST /global/spend/reset': () => ({}),
  'GET /credentials/by_name/{credential_name}': thingPath('credential', (name) => `/credentials/by_name/${name}`),
  'GET /credentials/by_model/{model_id}': thingPath('model', (id) => `/credentials/by_model/${id}`),
  'PATCH /credentials/{credential_name}': thingPath('credential', (name) => `/credentials/${name}`, {
    credential_info: { note: 'Changed' },
  }),
  'DELETE /credentials/{credential_name}': thingPath('credential', (name) => `/credentials/${name}`),
  // Settings
  'GET /config/field/info': at('/config/field/info?config_type=router_settings&field_name=num_retries'),
  'POST /config/update': () => ({ body: { router_settings: { num_retries: 1 } } }),
  'POST /config/field/update': () => ({ body: { ...RETRIES, field_value: 1 } }),
  'POST /config/field/delete': async ({ world }) => {
    await world.made('POST', '/config/update', { router_settings: { num_retries: 1 } });
    return { body: RETRIES };
  },
  // The request log and its sums
  'GET /spend/logs': logs('/spend/logs'),
  'GET /spend/logs/v2': logs('/spend/logs/v2'),
  'GET /spend/logs/ui': logs('/spend/logs/ui'),
  'GET /spend/logs/session/ui': ({ target: { id } }) => ({
    path: `/spend/logs/session/ui?session_id=none&request_id=${id}`,
  }),
  'GET /spend/logs/ui/{request_id}': inPath('/spend/logs/ui/', ''),
  'GET /v1/explain/{call_id}': inPath('/v1/explain/', ''),
  'POST /cost/estimate': () => ({ body: { model: 'gpt-4o', input_tokens: 10, output_tokens: 10 } }),
  'POST /spend/calculate': () => ({ body: { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] } }),
  'POST /utils/token_counter': () => ({ body: CHAT }),
  'POST /utils/transform_request': () => ({ body: { call_type: 'completion', request_body: CHAT } }),
  'GET /utils/supported_openai_params': at('/utils/supported_openai_params?model=shared'),
  'GET /utils/model_info': at('/utils/model_info?model=gpt-4o'),
  'GET /tag/summary': at(`/tag/summary?${DAYS}`),
  'GET /team/spend/by_user': ({ target: { teamId } }) => ({ path: `/team/spend/by_user?${DAYS}&team_ids=${teamId}` }),
  'POST /global/spend/end_users': () => ({ body: {} }),
  // The audit log
  'GET /audit': ({ target }) => ({
    path: `/audit?object_id=${target.organizationId.replace('organization', 'team')}`,
    shows: `${target.tenant}-team`,
  }),
  'GET /audit/{id}': inPath('/audit/', ''),
};

/** Every new team has the same one. */
const memberIn = ({ isFresh, tenant, userId }: Target): string => (isFresh ? `${tenant}-mate` : userId);

/** Its admin is of the standing team, not of the new ones. */
const ownTeam = ({ tenant, relation }: Target): string =>
  relation === 'organization' ? `${tenant}-other-team` : `${tenant}-team`;

function memberOf(fields: object): Aim {
  return async ({ target, world, name }) => {
    const { id, userId, isFresh } = target;
    const member = isFresh ? name('member') : userId;
    if (isFresh) {
      const joining = { organization_id: id, member: { user_id: member, role: 'internal_user' } };
      await world.made('POST', '/organization/member_add', joining);
    }
    return { body: { organization_id: id, user_id: member, ...fields } };
  };
}

export async function sendingOf(route: string, aiming: Aiming): Promise<Sending & Pick<Aimed, 'shows'>> {
  const aim = AIMS[route];
  if (aim === undefined) throw new Error(`aims.ts does not say how to call ${route}`);
  const [method = '', path = ''] = route.split(' ');
  return { method, path, ...(await aim(aiming)) };
}
