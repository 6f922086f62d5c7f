/** How calls end, as the ledger and the features are told. */
import type { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Call, FullReply, Outcome, Reading, StreamTally } from './call.ts';
import type { Metered } from './full-reply.ts';

export type Meter = (call: Call, target: Target | undefined, reading: Reading) => Metered;

export function answered(reply: FullReply, { buckets, cost }: Metered, endedAtMs: number): Outcome {
  const { target, responseId, text: responseText } = reply;
  return { status: 'ok', endedAtMs, target, responseId, buckets, cost, firstTokenAtMs: undefined, responseText };
}

/** Common to a stream's every end: what it has told of itself so far is metered. */
export function streamed(target: Target | undefined, tally: StreamTally, { buckets, cost }: Metered) {
  const { responseId, firstContentAtMs: firstTokenAtMs, stored } = tally;
  return { target, responseId, buckets, cost, firstTokenAtMs, responseText: stored?.join('\n') };
}

/** A client that leaves while the upstream works is charged for the prompt, which the provider has read. */
export function refused(call: Call, error: GatewayError, endedAtMs: number, meter: Meter): Outcome {
  const left = call.client.gone;
  const { target, error: met } = call.attempts.at(-1) ?? {};
  const isRead = left && target && (!met || met.kind === 'client_closed');
  const metered = isRead ? meter(call, target, { usage: undefined, outputChars: 0 }) : undefined;
  const common = {
    endedAtMs,
    target,
    responseId: null,
    buckets: metered?.buckets,
    cost: metered?.cost,
    firstTokenAtMs: undefined,
    responseText: undefined,
  };
  return left ? { ...common, status: 'aborted' } : { ...common, status: 'failed', error };
}
