/** The few statistics of the protocol: medians, a bootstrap interval over rounds, a straight line. */

export interface Interval {
  median: number;
  low: number;
  high: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Median with its 95 % percentile-bootstrap interval; `random` returns numbers in [0, 1). */
export function medianInterval(values: readonly number[], random: () => number, draws = 10_000): Interval {
  const medians = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw += 1) {
    medians[draw] = median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN));
  }
  medians.sort();
  const at = (share: number): number => medians[Math.min(draws - 1, Math.floor(draws * share))] ?? Number.NaN;
  return { median: median(values), low: at(0.025), high: at(0.975) };
}

export interface Line {
  slope: number;
  intercept: number;
}

/** Least squares through points [x, y]. */
export function fitLine(points: readonly (readonly [number, number])[]): Line {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = covariance / variance;
  return { slope, intercept: meanY - slope * meanX };
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = items.map((item) => ({ item, key: random() }));
  return order.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
