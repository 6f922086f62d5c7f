import { describe, expect, test } from 'bun:test';
import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import fc from 'fast-check';
import { ask, targetFor } from '../../test/support/provider-parts.ts';
import { GatewayError } from '../errors.ts';
import { isObject, type JsonObject } from '../lib/json.ts';
import type { KnownModel } from './adapter.ts';
import { anthropic } from './anthropic.ts';

const target = targetFor(anthropic);
const sentFor = (messages: readonly object[], more: object = {}, flags?: KnownModel['flags']) => {
  const known = flags ? { knownModel: () => ({ maxOutputTokens: 8000, flags }) } : {};
  return ask({ ...target, ...known }, { body: { messages, ...more } });
};
const turns = (messages: readonly object[]): unknown => sentFor(messages).sent['messages'];
const notes = (messages: readonly object[]): string[] => sentFor(messages).changes.map(({ note }) => note);

const text = (words: string, more: object = {}): MessageParam['content'][number] & object =>
  ({ type: 'text', text: words, ...more }) as never;
const user = (...content: unknown[]): MessageParam => ({ role: 'user', content }) as MessageParam;
const assistant = (...content: unknown[]): MessageParam => ({ role: 'assistant', content }) as MessageParam;
const call = (id: string, args = '{}', name = 'f') => ({ id, type: 'function', function: { name, arguments: args } });
const use = (id: string, input: unknown = {}, name = 'f') => ({ type: 'tool_use', id, name, input });
const result = (id: string, content?: unknown) => ({
  type: 'tool_result',
  tool_use_id: id,
  ...(content !== undefined && { content }),
});
const MARK = { cache_control: { type: 'ephemeral', ttl: '1h' } };
const HI = { role: 'user', content: 'Hi' };

describe('system messages', () => {
  test('at the beginning go to the top, with their cache marks; empty ones go nowhere', () => {
    const { sent } = sentFor([
      { role: 'system', content: 'One', ...MARK },
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Two', ...MARK },
          { type: 'text', text: ' ' },
        ],
      },
      { role: 'system', content: '' },
      HI,
    ]);
    expect(sent['system']).toEqual([text('One', MARK), text('Two', MARK)]);
    expect(sent['messages']).toEqual([user(text('Hi'))]);
  });

  test('later on are the user’s text with a note, and that is told', () => {
    const messages = [HI, { role: 'assistant', content: 'Yes' }, { role: 'developer', content: 'Be brief' }, HI];
    const note = 'Note from the operator of this conversation:\nBe brief';
    expect(turns(messages)).toEqual([user(text('Hi')), assistant(text('Yes')), user(text(note), text('Hi'))]);
    expect(notes(messages)).toEqual(['a later system message as the user’s text']);
    expect(notes([HI, { role: 'system', content: '' }])).toEqual([]);
  });

  test('stay where they are on models that take them there', () => {
    const messages = [HI, { role: 'developer', content: 'Be brief' }, HI];
    const { sent, changes } = sentFor(messages, {}, { supports_mid_conversation_system: true });
    expect(sent['messages']).toEqual([
      user(text('Hi')),
      { role: 'system', content: [text('Be brief')] },
      user(text('Hi')),
    ]);
    expect(changes).toEqual([]);
  });

  test('alone are the user’s turn', () => {
    const { sent, changes } = sentFor([{ role: 'system', content: 'Write a poem.' }]);
    expect([sent['system'], sent['messages']]).toEqual([undefined, [user(text('Write a poem.'))]]);
    expect(changes).toMatchObject([{ action: 'emulated' }]);
  });
});

