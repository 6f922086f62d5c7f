/** A report as if every request were billed by the prices of today: the rows behind it, each priced again. */
import type { UsageQuery, UsageRow, UsageTotals } from '../db/usage-reports.ts';
import { usageBy } from '../db/usage-reports.ts';
import { type UsageItem, usageItems } from '../db/usage-row-pages.ts';
import { invalidRequest } from '../errors.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { REPORTED } from '../pricing/price.ts';
import { priceWithSideWork } from '../pricing/side-work.ts';
import type { AdminContext } from './context.ts';
import type { Prices } from './prices.ts';

type PricingContext = Pick<AdminContext, 'reader' | 'prices'>;

const MOST_ROWS = 500_000;
/** Between two of these other work gets a turn of the event loop. */
const ROWS_PER_TURN = 200;
const MOST_NAMED_MODELS = 20;

export interface PricedRow extends UsageRow {
  /** Nothing of it has a price. */
  readonly isUnpriced: boolean;
}

export interface PricedReport {
  readonly rows: readonly PricedRow[];
  /** Models that requests used and that have no price any more. */
  readonly unpricedModels: readonly string[];
}

type Costs = Pick<
  UsageTotals,
  | 'unpricedRequests'
  | 'costNanoUsd'
  | 'costInputNanoUsd'
  | 'costOutputNanoUsd'
  | 'costCacheReadNanoUsd'
  | 'costCacheWriteNanoUsd'
  | 'costReasoningNanoUsd'
>;

/** @throws GatewayError 400 when there are too many rows */
export async function pricedNow({ reader, prices }: PricingContext, query: UsageQuery): Promise<PricedReport> {
  const { limit, offset = 0, ...whole } = query;
  await refuseTooMany({ reader }, whole);
  const { costs, unpriced } = await costsNow({ reader, prices }, whole);
  const billed = await usageBy(reader, whole);
  const rows = billed.map((row): PricedRow => {
    const cost = costs.get(JSON.stringify(row.by)) ?? NOTHING;
    return { ...row, ...cost, isUnpriced: cost.unpricedRequests > 0 && cost.costNanoUsd === 0 };
  });
  const ordered = isByCost(query) ? rows.toSorted((a, b) => b.costNanoUsd - a.costNanoUsd) : rows;
  return {
    rows: ordered.slice(offset, limit === undefined ? undefined : offset + limit),
    unpricedModels: [...unpriced].slice(0, MOST_NAMED_MODELS),
  };
}

interface CostsNow {
  /** By what the report is grouped by, as JSON. */
  readonly costs: ReadonlyMap<string, Costs>;
  readonly unpriced: ReadonlySet<string>;
}

async function costsNow({ reader, prices }: PricingContext, query: UsageQuery): Promise<CostsNow> {
  const costs = new Map<string, Costs>();
  const unpriced = new Set<string>();
  for await (const items of usageItems(reader, query)) {
    for (const [at, item] of items.entries()) {
      const cost = costNow(item, prices);
      if (cost.unpricedRequests > 0) unpriced.add(item.model ?? item.modelGroup);
      const group = JSON.stringify(item.by);
      costs.set(group, added(costs.get(group) ?? NOTHING, cost));
      if (at % ROWS_PER_TURN === ROWS_PER_TURN - 1) await nextTurn();
    }
  }
  return { costs, unpriced };
}

const isByCost = ({ orderBy, groupBy }: UsageQuery): boolean =>
  (orderBy ?? (groupBy.includes('day') ? 'day' : 'cost')) === 'cost';

async function refuseTooMany({ reader }: Pick<PricingContext, 'reader'>, query: UsageQuery): Promise<void> {
  const [total] = await usageBy(reader, { ...query, groupBy: [], orderBy: undefined });
  if ((total?.requests ?? 0) <= MOST_ROWS) return;
  throw invalidRequest(
    `At most ${MOST_ROWS} requests can be priced again at once. Ask for a shorter time, or filter.`,
    'as',
  );
}

const NOTHING: Costs = {
  unpricedRequests: 0,
  costNanoUsd: 0,
  costInputNanoUsd: 0,
  costOutputNanoUsd: 0,
  costCacheReadNanoUsd: 0,
  costCacheWriteNanoUsd: 0,
  costReasoningNanoUsd: 0,
};

function costNow(item: UsageItem, prices: Prices): Costs {
  const { buckets, durationMs, costNanoUsd, priceVersion, deploymentId, factors } = item;
  if (buckets === null) return NOTHING; // Nothing was used.
  // What the provider said it cost, and what no provider was asked for, has no list price.
  const isFixed = priceVersion === REPORTED || (deploymentId === null && costNanoUsd !== null);
  if (isFixed) return { ...NOTHING, costNanoUsd: costNanoUsd ?? 0, costInputNanoUsd: costNanoUsd ?? 0 };
  const cardOf = (model: string | undefined) => (model === undefined ? prices.cardOf(item) : prices.cardOfModel(model));
  const cost = priceWithSideWork(buckets, cardOf, { ...factors, durationMs });
  if (cost.totalNanoUsd === null) return { ...NOTHING, unpricedRequests: 1 };
  return {
    unpricedRequests: 0,
    costNanoUsd: cost.totalNanoUsd,
    costInputNanoUsd: cost.inputNanoUsd,
    costOutputNanoUsd: cost.outputNanoUsd,
    costCacheReadNanoUsd: cost.cacheReadNanoUsd,
    costCacheWriteNanoUsd: cost.cacheWriteNanoUsd,
    costReasoningNanoUsd: cost.reasoningNanoUsd,
  };
}

const added = (a: Costs, b: Costs): Costs => ({
  unpricedRequests: a.unpricedRequests + b.unpricedRequests,
  costNanoUsd: a.costNanoUsd + b.costNanoUsd,
  costInputNanoUsd: a.costInputNanoUsd + b.costInputNanoUsd,
  costOutputNanoUsd: a.costOutputNanoUsd + b.costOutputNanoUsd,
  costCacheReadNanoUsd: a.costCacheReadNanoUsd + b.costCacheReadNanoUsd,
  costCacheWriteNanoUsd: a.costCacheWriteNanoUsd + b.costCacheWriteNanoUsd,
  costReasoningNanoUsd: a.costReasoningNanoUsd + b.costReasoningNanoUsd,
});
