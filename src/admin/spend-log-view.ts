/** A row of the request log → LiteLLM's SpendLogs row. What it has no field for stands under `tollgate`. */
import type { LedgerRow } from '../db/request-row.ts';
import type { Cell } from '../lib/csv.ts';
import { usdNumber, usdText } from '../lib/usd.ts';
import type { TokenBuckets } from '../wire/usage.ts';

type View = Record<string, unknown>;

const iso = (ms: number): string => new Date(ms).toISOString();
/** Differences of epoch times carry noise behind the microseconds. */
const toMicros = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** @param showsBodies prompts and answers may be read */
export function logView(row: LedgerRow, showsBodies: boolean): View {
  return {
    ...identity(row),
    ...measures(row),
    ...bodies(row, showsBodies),
    metadata: metadata(row),
    tollgate: additions(row),
  };
}

function identity(row: LedgerRow): View {
  return {
    request_id: row.responseId ?? row.callId,
    litellm_call_id: row.callId,
    session_id: row.sessionId,
    call_type: 'acompletion',
    api_key: row.keyHash ?? '',
    user: row.userId ?? '',
    team_id: row.teamId,
    organization_id: row.organizationId,
    end_user: row.endUser ?? '',
    model: row.model ?? row.requestedModel,
    model_id: row.deploymentId ?? '',
    model_group: row.modelGroup,
    custom_llm_provider: row.provider ?? '',
    api_base: row.apiBase ?? '',
    requester_ip_address: row.clientIp,
    request_tags: row.tags,
    cache_hit: 'False',
    cache_key: 'Cache OFF',
    agent_id: null,
    billing_agent_id: null,
    mcp_namespaced_tool_name: null,
    status: statusOf(row),
  };
}

/** `spend` is `null` when the price is unknown. */
function measures(row: LedgerRow): View {
  const usage = usageOf(row.buckets);
  return {
    spend: usdNumber(row.costNanoUsd),
    total_tokens: usage.total_tokens,
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    startTime: iso(row.startedAtMs),
    endTime: iso(row.endedAtMs),
    completionStartTime: row.firstTokenAtMs === null ? null : iso(row.firstTokenAtMs),
    request_duration_ms: Math.round(row.endedAtMs - row.startedAtMs),
    created_at: iso(row.endedAtMs),
    updated_at: iso(row.endedAtMs),
  };
}

function bodies(row: LedgerRow, showsBodies: boolean): View {
  if (!showsBodies) return { messages: {}, response: {}, proxy_server_request: {} };
  const request = stored(row.requestBody);
  return {
    messages: 'messages' in request ? request.messages : {},
    response: stored(row.responseBody),
    proxy_server_request: request,
  };
}

/** A stored stream is one JSON text a line. */
function stored(body: string | undefined): object {
  if (body === undefined) return {};
  const lines = body.split('\n').filter((line) => line !== '');
  const values = lines.map(parsedOrText);
  const [only] = values;
  return values.length === 1 && typeof only === 'object' && only !== null ? only : values;
}

/** What an upstream sent need not be JSON; one odd row must not hide all others. */
function parsedOrText(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

const statusOf = (row: LedgerRow): string => (row.status === 'success' ? 'success' : 'failure');

interface UsageView {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly reasoning_tokens: number;
}

const NO_TOKENS: TokenBuckets = {
  input: 0,
  cacheRead: 0,
  cacheWrite: 0,
  inputAudio: 0,
  output: 0,
  reasoning: 0,
  outputAudio: 0,
  source: 'provider',
};

/** Disjoint buckets → OpenAI's totals, in which the cached and the reasoning tokens are contained. */
function usageOf(buckets: TokenBuckets | null): UsageView {
  const { input, cacheRead, cacheWrite, inputAudio, output, reasoning, outputAudio } = buckets ?? NO_TOKENS;
  const prompt = input + cacheRead + cacheWrite + inputAudio;
  const completion = output + reasoning + outputAudio;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    cache_read_input_tokens: cacheRead,
    cache_creation_input_tokens: cacheWrite,
    reasoning_tokens: reasoning,
  };
}

