import { describe, expect, test } from 'bun:test';
import { isOffPeakAt } from './off-peak.ts';
import { rateCardOf } from './rate-card.ts';

const PRICES = { input_cost_per_token: 2e-6, output_cost_per_token: 4e-6 };
const offPeakOf = (rules: object) =>
  rateCardOf({ ...PRICES, off_peak_pricing: { input_cost_per_token: 1e-6, ...rules } }, 'test')?.offPeak;
/** Wednesday, 25 November 2026. */
const at = (time: string, day = '2026-11-25'): number => Date.parse(`${day}T${time}:00Z`);

describe('cheaper hours', () => {
  test.each([
    ['00:00', true],
    ['00:59', true],
    ['01:00', false],
    ['16:29', false],
    ['16:30', true],
    ['23:59', true],
  ])('a window over midnight and one after it, at %s: %p', (time, isOpen) => {
    expect(isOffPeakAt(offPeakOf({ hours_utc: ['16:30-00:30', '00:00-01:00'] }), at(time))).toBe(isOpen);
  });

  test('one that ends where it starts is open all day', () => {
    for (const time of ['00:00', '12:00', '23:59']) {
      expect(isOffPeakAt(offPeakOf({ hours_utc: '00:00-00:00' }), at(time))).toBe(true);
    }
  });

  test('weekdays are those of their zone', () => {
    const weekend = { windows: [{ hours_utc: '00:00-00:00', weekdays: [6, 7] }] };
    const saturdayInShanghai = at('17:00', '2026-11-27');
    expect(isOffPeakAt(offPeakOf(weekend), saturdayInShanghai)).toBe(false);
    expect(isOffPeakAt(offPeakOf({ ...weekend, weekday_timezone: 'Asia/Shanghai' }), saturdayInShanghai)).toBe(true);
    expect(isOffPeakAt(offPeakOf(weekend), at('12:00', '2026-11-28'))).toBe(true);
    expect(isOffPeakAt(offPeakOf(weekend), at('12:00', '2026-11-30'))).toBe(false);
  });

  test('without any, or with none that can be read, nothing is cheaper', () => {
    for (const rules of [{}, { hours_utc: 'at night' }, { hours_utc: 7 }, { windows: [{}] }]) {
      expect(offPeakOf(rules)).toBeUndefined();
    }
    expect(isOffPeakAt(undefined, at('03:00'))).toBe(false);
  });
});
