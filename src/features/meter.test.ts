import { describe, expect, test } from 'bun:test';
import { adapterOf, type SampleCall, STARTED_AT_MS, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import type { Reading } from '../gateway/call.ts';
import type { Metered } from '../gateway/full-reply.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import type { Target } from '../providers/adapter.ts';
import type { Usage } from '../wire/openai.ts';
import { createCards, createMeter, createQuote } from './meter.ts';

const catalog = loadCatalog();
const meter = createMeter(
  createCards(() => catalog),
  () => STARTED_AT_MS + 2_000,
);
const PRICED = { input_cost_per_token: 0.000_001, output_cost_per_token: 0.000_002 };
const USAGE: Usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };

interface Metering {
  readonly usage?: Usage;
  readonly outputChars?: Reading['outputChars'];
  readonly serviceTier?: string;
  readonly target?: Partial<Target>;
  readonly call?: SampleCall;
}

function metered({ usage, outputChars = 0, serviceTier, target, call }: Metering): Metered {
  const priced = sampleTarget({ customPrices: PRICED, ...target });
  return meter(sampleCall(call), priced, { usage, outputChars, serviceTier });
}

describe('an attempt that ran beside the answer and lost', () => {
  const { cost: lost } = metered({ usage: { prompt_tokens: 500, completion_tokens: 7, total_tokens: 507 } });
  const attempt = { target: sampleTarget(), startedAtMs: STARTED_AT_MS, endedAtMs: STARTED_AT_MS };

  test('is in what the call costs, and not in its tokens', () => {
    const { cost, usage, buckets } = metered({ usage: USAGE, call: { attempts: [{ ...attempt, lost }, attempt] } });
    expect(cost).toMatchObject({ totalNanoUsd: 1_714_000, inputNanoUsd: 1_500_000, outputNanoUsd: 214_000 });
    expect([usage, buckets.input]).toEqual([USAGE, 1_000]);
  });

  test('makes the cost unknown when its own is', () => {
    const unknown = { ...attempt, lost: { ...lost, totalNanoUsd: null } };
    expect(metered({ usage: USAGE, call: { attempts: [unknown, attempt] } }).cost.totalNanoUsd).toBeNull();
  });
});

describe('a router', () => {
  const billing = (dearest?: string) => () => ({ router: { feeAs: 'model-router', dearest } });
  const routing = (dearest?: string) => ({
    customPrices: undefined,
    upstreamModel: 'model-router',
    adapter: { ...adapterOf('azure_ai'), billing: billing(dearest) },
  });
  const served = (model?: string): Usage => ({ ...USAGE, ...(model !== undefined && { served_model: model }) });
  const FEE = 1_000 * 140;

  test('costs what the model that answered costs, and its own fee', () => {
    const { cost } = metered({ usage: served('gpt-4o-mini'), target: routing() });
    expect(cost.totalNanoUsd).toBe(1_000 * 150 + 100 * 600 + FEE);
    expect(cost.factors).toMatchObject({ pricedAs: 'gpt-4o-mini', besides: [{ model: 'model-router', input: 1_000 }] });
  });

  test('costs what is not known when nobody knows who answered', () => {
    for (const model of [undefined, 'a-model-of-tomorrow']) {
      expect(metered({ usage: served(model), target: routing() }).cost.totalNanoUsd).toBeNull();
      const known = metered({ usage: served(model), target: routing('gpt-4o-mini') });
      expect(known.cost.totalNanoUsd).toBe(1_000 * 150 + 100 * 600 + FEE);
    }
  });

  test('takes its fee for the prompt that is believed, not for the one that is told', () => {
    const told = { ...served('gpt-4o-mini'), prompt_tokens: 1e15 };
    const { cost, buckets } = metered({ usage: told, target: routing(), outputChars: 4 });
    expect(buckets.source).toBe('suspect');
    expect(cost.totalNanoUsd).toBeLessThan(1e6);
  });

  test('is held as its dearest model and its fee, and is unpriced when nobody says which that is', () => {
    const quote = createQuote(createCards(() => catalog));
    const count = { input: 1_000, output: 100 };
    const dearest = sampleTarget(routing('gpt-4o-mini'));
    expect(quote.worst(sampleCall(), dearest, count)).toBe(1_000 * 150 + 100 * 600 + FEE);
    expect(quote.affordable(sampleCall(), dearest, count, 1_000 * 150 + FEE + 10 * 600)).toBe(10);
    expect(quote.affordable(sampleCall(), dearest, count, 1_000 * 150)).toBeLessThan(0);
    expect(quote.worst(sampleCall(), sampleTarget(routing()), count)).toBeNull();
  });
});

