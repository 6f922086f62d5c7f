/** `POST /cost/estimate`: what so many tokens would cost, once, in a day and in a month. Source: LiteLLM's documentation of the route. */
import { z } from '@hono/zod-openapi';
import type { Caller } from '../auth/authenticate.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { usdNumber } from '../lib/usd.ts';
import { price } from '../pricing/price.ts';
import type { TokenBuckets } from '../wire/usage.ts';
import type { AdminContext } from './context.ts';
import { count } from './fields.ts';
import { type AdminRoute, route } from './route.ts';

const MOST_TOKENS = 1_000_000_000;
const tokens = count.refine((number) => number <= MOST_TOKENS, `must be at most ${MOST_TOKENS}`);

const BODY = z.strictObject({
  /** Public name, or name in the price list. */
  model: z.string().min(1).max(1_000),
  input_tokens: tokens,
  output_tokens: tokens,
  /** Parts of the input. */
  cache_read_input_tokens: tokens.nullish(),
  cache_creation_input_tokens: tokens.nullish(),
  /** A part of the output. */
  reasoning_tokens: tokens.nullish(),
  num_requests_per_day: tokens.nullish(),
  num_requests_per_month: tokens.nullish(),
});

type Body = z.output<typeof BODY>;

export function costEstimateRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('POST /cost/estimate', {
      summary: 'What a request of so many tokens would cost, and so many requests a day or a month.',
      section: 'Spend',
      body: BODY,
      handle: async ({ body, access, caller }) => estimateOf(context, body, access.isUnlimited ? undefined : caller),
    }),
  ];
}

/** Dollars. @throws GatewayError 404 for a model without a price */
function estimateOf({ prices }: AdminContext, body: Body, asker: Caller | undefined): Record<string, unknown> {
  const { model, num_requests_per_day = null, num_requests_per_month = null } = body;
  const buckets = bucketsIn(body);
  const card = prices.cardOfModel(model, asker);
  const cost = price(buckets, card, { durationMs: 0 });
  if (cost.totalNanoUsd === null) {
    throw new GatewayError('not_found', `The model '${model.slice(0, 100)}' has no price here.`, {
      param: 'model',
      type: 'not_found_error',
      reason: 'Set input_cost_per_token and output_cost_per_token for it.',
    });
  }
  const parts = {
    cost: cost.totalNanoUsd,
    input_cost: cost.inputNanoUsd + cost.cacheReadNanoUsd + cost.cacheWriteNanoUsd,
    output_cost: cost.outputNanoUsd + cost.reasoningNanoUsd,
    margin_cost: 0,
    cache_read_cost: cost.cacheReadNanoUsd,
    cache_creation_cost: cost.cacheWriteNanoUsd,
    reasoning_cost: cost.reasoningNanoUsd,
  };
  const times = (many: number | null, nameOf: (part: string) => string): Record<string, number | null> =>
    Object.fromEntries(
      Object.entries(parts).map(([part, nano]) => [nameOf(part), many === null ? null : usdNumber(nano * many)]),
    );
  return {
    model,
    input_tokens: body.input_tokens,
    output_tokens: body.output_tokens,
    cache_read_input_tokens: buckets.cacheRead,
    cache_creation_input_tokens: buckets.cacheWrite,
    reasoning_tokens: buckets.reasoning,
    num_requests_per_day,
    num_requests_per_month,
    ...times(1, (part) => `${part}_per_request`),
    ...times(num_requests_per_day, (part) => `daily_${part}`),
    ...times(num_requests_per_month, (part) => `monthly_${part}`),
    ...ratesOf(card),
    provider: null,
  };
}

function bucketsIn(body: Body): TokenBuckets {
  const [read, written] = [body.cache_read_input_tokens ?? 0, body.cache_creation_input_tokens ?? 0];
  const reasoning = body.reasoning_tokens ?? 0;
  if (read + written > body.input_tokens) {
    throw invalidRequest(
      "'cache_read_input_tokens' and 'cache_creation_input_tokens' are parts of 'input_tokens' and cannot be more.",
      'cache_read_input_tokens',
    );
  }
  if (reasoning > body.output_tokens) {
    throw invalidRequest("'reasoning_tokens' are a part of 'output_tokens' and cannot be more.", 'reasoning_tokens');
  }
  return {
    input: body.input_tokens - read - written,
    cacheRead: read,
    cacheWrite: written,
    inputAudio: 0,
    output: body.output_tokens - reasoning,
    reasoning,
    outputAudio: 0,
    source: 'provider',
  };
}

/** Few enough for the lowest tier, and enough that a cheap token is no fraction of a nano-dollar. */
const SAMPLE = 1_000;

/** What one token costs in each of these, in a small request. */
function ratesOf(card: Parameters<typeof price>[1]): Record<string, number | null> {
  const rate = (bucket: keyof TokenBuckets): number | null => {
    const { totalNanoUsd } = price({ ...NOTHING, [bucket]: SAMPLE }, card, { durationMs: 0 });
    return totalNanoUsd === null ? null : totalNanoUsd / (SAMPLE * 1e9);
  };
  return {
    input_cost_per_token: rate('input'),
    output_cost_per_token: rate('output'),
    cache_read_input_token_cost: rate('cacheRead'),
    cache_creation_input_token_cost: rate('cacheWrite'),
    output_cost_per_reasoning_token: rate('reasoning'),
  };
}

const NOTHING: TokenBuckets = {
  ...{ input: 0, cacheRead: 0, cacheWrite: 0, inputAudio: 0, output: 0, reasoning: 0, outputAudio: 0 },
  source: 'provider',
};
