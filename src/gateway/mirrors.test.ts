import { describe, expect, test } from 'bun:test';
import { meterAtFlatPrice, STARTED_AT_MS, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { planParts } from '../../test/support/plan-parts.ts';
import { until } from '../../test/support/until.ts';
import { GatewayError } from '../errors.ts';
import { mirror } from '../features/mirror.ts';
import { plan } from '../routing/plan.ts';
import type { Call, FullReply, Outcome } from './call.ts';
import { fullReply } from './full-reply.ts';
import { type DropReason, Mirrors, type MirrorsParts } from './mirrors.ts';
import { clientClosed } from './sleep.ts';

const SHADOW = sampleTarget({ deploymentId: 'shadow-1', modelGroup: 'shadow' });
const ORIGINAL = sampleTarget({ deploymentId: 'first' });

function answer(): FullReply {
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }];
  const text = JSON.stringify({ id: 'c', object: 'chat.completion', model: 'm', choices, usage: null });
  return fullReply({ target: SHADOW, text, requestedModel: 'shadow', upstreamHeaders: new Headers() });
}

interface Options extends Partial<MirrorsParts> {
  readonly send?: (call: Call) => Promise<FullReply>;
}

/** Real copies through the real pipeline; only the sockets and the ledger are ours. */
function place({ send = async () => answer(), ...over }: Options = {}) {
  const rows: { call: Call; outcome: Outcome }[] = [];
  const dropped: DropReason[] = [];
  const sent: Call[] = [];
  let ids = 0;
  const mirrors = new Mirrors({
    pipeline: {
      plan: (call) =>
        plan(planParts({ groups: [{ name: 'shadow', targets: [SHADOW] }], numRetries: call.controls.numRetries })),
      watch: () => ({ failed: () => {}, answered: () => {}, lost: () => {}, ended: () => {} }),
      send(_target, call) {
        sent.push(call);
        return send(call);
      },
      meter: (_call, _target, reading) => meterAtFlatPrice(reading),
      features: [],
      ledger: { intend: () => {}, record: (call, outcome) => void rows.push({ call, outcome }) },
      explain: () => '',
      now: () => STARTED_AT_MS,
      onSettleError: (error) => expect(error).toBeUndefined(),
    },
    route: 'mirror',
    groupsFor: () => ['shadow'],
    isSpent: () => false,
    newId: () => `copy-${++ids}`,
    dropped: (reason) => dropped.push(reason),
    ...over,
  });
  const settled = (count: number) =>
    until(
      () => rows,
      (all) => all.length >= count,
    );
  return { mirrors, rows, dropped, sent, settled };
}

/** As a real send does when its client leaves. */
const hanging = (call: Call): Promise<never> =>
  new Promise((_, reject) => call.client.watch(() => reject(clientClosed())));

describe('a copy', () => {
  test('is a call of its own, of the same caller, that knows its original', async () => {
    const headers = { 'x-litellm-call-id': 'of-the-client', 'x-tollgate-explain': 'dry', 'user-agent': 'a client' };
    const original = sampleCall({ headers, controls: { metadata: { run: 1 }, endUser: 'e' } });
    const { mirrors, settled } = place();
    mirrors.start(original, ORIGINAL);
    const [row] = await settled(1);
    expect(row?.call).toMatchObject({
      id: 'copy-1',
      callId: 'copy-1',
      route: 'mirror',
      requestedModel: 'shadow',
      caller: original.caller,
      text: original.text,
      request: original.request,
      headers: { 'user-agent': 'a client' },
      isRehearsal: false,
    });
    expect(row?.call.controls).toMatchObject({ metadata: { run: 1, mirror_of: 'of-the-client' }, endUser: 'e' });
    expect(row?.call.headers['x-litellm-call-id']).toBeUndefined();
    expect(row?.outcome.status).toBe('ok');
    expect(original.attempts).toEqual([]);
  });

  test('leaves behind what was meant for the original alone', async () => {
    const controls = {
      apiKey: 'sk-of-the-caller',
      fallbacks: ['other'],
      numRetries: 5,
      mockResponse: 'no',
      mockTimeout: true,
      mockDelayMs: 500,
    };
    const { mirrors, settled } = place();
    mirrors.start(sampleCall({ controls }), ORIGINAL);
    const [row] = await settled(1);
    expect(row?.call.controls).toMatchObject({
      apiKey: undefined,
      fallbacks: undefined,
      disableFallbacks: true,
      numRetries: 0,
      mockResponse: undefined,
      mockTimeout: false,
      mockDelayMs: 0,
    });
  });

  test('starts only after what happens now', async () => {
    const { mirrors, sent, settled } = place();
    mirrors.start(sampleCall(), ORIGINAL);
    await Promise.resolve();
    expect(sent).toEqual([]);
    await settled(1);
  });

  test('that fails is tried once, and its failure is its row’s', async () => {
    const { mirrors, sent, settled } = place({
      send: () => Promise.reject(new GatewayError('upstream_unavailable', 'Down')),
    });
    mirrors.start(sampleCall(), ORIGINAL);
    const [row] = await settled(1);
    expect(row?.outcome).toMatchObject({ status: 'failed', error: { kind: 'upstream_unavailable' } });
    expect(sent).toHaveLength(1);
  });

  test('goes to each group that is named, and nowhere when none is', async () => {
    const { mirrors, settled } = place({ groupsFor: () => ['shadow', 'shadow'] });
    mirrors.start(sampleCall(), ORIGINAL);
    expect((await settled(2)).map(({ call }) => call.id)).toEqual(['copy-1', 'copy-2']);
    const none = place({ groupsFor: () => [] });
    none.mirrors.start(sampleCall(), ORIGINAL);
    await none.mirrors.stop();
    expect(none.sent).toEqual([]);
  });
});

