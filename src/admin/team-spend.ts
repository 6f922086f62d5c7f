/** `/team/spend/by_user`: what each person has spent in some teams. Source: LiteLLM's documentation of team spend. */
import { z } from '@hono/zod-openapi';
import type { UsageRow } from '../db/usage-reports.ts';
import { invalidRequest } from '../errors.ts';
import type { Cell } from '../lib/csv.ts';
import type { AdminContext } from './context.ts';
import { openReport, REPORT_FIELDS } from './report.ts';
import { factsOfEntities } from './report-activity.ts';
import type { ReportRange } from './report-range.ts';
import { metricCells, metricsOf, told } from './report-view.ts';
import { type AdminRoute, route } from './route.ts';

const LONGEST_LIST = 20_000;
const MOST_LINES = 50_000;
const NAMES = ['team_id', 'team_alias', 'user_id', 'user_email', 'user_alias'] as const;

interface Line {
  readonly names: Readonly<Record<(typeof NAMES)[number], string | null>>;
  readonly row: UsageRow;
}

export function teamSpendRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('GET /team/spend/by_user', {
      summary: 'What each person has spent in some teams, the most first; who leads none sees their own.',
      section: 'Usage',
      query: z.strictObject({
        ...REPORT_FIELDS,
        /** Ids with commas between them; all teams that you see without it. */
        team_ids: z.string().min(1).max(LONGEST_LIST).optional(),
      }),
      handle: async (input) => {
        const { access, query } = input;
        const asking = { context, access, query };
        const wanted = query.team_ids?.split(',').map((id) => id.trim());
        const report = await openReport(asking, wanted ? { teams: wanted } : { having: ['teams'] });
        const rows = await report.by(['team', 'user'], { orderBy: 'cost', limit: MOST_LINES + 1 });
        if (rows.length > MOST_LINES) throw invalidRequest('These are too many people. Name fewer teams.', 'team_ids');
        const namesOf = (group: 'team' | 'user'): string[] => [...new Set(rows.flatMap(({ by }) => by[group] ?? []))];
        const teams = await factsOfEntities(asking, 'team', namesOf('team'));
        const people = await factsOfEntities(asking, 'user', namesOf('user'));
        const lines = rows.map((row) => lineOf(row, teams.get(row.by.team ?? ''), people.get(row.by.user ?? '')));
        return told(input, 'team-spend-by-user', {
          headers: report.headers,
          json: () => ({
            start_date: dayIn(report.range, report.range.fromMs),
            end_date: dayIn(report.range, report.range.toMs - 1),
            results: lines.map(({ names, row: sums }) => ({ ...names, ...metricsOf(sums) })),
          }),
          csv: () => lines.map(({ names, row: sums }): Record<string, Cell> => ({ ...names, ...metricCells(sums) })),
          columns: NAMES,
        });
      },
    }),
  ];
}

/** Swedish dates are written year, month, day. */
const dayIn = ({ timeZone }: ReportRange, atMs: number): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone }).format(atMs);

type Facts = Readonly<Record<string, unknown>> | undefined;

/** Requests of keys that belong to nobody stand under the empty id. */
const lineOf = (row: UsageRow, team: Facts, person: Facts): Line => ({
  names: {
    team_id: row.by.team ?? null,
    team_alias: textIn(team, 'team_alias'),
    user_id: row.by.user ?? '',
    user_email: textIn(person, 'user_email'),
    user_alias: textIn(person, 'user_alias'),
  },
  row,
});

function textIn(facts: Facts, name: string): string | null {
  const value = facts?.[name];
  return typeof value === 'string' ? value : null;
}
