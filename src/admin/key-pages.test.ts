import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { adminPlace } from '../../test/support/admin-place.ts';
import { budgetRow } from '../../test/support/entity-rows.ts';
import { addProject } from '../../test/support/key-owners.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';
import { digest } from '../auth/digest.ts';
import { budgets } from '../db/budgets.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

/** Of the keys that a test made, by alias. */
const tokens = new Map<string, string>();
async function add(key_alias: string, fields: object = {}, as?: string): Promise<string> {
  place.nowMs += 1;
  const { body, status } = await place.post('/key/generate', { key_alias, ...fields }, as);
  expect([status, body.error]).toEqual([200, undefined]);
  tokens.set(body.token, key_alias);
  return body.token;
}

const PEOPLE = [
  'a-owner',
  'a-lead',
  'a-mate',
  'a-reader',
  'b-owner',
  'b-lead',
  'b-mate',
  'b-reader',
  'boss',
  'auditor',
];

/** Aliases of the keys that a query finds, the keys of the people left out. */
async function found(query: string, as?: string): Promise<string[]> {
  const { body } = await place.get(`/key/list?size=100${query}`, as);
  expect(body.error).toBeUndefined();
  return body.keys.flatMap((token: string) => tokens.get(token) ?? []);
}

const spent = (token: string, dollars: number, over: object = {}): void =>
  place.ledger.record(sampleRow({ keyHash: token, costNanoUsd: dollars * 1e9, startedAtMs: place.nowMs, ...over }));

