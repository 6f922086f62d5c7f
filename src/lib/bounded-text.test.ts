import { describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { boundedText } from './bounded-text.ts';

describe('the text of an answer', () => {
  test('is whole up to its bound, in bytes', async () => {
    expect(await boundedText(new Response('äöü'), 6)).toBe('äöü');
    expect(await boundedText(new Response('äöü'), 5)).toBeUndefined();
    expect(await boundedText(new Response(null), 5)).toBe('');
  });

  test('is not read on past it', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1_000));
      },
    });
    expect(await boundedText(new Response(endless), 10_000)).toBeUndefined();
    expect(pulled).toBeLessThan(20);
  });

  test('counts as it is when it was unpacked', async () => {
    const packed = gzipSync('x'.repeat(1_000_000));
    using server = Bun.serve({
      port: 0,
      fetch: () => new Response(packed, { headers: { 'content-encoding': 'gzip' } }),
    });
    expect(await boundedText(await fetch(server.url), 10_000)).toBeUndefined();
  });
});
