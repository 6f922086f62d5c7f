import { describe, expect, test } from 'bun:test';
import {
  ERROR_KINDS,
  type ErrorKindName,
  errorBody,
  GatewayError,
  invalidApiKey,
  invalidRequest,
  retryHeaders,
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
    expect(own.filter((kind) => ERROR_KINDS[kind].next === 'retry')).toEqual([]);
    // What one deployment may not take, another may.
    const another = ['model_unpriced', 'deployment_busy', 'no_eligible_deployment'];
    expect<string[]>(own.filter((kind) => ERROR_KINDS[kind].next === 'fallback')).toEqual(another);
  });

  test('calls every 429 a rate limit', () => {
    const types = KINDS.filter((kind) => ERROR_KINDS[kind].status === 429).map((kind) => ERROR_KINDS[kind].type);
    expect(new Set<string>(types)).toEqual(new Set(['rate_limit_error']));
  });
});

describe('coming back', () => {
  const headers = (kind: ErrorKindName, retryAfterMs?: number, keepsRetries = false): Record<string, string> =>
    retryHeaders(new GatewayError(kind, 'x', retryAfterMs === undefined ? {} : { retryAfterMs }), keepsRetries);

  test.each(['rate_limited', 'deployment_busy', 'budget_exceeded', 'unavailable'] as const)(
    'is worth it after %s when that ends in less than a minute',
    (kind) => {
      expect(headers(kind, 1_500)).toEqual({ 'retry-after': '2', 'x-should-retry': 'true' });
      expect(headers(kind, 59_000)).toEqual({ 'retry-after': '59', 'x-should-retry': 'true' });
      // SDKs do not wait so long and would be back at once.
      expect(headers(kind, 59_001)).toEqual({ 'retry-after': '60', 'x-should-retry': 'false' });
      expect(headers(kind, 86_400_000)).toEqual({ 'retry-after': '86400', 'x-should-retry': 'false' });
    },
  );

  test('is not worth it where no wait helps', () => {
    expect(headers('rate_limited')).toEqual({ 'x-should-retry': 'false' });
    expect(headers('budget_exceeded')).toEqual({ 'x-should-retry': 'false' });
  });

  test('is told of every 503 of our own', () => {
    expect(headers('unavailable')).toEqual({ 'retry-after': '1', 'x-should-retry': 'true' });
  });

  test.each(
    KINDS.filter((kind) => !['rate_limited', 'deployment_busy', 'budget_exceeded', 'unavailable'].includes(kind)),
  )('is not for clients after %s', (kind) => {
    expect(headers(kind)).toEqual({ 'x-should-retry': 'false' });
    expect(headers(kind, 3_000)).toEqual({ 'retry-after': '3', 'x-should-retry': 'false' });
  });

  test('is left to a client that wanted no retries of ours, where a retry may help', () => {
    expect(headers('upstream_unavailable', 3_000, true)).toEqual({ 'retry-after': '3' });
    expect(headers('upstream_rejected', undefined, true)).toEqual({ 'x-should-retry': 'false' });
    expect(headers('rate_limited', 3_000, true)).toEqual({ 'retry-after': '3', 'x-should-retry': 'true' });
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
