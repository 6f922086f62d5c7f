import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { usdNumber, usdText } from './usd.ts';

describe('dollars as text', () => {
  test.each([
    [0, '0'],
    [1, '0.000000001'],
    [1_950, '0.00000195'],
    [100_000_000, '0.1'],
    [1_000_000_000, '1'],
    [10_000_000_000, '10'],
    [1_234_567_890, '1.23456789'],
    [-1_950, '-0.00000195'],
    [-2_000_000_000, '-2'],
    [Number.MAX_SAFE_INTEGER, '9007199.254740991'],
  ])('%d nano-dollars are %s', (nano, text) => {
    expect(usdText(nano)).toBe(text);
  });

  test('have no text when the price is unknown', () => {
    expect(usdText(null)).toBeUndefined();
    expect(usdText(Number.NaN)).toBeUndefined();
  });

  test('never have an exponent or trailing zeros, and read back as the same amount', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }), (nano) => {
        const text = usdText(nano) ?? '';
        expect(text).toMatch(/^\d+(\.\d*[1-9])?$/);
        expect(Math.round(Number(text) * 1e9)).toBe(nano);
      }),
    );
  });
});

describe('dollars as a number', () => {
  test('are nano-dollars over a thousand million', () => {
    expect(usdNumber(1_950)).toBe(0.00000195);
    expect(usdNumber(0)).toBe(0);
  });

  test('are null when the price is unknown', () => {
    expect(usdNumber(null)).toBeNull();
    expect(usdNumber(Number.POSITIVE_INFINITY)).toBeNull();
  });
});
