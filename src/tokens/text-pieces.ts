/** Texts of any length, counted in a bounded time. */
import type { CountText } from './prompt-tokens.ts';

/** More than any model reads. */
const MOST_EXACT_CHARS = 4_000_000;

/** Beyond so many characters of a prompt the rest is taken to be as dense as what has been counted. */
export function boundedCount(count: CountText, mostChars = MOST_EXACT_CHARS): CountText {
  const counted = { chars: 0, tokens: 0 };
  return (text) => {
    const exact = text.slice(0, mostChars - counted.chars);
    const tokens = count(exact);
    counted.chars += exact.length;
    counted.tokens += tokens;
    const rest = text.length - exact.length;
    return rest === 0 ? tokens : tokens + Math.round((rest * counted.tokens) / counted.chars);
  };
}

/**
 * A text in pieces that are counted one by one. Merging the letters of one long word takes a time that grows with the square of
 * its length, so none may be endless; where there are words a cut before a blank changes no count.
 */

const LONGEST_PIECE = 4_096;

export function* textPieces(text: string, longest = LONGEST_PIECE): Generator<string> {
  let start = 0;
  while (text.length - start > longest) {
    const end = cutAt(text, start, start + longest);
    yield text.slice(start, end);
    start = end;
  }
  yield text.slice(start);
}

const isWordStart = (text: string, at: number): boolean => text[at] === ' ' && /\p{L}/u.test(text[at + 1] ?? '');
const isHalf = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
};

/** Before a blank that begins a word, not inside a run of blanks; else anywhere between two characters. */
function cutAt(text: string, start: number, end: number): number {
  for (let at = end; at > start + 1; at--) {
    if (isWordStart(text, at) && /\S/.test(text[at - 1] ?? '')) return at;
  }
  return isHalf(text, end) ? end - 1 : end;
}
