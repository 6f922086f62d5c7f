/**
 * The one query path of every report: sums over the report cube, and over the rows themselves where a range begins or
 * ends within a quarter hour. Whatever shows a total asks here, so no two of them can differ.
 */
import { namesOf } from './dictionary.ts';
import type { Reader } from './reader.ts';
import { type FilterRefs, filterRefs, type UsageFilters } from './usage-filters.ts';
import { type FoundSums, type ReportOrder, reportQuery, type UsageGroup } from './usage-report-query.ts';
import { MEASURES, type Measure, TOKEN_SUMS } from './usage-tables.ts';

export type { UsageFilters } from './usage-filters.ts';
export type { ReportOrder, UsageGroup } from './usage-report-query.ts';

export interface UsageQuery {
  /** Epoch milliseconds of a request's start; from inclusive, to exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  /** IANA name, whose days `day` groups by. */
  readonly timeZone?: string | undefined;
  readonly filters?: UsageFilters | undefined;
  /** Requests must also match one of these: what somebody may see. An empty list matches nothing. */
  readonly anyOf?: readonly UsageFilters[] | undefined;
  /** None: one row with the totals. */
  readonly groupBy: readonly UsageGroup[];
  /** `day` is ascending, everything else begins with the largest. By default days, else the cost. */
  readonly orderBy?: ReportOrder | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

export interface UsageTotals {
  /** All of them, refused ones too. */
  readonly requests: number;
  readonly successes: number;
  /** Everything that is no success: failed, refused, left by the client, cut off. */
  readonly failures: number;
  /** Those that were served or tried at an upstream. */
  readonly consumingRequests: number;
  /** Those of unknown price, which count as 0 in every cost. */
  readonly unpricedRequests: number;
  /** Disjoint: the first four are the prompt, the next three the completion. */
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly inputAudioTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly outputAudioTokens: number;
  /** A part of `cacheWriteTokens`. */
  readonly cacheWrite1hTokens: number;
  readonly totalTokens: number;
  readonly costNanoUsd: number;
  readonly costInputNanoUsd: number;
  readonly costOutputNanoUsd: number;
  readonly costCacheReadNanoUsd: number;
  readonly costCacheWriteNanoUsd: number;
  readonly costReasoningNanoUsd: number;
  readonly durationMs: number;
}

export interface UsageRow extends UsageTotals {
  /** The name of each thing grouped by, `null` for requests without one; a day as `2026-03-29`. */
  readonly by: Readonly<Partial<Record<UsageGroup, string | null>>>;
}

/**
 * A request with several tags counts under each of them when grouped by tag (under those asked for, when tags are
 * filtered), and once in every other row.
 * @throws GatewayError `invalid_request` for an unknown time zone, `unavailable` when the database is too busy
 */
export async function usageBy(reader: Reader, query: UsageQuery): Promise<UsageRow[]> {
  const filters = await filterRefs(reader.db, query.filters ?? {});
  const anyOf = await anyOfRefs(reader, query.anyOf);
  const compiled = filters && anyOf && reportQuery(reader.db, { ...query, filters, anyOf });
  const found = compiled ? await reader.run(compiled) : [];
  if (found.length === 0) return query.groupBy.length === 0 ? [{ by: {}, ...totalsOf({}) }] : [];
  const refs = found.flatMap((row) =>
    query.groupBy.flatMap((group, at) => (group === 'day' ? [] : (row[`g${at}`] ?? []))),
  );
  const names = await namesOf(reader.db, refs.map(Number));
  return found.map((row) => ({
    by: Object.fromEntries(query.groupBy.map((group, at) => [group, nameIn(group, row[`g${at}`], names)])),
    ...totalsOf(row),
  }));
}

/** `undefined`: nothing can match. An empty list: no such condition. */
export async function anyOfRefs(
  { db }: Pick<Reader, 'db'>,
  anyOf: UsageQuery['anyOf'],
): Promise<readonly FilterRefs[] | undefined> {
  if (anyOf === undefined) return [];
  const found = await Promise.all(anyOf.map((filters) => filterRefs(db, filters)));
  const possible = found.filter((refs) => refs !== undefined);
  return possible.length === 0 ? undefined : possible;
}

const DAY_MS = 86_400_000;

export function nameIn(
  group: UsageGroup,
  value: number | string | null | undefined,
  names: ReadonlyMap<number, string>,
): string | null {
  const number = Number(value ?? 0);
  if (group === 'day') return new Date(number * DAY_MS).toISOString().slice(0, 10);
  return names.get(number) ?? null;
}

function totalsOf(found: FoundSums): UsageTotals {
  const sums = Object.fromEntries(MEASURES.map((name) => [name, Number(found[name] ?? 0)])) as Record<Measure, number>;
  return {
    requests: sums.requests,
    successes: sums.successes,
    failures: sums.requests - sums.successes,
    consumingRequests: sums.consuming,
    unpricedRequests: sums.unpriced,
    inputTokens: sums.input_tokens,
    cacheReadTokens: sums.cache_read_tokens,
    cacheWriteTokens: sums.cache_write_tokens,
    inputAudioTokens: sums.input_audio_tokens,
    outputTokens: sums.output_tokens,
    reasoningTokens: sums.reasoning_tokens,
    outputAudioTokens: sums.output_audio_tokens,
    cacheWrite1hTokens: sums.cache_write_1h_tokens,
    totalTokens: TOKEN_SUMS.reduce((total, name) => total + sums[name], 0),
    costNanoUsd: sums.cost_nano_usd,
    costInputNanoUsd: sums.cost_input_nano_usd,
    costOutputNanoUsd: sums.cost_output_nano_usd,
    costCacheReadNanoUsd: sums.cost_cache_read_nano_usd,
    costCacheWriteNanoUsd: sums.cost_cache_write_nano_usd,
    costReasoningNanoUsd: sums.cost_reasoning_nano_usd,
    durationMs: sums.duration_us / 1_000,
  };
}
