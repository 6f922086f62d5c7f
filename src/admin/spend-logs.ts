/** `GET /spend/logs` and its paged form. Source: LiteLLM's documentation of spend tracking. */
import type { Caller } from '../auth/authenticate.ts';
import type { Database } from '../db/client.ts';
import { usageHashFor } from '../db/regenerated-keys.ts';
import type { RowStatus } from '../db/request-row.ts';
import { type DayTotal, findLogs, type LogFilter, totalsByDay } from '../db/spend-logs.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { usdNumber } from '../lib/usd.ts';
import { caughtUp } from './caught-up.ts';
import type { AdminContext } from './context.ts';
import { tokenOf } from './key-secret.ts';
import { moment, type Query, wholeNumber } from './query.ts';
import { logView } from './spend-log-view.ts';

export interface SpendLogAnswer {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

const MOST_ROWS = 10_000;
const MOST_ROWS_A_PAGE = 100;
const DAY_MS = 86_400_000;
/** What LiteLLM calls a failure is told apart in our own `tollgate.status`. */
const FAILURES: readonly RowStatus[] = ['failure', 'aborted', 'truncated', 'crashed'];

/** Rows, newest first; sums by day when both dates are given, unless `summarize=false`. */
export async function spendLogs(context: AdminContext, query: Query, caller: Caller): Promise<SpendLogAnswer> {
  const filter = await filterOf(context, query, caller);
  const headers = await warningAbout(context);
  if (filter.fromMs !== undefined && filter.toMs !== undefined && query['summarize'] !== 'false') {
    const totals = await totalsByDay(context.db, filter);
    return { body: perDay(totals, filter.toMs), headers };
  }
  const { rows, total } = await findLogs(context.db, filter, { limit: MOST_ROWS, offset: 0 });
  const truncated = total > rows.length ? { 'x-litellm-spend-logs-truncated': 'true' } : {};
  return { body: rows.map((row) => logView(row, caller)), headers: { ...headers, ...truncated } };
}

export async function spendLogPage(context: AdminContext, query: Query, caller: Caller): Promise<SpendLogAnswer> {
  const page = wholeNumber(query, 'page', 1);
  const size = wholeNumber(query, 'page_size', 50, MOST_ROWS_A_PAGE);
  const filter = await filterOf(context, query, caller);
  const headers = await warningAbout(context);
  const { rows, total } = await findLogs(context.db, filter, { limit: size, offset: (page - 1) * size });
  const data = rows.map((row) => logView(row, caller));
  return { body: { data, total, page, page_size: size, total_pages: Math.ceil(total / size) }, headers };
}

/** Reads what has been answered so far; says so when the database does not have all of it. */
async function warningAbout({ ledger }: AdminContext): Promise<Record<string, string>> {
  const missing = await caughtUp(ledger);
  return missing === 0 ? {} : { 'x-tollgate-warning': `${missing} requests are not in the database yet` };
}

/** @throws GatewayError 400 for a parameter that cannot be read, 404 for a key that is not the caller's */
async function filterOf({ db }: AdminContext, query: Query, caller: Caller): Promise<LogFilter> {
  refuseUnheeded(query);
  const from = moment(query, 'start_date');
  const to = moment(query, 'end_date');
  return {
    requestId: given(query, 'request_id'),
    keyHash: await keyHashOf(db, given(query, 'api_key'), caller),
    keyAlias: given(query, 'key_alias'),
    userId: given(query, 'user_id'),
    teamId: given(query, 'team_id'),
    endUser: given(query, 'end_user'),
    model: given(query, 'model'),
    statuses: statusesOf(given(query, 'status_filter')),
    fromMs: from?.atMs,
    toMs: to && to.atMs + (to.isDay ? DAY_MS : 1),
  };
}

/** LiteLLM's filters that are not there yet. Rows that the filter should have left out would be taken for its answer. */
const UNHEEDED = [
  'min_spend',
  'max_spend',
  'error_code',
  'error_message',
  'session_id',
  'model_id',
  'organization_id',
  'key_hash',
  'request_tags',
];

function refuseUnheeded(query: Query): void {
  const name = UNHEEDED.find((each) => given(query, each) !== undefined);
  if (name !== undefined) throw invalidRequest(`'${name}' cannot be filtered by yet; leave it out.`, name);
}

/** A parameter without a value is none: forms send them. */
const given = (query: Query, name: string): string | undefined => (query[name] === '' ? undefined : query[name]);

/** A key sees its own rows; for it, other keys do not exist. Any of a key's secrets finds the rows of them all. */
async function keyHashOf(db: Database, apiKey: string | undefined, caller: Caller): Promise<string | undefined> {
  const asked = apiKey === undefined ? undefined : await usageHashFor(db, tokenOf(apiKey));
  if (caller.kind === 'master') return asked;
  if (asked === undefined || asked === caller.keyHash) return caller.keyHash;
  throw new GatewayError('not_found', 'There is no such key.', { param: 'api_key', type: 'not_found_error' });
}

function statusesOf(text: string | undefined): readonly RowStatus[] | undefined {
  if (text === undefined) return undefined;
  if (text === 'success') return ['success'];
  if (text === 'failure') return FAILURES;
  throw invalidRequest("'status_filter' must be success or failure.", 'status_filter');
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
function perDay(totals: readonly DayTotal[], toMs: number): Record<string, unknown>[] {
  const days = new Map<number, Day>();
  for (const { dayMs, keyHash, userId, model, costNanoUsd } of totals) {
    const day = days.get(dayMs) ?? { spend: 0, keys: new Map(), users: new Map(), models: new Map() };
    days.set(dayMs, day);
    day.spend += costNanoUsd;
    add(day.keys, keyHash, costNanoUsd);
    add(day.users, userId, costNanoUsd);
    add(day.models, model, costNanoUsd);
  }
  const views = [...days].map(([dayMs, day]) => ({
    ...dollars(day.keys),
    startTime: dateOf(dayMs),
    spend: usdNumber(day.spend),
    users: dollars(day.users),
    models: dollars(day.models),
  }));
  return [...views, ...emptyDays([...days.keys()].at(-1), toMs)];
}

const MOST_EMPTY_DAYS = 366;

function emptyDays(lastMs: number | undefined, toMs: number): Record<string, unknown>[] {
  if (lastMs === undefined) return [];
  const views: Record<string, unknown>[] = [];
  for (let dayMs = lastMs + DAY_MS; dayMs < toMs && views.length < MOST_EMPTY_DAYS; dayMs += DAY_MS) {
    views.push({ startTime: dateOf(dayMs), spend: 0, users: {}, models: {} });
  }
  return views;
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function add(sums: Map<string, number>, name: string | null, nanoUsd: number): void {
  sums.set(name ?? '', (sums.get(name ?? '') ?? 0) + nanoUsd);
}

const dollars = (sums: ReadonlyMap<string, number>): Record<string, number | null> =>
  Object.fromEntries([...sums].map(([name, nanoUsd]) => [name, usdNumber(nanoUsd)]));
