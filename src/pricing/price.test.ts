import { describe, expect, test } from 'bun:test';
import type { TokenBuckets } from '../wire/usage.ts';
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

test('broken counts count as none', () => {
  for (const broken of [Number.NaN, -5, Number.POSITIVE_INFINITY]) expect(totalOf({ input: broken }, PLAIN)).toBe(0);
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
