import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Window } from './types.ts';
import { isTimeZone, parseWindow, WindowClock, windowAt } from './window.ts';

const at = (text: string): number => Date.parse(text);

function windowOf(text: string | null, timeZone = 'UTC'): Window {
  const window = parseWindow(text, timeZone);
  if (!window) throw new Error(`not readable: ${text}`);
  return window;
}

/** Start and end as ISO texts. */
function span(duration: string, timeZone: string, instant: string): [string, string] {
  const { startMs, endMs } = windowAt(windowOf(duration, timeZone), at(instant));
  return [new Date(startMs).toISOString().slice(0, 19), new Date(endMs ?? Number.NaN).toISOString().slice(0, 19)];
}

function hours(duration: string, timeZone: string, instant: string): number {
  const { startMs, endMs } = windowAt(windowOf(duration, timeZone), at(instant));
  return ((endMs ?? Number.NaN) - startMs) / 3_600_000;
}

describe('a duration becomes a window', () => {
  test.each([
    ['30s', 30, 'second'],
    ['30m', 30, 'minute'],
    ['30h', 30, 'hour'],
    ['1d', 1, 'day'],
    ['daily', 1, 'day'],
    ['2d', 2, 'day'],
    ['7d', 1, 'week'],
    ['1w', 1, 'week'],
    ['weekly', 1, 'week'],
    ['2w', 2, 'week'],
    ['30d', 1, 'month'],
    ['1mo', 1, 'month'],
    ['monthly', 1, 'month'],
    ['3mo', 3, 'month'],
    [' 1D ', 1, 'day'],
    ['30min', 30, 'minute'],
    ['2 weeks', 2, 'week'],
    ['7 days', 1, 'week'],
  ] as const)('%p is every %p %p', (text, every, period) => {
    expect(parseWindow(text, 'Asia/Tokyo')).toEqual({ kind: 'calendar', every, period, timeZone: 'Asia/Tokyo' });
  });

  test('none lasts for ever', () => {
    expect(parseWindow(null, 'UTC')).toEqual({ kind: 'lifetime' });
    expect(windowAt({ kind: 'lifetime' }, 5)).toEqual({ startMs: 0, endMs: null, id: 'lifetime' });
  });

  test.each(['', '0d', '1', 'd', '1y', '-1d', '1.5h', '1d1h', '9999999d', 'never', 'constructor'])(
    '%p is not readable',
    (text) => {
      expect(parseWindow(text, 'UTC')).toBeUndefined();
    },
  );
});

describe('windows in UTC', () => {
  const now = '2026-10-08T13:47:31.250Z';

  test.each([
    ['1s', '2026-10-08T13:47:31', '2026-10-08T13:47:32'],
    ['30s', '2026-10-08T13:47:30', '2026-10-08T13:48:00'],
    ['1m', '2026-10-08T13:47:00', '2026-10-08T13:48:00'],
    ['15m', '2026-10-08T13:45:00', '2026-10-08T14:00:00'],
    ['1h', '2026-10-08T13:00:00', '2026-10-08T14:00:00'],
    ['6h', '2026-10-08T12:00:00', '2026-10-08T18:00:00'],
    ['24h', '2026-10-08T00:00:00', '2026-10-09T00:00:00'],
    ['1d', '2026-10-08T00:00:00', '2026-10-09T00:00:00'],
    ['7d', '2026-10-05T00:00:00', '2026-10-12T00:00:00'],
    ['30d', '2026-10-01T00:00:00', '2026-11-01T00:00:00'],
    ['3mo', '2026-10-01T00:00:00', '2027-01-01T00:00:00'],
    ['12mo', '2026-01-01T00:00:00', '2027-01-01T00:00:00'],
  ])('%p', (duration, start, end) => {
    expect(span(duration, 'UTC', now)).toEqual([start, end]);
  });

  test('a boundary belongs to the window that it opens', () => {
    expect(span('1d', 'UTC', '2026-10-08T00:00:00Z')[0]).toBe('2026-10-08T00:00:00');
    expect(span('1d', 'UTC', '2026-10-07T23:59:59.999Z')[0]).toBe('2026-10-07T00:00:00');
    expect(span('7d', 'UTC', '2026-10-05T00:00:00Z')[0]).toBe('2026-10-05T00:00:00');
    expect(span('7d', 'UTC', '2026-10-04T23:59:59.999Z')[0]).toBe('2026-09-28T00:00:00');
  });

  test('months end on their own last day, in leap years too', () => {
    expect(span('1mo', 'UTC', '2028-02-29T23:59:59Z')).toEqual(['2028-02-01T00:00:00', '2028-03-01T00:00:00']);
    expect(span('1mo', 'UTC', '2026-12-31T23:59:59Z')).toEqual(['2026-12-01T00:00:00', '2027-01-01T00:00:00']);
  });

  test('the id names the window and no other', () => {
    const day = windowOf('1d');
    expect(windowAt(day, at('2026-10-08T01:00:00Z')).id).toBe(windowAt(day, at('2026-10-08T23:00:00Z')).id);
    expect(windowAt(day, at('2026-10-09T00:00:00Z')).id).not.toBe(windowAt(day, at('2026-10-08T23:00:00Z')).id);
  });
});

