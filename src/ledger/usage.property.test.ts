import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Usage } from '../wire/openai.ts';
import type { TokenBuckets } from '../wire/usage.ts';
import { bucketsOf, type UsageFallback, usageOf } from './usage.ts';
import { webSearchesOf } from './usage-factors.ts';

const NO_TEXT: UsageFallback = { promptChars: 0, outputChars: 0 };
/** 100 tokens of prompt and 50 of output by our estimate. */
const TEXT: UsageFallback = { promptChars: 400, outputChars: 200 };

/** Usage as it comes off the wire, where nothing has a type. */
const sorted = (usage: unknown, fallback: UsageFallback = TEXT): TokenBuckets =>
  bucketsOf(usage as Usage | undefined, fallback);

const promptOf = (buckets: TokenBuckets): number =>
  buckets.input + buckets.cacheRead + buckets.cacheWrite + buckets.inputAudio;
const completionOf = (buckets: TokenBuckets): number => buckets.output + buckets.reasoning + buckets.outputAudio;

describe('for anything that may arrive', () => {
  const count = fc.oneof(
    fc.nat({ max: 100_000 }),
    fc.constantFrom(-1, 0.5, Number.NaN, 1e308, '12', null, undefined, true, Number.POSITIVE_INFINITY),
    fc.anything(),
  );
  const details = fc.oneof(
    fc.record(
      { cached_tokens: count, cache_creation_tokens: count, audio_tokens: count, reasoning_tokens: count },
      { requiredKeys: [] },
    ),
    fc.anything(),
  );
  const usage = fc.oneof(
    fc.record(
      {
        prompt_tokens: count,
        completion_tokens: count,
        total_tokens: count,
        cache_read_input_tokens: count,
        cache_creation_input_tokens: count,
        prompt_cache_hit_tokens: count,
        cache_creation: fc.record({ ephemeral_1h_input_tokens: count }),
        prompt_tokens_details: details,
        completion_tokens_details: details,
      },
      { requiredKeys: [] },
    ),
    fc.anything(),
  );
  const chars = fc.nat({ max: 10_000 });

  test('buckets are whole, not negative and bounded', () => {
    fc.assert(
      fc.property(usage, chars, chars, (reported, promptChars, outputChars) => {
        const { source, ...counts } = sorted(reported, { promptChars, outputChars });
        expect(['provider', 'estimated', 'suspect']).toContain(source);
        for (const tokens of Object.values(counts)) {
          expect(Number.isInteger(tokens) && tokens >= 0 && tokens <= 16_000_000).toBe(true);
        }
        expect(counts.cacheWrite1h ?? 0).toBeLessThanOrEqual(counts.cacheWrite);
      }),
    );
  });

  test('text that was there is never counted as nothing', () => {
    fc.assert(
      fc.property(usage, fc.integer({ min: 1, max: 9_999 }), (reported, length) => {
        const buckets = sorted(reported, { promptChars: length, outputChars: length });
        expect(promptOf(buckets)).toBeGreaterThan(0);
        expect(completionOf(buckets)).toBeGreaterThan(0);
      }),
    );
  });

  test('buckets of sane usage add up to the totals that it reports', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.nat({ max: 1e6 }), fc.nat({ max: 1e6 }), share, share, (prompt, completion, one, other) => {
        const cached = Math.floor(prompt * one);
        const buckets = sorted(
          {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            prompt_tokens_details: { cached_tokens: cached, audio_tokens: Math.floor((prompt - cached) * other) },
            completion_tokens_details: { reasoning_tokens: Math.floor(completion * other) },
          },
          NO_TEXT,
        );
        expect(promptOf(buckets)).toBe(prompt);
        expect(completionOf(buckets)).toBe(completion);
        expect(buckets.source).toBe('provider');
      }),
    );
  });

  test('buckets put into OpenAI’s shape and sorted again are the same', () => {
    const tokens = fc.nat({ max: 500_000 });
    const buckets = fc.record({
      input: tokens,
      cacheRead: tokens,
      cacheWrite: tokens,
      inputAudio: tokens,
      output: tokens,
      reasoning: tokens,
      outputAudio: tokens,
      source: fc.constant('provider' as const),
    });
    fc.assert(
      fc.property(buckets, (used) => {
        expect(sorted(usageOf(used), NO_TEXT)).toEqual(used);
      }),
    );
  });

  test('web searches are whole and few', () => {
    fc.assert(
      fc.property(fc.anything(), count, (reported, searches) => {
        for (const value of [reported, { num_search_queries: searches }]) {
          const found = webSearchesOf(value as Usage);
          expect(Number.isInteger(found) && found >= 0 && found <= 1_000).toBe(true);
        }
      }),
    );
  });
});
