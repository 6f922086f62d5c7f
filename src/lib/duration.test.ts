import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { endOfDuration } from './duration.ts';

const FROM_MS = Date.UTC(2026, 0, 31, 12, 30, 15, 250);
const iso = (text: string): string | undefined => {
  const end = endOfDuration(text, FROM_MS);
  return end === undefined ? undefined : new Date(end).toISOString();
};

describe('a duration', () => {
  test('is a number and a unit', () => {
    expect(iso('30s')).toBe('2026-01-31T12:30:45.250Z');
    expect(iso('30m')).toBe('2026-01-31T13:00:15.250Z');
    expect(iso('30h')).toBe('2026-02-01T18:30:15.250Z');
    expect(iso('30d')).toBe('2026-03-02T12:30:15.250Z');
    expect(iso('1w')).toBe('2026-02-07T12:30:15.250Z');
  });

  test('of months ends on the same day, or on the last where there is none', () => {
    expect(iso('1mo')).toBe('2026-02-28T12:30:15.250Z');
    expect(iso('2mo')).toBe('2026-03-31T12:30:15.250Z');
    expect(iso('25mo')).toBe('2028-02-29T12:30:15.250Z');
  });

  test.each([
    ['30sec', '30s'],
    ['30 seconds', '30s'],
    ['30min', '30m'],
    ['30 minutes', '30m'],
    ['2 hours', '2h'],
    ['24hr', '24h'],
    ['30 days', '30d'],
    ['30D', '30d'],
    ['2 weeks', '2w'],
    ['1month', '1mo'],
    ['3 months', '3mo'],
    ['hourly', '1h'],
    ['Daily', '1d'],
    ['weekly', '7d'],
    ['monthly', '1mo'],
  ])('%p is %p', (words, short) => {
    expect(iso(words)).toBe(iso(short) ?? 'readable');
  });

  test('is nothing else', () => {
    for (const text of [
      '',
      '30',
      's',
      '-1',
      '-5m',
      '0s',
      '1.5h',
      '1e3s',
      '30  d',
      '1y',
      '1w2d',
      '1234567s',
      '3 ms',
      '5foo',
      'yearly',
      '30 constructor',
    ]) {
      expect(iso(text)).toBeUndefined();
    }
  });

  test('however long, ends at a time that can be written down', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999_999 }),
        fc.constantFrom('s', 'm', 'h', 'd', 'w', 'mo'),
        (count, unit) => {
          const end = endOfDuration(`${count}${unit}`, FROM_MS);
          expect(end).toBeGreaterThan(FROM_MS);
          expect(Number.isNaN(new Date(end ?? Number.NaN).getTime())).toBe(false);
        },
      ),
    );
  });
});
