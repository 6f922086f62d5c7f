import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleTarget } from '../../test/support/call-parts.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import type { Load } from './load.ts';
import { type Candidate, pick, type Strategy, scoreOf } from './pick.ts';

const IDLE: Load = {
  inFlight: 0,
  firstContentMs: undefined,
  answerMs: undefined,
  requests: 0,
  tokens: 0,
  expectedTokens: 0,
};
const STREAM = { stream: true };

interface Given extends Partial<Load> {
  readonly weight?: number;
  readonly usdPerToken?: number;
}

const candidate = (deploymentId: string, { weight = 1, usdPerToken, ...load }: Given = {}): Candidate => ({
  target: sampleTarget({ deploymentId, weight }),
  load: { ...IDLE, ...load },
  usdPerToken,
});

/** How often each was picked in so many turns. */
function shares(
  strategy: Strategy,
  candidates: readonly Candidate[],
  turns = 6_000,
  call = STREAM,
): Record<string, number> {
  const random = seededRandom(42);
  const picked: Record<string, number> = {};
  for (let turn = 0; turn < turns; turn++) {
    const id = pick(strategy, candidates, call, random)?.target.deploymentId ?? 'nobody';
    picked[id] = (picked[id] ?? 0) + 1 / turns;
  }
  return picked;
}

describe('simple-shuffle', () => {
  test('follows the weights', () => {
    const found = shares('simple-shuffle', [
      candidate('a', { weight: 6 }),
      candidate('b', { weight: 3 }),
      candidate('c'),
    ]);
    expect(found['a']).toBeCloseTo(0.6, 1);
    expect(found['b']).toBeCloseTo(0.3, 1);
    expect(found['c']).toBeCloseTo(0.1, 1);
  });

  test('gives nothing to a weight of 0, and is even where nobody else is left', () => {
    const [a, b] = [candidate('a', { weight: 0 }), candidate('b', { weight: 0 })];
    expect(shares('simple-shuffle', [a, candidate('c', { weight: 2 }), b])).toEqual({ c: expect.closeTo(1, 6) });
    expect(shares('simple-shuffle', [a, b])['a']).toBeCloseTo(0.5, 1);
  });

  test('is even without weights', () => {
    const found = shares('simple-shuffle', [candidate('a'), candidate('b'), candidate('c'), candidate('d')]);
    for (const share of Object.values(found)) expect(share).toBeCloseTo(0.25, 1);
  });

  test('never picks a weight of 0 while another has one', () => {
    expect(shares('simple-shuffle', [candidate('a', { weight: 0 }), candidate('b', { weight: 1 })])).toEqual({
      b: expect.closeTo(1, 6),
    });
  });
});

describe('least-busy', () => {
  test('picks the one with the fewest calls under way', () => {
    const three = [candidate('a', { inFlight: 4 }), candidate('b', { inFlight: 1 }), candidate('c', { inFlight: 2 })];
    expect(shares('least-busy', three)).toEqual({ b: expect.closeTo(1, 6) });
  });

  test('is even among equals', () => {
    const found = shares('least-busy', [candidate('a'), candidate('b'), candidate('c', { inFlight: 1 })]);
    expect(found['a']).toBeCloseTo(0.5, 1);
    expect(found['b']).toBeCloseTo(0.5, 1);
  });
});

test('usage-based-routing-v2 picks the one with the fewest tokens in the last minute', () => {
  const three = [candidate('a', { tokens: 500 }), candidate('b', { tokens: 90 }), candidate('c', { tokens: 100 })];
  expect(shares('usage-based-routing-v2', three)).toEqual({ b: expect.closeTo(1, 6) });
});

describe('latency-based-routing', () => {
  const three = [
    candidate('slow', { firstContentMs: 900, answerMs: 10 }),
    candidate('quick', { firstContentMs: 100, answerMs: 2_000 }),
    candidate('middle', { firstContentMs: 300, answerMs: 500 }),
  ];

  test('takes the better of two at random: the best most often, the worst never', () => {
    const found = shares('latency-based-routing', three);
    expect(found['quick']).toBeCloseTo(2 / 3, 1);
    expect(found['middle']).toBeCloseTo(1 / 3, 1);
    expect(found['slow']).toBeUndefined();
  });

  test('looks at whole answers when nothing is streamed', () => {
    const found = shares('latency-based-routing', three, 6_000, { stream: false });
    expect(found['quick']).toBeUndefined();
    expect(found['slow']).toBeCloseTo(2 / 3, 1);
  });

  test('counts calls under way, so that the quick one is not swamped', () => {
    const busy = candidate('quick', { firstContentMs: 100, inFlight: 20 });
    expect(shares('latency-based-routing', [busy, candidate('slow', { firstContentMs: 900 })])).toEqual({
      slow: expect.closeTo(1, 6),
    });
  });

  test('tries what nobody has measured', () => {
    const two = [candidate('known', { firstContentMs: 5 }), candidate('new')];
    expect(shares('latency-based-routing', two)).toEqual({ new: expect.closeTo(1, 6) });
  });
});

test('cost-based-routing picks the cheapest; an unknown price is taken for dear', () => {
  const three = [candidate('a', { usdPerToken: 2e-6 }), candidate('b', { usdPerToken: 1e-6 }), candidate('c')];
  expect(shares('cost-based-routing', three)).toEqual({ b: expect.closeTo(1, 6) });
  expect(shares('cost-based-routing', [candidate('c')])).toEqual({ c: expect.closeTo(1, 6) });
});

test('every strategy picks one of the candidates, and a score that explains it', () => {
  const strategies = fc.constantFrom<Strategy>(
    'simple-shuffle',
    'least-busy',
    'usage-based-routing-v2',
    'latency-based-routing',
    'cost-based-routing',
  );
  const load = fc.record({
    inFlight: fc.nat(50),
    firstContentMs: fc.nat(5_000),
    tokens: fc.nat(9_999),
    weight: fc.nat(9),
  });
  fc.assert(
    fc.property(strategies, fc.array(load, { maxLength: 8 }), fc.nat(), (strategy, loads, seed) => {
      const candidates = loads.map((given, at) => candidate(String(at), given));
      const picked = pick(strategy, candidates, STREAM, seededRandom(seed));
      if (candidates.length === 0) expect(picked).toBeUndefined();
      else expect(candidates).toContain(picked as Candidate);
      if (!picked || strategy === 'latency-based-routing') return;
      const least = Math.min(...candidates.map((one) => scoreOf(strategy, one, STREAM)));
      expect(scoreOf(strategy, picked, STREAM)).toBe(least);
    }),
  );
});
