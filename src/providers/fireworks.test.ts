import { describe, expect, test } from 'bun:test';
import { ask, targetOf } from '../../test/support/provider-parts.ts';

const IMAGE = 'https://example.com/cat.png';
const TOOL = { type: 'function', function: { name: 'look_up', parameters: { type: 'object' } } };
const SCHEMA = { type: 'object', properties: { a: { type: 'number' } } };
const FORMAT = { type: 'json_schema', json_schema: { name: 'x', schema: SCHEMA } };

const fireworks = (flags: Record<string, boolean> = {}) =>
  targetOf('fireworks_ai/m', { knownModel: () => ({ maxOutputTokens: undefined, flags }) });

describe('images at Fireworks', () => {
  const image = (url: string) => [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What?' },
        { type: 'image_url', image_url: { url, detail: 'low' } },
      ],
    },
  ];

  test('are read by the host for a model that cannot see', () => {
    const { sent, changes } = ask(fireworks({ supports_vision: false }), { body: { messages: image(IMAGE) } });
    expect(sent['messages']).toEqual(image(`${IMAGE}#transform=inline`));
    expect(changes).toHaveLength(1);
  });

  test.each([
    ['for a model that sees', { supports_vision: true }, IMAGE],
    ['for a model of which nobody knows', {}, IMAGE],
    ['when they say so already', { supports_vision: false }, `${IMAGE}#transform=inline`],
  ])('stay as they are %s', (_, flags: Record<string, boolean>, url) => {
    const { sent, changes } = ask(fireworks(flags), { body: { messages: image(url) } });
    expect([sent['messages'], changes]).toEqual([image(url), []]);
  });
});

describe('a format beside tools at Fireworks', () => {
  test('is one more tool, and one of them must be called', () => {
    const { sent, changes } = ask(fireworks(), { body: { response_format: FORMAT, tools: [TOOL] } });
    expect(sent).not.toHaveProperty('response_format');
    expect(sent).toMatchObject({
      tools: [TOOL, { function: { name: 'json_tool_call', parameters: SCHEMA } }],
      tool_choice: 'any',
    });
    expect(changes.map(({ field, action }) => [field, action])).toContainEqual(['response_format', 'emulated']);
  });

  test('leaves the choice of a tool to the client', () => {
    const choice = { type: 'function', function: { name: 'look_up' } };
    const body = { response_format: FORMAT, tools: [TOOL], tool_choice: choice };
    expect(ask(fireworks(), { body }).sent['tool_choice']).toEqual(choice);
    const none = ask(fireworks(), { body: { ...body, tool_choice: 'none' } }).sent['tool_choice'];
    expect(none).toEqual({ type: 'function', function: { name: 'json_tool_call' } });
  });

  test('is the answer when that tool is called, and nothing when another is', () => {
    const target = fireworks();
    const { memo } = ask(target, { body: { response_format: FORMAT, tools: [TOOL] } });
    const answer = (name: string) => {
      const call = { id: 'c', type: 'function', function: { name, arguments: '{"a":1}' } };
      const choice = { message: { content: null, tool_calls: [call] }, finish_reason: 'tool_calls' };
      return target.adapter.parseResponse({ choices: [choice] }, target, memo).choices[0];
    };
    expect(answer('json_tool_call')).toMatchObject({ message: { content: '{"a":1}' }, finish_reason: 'stop' });
    expect(answer('look_up')).toMatchObject({ message: { tool_calls: [{ id: 'c' }] }, finish_reason: 'tool_calls' });
  });

  test('stands alone as it is', () => {
    expect(ask(fireworks(), { body: { response_format: FORMAT } })).toMatchObject({
      sent: { response_format: FORMAT },
      changes: [],
    });
  });
});

describe('parameters at Fireworks', () => {
  test('tools are refused for a model that the catalog says has none', () => {
    const target = fireworks({ supports_function_calling: false });
    const body = { tools: [TOOL], tool_choice: 'auto' };
    expect(() => ask(target, { body })).toThrow('the model takes no tools');
    const { sent, changes } = ask(target, { body, dropParams: true });
    expect(Object.keys(sent)).toEqual(['model', 'messages']);
    expect(changes.map(({ field }) => field)).toEqual(['tools', 'tool_choice']);
  });

  test.each([
    [{ effort: 'high', summary: 'auto' }, 'high'],
    [true, 'medium'],
    [false, 'none'],
    [2048, 2048],
    ['low', 'low'],
    ['auto', undefined],
  ])('an effort of %p is %p', (given, sent) => {
    expect(ask(fireworks(), { body: { reasoning_effort: given } }).sent['reasoning_effort']).toEqual(sent);
  });

  test('thinking and effort at once are one too many', () => {
    const body = { thinking: { type: 'enabled' }, reasoning_effort: 'low' };
    expect(() => ask(fireworks(), { body })).toThrow('only one of thinking and reasoning_effort');
    const { thinking } = body;
    expect(ask(fireworks(), { body: { thinking } }).sent['thinking']).toEqual(thinking);
  });
});
