import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { targetFor } from '../../test/support/provider-parts.ts';
import { fixturesOf, type Recording, realRecordings } from '../../test/support/recordings.ts';
import { readEvents } from '../../test/support/sse.ts';
import { bytesFrom, cutAt, framed, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { TranslateStream } from '../gateway/translate-stream.ts';
import { bucketsOf } from '../ledger/usage.ts';
import { isObject, type JsonObject } from '../lib/json.ts';
import type { ChatChunk, ChatCompletion } from '../wire/openai.ts';
import { anthropic } from './anthropic.ts';

const target = targetFor(anthropic);
const ALL = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';
const named = (name: string): Recording => {
  const found = fixturesOf('anthropic').find((recording) => recording.name === name);
  if (!found) throw new Error(`no fixture ${name}`);
  return found;
};
const wholeOf = (recording: Recording, memo?: unknown): ChatCompletion =>
  anthropic.parseResponse(JSON.parse(recording.whole ?? 'null'), target, memo);
const chunksOf = (events: readonly string[], memo?: unknown): ChatChunk[] => {
  const decode = anthropic.createStreamDecoder(target, memo);
  return events.flatMap((event) => decode(event));
};
const messageOf = (content: readonly object[], more: object = {}) =>
  anthropic.parseResponse({ content, stop_reason: 'end_turn', ...more }, target).choices[0];

/** What an OpenAI client that keeps every field of every delta has in the end. */
function messageFrom(chunks: readonly ChatChunk[]): JsonObject {
  const { role, content, reasoning, calls } = accumulate(chunks);
  const extras: Record<string, unknown> = {};
  for (const { delta } of chunks.flatMap(({ choices }) => choices)) {
    const { role: _, content: __, tool_calls: ___, reasoning_content: ____, ...rest } = delta;
    Object.assign(extras, rest);
  }
  return {
    role,
    content: content === '' ? null : content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, type, ...made }) => ({ id, type, function: made })),
    }),
    ...extras,
  };
}

/** Arguments by what they say: a whole answer and a stream may space them differently. */
function sayingTheSame(message: JsonObject): JsonObject {
  const calls = message['tool_calls'];
  if (!Array.isArray(calls)) return message;
  return {
    ...message,
    tool_calls: calls.map(({ function: made, ...call }) => ({
      ...call,
      function: { ...made, arguments: JSON.parse(made.arguments) },
    })),
  };
}

