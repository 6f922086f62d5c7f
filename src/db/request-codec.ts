/** LedgerRow ⇄ what the tables hold. Both directions stand here so that they cannot drift apart. */
import type { PriceFactors, TokenBuckets } from '../wire/usage.ts';
import type { AttemptRow, LedgerRow, RowStatus } from './request-row.ts';
import type { RequestDetailsTable, RequestPayloadsTable, RequestsTable } from './request-tables.ts';
import type { RoutingRecord } from './routing-record.ts';

/** The stored number is the position: append only. */
export const ROW_STATUSES = ['success', 'failure', 'aborted', 'truncated', 'crashed'] as const satisfies RowStatus[];
export const USAGE_SOURCES = ['provider', 'estimated', 'suspect'] as const satisfies TokenBuckets['source'][];

/** Longer tag lists are told in full in the details: as dictionary entries they would rarely repeat. */
const MAX_SHARED_TAGS_LENGTH = 300;

/** A name's number in the dictionary; `null` stays `null`. */
export type RefOf = (name: string | null) => number | null;
export type NameOf = (ref: number) => string | undefined;

/** Whole numbers only, whatever came in: one bad number must not stop the rows behind it. */
function whole(value: number): number {
  return Number.isFinite(value) ? Math.round(value) : 0;
}

function wholeOrNull(value: number | null | undefined): number | null {
  return value === null || value === undefined || !Number.isFinite(value) ? null : Math.round(value);
}

const micros = (ms: number): number => whole(ms * 1_000);

export function toRequest(row: LedgerRow, refOf: RefOf): RequestsTable {
  return {
    id: row.id,
    call_id: row.callId === row.id ? null : row.callId,
    response_id: row.responseId,
    // Never later than it was: a window that begins at this millisecond has not seen it.
    started_at_ms: whole(Math.floor(row.startedAtMs)),
    duration_us: micros(row.endedAtMs - row.startedAtMs),
    first_token_us: row.firstTokenAtMs === null ? null : micros(row.firstTokenAtMs - row.startedAtMs),
    upstream_us: micros(row.upstreamMs),
    overhead_us: micros(row.overheadMs),
    status: Math.max(0, ROW_STATUSES.indexOf(row.status)),
    http_status: whole(row.httpStatus),
    stream: row.stream ? 1 : 0,
    attempt_count: row.attempts.length,
    route_ref: refOf(row.route),
    key_ref: refOf(row.keyHash),
    key_alias_ref: refOf(row.keyAlias),
    team_ref: refOf(row.teamId),
    user_ref: refOf(row.userId),
    organization_ref: refOf(row.organizationId),
    project_ref: refOf(row.projectId),
    end_user_ref: refOf(row.endUser),
    requested_model_ref: refOf(row.requestedModel),
    model_group_ref: refOf(row.modelGroup),
    deployment_ref: refOf(row.deploymentId),
    model_ref: refOf(row.model),
    provider_ref: refOf(row.provider),
    api_base_ref: refOf(row.apiBase),
    price_version_ref: refOf(row.priceVersion),
    error_kind_ref: refOf(row.error?.kind ?? null),
    user_agent_ref: refOf(row.userAgent),
    client_ip_ref: refOf(row.clientIp),
    tags_ref: refOf(tagListName(row.tags)),
    ...tokenColumns(row.buckets),
    cost_nano_usd: wholeOrNull(row.costNanoUsd),
    cost_input_nano_usd: wholeOrNull(row.costParts?.input),
    cost_output_nano_usd: wholeOrNull(row.costParts?.output),
    cost_cache_read_nano_usd: wholeOrNull(row.costParts?.cacheRead),
    cost_cache_write_nano_usd: wholeOrNull(row.costParts?.cacheWrite),
    cost_reasoning_nano_usd: wholeOrNull(row.costParts?.reasoning),
  };
}

function tokenColumns(buckets: TokenBuckets | null) {
  return {
    input_tokens: wholeOrNull(buckets?.input),
    cache_read_tokens: wholeOrNull(buckets?.cacheRead),
    cache_write_tokens: wholeOrNull(buckets?.cacheWrite),
    cache_write_1h_tokens: wholeOrNull(buckets?.cacheWrite1h),
    input_audio_tokens: wholeOrNull(buckets?.inputAudio),
    output_tokens: wholeOrNull(buckets?.output),
    reasoning_tokens: wholeOrNull(buckets?.reasoning),
    output_audio_tokens: wholeOrNull(buckets?.outputAudio),
    usage_source: buckets === null ? null : USAGE_SOURCES.indexOf(buckets.source),
  };
}

