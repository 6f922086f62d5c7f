/** Setting what keys and teams have spent to nothing: their rows in the request log stay as they are. */
import type { Database } from './client.ts';

export interface ResetCounts {
  readonly keys: number;
  readonly teams: number;
}

/** Of all keys and teams, from `nowMs` on. Call it in the transaction of its audit row. */
export async function resetAllSpend(db: Database, nowMs: number): Promise<ResetCounts> {
  const columns = { spend_set_nano_usd: 0, spend_set_at_ms: nowMs };
  const keys = await db.updateTable('keys').set(columns).executeTakeFirst();
  const teams = await db.updateTable('teams').set(columns).executeTakeFirst();
  return { keys: Number(keys.numUpdatedRows), teams: Number(teams.numUpdatedRows) };
}
