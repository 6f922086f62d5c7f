import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { type Database, openDatabase } from '../client.ts';
import { MIGRATIONS } from './index.ts';

let folder = '';
let url = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-migrations-'));
  url = `sqlite:${join(folder, 'tollgate.db')}`;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NAMES = Object.keys(MIGRATIONS);
const upTo = (count: number) => Object.fromEntries(Object.entries(MIGRATIONS).slice(0, count));
const ROWS = 12;

async function withDatabase<Result>(
  migrations: typeof MIGRATIONS,
  use: (db: Database) => Promise<Result>,
): Promise<Result> {
  const db = await openDatabase({ url, migrations });
  try {
    return await use(db);
  } finally {
    await db.destroy();
  }
}

interface Column {
  readonly name: string;
  readonly type: string;
}

async function tablesOf(db: Database): Promise<Map<string, readonly Column[]>> {
  const tables = new Map<string, readonly Column[]>();
  const { rows } = await sql<{ name: string }>`select name from sqlite_master
    where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%' order by name`.execute(db);
  for (const { name } of rows) {
    const columns = await sql<Column>`select name, type from pragma_table_info(${name})`.execute(db);
    tables.set(name, columns.rows);
  }
  return tables;
}

/** Rows in every table, with a value in every column. */
async function fill(db: Database, random: () => number): Promise<void> {
  for (const [table, columns] of await tablesOf(db)) {
    for (let at = 1; at <= ROWS; at++) {
      const values = columns.map((column) => valueIn(column, { table, at, random }));
      const names = sql.join(columns.map(({ name }) => sql.ref(name)));
      await sql`insert into ${sql.table(table)} (${names}) values (${sql.join(values)})`.execute(db);
    }
  }
}

const JSON_LISTS = new Set(['tags', 'attempts', 'changes']);

interface Place {
  readonly table: string;
  readonly at: number;
  readonly random: () => number;
}

const isText = ({ type }: Column): boolean => type.toLowerCase() === 'text';

/** A plausible value of a column, so that upgrades find something to add up. */
function valueIn(column: Column, { table, at, random }: Place): string | number {
  const { name } = column;
  if (JSON_LISTS.has(name)) return JSON.stringify([`${name} ${at % 3}`]);
  if (isText(column)) return `${table} ${name} ${at}`;
  const numbers: Readonly<Record<string, number>> = {
    id: at,
    kind: at % 17,
    ref: at,
    tags_ref: at,
    dimensions_ref: at,
    quarter: table === 'scope_usage' ? 1_900_000 : 1_900_000 + at,
    started_at_ms: 1_700_000_000_000 + Math.floor(random() * 1e9),
    status: at % 2,
    usage_source: at % 2,
  };
  return numbers[name] ?? (name.endsWith('_ref') ? 1 + Math.floor(random() * ROWS) : Math.floor(random() * 2 ** 40));
}

const rowsOf = async (db: Database, table: string): Promise<Record<string, unknown>[]> =>
  (await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(db)).rows;

async function contentOf(db: Database): Promise<Map<string, Record<string, unknown>[]>> {
  const content = new Map<string, Record<string, unknown>[]>();
  for (const table of (await tablesOf(db)).keys()) content.set(table, await rowsOf(db, table));
  return content;
}

const schemaOf = async (db: Database) =>
  (
    await sql`select type, name, tbl_name, sql from sqlite_master where name not like 'sqlite_%' order by name`.execute(
      db,
    )
  ).rows;

/** What an upgrade takes away or counts anew on purpose. */
const GONE = new Set(['key_spend']);
const COUNTED_ANEW: Readonly<Record<string, readonly string[]>> = { scope_usage: ['tokens'], requests: ['tags_ref'] };

function without(row: Record<string, unknown>, columns: readonly string[]): string {
  return JSON.stringify(Object.entries(row).filter(([name]) => !columns.includes(name)));
}

const VERSIONS = NAMES.map((name, at) => [name, at + 1] as const);

describe.each(VERSIONS)('a file of version %s', (_name, count) => {
  test('keeps every row and every value through an upgrade, and is whole', async () => {
    await withDatabase(upTo(count), (db) => fill(db, seededRandom(count)));
    const before = await withDatabase(upTo(count), contentOf);
    const columns = await withDatabase(upTo(count), tablesOf);
    await withDatabase(MIGRATIONS, async (db) => {
      const after = await contentOf(db);
      for (const [table, rows] of before) {
        if (GONE.has(table) && !after.has(table)) continue;
        const ignored = COUNTED_ANEW[table] ?? [];
        const known = (columns.get(table) ?? []).map(({ name }) => name).filter((name) => !ignored.includes(name));
        const kept = new Set(
          (after.get(table) ?? []).map((row) =>
            without(Object.fromEntries(known.map((name) => [name, row[name]])), []),
          ),
        );
        const lost = rows.filter((row) => !kept.has(without(row, ignored)));
        expect([table, lost]).toEqual([table, []]);
        expect(rows.length).toBe(ROWS);
      }
      expect((await sql`pragma integrity_check`.execute(db)).rows).toEqual([{ integrity_check: 'ok' }]);
    });
  });

  test('has in the end the very schema that a new file has', async () => {
    await withDatabase(upTo(count), (db) => fill(db, seededRandom(count)));
    const upgraded = await withDatabase(MIGRATIONS, schemaOf);
    const fresh = await openDatabase({ url: 'sqlite::memory:' });
    expect(upgraded).toEqual(await schemaOf(fresh));
    await fresh.destroy();
  });

  test('is changed by the first start alone', async () => {
    await withDatabase(upTo(count), (db) => fill(db, seededRandom(count)));
    const first = await withDatabase(MIGRATIONS, contentOf);
    const history = await withDatabase(MIGRATIONS, (db) => rowsOf(db, 'kysely_migration'));
    expect(await withDatabase(MIGRATIONS, contentOf)).toEqual(first);
    expect(await withDatabase(MIGRATIONS, (db) => rowsOf(db, 'kysely_migration'))).toEqual(history);
    expect(history.map(({ name }) => name)).toEqual(NAMES);
  });

  test('is as it was when the upgrade fails at its end', async () => {
    if (count === NAMES.length) return;
    await withDatabase(upTo(count), (db) => fill(db, seededRandom(count)));
    const before = await withDatabase(upTo(count), contentOf);
    const broken = {
      ...MIGRATIONS,
      '9999-broken': { up: async () => Promise.reject(new Error('The disk is full')) },
    };
    await expect(openDatabase({ url, migrations: broken })).rejects.toThrow('"9999-broken" failed and was rolled back');
    expect(await withDatabase(upTo(count), contentOf)).toEqual(before);
  });
});

test('every version but the first is refused by the version before it, and left alone', async () => {
  await withDatabase(MIGRATIONS, (db) => fill(db, seededRandom(1)));
  for (let count = 1; count < NAMES.length; count++) {
    const opened = openDatabase({ url, migrations: upTo(count) });
    await expect(opened).rejects.toThrow('was written by a newer Tollgate');
  }
  await withDatabase(MIGRATIONS, async (db) => {
    for (const rows of (await contentOf(db)).values()) expect(rows).toHaveLength(ROWS);
  });
});

test('files in the folder and the list agree, and each has a number of its own', async () => {
  const files = [...new Bun.Glob('[0-9]*.ts').scanSync(import.meta.dir)].filter((name) => !name.includes('.test.'));
  expect(files.map((name) => name.replace('.ts', '')).sort()).toEqual(NAMES);
  expect(NAMES.map((name) => Number(name.slice(0, 4)))).toEqual(NAMES.map((_, at) => at + 1));
});
