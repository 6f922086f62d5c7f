/** Tells what limits that refuse nothing have seen, and how far budgets have gone: once a window each. */
import { Period, type Place } from './account.ts';
import { postedOf, standingOf } from './judgement.ts';
import type { Limit, LimitEvent } from './types.ts';

/** As LiteLLM's alerts: 15 % and 5 % left. */
const DEFAULT_THRESHOLDS = [0.85, 0.95];

/** A level has no window: passing it is told again after this time. */
const LEVEL_QUIET_MS = 60_000;

export class Announcer {
  readonly #onEvent: (event: LimitEvent) => void;
  readonly #thresholds: readonly number[];

  constructor(onEvent: (event: LimitEvent) => void, thresholds: readonly number[] = DEFAULT_THRESHOLDS) {
    this.#onEvent = onEvent;
    this.#thresholds = thresholds;
  }

  /** Whether anything may ever be told of what is posted under the limit. */
  watches({ strength, unit, max }: Limit): boolean {
    if (max === Number.POSITIVE_INFINITY || unit === 'parallel') return false;
    return strength === 'soft' || (strength === 'hard' && unit === 'usd' && this.#thresholds.length > 0);
  }

  /** Something was posted there. */
  posted(limit: Limit, place: Place, nowMs: number): void {
    if (limit.strength === 'soft') {
      if (this.#reached(limit, place, limit.max)) this.#tell({ kind: 'soft_limit_passed' }, limit, place, nowMs);
      return;
    }
    for (const threshold of this.#thresholds) {
      if (!this.#reached(limit, place, limit.max * threshold)) continue;
      this.#tell({ kind: 'threshold_passed', threshold }, limit, place, nowMs);
    }
  }

  /** A soft maximum of parallel calls is passed. */
  levelPassed(limit: Limit, place: Place, nowMs: number): void {
    this.#tell({ kind: 'soft_limit_passed' }, limit, place, nowMs);
  }

  wouldRefuse(limit: Limit, place: Place, nowMs: number): void {
    this.#tell({ kind: 'shadow_refusal' }, limit, place, nowMs);
  }

  /** What was reached when the counter was loaded has been told by whoever counted then. */
  #reached(limit: Limit, place: Place, mark: number): boolean {
    const posted = postedOf(limit, place);
    if (posted < mark) return false;
    const before = place instanceof Period ? posted - place.posted + place.loaded : 0;
    return before < mark;
  }

  #tell(event: Omit<LimitEvent, 'standing'>, limit: Limit, place: Place, nowMs: number): void {
    place.told ??= new Map();
    const key = `${event.kind} ${event.threshold ?? ''} ${limit.max}`;
    const toldMs = place.told.get(key);
    if (toldMs !== undefined && nowMs - toldMs < quietMs(limit, place)) return;
    place.told.set(key, nowMs);
    this.#onEvent({ ...event, standing: standingOf(limit, place) });
  }
}

function quietMs(limit: Limit, place: Place): number {
  if (limit.unit === 'parallel') return LEVEL_QUIET_MS;
  return place instanceof Period ? Number.POSITIVE_INFINITY : place.ms;
}
