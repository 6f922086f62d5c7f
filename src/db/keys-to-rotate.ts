/** Keys whose secret is to be replaced by now. */
import type { Database } from './client.ts';
import { type KeyRow, keys } from './keys.ts';
import { EVERYTHING } from './visibility.ts';

const MOST_A_ROUND = 1_000;

/** Those that have waited longest first. Blocked and expired ones have no use for a new secret. */
export async function keysToRotate(db: Database, nowMs: number): Promise<readonly KeyRow[]> {
  const { rows } = await keys.list(db, {
    visibility: EVERYTHING,
    where: [
      { column: 'auto_rotate', is: 1 },
      { column: 'rotation_interval', isNot: null },
      { column: 'blocked', is: 0 },
      { column: 'expires_at_ms', fromOrNull: nowMs + 1 },
      {
        any: [
          { column: 'key_rotation_at_ms', before: nowMs + 1 },
          { column: 'key_rotation_at_ms', is: null },
        ],
      },
    ],
    sort: { by: 'key_rotation_at_ms', order: 'asc' },
    limit: MOST_A_ROUND,
  });
  return rows;
}
