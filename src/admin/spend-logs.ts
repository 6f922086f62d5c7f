/** `GET /spend/logs`: the request log. Source: LiteLLM's documentation of spend tracking. */

import type { Caller } from '../auth/authenticate.ts';
import { digest } from '../auth/digest.ts';
import type { LedgerRow, RowStatus } from '../db/request-row.ts';
import { findLogs, type LogFilter } from '../db/spend-logs.ts';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { pageOf } from './keys.ts';

type Query = Readonly<Record<string, string>>;

const MOST_ROWS = 10_000;
const DAY_MS = 86_400_000;
const FAILED: readonly RowStatus[] = ['failure', 'aborted', 'truncated', 'crashed'];

/** Rows, or per-day sums when both dates are given (unless `summarize=false`). */
export async function spendLogs(context: AdminContext, query: Query, caller: Caller): Promise<unknown> {
  await context.ledger.flush();
  const { rows } = await findLogs(context.db, filterOf(query, caller), { limit: MOST_ROWS, offset: 0 });
  const dated = query['start_date'] !== undefined && query['end_date'] !== undefined;
  const filtered =
    query['api_key'] !== undefined || query['user_id'] !== undefined || query['request_id'] !== undefined;
  return dated && !filtered && query['summarize'] !== 'false' ? perDay(rows) : rows.map(logView);
}

export async function spendLogPage(
  context: AdminContext,
  query: Query,
  caller: Caller,
): Promise<Record<string, unknown>> {
  await context.ledger.flush();
  const page = pageOf(query['page'], 1, 1_000_000, 'page');
  const size = pageOf(query['page_size'], 50, 100, 'page_size');
  const { rows, total } = await findLogs(context.db, filterOf(query, caller), {
    limit: size,
    offset: (page - 1) * size,
  });
  return { data: rows.map(logView), total, page, page_size: size, total_pages: Math.ceil(total / size) };
}

function filterOf(query: Query, caller: Caller): LogFilter {
  const key = query['api_key'];
  const asked = key === undefined ? undefined : key.startsWith('sk-') ? digest(key) : key;
  return {
    requestId: query['request_id'],
    // A key sees its own rows and no others.
    keyHash: caller.kind === 'master' ? asked : caller.keyHash,
    userId: query['user_id'],
    teamId: query['team_id'],
    endUser: query['end_user'],
    model: query['model'],
    statuses: statusesOf(query['status_filter']),
    fromMs: dateOf(query['start_date'], 'start_date'),
    toMs: endOf(query['end_date']),
  };
}

function statusesOf(text: string | undefined): readonly RowStatus[] | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === 'success') return ['success'];
  if (text === 'failure') return FAILED;
  throw invalidRequest("'status_filter' must be success or failure.", 'status_filter');
}

function dateOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === '') return undefined;
  const ms = Date.parse(
    /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text.replace(' ', 'T').replace(/(?<=:\d{2})$/, 'Z'),
  );
  if (Number.isNaN(ms)) throw invalidRequest(`'${name}' must be a date such as 2026-01-31, in UTC.`, name);
  return ms;
}

/** A plain date means to the end of that day. */
function endOf(text: string | undefined): number | undefined {
  const ms = dateOf(text, 'end_date');
  return ms === undefined || text === undefined ? undefined : ms + (text.length === 10 ? DAY_MS : 1);
}

function perDay(rows: readonly LedgerRow[]): unknown[] {
  const days = new Map<
    string,
    { startTime: string; spend: number; users: Record<string, number>; models: Record<string, number> }
  >();
  for (const row of rows) {
    const date = new Date(row.startedAtMs).toISOString().slice(0, 10);
    const day = days.get(date) ?? { startTime: date, spend: 0, users: {}, models: {} };
    const spend = row.costNanoUsd ?? 0;
    day.spend += spend;
    add(day.users, row.userId, spend);
    add(day.models, row.model ?? row.modelGroup, spend);
    days.set(date, day);
  }
  const dollars = (sums: Record<string, number>): Record<string, number> =>
    Object.fromEntries(Object.entries(sums).map(([name, nano]) => [name, nano / 1e9]));
  return [...days.values()]
    .sort((a, b) => (a.startTime < b.startTime ? -1 : 1))
    .map((day) => ({ ...day, spend: day.spend / 1e9, users: dollars(day.users), models: dollars(day.models) }));
}

