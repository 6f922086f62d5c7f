/** Virtual keys, by the digest of their secret. */
import { createHash } from 'node:crypto';
import type { Database } from './client.ts';
import { type EntityTable, entityTable } from './entity-table.ts';
import type { DeletedKeysTable, KeysTable } from './key-tables.ts';
import { NO_LIMITS } from './no-limits.ts';
import { inTransaction } from './transaction.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

export type KeyRow = KeysTable;
export type DeletedKeyRow = DeletedKeysTable;

/** A key of which nothing is set. */
export const EMPTY_KEY: Omit<KeyRow, 'token' | 'created_at_ms' | 'updated_at_ms' | 'key_name'> = {
  ...NO_LIMITS,
  blocked: 0,
  usage_hash: null,
  key_alias: null,
  user_id: null,
  team_id: null,
  organization_id: null,
  project_id: null,
  agent_id: null,
  budget_id: null,
  key_type: null,
  created_by: null,
  updated_by: null,
  models: null,
  aliases: null,
  config: null,
  permissions: null,
  metadata: null,
  allowed_routes: null,
  allowed_cache_controls: null,
  router_settings: null,
  access_group_ids: null,
  policies: null,
  expires_at_ms: null,
  budget_reset_at_ms: null,
  object_permission: null,
  model_spend: null,
  budget_fallbacks: null,
  auto_rotate: null,
  rotation_interval: null,
  rotation_count: null,
  last_rotation_at_ms: null,
  key_rotation_at_ms: null,
  last_active_at_ms: null,
};

/** Columns that say whose a key is. */
export const KEY_OWNER = {
  key: ['token', 'usage_hash'],
  user: 'user_id',
  team: 'team_id',
  organization: 'organization_id',
} as const;

/** The name under which the requests of a key are counted, in the log, its totals and every limit. */
export const usageHashOf = ({ usage_hash, token }: Pick<KeyRow, 'usage_hash' | 'token'>): string => usage_hash ?? token;

export const keys: EntityTable<KeyRow> = entityTable<KeyRow>({
  table: 'keys',
  key: ['token'],
  unique: ['key_alias'],
  owner: KEY_OWNER,
  sort: { by: 'created_at_ms', order: 'desc' },
});

/** Where deleted keys are still found. */
export const deletedKeys: EntityTable<DeletedKeyRow> = entityTable<DeletedKeyRow>({
  table: 'deleted_keys',
  key: ['token'],
  owner: KEY_OWNER,
  sort: { by: 'deleted_at_ms', order: 'desc' },
});

/** Sees everything: for checking a key, not for showing it. */
export const findKey = (db: Database, token: string): Promise<KeyRow | undefined> => keys.find(db, token, EVERYTHING);

export const findDeletedKey = (db: Database, token: string): Promise<DeletedKeyRow | undefined> =>
  deletedKeys.find(db, token, EVERYTHING);

export async function tokensByAlias(db: Database, aliases: readonly string[]): Promise<string[]> {
  if (aliases.length === 0) return [];
  const found = await db
    .selectFrom('keys')
    .select('token')
    .where('key_alias', 'in', [...aliases])
    .execute();
  return found.map(({ token }) => token);
}

/** What stood in the way of a new key, if anything. Decided by the database itself, so that two at once cannot both win. */
export function insertKey(db: Database, row: KeyRow): Promise<'inserted' | 'key taken' | 'alias taken'> {
  return inTransaction(db, async (transaction) => {
    if (await isOldSecret(transaction, row.token)) return 'key taken';
    const taken = (await keys.insert(transaction, { ...row, usage_hash: await usageOfNew(transaction, row) }))?.taken;
    if (taken === undefined) return 'inserted';
    return taken === 'key_alias' ? 'alias taken' : 'key taken';
  });
}

