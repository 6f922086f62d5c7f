import { describe, expect, test } from 'bun:test';
import { GatewayError } from '../errors.ts';
import { traceOf } from './upstream-trace.ts';

function trace(upstream: unknown, headers: Readonly<Record<string, string>> = {}) {
  const error = new GatewayError('upstream_rejected', 'No.', { upstream });
  error.upstreamHeaders = new Headers(headers);
  return traceOf(error);
}

describe('what an upstream calls its failure', () => {
  test.each<[unknown, string | undefined]>([
    [{ code: 'context_length_exceeded', type: 'invalid_request_error' }, 'context_length_exceeded'],
    [{ code: 400, status: 'INVALID_ARGUMENT' }, 'INVALID_ARGUMENT'],
    [{ code: null, type: 'overloaded_error' }, 'overloaded_error'],
    [{ __type: 'ThrottlingException' }, 'ThrottlingException'],
    [{ code: '3505' }, '3505'],
    [{ code: 'a text\nof two lines' }, undefined],
    [{ code: 'x'.repeat(101) }, undefined],
    [{}, undefined],
    [undefined, undefined],
    ['words', undefined],
  ])('%j is %p', (upstream, code) => {
    expect(trace(upstream).upstreamCode).toBe(code);
  });
});

describe('the id by which it finds the request again', () => {
  test.each(['x-request-id', 'request-id', 'apim-request-id', 'x-amzn-requestid'])('stands in %s', (name) => {
    expect(trace({}, { [name]: 'req_1' })).toEqual({ upstreamRequestId: 'req_1' });
  });

  test('is not taken from what is no id, and may be missing', () => {
    expect(trace({}, { 'x-request-id': 'two words' })).toEqual({});
    expect(trace({}, { 'x-request-id': 'x'.repeat(201), 'request-id': 'r' })).toEqual({ upstreamRequestId: 'r' });
    expect(traceOf(new GatewayError('upstream_unreachable', 'Gone.'))).toEqual({});
  });
});
