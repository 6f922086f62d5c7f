/** What is made under the id of something that was deleted begins without what that one has used. */
import { auditLog } from '../db/audit-log.ts';
import type { Database } from '../db/client.ts';
import { EVERYTHING } from '../db/visibility.ts';

/**
 * From when on usage under the id counts for limits and `spend`; `null`: all there is does, as nothing of the kind was
 * ever deleted. So who was seen before they were stored keeps what they have spent.
 * @param kind as in the audit log
 */
export async function countsFrom(db: Database, kind: string, id: string, nowMs: number): Promise<number | null> {
  const { rows } = await auditLog.list(db, {
    visibility: EVERYTHING,
    where: [
      { column: 'object_kind', is: kind },
      { column: 'object_id', is: id },
      { column: 'action', is: 'deleted' },
    ],
    limit: 1,
  });
  return rows.length > 0 ? nowMs : null;
}