describe('turns', () => {
  test('of one role are one turn', () => {
    const two = [
      HI,
      { role: 'user', content: 'there' },
      { role: 'assistant', content: 'A' },
      { role: 'assistant', content: 'B' },
    ];
    expect(turns([...two, HI])).toEqual([
      user(text('Hi'), text('there')),
      assistant(text('A'), text('B')),
      user(text('Hi')),
    ]);
  });

  test('without content are left out', () => {
    const empty = [{ role: 'assistant', content: '' }, { role: 'assistant', content: null }, { role: 'assistant' }];
    expect(turns([HI, ...empty, { role: 'user', content: [{ type: 'text', text: '\n' }] }, HI])).toEqual([
      user(text('Hi'), text('Hi')),
    ]);
    expect(() => turns([{ role: 'user', content: '' }])).toThrow('No message holds any text');
  });

  test('begin with the user', () => {
    const greeting = [{ role: 'assistant', content: 'Welcome!' }, HI];
    expect(turns(greeting)).toEqual([user(text('Please continue.')), assistant(text('Welcome!')), user(text('Hi'))]);
    expect(notes(greeting)).toEqual(['a first turn of the user']);
  });

  test('may end with the beginning of the answer, without white space at its end', () => {
    expect(turns([HI, { role: 'assistant', content: 'The answer is \n' }])).toEqual([
      user(text('Hi')),
      assistant(text('The answer is')),
    ]);
    expect(turns([HI, { role: 'assistant', content: 'A ' }, HI])).toContainEqual(assistant(text('A ')));
  });

  test('carry cache marks, of parts or of a whole message', () => {
    const marked = {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      ...MARK,
    };
    expect(turns([marked])).toEqual([user(text('a'), text('b', MARK))]);
    const part = { role: 'user', content: [{ type: 'text', text: 'a', ...MARK }, 'b'] };
    expect(turns([part])).toEqual([user(text('a', MARK), text('b'))]);
    const tool = [
      HI,
      { role: 'assistant', tool_calls: [{ ...call('c'), ...MARK }] },
      { role: 'tool', tool_call_id: 'c', content: '1', ...MARK },
    ];
    expect(turns(tool)).toMatchObject([{}, { content: [MARK] }, { content: [MARK] }]);
  });
});

