import { describe, expect, test } from 'bun:test';
import { sampleCall } from '../../test/support/call-parts.ts';
import { forwardedHeaders, withForwarded } from './forward-headers.ts';

const headers = {
  'x-request-source': 'batch',
  'anthropic-beta': 'context-1m',
  traceparent: '00-1-2-3',
  'user-agent': 'curl',
  cookie: 'a=b',
  authorization: 'Bearer sk-client',
  'x-api-key': 'sk-client',
  'x-goog-api-key': 'sk-client',
  'x-litellm-tags': 'a',
  'x-tollgate-x': 'a',
  'x-stainless-os': 'Linux',
  'x-forwarded-for': '10.0.0.1',
  'x-real-ip': '10.0.0.1',
  'x-goog-user-project': 'another-project',
  'x-amz-security-token': 'token',
  'x-amzn-sagemaker-inference-component': 'another-model',
  'x-amzn-sagemaker-target-variant': 'another-variant',
  'x-snowflake-authorization-token-type': 'OAUTH',
  'x-portkey-custom-host': 'https://elsewhere.example',
  'x-portkey-config': '{}',
};

describe('client headers', () => {
  test('stay here unless the operator wants them forwarded', () => {
    expect(forwardedHeaders(sampleCall({ headers }), { headersFor: () => false, traceparent: false })).toBeUndefined();
  });

  test('go on when they are the client’s own, never credentials, those of a proxy or what leads elsewhere', () => {
    const forwarded = forwardedHeaders(sampleCall({ headers }), { headersFor: () => true, traceparent: false });
    expect(forwarded).toEqual({ 'x-request-source': 'batch', 'anthropic-beta': 'context-1m' });
  });

  test('go on for the model groups that the operator named', () => {
    const settings = { headersFor: (group: string) => group === 'open', traceparent: false };
    expect(forwardedHeaders(sampleCall({ headers, modelGroup: 'open' }), settings)).toBeDefined();
    expect(forwardedHeaders(sampleCall({ headers, modelGroup: 'closed' }), settings)).toBeUndefined();
  });

  test('stay here when the operator takes keys from them', () => {
    const settings = { headersFor: () => true, traceparent: false, keyHeaderName: 'X-Request-Source' };
    expect(forwardedHeaders(sampleCall({ headers }), settings)).toEqual({ 'anthropic-beta': 'context-1m' });
  });

  test('that the upstream’s own API defines go on to it by themselves', () => {
    const settings = { headersFor: () => false, traceparent: false };
    const sent = forwardedHeaders(sampleCall({ headers }), settings, ['anthropic-beta', 'not-sent']);
    expect(sent).toEqual({ 'anthropic-beta': 'context-1m' });
    expect(forwardedHeaders(sampleCall(), settings, ['anthropic-beta'])).toBeUndefined();
  });

  test('never replace the gateway’s, but switches that they add are joined to those a request needs', () => {
    const own = { 'content-type': 'application/json', 'anthropic-beta': 'files-api' };
    expect(withForwarded(own, undefined)).toBe(own);
    const forwarded = { 'content-type': 'text/plain', 'anthropic-beta': 'context-1m, files-api', 'x-a': '1' };
    expect(withForwarded(own, forwarded)).toEqual({ ...own, 'anthropic-beta': 'files-api,context-1m', 'x-a': '1' });
    expect(withForwarded({}, { 'anthropic-beta': 'b' })).toEqual({ 'anthropic-beta': 'b' });
    expect(withForwarded({ 'anthropic-beta': 'a' }, { 'x-a': '1' })).toEqual({ 'anthropic-beta': 'a', 'x-a': '1' });
  });

  test('of a trace go on by themselves', () => {
    const settings = { headersFor: () => false, traceparent: true };
    expect(forwardedHeaders(sampleCall({ headers }), settings)).toEqual({ traceparent: '00-1-2-3' });
    expect(forwardedHeaders(sampleCall(), settings)).toEqual({});
  });
});
