import { describe, expect, test } from 'bun:test';
import type { Change } from './adapter.ts';
import { partsOf } from './gemini-parts.ts';

const read = (content: unknown, hasMediaResolution = false): { parts: unknown; changes: Change[] } => {
  const changes: Change[] = [];
  return { parts: partsOf(content, 'messages[0].content', { changes, hasMediaResolution }), changes };
};
const partOf = (part: unknown): unknown => (read([part]).parts as unknown[])[0];

const inline = (mimeType: string, data: string): object => ({ inlineData: { mimeType, data } });
const byAddress = (fileUri: string, mimeType?: string): object => ({
  fileData: { ...(mimeType && { mimeType }), fileUri },
});

describe('content parts', () => {
  test.each([
    ['text', { type: 'text', text: 'Hi' }, { text: 'Hi' }],
    ['input_text', { type: 'input_text', text: 'Hi' }, { text: 'Hi' }],
    ['refusal', { type: 'refusal', refusal: 'No' }, { text: 'No' }],
    [
      'a picture as data',
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      inline('image/png', 'AAAA'),
    ],
    [
      'a picture as a bare address',
      { type: 'image_url', image_url: 'https://a.example/b.jpg' },
      byAddress('https://a.example/b.jpg', 'image/jpeg'),
    ],
    [
      'a picture behind a query',
      { type: 'image_url', image_url: { url: 'https://a.example/b.webp?w=1#x' } },
      byAddress('https://a.example/b.webp?w=1#x', 'image/webp'),
    ],
    [
      'a picture of unknown kind',
      { type: 'image_url', image_url: { url: 'https://a.example/b' } },
      byAddress('https://a.example/b'),
    ],
    [
      'a picture whose kind is given',
      { type: 'image_url', image_url: { url: 'gs://b/o', format: 'image/png' } },
      byAddress('gs://b/o', 'image/png'),
    ],
    [
      'data that is not base64',
      { type: 'image_url', image_url: { url: 'data:image/svg+xml,%3Csvg%2F%3E' } },
      inline('image/svg+xml', btoa('<svg/>')),
    ],
    [
      'data with parameters',
      { type: 'image_url', image_url: { url: 'data:text/plain;charset=utf-8;base64,AA==' } },
      inline('text/plain', 'AA=='),
    ],
    [
      'a film',
      { type: 'video_url', video_url: { url: 'https://a.example/b.mp4' } },
      byAddress('https://a.example/b.mp4', 'video/mp4'),
    ],
    [
      'sound as data',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      inline('audio/mp3', 'AAAA'),
    ],
    ['sound of unknown kind', { type: 'input_audio', input_audio: { data: 'AAAA' } }, inline('audio/wav', 'AAAA')],
    [
      'sound with a whole type',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'audio/ogg' } },
      inline('audio/ogg', 'AAAA'),
    ],
    [
      'sound as a data address',
      { type: 'input_audio', input_audio: { data: 'data:audio/flac;base64,AAAA' } },
      inline('audio/flac', 'AAAA'),
    ],
    [
      'sound by address',
      { type: 'audio_url', audio_url: { url: 'https://a.example/a.wav' } },
      byAddress('https://a.example/a.wav', 'audio/wav'),
    ],
    [
      'a file as a data address',
      { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBE' } },
      inline('application/pdf', 'JVBE'),
    ],
    [
      'a file as data with a name',
      { type: 'file', file: { file_data: 'YSxi', filename: 'table.CSV' } },
      inline('text/csv', 'YSxi'),
    ],
    ['a file as data without a name', { type: 'file', file: { file_data: 'JVBE' } }, inline('application/pdf', 'JVBE')],
    [
      'a file as data with a type',
      { type: 'file', file: { file_data: 'JVBE', format: 'text/plain' } },
      inline('text/plain', 'JVBE'),
    ],
    [
      'a file by address',
      { type: 'file', file: { file_id: 'https://generativelanguage.googleapis.com/v1beta/files/abc' } },
      byAddress('https://generativelanguage.googleapis.com/v1beta/files/abc'),
    ],
    [
      'a file in a bucket',
      { type: 'file', file: { file_id: 'gs://bucket/a.pdf' } },
      byAddress('gs://bucket/a.pdf', 'application/pdf'),
    ],
  ])('%s', (_, part, sent) => {
    expect(partOf(part)).toEqual(sent);
  });

  test.each([
    ['no part', 7, 'is no content part'],
    ['an unknown type', { type: 'hologram' }, 'has a type that cannot be sent to this model'],
    ['a type that objects have anyway', { type: 'constructor' }, 'has a type that cannot be sent'],
    ['a picture without an address', { type: 'image_url', image_url: {} }, 'has no image_url.url'],
    [
      'a picture on a disk',
      { type: 'image_url', image_url: { url: 'file:///etc/passwd' } },
      'neither http(s):, gs: nor data:',
    ],
    ['data without data', { type: 'image_url', image_url: { url: 'data:image/png' } }, 'without data'],
    [
      'data with a broken escape',
      { type: 'image_url', image_url: { url: 'data:text/plain,%' } },
      'not encoded properly',
    ],
    ['sound without data', { type: 'input_audio', input_audio: {} }, 'has no input_audio.data'],
    ["another provider's file", { type: 'file', file: { file_id: 'file-abc123' } }, 'has a file id that is no address'],
    ['a file without anything', { type: 'file', file: {} }, 'has neither file_data nor file_id'],
  ])('%s is refused by its place', (_, part, why) => {
    expect(() => read(['ok', part])).toThrow("'messages[0].content[1]'");
    expect(() => read(['ok', part])).toThrow(why);
  });

  test('empty texts are no parts', () => {
    expect(read('').parts).toEqual([]);
    expect(read(null).parts).toEqual([]);
    expect(read(['', { type: 'text', text: '' }, 'a']).parts).toEqual([{ text: 'a' }]);
  });

  test('how closely to look is said for each picture where the model has that, else reported', () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'low' } };
    expect(read([image], true).parts).toMatchObject([{ mediaResolution: { level: 'MEDIA_RESOLUTION_LOW' } }]);
    const without = read([image, image], false);
    expect(JSON.stringify(without.parts)).not.toContain('mediaResolution');
    expect(without.changes).toHaveLength(1);
    const auto = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'auto' } };
    expect(read([auto]).changes).toEqual([]);
  });

  test("a film's details are kept", () => {
    const video_metadata = { fps: 2, startOffset: '1s' };
    expect(partOf({ type: 'video_url', video_url: { url: 'https://a.example/v.mov', video_metadata } })).toMatchObject({
      videoMetadata: video_metadata,
    });
    expect(partOf({ type: 'file', file: { file_id: 'gs://b/v.mp4', video_metadata } })).toMatchObject({
      videoMetadata: video_metadata,
    });
  });

  test('marks for a cache that the provider keeps by itself are reported once', () => {
    const marked = { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } };
    expect(read([marked, marked]).changes).toEqual([
      { field: 'messages', action: 'dropped', note: 'cache_control: the model caches by itself' },
    ]);
  });
});
