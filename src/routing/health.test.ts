import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type ErrorDetails, type ErrorKindName, GatewayError } from '../errors.ts';
import { Health, type HealthEvent, type HealthSettings } from './health.ts';

const SETTINGS: HealthSettings = {
  disabled: false,
  cooldownMs: 5_000,
  allowedFails: undefined,
  allowedFailsPolicy: {},
};
const A = 'deployment-a';
const BOTH = [{ deploymentId: A }, { deploymentId: 'deployment-b' }];

let nowMs: number;
let events: HealthEvent[];
let health: Health;
beforeEach(() => {
  nowMs = 1_000_000;
  events = [];
  health = new Health(
    () => nowMs,
    (event) => events.push(event),
  );
});

const error = (kind: ErrorKindName, details: ErrorDetails = {}): GatewayError => new GatewayError(kind, 'no', details);

function fail(
  kind: ErrorKindName,
  times = 1,
  settings: Partial<HealthSettings> = {},
  details: ErrorDetails = {},
): void {
  for (let at = 0; at < times; at++) {
    health.asked(A);
    health.failed(A, error(kind, details), { ...SETTINGS, ...settings });
  }
}

describe('a deployment cools down', () => {
  test('after five failures in a row, not after four', () => {
    fail('upstream_unavailable', 4);
    expect(health.stateOf(A)).toBe('up');
    fail('upstream_unavailable');
    expect(health.stateOf(A)).toBe('down');
  });

  test('not when an answer stands between them', () => {
    fail('upstream_unavailable', 4);
    health.asked(A);
    health.succeeded(A);
    fail('upstream_unavailable', 4);
    expect(health.stateOf(A)).toBe('up');
  });

  test('when more than half of a minute’s calls fail', () => {
    for (let turn = 0; turn < 4; turn++) {
      health.asked(A);
      health.succeeded(A);
      fail('upstream_failed', 2);
    }
    expect(health.stateOf(A)).toBe('down');
  });

  test('at once when it is told to wait, for as long as the provider says', () => {
    fail('upstream_busy', 1, {}, { retryAfterMs: 42_000 });
    expect(health.downUntilMs(A)).toBe(nowMs + 42_000);
    nowMs += 42_000;
    expect(health.stateOf(A)).toBe('probe');
  });

  test('at once when our credential is refused, and that is told', () => {
    fail('upstream_unauthorized');
    expect(health.stateOf(A)).toBe('down');
    expect(events.map(({ kind }) => kind)).toEqual(['credential_refused', 'cooled_down']);
  });

  test('never for what the client did', () => {
    for (const kind of [
      'upstream_rejected',
      'context_window_exceeded',
      'content_policy_violation',
      'client_closed',
    ] as const) {
      fail(kind, 50);
    }
    fail('rate_limited', 50);
    expect([health.stateOf(A), events]).toEqual(['up', []]);
  });

  test('never when cooldowns are off, or its own time is 0', () => {
    fail('upstream_unavailable', 50, { disabled: true });
    fail('upstream_unavailable', 50, { cooldownMs: 0 });
    expect(health.stateOf(A)).toBe('up');
  });

  test('after as many failures as allowed_fails bears, and one', () => {
    fail('upstream_unavailable', 2, { allowedFails: 2 });
    expect(health.stateOf(A)).toBe('up');
    fail('upstream_unavailable', 1, { allowedFails: 2 });
    expect(health.stateOf(A)).toBe('down');
  });

  test('by the policy of the failure’s class before the count for all', () => {
    const settings = { allowedFails: 0, allowedFailsPolicy: { rate_limit: 3 } };
    fail('upstream_busy', 3, settings);
    expect(health.stateOf(A)).toBe('up');
    fail('upstream_busy', 1, settings);
    expect(health.stateOf(A)).toBe('down');
  });

  test('not for failures that are further apart than a cooldown', () => {
    for (let at = 0; at < 6; at++) {
      fail('upstream_unavailable', 1, { allowedFails: 1 });
      nowMs += 6_000;
    }
    expect(health.stateOf(A)).toBe('up');
  });
});

