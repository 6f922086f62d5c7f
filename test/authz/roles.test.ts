/** Rules beside the matrix: own roles, the last admin, and those who are blocked or whose key has ended. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sendingOf } from './aims.ts';
import { KINDS, ORACLE } from './oracle.ts';
import { targetOf } from './targets.ts';
import { type Answer, createWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 60_000);
afterAll(() => world?.stop());

const post = (path: string, body: object, key: string | null): Promise<Answer> =>
  world.send({ method: 'POST', path, body }, key);
const patch = (path: string, body: object, key: string | null): Promise<Answer> =>
  world.send({ method: 'PATCH', path, body }, key);
const roleOf = async (userId: string): Promise<string> =>
  (await world.made('GET', `/v2/user/info?user_id=${userId}`)).body.user_role;

async function newUser(fields: object = {}): Promise<{ userId: string; key: string }> {
  const user_id = world.name('acme', 'user');
  const { body } = await world.made('POST', '/user/new', { user_id, models: ['shared'], ...fields });
  return { userId: user_id, key: body.key };
}

describe('nobody changes their own role', () => {
  const ROLES = ['proxy_admin', 'proxy_admin_viewer', 'org_admin', 'internal_user', 'internal_user_viewer'];

  test.each(['viewer', 'user', 'team_admin', 'org_admin', 'platform_viewer', 'platform_admin'] as const)(
    '%s',
    async (role) => {
      const { key, userId } = world.actor(role);
      const before = await roleOf(String(userId));
      for (const user_role of ROLES.filter((name) => name !== before)) {
        for (const named of [{ user_id: userId }, { user_email: `${userId}@example.com` }]) {
          expect((await post('/user/update', { ...named, user_role }, key)).status).toBe(403);
        }
        const bulk = await post('/user/bulk_update', { users: [{ user_id: userId, user_role }] }, key);
        expect(bulk.status === 403 || bulk.body.successful_updates === 0).toBe(true);
        const all = await post(
          '/user/bulk_update',
          { all_users: true, user_updates: { user_role } },
          role === 'platform_admin' ? null : key,
        );
        expect(
          all.status >= 400 ||
            all.body.results.every(
              (each: { user_id: string; success: boolean }) => each.user_id !== userId || !each.success,
            ),
        ).toBe(true);
      }
      expect(await roleOf(String(userId))).toBe(before);
    },
  );

  test('in a team, nor by leaving it and coming back', async () => {
    const { team, people, personal } = world.tenants.acme;
    for (const who of ['user', 'mate', 'viewer'] as const) {
      const user_id = people[who];
      for (const path of ['/team/member_update', '/team/member_add', '/team/bulk_member_add', '/team/member_delete']) {
        const members = { member: { user_id, role: 'admin' }, members: [{ user_id, role: 'admin' }] };
        const { member, members: many } = members;
        const bodies: Record<string, object> = {
          '/team/member_update': { team_id: team, user_id, role: 'admin' },
          '/team/member_add': { team_id: team, member },
          '/team/bulk_member_add': { team_id: team, members: many },
          '/team/member_delete': { team_id: team, user_id },
        };
        expect([path, (await post(path, bodies[path] ?? {}, personal[who])).status]).toEqual([path, 403]);
      }
    }
    const own = { team_id: team, user_id: people.lead };
    expect((await post('/team/member_update', { ...own, role: 'user' }, personal.lead)).status).toBe(403);
  });

  test('in an organization', async () => {
    const { organization, people, personal } = world.tenants.acme;
    for (const who of ['user', 'lead', 'owner'] as const) {
      const role = who === 'owner' ? 'internal_user' : 'org_admin';
      const body = { organization_id: organization, user_id: people[who], role };
      expect((await patch('/organization/member_update', body, personal[who])).status).toBe(403);
    }
  });

  test('by making a second account of a higher one, or a key for one', async () => {
    const { key } = world.actor('org_admin');
    for (const user_role of ['proxy_admin', 'proxy_admin_viewer', 'org_admin', 'team', 'customer']) {
      const made = await post('/user/new', { user_id: world.name('acme', 'twin'), user_role }, key);
      expect([user_role, made.status]).toEqual([user_role, 403]);
    }
    for (const user_id of ['platform-boss', 'default_user_id']) {
      for (const role of ['user', 'team_admin', 'org_admin'] as const) {
        const made = await post('/key/generate', { user_id, team_id: world.tenants.acme.team }, world.actor(role).key);
        expect([role, made.status >= 400]).toEqual([role, true]);
      }
    }
  });
});

describe('the last admin of the platform', () => {
  test('is neither deleted, demoted nor blocked, by whomever and however', async () => {
    const boss = 'platform-boss';
    for (const role of ['platform_admin', 'root'] as const) {
      const { key } = world.actor(role);
      const tries = [
        post('/user/delete', { user_ids: [boss] }, key),
        post('/user/update', { user_id: boss, user_role: 'internal_user' }, key),
        post('/user/update', { user_id: boss, user_role: null }, key),
        post('/user/update', { user_id: boss, blocked: true }, key),
        post('/user/update', { user_email: `${boss}@example.com`, blocked: true }, key),
      ];
      for (const { status } of await Promise.all(tries)) expect([400, 403]).toContain(status);
      const bulk = await post('/user/bulk_update', { users: [{ user_id: boss, blocked: true }] }, key);
      expect(bulk.body.successful_updates).toBe(0);
    }
    expect(await roleOf(boss)).toBe('proxy_admin');
    expect((await world.send({ method: 'GET', path: '/key/list' }, world.actor('platform_admin').key)).status).toBe(
      200,
    );
  });

  test('of two, one stays however they are taken away at once', async () => {
    const second = await newUser({ user_role: 'proxy_admin' });
    const answers = await Promise.all([
      world.send({ method: 'POST', path: '/user/delete', body: { user_ids: ['platform-boss'] } }, second.key),
      post('/user/update', { user_id: second.userId, user_role: 'internal_user' }, world.actor('platform_admin').key),
    ]);
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    const { body } = await world.made('GET', '/user/list?role=proxy_admin&blocked=false');
    expect(body.total).toBeGreaterThanOrEqual(1);
    const both = await post(
      '/user/delete',
      { user_ids: body.users.map((user: { user_id: string }) => user.user_id) },
      world.actor('root').key,
    );
    expect(both.status).toBe(400);
  });
});

/** Everything but the probes and the documents. */
async function lockedOut(key: string): Promise<string[]> {
  const open: string[] = [];
  for (const [route, expected] of Object.entries(ORACLE)) {
    if (expected.may.anonymous !== undefined) continue;
    const target = await targetOf(world, {
      kind: expected.on,
      relation: KINDS[expected.on][0],
      actor: { role: 'user', tenant: 'acme', key, userId: world.tenants.acme.people.user },
      isFresh: false,
    });
    const sending = await sendingOf(route, {
      target,
      world,
      name: (what) => world.name('acme', what),
      thing: async () => 'none',
    });
    const { status } = await world.send(sending, key);
    if (status !== 401) open.push(`${route}: ${status}`);
  }
  return open;
}

