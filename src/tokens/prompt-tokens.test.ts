/** With a counter of letters, so that every sum can be seen; real encodings are in `token-counter.test.ts`. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Prompt, promptTokens } from './prompt-tokens.ts';
import { toolText } from './tool-text.ts';

const letters = (text: string): number => text.length;
const count = (prompt: Omit<Prompt, 'model'>): number => promptTokens({ model: 'gpt-4o', ...prompt }, letters);
/** Without what stands around every conversation and its one message. */
const message = (fields: object): number => count({ messages: [fields] }) - 6;

const TOOL = { type: 'function', function: { name: 'now' } };

describe('a prompt', () => {
  test('that is a text is no more than that', () => {
    expect(count({ text: 'four' })).toBe(4);
    expect(count({})).toBe(0);
  });

  test('that is a conversation has three tokens a message and three before the answer', () => {
    expect(count({ messages: [] })).toBe(3);
    expect(count({ messages: [{ role: 'user', content: 'ab' }] })).toBe(3 + 3 + 4 + 2);
    expect(count({ messages: [{ role: 'user' }, { role: 'user' }] })).toBe(3 + 2 * (3 + 4));
    expect(count({ messages: ['text', null, 7] })).toBe(3);
  });

  test('a name costs one more', () => {
    expect(message({ name: 'ada' })).toBe(3 + 1);
  });

  test('tools cost their text and what is around it, less beside a system message', () => {
    const text = toolText([TOOL]).length;
    expect(count({ messages: [], tools: [TOOL] })).toBe(3 + text + 9);
    expect(count({ messages: [], tools: [] })).toBe(3);
    const system = { role: 'system' };
    expect(count({ messages: [system], tools: [TOOL] })).toBe(count({ messages: [system] }) + text + 9 - 4);
  });

  test.each([
    ['none', 1],
    [{ type: 'none' }, 1],
    ['auto', 0],
    ['required', 0],
    [undefined, 0],
    [{ type: 'function', function: { name: 'now' } }, 7 + 3],
    [{ type: 'tool', name: 'now' }, 7 + 3],
    [{ type: 'auto' }, 0],
  ])('tool_choice %j costs %d', (toolChoice, tokens) => {
    expect(count({ messages: [], toolChoice })).toBe(3 + tokens);
  });
});

describe('a message', () => {
  test.each([
    ['a text', { content: 'abc' }, 3],
    ['nothing', { content: null }, 0],
    ['parts', { content: [{ type: 'text', text: 'abc' }, 'de', { type: 'refusal', refusal: 'f' }, null] }, 6],
    ['thoughts', { content: [{ type: 'thinking', thinking: 'abc', signature: 'long' }] }, 3],
    ['calls', { tool_calls: [{ id: 'c', function: { name: 'now', arguments: '{"a":1}' } }] }, 3 + 7],
    ['broken calls', { tool_calls: [null, {}, { function: 7 }] }, 0],
    ['calls that are no list', { tool_calls: 'abc' }, 0],
    ['a legacy call', { function_call: { name: 'now', arguments: '{}' } }, 5],
    ['an answer', { tool_call_id: 'call', content: 'ok' }, 6],
    ['Anthropic’s call', { content: [{ type: 'tool_use', name: 'now', input: { a: 1 } }] }, 3 + 7],
    ['Anthropic’s answer', { content: [{ type: 'tool_result', content: 'ok' }] }, 2],
    ['Anthropic’s long answer', { content: [{ type: 'tool_result', content: [{ type: 'text', text: 'ok' }] }] }, 2],
    ['numbers', { content: 7, weight: 3 }, 0],
  ])('of %s', (_, fields, tokens) => {
    expect(message(fields)).toBe(tokens);
  });

  test.each([
    ['by name', { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } }, 85],
    ['by name alone', { type: 'image_url', image_url: 'https://example.com/a.png' }, 765],
    ['without any', { type: 'image_url' }, 765],
    ['of Anthropic’s', { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }, 765],
    ['of Anthropic’s with data', { type: 'image', source: { type: 'base64', data: 'AAAA' } }, 765],
    ['of Anthropic’s without source', { type: 'image' }, 765],
  ])('with an image %s', (_, part, tokens) => {
    expect(message({ content: [part] })).toBe(tokens);
  });

  test.each([
    ['a file', { type: 'file', file: { file_data: 'A'.repeat(400) } }, 100],
    ['a file by its id', { type: 'file', file: { file_id: 'file-1' } }, 0],
    ['sound', { type: 'input_audio', input_audio: { data: 'A'.repeat(400), format: 'wav' } }, 100],
    ['a document', { type: 'document', source: { type: 'base64', data: 'A'.repeat(400) } }, 100],
    ['a document of text', { type: 'document', source: { type: 'text', data: 'words' } }, 5],
  ])('with %s', (_, part, tokens) => {
    expect(message({ content: [part] })).toBe(tokens);
  });
});

test('whatever is sent, there is a count and no throw', () => {
  const messages = fc.array(fc.jsonValue({ maxDepth: 5 }).map((value) => Object(value)));
  fc.assert(
    fc.property(messages, fc.array(fc.jsonValue()), fc.jsonValue(), (said, tools, toolChoice) => {
      expect(count({ messages: said, tools, toolChoice })).toBeGreaterThanOrEqual(3);
    }),
    { numRuns: 200 },
  );
});
