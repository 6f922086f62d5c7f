/** Hours of the day that are reserved for some teams. Source: LiteLLM's documentation of `model_info.access_windows`. */

export interface AccessWindow {
  /** Milliseconds since midnight by the wall. An end before the start is on the next day. */
  readonly startMs: number;
  readonly endMs: number;
  readonly timeZone: string;
  readonly teamIds: readonly string[];
}

const MINUTE_MS = 60_000;
const TIME = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

/** What cannot be read is left out: `faultOf` has said so. */
export const accessWindowsIn = (value: unknown): readonly AccessWindow[] =>
  Array.isArray(value) ? value.flatMap((item) => windowIn(item) ?? []) : [];

/** Why a value of `access_windows` cannot be used; `undefined`: it can. */
export function faultOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) return 'must be a list of windows';
  const at = value.findIndex((item) => windowIn(item) === undefined);
  if (at === -1) return undefined;
  return `entry ${at} needs a start and an end such as "09:00" that differ, a timezone such as "Europe/Berlin", and team_ids`;
}

function windowIn(item: unknown): AccessWindow | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const { start, end, timezone, team_ids: teamIds } = item as Readonly<Record<string, unknown>>; // Checked just now.
  const [startMs, endMs] = [timeIn(start), timeIn(end)];
  if (startMs === undefined || endMs === undefined || startMs === endMs) return undefined;
  if (typeof timezone !== 'string' || !isTimeZone(timezone)) return undefined;
  if (!Array.isArray(teamIds) || teamIds.length === 0 || teamIds.some((id) => typeof id !== 'string')) return undefined;
  return { startMs, endMs, timeZone: timezone, teamIds };
}

function timeIn(value: unknown): number | undefined {
  const match = typeof value === 'string' ? TIME.exec(value) : null;
  if (!match) return undefined;
  const [, hours, minutes, seconds = '0'] = match;
  return (Number(hours) * 60 + Number(minutes)) * MINUTE_MS + Number(seconds) * 1_000;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

const clocks = new Map<string, Intl.DateTimeFormat>();

export function isWithin({ startMs, endMs, timeZone }: AccessWindow, atMs: number): boolean {
  const wallMs = wallTime(timeZone, atMs);
  return startMs < endMs ? wallMs >= startMs && wallMs < endMs : wallMs >= startMs || wallMs < endMs;
}

/** Milliseconds since midnight there. */
function wallTime(timeZone: string, atMs: number): number {
  const clock =
    clocks.get(timeZone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
  clocks.set(timeZone, clock);
  return timeIn(clock.format(atMs)) ?? 0;
}
