import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { databasePlace } from '../../test/support/database-place.ts';
import { keyRow, organizationMemberRow, teamRow, userRow } from '../../test/support/entity-rows.ts';
import type { Condition } from './conditions.ts';
import type { EntityTable, Sort } from './entity-table.ts';
import { type KeyRow, keys } from './keys.ts';
import { organizationMembers } from './organization-members.ts';
import { type TeamRow, teams } from './teams.ts';
import { type UserRow, users } from './users.ts';
import type { Visibility } from './visibility.ts';

const db = databasePlace();

type Cell = string | number | null;
type Cells = Readonly<Record<string, Cell>>;

const id: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd');
const maybe = fc.option(id, { freq: 3 });
const alias = fc.option(fc.constantFrom('Alpha', 'alpha 2', 'b%ta', 'b_ta', 'béta', '\\', ''), { freq: 4 });
const amount = fc.option(fc.constantFrom(0, 1, 5, 5, 9, -3), { freq: 3 });

const visibility: fc.Arbitrary<Visibility> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Visibility>({ all: true }) },
  {
    weight: 4,
    arbitrary: fc.record({
      all: fc.constant(false as const),
      userId: maybe,
      keyHash: fc.option(fc.constantFrom('k0', 'k1', 'u1')),
      teams: fc.uniqueArray(id, { maxLength: 3 }),
      organizations: fc.uniqueArray(id, { maxLength: 2 }),
    }),
  },
);

/** A column's conditions, for texts and for numbers. */
function conditionOn(columns: { readonly texts: readonly string[]; readonly numbers: readonly string[] }) {
  const textColumn = fc.constantFrom(...columns.texts);
  const numberColumn = fc.constantFrom(...columns.numbers);
  const word = fc.constantFrom('a', 'b', 'Alpha', 'alpha', 'b%', 'b_', '\\', '%', '');
  const number = fc.constantFrom(0, 1, 4, 5, 6, -3);
  const one = fc.oneof(
    fc.record({ column: textColumn, is: fc.option(word, { freq: 3 }) }),
    fc.record({ column: textColumn, isNot: fc.option(word, { freq: 3 }) }),
    fc.record({ column: textColumn, in: fc.array(word, { maxLength: 3 }) }),
    fc.record({ column: textColumn, contains: word }),
    fc.record({ column: textColumn, startsWith: word }),
    fc.record({ column: numberColumn, from: number }),
    fc.record({ column: numberColumn, before: number }),
    fc.record({ column: numberColumn, fromOrNull: number }),
    fc.record({ column: numberColumn, is: fc.option(number) }),
  );
  return fc.oneof(
    { weight: 5, arbitrary: one },
    { weight: 1, arbitrary: fc.record({ any: fc.array(one, { maxLength: 3 }) }) },
  );
}

type AnyCondition = Condition<Record<string, Cell>>;

const lower = (text: Cell): string => String(text).replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** What a condition means, said for one row in memory. */
function isSo(row: Cells, condition: AnyCondition): boolean {
  if ('any' in condition) return condition.any.some((one) => isSo(row, one));
  const value = row[condition.column] ?? null;
  if ('is' in condition) return value === condition.is;
  if ('isNot' in condition) return value !== condition.isNot;
  if ('fromOrNull' in condition) return value === null || Number(value) >= condition.fromOrNull;
  if (value === null) return false;
  if ('in' in condition) return condition.in.includes(value);
  if ('contains' in condition) return lower(value).includes(condition.contains.toLowerCase());
  if ('startsWith' in condition) return String(value).startsWith(condition.startsWith);
  return 'from' in condition ? Number(value) >= condition.from : Number(value) < condition.before;
}

/** As the database orders: nothing comes first, texts by their bytes. */
function compared(one: Cell, other: Cell): number {
  if (one === other) return 0;
  if (one === null) return -1;
  if (other === null) return 1;
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other)));
}

interface Asked {
  readonly visibility: Visibility;
  readonly where: readonly unknown[];
  readonly by: string;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly offset: number;
}

const asked = (columns: {
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}): fc.Arbitrary<Asked> =>
  fc.record({
    visibility,
    where: fc.array(conditionOn(columns), { maxLength: 2 }),
    by: fc.constantFrom(...columns.texts, ...columns.numbers, 'created_at_ms'),
    order: fc.constantFrom('asc', 'desc'),
    limit: fc.integer({ min: 1, max: 6 }),
    offset: fc.integer({ min: 0, max: 8 }),
  });

/** What a list in memory would give. */
function naive(
  rows: readonly Cells[],
  ask: Asked,
  sees: (row: Cells) => boolean,
  key: string,
): { ids: Cell[]; total: number } {
  const matching = rows.filter(
    (row) => (ask.visibility.all || sees(row)) && ask.where.every((one) => isSo(row, one as AnyCondition)),
  );
  const direction = ask.order === 'asc' ? 1 : -1;
  const inOrder = matching.toSorted((one, other) => {
    for (const column of [ask.by, 'created_at_ms', key]) {
      const order = compared(one[column] ?? null, other[column] ?? null);
      if (order !== 0) return order * direction;
    }
    return 0;
  });
  return {
    ids: inOrder.slice(ask.offset, ask.offset + ask.limit).map((row) => row[key] ?? null),
    total: matching.length,
  };
}

interface Compared<Row extends object> {
  readonly table: EntityTable<Row>;
  readonly rows: readonly Row[];
  readonly ask: Asked;
  readonly key: keyof Row & string;
  sees(row: Row, visibility: Exclude<Visibility, { all: true }>): boolean;
}

