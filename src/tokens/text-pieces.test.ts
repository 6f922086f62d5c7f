import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { boundedCount, textPieces } from './text-pieces.ts';

const cut = (text: string, longest: number): string[] => [...textPieces(text, longest)];

describe('pieces of a text', () => {
  test('are the text, none longer than asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 2, max: 20 }), (text, longest) => {
        const pieces = cut(text, longest);
        expect(pieces.join('')).toBe(text);
        expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(longest);
      }),
      { numRuns: 300 },
    );
  });

  test('begin with the blank of a word where there is one', () => {
    expect(cut('one two three four', 9)).toEqual(['one two', ' three', ' four']);
    expect(cut('one     two', 6)).toEqual(['one   ', '  two']);
  });

  test('never halve a character', () => {
    for (const piece of cut('🎉'.repeat(50), 5)) expect(piece.isWellFormed()).toBe(true);
  });

  test('count like the whole, where there are words', () => {
    const text = 'The quick brown fox jumps over 13 lazy dogs, doesn’t it? Überstraße!\n\n  Und   so weiter. '.repeat(
      40,
    );
    const pieces = cut(text, 256);
    expect(pieces.length).toBeGreaterThan(10);
    const inPieces = pieces.reduce((sum, piece) => sum + countTokens(piece), 0);
    expect(inPieces).toBe(countTokens(text));
  });
});

describe('a bounded count', () => {
  const exact: string[] = [];
  const count = boundedCount((text) => {
    exact.push(text);
    return text.length / 2;
  }, 10);

  test('is exact up to the bound, then as dense as what was counted', () => {
    expect(count('abcdef')).toBe(3);
    expect(count('abcdefgh')).toBe(2 + 2);
    expect(count('ab')).toBe(1);
    expect(exact).toEqual(['abcdef', 'abcd', '']);
  });
});
