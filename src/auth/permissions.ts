/**
 * Who may call what, as data. Every management route names its permission; the program does not start when one does not.
 * Source: LiteLLM's documentation of roles and of the route groups in a key's `allowed_routes`.
 */

/** `own`: any valid key, limited to what belongs to it. */
export type Permission = 'admin' | 'own';

interface ManagementRoute {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly permission: Permission;
}

export const MANAGEMENT_ROUTES: readonly ManagementRoute[] = [
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

export const ADMIN_PATHS: ReadonlyMap<string, readonly string[]> = new Map(
  MANAGEMENT_ROUTES.map(({ path, method }) => [path, [method]]),
);

const INFERENCE = [
  '/v1/chat/completions',
  '/chat/completions',
  '/engines/*',
  '/openai/deployments/*',
  '/v1/models',
  '/models',
  '/v1/models/*',
  '/models/*',
];

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  llm_api_routes: INFERENCE,
  openai_routes: INFERENCE,
  management_routes: MANAGEMENT_ROUTES.filter(({ path }) => path.startsWith('/key/')).map(({ path }) => path),
  info_routes: ['/key/info', '/v1/models', '/models', '/v1/models/*', '/models/*', '/spend/logs', '/spend/logs/v2'],
  spend_tracking_routes: ['/spend/logs', '/spend/logs/v2'],
};

/** A key's `allowed_routes`: exact paths, `prefix/*` patterns and group names. An empty list allows every route. */
export function mayCall(allowedRoutes: readonly string[], path: string): boolean {
  return (
    allowedRoutes.length === 0 ||
    allowedRoutes.some((entry) => (GROUPS[entry] ?? [entry]).some((pattern) => covers(pattern, path)))
  );
}

const covers = (pattern: string, path: string): boolean =>
  pattern === path || pattern === '*' || (pattern.endsWith('/*') && path.startsWith(pattern.slice(0, -1)));
