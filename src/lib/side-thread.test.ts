import { afterEach, describe, expect, test } from 'bun:test';
import { until } from '../../test/support/until.ts';
import { SideThread, type SideThreadOptions } from './side-thread.ts';

/** Says what it is asked to: `now` and the number of the thread, nothing ever, or nothing any more. */
const THREAD = `
const number = Math.random();
onmessage = ({ data }) => {
  if (data === 'throw') throw new Error('out of paper');
  if (data !== 'nothing') postMessage([data, number]);
};`;
const url = URL.createObjectURL(new Blob([THREAD], { type: 'application/javascript' }));

type Answer = readonly [string, number];
let thread: SideThread<string, Answer>;
let faults: [string, string][] = [];
afterEach(() => thread.close());

function made(options: Partial<SideThreadOptions> = {}): SideThread<string, Answer> {
  faults = [];
  thread = new SideThread({
    start: () => new Worker(url),
    timeLimitMs: 60_000,
    maxWaiting: 2,
    errorOf: (fault, message) => {
      faults.push([fault, message]);
      return new Error(fault);
    },
    ...options,
  });
  return thread;
}

const faultOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => 'fine',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

describe('a side thread', () => {
  test('is started for the first question and answers all of them, each its own', async () => {
    const { ask } = made();
    expect(thread.isRunning).toBe(false);
    const answers = await Promise.all(['a', 'b', 'c'].map((word) => ask.call(thread, word)));
    expect(answers.map(([word]) => word)).toEqual(['a', 'b', 'c']);
    expect(new Set(answers.map(([, number]) => number)).size).toBe(1);
    expect(thread.isRunning).toBe(true);
  });

  test('that takes too long is replaced, and the next question is answered', async () => {
    made({ timeLimitMs: 300 });
    const [, before] = await thread.ask('a');
    const slow = faultOf(thread.ask('nothing'));
    const next = thread.ask('b');
    expect(await slow).toBe('too slow');
    const [word, after] = await next;
    expect([word, after === before]).toEqual(['b', false]);
  });

  test('that breaks is replaced, and what it said is told', async () => {
    made();
    expect(await faultOf(thread.ask('throw'))).toBe('broken');
    expect(faults.at(-1)?.[1]).toContain('out of paper');
    expect((await thread.ask('b'))[0]).toBe('b');
  });

  test('refuses more than may wait, and those that wait are answered', async () => {
    made({ timeLimitMs: 500 });
    const asked = ['nothing', 'a', 'b', 'c'].map((word) => faultOf(thread.ask(word)));
    expect(await Promise.all(asked)).toEqual(['too slow', 'fine', 'fine', 'too many wait']);
  });

  test('ends when nobody has asked for a while, where that is wanted', async () => {
    made({ idleMs: 1 });
    await thread.ask('a');
    await until(
      () => thread.isRunning,
      (isRunning) => !isRunning,
    );
    expect((await thread.ask('b'))[0]).toBe('b');
    made();
    await thread.ask('a');
    expect(thread.isRunning).toBe(true);
  });

  test('that is closed refuses what it has not answered, and everything after', async () => {
    made();
    const asked = ['nothing', 'a'].map((word) => faultOf(thread.ask(word)));
    thread.close();
    expect(await Promise.all(asked)).toEqual(['closed', 'closed']);
    expect(await faultOf(thread.ask('b'))).toBe('closed');
    expect(thread.isRunning).toBe(false);
  });
});
