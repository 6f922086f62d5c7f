/**
 * Tokens × rate card → money. One pure function prices reservations and settlements alike, so they cannot disagree.
 * Rules follow LiteLLM's public cost calculation docs; prices are decimals and are multiplied as such, never as floats.
 */
import type { Cost, PriceFactors, TokenBuckets } from '../wire/usage.ts';
import type { RateCard, SearchContextSize } from './rate-card.ts';
import { type Rates, ratesFor } from './rates.ts';

type MaybeAbsent<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | undefined };

/** A tier, speed or region without prices of its own is billed at the standard rate. */
export interface PriceOptions extends MaybeAbsent<PriceFactors> {
  /** Needed for models billed by the second. */
  readonly durationMs?: number | undefined;
  /** A prompt of exactly so many tokens counts as above the threshold, as some providers have it. */
  readonly thresholdIsInclusive?: boolean | undefined;
  /** What the provider itself says it cost. Replaces our sum when it is believable: from 0 to 10,000. */
  readonly reportedCostUsd?: number | undefined;
}

/** Stands in for a price version when no price was known. */
export const UNPRICED = 'unpriced';
/** Stands in for a price version when the provider told the cost. */
export const REPORTED = 'reported';

/** Sums are kept in units of 10⁻³⁰ USD: every price in use is a whole number of them. */
const SCALE = 30;
const UNIT = 10n ** 30n;
const UNITS_PER_NANO = 10n ** 21n;
const MICROS_PER_SECOND = 1_000_000n;

interface Parts {
  readonly input: bigint;
  readonly output: bigint;
  readonly cacheRead: bigint;
  readonly cacheWrite: bigint;
  readonly reasoning: bigint;
}

/**
 * The total is rounded once, half up, and the parts so that they add up to it: each to one of the whole nano-dollars
 * beside it. Charges by request and by web search are in the input part. Total `null`: a price that this request needs is unknown, and all parts are then 0.
 */
export function price(buckets: TokenBuckets, card: RateCard | undefined, options: PriceOptions = {}): Cost {
  const computed = card && computedParts(billedBuckets(buckets, options), card, options);
  const reported = reportedNano(options.reportedCostUsd);
  if (reported !== undefined) return costOf(shared(reported, computed), REPORTED);
  if (card && computed) return costOf(computed, card.version);
  return { ...costOf(NOTHING, card?.version ?? UNPRICED), totalNanoUsd: null };
}

const NOTHING: Parts = { input: 0n, output: 0n, cacheRead: 0n, cacheWrite: 0n, reasoning: 0n };

const PARTS = ['input', 'output', 'cacheRead', 'cacheWrite', 'reasoning'] as const;

function costOf(exact: Parts, priceVersion: string): Cost {
  const units = PARTS.map((name) => (exact[name] > MAX_PART_UNITS ? MAX_PART_UNITS : exact[name]));
  const total = roundedNano(units.reduce((sum, part) => sum + part, 0n));
  const nano = units.map((part) => part / UNITS_PER_NANO);
  const left = Number(total - nano.reduce((sum, part) => sum + part, 0n));
  // What rounding down has left goes to those that lost most by it.
  const losers = PARTS.map((_, at) => at).sort((a, b) => Number(fractionOf(units[b]) - fractionOf(units[a])));
  for (const at of losers.slice(0, left)) nano[at] = (nano[at] ?? 0n) + 1n;
  const [inputNanoUsd = 0, outputNanoUsd = 0, cacheReadNanoUsd = 0, cacheWriteNanoUsd = 0, reasoningNanoUsd = 0] =
    nano.map(Number);
  return {
    totalNanoUsd: Number(total),
    inputNanoUsd,
    outputNanoUsd,
    cacheReadNanoUsd,
    cacheWriteNanoUsd,
    reasoningNanoUsd,
    priceVersion,
  };
}

const fractionOf = (units = 0n): bigint => units % UNITS_PER_NANO;

/** Where fewer tokens are billed than were counted, nothing is said of what kind they are. */
const billedBuckets = (buckets: TokenBuckets, { billed }: PriceOptions): TokenBuckets =>
  billed === undefined
    ? buckets
    : { ...buckets, ...billed, cacheRead: 0, cacheWrite: 0, inputAudio: 0, reasoning: 0, outputAudio: 0 };

