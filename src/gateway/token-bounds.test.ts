import { describe, expect, test } from 'bun:test';
import { sampleCall } from '../../test/support/call-parts.ts';
import type { ChatRequest } from '../wire/openai.ts';
import { type TokenBounds, tokenBounds } from './token-bounds.ts';

function boundsOf(more: Record<string, unknown>, content: unknown = 'Hello'): TokenBounds {
  const request = { model: 'm', messages: [{ role: 'user', content }], ...more } as ChatRequest;
  return tokenBounds(sampleCall({ request, text: JSON.stringify(request) }));
}

describe('the input', () => {
  test('has at most as many tokens as its text has bytes', () => {
    const words = 'how many tokens can that be? '.repeat(100);
    const { inputMost, inputLikely } = boundsOf({}, words);
    expect(inputMost).toBeGreaterThanOrEqual(words.length);
    expect(inputMost).toBeLessThan(words.length + 100);
    expect(inputLikely).toBe(Math.ceil(inputMost / 4));
  });

  test('of letters that take several bytes is counted by bytes', () => {
    expect(boundsOf({}, '語'.repeat(1_000)).inputMost).toBeGreaterThanOrEqual(3_000);
  });

  test('counts tools and schemas too', () => {
    const tools = [{ type: 'function', function: { name: 'f', description: 'x'.repeat(5_000) } }];
    expect(boundsOf({ tools }).inputMost).toBeGreaterThan(5_000);
  });

  test('does not count the bytes of a picture as words, but the picture', () => {
    const url = `data:image/png;base64,${'A'.repeat(1_000_000)}`;
    const { inputMost } = boundsOf({}, [{ type: 'image_url', image_url: { url } }]);
    expect(inputMost).toBeLessThan(20_000);
    expect(inputMost).toBeGreaterThan(6_000);
  });

  test('counts pictures that are only linked', () => {
    const part = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
    const one = boundsOf({}, [part]).inputMost;
    expect(boundsOf({}, [part, part]).inputMost).toBeGreaterThan(one + 5_000);
  });

  test('is read from the request once a feature has rewritten it', () => {
    const request = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(500) }] } as ChatRequest;
    expect(tokenBounds(sampleCall({ request, text: undefined })).inputMost).toBeGreaterThan(500);
  });
});

describe('the output', () => {
  test('is not capped unless the client says so', () => {
    expect(boundsOf({}).outputCap).toBeUndefined();
    expect(boundsOf({ max_tokens: null }).outputCap).toBeUndefined();
  });

  test('is capped by the largest of all names for the cap', () => {
    expect(boundsOf({ max_tokens: 1, max_completion_tokens: 900 }).outputCap).toBe(900);
    expect(boundsOf({ max_output_tokens: 40, max_tokens: 50 }).outputCap).toBe(50);
  });

  test('counts for every choice', () => {
    expect(boundsOf({ max_tokens: 10, n: 3 })).toMatchObject({ outputCap: 30, choices: 3 });
  });
});

describe('a call whose fallbacks change it', () => {
  const withChanges = (own: Record<string, unknown>, ...changes: readonly Record<string, unknown>[]): TokenBounds => {
    const request = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], ...own } as ChatRequest; // Made here.
    const fallbackChanges = new Map(changes.map((one, at) => [String(at), one]));
    return tokenBounds(sampleCall({ request, text: JSON.stringify(request), controls: { fallbackChanges } }));
  };

  test('is as large as the largest of them', () => {
    expect(withChanges({ max_tokens: 10 }, { max_tokens: 900 }, { n: 3 })).toMatchObject({
      outputCap: 900,
      choices: 3,
    });
    const messages = [{ role: 'user', content: 'x'.repeat(9_000) }];
    expect(withChanges({}, { messages }).inputMost).toBeGreaterThan(9_000);
  });

  test('is capped only when all of them are', () => {
    expect(withChanges({}, { max_tokens: 5 }).outputCap).toBeUndefined();
    expect(withChanges({ max_tokens: 5 }, { max_tokens: null }).outputCap).toBeUndefined();
  });
});
