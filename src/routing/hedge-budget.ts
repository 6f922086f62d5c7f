/** How many extra calls hedging may make: a share of what its group was asked in the last minute. */
import { Recent } from './load.ts';

const SHARE = 0.05;
/** What a quiet group may have, too. */
const BURST = 1;

/** Keyed by model group: only those that the configuration names come here. */
export class HedgeBudget {
  readonly #now: () => number;
  readonly #groups = new Map<string, { readonly calls: Recent; readonly extra: Recent }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The group was asked. */
  called(group: string): void {
    this.#of(group).calls.add(this.#now(), 1, 0);
  }

  mayHedge(group: string): boolean {
    const nowMs = this.#now();
    const { calls, extra } = this.#of(group);
    const allowed = Math.max(BURST, Math.floor(calls.sums(nowMs).requests * SHARE));
    return extra.sums(nowMs).requests < allowed;
  }

  /** An extra call was made. */
  hedged(group: string): void {
    this.#of(group).extra.add(this.#now(), 1, 0);
  }

  #of(group: string): { readonly calls: Recent; readonly extra: Recent } {
    const known = this.#groups.get(group);
    if (known) return known;
    const fresh = { calls: new Recent(), extra: new Recent() };
    this.#groups.set(group, fresh);
    return fresh;
  }
}
