/** A limit tree as slow as it is plain: every charge is kept for ever, and every sum is added up anew. */
import type { Demand, Limit, Part, Scope, Unit, Used, Window } from '../../src/limits/types.ts';
import { type WindowSpan, windowAt } from '../../src/limits/window.ts';

interface Charge {
  readonly call: NaiveCall;
  readonly scope: Scope;
  readonly unit: Unit;
  /** What slides counts from then; what has a calendar counts from the admission of the call. */
  slideMs: number;
  held: number;
  posted: number;
  /** A request that was sent under a scope the call has left. */
  left: boolean;
}

export interface NaiveCall {
  readonly admittedMs: number;
  readonly base: Part;
  attempt: Part;
  demand: Demand;
}

/** What the ledger stores of a call that has ended. */
export interface NaiveRow {
  readonly admittedMs: number;
  readonly amounts: readonly { readonly scope: Scope; readonly unit: Unit; readonly amount: number }[];
}

export const sameScope = (one: Scope, other: Scope): boolean => one.kind === other.kind && one.id === other.id;
const has = (scopes: readonly Scope[], scope: Scope): boolean => scopes.some((each) => sameScope(each, scope));
const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);

const spans = new WeakMap<Window, Map<number, WindowSpan>>();

/** Zones are slow to ask. */
function spanAt(window: Window, atMs: number): WindowSpan {
  const known = spans.get(window) ?? new Map<number, WindowSpan>();
  spans.set(window, known);
  const span = known.get(atMs) ?? windowAt(window, atMs);
  known.set(atMs, span);
  return span;
}

const UNITS: readonly Unit[] = ['usd', 'tokens', 'requests', 'parallel'];

export function amountIn(unit: Unit, demand: Demand): number {
  if (unit === 'usd') return demand.nanoUsd ?? 0;
  return unit === 'tokens' ? demand.tokens : 1;
}

export class NaiveLimits {
  #charges: Charge[] = [];

  begin(admittedMs: number, demand: Demand, base: Part, attempt: Part): NaiveCall {
    const call = { admittedMs, base, attempt, demand };
    for (const scope of unique([...base.scopes, ...attempt.scopes])) this.#charge(call, scope, admittedMs);
    return call;
  }

  #charge(call: NaiveCall, scope: Scope, slideMs: number): void {
    for (const unit of UNITS) {
      this.#charges.push({ call, scope, unit, slideMs, held: amountIn(unit, call.demand), posted: 0, left: false });
    }
  }

  another(call: NaiveCall, demand: Demand, attempt: Part, at: { nowMs: number; previousWasSent: boolean }): void {
    const stays = (scope: Scope): boolean => has(call.base.scopes, scope) || has(attempt.scopes, scope);
    const wasIn = (scope: Scope): boolean => has(call.base.scopes, scope) || has(call.attempt.scopes, scope);
    const joined = unique(attempt.scopes).filter((scope) => !wasIn(scope));
    this.#charges = this.#charges.filter((charge) => {
      if (charge.call !== call || charge.left || stays(charge.scope)) return true;
      charge.left = charge.unit === 'requests' && at.previousWasSent;
      return charge.left;
    });
    call.demand = demand;
    for (const charge of this.#of(call)) {
      const isAmount = charge.unit === 'usd' || charge.unit === 'tokens';
      if (!isAmount) continue;
      charge.held = amountIn(charge.unit, demand);
      charge.slideMs = at.nowMs;
    }
    for (const scope of joined) this.#charge(call, scope, at.nowMs);
    call.attempt = attempt;
  }

  settle(call: NaiveCall, used: Used): NaiveRow {
    const amounts = this.#of(call).map((charge) => {
      const amount = charge.unit === 'parallel' ? 0 : amountIn(charge.unit, used);
      charge.held = 0;
      charge.posted = amount;
      return { scope: charge.scope, unit: charge.unit, amount };
    });
    return { admittedMs: call.admittedMs, amounts };
  }

  release(call: NaiveCall): void {
    this.#charges = this.#charges.filter((charge) => charge.call !== call);
  }

  /** What stands under the limit now. */
  total(limit: Limit, nowMs: number): { posted: number; held: number } {
    const { scope, unit, window, since } = limit;
    const span = spanAt(window, nowMs);
    const isSet = since !== undefined && window.kind !== 'sliding' && since.atMs >= span.startMs && unit !== 'parallel';
    const counts = (charge: Charge): boolean => {
      if (charge.unit !== unit || !sameScope(charge.scope, scope)) return false;
      if (unit === 'parallel') return true;
      if (window.kind === 'sliding') return charge.slideMs + window.ms > nowMs;
      const { admittedMs } = charge.call;
      const isInside = admittedMs >= span.startMs && (span.endMs === null || admittedMs < span.endMs);
      return isInside && !(isSet && admittedMs < since.atMs);
    };
    const counted = this.#charges.filter(counts);
    return {
      posted: sum(counted.map(({ posted }) => posted)) + (isSet ? since.amount : 0),
      held: sum(counted.map(({ held }) => held)),
    };
  }

  /** What the call itself holds under the limit now. */
  own(call: NaiveCall, limit: Limit, nowMs: number): number {
    const { window, unit } = limit;
    const isHere = (charge: Charge): boolean =>
      charge.unit === unit &&
      sameScope(charge.scope, limit.scope) &&
      !charge.left &&
      !(window.kind === 'sliding' && unit !== 'parallel' && charge.slideMs + window.ms <= nowMs);
    return sum(
      this.#of(call)
        .filter(isHere)
        .map(({ held }) => held),
    );
  }

  #of(call: NaiveCall): Charge[] {
    return this.#charges.filter((charge) => charge.call === call);
  }
}

export const unique = (scopes: readonly Scope[]): Scope[] =>
  scopes.filter((scope, index) => scopes.findIndex((each) => sameScope(each, scope)) === index);
