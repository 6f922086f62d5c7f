/** Why requests went where they went. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

export const routing: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('request_details').addColumn('routing', 'text').execute();
  },
};
