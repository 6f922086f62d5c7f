import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { NO_LIMITS } from '../db/no-limits.ts';
import { GatewayError } from '../errors.ts';
import { type Grant, refuseAbove, refuseOtherModels, refuseRaise } from './ceiling.ts';
import { limitColumns } from './limit-columns.ts';

/** The field that was refused, or nothing. */
function refused(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.details.param;
    throw thrown;
  }
}

const above = (grant: Grant, max: Grant = {}): string | undefined => {
  const { models, ...limits } = max;
  const ceiling = { whose: 'the team', limits: { ...NO_LIMITS, ...limitColumns(limits) }, models: models ?? [] };
  return refused(() => refuseAbove(grant, ceiling));
};
const raise = (grant: Grant, now: Grant = {}): string | undefined => {
  const { models, ...limits } = now;
  return refused(() => refuseRaise(grant, { ...NO_LIMITS, ...limitColumns(limits) }, models ?? []));
};

const AMOUNTS = ['max_budget', 'max_parallel_requests', 'rpm_limit', 'tpm_limit', 'tpd_limit'] as const;
const amount = fc.integer({ min: 0, max: 1_000_000 });

describe('what is given stays below the level above', () => {
  test('every amount passes exactly when it is no more', () => {
    fc.assert(
      fc.property(fc.constantFrom(...AMOUNTS), amount, amount, (field, given, max) => {
        expect(above({ [field]: given }, { [field]: max })).toBe(given <= max ? undefined : field);
      }),
      { numRuns: 200 },
    );
  });

  test('what is not sent, cleared or not limited above passes', () => {
    expect(above({}, { max_budget: 1 })).toBeUndefined();
    expect(above({ max_budget: null }, { max_budget: 1 })).toBeUndefined();
    expect(above({ max_budget: 5, rpm_limit: 5 })).toBeUndefined();
  });

  test.each([
    [['m1'], ['m1'], true],
    [['m1', 'm2'], ['m1'], false],
    [['m1'], [], true],
    [['m1'], ['*'], true],
    [['anything'], ['all-proxy-models'], true],
    [['openai/gpt-4o'], ['openai/*'], true],
    [['openai/*'], ['openai/*'], true],
    [['openai/*'], ['openai/gpt-4o'], false],
    [['*'], ['m1'], false],
    [['all-proxy-models'], ['m1'], false],
    [['all-team-models'], ['m1'], true],
    [['no-default-models'], ['m1'], true],
    [[], ['m1'], true],
  ])('of %j under %j: %p', (given, models, passes) => {
    expect(above({ models: given }, { models })).toBe(passes ? undefined : 'models');
    expect(refused(() => refuseOtherModels(given, models, 'it'))).toBe(passes ? undefined : 'models');
  });
});

describe('who may only lower', () => {
  test('raises no amount, and lifts none that is set', () => {
    fc.assert(
      fc.property(fc.constantFrom(...AMOUNTS), fc.option(amount), fc.option(amount), (field, given, now) => {
        const passes = now === null || (given !== null && given <= now);
        expect(raise({ [field]: given }, { [field]: now })).toBe(passes ? undefined : field);
      }),
      { numRuns: 200 },
    );
  });

  test.each<[keyof Grant, Grant, Grant]>([
    ['budget_duration', { budget_duration: '1h' }, { budget_duration: '1d' }],
    ['soft_budget', { soft_budget: 1 }, { soft_budget: 2 }],
    ['budget_limits', { budget_limits: [] }, { budget_limits: [{ budget_duration: '1d', max_budget: 1 }] }],
    ['model_max_budget', { model_max_budget: { m: 2 } }, { model_max_budget: { m: 1 } }],
    ['tollgate_limits', { tollgate_limits: null }, { tollgate_limits: [{ unit: 'requests', max: 1 }] }],
    ['temp_budget_increase', { temp_budget_increase: 5 }, {}],
    ['temp_budget_expiry', { temp_budget_expiry: '2030-01-01T00:00:00Z' }, {}],
  ])('leaves %s as it is', (field, grant, now) => {
    expect(raise(grant, now)).toBe(field);
    expect(raise(now, now)).toBeUndefined();
  });

  test('narrows a list of models, and never widens it', () => {
    const models = ['m1', 'openai/*'];
    expect(raise({ models: ['m1'] }, { models })).toBeUndefined();
    expect(raise({ models: ['openai/gpt-4o'] }, { models })).toBeUndefined();
    expect(raise({ models: ['no-default-models'] }, { models })).toBeUndefined();
    expect(raise({ models: ['m1'] }, { models: [] })).toBeUndefined();
    for (const wider of [['m2'], [], null, ['*']]) expect(raise({ models: wider }, { models })).toBe('models');
  });
});
