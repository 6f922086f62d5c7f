/** Usage → tokens and money, by the one function that prices everything. */
import type { Call, Reading } from '../gateway/call.ts';
import type { Metered } from '../gateway/full-reply.ts';
import { bucketsOf, usageOf, webSearchesOf } from '../ledger/usage.ts';
import type { Catalog, RateCard } from '../pricing/catalog.ts';
import { price } from '../pricing/price.ts';
import type { Target } from '../providers/adapter.ts';
import type { ChatMessage } from '../wire/openai.ts';

export type Meter = (call: Call, target: Target | undefined, reading: Reading) => Metered;

export function createMeter(catalog: () => Catalog, now: () => number): Meter {
  const cards = new WeakMap<Target, { readonly card: RateCard | undefined }>();

  function cardOf(target: Target): RateCard | undefined {
    const known = cards.get(target);
    if (known) return known.card;
    const { adapter, upstreamModel, baseModel, customPrices } = target;
    const card = catalog().rateCard({ provider: adapter.id, model: upstreamModel, baseModel, customPrices });
    cards.set(target, { card });
    return card;
  }

  return function meter(call, target, { usage, outputChars, serviceTier }) {
    const buckets = bucketsOf(usage, { promptChars: () => promptCharsOf(call), outputChars });
    const reported = usage?.['cost'];
    const cost = price(buckets, target && cardOf(target), {
      serviceTier: serviceTier ?? tierAsked(call),
      durationMs: now() - call.receivedAtMs,
      webSearches: webSearchesOf(usage),
      reportedCostUsd: target?.adapter.reportsCost && typeof reported === 'number' ? reported : undefined,
    });
    return { buckets, cost, usage: usage && buckets.source === 'provider' ? usage : usageOf(buckets) };
  };
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
