/** `POST /spend/calculate`: what a request would cost, or what an answer did. Source: LiteLLM's documentation of the route. */
import { z } from '@hono/zod-openapi';
import type { Caller } from '../auth/authenticate.ts';
import { invalidRequest } from '../errors.ts';
import { bucketsOf } from '../ledger/usage.ts';
import { factorsIn } from '../ledger/usage-factors.ts';
import { usdNumber } from '../lib/usd.ts';
import { priceWithSideWork } from '../pricing/side-work.ts';
import type { Usage } from '../wire/openai.ts';
import type { AdminContext } from './context.ts';
import { type AdminRoute, route } from './route.ts';

const usage = z.record(z.string(), z.unknown());
const message = z.looseObject({ content: z.unknown().optional() });

const BODY = z.strictObject({
  /** Public name, or name in the price list. */
  model: z.string().min(1).max(1_000).nullish(),
  messages: z.array(message).max(10_000).nullish(),
  completion_response: z
    .looseObject({
      model: z.string().max(1_000).nullish(),
      usage: usage.nullish(),
      service_tier: z.string().max(64).nullish(),
      choices: z.array(z.looseObject({ message: message.nullish() })).nullish(),
    })
    .nullish(),
});

type Body = z.output<typeof BODY>;

export function spendCalculateRoutes(context: AdminContext): readonly AdminRoute[] {
  return [
    route('POST /spend/calculate', {
      summary: 'What the messages would cost as a prompt, or what an answer did cost.',
      section: 'Spend',
      body: BODY,
      answer: z.object({ cost: z.number() }),
      handle: async ({ body, access, caller }) => ({
        cost: costOf(context, body, access.isUnlimited ? undefined : caller),
      }),
    }),
  ];
}

/** Dollars. Tokens of messages are estimated; those of an answer are its usage's. */
function costOf({ prices }: AdminContext, body: Body, asker: Caller | undefined): number {
  const { model: named, messages, completion_response: answer } = body;
  const model = named ?? answer?.model;
  if (model == null) throw invalidRequest("'model' is missing: whose prices are meant?", 'model');
  if (messages == null && answer == null) {
    throw invalidRequest("Send 'messages' or a 'completion_response'.", 'messages');
  }
  // Whatever is in it: nothing reported is trusted.
  const reported = (answer?.usage ?? undefined) as Usage | undefined;
  const buckets = bucketsOf(reported, {
    promptChars: () => charsOf(messages ?? []),
    outputChars: () => charsOf((answer?.choices ?? []).map((choice) => choice.message ?? {})),
  });
  const cost = priceWithSideWork(buckets, (other) => prices.cardOfModel(other ?? model, asker), {
    ...factorsIn(reported),
    serviceTier: answer?.service_tier ?? undefined,
    durationMs: 0,
  });
  const dollars = usdNumber(cost.totalNanoUsd);
  if (dollars !== null) return dollars;
  throw invalidRequest(
    `The model '${model.slice(0, 100)}' has no price here. Set input_cost_per_token and output_cost_per_token for it.`,
    'model',
  );
}

/** Of the texts, not of the JSON around them. */
function charsOf(messages: readonly { readonly content?: unknown }[]): number {
  return messages.reduce((sum, { content }) => sum + textChars(content), 0);
}

function textChars(content: unknown): number {
  if (typeof content === 'string') return content.length;
  if (!Array.isArray(content)) return 0;
  return content.reduce((sum: number, part: unknown) => sum + textChars(Object(part)['text']), 0);
}
