import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import OpenAI from 'openai';
import { Accumulated, accumulate } from '../../test/support/accumulate-chunks.ts';
import { answerOf, geminiPlace } from '../../test/support/gemini-place.ts';
import { fixturesOf, realRecordings } from '../../test/support/recordings.ts';
import { bytesFrom, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { TranslateStream } from '../gateway/translate-stream.ts';
import type { ChatChunk, ChatCompletion } from '../wire/openai.ts';

const decodeAll = (events: readonly (object | string)[], memo?: unknown): ChatChunk[] => {
  const place = geminiPlace();
  const decode = place.adapter.createStreamDecoder(place.target(), memo);
  return events.flatMap((event) => decode(typeof event === 'string' ? event : JSON.stringify(event)));
};

/** An event of a stream: a candidate that goes on unless a finish is given. */
const event = (parts: readonly object[], candidate: object = {}): object =>
  answerOf(parts, { finishReason: undefined, ...candidate });
const partial = (functionCall: object): object => event([{ functionCall }]);

const RECORDINGS = [...fixturesOf('gemini'), ...realRecordings('google')].flatMap(({ name, events }) =>
  events ? [[name, events] as const] : [],
);

describe('a stream', () => {
  test('sends each text as it comes, the role once, the end with the finish', () => {
    const chunks = decodeAll([event([{ text: 'Hel' }]), event([{ text: 'lo' }], { finishReason: 'STOP' })]);
    expect(chunks.map(({ choices }) => choices)).toEqual([
      [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }],
      [
        { index: 0, delta: { content: 'lo' }, finish_reason: null },
        { index: 0, delta: {}, finish_reason: 'stop' },
      ],
    ]);
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set(['resp-1']));
    expect(chunks.at(-1)?.usage?.total_tokens).toBe(15);
  });

  test('keeps one id and one time, though later events have others', () => {
    const chunks = decodeAll([
      event([{ text: 'a' }]),
      { ...event([{ text: 'b' }]), responseId: 'other', createTime: '2020-01-01T00:00:00Z' },
    ]);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
  });

  test('counts what any event said', () => {
    const chunks = decodeAll([
      { ...event([{ text: 'a' }]), usageMetadata: { promptTokenCount: 7 } },
      { ...event([{ text: 'b' }]), usageMetadata: { trafficType: 'ON_DEMAND' } },
      {
        ...event([], { finishReason: 'STOP' }),
        usageMetadata: { candidatesTokenCount: 3, cachedContentTokenCount: 2 },
      },
    ]);
    expect(chunks.at(-1)?.usage).toMatchObject({
      prompt_tokens: 7,
      completion_tokens: 3,
      prompt_tokens_details: { cached_tokens: 2 },
    });
  });

  test('a blocked prompt is a refusal and an end', () => {
    const [chunk] = decodeAll([{ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 4 } }]);
    expect(chunk?.choices).toEqual([
      {
        index: 0,
        delta: { role: 'assistant', content: null, refusal: 'The prompt was blocked: SAFETY.' },
        finish_reason: 'content_filter',
        provider_specific_fields: { native_finish_reason: 'SAFETY' },
      },
    ]);
  });

  test('candidates go their own ways', () => {
    const two = (a: object, b: object) => ({
      ...event([]),
      candidates: [
        { index: 0, ...a },
        { index: 1, ...b },
      ],
    });
    const chunks = decodeAll([
      two({ content: { parts: [{ text: 'a' }] } }, { content: { parts: [{ functionCall: { name: 'f' } }] } }),
      two({ finishReason: 'MAX_TOKENS' }, { finishReason: 'STOP' }),
    ]);
    const ends = chunks.flatMap(({ choices }) => choices).filter(({ finish_reason }) => finish_reason !== null);
    expect(ends.map(({ index, finish_reason }) => [index, finish_reason])).toEqual([
      [0, 'length'],
      [1, 'tool_calls'],
    ]);
  });

  test('says nothing of a candidate after its end', () => {
    const chunks = decodeAll([
      event([{ text: 'a' }], { finishReason: 'STOP' }),
      event([{ text: 'late' }], { finishReason: 'STOP' }),
    ]);
    expect(accumulate(chunks).content).toBe('a');
    expect(chunks.at(-1)?.choices).toEqual([]);
  });

  test('sends sources, signatures of texts and code with the end', () => {
    const groundingMetadata = {
      webSearchQueries: ['q'],
      groundingChunks: [{ web: { uri: 'https://a.example', title: 'A' } }],
      groundingSupports: [{ segment: { startIndex: 0, endIndex: 4 }, groundingChunkIndices: [0] }],
    };
    const step = { executableCode: { language: 'PYTHON', code: '1' } };
    const chunks = decodeAll([
      event([step]),
      event([{ text: 'ab' }], { groundingMetadata }),
      event([{ text: 'cd' }]),
      event([{ text: '', thoughtSignature: 'S' }], { finishReason: 'STOP' }),
    ]);
    expect(chunks.at(-1)?.choices.at(-1)).toEqual({
      index: 0,
      delta: {
        annotations: [
          {
            type: 'url_citation',
            url_citation: { start_index: 0, end_index: 4, url: 'https://a.example', title: 'A' },
          },
        ],
        extra_content: { google: { thought_signature: 'S' } },
        provider_specific_fields: { thought_signatures: ['S'], code_execution: [step] },
      },
      finish_reason: 'stop',
    });
    expect(chunks.at(-1)?.usage?.prompt_tokens_details).toMatchObject({ web_search_requests: 1 });
    expect(chunks[1]).toMatchObject({ vertex_ai_grounding_metadata: [groundingMetadata] });
  });

  test('the older functions are answered with a function call', () => {
    const chunks = decodeAll([event([{ functionCall: { name: 'f', args: { a: 1 } } }], { finishReason: 'STOP' })], {
      isLegacy: true,
    });
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta['function_call']));
    expect(deltas.slice(0, 2)).toEqual([{ name: 'f', arguments: '' }, { arguments: '{"a":1}' }]);
    expect(chunks.at(-1)?.choices.at(-1)?.finish_reason).toBe('function_call');
  });

  test('sound comes in pieces under one id', () => {
    const sound = (data: string) => event([{ inlineData: { mimeType: 'audio/pcm', data } }]);
    const deltas = decodeAll([sound('AAAA'), sound('BBBB')]).map(({ choices }) => choices[0]?.delta['audio']);
    expect(deltas).toEqual([{ id: 'audio_0000000000000000000000000001', data: 'AAAA' }, { data: 'BBBB' }]);
  });

  test.each(['<html>', '{"candidates":', '[1]', '"text"', 'null'])('%s is no event', (data) => {
    expect(() => decodeAll([data])).toThrow('not a JSON object');
  });

  test.each(['', '  ', '[DONE]'])('%j says nothing', (data) => {
    expect(decodeAll([data])).toEqual([]);
  });
});

