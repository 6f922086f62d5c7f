/** What teams, members, users, projects and organizations may do holds on the very next request, over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
const PRICE = { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'm1', PRICE), deployment(upstream, 'm2', PRICE)],
      router_settings: { num_retries: 0 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

type Json = Record<string, unknown>;

async function call(method: string, path: string, body?: object, key = gateway.masterKey): Promise<[number, Json]> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(gateway.url + path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return [answer.status, (await answer.json()) as Json];
}

async function does(method: string, path: string, body?: object, key?: string): Promise<Json> {
  const [status, answer] = await call(method, path, body, key);
  expect([path, status, answer['error']]).toEqual([path, 200, undefined]);
  return answer;
}

const keyFor = async (owners: object): Promise<string> => String((await does('POST', '/key/generate', owners))['key']);

const messages = [{ role: 'user', content: 'Count to 10' }];

/** Status, and the type of the error when there is one. */
async function ask(key: string, model = 'm1', more: object = {}): Promise<string> {
  const answer = await gateway.ask({ model, messages, ...more }, { authorization: `Bearer ${key}` });
  const { error } = (await answer.json()) as { error?: Json };
  return error === undefined ? String(answer.status) : `${answer.status} ${String(error['type'])}`;
}

const DENIED = '403 team_model_access_denied';
const UNKNOWN_KEY = '401 invalid_request_error';

describe('a team', () => {
  test('has the models of its list, as it is now', async () => {
    await does('POST', '/team/new', { team_id: 'models', models: ['m1'] });
    const key = await keyFor({ team_id: 'models' });
    expect([await ask(key), await ask(key, 'm2')]).toEqual(['200', DENIED]);
    await does('POST', '/team/model/add', { team_id: 'models', models: ['m2'] });
    expect(await ask(key, 'm2')).toBe('200');
    await does('POST', '/team/model/delete', { team_id: 'models', models: ['m1'] });
    expect([await ask(key), await ask(key, 'm2')]).toEqual([DENIED, '200']);
    await does('POST', '/team/model/delete', { team_id: 'models', models: ['m2'] });
    expect([await ask(key), await ask(key, 'm2')]).toEqual([DENIED, DENIED]);
    await does('PATCH', '/team/models', { models: null });
    expect([await ask(key), await ask(key, 'm2')]).toEqual(['200', '200']);
  });

  test('calls models by names of its own', async () => {
    await does('POST', '/team/new', { team_id: 'aliases', models: ['m1'], model_aliases: { best: 'm2' } });
    const key = await keyFor({ team_id: 'aliases' });
    expect([await ask(key, 'best'), await ask(key, 'm2')]).toEqual(['200', DENIED]);
    const outsider = await keyFor({});
    expect(await ask(outsider, 'best')).toBe('400 invalid_request_error');
    await does('POST', '/team/update', { team_id: 'aliases', model_aliases: {} });
    expect(await ask(key, 'best')).toBe(DENIED);
  });

  test('is blocked, unblocked and deleted at once', async () => {
    await does('POST', '/team/new', { team_id: 'blocked' });
    const key = await keyFor({ team_id: 'blocked' });
    expect(await ask(key)).toBe('200');
    await does('POST', '/team/block', { team_id: 'blocked' });
    expect(await ask(key)).toBe(UNKNOWN_KEY);
    await does('POST', '/team/unblock', { team_id: 'blocked' });
    expect(await ask(key)).toBe('200');
    await does('POST', '/team/delete', { team_ids: ['blocked'] });
    expect(await ask(key)).toBe(UNKNOWN_KEY);
  });
});

