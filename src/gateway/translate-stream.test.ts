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
import type { ChatChunk } from '../wire/openai.ts';
import { MAX_EVENT_BYTES, type StreamContext } from './stream-source.ts';
import { TranslateStream } from './translate-stream.ts';

const HEAD = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764000000,"model":"gpt-4o-mini-2024-07-18"';
const choice = (inner: string): string => `{${HEAD},"choices":[{"index":0,${inner}}]}`;
const delta = (content: string): string =>
  choice(`"delta":{"content":${JSON.stringify(content)}},"finish_reason":null`);
const ROLE = choice('"delta":{"role":"assistant","content":""},"finish_reason":null');
const FINISH = choice('"delta":{},"finish_reason":"stop"');
const COUNTS = { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 };
const USAGE = `{${HEAD},"choices":[],"usage":${JSON.stringify(COUNTS)}}`;
const STREAM = [ROLE, delta('Grüß'), delta(' dich, 世界 👋'), FINISH, USAGE, '[DONE]'];

interface Translated extends ReadStream {
  readonly body: TranslateStream;
}

type OnChunk = (chunk: ChatChunk) => ChatChunk;

async function translate(
  reads: readonly Uint8Array[],
  over: Partial<StreamContext> = {},
  onChunk: OnChunk = (chunk) => chunk,
): Promise<Translated> {
  const body = new TranslateStream(bytesFrom(reads), streamContext(over), onChunk);
  return { ...(await readAll(body)), body };
}

const kindOf = (error: unknown): string => (error instanceof GatewayError ? error.kind : String(error));
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

describe('every framing that the standard allows', () => {
  const plain = async (): Promise<string> => (await translate([framed(STREAM)], { wantsUsage: true })).text;

  test.each([
    ['CRLF', framed(STREAM, '\r\n')],
    ['CR', framed(STREAM, '\r')],
    ['a byte order mark', Buffer.concat([BOM, framed(STREAM)])],
    [
      'event names, ids and comments',
      Buffer.from(STREAM.map((data) => `: note\nevent: chunk\nid: 1\nretry: 5\ndata: ${data}\n\n`).join('')),
    ],
    ['no space after the colon', Buffer.from(STREAM.map((data) => `data:${data}\n\n`).join(''))],
    [
      'data over several lines',
      Buffer.from(STREAM.map((data) => `data: ${data.replace(',"choices"', '\ndata: ,"choices"')}\n\n`).join('')),
    ],
    [
      'mixed line ends',
      Buffer.from(STREAM.map((data, index) => `data: ${data}${index % 2 ? '\r\n\r\n' : '\n\n'}`).join('')),
    ],
  ])('gives the same: %s', async (_, bytes) => {
    const { text, error } = await translate([bytes], { wantsUsage: true });
    expect(error).toBeUndefined();
    expect(text).toBe(await plain());
    expect(readEvents(text).content).toBe('Grüß dich, 世界 👋');
  });

  test('gives the same wherever it is cut', async () => {
    const expected = await plain();
    const bytes = Buffer.concat([BOM, Buffer.from(': hi\r\n\r\n'), framed(STREAM, '\r\n')]);
    for (let at = 1; at < bytes.length; at++) {
      expect((await translate(cutAt(bytes, [at]), { wantsUsage: true })).text).toBe(expected);
    }
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(bytes.length)), async (lineEnd, cuts) => {
        const { text, error } = await translate(cutAt(framed(STREAM, lineEnd), cuts), { wantsUsage: true });
        expect(error).toBeUndefined();
        expect(text).toBe(expected);
      }),
    );
  });
});

