/** Every request, refused ones too, becomes exactly one row of the ledger. */
import type { AttemptRow, LedgerRow, RowStatus } from '../db/request-row.ts';
import { ERROR_KINDS, type KeyIdentity } from '../errors.ts';
import { attemptedMs } from '../gateway/attempted.ts';
import type { Call, Outcome } from '../gateway/call.ts';
import { decisionsOf } from '../gateway/decisions.ts';
import { tagsOf } from '../gateway/owners.ts';
import { traceOf } from '../gateway/upstream-trace.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Cost } from '../wire/usage.ts';

export interface RequestLogSettings {
  readonly storePrompts: boolean;
  /** Longest string stored of a prompt or an answer. */
  readonly maxStoredChars: number;
  readonly userAgentTags: boolean;
  readonly endUserTracking: boolean;
  /** False: requests count in all totals, which budgets rest on, and no row of them is kept (`disable_spend_logs`). */
  readonly keepsRows: boolean;
}

export interface RequestLog {
  intend(call: Call): void;
  record(call: Call, outcome: Outcome): void;
  /** What would be recorded. */
  rowOf(call: Call, outcome: Outcome): LedgerRow;
}

export function createRequestLog(ledger: Ledger, settings: () => RequestLogSettings): RequestLog {
  return {
    intend(call) {
      const { caller } = call;
      ledger.intend({
        id: call.id,
        callId: call.callId,
        route: call.route,
        startedAtMs: startOf(call),
        keyHash: caller?.keyHash ?? null,
        keyAlias: caller?.keyAlias ?? null,
        teamId: caller?.teamId ?? null,
        userId: caller?.userId ?? null,
        requestedModel: call.requestedModel,
        modelGroup: call.modelGroup,
        stream: call.request.stream === true,
        ...(!settings().keepsRows && { totalsOnly: true }),
      });
    },
    record(call, outcome) {
      const current = settings();
      const row = rowOf(call, outcome, current);
      ledger.record(current.keepsRows ? row : totalsOf(row));
    },
    rowOf: (call, outcome) => rowOf(call, outcome, settings()),
  };
}

const SECOND_MS = 1_000;

/**
 * A call belongs to the window in which it was admitted, in memory and in the log alike. No window begins within a second, so
 * only who has waited beyond one begins later than they came.
 */
function startOf({ receivedAtMs, admittedAtMs = receivedAtMs }: Call): number {
  return Math.floor(admittedAtMs / SECOND_MS) > Math.floor(receivedAtMs / SECOND_MS) ? admittedAtMs : receivedAtMs;
}

function rowOf(call: Call, outcome: Outcome, settings: RequestLogSettings): LedgerRow {
  const { target, cost } = outcome;
  const costNanoUsd = cost ? cost.totalNanoUsd : 0;
  const upstreamMs = upstreamTime(call, outcome);
  return {
    ...identityOf(call, settings, refusedKeyOf(outcome)),
    status: statusOf(outcome),
    httpStatus: httpStatusOf(outcome),
    responseId: outcome.responseId,
    startedAtMs: startOf(call),
    endedAtMs: outcome.endedAtMs,
    firstTokenAtMs: outcome.firstTokenAtMs ?? null,
    upstreamMs,
    overheadMs: Math.max(0, outcome.endedAtMs - call.receivedAtMs - upstreamMs),
    modelGroup: target?.modelGroup ?? call.modelGroup,
    deploymentId: target?.deploymentId ?? null,
    model: target?.litellmModel ?? null,
    provider: target?.adapter.id ?? null,
    apiBase: target?.baseUrl ?? null,
    buckets: outcome.buckets ?? null,
    costNanoUsd,
    costParts: cost ? partsOf(cost) : null,
    priceVersion: cost?.priceVersion ?? null,
    ...(cost?.factors && { priceFactors: cost.factors }),
    attempts: attemptRows(call, costNanoUsd),
    changes: call.changes,
    ...routingOf(call, outcome),
    error: errorOf(outcome),
    ...(settings.storePrompts && payloadOf(call, outcome, settings.maxStoredChars)),
  };
}

/** What no total needs is not even written to the journal. */
function totalsOf({ routing: _why, requestBody: _asked, responseBody: _answered, ...row }: LedgerRow): LedgerRow {
  return {
    ...row,
    totalsOnly: true,
    callId: row.id,
    ...{ responseId: null, sessionId: null, clientIp: null, userAgent: null, metadata: {}, changes: [], error: null },
  };
}

function routingOf(call: Call, outcome: Outcome): Pick<LedgerRow, 'routing'> {
  const routing = decisionsOf(call, outcome);
  return routing === undefined ? NOTHING : { routing };
}

const NOTHING: Pick<LedgerRow, 'routing'> = Object.freeze({});

const partsOf = (cost: Cost): LedgerRow['costParts'] => ({
  input: cost.inputNanoUsd,
  output: cost.outputNanoUsd,
  cacheRead: cost.cacheReadNanoUsd,
  cacheWrite: cost.cacheWriteNanoUsd,
  reasoning: cost.reasoningNanoUsd,
});

