/**
 * Reads the request log. Writing it is `requests.ts`.
 *
 * A page is found by the start of its rows, which has an index. Whose rows are wanted has none (every index is paid for by
 * every request): the report cube says in which quarter hours there are any and how many, so only those are looked into,
 * and pages that are left out are not read.
 */
import { type RawBuilder, sql } from 'kysely';
import { nextTurn } from '../lib/next-turn.ts';
import { namesOf } from './dictionary.ts';
import { LAST_MS, type LogCondition, type LogFilter, logCondition, whereOf } from './log-filter.ts';
import type { Reader } from './reader.ts';
import { fromStored } from './request-codec.ts';
import type { LedgerRow } from './request-row.ts';
import type { RequestDetailsTable, RequestPayloadsTable, RequestsTable } from './request-tables.ts';
import { matching, reportQuery } from './usage-report-query.ts';
import { type Dimension, QUARTER_MS, TOKEN_SUMS } from './usage-tables.ts';

export type { LogFilter } from './log-filter.ts';

/** Of the last row of a page: the next one goes on after it. */
export interface LogPlace {
  readonly startedAtMs: number;
  readonly id: string;
}

export type LogOrder = 'start' | 'cost' | 'tokens' | 'duration' | 'end' | 'first_token';

export interface LogPageRequest {
  readonly limit: number;
  readonly offset: number;
  /** In place of an offset, in the usual order. */
  readonly after?: LogPlace | undefined;
  /** Newest first unless it says otherwise. Another order than by start reads all rows that match. */
  readonly order?: { readonly by: LogOrder; readonly isAscending: boolean } | undefined;
}

export interface LogPage {
  readonly rows: readonly LedgerRow[];
  /** Exact when stored totals can tell it; else counted to `MOST_COUNTED`. */
  readonly total: number;
}

export const MOST_COUNTED = 100_000;

/** Between two of these other work gets a turn of the event loop. */
const ROWS_PER_READ = 250;

export async function findLogs(reader: Reader, filter: LogFilter, page: LogPageRequest): Promise<LogPage> {
  const condition = await logCondition(reader.db, filter);
  if (condition === undefined) return { rows: [], total: 0 };
  const total = await countOf(reader, condition);
  return { rows: total === 0 ? [] : await rowsOf(reader, await idsOf(reader, condition, page)), total };
}

/** A page without its total. */
export async function logRows(reader: Reader, filter: LogFilter, page: LogPageRequest): Promise<readonly LedgerRow[]> {
  const condition = await logCondition(reader.db, filter);
  return condition === undefined ? [] : await rowsOf(reader, await idsOf(reader, condition, page));
}

async function countOf(reader: Reader, condition: LogCondition): Promise<number> {
  if (condition.others.length > 0) return await countOfRows(reader, condition);
  if (condition.filters.size + condition.anyOf.length === 0) return await countOfAll(reader, condition);
  const query = reportQuery(reader.db, { ...condition, groupBy: [] });
  const [sums] = query === undefined ? [] : await reader.run(query);
  return Number(sums?.requests ?? 0);
}

/** Of everybody: over the index of starts, which is narrower than the stored totals. */
async function countOfAll(reader: Reader, { fromMs, toMs }: Span): Promise<number> {
  const isWhole = fromMs === 0 && toMs === LAST_MS;
  const range = isWhole ? sql`` : sql`where r.started_at_ms >= ${fromMs} and r.started_at_ms < ${toMs}`;
  const [found] = await reader.run(sql<Counted>`select count(*) as total from requests r ${range}`.compile(reader.db));
  return Number(found?.total ?? 0);
}

interface Counted {
  readonly total: number | string;
}

