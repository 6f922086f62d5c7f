/** What holds for every noun that is stored: all columns come back, changes, pages in any order, and what must be unique. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { EntityTable } from '../../src/db/entity-table.ts';
import { EVERYTHING, type Visibility } from '../../src/db/visibility.ts';
import { databasePlace } from './database-place.ts';

type Plain = object;

export interface DescribedTable<Row extends Plain> {
  readonly name: string;
  readonly entity: EntityTable<Row>;
  /** A row of which nothing else is set; for a pair the two ids are made from the one. */
  readonly rowOf: (id: string, over?: Partial<Row>) => Row;
  /** What `find` takes; the same unless the key is a pair. */
  readonly idOf?: (id: string) => string;
  readonly key: readonly (keyof Row & string)[];
  readonly unique?: readonly (keyof Row & string)[];
}

/** Texts that people and programs send, and that have broken databases before. */
export const HOSTILE = [
  "'; drop table keys; --",
  "' or '1'='1",
  '" or ""="',
  "x' union select name, sql, 1 from sqlite_master --",
  "');delete from teams where ('1'='1",
  '%',
  '_',
  '\\',
  '%%__\\%',
  '?1 $1 :name @x',
  '/* */ -- #',
  'null',
  '\u{1f600} ё 漢字 \u202e',
  '{"a":1}',
  '[]',
  '0x1F',
  '1e309',
  '\n\r\t',
  'a'.repeat(5_000),
] as const;

export const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ maxLength: 12 }).map((one) => one.replaceAll('\0', '')),
);
const whole = fc.oneof(fc.constantFrom(0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER), fc.integer());

/** Everything in a table, as it stands. */
export async function dump(db: Parameters<EntityTable<Plain>['count']>[0], table: string): Promise<unknown[]> {
  return (await sql`select * from ${sql.table(table)} order by 1, 2`.execute(db)).rows;
}

/** Values for all columns that are not part of the key, each of the kind that the table holds. */
async function anyRow<Row extends Plain>(
  db: Parameters<EntityTable<Plain>['count']>[0],
  { name, key, rowOf }: DescribedTable<Row>,
): Promise<fc.Arbitrary<Partial<Row>>> {
  const { rows } = await sql<{ name: string; type: string; notnull: number }>`select name, type, "notnull"
    from pragma_table_info(${name})`.execute(db);
  expect(rows.map((column) => column.name).sort()).toEqual(Object.keys(rowOf('x')).sort());
  const columns = rows.filter((column) => !key.some((one) => one === column.name));
  const model = columns.map((column) => {
    const value: fc.Arbitrary<string | number> = column.type.toLowerCase() === 'text' ? text : whole;
    return [column.name, column.notnull === 1 ? value : fc.option<string | number>(value)] as const;
  });
  // The columns of this very table.
  return fc.record(Object.fromEntries(model)) as unknown as fc.Arbitrary<Partial<Row>>;
}

const same = (id: string): string => id;

