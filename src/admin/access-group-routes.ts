/** `/v1/access_group`: input and output of each route; what they do is in `access-groups.ts`. */
import { z } from '@hono/zod-openapi';
import { AccessGroups } from './access-groups.ts';
import type { AdminContext } from './context.ts';
import { id, texts } from './fields.ts';
import { type AdminRoute, Answer, route } from './route.ts';
import { warned } from './warning.ts';

const section = 'Access groups';

const FIELDS = {
  description: z.string().max(4_000).nullish(),
  access_model_names: texts.nullish(),
  access_mcp_server_ids: texts.nullish(),
  access_agent_ids: texts.nullish(),
  assigned_team_ids: texts.nullish(),
  assigned_key_ids: texts.nullish(),
} as const;

/** Stored and shown, but acted on by nothing yet. */
const UNENFORCED = ['access_mcp_server_ids', 'access_agent_ids'] as const;

export function accessGroupRoutes(context: AdminContext): readonly AdminRoute[] {
  const groups = new AccessGroups(context);
  const none = z.strictObject({});
  return [
    route('POST /v1/access_group', {
      summary: 'Make an access group and give it to teams and keys: they may call its models besides their own.',
      section,
      status: 201,
      body: z.strictObject({ ...FIELDS, access_group_name: id }),
      handle: async ({ body: { access_group_name: name, ...fields }, ...author }) => {
        const { body, headers } = warned(await groups.create(name, fields, author), fields, UNENFORCED);
        return new Answer(body, headers, 201);
      },
    }),
    route('GET /v1/access_group', {
      summary: 'All access groups, the newest first.',
      section,
      query: none,
      handle: ({ access }) => groups.list({ access }),
    }),
    route('GET /v1/access_group/{access_group_id}', {
      summary: 'One access group.',
      section,
      query: none,
      handle: ({ params, access }) => groups.one(params['access_group_id'] ?? '', { access }),
    }),
    route('PUT /v1/access_group/{access_group_id}', {
      summary: 'Change an access group. Only the fields sent change; the next request goes by it.',
      section,
      body: z.strictObject({ ...FIELDS, access_group_name: id.optional() }),
      handle: async ({ body, params, ...author }) =>
        warned(await groups.update(params['access_group_id'] ?? '', body, author), body, UNENFORCED),
    }),
    route('DELETE /v1/access_group/{access_group_id}', {
      summary: 'Delete an access group. Keys and teams that had nothing else may call nothing then.',
      section,
      status: 204,
      query: none,
      handle: async ({ params, ...author }) => {
        await groups.remove(params['access_group_id'] ?? '', author);
        return new Response(null, { status: 204 });
      },
    }),
  ];
}
