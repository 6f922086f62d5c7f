/** A report as one statement, so that all of it is about the same moment. */
import { type CompiledQuery, type RawBuilder, sql } from 'kysely';
import type { Database } from './client.ts';
import { ROW_STATUSES } from './request-codec.ts';
import { conditionOf, type FilterRefs } from './usage-filters.ts';
import { DIMENSIONS, type Dimension, MEASURES, type Measure, QUARTER_MS, SUMS, TOKEN_SUMS } from './usage-tables.ts';
import { offsetSpans, QUARTERS_PER_DAY } from './zone-offsets.ts';

const GROUPS = {
  key: 'key_ref',
  team: 'team_ref',
  user: 'user_ref',
  organization: 'organization_ref',
  project: 'project_ref',
  end_user: 'end_user_ref',
  model: 'model_ref',
  model_group: 'model_group_ref',
  provider: 'provider_ref',
  route: 'route_ref',
  deployment: 'deployment_ref',
} as const satisfies Record<string, Dimension>;

export type UsageGroup = keyof typeof GROUPS | 'day' | 'tag';
export type ReportOrder = 'day' | 'cost' | 'requests' | 'tokens';

/** Sums by their names and the values grouped by as `g0`, `g1` …; some databases give big integers as text. */
export type FoundSums = Readonly<Partial<Record<Measure | `g${number}`, number | string | null>>>;

