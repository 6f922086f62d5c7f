import { describe, expect, test } from 'bun:test';
import { sampleRow } from '../../test/support/sample-row.ts';
import type { LedgerRow } from '../db/request-row.ts';
import { explainView } from './explain-view.ts';

const attempt: LedgerRow['attempts'][number] = {
  deploymentId: 'deployment-1',
  model: 'openai/gpt-4o-mini',
  provider: 'openai',
  startedAtMs: Date.UTC(2026, 0, 31),
  durationMs: 12.3456,
  error: null,
  upstreamStatus: 200,
  costNanoUsd: 27_000,
};
const error = { kind: 'upstream_failed', type: 'internal_server_error', message: 'You asked: my secret', code: null };
const unanswered = { status: 'failure', deploymentId: null, attempts: [] } as const;

describe('the decision', () => {
  test.each<[string, Partial<LedgerRow>, string, string]>([
    ['a deployment answered', { attempts: [attempt] }, 'asked', 'ask'],
    ['nobody had to be asked', { deploymentId: null }, 'answered', 'answer'],
    ['it was refused', { ...unanswered, error: { ...error, kind: 'rate_limited' } }, 'refused', 'refuse'],
  ])('%s', (_, over, real, rehearsed) => {
    expect(explainView(sampleRow(over))['decision']).toBe(real);
    expect(explainView(sampleRow(over), { isRehearsal: true })['decision']).toBe(rehearsed);
  });

  test('every attempt failed', () => {
    const attempts = [{ ...attempt, error: 'upstream_failed', upstreamStatus: 500, costNanoUsd: 0 }];
    expect(explainView(sampleRow({ status: 'failure', attempts, error }))).toMatchObject({
      decision: 'failed',
      attempts: [{ number: 1, status: 500, error: 'upstream_failed', cost: 0, duration_ms: 12.346 }],
    });
  });

  test('a dry run that would wait says for how long at most', () => {
    const routing = {
      choices: [],
      limits: [],
      notAsked: [],
      waits: [{ kind: 'queue', durationMs: 500, afterAttempts: 0 }] as const,
    };
    const row = sampleRow({ ...unanswered, error: { ...error, kind: 'rate_limited' }, routing });
    expect(explainView(row, { isRehearsal: true })).toMatchObject({
      decision: 'wait',
      waits: [{ kind: 'queue', up_to_ms: 500 }],
    });
    expect(explainView(row)).toMatchObject({ decision: 'refused', waits: [{ kind: 'queue', duration_ms: 500 }] });
  });
});

test('attempts at a deployment that serves several groups belong to the group it was chosen for each time', () => {
  const chosen = (group: string) => ({
    ...{ group, strategy: 'simple-shuffle', candidates: [], passedOver: [], pinned: false },
    picked: attempt.deploymentId,
  });
  const routing = { choices: [chosen('any/one'), chosen('any/other')], limits: [], waits: [], notAsked: [] };
  const attempts = [attempt, attempt, { ...attempt, deploymentId: 'stranger' }];
  expect(explainView(sampleRow({ attempts, routing }))['attempts']).toMatchObject([
    { number: 1, group: 'any/one' },
    { number: 2, group: 'any/other' },
    { number: 3, group: null },
  ]);
});

test('money of limits is told in dollars, everything else as it is', () => {
  const resetsAtMs = Date.UTC(2026, 1, 1);
  const limits = [
    { scope: 'team', unit: 'usd', max: 2e9, used: 5e8, remaining: 15e8, resetsAtMs },
    { scope: 'api_key', unit: 'tokens', max: 1_000, used: 10, remaining: 990, resetsAtMs: null },
  ];
  const routing = { choices: [], limits, waits: [], notAsked: [] };
  expect(explainView(sampleRow({ routing }))['limits']).toEqual([
    { scope: 'team', unit: 'usd', max: 2, used: 0.5, remaining: 1.5, resets_at: '2026-02-01T00:00:00.000Z' },
    { scope: 'api_key', unit: 'tokens', max: 1_000, used: 10, remaining: 990, resets_at: null },
  ]);
});

describe('words', () => {
  test('of an upstream are left out: they may quote the prompt', () => {
    const attempts = [{ ...attempt, error: 'upstream_failed' }];
    const view = explainView(sampleRow({ status: 'failure', attempts, error }));
    expect(view['error']).toEqual({
      kind: 'upstream_failed',
      type: 'internal_server_error',
      code: null,
      message: null,
    });
  });

  test('of our own are told', () => {
    const own = { ...error, kind: 'rate_limited', message: 'Rate limit exceeded' };
    expect(explainView(sampleRow({ ...unanswered, error: own }))['error']).toMatchObject({ message: own.message });
  });

  test('of prompts, answers and clients’ metadata are never there', () => {
    const row = sampleRow({
      requestBody: '{"messages":"secret words"}',
      responseBody: 'secret words',
      metadata: { note: 'secret words' },
      endUser: 'secret words',
    });
    expect(JSON.stringify(explainView(row))).not.toContain('secret words');
  });
});

test('a plain row tells of the one deployment that it has', () => {
  expect(explainView(sampleRow({ attempts: [attempt] }))).toMatchObject({
    choices: [
      { group: 'gpt-4o-mini', candidates: [{ deployment: 'deployment-1' }], passed_over: [], picked: 'deployment-1' },
    ],
    attempts: [{ deployment: 'deployment-1', group: 'gpt-4o-mini' }],
    limits: [],
    waits: [],
    refused_by: null,
    error: null,
  });
});

test('a deployment that is for another team is told of to who runs the platform only', () => {
  const choice = {
    ...{ group: 'm', strategy: 'weighted', picked: 'ours', pinned: false },
    candidates: [{ deploymentId: 'ours', score: 0, health: 'up' as const }],
    passedOver: [
      { deploymentId: 'theirs', reason: 'it is for another team' },
      { deploymentId: 'tired', reason: 'it is cooling down' },
    ],
  };
  const row = sampleRow({ routing: { choices: [choice], limits: [], waits: [], notAsked: [] } });
  const told = (inFull = false) => (explainView(row, { inFull })['choices'] as { passed_over: unknown }[])[0];
  const tired = { deployment: 'tired', reason: 'it is cooling down' };
  expect(told()).toMatchObject({ passed_over: [tired] });
  const theirs = { deployment: 'theirs', reason: 'it is for another team' };
  expect(told(true)).toMatchObject({ passed_over: [theirs, tired] });
});
