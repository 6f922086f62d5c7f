import type { Database } from './client.ts';

/**
 * Runs all of it or nothing, as a part of the transaction that `db` already is, or else in one of its own. So a change and
 * its audit row can be one, although each is a function of its own.
 */
export function inTransaction<Result>(db: Database, run: (transaction: Database) => Promise<Result>): Promise<Result> {
  return db.isTransaction ? run(db) : db.transaction().execute(run);
}