export interface Report {
  readonly fromMs: number;
  readonly toMs: number;
  readonly timeZone?: string | undefined;
  readonly filters: FilterRefs;
  /** Not empty: one of them must match too. */
  readonly anyOf: readonly FilterRefs[];
  readonly groupBy: readonly UsageGroup[];
  readonly orderBy?: ReportOrder | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** `undefined` for an empty range. */
export function reportQuery(db: Database, report: Report): CompiledQuery<FoundSums> | undefined {
  const parts = partsOf(report);
  if (parts.length === 0) return undefined;
  const groups = report.groupBy.map((group) => groupExpression(group, report));
  const sums = MEASURES.map((name) => sql`sum(${sql.ref(`u.${name}`)}) as ${sql.ref(name)}`);
  const named = groups.map((group, at) => sql`${group} as ${sql.ref(`g${at}`)}`);
  const positions = groups.map((_, at) => sql.lit(at + 1));
  return sql<FoundSums>`select ${sql.join([...named, ...sums])}
    from (${sql.join(parts, sql` union all `)}) u ${tagJoin(report)}
    ${groups.length === 0 ? sql`` : sql`group by ${sql.join(positions)} order by ${sql.join(orderOf(report, positions))}`}
    ${pageOf(report)}`.compile(db);
}

/** Whole quarter hours from the cube; what is left of the range at its ends from the rows. */
function partsOf(report: Report): RawBuilder<unknown>[] {
  const fromMs = Math.max(0, report.fromMs);
  const toMs = Math.max(fromMs, report.toMs);
  const first = Math.ceil(fromMs / QUARTER_MS);
  const end = Math.floor(toMs / QUARTER_MS);
  if (first > end) return [rowPart(report, fromMs, toMs)];
  const parts: RawBuilder<unknown>[] = [];
  if (first < end) parts.push(cubePart(report, first, end));
  if (fromMs < first * QUARTER_MS) parts.push(rowPart(report, fromMs, first * QUARTER_MS));
  if (end * QUARTER_MS < toMs) parts.push(rowPart(report, end * QUARTER_MS, toMs));
  return parts;
}

/** Only what is grouped by is carried along. */
function carried({ groupBy }: Report): Dimension[] {
  const wanted = new Set<Dimension>();
  for (const group of groupBy) {
    if (group === 'tag') wanted.add('tags_ref');
    else if (group !== 'day') wanted.add(GROUPS[group]);
  }
  return DIMENSIONS.filter((name) => wanted.has(name));
}

function cubePart(report: Report, first: number, end: number): RawBuilder<unknown> {
  const column = (name: Dimension) => sql.ref(`d.${name}`);
  const columns = [...carried(report).map(column), ...MEASURES.map((name) => sql.ref(`c.${name}`))];
  return sql`select c.quarter as quarter, ${sql.join(columns)}
    from usage_cube c join usage_dimensions d on d.id = c.dimensions_ref
    where c.quarter >= ${first} and c.quarter < ${end} and ${matching(report, column)}`;
}

const IS_SUCCESS = sql`r.status = ${sql.lit(ROW_STATUSES.indexOf('success'))}`;

function rowPart(report: Report, fromMs: number, toMs: number): RawBuilder<unknown> {
  const column = (name: Dimension) => sql`coalesce(${sql.ref(`r.${name}`)}, 0)`;
  const columns = [
    ...carried(report).map((name) => sql`${column(name)} as ${sql.ref(name)}`),
    sql`1 as requests`,
    sql`case when ${IS_SUCCESS} then 1 else 0 end as successes`,
    sql`case when ${IS_SUCCESS} or r.attempt_count > 0 then 1 else 0 end as consuming`,
    sql`case when r.cost_nano_usd is null then 1 else 0 end as unpriced`,
    ...SUMS.map((name) => sql`coalesce(${sql.ref(`r.${name}`)}, 0) as ${sql.ref(name)}`),
  ];
  return sql`select r.started_at_ms / ${sql.lit(QUARTER_MS)} as quarter, ${sql.join(columns)}
    from requests r where r.started_at_ms >= ${fromMs} and r.started_at_ms < ${toMs} and ${matching(report, column)}`;
}

export function matching(
  { filters, anyOf }: Pick<Report, 'filters' | 'anyOf'>,
  column: (name: Dimension) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  const all = conditionOf(filters, column);
  if (anyOf.length === 0) return all;
  const any = anyOf.map((refs) => conditionOf(refs, column));
  return sql`${all} and (${sql.join(any, sql` or `)})`;
}

export function groupExpression(group: UsageGroup, report: Report): RawBuilder<unknown> {
  if (group === 'day') return dayExpression(report);
  if (group === 'tag') return sql`coalesce(t.tag_ref, 0)`;
  return sql.ref(`u.${GROUPS[group]}`);
}

/** Days since the epoch in local time. */
function dayExpression({ timeZone = 'UTC', fromMs, toMs }: Report): RawBuilder<unknown> {
  const first = Math.floor(Math.max(0, fromMs) / QUARTER_MS);
  const [initial, ...changes] = offsetSpans(timeZone, first, Math.ceil(Math.min(toMs, LATEST_MS) / QUARTER_MS));
  const cases = changes
    .reverse()
    .map(({ fromQuarter, offset }) => sql`when u.quarter >= ${sql.lit(fromQuarter)} then ${sql.lit(offset)}`);
  const start = sql.lit(initial?.offset ?? 0);
  const offset = cases.length === 0 ? start : sql`case ${sql.join(cases, sql` `)} else ${start} end`;
  return sql`(u.quarter + ${offset}) / ${sql.lit(QUARTERS_PER_DAY)}`;
}

/** The year 2100: the end of a range that has none. */
const LATEST_MS = 4_102_444_800_000;

/** A filter on tags also says which of a request's tags it is grouped under. */
export function tagJoin({ groupBy, filters }: Report): RawBuilder<unknown> {
  if (!groupBy.includes('tag')) return sql``;
  const wanted = filters.get('tags_ref') ?? [];
  const only = wanted.length === 0 ? sql`` : sql`and t.tag_ref in (${sql.join(wanted)})`;
  return sql`left join tag_sets t on t.tags_ref = u.tags_ref ${only}`;
}

const ORDERS = {
  cost: sql`sum(u.cost_nano_usd) desc`,
  requests: sql`sum(u.requests) desc`,
  tokens: sql`sum(${sql.join(
    TOKEN_SUMS.map((name) => sql.ref(`u.${name}`)),
    sql` + `,
  )}) desc`,
} as const;

/** The groups themselves decide between equals, so that pages never overlap. */
function orderOf({ groupBy, orderBy }: Report, positions: readonly RawBuilder<unknown>[]): RawBuilder<unknown>[] {
  const day = positions[groupBy.indexOf('day')];
  const order = orderBy ?? (day === undefined ? 'cost' : 'day');
  if (order !== 'day') return [ORDERS[order], ...positions];
  return [...(day === undefined ? [] : [day]), ORDERS.cost, ...positions];
}

function pageOf({ limit, offset }: Report): RawBuilder<unknown> {
  if (limit === undefined) return sql``;
  return offset === undefined ? sql`limit ${limit}` : sql`limit ${limit} offset ${offset}`;
}
