import { describe, expect, test } from 'bun:test';
import type { Usage } from '../wire/openai.ts';
import type { TokenBuckets } from '../wire/usage.ts';
import { bucketsOf, estimateTokens, type UsageFallback, usageOf } from './usage.ts';
import { webSearchesOf } from './usage-factors.ts';

const NO_TEXT: UsageFallback = { promptChars: 0, outputChars: 0 };
/** 100 tokens of prompt and 50 of output by our estimate. */
const TEXT: UsageFallback = { promptChars: 400, outputChars: 200 };

/** Usage as it comes off the wire, where nothing has a type. */
const sorted = (usage: unknown, fallback: UsageFallback = TEXT): TokenBuckets =>
  bucketsOf(usage as Usage | undefined, fallback);

describe('an estimate', () => {
  test.each([
    [0, 0],
    [1, 1],
    [4, 1],
    [5, 2],
    [400, 100],
    [-4, 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 0],
  ])('of %d characters is %d tokens', (chars, tokens) => {
    expect(estimateTokens(chars)).toBe(tokens);
  });
});

describe('usage that can be believed', () => {
  test('without details is plain input and output', () => {
    expect(sorted({ prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 })).toEqual({
      input: 12,
      cacheRead: 0,
      cacheWrite: 0,
      inputAudio: 0,
      output: 7,
      reasoning: 0,
      outputAudio: 0,
      source: 'provider',
    });
  });

  test('with OpenAI’s details is parted into buckets that share no token', () => {
    const usage = {
      prompt_tokens: 1_000,
      completion_tokens: 300,
      total_tokens: 1_300,
      prompt_tokens_details: { cached_tokens: 600, audio_tokens: 50 },
      completion_tokens_details: { reasoning_tokens: 120, audio_tokens: 30, accepted_prediction_tokens: 5 },
    };
    expect(sorted(usage)).toEqual({
      input: 350,
      cacheRead: 600,
      cacheWrite: 0,
      inputAudio: 50,
      output: 150,
      reasoning: 120,
      outputAudio: 30,
      source: 'provider',
    });
  });

  test('may have null for details', () => {
    const usage = {
      prompt_tokens: 5,
      completion_tokens: 5,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    };
    expect(sorted(usage)).toMatchObject({ input: 5, output: 5, source: 'provider' });
  });

  test('with cache fields at its top has them read there', () => {
    const usage = {
      prompt_tokens: 1_000,
      completion_tokens: 1,
      total_tokens: 1_001,
      cache_read_input_tokens: 700,
      cache_creation_input_tokens: 200,
    };
    expect(sorted(usage)).toMatchObject({ input: 100, cacheRead: 700, cacheWrite: 200, source: 'provider' });
  });

  test('with cache fields in both places has them counted once', () => {
    const usage = {
      prompt_tokens: 1_000,
      completion_tokens: 1,
      cache_read_input_tokens: 700,
      cache_creation_input_tokens: 200,
      prompt_tokens_details: { cached_tokens: 700, cache_creation_tokens: 200 },
    };
    expect(sorted(usage)).toMatchObject({ input: 100, cacheRead: 700, cacheWrite: 200 });
  });

  test('tells which writes are kept for an hour', () => {
    const details = { ephemeral_5m_input_tokens: 150, ephemeral_1h_input_tokens: 50 };
    const usage = {
      prompt_tokens: 300,
      completion_tokens: 1,
      cache_creation_input_tokens: 200,
      cache_creation: details,
    };
    expect(sorted(usage)).toMatchObject({ input: 100, cacheWrite: 200, cacheWrite1h: 50 });
    const nested = { cache_creation_tokens: 200, cache_creation_token_details: details };
    expect(sorted({ prompt_tokens: 300, completion_tokens: 1, prompt_tokens_details: nested })).toMatchObject({
      cacheWrite: 200,
      cacheWrite1h: 50,
    });
  });

  test('of DeepSeek has its cache hits in the prompt', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 5,
      total_tokens: 105,
      prompt_cache_hit_tokens: 64,
      prompt_cache_miss_tokens: 36,
    };
    expect(sorted(usage)).toMatchObject({ input: 36, cacheRead: 64, source: 'provider' });
  });

  test('of xAI has reasoning beside the completion, as its total says', () => {
    const usage = {
      prompt_tokens: 32,
      completion_tokens: 9,
      total_tokens: 270,
      completion_tokens_details: { reasoning_tokens: 229 },
    };
    expect(sorted(usage)).toMatchObject({ input: 32, output: 9, reasoning: 229, source: 'provider' });
    const few = { ...usage, completion_tokens: 300, total_tokens: 561 };
    expect(sorted(few)).toMatchObject({ output: 300, reasoning: 229, source: 'provider' });
  });

  test('with cached tokens beside the prompt has them added, as its total says', () => {
    const usage = {
      prompt_tokens: 1_000,
      completion_tokens: 10,
      total_tokens: 1_710,
      cache_read_input_tokens: 700,
    };
    expect(sorted(usage)).toMatchObject({ input: 1_000, cacheRead: 700, source: 'provider' });
    const all = { prompt_tokens: 4, completion_tokens: 10, cache_read_input_tokens: 700 };
    expect(sorted(all)).toMatchObject({ input: 4, cacheRead: 700, source: 'provider' });
  });

  test('does not take left-out reasoning for left-out cached tokens', () => {
    const usage = {
      prompt_tokens: 500,
      completion_tokens: 20,
      total_tokens: 648,
      prompt_tokens_details: { cached_tokens: 128 },
      completion_tokens_details: { reasoning_tokens: 128 },
    };
    expect(sorted(usage)).toMatchObject({ input: 372, cacheRead: 128, output: 20, reasoning: 128 });
  });

  test('counts audio that came from the cache as cached', () => {
    const details = { cached_tokens: 90, audio_tokens: 50 };
    const usage = { prompt_tokens: 100, completion_tokens: 1, prompt_tokens_details: details };
    expect(sorted(usage)).toMatchObject({ input: 0, cacheRead: 90, inputAudio: 10, source: 'provider' });
  });

  test('may be zero where there was no text', () => {
    expect(sorted({ prompt_tokens: 0, completion_tokens: 0 }, NO_TEXT)).toMatchObject({ input: 0, source: 'provider' });
  });

  test('does not have the prompt counted', () => {
    const promptChars = (): number => {
      throw new Error('Counted for nothing');
    };
    expect(sorted({ prompt_tokens: 3, completion_tokens: 4 }, { promptChars, outputChars: 0 })).toMatchObject({
      input: 3,
    });
  });
});