describe('what an upstream reports', () => {
  test('is priced by the deployment’s own prices', () => {
    const { cost, usage, buckets } = metered({ usage: USAGE });
    expect(cost).toMatchObject({ totalNanoUsd: 1_200_000, inputNanoUsd: 1_000_000, outputNanoUsd: 200_000 });
    expect(usage).toBe(USAGE);
    expect(buckets).toMatchObject({ input: 1_000, output: 100, source: 'provider' });
  });

  test('is priced by the catalog when the deployment has no prices', () => {
    const { cost } = metered({ usage: USAGE, target: { customPrices: undefined } });
    expect(cost.totalNanoUsd).toBe(1_000 * 150 + 100 * 600);
    expect(cost.priceVersion).toContain(catalog.date);
  });

  test('is priced as another model when the operator says which it is', () => {
    const unknown = { customPrices: undefined, upstreamModel: 'my-deployment' };
    expect(metered({ usage: USAGE, target: unknown }).cost.totalNanoUsd).toBeNull();
    expect(metered({ usage: USAGE, target: { ...unknown, baseModel: 'gpt-4o-mini' } }).cost.totalNanoUsd).toBe(210_000);
  });

  test('of nonsense is replaced by our own count, and the client is told that one', () => {
    const { buckets, usage } = metered({ usage: { ...USAGE, completion_tokens: -5 }, outputChars: 40 });
    expect(buckets).toMatchObject({ source: 'suspect', output: 10 });
    expect(usage.completion_tokens).toBe(10);
  });

  test('that would not fit into the model four times over is not believed', () => {
    const small = { baseModel: 'gpt-4o-mini' }; // 128,000 in, 16,384 out.
    const claim = (completion_tokens: number) =>
      metered({ usage: { ...USAGE, completion_tokens }, outputChars: 40, target: small }).buckets;
    expect(claim(4 * 144_384)).toMatchObject({ source: 'provider', output: 577_536 });
    expect(claim(4 * 144_384 + 1)).toMatchObject({ source: 'suspect', output: 10 });
  });

  test('is measured by the sizes that the operator gives of a model that nobody else knows', () => {
    const sized = { maxInputTokens: 1_000, knownModel: () => ({ maxOutputTokens: 500, flags: {} }) };
    const claim = (completion_tokens: number) =>
      metered({ usage: { ...USAGE, completion_tokens }, outputChars: 40, target: sized }).buckets.source;
    expect([claim(6_000), claim(6_001)]).toEqual(['provider', 'suspect']);
  });

  test('as its price stands where the provider bills by that', () => {
    const usage = { ...USAGE, cost: 0.5 };
    const openrouter = { adapter: adapterOf('openrouter') };
    expect(metered({ usage, target: openrouter }).cost.totalNanoUsd).toBe(500_000_000);
    expect(metered({ usage }).cost.totalNanoUsd).toBe(1_200_000);
  });
});

test('the longest answer of a model is what the operator says, else what the catalog knows', () => {
  const quote = createQuote(createCards(() => catalog));
  const known = { upstreamModel: 'gpt-4o-mini' };
  expect(quote.maxOutputTokens(sampleTarget(known))).toBe(16_384);
  const told = { ...known, knownModel: () => ({ maxOutputTokens: 100, flags: {} }) };
  expect(quote.maxOutputTokens(sampleTarget(told))).toBe(100);
  const silent = { ...known, knownModel: () => ({ maxOutputTokens: undefined, flags: {} }) };
  expect(quote.maxOutputTokens(sampleTarget(silent))).toBe(16_384);
});

