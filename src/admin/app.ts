/** The management API: Hono on the same server, loaded when it is first asked for. */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ZodType } from 'zod';
import type { Caller } from '../auth/authenticate.ts';
import { MANAGEMENT_ROUTES, type Permission } from '../auth/permissions.ts';
import { errorBody, GatewayError, invalidRequest, toGatewayError } from '../errors.ts';
import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { AdminContext, AdminEnv } from './context.ts';
import { deleteBody, generateBody, type KeyFields, oneKeyBody, UNENFORCED_FIELDS, updateBody } from './key-schema.ts';
import { Keys } from './keys.ts';
import { spendLogPage, spendLogs } from './spend-logs.ts';

type Handler = (context: Context<AdminEnv>, caller: Caller) => Promise<Response>;

export interface AdminApp {
  fetch(request: Request): Response | Promise<Response>;
}

export function createAdminApp(context: AdminContext): AdminApp {
  const app = new OpenAPIHono<AdminEnv>();
  const keys = new Keys(context);
  app.onError((thrown) => failure(toGatewayError(thrown)));
  app.notFound(() => failure(new GatewayError('not_found', 'There is no such management route.')));

  const handlers: Readonly<Record<string, Handler>> = {
    '/key/generate': async (c, caller) => {
      const fields = await bodyOf(c, generateBody);
      return withWarning(fields, c.json(await keys.generate(fields, caller)));
    },
    '/key/update': async (c, caller) => {
      const { key, ...fields } = await bodyOf(c, updateBody);
      return withWarning(fields, c.json(await keys.update(key, fields, caller)));
    },
    '/key/delete': async (c) => c.json(await keys.remove(await bodyOf(c, deleteBody))),
    '/key/block': async (c, caller) => c.json(await keys.setBlocked((await bodyOf(c, oneKeyBody)).key, true, caller)),
    '/key/unblock': async (c, caller) =>
      c.json(await keys.setBlocked((await bodyOf(c, oneKeyBody)).key, false, caller)),
    '/key/info': async (c, caller) => c.json(await keys.info(c.req.query('key'), caller)),
    '/key/list': async (c) => c.json(await keys.list(c.req.query())),
    '/spend/logs': async (c, caller) => json(await spendLogs(context, c.req.query(), caller)),
    '/spend/logs/v2': async (c, caller) => c.json(await spendLogPage(context, c.req.query(), caller)),
  };

  for (const { path, method, permission } of MANAGEMENT_ROUTES) {
    const handler = handlers[path];
    if (!handler) throw new Error(`The management route ${path} has no handler`);
    app.on(method, path, async (c) => handler(c, await permitted(c, context, permission)));
  }
  return { fetch: (request) => app.fetch(request) };
}

/** @throws GatewayError 401 or 403 */
async function permitted(c: Context<AdminEnv>, context: AdminContext, permission: Permission): Promise<Caller> {
  const caller = await context.authenticate(c.req.header(), c.req.path);
  if (permission === 'own' || caller.kind === 'master') return caller;
  throw new GatewayError('permission_denied', `Only the admin's key may call ${c.req.path}.`);
}

/** @throws GatewayError 400 that names the field, and for an unknown one the likely meaning */
async function bodyOf<T>(c: Context<AdminEnv>, schema: ZodType<T>): Promise<T> {
  let body: unknown;
  try {
    body = await c.req.json();
  } catch {
    throw invalidRequest('The request body must be a JSON object.', 'request_body');
  }
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const near = nearestNames(key, Object.keys(generateBody.shape), suggestionLimit(key));
    throw invalidRequest(`Unknown field '${key}'.${didYouMean(near)}`, key);
  }
  const param = issue?.path.join('.') ?? 'request_body';
  throw invalidRequest(`'${param}': ${issue?.message ?? 'not accepted'}.`, param);
}

/** Limits are stored and not enforced yet: whoever sets one must not find out by overspending. */
function withWarning(fields: KeyFields, response: Response): Response {
  const set = UNENFORCED_FIELDS.filter((name) => fields[name] !== undefined && fields[name] !== null);
  if (set.length > 0) response.headers.set('x-tollgate-warning', `stored but not enforced yet: ${set.join(', ')}`);
  return response;
}

const json = (value: unknown): Response =>
  new Response(JSON.stringify(value), { headers: { 'content-type': 'application/json' } });

function failure(error: GatewayError): Response {
  return new Response(JSON.stringify(errorBody(error)), {
    status: error.status,
    headers: {
      'content-type': 'application/json',
      ...(error.details.retryAfterMs !== undefined && {
        'retry-after': String(Math.ceil(error.details.retryAfterMs / 1000)),
      }),
    },
  });
}
