/** Writes the request log and its totals. Reading it is `spend-logs.ts`. */
import type { CompiledQuery, Transaction } from 'kysely';
import { nextTurn } from '../lib/next-turn.ts';
import type { Database } from './client.ts';
import type { RequestTable } from './counted-requests.ts';
import { bulkRunner } from './dialect.ts';
import { addNames } from './dictionary.ts';
import { type RefOf, toDetails, toPayload, toRequest } from './request-codec.ts';
import type { LedgerRow } from './request-row.ts';
import type { RequestsTable } from './request-tables.ts';
import type { DatabaseSchema } from './schema.ts';
import { usageSince } from './scope-usage.ts';
import { addUsage, type EncodedRow, encoded, usageRefs } from './usage-rollup.ts';

export const MAX_ROWS_PER_TRANSACTION = 500;
/** After this many rows other work gets a turn of the event loop. */
const ROWS_PER_TURN = 100;
/** Rows of variable parts in one statement. */
const ROWS_PER_STATEMENT = 25;

/**
 * Inserts rows and adds them to the totals (`usage-rollup.ts`), all or nothing, at most 500 at once. A row whose id is already
 * there changes nothing, so a batch may be repeated. Resolves to the number of rows that were new.
 */
export async function insertRequests(db: Database, rows: readonly LedgerRow[]): Promise<number> {
  if (rows.length > MAX_ROWS_PER_TRANSACTION) throw new RangeError(`At most ${MAX_ROWS_PER_TRANSACTION} rows at once`);
  const byId = new Map<string, LedgerRow>();
  for (const row of rows) if (!byId.has(row.id)) byId.set(row.id, row);
  const refOf = await refsFor(db, byId.values());
  const unique = Array.from(byId.values(), (row) => encoded(row, refOf));
  const refs = await usageRefs(db, unique, refOf);

  return db.transaction().execute(async (transaction) => {
    const added: EncodedRow[] = [];
    for (let start = 0; start < unique.length; start += ROWS_PER_TURN) {
      if (start > 0) await nextTurn();
      const turn = unique.slice(start, start + ROWS_PER_TURN);
      added.push(...(await insertNarrow(transaction, turn)));
    }
    await insertVariableParts(
      transaction,
      added.flatMap(({ row }) => (row.totalsOnly ? [] : [row])),
    );
    await addUsage(transaction, added, refs);
    return added.length;
  });
}

const ROW_FAULT_CODES = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)/;

/**
 * Whether an insert failed because of what a row holds (it is not shaped like a row, or breaks a constraint), so that
 * trying again is useless, and not because the database is unwell.
 */
export function isFaultOfRow(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  return error instanceof Error && 'code' in error && ROW_FAULT_CODES.test(String(error.code));
}

/** Lifetime cost of a key in nano-dollars, 0 for a key without requests. Rows of unknown price count as 0. */
export async function spendByKey(db: Database, keyHash: string): Promise<number> {
  return (await usageSince(db, { kind: 'api_key', id: keyHash }, null)).costNanoUsd;
}

/** The numbers of all names in these rows, found by a first pass of the same mapping that will store them. */
async function refsFor(db: Database, rows: Iterable<LedgerRow>): Promise<RefOf> {
  // The scope of everything has no name.
  const names = new Set<string>(['']);
  const collect: RefOf = (name) => {
    if (name !== null) names.add(name);
    return null;
  };
  for (const row of rows) {
    toRequest(row, collect);
    for (const tag of row.tags) names.add(tag);
  }
  const refs = await addNames(db, names);
  return (name) => (name === null ? null : (refs.get(name) ?? null));
}

/** The rows that were not there yet. */
async function insertNarrow(
  transaction: Transaction<DatabaseSchema>,
  rows: readonly EncodedRow[],
): Promise<EncodedRow[]> {
  const run = bulkRunner(transaction);
  const added: EncodedRow[] = [];
  for (const row of rows) {
    const statement = insertStatement(transaction, row.row.totalsOnly ? 'counted_requests' : 'requests', row.stored);
    const changed = run
      ? run(statement.sql, statement.parameters)
      : Number((await transaction.executeQuery(statement)).numAffectedRows);
    if (changed === 1) added.push(row);
  }
  return added;
}

/** The statements of each dialect: building one costs several times its run, and only the values differ. */
const statements = new WeakMap<object, Partial<Record<RequestTable, CompiledQuery>>>();

/** One row a statement: with some 45 values each, larger statements were slower on SQLite (10 µs a row against 4). */
function insertStatement(db: Database, table: RequestTable, row: RequestsTable): CompiledQuery {
  const dialect = db.getExecutor().adapter;
  const known = statements.get(dialect) ?? {};
  statements.set(dialect, known);
  let statement = known[table];
  if (statement === undefined) {
    statement = db
      .insertInto(table)
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .compile();
    known[table] = statement;
  }
  // Kysely lists the values in the order of the first row's members, and every row comes from the same literal.
  return { ...statement, parameters: Object.values(row) };
}

async function insertVariableParts(
  transaction: Transaction<DatabaseSchema>,
  rows: readonly LedgerRow[],
): Promise<void> {
  const details = rows.map(toDetails).filter((part) => part !== undefined);
  for (let start = 0; start < details.length; start += ROWS_PER_STATEMENT) {
    await transaction
      .insertInto('request_details')
      .values(details.slice(start, start + ROWS_PER_STATEMENT))
      .onConflict((conflict) => conflict.column('request_id').doNothing())
      .execute();
  }
  for (const row of rows) {
    const payload = toPayload(row);
    if (payload === undefined) continue;
    await transaction
      .insertInto('request_payloads')
      .values(payload)
      .onConflict((conflict) => conflict.column('request_id').doNothing())
      .execute();
  }
}