async function expectSame<Row extends object>({ table, rows, ask, key, sees }: Compared<Row>): Promise<number> {
  const { visibility, limit, offset } = ask;
  // The columns of the conditions and the order are those of this table.
  const where = ask.where as readonly Condition<Row>[];
  const sort = { by: ask.by, order: ask.order } as Sort<Row>;
  const expected = naive(
    rows as unknown as readonly Cells[],
    ask,
    (row) => visibility.all || sees(row as unknown as Row, visibility),
    key,
  );
  const found = await table.list(db(), { visibility, where, sort, limit, offset });
  expect({ ids: found.rows.map((row) => row[key]), total: found.total }).toEqual(expected as never);
  expect(await table.count(db(), { visibility, where })).toBe(expected.total);
  const visible = rows.filter((row) => visibility.all || sees(row, visibility)).map((row) => row[key]);
  const ids = rows.map((row) => String(row[key]));
  const all = await table.findMany(db(), [...ids, 'nobody'], visibility);
  expect(all.map((row) => row[key]).sort()).toEqual(visible.sort());
  return expected.total;
}

/** Seeds with which most questions find some rows and few find all. */
const RUNS = { numRuns: 60, seed: 11 } as const;

test('keys: every filter, order, page and person give what a list in memory would', async () => {
  const row = fc.record({
    user_id: maybe,
    team_id: maybe,
    organization_id: maybe,
    max_budget_nano_usd: amount,
    expires_at_ms: amount,
    created_at_ms: fc.nat(3),
    created_by: alias,
    usage_hash: fc.option(fc.constant(true), { freq: 2 }),
  });
  const columns = {
    texts: ['user_id', 'team_id', 'organization_id', 'created_by', 'token'],
    numbers: ['max_budget_nano_usd', 'expires_at_ms', 'rpm_limit'],
  };
  const teamsOf: Readonly<Record<string, string>> = { a: 'a', b: 'a', c: 'b' };
  for (const [team_id, organization_id] of Object.entries(teamsOf)) {
    await teams.insert(db(), teamRow(team_id, { organization_id }));
  }
  let found = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 12 }),
      fc.array(asked(columns), { minLength: 4, maxLength: 4 }),
      async (made, asks) => {
        await keys.remove(
          db(),
          Array.from({ length: 12 }, (_, at) => `k${at}`),
          { all: true },
        );
        const rows: KeyRow[] = made.map(({ usage_hash, ...over }, at) =>
          keyRow(`k${at}`, { ...over, usage_hash: usage_hash === null ? null : `u${at}` }),
        );
        for (const one of rows) await keys.insert(db(), one);
        for (const ask of asks) {
          found += await expectSame<KeyRow>({
            table: keys,
            rows,
            ask,
            key: 'token',
            sees: ({ token, usage_hash, user_id, team_id, organization_id }, { userId, keyHash, ...groups }) =>
              (userId !== null && user_id === userId) ||
              (keyHash !== null && (token === keyHash || usage_hash === keyHash)) ||
              groups.teams.includes(team_id ?? '-') ||
              groups.organizations.includes(organization_id ?? '-') ||
              groups.organizations.includes(teamsOf[team_id ?? '-'] ?? '-'),
          });
        }
      },
    ),
    RUNS,
  );
  expect(found).toBeGreaterThan(150);
});

test('teams: every filter, order, page and person give what a list in memory would', async () => {
  const row = fc.record({ team_alias: alias, organization_id: maybe, rpm_limit: amount, created_at_ms: fc.nat(3) });
  const columns = { texts: ['team_id', 'team_alias', 'organization_id'], numbers: ['rpm_limit', 'version'] };
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  let found = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 2, maxLength: 6 }),
      fc.array(asked(columns), { minLength: 4, maxLength: 4 }),
      async (made, asks) => {
        await teams.remove(db(), ids, { all: true });
        const rows: TeamRow[] = made.map((over, at) => teamRow(ids[at] ?? '', over));
        for (const one of rows) await teams.insert(db(), one);
        for (const ask of asks) {
          found += await expectSame<TeamRow>({
            table: teams,
            rows,
            ask,
            key: 'team_id',
            sees: ({ team_id, organization_id }, seen) =>
              seen.teams.includes(team_id) || seen.organizations.includes(organization_id ?? '-'),
          });
        }
      },
    ),
    RUNS,
  );
  expect(found).toBeGreaterThan(100);
});

test('users: members of organizations are seen like those who are of them, each once', async () => {
  const row = fc.record({
    organization_id: maybe,
    user_alias: alias,
    tpm_limit: amount,
    created_at_ms: fc.nat(3),
    memberships: fc.uniqueArray(id, { maxLength: 3 }),
  });
  const columns = { texts: ['user_id', 'user_alias', 'organization_id'], numbers: ['tpm_limit'] };
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  let found = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 2, maxLength: 6 }),
      fc.array(asked(columns), { minLength: 4, maxLength: 4 }),
      async (made, asks) => {
        await users.remove(db(), ids, { all: true });
        await db().deleteFrom('organization_members').execute();
        const memberships = new Map(made.map((one, at) => [ids[at] ?? '', one.memberships]));
        const rows: UserRow[] = made.map(({ memberships: _, ...over }, at) => userRow(ids[at] ?? '', over));
        for (const one of rows) await users.insert(db(), one);
        for (const [user, organizations] of memberships) {
          for (const organization of organizations) {
            await organizationMembers.insert(db(), organizationMemberRow(organization, user));
          }
        }
        for (const ask of asks) {
          found += await expectSame<UserRow>({
            table: users,
            rows,
            ask,
            key: 'user_id',
            sees: ({ user_id, organization_id }, seen) =>
              seen.userId === user_id ||
              seen.organizations.includes(organization_id ?? '-') ||
              seen.organizations.some((one) => memberships.get(user_id)?.includes(one)),
          });
        }
      },
    ),
    RUNS,
  );
  expect(found).toBeGreaterThan(100);
});
