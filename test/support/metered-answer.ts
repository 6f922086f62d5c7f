/** What the meter charges for a provider's answer, read by the gateway's own path: whole, or as a stream. */
import { createCards, createMeter, createQuote, type Quote } from '../../src/features/meter.ts';
import type { Call } from '../../src/gateway/call.ts';
import { framingOf } from '../../src/gateway/framing-choice.ts';
import { fullReply, type Metered } from '../../src/gateway/full-reply.ts';
import { RelayStream } from '../../src/gateway/relay-stream.ts';
import { TranslateStream } from '../../src/gateway/translate-stream.ts';
import { loadCatalog } from '../../src/pricing/catalog.ts';
import type { Target } from '../../src/providers/adapter.ts';
import { type SampleCall, STARTED_AT_MS, sampleCall } from './call-parts.ts';
import { begin, bytesFrom, framedAs, readAll, streamContext } from './stream-parts.ts';

export const catalog = loadCatalog();

export interface Metering {
  readonly target: Target;
  /** The client's request, beside model and messages. */
  readonly request?: Readonly<Record<string, unknown>>;
  readonly memo?: unknown;
  readonly nowMs?: number;
}

const callOf = ({ request = {} }: Metering): Call => sampleCall({ request } as SampleCall);

const placeAt = (nowMs = STARTED_AT_MS) => {
  const cards = createCards(() => catalog);
  return { cards, meter: createMeter(cards, () => nowMs) };
};

export function meteredWhole(text: string, metering: Metering): Metered {
  const { target, memo, nowMs } = metering;
  const reply = fullReply({ target, text, requestedModel: 'asked', upstreamHeaders: new Headers(), memo });
  return placeAt(nowMs).meter(callOf(metering), target, reply.reading());
}

export async function meteredStream(events: readonly string[], metering: Metering): Promise<Metered> {
  const { target, memo, nowMs } = metering;
  const { meter } = placeAt(nowMs);
  const framing = await framingOf(target.adapter, target);
  const context = streamContext({ target, memo, framing });
  const done = framing === undefined ? [...events, '[DONE]'] : events;
  const source = bytesFrom([framedAs(target.adapter, done)]);
  const body = target.adapter.relaysBytes
    ? new RelayStream(source, context)
    : new TranslateStream(source, context, (chunk) => chunk);
  await begin(body);
  await readAll(body);
  return meter(callOf(metering), target, body.tally);
}

/** Nano-dollars held for it when the request caps its tokens at just these. */
export function heldFor({ buckets }: Metered, metering: Metering): number | null {
  const quote: Quote = createQuote(placeAt().cards);
  const input = buckets.input + buckets.cacheRead + buckets.cacheWrite + buckets.inputAudio;
  const output = buckets.output + buckets.reasoning + buckets.outputAudio;
  return quote.worst(callOf(metering), metering.target, { input, output });
}
