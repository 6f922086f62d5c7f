/** Who may do what with keys: two organizations with the same people, and never a way from one to the other. */
import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { budgetRow } from '../../test/support/entity-rows.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';
import { budgets } from '../db/budgets.ts';
import { organizations } from '../db/organizations.ts';
import { teams } from '../db/teams.ts';
import { users } from '../db/users.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

const OWNER = keyOf('a-owner');
const LEAD = keyOf('a-lead');
const MATE = keyOf('a-mate');
const BOSS = keyOf('boss');

const make = (fields: object, as?: string): Promise<Answer> => place.post('/key/generate', fields, as);
const update = (key: string, fields: object, as?: string): Promise<Answer> =>
  place.post('/key/update', { key, ...fields }, as);

function refused(answer: Answer, status: number, param?: string | null): void {
  expect([answer.status, answer.body.error?.param]).toEqual([status, param === undefined ? expect.anything() : param]);
}

const allowInTeam = (...permissions: readonly string[]) =>
  teams.change(place.db, 'a-team', EVERYTHING, () => ({ team_member_permissions: JSON.stringify(permissions) }));
const limitTeam = (
  over: Parameters<typeof teams.change>[3] extends (row: infer Row) => unknown ? Partial<Row> : never,
) => teams.change(place.db, 'a-team', EVERYTHING, () => over);
const limitUser = (
  over: Parameters<typeof users.change>[3] extends (row: infer Row) => unknown ? Partial<Row> : never,
) => users.change(place.db, 'a-mate', EVERYTHING, () => over);

