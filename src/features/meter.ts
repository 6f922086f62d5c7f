/** Usage → tokens and money, by the one function that prices everything. */
import type { Call, Reading } from '../gateway/call.ts';
import type { Metered } from '../gateway/full-reply.ts';
import { hostedTools } from '../gateway/hosted-tools.ts';
import { isPlainTier, routedFactors, servedFactors, worstFactors } from '../ledger/price-factors.ts';
import { bucketsOf, usageOf } from '../ledger/usage.ts';
import type { Catalog, RateCard } from '../pricing/catalog.ts';
import { isOffPeakAt } from '../pricing/off-peak.ts';
import { addedCost, priceWithSideWork } from '../pricing/side-work.ts';
import { affordableOutput, type TokenCount, worstCase } from '../pricing/worst-case.ts';
import type { Billing, Target } from '../providers/adapter.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Cost, PriceFactors } from '../wire/usage.ts';

export type Meter = (call: Call, target: Target | undefined, reading: Reading) => Metered;

/** What is known of a deployment's prices and sizes, looked up once for each. */
export interface Cards {
  rateCard(target: Target): RateCard | undefined;
  /** What a router takes for itself at most, in nano-dollars. */
  routerFee(target: Target, count: TokenCount): number;
  /** List prices of another model of the same provider, which it chose by itself. */
  otherCard(target: Target, model: string): RateCard | undefined;
  /** Tokens that one answer can have; `undefined`: unknown. */
  maxOutputTokens(target: Target): number | undefined;
  /** Tokens of a prompt that it can read; `undefined`: unknown. */
  maxInputTokens(target: Target): number | undefined;
  /** Dollars for a token in and one out; `undefined`: unknown. */
  usdPerToken(target: Target): number | undefined;
  /** Special tiers in which the target has served so far. */
  tiersServed(target: Target): readonly string[];
  noteTier(target: Target, serviceTier: string | undefined): void;
}

interface Card {
  readonly rates: RateCard | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly maxInputTokens: number | undefined;
  readonly usdPerToken: number | undefined;
  /** As an account's own settings may have it, whatever a request asks for. */
  readonly tiersServed: string[];
}

/** More than any provider has. */
const MOST_TIERS = 8;

export function createCards(catalog: () => Catalog): Cards {
  const cards = new WeakMap<Target, Card>();

  function cardOf(target: Target): Card {
    const known = cards.get(target);
    if (known) return known;
    const { adapter, upstreamModel, baseModel, customPrices } = target;
    const model = { provider: adapter.id, model: upstreamModel, baseModel };
    const { listRegion: region, router } = billingOf(target);
    const rates = router ? otherCard(target, router.dearest) : catalog().rateCard({ ...model, customPrices, region });
    const abilities = catalog().abilities(model);
    const nano = worstCase({ input: 1_000, output: 1_000 }, rates);
    const card: Card = {
      rates,
      maxOutputTokens: target.knownModel?.(upstreamModel)?.maxOutputTokens ?? abilities?.maxOutputTokens,
      maxInputTokens: target.maxInputTokens ?? abilities?.maxInputTokens,
      usdPerToken: nano === null ? undefined : nano / 1e12,
      tiersServed: [],
    };
    cards.set(target, card);
    return card;
  }

  /** A router chooses among models of all makers, which the price list has elsewhere too. */
  function otherCard(target: Target, model: string | undefined): RateCard | undefined {
    if (model === undefined) return undefined;
    const { id: provider } = target.adapter;
    const own = catalog().rateCard({ provider, model });
    return own ?? (billingOf(target).router && catalog().rateCard({ provider, model, baseModel: model }));
  }

  return {
    rateCard: (target) => cardOf(target).rates,
    otherCard,
    routerFee(target, { input }) {
      const { router } = billingOf(target);
      return router ? (worstCase({ input, output: 0 }, otherCard(target, router.feeAs)) ?? 0) : 0;
    },
    maxOutputTokens: (target) => cardOf(target).maxOutputTokens,
    maxInputTokens: (target) => cardOf(target).maxInputTokens,
    usdPerToken: (target) => cardOf(target).usdPerToken,
    tiersServed: (target) => cardOf(target).tiersServed,
    noteTier(target, tier) {
      if (tier === undefined || isPlainTier(tier)) return;
      const { tiersServed } = cardOf(target);
      if (!tiersServed.includes(tier) && tiersServed.length < MOST_TIERS) tiersServed.push(tier);
    },
  };
}

