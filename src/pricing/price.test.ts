import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Cost, TokenBuckets } from '../wire/usage.ts';
import { loadCatalog } from './catalog.ts';
import { type PriceOptions, price, REPORTED, UNPRICED } from './price.ts';
import { type RateCard, rateCardOf } from './rate-card.ts';

const NO_TOKENS: TokenBuckets = {
  input: 0,
  cacheRead: 0,
  cacheWrite: 0,
  inputAudio: 0,
  output: 0,
  reasoning: 0,
  outputAudio: 0,
  source: 'provider',
};
const tokens = (over: Partial<TokenBuckets>): TokenBuckets => ({ ...NO_TOKENS, ...over });

function cardOf(fields: Readonly<Record<string, unknown>>): RateCard {
  const card = rateCardOf(fields, '2026-01-01');
  if (!card) throw new Error('A card without prices');
  return card;
}
const totalOf = (
  over: Partial<TokenBuckets>,
  fields: Readonly<Record<string, unknown>>,
  options?: PriceOptions,
): number | null => price(tokens(over), cardOf(fields), options).totalNanoUsd;

const partsOf = (cost: Cost): number =>
  cost.inputNanoUsd + cost.outputNanoUsd + cost.cacheReadNanoUsd + cost.cacheWriteNanoUsd + cost.reasoningNanoUsd;

const PLAIN = { input_cost_per_token: 3e-6, output_cost_per_token: 1.5e-5 };

describe('public prices', () => {
  const catalog = loadCatalog();
  // A thousand input, a thousand cached and a hundred output tokens, in nano-dollars from the providers' price pages.
  test.each([
    ['openai', 'gpt-4o', [2_500_000, 1_250_000, 1_000_000]],
    ['openai', 'gpt-4o-mini', [150_000, 75_000, 60_000]],
    ['openai', 'gpt-4.1', [2_000_000, 500_000, 800_000]],
    ['openai', 'gpt-5', [1_250_000, 125_000, 1_000_000]],
    ['openai', 'o3-mini', [1_100_000, 550_000, 440_000]],
    ['azure', 'gpt-4o', [2_500_000, 1_250_000, 1_000_000]],
    ['anthropic', 'claude-sonnet-4-5', [3_000_000, 300_000, 1_500_000]],
    ['anthropic', 'claude-haiku-4-5', [1_000_000, 100_000, 500_000]],
    ['gemini', 'gemini-2.5-flash', [300_000, 30_000, 250_000]],
    ['deepseek', 'deepseek-chat', [280_000, 28_000, 42_000]],
  ])('%s %s costs what its provider says', (provider, model, [input = 0, cacheRead = 0, output = 0]) => {
    const cost = price(tokens({ input: 1_000, cacheRead: 1_000, output: 100 }), catalog.rateCard({ provider, model }));
    expect(cost).toMatchObject({ inputNanoUsd: input, cacheReadNanoUsd: cacheRead, outputNanoUsd: output });
    expect(cost.totalNanoUsd).toBe(input + cacheRead + output);
    expect(cost.priceVersion).toBe(catalog.date);
  });
});

describe('decimals', () => {
  test.each([
    [1, 1.95e-6, 1_950],
    [3, 1.1e-7, 330],
    [1, 2.9999900000000002e-6, 3_000],
    [7, 2.8e-8, 196],
    [1, 5e-10, 1],
    [1, 4.9e-10, 0],
    [5, 1e-10, 1],
    [4, 1e-10, 0],
    [1_000_000, 1e-13, 100],
    [1, 0.1, 100_000_000],
    [3, 0.1, 300_000_000],
    [49, 1.005e-6, 49_245],
  ])('%d tokens at %p are %d nano-dollars, half up', (count, rate, nano) => {
    expect(totalOf({ input: count }, { input_cost_per_token: rate, output_cost_per_token: 0 })).toBe(nano);
  });

  test('a part is rounded once, not once a bucket', () => {
    // Two amounts of 0.3 nano-dollars would be 0 each.
    const fields = { input_cost_per_token: 3e-10, input_cost_per_audio_token: 3e-10, output_cost_per_token: 0 };
    expect(totalOf({ input: 1, inputAudio: 1 }, fields)).toBe(1);
  });

  test('a price beyond reason still gives a safe integer', () => {
    const total = totalOf(
      { input: 16_000_000, output: 16_000_000 },
      { input_cost_per_token: 1e9, output_cost_per_token: 1e9 },
    );
    expect(Number.isSafeInteger(total)).toBe(true);
  });
});

