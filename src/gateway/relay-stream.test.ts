import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { STARTED_AT_MS } from '../../test/support/call-parts.ts';
import { recordedEvents } from '../../test/support/recordings.ts';
import { readEvents } from '../../test/support/sse.ts';
import {
  begin,
  bytesFrom,
  cutAt,
  framed,
  type ReadStream,
  readAll,
  streamContext,
} from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { RelayStream } from './relay-stream.ts';
import { MAX_EVENT_BYTES, type StreamContext } from './stream-source.ts';

const HEAD = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764000000,"model":"gpt-4o-mini-2024-07-18"';
const delta = (content: string, rest = '"usage":null'): string =>
  `{${HEAD},"choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}},"finish_reason":null}],${rest}}`;
const ROLE = `{${HEAD},"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}`;
const FINISH = `{${HEAD},"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`;
const COUNTS = '{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}';
const USAGE = `{${HEAD},"choices":[],"usage":${COUNTS}}`;
const STREAM = [ROLE, delta('Grüß'), delta(' dich, 世界 👋'), FINISH, USAGE, '[DONE]'];

/** The model's name is the only thing that a client sees changed. */
const renamed = (data: string): string => data.replace('gpt-4o-mini-2024-07-18', 'my-model');
const shown = (events: readonly string[]): string => framed(events.map(renamed)).toString('utf8');

interface Relayed extends ReadStream {
  readonly body: RelayStream;
}

async function relay(reads: readonly Uint8Array[], over: Partial<StreamContext> = {}, cut?: Error): Promise<Relayed> {
  const body = new RelayStream(bytesFrom(reads, cut), streamContext(over));
  return { ...(await readAll(body)), body };
}

const relayed = (events: readonly string[], over: Partial<StreamContext> = {}): Promise<Relayed> =>
  relay([framed(events)], over);

const kindOf = (error: unknown): string => (error instanceof GatewayError ? error.kind : String(error));

/** Compares every way of cutting the bytes in two, and all the cuts at once, with the uncut stream. */
async function expectSameForEveryCut(bytes: Uint8Array, over: Partial<StreamContext> = {}): Promise<void> {
  const outcome = ({ text, error, body }: Relayed) => ({ text, kind: kindOf(error), tally: body.tally });
  const whole = outcome(await relay([bytes], over));
  for (let at = 1; at < bytes.length; at++) {
    expect(outcome(await relay(cutAt(bytes, [at]), over))).toEqual(whole);
  }
  expect(outcome(await relay(cutAt(bytes, [...bytes.keys()]), over))).toEqual(whole);
}

