/** `/key/*`: input and output of each route; what they do is in `keys.ts` and beside it. Source: LiteLLM's documentation of virtual keys. */
import { z } from '@hono/zod-openapi';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { updateKeys, updateTeamKeys } from './key-bulk.ts';
import { aliasPage, keyPage } from './key-pages.ts';
import { SERVICE_ROUTE } from './key-place.ts';
import { renewKey, resetSpend } from './key-renewal.ts';
import {
  aliasQuery,
  bulkUpdateBody,
  deleteBody,
  generateBody,
  KEY_REFUSALS,
  listQuery,
  manyKeysBody,
  oneKeyBody,
  regenerateBody,
  resetSpendBody,
  serviceAccountBody,
  teamBulkUpdateBody,
  unenforced,
  updateBody,
} from './key-schema.ts';
import { generateKey, keyInfo, keyInfos, removeNamedKeys, updateKey } from './keys.ts';
import { type AdminRoute, route } from './route.ts';
import { warned } from './warning.ts';

const section = 'Keys';
const refusals = KEY_REFUSALS;

export function keyRoutes(context: AdminContext): readonly AdminRoute[] {
  return [...makingRoutes(context), ...readingRoutes(context), ...changingRoutes(context), ...renewingRoutes(context)];
}

function makingRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('POST /key/generate', {
      summary: 'Make a virtual key. The answer is the only one that ever holds the key itself.',
      section,
      body: generateBody,
      refusals,
      handle: async (input) =>
        warned(await generateKey(context, input.body, input), input.body, unenforced(context.settings())),
    }),
    route('POST /key/service-account/generate', {
      summary: 'Make a key that belongs to a team and to nobody in it.',
      section,
      body: serviceAccountBody,
      refusals,
      handle: async (input) => {
        if (input.body.user_id != null) {
          throw invalidRequest("'user_id': a service account belongs to its team alone. Leave it out.", 'user_id');
        }
        const made = await generateKey(context, input.body, input, SERVICE_ROUTE);
        return warned(made, input.body, unenforced(context.settings()));
      },
    }),
  ];
}

function readingRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('GET /key/info', {
      summary: 'One key with its limits and spend; without `key`, the caller’s own.',
      section,
      query: z.strictObject({ key: z.string().max(1_000).optional() }),
      handle: ({ query, access }) => keyInfo(context, query.key, access),
    }),
    route('POST /v2/key/info', {
      summary: 'Several keys with their limits and spend.',
      section,
      body: manyKeysBody,
      handle: ({ body, access }) => keyInfos(context, body.keys, access),
    }),
    route('GET /key/list', {
      summary: 'Keys, paged, filtered and sorted.',
      section,
      query: listQuery,
      handle: ({ query, access }) => keyPage(context, query, access),
    }),
    route('GET /key/aliases', {
      summary: 'Aliases of keys, paged.',
      section,
      query: aliasQuery,
      handle: ({ query, access }) => aliasPage(context, query, access),
    }),
    route('POST /key/health', {
      summary: 'Whether this key works, and what its logging callbacks say.',
      section,
      handle: async () => ({
        key: 'healthy',
        logging_callbacks: {
          callbacks: [],
          status: 'healthy',
          details: 'This key has no logging callback of its own.',
        },
      }),
    }),
  ];
}

function changingRoutes(context: AdminContext): readonly AdminRoute[] {
  const block = (blocked: boolean) => (input: { body: { key: string } } & Parameters<typeof updateKey>[2]) =>
    updateKey(context, { key: input.body.key, fields: { blocked }, action: blocked ? 'blocked' : 'unblocked' }, input);
  return [
    route('POST /key/update', {
      summary: 'Change a key. Only the fields sent change; an explicit null clears one.',
      section,
      body: updateBody,
      refusals,
      handle: async (input) => {
        const { key, ...fields } = input.body;
        return warned(await updateKey(context, { key, fields }, input), fields, unenforced(context.settings()));
      },
    }),
    route('POST /key/bulk_update', {
      summary: 'Change several keys, each in its own way.',
      section,
      body: bulkUpdateBody,
      refusals,
      handle: (input) => updateKeys(context, input.body, input),
    }),
    route('POST /team/key/bulk_update', {
      summary: 'Change several keys of a team, or all of them, in the same way.',
      section,
      body: teamBulkUpdateBody,
      handle: (input) => updateTeamKeys(context, input.body, input),
    }),
    route('POST /key/delete', {
      summary: 'Delete keys, by themselves or by alias.',
      section,
      body: deleteBody,
      handle: (input) => removeNamedKeys(context, input.body, input),
    }),
    route('POST /key/block', {
      summary: 'Block a key: its next request is refused.',
      section,
      body: oneKeyBody,
      handle: block(true),
    }),
    route('POST /key/unblock', { summary: 'Unblock a key.', section, body: oneKeyBody, handle: block(false) }),
  ];
}

function renewingRoutes(context: AdminContext): readonly AdminRoute[] {
  const body = regenerateBody;
  return [
    route('POST /key/regenerate', {
      summary: 'Give a key a new secret. All else of it goes on; the old secret works until the end of `grace_period`.',
      section,
      body,
      refusals,
      handle: async (input) => {
        if (input.body.key == null) throw invalidRequest("Name the key to regenerate in 'key'.", 'key');
        const renewed = await renewKey(context, input.body.key, input.body, input);
        return warned(renewed, input.body, unenforced(context.settings()));
      },
    }),
    route('POST /key/{key}/regenerate', {
      summary: 'The same for the key in the path.',
      section,
      body,
      refusals,
      handle: async (input) => {
        const renewed = await renewKey(context, String(input.params['key']), input.body, input);
        return warned(renewed, input.body, unenforced(context.settings()));
      },
    }),
    route('POST /key/{key}/reset_spend', {
      summary: 'Let what a key has spent in its current window count as `reset_to` from now on.',
      section,
      body: resetSpendBody,
      handle: (input) => resetSpend(context, String(input.params['key']), input.body.reset_to, input),
    }),
  ];
}
