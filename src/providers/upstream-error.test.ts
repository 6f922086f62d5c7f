import { describe, expect, test } from 'bun:test';
import { API_KEY, targetOf } from '../../test/support/provider-parts.ts';
import { fixture } from '../../test/support/recordings.ts';
import { type ErrorKindName, errorBody } from '../errors.ts';
import { upstreamError } from './upstream-error.ts';

const target = targetOf('openai/gpt-4o');

const errorOf = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  upstreamError({
    target,
    status,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: new Headers(headers),
  });

describe('recorded refusals', () => {
  test.each<[number, string, ErrorKindName]>([
    [400, 'openai-unsupported-parameter', 'upstream_rejected'],
    [400, 'openai-context-length', 'context_window_exceeded'],
    [401, 'openai-invalid-key', 'upstream_unauthorized'],
    [429, 'openai-rate-limit', 'upstream_busy'],
    [404, 'openai-no-model', 'upstream_not_found'],
    [400, 'openai-no-model', 'upstream_not_found'],
    [500, 'openai-server', 'upstream_failed'],
    [400, 'azure-content-filter', 'content_policy_violation'],
    [422, 'mistral-validation', 'upstream_rejected'],
    [402, 'deepseek-balance', 'upstream_payment_required'],
    [400, 'vllm-context', 'context_window_exceeded'],
    [200, 'openrouter-in-stream', 'upstream_bad_gateway'],
  ])('%d %s is %s, in the provider’s words', (status, file, kind) => {
    const text = fixture(`errors/${file}.json`);
    const error = errorOf(status, text);
    expect(error.kind).toBe(kind);
    expect(JSON.stringify(JSON.parse(text))).toContain(JSON.stringify(error.message).slice(1, -1));
    expect(error.details.upstreamStatus).toBe(status);
  });
});

describe('a bare status', () => {
  test.each<[number, ErrorKindName, number]>([
    [400, 'upstream_rejected', 400],
    [401, 'upstream_unauthorized', 401],
    [402, 'upstream_payment_required', 402],
    [403, 'upstream_forbidden', 403],
    [404, 'upstream_not_found', 404],
    [405, 'upstream_rejected', 400],
    [408, 'upstream_timeout', 408],
    [413, 'upstream_rejected', 400],
    [422, 'upstream_rejected', 400],
    [429, 'upstream_busy', 429],
    [500, 'upstream_failed', 500],
    [502, 'upstream_bad_gateway', 502],
    [503, 'upstream_unavailable', 503],
    [504, 'upstream_gateway_timeout', 504],
    [529, 'upstream_failed', 500],
    [599, 'upstream_failed', 500],
  ])('%d is %s', (status, kind, ours) => {
    const error = errorOf(status, '');
    expect([error.kind, error.status, error.message]).toEqual([
      kind,
      ours,
      `The upstream answered with status ${status}.`,
    ]);
    expect(error.details.upstream).toBeUndefined();
  });
});

describe('what is said counts before the status', () => {
  test.each<[number, string, ErrorKindName]>([
    [400, 'Rate limit exceeded for the day', 'upstream_busy'],
    [403, 'You have exceeded a secondary rate limit', 'upstream_busy'],
    [429, 'got 429 from backend', 'upstream_busy'],
    [500, 'Service tier capacity exceeded for this model', 'upstream_busy'],
    [413, 'Request too large for model x on tokens per minute (TPM)', 'upstream_busy'],
    [500, 'input tokens exceed the configured limit of 272000 tokens', 'context_window_exceeded'],
    [400, 'the request exceeds the available context size', 'context_window_exceeded'],
    [422, '`inputs` tokens + `max_new_tokens` must be <= 4096', 'context_window_exceeded'],
    [400, 'current length is 9000 while limit is 8192', 'context_window_exceeded'],
    [400, 'The maximum input length is 8000 tokens', 'context_window_exceeded'],
    [400, 'string_above_max_length: maximum input length is 64 tokens', 'upstream_rejected'],
    [400, "Invalid 'user': this model's maximum context length is x", 'upstream_rejected'],
    [500, 'A timeout occurred', 'upstream_timeout'],
    [400, 'Your request was rejected as a result of our safety system', 'content_policy_violation'],
    [500, 'content_filter_policy', 'content_policy_violation'],
    [400, 'The server had an error while processing your request', 'upstream_failed'],
    [400, 'Web server is returning an unknown error', 'upstream_failed'],
    [400, 'current length is unknown', 'upstream_rejected'],
    [400, 'unit 429 is out of stock', 'upstream_rejected'],
  ])('%d "%s" is %s', (status, message, kind) => {
    expect(errorOf(status, { error: { message } }).kind).toBe(kind);
  });

  test('but a telling status is not overruled by a general type', () => {
    for (const [status, kind] of [
      [401, 'upstream_unauthorized'],
      [403, 'upstream_forbidden'],
      [404, 'upstream_not_found'],
      [429, 'upstream_busy'],
      [503, 'upstream_unavailable'],
    ] as const) {
      expect(errorOf(status, { error: { message: 'No.', type: 'invalid_request_error' } }).kind).toBe(kind);
    }
    expect(errorOf(500, { error: { message: 'No.', type: 'invalid_request_error' } }).kind).toBe('upstream_rejected');
  });

  test('and details, which may quote the prompt, are not listened to', () => {
    const error = { message: 'Bad request', param: 'x', input: 'tell me about the rate limit' };
    expect(errorOf(400, { error }).kind).toBe('upstream_rejected');
  });
});