describe('bytes', () => {
  test('pass as they came, but for the name of the model', async () => {
    const { text, error } = await relayed(STREAM);
    expect(error).toBeUndefined();
    expect(text).toBe(shown(STREAM.slice(0, 4)));
  });

  test('pass untouched when the upstream already uses the name that was asked for', async () => {
    const { text } = await relayed(STREAM, { requestedModel: 'gpt-4o-mini-2024-07-18' });
    expect(text).toBe(framed(STREAM.slice(0, 4)).toString('utf8'));
  });

  test('keep unusual spacing, numbers, order and unknown members', async () => {
    const odd =
      '{"x":1.0e0, "choices": [ {"index":0,"delta":{"content":"a"}} ] ,"model" :  "gpt-4o-mini-2024-07-18","big":12345678901234567890}';
    const { text } = await relayed([odd, FINISH, '[DONE]']);
    expect(text).toBe(shown([odd, FINISH]));
  });

  test('take a name with quotes, slashes and other alphabets', async () => {
    const requestedModel = 'acme/"größtes" 模型';
    const { text } = await relayed(STREAM, { requestedModel });
    const { chunks, content } = readEvents(text);
    expect(chunks.map(({ model }) => model)).toEqual([requestedModel, requestedModel, requestedModel, requestedModel]);
    expect(content).toBe('Grüß dich, 世界 👋');
  });

  test('keep a comment where it stood', async () => {
    const bytes = Buffer.from(`: OPENROUTER PROCESSING\n\n${framed(STREAM)}`);
    const { text } = await relay([bytes]);
    expect(text).toBe(`: OPENROUTER PROCESSING\n\n${shown(STREAM.slice(0, 4))}`);
  });

  test('leave out events that are no chunks, which clients would look for choices in', async () => {
    const bytes = Buffer.concat([
      framed([ROLE, delta('a')]),
      Buffer.from('event: ping\ndata: {}\n\ndata: {"type":"ping"}\n\n'),
      framed([delta('b'), FINISH, '[DONE]']),
    ]);
    const { text, error } = await relay([bytes]);
    expect(error).toBeUndefined();
    expect(readEvents(text).content).toBe('ab');
    expect(text).not.toContain('ping');
    expect(text).not.toContain('{}\n\ndata: {');
  });

  test('take the name out of events with other fields and without the space', async () => {
    const bytes = Buffer.from(
      `event: message\nid: 7\ndata:${ROLE}\n\ndata:${delta('a')}\n\ndata:${FINISH}\n\ndata:[DONE]\n\n`,
    );
    const { text, error } = await relay([bytes]);
    expect(error).toBeUndefined();
    expect(text).toBe(
      `event: message\nid: 7\ndata:${renamed(ROLE)}\n\ndata:${renamed(delta('a'))}\n\ndata:${renamed(FINISH)}\n\n`,
    );
  });

  test('lose the empty lines that stand for nothing', async () => {
    const { text } = await relay([Buffer.from(`\n${framed([ROLE])}\n\n\n${framed([delta('a'), FINISH])}\n`)]);
    expect(text).toBe(shown([ROLE, delta('a'), FINISH]));
  });

  test('after the end are not looked at', async () => {
    const { text } = await relay([framed([...STREAM, delta('more')]), framed([delta('and more')])]);
    expect(readEvents(text).content).toBe('Grüß dich, 世界 👋');
  });
});

describe('a stream cut anywhere', () => {
  test('is relayed as the uncut one, usage hidden', () => expectSameForEveryCut(framed(STREAM)));

  test('is relayed as the uncut one, usage shown', () => expectSameForEveryCut(framed(STREAM), { wantsUsage: true }));

  test('is stored as the uncut one', () => expectSameForEveryCut(framed(STREAM), { keepEvents: true }));

  test('is relayed as the uncut one with comments and empty lines', () =>
    expectSameForEveryCut(
      Buffer.from(`: hello\n\n\n${framed([ROLE, delta('a')])}\n\n: still here\n\n${framed([FINISH])}`),
    ));

  test('shows all that came before an error event, then fails', async () => {
    const failure = '{"error":{"message":"The server had an error","type":"server_error"}}';
    const bytes = framed([ROLE, delta('Hel'), delta('lo'), failure]);
    await expectSameForEveryCut(bytes);
    expect(readEvents((await relay([bytes])).text).content).toBe('Hello');
  });

  test('shows whole events only when the upstream ends in the middle of one', async () => {
    const whole = framed([ROLE, delta('Hel'), delta('lo'), FINISH]);
    for (let length = 1; length < whole.length; length++) {
      const { text, error } = await relay(cutAt(whole.subarray(0, length), [Math.floor(length / 2)]));
      const isComplete = length >= whole.length - 2;
      expect(kindOf(error)).toBe(isComplete ? 'undefined' : 'upstream_truncated');
      expect(() => readEvents(text)).not.toThrow();
      expect(text).toBe(shown([ROLE, delta('Hel'), delta('lo'), FINISH]).slice(0, text.length));
    }
  });

  test('is relayed as the uncut one wherever several cuts fall', async () => {
    const recorded = recordedEvents('openai/chat-openai-text.chunks.txt');
    const bytes = framed(recorded ? [...recorded.slice(0, 40), ...recorded.slice(-3), '[DONE]'] : STREAM);
    const whole = await relay([bytes], { wantsUsage: true });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 60 }), async (cuts) => {
        const { text, error } = await relay(cutAt(bytes, cuts), { wantsUsage: true });
        expect(error).toBeUndefined();
        expect(text).toBe(whole.text);
      }),
      { numRuns: 60 },
    );
  });
});

