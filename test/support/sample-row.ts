/** A plausible ledger row and intent; tests say only what matters to them. */
import type { LedgerRow } from '../../src/db/request-row.ts';
import type { Intent } from '../../src/ledger/ledger.ts';

const STARTED_AT_MS = 1_764_000_000_000;

export function sampleRow(over: Partial<LedgerRow> = {}): LedgerRow {
  const id = over.id ?? Bun.randomUUIDv7();
  return {
    id,
    callId: id,
    responseId: `chatcmpl-${id}`,
    route: '/v1/chat/completions',
    status: 'success',
    httpStatus: 200,
    stream: false,
    startedAtMs: STARTED_AT_MS,
    endedAtMs: STARTED_AT_MS + 812.5,
    firstTokenAtMs: null,
    upstreamMs: 810.25,
    overheadMs: 2.25,
    keyHash: 'a'.repeat(64),
    keyAlias: 'alias',
    teamId: 'team-1',
    userId: 'user-1',
    organizationId: null,
    projectId: null,
    endUser: null,
    sessionId: null,
    clientIp: '127.0.0.1',
    userAgent: 'OpenAI/Python 2.0.0',
    tags: [],
    metadata: {},
    requestedModel: 'gpt-4o-mini',
    modelGroup: 'gpt-4o-mini',
    deploymentId: 'deployment-1',
    model: 'openai/gpt-4o-mini',
    provider: 'openai',
    apiBase: 'https://api.openai.com/v1',
    buckets: {
      input: 100,
      cacheRead: 0,
      cacheWrite: 0,
      inputAudio: 0,
      output: 20,
      reasoning: 0,
      outputAudio: 0,
      source: 'provider',
    },
    costNanoUsd: 27_000,
    costParts: { input: 15_000, output: 12_000, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    priceVersion: '2025-11-20',
    attempts: [],
    changes: [],
    error: null,
    ...over,
  };
}

export function sampleIntent(over: Partial<Intent> = {}): Intent {
  const id = over.id ?? Bun.randomUUIDv7();
  return {
    id,
    callId: id,
    route: '/v1/chat/completions',
    startedAtMs: STARTED_AT_MS,
    keyHash: 'a'.repeat(64),
    keyAlias: null,
    teamId: null,
    userId: null,
    requestedModel: 'gpt-4o-mini',
    modelGroup: 'gpt-4o-mini',
    stream: false,
    ...over,
  };
}
