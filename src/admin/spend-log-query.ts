/** What the request log can be asked for: LiteLLM's parameters (its documentation of spend logs) → a filter of rows. */
import { z } from '@hono/zod-openapi';
import type { Access } from '../auth/principal.ts';
import type { RowStatus } from '../db/request-row.ts';
import type { LogFilter, LogOrder, LogPageRequest, LogPlace } from '../db/spend-logs.ts';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { pageNumber } from './fields.ts';
import { FORMAT, keyFilter, visibleUsage } from './report.ts';
import { givenRange } from './report-range.ts';

const MOST_ROWS_A_PAGE = 1_000;
const USUAL_PAGE = 50;
const text = z.string().max(1_000).optional();
const dollars = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,12})?$/, 'must be an amount in dollars')
  .transform((amount) => Math.round(Number(amount) * 1e9))
  .optional();

/** LiteLLM's names, and what they are in a row. */
const ORDERS = {
  startTime: 'start',
  endTime: 'end',
  spend: 'cost',
  total_tokens: 'tokens',
  request_duration_ms: 'duration',
  ttft_ms: 'first_token',
} as const satisfies Readonly<Record<string, LogOrder>>;

type OrderName = keyof typeof ORDERS;
// `Object.keys` types any object's keys as text; these are the keys of the table above.
const ORDER_NAMES = Object.keys(ORDERS) as [OrderName, ...OrderName[]];

export const FILTER_FIELDS = {
  api_key: text,
  key_hash: text,
  key_alias: text,
  request_id: text,
  user_id: text,
  team_id: text,
  organization_id: text,
  end_user: text,
  model: text,
  /** Of a deployment. */
  model_id: text,
  session_id: text,
  /** Names with commas between them: requests with at least one. */
  request_tags: text,
  status_filter: z.enum(['success', 'failure']).optional(),
  error_code: text,
  error_message: text,
  min_spend: dollars,
  max_spend: dollars,
  start_date: text,
  end_date: text,
  /** IANA name, or minutes behind UTC. */
  timezone: text,
} as const;

export const LIST_FIELDS = {
  ...FILTER_FIELDS,
  summarize: z.enum(['true', 'false']).optional(),
  format: FORMAT.optional(),
} as const;

export const PAGE_FIELDS = {
  ...FILTER_FIELDS,
  page: pageNumber().optional(),
  page_size: pageNumber(MOST_ROWS_A_PAGE).optional(),
  /** `x-tollgate-next-cursor` of the page before, in place of a page. */
  cursor: text,
  sort_by: z.enum(ORDER_NAMES).optional(),
  sort_order: z.enum(['asc', 'desc']).optional(),
  format: FORMAT.optional(),
} as const;

export type FilterQuery = z.output<z.ZodObject<typeof FILTER_FIELDS>>;
export type PageQuery = z.output<z.ZodObject<typeof PAGE_FIELDS>>;

/** What LiteLLM calls a failure is told apart in our own `tollgate.status`. */
const FAILURES: readonly RowStatus[] = ['failure', 'aborted', 'truncated', 'crashed'];

/** @throws GatewayError 400 for a parameter that cannot be read, 404 for a key that is not the caller's */
export async function logFilter(context: AdminContext, query: FilterQuery, access: Access): Promise<LogFilter> {
  const { fromMs, toMs } = givenRange(context, given(query));
  const [key] = (await keyFilter(context, access, query.api_key)) ?? [];
  const [hash] = (await keyFilter(context, access, query.key_hash, 'key_hash')) ?? [];
  const isContradictory = key !== undefined && hash !== undefined && key !== hash;
  return {
    anyOf: isContradictory ? [] : visibleUsage(access.visibility),
    requestId: query.request_id,
    keyHash: key ?? hash,
    keyAlias: query.key_alias,
    userId: query.user_id,
    teamId: query.team_id,
    organizationId: query.organization_id,
    endUser: query.end_user,
    deploymentId: query.model_id,
    model: query.model,
    sessionId: query.session_id,
    tags: query.request_tags?.split(',').map((tag) => tag.trim()),
    statuses: query.status_filter && (query.status_filter === 'success' ? ['success'] : FAILURES),
    minCostNanoUsd: query.min_spend,
    maxCostNanoUsd: query.max_spend,
    errorCode: query.error_code,
    errorMessage: query.error_message,
    fromMs,
    toMs,
  };
}

/** The dates and the zone, of those that were sent. */
function given({ start_date, end_date, timezone }: FilterQuery): Record<string, string> {
  return {
    ...(start_date !== undefined && { start_date }),
    ...(end_date !== undefined && { end_date }),
    ...(timezone !== undefined && { timezone }),
  };
}

/** @throws GatewayError 400 for a cursor that no page gave, or in another order */
export function pageRequest(query: PageQuery): LogPageRequest & { readonly number: number } {
  const { page = 1, page_size: limit = USUAL_PAGE, sort_by, sort_order } = query;
  const isUsual = (sort_by === undefined || sort_by === 'startTime') && sort_order !== 'asc';
  const order = isUsual ? undefined : { by: ORDERS[sort_by ?? 'startTime'], isAscending: sort_order === 'asc' };
  const after = query.cursor === undefined ? undefined : placeOf(query.cursor);
  if (after !== undefined && !isUsual) {
    throw invalidRequest("A 'cursor' goes on in the usual order only; use 'page'.", 'cursor');
  }
  return { number: page, limit, offset: after === undefined ? (page - 1) * limit : 0, after, order };
}

const CURSOR = /^(?<start>\d{1,15})\.(?<id>[\da-f-]{1,64})$/;

export const cursorOf = ({ startedAtMs, id }: LogPlace): string => `${startedAtMs}.${id}`;

function placeOf(cursor: string): LogPlace {
  const { start, id } = CURSOR.exec(cursor)?.groups ?? {};
  if (start !== undefined && id !== undefined) return { startedAtMs: Number(start), id };
  throw invalidRequest("'cursor' must be what 'x-tollgate-next-cursor' of a page before said.", 'cursor');
}
