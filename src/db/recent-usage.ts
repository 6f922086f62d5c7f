/** Who used what a moment ago, for rates that begin anew. */
import { sql } from 'kysely';
import type { Database } from './client.ts';
import type { RequestTable } from './counted-requests.ts';
import { namesOf } from './dictionary.ts';
import { IS_CONSUMING } from './scope-usage.ts';
import { rateScopes, type Scope } from './usage-scopes.ts';
import { RATE_TOKEN_SUMS } from './usage-tables.ts';

export interface RecentRequest {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly scopes: readonly Scope[];
  readonly tokens: number;
}

/** Requests that started at `sinceMs` or later and used anything, oldest first: for counters that begin anew. */
export async function recentUsage(db: Database, sinceMs: number): Promise<RecentRequest[]> {
  const rows = (await recentRows(db, 'requests', sinceMs))
    .concat(await recentRows(db, 'counted_requests', sinceMs))
    .sort((one, other) => Number(one.started_at_ms) - Number(other.started_at_ms));
  const tags = await tagsOf(db, new Set(rows.flatMap((row) => row.tags_ref ?? [])));
  const refs = rows.flatMap((row) =>
    Object.entries(row).flatMap(([column, ref]) => (isRef(column) ? (ref ?? []) : [])),
  );
  const names = await namesOf(db, refs);
  const name = (ref: number | null): string | null => (ref === null ? null : (names.get(ref) ?? null));
  return rows.map((row) => {
    const owners = {
      keyHash: name(row.key_ref),
      teamId: name(row.team_ref),
      userId: name(row.user_ref),
      organizationId: name(row.organization_ref),
      projectId: name(row.project_ref),
      endUser: name(row.end_user_ref),
      tags: tags.get(row.tags_ref ?? 0) ?? [],
    };
    const served = {
      modelGroup: name(row.model_group_ref) ?? '',
      deploymentId: name(row.deployment_ref),
      provider: name(row.provider_ref),
      route: name(row.route_ref) ?? '',
    };
    return {
      atMs: Number(row.started_at_ms),
      scopes: rateScopes(owners, served),
      tokens: RATE_TOKEN_SUMS.reduce((total, column) => total + Number(row[column] ?? 0), 0),
    };
  });
}

const recentRows = (db: Database, table: RequestTable, sinceMs: number) =>
  db
    .selectFrom(`${table} as r`)
    .select(['started_at_ms', 'key_ref', 'team_ref', 'user_ref', 'organization_ref', 'project_ref', 'end_user_ref'])
    .select(['tags_ref', 'model_group_ref', 'deployment_ref', 'provider_ref', 'route_ref', ...RATE_TOKEN_SUMS])
    .where('started_at_ms', '>=', sinceMs)
    .where(sql<boolean>`${IS_CONSUMING}`)
    .execute();

const isRef = (column: string): boolean => column.endsWith('_ref');

/** The tags of each list, by the list's number. */
async function tagsOf(db: Database, lists: ReadonlySet<number>): Promise<ReadonlyMap<number, string[]>> {
  const tags = new Map<number, string[]>();
  if (lists.size === 0) return tags;
  const members = await db
    .selectFrom('tag_sets')
    .innerJoin('names', 'names.id', 'tag_sets.tag_ref')
    .select(['tags_ref', 'name'])
    .where('tags_ref', 'in', [...lists])
    .execute();
  for (const { tags_ref, name } of members) tags.set(tags_ref, [...(tags.get(tags_ref) ?? []), name]);
  return tags;
}