describe('tool calls and their results', () => {
  test('stand behind each other in the order of the calls, before whatever else is said', () => {
    expect(
      turns([
        HI,
        { role: 'assistant', content: 'Let me see.', tool_calls: [call('a', '{"x":1}'), call('b')] },
        { role: 'tool', tool_call_id: 'b', content: 'B' },
        { role: 'user', content: 'Well?' },
        { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'A' }] },
      ]),
    ).toEqual([
      user(text('Hi')),
      assistant(text('Let me see.'), use('a', { x: 1 }), use('b')),
      user(result('a', [text('A')]), result('b', 'B'), text('Well?')),
    ]);
  });

  test('are brought together when something was said in between', () => {
    expect(
      turns([
        HI,
        { role: 'assistant', tool_calls: [call('a'), call('b')] },
        { role: 'tool', tool_call_id: 'a', content: 'A' },
        { role: 'assistant', content: 'One moment.' },
        { role: 'tool', tool_call_id: 'b', content: 'B' },
        { role: 'assistant', content: 'Done.' },
      ]),
    ).toEqual([
      user(text('Hi')),
      assistant(use('a'), use('b')),
      user(result('a', 'A'), result('b', 'B')),
      assistant(text('One moment.'), text('Done.')),
    ]);
  });

  test('are made up where the conversation went on without them, which is told', () => {
    const messages = [
      HI,
      { role: 'assistant', content: null, tool_calls: [call('a'), call('b')] },
      { role: 'tool', tool_call_id: 'b', content: 'B' },
      { role: 'user', content: 'Never mind.' },
    ];
    const givenUp = { ...result('a', 'The call was given up: there is no result.'), is_error: true };
    expect(turns(messages)).toEqual([
      user(text('Hi')),
      assistant(use('a'), use('b')),
      user(givenUp, result('b', 'B'), text('Never mind.')),
    ]);
    expect(notes(messages)).toContain('results for tool calls that have none');
    expect(notes(messages.slice(0, 2))).not.toContain('results for tool calls that have none');
  });

  test('keep an order of their own in a conversation with several', () => {
    const step = (id: string) => [
      { role: 'assistant', content: null, tool_calls: [call(id)] },
      { role: 'tool', tool_call_id: id, content: id },
    ];
    expect(turns([HI, ...step('a'), ...step('b')])).toEqual([
      user(text('Hi')),
      assistant(use('a')),
      user(result('a', 'a')),
      assistant(use('b')),
      user(result('b', 'b')),
    ]);
  });

  test('that count anew in each turn get ids of their own', () => {
    const step = (content: string) => [
      { role: 'assistant', content: null, tool_calls: [call('call_0')] },
      { role: 'tool', tool_call_id: 'call_0', content },
    ];
    expect(turns([HI, ...step('A'), ...step('B'), ...step('C')])).toEqual([
      user(text('Hi')),
      assistant(use('call_0')),
      user(result('call_0', 'A')),
      assistant(use('call_0_2')),
      user(result('call_0_2', 'B')),
      assistant(use('call_0_3')),
      user(result('call_0_3', 'C')),
    ]);
  });

  test('without content, twice, or failed', () => {
    const calls = { role: 'assistant', content: '', tool_calls: [call('a'), call('a')] };
    expect(turns([HI, calls, { role: 'tool', tool_call_id: 'a', content: '', is_error: true }])).toEqual([
      user(text('Hi')),
      assistant(use('a')),
      user({ ...result('a'), is_error: true }),
    ]);
  });

  test('hold images', () => {
    const content = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }];
    const asked = turns([
      HI,
      { role: 'assistant', tool_calls: [call('a')] },
      { role: 'tool', tool_call_id: 'a', content },
    ]);
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
    expect(asked).toMatchObject([{}, {}, { content: [result('a', [image])] }]);
  });

  test('have ids that Anthropic takes, and need one', () => {
    const [odd, fine] = ['call:1/ä', 'call_1__'];
    const asked = turns([
      HI,
      { role: 'assistant', tool_calls: [call(odd)] },
      { role: 'tool', tool_call_id: odd, content: '1' },
    ]);
    expect(asked).toEqual([user(text('Hi')), assistant(use(fine)), user(result(fine, '1'))]);
    expect(() => turns([HI, { role: 'tool', content: '1' }])).toThrow('messages[1].tool_call_id');
    expect(() => turns([HI, { role: 'assistant', tool_calls: [{ function: { name: 'f' } }] }])).toThrow(
      'messages[1].tool_calls[0]',
    );
  });

  test('of old functions are found without an id', () => {
    const [first, second] = ['call_function_1', 'call_function_2'];
    const made = (args: string) => ({
      role: 'assistant',
      content: null,
      function_call: { name: 'f', arguments: args },
    });
    const answer = (content: string) => ({ role: 'function', name: 'f', content });
    expect(turns([HI, made('{"a":1}'), answer('A'), made(''), answer('B')])).toEqual([
      user(text('Hi')),
      assistant(use(first, { a: 1 })),
      user(result(first, 'A')),
      assistant(use(second)),
      user(result(second, 'B')),
    ]);
  });

  test('declare their tools when the request has none any more', () => {
    const messages = [
      HI,
      { role: 'assistant', tool_calls: [call('a')] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
    ];
    const { sent, changes } = sentFor(messages);
    expect(sent['tools']).toEqual([{ name: 'f', input_schema: { type: 'object', properties: {} } }]);
    expect(sent['tool_choice']).toEqual({ type: 'none' });
    expect(changes).toMatchObject([{ field: 'tools', action: 'added' }]);
  });

  test.each([
    ['', {}],
    ['  ', {}],
    ['null', {}],
    ['{"a":[1,{"b":"}"}]}', { a: [1, { b: '}' }] }],
    ['{"a":"cut o', { a: 'cut o' }],
    ['{"a":"x","b":[1,2', { a: 'x', b: [1, 2] }],
    ['{"a":"x",', { a: 'x' }],
    ['{"a":', { a: null }],
    ['{"a":"tail\\', { a: 'tail' }],
    ['{"a":"\\u00', { a: '' }],
  ])('with the arguments %p have the input %j', (args, input) => {
    expect(turns([HI, { role: 'assistant', tool_calls: [call('a', args)] }, HI])).toMatchObject([
      {},
      { content: [{ input }] },
      {},
    ]);
  });

  test.each(['[1]', '"text"', '1', 'no json', '{"a" 1}'])('with the arguments %p are refused', (args) => {
    expect(() => turns([HI, { role: 'assistant', tool_calls: [call('a', args)] }])).toThrow(
      'messages[1].tool_calls[0].function.arguments',
    );
  });

  test('say when arguments were closed, and keep numbers digit for digit', () => {
    const messages = (args: string) => [HI, { role: 'assistant', tool_calls: [call('a', args)] }, HI];
    expect(notes(messages('{"a":"x'))).toContain('cut-off arguments of a tool call closed');
    const long = '{"id": 12345678901234567890, "x": 1.50, "t":"$& raw-input"}';
    expect(sentFor(messages(long)).body).toContain(`"input":${long}`);
    expect(sentFor(messages('{"a": 1}')).body).toContain('"input":{"a":1}');
  });
});

