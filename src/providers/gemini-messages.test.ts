import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type GeminiPlace, geminiPlace } from '../../test/support/gemini-place.ts';
import { GatewayError } from '../errors.ts';

const PNG = 'data:image/png;base64,iVBORw0KGgo=';

const contentsOf = (messages: readonly object[], model?: string, place: GeminiPlace = geminiPlace()): unknown =>
  place.sent({ messages }, model).body['contents'];

const call = (id: string, name: string, args = '{}', more: object = {}): object => ({
  id,
  type: 'function',
  function: { name, arguments: args },
  ...more,
});

describe('turns', () => {
  test('user and assistant become user and model', () => {
    expect(
      contentsOf([
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
        { role: 'user', content: 'Bye' },
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: 'Hi' }] },
      { role: 'model', parts: [{ text: 'Hello' }] },
      { role: 'user', parts: [{ text: 'Bye' }] },
    ]);
  });

  test('system and developer messages anywhere are the instruction, in their order', () => {
    const { body } = geminiPlace().sent({
      messages: [
        { role: 'system', content: 'One' },
        { role: 'user', content: 'Hi' },
        { role: 'developer', content: [{ type: 'text', text: 'Two' }] },
        { role: 'system', content: '' },
      ],
    });
    expect(body['systemInstruction']).toEqual({ parts: [{ text: 'One' }, { text: 'Two' }] });
    expect(body['contents']).toEqual([{ role: 'user', parts: [{ text: 'Hi' }] }]);
  });

  test('a model without instructions reads them as user turns, and that is said', () => {
    const { body, changes } = geminiPlace().sent(
      {
        messages: [
          { role: 'system', content: 'Be brief' },
          { role: 'user', content: 'Hi' },
        ],
      },
      'gemma-3-27b-it',
    );
    expect(body['systemInstruction']).toBeUndefined();
    expect(body['contents']).toEqual([{ role: 'user', parts: [{ text: 'Be brief' }, { text: 'Hi' }] }]);
    expect(changes).toContainEqual({ field: 'messages', action: 'emulated', note: 'system messages as user turns' });
  });

  test('turns of one role are merged, and empty ones are none', () => {
    expect(
      contentsOf([
        { role: 'user', content: 'a' },
        { role: 'user', content: '' },
        { role: 'assistant', content: null },
        { role: 'assistant', content: [] },
        { role: 'user', content: [{ type: 'text', text: 'b' }] },
        { role: 'assistant', content: 'c' },
        { role: 'assistant', content: 'd' },
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
      { role: 'model', parts: [{ text: 'c' }, { text: 'd' }] },
    ]);
  });

  test.each([
    [[{ role: 'system', content: 'Only this' }], '.'],
    [[{ role: 'user', content: '' }], ' '],
    [[{ role: 'assistant', content: '' }], ' '],
  ])('a conversation without a turn gets one: %j', (messages, text) => {
    const { body, changes } = geminiPlace().sent({ messages });
    expect(body['contents']).toEqual([{ role: 'user', parts: [{ text }] }]);
    expect(changes.map(({ action }) => action)).toEqual(['added']);
  });

  test('a message without a role is an answer of the assistant', () => {
    expect(
      contentsOf([
        { role: 'user', content: 'a' },
        { role: '', content: 'b' },
      ]),
    ).toMatchObject([{ role: 'user' }, { role: 'model' }]);
  });

  test('earlier thoughts go back as thoughts, but never alone', () => {
    const thinking = { role: 'assistant', content: 'Yes', reasoning_content: 'Hmm' };
    expect(contentsOf([{ role: 'user', content: 'a' }, thinking])).toEqual([
      { role: 'user', parts: [{ text: 'a' }] },
      { role: 'model', parts: [{ thought: true, text: 'Hmm' }, { text: 'Yes' }] },
    ]);
    expect(
      contentsOf([
        { role: 'user', content: 'a' },
        { ...thinking, content: null },
      ]),
    ).toHaveLength(1);
  });

  test('an instruction that is no text is refused by its place', () => {
    const messages = [{ role: 'system', content: [{ type: 'image_url', image_url: { url: PNG } }] }];
    expect(() => contentsOf(messages)).toThrow("'messages[0].content' may hold text only");
  });
});

