import { beforeEach, describe, expect, test } from 'bun:test';
import { Loads } from './load.ts';

const A = 'deployment-a';
let nowMs: number;
let loads: Loads;
beforeEach(() => {
  nowMs = 1_764_000_000_000;
  loads = new Loads(() => nowMs);
});

describe('calls under way', () => {
  test('are those that began and have not ended', () => {
    loads.begin(A);
    loads.begin(A);
    loads.end(A, 0);
    expect(loads.of(A).inFlight).toBe(1);
    expect(loads.of('another').inFlight).toBe(0);
  });

  test('are never fewer than none', () => {
    loads.end(A, 0);
    expect(loads.of(A).inFlight).toBe(0);
  });
});

describe('use within the last minute', () => {
  test('adds up, and is gone after a minute', () => {
    loads.begin(A);
    loads.end(A, 300);
    nowMs += 30_000;
    loads.begin(A);
    loads.end(A, 50);
    expect(loads.of(A)).toMatchObject({ requests: 2, tokens: 350 });
    nowMs += 31_000;
    expect(loads.of(A)).toMatchObject({ requests: 1, tokens: 50 });
    nowMs += 60_000;
    expect(loads.of(A)).toMatchObject({ requests: 0, tokens: 0 });
  });

  test('bears a clock that goes back', () => {
    loads.begin(A);
    nowMs -= 10_000;
    loads.begin(A);
    expect(loads.of(A).requests).toBe(2);
  });
});

describe('what calls under way will need', () => {
  test('is what calls need of late, on any deployment', () => {
    loads.begin(A);
    expect(loads.of(A).expectedTokens).toBe(0);
    loads.begin('another');
    loads.end('another', 100);
    loads.begin(A);
    expect(loads.of(A)).toMatchObject({ tokens: 0, expectedTokens: 200 });
    loads.end(A, 0);
    loads.end('another', 200);
    expect(loads.of(A).expectedTokens).toBe(110);
    loads.end(A, 50);
    expect(loads.of(A).expectedTokens).toBe(0);
  });
});

describe('latency', () => {
  test('is unknown at first, and is kept apart for streams', () => {
    expect(loads.of(A)).toMatchObject({ firstContentMs: undefined, answerMs: undefined });
    loads.answered(A, 40, true);
    loads.answered(A, 900, false);
    expect(loads.of(A)).toMatchObject({ firstContentMs: 40, answerMs: 900 });
  });

  test('rises at once and falls slowly', () => {
    loads.answered(A, 100, true);
    loads.answered(A, 2_000, true);
    expect(loads.of(A).firstContentMs).toBe(2_000);
    nowMs += 10_000;
    loads.answered(A, 100, true);
    expect(loads.of(A).firstContentMs).toBeCloseTo(1_050, 0);
    for (let at = 0; at < 20; at++) {
      nowMs += 10_000;
      loads.answered(A, 100, true);
    }
    expect(loads.of(A).firstContentMs).toBeLessThan(101);
  });

  test('has a p95 once enough is known, of the latest answers only', () => {
    for (let at = 1; at <= 19; at++) loads.answered(A, at, true);
    expect(loads.p95Ms(A)).toBeUndefined();
    loads.answered(A, 20, true);
    expect(loads.p95Ms(A)).toBe(19);
    for (let at = 0; at < 100; at++) loads.answered(A, 7, true);
    expect(loads.p95Ms(A)).toBe(7);
  });
});
