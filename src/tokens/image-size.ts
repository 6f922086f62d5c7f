/**
 * Width and height of an image that is sent along, from its first bytes. Sources: the PNG and GIF specifications, JPEG
 * (ITU T.81, annex B) and WebP's container specification.
 */

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Headers of these formats stand in the beginning; a photograph's preview may come before a JPEG's. */
const MOST_BASE64_CHARS = 88_000;

/** @returns `undefined` for anything but a data URI of a known format: nothing is ever fetched */
export function imageSize(url: string): ImageSize | undefined {
  const comma = url.slice(0, 256).indexOf(',');
  if (comma === -1 || !/^data:[^,]*;base64$/i.test(url.slice(0, comma))) return undefined;
  const bytes = Buffer.from(url.slice(comma + 1, comma + 1 + MOST_BASE64_CHARS), 'base64');
  const size = pngSize(bytes) ?? gifSize(bytes) ?? webpSize(bytes) ?? jpegSize(bytes);
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

const startsWith = (bytes: Buffer, text: string, at = 0): boolean =>
  bytes.toString('latin1', at, at + text.length) === text;

function pngSize(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 24 || !startsWith(bytes, '\x89PNG\r\n\x1a\n')) return undefined;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

function gifSize(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 10 || !startsWith(bytes, 'GIF8')) return undefined;
  return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
}

function webpSize(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 30 || !startsWith(bytes, 'RIFF') || !startsWith(bytes, 'WEBP', 8)) return undefined;
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    default:
      return undefined;
  }
}

const MARKER = 0xff;
/** Start-of-frame segments hold the size; among them stand three that are none. */
const isFrame = (code: number): boolean => code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code);

function jpegSize(bytes: Buffer): ImageSize | undefined {
  if (!startsWith(bytes, '\xff\xd8\xff')) return undefined;
  let at = 2;
  while (at + 9 <= bytes.length && bytes[at] === MARKER) {
    const code = bytes[at + 1] ?? 0;
    if (code === MARKER) at += 1;
    else if (isFrame(code)) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
