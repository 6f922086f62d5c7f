/** What besides tokens decided a price; the requests of a session. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const priceFactors: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('request_details').addColumn('price_factors', 'text').execute();
    await db.schema
      .createIndex('request_details_by_session')
      .on('request_details')
      .column('session_id')
      .where(sql.ref('session_id'), 'is not', null)
      .execute();
  },
};
