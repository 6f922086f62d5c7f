/** The most that an attempt can cost, and how much output a sum of money buys: by the same function that prices what was used. */
import type { TokenBuckets } from '../wire/usage.ts';
import { type PriceOptions, price } from './price.ts';
import type { RateCard, SearchContextSize } from './rate-card.ts';
import { type Rates, ratesFor } from './rates.ts';

export interface TokenCount {
  readonly input: number;
  readonly output: number;
}

export interface WorstCaseOptions extends PriceOptions {
  /** Tiers that may serve it, if only the standard one cannot be told beforehand: the dearest counts. */
  readonly serviceTiers?: readonly (string | undefined)[] | undefined;
  /** It asks for a cache that is kept for an hour, which costs more to fill. */
  readonly cachesForAnHour?: boolean | undefined;
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

/** Where all tokens of a side may stand: the price that then holds, and the bucket with its part. */
type Place = readonly [keyof Rates, (count: number) => readonly [Partial<TokenBuckets>, PriceOptions]];

const INPUTS: readonly Place[] = [
  ['input', (input) => [{ input }, {}]],
  ['cacheWrite', (cacheWrite) => [{ cacheWrite }, {}]],
  ['cacheRead', (cacheRead) => [{ cacheRead }, {}]],
  ['inputAudio', (inputAudio) => [{ inputAudio }, {}]],
  ['inputImage', (input) => [{ input }, { inputImage: input }]],
];
const HOUR: Place = ['cacheWrite1h', (cacheWrite) => [{ cacheWrite, cacheWrite1h: cacheWrite }, {}]];
const OUTPUTS: readonly Place[] = [
  ['output', (output) => [{ output }, {}]],
  ['reasoning', (reasoning) => [{ reasoning }, {}]],
  ['outputAudio', (outputAudio) => [{ outputAudio }, {}]],
  ['outputImage', (output) => [{ output }, { outputImage: output }]],
  ['outputVideo', (output) => [{ output }, { outputVideo: output }]],
];

/**
 * Nano-dollars with every token where it is dearest, in the dearest tier. `null`: unknown.
 * @param options `durationMs` is needed for models billed by the second: how long it may take at most; `webSearches` are
 *   the most that it may do
 */
export function worstCase(
  count: TokenCount,
  card: RateCard | undefined,
  options: WorstCaseOptions = {},
): number | null {
  if (card?.free) return 0;
  if (card === undefined) return null;
  const tiers = options.serviceTiers ?? [options.serviceTier];
  const most = tiers.map((serviceTier) => worstOfTier(count, card, { ...options, serviceTier }));
  return most.reduce((a, b) => (a === null ? b : b === null ? a : Math.max(a, b)), null);
}

function worstOfTier(count: TokenCount, card: RateCard, options: WorstCaseOptions): number | null {
  const { serviceTier, thresholdIsInclusive } = options;
  const rates = ratesFor(card, { promptTokens: count.input, serviceTier, thresholdIsInclusive });
  const input = dearest(options.cachesForAnHour ? [...INPUTS, HOUR] : INPUTS, rates);
  const output = dearest(OUTPUTS, rates);
  const [inputs, inputParts] = input(count.input);
  const [outputs, outputParts] = output(count.output);
  const searchContextSize = options.searchContextSize ?? dearestSearch(card);
  const all = { ...options, ...inputParts, ...outputParts, searchContextSize };
  return price({ ...NONE, ...inputs, ...outputs }, card, all).totalNanoUsd;
}

function dearest(places: readonly Place[], rates: Rates): Place[1] {
  let [, found] = places[0] ?? ['input', () => [{}, {}]];
  let most = -1;
  for (const [name, place] of places) {
    const rate = rates[name] ?? -1;
    if (rate > most) [most, found] = [rate, place];
  }
  return found;
}

function dearestSearch({ searchPrices = {} }: RateCard): SearchContextSize | undefined {
  const sizes = ['low', 'medium', 'high'] as const;
  return sizes.reduce<SearchContextSize | undefined>(
    (most, size) => ((searchPrices[size] ?? -1) > ((most && searchPrices[most]) ?? -1) ? size : most),
    undefined,
  );
}

/** Output tokens that `nanoUsd` buys beside this input, at most `most`; below 0: not even the input. */
export function affordableOutput(
  nanoUsd: number,
  wanted: TokenCount,
  card: RateCard | undefined,
  options: WorstCaseOptions = {},
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