describe('windows where clocks are changed', () => {
  test('a day in Berlin has 23 hours in March and 25 in October', () => {
    expect(span('1d', 'Europe/Berlin', '2026-03-29T12:00:00Z')).toEqual(['2026-03-28T23:00:00', '2026-03-29T22:00:00']);
    expect(hours('1d', 'Europe/Berlin', '2026-03-29T12:00:00Z')).toBe(23);
    expect(hours('1d', 'Europe/Berlin', '2026-10-25T12:00:00Z')).toBe(25);
    expect(hours('1d', 'Europe/Berlin', '2026-10-26T12:00:00Z')).toBe(24);
    expect(hours('7d', 'Europe/Berlin', '2026-10-25T12:00:00Z')).toBe(7 * 24 + 1);
    expect(hours('1mo', 'Europe/Berlin', '2026-03-29T12:00:00Z')).toBe(31 * 24 - 1);
  });

  test('an hour that comes twice is two windows, and six hours keep to the wall', () => {
    expect(span('1h', 'Europe/Berlin', '2026-10-25T00:30:00Z')).toEqual(['2026-10-25T00:00:00', '2026-10-25T01:00:00']);
    expect(span('1h', 'Europe/Berlin', '2026-10-25T01:30:00Z')).toEqual(['2026-10-25T01:00:00', '2026-10-25T02:00:00']);
    expect(span('6h', 'Europe/Berlin', '2026-10-25T01:30:00Z')).toEqual(['2026-10-24T22:00:00', '2026-10-25T05:00:00']);
  });

  test('hours keep to the boundary in a zone of half an hour', () => {
    expect(span('1h', 'Asia/Kolkata', '2026-10-08T13:47:00Z')).toEqual(['2026-10-08T13:30:00', '2026-10-08T14:30:00']);
  });

  test('a midnight that is jumped over: the day starts at one', () => {
    expect(span('1d', 'America/Sao_Paulo', '2018-11-04T12:00:00Z')).toEqual([
      '2018-11-04T03:00:00',
      '2018-11-05T02:00:00',
    ]);
  });

  test('a midnight that comes twice: the day starts at the first', () => {
    expect(hours('1d', 'America/Havana', '2026-11-01T12:00:00Z')).toBe(25);
    expect(span('1d', 'America/Havana', '2026-11-01T12:00:00Z')[0]).toBe('2026-11-01T04:00:00');
  });

  test('a day that a country skipped is no window', () => {
    expect(span('1d', 'Pacific/Apia', '2011-12-30T09:00:00Z')).toEqual(['2011-12-29T10:00:00', '2011-12-30T10:00:00']);
    expect(span('1d', 'Pacific/Apia', '2011-12-30T11:00:00Z')).toEqual(['2011-12-30T10:00:00', '2011-12-31T10:00:00']);
  });
});

describe('any window in any zone', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/St_Johns',
    'America/Sao_Paulo',
    'America/Havana',
    'Asia/Kathmandu',
    'Asia/Beirut',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Africa/Casablanca',
  ];
  const durations = ['1s', '7s', '1m', '45m', '1h', '5h', '6h', '24h', '30h', '1d', '3d', '7d', '2w', '30d', '5mo'];
  const anywhere = fc.record({
    timeZone: fc.constantFrom(...zones),
    duration: fc.constantFrom(...durations),
    atMs: fc.integer({ min: at('2005-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') }),
  });

  test('holds the instant, and its neighbours begin where it ends', () => {
    fc.assert(
      fc.property(anywhere, ({ timeZone, duration, atMs }) => {
        const window = windowOf(duration, timeZone);
        const { startMs, endMs, id } = windowAt(window, atMs);
        if (endMs === null) throw new Error('a calendar window ends');
        expect(startMs).toBeLessThanOrEqual(atMs);
        expect(endMs).toBeGreaterThan(atMs);
        expect(windowAt(window, startMs).id).toBe(id);
        expect(windowAt(window, endMs - 1).id).toBe(id);
        expect(windowAt(window, endMs).startMs).toBe(endMs);
        expect(windowAt(window, startMs - 1).endMs).toBe(startMs);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a clock tells the same without asking the zone again', () => {
    fc.assert(
      fc.property(anywhere, fc.array(fc.integer({ min: -1e8, max: 1e8 }), { maxLength: 20 }), (place, steps) => {
        const window = windowOf(place.duration, place.timeZone);
        const clock = new WindowClock(window);
        let nowMs = place.atMs;
        for (const step of steps) {
          nowMs += step;
          expect(clock.at(nowMs)).toEqual(windowAt(window, nowMs));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a zone nobody knows is told', () => {
    expect(isTimeZone('Europe/Berlin')).toBe(true);
    expect(isTimeZone('Mars/Olympus')).toBe(false);
    expect(() => windowAt(windowOf('1d', 'Mars/Olympus'), 0)).toThrow(RangeError);
  });
});

test('a sliding window is the time before the instant', () => {
  expect(windowAt({ kind: 'sliding', ms: 60_000 }, 100_000)).toEqual({
    startMs: 40_000,
    endMs: null,
    id: 'sliding-60000',
  });
});
