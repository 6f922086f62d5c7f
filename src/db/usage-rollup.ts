/**
 * Adds rows of the request log to the totals: the report cube and what each scope has used. Rows that agree in all names
 * and in the quarter hour are added up first, so the cost of a batch is that of its different callers, not of its rows.
 */
import { type CompiledQuery, sql, type Transaction } from 'kysely';
import { nextTurn } from '../lib/next-turn.ts';
import type { Database } from './client.ts';
import { bulkRunner } from './dialect.ts';
import { type RefOf, ROW_STATUSES, toRequest } from './request-codec.ts';
import type { LedgerRow } from './request-row.ts';
import type { RequestsTable } from './request-tables.ts';
import type { DatabaseSchema } from './schema.ts';
import { addCombinations, addTagLists, type Combination } from './usage-dimensions.ts';
import { countedScopes, SCOPE_KINDS, scopeParts } from './usage-scopes.ts';
import {
  DIMENSIONS,
  LIFETIME,
  MEASURES,
  type Measure,
  QUARTER_MS,
  RATE_TOKEN_SUMS,
  type ScopeUsageTable,
  SUMS,
  type UsageCubeTable,
} from './usage-tables.ts';

/** A row and what the table holds of it. */
export interface EncodedRow {
  readonly row: LedgerRow;
  readonly stored: RequestsTable;
  /** The same for rows with the same names in all dimensions. */
  readonly combination: string;
}

export function encoded(row: LedgerRow, refOf: RefOf): EncodedRow {
  const stored = toRequest(row, refOf);
  let combination = '';
  for (const name of DIMENSIONS) combination += `${stored[name] ?? 0},`;
  return { row, stored, combination };
}

/** Numbers of everything that the totals of some rows refer to. */
export interface UsageRefs {
  readonly refOf: RefOf;
  /** Key of a combination → its number. */
  readonly combinations: ReadonlyMap<string, number>;
}

/** Call it outside the transaction that adds the rows. */
export async function usageRefs(db: Database, rows: readonly EncodedRow[], refOf: RefOf): Promise<UsageRefs> {
  const combinations = new Map<string, Combination>();
  const lists = new Map<number, Set<number>>();
  for (const { row, stored, combination } of rows) {
    if (combinations.has(combination)) continue;
    combinations.set(combination, combinationOf(stored));
    if (stored.tags_ref !== null) lists.set(stored.tags_ref, new Set(row.tags.map((tag) => refOf(tag) ?? 0)));
  }
  await addTagLists(db, lists);
  return { refOf, combinations: await addCombinations(db, combinations) };
}

function combinationOf(stored: RequestsTable): Combination {
  const entries = DIMENSIONS.map((name) => [name, stored[name] ?? 0]);
  // Made of exactly these names.
  return Object.fromEntries(entries) as Combination;
}

/** Rows that agree in everything the totals tell apart. */
interface Group {
  /** Any of them. */
  readonly row: LedgerRow;
  readonly combination: number;
  readonly quarter: number;
  readonly sums: Record<Measure, number>;
}

/** Which quarter hour a request is counted in. */
export const quarterOf = (startedAtMs: number): number => Math.max(0, Math.floor(startedAtMs / QUARTER_MS));

/** After this many statements other work gets a turn of the event loop. */
const STATEMENTS_PER_TURN = 400;

export async function addUsage(
  transaction: Transaction<DatabaseSchema>,
  rows: readonly EncodedRow[],
  refs: UsageRefs,
): Promise<void> {
  const groups = groupsOf(rows, refs);
  await addAll(transaction, 'usage_cube', cubeRows(groups));
  await addAll(transaction, 'scope_usage', scopeRows(groups, refs.refOf));
}

function groupsOf(rows: readonly EncodedRow[], { combinations }: UsageRefs): Group[] {
  const groups = new Map<string, Group>();
  for (const { row, stored, combination } of rows) {
    const quarter = quarterOf(stored.started_at_ms);
    const at = `${combination}${quarter}`;
    let group = groups.get(at);
    if (group === undefined) {
      group = { row, combination: combinations.get(combination) ?? 0, quarter, sums: nothing() };
      groups.set(at, group);
    }
    addRow(group.sums, stored);
  }
  return [...groups.values()];
}

function nothing(): Record<Measure, number> {
  // Made of exactly these names.
  return Object.fromEntries(MEASURES.map((name) => [name, 0])) as Record<Measure, number>;
}

const SUCCESS = ROW_STATUSES.indexOf('success');

