import { isDeepStrictEqual } from 'node:util';

/** A list that is empty, a flag that is off and a field that is not there say the same. */
export const isSame = (given: unknown, now: unknown): boolean => isDeepStrictEqual(plain(given), plain(now));

function plain(value: unknown): unknown {
  if (value === undefined || value === false) return null;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? null : value;
}
