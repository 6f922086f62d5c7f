/** Money at the edge: integer nano-dollars → the text and numbers that clients read. */

const NANO_DIGITS = 9;

/** Plain decimal dollars, without exponent or trailing zeros: `1950` → `0.00000195`. `null` (unknown) has no text. */
export function usdText(nanoUsd: number | null): string | undefined {
  if (nanoUsd === null) return undefined;
  const sign = nanoUsd < 0 ? '-' : '';
  const digits = String(Math.abs(Math.round(nanoUsd))).padStart(NANO_DIGITS + 1, '0');
  const whole = digits.slice(0, -NANO_DIGITS);
  const fraction = digits.slice(-NANO_DIGITS).replace(/0+$/, '');
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}
