/** A database in memory that lasts for one test. */
import { afterEach, beforeEach } from 'bun:test';
import { type Database, openDatabase } from '../../src/db/client.ts';

/** Call it at the top of a test file; what it gives is to be called within a test. */
export function databasePlace(): () => Database {
  let db: Database | undefined;
  beforeEach(async () => {
    db = await openDatabase({ url: 'sqlite::memory:' });
  });
  afterEach(() => db?.destroy());
  return () => {
    if (db === undefined) throw new Error('Only within a test');
    return db;
  };
}
