import { describe, expect, test } from 'bun:test';
import {
  meterAtFlatPrice,
  type SampleCall,
  STARTED_AT_MS,
  sampleCall,
  sampleCaller,
  sampleTarget,
} from '../../test/support/call-parts.ts';
import type { LedgerRow } from '../db/request-row.ts';
import { GatewayError } from '../errors.ts';
import type { Attempt, Outcome } from '../gateway/call.ts';
import type { Intent, Ledger } from '../ledger/ledger.ts';
import { createRequestLog, type RequestLogSettings } from './request-log.ts';

const TARGET = sampleTarget({
  deploymentId: 'd1',
  modelGroup: 'fallback',
  litellmModel: 'openai/gpt-4o',
  baseUrl: 'https://up.example/v1',
});
const METERED = meterAtFlatPrice({ usage: undefined, outputChars: 40 });

const SETTINGS: RequestLogSettings = {
  storePrompts: false,
  maxStoredChars: 100,
  userAgentTags: true,
  endUserTracking: true,
  keepsRows: true,
};

const ended = {
  endedAtMs: STARTED_AT_MS + 100,
  target: TARGET,
  responseId: 'chatcmpl-1',
  buckets: METERED.buckets,
  cost: METERED.cost,
  firstTokenAtMs: undefined,
  responseText: '{"answer":"42"}',
};
const OK: Outcome = { ...ended, status: 'ok' };
const attempt = (over: Partial<Attempt> = {}): Attempt => ({
  target: TARGET,
  startedAtMs: STARTED_AT_MS + 10,
  endedAtMs: STARTED_AT_MS + 60,
  ...over,
});

/** Before the other one. */
const EARLIER = { startedAtMs: STARTED_AT_MS - 40, endedAtMs: STARTED_AT_MS + 10 };

/** A ledger that keeps what it is given, and the log over it. */
function logging(settings: Partial<RequestLogSettings> = {}) {
  const intents: Intent[] = [];
  const rows: LedgerRow[] = [];
  const ledger: Ledger = {
    intend: (intent) => void intents.push(intent),
    record: (row) => void rows.push(row),
    flush: async () => {},
    pending: () => 0,
    openIntents: () => 0,
    state: () => 'storing',
    recordedRows: () => rows.length,
    storedRows: () => 0,
    close: async () => {},
  };
  return { log: createRequestLog(ledger, () => ({ ...SETTINGS, ...settings })), intents, rows };
}

function rowOf(outcome: Outcome, given: SampleCall = {}, settings: Partial<RequestLogSettings> = {}): LedgerRow {
  const { log, rows } = logging(settings);
  log.record(sampleCall(given), outcome);
  const [row] = rows;
  if (!row || rows.length > 1) throw new Error(`Expected one row, got ${rows.length}.`);
  return row;
}

describe('an intent', () => {
  test('says who wants what, before it is sent', () => {
    const { log, intents } = logging();
    const call = sampleCall({
      callId: 'mine',
      requestedModel: 'best',
      modelGroup: 'premium',
      request: { stream: true },
    });
    log.intend(call);
    expect(intents).toEqual([
      {
        id: call.id,
        callId: 'mine',
        route: '/v1/chat/completions',
        startedAtMs: STARTED_AT_MS,
        keyHash: 'a'.repeat(64),
        keyAlias: 'alias',
        teamId: 'team-1',
        userId: 'user-1',
        requestedModel: 'best',
        modelGroup: 'premium',
        stream: true,
      },
    ]);
  });
});

describe('when a call began', () => {
  test('is when it came, or, for one that had to wait beyond a second, when its limits let it in', () => {
    const second = Math.floor(STARTED_AT_MS / 1_000) * 1_000;
    const startOf = (admittedAtMs: number | undefined): number =>
      rowOf(OK, { receivedAtMs: second + 100, admittedAtMs }).startedAtMs;
    expect(startOf(undefined)).toBe(second + 100);
    expect(startOf(second + 999)).toBe(second + 100);
    // Windows begin on whole seconds: in memory it is counted in the one that begins here.
    expect(startOf(second + 1_000)).toBe(second + 1_000);
    expect(startOf(second + 7_500.5)).toBe(second + 7_500.5);
  });
});

