import { describe, expect, test } from 'bun:test';
import {
  ERROR_KINDS,
  type ErrorKindName,
  errorBody,
  GatewayError,
  invalidApiKey,
  invalidRequest,
  toGatewayError,
} from './errors.ts';

// The table's keys, read back from it.
const KINDS = Object.keys(ERROR_KINDS) as ErrorKindName[];

describe('the table', () => {
  test.each(KINDS)('gives %s a status for clients and a step for routing', (kind) => {
    const error = new GatewayError(kind, 'Words');
    expect(error.status).toBeWithin(400, 600);
    expect(['stop', 'retry', 'fallback']).toContain(error.next);
    expect(errorBody(error).error).toEqual({
      message: 'Words',
      type: ERROR_KINDS[kind].type,
      param: null,
      code: String(error.status),
    });
  });

  test('never tries again what the client did, nor what the gateway could not do', () => {
    const own = KINDS.filter((kind) => !/^(upstream_|context_|content_)/.test(kind));
    expect(own.filter((kind) => ERROR_KINDS[kind].next !== 'stop')).toEqual([]);
  });

  test('calls every 429 a rate limit', () => {
    const types = KINDS.filter((kind) => ERROR_KINDS[kind].status === 429).map((kind) => ERROR_KINDS[kind].type);
    expect(new Set<string>(types)).toEqual(new Set(['rate_limit_error']));
  });
});

describe('on the wire', () => {
  test('a bad key looks the same whatever was wrong with it, and says what to do', () => {
    expect(errorBody(invalidApiKey('The key has expired.'))).toEqual({
      error: {
        message: 'Invalid API key',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
        reason: 'The key has expired.',
      },
    });
  });

  test('a bad request names the field', () => {
    expect(errorBody(invalidRequest('Too hot', 'temperature')).error).toMatchObject({
      type: 'invalid_request_error',
      param: 'temperature',
      code: '400',
    });
    expect(errorBody(invalidRequest('What?')).error['param']).toBeNull();
  });

  test('a limit says which one, how far it is used and when it ends', () => {
    const limit = { scope: 'key', unit: 'requests', used: 10, max: 10, resets_at: '2026-01-01T00:00:00Z' };
    expect(errorBody(new GatewayError('rate_limited', 'Rate limit exceeded', { limit })).error['limit']).toEqual(limit);
  });

  test('what the upstream said stands beside, its type in place of ours where it was kept', () => {
    const error = new GatewayError('upstream_rejected', 'No', {
      upstream: { code: 'x' },
      type: 'their_type',
      code: 'their_code',
    });
    expect(errorBody(error).error).toMatchObject({
      provider_specific_fields: { code: 'x' },
      type: 'their_type',
      code: 'their_code',
    });
  });

  test('causes, statuses and waits of our own stay out of the body', () => {
    const error = new GatewayError('upstream_busy', 'No', {
      cause: new Error('secret'),
      retryAfterMs: 5,
      upstreamStatus: 529,
    });
    expect(JSON.stringify(errorBody(error))).not.toMatch(/secret|retry|529/);
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe('anything thrown', () => {
  test('becomes an error of ours; what nobody foresaw says nothing of itself', () => {
    const known = new GatewayError('not_found', 'x');
    expect(toGatewayError(known)).toBe(known);
    for (const thrown of [new TypeError('secret'), 'secret', undefined, null]) {
      const error = toGatewayError(thrown);
      expect([error.kind, error.message]).toEqual(['internal', 'Internal server error']);
      expect(error.cause).toBe(thrown);
    }
  });
});
