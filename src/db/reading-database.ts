/** A database whose questions are answered elsewhere, such as in a thread of its own, and which cannot be written to. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Database } from './client.ts';
import type { DatabaseSchema } from './schema.ts';

type Run = <Row>(query: CompiledQuery<Row>) => Promise<Row[]>;

/** For lists that are read once: the queries of a transaction are one after another, but not of one moment. */
export function readingDatabase(run: Run): Database {
  const connection: DatabaseConnection = {
    executeQuery: async <Row>(query: CompiledQuery) => ({ rows: await run(query as CompiledQuery<Row>) }),
    streamQuery: () => {
      throw new Error('A reading database gives all rows at once');
    },
  };
  return new Kysely<DatabaseSchema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driverOf(connection),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

const nothing = (): Promise<void> => Promise.resolve();

function driverOf(connection: DatabaseConnection): Driver {
  return {
    init: nothing,
    acquireConnection: () => Promise.resolve(connection),
    beginTransaction: nothing,
    commitTransaction: nothing,
    rollbackTransaction: nothing,
    releaseConnection: nothing,
    destroy: nothing,
  };
}
