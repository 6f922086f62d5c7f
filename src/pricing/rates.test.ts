import { describe, expect, test } from 'bun:test';
import type { TokenBuckets } from '../wire/usage.ts';
import { type PriceOptions, price } from './price.ts';
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

const PLAIN = { input_cost_per_token: 3e-6, output_cost_per_token: 1.5e-5 };

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
