/** One pure function a strategy: which of the candidates is tried next. */
import type { Target } from '../providers/adapter.ts';

/**
 * LiteLLM's `simple-shuffle`: random, in proportion to the weights.
 * @param random in [0, 1)
 */
export function pickByWeight(candidates: readonly Target[], random: () => number): Target | undefined {
  if (candidates.length < 2) return candidates[0];
  let total = 0;
  for (const { weight } of candidates) total += weight;
  let left = random() * total;
  for (const candidate of candidates) {
    left -= candidate.weight;
    if (left < 0) return candidate;
  }
  return candidates.at(-1);
}
