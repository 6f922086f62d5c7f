import { describe, expect, test } from 'bun:test';
import { cutAt } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { lineEvents } from './line-events.ts';
import { MAX_EVENT_BYTES } from './stream-source.ts';

function linesOf(reads: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const reader = lineEvents((line) => lines.push(line));
  for (const bytes of reads) reader.feed(bytes);
  reader.end?.();
  return lines;
}

describe('a stream of lines', () => {
  const text = '{"a":"ü👋"}\n{"b":2}\r\n\n  \n{"c":"\\n"}';
  const lines = ['{"a":"ü👋"}', '{"b":2}', '{"c":"\\n"}'];

  test('is the same wherever it is cut, inside a character too', () => {
    const bytes = Buffer.from(text);
    expect(linesOf([bytes])).toEqual(lines);
    for (let at = 1; at < bytes.length; at++) expect(linesOf(cutAt(bytes, [at]))).toEqual(lines);
    expect(linesOf(cutAt(bytes, [...bytes.keys()]))).toEqual(lines);
  });

  test('gives a line as soon as it has ended', () => {
    const seen: string[] = [];
    const reader = lineEvents((line) => seen.push(line));
    reader.feed(Buffer.from('{"a":1}\n{"b"'));
    expect(seen).toEqual(['{"a":1}']);
    reader.feed(Buffer.from(':2}'));
    expect(seen).toHaveLength(1);
    reader.end?.();
    expect(seen).toEqual(['{"a":1}', '{"b":2}']);
    reader.end?.();
    expect(seen).toHaveLength(2);
  });

  test('is refused when a line does not end', () => {
    const reader = lineEvents(() => {});
    const megabyte = Buffer.alloc(1024 * 1024, 97);
    expect(() => {
      for (let fed = 0; fed <= MAX_EVENT_BYTES; fed += megabyte.length) reader.feed(megabyte);
    }).toThrow(GatewayError);
  });
});
