import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { adapterOf, sampleTarget } from '../../test/support/call-parts.ts';
import { readEvents } from '../../test/support/sse.ts';
import { readAll, streamContext } from '../../test/support/stream-parts.ts';
import type { Target } from '../providers/adapter.ts';
import type { ChatCompletion, Usage } from '../wire/openai.ts';
import type { StreamReply } from './call.ts';
import { type EmulationParts, emulatedStream, streamsAt, wholeInput } from './emulated-stream.ts';
import { fullReply } from './full-reply.ts';

const USAGE: Usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
const call = (id: string, name: string, args: string): object => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});

function whole(message: object, choice: object = {}, rest: object = {}): ChatCompletion {
  const choices = [
    { index: 0, message: { role: 'assistant', content: null, ...message }, finish_reason: 'stop', ...choice },
  ];
  return { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'upstream', choices, usage: USAGE, ...rest };
}

/** As the sender makes it of an upstream's bytes. */
function emulated(completion: unknown, over: Partial<EmulationParts> = {}): StreamReply {
  const reply = fullReply({
    target: sampleTarget(),
    text: JSON.stringify(completion),
    requestedModel: 'my-model',
    upstreamHeaders: new Headers({ 'x-request-id': 'req_1' }),
  });
  return emulatedStream(reply, { ...streamContext(), onChunk: undefined, ...over });
}

const eventsOf = async (completion: unknown, over: Partial<EmulationParts> = {}) => {
  const { text, error } = await readAll(emulated(completion, over).body);
  expect(error).toBeUndefined();
  return readEvents(text);
};
const deltasOf = async (completion: unknown): Promise<unknown[]> =>
  (await eventsOf(completion)).chunks.flatMap(({ choices = [] }) => choices.map(({ delta }) => delta));

/** What OpenAI's own library makes of the stream. */
async function rebuilt(completion: ChatCompletion): Promise<unknown> {
  const { data } = await eventsOf(completion, { wantsUsage: true });
  const lines = new Blob([`${data.join('\n')}\n`]).stream();
  const { usage, ...answer } = await ChatCompletionStream.fromReadableStream(lines).finalChatCompletion();
  expect(usage).toMatchObject({ ...USAGE });
  return JSON.parse(JSON.stringify(answer, (name, value) => (PARSED.has(name) ? undefined : value)));
}

/** What the library adds. */
const PARSED: ReadonlySet<string> = new Set(['parsed', 'parsed_arguments']);

/** The library writes out what is `null`, and knows no usage of its own kind. */
function asRebuilt({ usage: _, choices, ...rest }: ChatCompletion): unknown {
  return {
    ...rest,
    model: 'my-model',
    choices: choices.map(({ logprobs = null, ...choice }) => ({
      ...choice,
      logprobs,
      message: { refusal: null, ...choice.message },
    })),
  };
}

const THOUGHTS = {
  reasoning_content: 'First this. Then that.',
  thinking_blocks: [{ type: 'thinking', thinking: 'First this. Then that.', signature: 'c2ln' }],
  provider_specific_fields: { a: 1 },
};
const CITED = { annotations: [{ type: 'url_citation', url_citation: { url: 'https://a.example', start_index: 0 } }] };
const LOGPROBS = { content: [{ token: 'Hi', logprob: -0.1, bytes: [72, 105], top_logprobs: [] }], refusal: null };

