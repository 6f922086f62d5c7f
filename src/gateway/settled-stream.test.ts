import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../errors.ts';
import type { StreamBody } from './call.ts';
import { type Ending, SettledStream } from './settled-stream.ts';
import { newTally } from './stream-source.ts';

const BROKEN = new GatewayError('upstream_truncated', 'The upstream broke off its answer.');

interface Inner extends StreamBody {
  readonly cancelled: () => number;
}

/** Gives each step in turn: bytes, the end, a failure, or what a test decides later. */
function inner(...steps: (string | undefined | Error | Promise<Uint8Array | undefined>)[]): Inner {
  let cancelled = 0;
  return {
    tally: newTally(false),
    async next() {
      const step = steps.shift();
      if (step instanceof Error) throw step;
      return typeof step === 'string' ? Buffer.from(step) : step;
    },
    cancel: () => {
      cancelled++;
    },
    cancelled: () => cancelled,
  };
}

function settled(body: StreamBody, onEnd: (ending: Ending) => void = () => {}) {
  const endings: Ending[] = [];
  const stream = new SettledStream(body, (ending) => {
    endings.push(ending);
    onEnd(ending);
  });
  const read = async (): Promise<string | undefined> => {
    const bytes = await stream.next();
    return bytes && Buffer.from(bytes).toString();
  };
  return { stream, endings, read };
}

describe('a stream that ends well', () => {
  test('is recorded before its [DONE] leaves, and once', async () => {
    const { endings, read } = settled(inner('a', 'b', undefined));
    expect([await read(), await read()]).toEqual(['a', 'b']);
    expect(endings).toEqual([]);
    expect(await read()).toBe('data: [DONE]\n\n');
    expect(endings).toEqual([{ status: 'ok' }]);
    expect(await read()).toBeUndefined();
    expect(endings).toHaveLength(1);
  });

  test('is not cancelled afterwards', async () => {
    const body = inner(undefined);
    const { stream, endings } = settled(body);
    await stream.next();
    stream.cancel();
    expect(body.cancelled()).toBe(0);
    expect(endings).toEqual([{ status: 'ok' }]);
  });

  test('fails in the open when it cannot be recorded', async () => {
    const { read, endings } = settled(inner('a', undefined), () => {
      throw new GatewayError('unavailable', 'The request ledger cannot be written');
    });
    expect(await read()).toBe('a');
    const last = (await read()) ?? '';
    expect(JSON.parse(last.replace('data: ', ''))).toMatchObject({ error: { code: '503' } });
    expect(await read()).toBeUndefined();
    expect(endings).toHaveLength(1);
  });

  test('shows the tally of what it holds', () => {
    const body = inner();
    expect(settled(body).stream.tally).toBe(body.tally);
  });
});

describe('a stream that breaks off', () => {
  test('ends with an error event and no [DONE], and the upstream is let go', async () => {
    const body = inner('a', BROKEN);
    const { read, endings } = settled(body);
    expect(await read()).toBe('a');
    const last = (await read()) ?? '';
    expect(last.endsWith('\n\n')).toBe(true);
    expect(JSON.parse(last.replace('data: ', ''))).toEqual({
      error: { message: BROKEN.message, type: 'internal_server_error', param: null, code: '502' },
    });
    expect(await read()).toBeUndefined();
    expect(endings).toEqual([{ status: 'failed', error: BROKEN }]);
    expect(body.cancelled()).toBe(1);
  });

  test('by an unforeseen error says no more than that', async () => {
    const { read, endings } = settled(inner(new TypeError('secret prompt')));
    expect(await read()).not.toContain('secret');
    expect(endings).toMatchObject([{ status: 'failed', error: { kind: 'internal' } }]);
  });

  test('still says so when the end cannot be recorded', async () => {
    const { read } = settled(inner(BROKEN), () => {
      throw new Error('disk full');
    });
    expect(await read()).toContain('"code":"500"');
    expect(await read()).toBeUndefined();
  });
});

describe('a client that leaves', () => {
  test('is recorded once, and the upstream is let go once', async () => {
    const body = inner('a', 'b');
    const { stream, endings, read } = settled(body);
    await read();
    stream.cancel();
    stream.cancel();
    expect(endings).toEqual([{ status: 'aborted' }]);
    expect(body.cancelled()).toBe(1);
    expect(await read()).toBeUndefined();
  });

  test('is seen as left when the upstream call says so first', async () => {
    const { stream, endings, read } = settled(inner(new GatewayError('client_closed', 'gone')));
    expect(await read()).toBeUndefined();
    stream.cancel();
    expect(endings).toEqual([{ status: 'aborted' }]);
  });

  test.each([
    ['the end', undefined],
    ['bytes', Buffer.from('late')],
    ['a failure', BROKEN],
  ])('while a read is under way is recorded once, whatever that read brings: %s', async (_, brought) => {
    const reading = Promise.withResolvers<Uint8Array | undefined>();
    const { stream, endings } = settled(inner(reading.promise));
    const next = stream.next();
    stream.cancel();
    if (brought instanceof Error) reading.reject(brought);
    else reading.resolve(brought);
    const bytes = await next;
    expect(bytes === undefined || bytes === brought).toBe(true);
    expect(endings).toEqual([{ status: 'aborted' }]);
  });

  test('never throws into the connection when it cannot be recorded', () => {
    const { stream } = settled(inner(), () => {
      throw new Error('disk full');
    });
    expect(() => stream.cancel()).not.toThrow();
  });
});
