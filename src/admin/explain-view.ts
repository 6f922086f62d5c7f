/** Why a request went where it went, from its row. What was asked and answered is not in it. */
import type { LedgerRow } from '../db/request-row.ts';
import type { ChoiceRecord, LimitRecord, RoutingRecord } from '../db/routing-record.ts';
import { usdNumber } from '../lib/usd.ts';
import { FOR_ANOTHER_TEAM } from '../wire/passed-over.ts';

type View = Record<string, unknown>;

export interface Telling {
  readonly isRehearsal?: boolean;
  /** Whether to tell of deployments that are for other teams. */
  readonly inFull?: boolean;
}

/** Times in milliseconds, money in dollars. */
export function explainView(row: LedgerRow, { isRehearsal = false, inFull = false }: Telling = {}): View {
  const routing = row.routing ?? plainRouting(row);
  return {
    call_id: row.callId,
    id: row.id,
    dry: isRehearsal,
    route: row.route,
    stream: row.stream,
    decision: decisionOf(row, routing, isRehearsal),
    status: isRehearsal ? null : row.status,
    http_status: isRehearsal && row.status === 'success' ? null : row.httpStatus,
    requested_model: row.requestedModel,
    model_group: row.modelGroup,
    deployment: row.deploymentId,
    model: row.model,
    provider: row.provider,
    started_at: iso(row.startedAtMs),
    duration_ms: toMicros(row.endedAtMs - row.startedAtMs),
    cost: isRehearsal ? 0 : usdNumber(row.costNanoUsd),
    choices: routing.choices.map((choice) => choiceView(choice, inFull)),
    attempts: attemptsIn(row, routing),
    not_asked: routing.notAsked.map(({ deploymentId, reason }) => ({ deployment: deploymentId, reason })),
    waits: routing.waits.map(({ kind, durationMs, afterAttempts }) => ({
      kind,
      [isRehearsal ? 'up_to_ms' : 'duration_ms']: toMicros(durationMs),
      after_attempts: afterAttempts,
    })),
    limits: routing.limits.map(limitView),
    refused_by: routing.refusedBy ?? null,
    changes: row.changes,
    error: errorView(row),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
/** Differences of epoch times carry noise behind the microseconds. */
const toMicros = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** What came of it in one word. */
function decisionOf(row: LedgerRow, { waits }: RoutingRecord, isRehearsal: boolean): string {
  if (row.error !== null) {
    if (isRehearsal) return waits.length > 0 ? 'wait' : 'refuse';
    return row.attempts.length === 0 ? 'refused' : 'failed';
  }
  if (row.deploymentId === null) return isRehearsal ? 'answer' : 'answered';
  return isRehearsal ? 'ask' : 'asked';
}

/** A row that keeps nothing of its routing had one deployment to choose from, if any. */
function plainRouting({ modelGroup, deploymentId }: LedgerRow): RoutingRecord {
  return {
    choices: deploymentId === null ? [] : [onlyOne(modelGroup, deploymentId)],
    limits: [],
    waits: [],
    notAsked: [],
  };
}

const onlyOne = (group: string, deploymentId: string): ChoiceRecord => ({
  group,
  strategy: 'only one',
  candidates: [{ deploymentId, score: 0, health: 'up' }],
  passedOver: [],
  picked: deploymentId,
  pinned: false,
});

function choiceView(choice: ChoiceRecord, inFull: boolean): View {
  const { group, strategy, candidates, picked, pinned } = choice;
  const passedOver = choice.passedOver.filter(({ reason }) => inFull || reason !== FOR_ANOTHER_TEAM);
  return {
    group,
    strategy,
    candidates: candidates.map(({ deploymentId, score, health }) => ({ deployment: deploymentId, score, health })),
    passed_over: passedOver.map(({ deploymentId, reason }) => ({ deployment: deploymentId, reason })),
    picked,
    pinned,
  };
}

/** Each belongs to one choice; a wildcard's deployment may have been chosen for several groups. */
function attemptsIn({ attempts }: LedgerRow, { choices }: RoutingRecord): View[] {
  const left = [...choices];
  const groupOf = (deploymentId: string): string | null => {
    const at = left.findIndex(({ picked }) => picked === deploymentId);
    return left.splice(at, at === -1 ? 0 : 1)[0]?.group ?? null;
  };
  return attempts.map((attempt, at) => attemptView(attempt, at, groupOf(attempt.deploymentId)));
}

function attemptView(attempt: LedgerRow['attempts'][number], at: number, group: string | null): View {
  return {
    deployment: attempt.deploymentId,
    group,
    model: attempt.model,
    provider: attempt.provider,
    number: at + 1,
    started_at: iso(attempt.startedAtMs),
    duration_ms: toMicros(attempt.durationMs),
    status: attempt.upstreamStatus,
    upstream_request_id: attempt.upstreamRequestId ?? null,
    upstream_code: attempt.upstreamCode ?? null,
    error: attempt.error,
    cost: usdNumber(attempt.costNanoUsd),
  };
}

function limitView({ scope, unit, max, used, remaining, resetsAtMs }: LimitRecord): View {
  const amount = (value: number): number | null => (unit === 'usd' ? usdNumber(value) : value);
  return {
    scope,
    unit,
    max: amount(max),
    used: amount(used),
    remaining: amount(remaining),
    resets_at: resetsAtMs === null ? null : iso(resetsAtMs),
  };
}

/** An upstream's own words may quote what it was asked; ours do not. */
function errorView({ error, attempts }: LedgerRow): View | null {
  if (error === null) return null;
  const isUpstreams = attempts.at(-1)?.error === error.kind;
  const { kind, type, code, message } = error;
  return { kind, type, code, message: isUpstreams ? null : message };
}
