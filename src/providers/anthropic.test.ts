import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { API_KEY, ask, targetFor } from '../../test/support/provider-parts.ts';
import { fixture } from '../../test/support/recordings.ts';
import { ERROR_KINDS, type ErrorKindName, errorBody, type GatewayError } from '../errors.ts';
import { isObject, type JsonObject } from '../lib/json.ts';
import type { Target } from './adapter.ts';
import { anthropic, anthropicAdapter } from './anthropic.ts';
import { upstreamError } from './upstream-error.ts';

const target = targetFor(anthropic);
const TOKEN = 'token-canary-93jd';

describe('the door to Anthropic', () => {
  test.each([
    ['https://api.anthropic.com', 'https://api.anthropic.com/v1/messages'],
    ['https://proxy.example/anthropic', 'https://proxy.example/anthropic/v1/messages'],
    ['https://proxy.example/v1', 'https://proxy.example/v1/messages'],
    ['https://proxy.example/x/v1/messages', 'https://proxy.example/x/v1/messages'],
  ])('is, for the address %s, at %s', (baseUrl, url) => {
    expect(ask({ ...target, baseUrl }).url).toBe(url);
    expect(ask({ ...target, baseUrl }, { body: { stream: true } }).url).toBe(url);
  });

  test('opens with a key, of an account or of somebody who signed in, or with a token', () => {
    const headersOf = (over: Partial<Target>) => ask({ ...target, ...over }).headers;
    const version = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' };
    expect(headersOf({})).toEqual({ ...version, 'x-api-key': API_KEY });
    expect(headersOf({ apiKey: 'sk-ant-oat01-x' })).toEqual({
      ...version,
      authorization: 'Bearer sk-ant-oat01-x',
      'anthropic-beta': 'oauth-2025-04-20',
    });
    const settings = anthropic.parseSettings?.({ auth_token: TOKEN });
    expect(headersOf({ apiKey: undefined, settings })).toEqual({ ...version, authorization: `Bearer ${TOKEN}` });
    expect(headersOf({ settings })['authorization']).toBeUndefined();
    expect(headersOf({ apiKey: undefined })).toEqual(version);
    expect(anthropic.secretsOf?.({ ...target, settings })).toEqual([TOKEN]);
    expect(anthropic.secretsOf?.(target)).toEqual([]);
  });

  test('has the version and the headers that the operator wants', () => {
    expect(ask({ ...target, apiVersion: '2024-01-01' }).headers['anthropic-version']).toBe('2024-01-01');
    const extraHeaders = { 'Anthropic-Version': '2025-01-01', 'X-Mine': '1' };
    expect(ask({ ...target, extraHeaders }).headers).toMatchObject({
      'anthropic-version': '2025-01-01',
      'x-mine': '1',
    });
  });

  test('does not let a client change its key or version', () => {
    const extra = { 'x-api-key': 'mine', 'anthropic-version': '2020-01-01', authorization: 'Bearer mine' };
    const asked = ask(target, { body: { extra_headers: extra } });
    expect(asked.headers).toEqual(ask(target).headers);
    expect(asked.changes).toHaveLength(3);
  });

  test('shows the key nowhere else', () => {
    const { url, body, headers } = ask(target, { body: { stream: true, user: 'u' } });
    expect(url + body).not.toContain(API_KEY);
    expect(Object.values(headers).filter((value) => value.includes(API_KEY))).toHaveLength(1);
  });

  test('may be another one to the same models', () => {
    const other = anthropicAdapter({
      id: 'elsewhere',
      defaultBaseUrl: 'https://elsewhere.example',
      apiKeyEnv: [],
      baseUrlEnv: [],
      url: ({ baseUrl, upstreamModel }, isStream) => `${baseUrl}/${upstreamModel}:${isStream ? 'stream' : 'whole'}`,
      headers: () => ({ authorization: 'Bearer x' }),
      finish(edit) {
        edit.remove('model');
        edit.set('anthropic_version', 'elsewhere-1');
      },
    });
    const asked = ask(targetFor(other), { body: { stream: true } });
    expect(asked.url).toBe('https://elsewhere.example/some-model:stream');
    expect(asked.headers).toEqual({ 'content-type': 'application/json', authorization: 'Bearer x' });
    expect(Object.keys(asked.sent).sort()).toEqual(['anthropic_version', 'max_tokens', 'messages', 'stream']);
    expect(() => ask(targetFor(other), { body: { seed: 1 } })).toThrow('elsewhere does not support');
  });
});

