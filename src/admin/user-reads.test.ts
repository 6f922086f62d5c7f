import { beforeAll, describe, expect, test } from 'bun:test';
import { sharedAdminPlace } from '../../test/support/admin-place.ts';
import { addOrganization, addTeam, addUser } from '../../test/support/key-owners.ts';
import type { UserRow } from '../db/users.ts';

const place = sharedAdminPlace({});

interface Person extends Partial<UserRow> {
  readonly teams: readonly string[];
}

/** No two are in the same order by any two columns. */
const PEOPLE: Readonly<Record<string, Person>> = {
  ann: {
    user_email: 'd@red.example',
    user_alias: 'Nina',
    user_role: 'internal_user',
    max_budget_nano_usd: 3_000_000_000,
    created_at_ms: 40,
    updated_at_ms: 100,
    organization_id: 'acme',
    sso_user_id: 's1',
    teams: ['red', 'blue'],
  },
  bob: {
    user_email: 'c@blue.example',
    user_alias: 'Olga',
    user_role: 'proxy_admin',
    max_budget_nano_usd: 1_000_000_000,
    created_at_ms: 10,
    updated_at_ms: 400,
    blocked: 1,
    teams: ['red'],
  },
  cyd: {
    user_email: 'a@red.example',
    user_alias: 'Mona',
    user_role: 'proxy_admin_viewer',
    max_budget_nano_usd: 4_000_000_000,
    created_at_ms: 30,
    updated_at_ms: 200,
    organization_id: 'other',
    sso_user_id: 's3',
    teams: [],
  },
  dan: {
    user_email: 'b@blue.example',
    user_alias: 'Paul_100%',
    user_role: 'internal_user_viewer',
    max_budget_nano_usd: 2_000_000_000,
    created_at_ms: 20,
    updated_at_ms: 300,
    organization_id: 'acme',
    blocked: 1,
    teams: ['blue'],
  },
};

/** Upwards. */
const ORDERS = {
  user_id: ['ann', 'bob', 'cyd', 'dan'],
  user_email: ['cyd', 'dan', 'bob', 'ann'],
  user_alias: ['cyd', 'ann', 'bob', 'dan'],
  user_role: ['ann', 'dan', 'bob', 'cyd'],
  max_budget: ['bob', 'dan', 'ann', 'cyd'],
  created_at: ['bob', 'dan', 'cyd', 'ann'],
  updated_at: ['ann', 'cyd', 'dan', 'bob'],
} as const;

const FILTERS: readonly (readonly [query: string, found: readonly string[]])[] = [
  ['', ['ann', 'bob', 'cyd', 'dan']],
  ['role=internal_user', ['ann']],
  ['user_role=proxy_admin', ['bob']],
  ['role=internal_user&user_role=proxy_admin', []],
  ['user_ids=dan,ann', ['ann', 'dan']],
  ['user_ids=%20dan%20,,nobody', ['dan']],
  ['user_ids=,', []],
  ['sso_user_ids=s1,s3', ['ann', 'cyd']],
  ['user_email=red', ['ann', 'cyd']],
  ['user_email=BLUE.EXAMPLE', ['bob', 'dan']],
  ['user_alias=on', ['cyd']],
  // A percent sign and an underscore mean themselves.
  ['user_alias=%25', ['dan']],
  ['user_alias=_1', ['dan']],
  ['user_alias=M_na', []],
  ['organization_id=acme', ['ann', 'dan']],
  ['organization_ids=acme,other', ['ann', 'cyd', 'dan']],
  ['organization_ids=acme&organization_id=other', []],
  ['search=b', ['bob', 'dan']],
  ['search=an', ['ann', 'dan']],
  ['blocked=true', ['bob', 'dan']],
  ['blocked=false', ['ann', 'cyd']],
  ['team=red', ['ann', 'bob']],
  ['team=blue&blocked=true', ['dan']],
  ['team=nowhere', []],
  ['organization_id=acme&user_email=red&blocked=false&team=red', ['ann']],
];

beforeAll(async () => {
  for (const id of ['acme', 'other']) await addOrganization(place.db, id);
  for (const id of ['red', 'blue']) await addTeam(place.db, id);
  for (const [id, { teams, ...row }] of Object.entries(PEOPLE)) {
    await addUser(place.db, id, row, { teams: Object.fromEntries(teams.map((team) => [team, 'user' as const])) });
  }
});

