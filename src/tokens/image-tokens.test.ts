/** The examples are those of OpenAI's guide. */
import { describe, expect, test } from 'bun:test';
import { imageTokens } from './image-tokens.ts';

function png(width: number, height: number): string {
  const head = Buffer.alloc(24);
  head.write('\x89PNG\r\n\x1a\n', 'latin1');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return `data:image/png;base64,${head.toString('base64')}`;
}

describe('by tiles', () => {
  test.each([
    ['gpt-4o', 1024, 1024, 'high', 765],
    ['gpt-4o', 2048, 4096, 'high', 1105],
    ['gpt-4o', 4096, 8192, 'low', 85],
    ['gpt-4o', 512, 512, 'auto', 255],
    ['gpt-4o', 1, 1, 'high', 255],
    ['gpt-4o', 513, 512, 'high', 425],
    ['azure/gpt-4.1', 1024, 1024, 'high', 765],
    ['gpt-4o-mini', 1024, 1024, 'high', 25501],
    ['gpt-4o-mini', 1024, 1024, 'low', 2833],
    ['gpt-5', 1024, 1024, 'high', 630],
    ['o3', 1024, 1024, undefined, 675],
    ['a model of nobody', 1024, 1024, 'high', 765],
  ])('%s sees %d × %d with detail %s as %d tokens', (...[model, width, height, detail, tokens]) => {
    expect(imageTokens(model, png(width, height), detail)).toBe(tokens);
  });

  test('what is only named has the commonest size, and is not fetched', () => {
    expect(imageTokens('gpt-4o', 'http://127.0.0.1:9/a.png', 'high')).toBe(765);
    expect(imageTokens('gpt-4o', 'http://127.0.0.1:9/a.png', 'low')).toBe(85);
  });
});

describe('by patches', () => {
  test.each([
    ['gpt-4.1-mini', 1024, 1024, Math.ceil(1024 * 1.62)],
    ['gpt-5-mini', 1800, 2400, Math.ceil(1452 * 1.62)],
    ['gpt-5-nano', 32, 33, Math.ceil(2 * 2.46)],
    ['o4-mini', 1024, 1024, Math.ceil(1024 * 1.72)],
  ])('%s sees %d × %d as %d tokens', (model, width, height, tokens) => {
    expect(imageTokens(model, png(width, height), 'high')).toBe(tokens);
  });

  test('never more than 1536', () => {
    for (const [width, height] of [
      [10_000, 10_000],
      [33, 60_000],
      [1537, 1537],
    ] as const) {
      expect(imageTokens('gpt-4.1-mini', png(width, height), 'low')).toBeLessThanOrEqual(Math.ceil(1536 * 1.62));
    }
  });
});