describe('the service tier', () => {
  const tiers = { customPrices: undefined, upstreamModel: 'gpt-4.1' };
  const total = (over: Metering): number | null => metered({ usage: USAGE, target: tiers, ...over }).cost.totalNanoUsd;

  test('is the one that was given, else the one that was asked for', () => {
    const priority = total({ serviceTier: 'priority' });
    expect(priority).not.toBe(total({}));
    expect(total({ call: { request: { service_tier: 'priority' } } })).toBe(priority);
    expect(total({ serviceTier: 'default', call: { request: { service_tier: 'priority' } } })).toBe(total({}));
  });

  test('is told with the cost when it is a special one, and so are web searches: the request can be priced again', () => {
    const factors = (over: Metering) => metered({ usage: USAGE, target: tiers, ...over }).cost.factors;
    expect(factors({ serviceTier: 'flex' })).toEqual({ serviceTier: 'flex' });
    for (const serviceTier of ['default', 'auto', 'Standard', '']) expect(factors({ serviceTier })).toBeUndefined();
    const searching = { ...USAGE, server_tool_use: { web_search_requests: 3 } };
    expect(factors({ usage: searching })).toEqual({ webSearches: 3 });
    expect(factors({ usage: searching, serviceTier: 'priority' })).toEqual({ serviceTier: 'priority', webSearches: 3 });
  });
});

describe('a tier that nobody asked for', () => {
  const cards = createCards(() => catalog);
  const own = createMeter(cards, () => STARTED_AT_MS);
  const quote = createQuote(cards);
  const target = sampleTarget({ upstreamModel: 'gpt-4.1' });
  const count = { input: 1_000, output: 100 };
  const serve = (serviceTier: string) => own(sampleCall(), target, { usage: USAGE, outputChars: 0, serviceTier });

  test('is held for from then on, because an account may have it so', () => {
    const before = quote.worst(sampleCall(), target, count) ?? 0;
    expect(before).toBe(1_000 * 2_000 + 100 * 8_000);
    for (const tier of ['default', 'priority', 'priority']) serve(tier);
    expect(cards.tiersServed(target)).toEqual(['priority']);
    expect(quote.worst(sampleCall(), target, count)).toBe(serve('priority').cost.totalNanoUsd);
    expect(quote.worst(sampleCall(), target, count) ?? 0).toBeGreaterThan(before);
    // Another deployment is another account.
    expect(quote.worst(sampleCall(), sampleTarget({ upstreamModel: 'gpt-4.1' }), count)).toBe(before);
  });

  test('asked for and cheaper, holds what the standard one costs, which may serve it', () => {
    const other = sampleTarget({ upstreamModel: 'gpt-5.4' });
    const flex = sampleCall({ request: { service_tier: 'flex' } });
    expect(quote.worst(flex, other, count)).toBe(quote.worst(sampleCall(), other, count));
  });

  test('of endless names is forgotten after the first few', () => {
    for (let at = 0; at < 50; at++) serve(`tier-${at}`);
    expect(cards.tiersServed(target)).toHaveLength(8);
  });
});

describe('without a report', () => {
  const estimated = (content: unknown, rest: object = {}): number =>
    metered({ call: { request: { messages: [{ role: 'user', content: content as string }], ...rest } } }).buckets.input;

  test('the words are counted, wherever they stand', () => {
    expect(estimated('12345678')).toBe(2);
    expect(
      estimated([
        { type: 'text', text: '12345678' },
        { type: 'image_url', image_url: { url: 'x'.repeat(1_000) } },
      ]),
    ).toBe(2);
    expect(estimated('1234', { tools: [{ a: 1 }] })).toBe(Math.ceil((4 + '[{"a":1}]'.length) / 4));
    expect(estimated(null)).toBe(0);
  });

  test('parts that are none do no harm', () => {
    expect(estimated([null, 'text', 5, { text: 7 }, { text: '1234' }])).toBe(1);
  });

  test('output is counted by its characters, which are looked for only then', () => {
    let looked = 0;
    const outputChars = (): number => {
      looked++;
      return 40;
    };
    expect(metered({ usage: USAGE, outputChars }).buckets.output).toBe(100);
    expect(looked).toBe(0);
    expect(metered({ outputChars }).usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 10, total_tokens: 12 });
    expect(looked).toBe(1);
  });
});

test('an answer without an upstream has tokens and an unknown price', () => {
  const { cost, buckets } = meter(sampleCall(), undefined, { usage: undefined, outputChars: 8 });
  expect([cost.totalNanoUsd, buckets.output]).toEqual([null, 2]);
});

test('a deployment billed by the second costs the time it took', () => {
  const customPrices = { input_cost_per_second: 0.001 };
  expect(metered({ usage: USAGE, target: { customPrices } }).cost.totalNanoUsd).toBe(2_000_000);
});
