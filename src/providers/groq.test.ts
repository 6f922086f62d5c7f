import { describe, expect, test } from 'bun:test';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { ask, targetOf } from '../../test/support/provider-parts.ts';

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const FORMAT = { type: 'json_schema', json_schema: { name: 'place', schema: SCHEMA } };
const TOOL = { type: 'function', function: { name: 'look_up', parameters: { type: 'object' } } };
const OURS = { type: 'function', function: { name: 'json_tool_call' } };

const groq = (flags: Record<string, boolean> | undefined, model = 'm') =>
  targetOf(`groq/${model}`, { knownModel: () => flags && { maxOutputTokens: undefined, flags } });
const able = groq({ supports_response_schema: true });
const unable = groq({});

describe('a schema at Groq', () => {
  test('goes as it is to a model that has schemas', () => {
    const { sent, changes, memo } = ask(able, { body: { response_format: FORMAT, tools: [TOOL] } });
    expect(sent).toMatchObject({ response_format: FORMAT, tools: [TOOL] });
    expect([changes, memo]).toEqual([[], undefined]);
  });

  test.each([
    ['a model that has none', unable, {}],
    ['a model that nobody knows', groq(undefined), {}],
    ['a stream, which Groq does not keep to one', able, { stream: true }],
  ])('is asked for by a tool of %s', (_, target, body) => {
    const { sent, changes } = ask(target, { body: { ...body, response_format: FORMAT } });
    expect(sent).not.toHaveProperty('response_format');
    expect(sent).toMatchObject({
      tools: [{ function: { name: 'json_tool_call', parameters: SCHEMA } }],
      tool_choice: OURS,
    });
    expect(changes).toContainEqual(expect.objectContaining({ field: 'response_format', action: 'emulated' }));
  });

  test('beside tools is refused where the model has none, or dropped where that is allowed', () => {
    const body = { response_format: FORMAT, tools: [TOOL] };
    expect(() => ask(unable, { body })).toThrow(/response_format.*cannot stand beside tools.*drop_params/);
    const dropped = ask(unable, { body, dropParams: true });
    expect(dropped.sent).toMatchObject({ tools: [TOOL] });
    expect(dropped.sent).not.toHaveProperty('response_format');
    expect(ask(unable, { body, allowedParams: ['response_format'] }).sent).toMatchObject(body);
  });

  test('json_object is what every model has', () => {
    for (const stream of [true, false]) {
      const { sent, memo } = ask(unable, { body: { response_format: { type: 'json_object' }, stream } });
      expect([sent['response_format'], memo]).toEqual([{ type: 'json_object' }, undefined]);
    }
  });

  const call = (text: string) => ({
    id: 'c1',
    type: 'function',
    function: { name: 'json_tool_call', arguments: text },
  });

  test('comes back as the content of a whole answer', () => {
    const { memo } = ask(unable, { body: { response_format: FORMAT } });
    const message = { role: 'assistant', tool_calls: [call('{"city":"Köln"}')] };
    const raw = { choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
    const [choice] = unable.adapter.parseResponse(raw, unable, memo).choices;
    expect(choice).toMatchObject({ message: { content: '{"city":"Köln"}' }, finish_reason: 'stop' });
    expect(choice?.message).not.toHaveProperty('tool_calls');
    // The client's own tool of that name stays a tool where nothing was emulated.
    expect(unable.adapter.parseResponse(raw, unable).choices[0]?.message).toHaveProperty('tool_calls');
  });

  test('comes back as the content of a stream, whatever its cuts', () => {
    const { memo } = ask(unable, { body: { response_format: FORMAT, stream: true } });
    const text = '{"city":"Köln"}';
    for (const size of [1, 4, 100]) {
      const decode = unable.adapter.createStreamDecoder(unable, memo);
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.slice(at * size, (at + 1) * size),
      );
      const deltas = [
        { role: 'assistant', tool_calls: [{ index: 0, ...call('') }] },
        ...pieces.map((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
      ];
      const events = deltas.map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }));
      const end = { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] };
      const whole = accumulate([...events, end].flatMap((event) => decode(JSON.stringify({ id: 'x', ...event }))));
      expect(whole).toMatchObject({ content: text, calls: [], finish: 'stop' });
    }
  });
});

describe('web search at Groq', () => {
  const body = { web_search_options: {} };

  test('is what compound models do anyway', () => {
    const { sent, changes } = ask(groq(undefined, 'compound-beta'), { body });
    expect(sent).not.toHaveProperty('web_search_options');
    expect(changes).toEqual([{ field: 'web_search_options', action: 'dropped', note: 'it searches anyway' }]);
  });

  test('is a tool of its own for models that can, once', () => {
    const target = groq({ supports_web_search: true });
    expect(ask(target, { body: { ...body, tools: [TOOL] } }).sent['tools']).toEqual([TOOL, { type: 'browser_search' }]);
    const tools = [{ type: 'browser_search' }];
    expect(ask(target, { body: { ...body, tools } }).sent['tools']).toEqual(tools);
  });

  test('is refused for others', () => {
    expect(() => ask(unable, { body })).toThrow("['web_search_options']");
  });
});

describe('service tiers at Groq', () => {
  test.each([
    ['default', 'on_demand'],
    ['priority', 'performance'],
    ['flex', 'flex'],
    ['auto', 'auto'],
  ])('%s is %s', (given, sent) => {
    expect(ask(able, { body: { service_tier: given } }).sent['service_tier']).toBe(sent);
  });

  test.each([
    ['on_demand', 'auto'],
    ['flex', 'flex'],
    ['default', 'default'],
  ])('an answer’s %s is %s', (given, told) => {
    expect(able.adapter.parseResponse({ choices: [], service_tier: given }, able)).toMatchObject({
      service_tier: told,
    });
  });

  test('an answer without a tier gets none', () => {
    expect(able.adapter.parseResponse({ choices: [] }, able)).not.toHaveProperty('service_tier');
  });
});

test('how Groq shows thoughts is the client’s to say', () => {
  const body = { reasoning_format: 'parsed', reasoning_effort: 'low', include_reasoning: true };
  expect(ask(able, { body })).toMatchObject({ sent: body, changes: [] });
});
