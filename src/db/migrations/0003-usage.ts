/** Totals per scope and the report cube, filled from the rows that are there; the project of a request. */
import { type CreateTableBuilder, type Kysely, type RawBuilder, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isSqlite } from '../dialect.ts';

const DIMENSIONS = [
  'key_ref',
  'team_ref',
  'user_ref',
  'organization_ref',
  'project_ref',
  'end_user_ref',
  'model_group_ref',
  'model_ref',
  'deployment_ref',
  'provider_ref',
  'route_ref',
  'tags_ref',
] as const;

/** Those that pick few of many rows. The unique index begins with the key, and so finds keys. */
const SEARCHED: readonly string[] = [
  'team_ref',
  'user_ref',
  'organization_ref',
  'project_ref',
  'end_user_ref',
  'tags_ref',
];

const COUNTS = ['requests', 'successes', 'consuming', 'unpriced'] as const;

const SUMS = [
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
  'duration_us',
] as const;

export const usage: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('requests').addColumn('project_ref', 'integer').execute();
    // Not by id: an id is made by another clock than the start, and a machine that slept has let them drift apart.
    await db.schema.createIndex('requests_by_start').on('requests').column('started_at_ms').execute();
    await createTagSets(db);
    await createScopeUsage(db);
    await createDimensions(db);
    await createCube(db);
    // Other databases are supported since later: they have no rows from before.
    if (isSqlite(db)) await rollUp(db);
    await db.schema.dropTable('key_spend').execute();
  },
};

async function createTagSets(db: Kysely<unknown>): Promise<void> {
  const table = db.schema
    .createTable('tag_sets')
    .addColumn('tags_ref', 'integer', (column) => column.notNull())
    .addColumn('tag_ref', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('tag_sets_key', ['tags_ref', 'tag_ref']);
  await (isSqlite(db) ? table.modifyEnd(sql`without rowid`) : table).execute();
  await db.schema.createIndex('tag_sets_by_tag').on('tag_sets').columns(['tag_ref', 'tags_ref']).execute();
}

async function createScopeUsage(db: Kysely<unknown>): Promise<void> {
  const table = db.schema
    .createTable('scope_usage')
    .addColumn('kind', 'smallint', (column) => column.notNull())
    .addColumn('ref', 'integer', (column) => column.notNull())
    .addColumn('second_ref', 'integer', (column) => column.notNull())
    .addColumn('quarter', 'integer', (column) => column.notNull())
    .addColumn('request_count', 'bigint', (column) => column.notNull())
    .addColumn('cost_nano_usd', 'bigint', (column) => column.notNull())
    .addColumn('tokens', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('scope_usage_key', ['kind', 'ref', 'second_ref', 'quarter']);
  await (isSqlite(db) ? table.modifyEnd(sql`without rowid`) : table).execute();
}

async function createDimensions(db: Kysely<unknown>): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema
    .createTable('usage_dimensions')
    .addColumn('id', isSqlite(db) ? 'integer' : 'serial', (column) => column.primaryKey());
  for (const name of DIMENSIONS) table = table.addColumn(name, 'integer', (column) => column.notNull());
  await table.addUniqueConstraint('usage_dimensions_once', [...DIMENSIONS]).execute();
  for (const name of SEARCHED) {
    await db.schema.createIndex(`usage_dimensions_by_${name}`).on('usage_dimensions').column(name).execute();
  }
}

async function createCube(db: Kysely<unknown>): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema
    .createTable('usage_cube')
    .addColumn('quarter', 'integer', (column) => column.notNull())
    .addColumn('dimensions_ref', 'integer', (column) => column.notNull());
  for (const name of [...COUNTS, ...SUMS]) table = table.addColumn(name, 'bigint', (column) => column.notNull());
  table = table.addPrimaryKeyConstraint('usage_cube_key', ['quarter', 'dimensions_ref']);
  await (isSqlite(db) ? table.modifyEnd(sql`without rowid`) : table).execute();
  const columns = ['dimensions_ref', 'quarter'];
  await db.schema.createIndex('usage_cube_by_dimensions').on('usage_cube').columns(columns).execute();
}

async function rollUp(db: Kysely<unknown>): Promise<void> {
  await nameTagLists(db);
  const names = columns(DIMENSIONS);
  const ofRow = sql.join(DIMENSIONS.map((name) => sql`coalesce(${sql.ref(`r.${name}`)}, 0)`));
  await sql`insert into usage_dimensions (${names}) select distinct ${ofRow} from requests r`.execute(db);
  const same = sql.join(
    DIMENSIONS.map((name) => sql`${sql.ref(`d.${name}`)} = coalesce(${sql.ref(`r.${name}`)}, 0)`),
    sql` and `,
  );
  const sums = sql.join(SUMS.map((name) => sql`sum(coalesce(${sql.ref(`r.${name}`)}, 0))`));
  await sql`insert into usage_cube (quarter, dimensions_ref, ${columns([...COUNTS, ...SUMS])})
    select max(0, r.started_at_ms / 900000), d.id, count(*), sum(r.status = 0),
      sum(r.status = 0 or r.attempt_count > 0), sum(r.cost_nano_usd is null), ${sums}
    from requests r join usage_dimensions d on ${same} group by 1, 2`.execute(db);
  await rollUpScopes(db);
}

