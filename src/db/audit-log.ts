/**
 * What admins did, append-only and chained: every row holds a hash over itself and the hash of the row before it. Whoever
 * changes a row, takes one out or puts one in would have to write all later ones anew, and who knows a later hash sees that.
 */
import { createHash } from 'node:crypto';
import type { Database } from './client.ts';
import { type EntityTable, entityTable } from './entity-table.ts';
import type { AuditLogTable } from './entity-tables.ts';
import { inTransaction } from './transaction.ts';

export type AuditRow = AuditLogTable;
export type AuditEntry = Omit<AuditRow, 'id' | 'previous_hash' | 'hash'>;

export const auditLog: Pick<EntityTable<AuditRow>, 'find' | 'list' | 'rows' | 'count'> = entityTable<AuditRow>({
  table: 'audit_log',
  key: ['id'],
  owner: { organization: 'organization_id', team: 'team_id' },
  sort: { by: 'id', order: 'desc' },
});

const FIRST_PREVIOUS = '0'.repeat(64);

/** The columns that the hash covers, in this order for ever. */
const COVERED = [
  ...(['id', 'at_ms', 'actor_key', 'actor_user', 'actor_role', 'action', 'object_kind', 'object_id'] as const),
  ...([
    'organization_id',
    'team_id',
    'before_values',
    'after_values',
    'changed_by',
    'call_id',
    'previous_hash',
  ] as const),
];

/** Over the texts as the database keeps them, which is in UTF-8. */
function hashOf(row: Omit<AuditRow, 'hash'>): string {
  const values = COVERED.map((column) => (row[column] === null ? null : String(row[column]).toWellFormed()));
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}

/** Call it in the transaction of the change that it tells of: when it fails, the change must not happen. */
export function appendAudit(transaction: Database, entry: AuditEntry): Promise<AuditRow> {
  return inTransaction(transaction, async (db) => {
    const last = await db
      .selectFrom('audit_log')
      .select(['id', 'hash'])
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    const open = { ...entry, id: Number(last?.id ?? 0) + 1, previous_hash: last?.hash ?? FIRST_PREVIOUS };
    const row = { ...open, hash: hashOf(open) };
    await db.insertInto('audit_log').values(row).execute();
    return row;
  });
}

export type AuditCheck =
  | { readonly intact: true; readonly rows: number; readonly lastHash: string }
  /** The first row that does not fit, which may be the one after a row that was taken out. */
  | { readonly intact: false; readonly brokenAtId: number; readonly reason: string };

const ROWS_A_QUERY = 500;

/** @param known an id and its hash as they were noted elsewhere: shows also that the end was cut off or all was rewritten */
export async function verifyAudit(
  db: Database,
  known?: { readonly id: number; readonly hash: string },
): Promise<AuditCheck> {
  let lastId = 0;
  let lastHash = FIRST_PREVIOUS;
  for await (const row of inOrder(db)) {
    const reason =
      faultOf(row, lastId, lastHash) ?? (Number(row.id) === known?.id ? faultOfKnown(row, known.hash) : undefined);
    if (reason !== undefined) return { intact: false, brokenAtId: Number(row.id), reason };
    lastId = Number(row.id);
    lastHash = row.hash;
  }
  if (known !== undefined && lastId < known.id) {
    return {
      intact: false,
      brokenAtId: known.id,
      reason: `The log ends at row ${lastId}, and row ${known.id} was there.`,
    };
  }
  return { intact: true, rows: lastId, lastHash };
}

async function* inOrder(db: Database): AsyncGenerator<AuditRow> {
  let rows: AuditRow[] = [];
  do {
    const afterId = rows.at(-1)?.id ?? 0;
    rows = await db
      .selectFrom('audit_log')
      .selectAll()
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(ROWS_A_QUERY)
      .execute();
    yield* rows;
  } while (rows.length === ROWS_A_QUERY);
}

function faultOf(row: AuditRow, lastId: number, lastHash: string): string | undefined {
  if (Number(row.id) !== lastId + 1) return `Row ${lastId + 1} is missing.`;
  if (row.previous_hash !== lastHash) return 'The row does not follow on the one before it.';
  return row.hash === hashOf(row) ? undefined : 'The row was changed after it was written.';
}

const faultOfKnown = (row: AuditRow, hash: string): string | undefined =>
  row.hash === hash ? undefined : 'The row is another one than was noted.';
