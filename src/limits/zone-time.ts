/** Clocks on the wall of an IANA zone, from the zone data of the runtime: what they show, and when they show it. */

export const DAY_MS = 86_400_000;
const FURTHEST_OFFSET_MS = DAY_MS;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(timeZone, format);
  return format;
}

/** Whether the runtime knows the zone. */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** What the clock on the wall shows, as if it were UTC: epoch milliseconds. Throws RangeError for an unknown zone. */
export function wallClock(atMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return atMs;
  const seconds = Math.floor(atMs / 1_000) * 1_000;
  const shown = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of formatOf(timeZone).formatToParts(seconds)) {
    if (type in shown) shown[type as keyof typeof shown] = Number(value); // `in` has just said that it is one
  }
  const wall = Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute, shown.second);
  return wall + (atMs - seconds);
}

/**
 * The first instant at which the clock on the wall shows `wallMs` or, where it jumps over that time, something later.
 * Midnight does not exist everywhere every day, and in some places it comes twice.
 */
export function instantOf(wallMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return wallMs;
  const offsetAt = (atMs: number): number => wallClock(atMs, timeZone) - atMs;
  const byOffsetBefore = wallMs - offsetAt(wallMs - FURTHEST_OFFSET_MS);
  const byOffsetAfter = wallMs - offsetAt(wallMs + FURTHEST_OFFSET_MS);
  const first = Math.min(byOffsetBefore, byOffsetAfter);
  const last = Math.max(byOffsetBefore, byOffsetAfter);
  if (wallClock(first, timeZone) === wallMs) return first;
  if (wallClock(last, timeZone) === wallMs) return last;
  return firstInstant((atMs) => wallClock(atMs, timeZone) >= wallMs, first, last);
}

/** @param lastMs where the condition holds; before `firstMs` it does not */
function firstInstant(holds: (atMs: number) => boolean, firstMs: number, lastMs: number): number {
  let [low, high] = [firstMs, lastMs];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}