/** Every tag list gets a number, and its tags names. Lists too long for the dictionary are named after their request. */
async function nameTagLists(db: Kysely<unknown>): Promise<void> {
  await sql`insert or ignore into names (name) select '#' || request_id from request_details where tags is not null`.execute(
    db,
  );
  await sql`update requests set tags_ref = (select id from names where name = '#' || requests.id)
    where id in (select request_id from request_details where tags is not null)`.execute(db);
  const lists = sql`select n.id as tags_ref, n.name as list from names n
      where n.id in (select tags_ref from requests) and n.name like '[%'
    union all select n.id, d.tags from request_details d join names n on n.name = '#' || d.request_id
      where d.tags is not null`;
  const members = sql`select l.tags_ref, substr(t.value, 1, 1000) as tag
    from (${lists}) l, json_each(case when json_valid(l.list) then l.list else '[]' end) t where t.type = 'text'`;
  await sql`insert or ignore into names (name) select distinct tag from (${members})`.execute(db);
  await sql`insert or ignore into tag_sets (tags_ref, tag_ref)
    select m.tags_ref, n.id from (${members}) m join names n on n.name = m.tag`.execute(db);
}

/** Kind (its place in the list of kinds), first and second name. */
const SCOPES: readonly (readonly [kind: number, first: string, second?: string])[] = [
  [1, 'key_ref'],
  [2, 'team_ref'],
  [3, 'team_ref', 'user_ref'],
  [4, 'user_ref'],
  [5, 'organization_ref'],
  [6, 'project_ref'],
  [7, 'end_user_ref'],
  [9, 'key_ref', 'model_group_ref'],
  [10, 'team_ref', 'model_group_ref'],
  [11, 'user_ref', 'model_group_ref'],
  [12, 'organization_ref', 'model_group_ref'],
  [13, 'project_ref', 'model_group_ref'],
  [14, 'end_user_ref', 'model_group_ref'],
  [15, 'deployment_ref'],
  [16, 'provider_ref'],
];
const FIRST_SERVED_KIND = 9;

async function rollUpScopes(db: Kysely<unknown>): Promise<void> {
  await sql`insert or ignore into names (name) select '' where exists (select 1 from requests)`.execute(db);
  const empty = sql`(select id from names where name = '')`;
  const from = sql`usage_cube c join usage_dimensions d on d.id = c.dimensions_ref`;
  await addScope(db, { kind: 0, first: empty, second: sql`0`, from, where: sql`true` });
  for (const [kind, first, second] of SCOPES) {
    const present = [first, ...(second === undefined ? [] : [second])].map((name) => sql`${sql.ref(`d.${name}`)} <> 0`);
    if (kind >= FIRST_SERVED_KIND) present.push(sql`d.model_group_ref <> ${empty}`);
    await addScope(db, {
      kind,
      first: sql.ref(`d.${first}`),
      second: second === undefined ? sql`0` : sql.ref(`d.${second}`),
      from,
      where: sql.join(present, sql` and `),
    });
  }
  const tagged = sql`${from} join tag_sets t on t.tags_ref = d.tags_ref`;
  await addScope(db, { kind: 8, first: sql.ref('t.tag_ref'), second: sql`0`, from: tagged, where: sql`true` });
  await sql`insert into scope_usage select kind, ref, second_ref, -1, sum(request_count), sum(cost_nano_usd), sum(tokens)
    from scope_usage group by kind, ref, second_ref`.execute(db);
}

interface ScopeSource {
  readonly kind: number;
  readonly first: RawBuilder<unknown>;
  readonly second: RawBuilder<unknown>;
  readonly from: RawBuilder<unknown>;
  readonly where: RawBuilder<unknown>;
}

async function addScope(db: Kysely<unknown>, { kind, first, second, from, where }: ScopeSource): Promise<void> {
  await sql`insert into scope_usage (kind, ref, second_ref, quarter, request_count, cost_nano_usd, tokens)
    select ${sql.lit(kind)}, ${first}, ${second}, c.quarter, sum(c.consuming), sum(c.cost_nano_usd),
      sum(c.input_tokens + c.cache_read_tokens + c.cache_write_tokens + c.input_audio_tokens + c.output_tokens
        + c.reasoning_tokens + c.output_audio_tokens)
    from ${from} where ${where} group by 2, 3, 4`.execute(db);
}

const columns = (names: readonly string[]): RawBuilder<unknown> => sql.join(names.map((name) => sql.ref(name)));
