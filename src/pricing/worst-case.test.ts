import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { TokenBuckets } from '../wire/usage.ts';
import { price } from './price.ts';
import { type RateCard, rateCardOf, withCustomPrices } from './rate-card.ts';
import { affordableOutput, worstCase } from './worst-case.ts';

const card = (fields: Record<string, number>): RateCard | undefined => rateCardOf(fields, 'test');
const PLAIN = card({ input_cost_per_token: 1e-6, output_cost_per_token: 4e-6 });
const CACHED = card({
  input_cost_per_token: 1e-6,
  output_cost_per_token: 4e-6,
  cache_read_input_token_cost: 1e-7,
  cache_creation_input_token_cost: 1.25e-6,
  output_cost_per_reasoning_token: 6e-6,
});

describe('the worst case', () => {
  test('of plain prices is what so many tokens cost', () => {
    expect(worstCase({ input: 100, output: 10 }, PLAIN)).toBe(100_000 + 40_000);
  });

  test('takes the dearest price of each side', () => {
    expect(worstCase({ input: 100, output: 10 }, CACHED)).toBe(125_000 + 60_000);
  });

  test('of an unknown price is unknown, and of a free model nothing', () => {
    expect(worstCase({ input: 1, output: 1 }, undefined)).toBeNull();
    const free = withCustomPrices(undefined, { free: true }, 'test');
    expect(worstCase({ input: 1_000, output: 1_000 }, free)).toBe(0);
  });

  test('is never less than what any split of the same tokens costs', () => {
    const part = fc.integer({ min: 0, max: 5_000 });
    const split = fc.record({ input: part, cacheRead: part, cacheWrite: part, output: part, reasoning: part });
    fc.assert(
      fc.property(split, ({ input, cacheRead, cacheWrite, output, reasoning }) => {
        const buckets: TokenBuckets = {
          ...{ input, cacheRead, cacheWrite, output, reasoning },
          inputAudio: 0,
          outputAudio: 0,
          source: 'provider',
        };
        const count = { input: input + cacheRead + cacheWrite, output: output + reasoning };
        const real = price(buckets, CACHED).totalNanoUsd ?? 0;
        // Parts are rounded one by one, to a nano-dollar each.
        expect(worstCase(count, CACHED) ?? 0).toBeGreaterThanOrEqual(real - 5);
      }),
    );
  });
});

describe('what only the provider decides', () => {
  const fields = {
    ...{ input_cost_per_token: 1e-6, output_cost_per_token: 4e-6, input_cost_per_token_priority: 2e-6 },
    ...{ input_cost_per_token_flex: 5e-7, cache_creation_input_token_cost: 1.25e-6 },
    ...{ cache_creation_input_token_cost_above_1hr: 3e-6, output_cost_per_image_token: 3e-5 },
    search_context_cost_per_query: { search_context_size_low: 0.01, search_context_size_high: 0.03 },
    provider_specific_entry: { us: 1.1, fast: 2 },
  };
  const special = rateCardOf(fields, 'test');
  const worst = (options: Parameters<typeof worstCase>[2]) => worstCase({ input: 100, output: 10 }, special, options);
  /** A picture is the dearest that it can say. */
  const OUTPUT = 300_000;

  test('is held at its dearest: tiers, caches, searches, modes and places', () => {
    expect(worst({})).toBe(125_000 + OUTPUT);
    expect(worst({ serviceTiers: [undefined, 'priority'] })).toBe(200_000 + OUTPUT);
    expect(worst({ serviceTiers: [undefined, 'flex'] })).toBe(125_000 + OUTPUT);
    expect(worst({ cachesForAnHour: true })).toBe(300_000 + OUTPUT);
    expect(worst({ webSearches: 2 })).toBe(125_000 + OUTPUT + 60_000_000);
    expect(worst({ webSearches: 2, searchContextSize: 'low' })).toBe(125_000 + OUTPUT + 20_000_000);
    expect(worst({ speed: 'fast', region: 'us' })).toBe(((125_000 + OUTPUT) * 22) / 10);
    expect(worst({ speed: 'slow', region: 'moon' })).toBe(125_000 + OUTPUT);
  });
});

describe('what a sum buys', () => {
  test('is all that was wanted when it is enough', () => {
    expect(affordableOutput(140_000, { input: 100, output: 10 }, PLAIN)).toBe(10);
  });

  test('is the most that fits', () => {
    expect(affordableOutput(120_000, { input: 100, output: 10 }, PLAIN)).toBe(5);
    expect(affordableOutput(119_999, { input: 100, output: 10 }, PLAIN)).toBe(4);
    expect(affordableOutput(100_000, { input: 100, output: 10 }, PLAIN)).toBe(0);
  });

  test('is nothing when not even the input can be paid, or the price is unknown', () => {
    expect(affordableOutput(99_999, { input: 100, output: 10 }, PLAIN)).toBe(-1);
    expect(affordableOutput(1e12, { input: 1, output: 1 }, undefined)).toBe(-1);
  });

  test('costs no more than the sum, and one token more would', () => {
    const count = fc.record({
      input: fc.integer({ min: 0, max: 10_000 }),
      output: fc.integer({ min: 1, max: 100_000 }),
    });
    fc.assert(
      fc.property(count, fc.integer({ min: 0, max: 500_000_000 }), (wanted, sum) => {
        const bought = affordableOutput(sum, wanted, CACHED);
        const costOf = (output: number): number => worstCase({ ...wanted, output }, CACHED) ?? 0;
        if (bought >= 0) expect(costOf(bought)).toBeLessThanOrEqual(sum);
        if (bought < wanted.output) expect(costOf(bought + 1)).toBeGreaterThan(sum);
      }),
    );
  });
});
