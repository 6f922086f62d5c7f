import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { CompiledQuery } from 'kysely';
import { sql } from 'kysely';
import { databasePlace } from '../../test/support/database-place.ts';
import { keyRow } from '../../test/support/entity-rows.ts';
import { addNames } from './dictionary.ts';
import {
  KEY_ORDERS,
  type KeyFilter,
  type KeyListRequest,
  listDeletedKeys,
  listKeyAliases,
  listKeys,
} from './key-list.ts';
import { deleteKeys, type KeyRow, keys } from './keys.ts';
import { SCOPE_KINDS } from './usage-scopes.ts';
import { LIFETIME } from './usage-tables.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const NOW_MS = 1_000;

async function listed(filter: KeyFilter, over: Partial<KeyListRequest> = {}): Promise<string[]> {
  const request = { visibility: EVERYTHING, filter, limit: 99, offset: 0, nowMs: NOW_MS, ...over };
  const { rows, total } = await listKeys(db(), request);
  if (over.limit === undefined && over.offset === undefined) expect(total).toBe(rows.length);
  return rows.map(({ token }) => token);
}

async function store(rows: Readonly<Record<string, Partial<KeyRow>>>): Promise<void> {
  for (const [token, over] of Object.entries(rows)) await keys.insert(db(), keyRow(token, over));
}

