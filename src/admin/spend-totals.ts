/** `/global/spend/*` and `/spend/*`: sums of what was spent. Names are LiteLLM's (its documentation of spend tracking). */

import { keysCountedAs } from '../db/keys.ts';
import type { UsageGroup, UsageRow } from '../db/usage-reports.ts';
import { EVERYTHING } from '../db/visibility.ts';
import type { Cell } from '../lib/csv.ts';
import type { Asking, Report } from './report.ts';
import { addedUp, groupedBy, metricCells, type Sum, spendOf } from './report-view.ts';

type View = Record<string, unknown>;

/** The same sums as JSON and as lines of a table. */
export interface Totals {
  json(): unknown;
  csv(): readonly Readonly<Record<string, Cell>>[];
}

const nameOf = (row: UsageRow, group: UsageGroup): string => row.by[group] ?? '';

/** Lines of any grouping: its names, then the metrics. */
export const linesOf = (rows: readonly (UsageRow & Sum)[]): Record<string, Cell>[] =>
  rows.map((row) => ({ ...row.by, ...metricCells(row) }));

/** The largest by name, each as `view` says. */
export async function largest(
  report: Report,
  group: UsageGroup,
  limit: number | undefined,
  view: (name: string, sum: UsageRow & Sum) => View,
): Promise<Totals> {
  const rows = await report.by([group], { limit, orderBy: 'cost' });
  return { json: () => rows.map((row) => view(nameOf(row, group), row)), csv: () => linesOf(rows) };
}

export async function largestKeys(asking: Asking, report: Report, limit: number | undefined): Promise<Totals> {
  const rows = await report.by(['key'], { limit, orderBy: 'cost' });
  const hashes = rows.map((row) => nameOf(row, 'key'));
  const known = await keysCountedAs(asking.context.db, hashes, EVERYTHING);
  const view = (row: UsageRow): View => {
    const hash = nameOf(row, 'key');
    const key = known.get(hash);
    return {
      api_key: hash,
      key_alias: key?.key_alias ?? null,
      key_name: key?.key_name ?? null,
      total_spend: spendOf(row),
    };
  };
  return { json: () => rows.map(view), csv: () => linesOf(rows) };
}

/** Each day with every team that spent on it, and the teams' sums. */
export async function teamTotals(
  report: Report,
  aliases: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>,
): Promise<Totals> {
  const rows = await report.by(['day', 'team'], { filters: { having: ['teams'] } });
  const byTeam = groupedBy(rows, (row) => nameOf(row, 'team'));
  const known = await aliases([...byTeam.keys()]);
  const called = (id: string): string => known.get(id) ?? id;
  const json = (): View => ({
    daily_spend: Array.from(
      groupedBy(rows, (row) => nameOf(row, 'day')),
      ([date, members]) => ({
        ...Object.fromEntries(members.map((row) => [called(nameOf(row, 'team')), spendOf(row)])),
        date,
      }),
    ),
    teams: [...byTeam.keys()].map(called),
    total_spend_per_team: Array.from(byTeam, ([id, members]) => ({
      team_id: called(id),
      total_spend: spendOf(addedUp(members)),
    })).toSorted((a, b) => (b.total_spend ?? 0) - (a.total_spend ?? 0)),
  });
  return { json, csv: () => linesOf(rows) };
}

/** A request with several tags counts under each; one without tags under none. */
export async function tagTotals(
  report: Report,
  tags: readonly string[] | undefined,
): Promise<Totals & { readonly rows: readonly (UsageRow & Sum)[] }> {
  const filters = { having: ['tags'] as const, ...(tags && { tags }) };
  const rows = await report.by(['tag'], { filters });
  const json = (): View[] =>
    rows.map((row) => ({
      individual_request_tag: nameOf(row, 'tag'),
      log_count: row.requests,
      total_spend: spendOf(row),
    }));
  return { rows, json, csv: () => linesOf(rows) };
}

export async function dayTotals(report: Report): Promise<Totals> {
  const rows = await report.by(['day']);
  return {
    json: () => rows.map((row) => ({ date: nameOf(row, 'day'), spend: spendOf(row) })),
    csv: () => linesOf(rows),
  };
}