describe('a member of a team', () => {
  test('has the models that were given to them', async () => {
    await does('POST', '/team/new', { team_id: 'members' });
    await does('POST', '/team/member_add', {
      team_id: 'members',
      member: [
        { role: 'user', user_id: 'ada' },
        { role: 'user', user_id: 'bob' },
      ],
    });
    const [ada, bob] = [
      await keyFor({ team_id: 'members', user_id: 'ada' }),
      await keyFor({ team_id: 'members', user_id: 'bob' }),
    ];
    expect(await ask(ada, 'm2')).toBe('200');
    await does('POST', '/team/member_update', { team_id: 'members', user_id: 'ada', allowed_models: ['m1'] });
    expect([await ask(ada), await ask(ada, 'm2'), await ask(bob, 'm2')]).toEqual(['200', DENIED, '200']);
    await does('POST', '/team/member_delete', { team_id: 'members', user_id: 'ada' });
    expect([await ask(ada), await ask(bob)]).toEqual([UNKNOWN_KEY, '200']);
  });

  test('spends their own budget, until it is reset', async () => {
    await does('POST', '/team/new', { team_id: 'purse', members: ['cid', 'dee'], team_member_budget: 0.001 });
    const cid = await keyFor({ team_id: 'purse', user_id: 'cid' });
    const dee = await keyFor({ team_id: 'purse', user_id: 'dee' });
    await does('POST', '/team/member_update', { team_id: 'purse', user_id: 'cid', max_budget_in_team: 0.000_001 });
    const cap = { max_tokens: 100 };
    expect([await ask(cid, 'm1', cap), await ask(dee, 'm1', cap)]).toEqual(['422 budget_exceeded', '200']);
    await does('POST', '/team/member_update', { team_id: 'purse', user_id: 'cid', max_budget_in_team: 0.001 });
    await does('POST', '/team/purse/member/cid/reset_spend', { reset_to: 0.001 });
    expect(await ask(cid, 'm1', cap)).toBe('422 budget_exceeded');
    await does('POST', '/team/purse/member/cid/reset_spend', { reset_to: 0 });
    expect(await ask(cid, 'm1', cap)).toBe('200');
    await does('POST', '/team/update', { team_id: 'purse', team_member_budget: 0.000_001 });
    expect([await ask(cid, 'm1', cap), await ask(dee, 'm1', cap)]).toEqual(['200', '422 budget_exceeded']);
  });
});

test('a member without limits of their own has those that the team gives each of them', async () => {
  await does('POST', '/team/new', {
    team_id: 'each',
    members: ['eve', 'fay'],
    team_member_rpm_limit: 2,
    default_team_member_models: ['m1'],
  });
  await does('POST', '/team/member_add', { team_id: 'each', member: { role: 'user', user_id: 'gil' } });
  const [eve = '', fay = '', gil = ''] = await Promise.all(
    ['eve', 'fay', 'gil'].map((user_id) => keyFor({ team_id: 'each', user_id })),
  );
  const statuses = async (key: string): Promise<string[]> => [await ask(key), await ask(key), await ask(key)];
  expect((await statuses(eve)).map((status) => status.slice(0, 3))).toEqual(['200', '200', '429']);
  expect(await ask(fay)).toBe('200');
  expect([await ask(gil), await ask(gil, 'm2')]).toEqual(['200', DENIED]);
  await does('POST', '/team/update', { team_id: 'each', team_member_tpm_limit: 1 });
  expect((await ask(fay)).slice(0, 3)).toBe('429');
});

