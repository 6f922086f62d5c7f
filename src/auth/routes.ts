/**
 * Every route that is served and the permission it needs, as data. The server does not start when a route is missing here.
 * Paths are LiteLLM's (its lists of routes) and OpenAI's; `{name}` stands for one part of the path, `/*` for any rest.
 */
import { pathPattern } from '../lib/path-pattern.ts';
import { DATA, type Method, type RouteRow, type RouteTable } from './data-routes.ts';
import type { Permission } from './permissions.ts';

export type { Method, RouteRow };

const MANAGEMENT = {
  'POST /key/generate': 'keys.create',
  'POST /key/update': 'keys.update',
  'POST /key/delete': 'keys.revoke',
  'GET /key/info': 'keys.read',
  'GET /key/list': 'keys.list',
  'POST /key/block': 'keys.revoke',
  'POST /key/unblock': 'keys.revoke',
  'POST /key/service-account/generate': 'keys.create',
  'POST /key/bulk_update': 'keys.update',
  'POST /team/key/bulk_update': 'keys.update',
  'POST /key/regenerate': 'keys.revoke',
  'POST /key/{key}/regenerate': 'keys.revoke',
  'POST /key/{key}/reset_spend': 'keys.update',
  'GET /key/aliases': 'keys.read',
  'POST /key/health': 'keys.read',
  'POST /v2/key/info': 'keys.list',
  'POST /budget/new': 'budgets.write',
  'POST /budget/update': 'budgets.write',
  'POST /budget/delete': 'budgets.write',
  'POST /budget/info': 'budgets.read',
  'GET /budget/list': 'budgets.read',
  'GET /budget/settings': 'budgets.read',
  'POST /customer/new': 'customers.write',
  'POST /customer/update': 'customers.write',
  'POST /customer/delete': 'customers.write',
  'POST /customer/block': 'customers.write',
  'POST /customer/unblock': 'customers.write',
  'GET /customer/info': 'customers.read',
  'GET /customer/list': 'customers.read',
  'POST /end_user/new': 'customers.write',
  'POST /end_user/update': 'customers.write',
  'POST /end_user/delete': 'customers.write',
  'POST /end_user/block': 'customers.write',
  'POST /end_user/unblock': 'customers.write',
  'GET /end_user/info': 'customers.read',
  'GET /end_user/list': 'customers.read',
  'POST /team/new': 'teams.create',
  'POST /team/update': 'teams.update',
  'PATCH /team/{team_id}': 'teams.update',
  'POST /team/delete': 'teams.delete',
  'GET /team/info': 'teams.read',
  'GET /team/list': 'teams.read',
  'GET /v2/team/list': 'teams.read',
  'GET /team/available': 'teams.read',
  'POST /team/block': 'teams.block',
  'POST /team/unblock': 'teams.block',
  'POST /team/model/add': 'teams.update',
  'POST /team/model/delete': 'teams.update',
  'GET /team/permissions_list': 'teams.read',
  'POST /team/permissions_update': 'teams.update',
  'POST /team/member_add': 'teams.members',
  'POST /team/bulk_member_add': 'teams.members',
  'POST /team/member_update': 'teams.members',
  'POST /team/member_delete': 'teams.members',
  'POST /team/{team_id}/member/{user_id}/reset_spend': 'spend.reset',
  'POST /tag/new': 'tags.write',
  'POST /tag/update': 'tags.write',
  'POST /tag/delete': 'tags.write',
  'POST /tag/info': 'tags.read',
  'GET /tag/list': 'tags.read',
  'POST /access_group/new': 'access_groups.write',
  'GET /access_group/list': 'access_groups.read',
  'GET /access_group/{access_group}/info': 'access_groups.read',
  'PUT /access_group/{access_group}/update': 'access_groups.write',
  'DELETE /access_group/{access_group}/delete': 'access_groups.write',
  'POST /v1/access_group': 'access_groups.write',
  'GET /v1/access_group': 'access_groups.read',
  'GET /v1/access_group/{access_group_id}': 'access_groups.read',
  'PUT /v1/access_group/{access_group_id}': 'access_groups.write',
  'DELETE /v1/access_group/{access_group_id}': 'access_groups.write',
  'GET /audit': 'audit.read',
  'GET /audit/verify': 'audit.verify',
  'GET /audit/{id}': 'audit.read',
  'POST /user/new': 'users.write',
  'POST /user/update': 'users.self',
  'POST /user/bulk_update': 'users.write',
  'POST /user/delete': 'users.delete',
  'GET /user/info': 'users.read',
  'GET /v2/user/info': 'users.read',
  'GET /user/list': 'users.list',
  'GET /user/available_roles': 'users.read',
  'POST /organization/new': 'organizations.write',
  'PATCH /organization/update': 'organizations.write',
  'DELETE /organization/delete': 'organizations.write',
  'GET /organization/list': 'organizations.read',
  'GET /organization/info': 'organizations.read',
  'POST /organization/info': 'organizations.read',
  'POST /organization/member_add': 'organizations.members',
  'PATCH /organization/member_update': 'organizations.members',
  'DELETE /organization/member_delete': 'organizations.members',
  'POST /project/new': 'projects.write',
  'POST /project/update': 'projects.write',
  'DELETE /project/delete': 'projects.write',
  'GET /project/info': 'projects.read',
  'GET /project/list': 'projects.read',
  'GET /spend/logs': 'logs.read',
  'GET /spend/logs/v2': 'logs.read',
  'GET /v1/explain/{call_id}': 'logs.read',
  'GET /health': 'details',
  'GET /health/latest': 'details',
  'GET /health/history': 'details',
  'GET /health/services': 'connections.test',
  'GET /router/settings': 'settings.read',
  'GET /router/fields': 'settings.read',
  'GET /config/yaml': 'settings.read',
  'GET /config/list': 'settings.read',
  'GET /config/field/info': 'settings.read',
  'POST /config/update': 'settings.write',
  'POST /config/field/update': 'settings.write',
  'POST /config/field/delete': 'settings.write',
  'GET /spend/logs/ui': 'logs.read',
  'GET /spend/logs/ui/{request_id}': 'logs.read',
  'GET /spend/logs/session/ui': 'logs.read',
  'GET /global/spend': 'spend.totals',
  'GET /global/spend/keys': 'spend.totals',
  'GET /global/spend/models': 'spend.totals',
  'GET /global/spend/provider': 'spend.totals',
  'GET /global/spend/teams': 'spend.totals',
  'GET /global/spend/logs': 'spend.totals',
  'GET /global/spend/tags': 'spend.totals',
  'GET /global/spend/all_tag_names': 'spend.totals',
  'POST /global/spend/end_users': 'spend.totals',
  'POST /global/spend/reset': 'spend.reset',
  'GET /spend/tags': 'spend.totals',
  'GET /spend/keys': 'spend.totals',
  'GET /spend/users': 'spend.totals',
  'GET /global/spend/report': 'spend.totals',
  'GET /team/spend/report': 'spend.totals',
  'GET /user/spend/report': 'spend.totals',
  'GET /key/spend/report': 'spend.totals',
  'GET /organization/spend/report': 'spend.totals',
  'GET /provider/budgets': 'spend.totals',
  'GET /global/activity': 'spend.read',
  'GET /global/activity/model': 'spend.read',
  'GET /global/activity/exceptions': 'spend.read',
  'GET /global/activity/exceptions/deployment': 'spend.read',
  'GET /global/activity/cache_hits': 'spend.read',
  'POST /spend/calculate': 'spend.calculate',
  'POST /cost/estimate': 'spend.calculate',
  'GET /user/daily/activity': 'spend.read',
  'GET /user/daily/activity/aggregated': 'spend.read',
  'GET /user/daily/activity/export': 'spend.read',
  'GET /team/daily/activity': 'spend.read',
  'GET /team/daily/activity/aggregated': 'spend.read',
  'GET /team/daily/activity/export': 'spend.read',
  'GET /tag/daily/activity': 'spend.read',
  'GET /tag/daily/activity/aggregated': 'spend.read',
  'GET /tag/daily/activity/export': 'spend.read',
  'GET /organization/daily/activity': 'spend.read',
  'GET /organization/daily/activity/aggregated': 'spend.read',
  'GET /organization/daily/activity/export': 'spend.read',
  'GET /customer/daily/activity': 'spend.read',
  'GET /customer/daily/activity/aggregated': 'spend.read',
  'GET /customer/daily/activity/export': 'spend.read',
  'GET /end_user/daily/activity': 'spend.read',
  'GET /end_user/daily/activity/aggregated': 'spend.read',
  'GET /end_user/daily/activity/export': 'spend.read',
  'POST /utils/token_counter': 'requests.preview',
  'POST /utils/transform_request': 'requests.preview',
  'GET /utils/supported_openai_params': 'models.read',
  'GET /utils/model_info': 'models.read',
  'POST /model/new': 'models.write',
  'POST /model/update': 'models.write',
  'PATCH /model/{model_id}/update': 'models.write',
  'POST /model/delete': 'models.write',
  'POST /model/block': 'models.write',
  'POST /model/unblock': 'models.write',
  'GET /model/info': 'models.read',
  'GET /v1/model/info': 'models.read',
  'GET /v2/model/info': 'models.read',
  'GET /model_group/info': 'models.read',
  'GET /credentials': 'credentials.read',
  'POST /credentials': 'credentials.write',
  'POST /credentials/rotate': 'credentials.write',
  'GET /credentials/by_name/{credential_name}': 'credentials.read',
  'PATCH /credentials/{credential_name}': 'credentials.write',
  'DELETE /credentials/{credential_name}': 'credentials.write',
} as const satisfies RouteTable;