describe('tools', () => {
  const asked = [
    { role: 'user', content: 'Weather?' },
    { role: 'assistant', content: null, tool_calls: [call('c1', 'one', '{"a":1}'), call('c2', 'two')] },
  ];

  test('parallel calls are one turn, and their results another, in the order of the calls', () => {
    const contents = contentsOf([
      ...asked,
      { role: 'tool', tool_call_id: 'c2', content: 'second' },
      { role: 'tool', tool_call_id: 'c1', content: '{"degrees":20}' },
      { role: 'user', content: 'And now?' },
    ]);
    expect(contents).toEqual([
      { role: 'user', parts: [{ text: 'Weather?' }] },
      {
        role: 'model',
        parts: [{ functionCall: { name: 'one', args: { a: 1 } } }, { functionCall: { name: 'two', args: {} } }],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'one', response: { degrees: 20 } } },
          { functionResponse: { name: 'two', response: { content: 'second' } } },
        ],
      },
      { role: 'user', parts: [{ text: 'And now?' }] },
    ]);
  });

  test.each([
    ['plain words', 'sunny', { content: 'sunny' }],
    ['an object', '{"a":[1]}', { a: [1] }],
    ['a list', '[1,2]', { content: '[1,2]' }],
    ['a number', '7', { content: '7' }],
    ['nothing', '', { content: '' }],
    ['null', null, { content: '' }],
    [
      'parts',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      { content: 'a\nb' },
    ],
  ])('a result of %s', (_, content, response) => {
    expect(contentsOf([...asked, { role: 'tool', tool_call_id: 'c1', content }])).toMatchObject([
      {},
      {},
      { parts: [{ functionResponse: { name: 'one', response } }] },
    ]);
  });

  test('an image in a result stands inside it where the model takes that, else beside it', () => {
    const result = { role: 'tool', tool_call_id: 'c1', content: [{ type: 'image_url', image_url: { url: PNG } }] };
    const image = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } };
    expect(contentsOf([...asked, result])).toMatchObject([
      {},
      {},
      { parts: [{ functionResponse: { name: 'one', response: { content: '' } } }, image] },
    ]);
    expect(contentsOf([...asked, result], 'gemini-3-flash-preview')).toMatchObject([
      {},
      {},
      { parts: [{ functionResponse: { name: 'one', parts: [image] } }] },
    ]);
  });

  test('a result whose call is not there needs a name', () => {
    const lost = { role: 'tool', tool_call_id: 'nowhere', content: 'x' };
    expect(() => contentsOf([...asked, lost])).toThrow(
      "'messages[2].tool_call_id' is the id of no tool call before it",
    );
    expect(contentsOf([...asked, { ...lost, name: 'one' }])).toMatchObject([
      {},
      {},
      { parts: [{ functionResponse: { name: 'one' } }] },
    ]);
  });

  test('the older function calls work as well', () => {
    expect(
      contentsOf([
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"x":2}' } },
        { role: 'function', name: 'f', content: 'done' },
      ]),
    ).toMatchObject([
      {},
      { parts: [{ functionCall: { name: 'f', args: { x: 2 } } }] },
      { parts: [{ functionResponse: { name: 'f', response: { content: 'done' } } }] },
    ]);
  });

  test.each(['{"a":', '[1]', '"text"', 'no json'])('arguments %p are refused by their place', (args) => {
    const messages = [{ role: 'assistant', tool_calls: [call('c', 'f', args)] }];
    expect(() => contentsOf(messages)).toThrow("'messages[0].tool_calls[0].function.arguments'");
  });

  test.each([
    ['', {}],
    [null, {}],
    [{ a: 1 }, { a: 1 }],
  ])('arguments %p are taken', (args, sent) => {
    const messages = [{ role: 'assistant', tool_calls: [{ id: 'c', function: { name: 'f', arguments: args } }] }];
    expect(contentsOf(messages)).toMatchObject([{ parts: [{ functionCall: { args: sent } }] }]);
  });

  test('a call without a name is refused', () => {
    expect(() => contentsOf([{ role: 'assistant', tool_calls: [{ id: 'c', function: {} }] }])).toThrow(
      'calls no function',
    );
  });

  test('ids that are not of our making go along with the third generation only', () => {
    const messages = [
      { role: 'assistant', tool_calls: [call('goog-1', 'f', '{}')] },
      { role: 'tool', tool_call_id: 'goog-1', content: 'x' },
    ];
    expect(contentsOf(messages, 'gemini-3-flash-preview')).toMatchObject([
      { parts: [{ functionCall: { id: 'goog-1', name: 'f' } }] },
      { parts: [{ functionResponse: { id: 'goog-1', name: 'f' } }] },
    ]);
    expect(JSON.stringify(contentsOf(messages))).not.toContain('goog-1');
    const own = `call_${'0'.repeat(28)}`;
    const ours = JSON.parse(JSON.stringify(messages).replaceAll('goog-1', own));
    expect(JSON.stringify(contentsOf(ours, 'gemini-3-flash-preview'))).not.toContain(own);
  });
});