describe('thoughts', () => {
  const BLOCKS = [
    { type: 'thinking', thinking: 'Hm,  "ä"\n', signature: 'EqQBCkYIBxgC+/==' },
    { type: 'redacted_thinking', data: 'EmwKAhgB==' },
  ];

  test('go back first and byte for byte', () => {
    const answer = {
      role: 'assistant',
      content: 'Yes',
      reasoning_content: 'Hm',
      thinking_blocks: BLOCKS,
      tool_calls: [call('a')],
    };
    const { sent, body, changes } = sentFor([HI, answer, { role: 'tool', tool_call_id: 'a', content: '1' }], {
      tools: [{ type: 'function', function: { name: 'f' } }],
    });
    expect(sent['messages']).toMatchObject([{}, { content: [...BLOCKS, text('Yes'), use('a')] }, {}]);
    expect(body).toContain(JSON.stringify(BLOCKS).slice(1, -1));
    expect(changes).toEqual([]);
  });

  test('in the content stay in their places', () => {
    const content = [BLOCKS[0], { type: 'text', text: 'One' }, BLOCKS[1], { type: 'text', text: 'Two' }];
    expect(turns([HI, { role: 'assistant', content, thinking_blocks: BLOCKS }, HI])).toMatchObject([
      {},
      { content: [BLOCKS[0], text('One'), BLOCKS[1], text('Two')] },
      {},
    ]);
  });

  test('that Anthropic did not sign are left out, and that is told', () => {
    const foreign = [
      { reasoning_content: 'Hm' },
      { thinking_blocks: [{ type: 'thinking', thinking: 'Hm' }] },
      {
        content: [
          { type: 'thinking', thinking: 'Hm' },
          { type: 'text', text: 'Yes' },
        ],
        reasoning_content: 'Hm',
      },
    ];
    for (const more of foreign) {
      const messages = [HI, { role: 'assistant', content: 'Yes', ...more }, HI];
      expect(turns(messages)).toEqual([user(text('Hi')), assistant(text('Yes')), user(text('Hi'))]);
      expect(notes(messages)).toEqual(['reasoning_content and thinking_blocks without a signature of Anthropic’s']);
    }
  });

  test('are not asked for in the middle of another model’s tool call', () => {
    const thinking = { type: 'enabled', budget_tokens: 2000 };
    const called = { role: 'assistant', tool_calls: [call('a')] };
    const answered = [HI, called, { role: 'tool', tool_call_id: 'a', content: '1' }];
    const { sent, changes } = sentFor(answered, { thinking });
    expect(sent['thinking']).toBeUndefined();
    expect(changes).toContainEqual({
      field: 'thinking',
      action: 'dropped',
      note: 'the last tool call was made without it',
    });
    expect(
      sentFor([HI, { ...called, thinking_blocks: BLOCKS }, ...answered.slice(2)], { thinking }).sent['thinking'],
    ).toEqual(thinking);
    expect(sentFor([...answered, { role: 'assistant', content: 'Done' }, HI], { thinking }).sent['thinking']).toEqual(
      thinking,
    );
  });
});

describe('an answer with the blocks that Anthropic sent', () => {
  const blocks = [
    { type: 'thinking', thinking: 'a', signature: 's==' },
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
    { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [{ encrypted_content: 'E=' }] },
    { type: 'text', text: '' },
    { type: 'text', text: 'Found.', citations: [{ url: 'https://example.com' }] },
    use('a', { n: 1 }),
  ];
  const answer = {
    role: 'assistant',
    content: 'Found.',
    tool_calls: [call('a', '{"n":1}')],
    thinking_blocks: [blocks[0]],
    provider_specific_fields: { content_blocks: blocks },
  };
  const after = [{ role: 'tool', tool_call_id: 'a', content: '1' }];

  test('goes back as it came', () => {
    expect(turns([HI, answer, ...after])).toEqual([
      user(text('Hi')),
      assistant(...blocks.filter((block) => !('text' in block && block.text === ''))),
      user(result('a', '1')),
    ]);
  });

  test('is made anew when the client has changed it', () => {
    const edited = { ...answer, content: 'Found it.' };
    expect(turns([HI, edited, ...after])).toMatchObject([
      {},
      { content: [blocks[0], text('Found it.'), use('a', { n: 1 })] },
      {},
    ]);
    for (const content_blocks of [[], 'x', [null], undefined]) {
      const odd = { ...answer, provider_specific_fields: { content_blocks } };
      expect(turns([HI, odd, ...after])).toMatchObject([
        {},
        { content: [blocks[0], text('Found.'), use('a', { n: 1 })] },
        {},
      ]);
    }
  });
});

