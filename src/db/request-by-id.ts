/** One row of the request log, by any of its names. */
import type { ExpressionBuilder } from 'kysely';
import type { Database } from './client.ts';
import { namesOf, refOf } from './dictionary.ts';
import { fromStored } from './request-codec.ts';
import type { LedgerRow } from './request-row.ts';
import type { RequestsTable } from './request-tables.ts';
import type { DatabaseSchema } from './schema.ts';
import type { Visibility } from './visibility.ts';

type Builder = ExpressionBuilder<DatabaseSchema, 'requests'>;
type OwnerColumn = 'key_ref' | 'user_ref' | 'team_ref' | 'organization_ref';

/**
 * The newest of the visible rows that have this id, call id or answer's id, without prompts. Call ids are the clients' own:
 * several requests may share one, of several clients too.
 */
export async function requestById(db: Database, id: string, visibility: Visibility): Promise<LedgerRow | undefined> {
  const owners = visibility.all ? undefined : await ownersOf(db, visibility);
  if (owners?.length === 0) return undefined;
  const request = await db
    .selectFrom('requests')
    .selectAll()
    .where((b) => b.or([b('id', '=', id), b('call_id', '=', id), b('response_id', '=', id)]))
    .$if(owners !== undefined, (query) => query.where((b) => belongsTo(b, owners ?? [])))
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (request === undefined) return undefined;
  const details = await db
    .selectFrom('request_details')
    .selectAll()
    .where('request_id', '=', request.id)
    .executeTakeFirst();
  const names = await namesOf(db, refsIn(request));
  return fromStored({ request, details, payload: undefined }, (ref) => names.get(ref));
}

const belongsTo = (b: Builder, owners: readonly (readonly [OwnerColumn, number])[]) =>
  b.or(owners.map(([column, ref]) => b(column, '=', ref)));

/** Names that no row ever had are left out. */
async function ownersOf(
  db: Database,
  { keyHash, userId, teams, organizations }: Exclude<Visibility, { readonly all: true }>,
): Promise<(readonly [OwnerColumn, number])[]> {
  const wanted: (readonly [OwnerColumn, string | null])[] = [
    ['key_ref', keyHash],
    ['user_ref', userId],
    ...teams.map((team) => ['team_ref', team] as const),
    ...organizations.map((organization) => ['organization_ref', organization] as const),
  ];
  const found: (readonly [OwnerColumn, number])[] = [];
  for (const [column, name] of wanted) {
    const ref = name === null ? undefined : await refOf(db, name);
    if (ref !== undefined) found.push([column, ref]);
  }
  return found;
}

const refsIn = (row: RequestsTable): number[] =>
  Object.entries(row).flatMap(([column, value]) =>
    column.endsWith('_ref') && typeof value === 'number' ? [value] : [],
  );
