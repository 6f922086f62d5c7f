/**
 * The shape of the one limit tree: scope × unit × window. Every limit that exists, whatever its name in the management API,
 * is one `Limit`, and one store checks them all.
 *
 * A call draws on all of its scopes at once. Before it starts, its worst case is held everywhere or nowhere; when it has
 * ended, the hold is replaced by what was really used. So what is posted and what is held never pass a maximum together,
 * however many calls run at the same moment.
 */
import type { Scope } from '../db/usage-scopes.ts';

export type { Scope, ScopeKind } from '../db/usage-scopes.ts';

/**
 * What is counted, always in whole numbers: `usd` in nano-dollars, `requests` and `tokens` in pieces, `parallel` in calls
 * under way. The first three add up over a window; `parallel` is a level, given back when the call ends.
 */
export type Unit = 'usd' | 'requests' | 'tokens' | 'parallel';

/**
 * Over which time something adds up. Windows come from the clock: the current one is computed from the time and the
 * zone, so nothing has to be reset and a missed job cannot leave an old total standing.
 *
 * `calendar`: hours and shorter start on the boundary, days at midnight, weeks on Monday, months on the first.
 * `sliding`: the last `ms` milliseconds, at every instant.
 */
export type Window =
  | { readonly kind: 'lifetime' }
  | {
      readonly kind: 'calendar';
      readonly every: number;
      readonly period: 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month';
      /** IANA name, such as `Europe/Berlin`. */
      readonly timeZone: string;
    }
  | { readonly kind: 'sliding'; readonly ms: number };

export interface Limit {
  readonly scope: Scope;
  readonly unit: Unit;
  /** Without meaning for `parallel`. */
  readonly window: Window;
  /** `Infinity`: only counted, so that it can be shown. */
  readonly max: number;
  /**
   * `hard` refuses. `soft` never does: passing it raises an event once a window. `shadow` counts and reports what it would
   * have refused, and refuses nothing.
   */
  readonly strength: 'hard' | 'soft' | 'shadow';
  /** An admin set the total by hand: it was `amount` at `atMs`, and only what came later is added. */
  readonly since?: { readonly atMs: number; readonly amount: number };
}

/** What one attempt may use at most. It always asks for one request and one parallel slot besides. */
export interface Demand {
  readonly tokens: number;
  /** `null`: the price is unknown, which is not zero. A hard `usd` limit on any of the scopes then refuses. */
  readonly nanoUsd: number | null;
}

/** Scopes that a call draws on, and the limits that stand on them. A scope without a limit is still posted to. */
export interface Part {
  readonly scopes: readonly Scope[];
  readonly limits: readonly Limit[];
}

export interface Used {
  readonly tokens: number;
  readonly nanoUsd: number;
}

/** Held amounts of one call. Ending it twice is harmless: the first end counts. */
export interface Hold {
  /**
   * Another attempt: replaces the demand in every scope, and the attempt's own scopes (model, deployment, provider) by
   * these. Scopes that stay keep their one request and slot. All or nothing: refused, the hold stays as it was.
   * @param previousWasSent the upstream saw the attempt before: its requests stay counted in scopes that are left
   */
  attempt(demand: Demand, part: Part, previousWasSent: boolean): Refusal | undefined;
  /** Replaces what was held by what was used, also where that is more, in the windows of the moment it was admitted. */
  settle(used: Used): void;
  /** Gives everything back, the request too: no upstream was asked. */
  release(): void;
  /** What is held now, in nano-dollars and tokens. */
  readonly demand: Demand;
  /** Epoch milliseconds: its windows are those of this moment. */
  readonly admittedMs: number;
}

/** How much of a limit is gone. `held` belongs to calls that are still under way. */
export interface Standing {
  readonly limit: Limit;
  readonly posted: number;
  readonly held: number;
  /** Epoch milliseconds: end of the window; for a sliding one when its oldest part leaves; `null` for no end. */
  readonly resetsAtMs: number | null;
}

export interface Refusal {
  readonly standing: Standing;
  /** `too_large`: this demand alone is more than the limit. `unpriced`: the price is unknown and the limit is about money. */
  readonly reason: 'over' | 'too_large' | 'unpriced';
  /** How much was asked for, in the limit's unit. */
  readonly asked: number;
  /** From then on the same demand passes if nobody else comes: epoch milliseconds. `null`: time alone does not clear it. */
  readonly clearsAtMs: number | null;
  /** It would fit once calls under way have ended and given back what they hold. */
  readonly onlyHeld: boolean;
}

export const isRefusal = (value: Hold | Refusal): value is Refusal => 'reason' in value;

/** Once a window each. */
export interface LimitEvent {
  readonly kind: 'soft_limit_passed' | 'threshold_passed' | 'shadow_refusal';
  readonly standing: Standing;
  /** Share of the maximum that was passed, such as 0.8, for a threshold. */
  readonly threshold?: number;
}

/** Where limits are kept: memory for one process, a shared store for several. */
export interface LimitTree {
  /** `undefined` when everything these limits count is in memory. Rejects when the past cannot be read. */
  load(limits: readonly Limit[]): Promise<void> | undefined;
  /**
   * Checks every hard limit of both parts before it takes from any: `posted + held + demand ≤ max` in all of them, or
   * nothing changes. The refusal told is the one that clears last.
   */
  reserve(demand: Demand, base: Part, attempt: Part): Hold | Refusal;
  /** How the limits stand now; counters that are not in memory are left out. */
  standing(limits: readonly Limit[]): readonly Standing[];
  /** Resolves when a hold has ended, or given something back for another attempt, after this call. */
  freed(): Promise<void>;
}