describe('OpenAI’s own library rebuilds the whole answer', () => {
  const answers: Readonly<Record<string, ChatCompletion>> = {
    'of a text': whole({ content: 'Hello, world!\n\n  Bye.' }),
    'of an empty text': whole({ content: '' }),
    'of thoughts': whole({ content: 'So it is.', ...THOUGHTS }),
    'with citations': whole({ content: 'As said.', ...CITED }),
    'of tool calls': whole(
      { tool_calls: [call('a', 'look_up', '{"city":"Köln"}'), call('b', 'look_up', '{}')] },
      { finish_reason: 'tool_calls' },
    ),
    'of a text and a tool call': whole(
      { content: 'I look.', ...THOUGHTS, tool_calls: [call('a', 'f', '{"a": 1}')] },
      { finish_reason: 'tool_calls' },
    ),
    'of a refusal': whole({ refusal: 'I will not.' }),
    'that was cut off': whole({ content: 'Hal' }, { finish_reason: 'length' }),
    'that a filter ended': whole({ content: '' }, { finish_reason: 'content_filter' }),
    'with logprobs': whole({ content: 'Hi there' }, { logprobs: LOGPROBS }),
    'with logprobs and nothing said': whole({ content: null, refusal: null }, { logprobs: LOGPROBS }),
    'with audio': whole({ audio: { id: 'audio_1', data: 'UklGRg==', transcript: 'Hi', expires_at: 5 } }),
    'with more about the choice': whole({ content: 'Hi' }, { content_filter_results: { hate: { filtered: false } } }),
    'with more about the answer': whole(
      { content: 'Hi you' },
      {},
      { system_fingerprint: 'fp_1', service_tier: 'default', citations: ['https://a.example'] },
    ),
  };
  test.each(Object.keys(answers))('%s', async (name) => {
    const answer = answers[name] ?? whole({});
    expect(await rebuilt(answer)).toEqual(asRebuilt(answer));
  });

  test('of several choices', async () => {
    const [first] = whole({ content: 'One two.' }).choices;
    const [second] = whole({ content: null, tool_calls: [call('a', 'f', '{}')] }, { index: 1 }).choices;
    const answer = { ...whole({}), choices: first && second ? [first, second] : [] };
    expect(await rebuilt(answer)).toEqual(asRebuilt(answer));
  });

  test('of a function call as it was before tools', async () => {
    const answer = whole({ function_call: { name: 'f', arguments: '{"a":1}' } }, { finish_reason: 'function_call' });
    expect(await rebuilt(answer)).toMatchObject({
      choices: [{ message: { function_call: { name: 'f', arguments: '{"a":1}' } }, finish_reason: 'function_call' }],
    });
  });

  test('of any text, thoughts and arguments', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    const message = fc.record(
      { content: text, reasoning_content: text, args: fc.array(text, { minLength: 1, maxLength: 3 }) },
      { requiredKeys: ['content'] },
    );
    await fc.assert(
      fc.asyncProperty(message, async ({ args, ...said }) => {
        const calls = args?.map((value, at) => call(`c${at}`, 'f', value));
        const answer = whole({ ...said, ...(calls && { tool_calls: calls }) });
        expect(await rebuilt(answer)).toEqual(asRebuilt(answer));
      }),
      { numRuns: 60 },
    );
  });
});

describe('the events', () => {
  test('are the role, the thoughts, the text, what it rests on, the calls and the end, in this order', async () => {
    const answer = whole({
      content: 'So it is.',
      reasoning_content: 'Hm.',
      ...CITED,
      tool_calls: [call('a', 'f', '{}')],
    });
    expect(await deltasOf(answer)).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'Hm.' },
      { content: 'So ' },
      { content: 'it ' },
      { content: 'is.' },
      CITED,
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] },
      {},
    ]);
  });

  test('are OpenAI’s chunks of one answer, under the name that was asked for', async () => {
    const { chunks, finishReasons } = await eventsOf(whole({ content: 'Hi you' }, {}, { system_fingerprint: 'fp' }));
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'my-model',
        system_fingerprint: 'fp',
      });
      expect(chunk).not.toHaveProperty('usage');
    }
    expect(finishReasons).toEqual(['stop']);
  });

  test('say once what belongs to all of the answer', async () => {
    const { chunks } = await eventsOf(whole({ content: 'a b c' }, {}, { citations: ['https://a.example'] }));
    expect(chunks.map((chunk) => 'citations' in chunk)).toEqual([true, ...chunks.slice(1).map(() => false)]);
  });

  test('end with the usage where it was asked for, and never otherwise', async () => {
    expect((await eventsOf(whole({ content: 'Hi' }))).usages).toEqual([]);
    const { chunks } = await eventsOf(whole({ content: 'Hi' }), { wantsUsage: true });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: USAGE });
    expect(chunks.filter(({ usage }) => usage)).toHaveLength(1);
  });

  test('count what was said where the upstream counts nothing', async () => {
    const { usages } = await eventsOf({ ...whole({ content: 'x'.repeat(400) }), usage: null }, { wantsUsage: true });
    expect(usages[0]?.['completion_tokens']).toBeGreaterThan(50);
  });

  test('pass everything that looks at chunks', async () => {
    const onChunk: EmulationParts['onChunk'] = (chunk) => ({ ...chunk, seen: true });
    const { chunks } = await eventsOf(whole({ content: 'Hi you' }), { onChunk });
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.every((chunk) => 'seen' in chunk)).toBe(true);
  });

  test('of a long answer arrive in a few reads', async () => {
    const { body } = emulated(whole({ content: 'word '.repeat(2_000) }));
    let reads = 0;
    for (let bytes = await body.next(); bytes; bytes = await body.next()) reads++;
    expect(reads).toBeGreaterThan(1);
    expect(reads).toBeLessThan(50);
  });

  test('keep a content that is no text', async () => {
    const content = [{ type: 'text', text: 'Hi' }];
    expect(await deltasOf(whole({ content }))).toEqual([{ role: 'assistant', content: null }, { content }, {}]);
  });

  test('tolerate a choice without message, place and end', async () => {
    const { finishReasons, chunks } = await eventsOf({ ...whole({}), choices: [{ message: null }, {}] });
    expect(finishReasons).toEqual(['stop', 'stop']);
    expect(chunks.at(-1)?.choices).toMatchObject([{ index: 1 }]);
  });
});