function add(sums: Record<string, number>, name: string | null, nanoUsd: number): void {
  if (name !== null && name !== '') sums[name] = (sums[name] ?? 0) + nanoUsd;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** LiteLLM's SpendLogs row; what it has no field for stands under `tollgate`. */
export function logView(row: LedgerRow): Record<string, unknown> {
  return {
    request_id: row.responseId ?? row.callId,
    litellm_call_id: row.callId,
    call_type: 'acompletion',
    api_key: row.keyHash ?? '',
    spend: row.costNanoUsd === null ? null : row.costNanoUsd / 1e9,
    ...tokensOf(row),
    startTime: iso(row.startedAtMs),
    endTime: iso(row.endedAtMs),
    completionStartTime: row.firstTokenAtMs === null ? null : iso(row.firstTokenAtMs),
    request_duration_ms: Math.round(row.endedAtMs - row.startedAtMs),
    ...targetOf(row),
    user: row.userId ?? '',
    team_id: row.teamId,
    organization_id: row.organizationId,
    end_user: row.endUser ?? '',
    session_id: row.sessionId,
    requester_ip_address: row.clientIp,
    cache_hit: 'False',
    cache_key: 'Cache OFF',
    request_tags: row.tags,
    status: row.status === 'success' ? 'success' : 'failure',
    messages: messagesOf(row),
    response: parsed(row.responseBody) ?? {},
    proxy_server_request: parsed(row.requestBody) ?? {},
    metadata: metadataOf(row),
    tollgate: tollgateOf(row),
  };
}

/** Disjoint buckets add up to what OpenAI calls prompt and completion. */
function tokensOf({ buckets }: LedgerRow): Record<string, number> {
  const prompt = buckets ? buckets.input + buckets.cacheRead + buckets.cacheWrite + buckets.inputAudio : 0;
  const completion = buckets ? buckets.output + buckets.reasoning + buckets.outputAudio : 0;
  return { total_tokens: prompt + completion, prompt_tokens: prompt, completion_tokens: completion };
}

const targetOf = (row: LedgerRow): Record<string, string> => ({
  model: row.model ?? row.requestedModel,
  model_id: row.deploymentId ?? '',
  model_group: row.modelGroup,
  custom_llm_provider: row.provider ?? '',
  api_base: row.apiBase ?? '',
});

function metadataOf(row: LedgerRow): Record<string, unknown> {
  return {
    ...row.metadata,
    user_api_key: row.keyHash,
    user_api_key_alias: row.keyAlias,
    user_api_key_team_id: row.teamId,
    user_api_key_user_id: row.userId,
    user_api_key_org_id: row.organizationId,
    user_agent: row.userAgent,
    status: row.status === 'success' ? 'success' : 'failure',
    ...(row.error && {
      error_information: {
        error_code: String(row.httpStatus),
        error_class: row.error.kind,
        error_message: row.error.message,
      },
    }),
  };
}

/** Milliseconds for times, dollars for costs, tokens in disjoint buckets. */
function tollgateOf(row: LedgerRow): Record<string, unknown> {
  const parts = row.costParts;
  return {
    id: row.id,
    status: row.status,
    http_status: row.httpStatus,
    stream: row.stream,
    route: row.route,
    requested_model: row.requestedModel,
    tokens: row.buckets,
    cost_parts: parts && Object.fromEntries(Object.entries(parts).map(([name, nano]) => [name, nano / 1e9])),
    price_version: row.priceVersion,
    latency_ms: {
      total: row.endedAtMs - row.startedAtMs,
      first_token: row.firstTokenAtMs === null ? null : row.firstTokenAtMs - row.startedAtMs,
      upstream: row.upstreamMs,
      overhead: row.overheadMs,
    },
    attempts: row.attempts,
    changes: row.changes,
    error: row.error,
  };
}

function messagesOf(row: LedgerRow): unknown {
  const request = parsed(row.requestBody);
  return typeof request === 'object' && request !== null ? (Reflect.get(request, 'messages') ?? {}) : {};
}

/** A stored stream is one JSON text a line. */
function parsed(body: string | undefined): unknown {
  if (body === undefined) return undefined;
  const lines = body.split('\n');
  return lines.length === 1 ? JSON.parse(body) : lines.map((line) => JSON.parse(line));
}
