/** Writes the request log and its totals. Reading it is `spend-logs.ts`. */
import type { CompiledQuery, Transaction } from 'kysely';
import type { Database } from './client.ts';
import { bulkRunner } from './dialect.ts';
import { addNames } from './dictionary.ts';
import { type RefOf, toDetails, toPayload, toRequest } from './request-codec.ts';
import type { LedgerRow } from './request-row.ts';
import type { RequestsTable } from './request-tables.ts';
import type { DatabaseSchema } from './schema.ts';

export const MAX_ROWS_PER_TRANSACTION = 500;
/** After this many rows other work gets a turn of the event loop. */
const ROWS_PER_TURN = 100;
/** Rows of variable parts in one statement. */
const ROWS_PER_STATEMENT = 25;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Inserts rows and adds their cost to their keys' totals, all or nothing, at most 500 at once. A row whose id is already
 * there changes nothing, so a batch may be repeated. Resolves to the number of rows that were new.
 */
export async function insertRequests(db: Database, rows: readonly LedgerRow[]): Promise<number> {
  if (rows.length > MAX_ROWS_PER_TRANSACTION) throw new RangeError(`At most ${MAX_ROWS_PER_TRANSACTION} rows at once`);
  const byId = new Map<string, LedgerRow>();
  for (const row of rows) if (!byId.has(row.id)) byId.set(row.id, row);
  const unique = [...byId.values()];
  const refOf = await refsFor(db, unique);

  return db.transaction().execute(async (transaction) => {
    const added: LedgerRow[] = [];
    for (let start = 0; start < unique.length; start += ROWS_PER_TURN) {
      if (start > 0) await nextTurn();
      const turn = unique.slice(start, start + ROWS_PER_TURN);
      added.push(...(await insertNarrow(transaction, turn, refOf)));
    }
    await insertVariableParts(transaction, added);
    await addToKeys(transaction, added);
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
  const found = await db
    .selectFrom('key_spend')
    .select('cost_nano_usd')
    .where('key_hash', '=', keyHash)
    .executeTakeFirst();
  return Number(found?.cost_nano_usd ?? 0);
}

/** The numbers of all names in these rows, found by a first pass of the same mapping that will store them. */
async function refsFor(db: Database, rows: readonly LedgerRow[]): Promise<RefOf> {
  const names = new Set<string>();
  const collect: RefOf = (name) => {
    if (name !== null) names.add(name);
    return null;
  };
  for (const row of rows) toRequest(row, collect);
  const refs = await addNames(db, names);
  return (name) => (name === null ? null : (refs.get(name) ?? null));
}

/** The rows that were not there yet. */
async function insertNarrow(
  transaction: Transaction<DatabaseSchema>,
  rows: readonly LedgerRow[],
  refOf: RefOf,
): Promise<LedgerRow[]> {
  const run = bulkRunner(transaction);
  const added: LedgerRow[] = [];
  for (const row of rows) {
    const statement = insertStatement(transaction, toRequest(row, refOf));
    const changed = run
      ? run(statement.sql, statement.parameters)
      : Number((await transaction.executeQuery(statement)).numAffectedRows);
    if (changed === 1) added.push(row);
  }
  return added;
}

/** The statement of each dialect: building it costs several times its run, and only the values differ. */
const statements = new WeakMap<object, CompiledQuery>();

/** One row a statement: with some 45 values each, larger statements were slower on SQLite (10 µs a row against 4). */
function insertStatement(db: Database, row: RequestsTable): CompiledQuery {
  const dialect = db.getExecutor().adapter;
  let statement = statements.get(dialect);
  if (statement === undefined) {
    statement = db
      .insertInto('requests')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .compile();
    statements.set(dialect, statement);
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

async function addToKeys(transaction: Transaction<DatabaseSchema>, rows: readonly LedgerRow[]): Promise<void> {
  const totals = new Map<string, { key_hash: string; cost_nano_usd: number; request_count: number }>();
  for (const { keyHash, costNanoUsd } of rows) {
    if (keyHash === null) continue;
    const total = totals.get(keyHash) ?? { key_hash: keyHash, cost_nano_usd: 0, request_count: 0 };
    total.cost_nano_usd += Number.isFinite(costNanoUsd) ? Math.round(costNanoUsd ?? 0) : 0;
    total.request_count += 1;
    totals.set(keyHash, total);
  }
  // In one order everywhere, so that two instances never wait for each other's rows.
  const sorted = [...totals.values()].sort((a, b) => (a.key_hash < b.key_hash ? -1 : 1));
  for (const total of sorted) {
    await transaction
      .insertInto('key_spend')
      .values(total)
      .onConflict((conflict) =>
        conflict.column('key_hash').doUpdateSet((expression) => ({
          cost_nano_usd: expression('key_spend.cost_nano_usd', '+', expression.ref('excluded.cost_nano_usd')),
          request_count: expression('key_spend.request_count', '+', expression.ref('excluded.request_count')),
        })),
      )
      .execute();
  }
}