export type ManagementRoute = keyof typeof MANAGEMENT;

function rowsOf(table: RouteTable): RouteRow[] {
  return Object.entries(table).map(([name, permission]) => {
    const space = name.indexOf(' ');
    // The table's own type has said that it begins with a method.
    return { method: name.slice(0, space) as Method, path: name.slice(space + 1), permission };
  });
}

export const MANAGEMENT_ROUTES: readonly RouteRow[] = rowsOf(MANAGEMENT);
const DATA_ROUTES: readonly RouteRow[] = rowsOf(DATA);
export const ROUTES: readonly RouteRow[] = [...DATA_ROUTES, ...MANAGEMENT_ROUTES];

export const permissionOfRoute = (route: ManagementRoute): Permission => MANAGEMENT[route];

/** `undefined`: no route, so nobody may. */
export function permissionOf(method: string, path: string): Permission | undefined {
  return ROUTES.find((route) => route.method === method && covers(route.path, path))?.permission;
}

/** @throws Error that names the routes nobody has declared, so that the server does not start */
export function refuseUndeclared(served: Iterable<{ readonly method: string; readonly path: string }>): void {
  const missing = [...served].filter(({ method, path }) => permissionOf(method, path) === undefined);
  if (missing.length === 0) return;
  const names = missing.map(({ method, path }) => `${method} ${path}`).join(', ');
  throw new Error(`No permission is declared in auth/routes.ts for ${names}`);
}

