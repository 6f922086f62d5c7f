import { describe, expect, test } from 'bun:test';
import { UNSIZED } from './attachments.ts';
import { hostedTools } from './hosted-tools.ts';

const asked = (request: Readonly<Record<string, unknown>>) => hostedTools({ model: 'm', messages: [], ...request });

describe('tools that a provider runs itself', () => {
  test('are none where the client runs all of them', () => {
    const own = [
      { type: 'function', function: { name: 'web_search' } },
      { type: 'custom', name: 'search' },
    ];
    for (const request of [{}, { tools: own }, { tools: null }, { tools: 'search' }]) {
      expect(asked(request)).toEqual({ mostSearches: 0, tokensRead: 0 });
    }
  });

  test.each([
    [{ web_search_options: {} }, 10],
    [{ web_search_options: { search_context_size: 'low' } }, 1],
    [{ web_search_options: { search_context_size: 'medium' } }, 5],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }] }, 3],
    [{ tools: [{ type: 'web_search' }] }, 10],
    [{ tools: [{ googleSearch: {} }] }, 10],
    [
      {
        tools: [
          { type: 'web_search', max_uses: -1 },
          { type: 'web_search', max_uses: 2 },
        ],
      },
      12,
    ],
  ])('%j may search %d times, and reads what it finds', (request, mostSearches) => {
    expect(asked(request)).toEqual({ mostSearches, tokensRead: mostSearches * 30_000 });
  });

  test.each([
    { tools: [{ type: 'web_fetch_20250910' }] },
    { tools: [{ type: 'code_execution_20250825' }] },
    { tools: [{ urlContext: {} }] },
    { tools: [{ codeExecution: {} }] },
    { mcp_servers: [{ url: 'https://mcp.example' }] },
  ])('%j may read as much as the model can', (request) => {
    expect(asked(request).tokensRead).toBe(UNSIZED);
  });
});