describe('a user', () => {
  test('makes keys of their own, and sees, changes and deletes them', async () => {
    const made = await make({ key_alias: 'mine', models: ['m'] }, MATE);
    expect(made.body).toMatchObject({ user_id: 'a-mate', team_id: null, created_by: 'a-mate', key_alias: 'mine' });
    const { key } = made.body;
    expect((await place.get(`/key/info?key=${key}`, MATE)).body.info.key_alias).toBe('mine');
    expect((await update(key, { models: ['n'], max_budget: 5 }, MATE)).body).toMatchObject({
      models: ['n'],
      max_budget: 5,
    });
    expect((await place.post('/key/block', { key }, MATE)).body.blocked).toBe(true);
    expect((await place.post('/key/unblock', { key }, MATE)).body.blocked).toBe(false);
    expect((await place.post('/key/regenerate', { key }, MATE)).status).toBe(200);
    const [second] = [(await make({}, MATE)).body.key];
    expect((await place.post('/key/delete', { keys: [second] }, MATE)).body).toEqual({ deleted_keys: [second] });
  });

  test('gets no more in a team than the team gives them; an admin of the platform may give more', async () => {
    await allowInTeam('/key/generate', '/key/update');
    const give = (fields: object) =>
      place.post('/team/member_update', { team_id: 'a-team', user_id: 'a-mate', ...fields });
    const inTeam = (fields: object) => make({ team_id: 'a-team', ...fields }, MATE);
    await give({ max_budget_in_team: 2, rpm_limit: 5 });
    refused(await inTeam({ max_budget: 3 }), 400, 'max_budget');
    refused(await inTeam({ rpm_limit: 6 }), 400, 'rpm_limit');
    const { status, body } = await inTeam({ max_budget: 2, rpm_limit: 5 });
    expect(status).toBe(200);
    refused(await update(body.key, { max_budget: 3 }, MATE), 400, 'max_budget');
    await give({ max_budget_in_team: null });
    await place.post('/team/update', { team_id: 'a-team', team_member_budget: 4 });
    refused(await inTeam({ max_budget: 5 }), 400, 'max_budget');
    expect((await inTeam({ max_budget: 4 })).status).toBe(200);
    await give({ allowed_models: ['m'] });
    refused(await inTeam({ models: ['m', 'n'] }), 400, 'models');
    expect((await make({ team_id: 'a-team', user_id: 'a-mate', max_budget: 9 })).status).toBe(200);
  });

  test('gets no more than they have, field by field', async () => {
    await limitUser({
      max_budget_nano_usd: 10e9,
      rpm_limit: 5,
      tpm_limit: 6,
      max_parallel_requests: 2,
      models: '["m","open/*"]',
    });
    for (const [fields, param] of [
      [{ max_budget: 11 }, 'max_budget'],
      [{ rpm_limit: 6 }, 'rpm_limit'],
      [{ tpm_limit: 7 }, 'tpm_limit'],
      [{ max_parallel_requests: 3 }, 'max_parallel_requests'],
      [{ models: ['other'] }, 'models'],
      [{ models: ['*'] }, 'models'],
    ] as const) {
      refused(await make(fields, MATE), 400, param);
    }
    const made = await make({ max_budget: 10, rpm_limit: 5, models: ['m', 'open/x'] }, MATE);
    expect(made.status).toBe(200);
    refused(await update(made.body.key, { max_budget: 11 }, MATE), 400, 'max_budget');
    refused(await update(made.body.key, { models: ['m', 'other'] }, MATE), 400, 'models');
  });

  test('says nothing of what only admins say', async () => {
    await budgets.insert(place.db, budgetRow('large'));
    for (const fields of [
      { allowed_routes: ['/key/info'] },
      { permissions: { a: 1 } },
      { spend: 0 },
      { budget_id: 'large' },
      { object_permission: { mcp_servers: ['x'] } },
      { access_group_ids: ['g'] },
    ]) {
      refused(await make(fields, MATE), 403, Object.keys(fields)[0]);
    }
    const { key } = (await make({}, MATE)).body;
    refused(await update(key, { key_type: 'management' }, MATE), 403, 'key_type');
    refused(await update(key, { allowed_routes: ['/key/info'] }, MATE), 403, 'allowed_routes');
    refused(await update(key, { user_id: 'a-lead' }, MATE), 403, 'user_id');
    refused(await update(key, { team_id: 'a-team' }, MATE), 403, 'team_id');
  });

  test('writes no metadata that means a right', async () => {
    for (const name of ['allowed_teams', 'service_account_id', 'allow_client_mock_response', '_gw_x']) {
      refused(await make({ metadata: { [name]: ['b-team'] } }, MATE), 403, `metadata.${name}`);
    }
    expect((await make({ metadata: { mine: 1, tags: ['t'] }, model_rpm_limit: { m: 1 } }, MATE)).status).toBe(200);
  });

  test('makes no key for others, nor for a team or an organization without a word of its admin', async () => {
    refused(await make({ user_id: 'a-lead' }, MATE), 403, 'user_id');
    refused(await make({ organization_id: 'a' }, MATE), 400, 'organization_id');
    refused(await make({ team_id: 'a-team' }, MATE), 403, 'team_id');
    refused(await make({ team_id: 'b-team' }, MATE), 400, 'team_id');
    refused(await make({ project_id: 'b-project' }, MATE), 400);
  });

  test('what an admin has set on their key is theirs to tighten and not to loosen', async () => {
    const made = await make({
      user_id: 'a-mate',
      max_budget: 5,
      rpm_limit: 10,
      models: ['m'],
      duration: '30d',
      tags: ['cost'],
      model_rpm_limit: { m: 3 },
      tollgate_limits: [{ unit: 'requests', window: '1d', max: 9 }],
    });
    const { key } = made.body;
    for (const [fields, param] of [
      [{ max_budget: 6 }, 'max_budget'],
      [{ max_budget: null }, 'max_budget'],
      [{ rpm_limit: 11 }, 'rpm_limit'],
      [{ models: [] }, 'models'],
      [{ models: ['m', 'n'] }, 'models'],
      [{ duration: '60d' }, 'duration'],
      [{ duration: '-1' }, 'duration'],
      [{ tollgate_limits: null }, 'tollgate_limits'],
      [{ temp_budget_increase: 5, temp_budget_expiry: '2027-01-01' }, 'temp_budget_increase'],
      [{ model_rpm_limit: { m: 4 } }, 'metadata.model_rpm_limit'],
      [{ tags: ['other'] }, 'metadata.tags'],
    ] as const) {
      refused(await update(key, fields, MATE), 403, param);
    }
    const tightened = await update(key, { max_budget: 4, rpm_limit: 9, duration: '1d', metadata: { note: 1 } }, MATE);
    expect(tightened.body).toMatchObject({ max_budget: 4, rpm_limit: 9 });
    expect(tightened.body.metadata).toEqual({ note: 1, tags: ['cost'], model_rpm_limit: { m: 3 } });
  });

  test('does not unblock what an admin has blocked', async () => {
    const { key } = (await make({}, MATE)).body;
    await place.post('/key/block', { key });
    refused(await place.post('/key/unblock', { key }, MATE), 403, 'blocked');
    expect((await place.post('/key/unblock', { key }, BOSS)).status).toBe(200);
  });

  test('makes team keys where the team lets its members, within what the team has', async () => {
    await allowInTeam('/key/generate');
    await limitTeam({ max_budget_nano_usd: 7e9, models: '["m"]' });
    refused(await make({ team_id: 'a-team', max_budget: 8 }, MATE), 400, 'max_budget');
    refused(await make({ team_id: 'a-team', models: ['x'] }, MATE), 400, 'models');
    const made = await make({ team_id: 'a-team', max_budget: 7, models: ['all-team-models'] }, MATE);
    expect(made.body).toMatchObject({ team_id: 'a-team', user_id: 'a-mate' });
    refused(await update(made.body.key, { max_budget: 6 }, MATE), 403, 'team_id');
    refused(await place.post('/key/regenerate', { key: made.body.key }, MATE), 403, 'team_id');
    await allowInTeam('/key/generate', '/key/update', '/key/{key_id}/regenerate');
    expect((await update(made.body.key, { max_budget: 6 }, MATE)).body.max_budget).toBe(6);
    expect((await place.post('/key/regenerate', { key: made.body.key }, MATE)).status).toBe(200);
  });

  test('with a key that is limited makes no key that is not', async () => {
    const limited = await place.key({
      user_id: 'a-mate',
      max_budget: 3,
      budget_duration: '1d',
      rpm_limit: 4,
      models: ['m'],
      duration: '10d',
      allowed_routes: ['/key/generate', 'llm_api_routes'],
    });
    const made = await make({}, limited);
    expect(made.body).toMatchObject({
      max_budget: 3,
      budget_duration: '1d',
      rpm_limit: 4,
      models: ['m'],
      allowed_routes: ['/key/generate', 'llm_api_routes'],
      expires: '2026-02-10T12:00:00.000Z',
    });
    refused(await make({ max_budget: 4 }, limited), 400, 'max_budget');
    refused(await make({ duration: '11d' }, limited), 403, 'duration');
    refused(await make({ models: ['n'] }, limited), 400, 'models');
    refused(await make({ key_type: 'management' }, limited), 403, 'allowed_routes');
    expect((await make({ key_type: 'llm_api' }, limited)).status).toBe(200);
  });
});

