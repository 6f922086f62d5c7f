/** Tokens and money, in the shapes that pricing makes and the ledger keeps. */

/** Disjoint token buckets: each token is in exactly one, so nothing can be priced twice. */
export interface TokenBuckets {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** Those of `cacheWrite` that are kept for an hour and cost more: a part of it, not a bucket beside it. */
  readonly cacheWrite1h?: number;
  readonly inputAudio: number;
  readonly output: number;
  readonly reasoning: number;
  readonly outputAudio: number;
  /** `provider`: the upstream's numbers. `estimated`: ours, because it sent none. `suspect`: ours, because its numbers were absurd. */
  readonly source: 'provider' | 'estimated' | 'suspect';
}

/** What besides tokens decides a price, so that a request can be priced again later. All of it is absent when it does not apply. */
export interface PriceFactors {
  /** The tier that served it, as the upstream names it. */
  readonly serviceTier?: string;
  /** A mode of the model that has its own price: `fast`. */
  readonly speed?: string;
  /** Where it was served, when that is told and may cost more: `us`, `eu`; `regional` is anywhere that is not everywhere. */
  readonly region?: string;
  /** It was served in the provider's cheaper hours. */
  readonly isOffPeak?: true;
  readonly webSearches?: number;
  readonly searchContextSize?: 'low' | 'medium' | 'high';
  readonly mapSearches?: number;
  /** Tokens of quoted sources, which stand in no bucket. */
  readonly citations?: number;
  /** Those of `input`, `output` and `cacheRead` that have a price of their own: parts of the buckets, not buckets beside them. */
  readonly inputImage?: number;
  readonly outputImage?: number;
  readonly outputVideo?: number;
  readonly cacheReadAudio?: number;
  /** Tokens that are billed, where the provider bills fewer than the model read and wrote. */
  readonly billed?: { readonly input: number; readonly output: number };
  /** The model that answered in place of the one asked, at its own price. */
  readonly pricedAs?: string;
  /** What other models did for the same answer. */
  readonly besides?: readonly SideWork[];
}

/** What a provider's bill depends on beside what its answer says. */
export interface Billing {
  /** Where it serves: `us`, `eu`; `regional` is anywhere that is not everywhere. Some models cost more there. */
  readonly region?: string;
  /** Name of its region in the price list, which has prices of their own for some. */
  readonly listRegion?: string;
  /** The dearest place where it may serve, if only its answer tells. */
  readonly dearestRegion?: string;
  /** Searches that each answer is billed for, though it does not count them. */
  readonly searches?: number;
  /** Searches that an answer may be billed for without being asked to search. */
  readonly mostSearches?: number;
  /** A prompt of exactly so many tokens is already billed as a longer one. */
  readonly thresholdIsInclusive?: boolean;
  /** It chooses a model for each request, which its answer names; what that costs comes to its own fee. */
  readonly router?: RouterBilling;
}

export interface RouterBilling {
  /** The fee's name in the price list. */
  readonly feeAs: string;
  /** The dearest model that it may choose, as the operator says; `undefined`: nobody knows beforehand. */
  readonly dearest: string | undefined;
}

/** A model that was asked by the provider itself while it worked on an answer. */
export interface SideWork extends Pick<TokenBuckets, 'input' | 'cacheRead' | 'cacheWrite' | 'output'> {
  readonly model: string;
}

/** Nano-dollars; `null` means the price is unknown, which is not zero. */
export interface Cost {
  readonly totalNanoUsd: number | null;
  readonly inputNanoUsd: number;
  readonly outputNanoUsd: number;
  readonly cacheReadNanoUsd: number;
  readonly cacheWriteNanoUsd: number;
  readonly reasoningNanoUsd: number;
  /** Identifies the price list used: catalog date and a hash of custom prices. */
  readonly priceVersion: string;
  /** Absent when there were none. */
  readonly factors?: PriceFactors;
}

/** Tokens that count against rate limits: as LiteLLM counts them, without those read from the provider's cache. */
export const countedTokens = (buckets: TokenBuckets): number =>
  buckets.input + buckets.cacheWrite + buckets.inputAudio + buckets.output + buckets.reasoning + buckets.outputAudio;