describe('who is shut out loses every route at once, management too', () => {
  const list = (key: string): Promise<Answer> => world.send({ method: 'GET', path: '/models' }, key);
  /** It worked a moment ago, so it is in memory. */
  async function shutOut(key: string, shut: () => Promise<unknown>): Promise<void> {
    expect((await list(key)).status).toBe(200);
    await shut();
    expect((await list(key)).status).toBe(401);
    expect(await lockedOut(key)).toEqual([]);
  }

  test('a blocked key', async () => {
    const { userId } = await newUser({ auto_create_key: false });
    const { key } = (await world.made('POST', '/key/generate', { user_id: userId })).body;
    await shutOut(key, () => world.made('POST', '/key/block', { key }));
    await world.made('POST', '/key/unblock', { key });
    expect((await list(key)).status).toBe(200);
  });

  test('a deleted key', async () => {
    const { key } = await newUser();
    await shutOut(key, () => world.made('POST', '/key/delete', { keys: [key] }));
  });

  test('a key whose secret was replaced', async () => {
    const { key } = await newUser();
    await shutOut(key, () => world.made('POST', '/key/regenerate', { key }));
  });

  test('a key that has come to its end', async () => {
    const { key } = (await world.made('POST', '/key/generate', { duration: '1s' })).body;
    await shutOut(key, () => Bun.sleep(1_000)); // The end of a key is a time: there is nothing to wait for but it.
  });

  test('an admin who is blocked', async () => {
    const { key, userId } = await newUser({ user_role: 'proxy_admin' });
    await shutOut(key, () => world.made('POST', '/user/update', { user_id: userId, blocked: true }));
  });

  test('an admin who is deleted', async () => {
    const { key, userId } = await newUser({ user_role: 'proxy_admin' });
    await shutOut(key, () => world.made('POST', '/user/delete', { user_ids: [userId] }));
  });

  test('a key of a team that is blocked', async () => {
    const team_id = world.name('acme', 'team');
    await world.made('POST', '/team/new', { team_id });
    const { key } = (await world.made('POST', '/key/generate', { team_id })).body;
    await shutOut(key, () => world.made('POST', '/team/block', { team_id }));
  });

  test('a key of an organization that is blocked', async () => {
    const organization_id = world.name('acme', 'organization');
    await world.made('POST', '/organization/new', { organization_id, organization_alias: 'Short-lived' });
    const { key } = (await world.made('POST', '/key/generate', { organization_id })).body;
    await shutOut(key, () => world.made('PATCH', '/organization/update', { organization_id, blocked: true }));
  });

  test('a key of a project that is blocked', async () => {
    const project_id = world.name('acme', 'project');
    await world.made('POST', '/project/new', { project_id, team_id: world.tenants.acme.team });
    const { key } = (await world.made('POST', '/key/generate', { project_id })).body;
    await shutOut(key, () => world.made('POST', '/project/update', { project_id, blocked: true }));
  });
});

