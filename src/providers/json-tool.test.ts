import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { ask, targetFor } from '../../test/support/provider-parts.ts';
import type { Target } from './adapter.ts';
import { withJsonTool } from './json-tool.ts';
import { openAiCompatible } from './openai-compatible.ts';

const plain = openAiCompatible({
  id: 'plain',
  defaultBaseUrl: 'https://plain.example/v1',
  apiKeyEnv: ['PLAIN_API_KEY'],
});
const adapter = withJsonTool(plain, (format) => format['type'] === 'json_schema');
const target = (overrides: Partial<Target> = {}) => targetFor(adapter, overrides);
const schemaFormat = (schema: object) => ({ type: 'json_schema', json_schema: { name: 'n', schema } });
const OBJECT = { type: 'object', properties: { a: { type: 'string' } } };
const LIST = { type: 'array', items: { type: 'string' } };
const FORCED = { type: 'function', function: { name: 'json_tool_call' } };

describe('a request', () => {
  test('for a format that the model has stays as it is', () => {
    const { sent, memo } = ask(target(), { body: { response_format: { type: 'json_object' } } });
    expect(sent).toMatchObject({ response_format: { type: 'json_object' } });
    expect(memo).toBeUndefined();
    expect(ask(target()).memo).toBeUndefined();
  });

  test('for another one asks for a tool beside the client’s own', () => {
    const mine = { type: 'function', function: { name: 'mine' } };
    const { sent, memo, changes } = ask(target(), {
      body: { response_format: schemaFormat(OBJECT), tools: [mine], tool_choice: 'auto' },
    });
    expect(sent).toMatchObject({
      tools: [mine, { type: 'function', function: { name: 'json_tool_call', parameters: OBJECT } }],
      tool_choice: 'required',
    });
    expect(sent).not.toHaveProperty('response_format');
    expect(memo).toEqual({ jsonMode: 'plain' });
    expect(changes).toEqual([
      { field: 'response_format', action: 'emulated', note: 'the arguments of a tool that must be called' },
    ]);
  });

  test.each([
    [undefined, FORCED, []],
    ['none', FORCED, ['mine']],
    ['auto', 'required', ['mine']],
    [{ type: 'function', function: { name: 'mine' } }, { type: 'function', function: { name: 'mine' } }, ['mine']],
  ])('with the choice %j makes it %j beside %j', (tool_choice, expected, names) => {
    const tools = names.map((name) => ({ type: 'function', function: { name } }));
    const body = {
      response_format: schemaFormat(OBJECT),
      ...(tools.length > 0 && { tools }),
      ...(tool_choice && { tool_choice }),
    };
    expect(ask(target(), { body }).sent['tool_choice']).toEqual(expected);
  });

  test('puts a schema that is no object into one', () => {
    const { sent, memo } = ask(target(), { body: { response_format: schemaFormat(LIST) } });
    expect(sent['tools']).toMatchObject([
      { function: { parameters: { type: 'object', properties: { value: LIST } } } },
    ]);
    expect(memo).toEqual({ jsonMode: 'wrapped' });
  });

  test('does the same for a format of the deployment’s own', () => {
    const { sent } = ask(target({ defaults: { response_format: schemaFormat(OBJECT), temperature: 0.5 } }));
    expect(sent).toMatchObject({ tool_choice: FORCED, temperature: 0.5 });
    expect(sent).not.toHaveProperty('response_format');
  });

  test('leaves the client’s request alone: another target may be tried with it', () => {
    const body = { response_format: schemaFormat(OBJECT), tools: [] };
    const before = JSON.stringify(body);
    ask(target(), { body });
    expect(JSON.stringify(body)).toBe(before);
  });
});

const call = (name: string, text: string, index?: number) => ({
  ...(index !== undefined && { index }),
  id: `id_${name}`,
  type: 'function',
  function: { name, arguments: text },
});

