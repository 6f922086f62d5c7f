/** `/user/*`: input and output of each route; what they do is in `users.ts` and `user-reads.ts`. */
import { z } from '@hono/zod-openapi';
import type { AdminContext } from './context.ts';
import { type AdminRoute, route } from './route.ts';
import { UserReads } from './user-reads.ts';
import {
  bulkUserBody,
  newUserBody,
  USER_REFUSALS,
  USER_ROLES,
  USER_UNENFORCED,
  updateUserBody,
  userListQuery,
  userQuery,
  userSearchQuery,
  usersBody,
} from './user-schema.ts';
import { Users } from './users.ts';
import { warned } from './warning.ts';

const section = 'Users';

export function userRoutes(context: AdminContext): readonly AdminRoute[] {
  const users = new Users(context);
  return [
    route('POST /user/new', {
      summary: 'Make a user, and a first key unless auto_create_key is false.',
      section,
      body: newUserBody,
      refusals: USER_REFUSALS,
      handle: async (input) => warned(await users.create(input.body, input), input.body, USER_UNENFORCED),
    }),
    route('POST /user/update', {
      summary: 'Change a user. Only the fields sent change; users may change their own alias and metadata.',
      section,
      body: updateUserBody,
      refusals: USER_REFUSALS,
      handle: async (input) => warned(await users.update(input.body, input), input.body, USER_UNENFORCED),
    }),
    route('POST /user/bulk_update', {
      summary: 'Change many users; who cannot be changed is told.',
      section,
      body: bulkUserBody,
      handle: (input) => users.updateMany(input.body, input),
    }),
    route('POST /user/delete', {
      summary: 'Delete users, with their memberships and keys.',
      section,
      body: usersBody,
      handle: (input) => users.remove(input.body.user_ids, input),
    }),
    ...readRoutes(new UserReads(context)),
  ];
}

function readRoutes(users: UserReads): readonly AdminRoute[] {
  return [
    route('GET /user/info', {
      summary: 'One user with keys and teams; without `user_id`, your own.',
      section,
      query: userQuery,
      handle: ({ query, access }) => users.info(query.user_id, access),
    }),
    route('GET /v2/user/info', {
      summary: 'One user without keys; without `user_id`, your own.',
      section,
      query: userQuery,
      handle: ({ query, access }) => users.slim(query.user_id, access),
    }),
    route('GET /user/list', {
      summary: 'Users, paged, filtered and sorted.',
      section,
      query: userListQuery,
      handle: ({ query, access }) => users.list(query, access),
    }),
    route('GET /user/filter/ui', {
      summary: 'Ids and addresses of the users that match, newest first.',
      section,
      query: userSearchQuery,
      handle: ({ query, access }) => users.found(query, access),
    }),
    route('GET /user/available_roles', {
      summary: 'The roles that a user can have.',
      section,
      query: z.strictObject({}),
      handle: async () => USER_ROLES,
    }),
  ];
}
