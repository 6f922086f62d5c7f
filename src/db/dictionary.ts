/** Names stored once and referred to by number, because a row of integers is several times cheaper than a row of text. */
import { LRUCache } from 'lru-cache';
import type { Database } from './client.ts';

/** Longer names are cut: they come from clients, and an index entry has a size limit. */
const MAX_NAME_LENGTH = 1_000;
/** End users and addresses are names too, so the memory of them is bounded. */
const CACHED_NAMES = 20_000;
const NAMES_PER_QUERY = 500;

interface Cache {
  readonly refs: LRUCache<string, number>;
  readonly names: LRUCache<number, string>;
}

/** A name never changes its number, so what is cached stays true for as long as the database is open. */
const caches = new WeakMap<Database, Cache>();

function cacheOf(db: Database): Cache {
  let cache = caches.get(db);
  if (cache === undefined) {
    cache = { refs: new LRUCache({ max: CACHED_NAMES }), names: new LRUCache({ max: CACHED_NAMES }) };
    caches.set(db, cache);
  }
  return cache;
}

/** What is stored of a name: valid Unicode without NUL (databases refuse or change the rest), at most 1,000 characters. */
function storable(name: string): string {
  return name.slice(0, MAX_NAME_LENGTH).replaceAll('\0', '').toWellFormed();
}

/**
 * The number of every name; unknown ones are added. Call it outside a transaction: numbers are remembered, and a
 * rollback would take them back.
 */
export async function addNames(db: Database, names: Iterable<string>): Promise<ReadonlyMap<string, number>> {
  const { refs } = cacheOf(db);
  const found = new Map<string, number>();
  const missing: string[] = [];
  for (const name of names) {
    const ref = refs.get(name);
    if (ref === undefined) missing.push(name);
    else found.set(name, ref);
  }
  for (let start = 0; start < missing.length; start += NAMES_PER_QUERY) {
    await addMissing(db, missing.slice(start, start + NAMES_PER_QUERY), found);
  }
  return found;
}

async function addMissing(db: Database, names: readonly string[], found: Map<string, number>): Promise<void> {
  const { refs } = cacheOf(db);
  const stored = new Map(names.map((name) => [name, storable(name)]));
  const wanted = [...new Set(stored.values())];
  const known = await select(db, wanted);
  const added = wanted.filter((name) => !known.has(name));
  if (added.length > 0) {
    await db
      .insertInto('names')
      .values(added.map((name) => ({ name })))
      // Another instance may add the same name at the same moment; the look-up below finds either's row.
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    for (const [name, ref] of await select(db, added)) known.set(name, ref);
  }
  for (const [name, storedName] of stored) {
    const ref = known.get(storedName);
    if (ref === undefined) throw new Error('A name was added to the dictionary and is not there');
    found.set(name, ref);
    remember(refs, name, ref);
  }
}

/** What is cut cannot be told from what is as long as the cut. */
function remember(refs: Cache['refs'], name: string, ref: number): void {
  if (name.length <= MAX_NAME_LENGTH) refs.set(name, ref);
}

async function select(db: Database, names: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.selectFrom('names').select(['id', 'name']).where('name', 'in', names).execute();
  return new Map(rows.map((row) => [row.name, row.id]));
}

/** The number of a name, or `undefined` when no row can refer to it. Adds nothing: for filters. */
export async function refOf(db: Database, name: string): Promise<number | undefined> {
  return cacheOf(db).refs.get(name) ?? (await knownRefs(db, [name])).get(name);
}

/** The numbers of those of the names that any row can refer to. Adds nothing. */
export async function knownRefs(db: Database, names: Iterable<string>): Promise<ReadonlyMap<string, number>> {
  const { refs } = cacheOf(db);
  const found = new Map<string, number>();
  const missing: string[] = [];
  for (const name of new Set(names)) {
    const ref = refs.get(name);
    if (ref === undefined) missing.push(name);
    else found.set(name, ref);
  }
  for (let start = 0; start < missing.length; start += NAMES_PER_QUERY) {
    const stored = new Map(missing.slice(start, start + NAMES_PER_QUERY).map((name) => [name, storable(name)]));
    const known = await select(db, [...new Set(stored.values())]);
    for (const [name, storedName] of stored) {
      const ref = known.get(storedName);
      if (ref === undefined) continue;
      found.set(name, ref);
      remember(refs, name, ref);
    }
  }
  return found;
}

/** The names behind numbers, for reading rows back. Numbers that nobody gave out are absent. */
export async function namesOf(db: Database, refs: Iterable<number>): Promise<ReadonlyMap<number, string>> {
  const { names } = cacheOf(db);
  const found = new Map<number, string>();
  const missing: number[] = [];
  for (const ref of new Set(refs)) {
    const name = names.get(ref);
    if (name === undefined) missing.push(ref);
    else found.set(ref, name);
  }
  for (let start = 0; start < missing.length; start += NAMES_PER_QUERY) {
    const chunk = missing.slice(start, start + NAMES_PER_QUERY);
    for (const row of await db.selectFrom('names').select(['id', 'name']).where('id', 'in', chunk).execute()) {
      found.set(row.id, row.name);
      names.set(row.id, row.name);
    }
  }
  return found;
}
