import { describe, expect, test } from 'bun:test';
import { adapterOf, sampleTarget } from '../../test/support/call-parts.ts';
import { GatewayError } from '../errors.ts';
import type { FollowUp } from '../providers/adapter.ts';
import { followed } from './follow-ups.ts';

const json = (body: object, status = 200): Response =>
  Response.json(body, { status, headers: { 'x-request-id': 'r' } });

/** An adapter that goes on while the answer names a next address. */
function place(answers: readonly Response[], waitMs = 0) {
  const asked: [string, RequestInit][] = [];
  const left = [...answers];
  const followUp = (body: unknown): FollowUp | undefined => {
    const next = (body as { next?: string } | undefined)?.next; // Of the answers below.
    return next === undefined ? undefined : { url: next, headers: { 'x-key': 'k' }, waitMs };
  };
  const target = sampleTarget({ adapter: { ...adapterOf(), followUp } });
  const controller = new AbortController();
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    asked.push([url, init]);
    return left.shift() ?? json({}, 404);
  };
  const follow = (first: Response, maxBytes = 1_000) =>
    followed(first, { target, isStream: false, maxBytes, signal: controller.signal }, fetch);
  return { asked, follow, controller };
}

describe('an answer that says where the answer will be', () => {
  test('is followed to its end, with the adapter’s headers and no redirects', async () => {
    const { asked, follow } = place([json({ next: 'https://a.test/2' }), json({ done: true })]);
    const last = await follow(json({ next: 'https://a.test/1' }));
    expect(await last.json()).toEqual({ done: true });
    expect(last.headers.get('x-request-id')).toBe('r');
    expect(asked.map(([url]) => url)).toEqual(['https://a.test/1', 'https://a.test/2']);
    expect(asked[0]?.[1]).toMatchObject({ headers: { 'x-key': 'k' }, redirect: 'manual' });
  });

  test('is left as it is where there is nowhere to go on', async () => {
    const { asked, follow } = place([]);
    expect(await (await follow(json({ done: true }, 201))).json()).toEqual({ done: true });
    expect(asked).toEqual([]);
  });

  test.each([
    ['a refusal', json({ next: 'https://a.test/1' }, 429)],
    ['a stream', new Response('data: {}\n\n', { headers: { 'content-type': 'text/event-stream' } })],
  ])('is not looked for in %s', async (_, response) => {
    const { asked, follow } = place([]);
    expect(await follow(response)).toBe(response);
    expect(asked).toEqual([]);
  });

  test('ends where a refusal or a stream comes', async () => {
    const refusal = json({ next: 'https://a.test/2' }, 500);
    expect(await place([refusal]).follow(json({ next: 'https://a.test/1' }))).toBe(refusal);
  });

  test('is left to the adapter when it is no JSON', async () => {
    const { follow } = place([]);
    const odd = new Response('<html>', { headers: { 'content-type': 'application/json' } });
    expect(await (await follow(odd)).text()).toBe('<html>');
  });

  test('that leads back to itself is not asked for all the time', async () => {
    const round = () => json({ next: 'https://a.test/1' });
    const { asked, follow, controller } = place(Array.from({ length: 1_000 }, round));
    const following = follow(round());
    setTimeout(() => controller.abort(new Error('over')), 250);
    await expect(following).rejects.toThrow('over');
    expect(asked.length).toBeLessThan(5);
  });

  test('cannot fill the memory', async () => {
    const long = json({ next: `https://a.test/${'x'.repeat(200)}` });
    await expect(place([]).follow(long, 100)).rejects.toThrow(GatewayError);
  });

  test('is not waited for once the attempt has ended', async () => {
    for (const endsFirst of [true, false]) {
      const { asked, follow, controller } = place([], 3_600_000);
      if (endsFirst) controller.abort(new Error('over'));
      const following = follow(json({ next: 'https://a.test/1' }));
      if (!endsFirst) queueMicrotask(() => controller.abort(new Error('over')));
      await expect(following).rejects.toThrow('over');
      expect(asked).toEqual([]);
    }
  });
});
