import { describe, expect, test } from 'bun:test';
import { budgetRow, keyRow } from '../../test/support/entity-rows.ts';
import type { OwnLimits } from '../db/entity-tables.ts';
import { NO_LIMITS } from '../db/no-limits.ts';
import type { Allowance } from '../gateway/entities.ts';
import { allowanceOf, allowanceOfKey, memberAllowanceOf } from './allowance.ts';

const own = (
  over: Partial<OwnLimits>,
  metadata: Record<string, unknown> = {},
  budget?: Partial<OwnLimits>,
): Allowance => allowanceOf({ ...NO_LIMITS, ...over }, budget && { ...NO_LIMITS, ...budget }, metadata);

test('an entity on which nothing is set is not limited', () => {
  expect(own({})).toEqual({
    maxBudgetNanoUsd: null,
    softBudgetNanoUsd: null,
    budgetDuration: null,
    rpmLimit: null,
    tpmLimit: null,
    tpdLimit: null,
    maxParallelRequests: null,
    budgetWindows: [],
    perModel: {},
    custom: [],
    temporaryIncrease: null,
    spendSet: null,
  });
});

describe('a budget that is referred to', () => {
  const budget = {
    ...{ max_budget_nano_usd: 10, soft_budget_nano_usd: 9, budget_duration: '1d', rpm_limit: 8, tpm_limit: 7 },
    ...{ tpd_limit: 6, max_parallel_requests: 5, temp_budget_increase_nano_usd: 4, temp_budget_expiry_ms: 3 },
    budget_limits: '[{"budget_duration":"1h","max_budget":1}]',
    tollgate_limits: '[{"unit":"requests","window":"1d","max":2}]',
    model_max_budget: '{"m":1}',
    ...{ spend_set_nano_usd: 99, spend_set_at_ms: 99 },
  };
  const ofBudget: Allowance = {
    ...{ maxBudgetNanoUsd: 10, softBudgetNanoUsd: 9, budgetDuration: '1d', rpmLimit: 8, tpmLimit: 7 },
    ...{ tpdLimit: 6, maxParallelRequests: 5 },
    budgetWindows: [{ duration: '1h', maxNanoUsd: 1_000_000_000 }],
    perModel: { m: { maxBudgetNanoUsd: 1_000_000_000, budgetDuration: null, rpmLimit: null, tpmLimit: null } },
    custom: [{ unit: 'requests', window: '1d', max: 2, mode: 'enforce', model: null }],
    temporaryIncrease: { nanoUsd: 4, untilMs: 3 },
    spendSet: null,
  };

  test('gives every limit that the entity does not set itself, and never a spend', () => {
    expect(own({}, {}, budget)).toEqual(ofBudget);
  });

  test('gives way to each of the entity’s own, zero among them', () => {
    const columns = {
      ...{ max_budget_nano_usd: 0, rpm_limit: 0, budget_duration: '1mo' },
      budget_limits: '[{"time_period":"7d","budget_limit":2}]',
      tollgate_limits: '[{"unit":"tokens","max":3,"mode":"shadow","model":"g"}]',
    };
    expect(own(columns, {}, budget)).toEqual({
      ...ofBudget,
      ...{ maxBudgetNanoUsd: 0, rpmLimit: 0, budgetDuration: '1mo' },
      budgetWindows: [{ duration: '7d', maxNanoUsd: 2_000_000_000 }],
      custom: [{ unit: 'tokens', window: null, max: 3, mode: 'shadow', model: 'g' }],
    });
  });

  test('stands behind a key, whose metadata counts too', () => {
    const row = keyRow('k', { rpm_limit: 1, metadata: '{"model_rpm_limit":{"m":5}}' });
    expect(allowanceOfKey(row, budgetRow('b', { tpm_limit: 2 }))).toMatchObject({
      ...{ rpmLimit: 1, tpmLimit: 2 },
      perModel: { m: { rpmLimit: 5, tpmLimit: null } },
    });
  });
});

describe('limits by model', () => {
  const limit = (over: object) => ({
    maxBudgetNanoUsd: null,
    budgetDuration: null,
    rpmLimit: null,
    tpmLimit: null,
    ...over,
  });

  test.each([
    ['a number', 10, { maxBudgetNanoUsd: 10e9 }],
    ['a number as text', '0.5', { maxBudgetNanoUsd: 0.5e9 }],
    ['budget_limit', { budget_limit: 10, time_period: '1d' }, { maxBudgetNanoUsd: 10e9, budgetDuration: '1d' }],
    ['max_budget', { max_budget: 1e-9, budget_duration: '1h' }, { maxBudgetNanoUsd: 1, budgetDuration: '1h' }],
    ['rates', { rpm_limit: 3, tpm_limit: 400 }, { rpmLimit: 3, tpmLimit: 400 }],
    ['nonsense', { budget_limit: -1, rpm_limit: 'many', tpm_limit: null }, {}],
  ])('are read from %s', (_name, given, expected) => {
    expect(own({ model_max_budget: JSON.stringify({ 'gpt-4': given }) }).perModel).toEqual({
      'gpt-4': limit(expected),
    });
  });

  test('are put together value by value: the entity’s column, its metadata, the budget’s column', () => {
    const allowance = own(
      { model_max_budget: '{"a":{"rpm_limit":1}}' },
      { model_rpm_limit: { a: 2, b: 3 }, model_tpm_limit: { a: 4 } },
      { model_max_budget: '{"a":{"budget_limit":5,"rpm_limit":6},"c":7}' },
    );
    expect(allowance.perModel).toEqual({
      a: limit({ rpmLimit: 1, tpmLimit: 4, maxBudgetNanoUsd: 5e9 }),
      b: limit({ rpmLimit: 3 }),
      c: limit({ maxBudgetNanoUsd: 7e9 }),
    });
  });

  test('of a model called like what every object has are its own only', () => {
    const { perModel } = own({ model_max_budget: '{"__proto__":1,"constructor":2}' });
    expect(Object.keys(perModel).sort()).toEqual(['__proto__', 'constructor']);
    expect(own({}).perModel['constructor']).toBeUndefined();
  });
});

