/** `checksum kind json`: eight hex digits of CRC-32 over the rest, one letter, JSON text. */

function checksum(text: string): string {
  return Bun.hash.crc32(text).toString(16).padStart(8, '0');
}

export function encodeLine(kind: string, json: string): string {
  const text = `${kind} ${json}`;
  return `${checksum(text)} ${text}\n`;
}

const encoder = new TextEncoder();
const HEX = encoder.encode('0123456789abcdef');
const SPACE = 32;
const NEWLINE = 10;
/** Checksum, space, kind, space before the JSON; a line end after it. */
const HEAD_BYTES = 11;
const LONGEST_CHARACTER_BYTES = 3;

/**
 * Puts a line into memory at `at` without making a text of it first. Returns its bytes, or 0 when it might not fit.
 * The checksum comes last: a line that death cut short has none.
 */
export function copyLine(
  line: { readonly kind: string; readonly json: string },
  memory: Uint8Array,
  at: number,
): number {
  if (at + line.json.length * LONGEST_CHARACTER_BYTES + HEAD_BYTES + 1 > memory.length) return 0;
  const { written } = encoder.encodeInto(line.json, memory.subarray(at + HEAD_BYTES));
  const end = at + HEAD_BYTES + written;
  memory[at + 8] = SPACE;
  memory[at + 9] = line.kind.charCodeAt(0);
  memory[at + 10] = SPACE;
  memory[end] = NEWLINE;
  let rest = Bun.hash.crc32(memory.subarray(at + 9, end));
  for (let digit = at + 7; digit >= at; digit--) {
    memory[digit] = HEX[rest & 15] ?? 0;
    rest >>>= 4;
  }
  return end + 1 - at;
}

export interface DecodedLines {
  readonly lines: readonly { readonly kind: string; readonly json: string }[];
  /** Lines that do not match their checksum. */
  readonly damaged: number;
}

export function decodeLines(bytes: Uint8Array): DecodedLines {
  const lines: { kind: string; json: string }[] = [];
  let damaged = 0;
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    if (line === '') continue;
    const text = line.slice(9);
    if (line[8] === ' ' && text[1] === ' ' && checksum(text) === line.slice(0, 8)) {
      lines.push({ kind: text.slice(0, 1), json: text.slice(2) });
    } else damaged += 1;
  }
  return { lines, damaged };
}