describe('parts', () => {
  const partOf = (part: unknown): unknown => {
    const [turn] = turns([{ role: 'user', content: [part] }]) as MessageParam[];
    return turn?.content[0];
  };
  const image = (source: object) => ({ type: 'image', source });
  const document = (source: object, more: object = {}) => ({ type: 'document', source, ...more });
  const base64 = (media_type: string, data: string) => ({ type: 'base64', media_type, data });
  const pdf = base64('application/pdf', 'JVBERi0=');

  test.each<[string, unknown, unknown]>([
    ['a text', { type: 'text', text: 'x', ...MARK }, text('x', MARK)],
    ['a text of the Responses API', { type: 'input_text', text: 'x' }, text('x')],
    ['a bare text', 'x', text('x')],
    ['a refusal', { type: 'refusal', refusal: 'No.' }, text('No.')],
    [
      'an image by address',
      { type: 'image_url', image_url: { url: 'https://a.example/x.png' } },
      image({ type: 'url', url: 'https://a.example/x.png' }),
    ],
    [
      'an image by bare address',
      { type: 'image_url', image_url: 'http://a.example/x' },
      image({ type: 'url', url: 'http://a.example/x' }),
    ],
    [
      'an image as data',
      { type: 'image_url', image_url: { url: 'data:image/jpg;base64,/9j/' }, ...MARK },
      { ...image(base64('image/jpeg', '/9j/')), ...MARK },
    ],
    [
      'an image whose data says more',
      { type: 'image_url', image_url: { url: 'data:image/PNG;charset=utf-8;base64,AA==' } },
      image(base64('image/png', 'AA==')),
    ],
    [
      'an image with a type of its own',
      { type: 'image_url', image_url: { url: 'data:;base64,AA==', format: 'image/webp' } },
      image(base64('image/webp', 'AA==')),
    ],
    [
      'a PDF as an image',
      { type: 'image_url', image_url: { url: 'data:application/pdf;base64,JVBERi0=' } },
      document(pdf),
    ],
    [
      'a text file as an image',
      { type: 'image_url', image_url: { url: 'data:text/plain,Gr%C3%BC%C3%9Fe' } },
      document({ type: 'text', media_type: 'text/plain', data: 'Grüße' }),
    ],
    [
      'a PDF',
      { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'a.pdf' } },
      document(pdf, { title: 'a.pdf' }),
    ],
    ['a PDF without a head', { type: 'file', file: { file_data: 'JVBERi0=' } }, document(pdf)],
    [
      'a text file',
      { type: 'file', file: { file_data: 'data:text/csv;base64,YSxi' } },
      document({ type: 'text', media_type: 'text/plain', data: 'a,b' }),
    ],
    ['a file by id', { type: 'file', file: { file_id: 'file_1' } }, document({ type: 'file', file_id: 'file_1' })],
    [
      'an image file by id',
      { type: 'file', file: { file_id: 'file_1', format: 'image/png' } },
      image({ type: 'file', file_id: 'file_1' }),
    ],
    [
      'a file by address',
      { type: 'file', file: { file_id: 'https://a.example/x.pdf' } },
      document({ type: 'url', url: 'https://a.example/x.pdf' }),
    ],
    [
      'an image file by address',
      { type: 'file', file: { file_data: 'https://a.example/x', format: 'image/png' } },
      image({ type: 'url', url: 'https://a.example/x' }),
    ],
    [
      'a block of Anthropic’s own',
      { type: 'document', source: { type: 'text' }, citations: { enabled: true } },
      { type: 'document', source: { type: 'text' }, citations: { enabled: true } },
    ],
  ])('%s', (_, part, block) => {
    expect(partOf(part)).toEqual(block);
  });

  test.each<[unknown, string]>([
    [{ type: 'input_audio', input_audio: { data: '' } }, "no 'input_audio'"],
    [{ type: 'video_url', video_url: {} }, "no 'video_url'"],
    [{ type: 'image_url' }, 'image_url.url'],
    [{ type: 'image_url', image_url: { url: 'ftp://x' } }, 'data URI'],
    [{ type: 'file', file: {} }, 'messages[0].content[0].file'],
    [{ text: 'x' }, '.type'],
    [null, 'must be an object'],
    [5, 'must be an object'],
  ])('%j is refused', (part, words) => {
    expect(() => partOf(part)).toThrow(words);
  });

  test('lose the detail of images, and that is told', () => {
    const part = (detail: string) => ({ type: 'image_url', image_url: { url: 'https://a.example/x', detail } });
    expect(notes([{ role: 'user', content: [part('low'), part('high')] }])).toEqual(['detail of images']);
    expect(notes([{ role: 'user', content: [part('auto')] }])).toEqual([]);
  });
});

