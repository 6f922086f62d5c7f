import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { API_KEY, type Asking, ask, inputOf, targetFor, targetOf } from '../../test/support/provider-parts.ts';
import { GatewayError } from '../errors.ts';
import { openAiCompatible } from './openai-compatible.ts';

const plain = openAiCompatible({
  id: 'plain',
  defaultBaseUrl: 'https://plain.example/v1',
  apiKeyEnv: ['PLAIN_API_KEY'],
  takesDeveloperRole: true,
});
const picky = openAiCompatible({
  id: 'picky',
  defaultBaseUrl: 'https://picky.example/v1',
  apiKeyEnv: ['PICKY_API_KEY'],
  renames: { max_completion_tokens: 'max_tokens', seed: 'random_seed' },
  unsupported: ['logit_bias', 'n', 'user', 'thinking', 'top_logprobs'],
  streamUsage: 'always',
});

const refusal = (run: () => unknown): GatewayError => {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
};

describe('a plain request', () => {
  test('leaves as the client wrote it, but for the model', () => {
    const text =
      '{ "messages":[{"role":"user","content":"Hi"}],\n  "model" : "asked", "seed": 9007199254740993, "x":1.50 }';
    const input = { ...inputOf(), text, request: JSON.parse(text) };
    const { body, url, headers } = plain.buildRequest(input, targetFor(plain), []);
    expect(body).toBe(text.replace('"asked"', '"some-model"'));
    expect(url).toBe('https://plain.example/v1/chat/completions');
    expect(headers).toEqual({ 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` });
  });

  test('is written anew when a feature has changed it, or a key stands in it twice', () => {
    expect(ask(targetFor(plain), { withoutText: true, body: { top_k: 1 } }).sent).toEqual({
      model: 'some-model',
      messages: [{ role: 'user', content: 'Hi' }],
      top_k: 1,
    });
    const text = '{"model":"cheap","model":"dear","messages":[]}';
    const { body } = plain.buildRequest({ ...inputOf(), text, request: JSON.parse(text) }, targetFor(plain), []);
    expect(body).toBe('{"model":"some-model","messages":[]}');
  });

  test('leaves the gateway’s own keys behind, also where nothing else is to be changed', () => {
    const { sent } = ask(targetFor(plain), {
      body: { tags: ['a'], metadata: { b: 1 } },
      gatewayKeys: ['tags', 'metadata'],
    });
    expect(Object.keys(sent)).toEqual(['model', 'messages']);
  });

  test('is the same whether it is spliced or written anew', () => {
    const body = fc.dictionary(
      fc.constantFrom('temperature', 'stream', 'tools', 'x', 'seed'),
      fc.jsonValue({ maxDepth: 2 }),
    );
    fc.assert(
      fc.property(body, (members) => {
        for (const target of [targetFor(plain), targetFor(picky)]) {
          const spliced = ask(target, { body: members, dropParams: true });
          const anew = ask(target, { body: members, dropParams: true, withoutText: true });
          expect(spliced.sent).toEqual(anew.sent);
          expect(spliced.changes).toEqual(anew.changes);
        }
      }),
    );
  });

  test('goes to an address that names the whole path already', () => {
    const target = targetFor(plain, { baseUrl: 'https://own.example/x/chat/completions' });
    expect(ask(target).url).toBe('https://own.example/x/chat/completions');
  });

  test('carries the organization and the operator’s headers, which stand over our own', () => {
    const extraHeaders = { 'X-Tenant': 'a', Authorization: 'Basic own' };
    const { headers } = ask(targetFor(plain, { organization: 'org-1', extraHeaders }));
    expect(headers).toEqual({
      'content-type': 'application/json',
      authorization: 'Basic own',
      'openai-organization': 'org-1',
      'x-tenant': 'a',
    });
  });
});

describe('stream options', () => {
  test.each([
    [undefined, { include_usage: true }],
    [null, { include_usage: true }],
    [{ include_usage: false }, { include_usage: true }],
    [{ include_obfuscation: false }, { include_obfuscation: false, include_usage: true }],
    [
      { include_usage: true, x: 1 },
      { include_usage: true, x: 1 },
    ],
  ])('of a stream with %p become %p', (given, sent) => {
    const body = { stream: true, ...(given !== undefined && { stream_options: given }) };
    expect(ask(targetFor(plain), { body }).sent['stream_options']).toEqual(sent);
  });

  test('are not added to a request that does not stream', () => {
    for (const stream of [false, null, undefined]) {
      expect(ask(targetFor(plain), { body: { stream } }).sent).not.toHaveProperty('stream_options');
    }
  });

  test('never reach a provider that does not know them', () => {
    const { sent } = ask(targetFor(picky), { body: { stream: true, stream_options: { include_usage: true } } });
    expect(sent).not.toHaveProperty('stream_options');
  });
});

describe('defaults of the deployment', () => {
  const weather = { type: 'function', function: { name: 'weather' } };
  const clock = { type: 'function', function: { name: 'clock' } };

  test('stand in for what the client left out or set to null', () => {
    const target = targetFor(plain, { defaults: { temperature: 0.2, top_p: 0.5, seed: 1 } });
    const { sent, changes } = ask(target, { body: { top_p: 0.9, seed: null } });
    expect(sent).toMatchObject({ temperature: 0.2, top_p: 0.9, seed: 1 });
    expect(changes).toEqual([]);
  });

  test('add tools to the client’s', () => {
    const target = targetFor(plain, { defaults: { tools: [clock] } });
    expect(ask(target, { body: { tools: [weather] } }).sent['tools']).toEqual([weather, clock]);
    expect(ask(target).sent['tools']).toEqual([clock]);
  });

  test('never change model, messages or stream', () => {
    const defaults = { model: 'other', messages: [], stream: true, extra_headers: { a: 'b' } };
    const { sent } = ask(targetFor(plain, { defaults }));
    expect(sent).toEqual({ model: 'some-model', messages: [{ role: 'user', content: 'Hi' }] });
  });

  test('that the provider does not take are the operator’s word, unless drop_params is on', () => {
    const defaults = { logit_bias: { '1': 1 } };
    expect(ask(targetFor(picky, { defaults })).sent).toHaveProperty('logit_bias');
    expect(ask(targetFor(picky, { defaults, dropParams: true })).sent).not.toHaveProperty('logit_bias');
  });
});

describe('a parameter that the provider does not take', () => {
  const body = { logit_bias: { '1': 1 }, n: 2 };

  test('is refused by name, with the way out', () => {
    const error = refusal(() => ask(targetFor(picky), { body }));
    expect([error.kind, error.status, error.details.param]).toEqual(['invalid_request', 400, 'logit_bias']);
    expect(error.message).toContain("picky does not support parameters: ['logit_bias', 'n'], for model=some-model");
    expect(error.message).toContain('drop_params');
    expect(error.message).toContain('allowed_openai_params');
  });

  test.each<[string, Asking, object]>([
    ['the request', { dropParams: true }, {}],
    ['the deployment', {}, { dropParams: true }],
  ])('is dropped with a trace when %s says drop_params', (_, asking, overrides) => {
    const { sent, changes } = ask(targetFor(picky, overrides), { body, ...asking });
    expect(Object.keys(sent)).toEqual(['model', 'messages']);
    expect(changes).toEqual([
      { field: 'logit_bias', action: 'dropped', note: 'not supported by picky' },
      { field: 'n', action: 'dropped', note: 'not supported by picky' },
    ]);
  });

  test('is refused when the request says no to the deployment’s drop_params', () => {
    expect(() => ask(targetFor(picky, { dropParams: true }), { body, dropParams: false })).toThrow('logit_bias');
  });

  test('passes when it is allowed by the request or by the deployment', () => {
    const target = targetFor(picky, { allowedParams: ['n'] });
    expect(ask(target, { body, allowedParams: ['logit_bias'] }).sent).toMatchObject(body);
  });

  test('does not count when it asks for what everybody gives: one answer', () => {
    expect(ask(targetFor(picky), { body: { n: 1 } }).sent).toMatchObject({ n: 1 });
  });

  test('does not count when it is null', () => {
    const { sent } = ask(targetFor(picky), { body: { logit_bias: null } });
    expect(sent).not.toHaveProperty('logit_bias');
  });

  test('is dropped without being asked when it changes no answer', () => {
    const { sent, changes } = ask(targetFor(picky), { body: { user: 'u-1' } });
    expect(sent).not.toHaveProperty('user');
    expect(changes).toEqual([{ field: 'user', action: 'dropped', note: 'not supported by picky' }]);
  });
});

describe('a parameter of another name', () => {
  test('is renamed, with a trace', () => {
    const { sent, changes } = ask(targetFor(picky), { body: { max_completion_tokens: 5, seed: 7 } });
    expect(sent).toMatchObject({ max_tokens: 5, random_seed: 7 });
    expect(sent).not.toHaveProperty('seed');
    expect(changes).toEqual([
      { field: 'max_completion_tokens', action: 'renamed', note: 'max_tokens' },
      { field: 'seed', action: 'renamed', note: 'random_seed' },
    ]);
  });

  test('gives way when both names were sent', () => {
    const { sent, changes } = ask(targetFor(picky), { body: { max_completion_tokens: 5, max_tokens: 9 } });
    expect(sent).toMatchObject({ max_tokens: 9 });
    expect(changes).toEqual([{ field: 'max_completion_tokens', action: 'dropped', note: 'max_tokens says it' }]);
  });
});

describe('additional_drop_params', () => {
  const tools = [
    { type: 'function', function: { name: 'a', strict: true } },
    { type: 'function', function: { name: 'b' }, cache_control: { type: 'ephemeral' } },
  ];

  test.each([
    ['temperature', { temperature: 1, top_p: 1 }, { top_p: 1 }],
    [
      'response_format.json_schema',
      { response_format: { type: 'x', json_schema: {} } },
      { response_format: { type: 'x' } },
    ],
    ['tools[*].function.strict', { tools: [tools[0]] }, { tools: [{ type: 'function', function: { name: 'a' } }] }],
    ['tools[1].cache_control', { tools }, { tools: [tools[0], { type: 'function', function: { name: 'b' } }] }],
    ['tools[0]', { tools }, { tools: [tools[1]] }],
    ['tools[*]', { tools }, { tools: [] }],
  ])('drops %s', (path, body, left) => {
    const { sent, changes } = ask(targetFor(plain), { body, additionalDropParams: [path] });
    const { model: _, messages: __, ...rest } = sent;
    expect(rest).toEqual(left);
    expect(changes).toEqual([{ field: path, action: 'dropped', note: 'additional_drop_params' }]);
  });

  test.each([
    'not_there',
    'temperature.deep',
    'tools[9].x',
    'tools.name',
    'model',
    'messages',
    'stream',
    '[0]',
    '',
    '..',
  ])('leaves the request alone where %j leads nowhere or to what it cannot do without', (path) => {
    const body = { temperature: 1, tools, stream: false };
    const { sent, changes } = ask(targetFor(plain), { body, additionalDropParams: [path] });
    expect(sent).toEqual({ model: 'some-model', messages: [{ role: 'user', content: 'Hi' }], ...body });
    expect(changes).toEqual([]);
  });

  test('of request and deployment add up, and rescue what would be refused', () => {
    const target = targetFor(picky, { additionalDropParams: ['logit_bias'] });
    const { sent } = ask(target, { body: { logit_bias: {}, thinking: {} }, additionalDropParams: ['thinking'] });
    expect(Object.keys(sent)).toEqual(['model', 'messages']);
  });

  test('do not touch the client’s own object', () => {
    const body = { tools };
    ask(targetFor(plain), { body, additionalDropParams: ['tools[*].function.strict'] });
    expect(tools[0]).toHaveProperty('function.strict');
  });
});

describe('extra_body', () => {
  test('is merged into the body and stands over it, past all rules', () => {
    const body = {
      temperature: 1,
      logit_bias: null,
      extra_body: { temperature: 2, logit_bias: { '1': 1 }, guided: 'x' },
    };
    const { sent } = ask(targetFor(picky), { body });
    expect(sent).toMatchObject({ temperature: 2, logit_bias: { '1': 1 }, guided: 'x' });
    expect(sent).not.toHaveProperty('extra_body');
  });

  test('cannot change what access and price depend on', () => {
    const extra = { model: 'dear', messages: [], stream: true, stream_options: { include_usage: false } };
    const { sent, changes } = ask(targetFor(plain), { body: { stream: true, extra_body: extra } });
    expect(sent).toMatchObject({ model: 'some-model', stream: true, stream_options: { include_usage: true } });
    expect(sent['messages']).toHaveLength(1);
    expect(changes.map(({ field }) => field)).toEqual(['extra_body.model', 'extra_body.messages', 'extra_body.stream']);
  });

  test.each([1, 'text', [1], true])('that is %j is refused', (extra) => {
    expect(refusal(() => ask(targetFor(plain), { body: { extra_body: extra } })).details.param).toBe('extra_body');
  });

  test('that is null is nothing', () => {
    expect(ask(targetFor(plain), { body: { extra_body: null } }).sent).not.toHaveProperty('extra_body');
  });
});

describe('extra_headers', () => {
  test('become headers, and leave the body', () => {
    const { sent, headers } = ask(targetFor(plain), { body: { extra_headers: { 'X-Trace': 'abc', 'x-n': 7 } } });
    expect(headers).toMatchObject({ 'x-trace': 'abc', 'x-n': '7', authorization: `Bearer ${API_KEY}` });
    expect(sent).not.toHaveProperty('extra_headers');
  });

  test.each([
    'Authorization',
    'api-key',
    'X-API-Key',
    'Host',
    'Cookie',
    'Content-Length',
    'Transfer-Encoding',
    'connection',
    'OpenAI-Organization',
    'content-type',
    'x-tenant',
  ])('cannot set %s', (name) => {
    const target = targetFor(plain, { extraHeaders: { 'X-Tenant': 'operator' } });
    const { headers, changes } = ask(target, { body: { extra_headers: { [name]: 'stolen' } } });
    expect(Object.values(headers)).not.toContain('stolen');
    expect(changes).toEqual([
      { field: `extra_headers.${name.toLowerCase()}`, action: 'dropped', note: 'set by the gateway' },
    ]);
  });

  test.each([
    { 'x-a': 'b\r\nauthorization: Bearer stolen' },
    { 'x-a': 'b\nc' },
    { 'x-a': 'ü' },
    { 'x-a': '\u0000' },
    { 'x-a': null },
    { 'x-a': { b: 1 } },
    { 'x a': 'b' },
    { 'x:a': 'b' },
    { '': 'b' },
    { 'x-a\r\nhost': 'b' },
    ['x-a'],
    'x-a: b',
  ])('%j are refused without being repeated', (extra) => {
    const error = refusal(() => ask(targetFor(plain), { body: { extra_headers: extra } }));
    expect([error.status, error.details.param]).toEqual([400, 'extra_headers']);
    expect(error.message).not.toContain('stolen');
  });

  test('of one request do not stay for the next', () => {
    const target = targetFor(plain);
    ask(target, { body: { extra_headers: { 'x-once': '1' } } });
    expect(ask(target).headers).not.toHaveProperty('x-once');
  });
});

describe('messages', () => {
  const sentMessages = (model: string, messages: readonly object[], body: object = {}) =>
    ask(targetOf(model), { body: { ...body, messages } }).sent['messages'];

  test('of role developer are the system’s to all but OpenAI and Azure', () => {
    const developer = [{ role: 'developer', content: 'Be brief' }];
    expect(sentMessages('groq/x', developer)).toEqual([{ role: 'system', content: 'Be brief' }]);
    expect(sentMessages('openai/gpt-4o', developer)).toEqual(developer);
    expect(sentMessages('azure/x', developer)).toEqual(developer);
  });

  test('with a bare image address get the object that OpenAI documents', () => {
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: 'https://example.com/a.png' },
    ];
    expect(sentMessages('openai/gpt-4o', [{ role: 'user', content }])).toEqual([
      { role: 'user', content: [content[0], { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    ]);
  });

  test('of parts are one text to DeepSeek, as long as they are text', () => {
    const parts = (...texts: string[]) => texts.map((text) => ({ type: 'text', text }));
    const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
    expect(sentMessages('deepseek/x', [{ role: 'user', content: parts('a', 'b') }])).toEqual([
      { role: 'user', content: 'a\nb' },
    ]);
    const withImage = [{ role: 'user', content: [...parts('a'), image] }];
    expect(sentMessages('deepseek/x', withImage)).toEqual(withImage);
  });

  test('that clients echo from our answers are cleaned for Groq', () => {
    const echoed = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'a' }],
      function_call: null,
      refusal: null,
      annotations: [],
      provider_specific_fields: {},
      reasoning_content: 'hm',
    };
    expect(sentMessages('groq/x', [echoed])).toEqual([
      { role: 'assistant', tool_calls: [{ id: 'a' }], reasoning: 'hm' },
    ]);
  });

  test('for Mistral lose names, our own fields and empty answers', () => {
    const messages = [
      { role: 'user', name: 'Ann', content: 'Hi' },
      { role: 'assistant', content: '' },
      { role: 'assistant', content: 'Yes', reasoning_content: 'hm' },
      { role: 'assistant', content: '', tool_calls: [{ id: 'abcdefgh1' }] },
      { role: 'tool', name: 'f', tool_call_id: 'abcdefgh1', content: '1' },
    ];
    expect(sentMessages('mistral/x', messages)).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes' },
      messages[3],
      messages[4],
    ]);
  });

  test('with a cache mark carry it on their last part to OpenRouter', () => {
    const mark = { type: 'ephemeral' };
    expect(sentMessages('openrouter/x', [{ role: 'user', content: 'Hi', cache_control: mark }])).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: mark }] },
    ]);
  });

  test('leave one trace for each difference, however many there are', () => {
    const many = [1, 2, 3].map(() => ({ role: 'developer', content: 'x' }));
    expect(ask(targetOf('groq/x'), { body: { messages: many } }).changes).toHaveLength(1);
  });
});

describe('tools and their choice', () => {
  test.each(['auto', 'none', 'required'])('an object that says only %s is that word', (type) => {
    expect(ask(targetFor(plain), { body: { tool_choice: { type } } }).sent['tool_choice']).toBe(type);
  });

  test('other objects pass: OpenAI adds kinds', () => {
    for (const choice of [
      { type: 'function', function: { name: 'f' } },
      { type: 'allowed_tools', allowed_tools: {} },
    ]) {
      expect(ask(targetFor(plain), { body: { tool_choice: choice } }).sent['tool_choice']).toEqual(choice);
    }
  });

  test.each(['mistral', 'codestral', 'fireworks_ai'])('required is any to %s', (id) => {
    expect(ask(targetOf(`${id}/x`), { body: { tool_choice: 'required' } }).sent['tool_choice']).toBe('any');
    expect(ask(targetOf(`${id}/x`), { body: { tool_choice: { type: 'required' } } }).sent['tool_choice']).toBe('any');
  });

  const schema = {
    $schema: 'https://json-schema.org/draft',
    type: 'object',
    additionalProperties: false,
    properties: { strict: { type: 'object', additionalProperties: false }, $id: { enum: ['$id'] } },
  };
  const tools = [{ type: 'function', function: { name: 'f', strict: true, parameters: schema } }];

  test('strict is left out for xAI, the schema is not touched', () => {
    const { sent } = ask(targetOf('xai/grok-3'), { body: { tools } });
    expect(sent['tools']).toEqual([{ type: 'function', function: { name: 'f', parameters: schema } }]);
  });

  test('schemas are cleaned for Mistral, but not of properties that the user calls so', () => {
    const { sent } = ask(targetOf('mistral/x'), { body: { tools } });
    expect(sent['tools']).toEqual([
      {
        type: 'function',
        function: {
          name: 'f',
          parameters: { type: 'object', properties: { strict: { type: 'object' }, $id: { enum: ['$id'] } } },
        },
      },
    ]);
  });
});

describe('small differences', () => {
  test.each([
    ['deepseek/x', { reasoning_effort: 'high' }, { thinking: { type: 'enabled' } }],
    ['deepseek/x', { reasoning_effort: 'none' }, { thinking: { type: 'disabled' } }],
    ['deepseek/x', { thinking: { type: 'enabled', budget_tokens: 9 } }, { thinking: { type: 'enabled' } }],
    ['hosted_vllm/x', { thinking: { type: 'enabled', budget_tokens: 8000 } }, { reasoning_effort: 'high' }],
    ['hosted_vllm/x', { thinking: { type: 'enabled', budget_tokens: 2048 } }, { reasoning_effort: 'medium' }],
    ['hosted_vllm/x', { thinking: { type: 'enabled', budget_tokens: 1024 } }, { reasoning_effort: 'low' }],
    ['hosted_vllm/x', { thinking: { type: 'disabled' } }, { reasoning_effort: 'none' }],
    ['openrouter/x', {}, { usage: { include: true } }],
    ['openrouter/x', { usage: { x: 1 } }, { usage: { x: 1, include: true } }],
    ['mistral/x', { seed: 3, max_completion_tokens: 4 }, { random_seed: 3, max_tokens: 4 }],
    ['xai/grok-3', { max_completion_tokens: 4 }, { max_tokens: 4 }],
  ])('%s gets for %j %j', (model, body, sent) => {
    const { model: _, messages: __, ...rest } = ask(targetOf(model), { body }).sent;
    expect(rest).toEqual(sent);
  });

  test.each([
    ['fireworks_ai/llama-v3', 'accounts/fireworks/models/llama-v3'],
    ['fireworks_ai/accounts/me/models/own', 'accounts/me/models/own'],
    ['fireworks_ai/own#deployment', 'own#deployment'],
  ])('%s is called %s', (model, name) => {
    expect(ask(targetOf(model)).sent['model']).toBe(name);
  });

  test('OpenRouter is told the site and the application', () => {
    const { adapter } = targetOf('openrouter/x');
    const settings = adapter.parseSettings?.({ site_url: 'https://a.example', app_name: 'A' });
    expect(ask(targetFor(adapter, { settings })).headers).toMatchObject({
      'http-referer': 'https://a.example',
      'x-title': 'A',
      authorization: `Bearer ${API_KEY}`,
    });
    expect(ask(targetOf('openrouter/x')).headers).not.toHaveProperty('x-title');
  });

  test.each([
    ['grok-3-mini', true],
    ['grok-4', true],
    ['grok-4-fast-reasoning', true],
    ['grok-4-fast-non-reasoning', false],
    ['grok-3', false],
    ['grok-2-vision', false],
  ])('xAI’s %s refuses stop words: %p', (model, refuses) => {
    const asking = () => ask(targetOf(`xai/${model}`), { body: { stop: ['x'] } });
    if (refuses) expect(asking).toThrow("['stop']");
    else expect(asking().sent).toHaveProperty('stop');
  });
});
