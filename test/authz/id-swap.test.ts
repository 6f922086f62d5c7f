/**
 * Every id that one tenant has seen, sent by everybody of the other one: in paths, queries, filters and bodies. What is
 * foreign is answered as what was never there, to the letter, so that nobody learns that it is.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { digest } from '../../src/auth/digest.ts';
import { ORACLE, type RoleName } from './oracle.ts';
import { type Answer, createWorld, marksOf, type Sending, type TenantIds, type World } from './world.ts';

let world: World;
let acme: TenantIds;
let globex: TenantIds;
beforeAll(async () => {
  world = await createWorld();
  ({ acme, globex } = world.tenants);
  seen = await idsSeen();
}, 60_000);
afterAll(() => world?.stop());

const ROLES = ['key', 'service', 'viewer', 'user', 'team_admin', 'org_admin'] as const;

/** Field of an answer → its values. */
let seen: ReadonlyMap<string, readonly string[]>;

const TELLING =
  /(_id|_ids|_alias|^id|^key|^keys|^token|_name|_email|^user|^end_user|^team|^tags?|request_tags|^models?)$/;

/** What everybody of acme can read of acme, written down by the names of its fields. */
async function idsSeen(): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, Set<string>>();
  const note = (field: string, value: unknown): void => {
    const parts = typeof value === 'object' ? Object.entries(value ?? {}) : [];
    for (const [name, part] of parts) note(Array.isArray(value) ? field : name, part);
    if (typeof value !== 'string' || !TELLING.test(field) || !isOfAcme(value)) return;
    found.set(field, (found.get(field) ?? new Set()).add(value));
  };
  const paths = Object.keys(ORACLE).flatMap((route) =>
    /^GET [^{*]+$/.test(route) ? [route.slice('GET '.length)] : [],
  );
  const infos = [`/team/info?team_id=${acme.team}`, `/organization/info?organization_id=${acme.organization}`];
  const all = [...paths, ...infos, '/key/list?return_full_object=true&size=100'];
  for (const role of ROLES) {
    const { key } = world.actor(role, 'acme');
    for (const path of all) note('', (await world.send({ method: 'GET', path }, key)).body);
  }
  return new Map(Array.from(found, ([field, values]) => [field, [...values]]));
}

const isOfAcme = (value: string): boolean => marksOf(acme, 'acme').some((mark) => value.includes(mark));

/** One id of each sort, and the secret of a key beside its digest. */
function foreignIds(): string[] {
  const requests = [...acme.requests.values()];
  return [
    acme.organization,
    acme.team,
    acme.otherTeam,
    acme.project,
    acme.people.user,
    acme.people.owner,
    `${acme.people.user}@example.com`,
    acme.customer,
    acme.budget,
    acme.tag,
    acme.accessGroup,
    acme.credential,
    acme.modelId,
    acme.plain,
    digest(acme.plain),
    digest(acme.personal.user),
    'acme plain key',
    ...requests.slice(0, 2),
  ];
}

test('a tenant has seen plenty of its own', () => {
  const all = new Set([...seen.values()].flat());
  expect(all.size).toBeGreaterThan(50);
  for (const id of [acme.team, acme.project, acme.people.mate, digest(acme.plain), acme.customer, acme.tag]) {
    expect(all).toContain(id);
  }
});

/** Of the same length and letters as a digest, when it stands for one. */
const absentFor = (id: string): string =>
  /^[0-9a-f]{64}$/.test(id) ? digest(`never ${id}`) : id.includes('@') ? 'never-was@example.com' : 'never-was-anywhere';

/** Times and numbers of requests differ by themselves. */
const comparable = ({ status, text }: Answer, id: string): string =>
  `${status} ${text.replaceAll(id, '…').replaceAll(JSON.stringify(id).slice(1, -1), '…')}`;

