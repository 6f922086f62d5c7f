import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { RetryBudget } from './retry-budget.ts';

/** How many retries are granted while so many calls are under way. */
function granted(calls: number): number {
  const budget = new RetryBudget();
  for (let at = 0; at < calls; at++) budget.begin();
  let count = 0;
  while (budget.retry() !== undefined) count += 1;
  return count;
}

describe('retries under way at once', () => {
  test.each([
    [0, 3],
    [1, 3],
    [15, 3],
    [16, 4],
    [20, 4],
    [100, 20],
    [1_000, 200],
  ])('of %d calls are at most %d', (calls, retries) => {
    expect(granted(calls)).toBe(retries);
  });

  test('are free again when they end', () => {
    const budget = new RetryBudget();
    const ends = [budget.retry(), budget.retry(), budget.retry()];
    expect(budget.retry()).toBeUndefined();
    ends[1]?.();
    expect(budget.retry()).toBeFunction();
    expect(budget.retry()).toBeUndefined();
  });

  test('shrink with the calls, without taking back what was granted', () => {
    const budget = new RetryBudget();
    const ends = Array.from({ length: 50 }, () => budget.begin());
    const retries = Array.from({ length: 10 }, () => budget.retry());
    expect(retries.every((end) => end !== undefined)).toBe(true);
    for (const end of ends) end();
    expect(budget.retry()).toBeUndefined();
    for (const end of retries.slice(0, 8)) end?.();
    expect(budget.retry()).toBeFunction();
  });

  test('never pass three or a fifth of the calls, in whatever order they come and go', () => {
    const step = fc.constantFrom('call', 'endCall', 'retry', 'endRetry' as const);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const walk = new Walk();
        for (const one of steps) walk[one]();
      }),
      { numRuns: 200 },
    );
  });
});

class Walk {
  readonly #budget = new RetryBudget();
  readonly #calls: (() => void)[] = [];
  readonly #retries: (() => void)[] = [];

  call(): void {
    this.#calls.push(this.#budget.begin());
  }

  endCall(): void {
    this.#calls.pop()?.();
  }

  retry(): void {
    const mayBegin = this.#retries.length < Math.max(3, this.#calls.length * 0.2);
    const end = this.#budget.retry();
    expect(end !== undefined).toBe(mayBegin);
    if (end) this.#retries.push(end);
  }

  endRetry(): void {
    this.#retries.pop()?.();
  }
}
