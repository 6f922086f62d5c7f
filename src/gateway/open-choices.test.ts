import { describe, expect, test } from 'bun:test';
import { OpenChoices } from './open-choices.ts';

const event = (...choices: readonly object[]): string => `data: ${JSON.stringify({ id: 'c', choices })}\n\n`;

function anyOpenAfter(...events: readonly string[]): boolean {
  const open = new OpenChoices();
  for (const each of events) open.noteText(each);
  return open.any;
}

describe('choices', () => {
  const first = event({ index: 0, delta: { content: 'a' }, finish_reason: null });
  const second = event({ index: 1, delta: { content: 'b' } });
  const firstEnds = event({ index: 0, delta: {}, finish_reason: 'stop' });
  const secondEnds = event({ index: 1, delta: {}, finish_reason: 'length' });

  test('are open from their first delta to their own finish_reason', () => {
    expect(anyOpenAfter()).toBe(false);
    expect(anyOpenAfter(first, second)).toBe(true);
    expect(anyOpenAfter(first, second, firstEnds)).toBe(true);
    expect(anyOpenAfter(first, second, firstEnds, secondEnds)).toBe(false);
  });

  test('do not open again when something follows their end', () => {
    expect(anyOpenAfter(first, firstEnds, first)).toBe(false);
  });

  test('may share an event', () => {
    const both = event({ index: 0, finish_reason: 'stop' }, { index: 1, finish_reason: null });
    expect(anyOpenAfter(both)).toBe(true);
    expect(anyOpenAfter(both, event({ index: 1, finish_reason: 'stop' }))).toBe(false);
  });

  test('are taken as they are where they are at hand', () => {
    const open = new OpenChoices();
    open.note([{ index: 0 }, { index: 1, finish_reason: 'stop' }]);
    expect(open.any).toBe(true);
  });

  test.each(['', ': ping\n\n', 'data: {\n\n', 'data: {}\n\n', event(), 'data: {"choices":[null,7]}\n\n'])(
    'are not seen in %j',
    (text) => {
      expect(anyOpenAfter(text)).toBe(false);
    },
  );
});
