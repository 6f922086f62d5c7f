import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { STARTED_AT_MS, sampleTarget } from '../../test/support/call-parts.ts';
import { type PlanGiven, planParts } from '../../test/support/plan-parts.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { ERROR_KINDS, type ErrorDetails, type ErrorKindName, GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Group } from './groups.ts';
import { Health, type HealthSettings } from './health.ts';
import { plan, type Step } from './plan.ts';

const target = (deploymentId: string, over: Partial<Target> = {}): Target => sampleTarget({ deploymentId, ...over });
const group = (name: string, ...targets: readonly (Target | string)[]): Group => ({
  name,
  targets: targets.map((one) => (typeof one === 'string' ? target(one) : one)),
});
const error = (kind: ErrorKindName, details: ErrorDetails = {}): GatewayError => new GatewayError(kind, 'no', details);
const BUSY = error('upstream_busy');

/** Answers every step with the next error, or the last one again. */
function walk(given: PlanGiven, errors: readonly GatewayError[] = [BUSY]): Step[] {
  const steps: Step[] = [];
  const steering = plan(planParts(given));
  let step = steering.next();
  while (!step.done && steps.length < 100) {
    steps.push(step.value);
    step = steering.next(errors[steps.length - 1] ?? errors.at(-1) ?? BUSY);
  }
  return steps;
}

const idsOf = (steps: readonly Step[]): string[] => steps.map((step) => step.target.deploymentId);

describe('retries', () => {
  test('of one deployment are as many as the router allows', () => {
    expect(idsOf(walk({ groups: [group('m', 'a')] }))).toEqual(['a', 'a', 'a']);
    expect(idsOf(walk({ groups: [group('m', 'a')], defaultRetries: 0 }))).toEqual(['a']);
  });

  test('are counted by the request first, then the deployment, then the router', () => {
    const groups = [group('m', target('a', { numRetries: 1 }))];
    expect(walk({ groups })).toHaveLength(2);
    expect(walk({ groups, numRetries: 0 })).toHaveLength(1);
    expect(walk({ groups, numRetries: 4 })).toHaveLength(5);
  });

  test('go to deployments that have not failed yet, at once', () => {
    const steps = walk({ groups: [group('m', 'a', 'b', 'c')], random: seededRandom(7) });
    expect(idsOf(steps).toSorted()).toEqual(['a', 'b', 'c']);
    expect(steps.map(({ delayMs }) => delayMs)).toEqual([0, 0, 0]);
  });

  test('return to those that failed when no other is left, after a wait', () => {
    const steps = walk({ groups: [group('m', 'a', 'b')], numRetries: 2, retryAfterMs: 10 });
    expect(new Set(idsOf(steps.slice(0, 2)))).toEqual(new Set(['a', 'b']));
    expect(steps.map(({ delayMs }) => delayMs)).toEqual([0, 0, 10]);
  });

  test('end with the first success, which is when nobody asks for more', () => {
    const steering = plan(planParts({ groups: [group('m', 'a')], numRetries: 5 }));
    expect(steering.next().value).toMatchObject({ target: { deploymentId: 'a' }, delayMs: 0 });
    expect(steering.return(undefined).done).toBe(true);
  });
});

describe('fallbacks', () => {
  const groups = [group('m', 'a'), group('n', 'b'), group('o', 'c')];

  test('follow when a group’s retries are used up', () => {
    expect(idsOf(walk({ groups, defaultRetries: 1 }))).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });

  test('follow at once after an error that the same group would only repeat', () => {
    expect(idsOf(walk({ groups, defaultRetries: 5 }, [error('context_window_exceeded')]))).toEqual(['a', 'b', 'c']);
  });

  test('do not wait for the deployment that was just left', () => {
    const steps = walk({ groups, defaultRetries: 0, retryAfterMs: 500 });
    expect(steps.map(({ delayMs }) => delayMs)).toEqual([0, 0, 0]);
  });

  test('skip a group without deployments', () => {
    expect(idsOf(walk({ groups: [group('empty'), group('n', 'b')], defaultRetries: 0 }))).toEqual(['b']);
    expect(walk({ groups: [] })).toEqual([]);
  });

  test('that share a deployment prefer one that has not failed', () => {
    const shared = [group('m', 'a'), group('n', 'a', 'b')];
    expect(idsOf(walk({ groups: shared, defaultRetries: 0 }))).toEqual(['a', 'b']);
  });
});

