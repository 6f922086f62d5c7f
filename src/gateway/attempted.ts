/** What a call's attempts amount to: two may have run at once. */
import type { Attempt, Call } from './call.ts';

/** Milliseconds in which at least one was under way. */
export function attemptedMs(attempts: readonly Attempt[]): number {
  let total = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  for (const { startedAtMs, endedAtMs } of attempts.toSorted((a, b) => a.startedAtMs - b.startedAtMs)) {
    total += Math.max(0, endedAtMs - Math.max(startedAtMs, untilMs));
    untilMs = Math.max(untilMs, endedAtMs);
  }
  return total;
}

/** One that ran beside another and lost is no retry. */
export const retried = (attempts: readonly Attempt[]): number =>
  attempts.filter(({ lost }) => lost === undefined).length - 1;

/** Groups that were gone past before the last one; one that was cooling down need not have been asked. */
export function fallbacksOf({ choices, attempts }: Pick<Call, 'choices' | 'attempts'>): number {
  if (choices.length < 2 && attempts.length < 2) return 0;
  const groups = [...choices.map(({ group }) => group), ...attempts.map(({ target }) => target.modelGroup)];
  return new Set(groups).size - 1;
}