export function describeEntityTable<Row extends Plain>(described: DescribedTable<Row>): void {
  const { name, entity, rowOf, idOf = same, key, unique = [] } = described;
  const db = databasePlace();

  /** All rows in this order, read page by page; one list of all must be the same. */
  async function inPages(by: keyof Row & string, order: 'asc' | 'desc'): Promise<Row[]> {
    const ask = { visibility: EVERYTHING, sort: { by, order } };
    const { rows, total } = await entity.list(db(), { ...ask, limit: 99 });
    const pages: Row[] = [];
    for (let offset = 0; offset < total; offset += 5) {
      pages.push(...(await entity.list(db(), { ...ask, limit: 5, offset })).rows);
    }
    expect(pages).toEqual([...rows]);
    return pages;
  }

  describe(`a row of ${name}`, () => {
    test('comes back with every column as it was written, whatever the texts and however large the numbers', async () => {
      const values = await anyRow(db(), described);
      let count = 0;
      await fc.assert(
        fc.asyncProperty(values, async (over) => {
          const distinct = Object.fromEntries(unique.map((column) => [column, `${String(column)} ${count}`]));
          const row = rowOf(`id ${count++}`, { ...over, ...(distinct as Partial<Row>) });
          expect(await entity.insert(db(), row)).toBeUndefined();
          expect<unknown>(await entity.find(db(), idOf(`id ${count - 1}`), EVERYTHING)).toEqual(row);
        }),
        { numRuns: 25, seed: 5 },
      );
      expect(await entity.count(db(), { visibility: EVERYTHING })).toBe(count);
    });

    test('is found by its whole id and nothing else', async () => {
      for (const id of HOSTILE) expect(await entity.insert(db(), rowOf(id))).toBeUndefined();
      for (const id of HOSTILE) {
        const found = await entity.find(db(), idOf(id), EVERYTHING);
        expect<unknown>(found).toEqual(rowOf(id));
        expect<unknown>(await entity.find(db(), idOf(`${id} `), EVERYTHING)).toBeUndefined();
      }
      expect<unknown>(await entity.findMany(db(), HOSTILE.map(idOf), EVERYTHING)).toHaveLength(HOSTILE.length);
      expect(await entity.remove(db(), [idOf('%'), idOf("' or '1'='1")], EVERYTHING)).toHaveLength(2);
      expect(await entity.count(db(), { visibility: EVERYTHING })).toBe(HOSTILE.length - 2);
    });

    test('changes in what was asked for and leaves its neighbours alone', async () => {
      await entity.insert(db(), rowOf('a'));
      await entity.insert(db(), rowOf('b'));
      const values = await anyRow(db(), described);
      const [over = {}] = fc.sample(values, { numRuns: 1, seed: 9 });
      const changes = { ...over };
      Reflect.deleteProperty(changes, 'version');
      const before = await entity.find(db(), idOf('a'), EVERYTHING);
      const changed = await entity.change(db(), idOf('a'), EVERYTHING, (row) => {
        expect<unknown>(row).toEqual(before ?? row);
        return changes;
      });
      const found = await entity.find(db(), idOf('a'), EVERYTHING);
      expect<unknown>(found).toEqual({ ...rowOf('a', changes), ...('version' in (found ?? {}) ? { version: 2 } : {}) });
      expect(changed).toMatchObject({ before, after: found });
      expect<unknown>(await entity.find(db(), idOf('b'), EVERYTHING)).toEqual(rowOf('b'));
    });

    test('is refused with a value that another has, and nothing of the refused one stays', async () => {
      for (const column of unique) {
        const taken = { [column]: `taken ${column}` } as Partial<Row>;
        expect(await entity.insert(db(), rowOf(`first ${column}`, taken))).toBeUndefined();
        const before = await dump(db(), name);
        expect<unknown>(await entity.insert(db(), rowOf(`second ${column}`, taken))).toEqual({ taken: column });
        expect(await dump(db(), name)).toEqual(before);
        await entity.insert(db(), rowOf(`third ${column}`));
        expect<unknown>(await entity.change(db(), idOf(`third ${column}`), EVERYTHING, () => taken)).toEqual({
          taken: column,
        });
        expect<unknown>(await entity.find(db(), idOf(`third ${column}`), EVERYTHING)).toEqual(rowOf(`third ${column}`));
      }
      await entity.insert(db(), rowOf('a'));
      const distinct = Object.fromEntries(unique.map((column) => [column, 'distinct'])) as Partial<Row>;
      expect<unknown>(await entity.insert(db(), rowOf('a', distinct))).toEqual({ taken: key[0] });
    });

    test('stands in a list at the same place every time, whatever the column that it is ordered by', async () => {
      const values = await anyRow(db(), described);
      for (const [at, over] of fc.sample(values, { numRuns: 12, seed: 3 }).entries()) {
        const distinct = Object.fromEntries(unique.map((column) => [column, `${String(column)} ${at % 5} ${at}`]));
        // Half of them agree in most columns, so that what decides between equals is seen.
        await entity.insert(db(), rowOf(`id ${at}`, { ...(at % 2 === 0 ? {} : over), ...(distinct as Partial<Row>) }));
      }
      for (const by of Object.keys(rowOf('x')) as (keyof Row & string)[]) {
        const ascending = await inPages(by, 'asc');
        expect(ascending).toHaveLength(12);
        expect((await inPages(by, 'desc')).toReversed()).toEqual(ascending);
      }
    });
  });
}

export const NOBODY: Visibility = { all: false, userId: null, keyHash: null, teams: [], organizations: [] };

/** Somebody who sees what is theirs in the ways that are given. */
export const seeing = (over: Partial<Exclude<Visibility, { readonly all: true }>>): Visibility => ({
  ...NOBODY,
  ...over,
});