describe('a whole answer of Anthropic', () => {
  test('is a chat completion', () => {
    const answer = wholeOf(named('text'));
    expect(answer).toEqual({
      id: 'msg_text',
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'claude-haiku-4-5-20251001',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: ALL },
          finish_reason: 'stop',
          provider_specific_fields: { native_finish_reason: 'end_turn' },
        },
      ],
      service_tier: 'standard',
      usage: expect.objectContaining({ prompt_tokens: 12, completion_tokens: 40, total_tokens: 52 }),
    });
  });

  test('says its thoughts as text and as blocks that can be sent back byte for byte', () => {
    const raw = JSON.parse(named('reasoning').whole ?? '');
    const message = wholeOf(named('reasoning')).choices[0]?.message;
    expect(message?.['reasoning_content']).toBe('The user greets me. I greet back.');
    expect(JSON.stringify(message?.['thinking_blocks'])).toBe(JSON.stringify(raw.content.slice(0, 2)));
    expect(message?.content).toBe(ALL);
    expect(message?.['provider_specific_fields']).toBeUndefined();
  });

  test('calls tools with their arguments as text', () => {
    expect(wholeOf(named('tool-calls')).choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'Let me see.',
        tool_calls: [
          {
            id: 'toolu_a1',
            type: 'function',
            function: { name: 'get_weather', arguments: '{"city":"Köln","unit":"c"}' },
          },
          { id: 'toolu_b2', type: 'function', function: { name: 'get_time', arguments: '{"zone":"Europe/Berlin"}' } },
          { id: 'toolu_c3', type: 'function', function: { name: 'now', arguments: '{}' } },
        ],
      },
    });
  });

  test('names the sources of its text, and keeps what its own tools found', () => {
    const raw = JSON.parse(named('web-search').whole ?? '');
    const choice = wholeOf(named('web-search')).choices[0];
    expect(choice?.finish_reason).toBe('stop');
    expect(choice?.message).toEqual({
      role: 'assistant',
      content: 'It says: Grüße aus Köln.',
      reasoning_content: 'I should search.Found it.',
      thinking_blocks: [raw.content[0], raw.content[3]],
      annotations: ['a', 'b'].map((name) => ({
        type: 'url_citation',
        url_citation: { url: `https://example.com/${name}`, title: name.toUpperCase(), start_index: 9, end_index: 23 },
      })),
      provider_specific_fields: {
        citations: [raw.content[5].citations],
        web_search_results: [raw.content[2]],
        content_blocks: raw.content,
      },
    });
    expect(wholeOf(named('web-search')).usage?.['server_tool_use']).toEqual({ web_search_requests: 1 });
  });

  test('that is a refusal says why', () => {
    expect(wholeOf(named('refusal')).choices[0]).toMatchObject({
      finish_reason: 'content_filter',
      message: { content: 'I can', refusal: 'This is against the rules.' },
      provider_specific_fields: { native_finish_reason: 'refusal', stop_details: { category: 'cyber' } },
    });
  });

  test('keeps what Anthropic adds', () => {
    const raw = JSON.parse(named('text').whole ?? '');
    const more = { addition: { kept: true }, container: { id: 'c' }, context_management: { applied_edits: [] } };
    expect(anthropic.parseResponse({ ...raw, ...more }, target)).toMatchObject(more);
  });

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['compaction', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['of_tomorrow', 'stop'],
    ['constructor', 'stop'],
  ])('that ends with %s finishes with %s, and the word is kept', (reason, finish) => {
    const choice = messageOf([{ type: 'text', text: 'x' }], { stop_reason: reason, stop_sequence: 'END' });
    expect(choice?.finish_reason).toBe(finish);
    expect(choice?.['provider_specific_fields']).toEqual({ native_finish_reason: reason, stop_sequence: 'END' });
  });

  test('that waits for a tool says so, whatever its last word was; one that has been answered does not', () => {
    const call = { type: 'tool_use', id: 't', name: 'f', input: {} };
    expect(messageOf([call])?.finish_reason).toBe('tool_calls');
    expect(messageOf([call, { type: 'code_execution_tool_result' }, { type: 'text', text: '6' }])?.finish_reason).toBe(
      'stop',
    );
  });

  test('that is something else is none', () => {
    for (const body of [null, 1, 'text', [], {}, { content: null }, { content: 'text' }, { choices: [] }]) {
      expect(() => anthropic.parseResponse(body, target)).toThrow('not a chat completion');
    }
  });
});