describe('unknown is not zero', () => {
  test('no card, no total', () => {
    expect(price(tokens({ input: 10 }), undefined)).toEqual({
      totalNanoUsd: null,
      inputNanoUsd: 0,
      outputNanoUsd: 0,
      cacheReadNanoUsd: 0,
      cacheWriteNanoUsd: 0,
      reasoningNanoUsd: 0,
      priceVersion: UNPRICED,
    });
  });

  test('a card that lacks the one price needed gives no total either', () => {
    expect(totalOf({ input: 10, output: 1 }, { input_cost_per_token: 1e-6 })).toBeNull();
    expect(totalOf({ reasoning: 1 }, { input_cost_per_token: 1e-6 })).toBeNull();
    expect(totalOf({ cacheRead: 1 }, { output_cost_per_token: 1e-6 })).toBeNull();
  });

  test('a price that is not needed may be missing', () => {
    expect(totalOf({ input: 10 }, { input_cost_per_token: 1e-6 })).toBe(10_000);
  });

  test('a price of zero is a price', () => {
    expect(totalOf({ input: 10, output: 10 }, { input_cost_per_token: 0, output_cost_per_token: 0 })).toBe(0);
  });
});

describe('caches', () => {
  const fields = {
    ...PLAIN,
    cache_read_input_token_cost: 3e-7,
    cache_creation_input_token_cost: 3.75e-6,
    cache_creation_input_token_cost_above_1hr: 6e-6,
  };

  test('each kind of token has its own price, to the nano-dollar', () => {
    const cost = price(tokens({ input: 21, cacheRead: 188_086, cacheWrite: 393, output: 1_017 }), cardOf(fields));
    expect(cost).toMatchObject({
      inputNanoUsd: 63_000,
      cacheReadNanoUsd: 56_425_800,
      cacheWriteNanoUsd: 1_473_750,
      outputNanoUsd: 15_255_000,
      totalNanoUsd: 73_217_550,
    });
  });

  test('writes kept for an hour are the dearer part of all writes', () => {
    expect(totalOf({ cacheWrite: 1_000, cacheWrite1h: 400 }, fields)).toBe(600 * 3_750 + 400 * 6_000);
    expect(totalOf({ cacheWrite: 100, cacheWrite1h: 400 }, fields)).toBe(100 * 6_000);
  });

  test('without a cache price cached tokens cost what input costs', () => {
    expect(totalOf({ cacheRead: 10, cacheWrite: 10, cacheWrite1h: 5 }, PLAIN)).toBe(20 * 3_000);
  });

  test('the older name of a cache price is understood', () => {
    expect(totalOf({ cacheRead: 10 }, { ...PLAIN, input_cost_per_token_cache_hit: 1e-7 })).toBe(1_000);
  });
});

