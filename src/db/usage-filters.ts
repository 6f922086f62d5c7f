/** Which requests a report is about: names → numbers → a condition on the cube or on the rows themselves. */
import { type RawBuilder, sql } from 'kysely';
import type { Database } from './client.ts';
import { refOf } from './dictionary.ts';
import type { Dimension } from './usage-tables.ts';

/** A name, or `null` for requests that have none. */
type Names = readonly (string | null)[];

/** All of those given must hold, each by any of its names. An empty list matches nothing. */
export interface UsageFilters {
  /** Digests. */
  readonly keys?: Names | undefined;
  readonly teams?: Names | undefined;
  readonly users?: Names | undefined;
  readonly organizations?: Names | undefined;
  readonly projects?: Names | undefined;
  readonly endUsers?: Names | undefined;
  /** `openai/gpt-4o-mini`. */
  readonly models?: Names | undefined;
  readonly modelGroups?: Names | undefined;
  readonly deployments?: Names | undefined;
  readonly providers?: Names | undefined;
  readonly routes?: Names | undefined;
  /** Requests with at least one of them. */
  readonly tags?: Names | undefined;
  /** Requests that have some name of these kinds. */
  readonly having?: readonly NamedKind[] | undefined;
}

type NamedKind = keyof typeof COLUMNS | 'tags';

const COLUMNS = {
  keys: 'key_ref',
  teams: 'team_ref',
  users: 'user_ref',
  organizations: 'organization_ref',
  projects: 'project_ref',
  endUsers: 'end_user_ref',
  models: 'model_ref',
  modelGroups: 'model_group_ref',
  deployments: 'deployment_ref',
  providers: 'provider_ref',
  routes: 'route_ref',
} as const satisfies Record<Exclude<keyof UsageFilters, 'tags' | 'having'>, Dimension>;

// `Object.keys` types any object's keys as text; these are the keys of the table above.
const KINDS = Object.keys(COLUMNS) as readonly (keyof typeof COLUMNS)[];

/** Numbers by dimension; 0 stands for no name, an empty list for any. `tags_ref` lists tags, not lists of them. */
export type FilterRefs = ReadonlyMap<Dimension, readonly number[]>;

/** `undefined`: nothing can match, because no row ever had one of the names. */
export async function filterRefs(db: Database, filters: UsageFilters): Promise<FilterRefs | undefined> {
  const found = new Map<Dimension, readonly number[]>();
  const having = new Set(filters.having);
  for (const kind of having) found.set(columnOf(kind), []);
  for (const kind of [...KINDS, 'tags'] as const) {
    const names = filters[kind];
    if (names === undefined) continue;
    const refs = await refsOf(db, having.has(kind) ? names.filter((name) => name !== null) : names);
    if (refs.length === 0) return undefined;
    found.set(columnOf(kind), refs);
  }
  return found;
}

const columnOf = (kind: NamedKind): Dimension => (kind === 'tags' ? 'tags_ref' : COLUMNS[kind]);

/** Of the names that any row had. */
async function refsOf(db: Database, names: Names): Promise<number[]> {
  const refs: number[] = [];
  for (const name of names) {
    const ref = name === null ? 0 : await refOf(db, name);
    if (ref !== undefined) refs.push(ref);
  }
  return refs;
}

/** @param column how a dimension is read, 0 for none */
export function conditionOf(refs: FilterRefs, column: (name: Dimension) => RawBuilder<unknown>): RawBuilder<unknown> {
  const conditions = Array.from(refs, ([name, wanted]) => {
    if (wanted.length === 0) return sql`${column(name)} <> 0`;
    return name === 'tags_ref' ? taggedWith(wanted, column(name)) : sql`${column(name)} in (${sql.join(wanted)})`;
  });
  return conditions.length === 0 ? sql`1 = 1` : sql`(${sql.join(conditions, sql` and `)})`;
}

function taggedWith(tags: readonly number[], list: RawBuilder<unknown>): RawBuilder<unknown> {
  const tagged = sql`${list} in (select tags_ref from tag_sets where tag_ref in (${sql.join(tags)}))`;
  return tags.includes(0) ? sql`(${list} = 0 or ${tagged})` : tagged;
}
