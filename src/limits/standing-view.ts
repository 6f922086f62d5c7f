/** How a limit stands, as its client may know it. */
import { isBounded } from './finite.ts';
import type { Limit, Standing, Unit } from './types.ts';

export interface StandingView {
  readonly scope: string;
  readonly unit: Unit;
  readonly max: number;
  /** Money under way may still be given back: only what is posted counts as used. */
  readonly used: number;
  readonly remaining: number;
  readonly resetsAtMs: number | null;
}

/** Below 0 where more was used than is left. */
export const restOf = ({ limit, posted, held }: Standing): number => limit.max - posted - held;

export function standingView(standing: Standing): StandingView {
  const { limit, posted, held, resetsAtMs } = standing;
  const { scope, unit, max } = limit;
  const used = unit === 'usd' ? posted : posted + held;
  return { scope: scope.kind, unit, max, used, remaining: Math.max(0, restOf(standing)), resetsAtMs };
}

const RATES = ['requests', 'tokens'] as const;

/**
 * What the deployments of a group can still take together, as far as they have limits of their own.
 * @param standings of those of the limits that have been used
 */
export function groupViews(limits: readonly Limit[], standings: readonly Standing[]): StandingView[] {
  return RATES.flatMap((unit) => {
    const own = limits.filter((limit) => limit.scope.kind === 'deployment' && limit.unit === unit && isBounded(limit));
    if (own.length === 0) return [];
    const known = new Map(standings.map((standing) => [standing.limit, standing]));
    const left = own.map((limit) => {
      const standing = known.get(limit);
      return Math.max(0, standing === undefined ? limit.max : restOf(standing));
    });
    const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
    const [max, remaining] = [sum(own.map((limit) => limit.max)), sum(left)];
    return [{ scope: 'model_group', unit, max, used: max - remaining, remaining, resetsAtMs: null }];
  });
}