async function countOfRows(reader: Reader, condition: LogCondition): Promise<number> {
  const start = condition.isLookUp ? sql`+r.started_at_ms` : sql`r.started_at_ms`;
  const [found] = await reader.run(
    sql<Counted>`select count(*) as total from (select 1 from requests r
      where ${start} >= ${condition.fromMs} and ${start} < ${condition.toMs} and ${whereOf(condition)}
      limit ${sql.lit(MOST_COUNTED)})`.compile(reader.db),
  );
  return Number(found?.total ?? 0);
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Found {
  readonly id: string;
}

async function idsOf(reader: Reader, given: LogCondition, page: LogPageRequest): Promise<string[]> {
  const { after, order } = page;
  const toMs = after === undefined ? given.toMs : Math.min(given.toMs, after.startedAtMs + 1);
  const condition: LogCondition = { ...given, toMs };
  const rest = after === undefined ? sql`1 = 1` : sql`(r.started_at_ms < ${after.startedAtMs} or r.id < ${after.id})`;
  const isSearched = !given.isLookUp && order === undefined && given.filters.size + given.anyOf.length > 0;
  const { spans, offset } = isSearched
    ? await searchedSpans(reader, condition, page)
    : { spans: [condition], offset: page.offset };
  if (spans.length === 0) return [];
  const start = given.isLookUp ? sql`+r.started_at_ms` : sql`r.started_at_ms`;
  const found = await reader.run(
    sql<Found>`${source(spans, start)} and ${whereOf(condition)} and ${rest}
      order by ${orderOf(order)} limit ${page.limit} offset ${offset}`.compile(reader.db),
  );
  return found.map(({ id }) => id);
}

function source(spans: readonly Span[], start: RawBuilder<unknown>): RawBuilder<unknown> {
  const [only, ...others] = spans;
  if (only !== undefined && others.length === 0) {
    return sql`select r.id from requests r where ${start} >= ${only.fromMs} and ${start} < ${only.toMs}`;
  }
  const values = spans.map(({ fromMs, toMs }) => sql`(${sql.lit(fromMs)}, ${sql.lit(toMs)})`);
  return sql`with spans (from_ms, to_ms) as (values ${sql.join(values)})
    select r.id from spans s cross join requests r where r.started_at_ms >= s.from_ms and r.started_at_ms < s.to_ms`;
}

const ORDERS = {
  start: sql`r.started_at_ms`,
  end: sql`r.started_at_ms + r.duration_us / 1000.0`,
  duration: sql`r.duration_us`,
  first_token: sql`r.first_token_us`,
  cost: sql`r.cost_nano_usd`,
  tokens: sql.join(
    TOKEN_SUMS.map((name) => sql`coalesce(${sql.ref(`r.${name}`)}, 0)`),
    sql` + `,
  ),
} as const satisfies Record<LogOrder, RawBuilder<unknown>>;

/** The start and the id decide between equals, so that pages never overlap. */
function orderOf(order: LogPageRequest['order']): RawBuilder<unknown> {
  const direction = order?.isAscending === true ? sql`asc` : sql`desc`;
  const first = order === undefined || order.by === 'start' ? [] : [sql`${ORDERS[order.by]} ${direction}`];
  return sql.join([...first, sql`r.started_at_ms ${direction}`, sql`r.id ${direction}`]);
}

/** A quarter hour with rows of those who are wanted. */
interface Quarter {
  readonly quarter: number;
  readonly requests: number;
}

/** More spans than this are one, from the first to the last. */
const MOST_SPANS = 2_000;

/** Where the page can be, newest first, and how many rows to leave out there. */
async function searchedSpans(
  reader: Reader,
  condition: LogCondition,
  { limit, offset, after }: LogPageRequest,
): Promise<{ readonly spans: readonly Span[]; readonly offset: number }> {
  const quarters = await quartersOf(reader, condition);
  const isCounted = condition.others.length === 0 && after === undefined;
  const skipped = isCounted ? await skippedQuarters(reader, condition, quarters, offset) : { count: 0, rows: 0 };
  const left = offset - skipped.rows;
  const wanted: Quarter[] = [];
  let sure = 0;
  for (const one of quarters.slice(skipped.count)) {
    if (condition.others.length === 0 && sure >= left + limit) break;
    wanted.push(one);
    if (isWhole(one, condition)) sure += one.requests;
  }
  return { spans: merged(wanted, condition), offset: left };
}

const spanOf = ({ quarter }: Quarter, { fromMs, toMs }: Span): Span => ({
  fromMs: Math.max(fromMs, quarter * QUARTER_MS),
  toMs: Math.min(toMs, (quarter + 1) * QUARTER_MS),
});

function isWhole(one: Quarter, condition: Span): boolean {
  const span = spanOf(one, condition);
  return span.toMs - span.fromMs === QUARTER_MS;
}

async function quartersOf(reader: Reader, condition: LogCondition): Promise<Quarter[]> {
  const column = (name: Dimension): RawBuilder<unknown> => sql.ref(`d.${name}`);
  const { fromMs, toMs } = condition;
  const query = sql<{ quarter: number; requests: number | string }>`select c.quarter, sum(c.requests) as requests
    from usage_cube c join usage_dimensions d on d.id = c.dimensions_ref
    where c.quarter >= ${Math.floor(fromMs / QUARTER_MS)} and c.quarter < ${Math.ceil(toMs / QUARTER_MS)}
      and ${matching(condition, column)}
    group by c.quarter order by c.quarter desc`.compile(reader.db);
  return (await reader.run(query)).map(({ quarter, requests }) => ({ quarter, requests: Number(requests) }));
}

/** Quarter hours whose rows all stand on earlier pages. Only of the first the range can hold a part. */
async function skippedQuarters(
  reader: Reader,
  condition: LogCondition,
  quarters: readonly Quarter[],
  offset: number,
): Promise<{ readonly count: number; readonly rows: number }> {
  let rows = 0;
  for (const [count, one] of quarters.entries()) {
    const requests = isWhole(one, condition)
      ? one.requests
      : await countOfRows(reader, { ...condition, ...spanOf(one, condition) });
    if (rows + requests > offset) return { count, rows };
    rows += requests;
  }
  return { count: quarters.length, rows };
}

/** Neighbours are one. */
function merged(quarters: readonly Quarter[], condition: Span): Span[] {
  const spans: Span[] = [];
  for (const one of quarters) {
    const span = spanOf(one, condition);
    const newer = spans.at(-1);
    if (newer?.fromMs === span.toMs) spans[spans.length - 1] = { fromMs: span.fromMs, toMs: newer.toMs };
    else spans.push(span);
  }
  const [newest, oldest] = [spans[0], spans.at(-1)];
  if (spans.length <= MOST_SPANS || newest === undefined || oldest === undefined) return spans;
  return [{ fromMs: oldest.fromMs, toMs: newest.toMs }];
}

/** The whole rows of these ids, in their order. */
async function rowsOf(reader: Reader, ids: readonly string[]): Promise<LedgerRow[]> {
  const rows: LedgerRow[] = [];
  for (let start = 0; start < ids.length; start += ROWS_PER_READ) {
    if (start > 0) await nextTurn();
    rows.push(...(await wholeRows(reader, ids.slice(start, start + ROWS_PER_READ))));
  }
  return rows;
}

async function wholeRows(reader: Reader, ids: readonly string[]): Promise<LedgerRow[]> {
  const { db } = reader;
  const requests = await reader.run(db.selectFrom('requests').selectAll().where('id', 'in', ids).compile());
  const details = await reader.run(
    db.selectFrom('request_details').selectAll().where('request_id', 'in', ids).compile(),
  );
  const payloads = await reader.run(
    db.selectFrom('request_payloads').selectAll().where('request_id', 'in', ids).compile(),
  );
  const requestOf = new Map<string, RequestsTable>(requests.map((row) => [row.id, row]));
  const detailsOf = new Map<string, RequestDetailsTable>(details.map((row) => [row.request_id, row]));
  const payloadOf = new Map<string, RequestPayloadsTable>(payloads.map((row) => [row.request_id, row]));
  const names = await namesOf(db, requests.flatMap(refsIn));
  return ids.flatMap((id) => {
    const request = requestOf.get(id);
    if (request === undefined) return [];
    const stored = { request, details: detailsOf.get(id), payload: payloadOf.get(id) };
    return fromStored(stored, (ref) => names.get(ref));
  });
}

const refsIn = (row: RequestsTable): number[] =>
  Object.entries(row).flatMap(([column, value]) => (column.endsWith('_ref') && typeof value === 'number' ? value : []));