describe('a refusal of Anthropic', () => {
  const refused = (status: number, type: string, message: string): GatewayError =>
    upstreamError({
      target,
      status,
      body: JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_011' }),
      headers: new Headers(),
    });

  test.each<[number, string, string, ErrorKindName]>([
    [400, 'invalid_request_error', 'max_tokens: Field required', 'upstream_rejected'],
    [400, 'invalid_request_error', 'prompt is too long: 205000 tokens > 200000 maximum', 'context_window_exceeded'],
    [
      400,
      'invalid_request_error',
      'input length and `max_tokens` exceed context limit: 1 + 2 > 3',
      'context_window_exceeded',
    ],
    [400, 'invalid_request_error', 'prompt: length 5 exceeds maximum', 'context_window_exceeded'],
    [400, 'invalid_request_error', 'Output blocked by content filtering policy', 'content_policy_violation'],
    [400, 'invalid_request_error', 'Your credit balance is too low', 'upstream_rejected'],
    [401, 'authentication_error', 'invalid x-api-key', 'upstream_unauthorized'],
    [402, 'billing_error', 'Pay first', 'upstream_payment_required'],
    [403, 'permission_error', 'Not yours', 'upstream_forbidden'],
    [404, 'not_found_error', 'model: claude-0', 'upstream_not_found'],
    [413, 'request_too_large', 'Request exceeds the maximum size', 'upstream_rejected'],
    [429, 'rate_limit_error', 'Number of request tokens has exceeded your rate limit', 'upstream_busy'],
    [500, 'api_error', 'Internal server error', 'upstream_failed'],
    [504, 'timeout_error', 'Too slow', 'upstream_gateway_timeout'],
    [529, 'overloaded_error', 'Overloaded', 'upstream_failed'],
    // Inside a stream, whose status was 200.
    [200, 'overloaded_error', 'Overloaded', 'upstream_failed'],
    [200, 'rate_limit_error', 'Slow down', 'upstream_busy'],
    [200, 'api_error', 'Internal server error', 'upstream_failed'],
    [200, 'invalid_request_error', 'prompt is too long: 5 > 4', 'context_window_exceeded'],
  ])('%d %s "%s" is %s', (status, type, message, kind) => {
    const error = refused(status, type, message);
    expect([error.kind, error.message]).toEqual([kind, message]);
    expect(error.details.upstreamStatus).toBe(status);
    expect(error.details.upstream).toMatchObject({ type });
  });

  test('never shows the key, whatever it says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(400, 401, 429, 500, 529),
        fc.constantFrom('x', `key ${API_KEY}`, 'prompt is too long'),
        (status, said) => {
          const error = refused(status, API_KEY, `${said} ${API_KEY}`);
          expect(ERROR_KINDS[error.kind]).toBeDefined();
          expect(JSON.stringify(errorBody(error))).not.toContain(API_KEY);
        },
      ),
    );
  });
});

