import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { instantOf, isTimeZone, wallClock } from './zone-time.ts';

const utc = (text: string): number => Date.parse(`${text}Z`);
const shown = (ms: number): string => new Date(ms).toISOString().slice(0, 23);

describe('the clock on the wall', () => {
  test.each([
    ['UTC', '2026-03-29T01:00:00.000', '2026-03-29T01:00:00.000'],
    ['Europe/Berlin', '2026-03-29T00:59:59.999', '2026-03-29T01:59:59.999'],
    ['Europe/Berlin', '2026-03-29T01:00:00.000', '2026-03-29T03:00:00.000'],
    ['Europe/Berlin', '2026-10-25T00:59:59.999', '2026-10-25T02:59:59.999'],
    ['Europe/Berlin', '2026-10-25T01:00:00.000', '2026-10-25T02:00:00.000'],
    ['Asia/Kathmandu', '2025-12-31T18:14:59.999', '2025-12-31T23:59:59.999'],
    ['Asia/Kathmandu', '2025-12-31T18:15:00.000', '2026-01-01T00:00:00.000'],
    ['Australia/Lord_Howe', '2026-04-04T14:59:59.999', '2026-04-05T01:59:59.999'],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00.000', '2026-04-05T01:30:00.000'],
    ['Pacific/Apia', '2011-12-30T09:59:59.999', '2011-12-29T23:59:59.999'],
    ['Pacific/Apia', '2011-12-30T10:00:00.000', '2011-12-31T00:00:00.000'],
    ['America/New_York', '1969-12-31T23:59:59.250', '1969-12-31T18:59:59.250'],
  ])('in %s at %s UTC shows %s', (zone, at, wall) => {
    expect(shown(wallClock(utc(at), zone))).toBe(wall);
  });

  test('in a zone that nobody knows shows nothing', () => {
    expect(() => wallClock(0, 'Europe/Atlantis')).toThrow(RangeError);
  });

  test.each([
    ['Europe/Berlin', true],
    ['Etc/GMT+12', true],
    ['', false],
    ['Europe/Atlantis', false],
    ['constructor', false],
  ])('knows %p as a zone: %p', (name, isKnown) => {
    expect(isTimeZone(name)).toBe(isKnown);
  });
});

describe('the instant at which the wall shows a time', () => {
  test.each([
    ['an ordinary midnight', 'Europe/Berlin', '2026-07-01T00:00', '2026-06-30T22:00:00.000'],
    ['an hour that is jumped over', 'Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:00:00.000'],
    ['the first hour after a jump', 'Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00.000'],
    ['an hour that comes twice', 'Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00.000'],
    ['half an hour that is jumped over', 'Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:30:00.000'],
    ['half an hour that comes twice', 'Australia/Lord_Howe', '2026-04-05T01:45', '2026-04-04T14:45:00.000'],
    ['a midnight that does not exist', 'America/Santiago', '2026-09-06T00:00', '2026-09-06T04:00:00.000'],
    ['a midnight that comes twice', 'America/Havana', '2026-11-01T00:00', '2026-11-01T04:00:00.000'],
    ['a day that does not exist', 'Pacific/Apia', '2011-12-30T00:00', '2011-12-30T10:00:00.000'],
    ['the day after it', 'Pacific/Apia', '2011-12-31T00:00', '2011-12-30T10:00:00.000'],
    ['any time in UTC', 'UTC', '2026-03-29T02:30', '2026-03-29T02:30:00.000'],
  ])('is right for %s', (_name, zone, wall, instant) => {
    expect(shown(instantOf(Date.parse(`${wall}Z`), zone))).toBe(instant);
  });

  const zone = fc.constantFrom(
    ...['UTC', 'Europe/Berlin', 'America/Havana', 'America/Santiago', 'Australia/Lord_Howe', 'Asia/Kathmandu'],
    ...['Pacific/Apia', 'Pacific/Chatham', 'Africa/Casablanca'],
  );
  const time = fc.integer({ min: Date.UTC(2008, 0), max: Date.UTC(2036, 0) });

  test('shows that time again, and is the first that does', () => {
    fc.assert(
      fc.property(zone, time, (timeZone, atMs) => {
        const wallMs = wallClock(atMs, timeZone);
        const first = instantOf(wallMs, timeZone);
        expect(wallClock(first, timeZone)).toBe(wallMs);
        expect(first).toBeLessThanOrEqual(atMs);
      }),
      { numRuns: 300 },
    );
  });

  test('never shows an earlier time, and a millisecond before it never that one or a later one', () => {
    fc.assert(
      fc.property(zone, time, (timeZone, wallMs) => {
        const first = instantOf(wallMs, timeZone);
        expect(wallClock(first, timeZone)).toBeGreaterThanOrEqual(wallMs);
        expect(wallClock(first - 1, timeZone)).toBeLessThan(wallMs);
      }),
      { numRuns: 300 },
    );
  });
});
