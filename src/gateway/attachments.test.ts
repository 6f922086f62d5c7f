import { describe, expect, test } from 'bun:test';
import { attachedTokens, UNSIZED } from './attachments.ts';

const tokensOf = (...content: unknown[]): number =>
  // Parts of any shape can arrive.
  attachedTokens([{ role: 'user', content: content as Record<string, unknown>[] }]);
const data = (mime: string, length: number): string => `data:${mime};base64,${'A'.repeat(length)}`;

describe('what is only named has no size', () => {
  test.each([
    ['a file by id', { type: 'file', file: { file_id: 'file-1' } }],
    ['a file by address', { type: 'file', file: { file_id: 'https://example.com/a.pdf' } }],
    ['a file whose data is an address', { type: 'file', file: { file_data: 'gs://bucket/a.pdf' } }],
    ['a file in the style of the Responses API', { type: 'input_file', file_url: 'https://example.com/a.pdf' }],
    ['a film', { type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } }],
    ['a film given short', { type: 'video_url', video_url: 'gs://bucket/a' }],
    ['sound by address', { type: 'audio_url', audio_url: { url: 'https://example.com/a' } }],
    ['a document', { type: 'document', source: { type: 'url', url: 'https://example.com/a' } }],
    ['a file without anything', { type: 'file' }],
    ['a PDF as a picture', { type: 'image_url', image_url: { url: 'https://example.com/a.PDF?x=1' } }],
    ['a film as a picture', { type: 'image_url', image_url: { url: 'gs://b/a', format: 'video/mp4' } }],
  ])('%s', (_, part) => {
    expect(tokensOf(part)).toBe(UNSIZED);
    expect(tokensOf({ type: 'text', text: 'x' }, part)).toBe(UNSIZED);
  });
});

describe('what is sent along counts by its bytes', () => {
  test.each([
    ['a file', { type: 'file', file: { file_data: data('application/pdf', 50_000) } }],
    ['a film', { type: 'video_url', video_url: { url: data('video/mp4', 50_000) } }],
    ['a PDF as a picture', { type: 'image_url', image_url: { url: data('application/pdf', 50_000) } }],
    [
      'a film that says it is a picture',
      { type: 'image_url', image_url: { url: data('image/png', 50_000), format: 'video/mp4' } },
    ],
  ])('%s', (_, part) => {
    expect(tokensOf(part)).toBeGreaterThanOrEqual(50_000);
    expect(tokensOf(part)).toBeLessThan(50_100);
  });

  test('as a page at least', () => {
    expect(tokensOf({ type: 'file', file: { file_data: data('application/pdf', 10) } })).toBe(6_000);
  });

  test('once, where they stand in the text already', () => {
    expect(tokensOf({ type: 'input_audio', input_audio: { data: 'A'.repeat(90_000), format: 'wav' } })).toBe(6_000);
  });

  test('all of them together', () => {
    const part = { type: 'file', file: { file_data: data('text/plain', 10_000) } };
    expect(tokensOf(part, part)).toBe(2 * tokensOf(part));
  });
});

describe('what is no attachment counts nothing', () => {
  test.each([
    ['words', { type: 'text', text: 'see https://example.com/a.pdf' }],
    ['a picture by address', { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }],
    ['a picture without an ending', { type: 'image_url', image_url: 'https://example.com/render?id=4' }],
    ['a picture', { type: 'image_url', image_url: { url: data('image/png', 50_000) } }],
    ['no object', 'text'],
    ['null', null],
    ['a list', []],
    ['a part that nobody knows', { type: 'new', value: { count: 1 } }],
  ])('%s', (_, part) => {
    expect(tokensOf(part)).toBe(0);
  });

  test('nor do messages of words', () => {
    expect(
      attachedTokens([{ role: 'user', content: 'file_id' }, { role: 'assistant', content: null }, { role: 'tool' }]),
    ).toBe(0);
  });
});