type Identity = Pick<
  LedgerRow,
  | 'id'
  | 'callId'
  | 'route'
  | 'stream'
  | 'keyHash'
  | 'keyAlias'
  | 'teamId'
  | 'userId'
  | 'organizationId'
  | 'projectId'
  | 'endUser'
  | 'sessionId'
  | 'clientIp'
  | 'userAgent'
  | 'tags'
  | 'metadata'
  | 'requestedModel'
>;

/** A blocked or expired key has no caller, but its requests are still its own. */
const refusedKeyOf = (outcome: Outcome): KeyIdentity | undefined =>
  outcome.status === 'failed' ? outcome.error.details.refusedKey : undefined;

function identityOf(call: Call, settings: RequestLogSettings, refusedKey: KeyIdentity | undefined): Identity {
  const { controls } = call;
  const owner = call.caller ?? refusedKey;
  return {
    id: call.id,
    callId: call.callId,
    route: call.route,
    stream: call.request.stream === true,
    keyHash: owner?.keyHash ?? null,
    keyAlias: owner?.keyAlias ?? null,
    teamId: owner?.teamId ?? null,
    userId: owner?.userId ?? null,
    organizationId: owner?.organizationId ?? null,
    projectId: owner?.projectId ?? null,
    endUser: settings.endUserTracking ? controls.endUser : null,
    sessionId: controls.sessionId,
    clientIp: call.clientIp,
    userAgent: call.headers['user-agent'] ?? null,
    tags: tagsOf(call, settings),
    metadata: controls.metadata,
    requestedModel: call.requestedModel,
  };
}

function statusOf(outcome: Outcome): RowStatus {
  switch (outcome.status) {
    case 'ok':
      return 'success';
    case 'aborted':
      return 'aborted';
    case 'failed':
      return outcome.buckets ? 'truncated' : 'failure'; // Metered although it failed: it broke off while streaming.
    default:
      return outcome satisfies never;
  }
}

function httpStatusOf(outcome: Outcome): number {
  if (outcome.status === 'aborted') return ERROR_KINDS.client_closed.status;
  if (outcome.status === 'ok' || outcome.buckets) return 200; // The status line of a stream had left before it broke off.
  return outcome.error.status;
}

/** Time inside attempts; a stream's last attempt lasts until the stream ends. */
function upstreamTime(call: Call, outcome: Outcome): number {
  let total = attemptedMs(call.attempts);
  const last = call.attempts.at(-1);
  if (last && !last.error && call.request.stream === true) total += outcome.endedAtMs - last.endedAtMs;
  return total;
}

/** They add up to the request's cost: the last one is the one that answered, if any did. */
function attemptRows({ attempts }: Call, totalNanoUsd: number | null): AttemptRow[] {
  const costs = attempts.map(({ lost }) => (lost ? lost.totalNanoUsd : 0));
  const last = costs.reduce((rest, cost) => (rest === null || cost === null ? null : rest - cost), totalNanoUsd);
  return attempts.map((attempt, at) => attemptRow(attempt, (at === attempts.length - 1 ? last : costs[at]) ?? null));
}

/** Error of an attempt that was cancelled because another one, beside it, answered first. */
const OUTRUN = 'outrun';

function attemptRow(
  { target, startedAtMs, endedAtMs, error, lost }: Call['attempts'][number],
  costNanoUsd: number | null,
): AttemptRow {
  return {
    deploymentId: target.deploymentId,
    model: target.litellmModel,
    provider: target.adapter.id,
    startedAtMs,
    durationMs: endedAtMs - startedAtMs,
    error: lost ? OUTRUN : (error?.kind ?? null),
    upstreamStatus: error || lost ? (error?.details.upstreamStatus ?? null) : 200,
    ...(error && !lost && traceOf(error)),
    costNanoUsd,
  };
}

function errorOf(outcome: Outcome): LedgerRow['error'] {
  if (outcome.status !== 'failed') return null;
  const { kind, message, details } = outcome.error;
  const code = details.code ?? traceOf(outcome.error).upstreamCode ?? null;
  return { kind, type: details.type ?? ERROR_KINDS[kind].type, message, code };
}

function payloadOf(call: Call, outcome: Outcome, maxChars: number): { requestBody?: string; responseBody?: string } {
  return {
    ...(call.request.model !== '' && { requestBody: shortened(JSON.stringify(call.request), maxChars) }),
    ...(outcome.responseText !== undefined && { responseBody: shortened(outcome.responseText, maxChars) }),
  };
}

const HEAD_SHARE = 0.35;

/** Long strings inside JSON keep their head and tail, as in LiteLLM's log; the rest of the structure stays whole. */
function shortened(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return (
    shortenedJson(text, maxChars) ??
    // The events of a stream, one a line.
    text
      .split('\n')
      .map((line) => shortenedJson(line, maxChars) ?? shortenedString(line, maxChars))
      .join('\n')
  );
}

/** `undefined` when the text is not JSON. */
function shortenedJson(text: string, maxChars: number): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text), (_key, value: unknown) =>
      typeof value === 'string' ? shortenedString(value, maxChars) : value,
    );
  } catch {
    return undefined; // The parser's message would quote what is logged.
  }
}

function shortenedString(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const head = Math.floor(maxChars * HEAD_SHARE);
  const tail = maxChars - head;
  return `${text.slice(0, head)}... (truncated ${text.length - maxChars} characters) ...${text.slice(-tail)}`;
}
