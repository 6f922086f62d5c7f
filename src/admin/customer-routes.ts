/** `/customer/*` and `/end_user/*`, its other name: input and output of each route; what they do is in `customers.ts`. */
import { z } from '@hono/zod-openapi';
import type { Refusals } from './body.ts';
import type { AdminContext } from './context.ts';
import { Customers } from './customers.ts';
import { id, LIMIT_FIELDS, MOST_ITEMS, name, pageNumber, record, texts } from './fields.ts';
import { type AdminRoute, route } from './route.ts';

const section = 'Customers';

const FIELDS = {
  ...LIMIT_FIELDS,
  user_id: id,
  alias: name.nullish(),
  blocked: z.boolean().nullish(),
  budget_id: name.nullish(),
  models: texts.nullish(),
  default_model: name.nullish(),
  allowed_model_region: z.enum(['eu', 'us']).nullish(),
  metadata: record.nullish(),
} as const;

const body = z.strictObject(FIELDS);
const someBody = z.strictObject({ user_ids: z.array(id).min(1).max(MOST_ITEMS) });
const MOST_LISTED = 10_000;
const listQuery = z.strictObject({
  page: pageNumber().optional(),
  page_size: pageNumber(MOST_LISTED).optional(),
  /** Any part of an id or an alias. */
  search: z.string().max(256).optional(),
});

const refusals: Refusals = {
  spend: 'is the sum of the request log and cannot be set',
  object_permission: 'is not supported yet',
  budget_reset_at: 'is computed from budget_duration and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
};

export function customerRoutes(context: AdminContext): readonly AdminRoute[] {
  return [...routesUnder('customer', context), ...routesUnder('end_user', context)];
}

function routesUnder(root: 'customer' | 'end_user', context: AdminContext): AdminRoute[] {
  const customers = new Customers(context);
  return [
    route(`POST /${root}/new`, {
      summary: 'Store an end user, with limits or a budget that others share.',
      section,
      body,
      refusals,
      handle: ({ body: { user_id, ...fields }, ...author }) => customers.create(user_id, fields, author),
    }),
    route(`POST /${root}/update`, {
      summary: 'Change an end user. Only the fields sent change; an explicit null clears one.',
      section,
      body,
      refusals,
      handle: ({ body: { user_id, ...fields }, ...author }) => customers.update(user_id, fields, author),
    }),
    route(`POST /${root}/delete`, {
      summary: 'Forget what is stored of end users. What they have spent stays in the log.',
      section,
      body: someBody,
      handle: ({ body: { user_ids }, ...author }) => customers.remove(user_ids, author),
    }),
    route(`POST /${root}/block`, {
      summary: 'Block end users, also such as nobody has stored: their next request is refused.',
      section,
      body: someBody,
      handle: ({ body: { user_ids }, ...author }) => customers.block(user_ids, author),
    }),
    route(`POST /${root}/unblock`, {
      summary: 'Unblock end users. Answers with the ids that are still blocked.',
      section,
      body: someBody,
      handle: ({ body: { user_ids }, ...author }) => customers.unblock(user_ids, author),
    }),
    route(`GET /${root}/info`, {
      summary: 'One end user with limits and spend.',
      section,
      query: z.strictObject({ end_user_id: z.string().min(1) }),
      handle: ({ query, access }) => customers.info(query.end_user_id, { access }),
    }),
    route(`GET /${root}/list`, {
      summary: 'End users: those that are stored, then those whom only requests have named.',
      section,
      query: listQuery,
      handle: ({ query: { page = 1, page_size: size = MOST_LISTED, search = '' }, access }) =>
        customers.list({ page, size, search }, { access }),
    }),
  ];
}
