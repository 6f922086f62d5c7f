import { describe, expect, test } from 'bun:test';
import { sampleTarget } from '../../test/support/call-parts.ts';
import { GatewayError } from '../errors.ts';
import type { ProviderAdapter, Target } from '../providers/adapter.ts';
import { authorized } from './authorized.ts';

const REQUEST = { url: 'https://upstream.example/chat', headers: { 'content-type': 'application/json' }, body: '{}' };

const targetWith = (authorize: ProviderAdapter['authorize']): Target => {
  const target = sampleTarget();
  return { ...target, adapter: { ...target.adapter, ...(authorize && { authorize }) } };
};

const time = (signal = new AbortController().signal) => ({ nowMs: 1_764_000_000_000, signal });

describe('a request', () => {
  test('whose provider needs no more is not waited for', () => {
    expect(authorized(REQUEST, targetWith(undefined), time())).toBeUndefined();
  });

  test('leaves with what its provider put on it, at the time of the attempt', async () => {
    const target = targetWith(async (request, _, nowMs) => ({
      ...request,
      headers: { ...request.headers, at: String(nowMs) },
    }));
    const ready = await authorized(REQUEST, target, time());
    expect(ready).toEqual({ ...REQUEST, headers: { ...REQUEST.headers, at: '1764000000000' } });
    expect(REQUEST.headers).not.toHaveProperty('at');
  });

  test('fails as its provider says', async () => {
    const failure = new GatewayError('upstream_unauthorized', 'No credentials');
    const target = targetWith(() => Promise.reject(failure));
    expect(await authorized(REQUEST, target, time())?.catch((thrown: unknown) => thrown)).toBe(failure);
  });

  test('is not waited for any longer than its attempt lasts', async () => {
    const attempt = new AbortController();
    const waiting = authorized(
      REQUEST,
      targetWith(() => new Promise(() => {})),
      time(attempt.signal),
    );
    const ended = waiting?.catch((thrown: unknown) => thrown);
    attempt.abort('over');
    expect(await ended).toBe('over');
  });
});
