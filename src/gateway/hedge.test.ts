import { describe, expect, test } from 'bun:test';
import { meterAtFlatPrice, STARTED_AT_MS, sampleCall, sampleTarget } from '../../test/support/call-parts.ts';
import { bytesFrom, framed, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Call, FullReply, Reply, StreamReply } from './call.ts';
import type { Admission } from './feature.ts';
import { fullReply } from './full-reply.ts';
import { type AttemptParts, attempt } from './hedge.ts';
import { RelayStream } from './relay-stream.ts';
import { clientClosed } from './sleep.ts';

const FIRST = sampleTarget({ deploymentId: 'first' });
const SECOND = sampleTarget({ deploymentId: 'second' });
const DOWN = new GatewayError('upstream_unavailable', 'Down');

function answerFrom(target: Target, completion_tokens = 3): FullReply {
  const usage = { prompt_tokens: 10, completion_tokens, total_tokens: 10 + completion_tokens };
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }];
  const text = JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', model: 'm', choices, usage });
  return fullReply({ target, text, requestedModel: 'm', upstreamHeaders: new Headers() });
}

async function streamFrom(target: Target, content: string): Promise<StreamReply> {
  const chunk = { id: 'c', created: 1, model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: null }] };
  const body = new RelayStream(bytesFrom([framed([JSON.stringify(chunk)])]), streamContext({ target }));
  while (!body.begun) await body.fill();
  return { kind: 'stream', target, upstreamHeaders: undefined, body };
}

interface Asked {
  readonly target: Target;
  readonly call: Call;
  answer(reply: Reply): void;
  fail(error: GatewayError): void;
}

interface Place {
  readonly call: Call;
  readonly asked: Asked[];
  readonly events: string[];
  readonly admissions: Admission[];
  met(count: number): Promise<Asked[]>;
  readonly result: Promise<Reply | GatewayError>;
}

interface PlaceOptions {
  readonly call?: Call;
  readonly afterMs?: number;
  readonly second?: Target | undefined;
  readonly alongside?: Admission['alongside'];
  /** Whether a send notices that its client has left, as real ones do. */
  readonly heeds?: boolean;
}

/** The real race; sends answer when told to. */
function place(options: PlaceOptions = {}): Place {
  const { call = sampleCall(), afterMs = 1, heeds = true, alongside } = options;
  const second = 'second' in options ? options.second : SECOND;
  const asked: Asked[] = [];
  const events: string[] = [];
  const waiting: { count: number; resolve: (all: Asked[]) => void }[] = [];
  const parts: AttemptParts = {
    now: () => STARTED_AT_MS,
    meter: (_call, _target, reading) => meterAtFlatPrice(reading),
    watch: ({ deploymentId }) => ({
      failed: ({ kind }) => events.push(`${deploymentId} failed ${kind}`),
      answered: () => events.push(`${deploymentId} answered`),
      lost: () => events.push(`${deploymentId} lost`),
      ended: ({ status }) => events.push(`${deploymentId} ended ${status}`),
    }),
    send(target, seen) {
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      if (heeds) seen.client.watch(() => reject(clientClosed()));
      asked.push({ target, call: seen, answer: resolve, fail: reject });
      for (const { count, resolve: tell } of waiting) if (asked.length >= count) tell(asked);
      return promise;
    },
    hedging: {
      afterMs: () => afterMs,
      second: () => second && { target: second, began: () => events.push('began') },
    },
  };
  const admissions: Admission[] = [{ settle: () => {}, ...(alongside && { alongside }) }];
  const result = attempt(FIRST, call, admissions, parts);
  const met = (count: number): Promise<Asked[]> =>
    asked.length >= count ? Promise.resolve(asked) : new Promise((resolve) => waiting.push({ count, resolve }));
  return { call, asked, events, admissions, met, result };
}

const told = ({ call }: Place): unknown[] =>
  call.attempts.map(({ target, error, lost }) => [
    target.deploymentId,
    error?.kind ?? lost?.totalNanoUsd ?? 'answered',
  ]);

