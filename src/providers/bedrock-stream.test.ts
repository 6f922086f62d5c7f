/** Recorded streams in AWS's frames, through framing and translation together, cut and damaged in every place. */
import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { eventFrames } from '../../test/support/event-stream.ts';
import { targetOf } from '../../test/support/provider-parts.ts';
import { fixturesOf, realRecordings } from '../../test/support/recordings.ts';
import { readEvents } from '../../test/support/sse.ts';
import { bytesFrom, cutAt, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { binaryEvents } from '../gateway/binary-events.ts';
import { TranslateStream } from '../gateway/translate-stream.ts';
import type { ChatChunk } from '../wire/openai.ts';

const STREAMS = [...fixturesOf('bedrock'), ...realRecordings('amazon-bedrock', 'amazon-bedrock')].flatMap(
  ({ name, events }) => (events ? [[name, events] as const] : []),
);

const context = streamContext({
  target: targetOf('bedrock/anthropic.claude-v2'),
  framing: binaryEvents,
  wantsUsage: true,
});

async function translated(reads: readonly Uint8Array[]) {
  try {
    const { text, error } = await readAll(new TranslateStream(bytesFrom(reads), context, (chunk) => chunk));
    const { ids: _, ...whole } = accumulate(readEvents(text).chunks as ChatChunk[]);
    return { whole, error };
  } catch (error) {
    return { whole: undefined, error };
  }
}

describe.each(STREAMS)('%s', (_, events) => {
  const bytes = eventFrames(events);

  test('is the same wherever it is cut', async () => {
    const plain = await translated([bytes]);
    expect(plain.error).toBeUndefined();
    expect((plain.whole?.content ?? '') + JSON.stringify(plain.whole?.calls)).not.toBe('[]');
    for (let at = 1; at < bytes.length; at++) expect(await translated(cutAt(bytes, [at]))).toEqual(plain);
  });

  test('that ends anywhere before the model had finished is never taken for a whole one', async () => {
    const last = events.findIndex((event) => event.includes('"messageStop"'));
    const finished = eventFrames(events.slice(0, last + 1)).length;
    for (let at = 1; at < finished; at += 7) {
      const { error, whole } = await translated([bytes.subarray(0, at)]);
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ kind: 'upstream_truncated' });
      expect(whole?.finish ?? null).toBeNull();
    }
  });

  test('with a wrong bit anywhere fails as damage, after what was right', async () => {
    const plain = await translated([bytes]);
    for (let at = 4; at < bytes.length; at += 11) {
      const broken = Buffer.from(bytes);
      broken[at] = (broken[at] ?? 0) ^ 16;
      const { whole, error } = await translated([broken]);
      expect(['upstream_protocol', 'upstream_truncated']).toContain(
        error instanceof GatewayError ? error.kind : String(error),
      );
      expect(plain.whole?.content.startsWith(whole?.content ?? '')).toBe(true);
    }
  });
});
