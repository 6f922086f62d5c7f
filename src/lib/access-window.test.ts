import { describe, expect, test } from 'bun:test';
import { accessWindowsIn, faultOf, isWithin } from './access-window.ts';

const OFFICE = { start: '09:00', end: '17:30', timezone: 'Europe/Berlin', team_ids: ['a'] };
const within = (window: object, instant: string): boolean =>
  accessWindowsIn([window]).some((one) => isWithin(one, Date.parse(instant)));

describe('a window', () => {
  test('holds from its start until before its end, by the wall there', () => {
    const at = (time: string): boolean => within(OFFICE, `2026-01-30T${time}Z`);
    expect([at('07:59:59'), at('08:00:00'), at('16:29:59.999'), at('16:30:00')]).toEqual([false, true, true, false]);
    // In summer the wall is another hour ahead.
    expect([within(OFFICE, '2026-07-30T06:59:59Z'), within(OFFICE, '2026-07-30T07:00:00Z')]).toEqual([false, true]);
  });

  test('that ends before it starts goes over midnight', () => {
    const night = { ...OFFICE, start: '22:00', end: '06:00', timezone: 'UTC' };
    const at = (time: string): boolean => within(night, `2026-01-30T${time}Z`);
    expect([at('21:59'), at('22:00'), at('00:00'), at('05:59'), at('06:00')]).toEqual([false, true, true, true, false]);
  });

  test('may name seconds', () => {
    expect(accessWindowsIn([{ ...OFFICE, start: '09:00:30' }])[0]?.startMs).toBe(9 * 3_600_000 + 30_000);
  });
});

describe('what is no window', () => {
  test.each([
    ['a text', 'always'],
    ['an entry without times', [{ timezone: 'UTC', team_ids: ['a'] }]],
    ['hours that there are not', [{ ...OFFICE, start: '24:00' }]],
    ['no time between', [{ ...OFFICE, end: '09:00' }]],
    ['a zone that there is not', [{ ...OFFICE, timezone: 'Mars/Olympus' }]],
    ['no teams', [{ ...OFFICE, team_ids: [] }]],
    ['teams that are none', [{ ...OFFICE, team_ids: [1] }]],
    ['a number among windows', [OFFICE, 5]],
  ])('%s is told as a fault', (_, value) => {
    expect(faultOf(value)).toBeString();
  });

  test('nothing and windows are none', () => {
    for (const value of [undefined, null, [], [OFFICE]]) expect(faultOf(value)).toBeUndefined();
    expect(accessWindowsIn(undefined)).toEqual([]);
    expect(accessWindowsIn([5, OFFICE])).toHaveLength(1);
  });
});
