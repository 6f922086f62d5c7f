/** Calls that belong together stay on one deployment while it is well, so that what a provider cached for one serves the next. */
import { LRUCache } from 'lru-cache';

const MAX_PINS = 100_000;

interface Pin {
  readonly deploymentId: string;
  readonly untilMs: number;
}

/** Pins are soft: a deployment that is not among the candidates is no choice. Names are scoped to a tenant by their maker. */
export class Affinity {
  readonly #now: () => number;
  readonly #pins = new LRUCache<string, Pin>({ max: MAX_PINS });

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The deployment that served the first of these names that is remembered. */
  find(names: readonly string[]): string | undefined {
    for (const name of names) {
      const pin = this.#pins.get(name);
      if (pin && this.#now() < pin.untilMs) return pin.deploymentId;
    }
    return undefined;
  }

  pin(names: readonly string[], deploymentId: string, ttlMs: number): void {
    for (const name of names) this.#pins.set(name, { deploymentId, untilMs: this.#now() + ttlMs });
  }
}
