/** Reading your own writes, without waiting for a database that takes none. */
import type { Ledger } from '../ledger/ledger.ts';

const LONGEST_WAIT_MS = 2_000;

/**
 * Waits until every request answered so far is in the database, but not for long: while the database takes no rows they
 * stay in the journal, and old rows are better than no answer. Resolves to the number of rows that are not there yet.
 */
export async function caughtUp(ledger: Pick<Ledger, 'flush' | 'pending'>, waitMs = LONGEST_WAIT_MS): Promise<number> {
  if (ledger.pending() === 0) return 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), waitMs);
  });
  try {
    const isLate = await Promise.race([late, ledger.flush()]);
    return isLate === true ? ledger.pending() : 0;
  } finally {
    clearTimeout(timer);
  }
}
