import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { copyLine, decodeLines, encodeLine } from './journal-line.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = fc.jsonValue().map((value) => JSON.stringify(value));
const kind = fc.constantFrom('i', 'r', 'x');
const line = fc.record({ kind, json });

describe('a line', () => {
  test('comes back as it went in, whatever stands in it, among any others', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const text = lines.map((one) => encodeLine(one.kind, one.json)).join('');
        expect(decodeLines(bytesOf(text))).toEqual({ lines, damaged: 0 });
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('is the same bytes whether it is written or copied into memory', () => {
    fc.assert(
      fc.property(line, fc.nat(50), (one, at) => {
        const memory = new Uint8Array(at + one.json.length * 3 + 20);
        const length = copyLine(one, memory, at);
        expect([...memory.subarray(at, at + length)]).toEqual([...bytesOf(encodeLine(one.kind, one.json))]);
        expect(memory.subarray(0, at).every((byte) => byte === 0)).toBe(true);
        expect(memory.subarray(at + length).every((byte) => byte === 0)).toBe(true);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  test('is not copied where it might not fit, and memory stays as it was', () => {
    const one = { kind: 'r', json: JSON.stringify('ё'.repeat(20)) };
    for (let size = 0; size < 50; size++) {
      const memory = new Uint8Array(size);
      expect(copyLine(one, memory, 0)).toBe(0);
      expect(memory.every((byte) => byte === 0)).toBe(true);
    }
    expect(copyLine(one, new Uint8Array(200), 0)).toBe(Buffer.byteLength(encodeLine(one.kind, one.json)));
  });
});

describe('damage', () => {
  test('of any single byte is seen, and costs no more than the lines that it touches', () => {
    const lines = [1, 2, 3].map((number) => ({ kind: 'r', json: JSON.stringify({ number, text: 'abc' }) }));
    const whole = bytesOf(lines.map((one) => encodeLine(one.kind, one.json)).join(''));
    for (let at = 0; at < whole.length; at++) {
      for (const change of [1, 0x20, 0x80]) {
        const torn = whole.slice();
        torn[at] = (torn[at] ?? 0) ^ change;
        const found = decodeLines(torn);
        expect(found.lines.length).toBeGreaterThanOrEqual(1);
        for (const one of found.lines) expect(lines).toContainEqual(one);
        expect(found.lines.length + found.damaged).toBeGreaterThanOrEqual(2);
        expect(found.lines.length).toBeLessThan(3);
      }
    }
  });

  test('by death is a last line that is cut: those before it are whole', () => {
    const text = encodeLine('i', '{"a":1}') + encodeLine('r', '{"b":2}');
    const first = encodeLine('i', '{"a":1}').length;
    for (let end = first; end < text.length - 1; end++) {
      const { lines, damaged } = decodeLines(bytesOf(text.slice(0, end)));
      expect(lines).toEqual([{ kind: 'i', json: '{"a":1}' }]);
      expect(damaged).toBe(end === first ? 0 : 1);
    }
  });

  test('is what a line of somebody else’s is', () => {
    for (const text of ['hello', '{"a":1}', '00000000 r {}', 'zzzzzzzz r {}', '        ', 'r {}', '\0'.repeat(40)]) {
      expect(decodeLines(bytesOf(`${text}\n`))).toEqual({ lines: [], damaged: 1 });
    }
    expect(decodeLines(bytesOf('\n\n\n'))).toEqual({ lines: [], damaged: 0 });
  });
});