/** `undefined`: a price is missing. */
function computedParts(buckets: TokenBuckets, card: RateCard, options: PriceOptions): Parts | undefined {
  const rates = ratesFor(card, { ...options, promptTokens: promptTokensOf(buckets), serviceTier: options.serviceTier });
  const tokens = allKnown(tokenParts(buckets, rates, options));
  const fees = sum(
    unitsOf(card.prices['input_cost_per_request'] ?? 0),
    times(options.webSearches ?? 0, searchRate(card, options.searchContextSize)),
    times(options.mapSearches ?? 0, card.prices['google_maps_grounding_cost_per_query'] ?? 0),
    times(options.citations ?? 0, card.prices['citation_cost_per_token'] ?? rates.input),
    forDuration(options.durationMs, rates.inputPerSecond),
  );
  const outputFees = forDuration(options.durationMs, rates.outputPerSecond);
  if (tokens === undefined || fees === undefined || outputFees === undefined) return undefined;
  const { input, output, cacheRead, cacheWrite, reasoning } = multiplied(tokens, card, options);
  return { input: input + fees, output: output + outputFees, cacheRead, cacheWrite, reasoning };
}

function tokenParts(buckets: TokenBuckets, rates: Rates, options: PriceOptions): MaybeParts {
  const cacheWrite1h = Math.min(whole(buckets.cacheWrite1h ?? 0), whole(buckets.cacheWrite));
  const inputImage = part(options.inputImage, buckets.input);
  const outputImage = part(options.outputImage, buckets.output);
  const outputVideo = part(options.outputVideo, buckets.output - outputImage);
  const cacheReadAudio = part(options.cacheReadAudio, buckets.cacheRead);
  return {
    input: sum(
      times(buckets.input - inputImage, rates.input),
      times(inputImage, rates.inputImage),
      times(buckets.inputAudio, rates.inputAudio),
    ),
    output: sum(
      times(buckets.output - outputImage - outputVideo, rates.output),
      times(outputImage, rates.outputImage),
      times(outputVideo, rates.outputVideo),
      times(buckets.outputAudio, rates.outputAudio),
    ),
    cacheRead: sum(
      times(buckets.cacheRead - cacheReadAudio, rates.cacheRead),
      times(cacheReadAudio, rates.cacheReadAudio),
    ),
    cacheWrite: sum(
      times(whole(buckets.cacheWrite) - cacheWrite1h, rates.cacheWrite),
      times(cacheWrite1h, rates.cacheWrite1h),
    ),
    reasoning: times(buckets.reasoning, rates.reasoning),
  };
}

/** A part is never more than its whole. */
const part = (count: number | undefined, of: number): number => Math.min(whole(count ?? 0), whole(of));

/** A faster mode and a place of its own raise the price of every token, not that of searches. */
function multiplied(parts: Parts, { multipliers }: RateCard, { speed, region }: PriceOptions): Parts {
  if (multipliers === undefined) return parts;
  const factors = [speed, region].flatMap((name) => {
    const factor = name !== undefined && Object.hasOwn(multipliers, name) ? multipliers[name] : undefined;
    return factor === undefined ? [] : [unitsOf(factor)];
  });
  const scaled = (units: bigint): bigint => factors.reduce((all, factor) => (all * factor) / UNIT, units);
  return {
    input: scaled(parts.input),
    output: scaled(parts.output),
    cacheRead: scaled(parts.cacheRead),
    cacheWrite: scaled(parts.cacheWrite),
    reasoning: scaled(parts.reasoning),
  };
}

/** Thresholds and ranges are compared with the whole prompt, cached parts too. */
const promptTokensOf = (buckets: TokenBuckets): number =>
  whole(buckets.input) + whole(buckets.cacheRead) + whole(buckets.cacheWrite) + whole(buckets.inputAudio);

type MaybeParts = { readonly [Name in keyof Parts]: bigint | undefined };

