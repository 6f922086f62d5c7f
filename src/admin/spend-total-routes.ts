/** `/global/spend/*` and the lists of what keys, people and tags have spent. */
import { z } from '@hono/zod-openapi';
import type { ManagementRoute } from '../auth/routes.ts';
import { listKeys } from '../db/key-list.ts';
import { spendOf as spentEver } from '../db/scope-usage.ts';
import { users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { usdNumber, usdText } from '../lib/usd.ts';
import type { AdminContext } from './context.ts';
import { pageNumber } from './fields.ts';
import { keyViews } from './key-spend.ts';
import {
  type Asking,
  FORMAT,
  keyFilter,
  openReport,
  REPORT_FIELDS,
  type Report,
  type ReportQuery,
  warningAbout,
} from './report.ts';
import { spendNano, spendOf, told } from './report-view.ts';
import { type AdminRoute, Answer, type Input, route } from './route.ts';
import { dayTotals, largest, largestKeys, type Totals, tagTotals, teamTotals } from './spend-totals.ts';
import { spendSetOf, spentBy } from './spent.ts';
import { KEY_COLUMNS, spentLines, USER_COLUMNS } from './spent-table.ts';
import { teamNames } from './team-names.ts';
import { userView } from './user-view.ts';

const section = 'Spend';
const USUAL_ROWS = 100;
const MOST_ROWS = 10_000;

const FIELDS = {
  ...REPORT_FIELDS,
  limit: pageNumber(MOST_ROWS).optional(),
  api_key: z.string().max(256).optional(),
  /** Names with commas between them. */
  tags: z.string().max(20_000).optional(),
} as const;

type TotalsQuery = z.output<z.ZodObject<typeof FIELDS>>;
type Extra = Exclude<keyof typeof FIELDS, keyof typeof REPORT_FIELDS>;

interface Total {
  readonly name: ManagementRoute;
  readonly summary: string;
  readonly extras: readonly Extra[];
  readonly file: string;
  totals(report: Report, asking: Asking, query: TotalsQuery): Promise<Totals>;
}

const TOTALS: readonly Total[] = [
  {
    name: 'GET /global/spend/keys',
    summary: 'Keys by what they have spent, the largest first; the last 30 days unless dates say otherwise.',
    extras: ['limit', 'api_key'],
    file: 'spend-by-key',
    totals: (report, asking, { limit }) => largestKeys(asking, report, limit ?? USUAL_ROWS),
  },
  {
    name: 'GET /global/spend/models',
    summary: 'Models by what was spent on them, the largest first.',
    extras: ['limit', 'api_key'],
    file: 'spend-by-model',
    totals: (report, _, { limit }) =>
      largest(report, 'model', limit ?? USUAL_ROWS, (model, sum) => ({ model, total_spend: spendOf(sum) })),
  },
  {
    name: 'GET /global/spend/provider',
    summary: 'Providers by what was spent on them.',
    extras: ['api_key', 'limit'],
    file: 'spend-by-provider',
    totals: (report, _, { limit }) =>
      largest(report, 'provider', limit ?? MOST_ROWS, (provider, sum) => ({ provider, spend: spendOf(sum) })),
  },
  {
    name: 'GET /global/spend/teams',
    summary: 'What teams have spent, day by day.',
    extras: [],
    file: 'spend-by-team',
    totals: (report, { context }) => teamTotals(report, (ids) => teamNames(context.db, ids, 'date')),
  },
  {
    name: 'GET /global/spend/logs',
    summary: 'What was spent on each day.',
    extras: ['api_key'],
    file: 'spend-by-day',
    totals: (report) => dayTotals(report),
  },
  {
    name: 'GET /global/spend/tags',
    summary: 'Tags by what their requests have spent; a request counts under each of its tags.',
    extras: ['tags'],
    file: 'spend-by-tag',
    totals: async (report, _, { tags }) => {
      const { rows, ...totals } = await tagTotals(report, namesIn(tags));
      const json = () => ({
        spend_per_tag: rows.map((row) => ({ name: row.by.tag, spend: spendOf(row), log_count: row.requests })),
      });
      return { ...totals, json };
    },
  },
  {
    name: 'GET /spend/tags',
    summary: 'Tags by what their requests have spent; a request counts under each of its tags.',
    extras: ['tags'],
    file: 'spend-by-tag',
    totals: (report, _, { tags }) => tagTotals(report, namesIn(tags)),
  },
];

export function spendTotalRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    ...TOTALS.map((total) => totalRoute(context, total)),
    route('GET /global/spend', {
      summary: 'What all requests have cost together: ever, or in the time that is asked for.',
      section,
      query: z.strictObject(REPORT_FIELDS),
      handle: async (input) => await globalSpend(context, input),
    }),
    route('GET /global/spend/all_tag_names', {
      summary: 'Every tag that a request had.',
      section,
      query: z.strictObject({}),
      handle: async ({ access }) => {
        const { headers, by } = await openReport({ context, access, query: EVER }, {});
        const rows = await by(['tag'], { filters: { having: ['tags'] } });
        return new Answer({ tag_names: rows.map((row) => row.by.tag) }, headers);
      },
    }),
    route('POST /global/spend/end_users', {
      summary: 'End users by what they have spent, the largest first.',
      section,
      body: z.strictObject({
        startTime: z.string().max(40).nullish(),
        endTime: z.string().max(40).nullish(),
        selectedKey: z.string().max(256).nullish(),
        limit: z.number().int().min(1).max(MOST_ROWS).nullish(),
      }),
      handle: async ({ access, body }) => {
        const query = { start_date: body.startTime ?? undefined, end_date: body.endTime ?? undefined };
        const keys = await keyFilter(context, access, body.selectedKey ?? undefined, 'selectedKey');
        const report = await openReport({ context, access, query }, { keys, having: ['endUsers'] });
        const totals = await largest(report, 'end_user', body.limit ?? USUAL_ROWS, (end_user, sum) => ({
          end_user,
          total_count: sum.requests,
          total_spend: spendOf(sum),
        }));
        return new Answer(totals.json(), report.headers);
      },
    }),
    ...peopleRoutes(context),
  ];
}

