import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { answerOf, geminiPlace, NOW_MS } from '../../test/support/gemini-place.ts';
import { fixturesOf, realRecordings } from '../../test/support/recordings.ts';
import { GatewayError } from '../errors.ts';
import { bucketsOf } from '../ledger/usage.ts';
import type { ChatCompletion } from '../wire/openai.ts';

const read = (body: unknown, model?: string, memo?: unknown): ChatCompletion => {
  const place = geminiPlace();
  return place.adapter.parseResponse(body, place.target(model), memo);
};
const first = (parts: readonly object[], candidate: object = {}) => {
  const [choice] = read(answerOf(parts, candidate)).choices;
  if (!choice) throw new Error('no choice');
  return choice;
};

describe('a whole answer', () => {
  test('is a completion in OpenAI’s shape', () => {
    expect(read(answerOf([{ text: 'Hello ' }, { text: 'world' }]))).toEqual({
      id: 'resp-1',
      object: 'chat.completion',
      created: NOW_MS / 1000,
      model: 'gemini-2.5-flash',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello world' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
  });

  test('without an id gets one, and the time it was made', () => {
    const answer = read(
      answerOf([{ text: 'a' }], {}, { responseId: undefined, createTime: '2026-05-04T20:01:02.264968Z' }),
    );
    expect(answer.id).toBe('chatcmpl-0000000000000000000000000001');
    expect(answer.created).toBe(1_777_924_862);
  });

  test('thoughts are reasoning, apart from the text', () => {
    expect(first([{ text: 'Hm. ', thought: true }, { text: 'So.', thought: true }, { text: 'Yes' }]).message).toEqual({
      role: 'assistant',
      content: 'Yes',
      reasoning_content: 'Hm. So.',
    });
  });

  test('calls get ids of ours where they have none, signatures in both places', () => {
    const { message, finish_reason } = first([
      { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'SIG+/=' },
      { functionCall: { id: 'g-1', name: 'g' } },
    ]);
    expect(finish_reason).toBe('tool_calls');
    expect(message).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: 'call_0000000000000000000000000001',
          type: 'function',
          function: { name: 'f', arguments: '{"a":1}' },
          extra_content: { google: { thought_signature: 'SIG+/=' } },
          provider_specific_fields: { thought_signature: 'SIG+/=' },
        },
        { id: 'g-1', type: 'function', function: { name: 'g', arguments: '{}' } },
      ],
    });
  });

  test('a request with the older functions is answered with a function call', () => {
    const answer = read(answerOf([{ functionCall: { name: 'f', args: {} } }]), undefined, { isLegacy: true });
    expect(answer.choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        finish_reason: 'function_call',
      },
    ]);
  });

  test('signatures of texts are kept beside them', () => {
    expect(
      first([
        { text: 'a', thoughtSignature: 'A' },
        { text: '', thoughtSignature: 'B' },
      ]).message,
    ).toMatchObject({
      content: 'a',
      extra_content: { google: { thought_signature: 'B' } },
      provider_specific_fields: { thought_signatures: ['A', 'B'] },
    });
  });

  test('pictures and sound', () => {
    const { message } = first([
      { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thoughtSignature: 'P' },
      { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: btoa('ab') } },
      { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: btoa('c') } },
    ]);
    expect(message['images']).toMatchObject([
      {
        index: 0,
        type: 'image_url',
        image_url: { url: 'data:image/png;base64,AAAA' },
        extra_content: { google: { thought_signature: 'P' } },
      },
    ]);
    expect(message['audio']).toEqual({
      id: 'audio_0000000000000000000000000001',
      data: btoa('abc'),
      transcript: '',
      expires_at: NOW_MS / 1000 + 86_400,
    });
  });

  test('code that the model ran is kept as it came', () => {
    const steps = [
      { executableCode: { language: 'PYTHON', code: 'print(1)' } },
      { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1\n' } },
    ];
    expect(first([...steps, { text: 'One' }]).message).toEqual({
      role: 'assistant',
      content: 'One',
      provider_specific_fields: { code_execution: steps },
    });
  });

  test('several candidates keep their places', () => {
    const { choices } = read({
      ...answerOf([]),
      candidates: [
        { content: { parts: [{ text: 'b' }] }, finishReason: 'MAX_TOKENS', index: 1 },
        { content: { parts: [{ text: 'c' }] }, finishReason: 'STOP' },
      ],
    });
    expect(choices.map(({ index, message, finish_reason }) => [index, message.content, finish_reason])).toEqual([
      [1, 'b', 'length'],
      [1, 'c', 'stop'],
    ]);
  });

  test('log probabilities', () => {
    const logprobsResult = {
      chosenCandidates: [{ token: 'Hé', logProbability: -0.1 }, { token: '!' }],
      topCandidates: [
        {
          candidates: [
            { token: 'Hé', logProbability: -0.1 },
            { token: 'Ho', logProbability: -2 },
          ],
        },
      ],
    };
    expect(first([{ text: 'Hé!' }], { logprobsResult })['logprobs']).toEqual({
      content: [
        {
          token: 'Hé',
          logprob: -0.1,
          bytes: [72, 195, 169],
          top_logprobs: [
            { token: 'Hé', logprob: -0.1, bytes: [72, 195, 169] },
            { token: 'Ho', logprob: -2, bytes: [72, 111] },
          ],
        },
        { token: '!', logprob: -9999, bytes: [33], top_logprobs: [] },
      ],
      refusal: null,
    });
  });
});

