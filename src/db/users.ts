/** People with an account. End users are in `customers.ts`. */

import type { Database } from './client.ts';
import { type EntityTable, entityTable } from './entity-table.ts';
import type { UsersTable } from './entity-tables.ts';
import { NO_LIMITS } from './no-limits.ts';

export type UserRow = UsersTable;

export const EMPTY_USER: Omit<UserRow, 'user_id' | 'created_at_ms' | 'updated_at_ms'> = {
  ...NO_LIMITS,
  counts_from_ms: null,
  blocked: 0,
  user_alias: null,
  user_email: null,
  user_role: null,
  sso_user_id: null,
  password_hash: null,
  organization_id: null,
  budget_id: null,
  models: null,
  metadata: null,
  allowed_cache_controls: null,
  policies: null,
  object_permission: null,
  created_by: null,
  updated_by: null,
  version: 1,
};

export const users: EntityTable<UserRow> = entityTable<UserRow>({
  table: 'users',
  key: ['user_id'],
  unique: ['sso_user_id'],
  uniqueInAnyCase: ['user_email'],
  owner: { user: 'user_id', organization: 'organization_id', organizationMember: 'user_id' },
  sort: { by: 'created_at_ms', order: 'desc' },
});

/** Addresses are the same in any case. Sees everything: for telling whom a name means, not for showing it. */
export function findUserByEmail(db: Database, email: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('users')
    .selectAll()
    .where((eb) => eb(eb.fn('lower', ['user_email']), '=', eb.fn('lower', [eb.val(email)])))
    .executeTakeFirst();
}
