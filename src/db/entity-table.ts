/**
 * Reading and writing one table, made from its definition: the same few functions for every noun. What is read or changed
 * in somebody's name takes their visibility, so a foreign row is as good as not there.
 */
import type { Expression, SqlBool } from 'kysely';
import type { Database } from './client.ts';
import { type Builder, type Condition, holds, isVisible, loosely, type Ownership } from './conditions.ts';
import type { DatabaseSchema } from './schema.ts';
import { inTransaction } from './transaction.ts';
import { parted } from './usage-scopes.ts';
import type { Visibility } from './visibility.ts';

type Column<Row> = keyof Row & string;

export interface EntityTableDefinition<Row> {
  readonly table: keyof DatabaseSchema & string;
  /** Primary key. The id of a row with two columns in it is `joined(first, second)`. */
  readonly key: readonly [Column<Row>] | readonly [Column<Row>, Column<Row>];
  /** Columns with a unique index besides. */
  readonly unique?: readonly Column<Row>[];
  /** The same, where `A` and `a` are one. */
  readonly uniqueInAnyCase?: readonly Column<Row>[];
  readonly owner: Ownership<Column<Row>>;
  /** Order of a list that asks for none. */
  readonly sort: Sort<Row>;
}

export interface Sort<Row> {
  readonly by: Column<Row>;
  readonly order: 'asc' | 'desc';
}

export interface ListRequest<Row> {
  readonly visibility: Visibility;
  /** All of them. */
  readonly where?: readonly Condition<Row>[];
  readonly sort?: Sort<Row> | undefined;
  readonly limit: number;
  readonly offset?: number;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Of all pages. */
  readonly total: number;
}

/** Another row has the value of this column, so nothing was stored. */
export interface Taken<Row> {
  readonly taken: Column<Row>;
}

export interface Changed<Row> {
  readonly taken?: undefined;
  readonly before: Row;
  readonly after: Row;
}

/** Every function takes the database or a transaction; each is one transaction by itself. */
export interface EntityTable<Row> {
  /** The database itself decides, so of two at once one wins. @returns `undefined` when it is stored */
  insert(db: Database, row: Row): Promise<Taken<Row> | undefined>;
  find(db: Database, id: string, visibility: Visibility): Promise<Row | undefined>;
  /** In no order; those that are not there are left out. */
  findMany(db: Database, ids: readonly string[], visibility: Visibility): Promise<Row[]>;
  /**
   * Changes a row by what it is now, with nobody in between; a `version` grows by one. `undefined`: no such row. `change`
   * may throw, and then nothing has happened.
   */
  change(
    db: Database,
    id: string,
    visibility: Visibility,
    change: (row: Row) => Partial<Row>,
  ): Promise<Changed<Row> | Taken<Row> | undefined>;
  /** @returns rows that were there and are not any more */
  remove(db: Database, ids: readonly string[], visibility: Visibility): Promise<Row[]>;
  list(db: Database, request: ListRequest<Row>): Promise<Page<Row>>;
  /** Without their total: for those who read on from the last row. */
  rows(db: Database, request: ListRequest<Row>): Promise<readonly Row[]>;
  count(db: Database, request: Pick<ListRequest<Row>, 'visibility' | 'where'>): Promise<number>;
}

export function entityTable<Row extends object>(definition: EntityTableDefinition<Row>): EntityTable<Row> {
  return {
    insert: (db, row) => insert(db, definition, row),
    find: async (db, id, visibility) => (await matching(db, definition, [id], visibility))[0],
    findMany: (db, ids, visibility) => matching(db, definition, ids, visibility),
    change: (db, id, visibility, change) =>
      inTransaction(db, async (transaction) => {
        const [before] = await matching(transaction, definition, [id], visibility);
        if (before === undefined) return undefined;
        const changes = { ...change(before), ...nextVersion(before) };
        const after = { ...before, ...changes };
        const taken = await takenIn(transaction, definition, after, before);
        if (taken !== undefined) return taken;
        if (Object.keys(changes).length > 0) await update(transaction, definition, before, changes);
        return { before, after };
      }),
    remove: (db, ids, visibility) =>
      inTransaction(db, async (transaction) => {
        const found = await matching(transaction, definition, ids, visibility);
        for (const row of found) {
          await loosely(transaction)
            .deleteFrom(definition.table)
            .where((eb) => eb.and(keyOf(definition, row)))
            .execute();
        }
        return found;
      }),
    // One moment for both, so that a page and its total are of the same rows.
    list: (db, request) =>
      inTransaction(db, async (transaction) => {
        if ((request.offset ?? 0) >= DEEP_OFFSET) return await deepPage(transaction, definition, request);
        const rows = await page(transaction, definition, request);
        return { rows, total: await count(transaction, definition, request) };
      }),
    rows: (db, request) => page(db, definition, request),
    count: (db, request) => count(db, definition, request),
  };
}

const nextVersion = (row: object): object => ('version' in row ? { version: Number(row.version) + 1 } : {});

/** The values of the primary key, by column. */
function keyOf<Row extends object>({ key }: EntityTableDefinition<Row>, row: Row): Record<string, unknown> {
  return Object.fromEntries(key.map((column) => [column, row[column]]));
}