describe('usage', () => {
  const buckets = (usage: object) =>
    bucketsOf(anthropic.parseResponse({ content: [], usage }, target).usage, { promptChars: 40, outputChars: 80 });

  test('is in buckets that do not overlap', () => {
    const { usage } = wholeOf(named('reasoning'));
    expect(usage).toMatchObject({
      prompt_tokens: 200,
      completion_tokens: 60,
      total_tokens: 260,
      prompt_tokens_details: {
        cached_tokens: 100,
        cache_creation_tokens: 70,
        text_tokens: 30,
        cache_creation_token_details: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 50 },
      },
      completion_tokens_details: { reasoning_tokens: 21 },
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 70,
    });
    expect(bucketsOf(usage, { promptChars: 0, outputChars: 0 })).toEqual({
      input: 30,
      cacheRead: 100,
      cacheWrite: 70,
      cacheWrite1h: 50,
      inputAudio: 0,
      output: 39,
      reasoning: 21,
      outputAudio: 0,
      source: 'provider',
    });
  });

  test('of shortening a conversation is added, which its totals leave out; another model’s is not', () => {
    const iterations = [
      { type: 'compaction', input_tokens: 1000, output_tokens: 100, cache_read_input_tokens: 7 },
      { type: 'message', input_tokens: 30, output_tokens: 5 },
      { type: 'advisor_message', model: 'other', input_tokens: 99, output_tokens: 99 },
    ];
    const made = { input_tokens: 30, output_tokens: 5, iterations };
    expect(buckets(made)).toMatchObject({ input: 1030, cacheRead: 7, output: 105 });
  });

  test('that is missing or absurd is estimated and marked', () => {
    expect(buckets({ output_tokens: 5 })).toMatchObject({ input: 10, output: 5, source: 'estimated' });
    expect(buckets({ input_tokens: 'many', output_tokens: -4 })).toMatchObject({ source: 'suspect' });
    expect(anthropic.parseResponse({ content: [] }, target).usage).toBeUndefined();
  });

  test('of a stream is the last that was said of each count, never a sum', () => {
    const events = [
      '{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}',
      '{"type":"message_delta","delta":{},"usage":{"output_tokens":20,"input_tokens":null}}',
      '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":12,"output_tokens":30}}',
      '{"type":"message_stop"}',
    ];
    expect(accumulate(chunksOf(events)).usage).toMatchObject({ prompt_tokens: 16, completion_tokens: 30 });
    // Cut after the text: what was read is known, what was said is not.
    const cut = accumulate(chunksOf(events.slice(0, 2))).usage as JsonObject;
    expect([cut['prompt_tokens'], cut['completion_tokens']]).toEqual([14, undefined]);
  });
});