describe('a right that was taken away is gone with the next request', () => {
  const status = async (path: string, key: string): Promise<number> =>
    (await world.send({ method: 'GET', path }, key)).status;

  test('of the platform', async () => {
    const { key, userId } = await newUser({ user_role: 'proxy_admin' });
    expect(await status('/budget/list', key)).toBe(200);
    await world.made('POST', '/user/update', { user_id: userId, user_role: 'internal_user' });
    expect(await status('/budget/list', key)).toBe(403);
    await world.made('POST', '/user/update', { user_id: userId, user_role: 'proxy_admin_viewer' });
    expect(await status('/budget/list', key)).toBe(200);
    expect((await post('/budget/new', {}, key)).status).toBe(403);
  });

  test('of a team, also when somebody leaves it', async () => {
    const { team } = world.tenants.acme;
    const { key, userId } = await newUser();
    await world.made('POST', '/team/member_add', { team_id: team, member: { user_id: userId, role: 'admin' } });
    const change = (): Promise<Answer> => post('/team/update', { team_id: team, metadata: { note: 1 } }, key);
    expect((await change()).status).toBe(200);
    await world.made('POST', '/team/member_update', { team_id: team, user_id: userId, role: 'user' });
    expect((await change()).status).toBe(403);
    expect(await status(`/team/info?team_id=${team}`, key)).toBe(200);
    await world.made('POST', '/team/member_delete', { team_id: team, user_id: userId });
    expect(await status(`/team/info?team_id=${team}`, key)).toBe(404);
  });

  test('of an organization', async () => {
    const { organization } = world.tenants.acme;
    const { key, userId } = await newUser();
    const member = { organization_id: organization, member: { user_id: userId, role: 'org_admin' } };
    await world.made('POST', '/organization/member_add', member);
    expect(await status(`/organization/info?organization_id=${organization}`, key)).toBe(200);
    await world.made('DELETE', '/organization/member_delete', { organization_id: organization, user_id: userId });
    expect(await status(`/organization/info?organization_id=${organization}`, key)).toBe(403);
  });
});

