import { describe, expect, test } from 'bun:test';
import {
  meterAtFlatPrice,
  STARTED_AT_MS,
  sampleCaller,
  sampleIncoming,
  sampleTarget,
} from '../../test/support/call-parts.ts';
import { planParts } from '../../test/support/plan-parts.ts';
import { readEvents } from '../../test/support/sse.ts';
import { bytesFrom, framed, readAll, streamContext } from '../../test/support/stream-parts.ts';
import { GatewayError, invalidApiKey } from '../errors.ts';
import { mockResponse } from '../features/mock-response.ts';
import { modelAccess } from '../features/model-access.ts';
import type { Target } from '../providers/adapter.ts';
import { plan } from '../routing/plan.ts';
import type { ChatCompletion } from '../wire/openai.ts';
import type { Call, FullReply, Outcome, StreamReply } from './call.ts';
import { NO_GUESTS } from './entities.ts';
import type { Feature } from './feature.ts';
import { fullReply } from './full-reply.ts';
import { parseChatRequest } from './parse-chat-request.ts';
import { type Answer, Pipeline, type PipelineParts } from './pipeline.ts';
import { Presence } from './presence.ts';
import { RelayStream } from './relay-stream.ts';
import { clientClosed } from './sleep.ts';

const COUNTS = { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 };
const TARGETS = [
  sampleTarget({ deploymentId: 'first', modelGroup: 'gpt-4o-mini' }),
  sampleTarget({ deploymentId: 'second', modelGroup: 'backup' }),
];

function completionFrom(target: Target, usage: object | null = COUNTS): FullReply {
  const text = JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'gpt-4o-mini-2024-07-18',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }],
    usage,
  });
  return fullReply({ target, text, requestedModel: 'gpt-4o-mini', upstreamHeaders: new Headers() });
}

const chunk = (delta: object, finish: string | null = null): string =>
  JSON.stringify({ id: 'chatcmpl-1', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] });
const CHUNKS = [chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop'), '[DONE]'];

function streamFrom(target: Target, events: readonly string[] = CHUNKS, failure?: Error): StreamReply {
  const reads = events.map((event) => framed([event]));
  const body = new RelayStream(bytesFrom(reads, failure), streamContext({ target, keepEvents: true }));
  return { kind: 'stream', target, upstreamHeaders: undefined, body };
}

const BUSY = new GatewayError('upstream_busy', 'Slow down', { retryAfterMs: 1 });
const DOWN = new GatewayError('upstream_unavailable', 'Down');

interface Rig {
  readonly pipeline: Pipeline;
  /** What happened, in order: `intend`, `send first`, `settle a ok`, `record ok` … */
  readonly events: string[];
  readonly records: { call: Call; outcome: Outcome }[];
  readonly settleErrors: unknown[];
  ask(incoming?: Parameters<typeof sampleIncoming>[0]): Promise<Answer>;
}

interface RigOptions extends Partial<PipelineParts> {
  /** Fails in turn, then answers. */
  readonly failures?: readonly unknown[];
  readonly answer?: (target: Target, call: Call) => FullReply | StreamReply;
  readonly retries?: number;
  readonly onRecord?: (outcome: Outcome) => void;
}

/** The real pipeline, parser, plan and features; only the sockets, the ledger and the clock are ours. */
function rig(options: RigOptions = {}): Rig {
  const {
    failures = [],
    answer = (target) => completionFrom(target),
    retries = 2,
    onRecord = () => {},
    ...parts
  } = options;
  const events: string[] = [];
  const records: { call: Call; outcome: Outcome }[] = [];
  const settleErrors: unknown[] = [];
  const left = [...failures];
  let nowMs = STARTED_AT_MS;
  const groups = TARGETS.map((target) => ({ name: target.modelGroup, targets: [target] }));
  const catalogue = {
    resolveAlias: (name: string) => name,
    has: (name: string) => name !== 'unknown',
    accessGroups: () => [],
  };
  const pipeline = new Pipeline({
    authenticate: () => sampleCaller({ metadata: { allow_client_mock_response: true } }),
    parse: (source) =>
      parseChatRequest(source, {
        userHeaderName: undefined,
        maxDepth: 100,
        maxNodes: 10_000,
        completionModel: undefined,
        allowMockTestingParams: false,
        enforceUserParam: false,
        rejectClientTags: false,
      }),
    plan: (call) => plan(planParts({ groups, numRetries: call.controls.numRetries, defaultRetries: retries })),
    watch: () => ({ failed: () => {}, answered: () => {}, lost: () => {}, ended: () => {} }),
    async send(target, call) {
      events.push(`send ${target.deploymentId}`);
      const failure = left.shift();
      if (failure) throw failure;
      return answer(target, call);
    },
    meter: (_call, _target, reading) => meterAtFlatPrice(reading),
    ledger: {
      intend: () => events.push('intend'),
      record(call, outcome) {
        events.push(`record ${outcome.status}`);
        onRecord(outcome);
        records.push({ call, outcome });
      },
    },
    now: () => nowMs++,
    explain: (call, outcome) => JSON.stringify({ id: call.id, status: outcome.status }),
    onSettleError: (error) => settleErrors.push(error),
    ...parts,
    features: [
      modelAccess(
        () => catalogue,
        () => NO_GUESTS,
      ),
      mockResponse({
        now: () => nowMs,
        meter: (_call, _target, reading) => meterAtFlatPrice(reading),
      }),
      ...['a', 'b'].map(
        (name): Feature => ({ name, admit: () => (outcome) => void events.push(`settle ${name} ${outcome.status}`) }),
      ),
      ...(parts.features ?? []),
    ],
  });
  return { pipeline, events, records, settleErrors, ask: (incoming) => pipeline.handle(sampleIncoming(incoming)) };
}

const HELLO = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }] };
const STREAMED = { ...HELLO, stream: true };

