import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Usage } from '../wire/openai.ts';
import { servedFactors, worstFactors } from './price-factors.ts';
import { factorsIn } from './usage-factors.ts';

const usage = (over: object): Usage => ({ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150, ...over });

describe('what a usage says beside counts', () => {
  test.each<[object, object]>([
    [{}, {}],
    [
      { speed: 'fast', inference_geo: 'US' },
      { speed: 'fast', region: 'us' },
    ],
    [{ server_tool_use: { web_search_requests: 2 } }, { webSearches: 2 }],
    [
      { num_search_queries: 3, search_context_size: 'high' },
      { webSearches: 3, searchContextSize: 'high' },
    ],
    [{ citation_tokens: 700 }, { citations: 700 }],
    [{ prompt_tokens_details: { image_tokens: 5, cached_audio_tokens: 2 } }, { inputImage: 5, cacheReadAudio: 2 }],
    [{ completion_tokens_details: { image_tokens: 5, video_tokens: 6 } }, { outputImage: 5, outputVideo: 6 }],
    [{ billed_units: { input_tokens: 8, output_tokens: 40 } }, { billed: { input: 8, output: 40 } }],
    [{ prompt_tokens_details: { map_search_requests: 1 } }, { mapSearches: 1 }],
  ])('%j is %j', (over, factors) => {
    expect(factorsIn(usage(over))).toEqual({ ...factors });
  });

  test('is not believed when it bills more than it counts, or is no number', () => {
    for (const billed_units of [
      { input_tokens: 101, output_tokens: 1 },
      { input_tokens: 1 },
      { input_tokens: '1' },
      7,
    ]) {
      expect(factorsIn(usage({ billed_units }))).toEqual({});
    }
    expect(factorsIn(usage({ citation_tokens: -1, num_search_queries: 1e9, speed: 'a b', inference_geo: 7 }))).toEqual(
      {},
    );
  });

  test('never throws, whatever stands there', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (iterations, details) => {
        factorsIn(
          usage({ iterations, prompt_tokens_details: details, billed_units: details, server_tool_use: details }),
        );
      }),
    );
    for (const none of [null, undefined]) expect(factorsIn(none)).toEqual({});
  });
});

describe('what decides a price', () => {
  const served = (request: object, over: object = {}, serviceTier?: string, billing = {}) =>
    servedFactors({ request: { ...request }, billing, usage: usage(over), serviceTier });

  test('is what was served, and what was asked where the answer is silent', () => {
    expect(served({ service_tier: 'priority' })).toEqual({ serviceTier: 'priority' });
    expect(served({ service_tier: 'priority' }, {}, 'default')).toEqual({});
    expect(served({ speed: 'fast' }, { speed: 'standard' })).toEqual({});
    expect(served({ extra_body: { speed: 'fast' } })).toEqual({ speed: 'fast' });
    expect(served({}, { inference_geo: 'not_available' }, undefined, { region: 'eu' })).toEqual({});
    expect(served({}, {}, undefined, { region: 'eu', searches: 1 })).toEqual({ region: 'eu', webSearches: 1 });
    const size = { web_search_options: { search_context_size: 'low' } };
    expect(served(size)).toEqual({});
    expect(served(size, { num_search_queries: 1 })).toEqual({ webSearches: 1, searchContextSize: 'low' });
  });

  test('is held for every tier that may serve, and the dearest place', () => {
    const worst = worstFactors({
      request: { service_tier: 'flex' },
      text: '{"ttl":"1h"}',
      billing: { dearestRegion: 'us', mostSearches: 2 },
      tiersServed: ['priority'],
      mostSearches: 1,
    });
    expect(worst).toMatchObject({ serviceTiers: [undefined, 'priority', 'flex'], region: 'us', webSearches: 2 });
    expect(worst.cachesForAnHour).toBe(true);
  });
});
