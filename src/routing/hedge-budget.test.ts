import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { HedgeBudget } from './hedge-budget.ts';

const MINUTE_MS = 60_000;

function place() {
  let nowMs = 1_764_000_000_000;
  const budget = new HedgeBudget(() => nowMs);
  /** @returns how many extra calls there were */
  const ask = (calls: number, group = 'g'): number => {
    let extra = 0;
    for (let at = 0; at < calls; at++) {
      budget.called(group);
      if (!budget.mayHedge(group)) continue;
      budget.hedged(group);
      extra += 1;
    }
    return extra;
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { ask, pass };
}

describe('extra calls', () => {
  test('are 5 % of a minute’s calls', () => {
    expect(place().ask(400)).toBe(20);
  });

  test('are one a minute for a group with few calls', () => {
    const { ask, pass } = place();
    expect(ask(5)).toBe(1);
    expect(ask(5)).toBe(0);
    pass(MINUTE_MS);
    expect(ask(1)).toBe(1);
  });

  test('come back as the minute moves on', () => {
    const { ask, pass } = place();
    expect(ask(200)).toBe(10);
    pass(MINUTE_MS / 2);
    expect(ask(200)).toBe(10);
    pass(MINUTE_MS / 2);
    // The first half has left, with its calls.
    expect(ask(200)).toBe(10);
  });

  test('of one group are not another’s', () => {
    const { ask } = place();
    ask(400, 'busy');
    expect(ask(1, 'quiet')).toBe(1);
  });

  test('never pass the share of the last minute, however calls come', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(90), fc.nat(20_000)), { maxLength: 40 }), (steps) => {
        const { ask, pass } = place();
        const seen: { atMs: number; calls: number; extra: number }[] = [];
        let atMs = 0;
        for (const [calls, waitMs] of steps) {
          const extra = ask(calls);
          seen.push({ atMs, calls, extra });
          const recent = seen.filter((one) => atMs - one.atMs < MINUTE_MS - 1_000);
          const sum = (name: 'calls' | 'extra'): number => recent.reduce((total, one) => total + one[name], 0);
          // Calls that are just leaving the minute may still have counted.
          const all = seen.filter((one) => atMs - one.atMs <= MINUTE_MS);
          const mostCalls = all.reduce((total, one) => total + one.calls, 0);
          if (extra > 0) expect(sum('extra')).toBeLessThanOrEqual(Math.max(1, mostCalls * 0.05));
          pass(waitMs);
          atMs += waitMs;
        }
      }),
      { numRuns: 200 },
    );
  });
});