/** The old secret of a key stays its own, whether or not it still works: what it used is counted under the first one. */
export async function isOldSecret(db: Database, token: string): Promise<boolean> {
  const replaced = db.selectFrom('deprecated_keys').select('token').where('token', '=', token);
  if ((await replaced.executeTakeFirst()) !== undefined) return true;
  const first = await db.selectFrom('keys').select('token').where('usage_hash', '=', token).executeTakeFirst();
  return first !== undefined && first.token !== token;
}

/** A secret that a deleted key had begins anew: what that key spent is not the new one's. */
async function usageOfNew(db: Database, { token, usage_hash, created_at_ms }: KeyRow): Promise<string | null> {
  const before = await db
    .selectFrom('deleted_keys')
    .select('token')
    .where((eb) => eb.or([eb('token', '=', token), eb('usage_hash', '=', token)]))
    .limit(1)
    .executeTakeFirst();
  return before === undefined ? usage_hash : createHash('sha256').update(`${token} ${created_at_ms}`).digest('hex');
}

/** The key with this name in the log; `undefined`: there is none any more. For reports, by name. */
export async function keysCountedAs(
  db: Database,
  usageHashes: readonly string[],
  visibility: Visibility,
): Promise<ReadonlyMap<string, KeyRow>> {
  const found = new Map<string, KeyRow>();
  for (const row of await keys.findMany(db, usageHashes, visibility)) found.set(usageHashOf(row), row);
  for (let start = 0; start < usageHashes.length; start += NAMES_A_QUERY) {
    const names = usageHashes.slice(start, start + NAMES_A_QUERY);
    const { rows } = await keys.list(db, {
      visibility,
      where: [{ column: 'usage_hash', in: names }],
      limit: names.length,
    });
    for (const row of rows) found.set(usageHashOf(row), row);
  }
  return found;
}

const NAMES_A_QUERY = 200;

/**
 * Changes a key by what it is now, with nobody in between. Resolves to the changed row, or `undefined` when there is no
 * such key. `change` may throw, and then nothing has happened.
 */
export async function changeKey(
  db: Database,
  token: string,
  change: (row: KeyRow) => Partial<KeyRow>,
): Promise<KeyRow | 'alias taken' | undefined> {
  const changed = await keys.change(db, token, EVERYTHING, change);
  if (changed === undefined) return undefined;
  return changed.taken === undefined ? changed.after : 'alias taken';
}

/** Moves keys to the deleted ones, where `/key/info` still finds them. Returns those that existed. */
export async function deleteKeys(db: Database, tokens: readonly string[], deletedAtMs: number): Promise<string[]> {
  const removed = await removeKeys(db, tokens, { visibility: EVERYTHING, nowMs: deletedAtMs });
  return removed.map(({ token }) => token);
}

/** The same in somebody's name, with the rows as they were. */
export function removeKeys(
  db: Database,
  tokens: readonly string[],
  { visibility, nowMs }: { readonly visibility: Visibility; readonly nowMs: number },
): Promise<KeyRow[]> {
  return inTransaction(db, async (transaction) => {
    const rows = await keys.remove(transaction, tokens, visibility);
    for (const row of rows) {
      const deleted = { ...row, deleted_at_ms: nowMs };
      await transaction
        .insertInto('deleted_keys')
        .values(deleted)
        .onConflict((conflict) => conflict.column('token').doUpdateSet(deleted))
        .execute();
      // A secret that was replaced must not outlive the key.
      await transaction.deleteFrom('deprecated_keys').where('active_token', '=', row.token).execute();
    }
    return rows;
  });
}

/** All of them or, when `change` throws, none. A key that is not there or whose new alias is taken is told and left out. */
export function changeKeys(
  db: Database,
  tokens: readonly string[],
  visibility: Visibility,
  change: (row: KeyRow) => Partial<KeyRow>,
): Promise<ReadonlyMap<string, Awaited<ReturnType<typeof keys.change>>>> {
  return inTransaction(db, async (transaction) => {
    const outcomes = new Map<string, Awaited<ReturnType<typeof keys.change>>>();
    for (const token of new Set(tokens)) {
      outcomes.set(token, await keys.change(transaction, token, visibility, change));
    }
    return outcomes;
  });
}
