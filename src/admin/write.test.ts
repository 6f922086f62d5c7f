import { describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { addOrganization, addTeam, addUser } from '../../test/support/key-owners.ts';

const place = adminPlace();

interface AuditEntry {
  readonly action: string;
  readonly object_kind: string;
  readonly object_id: string;
  readonly before_value: Record<string, unknown> | null;
  readonly updated_values: Record<string, unknown> | null;
}

/** The newest first. */
const entries = async (): Promise<AuditEntry[]> => (await place.get('/audit?page_size=100')).body.audit_logs;
const patch = (path: string, body: object) => place.request(path, { method: 'PATCH', body: JSON.stringify(body) });
const post = (path: string, body: object) => () => place.post(path, body);

interface Written {
  readonly what: string;
  readonly first: readonly (() => Promise<Answer>)[];
  readonly write: () => Promise<Answer>;
  /** What was done, to which kind of thing, which one. */
  readonly says: string;
  readonly before: object | null;
  readonly after: object | null;
}

const budget = post('/budget/new', { budget_id: 'b', max_budget: 1, rpm_limit: 2 });
const customer = post('/customer/new', { user_id: 'c', alias: 'First' });
const tag = post('/tag/new', { name: 't', description: 'First' });
const team = post('/team/new', { team_id: 'red', team_alias: 'Red', models: ['m1'] });
const user = post('/user/new', { user_id: 'ann', user_alias: 'Ann', auto_create_key: false });

const WRITTEN: readonly Written[] = [
  {
    what: 'a budget that is made',
    first: [],
    write: budget,
    says: 'created budget b',
    before: null,
    after: { budget_id: 'b', max_budget: 1, rpm_limit: 2 },
  },
  {
    what: 'a budget that loses a limit',
    first: [budget],
    write: post('/budget/update', { budget_id: 'b', rpm_limit: null }),
    says: 'updated budget b',
    before: { max_budget: 1, rpm_limit: 2 },
    after: { max_budget: 1, rpm_limit: null },
  },
  {
    what: 'a budget that is deleted',
    first: [budget],
    write: post('/budget/delete', { id: 'b' }),
    says: 'deleted budget b',
    before: { max_budget: 1, rpm_limit: 2 },
    after: null,
  },
  {
    what: 'a customer that is renamed',
    first: [customer],
    write: post('/customer/update', { user_id: 'c', alias: 'Second' }),
    says: 'updated customer c',
    before: { alias: 'First' },
    after: { alias: 'Second' },
  },
  {
    what: 'a customer that is blocked',
    first: [customer],
    write: post('/customer/block', { user_ids: ['c'] }),
    says: 'blocked customer c',
    before: { blocked: false },
    after: { blocked: true },
  },
  {
    what: 'a customer that is let in again',
    first: [customer, post('/customer/block', { user_ids: ['c'] })],
    write: post('/customer/unblock', { user_ids: ['c'] }),
    says: 'unblocked customer c',
    before: { blocked: true },
    after: { blocked: false },
  },
  {
    what: 'a tag that is described anew',
    first: [tag],
    write: post('/tag/update', { name: 't', description: 'Second' }),
    says: 'updated tag t',
    before: { description: 'First' },
    after: { description: 'Second' },
  },
  {
    what: 'a tag that is deleted',
    first: [tag],
    write: post('/tag/delete', { name: 't' }),
    says: 'deleted tag t',
    before: { description: 'First' },
    after: null,
  },
  {
    what: 'a team that is blocked',
    first: [team],
    write: post('/team/block', { team_id: 'red' }),
    says: 'blocked team red',
    before: { team_alias: 'Red', blocked: false },
    after: { team_alias: 'Red', blocked: true },
  },
  {
    what: 'a team that gets a model',
    first: [team],
    write: post('/team/model/add', { team_id: 'red', models: ['m2'] }),
    says: 'updated team red',
    before: { models: ['m1'] },
    after: { models: ['m1', 'm2'] },
  },
  {
    what: 'a team that is deleted',
    first: [team],
    write: post('/team/delete', { team_ids: ['red'] }),
    says: 'deleted team red',
    before: { team_alias: 'Red', models: ['m1'] },
    after: null,
  },
  {
    what: 'a user who gets another role',
    first: [user],
    write: post('/user/update', { user_id: 'ann', user_role: 'proxy_admin' }),
    says: 'updated user ann',
    before: { user_alias: 'Ann', user_role: 'internal_user' },
    after: { user_alias: 'Ann', user_role: 'proxy_admin' },
  },
  {
    what: 'a user who is deleted',
    first: [user],
    write: post('/user/delete', { user_ids: ['ann'] }),
    says: 'deleted user ann',
    before: { user_alias: 'Ann' },
    after: null,
  },
  {
    what: 'a member who becomes the admin of a team',
    first: [user, team, post('/team/member_add', { team_id: 'red', member: { role: 'user', user_id: 'ann' } })],
    write: post('/team/member_update', { team_id: 'red', user_id: 'ann', role: 'admin' }),
    says: 'updated team_member red/ann',
    before: { user_id: 'ann', role: 'user' },
    after: { user_id: 'ann', role: 'admin' },
  },
];

test.each(WRITTEN.map((written) => [written.what, written] as const))(
  '%s leaves one row with what was and is',
  async (_, { first, write, says, before, after }) => {
    for (const step of first) expect((await step()).status).toBe(200);
    const known = (await entries()).length;
    expect((await write()).status).toBe(200);
    const [entry, ...others] = await entries();
    expect(others).toHaveLength(known);
    expect(`${entry?.action} ${entry?.object_kind} ${entry?.object_id}`).toBe(says);
    for (const [stored, expected] of [
      [entry?.before_value, before],
      [entry?.updated_values, after],
    ] as const) {
      if (expected === null) expect(stored).toBeNull();
      else expect(stored).toMatchObject(expected);
    }
    expect((await place.get('/audit/verify')).body).toMatchObject({ intact: true, rows: known + 1 });
  },
);

describe('a secret', () => {
  const FIRST = 'sk-first-secret-of-the-provider-abcd';
  const SECOND = 'sk-second-secret-of-the-provider-wxyz';

  test('of a credential is noted as its last four letters', async () => {
    await place.post('/credentials', { credential_name: 'shared', credential_values: { api_key: FIRST } });
    await patch('/credentials/shared', { credential_values: { api_key: SECOND } });
    await place.request('/credentials/shared', { method: 'DELETE' });
    const told = (await entries()).map((entry) => [
      entry.action,
      entry.before_value?.['credential_values'],
      entry.updated_values?.['credential_values'],
    ]);
    expect(told).toEqual([
      ['deleted', { api_key: '****wxyz' }, undefined],
      ['updated', { api_key: '****abcd' }, { api_key: '****wxyz' }],
      ['created', undefined, { api_key: '****abcd' }],
    ]);
  });

  test('of a model is noted by the name of its field alone', async () => {
    const litellm_params = { model: 'openai/gpt-4o', api_key: FIRST, rpm: 1 };
    await place.post('/model/new', { model_name: 'm', model_info: { id: 'm1' }, litellm_params });
    const change = { model_info: { id: 'm1' }, litellm_params: { api_key: SECOND, rpm: 2 } };
    expect((await place.post('/model/update', change)).status).toBe(200);
    const [entry] = await entries();
    expect(entry?.before_value).toMatchObject({
      litellm_params: { model: 'openai/gpt-4o', rpm: 1 },
      secret_params: ['api_key'],
    });
    expect(entry?.updated_values).toMatchObject({
      litellm_params: { model: 'openai/gpt-4o', rpm: 2 },
      secret_params: ['api_key'],
    });
  });

  test('of any kind stands whole in no row', async () => {
    const key = await place.key({ key_alias: 'mine' });
    const regenerated = (await place.post('/key/regenerate', { key })).body.key;
    await place.post('/user/new', { user_id: 'ann', password: FIRST, auto_create_key: false });
    await place.post('/user/update', { user_id: 'ann', password: SECOND });
    await place.post('/credentials', { credential_name: 'shared', credential_values: { api_key: FIRST } });
    const litellm_params = { model: 'openai/gpt-4o', api_key: SECOND };
    await place.post('/model/new', { model_name: 'm', model_info: { id: 'm1' }, litellm_params });
    const rows = await entries();
    expect(rows.map(({ action, object_kind }) => `${action} ${object_kind}`)).toEqual([
      'created model',
      'created credential',
      'updated user',
      'created user',
      'regenerated key',
      'created key',
    ]);
    const text = JSON.stringify(rows);
    for (const secret of [key, regenerated, FIRST, SECOND]) expect(text).not.toContain(secret);
  });
});

test.each<[string, () => Promise<Answer>, number]>([
  ['a team that is there', post('/team/new', { team_id: 'red' }), 400],
  ['a user who is there', post('/user/new', { user_id: 'ann', auto_create_key: false }), 400],
  ['a team in an organization that is not there', post('/team/new', { team_id: 'x', organization_id: 'x' }), 404],
  ['a team that is not there', post('/team/update', { team_id: 'x', team_alias: 'X' }), 404],
  ['two teams of which one is not there', post('/team/delete', { team_ids: ['red', 'x'] }), 404],
  ['two users of whom one is not there', post('/user/delete', { user_ids: ['ann', 'x'] }), 404],
  ['a budget that is not there', post('/budget/delete', { id: 'x' }), 404],
  ['a tag that is not there', post('/tag/update', { name: 'x' }), 404],
])('what is refused of %s leaves no row and changes nothing', async (_, write, status) => {
  await addOrganization(place.db, 'acme');
  await addTeam(place.db, 'red', { team_alias: 'Red' });
  await addUser(place.db, 'ann', {}, { teams: { red: 'user' } });
  expect((await write()).status).toBe(status);
  expect(await entries()).toEqual([]);
  expect((await place.get('/audit/verify')).body).toMatchObject({ intact: true, rows: 0 });
  const { team_info } = (await place.get('/team/info?team_id=red')).body;
  expect([team_info.team_alias, team_info.members]).toEqual(['Red', ['ann']]);
});
