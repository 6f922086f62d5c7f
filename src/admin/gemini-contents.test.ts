import { describe, expect, test } from 'bun:test';
import { messagesOfContents } from './gemini-contents.ts';

const one = (...parts: readonly object[]) => messagesOfContents([{ role: 'user', parts }]);

describe('contents as messages', () => {
  test('roles', () => {
    const parts = [{ text: 'Hi' }];
    const content = [{ type: 'text', text: 'Hi' }];
    expect(
      messagesOfContents([{ parts }, { role: 'user', parts }, { role: 'model', parts }, { role: 'system', parts }]),
    ).toEqual(['user', 'user', 'assistant', 'system'].map((role) => ({ role, content })));
  });

  test('images and files', () => {
    const data = 'AAAA';
    expect(
      one({ inlineData: { mimeType: 'image/png', data } }, { inline_data: { mime_type: 'application/pdf', data } }),
    ).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA', filename: 'file' } },
        ],
      },
    ]);
  });

  test('calls and their answers are joined by name, the oldest first', () => {
    const call = (name: string, args?: object) => ({ functionCall: { name, ...(args && { args }) } });
    const answer = (name: string, response: object) => ({ function_response: { name, response } });
    const messages = messagesOfContents([
      { role: 'model', parts: [{ text: 'Wait' }, call('a', { x: 1 }), call('b'), call('a')] },
      {
        role: 'user',
        parts: [answer('b', { ok: 1 }), answer('a', { ok: 2 }), answer('a', { ok: 3 }), { text: 'So?' }],
      },
    ]);
    expect(messages).toEqual([
      {
        role: 'assistant',
        content: [{ type: 'text', text: 'Wait' }],
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'a', arguments: '{"x":1}' } },
          { id: 'call_2', type: 'function', function: { name: 'b', arguments: '{}' } },
          { id: 'call_3', type: 'function', function: { name: 'a', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_2', content: '{"ok":1}' },
      { role: 'tool', tool_call_id: 'call_1', content: '{"ok":2}' },
      { role: 'tool', tool_call_id: 'call_3', content: '{"ok":3}' },
      { role: 'user', content: [{ type: 'text', text: 'So?' }] },
    ]);
  });

  test('nothing said is an empty turn', () => {
    expect(one()).toEqual([{ role: 'user', content: [] }]);
    expect(messagesOfContents([])).toEqual([]);
  });

  test.each([
    [[{ role: 'user' }], 'contents[0].parts'],
    [[{ parts: 'Hi' }], 'contents[0].parts'],
    [[{ parts: [] }, { parts: [{ text: 'Hi' }, { fileData: { fileUri: 'gs://a' } }] }], 'contents[1].parts[1]'],
    [[{ parts: [{ text: 7 }] }], 'contents[0].parts[0]'],
  ])('%j is refused', (contents, where) => {
    expect(() => messagesOfContents(contents)).toThrow(where);
  });

  test('very many calls and answers are read in no time', () => {
    const many = 30_000;
    const calls = Array.from({ length: many }, (_, at) => ({ functionCall: { name: `f${at % 3}` } }));
    const answers = Array.from({ length: many }, (_, at) => ({
      functionResponse: { name: at % 2 === 0 ? 'f0' : 'g' },
    }));
    const startedAtMs = performance.now();
    const messages = messagesOfContents([{ role: 'model', parts: calls }, { parts: answers }]);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    const ids = messages.slice(1).map(({ tool_call_id: id }) => id);
    expect(ids.slice(0, 4)).toEqual(['call_1', 'call_0', 'call_4', 'call_0']);
    expect(ids.slice(-2)).toEqual(['call_0', 'call_0']);
  });
});