describe('any conversation at all', () => {
  const words = fc.constantFrom('', ' ', 'x', 'Grüße 👋', '{"a":1}');
  const id = fc.constantFrom('a', 'b', 'c', 'd:e', '');
  const part = fc.oneof(
    words.map((value) => ({ type: 'text', text: value })),
    fc.constantFrom<unknown>(
      { type: 'image_url', image_url: { url: 'https://a.example/x' } },
      { type: 'document', source: {} },
      'x',
      null,
      {},
    ),
  );
  const content = fc.oneof(words, fc.constant(null), fc.array(part, { maxLength: 3 }));
  const calls = fc.array(
    fc.record({ id, function: fc.record({ name: fc.constantFrom('f', 'g.h'), arguments: words }) }),
    { maxLength: 3 },
  );
  const thought = fc.constantFrom<unknown>(
    { type: 'thinking', thinking: 'a', signature: 's' },
    { type: 'thinking', thinking: 'b' },
    5,
  );
  const message = fc.oneof(
    fc.record({ role: fc.constantFrom('system', 'developer', 'user'), content }),
    fc.record(
      {
        role: fc.constant('assistant'),
        content,
        tool_calls: calls,
        thinking_blocks: fc.array(thought, { maxLength: 2 }),
      },
      { requiredKeys: ['role'] },
    ),
    fc.record({ role: fc.constant('tool'), content, tool_call_id: id }),
    fc.record({ role: fc.constant('function'), content, name: fc.constant('f') }),
  );

  test('alternates, begins with the user, has no empty block, and answers each call at once', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
        let sent: JsonObject;
        try {
          sent = sentFor(messages).sent;
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(GatewayError);
          expect((thrown as GatewayError).kind).toBe('invalid_request');
          return;
        }
        expectOrder(sent['messages'] as MessageParam[]);
      }),
      { numRuns: 1000 },
    );
  });

  function expectOrder(sent: readonly MessageParam[]): void {
    expect(sent.map(({ role }) => role)).toEqual(sent.map((_, at) => (at % 2 === 0 ? 'user' : 'assistant')));
    for (const [at, { content: blocks }] of sent.entries()) {
      expect(Array.isArray(blocks) && blocks.length > 0).toBe(true);
      const list = blocks as unknown as JsonObject[];
      for (const { type, text: words } of list) if (type === 'text') expect(String(words).trim()).not.toBe('');
      const results = list.filter(({ type }) => type === 'tool_result').map(({ tool_use_id }) => tool_use_id);
      expect(list.slice(0, results.length).every(({ type }) => type === 'tool_result')).toBe(true);
      const before = (sent[at - 1]?.content ?? []) as unknown as JsonObject[];
      const called = before
        .filter((block) => isObject(block) && block['type'] === 'tool_use')
        .map(({ id: made }) => made);
      const own = results.filter((made) => called.includes(made));
      expect(own).toEqual(
        called.filter((made) => own.includes(made)).flatMap((made) => own.filter((one) => one === made)),
      );
    }
  }
});