function allKnown({ input, output, cacheRead, cacheWrite, reasoning }: MaybeParts): Parts | undefined {
  if (input === undefined || output === undefined || reasoning === undefined) return undefined;
  return cacheRead === undefined || cacheWrite === undefined
    ? undefined
    : { input, output, cacheRead, cacheWrite, reasoning };
}

function searchRate({ searchPrices }: RateCard, size: SearchContextSize | undefined): number {
  if (size !== undefined && searchPrices?.[size] !== undefined) return searchPrices[size];
  return searchPrices?.medium ?? searchPrices?.low ?? searchPrices?.high ?? 0;
}

/** No tokens cost nothing, whatever their price. */
function times(count: number, rate: number | undefined): bigint | undefined {
  const counted = whole(count);
  if (counted === 0) return 0n;
  return rate === undefined ? undefined : BigInt(counted) * unitsOf(rate);
}

function forDuration(durationMs: number | undefined, perSecond: number): bigint | undefined {
  if (perSecond === 0) return 0n;
  if (durationMs === undefined || !Number.isFinite(durationMs)) return undefined;
  return (BigInt(whole(durationMs * 1_000)) * unitsOf(perSecond)) / MICROS_PER_SECOND;
}

function sum(...amounts: readonly (bigint | undefined)[]): bigint | undefined {
  let total = 0n;
  for (const amount of amounts) {
    if (amount === undefined) return undefined;
    total += amount;
  }
  return total;
}

/** The provider's total, laid over the parts in the proportions that we computed; all input when we know none. */
function shared(totalNano: bigint, computed: Parts | undefined): Parts {
  const total = totalNano * UNITS_PER_NANO;
  const { output = 0n, cacheRead = 0n, cacheWrite = 0n, reasoning = 0n, input = 0n } = computed ?? {};
  const weight = input + output + cacheRead + cacheWrite + reasoning;
  if (weight === 0n) return { ...NOTHING, input: total };
  // Whole nano-dollars, rounded down: the input part takes what is left.
  const share = (part: bigint): bigint => ((totalNano * part) / weight) * UNITS_PER_NANO;
  const rest = {
    output: share(output),
    cacheRead: share(cacheRead),
    cacheWrite: share(cacheWrite),
    reasoning: share(reasoning),
  };
  return { ...rest, input: total - rest.output - rest.cacheRead - rest.cacheWrite - rest.reasoning };
}

/** More than any one request costs: a number beyond it is a mistake, and budgets must not be emptied by it. */
const MAX_REPORTED_USD = 10_000;

function reportedNano(usd: number | undefined): bigint | undefined {
  const isSane = usd !== undefined && usd >= 0 && usd <= MAX_REPORTED_USD;
  return isSane ? roundedNano(exactUnits(usd)) : undefined;
}

const whole = (count: number): number => (count > 0 && Number.isFinite(count) ? Math.round(count) : 0);

const roundedNano = (units: bigint): bigint => (units + UNITS_PER_NANO / 2n) / UNITS_PER_NANO;

/** Kept within what adds up exactly: no request costs two million dollars. */
const MAX_PART_UNITS = BigInt(Math.floor(Number.MAX_SAFE_INTEGER / 5)) * UNITS_PER_NANO;

const MAX_REMEMBERED_PRICES = 10_000;
const unitsByPrice = new Map<number, bigint>();

function unitsOf(usd: number): bigint {
  const known = unitsByPrice.get(usd);
  if (known !== undefined) return known;
  const units = exactUnits(usd);
  if (unitsByPrice.size >= MAX_REMEMBERED_PRICES) unitsByPrice.clear();
  unitsByPrice.set(usd, units);
  return units;
}

/** The decimal that the number was written as, in units of 10⁻³⁰ USD. */
function exactUnits(usd: number): bigint {
  const [mantissa = '0', exponent = '0'] = usd.toExponential().split('e');
  const [ones = '0', decimals = ''] = mantissa.split('.');
  const power = SCALE + Number(exponent) - decimals.length;
  const digits = BigInt(ones + decimals);
  return power >= 0 ? digits * 10n ** BigInt(power) : digits / 10n ** BigInt(-power);
}
