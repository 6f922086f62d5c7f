/** The management API: Hono on the same server, loaded when it is first asked for. */

import type { Context } from 'hono';
import { Hono } from 'hono';
import { accessFor } from '../auth/principal.ts';
import { MANAGEMENT_ROUTES, type ManagementRoute, permissionOfRoute } from '../auth/routes.ts';
import { isOutage } from '../db/outage.ts';
import { errorBody, GatewayError, retryHeaders } from '../errors.ts';
import { accept, acceptQuery, readObject } from './body.ts';
import type { AdminContext } from './context.ts';
import { serveDocuments } from './documents.ts';
import { type AdminRoute, Answer } from './route.ts';
import { adminRoutes } from './routes.ts';

export interface AdminApp {
  /** Rejects with what nobody foresaw; every refusal is an answer. */
  fetch(request: Request): Response | Promise<Response>;
}

/** @throws Error when a declared route has no handler, or two */
export function createAdminApp(context: AdminContext): AdminApp {
  const served = adminRoutes(context);
  const routes = byName(served);
  // A slash at the end makes no other route.
  const app = new Hono({ strict: false });
  for (const { method, path } of MANAGEMENT_ROUTES) {
    // The rows are made from the table whose keys these names are.
    const name = `${method} ${path}` as ManagementRoute;
    const route = routes.get(name);
    if (!route) throw new Error(`The management route ${name} has no handler`);
    app.on(method, path.replace(/\{([a-z_]+)\}/g, ':$1'), (c) => run(c, route, context, path));
  }
  serveDocuments(app, served, context.version);
  app.notFound(() => refusal(new GatewayError('not_found', 'There is no such management route.')));
  app.onError((thrown) => refusal(foreseen(thrown)));
  return { fetch: (request) => app.fetch(request) };
}

function byName(routes: readonly AdminRoute[]): Map<ManagementRoute, AdminRoute> {
  const found = new Map<ManagementRoute, AdminRoute>();
  for (const route of routes) {
    if (found.has(route.name)) throw new Error(`The management route ${route.name} has two handlers`);
    found.set(route.name, route);
  }
  return found;
}

/** Permission first: what a body holds is nobody's business who may not send it. */
async function run(c: Context, route: AdminRoute, context: AdminContext, path: string): Promise<Response> {
  const caller = await context.authenticate(c.req.header(), path);
  const access = accessFor(await context.principal(caller), permissionOfRoute(route.name), path);
  const query = acceptQuery(c.req.query(), route.query);
  const body = route.body && (await bodyOf(c.req.raw, route, route.body));
  const result = await route.handle({
    body,
    query,
    params: c.req.param(),
    access,
    caller,
    changedBy: c.req.header('litellm-changed-by')?.slice(0, 256) ?? null,
    header: (name) => c.req.header(name),
  });
  if (result instanceof Response) return result;
  if (result instanceof Answer) return answer(result.body, result.headers, result.status);
  return answer(result);
}

async function bodyOf(
  request: Request,
  route: AdminRoute,
  schema: NonNullable<AdminRoute['body']>,
): Promise<Record<string, unknown>> {
  const asksNothing = Object.keys(schema.shape).length === 0;
  return accept(await readObject(request, asksNothing, route.largestBytes), schema, route.refusals);
}

/** @throws what it was given, when nobody foresaw it: the HTTP layer then reports it and answers a plain 500 */
function foreseen(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (!isOutage(thrown)) throw thrown;
  return new GatewayError('unavailable', 'The database is unavailable. Try again shortly.', {
    code: 'no_db_connection',
    retryAfterMs: 1_000,
    cause: thrown,
  });
}

/** Answers hold keys and logs, which no cache on the way may keep. */
function answer(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  });
}

function refusal(error: GatewayError): Response {
  return answer(errorBody(error), retryHeaders(error), error.status);
}
