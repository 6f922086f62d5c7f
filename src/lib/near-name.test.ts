import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { didYouMean, editDistance, nearestNames, suggestionLimit, typingErrorLimit } from './near-name.ts';

const name = fc.stringMatching(/^[a-e_]{0,8}$/);
const FAR = 100;

describe('the distance between names', () => {
  test.each([
    ['timeout', 'timeout', 0],
    ['timeot', 'timeout', 1],
    ['timeoutt', 'timeout', 1],
    ['timeour', 'timeout', 1],
    ['timeuot', 'timeout', 1],
    ['tiemuot', 'timeout', 2],
    ['', 'abc', 3],
  ])('from "%s" to "%s" it is %i', (from, to, distance) => {
    expect(editDistance(from, to, FAR)).toBe(distance);
  });

  test('is the same both ways, and 0 only for equal names', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(editDistance(a, b, FAR)).toBe(editDistance(b, a, FAR));
        expect(editDistance(a, b, FAR) === 0).toBe(a === b);
      }),
    );
  });

  test('counting stops above the limit without changing what is within it', () => {
    fc.assert(
      fc.property(name, name, fc.nat(4), (a, b, limit) => {
        const exact = editDistance(a, b, FAR);
        const limited = editDistance(a, b, limit);
        if (exact <= limit) expect(limited).toBe(exact);
        else expect(limited).toBeGreaterThan(limit);
      }),
    );
  });
});

describe('the nearest names', () => {
  test('are the closest, with all ties', () => {
    expect(nearestNames('top_x', ['top_p', 'top_k', 'stop'], 2)).toEqual(['top_p', 'top_k']);
  });

  test('are none when everything is too far', () => {
    expect(nearestNames('banana', ['timeout', 'api_key'], 2)).toEqual([]);
  });

  test('do not care for case, dashes and underscores', () => {
    expect(nearestNames('apiKey', ['api_key', 'api_base'], 1)).toEqual(['api_key']);
    expect(nearestNames('max-tokens', ['max_tokens'], 1)).toEqual(['max_tokens']);
  });

  test('are read as a question', () => {
    expect(didYouMean([])).toBe('');
    expect(didYouMean(['a'])).toBe(' Did you mean "a"?');
    expect(didYouMean(['a', 'b'])).toBe(' Did you mean "a" or "b"?');
  });

  test('are searched further in long names than in short ones', () => {
    expect(typingErrorLimit('n')).toBe(0);
    expect(typingErrorLimit('rpm')).toBe(1);
    expect(typingErrorLimit('temperature')).toBe(2);
    expect(suggestionLimit('rpm')).toBe(2);
    expect(suggestionLimit('forward_client_headers')).toBe(7);
  });
});