function addRow(sums: Record<Measure, number>, stored: RequestsTable): void {
  const isSuccess = stored.status === SUCCESS;
  sums.requests += 1;
  if (isSuccess) sums.successes += 1;
  if (isSuccess || stored.attempt_count > 0) sums.consuming += 1;
  if (stored.cost_nano_usd === null) sums.unpriced += 1;
  for (const name of SUMS) sums[name] += stored[name] ?? 0;
}

function cubeRows(groups: readonly Group[]): UsageCubeTable[] {
  // In one order everywhere, so that two instances never wait for each other's rows.
  return groups
    .map(({ combination, quarter, sums }) => ({ quarter, dimensions_ref: combination, ...sums }))
    .sort((a, b) => a.quarter - b.quarter || a.dimensions_ref - b.dimensions_ref);
}

function scopeRows(groups: readonly Group[], refOf: RefOf): ScopeUsageTable[] {
  const totals = new Map<string, ScopeUsageTable>();
  for (const { row, quarter, sums } of groups) {
    for (const place of placesOf(row, refOf)) {
      addTo(totals, { ...place, quarter: LIFETIME }, sums);
      addTo(totals, { ...place, quarter }, sums);
    }
  }
  return [...totals.values()].sort(
    (a, b) => a.kind - b.kind || a.ref - b.ref || a.second_ref - b.second_ref || a.quarter - b.quarter,
  );
}

type Place = Pick<ScopeUsageTable, 'kind' | 'ref' | 'second_ref'>;

/** Each scope of a row once: a tag may stand in its list twice. */
function placesOf(row: LedgerRow, refOf: RefOf): Iterable<Place> {
  const places = new Map<string, Place>();
  for (const scope of countedScopes(row, row)) {
    const [first, second] = scopeParts(scope);
    const kind = SCOPE_KINDS.indexOf(scope.kind);
    const ref = refOf(first) ?? 0;
    const secondRef = second === undefined ? 0 : (refOf(second) ?? 0);
    places.set(`${kind},${ref},${secondRef}`, { kind, ref, second_ref: secondRef });
  }
  return places.values();
}

function addTo(
  totals: Map<string, ScopeUsageTable>,
  at: Place & { readonly quarter: number },
  sums: Readonly<Record<Measure, number>>,
): void {
  const key = `${at.kind},${at.ref},${at.second_ref},${at.quarter}`;
  const total = totals.get(key) ?? { ...at, request_count: 0, cost_nano_usd: 0, tokens: 0 };
  total.request_count += sums.consuming;
  total.cost_nano_usd += sums.cost_nano_usd;
  for (const name of RATE_TOKEN_SUMS) total.tokens += sums[name];
  totals.set(key, total);
}

const KEYS = {
  usage_cube: ['quarter', 'dimensions_ref'],
  scope_usage: ['kind', 'ref', 'second_ref', 'quarter'],
} as const;

type Totals = { usage_cube: UsageCubeTable; scope_usage: ScopeUsageTable };

/** Adds each row to the one with the same key. */
async function addAll<Table extends keyof Totals>(
  transaction: Transaction<DatabaseSchema>,
  table: Table,
  rows: readonly Totals[Table][],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const statement = addingStatement(transaction, table, first);
  const run = bulkRunner(transaction);
  for (const [at, row] of rows.entries()) {
    if (at > 0 && at % STATEMENTS_PER_TURN === 0) await nextTurn();
    const parameters = Object.values(row);
    if (run) run(statement.sql, parameters);
    else await transaction.executeQuery({ ...statement, parameters });
  }
}

/** The statements of each dialect: building one costs several times its run, and only the values differ. */
const statements = new WeakMap<object, Map<string, CompiledQuery>>();

function addingStatement<Table extends keyof Totals>(db: Database, table: Table, row: Totals[Table]): CompiledQuery {
  const dialect = db.getExecutor().adapter;
  const known = statements.get(dialect) ?? new Map<string, CompiledQuery>();
  statements.set(dialect, known);
  let statement = known.get(table);
  if (statement === undefined) {
    statement = compile(db, table, row);
    known.set(table, statement);
  }
  return statement;
}

function compile<Table extends keyof Totals>(db: Database, table: Table, row: Totals[Table]): CompiledQuery {
  const keys: readonly string[] = KEYS[table];
  const columns = Object.keys(row);
  const sums = columns
    .filter((name) => !keys.includes(name))
    .map((name) => sql`${sql.ref(name)} = ${sql.ref(`${table}.${name}`)} + ${sql.ref(`excluded.${name}`)}`);
  return sql`insert into ${sql.table(table)} (${sql.join(columns.map((name) => sql.ref(name)))})
    values (${sql.join(Object.values(row))})
    on conflict (${sql.join(keys.map((name) => sql.ref(name)))}) do update set ${sql.join(sums)}`.compile(db);
}