describe('a key has no more than its user, its team and itself together', () => {
  test('a viewer gains nothing by being the admin of a team or an organization', async () => {
    const { team, organization } = world.tenants.acme;
    const { key, userId } = await newUser({ user_role: 'internal_user_viewer' });
    await world.made('POST', '/team/member_add', { team_id: team, member: { user_id: userId, role: 'admin' } });
    const member = { organization_id: organization, member: { user_id: userId, role: 'org_admin' } };
    await world.made('POST', '/organization/member_add', member);
    expect((await post('/team/update', { team_id: team, metadata: {} }, key)).status).toBe(403);
    expect((await post('/key/generate', { team_id: team }, key)).status).toBe(403);
    expect((await world.send({ method: 'GET', path: '/organization/list' }, key)).status).toBe(403);
  });

  test('an admin’s key for some routes calls no others', async () => {
    const { userId } = await newUser({ user_role: 'proxy_admin', auto_create_key: false });
    const make = async (fields: object): Promise<string> =>
      (await world.made('POST', '/key/generate', { user_id: userId, ...fields })).body.key;
    const [models, reads, one] = await Promise.all([
      make({ key_type: 'llm_api' }),
      make({ key_type: 'read_only' }),
      make({ allowed_routes: ['/key/info'] }),
    ]);
    const all = Object.entries(ORACLE).filter(([, { may }]) => may.anonymous === undefined);
    for (const [route] of all) {
      const [method = '', path = ''] = route.split(' ');
      const called = path
        .replaceAll(/\{\w+\}/g, 'x')
        .replace(/(engines|deployments)\/\*/, '$1/x/chat/completions')
        .replace('*', 'x');
      const statuses = await Promise.all(
        [models, reads, one].map(
          async (key) =>
            (await world.send({ method, path: called, body: method === 'GET' ? undefined : {} }, key)).status,
        ),
      );
      if (/^\/(key|team|user|organization|budget|customer|credentials|audit)\b/.test(path))
        expect([route, statuses[0]]).toEqual([route, 403]);
      const isWrite = method !== 'GET' && !/info|calculate|end_users/.test(path);
      if (isWrite) expect([route, statuses[1]]).toEqual([route, 403]);
      if (path !== '/key/info') expect([route, statuses[2]]).toEqual([route, 403]);
    }
  });

  test('whoever learns the secret of an admin’s key by managing a team comes by no right of the admin', async () => {
    const { team, personal } = world.tenants.acme;
    const admin = await newUser({ user_role: 'proxy_admin', auto_create_key: false });
    await world.made('POST', '/team/member_add', { team_id: team, member: { user_id: admin.userId, role: 'user' } });
    const { key: own } = (await world.made('POST', '/key/generate', { user_id: admin.userId, team_id: team })).body;
    const fields = { user_id: admin.userId, team_id: team };
    const free = (await post('/key/generate', { team_id: team }, personal.lead)).body.key;
    const learned: string[] = [];
    for (const lead of [personal.lead, personal.owner]) {
      learned.push((await post('/key/generate', fields, lead)).body.key);
      learned.push((await post('/key/generate', { ...fields, allowed_routes: ['*'] }, lead)).body.key);
      learned.push((await post('/key/generate', { ...fields, key_type: 'management' }, lead)).body.key);
    }
    learned.push((await post('/key/regenerate', { key: own }, personal.lead)).body.key);
    await post('/key/update', { key: free, user_id: admin.userId }, personal.lead);
    await post('/key/update', { key: free, allowed_routes: [] }, personal.lead);
    learned.push(free);
    for (const key of learned) {
      for (const path of ['/budget/list', '/global/spend', '/credentials', '/user/list', '/key/list', '/audit']) {
        const { status } = await world.send({ method: 'GET', path }, key);
        expect([path, [401, 403].includes(status)]).toEqual([path, true]);
      }
    }
  });
});
