/** `/global/spend/report`, and the same for one kind of thing at its own path. */
import { z } from '@hono/zod-openapi';
import type { ManagementRoute } from '../auth/routes.ts';
import type { AdminContext } from './context.ts';
import { keyFilter, openReport, REPORT_FIELDS } from './report.ts';
import { told } from './report-view.ts';
import { type AdminRoute, type Input, route } from './route.ts';
import { REPORT_GROUPS, type ReportGroup, spendReport } from './spend-report.ts';

const section = 'Spend';
const id = z.string().max(256).optional();

const FIELDS = {
  ...REPORT_FIELDS,
  api_key: id,
  internal_user_id: id,
  team_id: id,
  customer_id: id,
  organization_id: id,
} as const;

type ReportFields = z.output<z.ZodObject<typeof FIELDS>>;

const OF_ONE_KIND = [
  ['GET /team/spend/report', 'team'],
  ['GET /user/spend/report', 'user'],
  ['GET /key/spend/report', 'api_key'],
  ['GET /organization/spend/report', 'organization'],
] as const satisfies readonly (readonly [ManagementRoute, ReportGroup])[];

export function spendReportRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('GET /global/spend/report', {
      summary: 'What teams, customers, keys or others have spent, day by day, with their models and keys.',
      section,
      query: z.strictObject({ ...FIELDS, group_by: z.enum(REPORT_GROUPS).optional() }),
      handle: (input) => answer(context, input, groupOf(input.query)),
    }),
    ...OF_ONE_KIND.map(([name, group]) =>
      route(name, {
        summary: `What each ${group.replace('_', ' ')} has spent.`,
        section,
        query: z.strictObject(FIELDS),
        handle: (input) => answer(context, input, group),
      }),
    ),
  ];
}

/** Naming a key, or a person, asks for that key, or for the person's keys, with their models, as in LiteLLM. */
function groupOf(query: ReportFields & { readonly group_by?: ReportGroup | undefined }): ReportGroup {
  if (query.group_by !== undefined) return query.group_by;
  if (query.api_key !== undefined || query.internal_user_id !== undefined) return 'api_key';
  return query.customer_id !== undefined ? 'customer' : 'team';
}

type Asked = Pick<Input, 'access' | 'header'> & { readonly query: ReportFields };

async function answer(context: AdminContext, input: Asked, group: ReportGroup): Promise<unknown> {
  const { access, query } = input;
  const report = await openReport(
    { context, access, query },
    {
      keys: await keyFilter(context, access, query.api_key),
      users: one(query.internal_user_id),
      teams: one(query.team_id),
      endUsers: one(query.customer_id),
      organizations: one(query.organization_id),
      having: HAVING[group],
    },
  );
  const { json, csv } = await spendReport(context, report, group);
  return told(input, `spend-report-${group.replace('_', '-')}`, { headers: report.headers, json, csv });
}

const one = (name: string | undefined): readonly string[] | undefined => (name === undefined ? undefined : [name]);

/**
 * A report by organization is about requests of organizations. Those by team and by customer are what people are charged
 * by: with what is of none, as in LiteLLM, they add up to everything.
 */
const HAVING = {
  team: [],
  customer: [],
  user: ['users'],
  internal_user: ['users'],
  organization: ['organizations'],
  api_key: ['keys'],
  tag: ['tags'],
  model: [],
} as const;