function errorIn(answer: Answer): GatewayError {
  if ('error' in answer) return answer.error;
  throw new Error('The answer is no failure.');
}

function replyIn(answer: Answer): FullReply | StreamReply {
  if ('reply' in answer) return answer.reply;
  throw new Error(`The answer failed: ${answer.error.message}`);
}

function fullIn(answer: Answer): ChatCompletion {
  const reply = replyIn(answer);
  if (reply.kind === 'full') return JSON.parse(reply.text);
  throw new Error('The answer is a stream.');
}

function streamIn(answer: Answer): StreamReply {
  const reply = replyIn(answer);
  if (reply.kind === 'stream') return reply;
  throw new Error('The answer is no stream.');
}

describe('a call that is answered', () => {
  test('is intended, sent, settled last in first out, and recorded once with its cost', async () => {
    const { ask, events, records } = rig();
    const answer = await ask();
    expect(fullIn(answer).model).toBe('gpt-4o-mini');
    expect(events).toEqual(['intend', 'send first', 'settle b ok', 'settle a ok', 'record ok']);
    expect(records[0]?.outcome).toMatchObject({
      status: 'ok',
      responseId: 'chatcmpl-1',
      cost: { totalNanoUsd: 13_000 },
      target: { deploymentId: 'first' },
    });
    expect(records[0]?.call.attempts).toHaveLength(1);
  });

  test('without usage gets our own count put in', async () => {
    const { ask } = rig({ answer: (target) => completionFrom(target, null) });
    expect(fullIn(await ask()).usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 });
  });

  test('can be rewritten by features, one after the other', async () => {
    const say = (word: string): Feature => ({
      name: word,
      onReply: (_call, body) => ({ ...body, said: [...(Array.isArray(body['said']) ? body['said'] : []), word] }),
    });
    const { ask, records } = rig({ features: [say('one'), say('two')] });
    expect(fullIn(await ask())['said']).toEqual(['one', 'two']);
    expect(records[0]?.outcome.responseText).toContain('"said":["one","two"]');
  });

  test('by a feature never reaches an upstream and has no intent', async () => {
    const { ask, events } = rig();
    const answer = await ask({ body: { ...HELLO, mock_response: 'canned' } });
    expect(fullIn(answer).choices[0]?.message.content).toBe('canned');
    expect(events).toEqual(['settle b ok', 'settle a ok', 'record ok']);
  });

  test('waits for features and keys that take their time', async () => {
    const { ask, events } = rig({
      features: [{ name: 'slow', admit: async () => () => void events.push('settle slow') }],
      authenticate: async () => sampleCaller(),
    });
    expect(fullIn(await ask()).id).toBe('chatcmpl-1');
    expect(events.slice(2)).toEqual(['settle slow', 'settle b ok', 'settle a ok', 'record ok']);
  });
});

