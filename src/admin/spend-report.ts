/** `/global/spend/report`. Source: LiteLLM's documentation of spend reports. */
import type { UsageGroup, UsageRow } from '../db/usage-reports.ts';
import { invalidRequest } from '../errors.ts';
import type { Cell } from '../lib/csv.ts';
import type { AdminContext } from './context.ts';
import type { Report } from './report.ts';
import { midnightOf } from './report-range.ts';
import { addedUp, completionTokens, groupedBy, metricCells, promptTokens, spendOf } from './report-view.ts';
import type { Totals } from './spend-totals.ts';
import { teamNames } from './team-names.ts';

type View = Record<string, unknown>;

export const REPORT_GROUPS = [
  'team',
  'customer',
  'user',
  'internal_user',
  'organization',
  'api_key',
  'tag',
  'model',
] as const;
export type ReportGroup = (typeof REPORT_GROUPS)[number];

/** Most lines of a report; more would be a table that nobody reads. */
const MOST_LINES = 50_000;

interface Shape {
  readonly group: UsageGroup;
  /** Name of a day's list; none where a report is about the whole time. */
  readonly list?: string;
  /** Name of an item's own name. */
  readonly label: string;
}

const SHAPES: Readonly<Record<ReportGroup, Shape>> = {
  team: { group: 'team', list: 'teams', label: 'team_name' },
  customer: { group: 'end_user', list: 'customers', label: 'customer' },
  user: { group: 'user', list: 'users', label: 'user_id' },
  organization: { group: 'organization', list: 'organizations', label: 'organization_id' },
  tag: { group: 'tag', list: 'tags', label: 'tag' },
  model: { group: 'model', list: 'models', label: 'model' },
  api_key: { group: 'key', label: 'api_key' },
  internal_user: { group: 'user', label: 'internal_user_id' },
};

export function spendReport(context: AdminContext, report: Report, by: ReportGroup): Promise<Totals> {
  const shape = SHAPES[by];
  return shape.list === undefined ? wholeTime(report, shape) : dayByDay(context, report, shape);
}

/** Each day, its teams (or whom else), and for each of them its models and keys. */
async function dayByDay(context: AdminContext, report: Report, { group, list = '', label }: Shape): Promise<Totals> {
  const groups = [...new Set<UsageGroup>(['day', group, 'model', 'key'])];
  const rows = withinLimit(await report.by(groups, { limit: MOST_LINES + 1 }));
  const called = await namesOf(context, group, rows);
  const nameOf = ({ by }: UsageRow): string => called(by[group] ?? '');
  const json = (): View[] =>
    Array.from(
      groupedBy(rows, ({ by }) => by.day ?? ''),
      ([day, members]) => ({
        group_by_day: midnightOf(day, report.range.timeZone),
        [list]: Array.from(groupedBy(members, nameOf), ([name, items]) => ({
          [label]: name,
          total_spend: spendOf(addedUp(items)),
          metadata: items.map((item) => ({
            model: item.by.model ?? '',
            spend: spendOf(item),
            total_tokens: item.totalTokens,
            api_key: item.by.key ?? '',
          })),
        })),
      }),
    );
  const csv = (): Record<string, Cell>[] =>
    rows.map((row) => ({
      date: row.by.day,
      timezone: report.range.timeZone,
      [label]: nameOf(row),
      model: row.by.model ?? '',
      api_key: row.by.key ?? '',
      ...metricCells(row),
    }));
  return { json, csv };
}

/** Keys, or people, with their models. */
async function wholeTime(report: Report, { group, label }: Shape): Promise<Totals> {
  const rows = withinLimit(await report.by([group, 'model'], { limit: MOST_LINES + 1 }));
  const view = (items: readonly UsageRow[]): View => {
    const total = addedUp(items);
    return {
      total_cost: spendOf(total),
      total_input_tokens: promptTokens(total),
      total_output_tokens: completionTokens(total),
    };
  };
  const json = (): View[] =>
    Array.from(
      groupedBy(rows, ({ by }) => by[group] ?? ''),
      ([name, items]) => ({
        [label]: name,
        ...view(items),
        model_details: items.map((item) => ({ model: item.by.model ?? '', ...view([item]) })),
      }),
    );
  const csv = (): Record<string, Cell>[] =>
    rows.map((row) => ({ [label]: row.by[group] ?? '', model: row.by.model ?? '', ...metricCells(row) }));
  return { json, csv };
}

function withinLimit<Row>(rows: readonly Row[]): readonly Row[] {
  if (rows.length <= MOST_LINES) return rows;
  throw invalidRequest(
    `The report would have more than ${MOST_LINES} lines. Ask for a shorter time, or filter.`,
    'start_date',
  );
}

/** LiteLLM's name for what was used without a team. */
const OF_NO_TEAM = 'Unassigned Team';

async function namesOf(
  { db }: AdminContext,
  group: UsageGroup,
  rows: readonly UsageRow[],
): Promise<(id: string) => string> {
  if (group !== 'team') return (id) => id;
  const names = await teamNames(db, [...new Set(rows.flatMap(({ by }) => by.team ?? []))], OF_NO_TEAM);
  return (id) => (id === '' ? OF_NO_TEAM : (names.get(id) ?? id));
}
