import { describe, expect, test } from 'bun:test';
import { geminiPlace } from '../../test/support/gemini-place.ts';

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const declared = {
  name: 'get_weather',
  description: 'The weather',
  parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } }, required: ['city'] },
};
const other = { type: 'function', function: { name: 'other' } };

const ask = (body: object, model?: string) => geminiPlace().sent(body, model);

describe('tools', () => {
  test('functions become one tool of declarations', () => {
    const { body, changes } = ask({ tools: [weather, other] });
    expect(body['tools']).toEqual([{ functionDeclarations: [declared, { name: 'other' }] }]);
    expect(body['toolConfig']).toBeUndefined();
    expect(changes).toEqual([]);
  });

  test.each([
    ['none', undefined],
    ['empty', {}],
    ['an empty object', { type: 'object', properties: {} }],
  ])('parameters that are %s are left out', (_, parameters) => {
    const { body } = ask({ tools: [{ type: 'function', function: { name: 'f', parameters } }] });
    expect(body['tools']).toEqual([{ functionDeclarations: [{ name: 'f' }] }]);
  });

  test('strict is reported, since the model does not promise it', () => {
    const strict = { type: 'function', function: { ...weather.function, strict: true } };
    const { body, changes } = ask({ tools: [strict, strict] });
    expect(JSON.stringify(body)).not.toContain('strict');
    expect(changes).toEqual([{ field: 'tools', action: 'dropped', note: 'strict: not promised by this model' }]);
  });

  test('older functions are declarations too', () => {
    const { body, memo } = ask({ functions: [weather.function], function_call: { name: 'get_weather' } });
    expect(body['tools']).toEqual([{ functionDeclarations: [declared] }]);
    expect(body['toolConfig']).toEqual({
      functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['get_weather'] },
    });
    expect(memo).toEqual({ isLegacy: true });
  });

  test.each([
    [{ googleSearch: {} }, { googleSearch: {} }],
    [{ google_search: { timeRangeFilter: {} } }, { googleSearch: { timeRangeFilter: {} } }],
    [{ type: 'web_search' }, { googleSearch: {} }],
    [{ type: 'web_search_20250305', name: 'web_search' }, { googleSearch: {} }],
    [{ type: 'web_search_preview' }, { googleSearch: {} }],
    [{ codeExecution: {} }, { codeExecution: {} }],
    [{ type: 'code_interpreter', container: { type: 'auto' } }, { codeExecution: {} }],
    [{ urlContext: {} }, { urlContext: {} }],
    [{ url_context: {} }, { urlContext: {} }],
    [{ googleMaps: {} }, { googleMaps: {} }],
    [{ enterpriseWebSearch: {} }, { enterpriseWebSearch: {} }],
    [{ computer_use: { environment: 'ENVIRONMENT_BROWSER' } }, { computerUse: { environment: 'ENVIRONMENT_BROWSER' } }],
    [{ functionDeclarations: [{ name: 'native' }] }, { functionDeclarations: [{ name: 'native' }] }],
  ])("%j is one of Google's own", (tool, sent) => {
    expect(ask({ tools: [tool] }).body['tools']).toEqual([sent]);
  });

  test('web_search_options are a search, whose details are reported', () => {
    expect(ask({ web_search_options: {} })).toMatchObject({ body: { tools: [{ googleSearch: {} }] }, changes: [] });
    const { changes } = ask({ web_search_options: { search_context_size: 'high' } });
    expect(changes.map(({ field }) => field)).toEqual(['web_search_options']);
  });

  test('beside functions a search stays with newer models and goes with older ones, which is said', () => {
    const tools = [weather, { googleSearch: {} }];
    expect(ask({ tools }, 'gemini-3-flash-preview').body['tools']).toEqual([
      { functionDeclarations: [declared] },
      { googleSearch: {} },
    ]);
    const { body, changes } = ask({ tools });
    expect(body['tools']).toEqual([{ functionDeclarations: [declared] }]);
    expect(changes).toMatchObject([{ field: 'tools', action: 'dropped' }]);
  });

  test.each([
    [{ type: 'mcp', server_url: 'x' }, "'tools[0]' is a tool that this model does not have"],
    [{ type: 'function', function: {} }, "Each of 'tools' needs a name"],
  ])('%j is refused', (tool, message) => {
    expect(() => ask({ tools: [tool] })).toThrow(message);
  });

  test('a model without tools refuses them or drops them', () => {
    expect(() => ask({ tools: [weather] }, 'gemma-3-27b-it')).toThrow("does not support parameters: ['tools']");
    const { body, changes } = geminiPlace().sent({ tools: [weather] }, 'gemma-3-27b-it', { dropParams: true });
    expect(body['tools']).toBeUndefined();
    expect(changes).toMatchObject([{ field: 'tools', action: 'dropped' }]);
  });
});

describe('tool_choice', () => {
  test.each<[unknown, object]>([
    ['auto', { mode: 'AUTO' }],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    ['any', { mode: 'ANY' }],
    [{ type: 'auto' }, { mode: 'AUTO' }],
    [{ type: 'any' }, { mode: 'ANY' }],
    [
      { type: 'function', function: { name: 'other' } },
      { mode: 'ANY', allowedFunctionNames: ['other'] },
    ],
    [
      { type: 'tool', name: 'other' },
      { mode: 'ANY', allowedFunctionNames: ['other'] },
    ],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [other] } },
      { mode: 'VALIDATED', allowedFunctionNames: ['other'] },
    ],
    [
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'other' }] },
      { mode: 'ANY', allowedFunctionNames: ['other'] },
    ],
  ])('%j', (tool_choice, config) => {
    const { body } = ask({ tools: [weather, other], tool_choice });
    expect(body['toolConfig']).toEqual({ functionCallingConfig: config });
  });

  test.each(['sometimes', { type: 'function' }, { type: 'allowed_tools' }, {}])('%j is refused', (tool_choice) => {
    expect(() => ask({ tools: [weather], tool_choice })).toThrow('Invalid tool choice');
  });

  test('without functions there is nothing to choose, which is said', () => {
    const { body, changes } = ask({ tools: [{ googleSearch: {} }], tool_choice: 'auto' });
    expect(body['toolConfig']).toBeUndefined();
    expect(changes).toEqual([
      { field: 'tool_choice', action: 'dropped', note: 'there are no functions to choose from' },
    ]);
  });

  test('one call at a time cannot be had, which is said', () => {
    expect(ask({ tools: [weather], parallel_tool_calls: true }).changes).toEqual([]);
    const { body, changes } = ask({ tools: [weather], parallel_tool_calls: false });
    expect(JSON.stringify(body)).not.toContain('parallel');
    expect(changes).toMatchObject([{ field: 'parallel_tool_calls', action: 'dropped' }]);
  });

  test('calls that Google makes itself can be shown', () => {
    const { body } = ask({ tools: [weather], include_server_side_tool_invocations: true });
    expect(body['toolConfig']).toEqual({ includeServerSideToolInvocations: true });
  });
});
