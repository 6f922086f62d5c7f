/**
 * Kysely over `bun:sqlite`. The one place that knows which database is underneath; a second dialect (PostgreSQL) is added
 * here and in `client.ts`, nowhere else. All other SQL is portable: times are integers, money is integer nano-dollars,
 * structures are JSON text.
 */
import type { Database as BunDatabase, SQLQueryBindings, Statement } from 'bun:sqlite';
import {
  type Dialect,
  type Kysely,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from 'kysely';

/** Kysely runs migrations outside a transaction on SQLite, although SQLite can roll back table changes. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

const STATEMENT_CACHE_SIZE = 200;

/** What Kysely's SQLite driver asks of a database, answered by `bun:sqlite`. `onClose` runs after the file is closed. */
export function bunSqlite(database: BunDatabase, onClose: () => void): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    prepare(sql) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = sql === 'rollback' ? rollback(database) : wrapStatement(database.prepare(sql));
      if (statements.size >= STATEMENT_CACHE_SIZE) statements.clear();
      statements.set(sql, statement);
      return statement;
    },
    close() {
      statements.clear();
      database.close();
      onClose();
    },
  };
}

/**
 * SQLite rolls back by itself on some faults, a full disk among them. Asking again would then fail, and Kysely would tell
 * of that failure in place of the first.
 */
function rollback(database: BunDatabase): SqliteStatement {
  const statement = wrapStatement(database.prepare('rollback'));
  const nothing = { changes: 0, lastInsertRowid: 0 };
  return { ...statement, run: (parameters) => (database.inTransaction ? statement.run(parameters) : nothing) };
}

function wrapStatement(statement: Statement): SqliteStatement {
  // Kysely types parameters as unknown; the tables' types have already said what they are.
  const bindings = (parameters: readonly unknown[]) => parameters as SQLQueryBindings[];
  return {
    reader: statement.columnNames.length > 0,
    all: (parameters) => statement.all(...bindings(parameters)),
    run: (parameters) => statement.run(...bindings(parameters)),
    iterate: (parameters) => statement.iterate(...bindings(parameters)),
  };
}

/** The database beneath a Kysely instance and its transactions, which share their adapter. */
const beneath = new WeakMap<object, SqliteDatabase>();

/**
 * Runs a compiled statement for each list of values at once, on the connection that Kysely's transaction is using, and
 * returns how many rows each changed. For the one place where Kysely's own way costs several times the statement.
 * `undefined` where the database is not SQLite.
 */
export function bulkRunner<Schema>(
  db: Kysely<Schema>,
): ((sql: string, values: readonly unknown[]) => number) | undefined {
  const database = beneath.get(db.getExecutor().adapter);
  return database && ((sql, values) => Number(database.prepare(sql).run(values).changes));
}

export function sqliteDialect(database: SqliteDatabase): Dialect {
  return {
    createAdapter: () => {
      const adapter = new TransactionalSqliteAdapter();
      beneath.set(adapter, database);
      return adapter;
    },
    createDriver: () => new SqliteDriver({ database }),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** For migrations, where the two dialects spell a column type or a storage option differently. */
export function isSqlite<Schema>(db: Kysely<Schema>): boolean {
  return db.getExecutor().adapter instanceof SqliteAdapter;
}
