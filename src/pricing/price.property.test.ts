import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Cost } from '../wire/usage.ts';
import { price, UNPRICED } from './price.ts';
import { type RateCard, rateCardOf } from './rate-card.ts';

function cardOf(fields: Readonly<Record<string, unknown>>): RateCard {
  const card = rateCardOf(fields, '2026-01-01');
  if (!card) throw new Error('A card without prices');
  return card;
}
const partsOf = (cost: Cost): number =>
  cost.inputNanoUsd + cost.outputNanoUsd + cost.cacheReadNanoUsd + cost.cacheWriteNanoUsd + cost.reasoningNanoUsd;

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
        const { factors, priceVersion, ...amounts } = price(used, prices, chosen);
        expect(factors).toBeUndefined();
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
});