describe('arguments in pieces', () => {
  const argumentsOf = (...pieces: readonly object[]): unknown => {
    const chunks = decodeAll([
      partial({ name: 'f', willContinue: true }),
      ...pieces,
      event([], { finishReason: 'STOP' }),
    ]);
    return JSON.parse(accumulate(chunks).calls[0]?.arguments ?? 'null');
  };
  const piece = (...partialArgs: readonly object[]) => partial({ partialArgs, willContinue: true });

  test.each<[string, readonly object[], unknown]>([
    ['none', [], {}],
    ['a text', [piece({ jsonPath: '$.a', stringValue: 'x' })], { a: 'x' }],
    [
      'a text in pieces',
      [
        piece({ jsonPath: '$.a', stringValue: 'x', willContinue: true }),
        piece({ jsonPath: '$.a', stringValue: 'y', willContinue: true }),
        piece({ jsonPath: '$.a', stringValue: '' }),
      ],
      { a: 'xy' },
    ],
    [
      'a text said again',
      [piece({ jsonPath: '$.a', stringValue: 'x' }), piece({ jsonPath: '$.a', stringValue: 'y' })],
      { a: 'y' },
    ],
    [
      'other values',
      [
        piece(
          { jsonPath: '$.n', numberValue: 0 },
          { jsonPath: '$.b', boolValue: false },
          { jsonPath: '$.z', nullValue: 'NULL_VALUE' },
        ),
      ],
      { n: 0, b: false, z: null },
    ],
    [
      'what is nested',
      [piece({ jsonPath: '$.a.b[0].c', stringValue: 'x' }, { jsonPath: '$.a.b[1].c', numberValue: 1 })],
      { a: { b: [{ c: 'x' }, { c: 1 }] } },
    ],
    [
      'quoted names',
      [piece({ jsonPath: "$['a b'].c", stringValue: 'x' }, { jsonPath: '$["d.e"]', numberValue: 1 })],
      { 'a b': { c: 'x' }, 'd.e': 1 },
    ],
    [
      'an index far away',
      [piece({ jsonPath: '$.a[999999999]', numberValue: 1 }, { jsonPath: '$.a[5]', numberValue: 2 })],
      { a: [1, 2] },
    ],
    [
      'names with a meaning',
      [piece({ jsonPath: '$.__proto__.polluted', boolValue: true })],
      JSON.parse('{"__proto__":{"polluted":true}}'),
    ],
    ['what has no path', [piece({ stringValue: 'x' }, { jsonPath: '$' })], {}],
    ['a whole object at the end', [partial({ args: { a: 1 } })], { a: 1 }],
  ])('%s', (_, pieces, args) => {
    expect(argumentsOf(...pieces)).toEqual(args);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('the call is announced at once and whole at its end', () => {
    const deltas = decodeAll([
      event([{ functionCall: { name: 'f', willContinue: true }, thoughtSignature: 'S' }]),
      piece({ jsonPath: '$.a', numberValue: 1 }),
      partial({}),
      event([], { finishReason: 'STOP' }),
    ]).map(({ choices }) => choices[0]?.delta['tool_calls']);
    expect(deltas).toEqual([
      [
        {
          index: 0,
          id: 'call_0000000000000000000000000001',
          type: 'function',
          function: { name: 'f', arguments: '' },
          extra_content: { google: { thought_signature: 'S' } },
          provider_specific_fields: { thought_signature: 'S' },
        },
      ],
      undefined,
      [{ index: 0, function: { arguments: '{"a":1}' } }],
      undefined,
    ]);
  });

  test('another call or a text ends one that did not say so', () => {
    const { calls, content } = accumulate(
      decodeAll([
        partial({ name: 'f', willContinue: true }),
        piece({ jsonPath: '$.a', numberValue: 1 }),
        partial({ name: 'g', args: { b: 2 } }),
        event([{ text: 'Done' }], { finishReason: 'STOP' }),
      ]),
    );
    expect(calls.map(({ name, arguments: text }) => [name, text])).toEqual([
      ['f', '{"a":1}'],
      ['g', '{"b":2}'],
    ]);
    expect(content).toBe('Done');
  });
});

/** What the raw recording says, found without our own code. */
function rawFacts(events: readonly string[]) {
  const bodies = events.map((text) => JSON.parse(text));
  const parts = bodies.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  const texts = (isThought: boolean): string =>
    parts
      .filter((part) => typeof part.text === 'string' && Boolean(part.thought) === isThought)
      .map((part) => part.text)
      .join('');
  return {
    content: texts(false),
    reasoning: texts(true),
    names: parts.flatMap((part) => (part.functionCall?.name ? [part.functionCall.name] : [])),
    signatures: parts.flatMap((part) => (part.thoughtSignature ? [part.thoughtSignature] : [])),
    usage: bodies.at(-1).usageMetadata,
  };
}

describe.each(RECORDINGS)('the recording %s', (_, events) => {
  test('loses nothing', () => {
    const raw = rawFacts(events);
    const chunks = decodeAll(events);
    const whole = accumulate(chunks);
    expect(whole.content).toBe(raw.content);
    expect(whole.reasoning).toBe(raw.reasoning);
    expect(whole.calls.map(({ name }) => name)).toEqual(raw.names);
    expect(whole.finish).toBe(raw.names.length > 0 ? 'tool_calls' : 'stop');
    const text = JSON.stringify(chunks);
    for (const signature of raw.signatures) expect(text).toContain(JSON.stringify(signature));
    const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount = 0 } = raw.usage;
    expect(whole.usage).toMatchObject({
      prompt_tokens: promptTokenCount,
      completion_tokens: candidatesTokenCount + thoughtsTokenCount,
      completion_tokens_details: { reasoning_tokens: thoughtsTokenCount },
    });
  });

  test('cut after any event is a beginning of it and no made-up end', () => {
    const whole = accumulate(decodeAll(events));
    const place = geminiPlace();
    const decode = place.adapter.createStreamDecoder(place.target());
    const soFar = new Accumulated();
    for (const [at, data] of events.entries()) {
      for (const chunk of decode(data)) soFar.add(chunk);
      expect(whole.content.startsWith(soFar.content)).toBe(true);
      if (at < events.length - 1) expect(soFar.finish).toBeNull();
      for (const [index, call] of soFar.calls.entries()) {
        expect(whole.calls[index]?.arguments.startsWith(call.arguments)).toBe(true);
      }
    }
  });

  const bytes = Buffer.from(events.map((data) => `data: ${data}\r\n\r\n`).join(''));
  const through = async (reads: readonly Uint8Array[]): Promise<string> => {
    const place = geminiPlace();
    const context = streamContext({ target: place.target(), wantsUsage: true });
    const { text, error } = await readAll(new TranslateStream(bytesFrom(reads), context, (chunk) => chunk));
    expect(error).toBeUndefined();
    return text;
  };

  test('is the same wherever its bytes are cut', async () => {
    const whole = await through([bytes]);
    expect(whole.includes('"finish_reason":"')).toBe(true);
    expect((await through([...bytes].map((_, at) => bytes.subarray(at, at + 1)))) === whole).toBe(true);
    // Every position is one cut of some pair; a step that is prime reaches all kinds of places in bounded time.
    const step = Math.max(1, Math.floor(bytes.length / 150)) | 1;
    for (let at = 1; at < bytes.length; at += step) {
      expect((await through([bytes.subarray(0, at), bytes.subarray(at)])) === whole).toBe(true);
    }
  });

  test('breaks off with an error when its last event is missing', async () => {
    const place = geminiPlace();
    const reads = [
      Buffer.from(
        events
          .slice(0, -1)
          .map((data) => `data: ${data}\n\n`)
          .join(''),
      ),
    ];
    const stream = new TranslateStream(bytesFrom(reads), streamContext({ target: place.target() }), (chunk) => chunk);
    const { error } = await readAll(stream);
    expect((error as GatewayError).kind).toBe('upstream_truncated');
  });
});

/** The official client's own joining of chunks. */
async function joinedByOpenAi(chunks: readonly ChatChunk[]): Promise<OpenAI.ChatCompletion> {
  const lines = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`);
  const client = new OpenAI({
    apiKey: 'k',
    baseURL: 'http://unused.invalid',
    fetch: async () => new Response(lines.join(''), { headers: { 'content-type': 'text/event-stream' } }),
  });
  return client.chat.completions
    .stream({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
    .finalChatCompletion();
}

describe("OpenAI's client", () => {
  const ANSWERS: readonly (readonly [string, object])[] = [
    ['a text', answerOf([{ text: 'Hello world', thoughtSignature: 'T' }])],
    ['thoughts and a text', answerOf([{ text: 'Hm', thought: true }, { text: 'Yes' }])],
    [
      'parallel calls',
      answerOf([
        { functionCall: { name: 'f', args: { a: [1, 'ü'] } }, thoughtSignature: 'S' },
        { functionCall: { id: 'own', name: 'g', args: {} } },
      ]),
    ],
    ['a text before a call', answerOf([{ text: 'Let me see.' }, { functionCall: { name: 'f', args: { q: 'x' } } }])],
    ['a refusal', answerOf([], { finishReason: 'MAX_TOKENS' })],
    ['a picture', answerOf([{ text: 'Here:' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }])],
  ];

  test.each(ANSWERS)('rebuilds %s as it is unstreamed', async (_, answer) => {
    const place = geminiPlace();
    const whole: ChatCompletion = place.adapter.parseResponse(answer, place.target());
    const other = geminiPlace();
    const chunks = other.adapter.createStreamDecoder(other.target())(JSON.stringify(answer));
    const { choices } = await joinedByOpenAi(chunks);
    const [joined] = choices;
    const [choice] = whole.choices;
    const plain = (message: object | undefined): unknown => {
      // The client adds these, whatever comes.
      const { parsed: _, refusal, ...rest } = { refusal: null, parsed: null, ...message };
      return JSON.parse(JSON.stringify({ ...rest, refusal: refusal ?? null }), (key, value) =>
        key === 'parsed_arguments' ? undefined : value,
      );
    };
    expect(plain(joined?.message)).toEqual(plain(choice?.message));
    expect(joined?.finish_reason).toBe(choice?.finish_reason as 'stop');
  });
});

describe('whatever the events', () => {
  const call = fc.record(
    {
      name: fc.constantFrom('f', ''),
      args: fc.anything(),
      partialArgs: fc.anything(),
      willContinue: fc.anything(),
      id: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const path = fc.constantFrom('$.a', '$.a[0]', '$.a[1].b', '$', '', "$['x']", '$.a.b.c');
  const piece = fc.record({ jsonPath: path, stringValue: fc.string({ maxLength: 3 }), willContinue: fc.boolean() });
  const part = fc.oneof(
    fc.record({ text: fc.oneof(fc.string(), fc.anything()), thought: fc.boolean() }),
    fc.record({ functionCall: call }),
    fc.record({
      functionCall: fc.record({ partialArgs: fc.array(piece, { maxLength: 3 }), willContinue: fc.boolean() }),
    }),
    fc.anything(),
  );
  const candidate = fc.record(
    {
      content: fc.record({ parts: fc.array(part, { maxLength: 3 }) }),
      finishReason: fc.constantFrom('STOP', 'SAFETY', 7),
      index: fc.constantFrom(0, 1, 'x'),
      groundingMetadata: fc.anything(),
    },
    { requiredKeys: ['content'] },
  );
  const body = fc.record({
    candidates: fc.array(fc.oneof(candidate, fc.anything()), { maxLength: 2 }),
    usageMetadata: fc.anything(),
  });

  test('the decoder goes on, opens each call once and ends each choice once', () => {
    fc.assert(
      fc.property(fc.array(body, { maxLength: 5 }), (bodies) => {
        const choices = decodeAll(bodies.map((one) => JSON.stringify(one))).flatMap((chunk) => chunk.choices);
        const ends = choices.filter(({ finish_reason }) => finish_reason !== null).map(({ index }) => index);
        expect(new Set(ends).size).toBe(ends.length);
        const calls = choices.flatMap(({ delta }) => (delta['tool_calls'] ?? []) as { id?: string }[]);
        const own = calls.flatMap(({ id }) => (id?.startsWith('call_') ? [id] : []));
        expect(new Set(own).size).toBe(own.length);
      }),
      { numRuns: 150 },
    );
  });

  test('texts that are no JSON objects are failures of the upstream', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          decodeAll([text]);
        } catch (thrown) {
          expect((thrown as GatewayError).kind).toBe('upstream_protocol');
          expect(thrown).toBeInstanceOf(GatewayError);
        }
      }),
      { numRuns: 50 },
    );
  });
});
