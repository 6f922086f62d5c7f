/** `/tag/*`: input and output of each route; what they do is in `tags.ts`. */
import { z } from '@hono/zod-openapi';
import type { Refusals } from './body.ts';
import type { AdminContext } from './context.ts';
import { id, LIMIT_FIELDS, MOST_ITEMS, name, record, texts } from './fields.ts';
import { type AdminRoute, route } from './route.ts';
import { Tags } from './tags.ts';
import { warned } from './warning.ts';

const section = 'Tags';

const body = z.strictObject({
  ...LIMIT_FIELDS,
  name: id,
  description: z.string().max(4_000).nullish(),
  models: texts.nullish(),
  model_info: record.nullish(),
  budget_id: name.nullish(),
});

const refusals: Refusals = {
  spend: 'is the sum of the request log and cannot be set',
  budget_reset_at: 'is computed from budget_duration and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
};

/** What people note of a tag's models, which says nothing to the gateway. */
const UNENFORCED = ['model_info'] as const;

export function tagRoutes(context: AdminContext): readonly AdminRoute[] {
  const tags = new Tags(context);
  return [
    route('POST /tag/new', {
      summary: 'Store a tag, with limits on all requests that carry it or a budget that others share.',
      section,
      body,
      refusals,
      handle: async ({ body: { name: tag, ...fields }, ...author }) =>
        warned(await tags.create(tag, fields, author), fields, UNENFORCED),
    }),
    route('POST /tag/update', {
      summary: 'Change a tag. Only the fields sent change; an explicit null clears one.',
      section,
      body,
      refusals,
      handle: async ({ body: { name: tag, ...fields }, ...author }) =>
        warned(await tags.update(tag, fields, author), fields, UNENFORCED),
    }),
    route('POST /tag/delete', {
      summary: 'Forget a tag. What was spent under it stays in the log.',
      section,
      body: z.strictObject({ name: id }),
      handle: ({ body, ...author }) => tags.remove(body.name, author),
    }),
    route('POST /tag/info', {
      summary: 'Tags by name.',
      section,
      body: z.strictObject({ names: z.array(z.string()).max(MOST_ITEMS) }),
      handle: ({ body: { names }, access }) => tags.info(names, { access }),
    }),
    route('GET /tag/list', {
      summary: 'Tags with their budgets and spend: those that are stored, then those that only requests have named.',
      section,
      query: z.strictObject({}),
      handle: ({ access }) => tags.list({ access }),
    }),
  ];
}
