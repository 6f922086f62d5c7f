/** A recorded stream through an adapter as a client reads it, whole and cut into two reads at every byte. */
import { TranslateStream } from '../../src/gateway/translate-stream.ts';
import type { Target } from '../../src/providers/adapter.ts';
import { bytesFrom, cutAt, framed, type ReadStream, readAll, streamContext } from './stream-parts.ts';

/** What is made up for an answer that has none. */
const STAMPS = /"(id|created)":("[^"]*"|\d+)/g;

async function through(target: Target, reads: readonly Uint8Array[]): Promise<ReadStream> {
  const context = streamContext({ target, wantsUsage: true });
  const { text, error } = await readAll(new TranslateStream(bytesFrom(reads), context, (chunk) => chunk));
  return { text: text.replace(STAMPS, ''), error };
}

const bytesOf = (events: readonly string[]): Uint8Array => framed([...events, '[DONE]']);

export const readStream = (target: Target, events: readonly string[]): Promise<ReadStream> =>
  through(target, [bytesOf(events)]);

/** Positions at which a cut changes what the client reads. None is right. */
export async function cutsThatShow(target: Target, events: readonly string[]): Promise<readonly number[]> {
  const bytes = bytesOf(events);
  const plain = await through(target, [bytes]);
  const found: number[] = [];
  for (let at = 1; at < bytes.length; at++) {
    const cut = await through(target, cutAt(bytes, [at]));
    if (cut.text !== plain.text || cut.error !== undefined) found.push(at);
  }
  return found;
}
