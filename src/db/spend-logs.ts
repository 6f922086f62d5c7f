/** Reads the request log. Writing it is `requests.ts`. */
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import type { Database } from './client.ts';
import { namesOf, refOf } from './dictionary.ts';
import { fromStored, ROW_STATUSES } from './request-codec.ts';
import type { LedgerRow, RowStatus } from './request-row.ts';
import type { DatabaseSchema } from './schema.ts';

export interface LogFilter {
  /** Our id, the call id, or the answer's own id. */
  readonly requestId?: string | undefined;
  readonly keyHash?: string | undefined;
  readonly userId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly endUser?: string | undefined;
  /** Model group, or the deployment's model. */
  readonly model?: string | undefined;
  readonly statuses?: readonly RowStatus[] | undefined;
  /** Epoch milliseconds; from inclusive, to exclusive. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface LogPage {
  readonly rows: readonly LedgerRow[];
  readonly total: number;
}

type Builder = ExpressionBuilder<DatabaseSchema, 'requests'>;
type Condition = (builder: Builder) => Expression<SqlBool>;

/** Newest first. */
export async function findLogs(
  db: Database,
  filter: LogFilter,
  page: { readonly limit: number; readonly offset: number },
): Promise<LogPage> {
  const conditions = await conditionsOf(db, filter);
  if (conditions === undefined) return { rows: [], total: 0 };
  const where = (builder: Builder): Expression<SqlBool> =>
    builder.and(conditions.map((condition) => condition(builder)));
  const counted = await db
    .selectFrom('requests')
    .where(where)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirst();
  const requests = await db
    .selectFrom('requests')
    .selectAll()
    .where(where)
    .orderBy('id', 'desc')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  const ids = requests.map(({ id }) => id);
  const details =
    ids.length === 0 ? [] : await db.selectFrom('request_details').selectAll().where('request_id', 'in', ids).execute();
  const payloads =
    ids.length === 0
      ? []
      : await db.selectFrom('request_payloads').selectAll().where('request_id', 'in', ids).execute();
  const detailsOf = new Map(details.map((row) => [row.request_id, row]));
  const payloadOf = new Map(payloads.map((row) => [row.request_id, row]));
  const refs = requests.flatMap((row) =>
    Object.entries(row).flatMap(([column, value]) =>
      column.endsWith('_ref') && typeof value === 'number' ? [value] : [],
    ),
  );
  const names = await namesOf(db, refs);
  const rows = requests.map((request) =>
    fromStored({ request, details: detailsOf.get(request.id), payload: payloadOf.get(request.id) }, (ref) =>
      names.get(ref),
    ),
  );
  return { rows, total: Number(counted?.total ?? 0) };
}

/** `undefined`: nothing can match, because a name in the filter was never recorded. */
async function conditionsOf(db: Database, filter: LogFilter): Promise<Condition[] | undefined> {
  const conditions: Condition[] = [];
  const { requestId, statuses, fromMs, toMs, model } = filter;
  if (requestId !== undefined) {
    conditions.push((b) =>
      b.or([b('id', '=', requestId), b('call_id', '=', requestId), b('response_id', '=', requestId)]),
    );
  }
  for (const [column, name] of [
    ['key_ref', filter.keyHash],
    ['user_ref', filter.userId],
    ['team_ref', filter.teamId],
    ['end_user_ref', filter.endUser],
  ] as const) {
    if (name === undefined) continue;
    const ref = await refOf(db, name);
    if (ref === undefined) return undefined;
    conditions.push((b) => b(column, '=', ref));
  }
  if (model !== undefined) {
    const ref = await refOf(db, model);
    if (ref === undefined) return undefined;
    conditions.push((b) => b.or([b('model_group_ref', '=', ref), b('model_ref', '=', ref)]));
  }
  if (statuses !== undefined)
    conditions.push((b) =>
      b(
        'status',
        'in',
        statuses.map((status) => ROW_STATUSES.indexOf(status)),
      ),
    );
  if (fromMs !== undefined) conditions.push((b) => b('id', '>=', firstIdAt(fromMs)));
  if (toMs !== undefined) conditions.push((b) => b('id', '<', firstIdAt(toMs)));
  return conditions;
}

/** Smallest UUIDv7 of a millisecond: ids are ordered by time, so ranges of time are ranges of ids. */
function firstIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}