describe('audio and reasoning', () => {
  test('audio has its own price, else the plain one', () => {
    const fields = { ...PLAIN, input_cost_per_audio_token: 4e-5, output_cost_per_audio_token: 8e-5 };
    const cost = price(tokens({ input: 1, inputAudio: 2, output: 3, outputAudio: 4 }), cardOf(fields));
    expect(cost.inputNanoUsd).toBe(3_000 + 80_000);
    expect(cost.outputNanoUsd).toBe(45_000 + 320_000);
    expect(totalOf({ inputAudio: 2, outputAudio: 4 }, PLAIN)).toBe(6_000 + 60_000);
  });

  test('reasoning has its own price, else that of output', () => {
    expect(totalOf({ reasoning: 10 }, { ...PLAIN, output_cost_per_reasoning_token: 4e-5 })).toBe(400_000);
    expect(totalOf({ reasoning: 10 }, PLAIN)).toBe(150_000);
  });

  test('a reasoning price equal to that of output follows its service tiers', () => {
    const fields = { ...PLAIN, output_cost_per_reasoning_token: 1.5e-5, output_cost_per_token_flex: 7.5e-6 };
    expect(totalOf({ reasoning: 10 }, fields, { serviceTier: 'flex' })).toBe(75_000);
  });
});

describe('long prompts', () => {
  const fields = {
    ...PLAIN,
    cache_read_input_token_cost: 3e-7,
    input_cost_per_token_above_200k_tokens: 6e-6,
    output_cost_per_token_above_200k_tokens: 2.25e-5,
    cache_read_input_token_cost_above_200k_tokens: 6e-7,
    input_cost_per_token_above_272k_tokens: 9e-6,
  };

  test.each([
    [199_999, 3_000, 15_000],
    [200_000, 3_000, 15_000],
    [200_001, 6_000, 22_500],
    [272_000, 6_000, 22_500],
    [272_001, 9_000, 22_500],
  ])('with %d prompt tokens all of the request costs %d and %d a token', (input, perInput, perOutput) => {
    expect(totalOf({ input, output: 10 }, fields)).toBe(input * perInput + 10 * perOutput);
  });

  test('cached and written tokens count towards the threshold and pay its price', () => {
    expect(totalOf({ input: 1, cacheRead: 199_999, output: 1 }, fields)).toBe(3_000 + 199_999 * 300 + 15_000);
    expect(totalOf({ input: 2, cacheRead: 199_999, output: 1 }, fields)).toBe(2 * 6_000 + 199_999 * 600 + 22_500);
    expect(totalOf({ input: 1, cacheWrite: 200_000 }, fields)).toBe(200_001 * 6_000);
  });

  test('output tokens do not', () => {
    expect(totalOf({ input: 1, output: 300_000 }, fields)).toBe(3_000 + 300_000 * 15_000);
  });

  test('an hour-long write has thresholds too', () => {
    const hour = {
      ...fields,
      cache_creation_input_token_cost_above_1hr: 6e-6,
      cache_creation_input_token_cost_above_1hr_above_200k_tokens: 1.2e-5,
    };
    expect(totalOf({ cacheWrite: 200_000, cacheWrite1h: 200_000 }, hour)).toBe(200_000 * 6_000);
    expect(totalOf({ cacheWrite: 200_001, cacheWrite1h: 200_001 }, hour)).toBe(200_001 * 12_000);
  });

  test.each([
    [0, 50],
    [32_000, 50],
    [32_001, 80],
    [128_000, 80],
    [128_001, 160],
    [9_000_000, 160],
  ])('of price ranges, %d tokens fall in the one at %d nano-dollars', (input, perToken) => {
    const tiered = {
      tiered_pricing: [
        { range: [0, 32_000], input_cost_per_token: 5e-8, output_cost_per_token: 4e-7 },
        { range: [128_000, 256_000], input_cost_per_token: 1.6e-7, output_cost_per_token: 4e-7 },
        { range: [32_000, 128_000], input_cost_per_token: 8e-8, output_cost_per_token: 4e-7 },
      ],
    };
    expect(totalOf({ input, output: 1 }, tiered)).toBe(input * perToken + 400);
  });
});

