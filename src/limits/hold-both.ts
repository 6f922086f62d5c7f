/** One hold for two attempts of a call that run at once: a budget must cover both. */
import type { Demand, Hold, Part } from './types.ts';

export interface SecondAttempt {
  readonly deploymentId: string;
  readonly part: Part;
  readonly demand: Demand;
}

/** @returns what the hold stands on once one of them is left */
export type NarrowHold = (leftDeploymentId: string, lostNanoUsd: number) => Part;

/** The call stays one request with one slot, and each of the two deployments has one. */
export function holdBoth(hold: Hold, part: Part, second: SecondAttempt): NarrowHold | 'refused' {
  const first = { part, demand: hold.demand };
  const both = joined(part, second.part);
  if (hold.attempt(sum(first.demand, second.demand), both, false)) return 'refused';
  return (leftDeploymentId, lostNanoUsd) => {
    const left = leftDeploymentId === second.deploymentId ? second : first;
    const demand = sum(left.demand, { tokens: 0, nanoUsd: lostNanoUsd });
    // Refused only where a limit has been lowered meanwhile: then both stay held until the call ends.
    return hold.attempt(demand, left.part, true) ? both : left.part;
  };
}

/** What the two have in common is in it once. */
export function joined(first: Part, second: Part): Part {
  const known = new Set(first.scopes.map(({ kind, id }) => `${kind} ${id}`));
  const isNew = ({ kind, id }: Part['scopes'][number]): boolean => !known.has(`${kind} ${id}`);
  return {
    scopes: [...first.scopes, ...second.scopes.filter(isNew)],
    limits: [...first.limits, ...second.limits.filter(({ scope }) => isNew(scope))],
  };
}

const sum = (a: Demand, b: Demand): Demand => ({
  tokens: a.tokens + b.tokens,
  nanoUsd: a.nanoUsd === null || b.nanoUsd === null ? null : a.nanoUsd + b.nanoUsd,
});
