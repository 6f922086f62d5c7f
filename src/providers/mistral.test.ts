import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { ask, targetOf } from '../../test/support/provider-parts.ts';

type Messages = readonly Readonly<Record<string, unknown>>[];

const mistral = (flags?: Record<string, boolean>, model = 'm') =>
  targetOf(`mistral/${model}`, { knownModel: () => flags && { maxOutputTokens: undefined, flags } });
const thinker = mistral({ supports_reasoning: true });
const magistral = mistral(undefined, 'magistral-medium-latest');
const plain = mistral({});

const HI = { role: 'user', content: 'Hi' };
const sentMessages = (messages: Messages, target = plain) =>
  ask(target, { body: { messages } }).sent['messages'] as Messages;

describe('reasoning at Mistral', () => {
  test.each([
    [{ reasoning_effort: 'low' }, 'reasoning'],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, 'reasoning'],
    [{ reasoning_effort: { effort: 'high' } }, 'reasoning'],
    [{ reasoning_effort: 'none' }, null],
    [{ thinking: { type: 'disabled' } }, null],
    [{ reasoning_effort: 'high', prompt_mode: null }, null],
  ])('Magistral with %p has the mode %p', (body, mode) => {
    const { sent, changes } = ask(magistral, { body });
    expect(sent['prompt_mode']).toBe(mode);
    expect(sent).not.toHaveProperty('reasoning_effort');
    expect(sent).not.toHaveProperty('thinking');
    if (!('prompt_mode' in body)) expect(changes).toMatchObject([{ action: 'renamed', note: 'prompt_mode' }]);
  });

  test.each([
    [{ reasoning_effort: 'high' }, 'high'],
    [{ reasoning_effort: { effort: 'none', summary: 'auto' } }, 'none'],
    [{ thinking: { type: 'disabled' } }, 'none'],
  ])('other models with %p have the level %p', (body, level) => {
    const { sent } = ask(thinker, { body });
    expect(sent['reasoning_effort']).toBe(level);
    expect(sent).not.toHaveProperty('prompt_mode');
  });

  test('is refused by models of which it is known that they have none', () => {
    for (const body of [{ reasoning_effort: 'high' }, { thinking: { type: 'enabled' } }]) {
      expect(() => ask(plain, { body })).toThrow('the model does not reason');
      expect(Object.keys(ask(plain, { body, dropParams: true }).sent)).toEqual(['model', 'messages']);
    }
    expect(ask(mistral(), { body: { reasoning_effort: 'high' } }).sent['reasoning_effort']).toBe('high');
  });

  test('comes back whole and streamed as reasoning_content, and goes back as it came', () => {
    const thought = [
      { type: 'text', text: 'Hm, ' },
      { type: 'text', text: 'two.' },
    ];
    const content = [
      { type: 'thinking', thinking: thought },
      { type: 'text', text: 'It is 2.' },
    ];
    const target = magistral;
    const [choice] = target.adapter.parseResponse(
      { choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }] },
      target,
    ).choices;
    expect(choice?.message).toMatchObject({ reasoning_content: 'Hm, two.', content: 'It is 2.' });

    const decode = target.adapter.createStreamDecoder(target);
    const pieces = [
      ...thought.map((part) => [{ type: 'thinking', thinking: [part] }]),
      'It is ',
      [{ type: 'text', text: '2.' }],
    ];
    const events = pieces.map((piece) => ({ id: 'x', choices: [{ index: 0, delta: { content: piece } }] }));
    const streamed = accumulate(events.flatMap((event) => decode(JSON.stringify(event))));
    expect(streamed).toMatchObject({ reasoning: 'Hm, two.', content: 'It is 2.' });

    const [, back] = sentMessages([HI, { ...choice?.message }, HI], target);
    expect(back).toEqual({
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'Hm, two.' }] },
        { type: 'text', text: 'It is 2.' },
      ],
    });
  });

  test('of other models’ answers does not go to one that does not reason', () => {
    const answer = { role: 'assistant', content: 'Yes', reasoning_content: 'Hm' };
    const { sent, changes } = ask(plain, { body: { messages: [HI, answer, HI] } });
    expect(sent['messages']).toEqual([HI, { role: 'assistant', content: 'Yes' }, HI]);
    expect(changes).toEqual([{ field: 'messages', action: 'dropped', note: 'reasoning_content of earlier answers' }]);
    expect(sentMessages([HI, answer, HI], thinker)[1]).toMatchObject({
      content: [{ type: 'thinking' }, { text: 'Yes' }],
    });
  });
});

