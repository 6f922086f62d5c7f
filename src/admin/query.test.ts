import { describe, expect, test } from 'bun:test';
import { refusalOf } from '../../test/support/refusals.ts';
import { moment } from './query.ts';

const DAY_MS = 86_400_000;

const read = (text: string, timeZone?: string) => moment({ start_date: text }, 'start_date', timeZone);

describe('a date alone', () => {
  test.each([
    ['2026-01-31', 'UTC', '2026-01-31T00:00:00.000Z', 24],
    ['2024-02-29', 'UTC', '2024-02-29T00:00:00.000Z', 24],
    ['2026-01-31', 'Europe/Berlin', '2026-01-30T23:00:00.000Z', 24],
    ['2026-01-31', 'America/New_York', '2026-01-31T05:00:00.000Z', 24],
    ['2026-01-31', 'Asia/Kathmandu', '2026-01-30T18:15:00.000Z', 24],
    ['2026-01-31', '+05:30', '2026-01-30T18:30:00.000Z', 24],
    // Clocks go forward, and back.
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', 23],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', 25],
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z', 23],
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z', 25],
    // By half an hour.
    ['2026-10-04', 'Australia/Lord_Howe', '2026-10-03T13:30:00.000Z', 23.5],
    ['2026-04-05', 'Australia/Lord_Howe', '2026-04-04T13:00:00.000Z', 24.5],
  ])('%s in %s begins at %s and has %p hours', (text, timeZone, start, hours) => {
    const found = read(text, timeZone);
    expect(found).toEqual({
      atMs: Date.parse(start),
      endMs: Date.parse(start) + (hours / 24) * DAY_MS,
      isDay: true,
    });
  });
});

describe('a date with a time', () => {
  test.each([
    ['2026-01-31 14:00', 'UTC', '2026-01-31T14:00:00.000Z'],
    ['2026-01-31T14:00', 'UTC', '2026-01-31T14:00:00.000Z'],
    ['2026-01-31 14:00:07', 'UTC', '2026-01-31T14:00:07.000Z'],
    ['2026-01-31 14:00:07.25', 'UTC', '2026-01-31T14:00:07.250Z'],
    ['2026-01-31T14:00:07Z', 'America/New_York', '2026-01-31T14:00:07.000Z'],
    ['2026-01-31T14:00:07+02:00', 'America/New_York', '2026-01-31T12:00:07.000Z'],
    // A plus sign that was not encoded.
    ['2026-01-31T14:00:07 02:00', 'UTC', '2026-01-31T12:00:07.000Z'],
    ['2026-01-31T14:00:07-03:30', 'UTC', '2026-01-31T17:30:07.000Z'],
    ['2026-01-31 14:00', 'America/New_York', '2026-01-31T19:00:00.000Z'],
    ['2026-07-31 14:00', 'America/New_York', '2026-07-31T18:00:00.000Z'],
    ['2026-01-31 00:00', 'Asia/Kathmandu', '2026-01-30T18:15:00.000Z'],
  ])('%s in %s is %s, and the last millisecond of a range', (text, timeZone, at) => {
    const atMs = Date.parse(at);
    expect(read(text, timeZone)).toEqual({ atMs, endMs: atMs + 1, isDay: false });
  });

  test('is meant in UTC where no zone is said', () => {
    expect(read('2026-01-31 14:00')?.atMs).toBe(Date.UTC(2026, 0, 31, 14));
    expect(read('2026-01-31')?.atMs).toBe(Date.UTC(2026, 0, 31));
  });
});

test.each([
  ['a field that is not there', {}],
  ['an empty field', { start_date: '' }],
  ['another field', { end_date: '2026-01-31' }],
])('%s is no time', (_, query) => {
  expect(moment(query, 'start_date')).toBeUndefined();
});

test.each([
  'soon',
  '2026',
  '2026-01',
  '2026-1-31',
  '2026-02-30',
  '2025-02-29',
  '2026-13-01',
  '2026-00-10',
  '2026-01-32',
  '2026-01-31T',
  '2026-01-31 25:00',
  '2026-01-31 14:60',
  '2026-01-31 14',
  '2026-01-31 14:00:61',
  '2026-01-31 14:00+2',
  '2026-01-31Z',
  ' 2026-01-31',
  '2026-01-31 ',
  '1769860800',
  '31.01.2026',
])('%p is refused by the name of its field', async (text) => {
  const { kind, message, details } = await refusalOf(() => moment({ end_date: text }, 'end_date'));
  expect([kind, details.param]).toEqual(['invalid_request', 'end_date']);
  expect(message).toBe("'end_date' must be a date such as 2026-01-31, or a time such as 2026-01-31 14:00:00.");
});
