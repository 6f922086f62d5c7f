import { describe, expect, test } from 'bun:test';
import { joined } from '../db/usage-scopes.ts';
import { type Allowance, type CustomLimit, UNLIMITED } from '../gateway/entities.ts';
import { type CompileSettings, limitsOf, modelLimitsOf, tracking } from './compile.ts';
import type { Limit, Scope } from './types.ts';

const SETTINGS: CompileSettings = { timeZone: 'Europe/Berlin', rateWindowMs: 60_000 };
const KEY: Scope = { kind: 'api_key', id: 'digest' };
const NOW_MS = Date.UTC(2026, 0, 31, 12);
const MINUTE = { kind: 'sliding', ms: 60_000 } as const;
const LIFETIME = { kind: 'lifetime' } as const;

const limits = (allowance: Partial<Allowance>, nowMs = NOW_MS): Limit[] =>
  limitsOf(KEY, { ...UNLIMITED, ...allowance }, SETTINGS, nowMs);

const custom = (over: Partial<CustomLimit>): CustomLimit => ({
  unit: 'requests',
  window: '1d',
  max: 5,
  mode: 'enforce',
  model: null,
  ...over,
});

/** By its own name. */
const called = (modelGroup: string) => ({ modelGroup, alias: modelGroup });

describe('what is not limited', () => {
  test('has no limit at all', () => {
    expect(limits({})).toEqual([]);
    expect(modelLimitsOf({ kind: 'model_per_key', id: 'digest' }, UNLIMITED, called('gpt-4o'), SETTINGS)).toEqual([]);
  });

  test('but 0 is a limit: nothing may be spent', () => {
    expect(limits({ maxBudgetNanoUsd: 0, rpmLimit: 0 }).map(({ unit, max }) => [unit, max])).toEqual([
      ['usd', 0],
      ['requests', 0],
    ]);
  });
});

describe('a budget', () => {
  test('without a duration is for ever', () => {
    expect(limits({ maxBudgetNanoUsd: 7 })).toEqual([
      { scope: KEY, unit: 'usd', window: LIFETIME, max: 7, strength: 'hard' },
    ]);
  });

  test('with one is by the calendar of the configured zone', () => {
    const [budget] = limits({ maxBudgetNanoUsd: 7, budgetDuration: '1d' });
    expect(budget?.window).toEqual({ kind: 'calendar', every: 1, period: 'day', timeZone: 'Europe/Berlin' });
  });

  test('whose stored duration cannot be read any more limits for ever, and is not lifted', () => {
    expect(limits({ maxBudgetNanoUsd: 7, budgetDuration: 'often' })[0]?.window).toEqual(LIFETIME);
  });

  test('that is soft stands beside the hard one, over the same time', () => {
    const found = limits({ maxBudgetNanoUsd: 9, softBudgetNanoUsd: 5, budgetDuration: '1h' });
    expect(found.map(({ strength, max }) => [strength, max])).toEqual([
      ['hard', 9],
      ['soft', 5],
    ]);
    expect(found[0]?.window).toEqual(found[1]?.window);
  });

  test('over several windows is several limits', () => {
    const budgetWindows = [
      { duration: '1d', maxNanoUsd: 10 },
      { duration: '1mo', maxNanoUsd: 100 },
    ];
    expect(limits({ budgetWindows }).map(({ max, window }) => [max, window.kind])).toEqual([
      [10, 'calendar'],
      [100, 'calendar'],
    ]);
  });

  test('is raised until its increase ends', () => {
    const temporaryIncrease = { nanoUsd: 50, untilMs: NOW_MS + 1 };
    expect(limits({ maxBudgetNanoUsd: 100, temporaryIncrease })[0]?.max).toBe(150);
    expect(limits({ maxBudgetNanoUsd: 100, temporaryIncrease }, NOW_MS + 1)[0]?.max).toBe(100);
    expect(limits({ temporaryIncrease })).toEqual([]);
  });

  test('counts from where an admin has set it', () => {
    const spendSet = { nanoUsd: 3, atMs: NOW_MS - 5 };
    const found = limits({ maxBudgetNanoUsd: 9, softBudgetNanoUsd: 5, rpmLimit: 4, spendSet });
    expect(found.map(({ unit, since }) => [unit, since])).toEqual([
      ['usd', { atMs: NOW_MS - 5, amount: 3 }],
      ['usd', { atMs: NOW_MS - 5, amount: 3 }],
      ['requests', undefined],
    ]);
  });
});

