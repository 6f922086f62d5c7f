/** Which framing an adapter's streams have. */
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { Framing } from './framing.ts';
import { lineEvents } from './line-events.ts';

/** `undefined`: server-sent events. What needs a library loads it with its first stream: without such a provider nobody pays. */
export async function framingOf({ framing }: ProviderAdapter): Promise<Framing | undefined> {
  if (framing === undefined) return undefined;
  if (framing === 'ndjson') return lineEvents;
  const { binaryEvents } = await import('./binary-events.ts');
  return binaryEvents;
}
