/**
 * Who works with which tag: `/tag/dau`, `/tag/wau`, `/tag/mau`, `/tag/summary`, `/tag/distinct` and
 * `/tag/user-agent/per-user-analytics`. Source: LiteLLM's documentation of user agent analytics. Its tags are any, and
 * those of clients (`User-Agent: …`) are among them. A person is who stands on the request, so a key that changed hands
 * moves nobody's past.
 */
import { z } from '@hono/zod-openapi';
import type { UsageFilters, UsageRow } from '../db/usage-reports.ts';
import { invalidRequest } from '../errors.ts';
import { DAY_MS } from '../limits/zone-time.ts';
import type { AdminContext } from './context.ts';
import { pageNumber } from './fields.ts';
import { type Asking, openReport, REPORT_FIELDS, type Report, type ReportQuery } from './report.ts';
import { factsOfEntities } from './report-activity.ts';
import { type ReportRange, rangeOf, withinDays } from './report-range.ts';
import { completionTokens, groupedBy, metricsOf, promptTokens, type Sum, spendOf } from './report-view.ts';
import { type AdminRoute, Answer, type Input, route } from './route.ts';

const section = 'Tags';
const MOST_TAGS = 250;
const MOST_PAIRS = 100_000;
const USUAL_PAGE = 50;
const LARGEST_PAGE = 1_000;

const TAG_FIELDS = {
  /** A part of the tag's name. */
  tag_filter: z.string().max(1_000).optional(),
  /** Whole names with commas between them; wins over the part. */
  tag_filters: z.string().max(20_000).optional(),
  timezone: REPORT_FIELDS.timezone,
} as const;

type TagQuery = ReportQuery & { readonly tag_filter?: string | undefined; readonly tag_filters?: string | undefined };
type Asked = Pick<Input, 'access'> & { readonly query: TagQuery };

/** Parts of the last days, the newest of which ends today. */
interface Periods {
  readonly name: 'GET /tag/dau' | 'GET /tag/wau' | 'GET /tag/mau';
  readonly summary: string;
  readonly days: number;
  label(period: Period): object;
}

interface Period {
  /** Days, `YYYY-MM-DD`; both inclusive. */
  readonly first: string;
  readonly last: string;
  /** From 1, the oldest. */
  readonly number: number;
}

const PERIODS_SHOWN = 7;

const PERIODS: readonly Periods[] = [
  {
    name: 'GET /tag/dau',
    summary: 'How many people were active with each tag on each of the last 7 days.',
    days: 1,
    label: ({ first }) => ({ date: first, period_start: null, period_end: null }),
  },
  {
    name: 'GET /tag/wau',
    summary: 'How many people were active with each tag in each of the last 7 weeks, of which the newest ends today.',
    days: 7,
    label: (period) => labelled('Week', period, { month: 'short', day: '2-digit' }),
  },
  {
    name: 'GET /tag/mau',
    summary: 'How many people were active with each tag in each of the last 7 times 30 days.',
    days: 30,
    label: (period) => labelled('Month', period, { month: 'short' }),
  },
];

function labelled(word: string, { first, last, number }: Period, format: Intl.DateTimeFormatOptions): object {
  const begin = new Intl.DateTimeFormat('en-US', { ...format, timeZone: 'UTC' }).format(Date.parse(first));
  return { date: `${word} ${number} (${begin})`, period_start: first, period_end: last };
}

export function tagAnalyticsRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    ...PERIODS.map((periods) =>
      route(periods.name, {
        summary: periods.summary,
        section,
        query: z.strictObject(TAG_FIELDS),
        handle: (input) => activeUsers(context, periods, input),
      }),
    ),
    route('GET /tag/summary', {
      summary: 'What was used with each tag, and by how many people.',
      section,
      query: z.strictObject({ ...TAG_FIELDS, start_date: z.string().max(40), end_date: z.string().max(40) }),
      handle: (input) => summary(context, input),
    }),
    route('GET /tag/distinct', {
      summary: 'The tags of requests, the most used first.',
      section,
      query: z.strictObject({}),
      handle: async ({ access }) => {
        const report = await openReport({ context, access, query: EVER }, { having: ['tags'] });
        const rows = await report.by(['tag'], { orderBy: 'requests', limit: MOST_TAGS });
        return new Answer({ results: rows.map((row) => ({ tag: tagOf(row) })) }, report.headers);
      },
    }),
    route('GET /tag/user-agent/per-user-analytics', {
      summary: 'What each person has used in the last 30 days, in pages.',
      section,
      query: z.strictObject({
        ...TAG_FIELDS,
        page: pageNumber().optional(),
        page_size: pageNumber(LARGEST_PAGE).optional(),
      }),
      handle: (input) => perUser(context, input),
    }),
  ];
}

/** From the first request to the last. */
const EVER = { start_date: '1970-01-01', end_date: '2999-12-31' };

