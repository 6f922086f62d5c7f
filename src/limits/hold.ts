/** What one call under way holds in memory, until it ends. */
import type { Scope } from '../db/usage-scopes.ts';
import { type Account, Period, type Place, SlidingCounter } from './account.ts';
import { type Books, isAmong, isSameScope, type LiveHold } from './books.ts';
import { Check, isChecked } from './check.ts';
import { askedFor } from './judgement.ts';
import type { Demand, Hold, Limit, Part, Refusal, Unit, Used } from './types.ts';

export class MemoryHold implements Hold, LiveHold {
  readonly admittedMs: number;
  attemptMs: number;
  demand: Demand;
  readonly #books: Books;
  readonly #base: Part;
  #part: Part;
  #accounts: Account[] = [];
  /** Requests that were sent under scopes the call has left since. */
  readonly #sentScopes: Scope[] = [];
  readonly #sentAccounts: Account[] = [];
  #ended = false;

  /** Takes the demand, which has been found to fit, in every scope. */
  constructor(books: Books, demand: Demand, parts: { base: Part; attempt: Part }, nowMs: number) {
    this.#books = books;
    this.#base = parts.base;
    this.#part = parts.attempt;
    this.demand = demand;
    this.admittedMs = nowMs;
    this.attemptMs = nowMs;
    const at = { booking: books.nextBooking(), nowMs };
    books.book(parts.base.scopes, this, this.#accounts, at);
    books.book(parts.attempt.scopes, this, this.#accounts, at);
    books.live.add(this);
  }

  attempt(demand: Demand, part: Part, previousWasSent: boolean): Refusal | undefined {
    if (this.#ended) return undefined;
    const nowMs = this.#books.now();
    const check = new Check(this.#books, demand, nowMs);
    for (const limits of [this.#base.limits, part.limits]) {
      for (const limit of limits) if (isChecked(limit)) this.#check(check, limit, nowMs);
    }
    if (check.refusal) return check.refusal;
    const joined = part.scopes.filter((scope) => !this.drawsOn(scope));
    this.#leave(part, previousWasSent);
    this.#swap(demand, nowMs);
    this.#part = part;
    this.#books.book(joined, this, this.#accounts, { booking: this.#books.nextBooking(), nowMs });
    check.tell();
    this.#books.gaveBack();
    return undefined;
  }

  settle(used: Used): void {
    if (this.#ended) return;
    this.#ended = true;
    const row = this.#books.recordedRows();
    const sane = { tokens: sound(used.tokens, this.demand.tokens), nanoUsd: sound(used.nanoUsd, this.demand.nanoUsd) };
    for (const account of this.#accounts) {
      const { counter } = account;
      account.settle(this.#heldIn(counter.unit), usedIn(counter.unit, sane), row);
      counter.live -= 1;
    }
    for (const account of this.#sentAccounts) {
      account.settle(1, 1, row);
      account.counter.live -= 1;
    }
    this.#books.ended(this);
    this.#announce();
  }

  release(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const account of this.#accounts) {
      account.giveBack(this.#heldIn(account.counter.unit));
      account.counter.live -= 1;
    }
    for (const account of this.#sentAccounts) {
      account.giveBack(1);
      account.counter.live -= 1;
    }
    this.#books.ended(this);
  }

  drawsOn(scope: Scope): boolean {
    return isAmong(this.#base.scopes, scope) || isAmong(this.#part.scopes, scope);
  }

  sentUnder(scope: Scope): number {
    return this.#sentScopes.filter((each) => isSameScope(each, scope)).length;
  }

  adopt(account: Account): void {
    account.take(this.#heldIn(account.counter.unit));
    account.counter.live += 1;
    this.#accounts.push(account);
  }

  adoptSent(account: Account): void {
    account.take(1);
    account.counter.live += 1;
    this.#sentAccounts.push(account);
  }

  #heldIn(unit: Unit): number {
    return askedFor(unit, this.demand) ?? 0;
  }

  /** A scope that stays is asked where the call was booked, another one where it would be. */
  #check(check: Check, limit: Limit, nowMs: number): void {
    const counter = this.#books.counterFor(limit, nowMs);
    const current = counter.at(nowMs);
    const account = this.#accounts.find((each) => each.counter === counter);
    if (!account && this.drawsOn(limit.scope)) return; // admitted before this counter's time
    const own = account && { account, amount: this.#heldIn(limit.unit) };
    const isSliding = counter instanceof SlidingCounter;
    const place = isSliding ? counter : (account ?? counter.accountFor(this.admittedMs, nowMs))?.place;
    // A window that is over and was never read: nobody can say how it stands.
    if (place && (place === current || isRead(place))) check.at(limit, place, own);
  }

  /** Gives back what is held in scopes of the attempt before that are not among those of the next one. */
  #leave(next: Part, previousWasSent: boolean): void {
    const isLeft = (scope: Scope): boolean => !isAmong(this.#base.scopes, scope) && !isAmong(next.scopes, scope);
    const left = this.#part.scopes.filter(isLeft);
    if (left.length === 0) return;
    const counters = new Set(left.flatMap((scope) => this.#books.counters.node(scope)?.counters ?? []));
    const kept: Account[] = [];
    for (const account of this.#accounts) {
      const { counter } = account;
      if (!counters.has(counter)) kept.push(account);
      else if (previousWasSent && counter.unit === 'requests') this.#sentAccounts.push(account);
      else {
        account.giveBack(this.#heldIn(counter.unit));
        counter.live -= 1;
      }
    }
    this.#accounts = kept;
    if (previousWasSent) this.#sentScopes.push(...left);
  }

  /** In scopes that stay: what slides is used from now on, what has a calendar belongs to the moment of admission. */
  #swap(demand: Demand, nowMs: number): void {
    for (const [index, account] of this.#accounts.entries()) {
      const { counter } = account;
      if (counter.unit === 'requests' || counter.unit === 'parallel') continue;
      account.giveBack(this.#heldIn(counter.unit));
      const next = counter instanceof SlidingCounter ? counter.accountFor(this.admittedMs, nowMs) : account;
      next.take(askedFor(counter.unit, demand) ?? 0);
      this.#accounts[index] = next;
    }
    this.demand = demand;
    this.attemptMs = nowMs;
  }

  #announce(): void {
    const { announcer, counters } = this.#books;
    for (const limits of [this.#base.limits, this.#part.limits]) {
      for (const limit of limits) {
        if (!announcer.watches(limit)) continue;
        const counter = counters.find(limit);
        const account = counter && this.#accounts.find((each) => each.counter === counter);
        if (account) announcer.posted(limit, account.place, this.#books.now());
      }
    }
  }
}

const isRead = (place: Place): boolean => !(place instanceof Period) || place.state === 'ready';

/** What an upstream claims is checked elsewhere; here no claim may take a total down. */
const sound = (amount: number, held: number | null): number =>
  Number.isFinite(amount) ? Math.max(0, amount) : (held ?? 0);

function usedIn(unit: Unit, { tokens, nanoUsd }: Used): number {
  if (unit === 'usd') return nanoUsd;
  if (unit === 'tokens') return tokens;
  return unit === 'requests' ? 1 : 0;
}