describe('service tiers', () => {
  const fields = {
    ...PLAIN,
    input_cost_per_token_flex: 1.5e-6,
    output_cost_per_token_flex: 7.5e-6,
    input_cost_per_token_priority: 6e-6,
    input_cost_per_token_batches: 1e-6,
    input_cost_per_token_above_200k_tokens: 5e-6,
    input_cost_per_token_above_200k_tokens_flex: 2.5e-6,
  };

  test.each([
    ['flex', 10 * 1_500 + 10 * 7_500],
    ['FLEX', 10 * 1_500 + 10 * 7_500],
    ['priority', 10 * 6_000 + 10 * 15_000],
    ['batch', 10 * 1_000 + 10 * 15_000],
    ['default', 10 * 3_000 + 10 * 15_000],
    ['auto', 10 * 3_000 + 10 * 15_000],
    ['', 10 * 3_000 + 10 * 15_000],
    ['tier of tomorrow', 10 * 3_000 + 10 * 15_000],
    [undefined, 10 * 3_000 + 10 * 15_000],
  ])('%p is billed at its own prices, else at the standard ones', (serviceTier, nano) => {
    expect(totalOf({ input: 10, output: 10 }, fields, { serviceTier })).toBe(nano);
  });

  test('a tier can have its own price for long prompts', () => {
    expect(totalOf({ input: 200_001 }, fields, { serviceTier: 'flex' })).toBe(200_001 * 2_500);
  });

  test('where it has none, a long prompt is not cheaper than a short one', () => {
    expect(totalOf({ input: 200_001 }, fields, { serviceTier: 'priority' })).toBe(200_001 * 6_000);
    expect(totalOf({ input: 200_001 }, fields, { serviceTier: 'batch' })).toBe(200_001 * 5_000);
  });
});

describe('charges that are not by token', () => {
  test('a model billed by the second costs its time, whatever the tokens', () => {
    const fields = { input_cost_per_second: 0.0175 };
    expect(totalOf({ input: 10, output: 99 }, fields, { durationMs: 1_500 })).toBe(26_250_000);
    expect(totalOf({ input: 10 }, fields, { durationMs: 0.5 })).toBe(8_750);
  });

  test('both sides may have a price for the time', () => {
    const cost = price(tokens({ input: 1 }), cardOf({ input_cost_per_second: 0.001, output_cost_per_second: 0.002 }), {
      durationMs: 1_000,
    });
    expect(cost).toMatchObject({ inputNanoUsd: 1_000_000, outputNanoUsd: 2_000_000, totalNanoUsd: 3_000_000 });
  });

  test('without a duration its cost is unknown', () => {
    expect(totalOf({ input: 10 }, { input_cost_per_second: 0.0175 })).toBeNull();
    expect(totalOf({ input: 10 }, { input_cost_per_second: 0.0175 }, { durationMs: Number.NaN })).toBeNull();
  });

  test('token prices go before prices for the time', () => {
    expect(totalOf({ input: 1, output: 1 }, { ...PLAIN, input_cost_per_second: 1 }, { durationMs: 5_000 })).toBe(
      18_000,
    );
  });

  test('a charge by request is added once', () => {
    expect(totalOf({ input: 1_000 }, { ...PLAIN, input_cost_per_request: 0.005 })).toBe(5_000_000 + 3_000_000);
  });

  test('web searches are added by their number and size', () => {
    const search_context_cost_per_query = {
      search_context_size_low: 0.005,
      search_context_size_medium: 0.008,
      search_context_size_high: 0.012,
    };
    const fields = { ...PLAIN, search_context_cost_per_query };
    expect(totalOf({ input: 1 }, fields, { webSearches: 2 })).toBe(3_000 + 16_000_000);
    expect(totalOf({ input: 1 }, fields, { webSearches: 2, searchContextSize: 'high' })).toBe(3_000 + 24_000_000);
    expect(totalOf({ input: 1 }, PLAIN, { webSearches: 2 })).toBe(3_000);
  });
});

