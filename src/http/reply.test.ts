import { describe, expect, test } from 'bun:test';
import { GatewayError, invalidApiKey } from '../errors.ts';
import { errorResponse, jsonResponse, refusalResponse } from './reply.ts';

const SECURITY = {
  vary: 'Origin',
  'x-frame-options': 'DENY',
  'content-security-policy': "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

test('a value is sent as JSON, with 200 unless said otherwise', async () => {
  const response = jsonResponse({ text: 'ü', none: null });
  expect([response.status, await response.json()]).toEqual([200, { text: 'ü', none: null }]);
  expect(jsonResponse('busy', 503).status).toBe(503);
});

test('every answer says that it is JSON and how browsers may use it', () => {
  const common = { ...SECURITY, 'content-type': 'application/json' };
  expect(jsonResponse(1).headers.toJSON()).toEqual(common);
  const refused = (kind: 'not_found' | 'unavailable') => refusalResponse(new GatewayError(kind, 'No')).headers.toJSON();
  expect(refused('not_found')).toEqual({ ...common, 'x-should-retry': 'false' });
  expect(refused('unavailable')).toEqual({ ...common, 'x-should-retry': 'true', 'retry-after': '1' });
});

test('two answers do not share their headers', () => {
  const first = jsonResponse(1);
  first.headers.set('allow', 'GET');
  expect(jsonResponse(2).headers.has('allow')).toBe(false);
});

describe('an error', () => {
  test("has the status of its kind and OpenAI's shape", async () => {
    const response = refusalResponse(invalidApiKey('Send one.'));
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({
      error: {
        message: 'Invalid API key',
        type: expect.any(String),
        param: null,
        code: 'invalid_api_key',
        reason: 'Send one.',
      },
    });
  });

  test('keeps the headers that it was given, and is JSON whatever they say', () => {
    const headers = new Headers({ 'retry-after': '7', 'content-type': 'text/event-stream' });
    const response = errorResponse(new GatewayError('upstream_busy', 'Busy'), headers);
    expect(response.status).toBe(429);
    expect(response.headers.toJSON()).toEqual({ 'retry-after': '7', 'content-type': 'application/json' });
  });

  test('names its call only when the operator wants that', async () => {
    const error = new GatewayError('internal', 'Internal server error');
    expect(await errorResponse(error, new Headers(), 'call-1').json()).toMatchObject({
      error: { litellm_call_id: 'call-1' },
    });
    expect(Object(await errorResponse(error, new Headers()).json()).error).not.toHaveProperty('litellm_call_id');
  });

  test('never shows its cause', async () => {
    const cause = new Error('password=hunter2');
    const response = refusalResponse(new GatewayError('internal', 'Internal server error', { cause }));
    expect(await response.text()).not.toContain('hunter2');
  });
});
