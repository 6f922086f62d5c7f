/** Which time a report is about, and whose days it tells. */
import { invalidRequest } from '../errors.ts';
import { DAY_MS, instantOf, wallClock } from '../limits/zone-time.ts';
import type { AdminContext } from './context.ts';
import { moment, type Query } from './query.ts';

export interface ReportRange {
  /** Epoch milliseconds; from inclusive, to exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  /** IANA name, or an offset such as `+05:30`. */
  readonly timeZone: string;
}

type RangeContext = Pick<AdminContext, 'settings' | 'now'>;

/** LiteLLM's reports without dates are about the last thirty days. */
const USUAL_DAYS = 30;

/** @throws GatewayError 400 that names the parameter which cannot be read */
export function rangeOf(context: RangeContext, query: Query): ReportRange {
  const { fromMs, toMs, timeZone } = givenRange(context, query);
  const today = dayStart(wallClock(context.now(), timeZone));
  const endMs = toMs ?? instantOf(today + DAY_MS, timeZone);
  const startMs = fromMs ?? instantOf(dayStart(wallClock(endMs - 1, timeZone)) - (USUAL_DAYS - 1) * DAY_MS, timeZone);
  if (startMs >= endMs) throw invalidRequest("'start_date' must not be after 'end_date'.", 'start_date');
  return { fromMs: startMs, toMs: endMs, timeZone };
}

export interface GivenRange {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly timeZone: string;
}

/** Only what the query says. */
export function givenRange({ settings }: Pick<AdminContext, 'settings'>, query: Query): GivenRange {
  const timeZone = zoneOf(query['timezone'], settings().timeZone);
  return {
    fromMs: moment(query, 'start_date', timeZone)?.atMs,
    toMs: moment(query, 'end_date', timeZone)?.endMs,
    timeZone,
  };
}

/** The part of the range that falls on these days, `YYYY-MM-DD`. */
export function withinDays(range: ReportRange, first: string, last: string): ReportRange {
  const start = instantOf(Date.parse(first), range.timeZone);
  const end = instantOf(Date.parse(last) + DAY_MS, range.timeZone);
  return { ...range, fromMs: Math.max(range.fromMs, start), toMs: Math.min(range.toMs, end) };
}

/** Midnight of a day as LiteLLM writes it, with the zone's own offset: `2026-03-29T00:00:00+01:00`. */
export function midnightOf(day: string, timeZone: string): string {
  const atMs = instantOf(Date.parse(day), timeZone);
  return `${day}T00:00:00${offsetText((wallClock(atMs, timeZone) - atMs) / MINUTE_MS)}`;
}

const MINUTE_MS = 60_000;
const dayStart = (wallMs: number): number => Math.floor(wallMs / DAY_MS) * DAY_MS;

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const two = (number: number): string => String(Math.floor(number)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`;
}

const MINUTES_WEST = /^[+-]?\d{1,3}$/;
const FURTHEST_MINUTES = 14 * 60;
const QUARTER = 15;

/**
 * An IANA name, or minutes behind UTC as JavaScript's `getTimezoneOffset` has them and LiteLLM's pages send them (-330 is
 * +05:30). Reports count in quarter hours, which every zone in use is a whole number of.
 */
function zoneOf(text: string | undefined, configured: string): string {
  if (text === undefined || text === '') return configured;
  const zone = MINUTES_WEST.test(text) ? offsetZone(-Number(text)) : canonicalZone(text);
  if (zone !== undefined) return zone;
  throw invalidRequest(
    "'timezone' must be an IANA name such as Europe/Berlin, or minutes behind UTC such as -60.",
    'timezone',
  );
}

function offsetZone(minutesEast: number): string | undefined {
  if (Math.abs(minutesEast) > FURTHEST_MINUTES || minutesEast % QUARTER !== 0) return undefined;
  return minutesEast === 0 ? 'UTC' : offsetText(minutesEast);
}

const OFFSET = /^[+-]\d{2}:?(\d{2})?$/;

/** One spelling for each, so that what is remembered of zones stays bounded. */
function canonicalZone(text: string): string | undefined {
  if (OFFSET.test(text) && Number(OFFSET.exec(text)?.[1] ?? 0) % QUARTER !== 0) return undefined;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
