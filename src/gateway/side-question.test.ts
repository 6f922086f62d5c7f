import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { adapterOf, SEND_SETTINGS, sampleTarget } from '../../test/support/call-parts.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../../test/support/upstream.ts';
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import { upstreamError } from '../providers/upstream-error.ts';
import type { SendSettings } from './send.ts';
import { askAside } from './side-question.ts';

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.stop());

interface Asking {
  readonly behaviour?: Behaviour;
  readonly target?: Partial<Target>;
  readonly settings?: Partial<SendSettings>;
}

function ask({ behaviour = {}, target, settings }: Asking): Promise<unknown> {
  upstream.behave = () => behaviour;
  const request = { url: `${upstream.origin}/count`, headers: { 'x-own': 'yes' }, body: '{"a":1}' };
  return askAside(request, sampleTarget(target), {
    fetch: (url, init) => fetch(url, init),
    now: () => performance.now(),
    settings: () => ({ ...SEND_SETTINGS, ...settings }),
    upstreamError,
  });
}

async function refusalOf(asking: Asking): Promise<GatewayError> {
  const thrown = await ask(asking).catch((error: unknown) => error);
  if (thrown instanceof GatewayError) return thrown;
  throw new Error(`It was not refused: ${JSON.stringify(thrown).slice(0, 200)}`);
}

const lastSeen = (): SeenRequest => upstream.requests.at(-1) as SeenRequest; // It was asked just now.
const json = (body: unknown, status = 200): Behaviour => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
});

describe('a question aside', () => {
  test('is posted as it was made, and answered with JSON', async () => {
    expect(await ask({ behaviour: json({ tokens: 3 }) })).toEqual({ tokens: 3 });
    const { method, path, headers, text } = lastSeen();
    expect({ method, path, text, own: headers['x-own'] }).toEqual({
      method: 'POST',
      path: '/count',
      text: '{"a":1}',
      own: 'yes',
    });
  });

  test('carries credentials that have to be fetched', async () => {
    const adapter: Target['adapter'] = {
      ...adapterOf(),
      authorize: (request, _, nowMs) =>
        Promise.resolve({ ...request, headers: { ...request.headers, 'x-token': typeof nowMs } }),
    };
    await ask({ behaviour: json({}), target: { adapter } });
    expect(lastSeen().headers['x-token']).toBe('number');
  });

  test('ends where credentials cannot be had', async () => {
    const refused = new GatewayError('upstream_unauthorized', 'No token');
    const adapter: Target['adapter'] = { ...adapterOf(), authorize: () => Promise.reject(refused) };
    expect(await refusalOf({ target: { adapter } })).toBe(refused);
  });
});

describe('its time', () => {
  test.each([
    ['of the deployment', { target: { timeoutMs: 20 } }, 20],
    ['of the router', { settings: { timeoutMs: 20 } }, 20],
    ['for an answer to begin', { settings: { firstByteTimeoutMs: 20 } }, 20],
  ] as const)('is the limit %s', async (_, limit, limitMs) => {
    const { kind, message } = await refusalOf({ behaviour: { silent: true }, ...limit });
    expect(kind).toBe('upstream_timeout');
    expect(message).toContain(`${limitMs} ms`);
    await lastSeen().closed;
  });

  test('covers credentials that never come', async () => {
    const adapter: Target['adapter'] = { ...adapterOf(), authorize: () => new Promise(() => undefined) };
    const { kind } = await refusalOf({ target: { adapter, timeoutMs: 20 } });
    expect(kind).toBe('upstream_timeout');
  });

  test('covers an answer that never ends', async () => {
    const behaviour = { ...json({ tokens: 3 }), dripMs: 200 };
    expect((await refusalOf({ behaviour, target: { timeoutMs: 50 } })).kind).toBe('upstream_timeout');
  });
});

describe('what is no answer', () => {
  test('a refusal is the upstream’s own, without the key that it repeats', async () => {
    const { apiKey } = sampleTarget();
    const error = await refusalOf({ behaviour: json({ error: { message: `Bad key ${apiKey}` } }, 401) });
    expect(error.kind).toBe('upstream_unauthorized');
    expect(error.message).not.toContain(String(apiKey));
    expect(error.details.upstreamStatus).toBe(401);
  });

  test('a redirect is not followed', async () => {
    const before = upstream.requests.length;
    const headers = { location: `${upstream.origin}/elsewhere` };
    const error = await refusalOf({ behaviour: { status: 307, headers, body: '' } });
    expect(error).toMatchObject({ kind: 'upstream_protocol', details: { upstreamStatus: 307 } });
    expect(upstream.requests.length).toBe(before + 1);
  });

  test.each(['<html>secret words</html>', '', '{"tokens":'])('%p is nonsense, and stays unsaid', async (body) => {
    const { kind, message } = await refusalOf({ behaviour: { body } });
    expect(kind).toBe('upstream_protocol');
    expect(message).not.toContain('secret');
  });

  test('more than a count needs is not read', async () => {
    const body = JSON.stringify({ tokens: 3, words: 'a'.repeat(400_000) });
    expect((await refusalOf({ behaviour: { body } })).kind).toBe('upstream_protocol');
  });

  test('a connection that breaks off is out of reach', async () => {
    expect((await refusalOf({ behaviour: { refuse: 'reset' } })).kind).toBe('upstream_unreachable');
  });
});
