/** Query parameters → times, or a 400 that names the parameter. */
import { invalidRequest } from '../errors.ts';
import { DAY_MS, instantOf } from '../limits/zone-time.ts';

export type Query = Readonly<Record<string, string>>;

export interface Moment {
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Where a range ends whose last moment this is: after the day, or a millisecond after the time. */
  readonly endMs: number;
  /** Without a time of day: the whole day is meant. */
  readonly isDay: boolean;
}

/** A date, or a date and a time with or without seconds and zone. */
const MOMENT =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?<zone>Z|[+\- ]\d{2}:\d{2})?)?$/;

/**
 * @param timeZone whose days are meant, and whose times where none says its own
 * @throws GatewayError 400 when it is given and no date
 */
export function moment(query: Query, name: string, timeZone = 'UTC'): Moment | undefined {
  const text = query[name];
  if (text === undefined || text === '') return undefined;
  const { date, time, zone } = MOMENT.exec(text)?.groups ?? {};
  const isDay = time === undefined;
  // A plus sign that was not encoded arrives as a space.
  const readMs = Date.parse(`${date}T${time ?? '00:00'}${zone?.replace(' ', '+') ?? 'Z'}`);
  if (date !== undefined && !Number.isNaN(readMs) && isInCalendar(date)) {
    const atMs = zone === undefined ? instantOf(readMs, timeZone) : readMs;
    return { atMs, isDay, endMs: isDay ? instantOf(readMs + DAY_MS, timeZone) : atMs + 1 };
  }
  throw invalidRequest(`'${name}' must be a date such as 2026-01-31, or a time such as 2026-01-31 14:00:00.`, name);
}

/** JavaScript reads the 30th of February as the 2nd of March. */
const isInCalendar = (date: string): boolean => new Date(`${date}T00:00Z`).toISOString().startsWith(date);
