/** What is written before the first upstream byte, and the row it becomes when nothing follows. */
import type { LedgerRow } from '../db/request-row.ts';

/** Enough to make a `crashed` row if nothing follows. */
export interface Intent {
  readonly id: string;
  readonly callId: string;
  readonly route: string;
  readonly startedAtMs: number;
  readonly keyHash: string | null;
  readonly keyAlias: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly requestedModel: string;
  readonly modelGroup: string;
  readonly stream: boolean;
  /** Its row will not be kept. */
  readonly totalsOnly?: true;
}

type IntentLine = readonly [
  id: string,
  callId: string | null,
  route: string,
  startedAtMs: number,
  keyHash: string | null,
  keyAlias: string | null,
  teamId: string | null,
  userId: string | null,
  requestedModel: string,
  modelGroup: string | null,
  stream: 0 | 1,
  totalsOnly?: 1,
];

/** A list rather than an object, and `null` for what repeats: every request waits for this line to be written. */
export function encodeIntent(intent: Intent): string {
  const line: IntentLine = [
    intent.id,
    intent.callId === intent.id ? null : intent.callId,
    intent.route,
    intent.startedAtMs,
    intent.keyHash,
    intent.keyAlias,
    intent.teamId,
    intent.userId,
    intent.requestedModel,
    intent.modelGroup === intent.requestedModel ? null : intent.modelGroup,
    intent.stream ? 1 : 0,
  ];
  return JSON.stringify(intent.totalsOnly ? [...line, 1] : line);
}

export function decodeIntent(json: string): Intent {
  // JSON edge: `encodeIntent` wrote it, and the journal has compared the checksum.
  const line = JSON.parse(json) as IntentLine;
  const [id, callId, route, startedAtMs, keyHash, keyAlias, teamId, userId, ...model] = line;
  const [requestedModel, modelGroup, stream, totalsOnly] = model;
  return {
    id,
    callId: callId ?? id,
    route,
    startedAtMs,
    keyHash,
    keyAlias,
    teamId,
    userId,
    requestedModel,
    modelGroup: modelGroup ?? requestedModel,
    stream: stream === 1,
    ...(totalsOnly === 1 && { totalsOnly: true }),
  };
}

/** When and how the request ended is unknown, so its duration is 0 and its cost is unknown, not free. */
export function crashedRow(intent: Intent): LedgerRow {
  return {
    ...intent,
    responseId: null,
    status: 'crashed',
    httpStatus: 500,
    endedAtMs: intent.startedAtMs,
    firstTokenAtMs: null,
    upstreamMs: 0,
    overheadMs: 0,
    organizationId: null,
    projectId: null,
    endUser: null,
    sessionId: null,
    clientIp: null,
    userAgent: null,
    tags: [],
    metadata: {},
    deploymentId: null,
    model: null,
    provider: null,
    apiBase: null,
    buckets: null,
    costNanoUsd: null,
    costParts: null,
    priceVersion: null,
    attempts: [],
    changes: [],
    error: {
      kind: 'crashed',
      type: 'internal_server_error',
      message: 'The gateway stopped before this request had ended',
      code: null,
    },
  };
}
