/** Which framing an adapter's streams have. */
import type { ProviderAdapter, Target } from '../providers/adapter.ts';
import type { Framing } from './framing.ts';
import { lineEvents } from './line-events.ts';
import { namedEvents } from './server-sent-events.ts';

/** `undefined`: server-sent events. What needs a library loads it with its first stream: without such a provider nobody pays. */
export async function framingOf(adapter: ProviderAdapter, target?: Target): Promise<Framing | undefined> {
  const framing = framingName(adapter, target);
  if (framing === undefined) return undefined;
  if (framing === 'ndjson') return lineEvents;
  if (framing === 'named-events') return namedEvents;
  const { binaryEvents, payloadEvents } = await import('./binary-events.ts');
  return framing === 'aws-payload-parts' ? payloadEvents : binaryEvents;
}

export const framingName = (adapter: ProviderAdapter, target: Target | undefined): ProviderAdapter['framing'] =>
  target && adapter.framingFor ? adapter.framingFor(target) : adapter.framing;