const WHOLE = [...fixturesOf('gemini'), ...realRecordings('google')].flatMap(({ name, whole }) =>
  whole === undefined || name.includes('429') ? [] : [[name, whole] as const],
);

describe('recorded answers', () => {
  test.each(WHOLE)('%s loses nothing', (_, text) => {
    const raw = JSON.parse(text);
    const answer = read(raw);
    const [choice] = answer.choices;
    // Found in the recording itself, without our own code.
    const parts: Record<string, never>[] = raw.candidates[0].content.parts;
    const textOf = (isThought: boolean): string =>
      parts.map((part) => (Boolean(part['thought']) === isThought ? (part['text'] ?? '') : '')).join('');
    const calls = parts.flatMap((part) => part['functionCall'] ?? []) as { name: string; args: object }[];
    expect(choice?.message.content ?? '').toBe(textOf(false));
    expect(choice?.message['reasoning_content'] ?? '').toBe(textOf(true));
    const made = (choice?.message['tool_calls'] ?? []) as { function: { name: string; arguments: string } }[];
    expect(made.map((call) => [call.function.name, JSON.parse(call.function.arguments)])).toEqual(
      calls.map(({ name, args }) => [name, args]),
    );
    expect(choice?.finish_reason).toBe(calls.length > 0 ? 'tool_calls' : 'stop');
    for (const { thoughtSignature } of parts) {
      if (thoughtSignature) expect(JSON.stringify(answer).includes(JSON.stringify(thoughtSignature))).toBe(true);
    }
    const { promptTokenCount, totalTokenCount, thoughtsTokenCount = 0 } = raw.usageMetadata;
    expect(answer.usage).toMatchObject({
      prompt_tokens: promptTokenCount,
      total_tokens: totalTokenCount,
      completion_tokens_details: { reasoning_tokens: thoughtsTokenCount },
    });
    expect([answer.id, answer.model]).toEqual([raw.responseId, raw.modelVersion]);
  });
});

