/** Which of a card's prices hold for one request: its prompt size and service tier decide. */
import type { RateCard } from './rate-card.ts';

export interface RequestSize {
  /** All tokens of the prompt, cached ones too. */
  readonly promptTokens: number;
  readonly serviceTier: string | undefined;
  readonly isOffPeak?: boolean | undefined;
  /** A prompt of exactly so many tokens counts as above the threshold, as some providers have it. */
  readonly thresholdIsInclusive?: boolean | undefined;
}

/** USD a token, or a second. `undefined`: not known. */
export interface Rates {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly inputAudio: number | undefined;
  readonly inputImage: number | undefined;
  readonly outputAudio: number | undefined;
  readonly outputImage: number | undefined;
  readonly outputVideo: number | undefined;
  readonly cacheRead: number | undefined;
  readonly cacheReadAudio: number | undefined;
  readonly cacheWrite: number | undefined;
  readonly cacheWrite1h: number | undefined;
  readonly reasoning: number | undefined;
  /** 0 for models billed by the token. */
  readonly inputPerSecond: number;
  readonly outputPerSecond: number;
}

type RateReader = (field: string) => number | undefined;

/** Names of the tier that the standard prices are for. */
export const PLAIN_TIERS: ReadonlySet<string> = new Set([
  ...['', 'auto', 'default', 'standard', 'standard_only', 'on_demand'],
]);

/** Few of a card's prices differ by size and tier, and each request asks for them several times. */
const remembered = new WeakMap<RateCard, Map<string, Rates>>();
/** Tiers are named by whoever asks. */
const MOST_REMEMBERED = 50;

/** A missing cache, audio or image price is the plain price of its side. */
export function ratesFor(card: RateCard, size: RequestSize): Rates {
  const level = levelOf(card, size);
  const byLevel = remembered.get(card) ?? new Map<string, Rates>();
  const key = `${level.range} ${level.crossed.length} ${level.isOffPeak} ${level.suffix}`;
  const known = byLevel.get(key);
  if (known) return known;
  const rates = ratesAt(card, rateReader(card, level));
  if (byLevel.size >= MOST_REMEMBERED) byLevel.clear();
  byLevel.set(key, rates);
  remembered.set(card, byLevel);
  return rates;
}

function ratesAt(card: RateCard, rate: RateReader): Rates {
  const { token: input, second: inputPerSecond } = sideOf('input', card, rate);
  const { token: output, second: outputPerSecond } = sideOf('output', card, rate);
  const cacheRead = rate('cache_read_input_token_cost') ?? rate('input_cost_per_token_cache_hit') ?? input;
  const cacheWrite = rate('cache_creation_input_token_cost') ?? input;
  return {
    input,
    output,
    inputPerSecond,
    outputPerSecond,
    inputAudio: rate('input_cost_per_audio_token') ?? input,
    inputImage: rate('input_cost_per_image_token') ?? input,
    outputAudio: rate('output_cost_per_audio_token') ?? output,
    outputImage: rate('output_cost_per_image_token') ?? output,
    outputVideo: rate('output_cost_per_video_token') ?? output,
    cacheRead,
    cacheReadAudio: rate('cache_read_input_audio_token_cost') ?? cacheRead,
    cacheWrite,
    cacheWrite1h: rate('cache_creation_input_token_cost_above_1hr') ?? cacheWrite,
    reasoning: reasoningRate(card, rate) ?? output,
  };
}

/** A side without a token price is covered by the price for the time, if the model has one. */
function sideOf(side: 'input' | 'output', { prices }: RateCard, rate: RateReader) {
  const token = rate(`${side}_cost_per_token`);
  const isBySecond = 'input_cost_per_second' in prices || 'output_cost_per_second' in prices;
  if (token !== undefined || !isBySecond) return { token, second: 0 };
  return { token: 0, second: prices[`${side}_cost_per_second`] ?? 0 };
}

/** Listed as equal to the output price, it is that price, and goes up and down with its tiers and thresholds. */
function reasoningRate({ prices }: RateCard, rate: RateReader): number | undefined {
  const field = 'output_cost_per_reasoning_token';
  const isOutputPrice = prices[field] !== undefined && prices[field] === prices['output_cost_per_token'];
  return isOutputPrice ? undefined : rate(field);
}

/** All of a request that decides about its prices. */
interface Level {
  /** Place of the range of prompt sizes in the card's list; -1 when it has none. */
  readonly range: number;
  /** Thresholds that the prompt has passed, in thousands of tokens, highest first. */
  readonly crossed: readonly number[];
  /** Of field names, for a tier. */
  readonly suffix: string;
  readonly isOffPeak: boolean;
}

/** The whole request is billed at what its prompt size has come to. */
function levelOf({ prices, tiers = [] }: RateCard, size: RequestSize): Level {
  const { promptTokens, serviceTier, isOffPeak = false, thresholdIsInclusive } = size;
  const found = tiers.findIndex(({ upToTokens }) => promptTokens <= upToTokens);
  const counted = thresholdIsInclusive ? promptTokens + 1 : promptTokens;
  const thresholds = thresholdsOf(prices);
  return {
    range: found === -1 ? tiers.length - 1 : found,
    crossed: thresholds.length === 0 ? thresholds : thresholds.filter((thousands) => counted > thousands * 1_000),
    suffix: suffixOf(serviceTier),
    isOffPeak,
  };
}

/** Reads a price by its base field name. */
function rateReader(
  { prices, tiers, offPeak }: RateCard,
  { range: place, crossed, suffix, isOffPeak }: Level,
): RateReader {
  const range = tiers?.[place];
  const first = isOffPeak ? offPeak?.prices : undefined;

  return (field) => {
    const ranged = first?.[field] ?? range?.prices[field];
    if (ranged !== undefined) return ranged;
    const usual = prices[`${field}${suffix}`] ?? prices[field];
    const above = crossed
      .map((thousands) => `${field}_above_${thousands}k_tokens`)
      .find((name) => prices[name] !== undefined || prices[`${name}${suffix}`] !== undefined);
    return above === undefined ? usual : (prices[`${above}${suffix}`] ?? dearer(prices[above], usual));
  };
}

/** Where a tier has no price of its own for long prompts: a longer prompt must not come out cheaper. */
function dearer(standard: number | undefined, usual: number | undefined): number | undefined {
  return standard === undefined || usual === undefined ? (standard ?? usual) : Math.max(standard, usual);
}

const thresholdsByPrices = new WeakMap<RateCard['prices'], readonly number[]>();

/** Thousands of tokens, highest first. */
function thresholdsOf(prices: RateCard['prices']): readonly number[] {
  const known = thresholdsByPrices.get(prices);
  if (known) return known;
  const found = new Set<number>();
  for (const field of Object.keys(prices)) {
    const thousands = /_above_(\d+)k_tokens/.exec(field)?.[1];
    if (thousands !== undefined) found.add(Number(thousands));
  }
  const thresholds = [...found].sort((a, b) => b - a);
  thresholdsByPrices.set(prices, thresholds);
  return thresholds;
}

/** One that no price is named after leaves the standard prices. */
function suffixOf(serviceTier: string | undefined): string {
  const tier = serviceTier?.toLowerCase() ?? '';
  if (PLAIN_TIERS.has(tier)) return '';
  return tier === 'batch' ? '_batches' : `_${tier}`;
}
