/** The single rows behind a report, page by page: for sums that the stored totals cannot tell, such as today's prices. */
import { type CompiledQuery, type RawBuilder, sql } from 'kysely';
import type { PriceFactors, TokenBuckets } from '../wire/usage.ts';
import { namesOf } from './dictionary.ts';
import type { Reader } from './reader.ts';
import { factorsIn, USAGE_SOURCES } from './request-codec.ts';
import { filterRefs } from './usage-filters.ts';
import { groupExpression, matching, type Report, tagJoin } from './usage-report-query.ts';
import { anyOfRefs, nameIn, type UsageQuery, type UsageRow } from './usage-reports.ts';
import { DIMENSIONS, type Dimension, QUARTER_MS } from './usage-tables.ts';

/** What a request used, and what it is counted under. */
export interface UsageItem {
  /** As in the report: one item for each tag when grouped by tag. */
  readonly by: UsageRow['by'];
  /** `null`: nothing is known of the usage. */
  readonly buckets: TokenBuckets | null;
  readonly durationMs: number;
  readonly modelGroup: string;
  readonly deploymentId: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly priceVersion: string | null;
  readonly factors: PriceFactors;
  /** As it was billed; `null`: unknown. */
  readonly costNanoUsd: number | null;
}

const ROWS_PER_PAGE = 2_000;

/** Oldest first. */
export async function* usageItems(reader: Reader, query: UsageQuery): AsyncGenerator<readonly UsageItem[]> {
  const filters = await filterRefs(reader.db, query.filters ?? {});
  const anyOf = await anyOfRefs(reader, query.anyOf);
  if (filters === undefined || anyOf === undefined) return;
  const report: Report = { ...query, filters, anyOf };
  let after: Place = { startedAtMs: query.fromMs, id: '' };
  for (;;) {
    const found = await reader.run(pageAfter(reader, report, after));
    const last = found.at(-1);
    if (last === undefined) return;
    yield await itemsOf(reader, query, found);
    after = { startedAtMs: Number(last.started_at_ms), id: last.id };
  }
}

interface Place {
  readonly startedAtMs: number;
  readonly id: string;
}

const TOKENS = [
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cache_write_1h_tokens',
  'input_audio_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
] as const;

type Numbers = Readonly<
  Partial<
    Record<
      | Dimension
      | (typeof TOKENS)[number]
      | 'usage_source'
      | 'duration_us'
      | 'cost_nano_usd'
      | 'price_version_ref'
      | `g${number}`,
      number | string | null
    >
  >
>;

interface Found extends Numbers {
  readonly id: string;
  readonly started_at_ms: number | string;
  readonly price_factors: string | null;
}

function pageAfter({ db }: Reader, report: Report, { startedAtMs, id }: Place): CompiledQuery<Found> {
  const column = (name: Dimension): RawBuilder<unknown> => sql`coalesce(${sql.ref(`r.${name}`)}, 0)`;
  const dimensions = DIMENSIONS.map((name) => sql`${column(name)} as ${sql.ref(name)}`);
  const plain = [...TOKENS, 'usage_source', 'duration_us', 'cost_nano_usd', 'price_version_ref'];
  const rows = sql`select r.id, r.started_at_ms, r.started_at_ms / ${sql.lit(QUARTER_MS)} as quarter,
      ${sql.join(dimensions)}, ${sql.join(plain.map((name) => sql.ref(`r.${name}`)))}
    from requests r
    where r.started_at_ms >= ${startedAtMs} and r.started_at_ms < ${report.toMs}
      and (r.started_at_ms > ${startedAtMs} or r.id > ${id}) and ${matching(report, column)}
    order by r.started_at_ms, r.id limit ${sql.lit(ROWS_PER_PAGE)}`;
  const groups = report.groupBy.map((group, at) => sql`, ${groupExpression(group, report)} as ${sql.ref(`g${at}`)}`);
  return sql<Found>`select u.*, d.price_factors ${sql.join(groups, sql` `)}
    from (${rows}) u left join request_details d on d.request_id = u.id ${tagJoin(report)}
    order by u.started_at_ms, u.id`.compile(db);
}

async function itemsOf({ db }: Reader, { groupBy }: UsageQuery, found: readonly Found[]): Promise<UsageItem[]> {
  const refs = found.flatMap((row) => [
    ...NAMED.map((column) => Number(row[column] ?? 0)),
    ...groupBy.flatMap((group, at) => (group === 'day' ? [] : Number(row[`g${at}`] ?? 0))),
  ]);
  const names = await namesOf(db, refs);
  const name = (ref: Numbers[Dimension]): string | null => names.get(Number(ref ?? 0)) ?? null;
  return found.map((row) => ({
    by: Object.fromEntries(groupBy.map((group, at) => [group, nameIn(group, row[`g${at}`], names)])),
    buckets: bucketsOf(row),
    durationMs: Number(row.duration_us) / 1_000,
    modelGroup: name(row.model_group_ref) ?? '',
    deploymentId: name(row.deployment_ref),
    model: name(row.model_ref),
    provider: name(row.provider_ref),
    priceVersion: name(row.price_version_ref),
    factors: factorsIn(row.price_factors) ?? {},
    costNanoUsd: row.cost_nano_usd == null ? null : Number(row.cost_nano_usd),
  }));
}

const NAMED = ['model_group_ref', 'deployment_ref', 'model_ref', 'provider_ref', 'price_version_ref'] as const;

function bucketsOf(row: Found): TokenBuckets | null {
  const source = row.usage_source == null ? undefined : USAGE_SOURCES[Number(row.usage_source)];
  if (source === undefined) return null;
  return {
    input: Number(row.input_tokens ?? 0),
    cacheRead: Number(row.cache_read_tokens ?? 0),
    cacheWrite: Number(row.cache_write_tokens ?? 0),
    cacheWrite1h: Number(row.cache_write_1h_tokens ?? 0),
    inputAudio: Number(row.input_audio_tokens ?? 0),
    output: Number(row.output_tokens ?? 0),
    reasoning: Number(row.reasoning_tokens ?? 0),
    outputAudio: Number(row.output_audio_tokens ?? 0),
    source,
  };
}