describe('rates', () => {
  test('slide over the configured window', () => {
    expect(limits({ rpmLimit: 60, tpmLimit: 1_000 })).toEqual([
      { scope: KEY, unit: 'requests', window: MINUTE, max: 60, strength: 'hard' },
      { scope: KEY, unit: 'tokens', window: MINUTE, max: 1_000, strength: 'hard' },
    ]);
  });

  test('of tokens a day are by the calendar', () => {
    const [day] = limits({ tpdLimit: 5 });
    expect(day).toMatchObject({ unit: 'tokens', window: { kind: 'calendar', period: 'day' }, max: 5 });
  });

  test('of parallel calls are a level', () => {
    expect(limits({ maxParallelRequests: 3 })).toEqual([
      { scope: KEY, unit: 'parallel', window: LIFETIME, max: 3, strength: 'hard' },
    ]);
  });
});

describe('limits of any kind', () => {
  test.each<[CustomLimit['mode'], Limit['strength']]>([
    ['enforce', 'hard'],
    ['shadow', 'shadow'],
    ['soft', 'soft'],
  ])('in mode %s are %s', (mode, strength) => {
    expect(limits({ custom: [custom({ mode })] })[0]?.strength).toBe(strength);
  });

  test('of dollars are counted in nano-dollars', () => {
    expect(limits({ custom: [custom({ unit: 'usd', max: 0.25 })] })[0]).toMatchObject({
      unit: 'usd',
      max: 250_000_000,
    });
  });

  test.each<[string | null, Limit['window']]>([
    ['30s', { kind: 'sliding', ms: 30_000 }],
    ['5m', { kind: 'sliding', ms: 300_000 }],
    ['1h', { kind: 'calendar', every: 1, period: 'hour', timeZone: 'Europe/Berlin' }],
    ['1mo', { kind: 'calendar', every: 1, period: 'month', timeZone: 'Europe/Berlin' }],
    [null, LIFETIME],
  ])('over %s', (window, expected) => {
    expect(limits({ custom: [custom({ window })] })[0]?.window).toEqual(expected);
  });

  test('for one model stand on the pair, not on the owner', () => {
    const allowance: Allowance = { ...UNLIMITED, custom: [custom({ model: 'gpt-4o', max: 2 })] };
    expect(limitsOf(KEY, allowance, SETTINGS, NOW_MS)).toEqual([]);
    const owner = { kind: 'model_per_key', id: 'digest' } as const;
    expect(modelLimitsOf(owner, allowance, called('gpt-4o'), SETTINGS)).toMatchObject([
      { scope: { kind: 'model_per_key', id: joined('digest', 'gpt-4o') }, max: 2 },
    ]);
    expect(modelLimitsOf(owner, allowance, called('other'), SETTINGS)).toEqual([]);
  });
});

