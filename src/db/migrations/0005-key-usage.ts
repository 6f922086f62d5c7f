/** The name under which a key's requests are counted, so that a new secret changes nothing about them. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const keyUsage: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['keys', 'deleted_keys']) {
      await db.schema.alterTable(name).addColumn('usage_hash', 'text').execute();
      await db.schema.createIndex(`${name}_by_usage`).on(name).column('usage_hash').execute();
    }
  },
};
