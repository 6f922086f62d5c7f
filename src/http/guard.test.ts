import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../errors.ts';
import { boundedBody, frameFault, tooLarge } from './guard.ts';

const HOST = { host: 'gateway.example:4000' };

describe('a frame', () => {
  test.each(['localhost:4000', '127.0.0.1', '[::1]:4000', 'my_host-1.example'])('with the host %s is fine', (host) => {
    expect(frameFault({ host }, '/v1/models')).toBeUndefined();
  });

  test.each([undefined, '', 'a b', 'a,b', 'evil.example/path', 'user@host', 'a\u00e9'])(
    'with the host %j is refused',
    (host) => {
      expect(frameFault({ host }, '/')).toMatchObject({
        status: 400,
        message: 'The Host header is missing, repeated or malformed.',
      });
    },
  );

  test.each([
    '/v1/chat/completions',
    '/engines/a%2Fb/chat/completions',
    '/v1/models/a..b',
    '/models/gpt-4.1',
    '/.well-known/x',
    '/models/a:b@c',
  ])('with the path %s is fine', (path) => {
    expect(frameFault(HOST, path)).toBeUndefined();
  });

  test.each([
    '/v1/../admin',
    '/v1/..',
    '/./x',
    '/v1/.',
    '/a\\b',
    '/a%5Cb',
    '/a%5cb',
    '/a%00b',
    '/%2e%2E/x',
    '/key/info;x=1',
  ])('with the path %s is refused', (path) => {
    expect(frameFault(HOST, path)).toMatchObject({
      status: 400,
      message: 'The path holds characters that are not accepted.',
    });
  });

  test('may not be compressed', () => {
    expect(frameFault({ ...HOST, 'content-encoding': 'identity' }, '/')).toBeUndefined();
    for (const encoding of ['gzip', 'br', '', 'identity, gzip']) {
      expect(frameFault({ ...HOST, 'content-encoding': encoding }, '/')).toMatchObject({
        status: 400,
        details: { param: 'content-encoding' },
      });
    }
  });
});

describe('a body', () => {
  const post = (body: RequestInit['body'], headers: Record<string, string> = {}): Request =>
    new Request('http://gateway.example/', { method: 'POST', body, headers });
  const read = async (request: Request, headers: Record<string, string>, maxBytes: number): Promise<string> =>
    Buffer.from((await boundedBody(request, headers, maxBytes)) as Uint8Array).toString();
  const chunked = (pieces: readonly string[]): ReadableStream<Uint8Array> => {
    const left = pieces.map((piece) => Buffer.from(piece));
    return new ReadableStream({
      pull(controller) {
        const piece = left.shift();
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
    });
  };

  test('of a declared length is read whole, up to the limit', async () => {
    expect(await read(post('12345'), { 'content-length': '5' }, 5)).toBe('12345');
  });

  test('that declares too much is refused unread', async () => {
    const request = post('12345');
    const thrown = await boundedBody(request, { 'content-length': '6' }, 5).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ kind: 'payload_too_large', status: 413, details: { param: 'request_body' } });
    expect(request.bodyUsed).toBe(false);
  });

  test('of no declared length is read piece by piece, and no further than allowed', async () => {
    expect(await read(post(chunked(['123', '45'])), {}, 5)).toBe('12345');
    let given = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        given++;
        controller.enqueue(new Uint8Array(1_000));
      },
    });
    const thrown = await boundedBody(post(endless), {}, 10_000).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(GatewayError);
    expect(thrown).toMatchObject({ status: 413 });
    expect(given).toBeLessThan(20);
  });

  test('may be missing', async () => {
    expect(await read(post(undefined), {}, 5)).toBe('');
  });

  test.each([
    [10 * 1024 * 1024, '10 MB'],
    [1_500_000, '1.43 MB'],
    [1_024, '0 MB'],
  ])('over the limit of %d bytes is told the limit', (maxBytes, text) => {
    expect(tooLarge(maxBytes).message).toBe(
      `The request body is larger than ${text}. The operator can raise general_settings.max_request_size_mb.`,
    );
  });
});
