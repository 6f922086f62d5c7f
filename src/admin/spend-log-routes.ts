/** `/spend/logs`: the log of requests. Source: LiteLLM's documentation of spend tracking. */
import { z } from '@hono/zod-openapi';
import type { AdminContext } from './context.ts';
import { wantsCsv } from './report-view.ts';
import { type AdminRoute, route } from './route.ts';
import { LIST_FIELDS, PAGE_FIELDS } from './spend-log-query.ts';
import { spendLogEntry, spendLogPage, spendLogs } from './spend-logs.ts';

const section = 'Spend';

export function spendLogRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('GET /spend/logs', {
      summary: 'Rows of the request log, newest first; sums by day when both dates are given.',
      section,
      query: z.strictObject(LIST_FIELDS),
      handle: async ({ query, access, ...input }) =>
        await spendLogs(context, { access, query, wantsCsv: wantsCsv({ query, ...input }) }),
    }),
    ...(['GET /spend/logs/v2', 'GET /spend/logs/ui'] as const).map((name) =>
      route(name, {
        summary: 'The request log by pages, or from a cursor on.',
        section,
        query: z.strictObject(PAGE_FIELDS),
        handle: async ({ query, access, ...input }) =>
          await spendLogPage(context, { access, query, wantsCsv: wantsCsv({ query, ...input }) }),
      }),
    ),
    route('GET /spend/logs/session/ui', {
      summary: 'The requests of one session by pages.',
      section,
      query: z.strictObject({ ...PAGE_FIELDS, session_id: z.string().min(1).max(1_000) }),
      handle: async ({ query, access, ...input }) =>
        await spendLogPage(context, { access, query, wantsCsv: wantsCsv({ query, ...input }) }),
    }),
    route('GET /spend/logs/ui/{request_id}', {
      summary: 'One request, with prompt and answer when they are stored and the caller may read them.',
      section,
      query: z.strictObject({ start_date: LIST_FIELDS.start_date, end_date: LIST_FIELDS.end_date }),
      handle: async ({ query, access, changedBy, params }) =>
        await spendLogEntry(context, { access, query, changedBy, wantsCsv: false }, params['request_id'] ?? ''),
    }),
  ];
}