describe('what is told', () => {
  const kinds = (): string[] => events.map(({ kind }) => kind);

  test('is one cooldown, however many calls that were under way fail after it', () => {
    fail('upstream_unavailable', 30);
    expect(kinds()).toEqual(['cooled_down']);
    nowMs = health.downUntilMs(A);
    fail('upstream_unavailable');
    expect(kinds()).toEqual(['cooled_down', 'cooled_down']);
  });

  test('is a refused credential once a cooldown', () => {
    fail('upstream_unauthorized', 10);
    expect(kinds()).toEqual(['credential_refused', 'cooled_down']);
    nowMs = health.downUntilMs(A);
    fail('upstream_unauthorized', 10);
    expect(kinds()).toEqual(['credential_refused', 'cooled_down', 'credential_refused', 'cooled_down']);
  });

  test('is a refused credential once a minute where nothing cools down', () => {
    fail('upstream_unauthorized', 10, { disabled: true });
    nowMs += 60_000;
    fail('upstream_unauthorized', 10, { disabled: true });
    expect(kinds()).toEqual(['credential_refused', 'credential_refused']);
  });
});

describe('a sighting', () => {
  test('of one that nobody has asked is empty, and asking for it leaves no trace', () => {
    const nothing = { downUntilMs: null, lastSuccessAtMs: null, lastFailureAtMs: null, lastFailure: null };
    expect(health.sightingOf(A)).toEqual({ state: 'up', ...nothing });
    expect(health.sightingOf(A)).toEqual({ state: 'up', ...nothing });
  });

  test('has the last success, the last failure and its kind', () => {
    health.asked(A);
    health.succeeded(A);
    nowMs += 10;
    fail('upstream_timeout');
    nowMs += 10;
    fail('upstream_failed');
    expect(health.sightingOf(A)).toEqual({
      state: 'up',
      downUntilMs: null,
      lastSuccessAtMs: nowMs - 20,
      lastFailureAtMs: nowMs,
      lastFailure: 'upstream_failed',
    });
  });

  test('of a cooldown says until when, and forgets it with the recovery', () => {
    fail('upstream_unavailable', 5);
    expect(health.sightingOf(A)).toMatchObject({ state: 'down', downUntilMs: nowMs + 5_000 });
    nowMs += 5_000;
    expect(health.sightingOf(A).state).toBe('probe');
    health.asked(A);
    expect(health.sightingOf(A).state).toBe('probing');
    health.succeeded(A);
    expect(health.sightingOf(A)).toMatchObject({ state: 'up', downUntilMs: null, lastSuccessAtMs: nowMs });
  });

  test('does not count what clients do wrong, or those that leave', () => {
    fail('upstream_rejected', 3);
    health.asked(A);
    health.ended(A);
    expect(health.sightingOf(A).lastFailureAtMs).toBeNull();
  });
});

test('after a recovery one failure is one failure, whatever its minute had seen before', () => {
  fail('upstream_unavailable', 20);
  nowMs = health.downUntilMs(A);
  health.asked(A);
  health.succeeded(A);
  fail('upstream_unavailable');
  expect(health.stateOf(A)).toBe('up');
});

