/** Days of a time zone, told in quarter hours: what a database without time zones needs to group by local days. */
import { GatewayError } from '../errors.ts';
import { QUARTER_MS } from './usage-tables.ts';

export const QUARTERS_PER_DAY = 96;

/** From `fromQuarter` on, local time is `offset` quarter hours ahead of UTC. */
export interface OffsetSpan {
  readonly fromQuarter: number;
  readonly offset: number;
}

/** No zone goes back and forth within a week. */
const STEP = 7 * QUARTERS_PER_DAY;

/**
 * The offsets in force in a range of quarter hours, oldest first; there is always one. Summer time begins and ends
 * between two quarter hours, so each belongs to one offset.
 * @throws GatewayError `invalid_request` for a zone that does not exist
 */
export function offsetSpans(timeZone: string, fromQuarter: number, toQuarter: number): OffsetSpan[] {
  const offsetAt = offsetsOf(timeZone);
  let offset = offsetAt(fromQuarter);
  const spans: OffsetSpan[] = [{ fromQuarter, offset }];
  for (let at = fromQuarter; at < toQuarter; at += STEP) {
    const next = offsetAt(at + STEP);
    if (next === offset) continue;
    spans.push({ fromQuarter: firstWith(offsetAt, next, [at, at + STEP]), offset: next });
    offset = next;
  }
  return spans;
}

/** Halves the range until the change is found. */
function firstWith(
  offsetAt: (quarter: number) => number,
  offset: number,
  [before, after]: readonly [before: number, after: number],
): number {
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === offset) high = middle;
    else low = middle;
  }
  return high;
}

/** Offset of a zone in quarter hours, by quarter hour. */
function offsetsOf(timeZone: string): (quarter: number) => number {
  const format = formatOf(timeZone);
  return (quarter) => {
    const ms = quarter * QUARTER_MS;
    const field: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) field[type] = Number(value);
    const { year = 1970, month = 1, day = 1, hour = 0, minute = 0 } = field;
    return Math.round((Date.UTC(year, month - 1, day, hour, minute) - ms) / QUARTER_MS);
  };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const two = '2-digit';
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
    });
  } catch (cause) {
    throw new GatewayError(
      'invalid_request',
      `Unknown time zone "${timeZone}". Use an IANA name, such as Europe/Berlin.`,
      {
        param: 'timezone',
        cause,
      },
    );
  }
}
