/** What besides tokens decides a call's price: as its request asks for it, and as its answer was served. */
import { isObject, type JsonObject } from '../lib/json.ts';
import { PLAIN_TIERS } from '../pricing/rates.ts';
import type { WorstCaseOptions } from '../pricing/worst-case.ts';
import type { Usage } from '../wire/openai.ts';
import type { Billing, PriceFactors, TokenBuckets } from '../wire/usage.ts';
import { factorsIn, isOrdinary } from './usage-factors.ts';

type Size = NonNullable<PriceFactors['searchContextSize']>;

export interface Served {
  readonly request: JsonObject;
  readonly billing: Billing;
  readonly usage: Usage | undefined;
  readonly serviceTier: string | undefined;
}

/** What is served decides; what was asked counts where the answer does not say. */
export function servedFactors({ request, billing, usage, serviceTier }: Served): PriceFactors {
  const told = factorsIn(usage);
  const tier = serviceTier ?? textIn(request, 'service_tier');
  const speed = told.speed ?? textIn(request, 'speed');
  const region = told.region ?? billing.region ?? textIn(request, 'inference_geo');
  const webSearches = told.webSearches ?? billing.searches ?? 0;
  const searchContextSize = told.searchContextSize ?? sizeAsked(request);
  const { speed: _, region: __, searchContextSize: ___, ...rest } = told;
  return {
    ...rest,
    ...(tier !== undefined && !isPlainTier(tier) && { serviceTier: tier }),
    ...(speed !== undefined && !isOrdinary(speed) && { speed }),
    ...(region !== undefined && !isOrdinary(region) && { region }),
    ...(webSearches > 0 && { webSearches }),
    ...(webSearches > 0 && searchContextSize !== undefined && { searchContextSize }),
  };
}

const LONGEST_NAME = 200;

/** The model that a router chose, at its own price, and the router's fee for the whole prompt. */
export function routedFactors(
  usage: Usage | undefined,
  { router }: Billing,
  { input, inputAudio, cacheRead, cacheWrite }: TokenBuckets,
): Pick<PriceFactors, 'pricedAs' | 'besides'> {
  if (router === undefined) return {};
  const model: unknown = usage?.['served_model'];
  const isNamed = typeof model === 'string' && model !== '' && model.length <= LONGEST_NAME;
  const prompt = input + inputAudio + cacheRead + cacheWrite;
  const fee = { model: router.feeAs, input: prompt, cacheRead: 0, cacheWrite: 0, output: 0 };
  return { ...(isNamed && { pricedAs: model }), besides: [fee] };
}

export interface Asked {
  readonly request: JsonObject;
  /** The same as JSON, where it is at hand. */
  readonly text: string | undefined;
  readonly billing: Billing;
  /** Tiers in which the target has served before, asked for or not. */
  readonly tiersServed: readonly string[];
  readonly mostSearches: number;
}

export function worstFactors({ request, text, billing, tiersServed, mostSearches }: Asked): WorstCaseOptions {
  const tier = textIn(request, 'service_tier');
  // A tier that was asked for may be busy, and the standard one then serves; a project's own setting may choose another.
  const serviceTiers = [undefined, ...tiersServed, ...(tier !== undefined && !isPlainTier(tier) ? [tier] : [])];
  return {
    serviceTiers: [...new Set(serviceTiers)],
    speed: textIn(request, 'speed'),
    region: textIn(request, 'inference_geo') ?? billing.region ?? billing.dearestRegion,
    webSearches: Math.max(mostSearches, billing.searches ?? 0, billing.mostSearches ?? 0),
    searchContextSize: sizeAsked(request),
    thresholdIsInclusive: billing.thresholdIsInclusive,
    cachesForAnHour: (text ?? JSON.stringify(request)).includes('"1h"'),
  };
}

export const isPlainTier = (tier: string): boolean => PLAIN_TIERS.has(tier.toLowerCase());

/** Members of `extra_body` are sent as if they stood in the body. */
function textIn(request: JsonObject, name: string): string | undefined {
  const extra = request['extra_body'];
  const value = request[name] ?? (isObject(extra) ? extra[name] : undefined);
  return typeof value === 'string' ? value : undefined;
}

function sizeAsked(request: JsonObject): Size | undefined {
  const options = request['web_search_options'];
  const size = isObject(options) ? options['search_context_size'] : undefined;
  return size === 'low' || size === 'medium' || size === 'high' ? size : undefined;
}
