/** `/access_group/*`: input and output of each route; what they do is in `model-access-groups.ts`. */
import { z } from '@hono/zod-openapi';
import type { AdminContext } from './context.ts';
import { id, texts } from './fields.ts';
import { ModelAccessGroups } from './model-access-groups.ts';
import { type AdminRoute, route } from './route.ts';

const section = 'Model access groups';

const FIELDS = { model_names: texts.nullish(), model_ids: texts.nullish() } as const;

export function modelAccessGroupRoutes(context: AdminContext): readonly AdminRoute[] {
  const groups = new ModelAccessGroups(context);
  const none = z.strictObject({});
  const named = ({ params }: { readonly params: Readonly<Record<string, string>> }): string =>
    params['access_group'] ?? '';
  return [
    route('POST /access_group/new', {
      summary: 'Put models that were added at run time into a group that lists of models may name in their place.',
      section,
      body: z.strictObject({ ...FIELDS, access_group: id.regex(/^[^\\]*$/, 'must hold no "\\"') }),
      handle: ({ body: { access_group: group, ...wanted }, ...author }) => groups.create(group, wanted, author),
    }),
    route('GET /access_group/list', {
      summary: 'The groups of all models, those of the configuration file too.',
      section,
      query: none,
      handle: async () => groups.list(),
    }),
    route('GET /access_group/{access_group}/info', {
      summary: 'One group with its models.',
      section,
      query: none,
      handle: async (input) => groups.one(named(input)),
    }),
    route('PUT /access_group/{access_group}/update', {
      summary: 'Replace the models of a group.',
      section,
      body: z.strictObject(FIELDS),
      handle: (input) => groups.update(named(input), input.body, input),
    }),
    route('DELETE /access_group/{access_group}/delete', {
      summary: 'Take a group from all its models. Lists that name it allow nothing by it any more.',
      section,
      query: none,
      handle: (input) => groups.remove(named(input), input),
    }),
  ];
}
