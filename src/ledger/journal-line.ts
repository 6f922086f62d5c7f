/** `checksum kind json`: eight hex digits of CRC-32 over the rest, one letter, JSON text. */

function checksum(text: string): string {
  return Bun.hash.crc32(text).toString(16).padStart(8, '0');
}

export function encodeLine(kind: string, json: string): string {
  const text = `${kind} ${json}`;
  return `${checksum(text)} ${text}\n`;
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
