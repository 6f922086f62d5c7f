import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type RateCard, rateCardOf, withCustomPrices } from './rate-card.ts';

const DATE = '2026-01-01';
const LISTED = {
  input_cost_per_token: 3e-6,
  output_cost_per_token: 15e-6,
  cache_read_input_token_cost: 3e-7,
  input_cost_per_token_above_200k_tokens: 6e-6,
  output_cost_per_reasoning_token: 20e-6,
  litellm_cost_other: 1,
};
const card = (fields: Readonly<Record<string, unknown>> = LISTED): RateCard | undefined => rateCardOf(fields, DATE);
const custom = (fields: Readonly<Record<string, unknown>>, base = card()): RateCard | undefined =>
  withCustomPrices(base, fields, DATE);

describe('the prices of the list', () => {
  test.each([
    ['a price of zero', 0, { input_cost_per_token: 0 }],
    ['a price', 1e-6, { input_cost_per_token: 1e-6 }],
    ['a negative one', -1, undefined],
    ['a text', '0.1', undefined],
    ['no number', Number.NaN, undefined],
    ['an endless one', Number.POSITIVE_INFINITY, undefined],
    ['null', null, undefined],
  ])('hold %s', (_what, value, prices) => {
    expect(card({ input_cost_per_token: value, max_tokens: 5, mode: 'chat' })?.prices).toEqual(prices);
  });

  test('are of the catalog, in the version of its date', () => {
    expect(card()).toEqual({ prices: LISTED, version: DATE, free: false, source: 'catalog' });
  });

  test('stand in tiers by how long the prompt is, the shortest first and the last open', () => {
    const tiered_pricing = [
      { range: [128_000], input_cost_per_token: 3 },
      { range: [0, 32_000], input_cost_per_token: 1, other: 2 },
      { range: [32_000, 128_000], input_cost_per_token: 2 },
      { range: 'all', input_cost_per_token: 9 },
      { range: [0, 'many'], input_cost_per_token: 9 },
      null,
    ];
    expect(card({ tiered_pricing })?.tiers).toEqual([
      { upToTokens: 32_000, prices: { input_cost_per_token: 1 } },
      { upToTokens: 128_000, prices: { input_cost_per_token: 2 } },
      { upToTokens: Number.POSITIVE_INFINITY, prices: { input_cost_per_token: 3 } },
    ]);
    expect([card({ tiered_pricing: [] }), card({ tiered_pricing: 'x' })]).toEqual([undefined, undefined]);
  });

  test.each([
    [
      { search_context_size_low: 0.01, search_context_size_high: 0.02 },
      { low: 0.01, high: 0.02 },
    ],
    [{ search_context_size_medium: '0.01' }, undefined],
    [[0.01], undefined],
  ])('of a web search in %p are %p', (search_context_cost_per_query, searchPrices) => {
    expect(card({ ...LISTED, search_context_cost_per_query })?.searchPrices).toEqual(searchPrices);
  });
});

describe('what is free', () => {
  const zero = { input_cost_per_token: 0, output_cost_per_token: 0 };
  test.each([
    ['zero in and out', zero, true],
    ['zero in, and nothing known of out', { input_cost_per_token: 0 }, false],
    ['zero in and out, but not for requests', { ...zero, input_cost_per_request: 1 }, false],
    [
      'zero in and out, and searches of zero',
      { ...zero, search_context_cost_per_query: { search_context_size_low: 0 } },
      true,
    ],
    [
      'zero in and out, but not searches',
      { ...zero, search_context_cost_per_query: { search_context_size_low: 0.1 } },
      false,
    ],
    [
      'zero in and out, but not in tiers',
      { ...zero, tiered_pricing: [{ range: [0, 1], input_cost_per_token: 0 }] },
      false,
    ],
  ])('is by %s: %p', (_what, fields, free) => {
    expect(card(fields)?.free).toBe(free);
  });

  test.each([true, 1])('is by an admin who says so with %p, whatever the list says', (free) => {
    expect(custom({ free, input_cost_per_token: 5 })).toMatchObject({ prices: zero, free: true, source: 'custom' });
  });

  test.each([false, 0, 'true', 'yes', null])('is not by %p', (free) => {
    expect(custom({ free })).toEqual(card());
  });
});

describe('a price of an admin', () => {
  const names = (fields: Readonly<Record<string, unknown>>) => Object.keys(custom(fields)?.prices ?? {}).sort();
  const INPUT = ['cache_read_input_token_cost', 'input_cost_per_token', 'input_cost_per_token_above_200k_tokens'];
  const OUTPUT = ['output_cost_per_reasoning_token', 'output_cost_per_token'];

  test.each([
    ['for input replaces all of the input side', { input_cost_per_token: 1 }, ['input_cost_per_token', ...OUTPUT]],
    ['for output replaces all of the output side', { output_cost_per_token: 1 }, [...INPUT, 'output_cost_per_token']],
    ['for a cache replaces just itself', { cache_read_input_token_cost: 1 }, [...INPUT, ...OUTPUT]],
    ['by the second replaces prices by the token', { input_cost_per_second: 1 }, ['input_cost_per_second']],
    [
      'by the second and by the token keeps to its side',
      { input_cost_per_second: 1, input_cost_per_token: 1 },
      ['input_cost_per_second', 'input_cost_per_token', ...OUTPUT],
    ],
  ])('%s', (_what, fields, left) => {
    expect(names(fields)).toEqual([...left, 'litellm_cost_other'].sort());
  });

  test('in tiers replaces both sides of the list, and one for a token leaves no tiers of it', () => {
    const tiered_pricing = [{ range: [0, 10], input_cost_per_token: 4 }];
    expect(custom({ tiered_pricing })).toMatchObject({
      prices: { litellm_cost_other: 1 },
      tiers: [{ upToTokens: 10, prices: { input_cost_per_token: 4 } }],
    });
    expect(custom({ output_cost_per_token: 1 }, card({ ...LISTED, tiered_pricing }))?.tiers).toBeUndefined();
    expect(custom({ cache_read_input_token_cost: 1 }, card({ ...LISTED, tiered_pricing }))?.tiers).toHaveLength(1);
  });

  test('is what counts where the list knows nothing, and nothing is made of nothing', () => {
    expect(withCustomPrices(undefined, { input_cost_per_token: 2 }, DATE)).toMatchObject({
      prices: { input_cost_per_token: 2 },
      free: false,
      source: 'custom',
    });
    expect(withCustomPrices(undefined, { input_cost_per_token: -2 }, DATE)).toBeUndefined();
  });

  test('makes a version of its own, the same in any order and another for any other price', () => {
    const fields = fc.dictionary(
      fc.constantFrom('input_cost_per_token', 'output_cost_per_token', 'a_cost'),
      fc.nat(99),
      {
        minKeys: 1,
      },
    );
    fc.assert(
      fc.property(fields, (prices) => {
        const backwards = Object.fromEntries(Object.entries(prices).reverse());
        const [first = ''] = Object.keys(prices);
        expect(custom(prices)?.version).toMatch(/^2026-01-01\+[0-9a-f]{8}$/);
        expect(custom(backwards)?.version).toBe(custom(prices)?.version);
        expect(custom({ ...prices, [first]: 100 })?.version).not.toBe(custom(prices)?.version);
      }),
      { numRuns: 100 },
    );
  });
});
