/**
 * Requests that count in all totals although their rows are not kept (`disable_spend_logs`). What is left of them stays for
 * a while: a batch that is repeated after a crash must not count twice, and a total of the last minutes is not made of
 * whole quarter hours.
 */
import { sql } from 'kysely';
import type { Database } from './client.ts';

/** Both have the columns of `RequestsTable`. */
export const REQUEST_TABLES = ['requests', 'counted_requests'] as const;

export type RequestTable = (typeof REQUEST_TABLES)[number];

/** Those that ended before (epoch milliseconds). Their totals stay. */
export async function forgetCounted(db: Database, endedBeforeMs: number): Promise<void> {
  await db
    .deleteFrom('counted_requests')
    .where(sql<number>`started_at_ms + duration_us / 1000`, '<', Math.floor(endedBeforeMs))
    .execute();
}
