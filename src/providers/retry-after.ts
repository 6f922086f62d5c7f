/** How long an upstream asks to be left alone. Sources: RFC 9110, "Retry-After"; OpenAI's `retry-after-ms`. */

/** Longer ones are taken for nonsense; how long a retry waits is the plan's own decision. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/**
 * `retry-after-ms`, or `retry-after` in seconds or as a date; a date is read against the answer's own `date`, so that a
 * clock that is wrong on either side does no harm. Empty when absent, negative or absurd.
 */
export function retryAfter(headers: Headers, nowMs = Date.now()): { retryAfterMs?: number } {
  const found = [fromMs(headers.get('retry-after-ms')), fromText(headers, nowMs)].find((ms) => ms !== undefined);
  return found === undefined ? {} : { retryAfterMs: found };
}

const sane = (ms: number): number | undefined => (ms >= 0 && ms <= LONGEST_WAIT_MS ? ms : undefined);

const fromMs = (text: string | null): number | undefined =>
  text === null || text.trim() === '' ? undefined : sane(Number(text));

function fromText(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return sane(Number(text) * 1000);
  const sentAtMs = Date.parse(headers.get('date') ?? '');
  return sane(Date.parse(text) - (Number.isNaN(sentAtMs) ? nowMs : sentAtMs));
}
