/** Every recorded answer costs what a second, naive calculation from the provider's own numbers says, to a nano-dollar. */
import { describe, expect, test } from 'bun:test';
import type { Metered } from '../../src/gateway/full-reply.ts';
import { type ChatRecording, ownChats, realChats } from '../support/chat-recordings.ts';
import { catalog, heldFor, type Metering, meteredStream, meteredWhole } from '../support/metered-answer.ts';
import { type Fields, naiveCost, naiveCounts } from '../support/naive-cost.ts';
import { targetOf } from '../support/provider-parts.ts';

/** Where the list has no price, one of our own. */
const PRICES = { input_cost_per_token: 1.1e-6, output_cost_per_token: 2.3e-6 };

/** Answers that do not say what they took: they are estimated. */
const SILENT: ReadonlySet<string> = new Set([
  'real amazon-bedrock amazon-bedrock-json-with-tool.1 streamed',
  'real amazon-bedrock amazon-bedrock-json-with-tools.1 streamed',
  'own replicate text streamed',
  ...['own sagemaker text whole', 'own sagemaker text streamed'],
]);

/** Other models did a part of the work, at their own prices: see the table of special prices. */
const SHARED_WORK: ReadonlySet<string> = new Set(['anthropic-advisor-20260301.1', 'anthropic-fallback']);

function priced({ model }: ChatRecording): {
  readonly metering: Metering;
  readonly fields: Fields;
  readonly search: number;
} {
  const [provider = '', ...rest] = model.split('/');
  const listed = catalog.abilities({ provider, model: rest.join('/') })?.fields;
  const hasPrice = listed?.['input_cost_per_token'] !== undefined || listed?.['tiered_pricing'] !== undefined;
  const target = targetOf(model, hasPrice ? {} : { customPrices: PRICES });
  const fields = hasPrice ? inTheFirstRange(listed) : PRICES;
  const sizes = Object(listed?.['search_context_cost_per_query']) as Fields;
  return { metering: { target }, fields, search: sizes['search_context_size_medium'] ?? 0 };
}

/** All recordings are short. */
function inTheFirstRange(listed: Readonly<Record<string, unknown>>): Fields {
  const ranges = listed['tiered_pricing'];
  const first: unknown = Array.isArray(ranges) ? ranges[0] : undefined;
  return { ...listed, ...Object(first) } as Fields;
}

const parsed = (events: readonly string[]): unknown[] => events.map((event): unknown => JSON.parse(event));

describe.each([...realChats, ...ownChats].filter(({ name }) => !SHARED_WORK.has(name)))(
  '$source $name',
  (recording) => {
    const { whole, events, model, name, source } = recording;
    const provider = model.split('/')[0] ?? '';
    const { metering, fields, search } = priced(recording);

    function expectCost(how: string, documents: readonly unknown[], metered: Metered): void {
      const { cost, buckets } = metered;
      const counts = naiveCounts(provider, documents);
      expect([counts === undefined, buckets.source]).toEqual(
        SILENT.has(`${source} ${name} ${how}`) ? [true, 'estimated'] : [false, 'provider'],
      );
      if (counts === undefined) return;
      const usd = naiveCost(counts, fields, search);
      expect(usd).toBeGreaterThan(0);
      expect(Math.abs((cost.totalNanoUsd ?? Number.NaN) / 1e9 - usd)).toBeLessThan(1e-9);
      if (counts.reported !== undefined) return;
      const request = counts.searches > 0 ? { web_search_options: {} } : {};
      expect(heldFor(metered, { ...metering, request }) ?? 0).toBeGreaterThanOrEqual(cost.totalNanoUsd ?? 0);
    }

    if (whole !== undefined) {
      test('whole', () => expectCost('whole', [JSON.parse(whole)], meteredWhole(whole, metering)));
    }
    if (events) {
      test('streamed', async () => expectCost('streamed', parsed(events), await meteredStream(events, metering)));
    }
  },
);