describe('an error inside a 200', () => {
  test.each<[unknown, ErrorKindName]>([
    [{ error: { message: 'x', code: 503 } }, 'upstream_unavailable'],
    [{ error: { message: 'x', code: '429' } }, 'upstream_busy'],
    [{ error: { message: 'x', status: 401 } }, 'upstream_unauthorized'],
    [{ error: { message: 'x', type: 'invalid_request_error' } }, 'upstream_rejected'],
    [{ error: { message: 'x', type: 'overloaded_error' } }, 'upstream_failed'],
    [{ error: { message: 'x', type: 'rate_limit_error' } }, 'upstream_busy'],
    [{ error: { message: 'x', code: 'insufficient_quota' } }, 'upstream_busy'],
    [{ error: { message: 'x', type: 'server_error' } }, 'upstream_failed'],
    [{ error: { message: "This model's maximum context length is 8" } }, 'context_window_exceeded'],
    [{ error: 'Something broke' }, 'upstream_failed'],
    [{ error: { message: 'x', code: 42 } }, 'upstream_failed'],
    ['not JSON', 'upstream_failed'],
  ])('%j is %s', (body, kind) => {
    expect(errorOf(200, body).kind).toBe(kind);
  });
});

describe('the message', () => {
  test.each([
    [{ error: { message: 'nested' } }, 'nested'],
    [{ error: { error: { message: 'twice nested' } } }, 'twice nested'],
    [{ error: 'a text' }, 'a text'],
    [{ error: 'code', message: 'a text beside' }, 'a text beside'],
    [{ message: 'on top' }, 'on top'],
    [{ detail: 'FastAPI' }, 'FastAPI'],
    [{ detail: [{ loc: ['body'], msg: 'field required' }] }, 'field required'],
    [{ errors: [{ message: 'in a list' }] }, 'in a list'],
    [[{ error: { message: 'Google’s list' } }], 'Google’s list'],
    ['plain words', 'plain words'],
    [{ error: { message: '' } }, 'The upstream answered with status 400.'],
    [{ error: {} }, 'The upstream answered with status 400.'],
    [[], 'The upstream answered with status 400.'],
    ['null', 'The upstream answered with status 400.'],
    ['<html><body>Bad gateway of nginx</body></html>', 'The upstream answered with status 400.'],
    ['  <!DOCTYPE html>…', 'The upstream answered with status 400.'],
    ['x'.repeat(5000), 'The upstream answered with status 400.'],
  ])('of %j is "%s"', (body, message) => {
    expect(errorOf(400, body).message).toBe(message);
  });

  test('is cut when it is endless', () => {
    expect(errorOf(400, { error: { message: 'x'.repeat(50_000) } }).message).toHaveLength(4000);
  });
});

describe('on the wire', () => {
  const wire = (status: number, error: unknown) => errorBody(errorOf(status, { error })).error;

  test('type and param of a refused request stay, the code goes beside them', () => {
    const given = { message: 'No such unit', type: 'unit_error', param: 'unit', code: 'no_unit', extra: [1] };
    expect(wire(400, given)).toEqual({
      message: 'No such unit',
      type: 'unit_error',
      param: 'unit',
      code: '400',
      provider_specific_fields: { type: 'unit_error', param: 'unit', code: 'no_unit', extra: [1] },
    });
  });

  test('a 429 is a rate_limit_error, whatever the provider calls it', () => {
    expect(wire(429, { message: 'slow', type: 'tokens', code: 'x' })).toMatchObject({
      type: 'rate_limit_error',
      code: '429',
      provider_specific_fields: { type: 'tokens', code: 'x' },
    });
  });

  test('endless details are left to the few that matter', () => {
    const error = { message: 'x', code: 'c', type: 't', image: 'A'.repeat(20_000) };
    expect(wire(400, error)['provider_specific_fields']).toEqual({ code: 'c', type: 't' });
  });
});

describe('secrets', () => {
  test('are blotted out of message, code, type, param and details', () => {
    const error = {
      message: `key ${API_KEY}`,
      code: API_KEY,
      type: `t-${API_KEY}`,
      param: API_KEY,
      deep: { a: [API_KEY] },
    };
    const text = JSON.stringify(errorBody(errorOf(400, { error })));
    expect(text).not.toContain(API_KEY);
    expect(text.match(/\[redacted\]/g)?.length).toBeGreaterThan(4);
    expect(errorOf(400, `key ${API_KEY}`).message).toBe('key [redacted]');
  });

  test('in the operator’s headers are too, in each of their forms', () => {
    const own = targetOf('openai/x', {
      apiKey: 'with"quote-123',
      extraHeaders: {
        'X-Auth-Token': 'tok-123456789',
        Authorization: 'Bearer bear-987654321',
        'x-tenant': 'tenant-name',
      },
    });
    const message = 'a tok-123456789 b bear-987654321 c with"quote-123 d tenant-name';
    const error = upstreamError({
      target: own,
      status: 400,
      body: JSON.stringify({ error: { message, again: message } }),
      headers: new Headers(),
    });
    const blotted = 'a [redacted] b [redacted] c [redacted] d tenant-name';
    expect([error.message, error.details.upstream]).toEqual([blotted, { again: blotted }]);
  });

  test('that are too short to be any do not eat the words', () => {
    const own = targetOf('openai/x', { apiKey: 'fake' });
    const error = upstreamError({ target: own, status: 400, body: 'a fake key', headers: new Headers() });
    expect(error.message).toBe('a fake key');
  });
});
