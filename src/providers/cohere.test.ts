import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { API_KEY, type Asking, ask, targetFor } from '../../test/support/provider-parts.ts';
import { fixturesOf, realRecordings } from '../../test/support/recordings.ts';
import { bytesFrom, cutAt, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { TranslateStream } from '../gateway/translate-stream.ts';
import type { ChatMessage } from '../wire/openai.ts';
import { cohere } from './cohere.ts';
import { upstreamError } from './upstream-error.ts';

const ALL = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';
const target = targetFor(cohere, { upstreamModel: 'command-a-reasoning-08-2025' });
const older = targetFor(cohere, { upstreamModel: 'command-r-08-2024' });
const TOOL = { type: 'function', function: { name: 'f', description: 'F', parameters: { type: 'object' } } };
const OTHER = { type: 'function', function: { name: 'g' } };
const EMPTY = { type: 'object', properties: {} };

const sentFor = (body: Asking['body'] = {}, at = target) => ask(at, { body: body ?? {} });
const conversation = (messages: readonly object[], at = target) => sentFor({ messages }, at);
const changed = ({ changes }: { changes: readonly { field: string; action: string }[] }) =>
  changes.map(({ field, action }) => `${field} ${action}`);

describe('a request to Cohere', () => {
  test('is what its reference shows', () => {
    const asked = sentFor({
      stream: true,
      max_completion_tokens: 64,
      temperature: 0.3,
      top_p: 0.9,
      top_k: 40,
      stop: 'END',
      seed: 7,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      documents: [{ id: 'd1', data: { text: 'x' } }],
      safety_mode: 'OFF',
      tools: [TOOL, OTHER],
      tool_choice: 'required',
      reasoning_effort: 'low',
    });
    expect(asked.url).toBe('https://api.cohere.com/v2/chat');
    expect(asked.headers).toEqual({ 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` });
    expect(asked.sent).toEqual({
      model: 'command-a-reasoning-08-2025',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      temperature: 0.3,
      seed: 7,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      documents: [{ id: 'd1', data: { text: 'x' } }],
      safety_mode: 'OFF',
      max_tokens: 64,
      p: 0.9,
      k: 40,
      stop_sequences: ['END'],
      tools: [TOOL, { type: 'function', function: { name: 'g', parameters: EMPTY } }],
      tool_choice: 'REQUIRED',
      thinking: { type: 'enabled', token_budget: 1024 },
    });
  });

  test('of nothing but a message says nothing else and reports nothing', () => {
    const asked = ask(target);
    expect(asked.sent).toEqual({ model: target.upstreamModel, messages: [{ role: 'user', content: 'Hi' }] });
    expect(asked.changes).toEqual([]);
  });

  test.each([
    ['https://api.cohere.com', 'https://api.cohere.com/v2/chat'],
    ['https://api.cohere.com/v2', 'https://api.cohere.com/v2/chat'],
    ['https://api.cohere.com/v2/chat', 'https://api.cohere.com/v2/chat'],
    ['https://api.cohere.ai/v1/chat', 'https://api.cohere.ai/v2/chat'],
    ['http://box:1/cohere', 'http://box:1/cohere/v2/chat'],
  ])('at %s goes to %s', (baseUrl, url) => {
    expect(ask(targetFor(cohere, { baseUrl })).url).toBe(url);
  });

  test('keeps every turn of a tool conversation', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const messages = [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Be ' },
          { type: 'text', text: 'kind.' },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: 'https://e.x/a.png' },
        ],
      },
      { role: 'assistant', content: null, reasoning_content: 'Hm.', tool_calls: [call, { ...call, id: 'c2' }] },
      { role: 'tool', tool_call_id: 'c2', content: 'two' },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'one' }] },
      { role: 'assistant', content: null, refusal: 'No.' },
    ];
    const [system, user, ...rest] = conversation(messages).sent['messages'] as object[];
    expect(system).toEqual({ role: 'system', content: 'Be kind.' });
    expect(user).toEqual({
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image_url', image_url: { url: 'https://e.x/a.png' } },
      ],
    });
    expect(rest).toEqual([
      {
        role: 'assistant',
        content: [{ type: 'thinking', thinking: 'Hm.' }],
        tool_calls: [call, { ...call, id: 'c2' }],
      },
      { role: 'tool', tool_call_id: 'c2', content: 'two' },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'one' }] },
      { role: 'assistant', content: 'No.' },
    ]);
    const planned = conversation(messages, older).sent['messages'] as object[];
    expect(planned[2]).toMatchObject({ tool_plan: 'Hm.' });
    expect(planned[2]).not.toHaveProperty('content');
  });

  test('reports reasoning that an older model does not take back', () => {
    const asked = conversation([{ role: 'assistant', content: 'Hi', reasoning_content: 'Hm.' }], older);
    expect(asked.sent['messages']).toEqual([{ role: 'assistant', content: 'Hi' }]);
    expect(changed(asked)).toEqual(['messages dropped']);
  });

  test.each([
    ['auto', { tools: 2, choice: undefined }],
    ['none', { tools: 2, choice: 'NONE' }],
    ['required', { tools: 2, choice: 'REQUIRED' }],
    [
      { type: 'function', function: { name: 'g' } },
      { tools: 1, choice: 'REQUIRED' },
    ],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [TOOL] } },
      { tools: 1, choice: undefined },
    ],
  ])('with tool_choice %j', (choice, expected) => {
    const { sent } = sentFor({ tools: [TOOL, OTHER], tool_choice: choice });
    expect([(sent['tools'] as object[]).length, sent['tool_choice']]).toEqual([expected.tools, expected.choice]);
  });

  test.each([
    [{ reasoning_effort: 'none' }, { type: 'disabled' }],
    [{ reasoning_effort: 'high' }, { type: 'enabled', token_budget: 4096 }],
    [{ reasoning_effort: { effort: 'max' } }, { type: 'enabled', token_budget: 16384 }],
    [{ reasoning_effort: 500 }, { type: 'enabled', token_budget: 500 }],
    [{ reasoning_effort: 'default' }, undefined],
    [{ thinking: { type: 'enabled', budget_tokens: 9 } }, { type: 'enabled', token_budget: 9 }],
    [{ thinking: { type: 'adaptive' } }, { type: 'enabled' }],
    [{ thinking: { type: 'disabled' } }, { type: 'disabled' }],
  ])('thinks for %j', (body, thinking) => {
    expect(sentFor(body).sent['thinking']).toEqual(thinking);
  });

  test('carries formats, strict tools and extras', () => {
    const schema = { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'string' } } };
    const strict = { ...TOOL, function: { ...TOOL.function, strict: true } };
    const { sent } = sentFor({
      response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema } },
      tools: [strict],
      extra_body: { priority: 3, model: 'mine' },
      extra_headers: { 'x-a': 'b' },
    });
    expect(sent['response_format']).toEqual({ type: 'json_object', json_schema: schema });
    expect([sent['strict_tools'], sent['priority'], sent['model']]).toEqual([true, 3, target.upstreamModel]);
    expect(sentFor({ response_format: { type: 'json_object' } }).sent['response_format']).toEqual({
      type: 'json_object',
    });
    const mixed = sentFor({ tools: [strict, OTHER] });
    expect(mixed.sent).not.toHaveProperty('strict_tools');
    expect(changed(mixed)).toEqual(['tools.strict dropped']);
  });

  test.each(['logit_bias', 'top_logprobs', 'functions', 'modalities', 'web_search_options', 'service_tier'])(
    'refuses %s by name, or drops it and says so',
    (field) => {
      expect(() => sentFor({ [field]: {} })).toThrow(`['${field}']`);
      const dropped = ask(target, { body: { [field]: {} }, dropParams: true });
      expect(dropped.sent).not.toHaveProperty(field);
      expect(changed(dropped)).toEqual([`${field} dropped`]);
    },
  );

  test('takes one answer and parallel calls, and refuses what it cannot promise', () => {
    const asked = sentFor({ n: 1, parallel_tool_calls: true, user: 'u' });
    expect(Object.keys(asked.sent)).toEqual(['model', 'messages']);
    expect(changed(asked).sort()).toEqual(['n dropped', 'parallel_tool_calls dropped', 'user dropped']);
    expect(() => sentFor({ n: 2 })).toThrow("['n']");
    expect(() => sentFor({ parallel_tool_calls: false })).toThrow("['parallel_tool_calls']");
  });

  test.each([
    ['audio', { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }],
    ['a file', { messages: [{ role: 'user', content: [{ type: 'file', file: {} }] }] }],
    ['an image of the system', { messages: [{ role: 'system', content: [{ type: 'image_url', image_url: 'x' }] }] }],
    ['a legacy result', { messages: [{ role: 'function', name: 'f', content: 'x' }] }],
    ['a hosted tool', { tools: [{ type: 'web_search' }] }],
    ['a choice of no tool', { tools: [TOOL], tool_choice: { type: 'function', function: { name: 'x' } } }],
    ['a choice of no kind', { tools: [TOOL], tool_choice: 'perhaps' }],
    ['a schema that is none', { response_format: { type: 'json_schema', json_schema: { schema: 1 } } }],
  ])('refuses %s with a 400 that names the place', (_, body) => {
    try {
      sentFor(body);
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(GatewayError);
      expect(thrown).toMatchObject({ kind: 'invalid_request', details: { param: expect.stringMatching(/./) } });
    }
  });

  test('fails for nothing but a clear refusal, whatever a message is', () => {
    const part = fc.oneof(fc.string(), fc.object(), fc.constant({ type: 'text', text: 'x' }), fc.constant(null));
    const message = fc.record({
      role: fc.constantFrom('system', 'user', 'assistant', 'tool', ''),
      content: fc.oneof(fc.string(), fc.constant(null), fc.array(part, { maxLength: 3 })),
      tool_calls: fc.oneof(
        fc.constant(undefined),
        fc.array(fc.oneof(fc.object(), fc.constant(null)), { maxLength: 2 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), (messages) => {
        try {
          conversation(messages);
        } catch (thrown) {
          expect(thrown).toMatchObject({ kind: 'invalid_request' });
        }
      }),
      { numRuns: 80 },
    );
  });
});

interface RawEvent {
  readonly type: string;
  readonly delta?: {
    readonly message?: {
      readonly content?: { readonly text?: string; readonly thinking?: string };
      readonly tool_plan?: string;
      readonly tool_calls?: { readonly id?: string; readonly function?: { name?: string; arguments?: string } };
    };
  };
}

/** What a recording says, read without the adapter. */
function saidIn(events: readonly RawEvent[]) {
  const messages = events.map(({ delta }) => delta?.message ?? {});
  const calls: { id: string | undefined; name: string | undefined; arguments: string }[] = [];
  for (const { tool_calls: call } of messages) {
    if (call?.id !== undefined) calls.push({ id: call.id, name: call.function?.name, arguments: '' });
    const last = calls.at(-1);
    if (last) last.arguments += call?.function?.arguments ?? '';
  }
  return {
    content: messages.map(({ content }) => content?.text ?? '').join(''),
    reasoning: messages.map(({ content, tool_plan: plan }) => content?.thinking ?? plan ?? '').join(''),
    calls,
  };
}

const recordings = [...fixturesOf('cohere'), ...realRecordings('cohere')];
const read = (text: string) => cohere.parseResponse(JSON.parse(text), target);
const chunksOf = (events: readonly string[]) => {
  const decode = cohere.createStreamDecoder(target);
  return events.flatMap((event) => decode(event));
};
const framed = (events: readonly string[]) =>
  Buffer.from(events.map((data) => `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`).join(''));

async function streamed(reads: readonly Uint8Array[]) {
  const body = new TranslateStream(bytesFrom(reads), streamContext({ target, wantsUsage: false }), (chunk) => chunk);
  return readAll(body);
}

describe('an answer of Cohere', () => {
  for (const { name, whole, events } of recordings) {
    if (events) {
      test(`streamed as "${name}" loses nothing`, () => {
        const said = saidIn(events.map((event) => JSON.parse(event)));
        const end = JSON.parse(events.at(-1) ?? '').delta;
        const got = accumulate(chunksOf(events));
        expect(got).toMatchObject({ role: 'assistant', content: said.content, reasoning: said.reasoning });
        expect<unknown>(got.calls).toEqual(
          said.calls.map((call) => ({ ...call, type: 'function', arguments: call.arguments || '{}' })),
        );
        expect(got.finish).toBe(end.finish_reason === 'TOOL_CALL' ? 'tool_calls' : 'stop');
        expect(got.ids.size).toBe(1);
        expect(got.usage).toEqual({
          prompt_tokens: end.usage.tokens.input_tokens,
          completion_tokens: end.usage.tokens.output_tokens,
          total_tokens: end.usage.tokens.input_tokens + end.usage.tokens.output_tokens,
          prompt_tokens_details: { cached_tokens: end.usage.cached_tokens },
          billed_units: end.usage.billed_units,
        });
      });
    }
    if (whole === undefined) continue;
    test(`"${name}" loses nothing`, () => {
      const { message, usage, id } = JSON.parse(whole);
      const answer = read(whole);
      const [choice] = answer.choices;
      const parts: { text?: string; thinking?: string }[] = message.content ?? [];
      expect(answer.id).toBe(id);
      expect(choice?.message.content ?? '').toBe(parts.map(({ text }) => text ?? '').join(''));
      expect(choice?.message['reasoning_content']).toBe(
        parts.map(({ thinking }) => thinking ?? '').join('') + (message.tool_plan ?? ''),
      );
      expect(choice?.message['tool_calls']).toEqual(message.tool_calls);
      expect(answer.usage).toMatchObject({
        prompt_tokens: usage.tokens.input_tokens,
        billed_units: usage.billed_units,
      });
    });
  }

  test('is the same however its stream is cut', async () => {
    const bytes = framed((fixturesOf('cohere')[0]?.events ?? []).slice(0, 40));
    const stamps = /"created":\d+/g;
    const whole = (await streamed([bytes])).text.replace(stamps, '');
    expect(whole).toContain('Köln');
    for (let at = 1; at < bytes.length; at += 1) {
      const { text, error } = await streamed(cutAt(bytes, [at]));
      if (text.replace(stamps, '') !== whole || error !== undefined) expect(`cut at ${at}`).toBe('the same');
    }
  });

  test('has its citations as annotations, whole and streamed', () => {
    const [recording] = fixturesOf('cohere');
    const message = read(recording?.whole ?? '').choices[0]?.message as ChatMessage;
    expect(message['annotations']).toEqual([
      {
        type: 'url_citation',
        url_citation: { url: 'https://example.com/a', title: 'Greetings', start_index: 0, end_index: 5 },
      },
      { type: 'url_citation', url_citation: { url: 'call_a1:0', title: 'call_a1:0', start_index: 10, end_index: 14 } },
    ]);
    expect(message.content).toBe(ALL);
    const last = chunksOf(recording?.events ?? []).at(-1)?.choices[0]?.delta;
    expect(last?.['annotations']).toEqual(message['annotations']);
    expect(last?.['provider_specific_fields']).toEqual(message['provider_specific_fields']);
  });

  test('counts the place of a citation in the whole text', () => {
    const citation = { start: 1, end: 2, content_index: 1, sources: [] };
    const message = {
      content: [
        { type: 'text', text: 'abc' },
        { type: 'text', text: 'def' },
      ],
      citations: [citation],
    };
    const answer = cohere.parseResponse({ id: 'x', message, finish_reason: 'COMPLETE' }, target);
    expect(answer.choices[0]?.message['annotations']).toMatchObject([
      { url_citation: { start_index: 4, end_index: 5 } },
    ]);
  });

  test('has log probabilities that add up', () => {
    const logprobs = [{ text: 'Hé', token_ids: [1, 2], logprobs: [-0.5, -0.25] }];
    const message = { content: [{ type: 'text', text: 'Hé' }] };
    const answer = cohere.parseResponse({ message, finish_reason: 'COMPLETE', logprobs }, target);
    expect(answer.choices[0]?.['logprobs']).toEqual({
      content: [{ token: 'Hé', logprob: -0.75, bytes: [72, 195, 169], top_logprobs: [] }],
      refusal: null,
    });
  });

  test.each([
    ['COMPLETE', 'stop'],
    ['STOP_SEQUENCE', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['TOOL_CALL', 'tool_calls'],
    ['ERROR_TOXIC', 'content_filter'],
  ])('that ends with %s ends with %s', (reason, finish) => {
    const answer = cohere.parseResponse({ message: { content: 'x' }, finish_reason: reason }, target);
    expect(answer.choices[0]).toMatchObject({
      finish_reason: finish,
      provider_specific_fields: { native_finish_reason: reason },
    });
  });

  test.each([
    ['ERROR', 'upstream_failed'],
    ['TIMEOUT', 'upstream_timeout'],
  ])('that ends with %s is a failure', (reason, kind) => {
    const end = JSON.stringify({ type: 'message-end', delta: { finish_reason: reason } });
    for (const attempt of [
      () => cohere.parseResponse({ message: { content: 'half' }, finish_reason: reason }, target),
      () => chunksOf([end]),
    ]) {
      try {
        attempt();
        expect.unreachable();
      } catch (thrown) {
        expect(thrown).toMatchObject({ kind });
      }
    }
  });

  test('that is none is a failure of the upstream', () => {
    for (const body of [null, 1, 'text', [], {}, { message: null }]) {
      expect(() => cohere.parseResponse(body, target)).toThrow(GatewayError);
    }
    for (const event of ['<html>', '[1]', 'null']) expect(() => chunksOf([event])).toThrow('not a JSON object');
  });

  test('never fails for what it holds', () => {
    const kinds =
      'message-start content-start content-delta tool-plan-delta tool-call-start tool-call-delta citation-start';
    const field = fc.constantFrom('content', 'tool_plan', 'tool_calls', 'citations');
    const message = fc.dictionary(field, fc.jsonValue(), { maxKeys: 3 });
    const event = fc.record({ type: fc.constantFrom(...kinds.split(' ')), index: fc.jsonValue(), message });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 5 }), message, fc.jsonValue(), (events, whole, usage) => {
        chunksOf(events.map(({ message: inner, ...rest }) => JSON.stringify({ ...rest, delta: { message: inner } })));
        chunksOf([JSON.stringify({ type: 'message-end', delta: { usage } })]);
        cohere.parseResponse({ message: whole, usage }, target);
      }),
      { numRuns: 150 },
    );
  });
});

test.each([
  [401, { message: 'invalid api token' }, 'upstream_unauthorized'],
  [429, { message: 'You are using a Trial key, which is limited to 20 API calls / minute.' }, 'upstream_busy'],
  [400, { message: 'too many tokens: size limit exceeded by 11 tokens' }, 'context_window_exceeded'],
  [422, { message: 'tools[0]: a description is required' }, 'upstream_rejected'],
  [498, { message: 'the request holds a deny-listed token' }, 'content_policy_violation'],
  [503, { message: 'service unavailable' }, 'upstream_unavailable'],
] as const)('a refusal with %s says %j and is %s', (status, body, kind) => {
  const error = upstreamError({ target, status, body: JSON.stringify(body), headers: new Headers() });
  expect([error.kind, error.message]).toEqual([kind, body.message]);
});
