/** The routes of the data plane and what they need, as data; `management-routes.ts` has those of the management API. */
import type { Permission } from './permissions.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RouteRow {
  readonly method: Method;
  readonly path: string;
  readonly permission: Permission;
}

export type RouteTable = Readonly<Record<`${Method} /${string}`, Permission>>;

export const DATA = {
  'GET /': 'documents',
  'GET /docs': 'documents',
  'GET /docs/*': 'documents',
  'GET /openapi.json': 'documents',
  'GET /routes': 'documents',
  'GET /health/liveliness': 'probe',
  'GET /health/liveness': 'probe',
  'GET /health/readiness': 'probe',
  'GET /health/readiness/details': 'details',
  'POST /v1/chat/completions': 'infer',
  'POST /chat/completions': 'infer',
  'POST /engines/*': 'infer',
  'POST /openai/deployments/*': 'infer',
  'GET /v1/models': 'models.list',
  'GET /models': 'models.list',
  'GET /v1/models/*': 'models.list',
  'GET /models/*': 'models.list',
} as const satisfies RouteTable;