describe('/key/list', () => {
  test('searches a key or its digest, and parts of aliases', async () => {
    const key = await place.key({ key_alias: 'Billing-App' });
    tokens.set(digest(key), 'Billing-App');
    await add('other');
    for (const search of ['billing', 'APP', digest(key), key])
      expect(await found(`&search=${search}`)).toEqual(['Billing-App']);
    expect(await found('&search=nothing%25')).toEqual([]);
    expect(await found('&search=')).toHaveLength(2);
  });

  test('matches parts where that is asked for, and parts of user ids for admins alone', async () => {
    await add('of-ann-1', { user_id: 'ann-1' });
    await add('of-ann-2', { user_id: 'ann-2' });
    expect(await found('&key_alias=of-ann')).toEqual([]);
    expect(await found('&substring_matching=true&key_alias=OF-ann')).toHaveLength(2);
    expect(await found('&substring_matching=true&user_id=nn-2')).toEqual(['of-ann-2']);
    expect(await found('&user_id=nn-2')).toEqual([]);
    await add('of-mate', { user_id: 'a-mate' });
    expect(await found('&substring_matching=true&user_id=mate', keyOf('a-mate'))).toEqual([]);
    expect(await found('&substring_matching=true&user_id=a-mate', keyOf('a-mate'))).toEqual(['of-mate']);
  });

  test('finds by agent, by access group and by whether its life is over', async () => {
    const group = await place.post('/v1/access_group', { access_group_name: 'readers' });
    const access_group_ids = [group.body.access_group_id];
    await add('grouped', { access_group_ids });
    await add('agent', { agent_id: 'bot' });
    await add('short', { duration: '1s', blocked: true });
    place.nowMs += 2_000;
    expect(await found(`&access_group_id=${access_group_ids[0]}`)).toEqual(['grouped']);
    expect(await found('&agent_id=bot')).toEqual(['agent']);
    expect(await found('&expires=expired')).toEqual(['short']);
    expect((await found('&expires=active')).toSorted()).toEqual(['agent', 'grouped']);
  });

  test('finds by each owner, by alias, by digest and by status', async () => {
    await addProject(place.db, 'p', { team_id: 'a-team' });
    const one = await add('one', { user_id: 'u', team_id: 'a-team', project_id: 'p' });
    await add('two', { organization_id: 'b' });
    await add('three', { blocked: true });
    await add('four', { duration: '1s' });
    place.nowMs += 1_000;
    const cases: [string, string[]][] = [
      ['&user_id=u', ['one']],
      ['&team_id=a-team', ['one']],
      ['&organization_id=b', ['two']],
      ['&project_id=p', ['one']],
      ['&key_alias=two', ['two']],
      [`&key_hash=${one}`, ['one']],
      ['&status=blocked', ['three']],
      ['&status=revoked', ['three']],
      ['&status=expired', ['four']],
      ['&status=active&user_id=u', ['one']],
      ['&user_id=u&team_id=b-team', []],
    ];
    for (const [query, aliases] of cases) expect([query, await found(query)]).toEqual([query, aliases]);
    await place.post('/key/delete', { keys: [one] });
    expect(await found('&status=deleted')).toEqual(['one']);
    expect(await found('&team_id=a-team')).toEqual([]);
  });

  test('finds a user’s keys together with those of the teams they administer and those they have made', async () => {
    await add('own', { user_id: 'a-lead' });
    await add('of the team', { team_id: 'a-team', user_id: 'a-mate' });
    await add('made', { team_id: 'a-team', user_id: 'a-mate' }, keyOf('a-lead'));
    await add('of others', { team_id: 'b-team' });
    const lead = keyOf('a-lead');
    expect(await found('&user_id=a-lead', lead)).toEqual(['own']);
    expect(await found('&include_team_keys=true', lead)).toEqual(['made', 'of the team', 'own']);
    expect(await found('&include_created_by_keys=true', lead)).toEqual(['made', 'own']);
    expect(await found('&user_id=a-lead&include_team_keys=true')).toEqual(['made', 'of the team', 'own']);
    expect(await found('&include_team_keys=true', keyOf('a-mate'))).toEqual(['made', 'of the team']);
  });

  test('sorts by each of its columns in both directions', async () => {
    const low = await add('b', { max_budget: 1, user_id: 'x', duration: '1d' });
    const high = await add('a', { max_budget: 2, user_id: 'y', duration: '2d' });
    spent(low, 2);
    spent(high, 3);
    for (const column of ['created_at', 'updated_at', 'max_budget', 'expires', 'spend', 'user_id']) {
      const ofTwo = `&sort_by=${column}`;
      expect([column, await found(`${ofTwo}&sort_order=desc`)]).toEqual([column, ['a', 'b']]);
      expect([column, await found(`${ofTwo}&sort_order=asc`)]).toEqual([column, ['b', 'a']]);
    }
    expect(await found('&sort_by=key_alias&sort_order=asc')).toEqual(['a', 'b']);
  });

  test('gives every key once, however the pages are cut', async () => {
    for (let i = 0; i < 12; i++) await add(`key ${i}`, { user_id: 'many', max_budget: i % 3 });
    const cut = fc.record({
      size: fc.integer({ min: 1, max: 13 }),
      by: fc.constantFrom('created_at', 'max_budget', 'spend', 'key_alias'),
      order: fc.constantFrom('asc', 'desc'),
    });
    await fc.assert(
      fc.asyncProperty(cut, async ({ size, by, order }) => {
        const seen: string[] = [];
        const query = `/key/list?user_id=many&size=${size}&sort_by=${by}&sort_order=${order}`;
        const { body: first } = await place.get(query);
        for (let page = 1; page <= first.total_pages; page++) {
          seen.push(...(await place.get(`${query}&page=${page}`)).body.keys);
        }
        expect([first.total_count, seen.length, new Set(seen).size]).toEqual([12, 12, 12]);
      }),
      { numRuns: 15 },
    );
  });

  test('tells what each key has spent, read for all of a page at once', async () => {
    await budgets.insert(place.db, budgetRow('weekly', { max_budget_nano_usd: 7e9, budget_duration: '7d' }));
    const monthly = await add('monthly', { user_id: 'u', max_budget: 5, budget_duration: '1mo' });
    const referring = await add('referring', { user_id: 'u', budget_id: 'weekly' });
    spent(monthly, 1);
    spent(referring, 2);
    spent(monthly, 4, { startedAtMs: Date.UTC(2025, 11, 30) });
    const { body } = await place.get('/key/list?user_id=u&return_full_object=true');
    expect(body.keys).toMatchObject([
      {
        token: referring,
        spend: 2,
        total_spend: 2,
        budget_reset_at: '2026-02-02T00:00:00.000Z',
        litellm_budget_table: { budget_id: 'weekly', max_budget: 7, budget_duration: '7d' },
        status: 'active',
      },
      {
        token: monthly,
        spend: 1,
        total_spend: 5,
        budget_reset_at: '2026-02-01T00:00:00.000Z',
        litellm_budget_table: null,
      },
    ]);
  });

  test('says who the users are when asked to', async () => {
    await add('mine', {}, keyOf('a-mate'));
    const { body } = await place.get('/key/list?key_alias=mine&expand=user');
    expect(body.keys[0]).toMatchObject({
      user: { user_id: 'a-mate', user_email: 'a-mate@example.com' },
      created_by_user: { user_id: 'a-mate' },
    });
  });

  test('takes a parameter that is empty for none, and refuses unknown ones by name', async () => {
    expect((await place.get('/key/list?team_id=&status=')).body.total_count).toBe(PEOPLE.length);
    const answer = await place.get('/key/list?teem_id=x');
    expect([answer.status, answer.body.error.param]).toEqual([400, 'teem_id']);
    for (const query of ['sort_by=secret', 'sort_order=up', 'status=odd', 'include_team_keys=yes']) {
      expect((await place.get(`/key/list?${query}`)).status).toBe(400);
    }
  });
});