describe('tool calls at Mistral', () => {
  const turn = (...ids: string[]): Messages => [
    HI,
    {
      role: 'assistant',
      content: null,
      tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
    },
    ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: 'ok' })),
  ];
  const idsOf = (messages: Messages): [unknown[], unknown[]] => {
    const calls = messages[1]?.['tool_calls'];
    return [
      Array.isArray(calls) ? calls.map(({ id }) => id) : [],
      messages.slice(2).map(({ tool_call_id }) => tool_call_id),
    ];
  };

  test('ids are made nine letters and digits, alike in call and result', () => {
    const [calls, results] = idsOf(sentMessages(turn('call_0fypS1hVX', 'toolu_01', 'abcDEF123')));
    expect(calls).toEqual(results);
    for (const id of calls) expect(id).toMatch(/^[a-zA-Z0-9]{9}$/);
    expect(new Set(calls).size).toBe(3);
    expect(calls[2]).toBe('abcDEF123');
  });

  test('the same id is the same in every turn, for the sake of the prompt’s cache', () => {
    const once = sentMessages(turn('call_1', 'call_2'));
    expect(sentMessages(turn('call_1', 'call_2'))).toEqual(once);
    expect(idsOf(sentMessages(turn('call_1')))[0][0]).toBe(idsOf(once)[0][0]);
  });

  test('that fit go as they are, and nothing is reported', () => {
    const { sent, changes } = ask(plain, { body: { messages: turn('abcDEF123') } });
    expect([sent['messages'], changes]).toEqual([turn('abcDEF123'), []]);
  });

  test('lose what only other providers know, and results without content get an empty one', () => {
    const call = {
      id: 'abcDEF123',
      type: 'function',
      index: 0,
      function: { name: 'f', arguments: '{}' },
      extra_content: {},
    };
    const [, asked, result] = sentMessages([
      HI,
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'abcDEF123', content: null },
    ]);
    const { index: _, extra_content: __, ...kept } = call;
    expect(asked?.['tool_calls']).toEqual([kept]);
    expect(result?.['content']).toBe('');
  });

  test.each([
    ['required', 'any'],
    ['auto', 'auto'],
    ['none', 'none'],
    [
      { type: 'function', function: { name: 'f' } },
      { type: 'function', function: { name: 'f' } },
    ],
  ])('a choice of %p is %p', (given, sent) => {
    const tools = [
      { type: 'function', function: { name: 'f', parameters: { type: 'object', $schema: 's' }, strict: true } },
    ];
    const asked = ask(plain, { body: { tools, tool_choice: given } }).sent;
    expect(asked['tool_choice']).toEqual(sent);
    expect(asked['tools']).toEqual([{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]);
  });
});

describe('content at Mistral', () => {
  const content = (...parts: object[]): unknown => sentMessages([{ role: 'user', content: parts }])[0]?.['content'];

  test.each([
    [
      { type: 'file', file: { file_id: 'f-1' } },
      { type: 'file', file_id: 'f-1' },
    ],
    [
      { type: 'file', file: { file_data: 'data:application/pdf;base64,AA==', filename: 'a.pdf' } },
      { type: 'document_url', document_url: 'data:application/pdf;base64,AA==', document_name: 'a.pdf' },
    ],
    [
      { type: 'file', file: { file_id: 'https://example.com/a.pdf' } },
      { type: 'document_url', document_url: 'https://example.com/a.pdf' },
    ],
    [
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { type: 'input_audio', input_audio: 'AAAA' },
    ],
    [
      { type: 'image_url', image_url: 'https://x/y.png' },
      { type: 'image_url', image_url: { url: 'https://x/y.png' } },
    ],
    [
      { type: 'document_url', document_url: 'https://x/y.pdf' },
      { type: 'document_url', document_url: 'https://x/y.pdf' },
    ],
  ])('%p is %p', (part, sent) => {
    expect(content({ type: 'text', text: 'See' }, part)).toEqual([{ type: 'text', text: 'See' }, sent]);
  });

  test('a last answer is a beginning, whatever the conversation', () => {
    const begun = { role: 'assistant', content: '{"a":' };
    const { sent, changes } = ask(plain, { body: { messages: [HI, begun] } });
    expect(sent['messages']).toEqual([HI, { ...begun, prefix: true }]);
    expect(changes).toEqual([{ field: 'messages', action: 'added', note: 'prefix of the last message' }]);
    expect(sentMessages([HI, { ...begun, prefix: false }])[1]).toMatchObject({ prefix: false });
    expect(sentMessages([HI, begun, HI])[1]).toEqual(begun);
  });
});

describe('parameters at Mistral', () => {
  test('seed has a name of its own; its own parameters pass', () => {
    const own = { safe_prompt: true, prediction: { type: 'content', content: 'x' }, prompt_cache_key: 'k' };
    const { sent } = ask(plain, { body: { ...own, seed: 7, max_completion_tokens: 9 } });
    expect(sent).toMatchObject({ ...own, random_seed: 7, max_tokens: 9 });
    expect(sent).not.toHaveProperty('seed');
  });

  test('Codestral is the same at its own address', () => {
    const codestral = targetOf('codestral/codestral-latest');
    const { url, sent } = ask(codestral, { body: { seed: 7, stream: true, stream_options: { include_usage: true } } });
    expect(url).toBe('https://codestral.mistral.ai/v1/chat/completions');
    expect(sent).toMatchObject({ random_seed: 7, stream: true });
    expect(sent).not.toHaveProperty('stream_options');
  });

  test('a deployment at Azure is called below its version', () => {
    expect(ask(targetOf('mistral/m', { baseUrl: 'https://m.eastus.inference.ai.azure.com' })).url).toBe(
      'https://m.eastus.inference.ai.azure.com/v1/chat/completions',
    );
  });
});
