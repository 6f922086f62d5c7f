import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../errors.ts';
import { readObject } from './body.ts';

const MEGABYTES = 32 * 1024 * 1024;
const request = (body: string | ReadableStream, headers: Record<string, string> = {}): Request =>
  new Request('http://gateway.test/', { method: 'POST', body, headers });
const refusal = async (body: string | ReadableStream, mostBytes?: number, headers = {}): Promise<GatewayError> => {
  const thrown: unknown = await readObject(request(body, headers), false, mostBytes).catch((error: unknown) => error);
  if (thrown instanceof GatewayError) return thrown;
  throw new Error('it was taken');
};

describe('a body', () => {
  test('that says it is too long is not read, and one that does not say so only as far as it may go', async () => {
    let pulled = 0;
    const endless = (): ReadableStream =>
      new ReadableStream({
        pull(controller) {
          pulled += 1;
          controller.enqueue(new Uint8Array(100_000).fill(32));
        },
      });
    const declared = await refusal(endless(), undefined, { 'content-length': '1048577' });
    expect([declared.status, declared.details.param]).toEqual([413, 'request_body']);
    expect(pulled).toBeLessThan(3);
    expect((await refusal(endless())).message).toBe('The body of this request may have at most 1 MB.');
    expect(pulled).toBeLessThan(30);
  });

  test('of many megabytes that holds a great many values is refused soon', async () => {
    for (const value of ['[]', '0', '{"a":0}']) {
      const body = `{"messages":[${Array.from({ length: 1_000_000 }, () => value).join(',')}]}`;
      const startedAtMs = performance.now();
      expect((await refusal(body, MEGABYTES)).message).toContain('more than 400000 JSON values');
      expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    }
    const fine = `{"messages":[${Array.from({ length: 300_000 }, () => '0').join(',')}]}`;
    expect(await readObject(request(fine), false, MEGABYTES)).toHaveProperty('messages');
  });

  test.each([
    ['{"a":{"__proto__":{"admin":true}}}', '"__proto__"'],
    ['{"__proto__":1}', '"__proto__"'],
    ['{"a":1,"a":2}', 'twice'],
    ['[1]', 'must be a JSON object'],
    ['null', 'must be a JSON object'],
    ['{"a":NaN}', 'must be one JSON object'],
    ['{"a":"\\ud83d"}', 'half of a character'],
    [`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`, 'levels deep'],
    [`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 'levels deep'],
  ])('%.40s is refused', async (body, message) => {
    const error = await refusal(body);
    expect([error.status, error.message.includes(message)]).toEqual([400, true]);
  });
});
