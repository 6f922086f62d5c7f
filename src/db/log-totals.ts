/** What the rows of a log filter have cost, by day, key, person and model. */
import { type RawBuilder, sql } from 'kysely';
import { namesOf } from './dictionary.ts';
import { type LogFilter, logCondition, whereOf } from './log-filter.ts';
import type { Reader } from './reader.ts';
import { groupExpression, type Report, reportQuery } from './usage-report-query.ts';
import { nameIn } from './usage-reports.ts';
import { type Dimension, QUARTER_MS } from './usage-tables.ts';

/** Sums over the requests of one day that agree in key, person and model. */
export interface DayTotal {
  /** `2026-03-29`. */
  readonly day: string;
  readonly keyHash: string | null;
  readonly userId: string | null;
  /** The deployment's model; where none was tried, the model group. */
  readonly model: string | null;
  /** Requests of unknown price count as 0. */
  readonly costNanoUsd: number;
}

const GROUPS = ['day', 'key', 'user', 'model', 'model_group'] as const;

/** Ordered by day. From the stored totals, when they can tell the filter. */
export async function totalsByDay(reader: Reader, filter: LogFilter, timeZone: string): Promise<DayTotal[]> {
  const { db } = reader;
  const condition = await logCondition(db, filter);
  if (condition === undefined) return [];
  const report: Report = { ...condition, timeZone, groupBy: GROUPS };
  const query = condition.others.length === 0 ? reportQuery(db, report) : rowQuery(reader, report, whereOf(condition));
  const found = query === undefined ? [] : await reader.run(query);
  const refs = found.flatMap((row) => [row.g1, row.g2, row.g3, row.g4].map(Number));
  const names = await namesOf(db, refs);
  const name = (ref: number | string | null | undefined): string | null => names.get(Number(ref ?? 0)) ?? null;
  return found.map((row) => ({
    day: nameIn('day', row.g0, names) ?? '',
    keyHash: name(row.g1),
    userId: name(row.g2),
    model: name(row.g3) ?? name(row.g4),
    costNanoUsd: Number(row.cost_nano_usd ?? 0),
  }));
}

function rowQuery({ db }: Reader, report: Report, where: RawBuilder<unknown>) {
  const columns: readonly Dimension[] = ['key_ref', 'user_ref', 'model_ref', 'model_group_ref'];
  const carried = columns.map((name) => sql`coalesce(${sql.ref(`r.${name}`)}, 0) as ${sql.ref(name)}`);
  const groups = GROUPS.map((group, at) => sql`${groupExpression(group, report)} as ${sql.ref(`g${at}`)}`);
  return sql<Readonly<Record<'g0' | 'g1' | 'g2' | 'g3' | 'g4' | 'cost_nano_usd', number | string | null>>>`
    select ${sql.join(groups)}, sum(coalesce(u.cost_nano_usd, 0)) as cost_nano_usd
    from (select r.started_at_ms / ${sql.lit(QUARTER_MS)} as quarter, r.cost_nano_usd, ${sql.join(carried)}
      from requests r where r.started_at_ms >= ${report.fromMs} and r.started_at_ms < ${report.toMs} and ${where}) u
    group by 1, 2, 3, 4, 5 order by 1`.compile(db);
}