describe('recordings', () => {
  const recorded = recordedEvents('openai/chat-openai-text.chunks.txt');

  test.skipIf(!recorded)('of OpenAI pass byte for byte for every cut, but for the model and the usage', async () => {
    const events = recorded ?? [];
    const short = [...events.slice(0, 4), ...events.slice(-2), '[DONE]'];
    await expectSameForEveryCut(framed(short));
    const { text } = await relayed([...events, '[DONE]']);
    const expected = events.slice(0, -1).map((data) => data.replace('gpt-4.1-nano-2025-04-14', 'my-model'));
    expect(text).toBe(framed(expected).toString('utf8'));
  });

  for (const file of [
    'openai-compatible/chat-xai-text',
    'xai/xai-tool-call',
    'deepseek/chat-deepseek-tool-call',
    'mistral/mistral-tool-call',
  ]) {
    const events = recordedEvents(`${file}.chunks.txt`);
    test.skipIf(!events)(`of ${file} keep what was said, under the name asked for`, async () => {
      const said = readEvents(framed(events ?? []).toString('utf8'));
      const { text, error, body } = await relayed([...(events ?? []), '[DONE]']);
      const heard = readEvents(text);
      expect(error).toBeUndefined();
      expect(heard.content).toBe(said.content);
      expect(heard.finishReasons).toEqual(said.finishReasons);
      expect(heard.usages).toEqual([]);
      expect(body.tally.usage as unknown).toEqual(said.usages.at(-1));
      expect(new Set(heard.chunks.map(({ model }) => model))).toEqual(new Set(['my-model']));
    });
  }
});

describe('usage', () => {
  test('is hidden from a client that did not ask, and still counted', async () => {
    const { text, body } = await relayed(STREAM);
    expect(text).not.toContain('prompt_tokens');
    expect(body.tally.usage).toEqual({ prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 });
  });

  test('comes once, last, with no choices and with the cost, when asked for', async () => {
    const { text } = await relayed(STREAM, { wantsUsage: true });
    const { chunks, usages } = readEvents(text);
    expect(usages).toHaveLength(1);
    expect<unknown>(chunks.at(-1)).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1764000000,
      model: 'my-model',
      choices: [],
      usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13, cost: 0.000013 },
    });
    expect(text.startsWith(shown(STREAM.slice(0, 4)))).toBe(true);
  });

  test('on the finish chunk is moved into a chunk of its own', async () => {
    const finish = FINISH.replace('"usage":null', `"usage":${COUNTS}`);
    const { text } = await relayed([ROLE, delta('a'), finish, '[DONE]'], { wantsUsage: true });
    const { finishReasons, usages, chunks } = readEvents(text);
    expect(finishReasons).toEqual(['stop']);
    expect(usages).toHaveLength(1);
    expect(chunks.at(-1)?.choices).toEqual([]);
  });

  test('on every chunk is taken out of each; the last one counts', async () => {
    const counted = (tokens: number): string =>
      `"usage":{"prompt_tokens":5,"completion_tokens":${tokens},"total_tokens":${5 + tokens}}`;
    const events = [
      delta('a', counted(1)),
      delta('b', counted(2)),
      FINISH.replace('"usage":null', counted(3)),
      '[DONE]',
    ];
    const hidden = await relayed(events);
    expect(readEvents(hidden.text).content).toBe('ab');
    expect(hidden.text).not.toContain('usage');
    expect(hidden.body.tally.usage?.completion_tokens).toBe(3);
    const asked = await relayed(events, { wantsUsage: true });
    expect(readEvents(asked.text).usages).toEqual([
      { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8, cost: 0.000008 },
    ]);
  });

  test('that never came is estimated from what was relayed', async () => {
    const { text, body } = await relayed([ROLE, delta('12345678'), FINISH, '[DONE]'], { wantsUsage: true });
    expect(body.tally.usage).toBeUndefined();
    expect(body.tally.outputChars).toBe(8);
    expect(readEvents(text).usages[0]?.['completion_tokens']).toBe(2);
  });

  test('that costs an unknown amount has no cost, not zero', async () => {
    const context = streamContext();
    const meter: StreamContext['meter'] = (tally) => {
      const metered = context.meter(tally);
      return { ...metered, cost: { ...metered.cost, totalNanoUsd: null } };
    };
    const { text } = await relayed(STREAM, { wantsUsage: true, meter });
    expect(readEvents(text).usages[0]).toEqual({ prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 });
  });
});