/** From the first request to the last. */
const EVER = { start_date: '1970-01-01', end_date: '2999-12-31' };

function totalRoute(context: AdminContext, { name, summary, extras, file, totals }: Total): AdminRoute {
  const wanted = Object.fromEntries(extras.map((extra) => [extra, FIELDS[extra]]));
  const answer = async (input: Pick<Input, 'access' | 'header'> & { readonly query: TotalsQuery }) => {
    const { access, query } = input;
    const asking = { context, access, query };
    const report = await openReport(asking, { keys: await keyFilter(context, access, query.api_key) });
    const { json, csv } = await totals(report, asking, query);
    return told(input, file, { headers: report.headers, json, csv });
  };
  return route(name, { summary, section, query: z.strictObject({ ...REPORT_FIELDS, ...wanted }), handle: answer });
}

const namesIn = (list: string | undefined): readonly string[] | undefined =>
  list?.split(',').map((name) => name.trim());

type GlobalSpendInput = Pick<Input, 'access' | 'header'> & { readonly query: ReportQuery };

async function globalSpend(context: AdminContext, input: GlobalSpendInput): Promise<Answer | Response> {
  const { globalBudget } = context.settings();
  const { headers, nanoUsd } = await spentByAll(context, input);
  return told(input, 'spend', {
    headers,
    json: () => ({ spend: usdNumber(nanoUsd), max_budget: globalBudget?.maxUsd ?? null }),
    csv: () => [{ spend: usdText(nanoUsd) ?? null, max_budget: globalBudget?.maxUsd ?? null }],
  });
}

/** Without dates the stored total, which needs no sum; with them, or in today's prices, a report as any other. */
async function spentByAll(
  context: AdminContext,
  { access, query }: GlobalSpendInput,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly nanoUsd: number | null }> {
  const isBounded = query.start_date !== undefined || query.end_date !== undefined;
  if (!isBounded && query.as !== 'priced-now') {
    const headers = await warningAbout(context);
    const spent = (await spentEver(context.db, 'global', [''])).get('');
    return { headers, nanoUsd: spent?.costNanoUsd ?? 0 };
  }
  const report = await openReport({ context, access, query: isBounded ? query : { ...query, ...EVER } }, {});
  const [sum] = await report.by([]);
  return { headers: report.headers, nanoUsd: sum === undefined ? 0 : spendNano(sum) };
}

const LIST_FIELDS = { limit: pageNumber(1_000).optional(), format: FORMAT.optional() } as const;

function peopleRoutes(context: AdminContext): readonly AdminRoute[] {
  const { db } = context;
  return [
    route('GET /spend/keys', {
      summary: 'Keys with what they have spent, the largest first.',
      section,
      query: z.strictObject(LIST_FIELDS),
      handle: async (input) => {
        const { access, query } = input;
        const headers = await warningAbout(context);
        const { rows } = await listKeys(db, {
          visibility: access.visibility,
          sort: { by: 'spend', order: 'desc' },
          limit: query.limit ?? USUAL_ROWS,
          offset: 0,
          nowMs: context.now(),
        });
        const views = await keyViews(context, rows);
        const named = rows.map(({ token }, at) => ({ token, ...views[at] }));
        const csv = () => spentLines(named, KEY_COLUMNS);
        return told(input, 'keys', { headers, json: () => named, csv, columns: KEY_COLUMNS });
      },
    }),
    route('GET /spend/users', {
      summary: 'People with what they have spent, the largest first.',
      section,
      query: z.strictObject({ ...LIST_FIELDS, user_id: z.string().max(256).optional() }),
      handle: async (input) => {
        const { access, query } = input;
        const filter = query.user_id === undefined ? { having: ['users' as const] } : { users: [query.user_id] };
        const report = await openReport({ context, access, query: EVER }, filter);
        const spenders = await report.by(['user'], { limit: query.limit ?? USUAL_ROWS, orderBy: 'cost' });
        const ids = spenders.flatMap(({ by }) => by.user ?? []);
        const views = await userViews(context, ids);
        const csv = () => spentLines(views, USER_COLUMNS);
        return told(input, 'users', { headers: report.headers, json: () => views, csv, columns: USER_COLUMNS });
      },
    }),
  ];
}

/** In the order of the ids. Of people that are not stored only the id and what they have spent is known. */
async function userViews(context: AdminContext, ids: readonly string[]): Promise<Record<string, unknown>[]> {
  const rows = await users.findMany(context.db, ids, EVERYTHING);
  const byId = new Map(rows.map((row) => [row.user_id, row]));
  const spenders = ids.map((id) => {
    const row = byId.get(id);
    return { id, budgetDuration: row?.budget_duration ?? null, spendSet: row ? spendSetOf(row) : null };
  });
  const spent = await spentBy(context, 'user', spenders);
  return ids.map((id) => {
    const row = byId.get(id);
    return row === undefined ? { user_id: id, ...spent(id) } : userView(row, spent(id));
  });
}
