import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { API_KEY, type Asking, ask, targetOf } from '../../test/support/provider-parts.ts';
import type { Target } from './adapter.ts';
import { bedrock } from './bedrock.ts';
import { completionOf } from './bedrock-answer.ts';
import { upstreamError } from './upstream-error.ts';

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const target = (model = CLAUDE, raw: Record<string, unknown> = {}, overrides: Partial<Target> = {}): Target => {
  const settings = bedrock.parseSettings?.(raw);
  return targetOf(`bedrock/${model}`, { settings, baseUrl: bedrock.baseUrlOf?.(settings, model) ?? '', ...overrides });
};

const sent = (body: Record<string, unknown>, model = CLAUDE, asking: Asking = {}, overrides: Partial<Target> = {}) =>
  ask(target(model, {}, overrides), { body, ...asking });

const user = (content: unknown) => ({ role: 'user', content });
const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const call = (id: string, name: string, args = '{}') => ({ id, type: 'function', function: { name, arguments: args } });
const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: {
    name,
    description: `Does ${name}`,
    parameters: { type: 'object', properties: { a: { type: 'string' } } },
  },
  ...more,
});

describe('the address', () => {
  const host = (region: string, suffix = 'amazonaws.com') => `https://bedrock-runtime.${region}.${suffix}/model/`;

  test.each([
    [CLAUDE, {}, `${host('us-west-2')}us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse`],
    [
      `converse/${CLAUDE}`,
      { environment_region: 'eu-west-1' },
      `${host('eu-west-1')}${encodeURIComponent(CLAUDE)}/converse`,
    ],
    [
      'us-east-1/amazon.nova-pro-v1:0',
      { environment_region: 'eu-west-1' },
      `${host('us-east-1')}amazon.nova-pro-v1%3A0/converse`,
    ],
    ['us-east-1/6-month-commitment/anthropic.claude-v2', {}, `${host('us-east-1')}anthropic.claude-v2/converse`],
    ['us-gov-west-1/anthropic.claude-v2', {}, `${host('us-gov-west-1')}anthropic.claude-v2/converse`],
    [
      'amazon.nova-pro-v1:0',
      { aws_region_name: 'cn-north-1' },
      `${host('cn-north-1', 'amazonaws.com.cn')}amazon.nova-pro-v1%3A0/converse`,
    ],
    [
      'arn:aws:bedrock:ap-south-1:123456789012:inference-profile/eu.x',
      { environment_region: 'eu-west-1' },
      `${host('ap-south-1')}arn%3Aaws%3Abedrock%3Aap-south-1%3A123456789012%3Ainference-profile%2Feu.x/converse`,
    ],
    [
      'amazon.nova-pro-v1:0',
      { aws_bedrock_runtime_endpoint: 'https://vpce.example' },
      'https://vpce.example/model/amazon.nova-pro-v1%3A0/converse',
    ],
  ])('of %s with %j is %s', (model, raw, url) => {
    expect(ask(target(model, raw)).url).toBe(url);
    expect(ask(target(model, raw), { body: { stream: true } }).url).toBe(`${url}-stream`);
  });

  test.each([
    'agent/x',
    'agentcore/arn:aws:bedrock-agentcore:us-west-2:1:runtime/x',
    'async_invoke/twelvelabs.marengo-embed-2-7-v1:0',
    'claude_platform/claude-opus-4-6',
  ])('%s is a route that stops the start', (model) => {
    expect(() => target(model)).toThrow('is not supported');
  });
});

describe('settings', () => {
  test.each([
    [{ aws_access_key_id: 'AKIA' }, 'must be given together'],
    [{ aws_secret_access_key: 'secret-value' }, 'must be given together'],
    [{ aws_session_token: 't' }, 'aws_session_token needs'],
    [{ aws_region_name: 5 }, 'aws_region_name must be text'],
    [{ aws_web_identity_token: 'x' }, 'needs aws_role_name'],
    [{ aws_web_identity_token: 'oidc/x', aws_role_name: 'r' }, 'oidc/'],
    [{ aws_sts_endpoint: 'here', aws_role_name: 'r' }, 'aws_sts_endpoint'],
    [{ aws_bedrock_runtime_endpoint: 'here' }, 'aws_bedrock_runtime_endpoint'],
    [{ aws_session_tags: [{ key: 'x' }], aws_role_name: 'r' }, 'aws_session_tags'],
  ])('%j stop the start: %s', (raw, reason) => {
    expect(() => bedrock.parseSettings?.(raw)).toThrow(reason);
    expect(() => bedrock.parseSettings?.(raw)).not.toThrow('secret-value');
  });

  test('cannot lead a request to another host through the region', () => {
    expect(() => target(CLAUDE, { aws_region_name: 'x.evil.example/' })).toThrow('aws_region_name');
  });

  test('half a pair of keys in the environment is nobody’s fault', () => {
    expect(() => bedrock.parseSettings?.({ environment_access_key_id: 'AKIA' })).not.toThrow();
  });
});

