/** Whether a demand fits under one limit, and what is told when it does not. */
import { type Account, Period, type Place } from './account.ts';
import type { Demand, Limit, Refusal, Standing, Unit } from './types.ts';

/** `null`: the price is unknown. */
export function askedFor(unit: Unit, demand: Demand): number | null {
  if (unit === 'usd') return demand.nanoUsd;
  return unit === 'tokens' ? demand.tokens : 1;
}

/** A total set by hand stands for all that came before it, until the window in which it was set is over. */
export function postedOf(limit: Limit, place: Place): number {
  const { since } = limit;
  return since && place instanceof Period && since.atMs >= place.startMs ? place.posted + since.amount : place.posted;
}

export function standingOf(limit: Limit, place: Place): Standing {
  const resetsAtMs = place instanceof Period ? place.endMs : place.oldestLeavesAtMs();
  return { limit, posted: postedOf(limit, place), held: place.held, resetsAtMs };
}

/** What the asking call itself holds there already, which the new demand replaces. */
export interface Own {
  readonly account: Account;
  readonly amount: number;
}

/** `undefined`: it fits. What asks for no more than it holds always fits. */
export function judge(limit: Limit, place: Place, asked: number | null, own?: Own): Refusal | undefined {
  if (asked === null) return unpriced(limit, place);
  // What costs nothing makes no budget worse, not even one that is overspent.
  if (asked === 0) return undefined;
  const ownAmount = own === undefined ? 0 : stillCounted(place, own);
  if (own !== undefined && asked <= ownAmount) return undefined;
  const posted = postedOf(limit, place);
  const excess = posted + place.held - ownAmount + asked - limit.max;
  if (excess <= 0) return undefined;
  const isTooLarge = asked > limit.max;
  return {
    standing: standingOf(limit, place),
    reason: isTooLarge ? 'too_large' : 'over',
    asked,
    clearsAtMs: isTooLarge ? null : clearsAtMs(place, excess, own?.account, ownAmount),
    onlyHeld: posted + asked <= limit.max,
  };
}

const unpriced = (limit: Limit, place: Place): Refusal => ({
  standing: standingOf(limit, place),
  reason: 'unpriced',
  asked: 0,
  clearsAtMs: null,
  onlyHeld: false,
});

const stillCounted = (place: Place, { account, amount }: Own): number =>
  place instanceof Period ? amount : place.inWindow(account, amount);

function clearsAtMs(place: Place, excess: number, own: Account | undefined, ownAmount: number): number | null {
  return place instanceof Period ? place.endMs : place.leavesAtMs(excess, own, ownAmount);
}

/** The one that clears last; among those that time does not clear, the one that least else clears. */
export function laterOf(one: Refusal | undefined, other: Refusal): Refusal {
  if (one === undefined) return other;
  const oneMs = one.clearsAtMs ?? Number.POSITIVE_INFINITY;
  const otherMs = other.clearsAtMs ?? Number.POSITIVE_INFINITY;
  if (oneMs !== otherMs) return oneMs > otherMs ? one : other;
  return hardness(other) > hardness(one) ? other : one;
}

function hardness({ reason, onlyHeld }: Refusal): number {
  if (reason === 'unpriced') return 3;
  if (reason === 'too_large') return 2;
  return onlyHeld ? 0 : 1;
}