describe('whatever a user asks for, in whatever order', () => {
  const some = <Value>(...values: readonly Value[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
  const wish = fc.record({
    max_budget: some<number | null>(1, 5, 6, 100, null),
    budget_duration: some<string | null>('1d', '30d', null),
    rpm_limit: some<number | null>(1, 10, 11, null),
    models: some<string[] | null>([], ['m'], ['m', 'n'], ['*'], null),
    duration: some('1h', '20d', '40d', '-1'),
    blocked: some<boolean | null>(true, false, null),
    metadata: some<object | null>(
      {},
      { tags: ['x'] },
      { model_rpm_limit: { m: 99 } },
      { allowed_teams: ['b-team'] },
      null,
    ),
    tollgate_limits: some<object[] | null>([], [{ unit: 'requests', window: '1d', max: 99 }], null),
    temp_budget_increase: some(50),
    temp_budget_expiry: some('2030-01-01'),
    allowed_routes: some<string[] | null>([], ['*'], ['/key/info'], null),
    user_id: some<string | null>('a-mate', 'boss', null),
    team_id: some<string | null>('a-team', 'b-team', null),
  });
  const step = fc.record({ path: fc.constantFrom('/key/update', '/key/regenerate'), wish });
  const sent = (fields: object): object =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

  /** @returns the secret at the end */
  async function played(first: string, steps: readonly { path: string; wish: object }[]): Promise<string> {
    let key = first;
    for (const { path, wish: fields } of steps) {
      const answer = await place.post(path, { key, ...sent(fields) }, MATE);
      expect(answer.status).toBeLessThan(500);
      if (answer.status === 200) key = answer.body.key;
    }
    return key;
  }

  test('an admin’s limits on their key are never loosened', async () => {
    const limits = { max_budget: 5, budget_duration: '30d', rpm_limit: 10, models: ['m'], duration: '30d' };
    const rest = {
      tags: ['t'],
      tollgate_limits: [{ unit: 'requests', window: '1d', max: 9 }],
      allowed_routes: ['/v1/*'],
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const { key: first, expires } = (await make({ user_id: 'a-mate', ...limits, ...rest })).body;
        const key = await played(first, steps);
        const { info } = (await place.get(`/key/info?key=${key}`)).body;
        expect(info.max_budget).toBeLessThanOrEqual(5);
        expect(info.rpm_limit).toBeLessThanOrEqual(10);
        expect(Date.parse(info.expires)).toBeLessThanOrEqual(Date.parse(expires));
        expect(info).toMatchObject({
          budget_duration: '30d',
          models: ['m'],
          user_id: 'a-mate',
          team_id: null,
          ...rest,
        });
        expect(info.temp_budget_increase).toBeNull();
        expect(info.metadata).toEqual({ tags: ['t'] });
      }),
      { numRuns: 25 },
    );
  });

  test('their own keys stay within what they have', async () => {
    await limitUser({ max_budget_nano_usd: 5e9, rpm_limit: 10, models: '["m"]' });
    await fc.assert(
      fc.asyncProperty(wish, fc.array(step, { maxLength: 4 }), async (first, steps) => {
        const made = await make(sent(first), MATE);
        expect(made.status).toBeLessThan(500);
        const key = await played(made.body.key ?? (await make({}, MATE)).body.key, steps);
        const { info } = (await place.get(`/key/info?key=${key}`)).body;
        // What is not set on the key is limited by its user.
        const { max_budget, temp_budget_increase, rpm_limit } = info;
        if (max_budget !== null) expect(max_budget + Number(temp_budget_increase)).toBeLessThanOrEqual(5);
        expect(Number(rpm_limit)).toBeLessThanOrEqual(10);
        expect(info.models.filter((model: string) => model !== 'm')).toEqual([]);
        expect(info).toMatchObject({ user_id: 'a-mate', team_id: null, allowed_routes: [] });
        expect(info.metadata).not.toHaveProperty('allowed_teams');
      }),
      { numRuns: 25 },
    );
  });
});

