/** Every admin write is one transaction with its audit row: when one of them fails, neither has happened. */
import type { Caller } from '../auth/authenticate.ts';
import type { Access } from '../auth/principal.ts';
import { appendAudit } from '../db/audit-log.ts';
import type { Database } from '../db/client.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AdminContext } from './context.ts';

/** What was done to what. `before` and `after` are views, which hold no secret. */
export interface AuditNote {
  readonly action:
    | 'created'
    | 'updated'
    | 'deleted'
    | 'blocked'
    | 'unblocked'
    | 'regenerated'
    | 'reset'
    | 'rotated'
    | 'viewed';
  /** `key`, `team`, `team_member`, `model` … */
  readonly kind: string;
  readonly id: string;
  readonly before?: object | null;
  readonly after?: object | null;
  readonly teamId?: string | null;
  readonly organizationId?: string | null;
}

/** Who writes: what a handler is given has it. */
export interface Author {
  readonly access: Access;
  readonly changedBy: string | null;
}

export type Note = (note: AuditNote) => void;

/** What a part of an audited change is given. */
export interface Writing {
  readonly context: AdminContext;
  readonly db: Database;
  readonly note: Note;
  readonly author: Author;
}

/** Runs `change` in a transaction; what it notes is stored with it. */
export function audited<Result>(
  { db, now }: Pick<AdminContext, 'db' | 'now'>,
  author: Author,
  change: (db: Database, note: Note) => Promise<Result>,
): Promise<Result> {
  const { caller, principal } = author.access;
  return inTransaction(db, async (transaction) => {
    const notes: AuditNote[] = [];
    const result = await change(transaction, (note) => notes.push(note));
    for (const note of notes) {
      await appendAudit(transaction, {
        at_ms: Math.round(now()),
        actor_key: caller.keyHash,
        actor_user: caller.userId,
        actor_role: principal.roles.at(-1) ?? 'key',
        action: note.action,
        object_kind: note.kind,
        object_id: note.id,
        organization_id: note.organizationId ?? null,
        team_id: note.teamId ?? null,
        before_values: jsonOf(note.before),
        after_values: jsonOf(note.after),
        changed_by: author.changedBy,
        call_id: null,
      });
    }
    return result;
  });
}

const jsonOf = (view: object | null | undefined): string | null => (view == null ? null : JSON.stringify(view));

/** Who is noted as having made or changed something. */
export const authorOf = (caller: Caller): string => caller.userId ?? caller.keyAlias ?? caller.keyName ?? 'key';
