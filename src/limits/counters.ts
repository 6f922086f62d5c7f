/** All counters in memory, by scope, unit and window. Bounded: what nobody has used for longest leaves first. */
import type { Scope, ScopeKind } from '../db/usage-scopes.ts';
import { type Counter, PeriodCounter, SlidingCounter } from './account.ts';
import type { Limit, Window } from './types.ts';
import { WindowClock } from './window.ts';

/** One scope that something is counted for. Also an entry of the list of last use. */
export interface ScopeNode {
  readonly kind: ScopeKind;
  readonly id: string;
  readonly counters: Counter[];
  /** Serial of the last booking, so that a scope named twice is booked once. */
  booking: number;
  newer: ScopeNode | undefined;
  older: ScopeNode | undefined;
}

const LIFETIME: Window = { kind: 'lifetime' };

/** How many old scopes are looked at for one that may leave, each time that a counter is made. */
const LOOKS = 64;

export class Counters {
  readonly #byKind = new Map<ScopeKind, Map<string, ScopeNode>>();
  readonly #clocks = new Map<string, WindowClock>();
  readonly #max: number;
  #count = 0;
  #newest: ScopeNode | undefined;
  #oldest: ScopeNode | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#count;
  }

  node(scope: Scope): ScopeNode | undefined {
    return this.#byKind.get(scope.kind)?.get(scope.id);
  }

  find(limit: Limit): Counter | undefined {
    const node = this.node(limit.scope);
    return node && counterOf(node, limit);
  }

  /** Makes the counter of a limit, which must not be there yet. */
  create(limit: Limit, nowMs: number): Counter {
    const node = this.#nodeFor(limit.scope);
    const counter = this.#newCounter(limit, nowMs);
    node.counters.push(counter);
    this.#count += 1;
    this.touch(node);
    return counter;
  }

  touch(node: ScopeNode): void {
    if (this.#newest === node) return;
    this.#unlink(node);
    node.older = this.#newest;
    if (this.#newest) this.#newest.newer = node;
    this.#newest = node;
    this.#oldest ??= node;
  }

  #newCounter({ unit, window, since }: Limit, nowMs: number): Counter {
    if (unit === 'parallel') return new PeriodCounter(unit, this.#clockOf(LIFETIME), 0, nowMs);
    if (window.kind === 'sliding') return new SlidingCounter(unit, window);
    return new PeriodCounter(unit, this.#clockOf(window), since?.atMs ?? 0, nowMs);
  }

  #clockOf(window: Window): WindowClock {
    const key = window.kind === 'calendar' ? `${window.every} ${window.period} ${window.timeZone}` : window.kind;
    const known = this.#clocks.get(key);
    if (known) return known;
    const clock = new WindowClock(window);
    this.#clocks.set(key, clock);
    return clock;
  }

  #nodeFor({ kind, id }: Scope): ScopeNode {
    let ofKind = this.#byKind.get(kind);
    if (!ofKind) {
      ofKind = new Map();
      this.#byKind.set(kind, ofKind);
    }
    const known = ofKind.get(id);
    if (known) return known;
    const node: ScopeNode = { kind, id, counters: [], booking: 0, newer: undefined, older: undefined };
    ofKind.set(id, node);
    return node;
  }

  #unlink(node: ScopeNode): void {
    if (node.older) node.older.newer = node.newer;
    if (node.newer) node.newer.older = node.older;
    if (this.#newest === node) this.#newest = node.older;
    if (this.#oldest === node) this.#oldest = node.newer;
    node.older = undefined;
    node.newer = undefined;
  }

  /**
   * Lets idle scopes go while there are too many counters. Those in use go to the other end of the list, so that the
   * next look meets others. Not while a call is being checked: what was looked at must still be there when it is booked.
   */
  shrink(nowMs: number): void {
    const newest = this.#newest;
    for (let look = 0; look < LOOKS && this.#count > this.#max; look++) {
      const node = this.#oldest;
      if (!node || node === newest) return;
      if (!node.counters.every((counter) => counter.isIdle(nowMs))) {
        this.touch(node);
        continue;
      }
      this.#unlink(node);
      this.#byKind.get(node.kind)?.delete(node.id);
      this.#count -= node.counters.length;
    }
  }
}

/** The counter of a limit among those of its scope. */
export function counterOf(node: ScopeNode, { unit, window, since }: Limit): Counter | undefined {
  const sinceMs = since?.atMs ?? 0;
  for (const counter of node.counters) {
    if (counter.unit !== unit) continue;
    if (unit === 'parallel') return counter;
    if (!isSameWindow(counter.window, window)) continue;
    if (window.kind === 'sliding' || counter.sinceMs === sinceMs) return counter;
  }
  return undefined;
}

function isSameWindow(one: Window, other: Window): boolean {
  if (one === other) return true;
  if (one.kind === 'calendar' && other.kind === 'calendar') {
    return one.every === other.every && one.period === other.period && one.timeZone === other.timeZone;
  }
  if (one.kind === 'sliding' && other.kind === 'sliding') return one.ms === other.ms;
  return one.kind === other.kind;
}