describe('/key/aliases', () => {
  test('gives the aliases that the caller may see, in their order, paged and searched', async () => {
    for (const alias of ['zebra', 'ape', 'Ant', 'bee']) await add(alias, { user_id: 'u', team_id: 'a-team' });
    const all = await place.get('/key/aliases?user_id=u&size=3');
    expect(all.body).toEqual({
      aliases: ['Ant', 'ape', 'bee'],
      total_count: 4,
      current_page: 1,
      total_pages: 2,
      size: 3,
    });
    expect((await place.get('/key/aliases?user_id=u&size=3&page=2')).body.aliases).toEqual(['zebra']);
    expect((await place.get('/key/aliases?search=AN')).body.aliases).toEqual(['Ant']);
    expect((await place.get('/key/aliases', keyOf('b-lead'))).body.aliases).toEqual(['key of b-lead']);
    expect((await place.get('/key/aliases?search=zeb', keyOf('a-lead'))).body.aliases).toEqual(['zebra']);
  });
});

describe('/v2/key/info', () => {
  test('tells of each key that is asked for, once and in order, and leaves out what is not there', async () => {
    const [one, two] = [await add('one'), await add('two', { max_budget: 3 })];
    spent(two, 1);
    const asked = [two, 'sk-never-made-by-anyone', one, two];
    const { body } = await place.post('/v2/key/info', { keys: asked });
    expect(body.key).toEqual(asked);
    expect(body.info).toMatchObject([
      { token: two, key_alias: 'two', spend: 1, status: 'active' },
      { token: one, key_alias: 'one', spend: 0 },
    ]);
    expect((await place.post('/v2/key/info', { keys: [] })).body.error.param).toBe('keys');
  });
});

describe('/key/info', () => {
  test('tells how much of each budget by model and of each window is gone', async () => {
    const token = await add('budgets', {
      budget_limits: [
        { budget_duration: '1h', max_budget: 1 },
        { budget_duration: '1d', max_budget: 5 },
      ],
      model_max_budget: { m: { budget_limit: 2, time_period: '1d' }, other: 3 },
    });
    spent(token, 0.5, { modelGroup: 'm' });
    spent(token, 0.25, { modelGroup: 'm', startedAtMs: place.nowMs - 2 * 3_600_000 });
    spent(token, 0.125, { modelGroup: 'other', startedAtMs: Date.UTC(2025, 5, 1) });
    const { info } = (await place.get(`/key/info?key=${token}`)).body;
    expect(info.budget_limits_usage).toEqual({
      '1h': { current_spend: 0.5, max_budget: 1, reset_at: '2026-01-31T13:00:00.000Z' },
      '1d': { current_spend: 0.75, max_budget: 5, reset_at: '2026-02-01T00:00:00.000Z' },
    });
    expect(info.model_max_budget_usage).toEqual({
      m: { current_spend: 0.75, budget_limit: 2, time_period: '1d', reset_at: '2026-02-01T00:00:00.000Z' },
      other: { current_spend: 0.125, budget_limit: 3, time_period: null, reset_at: null },
    });
  });

  test('says nothing of budgets that there are not', async () => {
    const { info } = (await place.get(`/key/info?key=${await add('plain')}`)).body;
    expect(info).not.toHaveProperty('model_max_budget_usage');
    expect(info).not.toHaveProperty('budget_limits_usage');
  });

  test('of a key made again with the secret of a deleted one, begins anew', async () => {
    const secret = 'sk-comes-and-goes-and-comes';
    const token = await add('first', { key: secret });
    expect(token).toBe(digest(secret));
    spent(token, 3);
    await place.post('/key/delete', { keys: [secret] });
    expect((await place.get(`/key/info?key=${secret}`)).body.info).toMatchObject({ status: 'deleted', spend: 3 });
    await add('second', { key: secret });
    expect((await place.get(`/key/info?key=${secret}`)).body.info).toMatchObject({ status: 'active', spend: 0 });
  });
});
