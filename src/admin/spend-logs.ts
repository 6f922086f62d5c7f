/** `/spend/logs` and its pages. Source: LiteLLM's documentation of spend tracking. */
import { Access } from '../auth/principal.ts';
import { type DayTotal, totalsByDay } from '../db/log-totals.ts';
import type { LedgerRow } from '../db/request-row.ts';
import { findLogs, type LogFilter, logRows, MOST_COUNTED } from '../db/spend-logs.ts';
import { GatewayError } from '../errors.ts';
import { csvLine } from '../lib/csv.ts';
import { usdNumber, usdText } from '../lib/usd.ts';
import { DAY_MS } from '../limits/zone-time.ts';
import type { AdminContext } from './context.ts';
import { warningAbout } from './report.ts';
import { givenRange } from './report-range.ts';
import { csvHeaders } from './report-view.ts';
import { Answer } from './route.ts';
import { cursorOf, type FilterQuery, logFilter, type PageQuery, pageRequest } from './spend-log-query.ts';
import { LOG_COLUMNS, logCells, logView } from './spend-log-view.ts';
import { type Author, audited } from './write.ts';

export interface Reading<Query extends FilterQuery = FilterQuery> {
  readonly access: Access;
  readonly query: Query;
  readonly wantsCsv: boolean;
}

type View = Record<string, unknown>;

const MOST_ROWS = 10_000;

/** Rows, newest first; sums by day when both dates are given, unless `summarize=false`. */
export async function spendLogs(
  context: AdminContext,
  reading: Reading<FilterQuery & { readonly summarize?: 'true' | 'false' | undefined }>,
): Promise<Answer | Response> {
  const { access, query, wantsCsv } = reading;
  const filter = await logFilter(context, query, access);
  const headers = await warningAbout(context);
  if (filter.fromMs !== undefined && filter.toMs !== undefined && query.summarize !== 'false') {
    const { timeZone } = givenRange(context, query.timezone === undefined ? {} : { timezone: query.timezone });
    const totals = await totalsByDay(context.reader, filter, timeZone);
    if (wantsCsv) return totalsTable(totals, headers);
    const last = new Date((query.end_date ?? '').slice(0, 10)).getTime();
    return new Answer(perDay(totals, last), headers);
  }
  if (wantsCsv) return rowsTable(context, filter, headers);
  const { rows, total } = await findLogs(context.reader, filter, { limit: MOST_ROWS, offset: 0 });
  const truncated = total > rows.length ? { 'x-litellm-spend-logs-truncated': 'true' } : {};
  return new Answer(rows.map(viewFor(access)), { ...headers, ...truncated });
}

export async function spendLogPage(context: AdminContext, reading: Reading<PageQuery>): Promise<Answer | Response> {
  const { access, query, wantsCsv } = reading;
  const filter = await logFilter(context, query, access);
  const headers = await warningAbout(context);
  if (wantsCsv) return rowsTable(context, filter, headers);
  const { number, ...request } = pageRequest(query);
  const { rows, total } = await findLogs(context.reader, filter, request);
  const last = rows.length < request.limit || request.order !== undefined ? undefined : rows.at(-1);
  // Filters that no total can tell are counted row by row, and not for ever.
  const capped = total === MOST_COUNTED ? { 'x-tollgate-total-capped': 'true' } : {};
  const next = last && { 'x-tollgate-next-cursor': cursorOf(last) };
  const body = {
    data: rows.map(viewFor(access)),
    total,
    page: number,
    page_size: request.limit,
    total_pages: Math.ceil(total / request.limit),
  };
  return new Answer(body, { ...headers, ...capped, ...next });
}

/**
 * One request whole. That an admin has read what somebody else wrote is noted in the audit log.
 * @throws GatewayError 404 when it is not the caller's to see, or there is none
 */
export async function spendLogEntry(
  context: AdminContext,
  reading: Reading & Pick<Author, 'changedBy'>,
  requestId: string,
): Promise<Answer> {
  const filter = await logFilter(context, { ...reading.query, request_id: requestId }, reading.access);
  const headers = await warningAbout(context);
  const [row] = await logRows(context.reader, filter, { limit: 1, offset: 0 });
  if (row === undefined) {
    throw new GatewayError('not_found', 'There is no such request.', { param: 'request_id', type: 'not_found_error' });
  }
  await noteReading(context, reading, row);
  return new Answer(viewFor(reading.access)(row), headers);
}

