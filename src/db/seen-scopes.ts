/** Names that requests were counted for, whether or not anybody has stored anything under them. */
import { sql } from 'kysely';
import type { Database } from './client.ts';
import { SCOPE_KINDS, type ScopeKind } from './usage-scopes.ts';
import { LIFETIME } from './usage-tables.ts';

/** A part of a text in any case; `%` and `_` stand for themselves. */
const likePart = (part: string): string => `%${part.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;

/** Of end users or of tags, in order of the name. @param part of the name, in any case */
export async function seenNames(
  db: Database,
  kind: Extract<ScopeKind, 'end_user' | 'tag'>,
  limit: number,
  part = '',
): Promise<string[]> {
  let query = db
    .selectFrom('scope_usage')
    .innerJoin('names', 'names.id', 'scope_usage.ref')
    .select('names.name')
    .where('scope_usage.kind', '=', SCOPE_KINDS.indexOf(kind))
    .where('scope_usage.quarter', '=', LIFETIME);
  if (part !== '') query = query.where(sql<boolean>`lower(names.name) like ${likePart(part)} escape '\\'`);
  const rows = await query.orderBy('names.name').limit(limit).execute();
  return rows.map(({ name }) => name);
}

export async function isSeen(
  db: Database,
  kind: Extract<ScopeKind, 'end_user' | 'tag'>,
  name: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('scope_usage')
    .innerJoin('names', 'names.id', 'scope_usage.ref')
    .select('names.name')
    .where('names.name', '=', name)
    .where('scope_usage.kind', '=', SCOPE_KINDS.indexOf(kind))
    .where('scope_usage.quarter', '=', LIFETIME)
    .executeTakeFirst();
  return row !== undefined;
}
