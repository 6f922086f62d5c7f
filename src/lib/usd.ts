/** Nano-dollars as people and JSON read them. */

const NANOS_PER_USD = 1_000_000_000n;

/** Plain decimal text: no exponent, no trailing zeros (`0.00000195`). `undefined` for an unknown price. */
export function usdText(nanoUsd: number | null): string | undefined {
  if (nanoUsd === null || !Number.isFinite(nanoUsd)) return undefined;
  const nanos = BigInt(Math.round(nanoUsd));
  const size = nanos < 0n ? -nanos : nanos;
  const decimals = (size % NANOS_PER_USD).toString().padStart(9, '0').replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${size / NANOS_PER_USD}${decimals && `.${decimals}`}`;
}

/** Dollars for a JSON number: the only place where money becomes a float. */
export function usdNumber(nanoUsd: number | null): number | null {
  return nanoUsd === null || !Number.isFinite(nanoUsd) ? null : nanoUsd / 1e9;
}
