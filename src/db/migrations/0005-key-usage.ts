/** The name under which a key's requests are counted, so that a new secret changes nothing about them. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const keyUsage: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['keys', 'deleted_keys']) {
      await db.schema.alterTable(name).addColumn('usage_hash', 'text').execute();
      await db.schema.createIndex(`${name}_by_usage_hash`).on(name).column('usage_hash').execute();
    }
    // From a total to its key.
    await sql`create index keys_by_usage on keys (coalesce(usage_hash, token))`.execute(db);
  },
};
