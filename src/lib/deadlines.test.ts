import { afterEach, describe, expect, jest, test } from 'bun:test';
import { createDeadlines } from './deadlines.ts';

/** A clock that stands still until it is moved, and timers that follow it. */
function clockwork() {
  jest.useFakeTimers();
  let nowMs = 1_000;
  const deadlines = createDeadlines(() => nowMs);
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed++) {
      nowMs++;
      jest.advanceTimersByTime(1);
    }
  };
  return { deadlines, pass, now: () => nowMs };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('a deadline', () => {
  test('fires once, within a tick of its time and never before', () => {
    const { deadlines, pass, now } = clockwork();
    const fired: number[] = [];
    deadlines.add(now() + 110, () => fired.push(now()));
    pass(109);
    expect(fired).toEqual([]);
    pass(500);
    expect(fired).toHaveLength(1);
    expect(fired[0]).toBeWithin(1_110, 1_136);
    expect(deadlines.size).toBe(0);
  });

  test('can be moved, later or earlier', () => {
    const { deadlines, pass, now } = clockwork();
    const fired: string[] = [];
    const later = deadlines.add(now() + 50, () => fired.push('later'));
    const earlier = deadlines.add(now() + 10_000, () => fired.push('earlier'));
    later.atMs = now() + 300;
    earlier.atMs = now() + 30;
    pass(100);
    expect(fired).toEqual(['earlier']);
    pass(300);
    expect(fired).toEqual(['earlier', 'later']);
  });

  test('that was removed never fires, and removing it twice is harmless', () => {
    const { deadlines, pass, now } = clockwork();
    let fired = 0;
    const deadline = deadlines.add(now() + 30, () => fired++);
    deadlines.remove(deadline);
    deadlines.remove(deadline);
    pass(100);
    expect([fired, deadlines.size]).toEqual([0, 0]);
  });

  test('in the past fires at the next tick', () => {
    const { deadlines, pass, now } = clockwork();
    let fired = 0;
    deadlines.add(now() - 1, () => fired++);
    pass(25);
    expect(fired).toBe(1);
  });

  test('may add and remove others as it fires', () => {
    const { deadlines, pass, now } = clockwork();
    const fired: string[] = [];
    const other = deadlines.add(now() + 60, () => fired.push('other'));
    deadlines.add(now() + 10, () => {
      fired.push('first');
      deadlines.remove(other);
      deadlines.add(now() + 20, () => fired.push('second'));
    });
    pass(200);
    expect(fired).toEqual(['first', 'second']);
  });
});

describe('the one timer', () => {
  test('serves thousands, stops when none is left, and starts again', () => {
    const { deadlines, pass, now } = clockwork();
    let fired = 0;
    for (let index = 0; index < 5_000; index++) deadlines.add(now() + (index % 100), () => fired++);
    expect(jest.getTimerCount()).toBe(1);
    pass(130);
    expect([fired, deadlines.size]).toEqual([5_000, 0]);
    pass(30);
    expect(jest.getTimerCount()).toBe(0);
    deadlines.add(now() + 10, () => fired++);
    pass(50);
    expect(fired).toBe(5_001);
  });
});