describe('a call that is refused', () => {
  const throwing = (kind: ConstructorParameters<typeof GatewayError>[0]): Feature => ({
    name: 'gate',
    admit: () => {
      throw new GatewayError(kind, 'No');
    },
  });

  test('by its key is recorded before its body is read', async () => {
    let read = 0;
    const { ask, events, records } = rig({
      authenticate: () => {
        throw invalidApiKey('It is unknown.');
      },
    });
    const answer = await ask({ readBody: async () => Buffer.from(`${read++}`) });
    expect(errorIn(answer).status).toBe(401);
    expect(read).toBe(0);
    expect(events).toEqual(['record failed']);
    expect(records[0]?.call.caller).toBeUndefined();
  });

  test('for its body names the field', async () => {
    const { ask, events } = rig();
    const error = errorIn(await ask({ body: { model: 'gpt-4o-mini' } }));
    expect([error.status, error.details.param]).toEqual([400, 'messages']);
    expect(events).toEqual(['record failed']);
  });

  test('by a feature gives back what earlier features took, and has no intent', async () => {
    const { ask, events } = rig({ features: [throwing('rate_limited')] });
    expect(errorIn(await ask()).status).toBe(429);
    expect(events).toEqual(['settle b failed', 'settle a failed', 'record failed']);
  });

  test('for its model takes nothing', async () => {
    const { ask, events } = rig();
    expect(errorIn(await ask({ body: { ...HELLO, model: 'unknown' } })).kind).toBe('model_not_found');
    expect(events).toEqual(['record failed']);
  });

  test('by something unforeseen tells the client nothing of it', async () => {
    const broken: Feature = {
      name: 'broken',
      admit: () => {
        throw new TypeError('secret of the house');
      },
    };
    const error = errorIn(await rig({ features: [broken] }).ask());
    expect([error.kind, error.message]).toEqual(['internal', 'Internal server error']);
    expect(error.details.cause).toBeInstanceOf(TypeError);
  });

  test('when the intent cannot be written is not sent', async () => {
    const events: string[] = [];
    const { ask } = rig({
      ledger: {
        intend: () => {
          throw new GatewayError('unavailable', 'The request ledger is full');
        },
        record: (_call, outcome) => void events.push(outcome.status),
      },
    });
    expect(errorIn(await ask()).status).toBe(503);
    expect(events).toEqual(['failed']);
  });
});