test('windows and limits of one’s own that make no sense are left out; an unknown mode enforces', () => {
  const windows = [{ budget_duration: '1d' }, { max_budget: 1 }, 5, null, { budget_duration: '1d', max_budget: 1 }];
  const limits = [
    { unit: 'coffee', max: 1 },
    { unit: 'usd', max: -1 },
    { unit: 'parallel', max: 2, mode: 'please' },
  ];
  const read = own({ budget_limits: JSON.stringify(windows), tollgate_limits: JSON.stringify(limits) });
  expect(read.budgetWindows).toEqual([{ duration: '1d', maxNanoUsd: 1e9 }]);
  expect(read.custom).toEqual([{ unit: 'parallel', window: null, max: 2, mode: 'enforce', model: null }]);
});

test('a temporary increase stands in columns or in metadata, and needs an end', () => {
  const metadata = { temp_budget_increase: 5, temp_budget_expiry: '2026-01-01T00:00:00Z' };
  const inMetadata = { nanoUsd: 5e9, untilMs: Date.UTC(2026, 0, 1) };
  expect(own({}, metadata).temporaryIncrease).toEqual(inMetadata);
  const columns = { temp_budget_increase_nano_usd: 1, temp_budget_expiry_ms: 2 };
  expect(own(columns, metadata).temporaryIncrease).toEqual({ nanoUsd: 1, untilMs: 2 });
  expect(own({ temp_budget_increase_nano_usd: 1 }).temporaryIncrease).toBeNull();
  expect(own({}, { temp_budget_increase: 5, temp_budget_expiry: 'soon' }).temporaryIncrease).toBeNull();
});

test('the models of a budget and the time from which usage counts come along, where there are any', () => {
  const budget = { ...budgetRow('b', {}), allowed_models: '["small"]' };
  expect(allowanceOf({ ...NO_LIMITS, counts_from_ms: 5 }, budget, {})).toMatchObject({
    models: ['small'],
    countsFromMs: 5,
  });
  const none = allowanceOf({ ...NO_LIMITS, counts_from_ms: null }, budgetRow('b', {}), {});
  expect(['models' in none, 'countsFromMs' in none]).toEqual([false, false]);
});

test('the rates by tag of a key are read from its metadata; what is no rate is none', () => {
  const rates = (tag_rpm_limit: unknown) => {
    const metadata = JSON.stringify({ tag_rpm_limit });
    return allowanceOfKey(keyRow('t', { metadata }), undefined).tagRates;
  };
  expect(rates({ a: 3, b: 0, c: -1, d: 'many', e: '5' })).toEqual({ a: 3, b: 0, e: 5 });
  expect([rates({}), rates(null), rates([1]), rates({ a: null })]).toEqual([
    ...[undefined, undefined],
    ...[undefined, undefined],
  ]);
});

test('a spend set by hand needs its time', () => {
  expect(own({ spend_set_nano_usd: 0, spend_set_at_ms: 5 }).spendSet).toEqual({ nanoUsd: 0, atMs: 5 });
  expect(own({ spend_set_nano_usd: 0 }).spendSet).toBeNull();
});

describe('what a team says of its members', () => {
  test('is nothing, a budget, or words of its own over that budget', () => {
    expect(memberAllowanceOf({}, undefined)).toBeNull();
    expect(memberAllowanceOf({ team_member_budget_duration: '1d' }, undefined)).toBeNull();
    expect(memberAllowanceOf({}, budgetRow('b', { rpm_limit: 5 }))).toMatchObject({ rpmLimit: 5 });
    const metadata = { team_member_budget: 2, team_member_budget_duration: '1d', team_member_rpm_limit: 3 };
    expect(memberAllowanceOf(metadata, budgetRow('b', { rpm_limit: 5, tpm_limit: 6 }))).toMatchObject({
      ...{ maxBudgetNanoUsd: 2e9, budgetDuration: '1d', rpmLimit: 3, tpmLimit: 6 },
    });
    expect(memberAllowanceOf({ team_member_tpm_limit: 0 }, undefined)).toMatchObject({ tpmLimit: 0 });
  });
});

test('numbers that a database gives as text are numbers', () => {
  const given = { max_budget_nano_usd: '9007199254740991', rpm_limit: '5' } as unknown as Partial<OwnLimits>;
  expect(own(given)).toMatchObject({ maxBudgetNanoUsd: Number.MAX_SAFE_INTEGER, rpmLimit: 5 });
});