describe('usage that is missing', () => {
  test.each([[undefined], [null], [{}], ['12'], [[]], [{ prompt_tokens: null }]])('%p is estimated', (usage) => {
    expect(sorted(usage)).toMatchObject({ input: 100, output: 50, source: 'estimated' });
  });

  test('on one side is estimated there', () => {
    expect(sorted({ prompt_tokens: 7 })).toMatchObject({ input: 7, output: 50, source: 'estimated' });
    expect(sorted({ completion_tokens: 7 })).toMatchObject({ input: 100, output: 7, source: 'estimated' });
  });

  test('is estimated from a prompt that is counted only then', () => {
    expect(sorted(undefined, { promptChars: () => 40, outputChars: 0 })).toMatchObject({ input: 10, output: 0 });
  });
});

describe('usage that cannot be right', () => {
  test.each([-1, Number.NaN, 1.5, '12', 1e308, Number.POSITIVE_INFINITY, true, {}, 16_000_001])(
    'such as %p is replaced by our estimate and marked',
    (count) => {
      expect(sorted({ prompt_tokens: count, completion_tokens: 5 })).toMatchObject({
        input: 100,
        output: 5,
        source: 'suspect',
      });
      expect(sorted({ prompt_tokens: 5, completion_tokens: count })).toMatchObject({
        input: 5,
        output: 50,
        source: 'suspect',
      });
    },
  );

  test('is what claims over four times what the model can do', () => {
    const fallback = { ...TEXT, maxPlausibleTokens: 1_000 };
    expect(sorted({ prompt_tokens: 4_000, completion_tokens: 1 }, fallback).source).toBe('provider');
    expect(sorted({ prompt_tokens: 4_001, completion_tokens: 1 }, fallback)).toMatchObject({
      input: 100,
      source: 'suspect',
    });
  });

  test('is zero although there was text', () => {
    expect(sorted({ prompt_tokens: 0, completion_tokens: 0 })).toMatchObject({
      input: 100,
      output: 50,
      source: 'suspect',
    });
  });

  test.each([-5, '5', 0.5, Number.NaN, 1e300])(
    'in a detail, such as %p, leaves the total at its full price',
    (count) => {
      const usage = {
        prompt_tokens: 10,
        completion_tokens: 10,
        prompt_tokens_details: { cached_tokens: count },
        completion_tokens_details: { reasoning_tokens: count },
      };
      expect(sorted(usage)).toMatchObject({ input: 10, cacheRead: 0, output: 10, reasoning: 0, source: 'suspect' });
    },
  );

  test('is a part larger than its whole when the total denies it', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 40 },
    };
    expect(sorted(usage)).toMatchObject({ input: 10, cacheRead: 40, source: 'suspect' });
  });

  test('outweighs what is only missing', () => {
    expect(sorted({ prompt_tokens: -1 }).source).toBe('suspect');
    expect(sorted({ completion_tokens: -1 }).source).toBe('suspect');
  });
});

describe('usage of our own', () => {
  test('has OpenAI’s totals and details', () => {
    const usage = usageOf(sorted(undefined));
    expect(usage).toEqual({
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { cached_tokens: 0, cache_creation_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    });
  });
});

describe('web searches', () => {
  test.each([
    [{ server_tool_use: { web_search_requests: 2 } }, 2],
    [{ prompt_tokens_details: { web_search_requests: 3 } }, 3],
    [{ num_search_queries: 1 }, 1],
    [{ server_tool_use: { web_search_requests: -2 } }, 0],
    [{ server_tool_use: { web_search_requests: '2' } }, 0],
    [{}, 0],
  ])('in %j are %d', (usage, searches) => {
    expect(webSearchesOf(usage as unknown as Usage)).toBe(searches);
  });
});
