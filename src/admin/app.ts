/** The management API: Hono on the same server, loaded when it is first asked for. */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Caller } from '../auth/authenticate.ts';
import { MANAGEMENT_ROUTES, requirePermission } from '../auth/permissions.ts';
import { isOutage } from '../db/outage.ts';
import { errorBody, GatewayError } from '../errors.ts';
import { accept, readObject } from './body.ts';
import type { AdminContext } from './context.ts';
import {
  deleteBody,
  generateBody,
  KEY_REFUSALS,
  type KeyFields,
  oneKeyBody,
  unenforcedIn,
  updateBody,
} from './key-schema.ts';
import { Keys } from './keys.ts';
import { type SpendLogAnswer, spendLogPage, spendLogs } from './spend-logs.ts';

/** Runs after the caller has been found to hold the route's permission. */
type Handler = (c: Context, caller: Caller) => Promise<Response>;

export interface AdminApp {
  /** Rejects with what nobody foresaw; every refusal is an answer. */
  fetch(request: Request): Response | Promise<Response>;
}

export function createAdminApp(context: AdminContext): AdminApp {
  const app = new OpenAPIHono();
  const handlers: Readonly<Record<string, Handler>> = { ...keyHandlers(new Keys(context)), ...spendHandlers(context) };
  for (const { path, method, permission } of MANAGEMENT_ROUTES) {
    const handler = handlers[path];
    if (!handler) throw new Error(`The management route ${path} has no handler`);
    app.on(method, path, async (c) => {
      const caller = await context.authenticate(c.req.header(), path);
      requirePermission(caller, permission, path);
      return handler(c, caller);
    });
  }
  app.notFound(() => refusal(new GatewayError('not_found', 'There is no such management route.')));
  app.onError((thrown) => refusal(foreseen(thrown)));
  return { fetch: (request) => app.fetch(request) };
}

function keyHandlers(keys: Keys): Record<string, Handler> {
  return {
    '/key/generate': async (c, caller) => {
      const fields = accept(await readObject(c.req.raw), generateBody, KEY_REFUSALS);
      return answer(await keys.generate(fields, caller), warningOf(fields));
    },
    '/key/update': async (c, caller) => {
      const { key, ...fields } = accept(await readObject(c.req.raw), updateBody, KEY_REFUSALS);
      return answer(await keys.update(key, fields, caller), warningOf(fields));
    },
    '/key/delete': async (c) => answer(await keys.remove(accept(await readObject(c.req.raw), deleteBody))),
    '/key/block': async (c, caller) => {
      const { key } = accept(await readObject(c.req.raw), oneKeyBody);
      return answer(await keys.setBlocked(key, true, caller));
    },
    '/key/unblock': async (c, caller) => {
      const { key } = accept(await readObject(c.req.raw), oneKeyBody);
      return answer(await keys.setBlocked(key, false, caller));
    },
    '/key/info': async (c, caller) => answer(await keys.info(c.req.query('key'), caller)),
    '/key/list': async (c) => answer(await keys.list(c.req.query())),
  };
}

function spendHandlers(context: AdminContext): Record<string, Handler> {
  const logAnswer = ({ body, headers }: SpendLogAnswer): Response => answer(body, headers);
  return {
    '/spend/logs': async (c, caller) => logAnswer(await spendLogs(context, c.req.query(), caller)),
    '/spend/logs/v2': async (c, caller) => logAnswer(await spendLogPage(context, c.req.query(), caller)),
  };
}

function warningOf(fields: KeyFields): Record<string, string> {
  const fieldsWithoutEffect = unenforcedIn(fields);
  if (fieldsWithoutEffect.length === 0) return {};
  return { 'x-tollgate-warning': `stored but not enforced yet: ${fieldsWithoutEffect.join(', ')}` };
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
  const { retryAfterMs } = error.details;
  const retryAfter = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  return answer(errorBody(error), retryAfter, error.status);
}