describe('an admin of a team', () => {
  test('has keys for the team and for those who are in it, and for no others', async () => {
    expect((await make({ team_id: 'a-team', user_id: 'a-mate' }, LEAD)).status).toBe(200);
    expect((await make({ team_id: 'a-team' }, LEAD)).body.user_id).toBe('a-lead');
    refused(await make({ team_id: 'a-team', user_id: 'b-mate' }, LEAD), 400, 'user_id');
    refused(await make({ team_id: 'a-team', user_id: 'boss' }, LEAD), 400, 'user_id');
    refused(await make({ team_id: 'b-team' }, LEAD), 400, 'team_id');
    refused(await make({ user_id: 'a-mate' }, LEAD), 403, 'user_id');
  });

  test('changes, blocks and renews the keys of the team, within what the team has', async () => {
    await limitTeam({ max_budget_nano_usd: 7e9 });
    const key = await place.key({ team_id: 'a-team', user_id: 'a-mate', max_budget: 1 });
    expect((await update(key, { max_budget: 7, rpm_limit: 9 }, LEAD)).body.max_budget).toBe(7);
    refused(await update(key, { max_budget: 8 }, LEAD), 400, 'max_budget');
    refused(await update(key, { temp_budget_increase: 1, temp_budget_expiry: '2027-01-01' }, LEAD), 400, 'max_budget');
    refused(await update(key, { team_id: 'b-team' }, LEAD), 400, 'team_id');
    refused(await update(key, { organization_id: 'b' }, LEAD), 400, 'organization_id');
    expect((await place.post('/key/block', { key }, LEAD)).status).toBe(200);
    expect((await place.post('/key/unblock', { key }, LEAD)).status).toBe(200);
  });

  test('who learns the secret of another user’s key gets none of that user’s rights', async () => {
    const made = await make({ team_id: 'a-team', user_id: 'a-mate' }, LEAD);
    expect(made.body.allowed_routes).toEqual(['llm_api_routes']);
    expect((await update(made.body.key, { allowed_routes: [] }, LEAD)).body.allowed_routes).toEqual(['llm_api_routes']);
    const whole = await place.key({ team_id: 'a-team', user_id: 'a-mate' });
    const renewed = await place.post('/key/regenerate', { key: whole }, LEAD);
    expect(renewed.body.allowed_routes).toEqual(['llm_api_routes']);
    expect((await place.get('/key/list', renewed.body.key)).status).toBe(403);
    const own = (await make({ team_id: 'a-team' }, LEAD)).body.key;
    expect((await update(own, { user_id: 'a-mate' }, LEAD)).body.allowed_routes).toEqual(['llm_api_routes']);
  });

  test('makes service accounts, which belong to nobody in the team', async () => {
    const body = { team_id: 'a-team', key_alias: 'robot' };
    const made = await place.post('/key/service-account/generate', body, LEAD);
    expect(made.body).toMatchObject({ user_id: null, team_id: 'a-team', metadata: { service_account_id: 'robot' } });
    refused(await place.post('/key/service-account/generate', body, MATE), 403, 'team_id');
    refused(await place.post('/key/service-account/generate', { team_id: 'b-team' }, LEAD), 400, 'team_id');
    refused(await place.post('/key/service-account/generate', { ...body, user_id: 'a-mate' }, LEAD), 400, 'user_id');
    refused(await place.post('/key/service-account/generate', {}, LEAD), 400, 'team_id');
    await allowInTeam('/key/service-account/generate');
    const second = await place.post('/key/service-account/generate', { team_id: 'a-team' }, MATE);
    expect(second.body).toMatchObject({ user_id: null, metadata: { service_account_id: second.body.token } });
  });
});