/** What the database means to do for each query of a page. */
async function plansOf(over: Partial<KeyListRequest>): Promise<string[]> {
  const seen: CompiledQuery[] = [];
  const watched = db().withPlugin({
    transformQuery: ({ node }) => {
      if (node.kind === 'SelectQueryNode' || node.kind === 'RawNode')
        seen.push(db().getExecutor().compileQuery(node, { queryId: 'plan' }));
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  await listKeys(watched, { visibility: EVERYTHING, limit: 10, offset: 20, nowMs: NOW_MS, ...over });
  const plans: string[] = [];
  for (const query of seen) {
    const explained = await sql<{ detail: string }>`${sql.raw(`explain query plan ${query.sql}`)}`.execute(db());
    plans.push(explained.rows.map(({ detail }) => detail).join('; '));
  }
  return plans;
}

describe('the status', () => {
  test('is as it is shown: blocked wins, an expiry that is now is over', async () => {
    await store({
      never: {},
      later: { expires_at_ms: NOW_MS + 1 },
      now: { expires_at_ms: NOW_MS },
      blocked: { blocked: 1 },
      'blocked and over': { blocked: 1, expires_at_ms: 1 },
    });
    expect((await listed({ status: 'active' })).sort()).toEqual(['later', 'never']);
    expect((await listed({ status: 'expired' })).sort()).toEqual(['now']);
    expect((await listed({ status: 'blocked' })).sort()).toEqual(['blocked', 'blocked and over']);
  });

  test.each(['active', 'expired', 'blocked'] as const)(
    'of a page of %s keys is read in order off an index',
    async (status) => {
      const [page = '', total = ''] = await plansOf({ filter: { status } });
      expect(page).toContain('INDEX keys_by_status');
      expect(page).not.toContain('TEMP B-TREE');
      expect(total).toContain('COVERING INDEX keys_by_status');
    },
  );

  test('deleted keys have a list of their own, last deleted first', async () => {
    await store({ a: { user_id: 'u', key_alias: 'x' }, b: { user_id: 'u' }, c: {} });
    await deleteKeys(db(), ['b'], 1);
    await deleteKeys(db(), ['a', 'c'], 2);
    const request = { visibility: EVERYTHING, limit: 9, offset: 0 };
    const { rows, total } = await listDeletedKeys(db(), { ...request, filter: { userId: 'u' } });
    expect([rows.map(({ token }) => token), total]).toEqual([['a', 'b'], 2]);
    expect(await listed({})).toEqual([]);
  });
});

describe('owners', () => {
  test('one of several is enough, and the other filters hold besides', async () => {
    await store({
      own: { user_id: 'ann' },
      'of the team': { team_id: 't' },
      made: { created_by: 'ann' },
      other: { user_id: 'bob', team_id: 's' },
    });
    const anyOf = { userId: 'ann', teamIds: ['t'], createdBy: 'ann' };
    expect((await listed({ anyOf })).sort()).toEqual(['made', 'of the team', 'own']);
    expect(await listed({ anyOf: { userId: 'ann' } })).toEqual(['own']);
    expect(await listed({ anyOf: {} })).toEqual([]);
    expect(await listed({ anyOf, inTeam: true })).toEqual(['of the team']);
    expect((await listed({ anyOf, inTeam: false })).sort()).toEqual(['made', 'own']);
  });
});

describe('an alias', () => {
  test('is found whole, by its beginning and by any part, where % and _ are letters like others', async () => {
    await store({
      a: { key_alias: 'team_prod' },
      b: { key_alias: 'teamXprod' },
      c: { key_alias: 'Prod 100%' },
      d: {},
    });
    expect(await listed({ keyAlias: 'team_prod' })).toEqual(['a']);
    expect(await listed({ keyAliasContains: 'm_p' })).toEqual(['a']);
    expect(await listed({ keyAliasContains: '0%' })).toEqual(['c']);
    expect((await listed({ keyAliasContains: 'PROD' })).sort()).toEqual(['a', 'b', 'c']);
    expect((await listed({ keyAliasStartsWith: 'team' })).sort()).toEqual(['a', 'b']);
    expect(await listed({ keyAliasStartsWith: 'team%' })).toEqual([]);
  });

  test('is in a list of all aliases, in their order, without keys that have none', async () => {
    await store({ a: { key_alias: 'z' }, b: { key_alias: 'y' }, c: {} });
    const request = { visibility: EVERYTHING, limit: 1, offset: 1 };
    expect(await listKeyAliases(db(), request)).toEqual({ rows: ['z'], total: 2 });
  });
});

describe('the order', () => {
  const orders = Object.keys(KEY_ORDERS) as (keyof typeof KEY_ORDERS)[]; // The keys of that object are its names.

  test('by any column is that of a list in memory, one way and the other, in pages without loss', async () => {
    const text = fc.option(fc.constantFrom('a', 'b'));
    const number = fc.option(fc.nat(2));
    const row = fc.record({
      ...{ user_id: text, team_id: text, organization_id: text, project_id: text, created_by: text, key_name: text },
      ...{ max_budget_nano_usd: number, expires_at_ms: number, created_at_ms: fc.nat(2), updated_at_ms: fc.nat(2) },
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 7 }), fc.constantFrom(...orders), async (made, by) => {
        await db().deleteFrom('keys').execute();
        await store(Object.fromEntries(made.map((over, at) => [`k${at}`, { ...over, key_alias: `a${6 - at}` }])));
        const rows = made.map((over, at) => keyRow(`k${at}`, { ...over, key_alias: `a${6 - at}` }));
        const columns = [KEY_ORDERS[by], 'created_at_ms', 'token'] as const;
        const expected = rows.toSorted((a, b) => compare(a, b, columns)).map(({ token }) => token);
        expect(await listed({}, { sort: { by, order: 'asc' } })).toEqual(expected);
        const paged: string[] = [];
        for (let offset = 0; offset < rows.length; offset += 3) {
          paged.push(...(await listed({}, { sort: { by, order: 'desc' }, limit: 3, offset })));
        }
        expect(paged).toEqual(expected.toReversed());
      }),
      { numRuns: 60 },
    );
  });

  function compare(a: KeyRow, b: KeyRow, columns: readonly (keyof KeyRow)[]): number {
    const differing = columns.find((column) => a[column] !== b[column]);
    return differing === undefined ? 0 : compareValues(a[differing], b[differing]);
  }

  /** `null` comes first. */
  function compareValues(one: KeyRow[keyof KeyRow], other: KeyRow[keyof KeyRow]): number {
    if (one === null || other === null) return one === null ? -1 : 1;
    return one < other ? -1 : 1;
  }

  test.each(orders.flatMap((by) => [[by, 'asc'] as const, [by, 'desc'] as const]))(
    'a page by %s %s is read off an index, and nothing is sorted',
    async (by, order) => {
      const [page = ''] = await plansOf({ sort: { by, order } });
      expect(page).toMatch(/USING (COVERING )?INDEX keys_/);
      expect(page).not.toContain('TEMP B-TREE');
    },
  );

  test.each([
    ['userId', 'keys_by_user_id'],
    ['teamId', 'keys_by_team_id'],
    ['organizationId', 'keys_by_organization_id'],
    ['projectId', 'keys_by_project_id'],
    ['createdBy', 'keys_by_created_by'],
  ] as const)('a page and its total by %s come from %s, in order', async (name, index) => {
    for (const plan of await plansOf({ filter: { [name]: 'x' } })) {
      expect(plan).toContain(`INDEX ${index} (`);
      expect(plan).not.toContain('TEMP B-TREE');
    }
  });

  test.each([
    ['the whole alias', { keyAlias: 'x' }],
    ['its beginning', { keyAliasStartsWith: 'x' }],
    ['the digest', { token: 'x' }],
    ['a budget', { budgetId: 'x' }],
    ['owners', { anyOf: { userId: 'x', teamIds: ['y'], createdBy: 'z' } }],
  ])('%s is searched in an index', async (_name, filter) => {
    for (const plan of await plansOf({ filter })) expect(plan).not.toContain('SCAN keys;');
    const [, total = ''] = await plansOf({ filter });
    expect(total).toContain('SEARCH keys USING');
  });

  test('what a person may see is searched, whatever it comes from', async () => {
    const visibility = { all: false, userId: 'u', keyHash: 'k', teams: ['t'], organizations: ['o'] } as const;
    const [, total = ''] = await plansOf({ visibility });
    expect(total).toContain('MULTI-INDEX OR');
    expect(total).not.toContain('SCAN keys');
  });
});

test('a page far behind the middle is the same as the end of the whole list', async () => {
  await sql`with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 11003)
    insert into keys (token, blocked, created_at_ms, updated_at_ms) select 'k' || n, 0, n / 7, 1 from numbers`.execute(
    db(),
  );
  for (const order of ['asc', 'desc'] as const) {
    const sort = { by: 'created_at', order } as const;
    const all = await listed({}, { sort, limit: 20_000 });
    expect(all).toHaveLength(11_003);
    for (const offset of [4_999, 5_000, 5_501, 5_502, 9_990, 10_999, 11_002, 11_003, 12_000]) {
      const request = { visibility: EVERYTHING, sort, limit: 7, offset, nowMs: NOW_MS };
      const { rows, total } = await listKeys(db(), request);
      expect(total).toBe(11_003);
      expect(rows.map(({ token }) => token)).toEqual(all.slice(offset, offset + 7));
    }
  }
});

describe('the order by spend', () => {
  /** A key's total, as the ledger's writer leaves it; other totals beside it must not count. */
  async function spend(token: string, costNanoUsd: number): Promise<void> {
    const ref = [...(await addNames(db(), [token])).values()][0] ?? 0;
    const used = { ref, second_ref: 0, request_count: 1, cost_nano_usd: costNanoUsd, tokens: 1 };
    const kind = SCOPE_KINDS.indexOf('api_key');
    const others = { ...used, cost_nano_usd: 1e12 };
    const rows = [
      { ...used, kind, quarter: LIFETIME },
      { ...others, kind, quarter: 5 },
      { ...others, kind: SCOPE_KINDS.indexOf('user'), quarter: LIFETIME },
    ];
    await db().insertInto('scope_usage').values(rows).execute();
  }

  test('is by the total of each key, with those that never spent at the low end, in pages without loss', async () => {
    for (const [at, token] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      await keys.insert(db(), keyRow(token, { created_at_ms: at, user_id: at < 4 ? 'u' : 'v', team_id: 't' }));
    }
    for (const [token, cost] of Object.entries({ b: 5, d: 9, e: 7, deleted: 100 })) await spend(token, cost);
    const by = 'spend';
    const expected = ['a', 'c', 'b', 'e', 'd'];
    expect(await listed({}, { sort: { by, order: 'asc' } })).toEqual(expected);
    for (const limit of [1, 2, 3, 4, 5]) {
      const seen: string[] = [];
      for (let offset = 0; offset < 7; offset += limit) {
        seen.push(...(await listed({}, { sort: { by, order: 'desc' }, limit, offset })));
      }
      expect(seen).toEqual(expected.toReversed());
    }
    expect(await listed({ userId: 'u' }, { sort: { by, order: 'desc' } })).toEqual(['d', 'b', 'c', 'a']);
    const visibility = { all: false, userId: 'v', keyHash: 'a', teams: [], organizations: ['o'] } as const;
    expect(await listed({}, { sort: { by, order: 'desc' }, visibility })).toEqual(['e', 'a']);
    expect(await listed({ keyAliasContains: 'x' }, { sort: { by, order: 'desc' } })).toEqual([]);
  });

  /** So many that they are not sorted for a page. */
  const manyKeys = () =>
    sql`with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 6000)
      insert into keys (token, blocked, created_at_ms, updated_at_ms) select 'many ' || n, 0, 100 + n, 1 from numbers`.execute(
      db(),
    );

  test('is the same for many keys as for few', async () => {
    for (const [at, token] of ['a', 'b', 'c'].entries()) await keys.insert(db(), keyRow(token, { created_at_ms: at }));
    await spend('b', 5);
    await spend('c', 9);
    for (const order of ['asc', 'desc'] as const) {
      const few = await listed({}, { sort: { by: 'spend', order } });
      await manyKeys();
      const seen: string[] = [];
      for (let offset = 0; offset < 6_003; offset += 1_001) {
        seen.push(...(await listed({}, { sort: { by: 'spend', order }, limit: 1_001, offset })));
      }
      expect(new Set(seen).size).toBe(6_003);
      expect(seen.filter((token) => !token.startsWith('many'))).toEqual(few);
      await sql`delete from keys where token like 'many%'`.execute(db());
    }
  });

  test('reads the highest off an index', async () => {
    await manyKeys();
    const [, page = ''] = await plansOf({ sort: { by: 'spend', order: 'desc' } });
    expect(page).toContain('INDEX scope_usage_by_key_cost');
    expect(page).toContain('SEARCH keys USING INDEX keys_by_usage');
    expect(page).not.toContain('SCAN keys');
    expect(page).not.toContain('TEMP B-TREE');
  });
});