async function differences(
  role: RoleName,
  ids: readonly string[],
  sendingFor: (id: string) => Sending,
): Promise<string[]> {
  const { key } = world.actor(role, 'globex');
  const found: string[] = [];
  const absents = new Map<string, string>();
  for (const id of ids) {
    const absent = absentFor(id);
    const before = absents.get(absent) ?? comparable(await world.send(sendingFor(absent), key), absent);
    absents.set(absent, before);
    const sending = sendingFor(id);
    const answer = await world.send(sending, key);
    const now = comparable(answer, id);
    const said = `${decodeURIComponent(sending.path)}${JSON.stringify(sending.body ?? '')}`;
    const leak = marksOf(acme, 'acme').find((mark) => !said.includes(mark) && answer.text.includes(mark));
    if (now !== before || leak !== undefined) {
      found.push(
        `${role} ${sending.method} ${sending.path} ${JSON.stringify(sending.body)}: ${leak ?? ''} ${now.slice(0, 300)}, not ${before.slice(0, 300)}`,
      );
    }
  }
  return found;
}

// biome-ignore lint/suspicious/noExplicitAny: the OpenAPI document
type Document = any;

const PLAIN =
  /^(page|size|limit|page_size|sort_?(by|order)|start_date|end_date|timezone|format|as|summarize|status|status_filter|blocked|return_full_object|include_\w+|expand|m(in|ax)_spend|cursor|group_by|config_type|role|user_role)$/i;

let document: Document;
beforeAll(async () => {
  document = (await world.made('GET', '/openapi.json')).body;
});

/** Parameters that name something, as the document of the API says them, and what must be said beside each. */
function parametersOf(path: string): { readonly name: string; readonly others: string }[] {
  const parameters: Document[] = (document.paths[path]?.get?.parameters ?? []).filter(
    (each: Document) => each.in === 'query',
  );
  const required = parameters.filter((each) => each.required === true).map((each) => String(each.name));
  return parameters
    .map((each) => String(each.name))
    .filter((name) => !PLAIN.test(name))
    .map((name) => ({
      name,
      others: required
        .filter((one) => one !== name)
        .map((one) => `&${one}=x`)
        .join(''),
    }));
}

