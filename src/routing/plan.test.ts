import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { STARTED_AT_MS, sampleTarget } from '../../test/support/call-parts.ts';
import { CALL_FACTS, type PlanGiven, planParts } from '../../test/support/plan-parts.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { ERROR_KINDS, type ErrorDetails, type ErrorKindName, GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Group } from './groups.ts';
import { Health, type HealthSettings } from './health.ts';
import { plan, type Step } from './plan.ts';
import { RetryBudget } from './retry-budget.ts';

const target = (deploymentId: string, over: Partial<Target> = {}): Target => sampleTarget({ deploymentId, ...over });
const group = (name: string, ...targets: readonly (Target | string)[]): Group => ({
  name,
  targets: targets.map((one) => (typeof one === 'string' ? target(one) : one)),
});
const error = (kind: ErrorKindName, details: ErrorDetails = {}): GatewayError => new GatewayError(kind, 'no', details);
const BUSY = error('upstream_busy');

interface Walked {
  readonly steps: Step[];
  /** What the plan returned. */
  readonly error: GatewayError | undefined;
}

/** Answers every step with the next error, or the last one again. */
function walked(given: PlanGiven, errors: readonly GatewayError[] = [BUSY]): Walked {
  const steps: Step[] = [];
  const steering = plan(planParts(given));
  let step = steering.next();
  while (!step.done && steps.length < 100) {
    steps.push(step.value);
    step = steering.next(errors[steps.length - 1] ?? errors.at(-1) ?? BUSY);
  }
  return { steps, error: step.done ? step.value : undefined };
}

const walk = (given: PlanGiven, errors?: readonly GatewayError[]): Step[] => walked(given, errors).steps;

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