describe('chunks', () => {
  test('carry the name asked for and keep members that nobody knows', async () => {
    const { text } = await translate([framed([`{"x_new":{"a":1},${delta('a').slice(1)}`, FINISH, '[DONE]'])]);
    expect(readEvents(text).chunks[0]).toMatchObject({ x_new: { a: 1 }, model: 'my-model' });
  });

  test('can be rewritten by a feature', async () => {
    const shout: OnChunk = (chunk) => ({
      ...chunk,
      choices: chunk.choices.map((one) => ({
        ...one,
        delta: { ...one.delta, content: String(one.delta.content ?? '').toUpperCase() },
      })),
    });
    const { text } = await translate([framed(STREAM)], {}, shout);
    expect(readEvents(text).content).toBe('GRÜSS DICH, 世界 👋');
  });

  test('are stored when asked to, usage and end apart', async () => {
    const { body } = await translate([framed(STREAM)], { keepEvents: true });
    expect(body.tally.stored?.map((data) => JSON.parse(data).choices[0].delta.content ?? '').join('')).toBe(
      'Grüß dich, 世界 👋',
    );
  });

  test('are counted by content, reasoning and tool calls', async () => {
    const { body } = await translate([
      framed([
        delta('12345'),
        choice('"delta":{"reasoning_content":"123"}'),
        choice('"delta":{"tool_calls":[{"index":0}]}'),
        FINISH,
        '[DONE]',
      ]),
    ]);
    expect(body.tally.outputChars).toBe(5 + 3 + '[{"index":0}]'.length);
  });
});

describe('usage', () => {
  test('is hidden unless asked for, then comes once with the cost and no choices', async () => {
    const hidden = await translate([framed(STREAM)]);
    expect(hidden.text).not.toContain('usage');
    expect(hidden.body.tally.usage).toEqual(COUNTS);
    const { chunks, usages } = readEvents((await translate([framed(STREAM)], { wantsUsage: true })).text);
    expect(usages).toEqual([{ ...COUNTS, cost: 0.000013 }]);
    expect(chunks.at(-1)).toMatchObject({ id: 'chatcmpl-1', created: 1764000000, model: 'my-model', choices: [] });
  });

  test('beside the last content is moved to the end', async () => {
    const finish = FINISH.replace('}]}', `}],"usage":${JSON.stringify(COUNTS)}}`);
    const { text } = await translate([framed([delta('a'), finish, '[DONE]'])], { wantsUsage: true });
    const { usages, finishReasons, chunks } = readEvents(text);
    expect([usages.length, finishReasons, chunks.at(-1)?.choices]).toEqual([1, ['stop'], []]);
  });
});

describe('the end', () => {
  test('without [DONE] is one only after a finish reason', async () => {
    expect((await translate([framed([delta('a'), FINISH])])).error).toBeUndefined();
    const cut = await translate([framed([delta('a'), delta('b')])]);
    expect(kindOf(cut.error)).toBe('upstream_truncated');
    expect(readEvents(cut.text).content).toBe('ab');
  });

  test('in the middle of an event is a cut, not nonsense', async () => {
    const bytes = framed([delta('a'), FINISH]);
    for (let length = 1; length < bytes.length - 2; length++) {
      const { error } = await translate([bytes.subarray(0, length)]);
      expect(kindOf(error)).toBe('upstream_truncated');
    }
    expect((await translate([bytes.subarray(0, -2)])).error).toBeUndefined();
  });

  test('lets go of the upstream; leaving early closes it', async () => {
    const source = bytesFrom([framed([...STREAM, delta('after the end')])]);
    let finished = 0;
    const stream = new TranslateStream({ ...source, finish: () => finished++ }, streamContext(), (chunk) => chunk);
    expect(readEvents((await readAll(stream)).text).content).not.toContain('after');
    expect([finished, source.isCancelled()]).toEqual([1, false]);
    stream.cancel();
    expect(source.isCancelled()).toBe(true);
  });
});

