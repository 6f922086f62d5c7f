/** The request log: rows, their variable parts, the dictionary and the totals by key. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isSqlite } from '../dialect.ts';

const REQUEST_INTEGERS = ['duration_us', 'upstream_us', 'overhead_us'] as const;

const REQUEST_SMALL_INTEGERS = ['status', 'http_status', 'stream', 'attempt_count'] as const;

const REQUEST_REFERENCES = [
  'route_ref',
  'key_ref',
  'key_alias_ref',
  'team_ref',
  'user_ref',
  'organization_ref',
  'end_user_ref',
  'requested_model_ref',
  'model_group_ref',
  'deployment_ref',
  'model_ref',
  'provider_ref',
  'api_base_ref',
  'price_version_ref',
  'error_kind_ref',
  'user_agent_ref',
  'client_ip_ref',
  'tags_ref',
] as const;

const REQUEST_OPTIONAL_INTEGERS = [
  'first_token_us',
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cache_write_1h_tokens',
  'input_audio_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
  'cost_nano_usd',
  'cost_input_nano_usd',
  'cost_output_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_cache_write_nano_usd',
  'cost_reasoning_nano_usd',
] as const;

export const initial: Migration = {
  async up(db: Kysely<unknown>) {
    await createNames(db);
    await createRequests(db);
    await createDetails(db);
    await db.schema
      .createTable('key_spend')
      .addColumn('key_hash', 'text', (column) => column.primaryKey())
      .addColumn('cost_nano_usd', 'bigint', (column) => column.notNull())
      .addColumn('request_count', 'bigint', (column) => column.notNull())
      .execute();
  },
};

async function createNames(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('names')
    .addColumn('id', isSqlite(db) ? 'integer' : 'serial', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .execute();
}

async function createRequests(db: Kysely<unknown>): Promise<void> {
  let table = db.schema
    .createTable('requests')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('call_id', 'text')
    .addColumn('response_id', 'text')
    .addColumn('started_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('usage_source', 'smallint');
  for (const name of REQUEST_INTEGERS) table = table.addColumn(name, 'bigint', (column) => column.notNull());
  for (const name of REQUEST_SMALL_INTEGERS) table = table.addColumn(name, 'smallint', (column) => column.notNull());
  for (const name of REQUEST_REFERENCES) table = table.addColumn(name, 'integer');
  for (const name of REQUEST_OPTIONAL_INTEGERS) table = table.addColumn(name, 'bigint');
  // Stored in the order of the primary key, without a second tree for hidden row ids.
  await (isSqlite(db) ? table.modifyEnd(sql`without rowid`) : table).execute();

  await db.schema.createIndex('requests_by_key').on('requests').columns(['key_ref', 'id']).execute();
  // Partial: most rows have no call id of their own, and failures have no response id.
  await db.schema
    .createIndex('requests_by_response')
    .on('requests')
    .column('response_id')
    .where(sql.ref('response_id'), 'is not', null)
    .execute();
  await db.schema
    .createIndex('requests_by_call')
    .on('requests')
    .column('call_id')
    .where(sql.ref('call_id'), 'is not', null)
    .execute();
}

async function createDetails(db: Kysely<unknown>): Promise<void> {
  let details = db.schema
    .createTable('request_details')
    .addColumn('request_id', 'text', (column) => column.primaryKey().notNull());
  for (const name of [
    'session_id',
    'tags',
    'metadata',
    'attempts',
    'changes',
    'error_type',
    'error_message',
    'error_code',
  ]) {
    details = details.addColumn(name, 'text');
  }
  await (isSqlite(db) ? details.modifyEnd(sql`without rowid`) : details).execute();
  await db.schema
    .createTable('request_payloads')
    .addColumn('request_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('request_body', 'text')
    .addColumn('response_body', 'text')
    .execute();
}