describe('retries and fallbacks', () => {
  test('follow the plan, and every attempt is kept with its reason', async () => {
    const { ask, events, records } = rig({ failures: [BUSY, DOWN, BUSY], retries: 2 });
    expect(fullIn(await ask()).id).toBe('chatcmpl-1');
    expect(events.slice(0, 5)).toEqual(['intend', 'send first', 'send first', 'send first', 'send second']);
    expect(records[0]?.call.attempts.map(({ error }) => error?.kind)).toEqual([
      'upstream_busy',
      'upstream_unavailable',
      'upstream_busy',
      undefined,
    ]);
    expect(records[0]?.outcome.target?.deploymentId).toBe('second');
  });

  test('end with the last error when nothing is left to try', async () => {
    const { ask, events, records } = rig({ failures: [BUSY, DOWN], retries: 0 });
    expect(errorIn(await ask()).message).toBe('Down');
    expect(events).toEqual([
      'intend',
      'send first',
      'send second',
      'settle b failed',
      'settle a failed',
      'record failed',
    ]);
    expect(records[0]?.outcome).toMatchObject({ target: { deploymentId: 'second' } });
    expect(records[0]?.outcome.cost).toBeUndefined();
  });

  test('do not follow an error that another try cannot mend', async () => {
    const { ask, events } = rig({ failures: [new GatewayError('invalid_request', 'No')] });
    expect(errorIn(await ask()).status).toBe(400);
    expect(events.filter((event) => event.startsWith('send'))).toHaveLength(1);
  });

  test('follow an unforeseen error no further', async () => {
    const { ask, events } = rig({ failures: [new TypeError('bug')] });
    expect(errorIn(await ask()).kind).toBe('internal');
    expect(events.filter((event) => event.startsWith('send'))).toHaveLength(1);
  });

  test('of a plan that offers nothing are an error of their own', async () => {
    const { ask } = rig({
      plan: () => plan(planParts()),
    });
    expect(errorIn(await ask())).toMatchObject({
      kind: 'unavailable',
      message: 'No deployment can serve the model gpt-4o-mini.',
    });
  });
});

describe('a stream', () => {
  test('is settled and recorded when it ends, before its last bytes leave', async () => {
    const { ask, events, records } = rig({ answer: (target) => streamFrom(target) });
    const answer = await ask({ body: STREAMED });
    expect(answer.outcome).toBeUndefined();
    expect(events).toEqual(['intend', 'send first']);
    const { text } = await readAll(streamIn(answer).body);
    expect(readEvents(text)).toMatchObject({ content: 'Hello', isDone: true });
    expect(events.slice(2)).toEqual(['settle b ok', 'settle a ok', 'record ok']);
    const { outcome } = records[0] ?? {};
    expect(outcome).toMatchObject({
      responseId: 'chatcmpl-1',
      firstTokenAtMs: STARTED_AT_MS,
      cost: { totalNanoUsd: 7_000 },
    });
    expect(outcome?.responseText).toBe(CHUNKS.slice(0, 3).join('\n'));
  });

  test('that breaks off is recorded as failed, with what it produced', async () => {
    const cut = new GatewayError('upstream_truncated', 'cut');
    const { ask, events, records } = rig({ answer: (target) => streamFrom(target, CHUNKS.slice(0, 2), cut) });
    const { text } = await readAll(streamIn(await ask({ body: STREAMED })).body);
    expect(readEvents(text)).toMatchObject({
      content: 'Hello',
      isDone: false,
      finishReasons: [],
      error: { message: 'cut' },
    });
    expect(events.filter((event) => event.startsWith('record'))).toEqual(['record failed']);
    expect(records[0]?.outcome).toMatchObject({ status: 'failed', error: cut, buckets: { output: 2 } });
  });

  test('whose client leaves is recorded as aborted, charged for what was produced', async () => {
    const { ask, events, records } = rig({ answer: (target) => streamFrom(target) });
    const { body } = streamIn(await ask({ body: STREAMED }));
    await body.next();
    body.cancel();
    body.cancel();
    expect(await body.next()).toBeUndefined();
    expect(events.slice(2)).toEqual(['settle b aborted', 'settle a aborted', 'record aborted']);
    expect(records[0]?.outcome).toMatchObject({ buckets: { input: 5, output: 1, source: 'estimated' } });
  });
});

