import { describe, expect, test } from 'bun:test';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { accumulate } from '../../test/support/accumulate-chunks.ts';
import { fixturesOf } from '../../test/support/recordings.ts';
import { chunkDecoder, completionReader, type Stamp } from './openai-decoder.ts';

const counter = (): Stamp => {
  let made = 0;
  return { nowMs: () => 1_764_000_123_456, newId: () => `made${++made}` };
};
const read = (body: unknown) => completionReader({}, counter())(body);
const decode = (...events: unknown[]) => {
  const decoder = chunkDecoder({}, counter());
  return events.flatMap((event) => decoder(typeof event === 'string' ? event : JSON.stringify(event)));
};
const delta = (content: object, rest: object = {}) => ({ choices: [{ index: 0, delta: content, ...rest }] });

describe('a whole answer', () => {
  test('without a head of its own gets one', () => {
    expect(read({ choices: [{ message: { content: 'Hi' } }] })).toEqual({
      id: 'chatcmpl-made1',
      object: 'chat.completion',
      created: 1_764_000_123,
      model: '',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: null }],
    });
  });

  test('with one keeps it, null content and unknown members included', () => {
    const body = {
      id: 'x',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: null, audio: { id: 'a' } },
          finish_reason: 'length',
          extra: 1,
        },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, more: {} },
      service_tier: 'flex',
    };
    expect(read(body) as unknown).toEqual(body);
  });

  test('numbers its choices where they have no number', () => {
    expect(read({ choices: [{}, { index: 5 }, null] }).choices.map(({ index }) => index)).toEqual([0, 5, 2]);
  });

  test('without usage has none: the gateway counts then', () => {
    for (const usage of [undefined, null, 'much', []]) {
      expect(read({ choices: [], usage }).usage ?? null).toBeNull();
      expect(decode({ choices: [], usage })[0]?.usage ?? null).toBeNull();
    }
  });

  test('completes tool calls: id, type, arguments as text', () => {
    const calls = [
      { function: { name: 'f', arguments: { a: 1 } } },
      { id: 'own', type: 'function', function: { name: 'g' } },
      { id: 'c', type: 'custom', custom: { name: 'h', input: 'x' } },
    ];
    const [choice] = read({ choices: [{ message: { tool_calls: calls }, finish_reason: 'stop' }] }).choices;
    expect(choice?.message['tool_calls']).toEqual([
      { id: 'call_made2', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
      { id: 'own', type: 'function', function: { name: 'g', arguments: '{}' } },
      calls[2],
    ]);
    expect([choice?.finish_reason, choice?.message.content]).toEqual(['tool_calls', null]);
  });
});

describe('a finish reason', () => {
  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['tool_calls', 'tool_calls'],
    ['content_filter', 'content_filter'],
    ['function_call', 'function_call'],
  ])('%s stays', (reason, expected) => {
    const [choice] = read({ choices: [{ message: {}, finish_reason: reason }] }).choices;
    expect(choice?.finish_reason).toBe(expected);
    expect(choice).not.toHaveProperty('provider_specific_fields');
  });

  test.each([
    ['eos', 'stop'],
    ['end_turn', 'stop'],
    ['COMPLETE', 'stop'],
    ['MALFORMED_FUNCTION_CALL', 'stop'],
    ['__proto__', 'stop'],
    ['max_tokens', 'length'],
    ['model_length', 'length'],
    ['tool_use', 'tool_calls'],
    ['SAFETY', 'content_filter'],
    ['refusal', 'content_filter'],
    ['sensitive', 'content_filter'],
  ])('%s is %s, and kept beside it', (reason, expected) => {
    const [choice] = read({ choices: [{ message: {}, finish_reason: reason }] }).choices;
    expect(choice?.finish_reason).toBe(expected);
    expect(choice?.['provider_specific_fields']).toEqual({ native_finish_reason: reason });
    const [chunk] = decode(delta({}, { finish_reason: reason }));
    expect(chunk?.choices[0]?.finish_reason).toBe(expected);
  });

  test.each([null, undefined, '', 0])('%p is none', (reason) => {
    expect(read({ choices: [{ message: {}, finish_reason: reason }] }).choices[0]?.finish_reason).toBeNull();
  });

  test('stop is tool_calls where a tool was called, in that choice', () => {
    const call = { index: 0, id: 'a', function: { name: 'f', arguments: '{}' } };
    const finish = (index: number) => ({ choices: [{ index, delta: {}, finish_reason: 'stop' }] });
    const chunks = decode(delta({ tool_calls: [call] }), finish(1), finish(0));
    expect(chunks.slice(1).map(({ choices }) => choices[0]?.finish_reason)).toEqual(['stop', 'tool_calls']);
  });
});

