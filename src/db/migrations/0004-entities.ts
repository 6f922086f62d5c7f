/** Teams, users, organizations and all else that stands behind a key; what keys still lacked; the audit log. */
import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isSqlite } from '../dialect.ts';

const LIMIT_TEXTS = ['budget_duration', 'model_max_budget', 'budget_limits', 'tollgate_limits'] as const;
const LIMIT_INTEGERS = [
  'max_budget_nano_usd',
  'soft_budget_nano_usd',
  'rpm_limit',
  'tpm_limit',
  'tpd_limit',
  'max_parallel_requests',
  'temp_budget_increase_nano_usd',
  'temp_budget_expiry_ms',
  'spend_set_nano_usd',
  'spend_set_at_ms',
] as const;

interface Shape {
  /** Columns of the primary key. */
  readonly key: readonly string[];
  readonly required?: readonly string[];
  readonly texts: readonly string[];
  /** 0 or 1. */
  readonly flags?: readonly string[];
  readonly limits: boolean;
}

const TEAM: Shape = {
  key: ['team_id'],
  texts: [
    ...['team_alias', 'organization_id', 'budget_id', 'models', 'model_aliases', 'metadata', 'router_settings'],
    ...['team_member_permissions', 'default_team_member_models', 'access_group_ids', 'policies', 'object_permission'],
  ],
  flags: ['blocked', 'allow_team_guardrail_config'],
  limits: true,
};

const TABLES: Readonly<Record<string, Shape>> = {
  budgets: { key: ['budget_id'], texts: ['allowed_models'], limits: true },
  teams: TEAM,
  deleted_teams: TEAM,
  team_members: {
    key: ['team_id', 'user_id'],
    required: ['role'],
    texts: ['budget_id', 'allowed_models'],
    limits: true,
  },
  users: {
    key: ['user_id'],
    texts: [
      ...['user_alias', 'user_email', 'user_role', 'sso_user_id', 'password_hash', 'organization_id', 'budget_id'],
      ...['models', 'metadata', 'allowed_cache_controls', 'policies', 'object_permission'],
    ],
    flags: ['blocked'],
    limits: true,
  },
  organizations: {
    key: ['organization_id'],
    texts: ['organization_alias', 'budget_id', 'models', 'metadata', 'object_permission'],
    flags: ['blocked'],
    limits: true,
  },
  organization_members: { key: ['organization_id', 'user_id'], texts: ['user_role', 'budget_id'], limits: true },
  projects: {
    key: ['project_id'],
    texts: [
      ...['project_alias', 'description', 'team_id', 'budget_id', 'models', 'metadata', 'model_rpm_limit'],
      ...['model_tpm_limit', 'object_permission'],
    ],
    flags: ['blocked'],
    limits: true,
  },
  customers: {
    key: ['user_id'],
    texts: [
      ...['alias', 'budget_id', 'models', 'default_model', 'allowed_model_region', 'metadata', 'object_permission'],
    ],
    flags: ['blocked'],
    limits: true,
  },
  tags: { key: ['tag_name'], texts: ['description', 'budget_id', 'models', 'model_info'], limits: true },
  access_groups: {
    key: ['access_group_id'],
    required: ['access_group_name'],
    texts: [
      ...['description', 'access_model_names', 'access_mcp_server_ids', 'access_agent_ids', 'assigned_team_ids'],
      'assigned_key_ids',
    ],
    limits: false,
  },
  models: {
    key: ['model_id'],
    required: ['model_name', 'litellm_params'],
    texts: ['model_info', 'team_id'],
    flags: ['blocked'],
    limits: false,
  },
  credentials: {
    key: ['credential_id'],
    required: ['credential_name', 'credential_values'],
    texts: ['credential_info'],
    limits: false,
  },
};

/** Name → columns. A list of columns ends with the primary key, so that its order is total and a page can go on after a row. */
const INDEXES: Readonly<Record<string, readonly [table: string, ...columns: string[]]>> = {
  teams_by_created: ['teams', 'created_at_ms', 'team_id'],
  teams_by_alias: ['teams', 'team_alias', 'team_id'],
  teams_by_organization: ['teams', 'organization_id', 'created_at_ms', 'team_id'],
  team_members_by_user: ['team_members', 'user_id', 'team_id'],
  users_by_created: ['users', 'created_at_ms', 'user_id'],
  users_by_email: ['users', 'user_email', 'user_id'],
  users_by_role: ['users', 'user_role', 'created_at_ms', 'user_id'],
  users_by_organization: ['users', 'organization_id', 'created_at_ms', 'user_id'],
  organization_members_by_user: ['organization_members', 'user_id', 'organization_id'],
  projects_by_team: ['projects', 'team_id', 'created_at_ms', 'project_id'],
  customers_by_created: ['customers', 'created_at_ms', 'user_id'],
  models_by_name: ['models', 'model_name', 'model_id'],
  models_by_team: ['models', 'team_id', 'model_id'],
  deprecated_keys_by_active: ['deprecated_keys', 'active_token'],
  audit_log_by_object: ['audit_log', 'object_kind', 'object_id', 'id'],
  audit_log_by_actor: ['audit_log', 'actor_user', 'id'],
  audit_log_by_time: ['audit_log', 'at_ms', 'id'],
  audit_log_by_organization: ['audit_log', 'organization_id', 'id'],
  audit_log_by_team: ['audit_log', 'team_id', 'id'],
};

