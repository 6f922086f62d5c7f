import { describe, expect, test } from 'bun:test';
import { cutAt } from '../../test/support/stream-parts.ts';
import type { Framing } from './framing.ts';
import { namedEvents, serverSentEvents } from './server-sent-events.ts';
import { MAX_EVENT_BYTES } from './stream-source.ts';

const TEXT = [': hello\n\n', 'event: output\nid: 1\ndata: Grüße\ndata: 👋\n\n', 'data: {"a":1}\r\n\r\n', 'data: last'];
const bytes = Buffer.from(TEXT.join(''));

function read(framing: Framing, reads: readonly Uint8Array[]): string[] {
  const events: string[] = [];
  const reader = framing((data) => events.push(data));
  for (const piece of reads) reader.feed(piece);
  reader.end?.();
  return events;
}

describe('server-sent events', () => {
  test('are their data, cut anywhere, and the last one without its end', () => {
    const expected = ['Grüße\n👋', '{"a":1}', 'last'];
    for (let at = 0; at < bytes.length; at++) expect(read(serverSentEvents, cutAt(bytes, [at]))).toEqual(expected);
  });

  test('with their names are JSON, and messages where they have none', () => {
    const expected = [{ output: 'Grüße\n👋' }, { message: '{"a":1}' }, { message: 'last' }].map((event) =>
      JSON.stringify(event),
    );
    for (let at = 0; at < bytes.length; at++) expect(read(namedEvents, cutAt(bytes, [at]))).toEqual(expected);
  });

  test.each([serverSentEvents, namedEvents])('without an end are not waited for without bounds', (framing) => {
    const reader = framing(() => {});
    const piece = Buffer.from('data: '.padEnd(1024 * 1024, 'x'));
    const feed = (): void => {
      for (let size = 0; size <= MAX_EVENT_BYTES + piece.length; size += piece.length) reader.feed(piece);
    };
    expect(feed).toThrow(expect.objectContaining({ kind: 'upstream_protocol' }));
  });
});
