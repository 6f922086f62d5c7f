import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { GatewayError } from '../errors.ts';
import { validateChat } from './validate-chat.ts';

const MESSAGES = [{ role: 'user', content: 'Hello' }];

function refusal(body: Record<string, unknown>): GatewayError {
  try {
    validateChat(body);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

const accept = (fields: Record<string, unknown>): void => validateChat({ model: 'm', messages: MESSAGES, ...fields });
const refused = (fields: Record<string, unknown>): GatewayError =>
  refusal({ model: 'm', messages: MESSAGES, ...fields });

describe('parameters', () => {
  test.each([
    ['temperature', 'hot', "'temperature' must be a number, but is a string."],
    ['temperature', 2.1, "'temperature' must be between 0 and 2, but is 2.1."],
    ['temperature', -0.1, "'temperature' must be between 0 and 2, but is -0.1."],
    ['top_p', 1.5, "'top_p' must be between 0 and 1, but is 1.5."],
    ['presence_penalty', [], "'presence_penalty' must be a number, but is a list."],
    ['max_tokens', 1.5, "'max_tokens' must be a whole number of at least -1, but is 1.5."],
    ['max_completion_tokens', -1, "'max_completion_tokens' must be a whole number of at least 0, but is -1."],
    ['max_tokens', '100', "'max_tokens' must be a whole number, but is a string."],
    ['n', 0, "'n' must be a whole number of at least 1, but is 0."],
    ['seed', true, "'seed' must be a whole number, but is a boolean."],
    ['top_logprobs', {}, "'top_logprobs' must be a whole number, but is an object."],
    ['logprobs', 1, "'logprobs' must be true or false, but is a number."],
    ['stream', 'true', "'stream' must be true or false, but is a string."],
    ['parallel_tool_calls', [], "'parallel_tool_calls' must be true or false, but is a list."],
    ['stream_options', true, "'stream_options' must be an object, but is a boolean."],
    ['logit_bias', [], "'logit_bias' must be an object, but is a list."],
    ['stop', 5, "'stop' must be a string or a list of strings."],
    ['stop', ['a', 1], "'stop' must be a string or a list of strings."],
    ['tools', {}, "'tools' must be a list, but is an object."],
    ['tools', [{}, 'f'], "'tools' must be a list of objects, but item 1 is a string."],
    ['functions', [null], "'functions' must be a list of objects, but item 0 is an object."],
    ['tool_choice', 3, "'tool_choice' must be a string or an object, but is a number."],
    ['response_format', 'json', "'response_format' must be an object, but is a string."],
    ['user', 7, "'user' must be a string, but is a number."],
    ['metadata', 7, "'metadata' must be a string or an object, but is a number."],
    ['tags', 'a,b', "'tags' must be a list of strings."],
    ['timeout', 0, "'timeout' must be a number of seconds above 0."],
    ['timeout', 'soon', "'timeout' must be a number of seconds above 0."],
    ['timeout', '', "'timeout' must be a number of seconds above 0."],
    ['stream_timeout', true, "'stream_timeout' must be a number of seconds above 0."],
    ['num_retries', -1, "'num_retries' must be a whole number of at least 0, but is -1."],
    ['drop_params', 'yes', "'drop_params' must be true or false, but is a string."],
    ['additional_drop_params', ['a', 2], "'additional_drop_params' must be a list of strings."],
    ['extra_headers', 'a: b', "'extra_headers' must be an object, but is a string."],
    ['extra_body', { top_k: 1, max_tokens: 9 }, "'extra_body' must not hold 'max_tokens': write it beside 'model'."],
    [
      'extra_body',
      { max_completion_tokens: 9 },
      "'extra_body' must not hold 'max_completion_tokens': write it beside 'model'.",
    ],
    ['extra_body', { n: 9 }, "'extra_body' must not hold 'n': write it beside 'model'."],
    ['api_key', {}, "'api_key' must be a string, but is an object."],
  ])('%s = %j is refused, and the message says what is accepted', (param, value, message) => {
    const error = refused({ [param]: value });
    expect([error.status, error.details.param, error.message]).toEqual([400, param, message]);
  });

  test.each([
    { temperature: 0, top_p: 1, n: 1, max_tokens: 0, seed: -5, presence_penalty: -2, frequency_penalty: 2.5 },
    { stop: 'a' },
    { max_tokens: -1 },
    { reasoning_effort: 4096 },
    { reasoning_effort: false },
    { stop: ['a', 'b'] },
    { stop: [] },
    { tools: [], tool_choice: 'auto', parallel_tool_calls: false },
    { tools: [{ type: 'web_search' }], tool_choice: { type: 'function', function: { name: 'f' } } },
    { response_format: { type: 'json_schema' }, reasoning_effort: 'high', user: '' },
    { metadata: '{"a":1}', timeout: '30', stream_timeout: 0.5, num_retries: 0, tags: [] },
    { stream: true, stream_options: { include_usage: true } },
    { reasoning_effort: { effort: 'low' }, logit_bias: { 50256: -100 } },
    { extra_body: { top_k: 4 } },
    { a_parameter_of_tomorrow: [{ any: 'thing' }], max_thinking: 'yes' },
  ])('that an upstream could accept are accepted: %j', (fields) => {
    expect(() => accept(fields)).not.toThrow();
  });

  test('set to null count as not set', () => {
    const names = ['temperature', 'stop', 'tools', 'stream', 'metadata', 'timeout', 'user', 'response_format', 'n'];
    expect(() => accept(Object.fromEntries(names.map((name) => [name, null])))).not.toThrow();
  });

  test('never make a message that quotes text of the request', () => {
    const known = ['temperature', 'stream', 'stop', 'tools', 'user', 'metadata', 'tags', 'timeout', 'n', 'logit_bias'];
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.jsonValue(), (param, value) => {
        const secret = { [param]: [value, 'secret-of-the-prompt', { 'secret-of-the-prompt': 1 }] };
        try {
          accept(secret);
        } catch (error) {
          expect(String(error)).not.toContain('secret-of-the-prompt');
        }
      }),
    );
  });
});