/** What a tag list is called in the dictionary: its JSON text, or for a long one a digest of that. */
export function tagListName(tags: readonly string[]): string | null {
  if (tags.length === 0) return null;
  const text = JSON.stringify(tags);
  return isShared(text) ? text : `#${new Bun.CryptoHasher('sha256').update(text).digest('hex')}`;
}

const isShared = (text: string): boolean => text.length <= MAX_SHARED_TAGS_LENGTH;

/** A list that the dictionary does not tell. */
function longTags(tags: readonly string[]): string | null {
  const text = JSON.stringify(tags);
  return isShared(text) ? null : text;
}

/** `undefined` when there is nothing to tell, as for most rows. */
export function toDetails(row: LedgerRow): RequestDetailsTable | undefined {
  const details: RequestDetailsTable = {
    request_id: row.id,
    session_id: row.sessionId,
    tags: longTags(row.tags),
    metadata: Object.keys(row.metadata).length > 0 ? JSON.stringify(row.metadata) : null,
    attempts: row.attempts.length === 0 || isPlain(row) ? null : JSON.stringify(row.attempts),
    changes: row.changes.length > 0 ? JSON.stringify(row.changes) : null,
    error_type: row.error?.type ?? null,
    error_message: row.error?.message ?? null,
    error_code: row.error?.code ?? null,
    price_factors: row.priceFactors === undefined ? null : JSON.stringify(row.priceFactors),
    routing: row.routing === undefined ? null : JSON.stringify(row.routing),
  };
  const isEmpty = Object.entries(details).every(([column, value]) => column === 'request_id' || value === null);
  return isEmpty ? undefined : details;
}

/** One attempt that answered and says nothing that the row does not. */
function isPlain({ attempts, deploymentId, model, provider, costNanoUsd }: LedgerRow): boolean {
  const [only] = attempts;
  return (
    attempts.length === 1 &&
    only?.error === null &&
    only.deploymentId === deploymentId &&
    only.model === model &&
    only.provider === provider &&
    only.costNanoUsd === costNanoUsd
  );
}

export function toPayload(row: LedgerRow): RequestPayloadsTable | undefined {
  if (row.requestBody === undefined && row.responseBody === undefined) return undefined;
  return { request_id: row.id, request_body: row.requestBody ?? null, response_body: row.responseBody ?? null };
}

export interface StoredRequest {
  readonly request: RequestsTable;
  readonly details: RequestDetailsTable | undefined;
  readonly payload: RequestPayloadsTable | undefined;
}

/** The row as it was recorded, times rounded to milliseconds at the start and microseconds within. */
export function fromStored({ request, details, payload }: StoredRequest, nameOf: NameOf): LedgerRow {
  const name = (ref: number | null): string | null => (ref === null ? null : (nameOf(ref) ?? null));
  const startedAtMs = request.started_at_ms;
  const row: LedgerRow = {
    id: request.id,
    callId: request.call_id ?? request.id,
    responseId: request.response_id,
    route: name(request.route_ref) ?? '',
    status: ROW_STATUSES[request.status] ?? 'failure',
    httpStatus: request.http_status,
    stream: request.stream === 1,
    startedAtMs,
    endedAtMs: startedAtMs + request.duration_us / 1_000,
    firstTokenAtMs: request.first_token_us === null ? null : startedAtMs + request.first_token_us / 1_000,
    upstreamMs: request.upstream_us / 1_000,
    overheadMs: request.overhead_us / 1_000,
    keyHash: name(request.key_ref),
    keyAlias: name(request.key_alias_ref),
    teamId: name(request.team_ref),
    userId: name(request.user_ref),
    organizationId: name(request.organization_ref),
    projectId: name(request.project_ref),
    endUser: name(request.end_user_ref),
    sessionId: details?.session_id ?? null,
    clientIp: name(request.client_ip_ref),
    userAgent: name(request.user_agent_ref),
    tags: textsIn(parsed<unknown[]>(details?.tags ?? name(request.tags_ref), 'list') ?? []),
    metadata: parsed<Record<string, unknown>>(details?.metadata, 'object') ?? {},
    requestedModel: name(request.requested_model_ref) ?? '',
    modelGroup: name(request.model_group_ref) ?? '',
    deploymentId: name(request.deployment_ref),
    model: name(request.model_ref),
    provider: name(request.provider_ref),
    apiBase: name(request.api_base_ref),
    buckets: toBuckets(request),
    costNanoUsd: request.cost_nano_usd,
    costParts: toCostParts(request),
    priceVersion: name(request.price_version_ref),
    attempts: [],
    changes: parsed<LedgerRow['changes']>(details?.changes, 'list') ?? [],
    error: toError(name(request.error_kind_ref), details),
    ...toFactors(details),
    ...toRouting(details),
    ...toBodies(payload),
  };
  return { ...row, attempts: toAttempts(row, request.attempt_count, details) };
}