describe('a request', () => {
  test('is Converse’s, part by part', () => {
    const {
      sent: body,
      headers,
      changes,
    } = sent({
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'developer',
          content: [{ type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
        },
        user('Hello'),
        user([
          { type: 'text', text: 'Look:', cache_control: { type: 'ephemeral' } },
          { type: 'image_url', image_url: { url: PNG } },
        ]),
      ],
      ...{
        max_completion_tokens: 64,
        temperature: 0.5,
        top_p: 0.9,
        stop: ['END', ''],
        top_k: 40,
        service_tier: 'flex',
      },
      guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1', trace: 'enabled' },
      requestMetadata: { team: 'blue' },
      anthropic_beta: ['context-1m-2025-08-07'],
    });
    expect(body).toEqual({
      system: [{ text: 'Be brief.' }, { text: 'Be kind.' }, { cachePoint: { type: 'default', ttl: '1h' } }],
      messages: [
        {
          role: 'user',
          content: [
            { text: 'Hello' },
            { text: 'Look:' },
            { cachePoint: { type: 'default' } },
            { image: { format: 'png', source: { bytes: 'iVBORw0KGgo=' } } },
          ],
        },
      ],
      inferenceConfig: { maxTokens: 64, temperature: 0.5, topP: 0.9, stopSequences: ['END'] },
      serviceTier: { type: 'flex' },
      guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1', trace: 'enabled' },
      requestMetadata: { team: 'blue' },
      additionalModelRequestFields: { anthropic_beta: ['context-1m-2025-08-07'], top_k: 40 },
    });
    expect(headers).toEqual({ 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` });
    expect(changes).toEqual([{ field: 'max_completion_tokens', action: 'renamed', note: 'max_tokens' }]);
  });

  test('takes files, documents of one name each, video and S3', () => {
    const pdf = { type: 'file', file: { filename: 'a_b.pdf', file_data: 'data:application/pdf;base64,JVBERg==' } };
    const { sent: body } = sent({
      messages: [
        user([
          ...[pdf, pdf, { type: 'file', file: { file_data: 'JVBERg==', filename: 'x.csv' } }],
          { type: 'video_url', video_url: { url: 's3://bucket/film.mp4' } },
          { type: 'image_url', image_url: 'data:image/jpg;base64,AAAA' },
        ]),
      ],
    });
    expect(body['messages']).toEqual([
      user([
        { document: { format: 'pdf', name: 'a-b', source: { bytes: 'JVBERg==' } } },
        { document: { format: 'pdf', name: 'a-b (2)', source: { bytes: 'JVBERg==' } } },
        { document: { format: 'csv', name: 'x', source: { bytes: 'JVBERg==' } } },
        { video: { format: 'mp4', source: { s3Location: { uri: 's3://bucket/film.mp4' } } } },
        { image: { format: 'jpeg', source: { bytes: 'AAAA' } } },
      ]),
    ]);
  });

  test.each([
    [[user([{ type: 'image_url', image_url: { url: 'https://x.example/a.png' } }])], 'must be a data URI'],
    [[user([{ type: 'image_url', image_url: { url: 'data:image/tiff;base64,AA' } }])], 'takes png, jpeg, gif, webp'],
    [[user([{ type: 'novelty' }])], "takes no 'novelty'"],
    [[user([5])], "must be an object with a 'type'"],
    [[{ role: 'system', content: ' ' }], 'No message holds'],
    [[user('x'), { role: 'assistant', tool_calls: [call('a', 'f', '{broken')] }], 'must be the JSON text of an object'],
    [[user('x'), { role: 'tool', content: 'y' }], 'tool_call_id'],
  ])('with %j is a 400: %s', (messages, reason) => {
    expect(() => sent({ messages })).toThrow(reason);
  });

  test('joins turns, leaves empty ones out, trims a prefill and keeps late system messages in place', () => {
    const { sent: body, changes } = sent({
      messages: [
        ...[user('a'), { role: 'assistant', content: '' }, user(' '), user('b')],
        ...[
          { role: 'system', content: 'late' },
          { role: 'assistant', content: 'x' },
          { role: 'assistant', content: 'y \n' },
        ],
      ],
    });
    expect(body['messages']).toEqual([
      user([{ text: 'a' }, { text: 'b' }, { text: 'late' }]),
      { role: 'assistant', content: [{ text: 'x' }, { text: 'y' }] },
    ]);
    expect(changes).toContainEqual({
      field: 'messages',
      action: 'emulated',
      note: 'a late system message as the user’s',
    });
  });

  test('of system messages alone is the user’s, and one that the assistant begins gets a turn of the user first', () => {
    const system = { role: 'system', content: 'Say hello.' };
    const alone = sent({ messages: [system] });
    expect(alone.sent).toEqual({ messages: [user([{ text: 'Say hello.' }])] });
    expect(alone.changes).toEqual([
      { field: 'messages', action: 'emulated', note: 'the system prompt as the user’s turn' },
    ]);
    const begun = sent({ messages: [system, { role: 'assistant', content: 'Hello' }, user('Hi')] });
    expect(begun.sent).toEqual({
      system: [{ text: 'Say hello.' }],
      messages: [
        user([{ text: 'Please continue.' }]),
        { role: 'assistant', content: [{ text: 'Hello' }] },
        user([{ text: 'Hi' }]),
      ],
    });
    expect(begun.changes).toEqual([{ field: 'messages', action: 'added', note: 'a first turn of the user' }]);
  });

  test('closes arguments that a limit cut off', () => {
    const { sent: body, changes } = sent({
      messages: [
        user('x'),
        { role: 'assistant', tool_calls: [call('a', 'f', '{"city":"Ro')] },
        { role: 'tool', tool_call_id: 'a', content: 'no' },
      ],
    });
    expect(JSON.stringify(body)).toContain('"input":{"city":"Ro"}');
    expect(changes).toContainEqual({
      field: 'messages',
      action: 'emulated',
      note: 'cut-off arguments of a tool call closed',
    });
  });

  test('takes the shorter forms of a choice, and says where there is nothing to choose from', () => {
    for (const choice of [
      { type: 'tool', name: 'f' },
      { type: 'function', name: 'f' },
    ]) {
      expect(sent({ tools: [tool('f')], tool_choice: choice }).sent).toMatchObject({
        toolConfig: { toolChoice: { tool: { name: 'f' } } },
      });
    }
    const { sent: body, changes } = sent({ tools: [], tool_choice: 'auto' });
    expect(body).not.toHaveProperty('toolConfig');
    expect(changes).toEqual([{ field: 'tool_choice', action: 'dropped', note: 'there are no tools' }]);
    expect(() => sent({ tools: [{ type: 'custom', custom: { name: 'c' } }] })).toThrow("no tool of type 'custom'");
  });

  test('answers calls that the conversation left behind', () => {
    const { sent: body, changes } = sent({
      messages: [
        user('x'),
        { role: 'assistant', tool_calls: [call('a', 'f'), call('b', 'f')] },
        { role: 'tool', tool_call_id: 'b', content: 'B' },
        user('Never mind.'),
      ],
    });
    const result = (toolUseId: string, text: string, more = {}) => ({
      toolResult: { toolUseId, content: [{ text }], ...more },
    });
    expect((body['messages'] as unknown[])[2]).toEqual(
      user([
        result('a', 'The call was given up: there is no result.', { status: 'error' }),
        result('b', 'B'),
        { text: 'Never mind.' },
      ]),
    );
    expect(changes).toContainEqual({
      field: 'messages',
      action: 'added',
      note: 'results for tool calls that have none',
    });
  });

  test('is no hotter than Converse allows', () => {
    const { sent: body, changes } = sent({ temperature: 1.8 });
    expect(body['inferenceConfig']).toEqual({ temperature: 1 });
    expect(changes).toEqual([{ field: 'temperature', action: 'clamped', note: '1 is the highest' }]);
  });

  test('searches the web by a tool of Nova’s, and nowhere else', () => {
    const { sent: body, changes } = sent({ web_search_options: {} }, 'us.amazon.nova-premier-v1:0');
    expect(body['toolConfig']).toEqual({ tools: [{ systemTool: { name: 'nova_grounding' } }] });
    expect(changes).toEqual([{ field: 'web_search_options', action: 'renamed', note: 'tools' }]);
    expect(() => sent({ web_search_options: {} })).toThrow('web_search_options');
    expect(sent({ web_search_options: {} }, CLAUDE, { dropParams: true }).sent).not.toHaveProperty('toolConfig');
  });

  test('cannot lift a cap on the output by another name', () => {
    const { sent: body, changes } = sent({
      max_tokens: 5,
      extra_body: { max_tokens_to_sample: 9999, messages: [], kept: 1 },
      additionalModelRequestFields: { max_tokens: 9999, also: 2 },
    });
    expect(body['inferenceConfig']).toEqual({ maxTokens: 5 });
    expect(body['additionalModelRequestFields']).toEqual({ kept: 1, also: 2 });
    expect(changes.map(({ field }) => field)).toEqual(
      expect.arrayContaining(['max_tokens', 'max_tokens_to_sample', 'extra_body.messages']),
    );
  });

  test('names what Bedrock does not take, and drops it when told to', () => {
    const body = { frequency_penalty: 1, logit_bias: {}, seed: 3, n: 2, user: 'u' };
    expect(() => sent(body)).toThrow(/frequency_penalty.*logit_bias.*n.*seed/s);
    const dropped = sent(body, CLAUDE, { dropParams: true });
    expect(Object.keys(dropped.sent)).toEqual(['messages']);
    expect(dropped.changes.map(({ field }) => field).sort()).toEqual([
      'frequency_penalty',
      'logit_bias',
      'n',
      'seed',
      'user',
    ]);
  });

  test('never says more than it was asked, whatever it was asked', () => {
    const known = {
      temperature: fc.constant(1),
      stop: fc.constantFrom('a', ['b'], null),
      tools: fc.constantFrom([], [tool('f')]),
      tool_choice: fc.constantFrom('auto', 'none', 'required', { type: 'function', function: { name: 'f' } }),
      response_format: fc.constantFrom({ type: 'text' }, { type: 'json_object' }),
      reasoning_effort: fc.constantFrom('none', 'low', 'max'),
      parallel_tool_calls: fc.boolean(),
      metadata: fc.constant({ secret: 'canary' }),
      stream: fc.boolean(),
    };
    const models = fc.constantFrom(CLAUDE, 'amazon.nova-pro-v1:0', 'openai.gpt-oss-120b-1:0', 'meta.llama3');
    fc.assert(
      fc.property(fc.record(known, { requiredKeys: [] }), models, (body, model) => {
        const before = JSON.stringify(body);
        const asked = sent(body, model, { dropParams: true, gatewayKeys: ['metadata'] });
        expect(asked.body).not.toContain('canary');
        expect(asked.sent).not.toHaveProperty('stream');
        expect(JSON.stringify(body)).toBe(before);
      }),
      { numRuns: 80 },
    );
  });
});

describe('tools', () => {
  const config = (body: Record<string, unknown>, model = CLAUDE) =>
    sent({ tools: [tool('f')], ...body }, model).sent['toolConfig'];

  test('are specifications with their cache points', () => {
    const { sent: body } = sent({
      tools: [tool('f', { cache_control: { type: 'ephemeral' } }), { type: 'function', function: { name: 'g' } }],
    });
    expect(body['toolConfig']).toEqual({
      tools: [
        {
          toolSpec: {
            name: 'f',
            description: 'Does f',
            inputSchema: { json: { type: 'object', properties: { a: { type: 'string' } } } },
          },
        },
        { cachePoint: { type: 'default' } },
        { toolSpec: { name: 'g', inputSchema: { json: { type: 'object', properties: {} } } } },
      ],
    });
  });

  test.each([
    ['auto', { auto: {} }],
    ['required', { any: {} }],
    [{ type: 'function', function: { name: 'f' } }, { tool: { name: 'f' } }],
  ])('chosen by %j are %j', (choice, toolChoice) => {
    expect(config({ tool_choice: choice })).toMatchObject({ toolChoice });
  });

  test('are not for none, unless that may be dropped', () => {
    expect(() => config({ tool_choice: 'none' })).toThrow('tool_choice');
    expect(
      sent({ tools: [tool('f')], tool_choice: 'none' }, CLAUDE, { dropParams: true }).sent['toolConfig'],
    ).not.toHaveProperty('toolChoice');
  });

  test('are freed from force while Claude thinks', () => {
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    const { sent: body, changes } = sent({ tools: [tool('f')], tool_choice: 'required', thinking });
    expect(body).toMatchObject({ toolConfig: { toolChoice: { auto: {} } }, inferenceConfig: { maxTokens: 5120 } });
    expect(changes).toContainEqual({
      field: 'tool_choice',
      action: 'emulated',
      note: 'auto, because the model thinks',
    });
  });

  test('one at a time are a field of Claude’s, and refused elsewhere', () => {
    const { sent: body } = sent({ tools: [tool('f')], tool_choice: 'required', parallel_tool_calls: false });
    expect(body['additionalModelRequestFields']).toEqual({
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
    });
    expect(body['toolConfig']).not.toHaveProperty('toolChoice');
    expect(() => sent({ tools: [tool('f')], parallel_tool_calls: false }, 'amazon.nova-pro-v1:0')).toThrow(
      'parallel_tool_calls',
    );
  });

  test('of Anthropic’s own travel beside Converse’s, and nowhere else', () => {
    const own = { type: 'computer_20250124', name: 'computer' };
    expect(sent({ tools: [tool('f'), own] }).sent).toMatchObject({ additionalModelRequestFields: { tools: [own] } });
    expect(() => sent({ tools: [own] }, 'amazon.nova-pro-v1:0')).toThrow('computer_20250124');
  });

  test('have names that Bedrock takes, in tools, choice and history, and get theirs back', () => {
    const names = ['get.weather', 'get_weather', 'get weather', 'x'.repeat(70)];
    const messages = [
      user('x'),
      { role: 'assistant', tool_calls: [call('call 1', 'get.weather')] },
      { role: 'tool', tool_call_id: 'call 1', content: 'sunny' },
    ];
    const choice = { type: 'function', function: { name: 'get weather' } };
    const { sent: body, memo } = sent({ tools: names.map((name) => tool(name)), tool_choice: choice, messages });
    const text = JSON.stringify(body);
    const made = [...text.matchAll(/"toolSpec":\{"name":"([^"]*)"/g)].map(([, name]) => name);
    expect(new Set(made).size).toBe(4);
    expect(made[1]).toBe('get_weather');
    for (const name of made) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect(body['toolConfig']).toMatchObject({ toolChoice: { tool: { name: made[2] } } });
    const ids = [...text.matchAll(/"toolUseId":"([^"]*)"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1] ?? '');
    expect(ids[0]).toMatch(/^[a-zA-Z0-9_.:-]{1,64}$/);
    const content = made.map((name, at) => ({ toolUse: { toolUseId: `t${at}`, name, input: {} } }));
    const answer = bedrock.parseResponse({ output: { message: { content } }, stopReason: 'tool_use' }, target(), memo);
    const calls = answer.choices[0]?.message['tool_calls'] as { function: { name: string } }[];
    expect(calls.map((one) => one.function.name)).toEqual(names);
  });

  test('of a history are named even where the request has none', () => {
    const messages = [
      user('x'),
      { role: 'assistant', tool_calls: [call('a', 'f')] },
      { role: 'tool', tool_call_id: 'a', content: '' },
    ];
    const { sent: body, changes } = sent({ messages });
    expect(body).toMatchObject({ toolConfig: { tools: [{ toolSpec: { name: 'f' } }] } });
    expect(changes[0]).toMatchObject({ field: 'tools', action: 'added' });
  });
});

describe('results of tools', () => {
  test('stand first in the user’s turn, in the order of the calls, whatever came between', () => {
    const { sent: body } = sent({
      tools: [tool('f')],
      messages: [
        user('x'),
        { role: 'assistant', content: null, tool_calls: [call('a', 'f', '{"k":1}'), call('b', 'f', '')] },
        { role: 'tool', tool_call_id: 'b', content: 'two', cache_control: { type: 'ephemeral' } },
        user('and now?'),
        {
          role: 'tool',
          tool_call_id: 'a',
          content: [
            { type: 'text', text: 'one' },
            { type: 'image_url', image_url: { url: PNG } },
          ],
        },
      ],
    });
    expect(body['messages']).toEqual([
      user([{ text: 'x' }]),
      {
        role: 'assistant',
        content: [
          { toolUse: { toolUseId: 'a', name: 'f', input: { k: 1 } } },
          { toolUse: { toolUseId: 'b', name: 'f', input: {} } },
        ],
      },
      user([
        {
          toolResult: {
            toolUseId: 'a',
            content: [{ text: 'one' }, { image: { format: 'png', source: { bytes: 'iVBORw0KGgo=' } } }],
          },
        },
        { toolResult: { toolUseId: 'b', content: [{ text: 'two' }] } },
        { cachePoint: { type: 'default' } },
        { text: 'and now?' },
      ]),
    ]);
  });
});

describe('thinking', () => {
  test('comes back byte for byte through three turns of tools, whole or from the pieces of a stream', () => {
    const thought = (at: number) => ({
      reasoningText: { text: `Thought ${at} – "ü"\n`, signature: `EqQ+/=${at}\\u2028` },
    });
    const history: Record<string, unknown>[] = [user('Go')];
    for (let turn = 0; turn < 3; turn++) {
      const content = [
        { reasoningContent: thought(turn) },
        { reasoningContent: { redactedContent: `aGlkZGVu${turn}` } },
        { toolUse: { toolUseId: `t${turn}`, name: 'f', input: { turn } } },
      ];
      const answer = completionOf({ output: { message: { role: 'assistant', content } }, stopReason: 'tool_use' });
      history.push({ ...answer.choices[0]?.message }, { role: 'tool', tool_call_id: `t${turn}`, content: 'ok' });
      const { sent: body, changes } = sent({ messages: history, tools: [tool('f')] });
      const turns = body['messages'] as { role: string; content: unknown[] }[];
      const echoed = turns.filter(({ role }) => role === 'assistant').at(-1);
      expect(JSON.stringify(echoed?.content)).toBe(JSON.stringify(content));
      expect(changes).toEqual([]);
    }
    const pieces = [
      { type: 'thinking', thinking: 'One ' },
      { type: 'thinking', thinking: 'thought' },
      { type: 'thinking', thinking: '', signature: 'S1' },
      { type: 'thinking', thinking: 'Two', signature: 'S2' },
    ];
    const { sent: body } = sent({
      messages: [user('x'), { role: 'assistant', content: 'y', thinking_blocks: pieces }, user('z')],
    });
    expect((body['messages'] as { content: unknown[] }[])[1]?.content).toEqual([
      { reasoningContent: { reasoningText: { text: 'One thought', signature: 'S1' } } },
      { reasoningContent: { reasoningText: { text: 'Two', signature: 'S2' } } },
      { text: 'y' },
    ]);
  });

  test('without a signature is dropped, and said to be', () => {
    const { sent: body, changes } = sent({
      messages: [user('x'), { role: 'assistant', content: 'y', reasoning_content: 'hm' }, user('z')],
    });
    expect(JSON.stringify(body)).not.toContain('hm');
    expect(changes).toEqual([
      { field: 'messages', action: 'dropped', note: 'reasoning_content and thinking_blocks without a signature' },
    ]);
  });

  test.each([
    [CLAUDE, 'low', { thinking: { type: 'enabled', budget_tokens: 1024 } }],
    [CLAUDE, 'max', { thinking: { type: 'enabled', budget_tokens: 16_384 } }],
    [CLAUDE, 'none', undefined],
    [
      'us.anthropic.claude-opus-4-6-v1',
      'high',
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'high' } },
    ],
    ['openai.gpt-oss-120b-1:0', 'low', { reasoning_effort: 'low' }],
    ['us.amazon.nova-2-lite-v1:0', 'medium', { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'medium' } }],
  ])('of %s with effort %s is %j', (model, effort, additional) => {
    expect(sent({ reasoning_effort: effort }, model).sent['additionalModelRequestFields']).toEqual(additional as never);
  });

  test('keeps its budget below the limit of the client, and gives way where there is no room', () => {
    const clamped = sent({ reasoning_effort: 'high', max_tokens: 2000 });
    expect(clamped.sent).toMatchObject({
      inferenceConfig: { maxTokens: 2000 },
      additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 1999 } },
    });
    expect(clamped.changes).toEqual([{ field: 'reasoning_effort', action: 'clamped', note: 'below max_tokens' }]);
    const none = sent({ reasoning_effort: 'low', max_tokens: 500 });
    expect(none.sent).not.toHaveProperty('additionalModelRequestFields');
    expect(none.changes).toEqual([
      { field: 'reasoning_effort', action: 'dropped', note: 'max_tokens leaves no room for it' },
    ]);
    const both = sent({ reasoning_effort: 'low', thinking: { type: 'enabled', budget_tokens: 5000 } });
    expect(both.changes).toEqual([{ field: 'reasoning_effort', action: 'dropped', note: 'thinking says it' }]);
    const given = { type: 'enabled', budget_tokens: 5000 };
    expect(sent({ thinking: given, max_tokens: 6000 }).sent).toMatchObject({
      additionalModelRequestFields: { thinking: given },
    });
  });

  test('takes no other temperature than 1 beside it, unless that may be dropped', () => {
    const body = { reasoning_effort: 'low', temperature: 0.5, top_k: 5 };
    expect(() => sent(body)).toThrow(/temperature.*top_k.*while the model thinks/s);
    expect(() => sent({ temperature: 0.5, top_k: 5 })).not.toThrow();
    const dropped = sent(body, CLAUDE, { dropParams: true });
    expect(dropped.sent['inferenceConfig']).toEqual({ maxTokens: 5120 });
    expect(dropped.sent['additionalModelRequestFields']).toEqual({
      thinking: { type: 'enabled', budget_tokens: 1024 },
    });
    expect(() => sent(body, 'us.amazon.nova-2-lite-v1:0')).not.toThrow();
  });

  test('with a budget gives way to a call that another model made without thoughts', () => {
    const messages = [
      user('x'),
      { role: 'assistant', tool_calls: [call('a', 'f')] },
      { role: 'tool', tool_call_id: 'a', content: 'y' },
    ];
    const { sent: body, changes } = sent({ messages, reasoning_effort: 'low' });
    expect(body).not.toHaveProperty('additionalModelRequestFields');
    expect(changes).toContainEqual({
      field: 'thinking',
      action: 'dropped',
      note: 'the last tool call was made without it',
    });
    const adaptive = sent({ messages, reasoning_effort: 'low' }, 'us.anthropic.claude-opus-4-6-v1').sent;
    expect(adaptive['additionalModelRequestFields']).toMatchObject({ thinking: { type: 'adaptive' } });
  });

  test('by effort stays within what the model is known to have', () => {
    const knownModel = () => ({ maxOutputTokens: undefined, flags: { supports_adaptive_thinking: true } });
    const { sent: body, changes } = sent({ reasoning_effort: 'xhigh' }, CLAUDE, {}, { knownModel });
    expect(body['additionalModelRequestFields']).toMatchObject({ output_config: { effort: 'high' } });
    expect(changes).toEqual([{ field: 'reasoning_effort', action: 'clamped', note: 'high is the model’s highest' }]);
  });

  test('is refused where the model cannot be told, and for a level that nobody knows', () => {
    expect(() => sent({ reasoning_effort: 'low' }, 'meta.llama3')).toThrow('reasoning_effort');
    expect(() => sent({ thinking: { type: 'enabled' } }, 'amazon.nova-pro-v1:0')).toThrow('thinking');
    expect(() => sent({ reasoning_effort: 'enormous' })).toThrow('must be one of');
  });

  test('has top_k where the family has it', () => {
    expect(sent({ top_k: 5 }, 'amazon.nova-pro-v1:0').sent['additionalModelRequestFields']).toEqual({
      inferenceConfig: { topK: 5 },
    });
  });

  test('of a model behind an ARN is that of its base model', () => {
    const arn = 'arn:aws:bedrock:us-east-1:1:application-inference-profile/x';
    const { sent: body } = sent(
      { reasoning_effort: 'low' },
      arn,
      {},
      { baseModel: 'bedrock/anthropic.claude-opus-4-20250514-v1:0' },
    );
    expect(body).toMatchObject({ additionalModelRequestFields: { thinking: { type: 'enabled' } } });
  });
});

describe('answers by schema', () => {
  const schema = {
    type: 'object',
    properties: { city: { $ref: '#/$defs/c' } },
    $defs: { c: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
  };
  const format = { type: 'json_schema', json_schema: { name: 'place', description: 'A place', strict: true, schema } };

  test('are the arguments of a tool that must be called', () => {
    const { sent: body, memo, changes } = sent({ response_format: format });
    expect(body['toolConfig']).toEqual({
      tools: [{ toolSpec: { name: 'json_tool_call', description: 'A place', inputSchema: { json: schema } } }],
      toolChoice: { tool: { name: 'json_tool_call' } },
    });
    expect(memo).toMatchObject({ answersByTool: true });
    expect(changes).toEqual([{ field: 'response_format', action: 'emulated', note: 'the arguments of a tool' }]);
    expect(sent({ response_format: format, tools: [tool('f')] }).sent['toolConfig']).toMatchObject({
      toolChoice: { any: {} },
    });
    expect(sent({ response_format: { type: 'json_object' } }).sent).toMatchObject({
      toolConfig: { toolChoice: { tool: {} } },
    });
  });

  test('are the model’s own where it is known to have them', () => {
    const knownModel = () => ({ maxOutputTokens: undefined, flags: { supports_native_structured_output: true } });
    const { sent: body, memo } = sent({ response_format: format }, CLAUDE, {}, { knownModel });
    expect(body).not.toHaveProperty('toolConfig');
    expect(body['outputConfig']).toEqual({
      textFormat: {
        type: 'json_schema',
        structure: {
          jsonSchema: {
            schema: JSON.stringify({ ...schema, additionalProperties: false }),
            name: 'place',
            description: 'A place',
          },
        },
      },
    });
    expect(memo).toMatchObject({ answersByTool: false });
  });

  test('beyond the limits of structured outputs are asked for by a tool, and lesser limits are told in words', () => {
    const knownModel = () => ({ maxOutputTokens: undefined, flags: { supports_native_structured_output: true } });
    const asked = (inner: object) =>
      sent(
        { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: inner } } },
        CLAUDE,
        {},
        { knownModel },
      );
    const node = { type: 'object', properties: { next: { $ref: '#/$defs/node' } } };
    const recursive = { type: 'object', properties: { root: { $ref: '#/$defs/node' } }, $defs: { node } };
    expect(asked(recursive).memo).toMatchObject({ answersByTool: true });
    const ranged = asked({ type: 'object', properties: { n: { type: 'integer', minimum: 1 } } }).sent;
    const text = JSON.stringify(ranged['outputConfig']);
    expect(text).toContain('minimum: 1');
    expect(text).not.toContain('\\"minimum\\"');
  });

  test('that are no objects are held in one, which the reader is told of', () => {
    const list = { type: 'array', items: { type: 'string' } };
    const { sent: body, memo } = sent({
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: list } },
    });
    expect(JSON.stringify(body)).toContain(
      '"json":{"type":"object","properties":{"value":{"type":"array","items":{"type":"string"}}},"required":["value"]}',
    );
    expect(memo).toMatchObject({ answersByTool: true, isWrapped: true });
  });

  test('of strict tools are kept to where the model can', () => {
    const knownModel = () => ({ maxOutputTokens: undefined, flags: { supports_native_structured_output: true } });
    const strict = {
      type: 'function',
      function: { name: 'f', strict: true, parameters: { type: 'object', properties: { a: { type: 'string' } } } },
    };
    const spec = (overrides: Partial<Target>) => {
      const { sent: body, changes } = sent({ tools: [strict] }, CLAUDE, {}, overrides);
      return { tools: (body['toolConfig'] as { tools: unknown[] }).tools, changes };
    };
    const json = { type: 'object', properties: { a: { type: 'string' } } };
    expect(spec({ knownModel })).toEqual({
      tools: [
        { toolSpec: { name: 'f', inputSchema: { json: { ...json, additionalProperties: false } }, strict: true } },
      ],
      changes: [],
    });
    expect(spec({})).toEqual({
      tools: [{ toolSpec: { name: 'f', inputSchema: { json } } }],
      changes: [{ field: 'tools', action: 'dropped', note: 'strict' }],
    });
  });

  test('of an unknown kind are a 400', () => {
    expect(() => sent({ response_format: { type: 'xml' } })).toThrow('response_format');
    expect(() => sent({ response_format: { type: 'text' } })).not.toThrow();
  });
});

describe('a refusal', () => {
  const refused = (status: number, type: string, message: string, inHeader = true) =>
    upstreamError({
      target: target(CLAUDE, { aws_access_key_id: 'AKIA', aws_secret_access_key: 'secret-of-aws-1' }),
      status,
      body: JSON.stringify(inHeader ? { message } : { __type: `com.amazon.coral.service#${type}`, message }),
      headers: new Headers(inHeader ? { 'x-amzn-errortype': `${type}:http://internal.amazon.com/` } : {}),
    });

  test.each([
    ['ThrottlingException', 429, 'Too many tokens, please wait.', 'upstream_busy'],
    ['ServiceQuotaExceededException', 400, 'Quota', 'upstream_busy'],
    ['ModelNotReadyException', 429, 'Not ready', 'upstream_busy'],
    ['ValidationException', 400, 'temperature is wrong', 'upstream_rejected'],
    ['ValidationException', 400, 'Input is too long for requested model.', 'context_window_exceeded'],
    ['ValidationException', 400, 'prompt is too long: 210000 tokens > 200000 maximum', 'context_window_exceeded'],
    ['AccessDeniedException', 403, 'No access to the model', 'upstream_forbidden'],
    ['UnrecognizedClientException', 403, 'The security token is invalid.', 'upstream_unauthorized'],
    ['ExpiredTokenException', 403, 'The security token is expired', 'upstream_unauthorized'],
    ['ResourceNotFoundException', 404, 'No such model', 'upstream_not_found'],
    ['ModelTimeoutException', 408, 'Timeout', 'upstream_timeout'],
    ['ModelErrorException', 424, 'Model error', 'upstream_failed'],
    ['InternalServerException', 500, 'Oops', 'upstream_unavailable'],
    ['ServiceUnavailableException', 503, 'Busy', 'upstream_unavailable'],
  ])('%s %d "%s" is %s', (type, status, message, kind) => {
    for (const inHeader of [true, false])
      expect(refused(status, type, message, inHeader)).toMatchObject({ kind, message });
  });

  test('inside a stream is known by its exception', () => {
    for (const [type, kind] of [
      ['throttlingException', 'upstream_busy'],
      ['modelStreamErrorException', 'upstream_failed'],
      ['validationException', 'upstream_rejected'],
      ['internalServerException', 'upstream_unavailable'],
    ] as const) {
      const body = JSON.stringify({ error: { type, message: 'It said so' } });
      expect(upstreamError({ target: target(), status: 200, body, headers: new Headers() })).toMatchObject({
        kind,
        message: 'It said so',
      });
    }
  });

  test('that nobody knows goes by its status, and no secret is echoed', () => {
    expect(refused(500, 'Novelty', 'x')).toMatchObject({ kind: 'upstream_unavailable' });
    expect(refused(403, 'Novelty', 'x')).toMatchObject({ kind: 'upstream_forbidden' });
    expect(refused(403, 'UnrecognizedClientException', 'secret-of-aws-1 is wrong').message).toBe('[redacted] is wrong');
  });
});