async function activeUsers(context: AdminContext, periods: Periods, { access, query }: Asked): Promise<Answer> {
  const today = todayIn(context, query);
  const asked = periodsOf(today, periods.days);
  const whole = { ...query, start_date: asked[0]?.first, end_date: today };
  const report = await opened({ context, access, query: whole }, query, ['users', 'tags']);
  const results: object[] = [];
  for (const period of asked) {
    const pairs = await pairsOf(report, query, withinDays(report.range, period.first, period.last));
    const counts = Array.from(groupedBy(pairs, tagOf), ([tag, people]) => ({ tag, active_users: people.length }));
    const label = periods.label(period);
    results.push(
      ...counts.toSorted((a, b) => b.active_users - a.active_users).map((count) => ({ ...count, ...label })),
    );
  }
  // Days come newest first, longer times oldest first, as in LiteLLM.
  return new Answer({ results: periods.days === 1 ? newestFirst(results) : results }, report.headers);
}

const newestFirst = (results: readonly object[]): object[] =>
  [...groupedBy(results, (result) => String(Reflect.get(result, 'date'))).values()].reverse().flat();

/** Oldest first. */
function periodsOf(today: string, days: number): Period[] {
  const end = Date.parse(today);
  const dayAt = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  return Array.from({ length: PERIODS_SHOWN }, (_, at) => {
    const last = end - (PERIODS_SHOWN - 1 - at) * days * DAY_MS;
    return { first: dayAt(last - (days - 1) * DAY_MS), last: dayAt(last), number: at + 1 };
  });
}

/** The day that it is now where the days are counted. */
function todayIn(context: AdminContext, { timezone }: TagQuery): string {
  const { timeZone } = rangeOf(context, timezone === undefined ? {} : { timezone });
  // Swedish dates are written year, month, day.
  return new Intl.DateTimeFormat('sv-SE', { timeZone }).format(context.now());
}

async function summary(context: AdminContext, { access, query }: Asked): Promise<Answer> {
  const report = await opened({ context, access, query }, query, ['tags']);
  const rows = (await report.by(['tag'], { orderBy: 'requests' })).filter(isWanted(query));
  const people = groupedBy(await pairsOf(report, query, report.range), tagOf);
  const results = rows.map((row) => ({
    tag: tagOf(row),
    unique_users: people.get(tagOf(row))?.filter(({ by }) => by.user != null).length ?? 0,
    total_requests: row.requests,
    successful_requests: row.successes,
    failed_requests: row.failures,
    total_tokens: tokensOf(row),
    total_spend: spendOf(row),
  }));
  return new Answer({ results }, report.headers);
}

type PerUserInput = Pick<Input, 'access'> & {
  readonly query: TagQuery & { readonly page?: number | undefined; readonly page_size?: number | undefined };
};

/** A request counts once, however many tags it has. */
async function perUser(context: AdminContext, { access, query }: PerUserInput): Promise<Answer> {
  const { page = 1, page_size: size = USUAL_PAGE, ...tags } = query;
  const asking = { context, access, query: tags };
  const report = await opened(asking, tags, ['users', 'tags']);
  const pairs = await pairsOf(report, tags, report.range);
  const names = [...new Set(pairs.map(tagOf))];
  const isNarrow = tags.tag_filter !== undefined && tags.tag_filters === undefined;
  const filters: UsageFilters = isNarrow ? { tags: names } : {};
  const people = isNarrow && names.length === 0 ? [] : await report.by(['user'], { filters });
  const sorted = people.toSorted((a, b) => b.successes - a.successes);
  const shown = sorted.slice((page - 1) * size, page * size);
  const facts = await factsOfEntities(
    asking,
    'user',
    shown.flatMap(({ by }) => by.user ?? []),
  );
  const agents = new Map(pairs.toReversed().map((row) => [row.by.user, tagOf(row)]));
  const results = shown.map((row) => {
    const { spend, successful_requests, failed_requests } = metricsOf(row);
    return {
      user_id: row.by.user ?? '',
      user_email: facts.get(row.by.user ?? '')?.['user_email'] ?? null,
      user_agent: agents.get(row.by.user) ?? null,
      ...{ successful_requests, failed_requests, total_requests: row.requests, total_tokens: tokensOf(row), spend },
    };
  });
  const total_pages = Math.ceil(people.length / size);
  return new Answer({ results, total_count: people.length, page, page_size: size, total_pages }, report.headers);
}

function opened(asking: Asking, { tag_filters }: TagQuery, having: UsageFilters['having']): Promise<Report> {
  const tags = tag_filters?.split(',').map((tag) => tag.trim());
  return openReport(asking, { having, ...(tags && { tags }) });
}

/** Each tag with each person that had a request with it. */
async function pairsOf(report: Report, query: TagQuery, { fromMs, toMs }: ReportRange): Promise<UsageRow[]> {
  const rows = await report.by(['tag', 'user'], { fromMs, toMs, orderBy: 'requests', limit: MOST_PAIRS + 1 });
  if (rows.length > MOST_PAIRS) throw invalidRequest('These are too many tags. Name some of them.', 'tag_filters');
  return rows.filter(isWanted(query));
}

function isWanted({ tag_filter, tag_filters }: TagQuery): (row: UsageRow) => boolean {
  if (tag_filter === undefined || tag_filters !== undefined) return () => true;
  const part = tag_filter.toLowerCase();
  return (row) => tagOf(row).toLowerCase().includes(part);
}

const tagOf = ({ by }: UsageRow): string => by.tag ?? '';
const tokensOf = (sum: Sum): number => promptTokens(sum) + completionTokens(sum);