describe('messages', () => {
  test.each([undefined, null])('are required (%p)', (messages) => {
    const error = refusal({ model: 'm', messages });
    expect([error.details.param, error.message]).toEqual([
      'messages',
      "/chat/completions: Missing required parameter: 'messages'.",
    ]);
  });

  test.each([
    ['Hello', "'messages' must be a list, but is a string."],
    [{ role: 'user' }, "'messages' must be a list, but is an object."],
    [[], "'messages' must hold at least one message."],
  ])('must be a list with something in it: %j', (messages, message) => {
    expect(refusal({ messages })).toMatchObject({ message, details: { param: 'messages' } });
  });

  test.each([
    ['Hello', 'messages[1]', "'messages[1]' must be an object with 'role' and 'content'."],
    [null, 'messages[1]', "'messages[1]' must be an object with 'role' and 'content'."],
    [
      { content: 'x' },
      'messages[1].role',
      "'messages[1].role' is missing; accepted are system, developer, user, assistant, tool, function.",
    ],
    [
      { role: 'bot' },
      'messages[1].role',
      "'messages[1].role' is no role; accepted are system, developer, user, assistant, tool, function.",
    ],
    [
      { role: 5 },
      'messages[1].role',
      "'messages[1].role' is a number; accepted are system, developer, user, assistant, tool, function.",
    ],
    [
      { role: 'user', content: 5 },
      'messages[1].content',
      "'messages[1].content' must be a string or a list of parts, but is a number.",
    ],
    [
      { role: 'user', content: {} },
      'messages[1].content',
      "'messages[1].content' must be a string or a list of parts, but is an object.",
    ],
  ])('that no upstream could read name their place: %j', (message, param, text) => {
    expect(refusal({ messages: [...MESSAGES, message] })).toMatchObject({ message: text, details: { param } });
  });

  test('with a whole prompt for a role show no more than its beginning', () => {
    expect(refusal({ messages: [{ role: 'x'.repeat(500) }] }).message.length).toBeLessThan(150);
  });

  test.each([
    { role: 'system', content: 'a' },
    { role: 'developer', content: 'a' },
    { role: 'user', content: [{ type: 'image_url', image_url: {} }] },
    { role: 'assistant', content: null, tool_calls: [] },
    { role: 'assistant' },
    { role: 'tool', tool_call_id: 'x', content: '' },
    { role: 'function', name: 'f', content: '1' },
    { role: '', content: 'LiteLLM reads this as the assistant' },
    { role: 'user', content: 'a', cache_control: { type: 'ephemeral' } },
  ])('that some upstream could read are accepted: %j', (message) => {
    expect(() => validateChat({ messages: [message] })).not.toThrow();
  });
});
