/** `/spend/logs`: the log of requests. Source: LiteLLM's documentation of spend tracking. */
import { z } from '@hono/zod-openapi';
import type { AdminContext } from './context.ts';
import { type AdminRoute, Answer, route } from './route.ts';
import { type SpendLogAnswer, spendLogPage, spendLogs } from './spend-logs.ts';

const section = 'Spend';

export function spendLogRoutes(context: AdminContext): readonly AdminRoute[] {
  const toAnswer = ({ body, headers }: SpendLogAnswer): Answer => new Answer(body, headers);
  return [
    route('GET /spend/logs', {
      summary: 'Rows of the request log, newest first; sums by day when both dates are given.',
      section,
      query: z.looseObject({}),
      handle: async ({ query, caller }) => toAnswer(await spendLogs(context, query as Record<string, string>, caller)),
    }),
    route('GET /spend/logs/v2', {
      summary: 'The request log by pages.',
      section,
      query: z.looseObject({}),
      handle: async ({ query, caller }) =>
        toAnswer(await spendLogPage(context, query as Record<string, string>, caller)),
    }),
  ];
}