describe('limits of a model', () => {
  const own = { maxBudgetNanoUsd: 10, budgetDuration: '1d', rpmLimit: 2, tpmLimit: 30 };
  const allowance: Allowance = { ...UNLIMITED, perModel: { 'gpt-4o': own } };
  const owner = { kind: 'model_per_team', id: 't' } as const;

  test('are its budget and its rates', () => {
    const found = modelLimitsOf(owner, allowance, called('gpt-4o'), SETTINGS);
    expect(found.map(({ unit, max }) => [unit, max])).toEqual([
      ['usd', 10],
      ['requests', 2],
      ['tokens', 30],
    ]);
    expect(found.every(({ scope }) => scope.id === joined('t', 'gpt-4o'))).toBe(true);
  });

  test('hold for the model with and without its provider’s name', () => {
    expect(modelLimitsOf(owner, allowance, called('openai/gpt-4o'), SETTINGS)).toHaveLength(3);
    const prefixed: Allowance = { ...UNLIMITED, perModel: { 'azure/gpt-4o': own } };
    expect(modelLimitsOf(owner, prefixed, called('gpt-4o'), SETTINGS)).toHaveLength(3);
    expect(modelLimitsOf(owner, prefixed, called('gpt-4o-mini'), SETTINGS)).toEqual([]);
  });

  test('of a model named as every object’s member are those that were set, or none', () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      expect(modelLimitsOf(owner, allowance, called(name), SETTINGS)).toEqual([]);
    }
  });

  test('hold under the name that the client knows it by, beside those under its own', () => {
    const both: Allowance = { ...UNLIMITED, perModel: { 'gpt-4o': own, best: { ...own, rpmLimit: 1 } } };
    const rates = (alias: string) =>
      modelLimitsOf(owner, both, { modelGroup: 'gpt-4o', alias }, SETTINGS)
        .filter(({ unit }) => unit === 'requests')
        .map(({ scope, max }) => [scope.id, max]);
    expect(rates('best')).toEqual([
      [joined('t', 'gpt-4o'), 2],
      [joined('t', 'gpt-4o'), 1],
    ]);
    expect(rates('gpt-4o')).toHaveLength(1);
    expect(rates('constructor')).toHaveLength(1);
    const limited: Allowance = { ...UNLIMITED, custom: [custom({ model: 'best', max: 4 })] };
    expect(modelLimitsOf(owner, limited, { modelGroup: 'gpt-4o', alias: 'best' }, SETTINGS)).toHaveLength(1);
    expect(modelLimitsOf(owner, limited, called('gpt-4o'), SETTINGS)).toEqual([]);
  });

  test('prefer the exact name', () => {
    const both: Allowance = {
      ...UNLIMITED,
      perModel: { 'azure/gpt-4o': { ...own, rpmLimit: 1 }, 'gpt-4o': { ...own, rpmLimit: 9 } },
    };
    const rpm = modelLimitsOf(owner, both, called('gpt-4o'), SETTINGS).find(({ unit }) => unit === 'requests');
    expect(rpm?.max).toBe(9);
  });
});

describe('what is only counted', () => {
  test('is the spend of the current window, or of all time', () => {
    expect(tracking(KEY, null, SETTINGS)).toEqual({
      scope: KEY,
      unit: 'usd',
      window: LIFETIME,
      max: Number.POSITIVE_INFINITY,
      strength: 'hard',
    });
    const monthly = { ...UNLIMITED, budgetDuration: '1mo', spendSet: { nanoUsd: 1, atMs: 2 } };
    expect(tracking(KEY, monthly, SETTINGS)).toMatchObject({
      window: { kind: 'calendar', period: 'month' },
      since: { atMs: 2, amount: 1 },
    });
  });
});

describe('what was made anew', () => {
  const anew = { since: { atMs: NOW_MS - 9, amount: 0 } };
  const day = { maxBudgetNanoUsd: 4, budgetDuration: '1d', rpmLimit: 2, tpmLimit: null };
  const counted: Allowance = {
    ...{ ...UNLIMITED, countsFromMs: NOW_MS - 9, maxBudgetNanoUsd: 9, softBudgetNanoUsd: 5, tpdLimit: 7 },
    ...{ budgetWindows: [{ duration: '1d', maxNanoUsd: 3 }], perModel: { m: day } },
    custom: [custom({ max: 2 }), custom({ model: 'm', max: 1 })],
  };

  test('counts nothing from before in anything that adds up', () => {
    const found = limits(counted);
    expect(found).toHaveLength(5);
    for (const limit of found) expect(limit).toMatchObject(anew);
    const ofModel = modelLimitsOf({ kind: 'model_per_key', id: 'k' }, counted, called('m'), SETTINGS);
    expect(ofModel).toHaveLength(3);
    for (const limit of ofModel) expect(limit).toMatchObject(anew);
    expect(tracking(KEY, counted, SETTINGS)).toMatchObject(anew);
  });

  test('goes by what an admin has set since, and not by what was set before', () => {
    const set = (atMs: number) => limits({ ...counted, spendSet: { nanoUsd: 3, atMs } })[0]?.since;
    expect(set(NOW_MS - 5)).toEqual({ atMs: NOW_MS - 5, amount: 3 });
    expect(set(NOW_MS - 20)).toEqual(anew.since);
  });
});
