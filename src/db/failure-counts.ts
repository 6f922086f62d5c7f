/** How many requests ended with an HTTP status, by the local day: from the rows, since totals do not tell statuses apart. */
import { type RawBuilder, sql } from 'kysely';
import { namesOf } from './dictionary.ts';
import type { Reader } from './reader.ts';
import { filterRefs, type UsageFilters } from './usage-filters.ts';
import { groupExpression, matching } from './usage-report-query.ts';
import { anyOfRefs, nameIn, type UsageQuery } from './usage-reports.ts';
import { type Dimension, QUARTER_MS } from './usage-tables.ts';

export interface FailureQuery extends Pick<UsageQuery, 'fromMs' | 'toMs' | 'timeZone' | 'anyOf'> {
  readonly filters: UsageFilters;
  readonly httpStatus: number;
  readonly byDeployment: boolean;
}

export interface FailureCount {
  readonly day: string;
  /** `null` when it is not asked for, or no deployment was tried. */
  readonly deployment: string | null;
  readonly count: number;
}

interface Found {
  readonly day: number;
  readonly deployment_ref: number;
  readonly count: number | string;
}

/** Ordered by day. */
export async function failuresBy(reader: Reader, query: FailureQuery): Promise<FailureCount[]> {
  const { db } = reader;
  const { fromMs, toMs, timeZone, httpStatus, byDeployment } = query;
  const filters = await filterRefs(db, query.filters);
  const anyOf = await anyOfRefs(reader, query.anyOf);
  if (filters === undefined || anyOf === undefined) return [];
  const column = (name: Dimension): RawBuilder<unknown> => sql`coalesce(${sql.ref(`r.${name}`)}, 0)`;
  const day = groupExpression('day', { fromMs, toMs, timeZone, filters, anyOf, groupBy: [] });
  const deployment = byDeployment ? sql`coalesce(r.deployment_ref, 0)` : sql`0`;
  const found = await reader.run(
    sql<Found>`select ${day} as day, u.deployment_ref, count(*) as count
      from (select r.started_at_ms / ${sql.lit(QUARTER_MS)} as quarter, ${deployment} as deployment_ref from requests r
        where r.started_at_ms >= ${fromMs} and r.started_at_ms < ${toMs} and r.http_status = ${httpStatus}
          and ${matching({ filters, anyOf }, column)}) u
      group by 1, 2 order by 1, 2`.compile(db),
  );
  const names = await namesOf(
    db,
    found.map(({ deployment_ref }) => deployment_ref),
  );
  return found.map(({ day: number, deployment_ref, count }) => ({
    day: nameIn('day', number, names) ?? '',
    deployment: names.get(deployment_ref) ?? null,
    count: Number(count),
  }));
}
