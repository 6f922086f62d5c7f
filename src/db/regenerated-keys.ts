/** A new secret for a key that stays the same, and the old secret for as long as it still works. */
import type { Database } from './client.ts';
import { findDeletedKey, findKey, isOldSecret, type KeyRow, usageHashOf } from './keys.ts';
import { inTransaction } from './transaction.ts';

export interface Regeneration {
  /** Digest of the new secret. */
  readonly newToken: string;
  /** Until when the old secret works as well; `null`: not at all from now on. */
  readonly oldValidUntilMs: number | null;
  readonly nowMs: number;
  /** What else becomes different, such as `key_name`; may throw, and then nothing has happened. */
  change(row: KeyRow): Partial<KeyRow>;
}

export type Regenerated =
  | { readonly taken: 'token' | 'key_alias' }
  | { readonly taken?: undefined; readonly before: KeyRow; readonly after: KeyRow };

/** The row keeps all its values under the new digest. `undefined`: no such key. */
export function regenerateKey(db: Database, token: string, request: Regeneration): Promise<Regenerated | undefined> {
  const { newToken, oldValidUntilMs, nowMs } = request;
  return inTransaction(db, async (transaction) => {
    const before = await findKey(transaction, token);
    if (before === undefined) return undefined;
    const after = { ...before, ...request.change(before), token: newToken, usage_hash: usageHashOf(before) };
    if (await isInUse(transaction, newToken)) return { taken: 'token' };
    if (await aliasIsTaken(transaction, after.key_alias, token)) return { taken: 'key_alias' };
    await transaction.updateTable('keys').set(after).where('token', '=', token).execute();
    await transaction
      .updateTable('deprecated_keys')
      .set({ active_token: newToken })
      .where('active_token', '=', token)
      .execute();
    // Kept even without a grace time, so that nobody can make a key with an old secret, and its refusal can say why.
    await transaction
      .insertInto('deprecated_keys')
      .values({ token, active_token: newToken, valid_until_ms: oldValidUntilMs ?? nowMs, created_at_ms: nowMs })
      .execute();
    return { before, after };
  });
}

const isInUse = async (db: Database, token: string): Promise<boolean> =>
  (await findKey(db, token)) !== undefined || (await isOldSecret(db, token));

async function aliasIsTaken(db: Database, alias: string | null, token: string): Promise<boolean> {
  if (alias === null) return false;
  const owner = await db.selectFrom('keys').select('token').where('key_alias', '=', alias).executeTakeFirst();
  return owner !== undefined && owner.token !== token;
}

/** The key that an old secret belongs to. Whether its time is over is for the reader to say. */
export async function findReplacement(
  db: Database,
  oldToken: string,
): Promise<{ readonly row: KeyRow; readonly validUntilMs: number } | undefined> {
  const old = await db.selectFrom('deprecated_keys').selectAll().where('token', '=', oldToken).executeTakeFirst();
  const row = old && (await findKey(db, old.active_token));
  return row && old && { row, validUntilMs: Number(old.valid_until_ms) };
}

/** The old secret works no longer. It stays known, so that its refusal can say why. */
export async function endGrace(db: Database, oldToken: string, nowMs: number): Promise<void> {
  await db.updateTable('deprecated_keys').set({ valid_until_ms: nowMs }).where('token', '=', oldToken).execute();
}

/** Old secrets whose time was over by then. @returns how many were forgotten */
export async function forgetOldSecrets(db: Database, beforeMs: number): Promise<number> {
  const result = await db.deleteFrom('deprecated_keys').where('valid_until_ms', '<', beforeMs).executeTakeFirst();
  return Number(result.numDeletedRows);
}

/**
 * The name under which the requests of a key are counted, whichever of its secrets the digest is of. A digest that no key
 * has is returned as it is: it may be such a name itself.
 */
export async function usageHashFor(db: Database, token: string): Promise<string> {
  const row =
    (await findKey(db, token)) ?? (await findReplacement(db, token))?.row ?? (await findDeletedKey(db, token));
  return row === undefined ? token : usageHashOf(row);
}