describe('what the provider says it cost', () => {
  test('replaces our sum and keeps its proportions', () => {
    const cost = price(tokens({ input: 100, output: 20 }), cardOf(PLAIN), { reportedCostUsd: 0.0000012 });
    expect(cost).toMatchObject({
      totalNanoUsd: 1_200,
      inputNanoUsd: 600,
      outputNanoUsd: 600,
      priceVersion: REPORTED,
    });
  });

  test('prices a model that we have no price for', () => {
    const cost = price(tokens({ input: 100 }), undefined, { reportedCostUsd: 0.25 });
    expect(cost).toMatchObject({ totalNanoUsd: 250_000_000, inputNanoUsd: 250_000_000 });
  });

  test('may be zero', () => {
    expect(price(tokens({ input: 100 }), cardOf(PLAIN), { reportedCostUsd: 0 }).totalNanoUsd).toBe(0);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 10_001])(
    'is not believed when it is %p',
    (reportedCostUsd) => {
      expect(price(tokens({ input: 100 }), cardOf(PLAIN), { reportedCostUsd }).totalNanoUsd).toBe(300_000);
    },
  );
});

describe('for any usage and any prices', () => {
  const count = fc.integer({ min: 0, max: 2_000_000 });
  const buckets = fc.record({
    input: count,
    cacheRead: count,
    cacheWrite: count,
    cacheWrite1h: count,
    inputAudio: count,
    output: count,
    reasoning: count,
    outputAudio: count,
    source: fc.constant('provider' as const),
  });
  const rate = fc.double({ min: 0, max: 1e-3, noNaN: true });
  /** Prices above a threshold are never lower, as in every real list. */
  const card = fc
    .record({
      input_cost_per_token: rate,
      output_cost_per_token: rate,
      cache_read_input_token_cost: rate,
      cache_creation_input_token_cost: rate,
      output_cost_per_reasoning_token: rate,
      input_cost_per_audio_token: rate,
      input_cost_per_token_flex: rate,
      input_cost_per_token_priority: rate,
      more: rate,
    })
    .map(({ more, ...fields }) =>
      cardOf({
        ...fields,
        input_cost_per_token_above_200k_tokens: fields.input_cost_per_token + more,
        output_cost_per_token_above_200k_tokens: fields.output_cost_per_token + more,
      }),
    );
  const options = fc.record({
    serviceTier: fc.constantFrom(undefined, 'flex', 'priority', 'default'),
    reportedCostUsd: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
  });

  test('the parts add up to the total, and all are whole and not negative', () => {
    fc.assert(
      fc.property(buckets, card, options, (used, prices, chosen) => {
        const { priceVersion, ...amounts } = price(used, prices, chosen);
        expect(priceVersion).not.toBe(UNPRICED);
        expect(partsOf({ priceVersion, ...amounts })).toBe(amounts.totalNanoUsd ?? -1);
        for (const amount of Object.values(amounts)) {
          expect(Number.isSafeInteger(amount) && amount !== null && amount >= 0).toBe(true);
        }
      }),
    );
  });

  test('one more token never makes it cheaper', () => {
    const bucket = fc.constantFrom(
      'input',
      'cacheRead',
      'cacheWrite',
      'inputAudio',
      'output',
      'reasoning',
      'outputAudio',
    );
    fc.assert(
      fc.property(buckets, card, options, bucket, (used, prices, { serviceTier }, name) => {
        const before = price(used, prices, { serviceTier }).totalNanoUsd ?? -1;
        const after = price({ ...used, [name]: used[name] + 1 }, prices, { serviceTier }).totalNanoUsd ?? -1;
        expect(after).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  test('the same question has the same answer', () => {
    fc.assert(
      fc.property(buckets, card, options, (used, prices, chosen) => {
        expect(price(used, prices, chosen)).toEqual(price({ ...used }, { ...prices }, chosen));
      }),
    );
  });

  test('broken counts count as none', () => {
    for (const broken of [Number.NaN, -5, Number.POSITIVE_INFINITY]) expect(totalOf({ input: broken }, PLAIN)).toBe(0);
  });
});