describe('a client that leaves', () => {
  test('before anything was sent costs nothing and is sent nowhere', async () => {
    const client = new Presence();
    const leaving: Feature = { name: 'leaving', admit: () => client.leave() as undefined };
    const { ask, events, records } = rig({ features: [leaving] });
    expect(errorIn(await ask({ client })).status).toBe(499);
    expect(events).toEqual(['intend', 'settle b aborted', 'settle a aborted', 'record aborted']);
    expect(records[0]?.outcome.cost).toBeUndefined();
  });

  test('while the upstream works pays for the prompt; nothing else is tried', async () => {
    const client = new Presence();
    const { ask, events, records } = rig({
      async send(target) {
        events.push(`send ${target.deploymentId}`);
        client.leave();
        throw clientClosed();
      },
    });
    expect(errorIn(await ask({ client })).status).toBe(499);
    expect(events).toEqual(['intend', 'send first', 'settle b aborted', 'settle a aborted', 'record aborted']);
    expect(records[0]?.outcome).toMatchObject({ buckets: { input: 5, output: 0 }, cost: { totalNanoUsd: 5_000 } });
  });

  test('while a retry waits ends the wait, and does not pay for attempts that failed', async () => {
    const client = new Presence();
    const { ask, events, records } = rig({
      failures: [new GatewayError('upstream_busy', 'Later', { retryAfterMs: 60_000 })],
    });
    const answer = ask({ client });
    while (!events.includes('send first')) await Promise.resolve();
    setImmediate(() => client.leave());
    expect(errorIn(await answer).status).toBe(499);
    expect(events).toEqual(['intend', 'send first', 'settle b aborted', 'settle a aborted', 'record aborted']);
    expect(records[0]?.outcome).toMatchObject({ status: 'aborted', target: { deploymentId: 'first' } });
    expect(records[0]?.outcome.cost).toBeUndefined();
  });
});

describe('an undo that throws', () => {
  test('is reported and does not keep the others, the record or the client waiting', async () => {
    const bad = (error: unknown, late: boolean): Feature => ({
      name: 'bad',
      admit: () =>
        late
          ? () => Promise.reject(error)
          : () => {
              throw error;
            },
    });
    const { ask, events, settleErrors } = rig({ features: [bad('now', false), bad('later', true)] });
    expect(fullIn(await ask()).id).toBe('chatcmpl-1');
    await Promise.resolve();
    expect(events.slice(2)).toEqual(['settle b ok', 'settle a ok', 'record ok']);
    expect(settleErrors.toSorted()).toEqual(['later', 'now']);
  });
});

describe('a row that cannot be written', () => {
  const full = (outcome: Outcome): void => {
    if (outcome.status === 'ok') throw new Error('ENOSPC: no space left on device');
  };

  test('turns an answer into a 503, and each undo has still run once', async () => {
    const { ask, events, settleErrors } = rig({ onRecord: full });
    const error = errorIn(await ask());
    expect([error.kind, error.status]).toEqual(['unavailable', 503]);
    expect(error.message).not.toContain('ENOSPC');
    expect(events.slice(2)).toEqual(['settle b ok', 'settle a ok', 'record ok', 'record failed']);
    expect(settleErrors).toHaveLength(1);
  });

  test('keeps the reason that the ledger gave', async () => {
    const closed = new GatewayError('unavailable', 'The request ledger cannot be written');
    const { ask } = rig({
      onRecord: () => {
        throw closed;
      },
    });
    expect(errorIn(await ask())).toBe(closed);
  });

  test('does not hide why a call failed from the log', async () => {
    const { ask, settleErrors } = rig({
      failures: [BUSY, BUSY],
      retries: 0,
      onRecord: () => {
        throw new Error('disk full');
      },
    });
    const answer = await ask();
    expect(errorIn(answer).status).toBe(503);
    expect(answer.outcome).toMatchObject({ status: 'failed', error: { kind: 'upstream_busy' } });
    expect(settleErrors).toHaveLength(1);
  });

  test('ends a stream with an error event instead of [DONE]', async () => {
    const { ask } = rig({ onRecord: full, answer: (target) => streamFrom(target) });
    const { text } = await readAll(streamIn(await ask({ body: STREAMED })).body);
    expect(readEvents(text)).toMatchObject({ content: 'Hello', isDone: false, error: { code: '503' } });
  });
});
