/**
 * Who may call what, as data: role × permission, and the permission of every route that is served.
 * Source: LiteLLM's documentation of roles and of the route groups in a key's `allowed_routes`.
 */
import { GatewayError } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';

export type Role = 'anonymous' | 'key' | 'admin';

/** `own`: any valid key, and it is shown only what belongs to it. */
export type Permission = 'public' | 'key' | 'own' | 'admin';

const HOLDERS: Readonly<Record<Permission, readonly Role[]>> = {
  public: ['anonymous', 'key', 'admin'],
  key: ['key', 'admin'],
  own: ['key', 'admin'],
  admin: ['admin'],
};

export interface RoutePermission {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly permission: Permission;
}

/** Health, inference and model lists. `/*` at the end stands for any rest of the path. */
const DATA_ROUTES: readonly RoutePermission[] = [
  { path: '/', method: 'GET', permission: 'public' },
  { path: '/health/liveliness', method: 'GET', permission: 'public' },
  { path: '/health/liveness', method: 'GET', permission: 'public' },
  { path: '/health/readiness', method: 'GET', permission: 'public' },
  { path: '/v1/chat/completions', method: 'POST', permission: 'key' },
  { path: '/chat/completions', method: 'POST', permission: 'key' },
  { path: '/engines/*', method: 'POST', permission: 'key' },
  { path: '/openai/deployments/*', method: 'POST', permission: 'key' },
  { path: '/v1/models', method: 'GET', permission: 'key' },
  { path: '/models', method: 'GET', permission: 'key' },
  { path: '/v1/models/*', method: 'GET', permission: 'key' },
  { path: '/models/*', method: 'GET', permission: 'key' },
];

export const MANAGEMENT_ROUTES: readonly RoutePermission[] = [
  { path: '/key/generate', method: 'POST', permission: 'admin' },
  { path: '/key/update', method: 'POST', permission: 'admin' },
  { path: '/key/delete', method: 'POST', permission: 'admin' },
  { path: '/key/block', method: 'POST', permission: 'admin' },
  { path: '/key/unblock', method: 'POST', permission: 'admin' },
  { path: '/key/list', method: 'GET', permission: 'admin' },
  { path: '/key/info', method: 'GET', permission: 'own' },
  { path: '/spend/logs', method: 'GET', permission: 'own' },
  { path: '/spend/logs/v2', method: 'GET', permission: 'own' },
];

export const ROUTES: readonly RoutePermission[] = [...DATA_ROUTES, ...MANAGEMENT_ROUTES];

/** Paths of the management API, each with the methods it answers. */
export const ADMIN_PATHS: ReadonlyMap<string, readonly string[]> = new Map(
  MANAGEMENT_ROUTES.map(({ path, method }) => [path, [method]]),
);

/** `undefined`: no route, so nobody may. */
export function permissionOf(method: string, path: string): Permission | undefined {
  return ROUTES.find((route) => route.method === method && covers(route.path, path))?.permission;
}

export function roleOf(caller: Caller | undefined): Role {
  if (caller === undefined) return 'anonymous';
  return caller.kind === 'master' ? 'admin' : 'key';
}

/**
 * @param path the matched route's own path, never the request's text
 * @throws GatewayError 403
 */
export function requirePermission(caller: Caller, permission: Permission, path: string): void {
  if (HOLDERS[permission].includes(roleOf(caller))) return;
  throw new GatewayError(
    'permission_denied',
    `Only the admin's key may call ${path}. Ask an admin, or send the master key.`,
  );
}

const pathsWith = (wanted: Permission): readonly string[] =>
  DATA_ROUTES.filter(({ permission }) => permission === wanted).map(({ path }) => path);
const SPEND = ['/spend/logs', '/spend/logs/v2'];
const MODEL_LISTS = ['/v1/models', '/models', '/v1/models/*', '/models/*'];

const KEY_ROUTES = MANAGEMENT_ROUTES.filter(({ path }) => path.startsWith('/key/')).map(({ path }) => path);

const GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ['llm_api_routes', pathsWith('key')],
  ['openai_routes', pathsWith('key')],
  ['management_routes', KEY_ROUTES],
  ['key_management_routes', KEY_ROUTES],
  ['info_routes', ['/key/info', ...MODEL_LISTS, ...SPEND]],
  ['spend_tracking_routes', SPEND],
  ['public_routes', pathsWith('public')],
]);

/** A key's `allowed_routes`: exact paths, `prefix/*` patterns and group names. An empty list allows every route. */
export function mayCall(allowedRoutes: readonly string[], path: string): boolean {
  if (allowedRoutes.length === 0) return true;
  return allowedRoutes.some((entry) => (GROUPS.get(entry) ?? [entry]).some((pattern) => covers(pattern, path)));
}

function covers(pattern: string, path: string): boolean {
  if (pattern === path || pattern === '*') return true;
  return pattern.endsWith('/*') && path.startsWith(pattern.slice(0, -1));
}