describe('a cooldown', () => {
  test('ends with one probe; others wait for what it finds', () => {
    fail('upstream_unavailable', 5);
    nowMs += 5_000;
    expect(health.stateOf(A)).toBe('probe');
    health.asked(A);
    expect(health.stateOf(A)).toBe('probing');
    expect(health.usable(BOTH)).toEqual([{ deploymentId: 'deployment-b' }]);
    health.succeeded(A);
    expect(health.stateOf(A)).toBe('up');
    expect(events.at(-1)).toEqual({ deploymentId: A, kind: 'recovered' });
  });

  test('grows with every probe that fails, up to ten seconds, and a longer one stays as it is', () => {
    const lasted = (cooldownMs: number): number[] => {
      health = new Health(() => nowMs);
      fail('upstream_unavailable', 5, { cooldownMs });
      return Array.from({ length: 20 }, () => {
        nowMs = health.downUntilMs(A);
        fail('upstream_unavailable', 1, { cooldownMs });
        return health.downUntilMs(A) - nowMs;
      });
    };
    expect(lasted(3_000)).toEqual([6_000, 9_000, ...Array.from({ length: 18 }, () => 10_000)]);
    expect(new Set(lasted(60_000))).toEqual(new Set([60_000]));
  });

  test('ends when a probe’s answer begins; until it has ended well, one failure is enough for the next', () => {
    fail('upstream_unavailable', 5);
    nowMs += 5_000;
    const askedAtMs = nowMs;
    health.asked(A);
    nowMs += 100;
    health.begun(A, askedAtMs);
    expect([health.stateOf(A), events.at(-1)?.kind]).toEqual(['up', 'recovered']);
    nowMs += 100;
    health.failed(A, error('upstream_truncated'), SETTINGS, askedAtMs);
    expect(health.downUntilMs(A)).toBe(nowMs + 10_000);
  });

  test('is not ended by answers that begin when none is due', () => {
    health.begun(A, nowMs);
    fail('upstream_unavailable', 5);
    health.begun(A, nowMs);
    expect(health.stateOf(A)).toBe('down');
    expect(events.map(({ kind }) => kind)).toEqual(['cooled_down']);
  });

  test('lets another probe out when the first has said nothing for ten seconds', () => {
    fail('upstream_unavailable', 5);
    nowMs += 5_000;
    health.asked(A);
    nowMs += 9_999;
    expect(health.stateOf(A)).toBe('probing');
    nowMs += 1;
    expect(health.stateOf(A)).toBe('probe');
    health.asked(A);
    expect(health.stateOf(A)).toBe('probing');
  });

  test('is neither ended nor begun anew by what was asked before it', () => {
    const askedAtMs = nowMs;
    nowMs += 1_000;
    fail('upstream_unavailable', 5);
    nowMs += 5_000;
    health.asked(A);
    health.ended(A, askedAtMs);
    health.failed(A, error('upstream_timeout'), SETTINGS, askedAtMs);
    health.succeeded(A, askedAtMs);
    expect(health.stateOf(A)).toBe('probing');
    health.succeeded(A);
    for (let hung = 0; hung < 20; hung++) health.failed(A, error('upstream_timeout'), SETTINGS, askedAtMs);
    expect(health.stateOf(A)).toBe('up');
  });

  test('goes on for the next when a probe’s client left', () => {
    fail('upstream_unavailable', 5);
    nowMs += 5_000;
    health.asked(A);
    health.ended(A);
    expect(health.stateOf(A)).toBe('probe');
  });

  test('is not ended by the answer to what was asked before it', () => {
    health.asked(A);
    fail('upstream_unavailable', 5);
    health.succeeded(A);
    expect(health.stateOf(A)).toBe('down');
  });

  test('is never shortened by a new one', () => {
    fail('upstream_busy', 1, {}, { retryAfterMs: 60_000 });
    const before = health.downUntilMs(A);
    nowMs += 1_000;
    fail('upstream_busy', 1, {}, { retryAfterMs: 2_000 });
    fail('upstream_unavailable', 5);
    expect(health.downUntilMs(A)).toBe(before);
  });

  test('of all leaves those that come back first', () => {
    fail('upstream_unavailable', 5);
    nowMs += 1_000;
    for (let at = 0; at < 5; at++) health.failed('deployment-b', error('upstream_failed'), SETTINGS);
    expect(health.usable(BOTH)).toEqual([{ deploymentId: A }]);
    expect(health.usable(BOTH.slice(1))).toEqual(BOTH.slice(1));
    expect(health.usable([])).toEqual([]);
  });
});

/** It may be tried, or nobody may. */
function isWorthIt(machine: Health, id: string, all: readonly { readonly deploymentId: string }[]): boolean {
  const mayBeTried = (each: string): boolean => ['up', 'probe'].includes(machine.stateOf(each));
  return mayBeTried(id) || !all.some(({ deploymentId }) => mayBeTried(deploymentId));
}

test('whatever happens: a deadline only grows while it lasts, one probe at most, and somebody is always left', () => {
  const kinds = ['upstream_busy', 'upstream_failed', 'upstream_unauthorized', 'upstream_rejected'] as const;
  const step = fc.oneof(
    fc.record({ do: fc.constant('asked' as const), who: fc.nat(2) }),
    fc.record({ do: fc.constant('succeeded' as const), who: fc.nat(2) }),
    fc.record({ do: fc.constant('ended' as const), who: fc.nat(2) }),
    fc.record({
      do: fc.constant('failed' as const),
      who: fc.nat(2),
      kind: fc.constantFrom(...kinds),
      wait: fc.nat(90_000),
    }),
    fc.record({ do: fc.constant('wait' as const), who: fc.nat(20_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      nowMs = 0;
      const machine = new Health(() => nowMs);
      const all = ['0', '1', '2'].map((deploymentId) => ({ deploymentId }));
      for (const one of steps) {
        const id = String(one.who);
        const before = machine.downUntilMs(id);
        const wasDown = machine.stateOf(id) === 'down';
        if (one.do === 'wait') nowMs += one.who;
        else if (one.do === 'failed') machine.failed(id, error(one.kind, { retryAfterMs: one.wait }), SETTINGS);
        else machine[one.do](id);
        if (wasDown && one.do !== 'wait') expect(machine.downUntilMs(id)).toBeGreaterThanOrEqual(before);
        expect(machine.usable(all).length).toBeGreaterThan(0);
        expect(machine.usable(all).every(({ deploymentId }) => isWorthIt(machine, deploymentId, all))).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});
