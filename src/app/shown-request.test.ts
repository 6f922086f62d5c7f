import { describe, expect, test } from 'bun:test';
import { adapterOf, sampleTarget } from '../../test/support/call-parts.ts';
import type { Target } from '../providers/adapter.ts';
import { shownRequest } from './shown-request.ts';

const KEY = 'sk-upstream-key-0123456789';
const TOKEN = 'token-in-the-settings-0123';

const target = (over: Partial<Target> = {}): Target => sampleTarget({ apiKey: KEY, ...over });

interface Given {
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly target?: Partial<Target>;
  readonly inFull?: boolean;
}

const shown = ({ url = 'https://api.openai.com/v1/chat/completions', headers = {}, body = {}, ...rest }: Given) =>
  shownRequest({ url, headers, body: JSON.stringify(body) }, target(rest.target), rest.inFull ?? true);

describe('headers', () => {
  test('that carry credentials show of what kind they are and no more', () => {
    const headers = {
      authorization: `Bearer ${KEY}`,
      'x-api-key': 'short',
      'api-key': 'a',
      'x-goog-api-key': 'a',
      'x-amz-security-token': 'a',
      cookie: 'a=b',
      'proxy-authorization': 'Basic abc',
      'content-type': 'application/json',
      'anthropic-beta': 'tools',
    };
    expect(shown({ headers }).headers).toEqual({
      authorization: 'Bearer ****',
      'x-api-key': '****',
      'api-key': '****',
      'x-goog-api-key': '****',
      'x-amz-security-token': '****',
      cookie: '****',
      'proxy-authorization': 'Basic ****',
      'content-type': 'application/json',
      'anthropic-beta': 'tools',
    });
  });

  test('of the operator’s are shown by name, whatever they are for', () => {
    const extraHeaders = { 'X-Tenant': 'acme' };
    expect(shown({ headers: { 'x-tenant': 'acme' }, target: { extraHeaders } }).headers).toEqual({
      'x-tenant': '****',
    });
  });

  test('with a secret inside lose it', () => {
    expect(shown({ headers: { 'x-note': `a ${KEY} b` } }).headers['x-note']).toBe('a [redacted] b');
  });
});

describe('a body', () => {
  test('is what is sent', () => {
    const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi "there" ****' }], n: 1 };
    expect(shown({ body }).body).toEqual(body);
  });

  test('loses every secret of the deployment, wherever it stands', () => {
    const adapter = { ...adapterOf(), secretsOf: () => [TOKEN] };
    const text = JSON.stringify(shown({ body: { a: [KEY, { b: `x${TOKEN}y` }], [KEY]: 1 }, target: { adapter } }).body);
    expect(text).not.toContain(KEY);
    expect(text).not.toContain(TOKEN);
  });

  test('stays JSON where a secret has quotes', () => {
    const apiKey = 'a"quoted\\secret';
    expect(shown({ body: { a: `${apiKey}!` }, target: { apiKey } }).body).toEqual({ a: '[redacted]!' });
  });
});

describe('an address', () => {
  test('loses login and what is asked of it, but for versions', () => {
    const url = `https://me:pass@host/v1/chat?key=${KEY}&sig=abc&api-version=2024-10-21&alt=sse`;
    expect(shown({ url }).url).toBe('https://host/v1/chat?key=****&sig=****&api-version=2024-10-21&alt=sse');
  });

  test('keeps its path, without a secret in it', () => {
    expect(shown({ url: `https://host/${KEY}/chat` }).url).toBe('https://host/[redacted]/chat');
  });

  test('of the operator’s own is not for everybody', () => {
    const url = 'http://10.0.0.7:8000/v1/chat/completions';
    expect(shown({ url }).url).toBe(url);
    expect(shown({ url, inFull: false }).url).toBe('https://****/v1/chat/completions');
  });

  test('of the provider’s own is', () => {
    const url = `${adapterOf().defaultBaseUrl}/chat/completions`;
    expect(shown({ url, inFull: false }).url).toBe(url);
  });

  test('that is none is not shown', () => {
    expect(shown({ url: KEY }).url).toBe('****');
  });

  test('of a provider without one of its own is the operator’s', () => {
    const adapter = { ...adapterOf(), defaultBaseUrl: '' };
    expect(shown({ url: 'https://host/v1', target: { adapter }, inFull: false }).url).toBe('https://****/v1');
  });
});