/** What an attempt can cost at most, in nano-dollars, and how much output a sum buys. */
export interface Quote {
  /** `null`: the price is unknown. */
  worst(call: Call, target: Target, count: TokenCount): number | null;
  /** Tokens of output beside this input, at most `count.output`; below 0: not even the input. */
  affordable(call: Call, target: Target, count: TokenCount, nanoUsd: number): number;
  maxOutputTokens(target: Target): number | undefined;
  maxInputTokens(target: Target): number | undefined;
}

/** Models billed by the second: nobody waits longer. */
const LONGEST_BILLED_MS = 600_000;

export function createQuote(cards: Cards): Quote {
  const optionsFor = (call: Call, target: Target) => ({
    ...worstFactors({
      request: call.request,
      text: call.text,
      billing: billingOf(target),
      tiersServed: cards.tiersServed(target),
      mostSearches: hostedTools(call.request).mostSearches,
    }),
    durationMs: LONGEST_BILLED_MS,
  });
  return {
    worst(call, target, count) {
      const most = worstCase(count, cards.rateCard(target), optionsFor(call, target));
      return most === null ? null : most + cards.routerFee(target, count);
    },
    affordable(call, target, count, nanoUsd) {
      const left = nanoUsd - cards.routerFee(target, count);
      return affordableOutput(left, count, cards.rateCard(target), optionsFor(call, target));
    },
    maxOutputTokens: cards.maxOutputTokens,
    maxInputTokens: cards.maxInputTokens,
  };
}

export function createMeter(cards: Cards, now: () => number): Meter {
  return function meter(call, target, { usage, outputChars, serviceTier }) {
    const buckets = bucketsOf(usage, {
      promptChars: () => promptCharsOf(call),
      outputChars,
      maxPlausibleTokens: target && mostTokens(target, cards),
    });
    if (target) cards.noteTier(target, serviceTier);
    const billing = billingOf(target);
    const reported = usage?.['cost'];
    const card = target && cards.rateCard(target);
    const factors: PriceFactors = {
      ...servedFactors({ request: call.request, billing, usage, serviceTier }),
      ...routedFactors(usage, billing, buckets),
      ...(isOffPeakAt(card?.offPeak, now()) && { isOffPeak: true }),
    };
    const cardOf = (model: string | undefined): RateCard | undefined => {
      if (model === undefined || target === undefined) return card;
      if (billing.router) return cards.otherCard(target, model) ?? card;
      return model === target.upstreamModel ? card : cards.otherCard(target, model);
    };
    const priced = priceWithSideWork(buckets, cardOf, {
      ...factors,
      durationMs: now() - call.receivedAtMs,
      thresholdIsInclusive: billing.thresholdIsInclusive,
      reportedCostUsd: target?.adapter.reportsCost && typeof reported === 'number' ? reported : undefined,
    });
    const cost = withLost({ ...priced, ...(Object.keys(factors).length > 0 && { factors }) }, call);
    return { buckets, cost, usage: usage && buckets.source === 'provider' ? usage : usageOf(buckets) };
  };
}

const billingOf = (target: Target | undefined): Billing => target?.adapter.billing?.(target) ?? {};

/** What fits into the model: its longest prompt with its longest answer. */
function mostTokens(target: Target, cards: Cards): number | undefined {
  const [input, output] = [cards.maxInputTokens(target), cards.maxOutputTokens(target)];
  return input === undefined || output === undefined ? undefined : input + output;
}

/** A call costs what its answer costs, and what attempts that ran beside it and lost may be billed. */
function withLost(cost: Cost, { attempts }: Call): Cost {
  let sum = cost;
  for (const { lost } of attempts) if (lost) sum = addedCost(sum, lost);
  return sum;
}

/** What the model had to read, for an estimate: the words, not the JSON around them. */
function promptCharsOf({ request }: Call): number {
  const tools = request['tools'];
  return request.messages.reduce(
    (sum, { content }) => sum + contentChars(content),
    tools ? JSON.stringify(tools).length : 0,
  );
}

function contentChars(content: ChatMessage['content']): number {
  if (typeof content === 'string') return content.length;
  // Parts are as the client sent them: one may be no object at all.
  return (content ?? []).reduce((sum, part) => sum + (typeof part?.['text'] === 'string' ? part['text'].length : 0), 0);
}