describe('the end', () => {
  test.each([
    ['STOP', 'stop', undefined],
    ['MAX_TOKENS', 'length', undefined],
    ['SAFETY', 'content_filter', 'SAFETY'],
    ['RECITATION', 'content_filter', 'RECITATION'],
    ['LANGUAGE', 'content_filter', 'LANGUAGE'],
    ['OTHER', 'content_filter', 'OTHER'],
    ['BLOCKLIST', 'content_filter', 'BLOCKLIST'],
    ['PROHIBITED_CONTENT', 'content_filter', 'PROHIBITED_CONTENT'],
    ['SPII', 'content_filter', 'SPII'],
    ['IMAGE_SAFETY', 'content_filter', 'IMAGE_SAFETY'],
    ['MALFORMED_FUNCTION_CALL', 'stop', 'MALFORMED_FUNCTION_CALL'],
    ['UNEXPECTED_TOOL_CALL', 'stop', 'UNEXPECTED_TOOL_CALL'],
    ['FINISH_REASON_UNSPECIFIED', 'stop', 'FINISH_REASON_UNSPECIFIED'],
    ['SOMETHING_NEW', 'stop', 'SOMETHING_NEW'],
  ])('%s is %s', (finishReason, finish, native) => {
    const choice = first([{ text: 'a' }], { finishReason });
    expect(choice.finish_reason).toBe(finish);
    expect(choice['provider_specific_fields']).toEqual(
      native === undefined ? undefined : { native_finish_reason: native },
    );
    expect(choice.message['refusal']).toBeUndefined();
    const calling = first([{ functionCall: { name: 'f' } }], { finishReason });
    expect(calling.finish_reason).toBe('tool_calls');
  });

  test('a blocked answer without text says why', () => {
    expect(first([], { finishReason: 'SAFETY', finishMessage: 'Too harsh.' }).message).toEqual({
      role: 'assistant',
      content: null,
      refusal: 'Too harsh.',
    });
    expect(first([], { finishReason: 'SPII', content: undefined }).message['refusal']).toBe(
      'The answer was blocked: SPII.',
    );
  });

  test('a blocked prompt is one choice without text', () => {
    const { choices, usage } = read({
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT', blockReasonMessage: 'Not this.' },
      usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 },
    });
    expect(choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: null, refusal: 'Not this.' },
        finish_reason: 'content_filter',
        provider_specific_fields: { native_finish_reason: 'PROHIBITED_CONTENT' },
      },
    ]);
    expect(usage?.prompt_tokens).toBe(8);
  });

  test('what has neither candidates nor a block is no answer', () => {
    const bodies = [
      null,
      1,
      'text',
      [],
      [1, 2],
      {},
      { candidates: [] },
      { candidates: 'none' },
      { promptFeedback: {} },
    ];
    for (const body of bodies) expect(() => read(body)).toThrow('not an answer of Gemini');
  });
});

