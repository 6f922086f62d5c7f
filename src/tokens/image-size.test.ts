import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { imageSize } from './image-size.ts';

const uri = (bytes: Uint8Array, type = 'image/png'): string =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const number = (value: number, bytes: number, order: 'BE' | 'LE'): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (order === 'BE') buffer.writeUIntBE(value, 0, bytes);
  else buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

function png(width: number, height: number): string {
  const size = Buffer.concat([number(width, 4, 'BE'), number(height, 4, 'BE')]);
  return uri(Buffer.concat([latin('\x89PNG\r\n\x1a\n'), number(13, 4, 'BE'), latin('IHDR'), size]));
}

const gif = (width: number, height: number): Buffer =>
  Buffer.concat([latin('GIF89a'), number(width, 2, 'LE'), number(height, 2, 'LE')]);

/** @param before what stands between the beginning and the frame */
function jpeg(width: number, height: number, code = 0xc0, before: Uint8Array = Buffer.alloc(0)): Buffer {
  const frame = [0xff, code, 0, 17, 8];
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe0, 14),
    before,
    Buffer.from(frame),
    number(height, 2, 'BE'),
    number(width, 2, 'BE'),
    Buffer.alloc(10),
  ]);
}

const segment = (code: number, length: number): Buffer =>
  Buffer.concat([Buffer.from([0xff, code]), number(length + 2, 2, 'BE'), Buffer.alloc(length)]);

const webp = (kind: string, rest: Buffer): Buffer =>
  Buffer.concat([latin('RIFF'), Buffer.alloc(4), latin('WEBP'), latin(kind), rest, Buffer.alloc(12)]);

describe('the size of an image', () => {
  test.each([
    ['PNG', png(640, 480)],
    ['GIF', uri(gif(640, 480), 'image/gif')],
    ['JPEG', uri(jpeg(640, 480), 'image/jpeg')],
    ['progressive JPEG', uri(jpeg(640, 480, 0xc2), 'image/jpeg')],
    ['JPEG behind tables', uri(jpeg(640, 480, 0xc0, segment(0xc4, 30)), 'image/jpeg')],
    ['JPEG behind a preview', uri(jpeg(640, 480, 0xc0, segment(0xe1, 60_000)), 'image/jpeg')],
    ['JPEG with filling', uri(jpeg(640, 480, 0xc0, Buffer.from([0xff])), 'image/jpeg')],
    [
      'extended WebP',
      uri(webp('VP8X', Buffer.concat([Buffer.alloc(8), number(639, 3, 'LE'), number(479, 3, 'LE')])), 'image/webp'),
    ],
    [
      'lossy WebP',
      uri(webp('VP8 ', Buffer.concat([Buffer.alloc(10), number(640, 2, 'LE'), number(480, 2, 'LE')])), 'image/webp'),
    ],
    [
      'lossless WebP',
      uri(webp('VP8L', Buffer.concat([Buffer.alloc(5), number(639 + 479 * 2 ** 14, 4, 'LE')])), 'image/webp'),
    ],
  ])('%s', (_, url) => {
    expect(imageSize(url)).toEqual({ width: 640, height: 480 });
  });

  test.each([
    'https://example.com/640x480.png',
    'data:image/png,plain',
    'data:image/png;base64,',
    'data:image/png;base64,!!!!',
    uri(latin('RIFF....WEBPVP9 ....................')),
    uri(jpeg(640, 480).subarray(0, 20)),
    png(0, 480),
    '',
    ',',
  ])('is not known of %p', (url) => {
    expect(imageSize(url)).toBeUndefined();
  });

  test('never throws, whatever the bytes are', () => {
    const beginnings = ['\xff\xd8\xff', 'GIF8', 'RIFF0000WEBPVP8X', 'RIFF0000WEBPVP8L', '\x89PNG\r\n\x1a\n'];
    fc.assert(
      fc.property(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 60 }), (beginning, bytes) => {
        const size = imageSize(uri(Buffer.concat([latin(beginning), bytes])));
        expect(size === undefined || (size.width > 0 && size.height > 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
