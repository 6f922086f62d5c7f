/**
 * Every route that is served and the permission it needs, as data. The server does not start when a route is missing here.
 * Paths are LiteLLM's (its lists of routes) and OpenAI's; `{name}` stands for one part of the path, `/*` for any rest.
 */
import { pathPattern } from '../lib/path-pattern.ts';
import { DATA, type Method, type RouteRow, type RouteTable } from './data-routes.ts';
import { MANAGEMENT } from './management-routes.ts';
import type { Permission } from './permissions.ts';

export type { Method, RouteRow };

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
  throw new Error(`No permission is declared in auth/management-routes.ts or auth/data-routes.ts for ${names}`);
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