const pathsWith = (...wanted: readonly Permission[]): readonly string[] =>
  ROUTES.filter(({ permission }) => wanted.includes(permission)).map(({ path }) => path);
const managed = (...prefixes: readonly string[]): readonly string[] =>
  MANAGEMENT_ROUTES.filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix))).map(({ path }) => path);

const INFERENCE = pathsWith('infer', 'models.list', 'requests.preview');
const MODEL_READS = pathsWith('models.list', 'models.read');
/** A reset is no read: no set of routes has it. */
const RESETS = pathsWith('spend.reset');
const reads = (...prefixes: readonly string[]): readonly string[] =>
  managed(...prefixes).filter((path) => !RESETS.includes(path));
const SPEND_READS = reads('/spend/', '/global/').concat(pathsWith('spend.read', 'spend.totals'));
const INFO = MANAGEMENT_ROUTES.filter(
  ({ method, path }) => method === 'GET' && /\/(info|list|aliases)$/.test(path),
).map(({ path }) => path);

/** LiteLLM's names for sets of routes, as they may stand in a key's `allowed_routes`. */
const GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ['llm_api_routes', [...INFERENCE, ...pathsWith('models.read')]],
  ['openai_routes', INFERENCE],
  [
    'management_routes',
    managed(
      '/key/',
      '/v2/key/',
      '/user/',
      '/team/',
      '/v2/team/',
      '/organization/',
      '/project/',
      '/customer/',
      '/end_user/',
      '/budget/',
      '/tag/',
      '/model/',
      '/access_group/',
      '/v1/access_group',
      '/credentials',
    ),
  ],
  ['key_management_routes', managed('/key/', '/v2/key/')],
  ['info_routes', [...INFO, ...MODEL_READS, ...SPEND_READS]],
  ['spend_tracking_routes', SPEND_READS],
  ['global_spend_tracking_routes', reads('/global/')],
  ['public_routes', pathsWith('probe', 'documents')],
]);

/** A key's `allowed_routes`: exact paths, `prefix/*` patterns and group names. An empty list allows every route. */
export function mayCall(allowedRoutes: readonly string[], path: string): boolean {
  if (allowedRoutes.length === 0) return true;
  return allowedRoutes.some((entry) => (GROUPS.get(entry) ?? [entry]).some((pattern) => covers(pattern, path)));
}

export const isRouteGroup = (name: string): boolean => GROUPS.has(name);

const patterns = new Map<string, RegExp>();

function covers(pattern: string, path: string): boolean {
  if (pattern === path || pattern === '*') return true;
  if (pattern.endsWith('/*')) return path.startsWith(pattern.slice(0, -1));
  return pattern.includes('{') && compiled(pattern).test(path);
}

/** Patterns of the table and of keys' own lists. Bounded, since admins write the latter. */
function compiled(path: string): RegExp {
  const known = patterns.get(path);
  if (known) return known;
  const pattern = pathPattern(path);
  if (patterns.size < 1_000) patterns.set(path, pattern);
  return pattern;
}
