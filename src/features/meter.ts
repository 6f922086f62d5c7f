/** Usage → tokens and money, by the one function that prices everything. */
import type { Call, Reading } from '../gateway/call.ts';
import type { Metered } from '../gateway/full-reply.ts';
import { bucketsOf, usageOf, webSearchesOf } from '../ledger/usage.ts';
import type { Catalog, RateCard } from '../pricing/catalog.ts';
import { price } from '../pricing/price.ts';
import { PLAIN_TIERS } from '../pricing/rates.ts';
import { affordableOutput, type TokenCount, worstCase } from '../pricing/worst-case.ts';
import type { Target } from '../providers/adapter.ts';
import type { ChatMessage } from '../wire/openai.ts';
import type { Cost } from '../wire/usage.ts';

export type Meter = (call: Call, target: Target | undefined, reading: Reading) => Metered;

/** What is known of a deployment's prices and sizes, looked up once for each. */
export interface Cards {
  rateCard(target: Target): RateCard | undefined;
  /** Tokens that one answer can have; `undefined`: unknown. */
  maxOutputTokens(target: Target): number | undefined;
  /** Tokens of a prompt that it can read; `undefined`: unknown. */
  maxInputTokens(target: Target): number | undefined;
  /** Dollars for a token in and one out; `undefined`: unknown. */
  usdPerToken(target: Target): number | undefined;
}

interface Card {
  readonly rates: RateCard | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly maxInputTokens: number | undefined;
  readonly usdPerToken: number | undefined;
}

export function createCards(catalog: () => Catalog): Cards {
  const cards = new WeakMap<Target, Card>();

  function cardOf(target: Target): Card {
    const known = cards.get(target);
    if (known) return known;
    const { adapter, upstreamModel, baseModel, customPrices } = target;
    const model = { provider: adapter.id, model: upstreamModel, baseModel };
    const rates = catalog().rateCard({ ...model, customPrices });
    const abilities = catalog().abilities(model);
    const nano = worstCase({ input: 1_000, output: 1_000 }, rates);
    const card: Card = {
      rates,
      maxOutputTokens: target.knownModel?.(upstreamModel)?.maxOutputTokens ?? abilities?.maxOutputTokens,
      maxInputTokens: target.maxInputTokens ?? abilities?.maxInputTokens,
      usdPerToken: nano === null ? undefined : nano / 1e12,
    };
    cards.set(target, card);
    return card;
  }

  return {
    rateCard: (target) => cardOf(target).rates,
    maxOutputTokens: (target) => cardOf(target).maxOutputTokens,
    maxInputTokens: (target) => cardOf(target).maxInputTokens,
    usdPerToken: (target) => cardOf(target).usdPerToken,
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
  const optionsFor = (call: Call) => ({ serviceTier: tierAsked(call), durationMs: LONGEST_BILLED_MS });
  return {
    worst: (call, target, count) => worstCase(count, cards.rateCard(target), optionsFor(call)),
    affordable: (call, target, count, nanoUsd) =>
      affordableOutput(nanoUsd, count, cards.rateCard(target), optionsFor(call)),
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
    const reported = usage?.['cost'];
    const factors = { serviceTier: serviceTier ?? tierAsked(call), webSearches: webSearchesOf(usage) };
    const priced = price(buckets, target && cards.rateCard(target), {
      ...factors,
      durationMs: now() - call.receivedAtMs,
      reportedCostUsd: target?.adapter.reportsCost && typeof reported === 'number' ? reported : undefined,
    });
    const cost = withLost({ ...priced, ...toldFactors(factors) }, call);
    return { buckets, cost, usage: usage && buckets.source === 'provider' ? usage : usageOf(buckets) };
  };
}

/** What fits into the model: its longest prompt with its longest answer. */
function mostTokens(target: Target, cards: Cards): number | undefined {
  const [input, output] = [cards.maxInputTokens(target), cards.maxOutputTokens(target)];
  return input === undefined || output === undefined ? undefined : input + output;
}

/** A call costs what its answer costs, and what attempts that ran beside it and lost may be billed. */
function withLost(cost: Cost, { attempts }: Call): Cost {
  let sum = cost;
  for (const { lost } of attempts) if (lost) sum = added(sum, lost);
  return sum;
}

const added = (a: Cost, b: Cost): Cost => ({
  ...a,
  totalNanoUsd: a.totalNanoUsd === null || b.totalNanoUsd === null ? null : a.totalNanoUsd + b.totalNanoUsd,
  inputNanoUsd: a.inputNanoUsd + b.inputNanoUsd,
  outputNanoUsd: a.outputNanoUsd + b.outputNanoUsd,
  cacheReadNanoUsd: a.cacheReadNanoUsd + b.cacheReadNanoUsd,
  cacheWriteNanoUsd: a.cacheWriteNanoUsd + b.cacheWriteNanoUsd,
  reasoningNanoUsd: a.reasoningNanoUsd + b.reasoningNanoUsd,
});

/** Most requests have none, and their rows stay narrow. */
function toldFactors({
  serviceTier,
  webSearches,
}: {
  readonly serviceTier: string | undefined;
  readonly webSearches: number;
}): Pick<Cost, 'factors'> {
  const isPlain = serviceTier === undefined || PLAIN_TIERS.has(serviceTier.toLowerCase());
  if (isPlain && webSearches === 0) return {};
  return { factors: { ...(!isPlain && { serviceTier }), ...(webSearches > 0 && { webSearches }) } };
}

const tierAsked = ({ request }: Call): string | undefined => {
  const tier = request['service_tier'];
  return typeof tier === 'string' ? tier : undefined;
};

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
