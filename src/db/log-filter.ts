/** Which rows of the request log are wanted: names → numbers → a condition on `requests r`. */
import { type RawBuilder, sql } from 'kysely';
import type { Database } from './client.ts';
import { refOf } from './dictionary.ts';
import { ROW_STATUSES } from './request-codec.ts';
import type { RowStatus } from './request-row.ts';
import { type FilterRefs, filterRefs, type UsageFilters } from './usage-filters.ts';
import { matching } from './usage-report-query.ts';
import { anyOfRefs } from './usage-reports.ts';
import type { Dimension } from './usage-tables.ts';

export interface LogFilter {
  /** Our id, the call id, or the answer's own id. */
  readonly requestId?: string | undefined;
  readonly keyHash?: string | undefined;
  readonly keyAlias?: string | undefined;
  readonly userId?: string | undefined;
  readonly teamId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly endUser?: string | undefined;
  readonly deploymentId?: string | undefined;
  /** At least one of them. */
  readonly tags?: readonly string[] | undefined;
  /** As asked for, the model group, or the deployment's model. */
  readonly model?: string | undefined;
  readonly statuses?: readonly RowStatus[] | undefined;
  readonly sessionId?: string | undefined;
  /** Nano-dollars; rows of unknown price have none. */
  readonly minCostNanoUsd?: number | undefined;
  readonly maxCostNanoUsd?: number | undefined;
  /** Of requests with an error: its code, or the HTTP status. */
  readonly errorCode?: string | undefined;
  /** A part of the message, without regard to the case of ASCII letters. */
  readonly errorMessage?: string | undefined;
  /** Epoch milliseconds; from inclusive, to exclusive. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Rows must also match one of these: what somebody may see. An empty list matches nothing. */
  readonly anyOf?: readonly UsageFilters[] | undefined;
}

export interface LogCondition {
  readonly filters: FilterRefs;
  readonly anyOf: readonly FilterRefs[];
  /** What stored totals cannot tell. */
  readonly others: readonly RawBuilder<unknown>[];
  /** The rows are few, and an index has them. */
  readonly isLookUp: boolean;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The end of a range that has none. */
export const LAST_MS = Number.MAX_SAFE_INTEGER;

/** `undefined`: nothing can match, because a name in the filter was never recorded. */
export async function logCondition(db: Database, filter: LogFilter): Promise<LogCondition | undefined> {
  const filters = await filterRefs(db, usageFilters(filter));
  const anyOf = await anyOfRefs({ db }, filter.anyOf);
  const others = await otherConditions(db, filter);
  if (filters === undefined || anyOf === undefined || others === undefined) return undefined;
  return {
    filters,
    anyOf,
    others,
    isLookUp: filter.requestId !== undefined || filter.sessionId !== undefined,
    fromMs: Math.max(0, filter.fromMs ?? 0),
    toMs: filter.toMs ?? LAST_MS,
  };
}

const one = (name: string | undefined): readonly string[] | undefined => (name === undefined ? undefined : [name]);

/** What stored totals can tell. */
const usageFilters = (filter: LogFilter): UsageFilters => ({
  keys: one(filter.keyHash),
  users: one(filter.userId),
  teams: one(filter.teamId),
  organizations: one(filter.organizationId),
  endUsers: one(filter.endUser),
  deployments: one(filter.deploymentId),
  tags: filter.tags,
});

async function otherConditions(db: Database, filter: LogFilter): Promise<readonly RawBuilder<unknown>[] | undefined> {
  const { requestId, sessionId, keyAlias, model, statuses, minCostNanoUsd, maxCostNanoUsd } = filter;
  const conditions: RawBuilder<unknown>[] = [];
  if (requestId !== undefined) {
    conditions.push(sql`(r.id = ${requestId} or r.call_id = ${requestId} or r.response_id = ${requestId})`);
  }
  if (sessionId !== undefined) {
    conditions.push(sql`r.id in (select request_id from request_details where session_id = ${sessionId})`);
  }
  if (statuses !== undefined) {
    const numbers = statuses.map((status) => sql.lit(ROW_STATUSES.indexOf(status)));
    conditions.push(numbers.length === 0 ? sql`1 = 0` : sql`r.status in (${sql.join(numbers)})`);
  }
  if (minCostNanoUsd !== undefined) conditions.push(sql`r.cost_nano_usd >= ${minCostNanoUsd}`);
  if (maxCostNanoUsd !== undefined) conditions.push(sql`r.cost_nano_usd <= ${maxCostNanoUsd}`);
  conditions.push(...errorConditions(filter));
  for (const [columns, name] of [
    [['key_alias_ref'], keyAlias],
    [['requested_model_ref', 'model_group_ref', 'model_ref'], model],
  ] as const) {
    if (name === undefined) continue;
    const ref = await refOf(db, name);
    if (ref === undefined) return undefined;
    const matches = columns.map((column) => sql`${sql.ref(`r.${column}`)} = ${ref}`);
    conditions.push(sql`(${sql.join(matches, sql` or `)})`);
  }
  return conditions;
}

function errorConditions({ errorCode, errorMessage }: LogFilter): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [];
  const details = (condition: RawBuilder<unknown>) =>
    sql`exists (select 1 from request_details d where d.request_id = r.id and ${condition})`;
  if (errorCode !== undefined) {
    const status = /^\d{3}$/.test(errorCode) ? Number(errorCode) : -1;
    conditions.push(
      sql`r.error_kind_ref is not null and (r.http_status = ${status} or ${details(sql`d.error_code = ${errorCode}`)})`,
    );
  }
  if (errorMessage !== undefined) {
    const pattern = `%${errorMessage.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    const isLike = sql`lower(d.error_message) like ${pattern} escape '\\'`;
    conditions.push(sql`r.error_kind_ref is not null and ${details(isLike)}`);
  }
  return conditions;
}

/** The sign before a column keeps the search from an index that has too many rows. */
export function whereOf({ filters, anyOf, others }: LogCondition): RawBuilder<unknown> {
  const column = (name: Dimension): RawBuilder<unknown> => sql`coalesce(${sql.ref(`r.${name}`)}, 0)`;
  return sql`(${sql.join([matching({ filters, anyOf }, column), ...others], sql` and `)})`;
}
