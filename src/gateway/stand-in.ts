/** Another model in the place of the one that was asked for, which is told in `x-tollgate-changed`. */
import type { Call } from './call.ts';

export interface StandIn {
  /** As it was named. */
  readonly name: string;
  readonly group: string;
}

/** @param note why, as a continuation of "renamed" */
export function putInPlace(call: Call, { name, group }: StandIn, note: string): void {
  call.modelGroup = group;
  call.standIn = name;
  call.admittedChanges.push({ field: 'model', action: 'renamed', note });
}

/** Name by which the model that serves is known: what is limited under it holds. */
export const servedName = ({ standIn, requestedModel }: Call): string => standIn ?? requestedModel;

/** A call that goes on with another model. */
export interface Instead<Refusal> {
  /** Models that come next. */
  readonly rest: readonly string[];
  /** Of the model that was asked for. */
  readonly refused: Refusal;
  /** Makes the call again what it was. */
  restore(): void;
}

/**
 * A key's `budget_fallbacks` (LiteLLM's documentation of virtual keys): puts the next model that everybody behind the call
 * may use in the place of one whose budget does not cover it.
 * @param instead what the call is already
 * @returns the first refusal when there is no other model left; `undefined`: there never was any
 */
export function nextInstead<Refusal>(
  call: Call,
  refused: Refusal,
  instead: Instead<Refusal> | undefined,
): Instead<Refusal> | Refusal | undefined {
  const { rest, refused: first, restore } = instead ?? begin(call, refused);
  const next = firstUsable(rest, call);
  restore();
  if (next === undefined) return instead && first;
  putInPlace(call, next, `to ${next.name}, as the budget of the key for ${call.modelGroup} is spent`);
  return { rest: next.rest, refused: first, restore };
}

function begin<Refusal>(call: Call, refused: Refusal): Instead<Refusal> {
  const { modelGroup, standIn } = call;
  const changes = [...call.admittedChanges];
  return {
    rest: budgetFallbacksOf(call),
    refused,
    restore() {
      Object.assign(call, { modelGroup, standIn });
      call.admittedChanges.splice(0, Number.POSITIVE_INFINITY, ...changes);
    },
  };
}

const NONE: readonly string[] = [];

/** `budget_fallbacks` of the key for what was asked for, by its name or its group's. */
function budgetFallbacksOf(call: Call): readonly string[] {
  const lists = call.caller?.budgetFallbacks;
  if (lists === undefined) return NONE;
  const names = [servedName(call), call.modelGroup];
  const found = names.find((name) => Object.hasOwn(lists, name));
  return (found === undefined ? undefined : lists[found]) ?? NONE;
}

/** The first of some models that everybody behind the call may use, and those after it. */
function firstUsable(
  names: readonly string[],
  call: Call,
): (StandIn & { readonly rest: readonly string[] }) | undefined {
  for (const [at, name] of names.entries()) {
    const group = call.groupOf?.(name);
    if (group !== undefined && group !== call.modelGroup) return { name, group, rest: names.slice(at + 1) };
  }
  return undefined;
}
