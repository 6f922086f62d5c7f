/** `/key/*`: input and output of each route; what they do is in `keys.ts`. Source: LiteLLM's documentation of virtual keys. */
import { z } from '@hono/zod-openapi';
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
import { type AdminRoute, Answer, route } from './route.ts';

const section = 'Keys';
const text = z.string().optional();

export function keyRoutes(context: AdminContext): readonly AdminRoute[] {
  const keys = new Keys(context);
  return [
    route('POST /key/generate', {
      summary: 'Make a virtual key. The answer is the only one that ever holds the key itself.',
      section,
      body: generateBody,
      refusals: KEY_REFUSALS,
      handle: async ({ body, caller }) => withWarning(await keys.generate(body, caller), body),
    }),
    route('POST /key/update', {
      summary: 'Change a key. Only the fields sent change; an explicit null clears one.',
      section,
      body: updateBody,
      refusals: KEY_REFUSALS,
      handle: async ({ body: { key, ...fields }, caller }) =>
        withWarning(await keys.update(key, fields, caller), fields),
    }),
    route('POST /key/delete', {
      summary: 'Delete keys, by themselves or by alias.',
      section,
      body: deleteBody,
      handle: ({ body }) => keys.remove(body),
    }),
    route('POST /key/block', {
      summary: 'Block a key: its next request is refused.',
      section,
      body: oneKeyBody,
      handle: ({ body, caller }) => keys.setBlocked(body.key, true, caller),
    }),
    route('POST /key/unblock', {
      summary: 'Unblock a key.',
      section,
      body: oneKeyBody,
      handle: ({ body, caller }) => keys.setBlocked(body.key, false, caller),
    }),
    route('GET /key/info', {
      summary: 'One key with its limits and spend; without `key`, the caller’s own.',
      section,
      query: z.strictObject({ key: text }),
      handle: ({ query, caller }) => keys.info(query.key, caller),
    }),
    route('GET /key/list', {
      summary: 'Keys, paged and filtered.',
      section,
      query: z.looseObject({}),
      handle: ({ query }) => keys.list(query as Record<string, string>),
    }),
  ];
}

function withWarning(view: Record<string, unknown>, fields: KeyFields): Answer {
  const without = unenforcedIn(fields);
  const warning = `stored but not enforced yet: ${without.join(', ')}`;
  return new Answer(view, without.length === 0 ? {} : { 'x-tollgate-warning': warning });
}
