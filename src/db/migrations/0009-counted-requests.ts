/** Requests whose rows are not kept, as long as counting them exactly once needs it. The columns are those of `requests`. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isSqlite } from '../dialect.ts';

const TEXTS = ['call_id', 'response_id'] as const;
const INTEGERS = ['started_at_ms', 'duration_us', 'upstream_us', 'overhead_us'] as const;
const SMALL_INTEGERS = ['status', 'http_status', 'stream', 'attempt_count'] as const;
const REFERENCES = [
  ...['route_ref', 'key_ref', 'key_alias_ref', 'team_ref', 'user_ref', 'organization_ref', 'project_ref'],
  ...['end_user_ref', 'requested_model_ref', 'model_group_ref', 'deployment_ref', 'model_ref', 'provider_ref'],
  ...['api_base_ref', 'price_version_ref', 'error_kind_ref', 'user_agent_ref', 'client_ip_ref', 'tags_ref'],
] as const;
const OPTIONAL_INTEGERS = [
  ...['first_token_us', 'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'cache_write_1h_tokens'],
  ...['input_audio_tokens', 'output_tokens', 'reasoning_tokens', 'output_audio_tokens', 'cost_nano_usd'],
  ...['cost_input_nano_usd', 'cost_output_nano_usd', 'cost_cache_read_nano_usd', 'cost_cache_write_nano_usd'],
  'cost_reasoning_nano_usd',
] as const;

export const countedRequests: Migration = {
  async up(db: Kysely<unknown>) {
    let table = db.schema
      .createTable('counted_requests')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('usage_source', 'smallint');
    for (const name of TEXTS) table = table.addColumn(name, 'text');
    for (const name of INTEGERS) table = table.addColumn(name, 'bigint', (column) => column.notNull());
    for (const name of SMALL_INTEGERS) table = table.addColumn(name, 'smallint', (column) => column.notNull());
    for (const name of REFERENCES) table = table.addColumn(name, 'integer');
    for (const name of OPTIONAL_INTEGERS) table = table.addColumn(name, 'bigint');
    await (isSqlite(db) ? table.modifyEnd(sql`without rowid`) : table).execute();
    await db.schema.createIndex('counted_requests_by_start').on('counted_requests').column('started_at_ms').execute();
  },
};