describe('failures', () => {
  const refusal = '{"error":{"message":"Overloaded","type":"server_error"}}';
  const fresh = (...events: string[]): TranslateStream =>
    new TranslateStream(bytesFrom([framed(events)]), streamContext(), (chunk) => chunk);

  test('before any content are thrown, so that another target can be tried', async () => {
    for (const events of [[refusal], [ROLE, refusal]]) {
      const failure = await begin(fresh(...events)).catch((error: unknown) => error);
      expect(failure).toHaveProperty('message', 'Overloaded');
    }
    expect(kindOf(await begin(fresh('not json')).catch((error: unknown) => error))).toBe('upstream_protocol');
    expect(kindOf(await begin(fresh()).catch((error: unknown) => error))).toBe('upstream_truncated');
  });

  test('after content come once all before them is out, wherever the bytes are cut', async () => {
    const bytes = framed([delta('Hel'), delta('lo'), refusal, delta('never')], '\r\n');
    for (let at = 1; at < bytes.length; at++) {
      const { text, error } = await translate(cutAt(bytes, [at]));
      expect(readEvents(text).content).toBe('Hello');
      expect(error).toHaveProperty('message', 'Overloaded');
    }
  });

  test('are not what a model writes about', async () => {
    const said = '{"error":{"message":"no"}} "error"';
    const { text, error } = await translate([framed([delta(said), FINISH, '[DONE]'])]);
    expect(error).toBeUndefined();
    expect(readEvents(text).content).toBe(said);
  });

  test('include an end after which one of several choices is still open', async () => {
    const second = (inner: string): string => choice(inner).replace('"index":0', '"index":1');
    const begun = second('"delta":{"content":"b"},"finish_reason":null');
    const cut = await translate([framed([delta('a'), begun, FINISH])]);
    expect(kindOf(cut.error)).toBe('upstream_truncated');
    const whole = await translate([framed([delta('a'), begun, FINISH, second('"delta":{},"finish_reason":"stop"')])]);
    expect(whole.error).toBeUndefined();
  });

  test('include one event that is longer than allowed', async () => {
    const bytes = framed([delta('a'), delta('x'.repeat(MAX_EVENT_BYTES)), FINISH]);
    const { text, error } = await translate(
      cutAt(
        bytes,
        Array.from({ length: 70 }, (_, index) => index * 262_144),
      ),
    );
    expect(kindOf(error)).toBe('upstream_protocol');
    expect(readEvents(text).content).toBe('a');
  });
});

describe('the beginning', () => {
  test('is the first content or finish, not a role', async () => {
    let nowMs = STARTED_AT_MS;
    const reads = [ROLE, ROLE, delta('a'), FINISH].map((event) => framed([event]));
    const body = new TranslateStream(bytesFrom(reads), streamContext({ now: () => ++nowMs }), (chunk) => chunk);
    await body.fill();
    expect([body.begun, body.holding]).toEqual([false, true]);
    await begin(body);
    expect(body.tally.firstContentAtMs).toBe(STARTED_AT_MS + 1);
  });

  test('with an empty id takes the next one', async () => {
    const azure = '{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}';
    const { body, text } = await translate([framed([azure, ...STREAM])], { wantsUsage: true });
    expect(body.tally.responseId).toBe('chatcmpl-1');
    expect(readEvents(text).chunks.at(-1)).toMatchObject({ id: 'chatcmpl-1', created: 1764000000 });
  });
});

describe('a read handed over', () => {
  test('is waited for', async () => {
    const waiting = Promise.withResolvers<Uint8Array | undefined>();
    const body = new TranslateStream(
      { ...bytesFrom([]), read: () => waiting.promise },
      streamContext(),
      (chunk) => chunk,
    );
    body.feed(framed([ROLE]));
    body.resume(body.fill());
    expect(readEvents(Buffer.from((await body.next()) ?? []).toString()).chunks).toHaveLength(1);
    const next = body.next();
    waiting.resolve(framed([delta('late')]));
    expect(readEvents(Buffer.from((await next) ?? []).toString()).content).toBe('late');
  });
});

describe('recordings', () => {
  for (const file of [
    'openai/chat-openai-text',
    'groq/groq-reasoning',
    'mistral/mistral-tool-call',
    'openai-compatible/chat-xai-tool-call',
  ]) {
    const events = recordedEvents(`${file}.chunks.txt`) ?? [];
    test.skipIf(events.length === 0)(`of ${file} keep what was said`, async () => {
      const said = readEvents(framed(events).toString('utf8'));
      const { text, error } = await translate([framed([...events, '[DONE]'], '\r\n')]);
      expect(error).toBeUndefined();
      expect(readEvents(text).content).toBe(said.content);
      expect(readEvents(text).finishReasons).toEqual(said.finishReasons);
    });
  }
});
