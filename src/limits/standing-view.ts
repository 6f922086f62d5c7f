/** How a limit stands, as its client may know it. */
import type { Standing, Unit } from './types.ts';

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