describe('a second attempt', () => {
  test('is not started when the first answers in time', async () => {
    const here = place({ afterMs: 5_000 });
    here.asked[0]?.answer(answerFrom(FIRST));
    expect(await here.result).toMatchObject({ kind: 'full', target: FIRST });
    expect(here.asked).toHaveLength(1);
    expect(told(here)).toEqual([['first', 'answered']]);
  });

  test('wins when it answers first, and the other one is cancelled and priced with its prompt', async () => {
    const here = place();
    const [first, second] = await here.met(2);
    second?.answer(answerFrom(SECOND));
    expect(await here.result).toMatchObject({ kind: 'full', target: SECOND });
    expect(first?.call.client.gone).toBe(true);
    expect(second?.call.client.gone).toBe(false);
    expect(told(here)).toEqual([
      ['first', 5_000], // 20 characters of prompt
      ['second', 'answered'],
    ]);
    expect(here.events).toEqual(['began', 'first lost', 'second answered']);
  });

  test('loses when the first answers after all', async () => {
    const here = place();
    const [first, second] = await here.met(2);
    first?.answer(answerFrom(FIRST));
    expect(await here.result).toMatchObject({ target: FIRST });
    expect(second?.call.client.gone).toBe(true);
    expect(told(here)).toEqual([
      ['second', 5_000],
      ['first', 'answered'],
    ]);
  });

  test('that had answered too is priced with what it said', async () => {
    const here = place();
    const [first, second] = await here.met(2);
    first?.answer(answerFrom(FIRST));
    second?.answer(answerFrom(SECOND, 90));
    await here.result;
    expect(told(here)).toEqual([
      ['second', 100_000],
      ['first', 'answered'],
    ]);
  });

  test('that had begun to stream is closed and priced with what had come', async () => {
    const here = place({ call: sampleCall({ request: { stream: true } }), heeds: false });
    const [first, second] = await here.met(2);
    const begun = await streamFrom(SECOND, 'x'.repeat(400));
    first?.answer(await streamFrom(FIRST, 'Hello'));
    second?.answer(begun);
    expect(await here.result).toMatchObject({ kind: 'stream', target: FIRST });
    expect(told(here)).toEqual([
      ['second', 105_000],
      ['first', 'answered'],
    ]);
  });

  test('that answers long after it was cancelled reaches nobody, and its stream is closed', async () => {
    const here = place({ heeds: false });
    const [first, second] = await here.met(2);
    first?.answer(answerFrom(FIRST));
    await here.result;
    const late = await streamFrom(SECOND, 'late');
    const closed = Promise.withResolvers<void>();
    late.body.cancel = closed.resolve;
    second?.answer(late);
    await closed.promise;
    expect(told(here)).toHaveLength(2);
  });

  test('carries the call on when the first fails, and the failure costs nothing', async () => {
    const here = place();
    const [first, second] = await here.met(2);
    first?.fail(DOWN);
    second?.answer(answerFrom(SECOND));
    expect(await here.result).toMatchObject({ target: SECOND });
    expect(told(here)).toEqual([
      ['first', 'upstream_unavailable'],
      ['second', 'answered'],
    ]);
    expect(here.events).toEqual(['began', 'first failed upstream_unavailable', 'second answered']);
  });

  test('that fails as well leaves the last error to the plan', async () => {
    const here = place();
    const [first, second] = await here.met(2);
    second?.fail(new GatewayError('upstream_busy', 'Slow down'));
    first?.fail(DOWN);
    expect(await here.result).toBe(DOWN);
    expect(told(here)).toEqual([
      ['second', 'upstream_busy'],
      ['first', 'upstream_unavailable'],
    ]);
  });

  test('ends with the first when the client leaves, and both prompts are owed', async () => {
    const here = place();
    await here.met(2);
    here.call.client.leave();
    expect(await here.result).toMatchObject({ kind: 'client_closed' });
    expect(here.asked.every(({ call }) => call.client.gone)).toBe(true);
    expect(told(here)).toEqual([
      ['first', 5_000],
      ['second', 'client_closed'],
    ]);
  });

  test('is not started for a client that has left', async () => {
    const here = place({ afterMs: 5_000 });
    here.call.client.leave();
    expect(await here.result).toMatchObject({ kind: 'client_closed' });
    expect(here.asked).toHaveLength(1);
  });

  test('leaves its own changes behind only when it wins', async () => {
    for (const winner of [0, 1]) {
      const here = place();
      const asked = await here.met(2);
      for (const [at, { call }] of asked.entries()) call.changes.push({ field: `f${at}`, action: 'dropped', note: '' });
      asked[winner]?.answer(answerFrom(winner === 0 ? FIRST : SECOND));
      await here.result;
      expect(here.call.changes.map(({ field }) => field)).toEqual([`f${winner}`]);
    }
  });

  test('is not started when nobody else is well, or when a budget does not cover it', async () => {
    for (const options of [{ second: undefined }, { alongside: () => 'refused' as const }]) {
      const here = place(options);
      await Bun.sleep(10); // Well past the moment at which it would have begun.
      here.asked[0]?.answer(answerFrom(FIRST));
      expect(await here.result).toMatchObject({ target: FIRST });
      expect(here.events).toEqual(['first answered']);
    }
  });

  test('is covered until one of the two is left, and then what was lost is', async () => {
    const narrowed: unknown[] = [];
    const here = place({ alongside: () => (left, lost) => narrowed.push([left.deploymentId, lost]) });
    const [, second] = await here.met(2);
    expect(narrowed).toEqual([]);
    second?.answer(answerFrom(SECOND));
    await here.result;
    expect(narrowed).toEqual([['second', 5_000]]);
  });

  test('hears of the end of its answer', async () => {
    const here = place();
    const [, second] = await here.met(2);
    second?.answer(answerFrom(SECOND));
    await here.result;
    const outcome = { status: 'aborted', endedAtMs: 0, target: SECOND, responseId: null } as const;
    const open = { buckets: undefined, cost: undefined, firstTokenAtMs: undefined, responseText: undefined };
    for (const { settle } of here.admissions) void settle({ ...outcome, ...open });
    expect(here.events.at(-1)).toBe('second ended aborted');
  });
});