describe('what a model writes', () => {
  test.each([
    'He said "usage": {"prompt_tokens": 9}',
    '{"error": {"message": "no"}}',
    'usage',
    'error',
    'data: [DONE]\n\n',
    '"model":"gpt-4o-mini-2024-07-18"',
    'ends with a backslash \\',
    'ends with a quote "',
    '","finish_reason":"stop","content":"',
    '\u2028 \u0000 \ud83d',
  ])('is never taken for the protocol: %j', async (content) => {
    const events = [ROLE, delta(content), FINISH, USAGE, '[DONE]'];
    const { text, error } = await relayed(events);
    expect(error).toBeUndefined();
    expect(text).toBe(shown(events.slice(0, 3)));
  });

  test('comes through whatever it is, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }),
        fc.array(fc.nat(4_000)),
        async (said, cuts) => {
          const { text, error } = await relay(
            cutAt(framed([ROLE, ...said.map((part) => delta(part)), FINISH, USAGE, '[DONE]']), cuts),
          );
          expect(error).toBeUndefined();
          expect(readEvents(text).content).toBe(said.map((part) => JSON.parse(JSON.stringify(part))).join(''));
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('counting characters', () => {
  const charsOf = async (choice: string): Promise<number> => {
    const { body } = await relayed([ROLE, `{${HEAD},"choices":[${choice}]}`, FINISH, '[DONE]']);
    return body.tally.outputChars;
  };

  test.each([
    ['{"index":0,"delta":{"content":"12345"}}', 5],
    ['{"index": 0, "delta": {"content": "12345"}}', 5],
    ['{"index":0,"delta":{"content":"a\\\\"},"logprobs":{"content":[{"token":"a"}]}}', 2],
    ['{"index":0,"delta":{"content":"","reasoning_content":"1234"}}', 4],
    ['{"index":0,"delta":{"content":null,"tool_calls":[{"index":0,"function":{"arguments":"{\\"a\\":1}"}}]}}', 7],
    ['{"index":0,"delta":{"content":"grün 日本 💥"}}', 10],
    ['{"index":0,"delta":{"content":"\\u65e5\\n\\"\\\\u65e5"}}', 9],
    ['{"index":0,"delta":{"content":"","tool_calls":[{"index":0,"function":{"arguments": "1234"}}]}}', 4],
    ['{"index":0,"delta":{"content":"12"}},{"index":1,"delta":{"content":"345"}}', 5],
    ['{"index":0,"delta":{"content":null}}', 0],
  ])('%s has %d', async (choice, chars) => {
    expect(await charsOf(choice)).toBe(chars);
  });
});

describe('the beginning', () => {
  const begunAfter = async (event: string): Promise<boolean> => {
    const body = new RelayStream(bytesFrom([framed([event])]), streamContext());
    await body.fill();
    return body.begun;
  };

  test.each([
    ['content', true, delta('a')],
    ['content with spaces in the JSON', true, delta('a').replaceAll('":', '": ')],
    ['content beside usage, spaced', true, delta('a', `"usage": ${COUNTS}`).replaceAll('":', '": ')],
    ['a tool call', true, `{${HEAD},"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1"}]}}]}`],
    ['a finish reason', true, FINISH],
    ['a role', false, ROLE],
    ["Azure's filter results", false, '{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[]}'],
  ])('with %s counts as begun: %p', async (_, begun, event) => {
    expect(await begunAfter(event)).toBe(begun);
  });

  test('is the time of the first content, not of the role', async () => {
    let nowMs = STARTED_AT_MS;
    const reads = [ROLE, delta('a'), delta('b'), FINISH].map((event) => framed([event]));
    const { body } = await relay(reads, { now: () => ++nowMs });
    expect(body.tally.firstContentAtMs).toBe(STARTED_AT_MS + 1);
  });

  test('is learnt from the second chunk when the first has no name, as Azure sends it', async () => {
    const azure =
      '{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}';
    const { text, body } = await relayed([azure, ...STREAM], { wantsUsage: true });
    const { chunks } = readEvents(text);
    expect(text.startsWith(`data: ${azure.replace('"model":""', '"model":"my-model"')}\n\n`)).toBe(true);
    expect(new Set(chunks.map(({ model }) => model))).toEqual(new Set(['my-model']));
    expect(chunks.at(-1)?.id).toBe('chatcmpl-1');
    expect(body.tally.responseId).toBe('chatcmpl-1');
  });

  test('and later chunks without a model stay without one', async () => {
    const bare = '{"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"abc"}}]}';
    const { text, error } = await relayed([bare, bare, FINISH, '[DONE]']);
    expect(error).toBeUndefined();
    expect(text).toBe(shown([bare, bare, FINISH]));
  });
});

describe('the end', () => {
  test('without [DONE] is one when the model had finished, with or without usage after it', async () => {
    for (const events of [
      [ROLE, delta('a'), FINISH],
      [ROLE, delta('a'), FINISH, USAGE],
    ]) {
      const { text, error } = await relayed(events, { wantsUsage: true });
      expect(error).toBeUndefined();
      expect(readEvents(text).usages).toHaveLength(1);
    }
  });

  test('without a finish reason is a failure, after all that came', async () => {
    const { text, error } = await relayed([ROLE, delta('a')]);
    expect(kindOf(error)).toBe('upstream_truncated');
    expect(text).toBe(shown([ROLE, delta('a')]));
  });

  test.each(['', '\n'])('may lack the last blank line (%j)', async (end) => {
    for (const last of [FINISH, '[DONE]']) {
      const events = last === FINISH ? [ROLE, delta('a')] : [ROLE, delta('a'), FINISH];
      const { text, error } = await relay([Buffer.from(`${framed(events)}data: ${last}${end}`)]);
      expect(error).toBeUndefined();
      expect(text).toBe(shown([ROLE, delta('a'), FINISH]));
    }
  });

  test('of an empty stream is a failure', async () => {
    expect(kindOf((await relay([])).error)).toBe('upstream_truncated');
    expect(kindOf((await relay([Buffer.from(': nothing\n\n')])).error)).toBe('upstream_truncated');
  });

  test('by a broken connection keeps its reason', async () => {
    const { text, error } = await relay([framed([ROLE, delta('a')])], {}, new GatewayError('upstream_timeout', 'late'));
    expect(kindOf(error)).toBe('upstream_timeout');
    expect(readEvents(text).content).toBe('a');
  });

  test('lets go of the upstream; leaving early closes it', async () => {
    const source = bytesFrom([framed(STREAM)]);
    let finished = 0;
    await readAll(new RelayStream({ ...source, finish: () => finished++ }, streamContext()));
    expect([finished, source.isCancelled()]).toEqual([1, false]);
    new RelayStream(source, streamContext()).cancel();
    expect(source.isCancelled()).toBe(true);
  });
});

describe('an error event', () => {
  const refusal = '{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}';

  test('before any content is thrown, so that another target can be tried', async () => {
    for (const events of [[refusal], [ROLE, refusal]]) {
      const body = new RelayStream(bytesFrom([framed(events)]), streamContext());
      const failure = await begin(body).catch((error: unknown) => error);
      expect(kindOf(failure)).toBe('upstream_busy');
    }
  });

  test('after content ends the stream in the words of the upstream', async () => {
    const { text, error } = await relayed([ROLE, delta('a'), refusal, delta('b')]);
    expect(readEvents(text).content).toBe('a');
    expect(error).toHaveProperty('message', 'Rate limit reached');
  });

  test('that is null is none', async () => {
    const { text, error } = await relayed([delta('a', '"error":null'), FINISH, '[DONE]']);
    expect(error).toBeUndefined();
    expect(readEvents(text).content).toBe('a');
  });
});

describe('nonsense', () => {
  test.each(['<html>busy</html>', 'null', '"text"', '{"id":', '42'])(
    'as the first event (%s) is refused without being quoted',
    async (data) => {
      const { error } = await relayed([data]);
      expect(kindOf(error)).toBe('upstream_protocol');
      expect(String(error)).not.toContain(data);
    },
  );

  test('is refused when an event grows past the limit, and not before', async () => {
    const bytes = framed([delta('a'), delta('x'.repeat(MAX_EVENT_BYTES - 1000)), FINISH, '[DONE]']);
    const reads = cutAt(
      bytes,
      Array.from({ length: 100 }, (_, index) => index * 16_384),
    );
    expect((await relay(reads)).text.length).toBe(
      shown([delta('a'), FINISH]).length + shown([delta('x'.repeat(MAX_EVENT_BYTES - 1000))]).length,
    );

    const large = framed([delta('a'), delta('x'.repeat(MAX_EVENT_BYTES)), FINISH, '[DONE]']);
    for (const given of [
      [large],
      cutAt(
        large,
        Array.from({ length: 80 }, (_, index) => index * 16_384),
      ),
    ]) {
      const { text, error } = await relay(given);
      expect(kindOf(error)).toBe('upstream_protocol');
      expect(readEvents(text).content).toBe('a');
    }
  });
});

describe('storing', () => {
  test('keeps the data of each event as the upstream sent it, when asked to', async () => {
    const bytes = Buffer.from(
      `: hi\n\nevent: message\ndata: ${ROLE}\n\n${framed([delta('世界'), FINISH, USAGE, '[DONE]'])}`,
    );
    const kept = await relay([bytes], { keepEvents: true });
    expect(kept.body.tally.stored).toEqual([ROLE, delta('世界'), FINISH]);
    const dropped = await relay([bytes]);
    expect(dropped.body.tally.stored).toBeUndefined();
  });
});

describe('a read handed over', () => {
  test('is waited for, and its failure reaches the reader', async () => {
    const waiting = Promise.withResolvers<Uint8Array | undefined>();
    const source = { ...bytesFrom([]), read: () => waiting.promise };
    const body = new RelayStream(source, streamContext());
    body.feed(framed([ROLE]));
    body.resume(body.fill());
    expect(Buffer.from((await body.next()) ?? []).toString()).toBe(shown([ROLE]));
    const next = body.next();
    waiting.reject(new GatewayError('upstream_truncated', 'cut'));
    expect(kindOf(await next.catch((error: unknown) => error))).toBe('upstream_truncated');
  });
});

describe('several choices', () => {
  const second = (event: string): string => event.replace('"index":0', '"index":1');

  test('are all awaited: the end of one is not the end of the stream', async () => {
    const cut = await relayed([delta('a'), second(delta('b')), FINISH], { choices: 2 });
    expect(kindOf(cut.error)).toBe('upstream_truncated');
    const whole = await relayed([delta('a'), second(delta('b')), FINISH, second(FINISH)], { choices: 2 });
    expect(whole.error).toBeUndefined();
  });

  test('that the upstream never began are not awaited', async () => {
    expect((await relayed([delta('a'), FINISH], { choices: 3 })).error).toBeUndefined();
  });
});

describe('a name that stands in a chunk twice', () => {
  const model = '"model":"gpt-4o-mini-2024-07-18"';
  const inner = (key: string): string => `"${key}":{${model}}`;

  test.each([
    `{${inner('route')},${HEAD},"choices":[{"index":0,"delta":{"content":"b"}}]}`,
    `{${HEAD},"choices":[{"index":0,"delta":{"content":"b"}}],${inner('route')}}`,
  ])('is exchanged only where it is the chunk’s own: %s', async (event) => {
    const { text } = await relayed([delta('a'), event, FINISH, '[DONE]']);
    expect(text).toContain(event.replace(`${HEAD}`, HEAD.replace('gpt-4o-mini-2024-07-18', 'my-model')));
  });
});
