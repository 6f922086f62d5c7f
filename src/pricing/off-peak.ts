/** The hours in which some providers charge less. Source: DeepSeek's API documentation, "Models & Pricing". */
import type { OffPeak, OffPeakWindow } from './rate-card.ts';

const DAY_MINUTES = 1_440;

/** @param atMs epoch milliseconds at which the request was billed */
export function isOffPeakAt(offPeak: OffPeak | undefined, atMs: number): boolean {
  return offPeak?.windows.some((window) => isOpen(window, new Date(atMs))) ?? false;
}

/** A window that starts where it ends covers the whole day. */
function isOpen({ from, to, weekdays, weekdayZone }: OffPeakWindow, at: Date): boolean {
  if (weekdays && !weekdays.includes(weekdayIn(weekdayZone ?? 'UTC', at))) return false;
  const minute = Math.floor(at.getTime() / 60_000) % DAY_MINUTES;
  return from < to ? from <= minute && minute < to : minute >= from || minute < to;
}

const DAYS: readonly string[] = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const formats = new Map<string, Intl.DateTimeFormat>();

/** 1 (Monday) to 7. */
function weekdayIn(zone: string, at: Date): number {
  const format = formats.get(zone) ?? new Intl.DateTimeFormat('en-US', { weekday: 'short', timeZone: zone });
  formats.set(zone, format);
  return DAYS.indexOf(format.format(at)) + 1;
}
