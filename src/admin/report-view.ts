/** Sums of a report → LiteLLM's metrics, and the answer as JSON or CSV. */
import type { UsageTotals } from '../db/usage-reports.ts';
import { type Cell, csvLine } from '../lib/csv.ts';
import { usdNumber, usdText } from '../lib/usd.ts';
import type { ReportQuery } from './report.ts';
import { Answer } from './route.ts';

/** Sums, and whether nothing in them has a price, which only today's prices can tell. */
export type Sum = UsageTotals & { readonly isUnpriced?: boolean };

/** `metrics` of LiteLLM's daily activity. Dollars; cached tokens are contained in the prompt's. */
export interface Metrics {
  /** `null`: nothing of it has a price. */
  readonly spend: number | null;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly total_tokens: number;
  readonly successful_requests: number;
  readonly failed_requests: number;
  readonly api_requests: number;
  /** Requests of unknown price, of which `spend` holds nothing. */
  readonly unpriced_requests: number;
}

export const promptTokens = (sum: Sum): number =>
  sum.inputTokens + sum.cacheReadTokens + sum.cacheWriteTokens + sum.inputAudioTokens;
export const completionTokens = (sum: Sum): number => sum.outputTokens + sum.reasoningTokens + sum.outputAudioTokens;

/** Dollars. Where nothing has a price there is no sum, and that is not zero. */
export const spendOf = (sum: Sum): number | null => usdNumber(spendNano(sum));

/** The same in nano-dollars. */
export const spendNano = ({ isUnpriced, costNanoUsd }: Sum): number | null =>
  isUnpriced === true ? null : costNanoUsd;

export const metricsOf = (sum: Sum): Metrics => ({
  spend: spendOf(sum),
  prompt_tokens: promptTokens(sum),
  completion_tokens: completionTokens(sum),
  cache_read_input_tokens: sum.cacheReadTokens,
  cache_creation_input_tokens: sum.cacheWriteTokens,
  total_tokens: sum.totalTokens,
  successful_requests: sum.successes,
  failed_requests: sum.failures,
  api_requests: sum.requests,
  unpriced_requests: sum.unpricedRequests,
});

/** What LiteLLM counts besides and nothing here does: no flat prices, no compression and no router that saves. */
const COUNTED_BY_NOTHING = {
  flat_cost: 0,
  ptu_hours: 0,
  compression_saved_tokens: 0,
  compression_savings_spend: 0,
  gateway_injected_caching_savings_spend: 0,
  autorouter_savings_spend: 0,
} as const;

/** All that LiteLLM tells of a day. Milliseconds are those of all requests together. */
export const dayMetricsOf = (sum: Sum): Metrics & Readonly<Record<string, number | null>> => ({
  ...metricsOf(sum),
  ...COUNTED_BY_NOTHING,
  total_response_time_ms: Math.round(sum.durationMs),
  timed_requests: sum.requests,
});

/** The same for a CSV: money as plain decimals, which add up exactly. */
export const metricCells = (sum: Sum): Record<string, Cell> => ({
  ...metricsOf(sum),
  spend: usdText(spendNano(sum)) ?? null,
});

export function addedUp(rows: readonly Sum[]): Sum {
  const total: Record<string, number> = { ...NOTHING };
  for (const row of rows) {
    for (const name of Object.keys(NOTHING)) total[name] = (total[name] ?? 0) + Number(Reflect.get(row, name));
  }
  const isUnpriced = rows.some((row) => row.isUnpriced) && total['costNanoUsd'] === 0;
  return { ...NOTHING, ...total, isUnpriced };
}

const NOTHING: UsageTotals = {
  requests: 0,
  successes: 0,
  failures: 0,
  consumingRequests: 0,
  unpricedRequests: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  inputAudioTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  outputAudioTokens: 0,
  cacheWrite1hTokens: 0,
  totalTokens: 0,
  costNanoUsd: 0,
  costInputNanoUsd: 0,
  costOutputNanoUsd: 0,
  costCacheReadNanoUsd: 0,
  costCacheWriteNanoUsd: 0,
  costReasoningNanoUsd: 0,
  durationMs: 0,
};

/** By what `nameOf` says, in the order in which each came first. */
export function groupedBy<Row>(rows: readonly Row[], nameOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const members = groups.get(nameOf(row));
    if (members) members.push(row);
    else groups.set(nameOf(row), [row]);
  }
  return groups;
}

/** What a handler is given that says whether a CSV is wanted. */
export interface Wanting {
  readonly query: Pick<ReportQuery, 'format'>;
  header(name: string): string | undefined;
}

export const wantsCsv = ({ query, header }: Wanting): boolean =>
  query.format === 'csv' || (query.format === undefined && (header('accept') ?? '').includes('text/csv'));

export interface Told {
  readonly headers: Readonly<Record<string, string>>;
  json(): unknown;
  /** Lines of the table, which all have the same columns. */
  csv(): readonly Readonly<Record<string, Cell>>[];
  /** Of a table without lines, where they are not those of a report. */
  readonly columns?: readonly string[];
}

/** @param name of the file, without its ending */
export function told(wanting: Wanting, name: string, { headers, json, csv, columns: usual }: Told): Answer | Response {
  if (!wantsCsv(wanting)) return new Answer(json(), headers);
  const rows = csv();
  const columns = rows[0] === undefined ? (usual ?? Object.keys(metricCells(NOTHING))) : Object.keys(rows[0]);
  const lineOf = (row: Readonly<Record<string, Cell>>): string => csvLine(columns.map((column) => row[column]));
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const lines = rows.slice(at, at + LINES_PER_TURN).map(lineOf);
      const text = at === 0 ? [csvLine(columns), ...lines] : lines;
      controller.enqueue(encoder.encode(text.join('')));
      at += LINES_PER_TURN;
      if (at >= rows.length) controller.close();
    },
  });
  return new Response(stream, { headers: { ...csvHeaders(name), ...headers } });
}

/** Written as it is read, so that any number of rows needs little memory. @param next lines, until there are none */
export function readTable(
  name: string,
  columns: readonly string[],
  next: () => Promise<readonly Readonly<Record<string, Cell>>[]>,
): Response {
  let isFirst = true;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const rows = await next();
      const lines = rows.map((row) => csvLine(columns.map((column) => row[column])));
      if (isFirst) lines.unshift(csvLine(columns));
      isFirst = false;
      if (lines.length > 0) controller.enqueue(encoder.encode(lines.join('')));
      if (rows.length === 0) controller.close();
    },
  });
  return new Response(stream, { headers: csvHeaders(name) });
}

const LINES_PER_TURN = 1_000;
const encoder = new TextEncoder();

export const csvHeaders = (name: string): Record<string, string> => ({
  'content-type': 'text/csv; charset=utf-8; header=present',
  'content-disposition': `attachment; filename="${name}.csv"`,
  'cache-control': 'no-store',
});