/** Columns that a page of keys can be sorted by. */
const KEY_ORDERS = [
  'updated_at_ms',
  'key_alias',
  'key_name',
  'user_id',
  'team_id',
  'organization_id',
  'project_id',
  'created_by',
  'max_budget_nano_usd',
  'expires_at_ms',
] as const;

export const entities: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [name, shape] of Object.entries(TABLES)) await createTable(db, name, shape);
    await db.schema.alterTable('deleted_teams').addColumn('deleted_at_ms', 'bigint').execute();
    await db.schema.alterTable('deleted_teams').addColumn('deleted_by', 'text').execute();
    await createDeprecatedKeys(db);
    await createAuditLog(db);
    for (const name of ['keys', 'deleted_keys']) await completeKeys(db, name);
    await indexKeys(db);
    for (const [name, [table, ...columns]] of Object.entries(INDEXES)) {
      await db.schema.createIndex(name).on(table).columns(columns).execute();
    }
    await createUniques(db);
  },
};

async function createTable(db: Kysely<unknown>, name: string, shape: Shape): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema.createTable(name);
  for (const column of [...shape.key, ...(shape.required ?? [])]) {
    table = table.addColumn(column, 'text', (built) => built.notNull());
  }
  for (const column of ['created_at_ms', 'updated_at_ms', 'version']) {
    table = table.addColumn(column, 'bigint', (built) => built.notNull());
  }
  for (const column of shape.flags ?? []) table = table.addColumn(column, 'smallint', (built) => built.notNull());
  for (const column of ['created_by', 'updated_by', ...shape.texts]) table = table.addColumn(column, 'text');
  if (shape.limits) {
    for (const column of LIMIT_TEXTS) table = table.addColumn(column, 'text');
    for (const column of LIMIT_INTEGERS) table = table.addColumn(column, 'bigint');
  }
  await table.addPrimaryKeyConstraint(`${name}_key`, [...shape.key]).execute();
}

async function createDeprecatedKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('deprecated_keys')
    .addColumn('token', 'text', (column) => column.primaryKey().notNull())
    .addColumn('active_token', 'text', (column) => column.notNull())
    .addColumn('valid_until_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute();
}

async function createAuditLog(db: Kysely<unknown>): Promise<void> {
  let table = db.schema
    .createTable('audit_log')
    .addColumn('id', isSqlite(db) ? 'integer' : 'bigint', (column) => column.primaryKey().notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull());
  for (const column of ['action', 'object_kind', 'object_id', 'previous_hash', 'hash']) {
    table = table.addColumn(column, 'text', (built) => built.notNull());
  }
  for (const column of [
    ...['actor_key', 'actor_user', 'actor_role', 'organization_id', 'team_id'],
    ...['before_values', 'after_values', 'changed_by', 'call_id'],
  ]) {
    table = table.addColumn(column, 'text');
  }
  await table.execute();
  if (!isSqlite(db)) return;
  for (const change of ['update', 'delete']) {
    await sql`create trigger ${sql.ref(`audit_log_no_${change}`)} before ${sql.raw(change)} on audit_log
      begin select raise(abort, 'The audit log is append-only'); end`.execute(db);
  }
}

async function completeKeys(db: Kysely<unknown>, name: string): Promise<void> {
  const texts = ['object_permission', 'model_spend', 'budget_fallbacks', 'rotation_interval', 'tollgate_limits'];
  const integers = [
    ...['rotation_count', 'auto_rotate', 'last_rotation_at_ms', 'key_rotation_at_ms', 'last_active_at_ms'],
    ...['temp_budget_increase_nano_usd', 'temp_budget_expiry_ms', 'spend_set_nano_usd', 'spend_set_at_ms'],
  ];
  for (const column of texts) await db.schema.alterTable(name).addColumn(column, 'text').execute();
  for (const column of integers) await db.schema.alterTable(name).addColumn(column, 'bigint').execute();
}

async function indexKeys(db: Kysely<unknown>): Promise<void> {
  for (const name of ['keys_by_team', 'keys_by_user']) await db.schema.dropIndex(name).execute();
  await db.schema.createIndex('keys_in_order').on('keys').columns(['created_at_ms', 'token']).execute();
  for (const column of KEY_ORDERS) {
    const columns = [column, 'created_at_ms', 'token'];
    await db.schema.createIndex(`keys_by_${column}`).on('keys').columns(columns).execute();
  }
  await db.schema.createIndex('keys_by_budget').on('keys').column('budget_id').execute();
  // Keys by what they spent: their totals since they began, of the kind `api_key`.
  await sql`create index scope_usage_by_key_cost
    on scope_usage (kind, second_ref, quarter, cost_nano_usd, ref)
    where kind = 1 and second_ref = 0 and quarter = -1`.execute(db);
  // Pages and counts by status without reading the rows.
  const status = ['blocked', 'created_at_ms', 'token', 'expires_at_ms'];
  await db.schema.createIndex('keys_by_status').on('keys').columns(status).execute();
}

async function createUniques(db: Kysely<unknown>): Promise<void> {
  await sql`create unique index users_email on users (lower(user_email))`.execute(db);
  await db.schema.createIndex('users_sso').on('users').column('sso_user_id').unique().execute();
  await db.schema.createIndex('credentials_name').on('credentials').column('credential_name').unique().execute();
  await db.schema.createIndex('access_groups_name').on('access_groups').column('access_group_name').unique().execute();
}