describe('what all keys and teams have spent', () => {
  test('counts as nothing after a reset, and the log and its totals are still there', async () => {
    await does('POST', '/team/new', { team_id: 'spender', max_budget: 0.0003 });
    const [ofTeam, alone] = [await keyFor({ team_id: 'spender' }), await keyFor({ max_budget: 0.0003 })];
    const cap = { max_tokens: 100 };
    const untilRefused = async (key: string): Promise<void> => {
      for (let calls = 0; (await ask(key, 'm1', cap)) === '200'; calls += 1) expect(calls).toBeLessThan(50);
    };
    await Promise.all([untilRefused(ofTeam), untilRefused(alone)]);
    const before = await does('GET', '/global/spend');
    expect(await does('POST', '/global/spend/reset')).toMatchObject({
      message: 'Spend for all API Keys and Teams reset successfully',
      status: 'success',
    });
    const [{ info }, { team_info }] = [
      await does('GET', `/key/info?key=${alone}`),
      await does('GET', '/team/info?team_id=spender'),
    ];
    expect([info, team_info]).toMatchObject([{ spend: 0 }, { spend: 0 }]);
    expect((info as Json)['total_spend']).toBeGreaterThan(0);
    expect(await does('GET', '/global/spend')).toEqual(before);
    expect([await ask(ofTeam, 'm1', cap), await ask(alone, 'm1', cap)]).toEqual(['200', '200']);
    const { audit_logs } = await does('GET', '/audit?action=reset');
    expect(audit_logs).toEqual(
      expect.arrayContaining([expect.objectContaining({ object_kind: 'spend', object_id: 'all keys and teams' })]),
    );
  });

  test('is reset by an admin alone', async () => {
    expect((await call('POST', '/global/spend/reset', undefined, await keyFor({})))[0]).toBe(403);
  });
});

describe('a user', () => {
  test('has the models of their own list with keys of their own', async () => {
    const { key, user_id } = await does('POST', '/user/new', { models: ['m1'] });
    expect([await ask(String(key)), await ask(String(key), 'm2')]).toEqual(['200', '403 user_model_access_denied']);
    await does('POST', '/user/update', { user_id, models: ['no-default-models'] });
    expect(await ask(String(key))).toBe('403 user_model_access_denied');
    await does('POST', '/team/new', { team_id: 'for-user', members: [user_id] });
    expect(await ask(await keyFor({ team_id: 'for-user', user_id }), 'm2')).toBe('200');
  });

  test('is blocked and deleted at once, whatever the key', async () => {
    const { key, user_id } = await does('POST', '/user/new', {});
    await does('POST', '/user/update', { user_id, blocked: true });
    expect(await ask(String(key))).toBe(UNKNOWN_KEY);
    await does('POST', '/user/update', { user_id, blocked: false });
    expect(await ask(String(key))).toBe('200');
    await does('POST', '/user/delete', { user_ids: [user_id] });
    expect(await ask(String(key))).toBe(UNKNOWN_KEY);
  });

  test('spends a budget that is changed at once', async () => {
    const { key, user_id } = await does('POST', '/user/new', { max_budget: 0.000_001 });
    expect(await ask(String(key), 'm1', { max_tokens: 100 })).toBe('422 budget_exceeded');
    await does('POST', '/user/update', { user_id, max_budget: 1 });
    expect(await ask(String(key), 'm1', { max_tokens: 100 })).toBe('200');
  });
});

test('a project limits the keys in it, as it is now', async () => {
  await does('POST', '/team/new', { team_id: 'host' });
  await does('POST', '/project/new', { project_id: 'p', team_id: 'host', models: ['m1'] });
  const key = await keyFor({ project_id: 'p', team_id: 'host' });
  expect([await ask(key), await ask(key, 'm2')]).toEqual(['200', '403 project_model_access_denied']);
  await does('POST', '/project/update', { project_id: 'p', blocked: true });
  expect(await ask(key)).toBe(UNKNOWN_KEY);
  await does('POST', '/project/update', { project_id: 'p', blocked: false, models: [], max_budget: 0.000_001 });
  expect(await ask(key, 'm2', { max_tokens: 100 })).toBe('422 budget_exceeded');
});

