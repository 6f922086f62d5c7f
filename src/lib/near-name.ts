/** "Did you mean": which known names a mistyped one is closest to. */

/** Edits between two names: insert, delete, replace, or swap two neighbours. Stops counting above `limit`. */
export function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) > limit) return limit + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      current.push(cheapest({ from, to, row, column }, [beforePrevious, previous, current]));
    }
    if (Math.min(...current) > limit) return limit + 1;
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? limit + 1;
}

interface Cell {
  readonly from: string;
  readonly to: string;
  readonly row: number;
  readonly column: number;
}

type Rows = readonly [beforePrevious: readonly number[], previous: readonly number[], current: readonly number[]];

function cheapest({ from, to, row, column }: Cell, [beforePrevious, previous, current]: Rows): number {
  const at = (cells: readonly number[], index: number): number => cells[index] ?? Number.POSITIVE_INFINITY;
  const same = from[row - 1] === to[column - 1];
  const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
  return Math.min(
    at(previous, column) + 1,
    at(current, column - 1) + 1,
    at(previous, column - 1) + (same ? 0 : 1),
    swapped ? at(beforePrevious, column - 2) + 1 : Number.POSITIVE_INFINITY,
  );
}

const MAX_SUGGESTIONS = 4;
const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]/g, '');

/** The closest of `known` within `limit` edits, all ties; spelling case and `-`/`_` count for nothing. */
export function nearestNames(name: string, known: Iterable<string>, limit: number): string[] {
  let best = limit;
  let names: string[] = [];
  for (const candidate of known) {
    const distance = plain(name) === plain(candidate) ? 0 : editDistance(name, candidate, best);
    if (distance > best) continue;
    if (distance < best) names = [];
    best = distance;
    names.push(candidate);
  }
  return [...new Set(names)].slice(0, MAX_SUGGESTIONS);
}

/** How far a name may be off where other names are allowed too: one edit, two in a long name, none in a single letter. */
export const typingErrorLimit = (name: string): number => (name.length >= 8 ? 2 : name.length >= 2 ? 1 : 0);

/** How far a name may be off where nothing else is allowed. */
export const suggestionLimit = (name: string): number => Math.max(2, Math.floor(name.length / 3));

/** ` Did you mean "a" or "b"?`, or nothing. */
export function didYouMean(names: readonly string[]): string {
  if (names.length === 0) return '';
  return ` Did you mean ${names.map((name) => `"${name}"`).join(' or ')}?`;
}