describe('a whole answer', () => {
  const read = (tool_calls: readonly object[] | undefined, jsonMode = 'plain', content: string | null = null) =>
    adapter.parseResponse(
      {
        id: '1',
        model: 'm',
        choices: [{ index: 0, message: { role: 'assistant', content, tool_calls }, finish_reason: 'tool_calls' }],
      },
      target(),
      { jsonMode },
    ).choices[0];

  test('is the arguments of the tool, and no call', () => {
    const choice = read([call('json_tool_call', '{"a":"b"}')]);
    expect(choice?.message).toEqual({ role: 'assistant', content: '{"a":"b"}' });
    expect(choice?.finish_reason).toBe('stop');
  });

  test('is taken out of its object', () => {
    expect(read([call('json_tool_call', '{"value":["a"]}')], 'wrapped')?.message.content).toBe('["a"]');
    expect(read([call('json_tool_call', '{"value":["a"')], 'wrapped')?.message.content).toBe('{"value":["a"');
    expect(read([call('json_tool_call', '["a"]')], 'wrapped')?.message.content).toBe('["a"]');
  });

  test('leaves the client’s own calls', () => {
    const choice = read([call('mine', '{}'), call('json_tool_call', '{"a":"b"}')]);
    expect(choice).toMatchObject({
      message: { content: '{"a":"b"}', tool_calls: [call('mine', '{}')] },
      finish_reason: 'tool_calls',
    });
  });

  test('stays as it is where the tool was not called, or not asked for', () => {
    expect(read(undefined, 'plain', 'No')?.message.content).toBe('No');
    expect(read([call('mine', '{}')])?.message['tool_calls']).toHaveLength(1);
    const body = {
      choices: [{ message: { role: 'assistant', content: null, tool_calls: [call('json_tool_call', '{}')] } }],
    };
    expect(adapter.parseResponse(body, target()).choices[0]?.message['tool_calls']).toHaveLength(1);
  });
});

describe('a streamed answer', () => {
  const events = (calls: readonly (readonly object[])[], finish = 'tool_calls') =>
    [
      ...calls.map((tool_calls) => ({ delta: { tool_calls }, finish_reason: null })),
      { delta: {}, finish_reason: finish },
    ].map((choice) => JSON.stringify({ id: '1', model: 'm', choices: [{ index: 0, ...choice }] }));
  const chunksOf = (some: readonly string[], jsonMode = 'plain') => {
    const decode = adapter.createStreamDecoder(target(), { jsonMode });
    return some.flatMap((event) => decode(event));
  };
  const more = (text: string, index = 0) => ({ index, function: { arguments: text } });

  test('comes in pieces as the tool’s arguments do', () => {
    const chunks = chunksOf(events([[call('json_tool_call', '', 0)], [more('{"a"')], [more(':"b"}')]]));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content)).toEqual([undefined, '{"a"', ':"b"}', undefined]);
    expect(accumulate(chunks)).toMatchObject({ content: '{"a":"b"}', calls: [], finish: 'stop' });
  });

  test('comes at once where it has to be taken out of its object', () => {
    const chunks = chunksOf(
      events([[call('json_tool_call', '', 0)], [more('{"value"')], [more(':["a"]}')]]),
      'wrapped',
    );
    expect(accumulate(chunks)).toMatchObject({ content: '["a"]', calls: [], finish: 'stop' });
  });

  test('leaves the client’s own calls', () => {
    const chunks = chunksOf(events([[call('json_tool_call', '{}', 0)], [call('mine', '{"x":1}', 1)], [more('', 1)]]));
    const { content, calls, finish } = accumulate(chunks);
    expect([content, calls.map(({ name, arguments: text }) => [name, text]), finish]).toEqual([
      '{}',
      [['mine', '{"x":1}']],
      'tool_calls',
    ]);
  });

  test('stays as it is where the tool was not called, or not asked for', () => {
    const own = events([[call('mine', '{}', 0)]]);
    expect(accumulate(chunksOf(own))).toMatchObject({ content: '', finish: 'tool_calls' });
    const decode = adapter.createStreamDecoder(target());
    expect(
      accumulate(events([[call('json_tool_call', '{}', 0)]]).flatMap((event) => decode(event))).calls,
    ).toHaveLength(1);
  });
});
