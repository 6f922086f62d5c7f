/** Answers that go back as history: what Gemini made must come back as it was, whichever way it went. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { answerOf, type GeminiPlace, geminiPlace } from '../../test/support/gemini-place.ts';
import { bucketsOf } from '../ledger/usage.ts';
import type { ChatChunk, ChatMessage } from '../wire/openai.ts';

const MODEL = 'gemini-3-flash-preview';

const signature = fc.base64String({ minLength: 4, maxLength: 40 });
const args = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 4 }),
  fc.oneof(
    fc.string({ maxLength: 5 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.integer(), { maxLength: 2 }),
  ),
  { maxKeys: 3 },
);
const callPart = fc
  .record({ name: fc.constantFrom('f', 'g_h', 'do.it'), args })
  .map((functionCall) => ({ functionCall }));
/** As Gemini does: the first of parallel calls is signed. */
const turn = fc
  .record({ text: fc.string({ maxLength: 6 }), calls: fc.array(callPart, { minLength: 1, maxLength: 3 }), signature })
  .map(({ text, calls, signature: thoughtSignature }) => ({
    text,
    calls: calls.map((part, at) => (at === 0 ? { ...part, thoughtSignature } : part)),
  }));

const partsOf = ({ text, calls }: { text: string; calls: object[] }): object[] => [
  ...(text === '' ? [] : [{ text }]),
  ...calls,
];

function whole(place: GeminiPlace, answer: object): ChatMessage {
  const [choice] = place.adapter.parseResponse(answer, place.target(MODEL)).choices;
  if (!choice) throw new Error('an answer without a choice');
  return choice.message;
}

/** Each part an event of its own, joined as a client joins chunks. */
function streamed(place: GeminiPlace, parts: readonly object[]): ChatMessage {
  const decode = place.adapter.createStreamDecoder(place.target(MODEL));
  const events = [...parts.map((part) => answerOf([part], { finishReason: undefined })), answerOf([{ text: '' }])];
  const chunks: ChatChunk[] = events.flatMap((event) => decode(JSON.stringify(event)));
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  const content = deltas.map((delta) => (typeof delta.content === 'string' ? delta.content : '')).join('');
  const tool_calls = deltas.flatMap((delta) => (delta['tool_calls'] ?? []) as object[]);
  return { role: 'assistant', content: content === '' ? null : content, tool_calls };
}

const contentsOf = (place: GeminiPlace, messages: readonly object[]): { role: string; parts: object[] }[] =>
  place.sent({ messages }, MODEL).body['contents'] as { role: string; parts: object[] }[];

/** The answer and a result for each of its calls. */
const withResults = (message: ChatMessage): object[] => [
  message,
  ...(message['tool_calls'] as { id: string }[]).map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'ok' })),
];

describe('history', () => {
  const roads = [
    ['whole', (place: GeminiPlace, parts: object[]) => whole(place, answerOf(parts))],
    ['streamed', (place: GeminiPlace, parts: object[]) => streamed(place, parts)],
  ] as const;

  test.each(roads)('%s: texts, calls, arguments and signatures come back as they were', (_, read) => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 3 }), (turns) => {
        const place = geminiPlace();
        const messages = turns.flatMap((one) => withResults(read(place, partsOf(one))));
        const back = contentsOf(place, [{ role: 'user', content: 'Go' }, ...messages]).filter(
          ({ role }) => role === 'model',
        );
        expect(JSON.parse(JSON.stringify(back.map(({ parts }) => parts)))).toEqual(
          turns.map((one) => JSON.parse(JSON.stringify(partsOf(one)))),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('each turn of calls is followed by as many results, in the order of the calls', () => {
    fc.assert(
      fc.property(turn, fc.boolean(), (one, isReversed) => {
        const place = geminiPlace();
        const [message, ...results] = withResults(whole(place, answerOf(partsOf(one))));
        const messages = [{ role: 'user', content: 'Go' }, message, ...(isReversed ? results.toReversed() : results)];
        const [, , answers] = contentsOf(place, messages as object[]);
        const called = one.calls.map((part) => (part as { functionCall: { name: string } }).functionCall.name);
        const named = answers?.parts.map(
          (part) => (part as { functionResponse: { name: string } }).functionResponse.name,
        );
        expect(named).toEqual(called);
      }),
      { numRuns: 60 },
    );
  });

  test("a client's own ids in the place of ours lose the signature, and the model is told so", () => {
    const place = geminiPlace();
    const message = whole(place, answerOf([{ functionCall: { name: 'f', args: {} }, thoughtSignature: 'S' }]));
    const renamed = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'mine', type: 'function', function: { name: 'f', arguments: '{}' } }],
    };
    expect(JSON.stringify(contentsOf(place, [message]))).toContain('"S"');
    expect(JSON.stringify(contentsOf(place, [renamed]))).toContain(btoa('skip_thought_signature_validator'));
  });
});

describe('usage', () => {
  const count = fc.integer({ min: 0, max: 5_000 });
  const counts = fc.tuple(count, count, count, count);

  test('the buckets add up to what the provider counted, and none is counted twice', () => {
    fc.assert(
      fc.property(counts, fc.double({ min: 0, max: 1, noNaN: true }), ([prompt, candidates, thoughts, tool], part) => {
        const cached = Math.floor(prompt * part);
        const usageMetadata = {
          promptTokenCount: prompt + 1,
          cachedContentTokenCount: cached,
          candidatesTokenCount: candidates + 1,
          thoughtsTokenCount: thoughts,
          toolUsePromptTokenCount: tool,
          totalTokenCount: prompt + candidates + thoughts + tool + 2,
        };
        const place = geminiPlace();
        const { usage } = place.adapter.parseResponse(answerOf([{ text: 'a' }], {}, { usageMetadata }), place.target());
        const { source, ...buckets } = bucketsOf(usage, { promptChars: 0, outputChars: 0 });
        expect(source).toBe('provider');
        expect(buckets).toMatchObject({ cacheRead: cached, reasoning: thoughts, output: candidates + 1 });
        expect(Object.values(buckets).reduce((sum, tokens) => sum + tokens, 0)).toBe(usageMetadata.totalTokenCount);
      }),
      { numRuns: 100 },
    );
  });
});