describe('copies', () => {
  test('are dropped when their budget is spent', async () => {
    const { mirrors, dropped, sent } = place({ isSpent: () => true });
    mirrors.start(sampleCall(), ORIGINAL);
    await until(
      () => dropped,
      (all) => all.length > 0,
    );
    expect([dropped, sent]).toEqual([['budget'], []]);
  });

  test('are dropped beyond 32 at once, and not for ever', async () => {
    const { mirrors, dropped, sent, settled } = place({ send: hanging });
    for (let at = 0; at < 40; at++) mirrors.start(sampleCall(), ORIGINAL);
    await until(
      () => dropped,
      (all) => all.length >= 8,
    );
    expect(sent).toHaveLength(32);
    expect(new Set(dropped)).toEqual(new Set(['too_many']));
    sent[0]?.client.leave();
    await settled(1);
    mirrors.start(sampleCall(), ORIGINAL);
    await until(
      () => sent,
      (all) => all.length > 32,
    );
    expect(dropped).toHaveLength(8);
    await mirrors.stop();
  });

  test('under way are cancelled by a stop, which waits for their rows; later ones do not start', async () => {
    const { mirrors, rows, sent } = place({ send: hanging });
    mirrors.start(sampleCall(), ORIGINAL);
    await until(
      () => sent,
      (all) => all.length > 0,
    );
    await mirrors.stop();
    expect(rows.map(({ outcome }) => outcome.status)).toEqual(['aborted']);
    mirrors.start(sampleCall(), ORIGINAL);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(sent).toHaveLength(1);
  });
});

describe('the feature', () => {
  const outcome = { endedAtMs: 0, responseId: null, buckets: undefined, cost: undefined, responseText: undefined };
  const ok = { ...outcome, status: 'ok', target: ORIGINAL, firstTokenAtMs: undefined } as const;

  async function copied(ending: Outcome, over: Partial<Call> = {}, isMirroring = true): Promise<number> {
    let count = 0;
    const admitted = await mirror({ isMirroring: () => isMirroring, mirror: () => count++ }).admit?.({
      ...sampleCall(),
      ...over,
    });
    if (typeof admitted === 'function') await admitted(ending);
    return count;
  }

  test('copies what a deployment has answered, or begun to', async () => {
    expect(await copied(ok)).toBe(1);
    expect(await copied({ ...ok, status: 'aborted', firstTokenAtMs: 5 })).toBe(1);
  });

  test('copies nothing else', async () => {
    expect(await copied({ ...ok, target: undefined })).toBe(0);
    expect(await copied({ ...ok, status: 'aborted' })).toBe(0);
    expect(await copied({ ...ok, status: 'failed', error: new GatewayError('upstream_busy', 'no') })).toBe(0);
    expect(await copied(ok, { isRehearsal: true })).toBe(0);
    expect(await copied(ok, {}, false)).toBe(0);
  });
});