test('an organization limits its teams, as it is now', async () => {
  await does('POST', '/organization/new', { organization_id: 'o', organization_alias: 'O', models: ['m1'] });
  await does('POST', '/team/new', { team_id: 'o-team', organization_id: 'o' });
  const key = await keyFor({ team_id: 'o-team' });
  expect([await ask(key), await ask(key, 'm2')]).toEqual(['200', '403 org_model_access_denied']);
  await does('PATCH', '/organization/update', { organization_id: 'o', max_budget: 0.000_001, models: [] });
  expect(await ask(key, 'm2', { max_tokens: 100 })).toBe('422 budget_exceeded');
  await does('PATCH', '/organization/update', { organization_id: 'o', max_budget: null, blocked: true });
  expect(await ask(key)).toBe(UNKNOWN_KEY);
  await does('DELETE', '/organization/delete', { organization_ids: ['o'] });
  expect(await ask(key)).toBe(UNKNOWN_KEY);
});

describe('the admin of organization A', () => {
  const admins: Record<string, string> = {};

  beforeAll(async () => {
    for (const name of ['north', 'south']) {
      await does('POST', '/organization/new', { organization_id: name, organization_alias: name });
      const user_id = `${name}-admin`;
      admins[name] = String((await does('POST', '/user/new', { user_id, organizations: [name] }))['key']);
      const member = { role: 'org_admin', user_id };
      await call('DELETE', '/organization/member_delete', { organization_id: name, user_id });
      await does('POST', '/organization/member_add', { organization_id: name, member });
      await does('POST', '/team/new', { team_id: `${name}-team`, organization_id: name, members: [`${name}-user`] });
      await does('POST', '/project/new', { project_id: `${name}-project`, team_id: `${name}-team` });
      const key = await keyFor({ team_id: `${name}-team`, user_id: `${name}-user`, key_alias: `${name}-key` });
      expect(await ask(key)).toBe('200');
    }
  });

  test('finds all of A and nothing of B in any list', async () => {
    const paths = ['/team/list', '/v2/team/list', '/organization/list', '/project/list', '/user/list', '/user/info'];
    for (const path of [...paths, '/key/list?return_full_object=true']) {
      const [status, body] = await call('GET', path, undefined, admins['north']);
      const text = JSON.stringify(body);
      expect([path, status, text.includes('north'), text.includes('south')]).toEqual([path, 200, true, false]);
    }
  });

  test('finds no request of B in the log', async () => {
    const [status, body] = await call('GET', '/spend/logs', undefined, admins['north']);
    expect([status, JSON.stringify(body).includes('south')]).toEqual([200, false]);
  });

  test('finds no object of B by its name, and changes none', async () => {
    const tries: [string, string, object?][] = [
      ['GET', '/team/info?team_id=south-team'],
      ['GET', '/user/info?user_id=south-user'],
      ['GET', '/organization/info?organization_id=south'],
      ['GET', '/project/info?project_id=south-project'],
      ['POST', '/team/update', { team_id: 'south-team', team_alias: 'x' }],
      ['PATCH', '/team/south-team', { team_alias: 'x' }],
      ['POST', '/team/block', { team_id: 'south-team' }],
      ['POST', '/team/delete', { team_ids: ['south-team'] }],
      ['POST', '/team/member_add', { team_id: 'south-team', member: { role: 'user', user_id: 'north-user' } }],
      ['POST', '/team/member_delete', { team_id: 'south-team', user_id: 'south-user' }],
      ['POST', '/user/update', { user_id: 'south-user', blocked: true }],
      [
        'POST',
        '/organization/member_add',
        { organization_id: 'south', member: { role: 'org_admin', user_id: 'north-admin' } },
      ],
      ['POST', '/project/update', { project_id: 'south-project', blocked: true }],
      ['DELETE', '/project/delete', { project_ids: ['south-project'] }],
    ];
    for (const [method, path, body] of tries) {
      const [status, { error }] = await call(method, path, body, admins['north']);
      expect([path, status, (error as Json)['type']]).toEqual([path, 404, 'not_found_error']);
    }
    const [, team] = await call('GET', '/team/info?team_id=south-team');
    expect(team['team_info']).toMatchObject({ team_alias: null, blocked: false, members: ['south-user'] });
  });
});
