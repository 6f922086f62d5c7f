import { beforeEach, describe, expect, test } from 'bun:test';
import type { GatewayError } from '../errors.ts';
import type { Deadline, Deadlines } from '../lib/deadlines.ts';
import { AttemptClock, type AttemptLimits, type ConnectLimit } from './attempt-clock.ts';

const LIMITS: AttemptLimits = { firstByteMs: 60_000, answerMs: 100_000, idleMs: 20_000, totalMs: 1_000_000 };

let nowMs: number;
let reasons: GatewayError[];
let live: Set<Deadline>;
beforeEach(() => {
  nowMs = 0;
  reasons = [];
  live = new Set();
});

const deadlines: Deadlines = {
  add(atMs, fire) {
    const deadline = { atMs, fire };
    live.add(deadline);
    return deadline;
  },
  put: (deadline) => void live.add(deadline),
  remove: (deadline) => void live.delete(deadline),
  get size() {
    return live.size;
  },
};

const started = (over: Partial<AttemptLimits> = {}, connect?: ConnectLimit, receivedAtMs = 0): AttemptClock =>
  new AttemptClock(
    { deadlines, now: () => nowMs, end: (reason) => reasons.push(reason) },
    { ...LIMITS, ...over },
    receivedAtMs,
    connect,
  );

/** Lets the time come, as `createDeadlines` does. */
function at(ms: number): readonly string[] {
  nowMs = ms;
  for (const deadline of [...live]) {
    if (deadline.atMs > nowMs) continue;
    live.delete(deadline);
    deadline.fire();
  }
  return reasons.map(({ message }) => message);
}

describe('which limit ends an attempt', () => {
  test('that for the first byte, of an upstream that says nothing', () => {
    started();
    expect(at(59_999)).toEqual([]);
    expect(at(60_000)).toEqual(['The upstream did not answer within 60 seconds.']);
    expect(reasons[0]?.kind).toBe('upstream_timeout');
  });

  test('that for all of it, of a whole answer, however much comes', () => {
    started().answering();
    expect(at(99_999)).toEqual([]);
    expect(at(100_000)).toEqual(['The upstream did not finish its answer within 100 seconds.']);
  });

  test('that of silence, of a stream', () => {
    const clock = started();
    clock.opening();
    at(15_000);
    clock.heard();
    clock.begun();
    at(30_000);
    clock.heard();
    expect(at(49_999)).toEqual([]);
    expect(at(50_000)).toEqual(['The upstream said nothing for 20 seconds.']);
  });

  test('that for an answer, of a stream that drips and says nothing', () => {
    const clock = started();
    clock.opening();
    for (let ms = 0; ms < 100_000; ms += 10_000) {
      expect(at(ms)).toEqual([]);
      clock.heard();
    }
    expect(at(100_000)).toEqual(['The upstream sent no content within 100 seconds.']);
  });

  test('that for the whole call, of a stream that never ends', () => {
    const clock = started();
    clock.opening();
    clock.begun();
    for (let ms = 0; ms < 1_000_000; ms += 10_000) {
      expect(at(ms)).toEqual([]);
      clock.heard();
    }
    expect(at(1_000_000)).toEqual(['The answer took longer than 1000 seconds.']);
  });

  test('that for the whole call, which began before this attempt', () => {
    nowMs = 990_000;
    started();
    expect(at(1_000_000)).toEqual(['The answer took longer than 1000 seconds.']);
  });

  test('none, once it has stopped', () => {
    const clock = started();
    clock.stop();
    expect([at(5_000_000), live.size]).toEqual([[], 0]);
  });

  test('that of the last words, when an upstream does not close after them', () => {
    const clock = started();
    clock.opening();
    clock.closing();
    clock.begun();
    expect(at(999)).toEqual([]);
    expect(at(1_000)).toHaveLength(1);
  });
});

describe('the limit for a connection', () => {
  const connecting = (limitMs = 5_000) => {
    const asked: number[] = [];
    const answer = Promise.withResolvers<boolean>();
    const limit: ConnectLimit = {
      limitMs,
      connects(withinMs) {
        asked.push(withinMs);
        return answer.promise;
      },
    };
    return { asked, limit, answer: async (isThere: boolean) => answer.resolve(isThere) };
  };

  test('ends an attempt when nobody accepts one, and lets another deployment have it', async () => {
    const { limit, asked, answer } = connecting();
    started({}, limit);
    at(2_499);
    expect(asked).toEqual([]);
    at(2_500);
    expect(asked).toEqual([2_500]);
    await answer(false);
    await Promise.resolve();
    expect(reasons.map(({ kind, message, next }) => [kind, message, next])).toEqual([
      ['upstream_unreachable', 'The upstream accepted no connection within 5 seconds.', 'retry'],
    ]);
  });

  test('leaves the limit for the first byte to one that is there and thinks', async () => {
    const { limit, answer } = connecting();
    started({}, limit);
    at(2_500);
    await answer(true);
    await Promise.resolve();
    expect(at(59_999)).toEqual([]);
    expect(at(60_000)).toEqual(['The upstream did not answer within 60 seconds.']);
  });

  test('asks nobody when an answer has begun', () => {
    const { limit, asked } = connecting();
    started({}, limit).answering();
    at(50_000);
    expect([asked, reasons]).toEqual([[], []]);
  });

  test('comes too late for an answer that has begun meanwhile', async () => {
    const { limit, answer } = connecting();
    const clock = started({}, limit);
    at(2_500);
    clock.answering();
    await answer(false);
    await Promise.resolve();
    expect(reasons).toEqual([]);
  });

  test('does not count where the first byte is due before it', () => {
    const { limit, asked } = connecting(5_000);
    started({ firstByteMs: 4_000 }, limit);
    expect(at(4_000)).toEqual(['The upstream did not answer within 4 seconds.']);
    expect(asked).toEqual([]);
  });
});
