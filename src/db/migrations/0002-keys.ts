/** Virtual keys with every column that LiteLLM's have, deleted keys, and the program's own settings. */
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

const TEXTS = [
  'key_alias',
  'key_name',
  'user_id',
  'team_id',
  'organization_id',
  'project_id',
  'agent_id',
  'budget_id',
  'budget_duration',
  'key_type',
  'created_by',
  'updated_by',
] as const;

/** JSON texts. */
const JSONS = [
  'models',
  'aliases',
  'config',
  'permissions',
  'metadata',
  'allowed_routes',
  'allowed_cache_controls',
  'model_max_budget',
  'budget_limits',
  'router_settings',
  'access_group_ids',
  'policies',
] as const;

const INTEGERS = [
  'expires_at_ms',
  'max_budget_nano_usd',
  'soft_budget_nano_usd',
  'budget_reset_at_ms',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpd_limit',
] as const;

export const keys: Migration = {
  async up(db: Kysely<unknown>) {
    await createKeyTable(db, 'keys');
    await createKeyTable(db, 'deleted_keys');
    await db.schema.alterTable('deleted_keys').addColumn('deleted_at_ms', 'bigint').execute();
    await db.schema.createIndex('keys_by_alias').on('keys').column('key_alias').unique().execute();
    await db.schema.createIndex('keys_by_team').on('keys').column('team_id').execute();
    await db.schema.createIndex('keys_by_user').on('keys').column('user_id').execute();
    await db.schema
      .createTable('settings')
      .addColumn('name', 'text', (column) => column.primaryKey().notNull())
      .addColumn('value', 'text', (column) => column.notNull())
      .execute();
  },
};

async function createKeyTable(db: Kysely<unknown>, name: string): Promise<void> {
  let table = db.schema
    .createTable(name)
    .addColumn('token', 'text', (column) => column.primaryKey().notNull())
    .addColumn('blocked', 'smallint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_at_ms', 'bigint', (column) => column.notNull());
  for (const column of TEXTS) table = table.addColumn(column, 'text');
  for (const column of JSONS) table = table.addColumn(column, 'text');
  for (const column of INTEGERS) table = table.addColumn(column, 'bigint');
  await table.execute();
}
