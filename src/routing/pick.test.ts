import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleTarget } from '../../test/support/call-parts.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import type { Target } from '../providers/adapter.ts';
import { pickByWeight } from './pick.ts';

const weighted = (...weights: number[]): Target[] =>
  weights.map((weight, index) => sampleTarget({ deploymentId: String(index), weight }));

function shares(candidates: readonly Target[], picks: number): number[] {
  const random = seededRandom(42);
  const counts = new Map<string, number>();
  for (let round = 0; round < picks; round++) {
    const id = pickByWeight(candidates, random)?.deploymentId ?? 'none';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return candidates.map(({ deploymentId }) => (counts.get(deploymentId) ?? 0) / picks);
}

describe('picking by weight', () => {
  test('of nothing is nothing, of one is that one', () => {
    expect(pickByWeight([], Math.random)).toBeUndefined();
    expect(pickByWeight(weighted(0), () => 0.5)?.deploymentId).toBe('0');
  });

  test.each([[[1, 1]], [[1, 3]], [[10, 1, 5]], [[0.5, 0.25, 0.25]], [[0, 1, 1]]])('is in proportion: %j', (weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const seen = shares(weighted(...weights), 20_000);
    for (const [index, weight] of weights.entries()) expect(seen[index]).toBeCloseTo(weight / total, 1.5);
  });

  test('goes from the first to the last over the range of the random number', () => {
    const candidates = weighted(1, 1);
    expect([0, 0.49, 0.5, 0.999999].map((value) => pickByWeight(candidates, () => value)?.deploymentId)).toEqual([
      '0',
      '0',
      '1',
      '1',
    ]);
  });

  test('always picks one of the candidates, and none without weight beside one with', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 2, maxLength: 8 }), random, (weights, value) => {
        const picked = pickByWeight(weighted(...weights), () => value);
        expect(picked).toBeDefined();
        if (weights.some((weight) => weight > 0)) expect(picked?.weight).toBeGreaterThan(0);
      }),
    );
  });
});
