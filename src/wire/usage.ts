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

/** What besides tokens decides a price, so that a request can be priced again later. */
export interface PriceFactors {
  /** The tier that served it, as the upstream names it. */
  readonly serviceTier?: string;
  readonly webSearches?: number;
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
