/** Opens the database: locks the file, sets it up, brings the schema up to date. Every query elsewhere takes a `Database`. */
import { Database as BunDatabase } from 'bun:sqlite';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { bunSqlite, isSqlite, sqliteDialect } from './dialect.ts';
import { lockDatabaseFile } from './lock.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { isOutage } from './outage.ts';
import type { DatabaseSchema } from './schema.ts';

export type Database = Kysely<DatabaseSchema>;

export interface OpenOptions {
  /** `sqlite:PATH`, or `sqlite::memory:` for a database that ends with the process. */
  readonly url: string;
  /** Takes no lock, changes nothing, and may run beside the process that owns the file. */
  readonly readonly?: boolean;
  /** The program's own list unless a test brings another. */
  readonly migrations?: Readonly<Record<string, Migration>>;
}

/** Short, because the wait for a foreign reader's lock stops every request; the ledger tries again by itself. */
const BUSY_TIMEOUT_MS = 500;

/** Closing is `database.destroy()`, which also gives the file's lock back. Throws an Error in plain words. */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const migrations = options.migrations ?? MIGRATIONS;
  const database = openSqlite(sqlitePath(options.url), options.readonly ?? false);
  try {
    await refuseNewerSchema(database, options.url, Object.keys(migrations));
    if (!options.readonly) await migrate(database, migrations);
    return database;
  } catch (error) {
    await database.destroy();
    throw inPlainWords(error, options.url);
  }
}

/** SQLite's own words do not say which file it is about. */
function inPlainWords(error: unknown, url: string): unknown {
  if (!isOutage(error) || !(error instanceof Error)) return error;
  return new Error(`The database ${url} cannot be used: ${error.message}.`, { cause: error });
}

/**
 * Makes everything committed so far survive a power cut. SQLite runs with `synchronous = normal`, where a commit survives
 * the death of the process but not that of the machine; the ledger calls this before it deletes a journal segment.
 */
export async function makeDurable(database: Database): Promise<void> {
  if (isSqlite(database)) await sql`pragma wal_checkpoint(passive)`.execute(database);
}

/** The file's path. @throws Error in plain words when it is another database's URL */
export function sqlitePath(url: string): string {
  if (url.startsWith('sqlite:')) {
    const path = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
    if (path !== '') return path;
  }
  const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(url)?.[0] ?? '';
  const hint = scheme.startsWith('postgres') ? ' PostgreSQL is not supported yet.' : '';
  throw new Error(`Database URL starts with "${scheme}:"; accepted are sqlite:PATH and sqlite::memory:.${hint}`);
}

function openSqlite(path: string, readonly: boolean): Database {
  const isFile = path !== ':memory:';
  if (isFile && !readonly) mkdirSync(dirname(path), { recursive: true });
  const lock = isFile && !readonly ? lockDatabaseFile(path) : undefined;
  try {
    const file = readonly ? new BunDatabase(path, { readonly: true }) : new BunDatabase(path, { create: true });
    file.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    if (!readonly) {
      file.run('pragma journal_mode = wal');
      file.run('pragma synchronous = normal');
    }
    return new Kysely<DatabaseSchema>({ dialect: sqliteDialect(bunSqlite(file, () => lock?.release())) });
  } catch (error) {
    lock?.release();
    throw inPlainWords(error, `sqlite:${path}`);
  }
}

async function refuseNewerSchema(database: Database, url: string, known: readonly string[]): Promise<void> {
  const tables = await database.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return;
  const applied = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(database);
  const unknown = applied.rows.find((row) => !known.includes(row.name));
  if (unknown === undefined) return;
  throw new Error(
    `The database ${url} was written by a newer Tollgate: it has schema change "${unknown.name}", and this version ` +
      `knows up to "${known.at(-1) ?? 'none'}". Start the newer version, or restore a backup from before the upgrade.`,
  );
}

/** All pending migrations in one transaction: a crash half-way leaves the schema as it was. */
async function migrate(database: Database, migrations: Readonly<Record<string, Migration>>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results?.find((result) => result.status === 'Error')?.migrationName ?? 'unknown';
  throw new Error(`Schema change "${failed}" failed and was rolled back`, { cause: error });
}
