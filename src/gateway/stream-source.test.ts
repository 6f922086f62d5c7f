import { describe, expect, test } from 'bun:test';
import { meterAtFlatPrice } from '../../test/support/call-parts.ts';
import { bytesFrom } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import {
  type ByteReader,
  firstLine,
  MAX_EVENT_BYTES,
  settlesWithin,
  type UpstreamBytes,
  upstreamBytes,
  usageChunk,
} from './stream-source.ts';

type Read = { done: boolean; value?: Uint8Array | undefined };

/** The bytes of an upstream whose reads a test answers, with what they did to timer and connection. */
function opened(reads: readonly (Read | Error | Promise<Read>)[], reason?: GatewayError) {
  const left = [...reads];
  const controller = new AbortController();
  const seen = { released: 0, cancelled: 0, heard: 0, closing: 0 };
  const reader: ByteReader = {
    async read() {
      const read = left.shift() ?? { done: true };
      if (read instanceof Error) throw read;
      return read;
    },
    async cancel() {
      seen.cancelled++;
      throw new Error('already closed');
    },
  };
  const source: UpstreamBytes = upstreamBytes({
    reader,
    controller,
    interruption: { reason },
    clock: { heard: () => void seen.heard++, closing: () => void seen.closing++ },
    release: () => seen.released++,
  });
  return { source, seen, aborted: () => controller.signal.aborted };
}

const some = (text: string): Read => ({ done: false, value: Buffer.from(text) });
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an upstream’s bytes', () => {
  test('come one read at a time, each of which moves the idle limit', async () => {
    const { source, seen } = opened([some('a')]);
    expect(Buffer.from((await source.read()) ?? []).toString()).toBe('a');
    expect(seen).toMatchObject({ heard: 1, closing: 0, released: 0 });
    expect(await source.read()).toBeUndefined();
    expect(seen.released).toBe(1);
  });

  test('that break off say so, with the cause', async () => {
    const cause = new Error('ECONNRESET');
    const { source, seen } = opened([cause]);
    const thrown = await source.read().catch((error: unknown) => error);
    expect(thrown).toMatchObject({ kind: 'upstream_truncated', cause });
    expect(seen.released).toBe(1);
  });

  test('that we cut ourselves say why', async () => {
    const reason = new GatewayError('upstream_timeout', 'late');
    const { source } = opened([new Error('aborted')], reason);
    expect(await source.read().catch((error: unknown) => error)).toBe(reason);
  });

  test('can be cancelled, even when already closed', async () => {
    const { source, seen, aborted } = opened([]);
    source.cancel();
    await settle();
    expect([aborted(), seen.cancelled, seen.released]).toEqual([true, 1, 1]);
  });
});

describe('after the protocol’s own end', () => {
  test('the connection is kept when the upstream closes its answer too', async () => {
    const { source, seen, aborted } = opened([{ done: true }]);
    source.finish();
    expect(seen.closing).toBe(1);
    await settle();
    expect([aborted(), seen.released]).toEqual([false, 1]);
  });

  test('the connection is closed when more comes', async () => {
    const { source, seen, aborted } = opened([some('more')]);
    source.finish();
    await settle();
    expect([aborted(), seen.released]).toEqual([true, 1]);
  });

  test('a broken connection is no matter', async () => {
    const { source, seen } = opened([new Error('ECONNRESET')]);
    source.finish();
    await settle();
    expect(seen.released).toBe(1);
  });

  test('the timer stays until one of these, and is short', async () => {
    const { source, seen } = opened([new Promise<Read>(() => {})]);
    source.finish();
    await settle();
    expect(seen).toMatchObject({ closing: 1, released: 0 });
  });
});

describe('the first line', () => {
  const first = async (...reads: readonly string[]): Promise<string | undefined> => {
    const bytes = await firstLine(bytesFrom(reads.map((read) => Buffer.from(read))));
    return bytes && Buffer.from(bytes).toString();
  };

  test('is read as far as its end, whatever ends it', async () => {
    expect(await first('data: a\n\n', 'b')).toBe('data: a\n\n');
    expect(await first('d', 'ata', ': a\r', '\nb')).toBe('data: a\r');
    expect(await first('', 'a', '\n')).toBe('a\n');
  });

  test('may never end', async () => {
    expect(await first()).toBeUndefined();
    expect(await first('a', 'b')).toBe('ab');
    const endless = { ...bytesFrom([]), read: async () => new Uint8Array(400_000) };
    expect((await firstLine(endless))?.length).toBeLessThan(MAX_EVENT_BYTES + 1_000_000);
  });
});

describe('waiting for a promise', () => {
  test('tells whether it settled in time, either way', async () => {
    expect(await settlesWithin(Promise.resolve(), 1_000)).toBe(true);
    expect(await settlesWithin(Promise.reject(new Error('x')), 1_000)).toBe(true);
    expect(await settlesWithin(new Promise(() => {}), 5)).toBe(false);
  });
});

test('a usage chunk is one event with no choices', () => {
  const metered = meterAtFlatPrice({ usage: undefined, outputChars: 8 }, 4);
  const text = usageChunk({ id: 'x', created: 5, model: 'm' }, metered).toString();
  expect(text).toStartWith('data: {');
  expect(text).toEndWith('}\n\n');
  expect(JSON.parse(text.slice(6))).toEqual({
    id: 'x',
    object: 'chat.completion.chunk',
    created: 5,
    model: 'm',
    choices: [],
    usage: { ...metered.usage, cost: 0.000003 },
  });
});
