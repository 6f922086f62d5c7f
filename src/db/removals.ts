/** Taking away what others hang on, together with all of it. Source: LiteLLM's documentation of the delete routes. */
import type { Database } from './client.ts';
import { type KeyRow, removeKeys } from './keys.ts';
import { type OrganizationRow, organizations } from './organizations.ts';
import { type TeamRow, teams } from './teams.ts';
import { inTransaction } from './transaction.ts';
import { type UserRow, users } from './users.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

export interface Removal {
  readonly visibility: Visibility;
  readonly nowMs: number;
  readonly by: string | null;
}

/** What went. Whoever keeps keys in memory forgets those of `keys`. */
export interface Removed<Row> {
  readonly rows: readonly Row[];
  readonly keys: readonly KeyRow[];
}

/** Teams go to the deleted ones; their members and keys go with them. */
export function removeTeams(db: Database, ids: readonly string[], removal: Removal): Promise<Removed<TeamRow>> {
  return inTransaction(db, async (transaction) => {
    const rows = await teams.remove(transaction, ids, removal.visibility);
    const gone = rows.map(({ team_id }) => team_id);
    for (const row of rows) {
      const deleted = { ...row, deleted_at_ms: removal.nowMs, deleted_by: removal.by };
      await transaction
        .insertInto('deleted_teams')
        .values(deleted)
        .onConflict((conflict) => conflict.column('team_id').doUpdateSet(deleted))
        .execute();
    }
    if (gone.length === 0) return { rows, keys: [] };
    await transaction.deleteFrom('team_members').where('team_id', 'in', gone).execute();
    await transaction.updateTable('projects').set({ team_id: null }).where('team_id', 'in', gone).execute();
    const owned = await transaction.selectFrom('keys').select('token').where('team_id', 'in', gone).execute();
    return { rows, keys: await removeAll(transaction, owned, removal.nowMs) };
  });
}

/** Their memberships and keys go with them; a service account has no user and stays. */
export function removeUsers(db: Database, ids: readonly string[], removal: Removal): Promise<Removed<UserRow>> {
  return inTransaction(db, async (transaction) => {
    const rows = await users.remove(transaction, ids, removal.visibility);
    const gone = rows.map(({ user_id }) => user_id);
    if (gone.length === 0) return { rows, keys: [] };
    await transaction.deleteFrom('team_members').where('user_id', 'in', gone).execute();
    await transaction.deleteFrom('organization_members').where('user_id', 'in', gone).execute();
    const owned = await transaction.selectFrom('keys').select('token').where('user_id', 'in', gone).execute();
    return { rows, keys: await removeAll(transaction, owned, removal.nowMs) };
  });
}

/** Members, teams and keys go with them. */
export function removeOrganizations(
  db: Database,
  ids: readonly string[],
  removal: Removal,
): Promise<Removed<OrganizationRow> & { readonly teams: readonly TeamRow[] }> {
  return inTransaction(db, async (transaction) => {
    const rows = await organizations.remove(transaction, ids, removal.visibility);
    const gone = rows.map(({ organization_id }) => organization_id);
    if (gone.length === 0) return { rows, teams: [], keys: [] };
    await transaction.deleteFrom('organization_members').where('organization_id', 'in', gone).execute();
    const within = await transaction
      .selectFrom('teams')
      .select('team_id')
      .where('organization_id', 'in', gone)
      .execute();
    const teamIds = within.map(({ team_id }) => team_id);
    const removed = await removeTeams(transaction, teamIds, { ...removal, visibility: EVERYTHING });
    const owned = await transaction.selectFrom('keys').select('token').where('organization_id', 'in', gone).execute();
    const keys = [...removed.keys, ...(await removeAll(transaction, owned, removal.nowMs))];
    return { rows, teams: removed.rows, keys };
  });
}

const removeAll = (db: Database, owned: readonly { readonly token: string }[], nowMs: number): Promise<KeyRow[]> =>
  removeKeys(
    db,
    owned.map(({ token }) => token),
    { visibility: EVERYTHING, nowMs },
  );
