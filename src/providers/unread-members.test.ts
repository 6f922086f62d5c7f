import { describe, expect, test } from 'bun:test';
import { ask, targetOf } from '../../test/support/provider-parts.ts';
import type { Change } from './adapter.ts';
import { noteToolMarks, noteUnread } from './unread-members.ts';

const noted = (message: object, ...read: readonly string[]): string[] => {
  const changes: Change[] = [];
  noteUnread([{ ...message }], new Set(read), (change) => changes.push(change));
  expect(changes.every(({ action }) => action === 'dropped')).toBe(true);
  return changes.map(({ field }) => field);
};

describe('members of messages that a provider does not read', () => {
  test('are told by name, each once', () => {
    const messages = [
      { role: 'assistant', content: 'a', annotations: [{}] },
      { role: 'assistant', content: 'b', annotations: [{}], audio: { id: 'x' } },
    ];
    const changes: Change[] = [];
    noteUnread(messages, new Set(), (change) => changes.push(change));
    expect(changes.map(({ field }) => field)).toEqual(['messages.annotations', 'messages.audio']);
    expect(JSON.stringify(changes)).not.toContain('"x"');
  });

  test('are none when the provider reads them, or they hold nothing', () => {
    expect(noted({ role: 'user', content: 'a', name: 'anna' }, 'name')).toEqual([]);
    expect(noted({ role: 'assistant', content: null, refusal: null, annotations: [], name: '' })).toEqual([]);
    expect(noted({ role: 'assistant', content: 'a', tool_calls: [{}], function_call: {} })).toEqual([]);
  });

  test('are not the name of the function whose result it is', () => {
    expect(noted({ role: 'tool', tool_call_id: 'c', content: 'a', name: 'f' })).toEqual([]);
    expect(noted({ role: 'function', content: 'a', name: 'f' })).toEqual([]);
    expect(noted({ role: 'user', content: 'a', name: 'f' })).toEqual(['messages.name']);
  });

  test('are in content parts too', () => {
    const content = [
      { type: 'image_url', image_url: { url: 'u', detail: 'high' } },
      { type: 'file', file: { file_id: 'f', filename: 'a.pdf' } },
      { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
    ];
    expect(noted({ role: 'user', content })).toEqual([
      'messages.detail',
      'messages.filename',
      'messages.cache_control',
    ]);
    expect(noted({ role: 'user', content }, 'detail', 'filename', 'cache_control')).toEqual([]);
  });

  test('are not told without end, whatever a client sends', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${at}-${'x'.repeat(500)}`, 1]));
    const fields = noted({ role: 'user', content: 'a', ...many });
    expect(fields.length).toBeLessThanOrEqual(10);
    expect(Math.max(...fields.map((field) => field.length))).toBeLessThan(60);
  });
});

describe('a refusal of an earlier answer', () => {
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: null, refusal: 'I will not.' },
    { role: 'user', content: 'Why?' },
  ];

  test.each([
    ['anthropic/claude-sonnet-4-5', { role: 'assistant', content: [{ type: 'text', text: 'I will not.' }] }],
    ['gemini/gemini-2.5-flash', { role: 'model', parts: [{ text: 'I will not.' }] }],
    ['bedrock/amazon.nova-pro-v1:0', { role: 'assistant', content: [{ text: 'I will not.' }] }],
    ['cohere_chat/command-a-03-2025', { role: 'assistant', content: 'I will not.' }],
    ['ollama_chat/qwen3:8b', { role: 'assistant', content: 'I will not.' }],
  ])('is what %s said', (model, turn) => {
    const { sent, changes } = ask(targetOf(model), { body: { messages } });
    expect((sent['messages'] ?? sent['contents']) as unknown).toEqual([expect.anything(), turn, expect.anything()]);
    expect(changes).toEqual([]);
  });

  test('is not said twice beside other words', () => {
    const both = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'No.', refusal: 'No.' },
    ];
    const { body } = ask(targetOf('anthropic/claude-sonnet-4-5'), { body: { messages: both } });
    expect(body.match(/No\./g)).toHaveLength(1);
  });
});

describe('tools that a choice allows', () => {
  const tool = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } });
  const choice = (mode: string, ...names: readonly string[]) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: names.map((name) => ({ type: 'function', function: { name } })) },
  });
  const askBedrock = (tool_choice: object) =>
    ask(targetOf('bedrock/amazon.nova-pro-v1:0'), { body: { tools: [tool('f'), tool('g')], tool_choice } });

  test.each([
    ['required', { any: {} }],
    ['auto', { auto: {} }],
  ])('are the only ones that Bedrock is shown, with mode %s', (mode, toolChoice) => {
    const { sent, changes } = askBedrock(choice(mode, 'g'));
    expect(sent['toolConfig']).toMatchObject({ tools: [{ toolSpec: { name: 'g' } }], toolChoice });
    expect(changes.map(({ field, action }) => `${field} ${action}`)).toEqual(['tool_choice emulated', 'tools dropped']);
  });

  test('are refused when there is none of them', () => {
    expect(() => askBedrock(choice('required', 'nobody'))).toThrow('tool_choice');
    expect(() => askBedrock({ type: 'allowed_tools' })).toThrow('tool_choice');
  });
});

describe('marks for a cache on tools', () => {
  const tool = (more: object, inner: object = {}) => ({ type: 'function', function: { name: 'f', ...inner }, ...more });
  const mark = { cache_control: { type: 'ephemeral' } };
  const told = (tools: unknown): Change[] => {
    const changes: Change[] = [];
    noteToolMarks(tools, (change) => changes.push(change));
    return changes;
  };

  test('are told once, wherever they stand', () => {
    const change = { field: 'tools.cache_control', action: 'dropped', note: 'not known to the provider' } as const;
    for (const tools of [[tool(mark)], [tool({}), tool({}, mark), tool(mark)]]) expect(told(tools)).toEqual([change]);
    for (const tools of [undefined, 'x', [], [5], [tool({ cache_control: null })]]) expect(told(tools)).toEqual([]);
  });

  test.each(['gemini/gemini-2.5-flash', 'cohere/command-a-03-2025', 'ollama/llama3.1'])(
    'are told of by %s',
    (model) => {
      const { sent, changes } = ask(targetOf(model), { body: { tools: [tool(mark)] } });
      expect(JSON.stringify(sent)).not.toContain('cache_control');
      expect(changes.map(({ field }) => field)).toContain('tools.cache_control');
    },
  );
});
