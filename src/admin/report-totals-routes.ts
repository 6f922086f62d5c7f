/** `/global/activity*` and `/provider/budgets`. Source: LiteLLM's documentation of its usage pages. */
import { z } from '@hono/zod-openapi';
import { failuresBy } from '../db/failure-counts.ts';
import { spendSince } from '../db/scope-usage.ts';
import type { UsageRow } from '../db/usage-reports.ts';
import type { Cell } from '../lib/csv.ts';
import { usdNumber } from '../lib/usd.ts';
import { parseWindow, windowAt } from '../limits/window.ts';
import type { AdminContext } from './context.ts';
import { FORMAT, modelFilters, openReport, REPORT_FIELDS, type Report, visibleUsage, warningAbout } from './report.ts';
import { addedUp, completionTokens, groupedBy, told } from './report-view.ts';
import { type AdminRoute, route } from './route.ts';
import { linesOf } from './spend-totals.ts';

type View = Record<string, unknown>;

const section = 'Usage';
const MODEL_FIELDS = { ...REPORT_FIELDS, model_group: z.string().max(1_000).optional() } as const;

export function reportTotalsRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('GET /global/activity', {
      summary: 'Requests and tokens of each day.',
      section,
      query: z.strictObject(REPORT_FIELDS),
      handle: async (input) => {
        const report = await openReport({ context, ...input }, {});
        const rows = await report.by(['day']);
        return told(input, 'activity', {
          headers: report.headers,
          json: () => activityOf(rows),
          csv: () => linesOf(rows),
        });
      },
    }),
    route('GET /global/activity/model', {
      summary: 'Requests and tokens of each day and model.',
      section,
      query: z.strictObject(MODEL_FIELDS),
      handle: async (input) => {
        const report = await openReport({ context, ...input }, {}, modelFilters(input.query.model_group));
        const rows = await report.by(['day', 'model_group']);
        const models = groupedBy(rows, ({ by }) => by.model_group ?? '');
        return told(input, 'activity-by-model', {
          headers: report.headers,
          json: () => Array.from(models, ([model, members]) => ({ model, ...activityOf(members) })),
          csv: () => linesOf(rows),
        });
      },
    }),
    route('GET /global/activity/cache_hits', {
      summary: 'Requests by key, model and endpoint. There is no response cache yet: hits are zero.',
      section,
      query: z.strictObject(REPORT_FIELDS),
      handle: async (input) => {
        const report = await openReport({ context, ...input }, {});
        const rows = await report.by(['key', 'model', 'route'], { limit: MOST_ROWS });
        return told(input, 'cache-hits', {
          headers: { ...report.headers, 'x-tollgate-warning': 'there is no response cache yet: nothing is a hit' },
          json: () => rows.map(hitsOf),
          csv: () => linesOf(rows),
        });
      },
    }),
    ...exceptionRoutes(context),
    providerBudgets(context),
  ];
}

const MOST_ROWS = 10_000;

const activityOf = (rows: readonly UsageRow[]): View => {
  const total = addedUp(rows);
  return {
    daily_data: rows.map(({ by, requests, totalTokens }) => ({
      date: by.day,
      api_requests: requests,
      total_tokens: totalTokens,
    })),
    sum_api_requests: total.requests,
    sum_total_tokens: total.totalTokens,
  };
};

const hitsOf = (row: UsageRow): View => ({
  api_key: row.by.key ?? '',
  call_type: row.by.route ?? '',
  model: row.by.model ?? '',
  total_rows: row.requests,
  cache_hit_true_rows: 0,
  cached_completion_tokens: 0,
  generated_completion_tokens: completionTokens(row),
});

