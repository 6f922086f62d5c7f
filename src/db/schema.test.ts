import { describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import {
  accessGroupRow,
  budgetRow,
  credentialRow,
  customerRow,
  keyRow,
  memberRow,
  modelRow,
  organizationMemberRow,
  organizationRow,
  projectRow,
  tagRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { toRequest } from './request-codec.ts';
import type { DatabaseSchema } from './schema.ts';
import { DIMENSIONS, MEASURES } from './usage-tables.ts';

const db = databasePlace();

/** A name for each column of an interface: the compiler refuses one too many and one too few. */
type ColumnsOf<Table extends keyof DatabaseSchema> = Readonly<Record<keyof DatabaseSchema[Table], unknown>>;
type Columns = { readonly [Table in keyof DatabaseSchema]: ColumnsOf<Table> };

const zeros = <Name extends string>(names: readonly Name[]) =>
  // Made of exactly these names.
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;

const COLUMNS: Columns = {
  requests: toRequest(sampleRow(), () => null),
  counted_requests: toRequest(sampleRow(), () => null),
  request_details: {
    request_id: 0,
    session_id: 0,
    tags: 0,
    metadata: 0,
    attempts: 0,
    changes: 0,
    error_type: 0,
    error_message: 0,
    error_code: 0,
    price_factors: 0,
    routing: 0,
  },
  request_payloads: { request_id: 0, request_body: 0, response_body: 0 },
  names: { id: 0, name: 0 },
  tag_sets: { tags_ref: 0, tag_ref: 0 },
  scope_usage: { kind: 0, ref: 0, second_ref: 0, quarter: 0, request_count: 0, cost_nano_usd: 0, tokens: 0 },
  usage_dimensions: { id: 0, ...zeros(DIMENSIONS) },
  usage_cube: { quarter: 0, dimensions_ref: 0, ...zeros(MEASURES) },
  keys: keyRow('k'),
  deleted_keys: { ...keyRow('k'), deleted_at_ms: 0 },
  deprecated_keys: { token: 0, active_token: 0, valid_until_ms: 0, created_at_ms: 0 },
  settings: { name: 0, value: 0 },
  teams: teamRow('t'),
  deleted_teams: { ...teamRow('t'), deleted_at_ms: 0, deleted_by: null },
  team_members: memberRow('t', 'u'),
  users: userRow('u'),
  organizations: organizationRow('o'),
  organization_members: organizationMemberRow('o', 'u'),
  projects: projectRow('p'),
  customers: customerRow('c'),
  budgets: budgetRow('b'),
  tags: tagRow('t'),
  access_groups: accessGroupRow('g'),
  models: modelRow('m'),
  credentials: credentialRow('c'),
  audit_log: {
    id: 0,
    at_ms: 0,
    actor_key: 0,
    actor_user: 0,
    actor_role: 0,
    action: 0,
    object_kind: 0,
    object_id: 0,
    organization_id: 0,
    team_id: 0,
    before_values: 0,
    after_values: 0,
    changed_by: 0,
    call_id: 0,
    previous_hash: 0,
    hash: 0,
  },
};
const TABLES = Object.keys(COLUMNS) as (keyof DatabaseSchema)[];

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly pk: number;
  readonly dflt_value: string | null;
}

const columnsOf = async (table: string): Promise<readonly Column[]> =>
  (await sql<Column>`select name, type, "notnull", pk, dflt_value from pragma_table_info(${table})`.execute(db())).rows;

describe('the database and the interfaces', () => {
  test('have the same tables', async () => {
    const { rows } = await sql<{ name: string }>`select name from sqlite_master
      where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%'`.execute(db());
    expect(rows.map(({ name }) => name).sort()).toEqual([...TABLES].sort());
  });

  test.each(TABLES)('have the same columns of %s', async (table) => {
    const found = (await columnsOf(table)).map(({ name }) => name);
    expect(found.sort()).toEqual(Object.keys(COLUMNS[table]).sort());
  });
});

/** Tables whose rows in `COLUMNS` are whole ones, so that `null` there means that nothing need be stored. */
const WHOLE = TABLES.filter((table) => !('name' in COLUMNS[table]) && Object.values(COLUMNS[table]).includes(null));

test.each(WHOLE)('%s lets be empty what an empty row leaves empty, and nothing else', async (table) => {
  const values = new Map(Object.entries(COLUMNS[table]));
  for (const { name, notnull } of await columnsOf(table)) {
    if (name === 'deleted_at_ms' || name === 'key_name' || name === 'usage_source') continue;
    if (values.get(name) === null) expect([name, notnull]).toEqual([name, 0]);
    else if (!(table.endsWith('requests') && notnull === 0)) expect([name, notnull]).toEqual([name, 1]);
  }
});

test('money, times and counts are integers and all else is text, so that every database can hold them', async () => {
  const known = new Set(['text', 'integer', 'bigint', 'smallint']);
  for (const table of TABLES) {
    for (const { name, type, dflt_value } of await columnsOf(table)) {
      expect([table, name, known.has(type.toLowerCase()), dflt_value]).toEqual([table, name, true, null]);
      const isNumber = /_(ms|us|nano_usd|tokens|ref|limit|count)$|^(version|blocked|quarter)$/.test(name);
      const isJson = name.startsWith('model_') && name.endsWith('_limit');
      if (isNumber && !isJson) expect([table, name, type.toLowerCase()]).not.toEqual([table, name, 'text']);
    }
  }
});

test('every table has a primary key, and what people list has an index in the order of its list', async () => {
  for (const table of TABLES) expect((await columnsOf(table)).some(({ pk }) => pk > 0)).toBe(true);
  const plan = async (query: string) =>
    (await sql<{ detail: string }>`${sql.raw(`explain query plan ${query}`)}`.execute(db())).rows
      .map(({ detail }) => detail)
      .join('; ');
  for (const [table, id] of [
    ['keys', 'token'],
    ['teams', 'team_id'],
    ['users', 'user_id'],
    ['customers', 'user_id'],
  ] as const) {
    const page = await plan(`select * from ${table} order by created_at_ms desc, ${id} desc limit 50`);
    expect(page).toContain('USING INDEX');
    expect(page).not.toContain('TEMP B-TREE');
  }
});

test('looking a thing up by what it is found by reads an index and not the table', async () => {
  const lookUps = [
    "keys where token = 'x'",
    "keys where key_alias = 'x'",
    "keys where team_id = 'x'",
    "keys where user_id = 'x'",
    "keys where usage_hash = 'x'",
    "keys where budget_id = 'x'",
    "deprecated_keys where token = 'x'",
    "deprecated_keys where active_token = 'x'",
    "deleted_keys where usage_hash = 'x'",
    "teams where organization_id = 'x'",
    "team_members where team_id = 'x'",
    "team_members where user_id = 'x'",
    "users where lower(user_email) = 'x'",
    "users where sso_user_id = 'x'",
    "organization_members where user_id = 'x'",
    "projects where team_id = 'x'",
    "models where model_name = 'x'",
    "credentials where credential_name = 'x'",
    "requests where id = 'x'",
    "requests where call_id = 'x'",
    "requests where response_id = 'x'",
    'requests where started_at_ms >= 5 and started_at_ms < 9',
    "request_details where session_id = 'x'",
    "names where name = 'x'",
    'usage_dimensions where team_ref = 5',
    'usage_cube where quarter >= 5 and quarter < 9',
    'scope_usage where kind = 1 and ref = 2 and second_ref = 0 and quarter = -1',
    "audit_log where object_kind = 'x' and object_id = 'y'",
  ];
  for (const lookUp of lookUps) {
    const { rows } = await sql<{ detail: string }>`${sql.raw(`explain query plan select * from ${lookUp}`)}`.execute(
      db(),
    );
    expect([lookUp, rows[0]?.detail.startsWith('SEARCH')]).toEqual([lookUp, true]);
  }
});
