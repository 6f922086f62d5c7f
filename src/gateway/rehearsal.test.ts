import { describe, expect, test } from 'bun:test';
import { STARTED_AT_MS, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { planParts } from '../../test/support/plan-parts.ts';
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import { plan } from '../routing/plan.ts';
import type { Call, Reply } from './call.ts';
import type { Admission } from './feature.ts';
import { explained, isRehearsal, rehearse } from './rehearsal.ts';

const TARGETS = ['first', 'second'].map((deploymentId) => sampleTarget({ deploymentId }));
const SPARE = sampleTarget({ deploymentId: 'spare', modelGroup: 'spare' });
const GROUPS = [
  { name: 'gpt-4o-mini', targets: TARGETS },
  { name: 'spare', targets: [SPARE] },
];
const busy = new GatewayError('deployment_busy', 'At its limit.');

function rehearsal(options: { refuse?: (target: Target) => GatewayError | undefined; local?: Reply } = {}) {
  const call: Call = sampleCall();
  const admission: Admission = {
    settle: () => {},
    attempt(target) {
      const refusal = options.refuse?.(target);
      if (refusal) throw refusal;
    },
  };
  const outcome = rehearse(call, [admission], {
    answerLocally: async () => options.local,
    plan: () => plan(planParts({ groups: GROUPS, numRetries: 1, defaultRetries: 1 })),
    now: () => STARTED_AT_MS,
  });
  return { call, outcome };
}

describe('the header', () => {
  test('is not there for most', () => expect(isRehearsal({})).toBe(false));
  test('says dry', () => expect(isRehearsal({ 'x-tollgate-explain': 'dry' })).toBe(true));
  test.each(['', 'Dry', 'true', 'dry '])('means nothing as "%s"', (value) => {
    expect(() => isRehearsal({ 'x-tollgate-explain': value })).toThrow('can only be "dry"');
  });
});

describe('a dry run', () => {
  test('ends with the target that would be asked, which has not been', async () => {
    const { call, outcome } = rehearsal();
    const { status, target, buckets, cost } = await outcome;
    expect([status, target?.modelGroup, buckets, cost]).toEqual(['ok', 'gpt-4o-mini', undefined, undefined]);
    expect(call.attempts).toEqual([]);
  });

  test('goes on to another where a limit speaks against the first, as a real call would', async () => {
    const { call, outcome } = rehearsal({
      refuse: ({ modelGroup }) => (modelGroup === 'gpt-4o-mini' ? busy : undefined),
    });
    expect((await outcome).target?.deploymentId).toBe('spare');
    expect(call.notAsked.map(({ deploymentId }) => deploymentId).sort()).toEqual(['first', 'second']);
    expect(call.notAsked.every(({ reason }) => reason === 'deployment_busy')).toBe(true);
  });

  test('fails as the real call would when nobody may be asked', async () => {
    const { outcome } = rehearsal({ refuse: () => busy });
    expect(await outcome.catch((error: unknown) => error)).toMatchObject({ kind: 'deployment_busy' });
  });

  test('asks nobody where an answer is at hand, and lets go of it', async () => {
    let isCancelled = false;
    const tally = {
      responseId: null,
      usage: undefined,
      serviceTier: undefined,
      firstContentAtMs: undefined,
      outputChars: 0,
      stored: undefined,
    };
    const cancel = (): void => {
      isCancelled = true;
    };
    const body = { next: async () => undefined, cancel, tally };
    const { call, outcome } = rehearsal({
      local: { kind: 'stream', target: undefined, upstreamHeaders: undefined, body },
    });
    expect((await outcome).target).toBeUndefined();
    expect([isCancelled, call.notAsked]).toEqual([true, []]);
  });
});

test('an explanation goes out as it is, and is no completion', () => {
  const reply = explained('{"dry":true}');
  expect([reply.kind, reply.text, reply.usage, reply.target]).toEqual(['full', '{"dry":true}', undefined, undefined]);
  expect(() => reply.body()).toThrow('no completion');
  expect(reply.reading()).toEqual({ usage: undefined, outputChars: 0 });
});
