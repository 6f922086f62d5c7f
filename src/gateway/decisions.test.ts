import { describe, expect, test } from 'bun:test';
import { type SampleCall, STARTED_AT_MS, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { GatewayError } from '../errors.ts';
import type { Choice } from '../routing/plan.ts';
import type { Attempt, LimitView, Outcome } from './call.ts';
import { decisionsOf } from './decisions.ts';

const target = sampleTarget({ deploymentId: 'a' });
const choice = (over: Partial<Choice> = {}): Choice => ({
  group: 'gpt-4o-mini',
  strategy: 'simple-shuffle',
  candidates: [{ deploymentId: 'a', score: 0, health: 'up' }],
  passedOver: [],
  picked: 'a',
  pinned: false,
  ...over,
});
const attempt: Attempt = { target, startedAtMs: STARTED_AT_MS, endedAtMs: STARTED_AT_MS + 5 };
const ended = {
  endedAtMs: STARTED_AT_MS + 9,
  target,
  responseId: null,
  buckets: undefined,
  cost: undefined,
  firstTokenAtMs: undefined,
  responseText: undefined,
};
const OK: Outcome = { ...ended, status: 'ok' };
const LIMIT: LimitView = { scope: 'api_key', unit: 'requests', max: 5, used: 1, remaining: 4, resetsAtMs: null };

describe('there is nothing to tell of a call that', () => {
  test.each<[string, SampleCall]>([
    ['was answered by the only one there is', { choices: [choice()], attempts: [attempt] }],
    ['was answered by nobody', {}],
    ['found nobody', { choices: [choice({ candidates: [], picked: null })].slice(1) }],
  ])('%s', (_, call) => {
    expect(decisionsOf(sampleCall(call), OK)).toBeUndefined();
  });

  test('was refused without a limit', () => {
    const refused: Outcome = { ...ended, status: 'failed', error: new GatewayError('model_access_denied', 'No.') };
    expect(decisionsOf(sampleCall(), refused)).toBeUndefined();
  });
});

describe('there is something to tell of a call that', () => {
  const two = [
    { deploymentId: 'a', score: 0, health: 'up' as const },
    { deploymentId: 'b', score: 1, health: 'up' as const },
  ];
  test.each<[string, SampleCall]>([
    ['had a choice', { choices: [choice({ candidates: two })] }],
    ['passed somebody over', { choices: [choice({ passedOver: [{ deploymentId: 'b', reason: 'why' }] })] }],
    ['found nobody left', { choices: [choice({ candidates: [], picked: null })] }],
    ['was tried twice', { choices: [choice(), choice()], attempts: [attempt, attempt] }],
    ['waited', { waits: [{ kind: 'queue', durationMs: 7, afterAttempts: 0 }] }],
    ['could not ask the one it chose', { notAsked: [{ deploymentId: 'a', reason: 'deployment_busy' }] }],
  ])('%s', (_, over) => {
    const call = sampleCall(over);
    expect(decisionsOf(call, OK)).toEqual({
      choices: call.choices,
      limits: [],
      waits: call.waits,
      notAsked: call.notAsked,
    });
  });

  test('had very many to choose from: a row stays small, and the picked one is told', () => {
    const many = Array.from({ length: 200 }, (_, at) => ({ deploymentId: `d${at}`, score: 0, health: 'up' as const }));
    const passedOver = many.map(({ deploymentId }) => ({ deploymentId, reason: 'why' }));
    const call = sampleCall({ choices: [choice({ candidates: many, passedOver, picked: 'd150' })] });
    const [told] = decisionsOf(call, OK)?.choices ?? [];
    expect([told?.candidates.length, told?.passedOver.length]).toEqual([51, 50]);
    expect(told?.candidates.at(-1)?.deploymentId).toBe('d150');
  });

  test('stood under a limit: as it stands in the end', () => {
    let used = 1;
    const call = sampleCall({ consulted: () => [{ ...LIMIT, used }] });
    used = 2;
    expect(decisionsOf(call, OK)?.limits).toEqual([{ ...LIMIT, used: 2 }]);
  });

  test('a limit refused', () => {
    const limit = { scope: 'api_key', unit: 'requests', used: 5, max: 5, resets_at: null };
    const error = new GatewayError('rate_limited', 'Over.', { limit });
    expect(decisionsOf(sampleCall(), { ...ended, status: 'failed', error })?.refusedBy).toEqual(limit);
  });
});