describe('a stream of Anthropic', () => {
  test.each(['text', 'reasoning', 'tool-calls', 'web-search', 'refusal'])(
    '"%s" says what the whole answer says',
    (name) => {
      const whole = wholeOf(named(name));
      const chunks = chunksOf(named(name).events ?? []);
      expect(messageFrom(chunks)).toEqual({ ...whole.choices[0]?.message });
      const joined = accumulate(chunks);
      expect([joined.finish, [...joined.ids]]).toEqual([whole.choices[0]?.finish_reason ?? '', [whole.id]]);
      expect(joined.usage).toEqual(whole.usage);
      const last = chunks.findLast(({ choices }) => choices.length > 0);
      expect(last?.choices[0]).toEqual({ index: 0, delta: {}, ...endOf(whole) });
    },
  );

  const endOf = ({ choices }: ChatCompletion): JsonObject => {
    const { index: _, message: __, ...end } = choices[0] ?? { index: 0, message: { role: '' } };
    return end;
  };

  test.each(['text', 'tool-calls', 'web-search', 'refusal'])(
    '"%s" is put together by OpenAI’s own client as the whole answer',
    async (name) => {
      const lines = chunksOf(named(name).events ?? []).map((chunk) => JSON.stringify({ ...chunk, usage: undefined }));
      const stream = ChatCompletionStream.fromReadableStream(new Blob([`${lines.join('\n')}\n`]).stream());
      const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0] ?? {};
      const whole = wholeOf(named(name)).choices[0];
      // Its client joins texts that it knows; of others it keeps the last piece.
      const { reasoning_content: _, ...known }: JsonObject = { refusal: null, ...whole?.message };
      const { reasoning_content: __, parsed: ___, ...got }: JsonObject = { refusal: null, ...message };
      expect(JSON.parse(JSON.stringify(got))).toEqual(known);
      expect(finish_reason ?? '').toBe(whole?.finish_reason as 'stop');
    },
  );

  test('opens with the role, then each call once with its id and name', () => {
    const deltas = chunksOf(named('tool-calls').events ?? []).flatMap(({ choices }) =>
      choices.map(({ delta }) => delta),
    );
    expect(deltas[0]).toEqual({ role: 'assistant', content: '' });
    expect(deltas.slice(1, -1)).toEqual([
      { content: 'Let me see.' },
      {
        tool_calls: [{ index: 0, id: 'toolu_a1', type: 'function', function: { name: 'get_weather', arguments: '' } }],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":"K' } }] },
      { tool_calls: [{ index: 0, function: { arguments: 'öln","unit"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':"c"}' } }] },
      { tool_calls: [{ index: 1, id: 'toolu_b2', type: 'function', function: { name: 'get_time', arguments: '' } }] },
      { tool_calls: [{ index: 1, function: { arguments: '{"zone":"Europe/Berlin"}' } }] },
      { tool_calls: [{ index: 2, id: 'toolu_c3', type: 'function', function: { name: 'now', arguments: '' } }] },
      { tool_calls: [{ index: 2, function: { arguments: '{}' } }] },
    ]);
  });

  test('without its last event has not finished', () => {
    for (const name of ['text', 'reasoning', 'tool-calls', 'web-search']) {
      expect(accumulate(chunksOf((named(name).events ?? []).slice(0, -1))).finish).toBeNull();
    }
  });

  test('that was cut anywhere is a beginning of the whole', () => {
    for (const { events = [] } of fixturesOf('anthropic')) {
      const whole = accumulate(chunksOf(events));
      for (let end = 0; end < events.length; end++) {
        const part = accumulate(chunksOf(events.slice(0, end)));
        expect(whole.content.startsWith(part.content) && whole.reasoning.startsWith(part.reasoning)).toBe(true);
        for (const [at, call] of part.calls.entries()) expect(whole.calls[at]?.arguments).toStartWith(call.arguments);
      }
    }
  });

  test('passes over what it does not know, and over blanks', () => {
    const decode = anthropic.createStreamDecoder(target);
    for (const event of ['{"type":"ping"}', '{"type":"of_tomorrow"}', '{}', '', ' ', '[DONE]']) {
      expect(decode(event)).toEqual([]);
    }
    for (const event of ['<html>', '{"type":', '[1]', '"text"', 'null', '1']) {
      expect(() => decode(event)).toThrow('not a JSON object');
    }
  });

  test('that says it failed, fails', () => {
    const decode = anthropic.createStreamDecoder(target);
    expect(() => decode('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')).toThrow(
      'Overloaded',
    );
    expect(() => decode('{"type":"error"}')).toThrow('failed');
  });

  test('may leave out the opening of a block', () => {
    const chunks = chunksOf([
      '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}',
      '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}',
      '{"type":"message_stop"}',
    ]);
    expect(messageFrom(chunks)).toMatchObject({
      content: 'Hi',
      reasoning_content: 'Hm',
      thinking_blocks: [{ type: 'thinking', thinking: 'Hm', signature: 's' }],
    });
    expect(accumulate(chunks).finish).toBe('stop');
  });

  test('may bring whole blocks with its opening, and calls with whole arguments or without an id', () => {
    const open = { type: 'message_start', message: { content: [{ type: 'tool_use', name: 'f', input: { a: 1 } }] } };
    const calls = accumulate(chunksOf([JSON.stringify(open), '{"type":"message_stop"}']));
    expect(calls.calls).toEqual([
      { id: expect.stringMatching(/^call_/), type: 'function', name: 'f', arguments: '{"a":1}' },
    ]);
    expect(calls.finish).toBe('tool_calls');
  });

  test('that begins anew halfway keeps one id and mixes no calls', () => {
    const call = (id: string): string[] => [
      `{"type":"message_start","message":{"id":"msg_${id}"}}`,
      `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"${id}","name":"f","input":{}}}`,
      `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":"}}`,
    ];
    const rest = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1}"}}';
    const joined = accumulate(chunksOf([...call('one'), ...call('two'), rest]));
    expect(joined.calls.map(({ id, arguments: text }) => [id, text])).toEqual([
      ['one', '{"a":'],
      ['two', '{"a":1}'],
    ]);
    expect([...joined.ids]).toEqual(['msg_one']);
    expect(joined.role).toBe('assistant');
  });

  test('keeps to itself beside another', () => {
    const [one, other] = [anthropic.createStreamDecoder(target), anthropic.createStreamDecoder(target)];
    const chunks: [ChatChunk[], ChatChunk[]] = [[], []];
    for (const event of named('tool-calls').events ?? []) {
      chunks[0].push(...one(event));
      chunks[1].push(...other(event));
    }
    expect(messageFrom(chunks[0])).toEqual(messageFrom(chunks[1]));
  });
});

describe('names of tools that had to be changed', () => {
  test('are the client’s own again, whole and streamed', () => {
    const memo = { names: { get_weather: 'weather.get' } };
    const calls = wholeOf(named('tool-calls'), memo).choices[0]?.message['tool_calls'];
    expect(calls).toMatchObject([{ function: { name: 'weather.get' } }, { function: { name: 'get_time' } }, {}]);
    expect(accumulate(chunksOf(named('tool-calls').events ?? [], memo)).calls[0]?.name).toBe('weather.get');
  });
});

describe('an answer in the arguments of a tool', () => {
  const call = (input: object) => ({ type: 'tool_use', id: 't', name: 'json_tool_call', input });
  const streamOf = (text: string, before: readonly object[] = []): string[] => [
    ...before.map((event) => JSON.stringify(event)),
    JSON.stringify({ type: 'content_block_start', index: 5, content_block: call({}) }),
    ...[...text].map((char) =>
      JSON.stringify({
        type: 'content_block_delta',
        index: 5,
        delta: { type: 'input_json_delta', partial_json: char },
      }),
    ),
    '{"type":"content_block_stop","index":5}',
    '{"type":"message_delta","delta":{"stop_reason":"tool_use"}}',
    '{"type":"message_stop"}',
  ];
  const read = (content: readonly object[], json: string) =>
    anthropic.parseResponse({ content, stop_reason: 'tool_use' }, target, { json }).choices[0];

  test('is the content, and no call is left', () => {
    expect(read([call({ a: [1] })], 'plain')).toMatchObject({
      finish_reason: 'stop',
      message: { content: '{"a":[1]}' },
    });
    expect(read([call({ value: [1, 2] })], 'wrapped')?.message).toMatchObject({ content: '[1,2]' });
    expect(read([call({ a: 1 })], 'plain')?.message['tool_calls']).toBeUndefined();
  });

  test('streams as it is written, or at once when it had to be wrapped', () => {
    const plain = chunksOf(streamOf('{"a": [1]}'), { json: 'plain' });
    expect(accumulate(plain)).toMatchObject({ content: '{"a": [1]}', finish: 'stop', calls: [] });
    expect(plain.filter(({ choices }) => choices[0]?.delta.content).length).toBe(10);
    expect(accumulate(chunksOf(streamOf('{"value":[1,2]}'), { json: 'wrapped' }))).toMatchObject({
      content: '[1,2]',
      finish: 'stop',
    });
    expect(accumulate(chunksOf(streamOf(''), { json: 'plain' })).content).toBe('{}');
  });

  test('stands without what was said before it, and a real call beside it stays one', () => {
    const said = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Here it is:' } };
    const other = { type: 'tool_use', id: 'o', name: 'f', input: {} };
    const made = { type: 'content_block_start', index: 1, content_block: other };
    const joined = accumulate(
      chunksOf(streamOf('{"a":1}', [said, made, { type: 'content_block_stop', index: 1 }]), { json: 'plain' }),
    );
    expect(joined).toMatchObject({ content: '{"a":1}', finish: 'tool_calls', calls: [{ id: 'o', arguments: '{}' }] });
    const whole = read([{ type: 'text', text: 'Here it is:' }, other, call({ a: 1 })], 'plain');
    expect(whole).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: '{"a":1}', tool_calls: [{ id: 'o' }] },
    });
  });

  test('that was given as text after all is that text', () => {
    const events = (named('text').events ?? []) as readonly string[];
    expect(accumulate(chunksOf(events, { json: 'plain' })).content).toBe(ALL);
    expect(wholeOf(named('text'), { json: 'plain' }).choices[0]?.message.content).toBe(ALL);
  });

  test('is a call like any other when nobody asked for it', () => {
    expect(messageOf([call({ a: 1 })])?.message['tool_calls']).toMatchObject([
      { function: { name: 'json_tool_call' } },
    ]);
  });
});

