/** What a counter begins with: what its scope has used so far, and exactly which rows are in that number. */
import type { Database } from '../db/client.ts';
import { isOutage } from '../db/outage.ts';
import { type ScopeUsage, usageSince } from '../db/scope-usage.ts';
import type { Scope } from '../db/usage-scopes.ts';
import { GatewayError } from '../errors.ts';
import { nextTurn } from '../lib/next-turn.ts';
import type { Ledger } from './ledger.ts';

export interface Seeded {
  /** Nano-dollars for `usd`, else pieces. */
  readonly amount: number;
  /** The amount contains exactly the first so many of the rows that this process's ledger has recorded. */
  readonly storedRows: number;
}

/**
 * @param sinceMs epoch milliseconds of a request's start; 0 or less: since the first request
 * @throws GatewayError `unavailable` when the database does not answer in time
 */
export type Seed = (scope: Scope, unit: 'usd' | 'requests' | 'tokens', sinceMs: number) => Promise<Seeded>;

export interface SeedOptions {
  readonly db: Database;
  readonly ledger: Pick<Ledger, 'flush' | 'storedRows'>;
  readonly timeoutMs: number;
}

export function createSeed({ db, ledger, timeoutMs }: SeedOptions): Seed {
  let flushing: Promise<void> | undefined;

  /** Of those who ask in the same turn the first flushes for all: what was recorded by then is in their sums. */
  function flushed(): Promise<void> {
    if (flushing !== undefined) return flushing;
    const started = ledger.flush();
    const forget = (): void => {
      if (flushing === started) flushing = undefined;
    };
    flushing = started;
    setImmediate(forget);
    started.then(forget, forget);
    return started;
  }

  async function usageAndRows(scope: Scope, sinceMs: number | null, late: AbortSignal): Promise<[ScopeUsage, number]> {
    await flushed();
    while (!late.aborted) {
      const before = ledger.storedRows();
      if (before !== undefined) {
        const usage = await usageSince(db, scope, sinceMs);
        if (ledger.storedRows() === before) return [usage, before];
      }
      await nextTurn();
    }
    throw unanswered();
  }

  return async (scope, unit, sinceMs) => {
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const [usage, storedRows] = await Promise.race([
        usageAndRows(scope, sinceMs > 0 ? sinceMs : null, late),
        rejectedBy(late),
      ]);
      return { amount: amountOf(usage, unit), storedRows };
    } catch (error) {
      throw isOutage(error) ? unanswered(error) : error;
    }
  };
}

function rejectedBy(late: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  late.addEventListener('abort', () => reject(unanswered()));
  return promise;
}

function amountOf(usage: ScopeUsage, unit: 'usd' | 'requests' | 'tokens'): number {
  return unit === 'usd' ? usage.costNanoUsd : usage[unit];
}

function unanswered(cause?: unknown): GatewayError {
  return new GatewayError('unavailable', 'The database does not answer, so what was used before is not known', {
    code: 'no_db_connection',
    retryAfterMs: 1_000,
    cause,
  });
}
