/** LiteLLM's durations: `30s`, `30m`, `30h`, `30d`, `1w`, `1mo`. Source: its documentation of key durations. */

const MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds from `fromMs` until the duration has passed, months by the calendar; `undefined` when it is no duration. */
export function endOfDuration(text: string, fromMs: number): number | undefined {
  const match = /^(\d{1,6})(s|m|h|d|w|mo)$/.exec(text.trim());
  if (!match) return undefined;
  const count = Number(match[1]);
  const unit = match[2] ?? '';
  if (count === 0) return undefined;
  if (unit !== 'mo') return fromMs + count * (MS[unit] ?? 0);
  const end = new Date(fromMs);
  const day = end.getUTCDate();
  end.setUTCMonth(end.getUTCMonth() + count, 1);
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate();
  end.setUTCDate(Math.min(day, lastDay));
  return end.getTime();
}
