import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { fitLine, median, medianInterval, shuffled } from './stats.ts';

test('the median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});

test('the interval holds the median and stays within the values', () => {
  const values = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(values, (numbers) => {
      const { median: middle, low, high } = medianInterval(numbers, Math.random, 200);
      expect(low).toBeGreaterThanOrEqual(Math.min(...numbers));
      expect(high).toBeLessThanOrEqual(Math.max(...numbers));
      expect(middle).toBe(median(numbers));
    }),
  );
});

test('equal values give an interval of no width', () => {
  expect(medianInterval([2, 2, 2], Math.random, 100)).toEqual({ median: 2, low: 2, high: 2 });
});

test('a line is found again from its points', () => {
  const { slope, intercept } = fitLine([
    [100, 2400],
    [300, 6400],
    [500, 10_400],
  ]);
  expect(slope).toBeCloseTo(20);
  expect(intercept).toBeCloseTo(400);
});

test('shuffling keeps every item', () => {
  expect(shuffled([1, 2, 3, 4], Math.random).toSorted()).toEqual([1, 2, 3, 4]);
});
