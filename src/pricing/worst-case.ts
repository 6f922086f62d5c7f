/** The most that an attempt can cost, and how much output a sum of money buys: by the same function that prices what was used. */
import type { TokenBuckets } from '../wire/usage.ts';
import { type PriceOptions, price } from './price.ts';
import type { RateCard } from './rate-card.ts';

export interface TokenCount {
  readonly input: number;
  readonly output: number;
}

const NONE: TokenBuckets = {
  input: 0,
  cacheRead: 0,
  cacheWrite: 0,
  inputAudio: 0,
  output: 0,
  reasoning: 0,
  outputAudio: 0,
  source: 'estimated',
};

const INPUTS = ['input', 'cacheWrite', 'inputAudio'] as const;
const OUTPUTS = ['output', 'reasoning', 'outputAudio'] as const;

/**
 * Nano-dollars with every token in its side's dearest bucket that this model has a price for. `null`: unknown.
 * @param options `durationMs` is needed for models billed by the second: how long it may take at most
 */
export function worstCase(count: TokenCount, card: RateCard | undefined, options: PriceOptions = {}): number | null {
  if (card?.free) return 0;
  let most: number | null = null;
  for (const from of INPUTS) {
    for (const to of OUTPUTS) {
      const { totalNanoUsd } = price({ ...NONE, [from]: count.input, [to]: count.output }, card, options);
      if (totalNanoUsd !== null && (most === null || totalNanoUsd > most)) most = totalNanoUsd;
    }
  }
  return most;
}

/** Output tokens that `nanoUsd` buys beside this input, at most `most`; below 0: not even the input. */
export function affordableOutput(
  nanoUsd: number,
  wanted: TokenCount,
  card: RateCard | undefined,
  options: PriceOptions = {},
): number {
  const costOf = (output: number): number =>
    worstCase({ ...wanted, output }, card, options) ?? Number.POSITIVE_INFINITY;
  if (costOf(wanted.output) <= nanoUsd) return wanted.output;
  if (costOf(0) > nanoUsd) return -1;
  // Cost grows with the output, so halving finds the largest that still fits.
  let fits = 0;
  let tooMuch = wanted.output;
  while (tooMuch - fits > 1) {
    const middle = Math.floor((fits + tooMuch) / 2);
    if (costOf(middle) <= nanoUsd) fits = middle;
    else tooMuch = middle;
  }
  return fits;
}
