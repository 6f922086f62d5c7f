/**
 * Combinations of names, and the members of tag lists: stored once and referred to by number, so that the report cube
 * has narrow rows and the indexes by team, user … stand on this small table instead of on every quarter hour.
 */
import { type CompiledQuery, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Database } from './client.ts';
import { DIMENSIONS, type Dimension } from './usage-tables.ts';

export type Combination = Readonly<Record<Dimension, number>>;

const CACHED_COMBINATIONS = 50_000;
const CACHED_TAG_LISTS = 10_000;
const MEMBERS_PER_STATEMENT = 100;

interface Cache {
  readonly combinations: LRUCache<string, number>;
  readonly tagLists: LRUCache<number, true>;
}

/** A combination never changes its number, so what is cached stays true for as long as the database is open. */
const caches = new WeakMap<Database, Cache>();

function cacheOf(db: Database): Cache {
  let cache = caches.get(db);
  if (cache === undefined) {
    cache = {
      combinations: new LRUCache({ max: CACHED_COMBINATIONS }),
      tagLists: new LRUCache({ max: CACHED_TAG_LISTS }),
    };
    caches.set(db, cache);
  }
  return cache;
}

/**
 * The numbers of combinations by their keys (any text that is the same for the same combination); unknown ones are added.
 * Call it outside a transaction: numbers are remembered, and a rollback would take them back.
 */
export async function addCombinations(
  db: Database,
  wanted: ReadonlyMap<string, Combination>,
): Promise<ReadonlyMap<string, number>> {
  const { combinations } = cacheOf(db);
  const found = new Map<string, number>();
  const missing: [string, Combination][] = [];
  for (const [key, combination] of wanted) {
    const id = combinations.get(key);
    if (id === undefined) missing.push([key, combination]);
    else found.set(key, id);
  }
  if (missing.length === 0) return found;
  await db.transaction().execute(async (transaction) => {
    for (const [key, combination] of missing) found.set(key, await addOne(transaction, combination));
  });
  for (const [key] of missing) combinations.set(key, found.get(key) ?? 0);
  return found;
}

async function addOne(db: Database, combination: Combination): Promise<number> {
  const { insert, select } = statementsOf(db);
  const parameters = DIMENSIONS.map((name) => combination[name]);
  const [added] = (await db.executeQuery<{ id: number }>({ ...insert, parameters })).rows;
  if (added !== undefined) return added.id;
  const [row] = (await db.executeQuery<{ id: number }>({ ...select, parameters })).rows;
  if (row === undefined) throw new Error('A combination was added and is not there');
  return row.id;
}

interface Statements {
  readonly insert: CompiledQuery;
  readonly select: CompiledQuery;
}

/** Of each dialect: building one costs several times its run, and only the values differ. */
const statements = new WeakMap<object, Statements>();

function statementsOf(db: Database): Statements {
  const dialect = db.getExecutor().adapter;
  let known = statements.get(dialect);
  if (known === undefined) {
    const columns = sql.join(DIMENSIONS.map((name) => sql.ref(name)));
    const values = sql.join(DIMENSIONS.map(() => 0));
    known = {
      // Another instance may add the same one at the same moment; nothing is then returned, and it is looked up.
      insert: sql`insert into usage_dimensions (${columns}) values (${values})
        on conflict do nothing returning id`.compile(db),
      select: sql`select id from usage_dimensions where (${columns}) = (${values})`.compile(db),
    };
    statements.set(dialect, known);
  }
  return known;
}

/** Notes which tags a list has, by their numbers. Call it outside a transaction. */
export async function addTagLists(db: Database, lists: ReadonlyMap<number, ReadonlySet<number>>): Promise<void> {
  const { tagLists } = cacheOf(db);
  const missing = [...lists].filter(([list]) => !tagLists.has(list));
  const members = missing.flatMap(([list, tags]) => [...tags].map((tag) => ({ tags_ref: list, tag_ref: tag })));
  for (let start = 0; start < members.length; start += MEMBERS_PER_STATEMENT) {
    await db
      .insertInto('tag_sets')
      .values(members.slice(start, start + MEMBERS_PER_STATEMENT))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  for (const [list] of missing) tagLists.set(list, true);
}