describe('every cut of the bytes', () => {
  test.each(['text', 'reasoning', 'tool-calls', 'web-search'])('of "%s" gives the same', async (name) => {
    const events = named(name).events ?? [];
    const bytes = Buffer.from(events.map((data) => `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`).join(''));
    const through = async (reads: readonly Uint8Array[]) => {
      const body = new TranslateStream(bytesFrom(reads), streamContext({ target, wantsUsage: true }), (chunk) => chunk);
      const { text, error } = await readAll(body);
      if (error) throw error;
      return JSON.stringify(readEvents(text)).replace(/created\\*":\d+/g, '');
    };
    const plain = await through([bytes]);
    expect(plain).toContain(name === 'tool-calls' ? 'toolu_a1' : 'Grüße');
    const different: number[] = [];
    for (let at = 1; at < bytes.length; at++) {
      if ((await through(cutAt(bytes, [at]))) !== plain) different.push(at);
    }
    expect(different).toEqual([]);
  });

  test('a stream that breaks off fails, one byte before the end of its last event as well', async () => {
    const bytes = framed(named('text').events ?? []);
    for (const end of [200, 600, bytes.length - 4]) {
      const body = new TranslateStream(
        bytesFrom([bytes.subarray(0, end)]),
        streamContext({ target }),
        (chunk) => chunk,
      );
      const { error } = await readAll(body);
      expect((error as GatewayError).kind).toBe('upstream_truncated');
    }
  });
});

describe('real recordings', () => {
  const real = realRecordings('anthropic');

  test.each(real.filter(({ whole }) => whole !== undefined).map((recording) => [recording.name, recording] as const))(
    'the whole answer %s loses nothing',
    (_, recording) => {
      const raw = JSON.parse(recording.whole ?? '');
      const answer = wholeOf(recording);
      expectAllOf(raw.content, sayingTheSame(answer.choices[0]?.message ?? {}));
      expectCounts(raw.usage, answer);
    },
  );

  /** Some files hold several answers, one after the other. */
  const streams = real.flatMap(({ name, events = [] }) => {
    const ends = events.flatMap((event, at) => (event.includes('"message_stop"') ? [at + 1] : []));
    return ends.map((end, at) => [`${name} ${at + 1}`, events.slice(ends[at - 1] ?? 0, end)] as const);
  });

  test.each(streams)('the stream %s loses nothing', (_, events) => {
    const chunks = chunksOf(events);
    const parsed = events.map((event) => JSON.parse(event));
    const texts = (type: string, field: string) =>
      parsed.flatMap(({ delta }) => (delta?.type === type ? [delta[field]] : [])).join('');
    const joined = accumulate(chunks);
    expect(joined.content).toBe(texts('text_delta', 'text'));
    expect(joined.reasoning).toBe(texts('thinking_delta', 'thinking'));
    const blocks = parsed.flatMap(({ content_block: block, message }) => [
      ...(block ? [block] : []),
      ...(message?.content ?? []),
    ]);
    const calls = blocks.filter(({ type }) => type === 'tool_use');
    expect(joined.calls.map(({ id, name }) => [id, name])).toEqual(calls.map(({ id, name }) => [id, name]));
    const sources = parsed.flatMap(({ delta }) => (delta?.type === 'citations_delta' ? [delta.citation] : []));
    const fields = messageFrom(chunks)['provider_specific_fields'];
    expect((isObject(fields) ? ((fields['citations'] ?? []) as unknown[]) : []).flat()).toEqual(sources);
    const last = parsed.findLast(({ type }) => type === 'message_delta');
    if (!last) return;
    expect(joined.finish).not.toBeNull();
    expect((joined.usage as JsonObject)['completion_tokens']).toBe(last.usage.output_tokens);
  });

  function expectAllOf(content: readonly JsonObject[], message: JsonObject): void {
    const ofType = (type: string) => content.filter((block) => block['type'] === type);
    expect(message['content'] ?? '').toBe(
      ofType('text')
        .map(({ text }) => text)
        .join(''),
    );
    expect(message['reasoning_content'] ?? '').toBe(
      ofType('thinking')
        .map(({ thinking }) => thinking)
        .join(''),
    );
    const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'] : [];
    expect(calls.map(({ function: made }) => made.arguments)).toEqual(ofType('tool_use').map(({ input }) => input));
    const others = content.filter(({ type }) => !['text', 'thinking', 'tool_use'].includes(String(type)));
    if (others.length > 0) expect(message['provider_specific_fields']).toMatchObject({ content_blocks: content });
  }

  function expectCounts(usage: Record<string, number>, { usage: got }: ChatCompletion): void {
    const {
      input_tokens: input = 0,
      cache_read_input_tokens: read = 0,
      cache_creation_input_tokens: written = 0,
    } = usage;
    expect(got).toMatchObject({ prompt_tokens: input + read + written, completion_tokens: usage['output_tokens'] });
    expect(bucketsOf(got, { promptChars: 0, outputChars: 0 })).toMatchObject({
      input,
      cacheRead: read,
      cacheWrite: written,
      source: 'provider',
    });
  }
});

describe('whatever an upstream sends', () => {
  const fixtures = fixturesOf('anthropic');
  const junk = fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', -1, 1e308, [], {}, [null], 'tool_use', '__proto__'));

  /** The value with one of its members, anywhere in it, exchanged. */
  function mutated(value: unknown, path: readonly number[], put: unknown): unknown {
    const [first, ...rest] = path;
    if (first === undefined || typeof value !== 'object' || value === null) return put;
    const entries = Object.entries(value);
    if (entries.length === 0) return put;
    const at = first % entries.length;
    const changed = entries.map(
      ([key, inner], index) => [key, index === at ? mutated(inner, rest, put) : inner] as const,
    );
    return Array.isArray(value) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed);
  }

  const path = fc.array(fc.nat(20), { maxLength: 5 });
  const isOurs = (run: () => unknown): void => {
    try {
      run();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(GatewayError);
    }
  };

  test('is an answer or a failure of the upstream, never one of ours', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...fixtures),
        path,
        junk,
        fc.constantFrom(undefined, 'plain', 'wrapped'),
        (one, at, put, json) => {
          const body = mutated(JSON.parse(one.whole ?? ''), at, put);
          isOurs(() => JSON.stringify(anthropic.parseResponse(body, target, { json })));
        },
      ),
      { numRuns: 400 },
    );
  });

  test('in pieces as well', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fixtures), fc.nat(40), path, junk, (one, which, at, put) => {
        const events = [...(one.events ?? [])];
        const index = which % events.length;
        events[index] = JSON.stringify(mutated(JSON.parse(events[index] ?? ''), at, put));
        isOurs(() => JSON.stringify(chunksOf(events)));
        isOurs(() => chunksOf(events.toSorted()));
      }),
      { numRuns: 400 },
    );
  });
});