/** What the client sent, then what the gateway knows: its own names cannot be taken by a client. */
function metadata(row: LedgerRow): View {
  return {
    ...row.metadata,
    user_api_key: row.keyHash,
    user_api_key_alias: row.keyAlias,
    user_api_key_team_id: row.teamId,
    user_api_key_user_id: row.userId,
    user_api_key_org_id: row.organizationId,
    user_agent: row.userAgent,
    status: statusOf(row),
    usage_object: row.buckets && usageOf(row.buckets),
    cost_breakdown: costBreakdown(row),
    attempted_retries: Math.max(0, row.attempts.filter(({ error }) => error !== 'outrun').length - 1),
    litellm_overhead_time_ms: row.overheadMs,
    ...(row.error && {
      error_information: {
        error_code: String(row.httpStatus),
        error_class: row.error.kind,
        error_message: row.error.message,
      },
    }),
  };
}

function costBreakdown({ costParts, costNanoUsd }: LedgerRow): View | null {
  if (costParts === null) return null;
  return {
    input_cost: usdNumber(costParts.input),
    output_cost: usdNumber(costParts.output),
    cache_read_cost: usdNumber(costParts.cacheRead),
    cache_creation_cost: usdNumber(costParts.cacheWrite),
    reasoning_cost: usdNumber(costParts.reasoning),
    total_cost: usdNumber(costNanoUsd),
  };
}

/** Times in milliseconds, costs in dollars, tokens in disjoint buckets. */
function additions(row: LedgerRow): View {
  const parts = row.costParts;
  return {
    id: row.id,
    status: row.status,
    http_status: row.httpStatus,
    stream: row.stream,
    route: row.route,
    requested_model: row.requestedModel,
    tokens: row.buckets,
    cost_parts: parts && Object.fromEntries(Object.entries(parts).map(([part, nano]) => [part, usdNumber(nano)])),
    price_version: row.priceVersion,
    latency_ms: {
      total: toMicros(row.endedAtMs - row.startedAtMs),
      first_token: row.firstTokenAtMs === null ? null : toMicros(row.firstTokenAtMs - row.startedAtMs),
      upstream: row.upstreamMs,
      overhead: row.overheadMs,
    },
    attempts: row.attempts,
    changes: row.changes,
    error: row.error,
  };
}

/** A line of a table, without prompts. Money is a plain decimal; unknown is empty, not 0. */
export function logCells(row: LedgerRow): Record<string, Cell> {
  const usage = usageOf(row.buckets);
  return {
    request_id: row.responseId ?? row.callId,
    tollgate_id: row.id,
    startTime: iso(row.startedAtMs),
    endTime: iso(row.endedAtMs),
    status: row.status,
    http_status: row.httpStatus,
    route: row.route,
    api_key: row.keyHash,
    key_alias: row.keyAlias,
    user: row.userId,
    team_id: row.teamId,
    organization_id: row.organizationId,
    end_user: row.endUser,
    session_id: row.sessionId,
    request_tags: row.tags.join(';'),
    requested_model: row.requestedModel,
    model_group: row.modelGroup,
    model: row.model,
    model_id: row.deploymentId,
    custom_llm_provider: row.provider,
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    total_tokens: usage.total_tokens,
    cache_read_input_tokens: usage.cache_read_input_tokens,
    cache_creation_input_tokens: usage.cache_creation_input_tokens,
    spend: usdText(row.costNanoUsd) ?? null,
    error_code: row.error === null ? null : (row.error.code ?? row.httpStatus),
    error_class: row.error?.kind,
    error_message: row.error?.message,
  };
}

export const LOG_COLUMNS: readonly string[] = [
  ...['request_id', 'tollgate_id', 'startTime', 'endTime', 'status', 'http_status', 'route', 'api_key', 'key_alias'],
  ...['user', 'team_id', 'organization_id', 'end_user', 'session_id', 'request_tags', 'requested_model', 'model_group'],
  ...['model', 'model_id', 'custom_llm_provider', 'prompt_tokens', 'completion_tokens', 'total_tokens'],
  ...['cache_read_input_tokens', 'cache_creation_input_tokens', 'spend', 'error_code', 'error_class', 'error_message'],
];
