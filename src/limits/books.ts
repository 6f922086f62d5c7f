/** What the tree and its holds share: the counters, the calls under way, and who waits for one to end. */
import type { Scope } from '../db/usage-scopes.ts';
import { type Account, type Counter, PeriodCounter } from './account.ts';
import type { Announcer } from './announcer.ts';
import { type Counters, counterOf } from './counters.ts';
import { askedFor } from './judgement.ts';
import type { Demand, Limit } from './types.ts';

/** A call under way, as a counter that is made meanwhile has to know it. */
export interface LiveHold {
  readonly admittedMs: number;
  /** When its last attempt was taken: what slides counts from then. */
  readonly attemptMs: number;
  readonly demand: Demand;
  drawsOn(scope: Scope): boolean;
  /** Attempts that were sent under a scope the call has left since. */
  sentUnder(scope: Scope): number;
  adopt(account: Account): void;
  adoptSent(account: Account): void;
}

/** Calls of an earlier process that still count in what slides. */
export interface Replay {
  /** From then on no sliding window reaches back to them. */
  readonly untilMs: number;
  readonly entries: readonly ReplayEntry[];
}

/** One call. */
export interface ReplayEntry {
  readonly atMs: number;
  readonly scopes: readonly Scope[];
  readonly tokens: number;
}

interface Booking {
  readonly atMs: number;
  book(account: Account): void;
}

export interface BooksOptions {
  readonly now: () => number;
  readonly recordedRows: () => number;
  readonly counters: Counters;
  readonly announcer: Announcer;
  readonly replay: Replay | undefined;
}

export class Books {
  readonly counters: Counters;
  readonly announcer: Announcer;
  readonly recordedRows: () => number;
  readonly live = new Set<LiveHold>();
  readonly #now: () => number;
  readonly #replayUntilMs: number;
  readonly #replay: Map<string, ReplayEntry[]>;
  #latestMs = 0;
  #booking = 0;
  #freed: PromiseWithResolvers<void> | undefined;

  constructor(options: BooksOptions) {
    this.counters = options.counters;
    this.announcer = options.announcer;
    this.recordedRows = options.recordedRows;
    this.#now = options.now;
    this.#replayUntilMs = options.replay?.untilMs ?? 0;
    this.#replay = byScope(options.replay?.entries ?? []);
  }

  /** Never goes back: a window that is over stays over. */
  now(): number {
    this.#latestMs = Math.max(this.#latestMs, this.#now());
    return this.#latestMs;
  }

  /** The counter of a limit; calls under way are held in a new one too. */
  counterFor(limit: Limit, nowMs: number): Counter {
    const node = this.counters.node(limit.scope);
    const known = node && counterOf(node, limit);
    if (known) {
      this.counters.touch(node);
      return known;
    }
    const counter = this.counters.create(limit, nowMs);
    this.#catchUp(counter, limit.scope, nowMs);
    return counter;
  }

  /** A number for one booking, to know what it has touched. */
  nextBooking(): number {
    this.#booking += 1;
    return this.#booking;
  }

  /** Books a demand into every counter of the scopes, each scope once, and adds the accounts to `accounts`. */
  book(scopes: readonly Scope[], hold: LiveHold, accounts: Account[], at: { booking: number; nowMs: number }): void {
    for (const scope of scopes) {
      const node = this.counters.node(scope);
      if (node === undefined || node.booking === at.booking) continue;
      node.booking = at.booking;
      this.counters.touch(node);
      for (const counter of node.counters) {
        const account = counter.accountFor(hold.admittedMs, at.nowMs);
        if (account === undefined) continue;
        account.take(askedFor(counter.unit, hold.demand) ?? 0);
        counter.live += 1;
        accounts.push(account);
      }
    }
  }

  ended(hold: LiveHold): void {
    this.live.delete(hold);
    this.gaveBack();
  }

  gaveBack(): void {
    this.#freed?.resolve();
    this.#freed = undefined;
  }

  freed(): Promise<void> {
    this.#freed ??= Promise.withResolvers();
    return this.#freed.promise;
  }

  #catchUp(counter: Counter, scope: Scope, nowMs: number): void {
    const bookings = this.#bookingsOf(counter, scope);
    if (counter instanceof PeriodCounter) {
      for (const { atMs, book } of bookings) {
        const account = counter.accountFor(atMs, nowMs);
        if (account) book(account);
      }
      return;
    }
    const earlier = this.#replayed(counter, scope, nowMs);
    for (const { atMs, book } of [...earlier, ...bookings].sort((one, other) => one.atMs - other.atMs)) {
      if (atMs + counter.ms > nowMs) book(counter.entryAt(atMs));
    }
  }

  #bookingsOf(counter: Counter, scope: Scope): Booking[] {
    const bookings: Booking[] = [];
    for (const hold of this.live) {
      const atMs = counter instanceof PeriodCounter ? hold.admittedMs : hold.attemptMs;
      if (hold.drawsOn(scope)) bookings.push({ atMs, book: (account) => hold.adopt(account) });
      if (counter.unit !== 'requests') continue;
      for (let sent = hold.sentUnder(scope); sent > 0; sent--) {
        bookings.push({ atMs, book: (account) => hold.adoptSent(account) });
      }
    }
    return bookings;
  }

  #replayed({ unit }: Counter, scope: Scope, nowMs: number): Booking[] {
    if (nowMs >= this.#replayUntilMs) this.#replay.clear();
    if (unit === 'usd') return [];
    return (this.#replay.get(nameOf(scope)) ?? []).map(({ atMs, tokens }) => ({
      atMs: Math.min(atMs, nowMs),
      book: (account) => account.settle(0, unit === 'tokens' ? tokens : 1, 0),
    }));
  }
}

const nameOf = ({ kind, id }: Scope): string => `${kind} ${id}`;

function byScope(entries: readonly ReplayEntry[]): Map<string, ReplayEntry[]> {
  const found = new Map<string, ReplayEntry[]>();
  for (const entry of entries) {
    for (const name of new Set(entry.scopes.map(nameOf))) {
      const mine = found.get(name);
      if (mine) mine.push(entry);
      else found.set(name, [entry]);
    }
  }
  return found;
}

export const isSameScope = (one: Scope, other: Scope): boolean => one.id === other.id && one.kind === other.kind;

export const isAmong = (scopes: readonly Scope[], scope: Scope): boolean =>
  scopes.some((each) => isSameScope(each, scope));
