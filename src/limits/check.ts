/** Whether a demand fits under limits: nothing is taken here. */
import { GatewayError } from '../errors.ts';
import { Period, type Place } from './account.ts';
import type { Books } from './books.ts';
import { askedFor, judge, laterOf, type Own } from './judgement.ts';
import type { Demand, Limit, Refusal } from './types.ts';

/** One demand at one moment, asked of limit after limit. */
export class Check {
  /** The hard one that clears last. */
  refusal: Refusal | undefined;
  readonly #books: Books;
  readonly #demand: Demand;
  readonly #nowMs: number;
  #softened: { limit: Limit; place: Place }[] | undefined;

  constructor(books: Books, demand: Demand, nowMs: number) {
    this.#books = books;
    this.#demand = demand;
    this.#nowMs = nowMs;
  }

  /** Under limits as they stand now. */
  all(limits: readonly Limit[]): void {
    for (const limit of limits) {
      if (isChecked(limit)) this.at(limit, this.#books.counterFor(limit, this.#nowMs).at(this.#nowMs));
    }
  }

  /** @param own what the call holds there already */
  at(limit: Limit, place: Place, own?: Own): void {
    if (place instanceof Period && place.state !== 'ready') {
      if (limit.strength === 'hard') throw notLoaded();
      return;
    }
    const refusal = judge(limit, place, askedFor(limit.unit, this.#demand), own);
    if (refusal === undefined) return;
    if (limit.strength === 'hard') this.refusal = laterOf(this.refusal, refusal);
    else {
      this.#softened ??= [];
      this.#softened.push({ limit, place });
    }
  }

  /** Tells what limits that refuse nothing have seen, once the demand is taken. */
  tell(): void {
    for (const { limit, place } of this.#softened ?? []) {
      if (limit.strength === 'shadow') this.#books.announcer.wouldRefuse(limit, place, this.#nowMs);
      else this.#books.announcer.levelPassed(limit, place, this.#nowMs);
    }
  }
}

/** What only counts is not checked; a soft limit is looked at when something is posted, but a level is never posted. */
export const isChecked = ({ max, strength, unit }: Limit): boolean =>
  max !== Number.POSITIVE_INFINITY && (strength !== 'soft' || unit === 'parallel');

const notLoaded = (): GatewayError =>
  new GatewayError('unavailable', 'The usage under one of the limits of this request is not known yet. Try again.');
