/** However a path or a method is dressed up, the decision is the one for the plain route, or a refusal. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { exchange } from '../support/raw-http.ts';
import { sendingOf } from './aims.ts';
import { expectedOf, KINDS, ORACLE, type RoleName } from './oracle.ts';
import { targetOf, thing } from './targets.ts';
import { createWorld, marksOf, type Sending, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 60_000);
afterAll(() => world?.stop());

/** Byte by byte: an HTTP client would put a path in order before it sends it. */
async function sent(
  { method, path, body, headers }: Sending,
  key: string | null,
): Promise<{ status: number; text: string }> {
  const content = body === undefined ? '' : JSON.stringify(body);
  const all = {
    host: 'localhost',
    connection: 'close',
    'content-length': String(Buffer.byteLength(content)),
    ...(key !== null && { authorization: `Bearer ${key}` }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${content}`);
  const answer = await exchange(world.place.app.listener.port, bytes);
  return { status: answer.status, text: answer.body };
}

const elsewhere = (path: string, change: (path: string) => string): string => {
  const [before = '', query] = path.split('?');
  return query === undefined ? change(before) : `${change(before)}?${query}`;
};

type Disguise = (sending: Sending) => Sending;
const onPath =
  (change: (path: string) => string): Disguise =>
  (sending) => ({ ...sending, path: elsewhere(sending.path, change) });
const withHeader =
  (name: string, value: (sending: Sending) => string, over: Partial<Sending> = {}): Disguise =>
  (sending) => ({ ...sending, ...over, headers: { [name]: value(sending) } });
const bare = { method: 'GET', body: undefined } as const;

const DISGUISES: Readonly<Record<string, Disguise>> = {
  'a slash at the end': onPath((path) => `${path}/`),
  'two slashes at the end': onPath((path) => `${path}//`),
  'a slash too many before': onPath((path) => `/${path}`),
  'a slash too many within': onPath((path) => path.replace(/(.)\//, '$1//')),
  'capital letters': onPath((path) => path.toUpperCase()),
  'a capital letter': onPath((path) => path.replace(/[a-z]/, (letter) => letter.toUpperCase())),
  'an encoded letter': onPath((path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`)),
  'an encoded slash': onPath((path) => path.replace(/(.)\//, '$1%2f')),
  'a slash encoded twice': onPath((path) => path.replace(/(.)\//, '$1%252f')),
  'a backslash': onPath((path) => path.replace(/(.)\//, '$1%5c')),
  'a path parameter': onPath((path) => `${path};a=b`),
  'dots that go up': onPath((path) => `/docs/..${path}`),
  'a dot within': onPath((path) => `/.${path}`),
  'encoded dots': onPath((path) => `/docs/%2e%2e${path}`),
  'an encoded end': onPath((path) => `${path}%00`),
  'an encoded space': onPath((path) => `${path}%20`),
  'a suffix': onPath((path) => `${path}.json`),
  'an address with a host': onPath((path) => `http://localhost${path}`),
  'a probe before': onPath((path) => `/health/liveliness${path}`),
  '/v1 before': onPath((path) => `/v1${path}`),
  'without /v1': onPath((path) => path.replace(/^\/v[12]/, '')),
  HEAD: (sending) => ({ ...sending, method: 'HEAD', body: undefined }),
  OPTIONS: (sending) => ({ ...sending, method: 'OPTIONS', body: undefined }),
  'GET with the method in a header': withHeader('x-http-method-override', ({ method }) => method, bare),
  'GET with the method in another header': withHeader('x-method-override', ({ method }) => method, bare),
  'GET with the method in the query': (sending) => ({
    ...sending,
    ...bare,
    path: `${sending.path}${sending.path.includes('?') ? '&' : '?'}_method=${sending.method}`,
  }),
  'POST in place of its method': (sending) => ({ ...sending, method: 'POST' }),
  'the path in a header, on a public page': (sending) => ({
    method: 'GET',
    path: '/routes',
    headers: { 'x-original-url': sending.path, 'x-rewrite-url': sending.path },
  }),
  'another host': withHeader('x-forwarded-host', () => 'admin.example'),
  'an address of this machine': withHeader('x-forwarded-for', () => '127.0.0.1'),
  'a team that is not its own': withHeader('x-litellm-team-id', () => world.tenants.globex.team),
};

const PLAIN_ROLES = ['anonymous', 'key', 'user', 'team_admin', 'org_admin', 'platform_viewer'] as const;

/** Aimed at what is foreign, so that a call which should be refused is. */
async function refusedSending(route: string, role: RoleName): Promise<Sending | undefined> {
  const expected = ORACLE[route];
  if (expected === undefined) throw new Error(route);
  const relation = KINDS[expected.on].at(-1) ?? 'platform';
  const outcome = expectedOf(expected, role, relation);
  if (outcome === 'allowed' || outcome === 'nothing') return undefined;
  const target = await targetOf(world, { kind: expected.on, relation, actor: world.actor(role), isFresh: false });
  const { tenant } = target;
  return await sendingOf(route, {
    target,
    world,
    name: (what) => world.name(tenant, what),
    thing: (what) => thing(world, what, tenant, false),
  });
}

/** A disguise may be another route that the role may call: then it tells what that one does, and nothing that is foreign. */
async function isSameAs({ method, path, headers }: Sending, text: string, role: RoleName): Promise<boolean> {
  if (method !== 'GET') return false;
  const plain = await world.send({ method, path }, world.actor(role).key);
  const isForeign = marksOf(world.tenants.globex, 'globex').some((mark) => text.includes(mark));
  const isOpen = role === 'platform_viewer' || !isForeign;
  return plain.status < 400 && isOpen && (headers === undefined || plain.text === text);
}

async function faultsOf(sending: Sending, role: RoleName): Promise<string[]> {
  const { status, text } = await sent(sending, world.actor(role).key);
  if (status >= 400 || (await isSameAs(sending, text, role))) return [];
  return [`${role}: ${sending.method} ${sending.path}: ${status} ${text.slice(0, 200)}`];
}

interface Refused {
  readonly role: RoleName;
  readonly sending: Sending;
}

let refused: readonly Refused[];
beforeAll(async () => {
  const all = Object.keys(ORACLE).flatMap((route) => PLAIN_ROLES.map((role) => ({ route, role })));
  const sendings = await Promise.all(all.map(({ route, role }) => refusedSending(route, role)));
  refused = all.flatMap(({ role }, at) => {
    const sending = sendings[at];
    return sending === undefined ? [] : [{ role, sending }];
  });
});

describe('what is refused is refused however it is written', () => {
  test.each(Object.entries(DISGUISES))('%s', async (_, disguise) => {
    const before = (await world.made('GET', '/audit?page_size=1')).body.total;
    const faults: string[] = [];
    for (const { role, sending } of refused) faults.push(...(await faultsOf(disguise(sending), role)));
    expect(faults).toEqual([]);
    expect(refused.length).toBeGreaterThan(400);
    expect((await world.made('GET', '/audit?page_size=1')).body.total).toBe(before);
  });
});

describe('what is allowed', () => {
  test('is the same with a slash at the end', async () => {
    const key = world.actor('org_admin').key;
    for (const path of ['/key/list', '/team/list', '/user/list', '/spend/logs/v2', '/v1/models', '/global/activity']) {
      const [plain, slashed] = await Promise.all(
        [path, `${path}/`].map((p) => world.send({ method: 'GET', path: p }, key)),
      );
      expect([path, slashed?.status, slashed?.text]).toEqual([path, plain?.status, plain?.text]);
    }
  });

  test('has no other door: paths in other letters, with other slashes or under /v1 are not there', async () => {
    const { key } = world.actor('platform_admin');
    for (const path of ['/KEY/list', '//key/list', '/key//list', '/v1/key/list', '/%6bey/list', '/key%2flist']) {
      expect([path, (await sent({ method: 'GET', path }, key)).status]).toEqual([path, 404]);
    }
    for (const path of ['/key/list;a=b', '/key%5clist', '/key/list%00']) {
      expect([path, (await sent({ method: 'GET', path }, key)).status]).toEqual([path, 400]);
    }
    expect((await sent({ method: 'HEAD', path: '/key/list' }, key)).status).toBe(405);
  });

  test('the aliases of a route decide as it does', async () => {
    const pairs = [
      ['GET /model/info', 'GET /v1/model/info'],
      ['GET /models', 'GET /v1/models'],
      ['POST /chat/completions', 'POST /v1/chat/completions'],
      ['GET /customer/list', 'GET /end_user/list'],
      ['POST /customer/update', 'POST /end_user/update'],
      ['POST /key/regenerate', 'POST /key/{key}/regenerate'],
      ['POST /team/update', 'PATCH /team/{team_id}'],
      ['GET /organization/info', 'POST /organization/info'],
    ] as const;
    for (const [one, other] of pairs) {
      const { group: _, ...expected } = ORACLE[one] ?? { group: 0 };
      expect(ORACLE[other]).toMatchObject(expected);
    }
  });
});