const listed = async (query: string) => {
  const { status, body } = await place.get(`/user/list?${query}`);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return { ...body, ids: body.users.map(({ user_id }: { user_id: string }) => user_id) };
};

const SORTS = Object.entries(ORDERS).flatMap(
  ([column, upwards]) =>
    [
      [column, 'asc', upwards],
      [column, 'desc', upwards],
    ] as const,
);

/** What stands on all pages, each of which counts the whole. */
async function pagesOf(query: string, size: number, total: number): Promise<string[]> {
  const pages = Math.ceil(total / size);
  const ids: string[] = [];
  for (let page = 1; page <= Math.max(1, pages); page += 1) {
    const { users: _, ids: onPage, ...counts } = await listed(`${query}&page=${page}&page_size=${size}`);
    expect(counts).toEqual({ total, page, page_size: size, total_pages: pages });
    expect(onPage.length).toBeLessThanOrEqual(size);
    ids.push(...onPage);
  }
  return ids;
}

describe('a list of users', () => {
  test.each(FILTERS)('filtered by %p has %p, in every order, however the pages are cut', async (filter, found) => {
    for (const [column, order, upwards] of SORTS) {
      const sorted = (order === 'asc' ? upwards : upwards.toReversed()).filter((id) => found.includes(id));
      const query = `${filter}&sort_by=${column}&sort_order=${order}`;
      for (const size of [1, 3, 100])
        expect([query, await pagesOf(query, size, found.length)]).toEqual([query, sorted]);
    }
  });

  test('is sorted downwards unless it is told otherwise', async () => {
    expect((await listed('sort_by=user_id')).ids).toEqual(['dan', 'cyd', 'bob', 'ann']);
  });

  test('is empty after its last page, which is still counted', async () => {
    expect(await listed('page=9&page_size=2')).toMatchObject({ ids: [], total: 4, page: 9, total_pages: 2 });
  });

  test('has 25 on a page', async () => {
    expect(await listed('')).toMatchObject({ page: 1, page_size: 25, total_pages: 1 });
  });

  test('says the teams of each', async () => {
    const { users } = await listed('sort_by=user_id&sort_order=asc');
    const teams = users.map((user: { user_id: string; teams: string[] }) => [user.user_id, user.teams.toSorted()]);
    expect(teams).toEqual([
      ['ann', ['blue', 'red']],
      ['bob', ['red']],
      ['cyd', []],
      ['dan', ['blue']],
    ]);
  });

  test.each([
    ['page=0', 'page'],
    ['page=-1', 'page'],
    ['page=1.5', 'page'],
    ['page=1000001', 'page'],
    ['page_size=101', 'page_size'],
    ['page_size=ten', 'page_size'],
    ['sort_by=password_hash', 'sort_by'],
    ['sort_by=spend', 'sort_by'],
    ['sort_order=up', 'sort_order'],
    ['role=king', 'role'],
    ['user_role=king', 'user_role'],
    ['blocked=maybe', 'blocked'],
    ['blocked=1', 'blocked'],
    ['team=%01', 'team'],
    ['users=ann', 'users'],
  ])('with %s is refused by the name of the parameter', async (query, param) => {
    const { status, body } = await place.get(`/user/list?${query}`);
    expect([status, body.error.param]).toEqual([400, param]);
  });
});

describe('one user', () => {
  test.each([
    ['ann', ['blue', 'red'], 3],
    ['bob', ['red'], 1],
    ['cyd', [], 4],
    ['dan', ['blue'], 2],
  ])('%s is shown with the teams %p and a budget of %p dollars', async (id, teams, dollars) => {
    const { body } = await place.get(`/user/info?user_id=${id}`);
    expect([body.user_id, body.user_info.max_budget, body.keys]).toEqual([id, dollars, []]);
    expect(body.user_info.teams.toSorted()).toEqual(teams);
    expect(body.teams.map(({ team_id }: { team_id: string }) => team_id).toSorted()).toEqual(teams);
    const slim = (await place.get(`/v2/user/info?user_id=${id}`)).body;
    expect(slim).toEqual(body.user_info);
  });

  test.each(['/user/info', '/v2/user/info'])('who is not there is not found by %s', async (path) => {
    const { status, body } = await place.get(`${path}?user_id=nobody`);
    expect([status, body.error.param, body.error.type]).toEqual([404, 'user_id', 'not_found_error']);
  });
});
