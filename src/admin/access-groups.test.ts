import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace, NOW_MS } from '../../test/support/admin-place.ts';
import { teamRow } from '../../test/support/entity-rows.ts';
import { digest } from '../auth/digest.ts';
import { textsIn } from '../auth/json-columns.ts';
import { auditLog } from '../db/audit-log.ts';
import { findKey } from '../db/keys.ts';
import { teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();

const lastAudit = async () => (await auditLog.list(place.db, { visibility: EVERYTHING, limit: 1 })).rows[0];
const put = (id: string, body: object, key?: string) =>
  place.request(`/v1/access_group/${id}`, { method: 'PUT', body: JSON.stringify(body) }, key);
const remove = (id: string, key?: string) => place.request(`/v1/access_group/${id}`, { method: 'DELETE' }, key);

/** What the key may call, as the next request with it would find it. */
const callable = async (secret: string): Promise<readonly string[]> => {
  const caller = await place.authenticate({ authorization: `Bearer ${secret}` });
  return caller.team === null ? caller.models : caller.team.models;
};

const groupOf = async (fields: object): Promise<string> => {
  const { status, body } = await place.post('/v1/access_group', fields);
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.access_group_id;
};

test('every field of a group comes back as it was sent', async () => {
  const secret = await place.key();
  await teams.insert(place.db, teamRow('t'));
  const sent = {
    access_group_name: 'premium',
    description: 'The dear ones',
    access_model_names: ['gpt-4o', 'claude-*'],
    access_mcp_server_ids: ['m'],
    access_agent_ids: ['a'],
    assigned_team_ids: ['t'],
    assigned_key_ids: [digest(secret)],
  };
  const made = await place.post('/v1/access_group', { ...sent, assigned_key_ids: [secret] });
  expect(made.status).toBe(201);
  expect(made.headers.get('x-tollgate-warning')).toContain('access_mcp_server_ids, access_agent_ids');
  expect(made.body).toEqual({
    ...sent,
    access_group_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    access_skill_names: [],
    mcp_tool_permissions: null,
    access_mcp_servers: [{ id: 'm', name: null }],
    access_agents: [{ id: 'a', name: null }],
    assigned_teams: [{ id: 't', name: null }],
    assigned_keys: [{ id: digest(secret), name: null }],
    created_at: new Date(NOW_MS).toISOString(),
    updated_at: new Date(NOW_MS).toISOString(),
    created_by: 'default_user_id',
    updated_by: 'default_user_id',
  });
  expect((await place.get(`/v1/access_group/${made.body.access_group_id}`)).body).toEqual(made.body);
  expect((await place.get('/v1/access_group')).body).toEqual([made.body]);
});

test('only the fields sent change, and an explicit null clears one', async () => {
  const id = await groupOf({ access_group_name: 'a', description: 'x', access_model_names: ['m'] });
  const { body } = await put(id, { description: null, access_group_name: 'b' });
  expect(body).toMatchObject({ access_group_name: 'b', description: null, access_model_names: ['m'] });
});

describe('a group', () => {
  test('adds its models to those of a key, with the next request', async () => {
    const secret = await place.key({ models: ['own'] });
    expect(await callable(secret)).toEqual(['own']);
    const id = await groupOf({
      access_group_name: 'g',
      access_model_names: ['shared'],
      assigned_key_ids: [digest(secret)],
    });
    expect(await callable(secret)).toEqual(['own', 'shared']);
    await put(id, { access_model_names: ['other'] });
    expect(await callable(secret)).toEqual(['own', 'other']);
    await put(id, { assigned_key_ids: [] });
    expect(await callable(secret)).toEqual(['own']);
  });

  test('adds its models to those of a team', async () => {
    await teams.insert(place.db, teamRow('t', { models: '["own"]' }));
    const secret = await place.key({ team_id: 't' });
    expect(await callable(secret)).toEqual(['own']);
    const id = await groupOf({ access_group_name: 'g', access_model_names: ['shared'], assigned_team_ids: ['t'] });
    expect(await callable(secret)).toEqual(['own', 'shared']);
    await remove(id);
    expect(await callable(secret)).toEqual(['own']);
  });

  test('is all that a key without models of its own may call', async () => {
    const secret = await place.key();
    expect(await callable(secret)).toEqual([]);
    await groupOf({ access_group_name: 'g', access_model_names: ['shared'], assigned_key_ids: [secret] });
    expect(await callable(secret)).toEqual(['shared']);
  });

  test.each(['taken away', 'emptied', 'deleted'])('that is %s does not open every model', async (how) => {
    const secret = await place.key();
    await teams.insert(place.db, teamRow('t'));
    const ofTeam = await place.key({ team_id: 't' });
    const id = await groupOf({
      access_group_name: 'g',
      access_model_names: ['shared'],
      assigned_key_ids: [secret],
      assigned_team_ids: ['t'],
    });
    if (how === 'deleted') await remove(id);
    else
      await put(id, how === 'emptied' ? { access_model_names: [] } : { assigned_key_ids: [], assigned_team_ids: [] });
    expect(await callable(secret)).toEqual(['no-default-models']);
    expect(await callable(ofTeam)).toEqual(['no-default-models']);
  });

  test('and those it was given to name each other', async () => {
    const secret = await place.key();
    await teams.insert(place.db, teamRow('t'));
    const id = await groupOf({ access_group_name: 'g', assigned_key_ids: [secret], assigned_team_ids: ['t'] });
    const named = async () => [
      textsIn((await findKey(place.db, digest(secret)))?.access_group_ids ?? null),
      textsIn((await teams.find(place.db, 't', EVERYTHING))?.access_group_ids ?? null),
    ];
    expect(await named()).toEqual([[id], [id]]);
    const second = await groupOf({ access_group_name: 'h', assigned_team_ids: ['t'] });
    expect(await named()).toEqual([[id], [id, second]]);
    await remove(id);
    expect(await named()).toEqual([[], [second]]);
  });
});

describe('what keys and teams say of their groups', () => {
  const assigned = async (id: string): Promise<[string[], string[]]> => {
    const { body } = await place.get(`/v1/access_group/${id}`);
    return [body.assigned_key_ids, body.assigned_team_ids];
  };

  test('the group says too', async () => {
    const id = await groupOf({ access_group_name: 'g', access_model_names: ['shared'] });
    const secret = await place.key({ access_group_ids: [id] });
    const team = (await place.post('/team/new', { team_alias: 't', access_group_ids: [id] })).body.team_id;
    expect(await assigned(id)).toEqual([[digest(secret)], [team]]);
    expect(await callable(secret)).toEqual(['shared']);
    await place.post('/key/update', { key: secret, access_group_ids: [], models: ['own'] });
    await place.post('/team/update', { team_id: team, access_group_ids: null });
    expect(await assigned(id)).toEqual([[], []]);
    expect(await callable(secret)).toEqual(['own']);
  });

  test('holds of a key under its new secret, and ends with it', async () => {
    const id = await groupOf({ access_group_name: 'g', access_model_names: ['shared'] });
    const secret = await place.key({ access_group_ids: [id] });
    const renewed = (await place.post('/key/regenerate', { key: secret })).body.key;
    expect(await assigned(id)).toEqual([[digest(renewed)], []]);
    expect(await callable(renewed)).toEqual(['shared']);
    await place.post('/key/delete', { keys: [renewed] });
    expect(await assigned(id)).toEqual([[], []]);
  });

  test('must name groups that are there', async () => {
    const made = await place.post('/key/generate', { access_group_ids: ['nowhere'] });
    expect([made.status, made.body.error.param]).toEqual([400, 'access_group_ids']);
    const team = await place.post('/team/new', { access_group_ids: ['nowhere'] });
    expect([team.status, team.body.error.param]).toEqual([400, 'access_group_ids']);
  });
});

describe('refusals', () => {
  beforeEach(async () => {
    await groupOf({ access_group_name: 'taken' });
  });

  test('a name that is taken', async () => {
    const again = await place.post('/v1/access_group', { access_group_name: 'taken' });
    expect([again.status, again.body.error.param]).toEqual([409, 'access_group_name']);
    const id = await groupOf({ access_group_name: 'free' });
    expect((await put(id, { access_group_name: 'taken' })).status).toBe(409);
    expect((await put(id, { access_group_name: 'free' })).status).toBe(200);
  });

  test('a key or a team that is not there, and then nothing has happened', async () => {
    for (const field of ['assigned_key_ids', 'assigned_team_ids']) {
      const answer = await place.post('/v1/access_group', { access_group_name: 'g', [field]: ['nobody'] });
      expect([answer.status, answer.body.error.param]).toEqual([400, field]);
    }
    expect((await place.get('/v1/access_group')).body).toHaveLength(1);
    expect(await lastAudit()).toMatchObject({ action: 'created', id: 1 });
  });

  test('a group that is not there', async () => {
    for (const answer of [await place.get('/v1/access_group/x'), await put('x', {}), await remove('x')]) {
      expect([answer.status, answer.body.error.type]).toEqual([404, 'not_found_error']);
    }
  });

  test('fields that are not its own', async () => {
    const cases: [object, string][] = [
      [{}, 'access_group_name'],
      [{ access_group_name: 'g', models: [] }, 'models'],
      [{ access_group_name: 'g', access_group_id: 'mine' }, 'access_group_id'],
      [{ access_group_name: 'g', access_model_names: 'gpt-4o' }, 'access_model_names'],
    ];
    for (const [body, param] of cases) {
      const answer = await place.post('/v1/access_group', body);
      expect([answer.status, answer.body.error.param]).toEqual([400, param]);
    }
  });

  test('a key', async () => {
    const key = await place.key();
    expect((await place.get('/v1/access_group', key)).status).toBe(403);
    expect((await place.post('/v1/access_group', { access_group_name: 'g' }, key)).status).toBe(403);
    expect((await put('x', {}, key)).status).toBe(403);
    expect((await remove('x', key)).status).toBe(403);
  });
});

test('each change leaves a row that says what, before and after', async () => {
  const id = await groupOf({ access_group_name: 'g', access_model_names: ['a'] });
  expect(await lastAudit()).toMatchObject({ action: 'created', object_kind: 'access_group', object_id: id });
  await put(id, { access_model_names: ['b'] });
  const row = await lastAudit();
  expect(JSON.parse(row?.before_values ?? '')).toMatchObject({ access_model_names: ['a'] });
  expect(JSON.parse(row?.after_values ?? '')).toMatchObject({ access_model_names: ['b'] });
  await remove(id);
  expect(await lastAudit()).toMatchObject({ action: 'deleted', object_id: id, after_values: null });
});