describe('a group whose deployments are all cooling down', () => {
  const DOWN: HealthSettings = { disabled: false, cooldownMs: 5_000, allowedFails: undefined, allowedFailsPolicy: {} };
  const groups = [group('m', 'a'), group('n', 'b')];

  function healthWith(...down: readonly string[]): Health {
    const health = new Health(() => STARTED_AT_MS);
    for (const id of down) health.failed(id, error('upstream_unauthorized'), DOWN);
    return health;
  }

  test('is left for later while a fallback is well, and that is told', () => {
    const postponed: string[] = [];
    const given = { groups, defaultRetries: 1, onPostponed: (name: string) => postponed.push(name) };
    expect(idsOf(walk({ ...given, health: healthWith('a') })).slice(0, 2)).toEqual(['b', 'b']);
    expect(postponed).toEqual(['m']);
  });

  test('is asked all the same when the fallback has failed too', () => {
    expect(idsOf(walk({ groups, defaultRetries: 0, health: healthWith('a') }))).toEqual(['b', 'a']);
  });

  test('is asked in its turn when no fallback is well, or there is none', () => {
    expect(idsOf(walk({ groups, defaultRetries: 0, health: healthWith('a', 'b') }))).toEqual(['a', 'b']);
    expect(idsOf(walk({ groups: groups.slice(0, 1), defaultRetries: 0, health: healthWith('a') }))).toEqual(['a']);
  });

  test('has no other try before its fallback, however long its provider wants to be left alone', () => {
    const health = healthWith('b');
    const steering = plan(planParts({ groups, defaultRetries: 2, health }));
    expect(steering.next().value).toMatchObject({ target: { deploymentId: 'a' } });
    const busy = error('upstream_busy', { retryAfterMs: 60_000 });
    health.failed('a', busy, DOWN);
    expect(steering.next(busy).value).toMatchObject({ target: { deploymentId: 'b' }, delayMs: 0 });
  });
});

describe('what the gateway refuses', () => {
  const groups = [group('m', 'a'), group('n', 'b'), group('o', 'c')];
  const end = (...errors: readonly GatewayError[]): { ids: string[]; ended: unknown } => {
    const steering = plan(planParts({ groups, defaultRetries: 0 }));
    const ids: string[] = [];
    let step = steering.next();
    for (const met of errors) {
      if (step.done) break;
      ids.push(step.value.target.deploymentId);
      step = steering.next(met);
    }
    return { ids, ended: step.done ? step.value : undefined };
  };
  const failed = error('upstream_failed');

  test('of what was asked for ends it', () => {
    const refusal = error('budget_exceeded');
    expect(end(refusal)).toEqual({ ids: ['a'], ended: refusal });
  });

  test.each([
    'budget_exceeded',
    'rate_limited',
    'model_access_denied',
    'permission_denied',
    'invalid_request',
  ] as const)('of a fallback (%s) leads to the next one, and at last to what the upstream said', (kind) => {
    expect(end(failed, error(kind), error(kind))).toEqual({ ids: ['a', 'b', 'c'], ended: failed });
  });

  test('because the client left or we are being stopped ends it anywhere', () => {
    for (const kind of ['client_closed', 'unavailable', 'internal'] as const) {
      const stopped = error(kind);
      expect(end(failed, stopped)).toEqual({ ids: ['a', 'b'], ended: stopped });
    }
  });

  test('a failure that a test asked for is not tried again in its group', () => {
    expect(idsOf(walk({ groups, defaultRetries: 3 }, [error('upstream_failed', { pretended: 'group' })]))).toEqual([
      ...['a', 'b', 'c'],
    ]);
  });
});

describe('every kind of error', () => {
  const groups = [group('m', 'a'), group('n', 'b')];
  const expected = { stop: ['a'], fallback: ['a', 'b'], retry: ['a', 'a', 'b', 'b'] } as const;

  // The table's keys, read back from it.
  test.each(Object.keys(ERROR_KINDS) as ErrorKindName[])('%s is followed as the table says', (kind) => {
    const steps = walk({ groups, defaultRetries: 1 }, [error(kind)]);
    expect(idsOf(steps)).toEqual([...expected[ERROR_KINDS[kind].next]]);
  });
});

describe('waiting', () => {
  const waits = (settings: Partial<PlanGiven>, errors: readonly GatewayError[] = [BUSY]): number[] =>
    walk({ groups: [group('m', 'a')], numRetries: 8, ...settings }, errors)
      .slice(1)
      .map(({ delayMs }) => delayMs);

  test('grows with each try up to its limit, spread over the whole range', () => {
    expect(waits({ random: () => 1 })).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000]);
    expect(waits({ random: () => 0 })).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(waits({ random: () => 0.5 }).slice(0, 3)).toEqual([250, 500, 1_000]);
  });

  test('is never shorter than the operator wants', () => {
    expect(waits({ random: () => 0, retryAfterMs: 700 }).slice(0, 2)).toEqual([700, 700]);
  });

  test('is as long as the upstream asks, as long as that is bearable', () => {
    const asked = (retryAfterMs: number): number | undefined =>
      waits({ random: () => 1, retryAfterMs: 700 }, [error('upstream_busy', { retryAfterMs })])[0];
    expect([asked(1), asked(3_000), asked(60_000)]).toEqual([1, 3_000, 60_000]);
    expect([asked(0), asked(60_001)]).toEqual([700, 700]);
  });

  test('is not needed when another deployment can take over', () => {
    const steps = walk({ groups: [group('m', 'a', 'b')] }, [error('upstream_busy', { retryAfterMs: 9_000 })]);
    expect(steps.slice(0, 2).map(({ delayMs }) => delayMs)).toEqual([0, 0]);
  });

  test('stays within its bounds whatever happens', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(12), fc.nat(2_000), (seed, numRetries, retryAfterMs) => {
        for (const delayMs of waits({ random: seededRandom(seed), numRetries, retryAfterMs })) {
          expect(delayMs).toBeGreaterThanOrEqual(retryAfterMs);
          expect(delayMs).toBeLessThanOrEqual(Math.max(8_000, retryAfterMs));
        }
      }),
    );
  });
});