describe('an admin of an organization', () => {
  test('has keys for its teams and its people, within what it has', async () => {
    await organizations.change(place.db, 'a', EVERYTHING, () => ({ rpm_limit: 50 }));
    expect((await make({ team_id: 'a-team', rpm_limit: 50 }, OWNER)).status).toBe(200);
    refused(await make({ team_id: 'a-team', rpm_limit: 51 }, OWNER), 400, 'rpm_limit');
    expect((await make({ organization_id: 'a', user_id: 'a-mate' }, OWNER)).status).toBe(200);
    refused(await make({ organization_id: 'a', user_id: 'b-mate' }, OWNER), 400, 'user_id');
    refused(await make({ organization_id: 'b' }, OWNER), 400, 'organization_id');
    refused(await make({ team_id: 'b-team' }, OWNER), 400, 'team_id');
    refused(await make({ team_id: 'a-team', organization_id: 'b' }, OWNER), 400, 'organization_id');
  });
});

describe('what is foreign does not exist', () => {
  const ROUTES: readonly (readonly [string, (key: string) => object])[] = [
    ['/key/update', (key) => ({ key, models: [] })],
    ['/key/delete', (key) => ({ keys: [key] })],
    ['/key/block', (key) => ({ key })],
    ['/key/unblock', (key) => ({ key })],
    ['/key/regenerate', (key) => ({ key })],
  ];
  const people = ['a-owner', 'a-lead', 'a-mate'];

  test.each(people)('for %s', async (person) => {
    const foreign = await place.key({ team_id: 'b-team', user_id: 'b-mate', key_alias: 'theirs' });
    for (const [path, bodyFor] of ROUTES) {
      const answer = await place.post(path, bodyFor(foreign), keyOf(person));
      const missing = await place.post(path, bodyFor('sk-never-made-by-anyone'), keyOf(person));
      expect([path, answer.status, answer.body]).toEqual([path, 404, missing.body]);
    }
    const byAlias = await place.post('/key/delete', { key_aliases: ['theirs'] }, keyOf(person));
    expect(byAlias.status).toBe(404);
    for (const path of [`/key/${foreign}/reset_spend`, `/key/${foreign}/regenerate`]) {
      const body = path.endsWith('spend') ? { reset_to: 0 } : {};
      expect((await place.post(path, body, keyOf(person))).status).toBe(404);
    }
    expect((await place.get(`/key/info?key=${foreign}`, keyOf(person))).status).toBe(404);
    expect((await place.post('/v2/key/info', { keys: [foreign] }, keyOf(person))).body.info).toEqual([]);
    const listed = await place.get('/key/list?size=100&return_full_object=true', keyOf(person));
    expect(JSON.stringify(listed.body)).not.toContain('b-');
    expect((await place.get('/key/list?team_id=b-team', keyOf(person))).body).toMatchObject({
      keys: [],
      total_count: 0,
    });
    expect((await place.get('/key/aliases?search=theirs', keyOf(person))).body.total_count).toBe(0);
    const bulk = { team_id: 'b-team', all_keys_in_team: true, update_fields: { models: ['x'] } };
    refused(await place.post('/team/key/bulk_update', bulk, keyOf(person)), 404, 'team_id');
    expect((await place.get(`/key/info?key=${foreign}`)).body.info).toMatchObject({ models: [], status: 'active' });
  });

  test('who only looks changes nothing, and who only uses a key makes none', async () => {
    for (const person of ['auditor', 'a-reader']) {
      for (const [path, bodyFor] of ROUTES) {
        expect((await place.post(path, bodyFor(MATE), keyOf(person))).status).toBe(403);
      }
      expect((await make({}, keyOf(person))).status).toBe(403);
    }
    expect((await place.get(`/key/info?key=${MATE}`, keyOf('auditor'))).status).toBe(200);
    expect((await place.get(`/key/info?key=${MATE}`, keyOf('a-reader'))).status).toBe(404);
  });
});

