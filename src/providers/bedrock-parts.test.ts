import { describe, expect, test } from 'bun:test';
import { blocksOfPart, cachePoint, ownNames, textBlock } from './bedrock-parts.ts';

const block = (part: unknown) => blocksOfPart(part, 'messages[0].content[0]');
const image = (url: unknown, more: object = {}) => block({ type: 'image_url', image_url: { url, ...more } });
const file = (data: object) => block({ type: 'file', file: data });

describe('texts', () => {
  test('that are blank are left out, because Converse refuses them', () => {
    for (const text of ['', ' ', '\n\t']) {
      expect(textBlock(text)).toBeUndefined();
      expect(block({ type: 'text', text })).toEqual([]);
      expect(block(text)).toEqual([]);
    }
    expect(block(' x ')).toEqual([{ text: ' x ' }]);
  });

  test.each(['text', 'input_text', 'output_text'])('of type %s are texts', (type) => {
    expect(block({ type, text: 'x' })).toEqual([{ text: 'x' }]);
  });

  test('may be a refusal, guarded, or marked for the cache', () => {
    expect(block({ type: 'refusal', refusal: 'no' })).toEqual([{ text: 'no' }]);
    expect(block({ type: 'guarded_text', text: 'x' })).toEqual([{ guardContent: { text: { text: 'x' } } }]);
    expect(block({ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } })).toEqual([
      { text: 'x' },
      { cachePoint: { type: 'default' } },
    ]);
    expect(cachePoint({ type: 'ephemeral', ttl: '1h' })).toEqual({ cachePoint: { type: 'default', ttl: '1h' } });
    for (const mark of [undefined, null, 'x', 1]) expect(cachePoint(mark)).toBeUndefined();
  });
});

describe('pictures', () => {
  test.each([
    ['data:image/png;base64,AAAA', 'png', 'AAAA'],
    ['data:image/jpg;base64,AAAA', 'jpeg', 'AAAA'],
    ['data:image/webp;charset=x;base64,AAAA', 'webp', 'AAAA'],
    ['data:image/gif,a%20b', 'gif', Buffer.from('a b').toString('base64')],
    ['data:image/gif,100%', 'gif', Buffer.from('100%').toString('base64')],
  ])('in %s are %s', (url, format, bytes) => {
    expect(image(url)).toEqual([{ image: { format, source: { bytes } } }]);
  });

  test('may lie in S3, with or without a format beside it', () => {
    const source = { s3Location: { uri: 's3://bucket/a.png' } };
    expect(image('s3://bucket/a.png', { format: 'image/png' })).toEqual([{ image: { format: 'png', source } }]);
    expect(image('s3://bucket/a.png')).toEqual([{ image: { format: 'png', source } }]);
  });

  test('that are documents after all become documents', () => {
    expect(image('data:application/pdf;base64,AAAA')).toMatchObject([
      { document: { format: 'pdf', name: 'document' } },
    ]);
  });

  test.each([
    ['http://169.254.169.254/latest'],
    ['https://x.example/a.png'],
    ['file:///etc/passwd'],
    [''],
    [5],
    [undefined],
  ])('at %p are refused and never fetched', (url) => {
    expect(() => image(url)).toThrow('must be a data URI');
  });

  test('of a format that Bedrock lacks are refused with those it has', () => {
    expect(() => image('data:image/bmp;base64,AAAA')).toThrow('png, jpeg, gif, webp');
    expect(() => image('data:,x')).toThrow('format');
  });
});

describe('files', () => {
  const source = { bytes: 'AAAA' };

  test.each([
    [{ file_data: 'data:application/pdf;base64,AAAA', filename: 'Report (final) v2.pdf' }, 'pdf', 'Report (final) v2'],
    [{ file_data: 'data:text/markdown;base64,AAAA', filename: 'a/b\\c.md' }, 'md', 'a-b-c'],
    [{ file_data: 'AAAA', filename: 'sheet.xlsx' }, 'xlsx', 'sheet'],
    [{ file_data: 'AAAA' }, 'pdf', 'document'],
    [{ file_data: 'data:text/html;base64,AAAA', filename: '___' }, 'html', '---'],
    [{ file_id: 'data:text/csv;base64,AAAA' }, 'csv', 'document'],
    [{ file_data: 'data:application/octet-stream;base64,AAAA', format: 'text/plain' }, 'txt', 'document'],
  ])('%j are %s documents named %s', (given, format, name) => {
    expect(file(given)).toEqual([{ document: { format, name, source } }]);
  });

  test('that are pictures become pictures', () => {
    expect(file({ file_data: 'data:image/png;base64,AAAA' })).toEqual([{ image: { format: 'png', source } }]);
  });

  test.each([
    [{ file_id: 'file-123' }],
    [{}],
    [{ file_data: 'data:application/zip;base64,AAAA' }],
    [{ file_data: 'https://x.example' }],
  ])('%j are refused', (given) => {
    expect(() => file(given)).toThrow("'messages[0].content[0].file");
  });

  test('of one name in a request get names of their own', () => {
    const named = ownNames();
    const made = { document: { format: 'pdf', name: 'a', source } };
    const names = [made, made, { text: 'x' }, made]
      .map((one) => named(one))
      .flatMap((one) => ('document' in one ? [one] : []));
    expect(JSON.stringify(names).match(/"name":"[^"]*"/g)).toEqual(['"name":"a"', '"name":"a (2)"', '"name":"a (3)"']);
  });
});

describe('film and sound', () => {
  test.each([
    ['data:video/mp4;base64,AAAA', 'mp4'],
    ['data:video/quicktime;base64,AAAA', 'mov'],
    ['data:video/3gpp;base64,AAAA', 'three_gp'],
    ['data:video/x-matroska;base64,AAAA', 'mkv'],
  ])('%s is %s', (url, format) => {
    expect(block({ type: 'video_url', video_url: { url } })).toEqual([
      { video: { format, source: { bytes: 'AAAA' } } },
    ]);
  });

  test('of no known format are refused', () => {
    expect(() => block({ type: 'video_url', video_url: 'data:video/ogg;base64,AAAA' })).toThrow('mkv, mov, mp4');
    expect(() => block({ type: 'input_audio', input_audio: { data: 'AAAA' } })).toThrow("'data' and 'format'");
    expect(block({ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } })).toEqual([
      { audio: { format: 'wav', source: { bytes: 'AAAA' } } },
    ]);
  });
});

describe('Converse’s own blocks', () => {
  test.each([
    { image: { format: 'png' } },
    { document: { name: 'x' } },
    { guardContent: {} },
    { cachePoint: { type: 'default' } },
  ])('%j pass as they are, without what is not theirs', (given) => {
    expect(block({ ...given, other: 1 })).toEqual([given]);
  });

  test('that nobody knows are a 400', () => {
    for (const part of [{}, { toolUse: {} }, { type: 'toolUse' }, null, 5, []]) {
      expect(() => block(part)).toThrow('messages[0].content[0]');
    }
  });
});
