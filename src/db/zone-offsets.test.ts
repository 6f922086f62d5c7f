import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { QUARTER_MS } from './usage-tables.ts';
import { offsetSpans, QUARTERS_PER_DAY } from './zone-offsets.ts';

const quarter = (iso: string): number => Date.parse(iso) / QUARTER_MS;

/** The local day of an instant, asked of the calendar itself. */
function localDay(timeZone: string, ms: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(ms);
}

function dayBySpans(spans: ReturnType<typeof offsetSpans>, at: number): string {
  const offset = spans.findLast(({ fromQuarter }) => fromQuarter <= at)?.offset ?? Number.NaN;
  const day = Math.floor((at + offset) / QUARTERS_PER_DAY);
  return new Date(day * QUARTERS_PER_DAY * QUARTER_MS).toISOString().slice(0, 10);
}

test('a zone without summer time has one offset for ever', () => {
  expect(offsetSpans('UTC', 0, quarter('2030-01-01'))).toEqual([{ fromQuarter: 0, offset: 0 }]);
  const year = [quarter('2026-01-01'), quarter('2027-01-01')] as const;
  expect(offsetSpans('Asia/Kathmandu', ...year)).toEqual([{ fromQuarter: year[0], offset: 23 }]);
  expect(offsetSpans('Asia/Kolkata', ...year)).toEqual([{ fromQuarter: year[0], offset: 22 }]);
});

test('summer time begins and ends at the very quarter hour', () => {
  const from = quarter('2026-01-01');
  expect(offsetSpans('Europe/Berlin', from, quarter('2027-01-01'))).toEqual([
    { fromQuarter: from, offset: 4 },
    { fromQuarter: quarter('2026-03-29T01:00Z'), offset: 8 },
    { fromQuarter: quarter('2026-10-25T01:00Z'), offset: 4 },
  ]);
  expect(offsetSpans('America/New_York', from, quarter('2027-01-01'))).toEqual([
    { fromQuarter: from, offset: -20 },
    { fromQuarter: quarter('2026-03-08T07:00Z'), offset: -16 },
    { fromQuarter: quarter('2026-11-01T06:00Z'), offset: -20 },
  ]);
});

test('a summer time of half an hour counts', () => {
  const from = quarter('2026-01-01');
  expect(offsetSpans('Australia/Lord_Howe', from, quarter('2027-01-01')).map(({ offset }) => offset)).toEqual([
    44, 42, 44,
  ]);
});

test('an empty range has the offset of its instant', () => {
  const summer = quarter('2026-07-01');
  expect(offsetSpans('Europe/Berlin', summer, summer)).toEqual([{ fromQuarter: summer, offset: 8 }]);
  expect(offsetSpans('Europe/Berlin', summer, summer - 500)).toEqual([{ fromQuarter: summer, offset: 8 }]);
});

test('offsets that are given as such are zones too', () => {
  expect(offsetSpans('+05:30', 0, 96)).toEqual([{ fromQuarter: 0, offset: 22 }]);
  expect(offsetSpans('-03:00', 0, 96)).toEqual([{ fromQuarter: 0, offset: -12 }]);
});

test.each(['Mars/Olympus', '', "UTC'; drop table keys; --", 'Europe/Berlín', '../../etc/passwd', '25:00'])(
  'no zone is called %p',
  (timeZone) => {
    expect(() => offsetSpans(timeZone, 0, 96)).toThrow('Unknown time zone');
  },
);

test('every quarter hour falls on the day that the calendar says, in any zone and year', () => {
  const zone = fc.constantFrom(
    ...['UTC', 'Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu'],
    ...[
      'Pacific/Apia',
      'Pacific/Chatham',
      'America/Sao_Paulo',
      'Africa/Casablanca',
      'Asia/Tehran',
      'Pacific/Kiritimati',
    ],
  );
  const start = fc.integer({ min: quarter('1995-01-01'), max: quarter('2060-01-01') });
  fc.assert(
    fc.property(zone, start, fc.nat(200 * 96), fc.nat(), (timeZone, from, length, within) => {
      const spans = offsetSpans(timeZone, from, from + length);
      const at = from + (within % (length + 1));
      expect(dayBySpans(spans, at)).toBe(localDay(timeZone, at * QUARTER_MS));
      const starts = spans.map(({ fromQuarter }) => fromQuarter);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
    }),
    { numRuns: 120, seed: 4 },
  );
});