/** Requests that were refused or failed because of a rate, by the day. */
function exceptionRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('GET /global/activity/exceptions', {
      summary: 'Requests of each day that ended with 429.',
      section,
      query: z.strictObject(MODEL_FIELDS),
      handle: async (input) => {
        const { headers, range } = await openReport({ context, ...input }, {});
        const days = await limitedBy(context, input, range, 'day');
        const counts = days.get('') ?? [];
        const csv = () => counts.map(exceptionCells);
        return told(input, 'exceptions', {
          headers,
          json: () => exceptionsOf(counts),
          csv,
          columns: EXCEPTION_COLUMNS,
        });
      },
    }),
    route('GET /global/activity/exceptions/deployment', {
      summary: 'Requests of each day that ended with 429, by deployment.',
      section,
      query: z.strictObject(MODEL_FIELDS),
      handle: async (input) => {
        const { headers, range } = await openReport({ context, ...input }, {});
        const deployments = await limitedBy(context, input, range, 'deployment');
        const columns = ['api_base', ...EXCEPTION_COLUMNS];
        return told(input, 'exceptions-by-deployment', {
          headers,
          json: () => Array.from(deployments, ([api_base, days]) => ({ api_base, ...exceptionsOf(days) })),
          csv: () =>
            Array.from(deployments, ([api_base, days]) =>
              days.map((day) => ({ api_base, ...exceptionCells(day) })),
            ).flat(),
          columns,
        });
      },
    }),
  ];
}

type Day = readonly [date: string, count: number];
const TOO_MANY = 429;

async function limitedBy(
  { reader }: AdminContext,
  {
    access,
    query,
  }: Pick<Parameters<AdminRoute['handle']>[0], 'access'> & {
    readonly query: { readonly model_group?: string | undefined };
  },
  range: Report['range'],
  by: 'day' | 'deployment',
): Promise<ReadonlyMap<string, readonly Day[]>> {
  const filters = query.model_group === undefined ? {} : { modelGroups: [query.model_group] };
  const found = await failuresBy(reader, {
    ...range,
    filters,
    anyOf: visibleUsage(access.visibility),
    httpStatus: TOO_MANY,
    byDeployment: by === 'deployment',
  });
  const groups = groupedBy(found, ({ deployment }) => deployment ?? '');
  return new Map(Array.from(groups, ([name, rows]) => [name, rows.map(({ day, count }): Day => [day, count])]));
}

const EXCEPTION_COLUMNS = ['date', 'num_rate_limit_exceptions'] as const;
const exceptionCells = ([date, num_rate_limit_exceptions]: Day) => ({ date, num_rate_limit_exceptions });

const exceptionsOf = (days: readonly Day[]): View => ({
  daily_data: days.map(([date, count]) => ({ date, num_rate_limit_exceptions: count })),
  sum_num_rate_limit_exceptions: days.reduce((sum, [, count]) => sum + count, 0),
});

const BUDGET_COLUMNS = ['budget_limit', 'time_period', 'spend', 'budget_reset_at'] as const;

function providerBudgets(context: AdminContext): AdminRoute {
  return route('GET /provider/budgets', {
    summary: 'Budgets of providers, with what is spent of them.',
    section: 'Budgets',
    query: z.strictObject({ format: FORMAT.optional() }),
    handle: async (input) => {
      const { providerBudgets: budgets, timeZone } = context.settings();
      const headers = await warningAbout(context);
      const providers: Record<string, Record<(typeof BUDGET_COLUMNS)[number], Cell>> = {};
      for (const [name, { maxUsd, duration }] of Object.entries(budgets)) {
        const span = windowAt(parseWindow(duration, timeZone) ?? { kind: 'lifetime' }, context.now());
        const spent = await spendSince(context.db, 'provider', [name], span.startMs);
        providers[name] = {
          budget_limit: maxUsd,
          time_period: duration,
          spend: usdNumber(spent.get(name)?.costNanoUsd ?? 0),
          budget_reset_at: span.endMs === null ? null : new Date(span.endMs).toISOString(),
        };
      }
      return told(input, 'provider-budgets', {
        headers,
        json: () => ({ providers }),
        csv: () => Object.entries(providers).map(([provider, budget]) => ({ provider, ...budget })),
        columns: ['provider', ...BUDGET_COLUMNS],
      });
    },
  });
}
