/** Which limits can refuse, and what follows for a call that says nothing of its size. */
import type { Limit } from './types.ts';

export const isBounded = ({ max }: Limit): boolean => max !== Number.POSITIVE_INFINITY;

export const isBudget = (limit: Limit): boolean =>
  limit.unit === 'usd' && limit.strength === 'hard' && isBounded(limit);

/** A key's own budget for one model. */
export const isModelBudget = (limit: Limit): boolean => isBudget(limit) && limit.scope.kind === 'model_per_key';

/** What a model may read of which nobody knows how much that is. */
export const ASSUMED_MAX_INPUT = 1_048_576;

/** Outputs of models whose own maximum nobody knows. */
export const ASSUMED_MAX_OUTPUT = 32_768;

/** LiteLLM's guess for TPM where a client sets no cap. */
const IMPLICIT_OUTPUT = 1_024;

/** Tokens of output that are counted beforehand: no more than a quarter of the smallest limit. */
export function implicitOutput(limits: readonly Limit[]): number {
  const smallest = Math.min(...limits.filter(({ unit }) => unit === 'tokens').map(({ max }) => max));
  return Math.min(IMPLICIT_OUTPUT, Math.floor(smallest / 4));
}
