/**
 * Windows from the clock and the zone. Aligned as LiteLLM's documentation of budget resets says: `1d` at midnight, `7d`
 * on Monday, `30d` and `1mo` on the first of the month, hours and shorter on the boundary.
 */
import { type DurationUnit, parseDuration } from '../lib/duration.ts';
import type { Window } from './types.ts';
import { DAY_MS, instantOf, wallClock } from './zone-time.ts';

export { isTimeZone } from './zone-time.ts';

/** Epoch milliseconds, the end not included; `null`: no end. `id` is the same in every process. */
export interface WindowSpan {
  readonly startMs: number;
  readonly endMs: number | null;
  readonly id: string;
}

type Calendar = Extract<Window, { kind: 'calendar' }>;

const HOUR_MS = 3_600_000;
const LENGTHS = { second: 1_000, minute: 60_000, hour: HOUR_MS } as const;
/** 1970-01-05, counted in days from 1970-01-01. */
const FIRST_MONDAY = 4;
const LIFETIME_SPAN: WindowSpan = { startMs: 0, endMs: null, id: 'lifetime' };

/** The window that holds the instant. Throws RangeError for a zone that the runtime does not know. */
export function windowAt(window: Window, atMs: number): WindowSpan {
  switch (window.kind) {
    case 'lifetime':
      return LIFETIME_SPAN;
    case 'sliding':
      return { startMs: atMs - window.ms, endMs: null, id: `sliding-${window.ms}` };
    case 'calendar': {
      const [startMs, endMs] = calendarSpan(window, atMs);
      return { startMs, endMs, id: `${window.every}-${window.period}-${startMs}` };
    }
    default:
      return window satisfies never;
  }
}

type Span = readonly [startMs: number, endMs: number];

function calendarSpan(window: Calendar, atMs: number): Span {
  const { every, period, timeZone } = window;
  switch (period) {
    case 'second':
    case 'minute':
    case 'hour':
      return shortSpan(every * LENGTHS[period], timeZone, atMs);
    case 'day':
      return daysSpan(every, 0, timeZone, atMs);
    case 'week':
      return daysSpan(every * 7, FIRST_MONDAY, timeZone, atMs);
    case 'month':
      return monthsSpan(every, timeZone, atMs);
    default:
      return period satisfies never;
  }
}

/** Part of an hour: real time since midnight, so an hour that comes twice is two windows. Part of a day: by the wall. */
function shortSpan(lengthMs: number, timeZone: string, atMs: number): Span {
  if (HOUR_MS % lengthMs === 0) {
    const [dayMs, nextDayMs] = daysSpan(1, 0, timeZone, atMs);
    const startMs = dayMs + Math.floor((atMs - dayMs) / lengthMs) * lengthMs;
    return [startMs, Math.min(startMs + lengthMs, nextDayMs)];
  }
  if (DAY_MS % lengthMs === 0) {
    const index = Math.floor(wallClock(atMs, timeZone) / lengthMs);
    return spanAround(atMs, index, (each) => instantOf(each * lengthMs, timeZone));
  }
  const epochMs = instantOf(0, timeZone);
  const startMs = epochMs + Math.floor((atMs - epochMs) / lengthMs) * lengthMs;
  return [startMs, startMs + lengthMs];
}

function daysSpan(days: number, firstDay: number, timeZone: string, atMs: number): Span {
  const day = Math.floor(wallClock(atMs, timeZone) / DAY_MS);
  const index = Math.floor((day - firstDay) / days);
  return spanAround(atMs, index, (each) => instantOf((each * days + firstDay) * DAY_MS, timeZone));
}

function monthsSpan(months: number, timeZone: string, atMs: number): Span {
  const wall = new Date(wallClock(atMs, timeZone));
  const month = (wall.getUTCFullYear() - 1970) * 12 + wall.getUTCMonth();
  return spanAround(atMs, Math.floor(month / months), (each) => instantOf(Date.UTC(1970, each * months), timeZone));
}

/** A wall that was set back shows a time twice, so what it shows may name a neighbour of the window. */
function spanAround(atMs: number, guess: number, boundary: (index: number) => number): Span {
  let index = guess;
  while (boundary(index) > atMs) index -= 1;
  while (boundary(index + 1) <= atMs) index += 1;
  return [boundary(index), boundary(index + 1)];
}

/** Tells the current window without zone arithmetic until it ends. */
export class WindowClock {
  readonly window: Window;
  #span: WindowSpan | undefined;

  constructor(window: Window) {
    this.window = window;
  }

  at(nowMs: number): WindowSpan {
    const known = this.#span;
    if (known && nowMs >= known.startMs && (known.endMs === null || nowMs < known.endMs)) return known;
    this.#span = windowAt(this.window, nowMs);
    return this.#span;
  }
}

const LIFETIME: Window = { kind: 'lifetime' };

const PERIODS: Readonly<Record<DurationUnit, Calendar['period']>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
};

/** LiteLLM's durations and its words for them. `null`: for ever. `undefined`: not a duration. */
export function parseWindow(text: string | null, timeZone: string): Window | undefined {
  if (text === null) return LIFETIME;
  const duration = parseDuration(text);
  if (!duration) return undefined;
  const every = duration.count;
  const period = PERIODS[duration.unit];
  const calendar = (count: number, unit: Calendar['period']): Window => ({
    kind: 'calendar',
    every: count,
    period: unit,
    timeZone,
  });
  if (period === 'day' && every === 7) return calendar(1, 'week');
  if (period === 'day' && every === 30) return calendar(1, 'month');
  return calendar(every, period);
}
