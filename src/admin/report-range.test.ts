import { describe, expect, test } from 'bun:test';
import { refusalOf } from '../../test/support/refusals.ts';
import { ANY_KEYS } from './context.ts';
import { givenRange, midnightOf, rangeOf, withinDays } from './report-range.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);
const DAY_MS = 86_400_000;

const contextIn = (timeZone: string, nowMs = NOW_MS) => ({
  now: () => nowMs,
  settings: () => ({
    timeZone,
    endUserBudgetId: null,
    globalBudget: null,
    providerBudgets: {},
    keys: ANY_KEYS,
  }),
});

const told = (query: Record<string, string>, timeZone = 'UTC', nowMs = NOW_MS) => {
  const range = rangeOf(contextIn(timeZone, nowMs), query);
  return [new Date(range.fromMs).toISOString(), new Date(range.toMs).toISOString(), range.timeZone];
};

describe('a range without dates is the last thirty days of its zone', () => {
  test.each([
    ['UTC', '2026-01-02T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    ['Europe/Berlin', '2026-01-01T23:00:00.000Z', '2026-01-31T23:00:00.000Z'],
    ['America/New_York', '2026-01-02T05:00:00.000Z', '2026-02-01T05:00:00.000Z'],
    // There it is tomorrow already.
    ['Pacific/Kiritimati', '2026-01-02T10:00:00.000Z', '2026-02-01T10:00:00.000Z'],
    ['Asia/Kathmandu', '2026-01-01T18:15:00.000Z', '2026-01-31T18:15:00.000Z'],
  ])('%s: from %s to %s', (timeZone, from, to) => {
    expect(told({}, timeZone)).toEqual([from, to, timeZone]);
    expect(told({ timezone: timeZone })).toEqual([from, to, timeZone]);
  });

  test('over a change of clocks it is still thirty days, not thirty times 24 hours', () => {
    expect(told({}, 'Europe/Berlin', Date.UTC(2026, 3, 2, 12))).toEqual([
      '2026-03-03T23:00:00.000Z',
      '2026-04-02T22:00:00.000Z',
      'Europe/Berlin',
    ]);
  });
});

test.each<[string, Record<string, string>, string, string]>([
  [
    'only a start lasts until the end of today',
    { start_date: '2026-01-30' },
    '2026-01-30T00:00:00.000Z',
    '2026-02-01T00:00:00.000Z',
  ],
  [
    'only an end begins 29 days before its day',
    { end_date: '2026-01-30' },
    '2026-01-01T00:00:00.000Z',
    '2026-01-31T00:00:00.000Z',
  ],
  [
    'both ends belong to it',
    { start_date: '2026-01-10', end_date: '2026-01-12' },
    '2026-01-10T00:00:00.000Z',
    '2026-01-13T00:00:00.000Z',
  ],
  [
    'one day is a whole day',
    { start_date: '2026-01-10', end_date: '2026-01-10' },
    '2026-01-10T00:00:00.000Z',
    '2026-01-11T00:00:00.000Z',
  ],
  [
    'times are kept to the millisecond',
    { start_date: '2026-01-10 10:00', end_date: '2026-01-10 10:00' },
    '2026-01-10T10:00:00.000Z',
    '2026-01-10T10:00:00.001Z',
  ],
  [
    'the zone of the query is whose days are meant',
    { start_date: '2026-01-10', end_date: '2026-01-10', timezone: 'America/New_York' },
    '2026-01-10T05:00:00.000Z',
    '2026-01-11T05:00:00.000Z',
  ],
  [
    'an end with a time begins on the 29th day before its own',
    { end_date: '2026-01-30 06:00' },
    '2026-01-01T00:00:00.000Z',
    '2026-01-30T06:00:00.001Z',
  ],
])('%s', (_, query, from, to) => {
  expect(told(query).slice(0, 2)).toEqual([from, to]);
});

test.each([
  ['Europe/Berlin', 'Europe/Berlin'],
  ['europe/berlin', 'Europe/Berlin'],
  ['UTC', 'UTC'],
  ['0', 'UTC'],
  ['-0', 'UTC'],
  ['-60', '+01:00'],
  ['-330', '+05:30'],
  ['+300', '-05:00'],
  ['300', '-05:00'],
  ['-345', '+05:45'],
  ['840', '-14:00'],
  ['-840', '+14:00'],
  ['+05:30', '+05:30'],
  ['', 'America/New_York'],
])('the zone %p is %s', (given, timeZone) => {
  expect(givenRange(contextIn('America/New_York'), { timezone: given }).timeZone).toBe(timeZone);
});

test.each(['Mars/Olympus', '7', '855', '-855', '-61', '1.5', '+05:07', 'now', '1000'])(
  'the zone %p is refused by name',
  async (given) => {
    const { message, details } = await refusalOf(() => rangeOf(contextIn('UTC'), { timezone: given }));
    expect(details.param).toBe('timezone');
    expect(message).toStartWith("'timezone' must be an IANA name such as Europe/Berlin");
  },
);

test.each<[string, Record<string, string>, string]>([
  ['an end before the start', { start_date: '2026-01-11', end_date: '2026-01-10' }, 'start_date'],
  ['a start in the future without an end', { start_date: '2026-02-01' }, 'start_date'],
  ['a start that is no date', { start_date: 'x' }, 'start_date'],
  ['an end that is no date', { end_date: '2026-02-30' }, 'end_date'],
])('%s is refused by name', async (_, query, param) => {
  expect((await refusalOf(() => rangeOf(contextIn('UTC'), query))).details.param).toBe(param);
});

test('what a query leaves out stays open', () => {
  expect(givenRange(contextIn('UTC'), {})).toEqual({ fromMs: undefined, toMs: undefined, timeZone: 'UTC' });
});

test.each([
  ['2026-01-05', '2026-01-06', '2026-01-05T00:00:00.000Z', '2026-01-07T00:00:00.000Z'],
  ['2025-12-01', '2026-01-06', '2026-01-02T00:00:00.000Z', '2026-01-07T00:00:00.000Z'],
  ['2026-01-30', '2026-02-20', '2026-01-30T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
])('of the range only what is from %s to %s is from %s to %s', (first, last, from, to) => {
  const range = rangeOf(contextIn('UTC'), {});
  expect(withinDays(range, first, last)).toEqual({
    fromMs: Date.parse(from),
    toMs: Date.parse(to),
    timeZone: 'UTC',
  });
});

test('days that are cut out are those of the zone', () => {
  const range = rangeOf(contextIn('Europe/Berlin', Date.UTC(2026, 3, 2, 12)), {});
  const day = withinDays(range, '2026-03-29', '2026-03-29');
  expect(day.toMs - day.fromMs).toBe((23 / 24) * DAY_MS);
  expect(day.fromMs).toBe(Date.parse('2026-03-28T23:00:00Z'));
});

test.each([
  ['2026-01-31', 'UTC', '2026-01-31T00:00:00+00:00'],
  ['2026-03-29', 'Europe/Berlin', '2026-03-29T00:00:00+01:00'],
  ['2026-03-30', 'Europe/Berlin', '2026-03-30T00:00:00+02:00'],
  ['2026-01-31', 'America/New_York', '2026-01-31T00:00:00-05:00'],
  ['2026-01-31', 'America/St_Johns', '2026-01-31T00:00:00-03:30'],
  ['2026-01-31', 'Asia/Kathmandu', '2026-01-31T00:00:00+05:45'],
  ['2026-01-31', '-09:30', '2026-01-31T00:00:00-09:30'],
])('midnight of %s in %s is written %s', (day, timeZone, text) => {
  expect(midnightOf(day, timeZone)).toBe(text);
});