describe('every write leaves a row in the audit, and only when it happened', () => {
  const noted = () =>
    place.db
      .selectFrom('audit_log')
      .select(['action', 'object_kind', 'object_id', 'actor_user', 'changed_by', 'before_values', 'after_values'])
      .orderBy('id')
      .execute();

  test('with what was before and after, and no secret', async () => {
    const { key, token } = (await make({ team_id: 'a-team', max_budget: 1 }, LEAD)).body;
    await update(key, { max_budget: 2 }, LEAD);
    await place.post('/key/block', { key }, LEAD);
    await place.post('/key/unblock', { key }, LEAD);
    const renewed = (await place.post('/key/regenerate', { key }, LEAD)).body;
    await place.post(`/key/${renewed.key}/reset_spend`, { reset_to: 0 }, LEAD);
    await place.post('/key/delete', { keys: [renewed.key] }, LEAD);
    const rows = await noted();
    expect(rows.map(({ action }) => action)).toEqual([
      ...['created', 'updated', 'blocked', 'unblocked', 'regenerated', 'reset', 'deleted'],
    ]);
    for (const row of rows) expect(row).toMatchObject({ object_kind: 'key', object_id: token, actor_user: 'a-lead' });
    expect(JSON.parse(rows[1]?.before_values ?? '')).toMatchObject({ max_budget: 1 });
    expect(JSON.parse(rows[1]?.after_values ?? '')).toMatchObject({ max_budget: 2 });
    for (const secret of [key, renewed.key]) expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test('and none for what was refused', async () => {
    refused(await make({ spend: 1 }, MATE), 403, 'spend');
    refused(await update('sk-never-made-by-anyone', { models: [] }), 404, 'key');
    await make({ key_alias: 'taken' });
    await make({ key_alias: 'taken' });
    expect((await noted()).map(({ action }) => action)).toEqual(['created']);
  });

  test('naming in whose name it was done', async () => {
    const headers = { 'litellm-changed-by': 'someone@example.com' };
    await place.request('/key/generate', { method: 'POST', body: '{}', headers });
    expect((await noted())[0]?.changed_by).toBe('someone@example.com');
  });
});
