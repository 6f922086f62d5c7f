/** Virtual keys, by the digest of their secret. */
import type { Selectable } from 'kysely';
import type { Database } from './client.ts';
import type { KeysTable } from './key-tables.ts';

export type KeyRow = Selectable<KeysTable>;

/** A key of which nothing is set. */
export const EMPTY_KEY: Omit<KeyRow, 'token' | 'created_at_ms' | 'updated_at_ms' | 'key_name'> = {
  blocked: 0,
  key_alias: null,
  user_id: null,
  team_id: null,
  organization_id: null,
  project_id: null,
  agent_id: null,
  budget_id: null,
  budget_duration: null,
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
  model_max_budget: null,
  budget_limits: null,
  router_settings: null,
  access_group_ids: null,
  policies: null,
  expires_at_ms: null,
  max_budget_nano_usd: null,
  soft_budget_nano_usd: null,
  budget_reset_at_ms: null,
  max_parallel_requests: null,
  tpm_limit: null,
  rpm_limit: null,
  tpd_limit: null,
};

export interface KeyFilter {
  readonly userId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly keyAlias?: string | undefined;
  readonly token?: string | undefined;
}

export interface KeyPage {
  readonly rows: readonly KeyRow[];
  readonly total: number;
}

export function findKey(db: Database, token: string): Promise<KeyRow | undefined> {
  return db.selectFrom('keys').selectAll().where('token', '=', token).executeTakeFirst();
}

export async function findDeletedKey(db: Database, token: string): Promise<KeyRow | undefined> {
  return db.selectFrom('deleted_keys').selectAll().where('token', '=', token).executeTakeFirst();
}

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
export async function insertKey(db: Database, row: KeyRow): Promise<'inserted' | 'key taken' | 'alias taken'> {
  const result = await db
    .insertInto('keys')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (Number(result.numInsertedOrUpdatedRows ?? 0) > 0) return 'inserted';
  return (await findKey(db, row.token)) === undefined ? 'alias taken' : 'key taken';
}

/**
 * Changes a key by what it is now, with nobody in between. Resolves to the changed row, or `undefined` when there is no
 * such key. `change` may throw, and then nothing has happened.
 */
export function changeKey(
  db: Database,
  token: string,
  change: (row: KeyRow) => Partial<KeyRow>,
): Promise<KeyRow | 'alias taken' | undefined> {
  return db.transaction().execute(async (transaction) => {
    const row = await findKey(transaction, token);
    if (row === undefined) return undefined;
    const changed = change(row);
    if (changed.key_alias !== undefined && changed.key_alias !== null) {
      const owners = await tokensByAlias(transaction, [changed.key_alias]);
      if (owners.some((owner) => owner !== token)) return 'alias taken';
    }
    await transaction.updateTable('keys').set(changed).where('token', '=', token).execute();
    return { ...row, ...changed };
  });
}

/** Moves keys to the deleted ones, where `/key/info` still finds them. Returns those that existed. */
export function deleteKeys(db: Database, tokens: readonly string[], deletedAtMs: number): Promise<string[]> {
  return db.transaction().execute(async (transaction) => {
    const rows = await transaction
      .selectFrom('keys')
      .selectAll()
      .where('token', 'in', [...tokens])
      .execute();
    for (const row of rows) {
      await transaction
        .insertInto('deleted_keys')
        .values({ ...row, deleted_at_ms: deletedAtMs })
        .onConflict((conflict) => conflict.column('token').doUpdateSet({ ...row, deleted_at_ms: deletedAtMs }))
        .execute();
    }
    const found = rows.map(({ token }) => token);
    if (found.length > 0) await transaction.deleteFrom('keys').where('token', 'in', found).execute();
    return found;
  });
}

export async function listKeys(
  db: Database,
  filter: KeyFilter,
  page: { readonly limit: number; readonly offset: number },
): Promise<KeyPage> {
  let query = db.selectFrom('keys');
  if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId);
  if (filter.teamId !== undefined) query = query.where('team_id', '=', filter.teamId);
  if (filter.organizationId !== undefined) query = query.where('organization_id', '=', filter.organizationId);
  if (filter.keyAlias !== undefined) query = query.where('key_alias', '=', filter.keyAlias);
  if (filter.token !== undefined) query = query.where('token', '=', filter.token);
  const counted = await query.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirst();
  const rows = await query
    .selectAll()
    .orderBy('created_at_ms', 'desc')
    .orderBy('token')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows, total: Number(counted?.total ?? 0) };
}
