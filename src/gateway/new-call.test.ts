import { describe, expect, test } from 'bun:test';
import { sampleIncoming } from '../../test/support/call-parts.ts';
import { newCall } from './new-call.ts';
import { Presence } from './presence.ts';
import { sleep } from './sleep.ts';

describe('the id of a call', () => {
  const callIdFor = (given: string | undefined): string =>
    newCall(sampleIncoming({ id: 'ours', headers: { 'x-litellm-call-id': given } }), 0).callId;

  test('is the client’s own when it can stand in a header and a row', () => {
    expect(callIdFor('trace-42/a')).toBe('trace-42/a');
    expect(callIdFor('x'.repeat(256))).toHaveLength(256);
  });

  test.each([undefined, '', 'has a space', 'größe', 'line\nbreak', 'x'.repeat(257)])(
    'is ours in place of %j',
    (given) => {
      expect(callIdFor(given)).toBe('ours');
    },
  );
});

test('a call that was only received knows its route and time, and asks for nothing', () => {
  const call = newCall(sampleIncoming({ route: '/chat/completions', clientIp: '10.0.0.1' }), 12.5);
  expect(call).toMatchObject({
    route: '/chat/completions',
    clientIp: '10.0.0.1',
    receivedAtMs: 12.5,
    requestedModel: '',
  });
  expect(call.caller).toBeUndefined();
  expect(call.attempts).toEqual([]);
  expect(call.attempts).not.toBe(newCall(sampleIncoming(), 0).attempts);
});

describe('a client’s presence', () => {
  test('tells its watcher once when the client leaves', () => {
    const client = new Presence();
    let told = 0;
    client.watch(() => told++);
    expect(client.gone).toBe(false);
    client.leave();
    client.leave();
    expect([client.gone, told]).toEqual([true, 1]);
  });

  test('tells at once when the client has left already', () => {
    const client = new Presence();
    client.leave();
    let told = 0;
    client.watch(() => told++);
    expect(told).toBe(1);
  });

  test('tells the last watcher only, and none that has stopped', () => {
    const client = new Presence();
    const told: string[] = [];
    client.watch(() => told.push('first'));
    client.watch(() => told.push('second'));
    client.leave();
    expect(told).toEqual(['second']);

    const other = new Presence();
    other.watch(() => told.push('stopped'));
    other.unwatch();
    other.leave();
    expect(told).toEqual(['second']);
  });
});

describe('a wait', () => {
  test('takes its time and then lets go of the client', async () => {
    const client = new Presence();
    const startedAtMs = performance.now();
    await sleep(20, client);
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(19);
    client.leave();
  });

  test('ends at once when the client leaves, or has left', async () => {
    const client = new Presence();
    const waiting = sleep(60_000, client).catch((error: unknown) => error);
    client.leave();
    expect(await waiting).toMatchObject({ kind: 'client_closed' });
    expect(await sleep(60_000, client).catch((error: unknown) => error)).toMatchObject({ kind: 'client_closed' });
  });
});
