/** `/{user|team|tag|organization|customer}/daily/activity`, their `/aggregated` and their `/export`. */
import { z } from '@hono/zod-openapi';
import type { Access } from '../auth/principal.ts';
import type { ManagementRoute } from '../auth/routes.ts';
import type { UsageFilters } from '../db/usage-reports.ts';
import type { AdminContext } from './context.ts';
import { pageNumber } from './fields.ts';
import {
  type Asking,
  keyFilter,
  modelFilters,
  openReport,
  REPORT_FIELDS,
  type Report,
  type ReportQuery,
} from './report.ts';
import { activityLines, dailyActivity, type Entity } from './report-activity.ts';
import { EXPORT_COLUMNS, EXPORT_TYPES, exportCells, exportLines, exportView } from './report-export.ts';
import { told, wantsCsv } from './report-view.ts';
import { type AdminRoute, type Input, route } from './route.ts';

const section = 'Usage';
const USUAL_PAGE = 50;
const MOST_DAYS_A_PAGE = 1_000;
const LONGEST_LIST = 20_000;

const FIELDS = {
  ...REPORT_FIELDS,
  /** As it was asked for or as it was served. */
  model: z.string().max(1_000).optional(),
  api_key: z.string().max(256).optional(),
  page: pageNumber().optional(),
  /** In days. */
  page_size: pageNumber(MOST_DAYS_A_PAGE).optional(),
} as const;

/** Several ids with commas between them. */
const list = z
  .string()
  .max(LONGEST_LIST)
  .transform((text) => text.split(',').map((id) => id.trim()))
  .optional();

interface Noun {
  readonly path: `/${string}/daily/activity`;
  readonly entity: Entity;
  /** Parameter that names some of them. */
  readonly param: string;
  readonly filter: keyof Pick<UsageFilters, 'users' | 'teams' | 'tags' | 'organizations' | 'endUsers'>;
}

const NOUNS = [
  { path: '/user/daily/activity', entity: 'user', param: 'user_id', filter: 'users' },
  { path: '/team/daily/activity', entity: 'team', param: 'team_ids', filter: 'teams' },
  { path: '/tag/daily/activity', entity: 'tag', param: 'tags', filter: 'tags' },
  {
    path: '/organization/daily/activity',
    entity: 'organization',
    param: 'organization_ids',
    filter: 'organizations',
  },
  { path: '/customer/daily/activity', entity: 'end_user', param: 'end_user_ids', filter: 'endUsers' },
  { path: '/end_user/daily/activity', entity: 'end_user', param: 'end_user_ids', filter: 'endUsers' },
] as const satisfies readonly Noun[];

export function reportActivityRoutes(context: AdminContext): readonly AdminRoute[] {
  return NOUNS.flatMap((noun) => [
    activityRoute(context, noun, `GET ${noun.path}`, true),
    activityRoute(context, noun, `GET ${noun.path}/aggregated`, false),
    exportRoute(context, noun, `GET ${noun.path}/export`),
  ]);
}

function activityRoute(context: AdminContext, noun: Noun, name: ManagementRoute, isPaged: boolean): AdminRoute {
  return route(name, {
    summary: `What was used on each day, by ${noun.entity.replace('_', ' ')}, model and key${isPaged ? ', in pages of days' : ''}.`,
    section,
    query: z.strictObject({ ...FIELDS, [noun.param]: list }),
    handle: (input) => answer(context, noun, isPaged, input),
  });
}

/** A table unless JSON is asked for. */
function exportRoute(context: AdminContext, noun: Noun, name: ManagementRoute): AdminRoute {
  const { page: _, page_size: __, ...fields } = FIELDS;
  const export_type = z.enum(EXPORT_TYPES).optional();
  return route(name, {
    summary: `A line for each day and ${noun.entity.replace('_', ' ')}, and key, model or user if wanted.`,
    section,
    query: z.strictObject({ ...fields, export_type, [noun.param]: list }),
    handle: async (input) => {
      const { query } = input;
      const { asking, report } = await reportFor(context, noun, input);
      const type = query.export_type ?? 'daily';
      const lines = await exportLines({ asking, report, entity: noun.entity, type });
      const wanting = { header: input.header, query: { format: query.format ?? 'csv' } as const };
      return told(wanting, `${noun.entity}-activity-${type.replaceAll('_', '-')}`, {
        headers: report.headers,
        json: () => lines.map(exportView),
        csv: () => lines.map(exportCells),
        columns: EXPORT_COLUMNS,
      });
    },
  });
}

type ActivityQuery = z.output<z.ZodObject<typeof FIELDS>>;

async function answer(
  context: AdminContext,
  noun: Noun,
  isPaged: boolean,
  input: Pick<Input, 'access' | 'header'> & { readonly query: ActivityQuery },
): Promise<unknown> {
  const { query } = input;
  const { asking, report } = await reportFor(context, noun, input);
  const page = { number: query.page ?? 1, size: query.page_size ?? USUAL_PAGE };
  const isTable = wantsCsv(input);
  const lines = isTable ? await activityLines(report) : [];
  const view = isTable
    ? {}
    : await dailyActivity({ asking, report, entity: noun.entity, page: isPaged ? page : undefined });
  return told(input, `${noun.entity}-activity`, { headers: report.headers, json: () => view, csv: () => lines });
}

type Asked = Pick<Input, 'access'> & { readonly query: Omit<ActivityQuery, 'page' | 'page_size'> };

async function reportFor(
  context: AdminContext,
  noun: Noun,
  { access, query }: Asked,
): Promise<{ readonly asking: Asking; readonly report: Report }> {
  const asking = { context, access, query: query satisfies ReportQuery };
  const filters = {
    ...entityFilter(noun, access, Reflect.get(query, noun.param)),
    keys: await keyFilter(context, access, query.api_key),
  };
  return { asking, report: await openReport(asking, filters, modelFilters(query.model)) };
}

/**
 * Those asked for; else all requests that have one. People are an exception: for who does not see everything it is about
 * themselves, and every request counts for the admins, as in LiteLLM.
 */
function entityFilter({ entity, filter }: Noun, access: Access, asked: unknown): UsageFilters {
  if (Array.isArray(asked)) return { [filter]: asked.map(String) };
  if (entity !== 'user') return { having: [filter] };
  if (access.isUnlimited) return {};
  const { userId } = access.principal;
  return userId === null ? {} : { users: [userId] }; // A key without a user sees itself.
}