describe('an emulated stream', () => {
  test('is counted whole from the start, since it is paid for whole', () => {
    const { body, upstreamHeaders } = emulated(whole({ content: 'Hello' }, {}, { service_tier: 'flex' }), {
      keepEvents: true,
    });
    expect(body.tally).toMatchObject({
      responseId: 'chatcmpl-1',
      usage: USAGE,
      serviceTier: 'flex',
      outputChars: 5,
      stored: [],
    });
    expect(body.tally.firstContentAtMs).toBeNumber();
    expect(upstreamHeaders?.get('x-request-id')).toBe('req_1');
  });

  test('keeps its events where prompts are stored', async () => {
    const { body } = emulated(whole({ content: 'Hi you' }), { keepEvents: true });
    const { data } = readEvents((await readAll(body)).text);
    expect(body.tally.stored).toEqual(data);
  });

  test.each([{ choices: [] }, { choices: {} }, { choices: null }])('is not made of %p', (rest) => {
    const failure = expect.objectContaining({ kind: 'upstream_protocol' });
    expect(() => emulated({ ...whole({}), ...rest })).toThrow(failure);
  });
});

describe('a target', () => {
  const at = (over: Partial<Target>): boolean => streamsAt(sampleTarget(over));
  const knows =
    (streams: boolean): Target['knownModel'] =>
    () => ({ maxOutputTokens: undefined, flags: { supports_native_streaming: streams } });
  const never = { ...adapterOf(), streamsAt: () => false };

  test('streams, unless its model is known not to', () => {
    expect(at({})).toBe(true);
    expect(at({ knownModel: () => undefined })).toBe(true);
    expect(at({ knownModel: knows(true) })).toBe(true);
    expect(at({ knownModel: knows(false) })).toBe(false);
  });

  test('does what its deployment says, whatever is known of the model', () => {
    expect(at({ fakeStream: true, knownModel: knows(true) })).toBe(false);
    expect(at({ fakeStream: false, knownModel: knows(false) })).toBe(true);
  });

  test('of a provider that cannot never does', () => {
    expect(at({ adapter: never })).toBe(false);
    expect(at({ adapter: never, fakeStream: false })).toBe(false);
    expect(at({ adapter: { ...never, streamsAt: () => true } })).toBe(true);
  });
});

test('the request for a whole answer says nothing of streams, in its text neither', () => {
  const request = { model: 'm', messages: [], stream: true, stream_options: { include_usage: true }, seed: 1 };
  const input = wholeInput({
    request,
    text: JSON.stringify(request),
    gatewayKeys: ['tags'],
    dropParams: undefined,
    additionalDropParams: [],
    allowedParams: [],
  });
  expect(input.request).toEqual({ model: 'm', messages: [], seed: 1 });
  const { body } = adapterOf().buildRequest(input, sampleTarget(), []);
  expect(JSON.parse(body)).toEqual({ model: 'gpt-4o-mini', messages: [], seed: 1 });
});