describe('the row of an answer', () => {
  test('says who asked for what, who served it, how long it took and what it cost', () => {
    const call: SampleCall = {
      callId: 'mine',
      clientIp: '10.0.0.1',
      requestedModel: 'best',
      modelGroup: 'premium',
      controls: { endUser: 'u', sessionId: 's', metadata: { a: 1 } },
      attempts: [attempt()],
      changes: [{ field: 'seed', action: 'dropped', note: 'not supported' }],
    };
    expect(rowOf(OK, call)).toEqual({
      id: '0198f6a2-0000-7000-8000-000000000001',
      callId: 'mine',
      route: '/v1/chat/completions',
      status: 'success',
      httpStatus: 200,
      stream: false,
      responseId: 'chatcmpl-1',
      startedAtMs: STARTED_AT_MS,
      endedAtMs: STARTED_AT_MS + 100,
      firstTokenAtMs: null,
      upstreamMs: 50,
      overheadMs: 50,
      keyHash: 'a'.repeat(64),
      keyAlias: 'alias',
      teamId: 'team-1',
      userId: 'user-1',
      organizationId: null,
      projectId: null,
      endUser: 'u',
      sessionId: 's',
      clientIp: '10.0.0.1',
      userAgent: null,
      tags: [],
      metadata: { a: 1 },
      requestedModel: 'best',
      modelGroup: 'fallback',
      deploymentId: 'd1',
      model: 'openai/gpt-4o',
      provider: TARGET.adapter.id,
      apiBase: 'https://up.example/v1',
      buckets: METERED.buckets,
      costNanoUsd: 15_000,
      costParts: { input: 5_000, output: 10_000, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
      priceVersion: 'flat',
      attempts: [
        {
          deploymentId: 'd1',
          model: 'openai/gpt-4o',
          provider: TARGET.adapter.id,
          startedAtMs: STARTED_AT_MS + 10,
          durationMs: 50,
          error: null,
          upstreamStatus: 200,
          costNanoUsd: 15_000,
        },
      ],
      changes: [{ field: 'seed', action: 'dropped', note: 'not supported' }],
      error: null,
    });
  });

  test('says what besides tokens decided its price, when anything did', () => {
    const { cost } = METERED;
    const factors = { serviceTier: 'flex', webSearches: 2 };
    expect(rowOf({ ...OK, cost: { ...cost, factors } }, { attempts: [attempt()] }).priceFactors).toEqual(factors);
    expect('priceFactors' in rowOf(OK, { attempts: [attempt()] })).toBe(false);
  });

  test('of an unknown price has none, not zero', () => {
    const { costNanoUsd } = rowOf({ ...OK, cost: { ...METERED.cost, totalNanoUsd: null } });
    expect(costNanoUsd).toBeNull();
  });

  test('keeps each attempt with its reason', () => {
    const error = new GatewayError('upstream_busy', 'no', { upstreamStatus: 429 });
    const { attempts, upstreamMs } = rowOf(OK, { attempts: [attempt({ error, ...EARLIER }), attempt()] });
    expect(attempts).toMatchObject([
      { error: 'upstream_busy', upstreamStatus: 429, costNanoUsd: 0 },
      { error: null, upstreamStatus: 200, costNanoUsd: 15_000 },
    ]);
    expect(upstreamMs).toBe(100);
  });

  test('has an attempt that ran beside the one that answered, at its own cost, and counts their time once', () => {
    const { cost: lost } = meterAtFlatPrice({ usage: undefined, outputChars: 0 });
    const beside = { startedAtMs: STARTED_AT_MS + 30, endedAtMs: STARTED_AT_MS + 60 };
    const { attempts, upstreamMs, costNanoUsd } = rowOf(OK, { attempts: [attempt({ lost }), attempt(beside)] });
    expect(attempts).toMatchObject([
      { error: 'outrun', upstreamStatus: null, durationMs: 50, costNanoUsd: 5_000 },
      { error: null, upstreamStatus: 200, durationMs: 30, costNanoUsd: 10_000 },
    ]);
    expect([costNanoUsd, upstreamMs]).toEqual([15_000, 50]);
  });

  test('of unknown price has no known cost for what answered', () => {
    const { cost } = meterAtFlatPrice({ usage: undefined, outputChars: 0 });
    const attempts = [attempt({ lost: { ...cost, totalNanoUsd: null } }), attempt()];
    expect(rowOf(OK, { attempts }).attempts.map(({ costNanoUsd }) => costNanoUsd)).toEqual([null, null]);
  });

  test('is of the group that was asked for when no upstream was tried, and of the key’s project', () => {
    const row = rowOf({ ...OK, target: undefined }, { modelGroup: 'asked', caller: sampleCaller({ projectId: 'p' }) });
    expect(row).toMatchObject({ modelGroup: 'asked', projectId: 'p', attempts: [] });
  });

  test('of a stream counts the upstream’s time to the last byte', () => {
    const outcome: Outcome = { ...OK, firstTokenAtMs: STARTED_AT_MS + 70 };
    const row = rowOf(outcome, {
      request: { stream: true },
      attempts: [attempt({ error: new GatewayError('upstream_busy', 'no'), ...EARLIER }), attempt()],
    });
    expect(row).toMatchObject({ stream: true, firstTokenAtMs: STARTED_AT_MS + 70, upstreamMs: 140, overheadMs: 0 });
  });

  test('that no upstream would stream ends with the last attempt', () => {
    const error = new GatewayError('upstream_busy', 'no');
    const row = rowOf(
      { ...OK, status: 'failed', error },
      { request: { stream: true }, attempts: [attempt({ error })] },
    );
    expect(row).toMatchObject({ upstreamMs: 50, overheadMs: 50 });
  });
});

describe('how a call ended', () => {
  const TRUNCATED = new GatewayError('upstream_truncated', 'The upstream broke off its answer.');
  const nothing = {
    ...ended,
    target: undefined,
    responseId: null,
    buckets: undefined,
    cost: undefined,
    responseText: undefined,
  };

  test.each<[string, Outcome, Partial<LedgerRow>]>([
    ['answered', OK, { status: 'success', httpStatus: 200, error: null }],
    [
      'refused',
      { ...nothing, status: 'failed', error: new GatewayError('rate_limited', 'Slow down') },
      { status: 'failure', httpStatus: 429, costNanoUsd: 0, buckets: null, model: null },
    ],
    [
      'cut while streaming',
      { ...ended, status: 'failed', error: TRUNCATED },
      { status: 'truncated', httpStatus: 200, costNanoUsd: 15_000 },
    ],
    [
      'left by the client',
      { ...ended, status: 'aborted' },
      { status: 'aborted', httpStatus: 499, costNanoUsd: 15_000, error: null },
    ],
    [
      'left before anything was sent',
      { ...nothing, status: 'aborted' },
      { status: 'aborted', httpStatus: 499, costNanoUsd: 0 },
    ],
  ])('is in the row: %s', (_, outcome, row) => {
    expect(rowOf(outcome)).toMatchObject(row);
  });

  test('keeps the error as the client saw it', () => {
    const error = new GatewayError('upstream_rejected', 'Bad value', { type: 'their_type', code: 'their_code' });
    expect(rowOf({ ...nothing, status: 'failed', error }).error).toEqual({
      kind: 'upstream_rejected',
      type: 'their_type',
      message: 'Bad value',
      code: 'their_code',
    });
    expect(rowOf({ ...ended, status: 'failed', error: TRUNCATED }).error).toEqual({
      kind: 'upstream_truncated',
      type: 'internal_server_error',
      message: TRUNCATED.message,
      code: null,
    });
  });

  test('before it was known who called, is a row without a key', () => {
    const error = new GatewayError('invalid_api_key', 'Invalid API key');
    const row = rowOf({ ...nothing, status: 'failed', error }, { caller: undefined });
    expect(row).toMatchObject({
      keyHash: null,
      keyAlias: null,
      teamId: null,
      userId: null,
      organizationId: null,
      projectId: null,
      httpStatus: 401,
    });
  });
});

describe('tags', () => {
  const tagsOf = (given: SampleCall, settings: Partial<RequestLogSettings> = {}): readonly string[] =>
    rowOf(OK, given, settings).tags;

  test('are the request’s, the key’s and those of the user agent, each once', () => {
    const given: SampleCall = {
      controls: { tags: ['a', 'b'] },
      caller: sampleCaller({ metadata: { tags: ['b', 'c', 5] } }),
      headers: { 'user-agent': 'curl/8.5.0' },
    };
    expect(tagsOf(given)).toEqual(['a', 'b', 'c', 'User-Agent: curl', 'User-Agent: curl/8.5.0']);
    expect(tagsOf(given, { userAgentTags: false })).toEqual(['a', 'b', 'c']);
    expect(rowOf(OK, given).userAgent).toBe('curl/8.5.0');
  });

  test('of a user agent without a version are one, of an empty one none', () => {
    expect(tagsOf({ headers: { 'user-agent': 'probe' } })).toEqual(['User-Agent: probe']);
    expect(tagsOf({ headers: { 'user-agent': '' } })).toEqual([]);
  });
});

describe('what is not wanted', () => {
  test('is not kept: end users, or any row at all', () => {
    expect(rowOf(OK, { controls: { endUser: 'u' } }, { endUserTracking: false }).endUser).toBeNull();
    const { log, rows, intents } = logging({ keepsRows: false, storePrompts: true });
    log.intend(sampleCall());
    log.record(sampleCall(), OK);
    expect([rows[0]?.totalsOnly, intents[0]?.totalsOnly]).toEqual([true, true]);
    const kept = logging();
    kept.log.intend(sampleCall());
    expect([rowOf(OK).totalsOnly, kept.intents[0]?.totalsOnly]).toEqual([undefined, undefined]);
  });

  test('is not even written: of a row that only counts nothing is left that no total needs', () => {
    const given: SampleCall = {
      callId: 'mine',
      clientIp: '192.0.2.7',
      headers: { 'user-agent': 'curl/8.5.0' },
      controls: { endUser: 'u', sessionId: 's', tags: ['a'], metadata: { secret: 'plan' } },
    };
    const error = new GatewayError('upstream_failed', 'what the upstream said');
    for (const outcome of [OK, { ...ended, status: 'failed', error } satisfies Outcome]) {
      const settings = { userAgentTags: false, storePrompts: true };
      const row = rowOf(outcome, given, { ...settings, keepsRows: false });
      expect(row).toMatchObject({ callId: row.id, endUser: 'u', tags: ['a'], costNanoUsd: METERED.cost.totalNanoUsd });
      for (const said of ['mine', '192.0.2.7', 'curl', 'secret', 'what the upstream', 'Hello', '42'])
        expect(JSON.stringify({ ...row, id: '', keyHash: '' })).not.toContain(said);
      expect(row.attempts).toEqual(rowOf(outcome, given, settings).attempts);
    }
  });
});

describe('prompts and answers', () => {
  const stored = (outcome: Outcome, given: SampleCall = {}, maxStoredChars = 100): LedgerRow =>
    rowOf(outcome, given, { storePrompts: true, maxStoredChars });

  test('are kept only when the operator wants that', () => {
    const row = rowOf(OK);
    expect([row.requestBody, row.responseBody]).toEqual([undefined, undefined]);
    const kept = stored(OK);
    expect(JSON.parse(kept.requestBody ?? '')).toEqual({
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    expect(kept.responseBody).toBe('{"answer":"42"}');
  });

  test('of a request that was never read are not there', () => {
    const row = stored({ ...OK, responseText: undefined }, { request: { model: '' } });
    expect('requestBody' in row || 'responseBody' in row).toBe(false);
  });

  test('keep the head and the tail of a long text, and all of the structure around it', () => {
    const content = `${'a'.repeat(35)}${'-'.repeat(500)}${'z'.repeat(65)}`;
    const row = stored({ ...OK, responseText: JSON.stringify({ content, list: [content, 1], short: 'b' }) });
    const cut = `${'a'.repeat(35)}... (truncated 500 characters) ...${'z'.repeat(65)}`;
    expect(JSON.parse(row.responseBody ?? '')).toEqual({ content: cut, list: [cut, 1], short: 'b' });
  });

  test('of a stream are shortened event by event', () => {
    const events = ['{"a":"short"}', JSON.stringify({ a: 'x'.repeat(300) })];
    const lines = (stored({ ...OK, responseText: events.join('\n') }).responseBody ?? '').split('\n');
    expect(lines[0]).toBe('{"a":"short"}');
    expect(JSON.parse(lines[1] ?? '').a).toContain('(truncated 200 characters)');
  });

  test('over several lines, as some upstreams write them, are shortened as one', () => {
    const text = JSON.stringify({ a: 'x'.repeat(300), b: [1, 2] }, null, 2);
    const body = JSON.parse(stored({ ...OK, responseText: text }).responseBody ?? '');
    expect(body).toEqual({ a: expect.stringContaining('(truncated 200 characters)'), b: [1, 2] });
  });

  test('that are no JSON are shortened as text and cost no row', () => {
    const responseText = `event: x\n${'y'.repeat(300)}\n{"a":`;
    const lines = (stored({ ...OK, responseText }).responseBody ?? '').split('\n');
    expect(lines).toEqual(['event: x', expect.stringContaining('(truncated 200 characters)'), '{"a":']);
  });
});