describe('a higher order', () => {
  const ordered = group('m', target('a', { order: 1 }), target('a2', { order: 1 }), target('b', { order: 2 }), 'last');
  const FAILED = error('upstream_failed');

  test('is asked when the lower one’s retries are used up, and has its own', () => {
    expect(idsOf(walk({ groups: [ordered], defaultRetries: 0 }, [FAILED]))).toEqual(['a', 'b', 'last']);
    expect(idsOf(walk({ groups: [ordered], defaultRetries: 1 }, [FAILED]))).toEqual(['a', 'a2', 'b', 'last']);
    const pair = group('m', target('a', { order: 1 }), target('b', { order: 2 }), target('b2', { order: 2 }));
    expect(idsOf(walk({ groups: [pair], defaultRetries: 1 }, [FAILED]))).toEqual(['a', 'b']);
  });

  test('comes before the group’s fallbacks', () => {
    const groups = [group('m', target('a', { order: 1 }), target('b', { order: 2 })), group('n', 'c')];
    expect(idsOf(walk({ groups, defaultRetries: 0 }, [FAILED]))).toEqual(['a', 'b', 'c']);
  });

  test('is not asked what the model itself said no to, nor where the gateway did', () => {
    for (const kind of ['upstream_rejected', 'context_window_exceeded', 'content_policy_violation'] as const)
      expect(idsOf(walk({ groups: [ordered, group('n', 'c')] }, [error(kind)]))).toEqual(['a', 'c']);
    expect(idsOf(walk({ groups: [ordered] }, [error('budget_exceeded')]))).toEqual(['a']);
    const pretended = error('upstream_failed', { pretended: 'group' });
    expect(idsOf(walk({ groups: [ordered, group('n', 'c')] }, [pretended]))).toEqual(['a', 'c']);
  });

  test('that is cooling down is left for the fallbacks', () => {
    const health = new Health(() => STARTED_AT_MS);
    const settings = { disabled: false, cooldownMs: 5_000, allowedFails: undefined, allowedFailsPolicy: {} };
    health.failed('b', error('upstream_unauthorized'), settings);
    const groups = [group('m', target('a', { order: 1 }), target('b', { order: 2 })), group('n', 'c')];
    expect(idsOf(walk({ groups, defaultRetries: 0, health }, [FAILED]))).toEqual(['a', 'c']);
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

  test('follow where no deployment is for such a request, and where none of theirs is, the first answer stands', () => {
    const settings = { tagFiltering: true };
    const call = { ...CALL_FACTS, tags: ['x'] };
    const tagged = (id: string, tag: string): Target => target(id, { tags: [tag] });
    const first = walked({ groups: [group('m', tagged('a', 'y')), group('n', tagged('b', 'x'))], settings, call });
    expect(new Set(idsOf(first.steps))).toEqual(new Set(['b']));
    const none = walked({ groups: [group('m', tagged('a', 'y')), group('n', tagged('b', 'z'))], settings, call });
    expect([none.steps, none.error?.kind, none.error?.status]).toEqual([[], 'no_eligible_deployment', 401]);
    const other = walked({ groups: [group('m', tagged('a', 'x')), group('n', tagged('b', 'z'))], settings, call });
    expect([other.steps.length, other.error?.kind]).toEqual([3, 'upstream_busy']);
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

describe('policies', () => {
  const counts: Readonly<Partial<Record<ErrorKindName, number>>> = { upstream_timeout: 1, upstream_busy: 4 };
  const retries: PlanGiven['retries'] = (_, { kind }) => ({ count: counts[kind] ?? 2, isNamed: kind in counts });
  const groups = [group('m', 'a')];

  test('count by what went wrong', () => {
    expect(walk({ groups, retries }, [error('upstream_timeout')])).toHaveLength(2);
    expect(walk({ groups, retries }, [error('upstream_busy')])).toHaveLength(5);
    expect(walk({ groups, retries }, [error('upstream_failed')])).toHaveLength(3);
  });

  test('are asked after each failure, with all attempts so far against the count of the last', () => {
    const errors = [error('upstream_busy'), error('upstream_busy'), error('upstream_timeout')];
    expect(walk({ groups, retries }, errors)).toHaveLength(3);
  });

  test('are asked for the deployment that failed', () => {
    const own = [group('m', target('a', { order: 1, numRetries: 1 }), target('b', { order: 2, numRetries: 0 }))];
    expect(idsOf(walk({ groups: own }))).toEqual(['a', 'b']);
  });

  test('that allow none leave it to the client', () => {
    const never = error('upstream_failed');
    walk({ groups, numRetries: 0 }, [never]);
    const once = error('upstream_failed');
    walk({ groups, numRetries: 1 }, [once]);
    expect([never.isNeverRetried, once.isNeverRetried]).toEqual([true, false]);
  });

  test('that name what is not retried by itself are obeyed, on the same deployment after a wait', () => {
    const named: PlanGiven['retries'] = () => ({ count: 2, isNamed: true });
    const steps = walk({ groups, retries: named, retryAfterMs: 10 }, [error('upstream_rejected')]);
    expect(steps.map(({ delayMs }) => delayMs)).toEqual([0, 10, 10]);
    expect(walk({ groups, defaultRetries: 2 }, [error('upstream_rejected')])).toHaveLength(1);
  });
});

describe('what one deployment refuses', () => {
  const own = [
    'upstream_unauthorized',
    'upstream_payment_required',
    'upstream_forbidden',
    'upstream_not_found',
  ] as const;

  test.each(own)('%s is asked of another, and never of the same again', (kind) => {
    expect(idsOf(walk({ groups: [group('m', 'a', 'b')] }, [error(kind)]))).toEqual(['a', 'b']);
    expect(idsOf(walk({ groups: [group('m', 'a')] }, [error(kind)]))).toEqual(['a']);
    const both = [error(kind), error('upstream_failed')];
    expect(idsOf(walk({ groups: [group('m', 'a', 'b')], numRetries: 1 }, both))).toEqual(['a', 'b']);
  });

  test.each(['upstream_rejected', 'context_window_exceeded', 'content_policy_violation'] as const)(
    '%s would be refused by all of them',
    (kind) => {
      expect(idsOf(walk({ groups: [group('m', 'a', 'b')] }, [error(kind)]))).toEqual(['a']);
    },
  );
});

describe('limits of deployments', () => {
  const full = (retryAfterMs?: number): GatewayError =>
    error('deployment_busy', {
      limit: { scope: 'deployment', unit: 'requests', used: 1, max: 1, resets_at: null },
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });

  test('are no attempts: the others are asked whatever the retries', () => {
    const groups = [group('m', 'a', 'b', 'c', 'd')];
    expect(idsOf(walk({ groups, numRetries: 0 }, [full(9_000)]))).toEqual(['a', 'b', 'c', 'd']);
    const then = [full(9_000), full(9_000), error('upstream_failed')];
    expect(idsOf(walk({ groups, numRetries: 1 }, then))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('are not waited for', () => {
    expect(walk({ groups: [group('m', 'a')], numRetries: 5 }, [full(1)]).map(({ delayMs }) => delayMs)).toEqual([0]);
  });

  test('that hold all of them back end in one refusal, which clears with the first of them', () => {
    const { error: ended } = walked({ groups: [group('m', 'a', 'b', 'c')] }, [full(9_000), full(4_000), full()]);
    expect(ended).toMatchObject({ kind: 'deployment_busy', status: 429, details: { retryAfterMs: 4_000 } });
    expect(ended?.message).toBe('no');
    expect(ended?.details.reason).toBe('Every deployment of m that could answer is at a limit of its own.');
    expect(ended?.details.limit?.scope).toBe('deployment');
  });

  const spent = (scope: string, status?: number): GatewayError =>
    error('deployment_busy', {
      limit: { scope, unit: 'usd', used: 1, spent: 1, held: 0, max: 1, resets_at: null },
      reason: 'An admin can raise it.',
      ...(status !== undefined && { status }),
    });

  test('of a budget are refused as budgets are, with the status that the operator chose', () => {
    const groups = [group('m', 'a', 'b')];
    const { error: ended } = walked({ groups }, [spent('deployment', 400), spent('provider', 400)]);
    expect(ended).toMatchObject({ kind: 'deployment_busy', status: 400, details: { type: 'budget_exceeded' } });
    expect(ended?.details.reason).toEndWith('at a limit of its own. An admin can raise it.');
    expect(walked({ groups }, [spent('deployment'), spent('provider')]).error?.status).toBe(422);
  });

  test('of a rate that clears before a budget does are refused as rates are', () => {
    const { error: ended } = walked({ groups: [group('m', 'a', 'b')] }, [spent('deployment', 422), full(9_000)]);
    expect(ended?.status).toBe(429);
    expect(ended?.details.type).toBeUndefined();
  });

  test('are not the answer when an upstream gave one', () => {
    const groups = [group('m', 'a', 'b')];
    const first = walked({ groups, numRetries: 0 }, [full(), error('upstream_failed')]);
    const last = walked({ groups, numRetries: 1 }, [error('upstream_failed'), full()]);
    expect([first.error?.kind, last.error?.kind]).toEqual(['upstream_failed', 'upstream_failed']);
  });

  test('make room for fallbacks', () => {
    expect(idsOf(walk({ groups: [group('m', 'a'), group('n', 'b')] }, [full()]))).toEqual(['a', 'b']);
  });

  test('and prices that nobody knows are no attempts either, and no answer where there is another', () => {
    const groups = [group('m', 'a', 'b', 'c')];
    const unpriced = error('model_unpriced');
    expect(idsOf(walk({ groups, numRetries: 0 }, [unpriced, unpriced]))).toEqual(['a', 'b', 'c']);
    const ended = (...errors: GatewayError[]) => walked({ groups, numRetries: 0 }, errors).error?.kind;
    expect(ended(unpriced, unpriced, unpriced)).toBe('model_unpriced');
    expect(ended(unpriced, unpriced, error('upstream_failed'))).toBe('upstream_failed');
    expect(ended(unpriced, full(), unpriced)).toBe('deployment_busy');
  });
});

describe('a group that looks dead, without a fallback', () => {
  const down = (...ids: string[]): Health => {
    const health = new Health(() => STARTED_AT_MS);
    const settings = { disabled: false, cooldownMs: 5_000, allowedFails: 0, allowedFailsPolicy: {} };
    for (const id of ids) health.failed(id, error('upstream_failed'), settings);
    return health;
  };
  /** All that may be under way while there are few calls. */
  const spent = (): RetryBudget => {
    const budget = new RetryBudget();
    for (let at = 0; at < 3; at++) budget.retry();
    return budget;
  };

  test('is asked once, and again only as far as the budget goes', () => {
    const given = { groups: [group('m', 'a')], health: down('a') };
    expect(walk({ ...given, budget: new RetryBudget() })).toHaveLength(3);
    expect(walk({ ...given, budget: spent() })).toHaveLength(1);
  });

  test('takes one place in the budget however often it is asked, and gives it back when it is left early', () => {
    const budget = new RetryBudget();
    for (let call = 0; call < 50; call++) {
      const steering = plan(planParts({ groups: [group('m', 'a')], health: down('a'), budget, numRetries: 9 }));
      steering.next();
      steering.next(BUSY);
      expect(steering.next(BUSY).done).toBe(false);
      steering.return(undefined);
    }
    const free = Array.from({ length: 4 }, () => budget.retry());
    expect(free.filter((end) => end !== undefined)).toHaveLength(3);
  });

  test('is not one in which somebody is well: that one is asked, and again without the budget', () => {
    const given = { groups: [group('m', 'a', 'b')], health: down('a'), budget: spent(), retryAfterMs: 10 };
    expect(walk(given).map((step) => [step.target.deploymentId, step.delayMs])).toEqual([
      ['b', 0],
      ['b', 10],
      ['b', 10],
    ]);
  });

  test('is not one that is ruled out: tags and windows decide who could answer', () => {
    const tagged = [group('m', target('a', { tags: ['x'] }), target('b', { tags: ['y'] }))];
    const given = { groups: tagged, settings: { tagFiltering: true }, call: { ...CALL_FACTS, tags: ['x'] } };
    expect(walk({ ...given, budget: spent(), retryAfterMs: 10 }).map(({ delayMs }) => delayMs)).toEqual([0, 10, 10]);
    expect(walk({ ...given, budget: spent(), health: down('a') })).toHaveLength(1);
  });

  test('has at most a fifth more attempts under way than there are calls', () => {
    const parts = { groups: [group('m', 'a')], health: down('a'), budget: new RetryBudget() };
    const calls = Array.from({ length: 200 }, () => plan(planParts(parts)));
    for (const call of calls) call.next();
    expect(calls.filter((call) => call.next(BUSY).done !== true)).toHaveLength(40);
  });
});

describe('the deadline', () => {
  test('lets no retry begin after it', () => {
    let nowMs = STARTED_AT_MS;
    const given = { groups: [group('m', 'a')], numRetries: 9, retryAfterMs: 100, deadlineMs: STARTED_AT_MS + 250 };
    const steering = plan(planParts({ ...given, now: () => nowMs }));
    let count = 0;
    for (let step = steering.next(); !step.done; step = steering.next(BUSY)) {
      count += 1;
      nowMs += step.value.delayMs;
    }
    expect(count).toBe(3);
  });

  test('counts the wait that an upstream asks for', () => {
    const given = { groups: [group('m', 'a')], deadlineMs: STARTED_AT_MS + 5_000 };
    expect(walk(given, [error('upstream_busy', { retryAfterMs: 5_000 })])).toHaveLength(1);
    expect(walk(given, [error('upstream_busy', { retryAfterMs: 4_999 })])).toHaveLength(3);
  });

  test('lets no fallback begin after it, and the failure before it is the answer', () => {
    const given = { groups: [group('m', 'a'), group('n', 'b')], deadlineMs: STARTED_AT_MS };
    const { steps, error: ended } = walked(given, [error('upstream_timeout')]);
    expect([idsOf(steps), ended?.kind]).toEqual([['a'], 'upstream_timeout']);
  });

  test('of the caller’s own ends retries, and leaves time-outs to fallbacks', () => {
    const groups = [group('m', 'a', 'c'), group('n', 'b')];
    expect(idsOf(walk({ groups, retryUntilMs: STARTED_AT_MS }, [error('upstream_timeout')]))).toEqual(['a', 'b']);
  });
});

describe('chains of fallbacks', () => {
  const [m, n, o, p] = ['m', 'n', 'o', 'p'].map((name) => group(name, `at-${name}`)) as [Group, Group, Group, Group];
  type Next = Readonly<Record<string, readonly Group[]>>;
  const after =
    (next: Next): NonNullable<PlanGiven['fallbacks']> =>
    ({ name }) =>
      next[name] ?? [];
  const path = (next: Next, given: PlanGiven = {}): string[] =>
    idsOf(walk({ groups: [m], defaultRetries: 0, fallbacks: after(next), ...given }));

  test('go on with the fallbacks of a fallback before the next of the list', () => {
    expect(path({ m: [n, o], n: [p] })).toEqual(['at-m', 'at-n', 'at-p', 'at-o']);
  });

  test('come to each group once, however they are tied', () => {
    expect(path({ m: [n], n: [m, o], o: [n, m] })).toEqual(['at-m', 'at-n', 'at-o']);
    expect(path({ m: [m] })).toEqual(['at-m']);
  });

  test('are as long as max_fallbacks allows', () => {
    const next = { m: [n], n: [o], o: [p] };
    expect(path(next, { maxFallbacks: 0 })).toEqual(['at-m']);
    expect(path(next, { maxFallbacks: 2 })).toEqual(['at-m', 'at-n', 'at-o']);
    expect(path({ m: [n, n, o, o, p] }, { maxFallbacks: 2 })).toEqual(['at-m', 'at-n', 'at-o']);
  });

  test('depend on the failure that ended the group', () => {
    const seen: string[] = [];
    const fallbacks: PlanGiven['fallbacks'] = ({ name }, { kind }) => {
      seen.push(`${name} ${kind}`);
      return name === 'm' ? [n] : [];
    };
    const errors = [error('context_window_exceeded'), error('upstream_failed')];
    const { error: ended } = walked({ groups: [m], defaultRetries: 0, fallbacks }, errors);
    expect(seen).toEqual(['m context_window_exceeded', 'n upstream_failed']);
    expect(ended?.kind).toBe('upstream_failed');
  });

  test('follow a prompt that is too long before anybody was asked', () => {
    const suited = group('n', target('b'));
    const maxInputTokens = ({ deploymentId }: Target): number => (deploymentId === 'at-m' ? 5 : 50);
    const checked = { settings: { preCallChecks: true, maxInputTokens } };
    expect(idsOf(walk({ groups: [m, suited], defaultRetries: 0, ...checked }))).toEqual(['b']);
  });

  test('never come back and always end, whatever the ties', () => {
    const all = [m, n, o, p];
    const ties = fc.array(fc.subarray(all), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(ties, fc.nat(5), (next, maxFallbacks) => {
        const names = path(Object.fromEntries(all.map(({ name }, at) => [name, next[at] ?? []])), { maxFallbacks });
        expect(new Set(names).size).toBe(names.length);
        expect(names.length).toBeLessThanOrEqual(maxFallbacks + 1);
      }),
    );
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
    expect(asked(0)).toBe(700);
  });

  test('is none at all where the upstream asks for longer than anybody waits', () => {
    const long = error('upstream_busy', { retryAfterMs: 60_001 });
    expect(walk({ groups: [group('m', 'a')], numRetries: 5 }, [long])).toHaveLength(1);
    const named = () => ({ count: 3, isNamed: true });
    expect(walk({ groups: [group('m', 'a')], retries: named }, [long])).toHaveLength(1);
    expect(walk({ groups: [group('m', 'a', 'b')], numRetries: 5 }, [long]).length).toBeGreaterThan(1);
    expect(
      walk({ groups: [group('m', 'a')], numRetries: 1 }, [error('upstream_failed', { retryAfterMs: 60_001 })]),
    ).toHaveLength(2);
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