/**
 * Only for columns that this file has written as JSON. One that a foreign hand or a damaged disk has left unreadable counts as
 * absent: it must not take the other rows of a page with it.
 */
function parsed<Value>(text: string | null | undefined, kind: 'list' | 'object'): Value | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value) !== (kind === 'list')) return undefined;
    // The one cast of this file: what comes out is what `toDetails` or `toRequest` put in.
    return value as Value;
  } catch {
    return undefined;
  }
}

/** What else somebody may have put among the tags is left out. */
const textsIn = (values: readonly unknown[]): string[] => values.filter((value) => typeof value === 'string');

/** What besides tokens decided a price. */
export const factorsIn = (text: string | null | undefined): PriceFactors | undefined =>
  parsed<PriceFactors>(text, 'object');

function toFactors(details: RequestDetailsTable | undefined): Pick<LedgerRow, 'priceFactors'> {
  const priceFactors = factorsIn(details?.price_factors);
  return priceFactors === undefined ? {} : { priceFactors };
}

function toRouting(details: RequestDetailsTable | undefined): Pick<LedgerRow, 'routing'> {
  const routing = parsed<RoutingRecord>(details?.routing, 'object');
  return routing === undefined ? {} : { routing };
}

function toBodies(payload: RequestPayloadsTable | undefined): Pick<LedgerRow, 'requestBody' | 'responseBody'> {
  const requestBody = payload?.request_body ?? undefined;
  const responseBody = payload?.response_body ?? undefined;
  return { ...(requestBody !== undefined && { requestBody }), ...(responseBody !== undefined && { responseBody }) };
}

function toBuckets(request: RequestsTable): TokenBuckets | null {
  const source = request.usage_source === null ? undefined : USAGE_SOURCES[request.usage_source];
  if (source === undefined) return null;
  return {
    input: request.input_tokens ?? 0,
    cacheRead: request.cache_read_tokens ?? 0,
    cacheWrite: request.cache_write_tokens ?? 0,
    ...(request.cache_write_1h_tokens !== null && { cacheWrite1h: request.cache_write_1h_tokens }),
    inputAudio: request.input_audio_tokens ?? 0,
    output: request.output_tokens ?? 0,
    reasoning: request.reasoning_tokens ?? 0,
    outputAudio: request.output_audio_tokens ?? 0,
    source,
  };
}

function toCostParts(request: RequestsTable): LedgerRow['costParts'] {
  if (request.cost_input_nano_usd === null) return null;
  return {
    input: request.cost_input_nano_usd,
    output: request.cost_output_nano_usd ?? 0,
    cacheRead: request.cost_cache_read_nano_usd ?? 0,
    cacheWrite: request.cost_cache_write_nano_usd ?? 0,
    reasoning: request.cost_reasoning_nano_usd ?? 0,
  };
}

function toError(kind: string | null, details: RequestDetailsTable | undefined): LedgerRow['error'] {
  if (kind === null) return null;
  return {
    kind,
    type: details?.error_type ?? '',
    message: details?.error_message ?? '',
    code: details?.error_code ?? null,
  };
}

/** Attempts that were recorded before they had a cost: the last one answered, and the request's cost was its. */
export function withCosts(attempts: readonly AttemptRow[], costNanoUsd: number | null): readonly AttemptRow[] {
  if (attempts.every((attempt) => attempt.costNanoUsd !== undefined)) return attempts;
  return attempts.map((attempt, at) => ({ ...attempt, costNanoUsd: at === attempts.length - 1 ? costNanoUsd : 0 }));
}

function toAttempts(row: LedgerRow, count: number, details: RequestDetailsTable | undefined): readonly AttemptRow[] {
  const stored = parsed<AttemptRow[]>(details?.attempts, 'list');
  if (stored !== undefined) return withCosts(stored, row.costNanoUsd);
  if (count === 0 || row.deploymentId === null || row.model === null || row.provider === null) return [];
  const { deploymentId, model, provider, endedAtMs, upstreamMs } = row;
  return [
    {
      deploymentId,
      model,
      provider,
      startedAtMs: endedAtMs - upstreamMs,
      durationMs: upstreamMs,
      error: null,
      upstreamStatus: row.httpStatus,
      costNanoUsd: row.costNanoUsd,
    },
  ];
}