describe('sources', () => {
  const groundingMetadata = {
    webSearchQueries: ['köln wetter', 'cologne weather'],
    groundingChunks: [{ web: { uri: 'https://a.example', title: 'A' } }, { maps: { uri: 'https://b.example' } }, {}],
    groundingSupports: [
      { segment: { startIndex: 0, endIndex: 6, text: 'Köln ' }, groundingChunkIndices: [0] },
      { segment: { startIndex: 6, endIndex: 11 }, groundingChunkIndices: [0, 1, 2, 99] },
    ],
  };

  test('are annotations, counted in characters', () => {
    const { message } = first([{ text: 'Köln 👋 ok' }], { groundingMetadata });
    expect(message['annotations']).toEqual([
      { type: 'url_citation', url_citation: { start_index: 0, end_index: 5, url: 'https://a.example', title: 'A' } },
      { type: 'url_citation', url_citation: { start_index: 5, end_index: 7, url: 'https://a.example', title: 'A' } },
      { type: 'url_citation', url_citation: { start_index: 5, end_index: 7, url: 'https://b.example', title: '' } },
    ]);
  });

  test('of a later part count from the beginning of the text', () => {
    const metadata = {
      groundingChunks: [{ web: { uri: 'https://a.example' } }],
      groundingSupports: [{ segment: { partIndex: 1, startIndex: 1, endIndex: 2 }, groundingChunkIndices: [0] }],
    };
    expect(
      first([{ text: 'äb' }, { text: 'cde' }], { groundingMetadata: metadata }).message['annotations'],
    ).toMatchObject([{ url_citation: { start_index: 3, end_index: 4 } }]);
  });

  test('quoted works are annotations too', () => {
    const citationMetadata = {
      citationSources: [{ startIndex: 1, endIndex: 3, uri: 'https://q.example' }, { license: 'mit' }],
    };
    expect(first([{ text: 'abcd' }], { citationMetadata }).message['annotations']).toEqual([
      { type: 'url_citation', url_citation: { start_index: 1, end_index: 3, url: 'https://q.example', title: '' } },
    ]);
  });

  test('what Google says beside the answer keeps LiteLLM’s names', () => {
    const safetyRatings = [{ category: 'HARM_CATEGORY_HARASSMENT', probability: 'LOW' }];
    const answer = read(answerOf([{ text: 'a' }], { groundingMetadata, safetyRatings, urlContextMetadata: { a: 1 } }));
    expect(answer).toMatchObject({
      vertex_ai_grounding_metadata: [groundingMetadata],
      vertex_ai_safety_results: [safetyRatings],
      vertex_ai_url_context_metadata: [{ a: 1 }],
    });
    expect(answer).not.toHaveProperty('vertex_ai_citation_metadata');
  });

  test('searches are counted as they are billed: by query from the third generation on, else by answer', () => {
    const body = answerOf([{ text: 'a' }], { groundingMetadata });
    expect(read(body, 'gemini-3-flash-preview').usage?.prompt_tokens_details).toMatchObject({ web_search_requests: 2 });
    expect(read(body).usage?.prompt_tokens_details).toMatchObject({ web_search_requests: 1 });
  });
});

describe('usage, in buckets that share no token', () => {
  const bucketsFrom = (usageMetadata: object, candidate: object = {}) =>
    bucketsOf(read(answerOf([{ text: 'a' }], candidate, { usageMetadata })).usage, { promptChars: 0, outputChars: 0 });

  test.each<[string, object, object]>([
    ['plain', { promptTokenCount: 9, candidatesTokenCount: 5, totalTokenCount: 14 }, { input: 9, output: 5 }],
    [
      'thoughts beside the answer',
      { promptTokenCount: 9, candidatesTokenCount: 5, thoughtsTokenCount: 185, totalTokenCount: 199 },
      { input: 9, output: 5, reasoning: 185 },
    ],
    [
      'thoughts within the answer',
      { promptTokenCount: 9, candidatesTokenCount: 50, thoughtsTokenCount: 20, totalTokenCount: 59 },
      { input: 9, output: 30, reasoning: 20 },
    ],
    [
      'cached',
      { promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 5, totalTokenCount: 105 },
      { input: 40, cacheRead: 60, output: 5 },
    ],
    [
      'sound, some of it cached',
      {
        promptTokenCount: 100,
        cachedContentTokenCount: 60,
        candidatesTokenCount: 12,
        totalTokenCount: 112,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 20 },
          { modality: 'AUDIO', tokenCount: 80 },
        ],
        cacheTokensDetails: [
          { modality: 'AUDIO', tokenCount: 50 },
          { modality: 'TEXT', tokenCount: 10 },
        ],
        candidatesTokensDetails: [{ modality: 'AUDIO', tokenCount: 12 }],
      },
      { input: 10, inputAudio: 30, cacheRead: 60, output: 0, outputAudio: 12 },
    ],
    [
      'tools',
      { promptTokenCount: 10, toolUsePromptTokenCount: 30, candidatesTokenCount: 5, totalTokenCount: 45 },
      { input: 40, output: 5 },
    ],
    [
      'thoughts only',
      { promptTokenCount: 9, thoughtsTokenCount: 50, totalTokenCount: 59 },
      { input: 9, output: 0, reasoning: 50 },
    ],
  ])('%s', (_, metadata, buckets) => {
    const empty = { input: 0, cacheRead: 0, cacheWrite: 0, inputAudio: 0, output: 0, reasoning: 0, outputAudio: 0 };
    expect(bucketsFrom(metadata)).toEqual({ ...empty, ...buckets, source: 'provider' });
  });

  test('what a search brought along is billed by the search', () => {
    const metadata = {
      promptTokenCount: 10,
      toolUsePromptTokenCount: 30,
      candidatesTokenCount: 5,
      totalTokenCount: 45,
    };
    expect(bucketsFrom(metadata, { groundingMetadata: { webSearchQueries: ['q'] } })).toMatchObject({ input: 10 });
  });

  test('pictures and tools have details of their own', () => {
    const usageMetadata = {
      promptTokenCount: 300,
      toolUsePromptTokenCount: 7,
      candidatesTokenCount: 1290,
      promptTokensDetails: [{ modality: 'IMAGE', tokenCount: 258 }, { modality: 'toString', tokenCount: 1 }, null],
      candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 1290 }],
    };
    expect(read(answerOf([{ text: 'a' }], {}, { usageMetadata })).usage).toMatchObject({
      prompt_tokens: 307,
      prompt_tokens_details: { image_tokens: 258, tool_use_tokens: 7 },
      completion_tokens_details: { image_tokens: 1290 },
    });
  });

  test.each([
    [{ trafficType: 'ON_DEMAND_PRIORITY' }, 'priority'],
    [{ trafficType: 'ON_DEMAND_FLEX' }, 'flex'],
    [{ serviceTier: 'FLEX' }, 'flex'],
    [{ serviceTier: 'standard' }, 'default'],
    [{ trafficType: 'ON_DEMAND' }, undefined],
  ])('%j is the tier %p', (more, tier) => {
    const usageMetadata = { promptTokenCount: 1, ...more };
    expect(read(answerOf([{ text: 'a' }], {}, { usageMetadata }))['service_tier']).toBe(tier);
  });

  test('nonsense is no usage', () => {
    expect(read(answerOf([{ text: 'a' }], {}, { usageMetadata: { promptTokenCount: -1 } })).usage).toBeUndefined();
    expect(read(answerOf([{ text: 'a' }], {}, { usageMetadata: 'many' })).usage).toBeUndefined();
  });
});