describe('a stream', () => {
  test('has one id, time and model, also where the upstream forgets them', () => {
    const chunks = decode(delta({ content: 'a' }), { ...delta({ content: 'b' }), id: 'late', model: 'm' }, delta({}));
    expect(chunks.map(({ id, created, model }) => [id, created, model])).toEqual([
      ['chatcmpl-made1', 1_764_000_123, ''],
      ['chatcmpl-made1', 1_764_000_123, 'm'],
      ['chatcmpl-made1', 1_764_000_123, ''],
    ]);
  });

  test('takes its id from the first event that has one or says something', () => {
    const chunks = decode(
      { id: '', choices: [], prompt_filter_results: [] },
      { ...delta({ content: 'a' }), id: 'own' },
    );
    expect(chunks.map(({ id }) => id)).toEqual(['', 'own']);
    expect(chunks[0]).toHaveProperty('prompt_filter_results');
  });

  test('says a role once', () => {
    const chunks = decode(delta({ role: 'assistant', content: 'a' }), delta({ role: 'assistant', content: 'b' }), {
      choices: [{ index: 1, delta: { role: 'assistant' } }],
    });
    expect(chunks.map(({ choices }) => choices[0]?.delta.role)).toEqual(['assistant', undefined, 'assistant']);
  });

  test('does not carry the whole message beside its pieces', () => {
    expect(decode(delta({ content: 'b' }, { message: { content: 'ab' } }))[0]?.choices[0]).not.toHaveProperty(
      'message',
    );
  });

  test('may bring usage in any event', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    const chunks = decode(
      { ...delta({ content: 'a' }), usage: null },
      { ...delta({}), usage },
      { usage },
      { choices: [] },
    );
    expect(chunks.map((chunk) => chunk.usage ?? undefined)).toEqual([undefined, usage, usage, undefined]);
    expect(chunks.map(({ choices }) => choices.length)).toEqual([1, 1, 0, 0]);
  });

  test('ends with nothing more to say', () => {
    expect(decode('[DONE]', ' [DONE] ', '', ' ')).toEqual([]);
  });

  test('keeps what it does not know', () => {
    const [chunk] = decode({
      ...delta({ content: 'a', annotations: [1] }, { logprobs: null, own: 1 }),
      x_own: { a: 1 },
    });
    expect(chunk).toMatchObject({
      x_own: { a: 1 },
      choices: [{ own: 1, logprobs: null, delta: { annotations: [1] } }],
    });
  });

  test('of nonsense is the upstream’s failure, and nothing of it is repeated', () => {
    for (const event of ['{"content":"a secret', 'a secret', '["a secret"]', '7']) {
      expect(() => decode(event)).toThrow('The upstream sent an event that is not a JSON object.');
    }
  });
});

test('OpenAI’s own library reads every stream as we do', async () => {
  for (const provider of ['openai', 'groq', 'xai', 'mistral', 'perplexity', 'moonshot']) {
    for (const { events = [] } of fixturesOf(provider)) {
      const decoder = chunkDecoder({});
      const chunks = events.flatMap((event) => decoder(event)).filter(({ choices }) => choices.length > 0);
      // The library is strict about content that is no text; that is the business of each provider's differences.
      if (chunks.some(({ choices }) => Array.isArray(choices[0]?.delta.content))) continue;
      const lines = new Response(chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join('')).body;
      if (!lines) throw new Error('no body');
      const completion = await ChatCompletionStream.fromReadableStream(lines).finalChatCompletion();
      const ours = accumulate(chunks);
      const [choice] = completion.choices;
      expect([choice?.message.content ?? '', choice?.finish_reason]).toEqual([ours.content, ours.finish ?? 'none']);
      const calls = (choice?.message.tool_calls ?? []).map((call) => 'function' in call && call.function.arguments);
      expect(calls).toEqual(ours.calls.map((call) => call.arguments));
    }
  }
});