async function noteReading(context: AdminContext, author: Author, row: LedgerRow): Promise<void> {
  const { id, requestBody, responseBody, userId, teamId, organizationId } = row;
  const { principal } = author.access;
  const isStored = requestBody !== undefined || responseBody !== undefined;
  const isOwn = userId !== null && userId === principal.userId;
  if (!isStored || isOwn || !mayReadBodies(author.access, row)) return;
  await audited(context, author, async (_, note) =>
    note({ action: 'viewed', kind: 'request', id, teamId, organizationId }),
  );
}

const mayReadBodies = ({ principal }: Access, { userId, keyHash }: LedgerRow): boolean =>
  new Access(principal, 'logs.bodies').covers({ userId, keyHash });

/** Prompts and answers are for the admin, and for the person whose request it was. */
const viewFor =
  (access: Access) =>
  (row: LedgerRow): View =>
    logView(row, mayReadBodies(access, row));

const ROWS_PER_READ = 1_000;
const encoder = new TextEncoder();

const cellsOf = (row: LedgerRow) => {
  const cells = logCells(row);
  return LOG_COLUMNS.map((column) => cells[column]);
};

/** Written as it is read, so that any number of rows needs little memory. */
function rowsTable({ reader }: AdminContext, filter: LogFilter, headers: Readonly<Record<string, string>>): Response {
  let after: { readonly startedAtMs: number; readonly id: string } | undefined;
  let isFirst = true;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const rows = await logRows(reader, filter, { limit: ROWS_PER_READ, offset: 0, after });
      const lines = rows.map((row) => csvLine(cellsOf(row)));
      if (isFirst) lines.unshift(csvLine(LOG_COLUMNS));
      isFirst = false;
      if (lines.length > 0) controller.enqueue(encoder.encode(lines.join('')));
      after = rows.at(-1);
      if (rows.length < ROWS_PER_READ) controller.close();
    },
  });
  return new Response(stream, { headers: { ...csvHeaders('spend-logs'), ...headers } });
}

function totalsTable(totals: readonly DayTotal[], headers: Readonly<Record<string, string>>): Response {
  const lines = totals.map(({ day, keyHash, userId, model, costNanoUsd }) =>
    csvLine([day, keyHash, userId, model, usdText(costNanoUsd)]),
  );
  const text = [csvLine(['date', 'api_key', 'user', 'model', 'spend']), ...lines].join('');
  return new Response(text, { headers: { ...csvHeaders('spend-logs'), ...headers } });
}

/** Nano-dollars by name. A `Map`, because names come from clients. */
interface Day {
  spend: number;
  readonly keys: Map<string, number>;
  readonly users: Map<string, number>;
  readonly models: Map<string, number>;
}

/**
 * LiteLLM's summary: each day with its sum, the sums by user and by model, and those by key among the day's own fields.
 * Days after the last request are filled up to the end of the range.
 */
function perDay(totals: readonly DayTotal[], lastMs: number): View[] {
  const days = new Map<string, Day>();
  for (const { day: date, keyHash, userId, model, costNanoUsd } of totals) {
    const day = days.get(date) ?? { spend: 0, keys: new Map(), users: new Map(), models: new Map() };
    days.set(date, day);
    day.spend += costNanoUsd;
    add(day.keys, keyHash, costNanoUsd);
    add(day.users, userId, costNanoUsd);
    add(day.models, model, costNanoUsd);
  }
  const views = [...days].map(([date, day]) => ({
    ...dollars(day.keys),
    startTime: date,
    spend: usdNumber(day.spend),
    users: dollars(day.users),
    models: dollars(day.models),
  }));
  return [...views, ...emptyDays([...days.keys()].at(-1), lastMs)];
}

const MOST_EMPTY_DAYS = 366;

function emptyDays(last: string | undefined, lastMs: number): View[] {
  if (last === undefined) return [];
  const views: View[] = [];
  for (let dayMs = Date.parse(last) + DAY_MS; dayMs <= lastMs && views.length < MOST_EMPTY_DAYS; dayMs += DAY_MS) {
    views.push({ startTime: new Date(dayMs).toISOString().slice(0, 10), spend: 0, users: {}, models: {} });
  }
  return views;
}

function add(sums: Map<string, number>, name: string | null, nanoUsd: number): void {
  sums.set(name ?? '', (sums.get(name ?? '') ?? 0) + nanoUsd);
}

const dollars = (sums: ReadonlyMap<string, number>): Record<string, number | null> =>
  Object.fromEntries([...sums].map(([name, nanoUsd]) => [name, usdNumber(nanoUsd)]));