describe('whatever comes', () => {
  const part = fc.oneof(
    fc.record({ text: fc.anything(), thought: fc.anything(), thoughtSignature: fc.anything() }),
    fc.record({ functionCall: fc.anything() }),
    fc.record({ functionCall: fc.record({ name: fc.anything(), args: fc.anything(), partialArgs: fc.anything() }) }),
    fc.record({ inlineData: fc.record({ mimeType: fc.anything(), data: fc.anything() }) }),
    fc.anything(),
  );
  const body = fc.record({
    candidates: fc.array(
      fc.oneof(
        fc.record({
          content: fc.oneof(fc.record({ parts: fc.array(part, { maxLength: 3 }) }), fc.anything()),
          finishReason: fc.oneof(fc.constantFrom('STOP', 'SAFETY'), fc.anything()),
          groundingMetadata: fc.anything(),
          citationMetadata: fc.anything(),
          logprobsResult: fc.oneof(fc.anything(), fc.record({ chosenCandidates: fc.array(fc.anything()) })),
          index: fc.anything(),
        }),
        fc.anything(),
      ),
      { maxLength: 2 },
    ),
    usageMetadata: fc.anything(),
    promptFeedback: fc.anything(),
  });

  test('it is read, or refused as no answer', () => {
    fc.assert(
      fc.property(body, (given) => {
        const raw: unknown = JSON.parse(JSON.stringify(given));
        try {
          for (const { message, finish_reason } of read(raw).choices) {
            expect(message.role).toBe('assistant');
            expect(finish_reason).toBeString();
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(GatewayError);
          expect((thrown as GatewayError).kind).toBe('upstream_protocol');
        }
      }),
      { numRuns: 200 },
    );
  });
});
