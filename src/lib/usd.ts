/** Nano-dollars as people and JSON read them. */

const NANO_DIGITS = 9;

/** Plain decimal text: no exponent, no trailing zeros (`0.00000195`). `undefined` for an unknown price. */
export function usdText(nanoUsd: number | null): string | undefined {
  if (nanoUsd === null || !Number.isFinite(nanoUsd)) return undefined;
  const nanos = Math.round(nanoUsd);
  const size = Math.abs(nanos);
  const digits = (Number.isSafeInteger(size) ? String(size) : String(BigInt(size))).padStart(NANO_DIGITS + 1, '0');
  const sign = nanos < 0 ? '-' : '';
  const whole = digits.slice(0, -NANO_DIGITS);
  let end = digits.length;
  while (end > whole.length && digits.charCodeAt(end - 1) === 48) end--;
  return end === whole.length ? sign + whole : `${sign}${whole}.${digits.slice(whole.length, end)}`;
}

/** Dollars for a JSON number: the only place where money becomes a float. */
export function usdNumber(nanoUsd: number | null): number | null {
  return nanoUsd === null || !Number.isFinite(nanoUsd) ? null : nanoUsd / 1e9;
}