async function insert<Row extends object>(
  db: Database,
  definition: EntityTableDefinition<Row>,
  row: Row,
): Promise<Taken<Row> | undefined> {
  const result = await loosely(db)
    .insertInto(definition.table)
    .values({ ...row })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (Number(result.numInsertedOrUpdatedRows ?? 0) > 0) return undefined;
  return (await takenIn(db, definition, row, undefined)) ?? { taken: definition.key[0] };
}

/** The column in which another row than the one that is changed has the value already. */
async function takenIn<Row extends object>(
  db: Database,
  definition: EntityTableDefinition<Row>,
  row: Row,
  changed: Row | undefined,
): Promise<Taken<Row> | undefined> {
  const { table, key, unique = [], uniqueInAnyCase = [] } = definition;
  for (const column of [...unique, ...uniqueInAnyCase]) {
    const value = row[column];
    if (value === null || value === changed?.[column]) continue;
    const name: string = column;
    let owners = loosely(db).selectFrom(table).select(key[0]).limit(1);
    owners = uniqueInAnyCase.includes(column)
      ? owners.where((eb) => eb(eb.fn('lower', [name]), '=', eb.fn('lower', [eb.val(value)])))
      : owners.where(name, '=', value);
    if (changed !== undefined) owners = owners.where((eb) => eb.not(eb.and(keyOf(definition, changed))));
    if ((await owners.executeTakeFirst()) !== undefined) return { taken: column };
  }
  return undefined;
}

async function update<Row extends object>(
  db: Database,
  definition: EntityTableDefinition<Row>,
  row: Row,
  changes: object,
): Promise<void> {
  await loosely(db)
    .updateTable(definition.table)
    .set({ ...changes })
    .where((eb) => eb.and(keyOf(definition, row)))
    .execute();
}

/** More would make a statement of unlimited size. */
const IDS_A_QUERY = 200;

async function matching<Row extends object>(
  db: Database,
  definition: EntityTableDefinition<Row>,
  ids: readonly string[],
  visibility: Visibility,
): Promise<Row[]> {
  const wanted = [...new Set(ids)];
  const found: object[] = [];
  for (let start = 0; start < wanted.length; start += IDS_A_QUERY) {
    const rows = await loosely(db)
      .selectFrom(definition.table)
      .selectAll()
      .where((eb) => hasId(eb, definition.key, wanted.slice(start, start + IDS_A_QUERY)))
      .where((eb) => isVisible(eb, visibility, definition.owner))
      .execute();
    found.push(...rows);
  }
  return typed<Row>(found);
}

function hasId(eb: Builder, [first, second]: readonly string[], ids: readonly string[]): Expression<SqlBool> {
  if (first === undefined) throw new Error('A table has a primary key');
  if (second === undefined) return eb(first, 'in', [...ids]);
  return eb.or(
    ids.map((id) => {
      const [one, other] = parted(id);
      return eb.and({ [first]: one, [second]: other });
    }),
  );
}

function selected<Row>(
  db: Database,
  { table, owner }: EntityTableDefinition<Row>,
  { visibility, where = [] }: Pick<ListRequest<Row>, 'visibility' | 'where'>,
) {
  let query = loosely(db).selectFrom(table);
  // Left out rather than always true, so that counting everything is counting an index.
  if (!visibility.all) query = query.where((eb) => isVisible(eb, visibility, owner));
  for (const condition of where) query = query.where((eb) => holds(eb, condition));
  return query;
}

async function page<Row extends object>(
  db: Database,
  definition: EntityTableDefinition<Row>,
  request: ListRequest<Row>,
): Promise<Row[]> {
  let query = selected(db, definition, request).selectAll();
  for (const { by, order } of inFull(request.sort ?? definition.sort, definition)) query = query.orderBy(by, order);
  return typed<Row>(
    await query
      .limit(request.limit)
      .offset(request.offset ?? 0)
      .execute(),
  );
}

/** From here on a page behind the middle is read from the end of the list, because rows that are left out are walked over. */
const DEEP_OFFSET = 5_000;

async function deepPage<Row extends object>(
  db: Database,
  definition: EntityTableDefinition<Row>,
  request: ListRequest<Row>,
): Promise<Page<Row>> {
  const total = await count(db, definition, request);
  const { offset = 0, sort = definition.sort } = request;
  const left = total - offset;
  if (left <= 0) return { rows: [], total };
  if (left > offset) return { rows: await page(db, definition, request), total };
  const limit = Math.min(request.limit, left);
  const turned: Sort<Row> = { by: sort.by, order: sort.order === 'asc' ? 'desc' : 'asc' };
  const rows = await page(db, definition, { ...request, sort: turned, limit, offset: left - limit });
  return { rows: rows.reverse(), total };
}

/** Rows that are equal in what was asked for stand in the order they were made, and always in the same one. */
function inFull<Row>(
  sort: Sort<Row>,
  { key, table }: EntityTableDefinition<Row>,
): { by: string; order: 'asc' | 'desc' }[] {
  const columns: string[] = [sort.by, ...(table === 'audit_log' ? [] : ['created_at_ms']), ...key];
  return [...new Set(columns)].map((by) => ({ by, order: sort.order }));
}

async function count<Row>(
  db: Database,
  definition: EntityTableDefinition<Row>,
  request: Pick<ListRequest<Row>, 'visibility' | 'where'>,
): Promise<number> {
  const counted = await selected(db, definition, request)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirst();
  return Number(counted?.total ?? 0);
}

// The table's definition has said which rows stand in it.
const typed = <Row>(rows: readonly object[]): Row[] => rows as Row[];
