import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { eventFrame, eventFrames, exceptionFrame, payloadFrames } from '../../test/support/event-stream.ts';
import { bytesFrom, cutAt, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import { binaryEvents, payloadEvents } from './binary-events.ts';
import { MAX_EVENT_BYTES } from './stream-source.ts';
import { TranslateStream } from './translate-stream.ts';

const EVENTS = [
  '{"messageStart":{"role":"assistant"}}',
  '{"delta":{"text":"Grüß dich, 世界 👋"}}',
  '{"messageStop":{}}',
];

function read(reads: readonly Uint8Array[]) {
  const events: string[] = [];
  const reader = binaryEvents((data) => events.push(data));
  for (const bytes of reads) reader.feed(bytes);
  return { events, isInside: reader.isInside };
}

const kindOf = (run: () => unknown): string => {
  try {
    run();
    return 'fine';
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.kind : String(thrown);
  }
};

describe('a binary stream', () => {
  const whole = eventFrames(EVENTS);

  test('is its events, whatever the network made of it', () => {
    expect(read([whole])).toEqual({ events: EVENTS, isInside: false });
    for (let at = 1; at < whole.length; at++) expect(read(cutAt(whole, [at])).events).toEqual(EVENTS);
    expect(read([...whole].map((byte) => Uint8Array.of(byte))).events).toEqual(EVENTS);
  });

  test('is its events for any cuts at once', () => {
    const cuts = fc.array(fc.nat(whole.length), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (positions) => expect(read(cutAt(whole, positions)).events).toEqual(EVENTS)),
      {
        numRuns: 60,
      },
    );
  });

  test('that ends inside an event says so', () => {
    for (let at = 1; at < whole.length; at++) {
      const { events, isInside } = read([whole.subarray(0, at)]);
      expect(eventFrames(events).length === at).toBe(!isInside);
    }
  });

  test('with any one bit wrong is never taken for something else', () => {
    const frame = eventFrames(['{"delta":{"text":"Hello"}}']);
    for (let at = 0; at < frame.length; at++) {
      const broken = Buffer.from(frame);
      broken[at] = (broken[at] ?? 0) ^ 1;
      const events: string[] = [];
      const reader = binaryEvents((data) => events.push(data));
      const kind = kindOf(() => reader.feed(broken));
      // A length that became longer waits for the rest, which never comes.
      expect(kind === 'upstream_protocol' || (at < 4 && reader.isInside)).toBe(true);
      expect(events).toEqual([]);
    }
  });

  test('with a length that cannot be is refused before anything is kept', () => {
    const of = (length: number): Buffer => {
      const bytes = Buffer.alloc(12);
      bytes.writeUInt32BE(length);
      return bytes;
    };
    for (const length of [0, 15, MAX_EVENT_BYTES + 1, 0xffff_ffff]) {
      expect(kindOf(() => read([of(length)]))).toBe('upstream_protocol');
    }
    expect(kindOf(() => read([Buffer.from('<html>not what was asked for</html>')]))).toBe('upstream_protocol');
  });

  test('may hold events without a payload, and failures of both kinds', () => {
    expect(read([eventFrame({ ':message-type': 'event', ':event-type': 'ping' }, '')]).events).toEqual(['{"ping":{}}']);
    expect(read([exceptionFrame('throttlingException', 'Slow down')]).events).toEqual([
      '{"error":{"message":"Slow down","type":"throttlingException"}}',
    ]);
    const error = { ':message-type': 'error', ':error-code': 'InternalError', ':error-message': 'Oops' };
    expect(read([eventFrame(error, '')]).events).toEqual(['{"error":{"message":"Oops","type":"InternalError"}}']);
    const plain = eventFrame({ ':message-type': 'exception', ':exception-type': 'x' }, 'no JSON');
    expect(read([plain]).events).toEqual(['{"error":{"message":"no JSON","type":"x"}}']);
  });
});

describe('a translated stream of binary events', () => {
  const chunk = (delta: object, finish: string | null = null): string =>
    JSON.stringify({
      chunk: {
        id: 'c',
        object: 'chat.completion.chunk',
        created: 1,
        choices: [{ index: 0, delta, finish_reason: finish }],
      },
    });
  const target = streamContext().target;
  const context = streamContext({
    framing: binaryEvents,
    target: {
      ...target,
      adapter: { ...target.adapter, createStreamDecoder: () => (data) => [JSON.parse(data).chunk] },
    },
  });
  const translate = (bytes: Uint8Array) => readAll(new TranslateStream(bytesFrom([bytes]), context, (one) => one));

  test('ends well when the model had finished', async () => {
    const { text, error } = await translate(eventFrames([chunk({ content: 'Hi' }), chunk({}, 'stop')]));
    expect(error).toBeUndefined();
    expect(text).toContain('"content":"Hi"');
    expect(text).toContain('"finish_reason":"stop"');
  });

  test('fails after what came before, for half an event, a damaged one and an exception', async () => {
    const start = eventFrames([chunk({ content: 'Hi' })]);
    const half = eventFrames([chunk({}, 'stop')]).subarray(0, -3);
    const damaged = eventFrames([chunk({ content: 'x' })]);
    damaged[40] = (damaged[40] ?? 0) ^ 8;
    for (const [rest, kind] of [
      [half, 'upstream_truncated'],
      [damaged, 'upstream_protocol'],
      [exceptionFrame('x', 'Too many requests: rate limit'), 'upstream_busy'],
    ] as const) {
      const { text, error } = await translate(Buffer.concat([start, rest]));
      expect(text).toContain('"content":"Hi"');
      expect(error).toMatchObject({ kind });
    }
  });
});

describe('a stream inside a binary stream', () => {
  const LINES = 'data: {"a":"Grüß dich 👋"}\n\n: a comment\nevent: x\nid: 1\n{"b":2}\ndata:[DONE]\n\n';
  const EXPECTED = ['{"a":"Grüß dich 👋"}', '{"b":2}', '[DONE]'];

  function readInner(bytes: Uint8Array, at: number) {
    const events: string[] = [];
    const reader = payloadEvents((data) => events.push(data));
    for (const piece of cutAt(bytes, [at])) reader.feed(piece);
    reader.end?.();
    return { events, isInside: reader.isInside };
  }

  test('is its lines, however they are wrapped and wherever the network cuts', () => {
    for (let wrapped = 1; wrapped < LINES.length; wrapped += 7) {
      const bytes = payloadFrames([LINES.slice(0, wrapped), LINES.slice(wrapped)]);
      for (let at = 1; at < bytes.length; at += 5) {
        expect(readInner(bytes, at)).toEqual({ events: EXPECTED, isInside: false });
      }
    }
  });

  test('whose last line has no end has that line all the same', () => {
    expect(readInner(payloadFrames(['data: {"a":1}\n', 'data: {"b":2}']), 3).events).toEqual(['{"a":1}', '{"b":2}']);
  });

  test('that breaks off inside a frame says so', () => {
    const bytes = payloadFrames([LINES]);
    expect(readInner(bytes.subarray(0, bytes.length - 1), 5)).toEqual({ events: [], isInside: true });
  });

  test('hands a failure on', () => {
    const bytes = Buffer.concat([payloadFrames(['{"a":1}\n']), exceptionFrame('ModelStreamError', 'it broke')]);
    const [first, failure = ''] = readInner(bytes, 9).events;
    expect(first).toBe('{"a":1}');
    expect(JSON.parse(failure)).toEqual({ error: { message: 'it broke', type: 'ModelStreamError' } });
  });
});
