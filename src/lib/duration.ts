/**
 * LiteLLM's durations: `30s`, `30m`, `30h`, `30d`, `1w`, `1mo`, the words `hourly` … `monthly`, and units that are written
 * out, as people do: `30min`, `2 weeks`. Source: its documentation of key durations.
 */

export type DurationUnit = 's' | 'm' | 'h' | 'd' | 'w' | 'mo';

export interface Duration {
  readonly count: number;
  readonly unit: DurationUnit;
}

const MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

const WORDS: ReadonlyMap<string, Duration> = new Map([
  ['hourly', { count: 1, unit: 'h' }],
  ['daily', { count: 1, unit: 'd' }],
  ['weekly', { count: 7, unit: 'd' }],
  ['monthly', { count: 1, unit: 'mo' }],
]);

const UNITS: ReadonlyMap<string, DurationUnit> = new Map(
  Object.entries({
    s: ['s', 'sec', 'secs', 'second', 'seconds'],
    m: ['m', 'min', 'mins', 'minute', 'minutes'],
    h: ['h', 'hr', 'hrs', 'hour', 'hours'],
    d: ['d', 'day', 'days'],
    w: ['w', 'week', 'weeks'],
    mo: ['mo', 'month', 'months'],
    // `Object.entries` gives names as text.
  } satisfies Record<DurationUnit, string[]>).flatMap(([unit, names]) =>
    names.map((name) => [name, unit as DurationUnit] as const),
  ),
);

/** `undefined`: not a duration. */
export function parseDuration(text: string): Duration | undefined {
  const word = text.trim().toLowerCase();
  const known = WORDS.get(word);
  if (known) return known;
  const match = /^(\d{1,6}) ?([a-z]+)$/.exec(word);
  const unit = UNITS.get(match?.[2] ?? '');
  const count = Number(match?.[1] ?? 0);
  return unit === undefined || count === 0 ? undefined : { count, unit };
}

/** Milliseconds from `fromMs` until the duration has passed, months by the calendar; `undefined` when it is no duration. */
export function endOfDuration(text: string, fromMs: number): number | undefined {
  const duration = parseDuration(text);
  if (!duration) return undefined;
  const { count, unit } = duration;
  if (unit !== 'mo') return fromMs + count * (MS[unit] ?? 0);
  const end = new Date(fromMs);
  const day = end.getUTCDate();
  end.setUTCMonth(end.getUTCMonth() + count, 1);
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate();
  end.setUTCDate(Math.min(day, lastDay));
  return end.getTime();
}