describe('a conversation with thoughts and tools over three turns', () => {
  const tools = [
    { type: 'function', function: { name: 'weather.get', parameters: { type: 'object', properties: {} } } },
    { type: 'function', function: { name: 'time', parameters: { type: 'object', properties: {} } } },
  ];
  const thinking = { type: 'enabled', budget_tokens: 2000 };
  const thought = (name: string) => ({
    type: 'thinking',
    thinking: `I think of "${name}" – äöü\u2028`,
    signature: `Er${name}+/Q==`,
  });
  const redacted = { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix/LafPsn4=' };
  const use = (id: string, name: string, input: object) => ({ type: 'tool_use', id, name, input });

  /** What Anthropic says in each turn. */
  const SAID: readonly (readonly JsonObject[])[] = [
    [
      thought('one'),
      redacted,
      { type: 'text', text: 'First the weather.' },
      use('toolu_1', 'weather_get', { city: 'Köln' }),
    ],
    [thought('two'), use('toolu_2', 'time', {}), use('toolu_3', 'weather_get', { city: 'Bonn' })],
    [thought('three'), { type: 'text', text: 'Sunny.' }],
  ];
  const RESULTS: readonly (readonly JsonObject[])[] = [
    [{ role: 'tool', tool_call_id: 'toolu_1', content: 'sun' }],
    // Out of order.
    [
      { role: 'tool', tool_call_id: 'toolu_3', content: 'rain' },
      { role: 'tool', tool_call_id: 'toolu_2', content: '12:00' },
    ],
  ];

  const whole = (blocks: readonly JsonObject[], memo: unknown): JsonObject => {
    const stop_reason = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn';
    return anthropic.parseResponse({ content: blocks, stop_reason }, target, memo).choices[0]?.message ?? {};
  };

  /** Each text in pieces of two characters. */
  function eventsOf(blocks: readonly JsonObject[]): string[] {
    const FIELDS = { thinking: 'thinking_delta', signature: 'signature_delta', text: 'text_delta' } as const;
    const events = blocks.flatMap((block, index) => {
      const texts = Object.entries(FIELDS).filter(([name]) => typeof block[name] === 'string');
      const empty = Object.fromEntries(texts.map(([name]) => [name, '']));
      const deltas = texts.flatMap(([name, type]) =>
        pieces(String(block[name])).map((piece) => ({ type, [name]: piece })),
      );
      const input = isObject(block['input']) ? pieces(JSON.stringify(block['input'])) : [];
      return [
        {
          type: 'content_block_start',
          index,
          content_block: { ...block, ...empty, ...('input' in block && { input: {} }) },
        },
        ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
        ...input.map((partial_json) => ({
          type: 'content_block_delta',
          index,
          delta: { type: 'input_json_delta', partial_json },
        })),
        { type: 'content_block_stop', index },
      ];
    });
    const start = { type: 'message_start', message: { id: 'msg_1', content: [] } };
    return [start, ...events, { type: 'message_stop' }].map((event) => JSON.stringify(event));
  }

  const pieces = (text: string): string[] => text.match(/[\s\S]{1,2}/g) ?? [];

  const streamed = (blocks: readonly JsonObject[], memo: unknown): JsonObject => {
    const decode = anthropic.createStreamDecoder(target, memo);
    const chunks = eventsOf(blocks).flatMap((event) => decode(event));
    const { role, content, reasoning, calls } = accumulate(chunks);
    const extras: Record<string, unknown> = {};
    for (const { delta } of chunks.flatMap(({ choices }) => choices)) {
      if (delta['thinking_blocks'] !== undefined) extras['thinking_blocks'] = delta['thinking_blocks'];
    }
    const made = calls.map(({ id, type, ...call }) => ({ id, type, function: call }));
    return { role, content, reasoning_content: reasoning, ...(made.length > 0 && { tool_calls: made }), ...extras };
  };

  test.each([
    ['whole', whole],
    ['streamed', streamed],
  ])('gives Anthropic its blocks back byte for byte (%s)', (_, answered) => {
    const messages: JsonObject[] = [{ role: 'user', content: 'How is it?' }];
    for (const [at, said] of SAID.entries()) {
      const { sent, memo, changes } = ask(target, { body: { messages: [...messages], tools, thinking } });
      expect(changes).toEqual([]);
      expect(sent['thinking']).toEqual(thinking);
      const turns = (sent['messages'] as { role: string; content: unknown }[]).filter(
        ({ role }) => role === 'assistant',
      );
      expect(turns.map(({ content }) => JSON.stringify(content))).toEqual(
        SAID.slice(0, at).map((blocks) => JSON.stringify(blocks)),
      );
      const message = answered(said, memo);
      const calls = (Array.isArray(message['tool_calls']) ? message['tool_calls'] : []) as { function: JsonObject }[];
      for (const { function: made } of calls) expect(['weather.get', 'time']).toContain(String(made['name']));
      messages.push(JSON.parse(JSON.stringify(message)), ...(RESULTS[at] ?? []));
    }
    const { sent } = ask(target, {
      body: { messages: [...messages, { role: 'user', content: 'Thanks' }], tools, thinking },
    });
    expect((sent['messages'] as { content: unknown }[])[4]?.content).toEqual([
      { type: 'tool_result', tool_use_id: 'toolu_2', content: '12:00' },
      { type: 'tool_result', tool_use_id: 'toolu_3', content: 'rain' },
    ]);
  });

  test('of which a search is part goes back as it came, interleaved thoughts and all', () => {
    const raw = JSON.parse(fixture('anthropic/web-search.json'));
    const message = anthropic.parseResponse(raw, target).choices[0]?.message;
    const messages = [
      { role: 'user', content: 'Hi' },
      JSON.parse(JSON.stringify(message)),
      { role: 'user', content: 'And?' },
    ];
    const { body } = ask(target, { body: { messages, thinking } });
    expect(body).toContain(`{"role":"assistant","content":${JSON.stringify(raw.content)}}`);
  });
});