describe('thought signatures', () => {
  const history = (carried: object, id = 'c1'): readonly object[] => [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: null, tool_calls: [call(id, 'f', '{"b":1,"a":2}', carried)] },
    { role: 'tool', tool_call_id: id, content: 'x' },
  ];
  const signed = (messages: readonly object[], model?: string, place?: GeminiPlace): unknown => {
    const contents = contentsOf(messages, model, place) as { parts: { thoughtSignature?: string }[] }[];
    return contents[1]?.parts[0]?.thoughtSignature;
  };

  test.each([
    ['extra_content', { extra_content: { google: { thought_signature: 'SIG+/=' } } }],
    ['provider_specific_fields', { provider_specific_fields: { thought_signature: 'SIG+/=' } }],
    [
      'the fields of the function',
      {
        function: { name: 'f', arguments: '{"b":1,"a":2}', provider_specific_fields: { thought_signature: 'SIG+/=' } },
      },
    ],
  ])('come back from %s', (_, carried) => {
    expect(signed(history(carried))).toBe('SIG+/=');
  });

  test("come back from LiteLLM's ids, which are split", () => {
    const contents = contentsOf(history({}, 'call_1__thought__SIG+/='), 'gemini-3-flash-preview');
    expect(contents).toMatchObject([
      {},
      { parts: [{ functionCall: { id: 'call_1' }, thoughtSignature: 'SIG+/=' }] },
      { parts: [{ functionResponse: { id: 'call_1', name: 'f' } }] },
    ]);
  });

  test('are remembered for clients that drop them, whatever the order of the arguments', () => {
    const place = geminiPlace();
    place.memory.keep({ id: 'c1', name: 'f', args: { a: 2, b: 1 } }, 'KEPT');
    expect(signed(history({}), undefined, place)).toBe('KEPT');
    expect(signed(history({}, 'c2'), undefined, place)).toBeUndefined();
  });

  test('that are lost are replaced where the model insists, and that is said', () => {
    expect(signed(history({}))).toBeUndefined();
    const { body, changes } = geminiPlace().sent({ messages: history({}) }, 'gemini-3.1-pro-preview');
    const [, answer] = body['contents'] as { parts: { thoughtSignature: string }[] }[];
    expect(atob(answer?.parts[0]?.thoughtSignature ?? '')).toBe('skip_thought_signature_validator');
    expect(changes.map(({ note }) => note)).toContain('a placeholder where the thought signature is lost');
  });

  test('of parallel calls stay with the first', () => {
    const first = call('c1', 'f', '{}', { extra_content: { google: { thought_signature: 'S' } } });
    const messages = [{ role: 'assistant', tool_calls: [first, call('c2', 'g')] }];
    const { body, changes } = geminiPlace().sent({ messages }, 'gemini-3-flash-preview');
    expect(body['contents']).toMatchObject([
      { parts: [{ thoughtSignature: 'S' }, { functionCall: { name: 'g', args: {} } }] },
    ]);
    expect(JSON.stringify(body).split('thoughtSignature')).toHaveLength(2);
    expect(changes).toEqual([]);
  });

  test('of texts go back with the text', () => {
    const answer = { role: 'assistant', content: 'Yes', provider_specific_fields: { thought_signatures: ['A', 'B'] } };
    expect(contentsOf([answer])).toEqual([
      {
        role: 'model',
        parts: [
          { text: 'Yes', thoughtSignature: 'A' },
          { text: '', thoughtSignature: 'B' },
        ],
      },
    ]);
    const other = { role: 'assistant', content: 'Yes', extra_content: { google: { thought_signature: 'C' } } };
    expect(contentsOf([other])).toEqual([{ role: 'model', parts: [{ text: 'Yes', thoughtSignature: 'C' }] }]);
  });

  test('of pictures go back with the picture', () => {
    const image = { type: 'image_url', image_url: { url: PNG }, extra_content: { google: { thought_signature: 'P' } } };
    expect(contentsOf([{ role: 'assistant', content: null, images: [image] }])).toEqual([
      {
        role: 'model',
        parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' }, thoughtSignature: 'P' }],
      },
    ]);
  });
});

describe('whatever the messages', () => {
  const text = fc.constantFrom('', 'Hi', 'ü👋');
  const content = fc.oneof(
    text,
    fc.constant(null),
    fc.array(
      fc.oneof(
        text.map((value) => ({ type: 'text', text: value })),
        fc.anything(),
      ),
      { maxLength: 3 },
    ),
  );
  const message = fc.record({
    role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function', ''),
    content,
    tool_calls: fc.oneof(fc.constant(undefined), fc.array(fc.anything(), { maxLength: 2 })),
    tool_call_id: fc.oneof(fc.constant('c1'), fc.anything()),
    images: fc.anything(),
    provider_specific_fields: fc.anything(),
    extra_content: fc.anything(),
  });

  test('there is an answer or a refusal that says where', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
        try {
          const contents = contentsOf(messages) as { role: string; parts: unknown[] }[];
          expect(contents.length).toBeGreaterThan(0);
          for (const { role, parts } of contents) {
            expect(['user', 'model']).toContain(role);
            expect(parts.length).toBeGreaterThan(0);
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(GatewayError);
          expect((thrown as GatewayError).message).toContain('messages[');
          expect((thrown as GatewayError).kind).toBe('invalid_request');
        }
      }),
      { numRuns: 150 },
    );
  });
});