const READS = Object.keys(ORACLE).flatMap((route) => (/^GET [^{*]+$/.test(route) ? [route.slice('GET '.length)] : []));

describe('in the query', () => {
  let tried = 0;

  test.each(READS)('of %s', async (path) => {
    // Reports are slow, and their filters know one column each.
    const isReport = /spend|activity/.test(path);
    for (const { name, others } of parametersOf(path)) {
      tried++;
      const sendingFor = (id: string): Sending => ({
        method: 'GET',
        path: `${path}?${name}=${encodeURIComponent(id)}${others}`,
      });
      const named = foreignIds().filter((id) => isLike(name, id));
      for (const role of ROLES) {
        const ids = role === 'org_admin' && !isReport ? foreignIds() : named;
        expect(await differences(role, ids, sendingFor)).toEqual([]);
      }
    }
  });

  test('there were plenty of parameters', () => expect(tried).toBeGreaterThan(80));
});

/** The ids that a parameter of that name is for. */
function isLike(parameter: string, id: string): boolean {
  const stem = parameter
    .replace(/(_?ids?|_alias|_hash)$/, '')
    .replace('api_key', 'key')
    .replace('request_', '');
  if (stem === 'key' || parameter === 'key_alias')
    return id.startsWith('sk-') || /^[0-9a-f]{64}$/.test(id) || id.includes(' ');
  return id.includes(stem.replace('end_user', 'customer').replace('org', 'organization').slice(0, 12));
}

const PATHS: readonly [string, (id: string) => string, object | undefined][] = [
  ['POST', (id) => `/key/${id}/regenerate`, {}],
  ['POST', (id) => `/key/${id}/reset_spend`, { reset_to: 0 }],
  ['PATCH', (id) => `/team/${id}`, { team_alias: 'taken' }],
  ['POST', (id) => `/team/${id}/member/acme-user/reset_spend`, { reset_to: 0 }],
  ['POST', (id) => `/team/globex-team/member/${id}/reset_spend`, { reset_to: 0 }],
  ['GET', (id) => `/spend/logs/ui/${id}`, undefined],
  ['GET', (id) => `/v1/explain/${id}`, undefined],
  ['GET', (id) => `/audit/${id}`, undefined],
  ['GET', (id) => `/v1/models/${id}`, undefined],
  ['GET', (id) => `/v1/access_group/${id}`, undefined],
  ['PUT', (id) => `/v1/access_group/${id}`, { description: 'taken' }],
  ['DELETE', (id) => `/v1/access_group/${id}`, undefined],
  ['GET', (id) => `/access_group/${id}/info`, undefined],
  ['PUT', (id) => `/access_group/${id}/update`, { model_names: [] }],
  ['DELETE', (id) => `/access_group/${id}/delete`, undefined],
  ['PATCH', (id) => `/model/${id}/update`, { blocked: true }],
  ['GET', (id) => `/credentials/by_name/${id}`, undefined],
  ['PATCH', (id) => `/credentials/${id}`, { credential_info: {} }],
  ['DELETE', (id) => `/credentials/${id}`, undefined],
];

describe('in the path', () => {
  test.each(PATHS)('%s %s', async (method, path, body) => {
    const ids = [...foreignIds(), ...(seen.get('id') ?? []).slice(0, 20)];
    for (const role of ROLES) {
      const sendingFor = (id: string): Sending => ({ method, path: path(encodeURIComponent(id)), body });
      expect(await differences(role, ids, sendingFor)).toEqual([]);
    }
  });
});

type Body = (id: string) => object;

const BODIES: readonly [string, string, Body][] = [
  ['POST', '/key/update', (key) => ({ key, metadata: {} })],
  ['POST', '/key/delete', (key) => ({ keys: [key] })],
  ['POST', '/key/delete', (alias) => ({ key_aliases: [alias] })],
  ['POST', '/key/delete', (key) => ({ keys: [key, key] })],
  ['POST', '/key/block', (key) => ({ key })],
  ['POST', '/key/unblock', (key) => ({ key })],
  ['POST', '/key/regenerate', (key) => ({ key })],
  ['POST', '/v2/key/info', (key) => ({ keys: [key] })],
  ['POST', '/key/bulk_update', (key) => ({ keys: [{ key, metadata: {} }] })],
  ['POST', '/team/key/bulk_update', (id) => ({ team_id: id, all_keys_in_team: true, update_fields: { metadata: {} } })],
  [
    'POST',
    '/team/key/bulk_update',
    (key) => ({ team_id: globex.team, key_ids: [key], update_fields: { metadata: {} } }),
  ],
  ['POST', '/key/generate', (team_id) => ({ team_id })],
  ['POST', '/key/generate', (organization_id) => ({ organization_id })],
  ['POST', '/key/generate', (project_id) => ({ project_id })],
  ['POST', '/key/generate', (project_id) => ({ project_id, team_id: globex.team })],
  ['POST', '/key/generate', (user_id) => ({ user_id })],
  ['POST', '/key/generate', (user_id) => ({ user_id, team_id: globex.team })],
  ['POST', '/key/generate', (budget_id) => ({ budget_id })],
  ['POST', '/key/generate', (id) => ({ access_group_ids: [id] })],
  ['POST', '/key/update', (team_id) => ({ key: globex.mateKey, team_id })],
  ['POST', '/key/update', (project_id) => ({ key: globex.mateKey, project_id })],
  ['POST', '/key/update', (user_id) => ({ key: globex.mateKey, user_id })],
  ['POST', '/key/update', (organization_id) => ({ key: globex.mateKey, organization_id })],
  ['POST', '/team/new', (organization_id) => ({ organization_id })],
  ['POST', '/team/update', (team_id) => ({ team_id, team_alias: 'taken' })],
  ['POST', '/team/update', (organization_id) => ({ team_id: globex.team, organization_id })],
  ['POST', '/team/delete', (id) => ({ team_ids: [id] })],
  ['POST', '/team/block', (team_id) => ({ team_id })],
  ['POST', '/team/unblock', (team_id) => ({ team_id })],
  ['POST', '/team/model/add', (team_id) => ({ team_id, models: ['shared'] })],
  ['POST', '/team/model/delete', (team_id) => ({ team_id, models: ['shared'] })],
  ['POST', '/team/permissions_update', (team_id) => ({ team_id, team_member_permissions: [] })],
  ['POST', '/team/member_add', (team_id) => ({ team_id, member: { user_id: globex.people.mate, role: 'user' } })],
  [
    'POST',
    '/team/bulk_member_add',
    (team_id) => ({ team_id, members: [{ user_id: globex.people.mate, role: 'user' }] }),
  ],
  ['POST', '/team/member_update', (team_id) => ({ team_id, user_id: globex.people.mate, rpm_limit: 1 })],
  ['POST', '/team/member_update', (user_id) => ({ team_id: globex.team, user_id, rpm_limit: 1 })],
  ['POST', '/team/member_delete', (team_id) => ({ team_id, user_id: globex.people.mate })],
  ['POST', '/team/member_delete', (user_id) => ({ team_id: globex.team, user_id })],
  ['POST', '/user/update', (user_id) => ({ user_id, user_alias: 'taken' })],
  [
    'POST',
    '/user/update',
    (id) => ({ user_email: id.includes('@') ? id : `${id.replaceAll(' ', '')}@example.com`, user_alias: 'x' }),
  ],
  ['POST', '/user/bulk_update', (user_id) => ({ users: [{ user_id, user_alias: 'taken' }] })],
  ['POST', '/user/delete', (id) => ({ user_ids: [id] })],
  ['POST', '/user/new', (id) => ({ user_id: globex.people.user, organizations: [id] })],
  ['POST', '/user/new', (id) => ({ user_id: globex.people.user, teams: [id] })],
  ['PATCH', '/organization/update', (organization_id) => ({ organization_id, metadata: {} })],
  ['DELETE', '/organization/delete', (id) => ({ organization_ids: [id] })],
  ['POST', '/organization/info', (id) => ({ organizations: [id] })],
  ['POST', '/organization/info', (id) => ({ organizations: [globex.organization, id] })],
  [
    'POST',
    '/organization/member_add',
    (id) => ({ organization_id: id, member: { user_id: 'x', role: 'internal_user' } }),
  ],
  ['PATCH', '/organization/member_update', (id) => ({ organization_id: id, user_id: 'acme-user', role: 'org_admin' })],
  [
    'PATCH',
    '/organization/member_update',
    (id) => ({ organization_id: globex.organization, user_id: id, role: 'org_admin' }),
  ],
  ['DELETE', '/organization/member_delete', (id) => ({ organization_id: id, user_id: 'acme-user' })],
  ['DELETE', '/organization/member_delete', (id) => ({ organization_id: globex.organization, user_id: id })],
  ['POST', '/project/new', (team_id) => ({ team_id })],
  ['POST', '/project/update', (project_id) => ({ project_id, description: 'taken' })],
  ['POST', '/project/update', (team_id) => ({ project_id: globex.project, team_id })],
  ['DELETE', '/project/delete', (id) => ({ project_ids: [id] })],
  ['POST', '/customer/update', (user_id) => ({ user_id, blocked: true })],
  ['POST', '/budget/info', (id) => ({ budgets: [id] })],
  ['POST', '/budget/update', (budget_id) => ({ budget_id, max_budget: 1 })],
  ['POST', '/tag/info', (name) => ({ names: [name] })],
  ['POST', '/model/update', (id) => ({ model_info: { id }, blocked: true })],
  ['POST', '/model/delete', (id) => ({ id })],
  ['POST', '/v1/chat/completions', (model) => ({ model, messages: [{ role: 'user', content: 'Hi' }] })],
];

describe('in the body', () => {
  test.each(BODIES)('%s %s with a foreign id', async (method, path, body) => {
    const before = JSON.stringify(await standing());
    for (const role of ROLES) {
      expect(await differences(role, foreignIds(), (id) => ({ method, path, body: body(id) }))).toEqual([]);
    }
    expect(JSON.stringify(await standing())).toBe(before);
  });
});

/** Everything of acme that a swap could have changed. */
async function standing(): Promise<unknown> {
  const paths = [
    ...[acme.team, acme.otherTeam].map((id) => `/team/info?team_id=${id}`),
    ...[acme.plain, acme.mateKey, acme.otherKey].map((key) => `/key/info?key=${digest(key)}`),
    ...Object.values(acme.people).map((id) => `/v2/user/info?user_id=${id}`),
    `/project/info?project_id=${acme.project}`,
    `/organization/info?organization_id=${acme.organization}`,
    `/customer/info?end_user_id=${acme.customer}`,
  ];
  return (await Promise.all(paths.map((path) => world.made('GET', path)))).map(({ body }) => body);
}

describe('in a header', () => {
  test('the team of another tenant is nobody’s to name', async () => {
    for (const role of ROLES) {
      const { key } = world.actor(role, 'globex');
      for (const path of ['/models', '/key/info', '/team/list', '/spend/logs', '/global/activity']) {
        const headers = { 'x-litellm-team-id': acme.team };
        expect([path, (await world.send({ method: 'GET', path, headers }, key)).status]).toEqual([path, 403]);
      }
      const body = { model: 'shared', messages: [{ role: 'user', content: 'Hi' }] };
      const headers = { 'x-litellm-team-id': acme.team };
      expect((await world.send({ method: 'POST', path: '/v1/chat/completions', body, headers }, key)).status).toBe(403);
    }
  });

  test('litellm-changed-by is noted, and lends no right', async () => {
    const headers = {
      'litellm-changed-by': 'platform-boss',
      'x-user-id': 'platform-boss',
      'x-user-role': 'proxy_admin',
    };
    const { key } = world.actor('user', 'globex');
    expect((await world.send({ method: 'GET', path: '/budget/list', headers }, key)).status).toBe(403);
  });
});

describe('in a cursor', () => {
  test('one that another tenant was given shows nothing of it', async () => {
    const { headers } = await world.send(
      { method: 'GET', path: '/spend/logs/v2?page_size=1' },
      world.actor('org_admin', 'acme').key,
    );
    const cursor = headers.get('x-tollgate-next-cursor');
    expect(typeof cursor).toBe('string');
    for (const role of ROLES) {
      const path = `/spend/logs/v2?page_size=100&cursor=${encodeURIComponent(String(cursor))}`;
      const { text } = await world.send({ method: 'GET', path }, world.actor(role, 'globex').key);
      expect(marksOf(acme, 'acme').filter((mark) => text.includes(mark))).toEqual([]);
    }
  });
});

describe('taking somebody in', () => {
  test('who is of another tenant tells no more of them than was said', async () => {
    for (const [role, member] of [
      ['team_admin', { user_id: acme.people.mate, role: 'user' }],
      ['org_admin', { user_id: acme.people.other, role: 'user' }],
      ['org_admin', { user_email: `${acme.people.lead}@example.com`, role: 'user' }],
    ] as const) {
      const { key } = world.actor(role, 'globex');
      const answers = [
        await world.send({ method: 'POST', path: '/team/member_add', body: { team_id: globex.team, member } }, key),
        await world.send({ method: 'GET', path: `/team/info?team_id=${globex.team}` }, key),
        await world.send({ method: 'GET', path: '/user/list?page_size=100' }, key),
        await world.send({ method: 'GET', path: '/key/list?return_full_object=true&size=100&expand=user' }, key),
        await world.send({ method: 'GET', path: '/audit?page_size=100' }, key),
        await world.send({ method: 'GET', path: `/user/info?user_id=${acme.people.mate}` }, key),
      ];
      for (const { text } of answers) {
        expect(text).not.toContain('private note of acme');
        expect(text).not.toContain(acme.organization);
        expect(text).not.toContain(acme.model);
      }
    }
  });

  test('into an organization is for admins of the platform, since its admin sees its members whole', async () => {
    const { key } = world.actor('org_admin', 'globex');
    for (const member of [
      { user_id: acme.people.viewer, role: 'internal_user' },
      { user_email: `${acme.people.viewer}@example.com`, role: 'org_admin' },
    ]) {
      const body = { organization_id: globex.organization, member };
      const answer = await world.send({ method: 'POST', path: '/organization/member_add', body }, key);
      expect([answer.status, answer.text.includes('private note of acme')]).toEqual([403, false]);
      const info = { method: 'GET', path: `/v2/user/info?user_id=${acme.people.viewer}` };
      expect((await world.send(info, key)).status).toBe(404);
    }
  });
});
