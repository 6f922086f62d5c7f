/** An answer that several models worked on: each at its own price, one sum. */
import type { Cost, SideWork, TokenBuckets } from '../wire/usage.ts';
import { type PriceOptions, price, REPORTED } from './price.ts';
import type { RateCard } from './rate-card.ts';

/** @param cardOf of a model that the provider chose by itself; `undefined` asks for that of the model in question */
export function priceWithSideWork(
  buckets: TokenBuckets,
  cardOf: (model: string | undefined) => RateCard | undefined,
  options: PriceOptions,
): Cost {
  const own = price(buckets, cardOf(options.pricedAs), options);
  if (options.besides === undefined || own.priceVersion === REPORTED) return own;
  const { serviceTier, speed, region } = options;
  return options.besides.reduce(
    (sum, work) => addedCost(sum, price(bucketsOf(work), cardOf(work.model), { serviceTier, speed, region })),
    own,
  );
}

const bucketsOf = ({ input, cacheRead, cacheWrite, output }: SideWork): TokenBuckets => ({
  ...{ input, cacheRead, cacheWrite, output },
  ...{ inputAudio: 0, reasoning: 0, outputAudio: 0 },
  source: 'provider',
});

/** What is unknown of one is unknown of the sum. Version and factors are those of the first. */
export const addedCost = (a: Cost, b: Cost): Cost => ({
  ...a,
  totalNanoUsd: a.totalNanoUsd === null || b.totalNanoUsd === null ? null : a.totalNanoUsd + b.totalNanoUsd,
  inputNanoUsd: a.inputNanoUsd + b.inputNanoUsd,
  outputNanoUsd: a.outputNanoUsd + b.outputNanoUsd,
  cacheReadNanoUsd: a.cacheReadNanoUsd + b.cacheReadNanoUsd,
  cacheWriteNanoUsd: a.cacheWriteNanoUsd + b.cacheWriteNanoUsd,
  reasoningNanoUsd: a.reasoningNanoUsd + b.reasoningNanoUsd,
});
