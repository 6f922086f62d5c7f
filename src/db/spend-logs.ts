/** Reads the request log. Writing it is `requests.ts`. */
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from './client.ts';
import { namesOf, refOf } from './dictionary.ts';
import { fromStored, ROW_STATUSES } from './request-codec.ts';
import type { LedgerRow, RowStatus } from './request-row.ts';
import type { RequestsTable } from './request-tables.ts';
import type { DatabaseSchema } from './schema.ts';

export interface LogFilter {
  /** Our id, the call id, or the answer's own id. */
  readonly requestId?: string | undefined;
  readonly keyHash?: string | undefined;
  readonly keyAlias?: string | undefined;
  readonly userId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly endUser?: string | undefined;
  /** As asked for, the model group, or the deployment's model. */
  readonly model?: string | undefined;
  readonly statuses?: readonly RowStatus[] | undefined;
  /** Epoch milliseconds; from inclusive, to exclusive. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface LogPage {
  /** Newest first. */
  readonly rows: readonly LedgerRow[];
  readonly total: number;
}

/** Sums over the requests of one UTC day that agree in key, user and model. */
export interface DayTotal {
  /** Epoch milliseconds of the day's start. */
  readonly dayMs: number;
  readonly keyHash: string | null;
  readonly userId: string | null;
  readonly model: string | null;
  /** Requests of unknown price count as 0. */
  readonly costNanoUsd: number;
}

type Builder = ExpressionBuilder<DatabaseSchema, 'requests'>;
type Condition = (builder: Builder) => Expression<SqlBool>;
type Where = (builder: Builder) => Expression<SqlBool>;

const DAY_MS = 86_400_000;
/** Between two of these other work gets a turn of the event loop. */
const ROWS_PER_TURN = 250;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function findLogs(
  db: Database,
  filter: LogFilter,
  page: { readonly limit: number; readonly offset: number },
): Promise<LogPage> {
  const where = await whereOf(db, filter);
  if (where === undefined) return { rows: [], total: 0 };
  const counted = await db
    .selectFrom('requests')
    .where(where)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirst();
  const ids = await db
    .selectFrom('requests')
    .select('id')
    .where(where)
    .orderBy('id', 'desc')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  const rows: LedgerRow[] = [];
  for (let start = 0; start < ids.length; start += ROWS_PER_TURN) {
    if (start > 0) await nextTurn();
    const turn = ids.slice(start, start + ROWS_PER_TURN).map(({ id }) => id);
    rows.push(...(await rowsOf(db, turn)));
  }
  return { rows, total: Number(counted?.total ?? 0) };
}

/** Ordered by day. */
export async function totalsByDay(db: Database, filter: LogFilter): Promise<DayTotal[]> {
  const where = await whereOf(db, filter);
  if (where === undefined) return [];
  const found = await db
    .selectFrom('requests')
    .where(where)
    .select(({ fn, ref }) => [
      sql<number>`${ref('started_at_ms')} / ${sql.lit(DAY_MS)}`.as('day'),
      'key_ref',
      'user_ref',
      fn.coalesce('model_ref', 'requested_model_ref').as('model_ref'),
      fn.sum<number | null>('cost_nano_usd').as('cost'),
    ])
    .groupBy(['day', 'key_ref', 'user_ref', (b) => b.fn.coalesce('model_ref', 'requested_model_ref')])
    .orderBy('day')
    .execute();
  const names = await namesOf(db, found.flatMap((row) => [row.key_ref, row.user_ref, row.model_ref]).filter(isNumber));
  const nameOf = (ref: number | null): string | null => (ref === null ? null : (names.get(ref) ?? null));
  return found.map((row) => ({
    dayMs: Number(row.day) * DAY_MS,
    keyHash: nameOf(row.key_ref),
    userId: nameOf(row.user_ref),
    model: nameOf(row.model_ref),
    costNanoUsd: Number(row.cost ?? 0),
  }));
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** The whole rows of these ids, newest first. */
async function rowsOf(db: Database, ids: readonly string[]): Promise<LedgerRow[]> {
  const requests = await db.selectFrom('requests').selectAll().where('id', 'in', ids).orderBy('id', 'desc').execute();
  const details = await db.selectFrom('request_details').selectAll().where('request_id', 'in', ids).execute();
  const payloads = await db.selectFrom('request_payloads').selectAll().where('request_id', 'in', ids).execute();
  const detailsOf = new Map(details.map((row) => [row.request_id, row]));
  const payloadOf = new Map(payloads.map((row) => [row.request_id, row]));
  const names = await namesOf(db, requests.flatMap(refsIn));
  return requests.map((request) =>
    fromStored({ request, details: detailsOf.get(request.id), payload: payloadOf.get(request.id) }, (ref) =>
      names.get(ref),
    ),
  );
}

const refsIn = (row: RequestsTable): number[] =>
  Object.entries(row).flatMap(([column, value]) => (column.endsWith('_ref') && isNumber(value) ? [value] : []));

/** `undefined`: nothing can match, because a name in the filter was never recorded. */
async function whereOf(db: Database, filter: LogFilter): Promise<Where | undefined> {
  const conditions = [...timeConditions(filter)];
  const { requestId, statuses } = filter;
  if (requestId !== undefined) conditions.push((b) => anyOf(b, ['id', 'call_id', 'response_id'], requestId));
  for (const [columns, name] of [
    [['key_ref'], filter.keyHash],
    [['key_alias_ref'], filter.keyAlias],
    [['user_ref'], filter.userId],
    [['team_ref'], filter.teamId],
    [['end_user_ref'], filter.endUser],
    [['requested_model_ref', 'model_group_ref', 'model_ref'], filter.model],
  ] as const) {
    if (name === undefined) continue;
    const ref = await refOf(db, name);
    if (ref === undefined) return undefined;
    conditions.push((b) => anyOf(b, columns, ref));
  }
  if (statuses !== undefined) {
    const numbers = statuses.map((status) => ROW_STATUSES.indexOf(status));
    conditions.push((b) => b('status', 'in', numbers));
  }
  return (builder) => builder.and(conditions.map((condition) => condition(builder)));
}

function anyOf(b: Builder, columns: readonly (keyof RequestsTable)[], value: string | number): Expression<SqlBool> {
  return b.or(columns.map((column) => b(column, '=', value)));
}

/** A row's id is made a moment before its start is noted, by another clock: this is far more than they can differ. */
const CLOCK_SLACK_MS = 3_600_000;

/** Ids are ordered by time, so they find the rows of a time without an index on it; the start then says exactly which. */
function timeConditions({ fromMs, toMs }: LogFilter): Condition[] {
  const conditions: Condition[] = [];
  if (fromMs !== undefined) {
    conditions.push((b) => b('id', '>=', firstIdAt(fromMs - CLOCK_SLACK_MS)));
    conditions.push((b) => b('started_at_ms', '>=', fromMs));
  }
  if (toMs !== undefined) {
    conditions.push((b) => b('id', '<', firstIdAt(toMs + CLOCK_SLACK_MS)));
    conditions.push((b) => b('started_at_ms', '<', toMs));
  }
  return conditions;
}

const LAST_ID_MS = 2 ** 48 - 1;

/** Smallest UUIDv7 of a millisecond. */
function firstIdAt(ms: number): string {
  const hex = Math.min(LAST_ID_MS, Math.max(0, Math.floor(ms)))
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}
