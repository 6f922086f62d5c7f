/** No answer to anybody holds a secret, but the one that makes a key. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { openDatabase } from '../../src/db/client.ts';
import { sendingOf } from './aims.ts';
import { type Expected, KINDS, ORACLE, ROLE_NAMES, type RoleName } from './oracle.ts';
import { targetOf, thing } from './targets.ts';
import { type Answer, createWorld, SECRETS, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 60_000);
afterAll(() => world?.stop());

/** Reads, and writes that show what they have changed. */
const READS = Object.entries(ORACLE).filter(([route]) => route.startsWith('GET ') || /\/(info|end_users)$/.test(route));

const BAGS = ['', 'return_full_object=true&expand=user&size=100', 'page_size=100', 'format=csv', 'summarize=false'];

function keySecrets(): string[] {
  const tenants = Object.values(world.tenants);
  const ofTenants = tenants.flatMap(({ requests }) => [...requests.keys()]);
  return [...ofTenants, ...Object.values(world.platform), 'sk-master-of-the-app-tests'];
}

/** As they are, and as others would write them. */
const spellings = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
];

let forbidden: string[];
beforeAll(() => {
  forbidden = [...Object.values(SECRETS), ...keySecrets()]
    .flatMap(spellings)
    .concat('$argon2', '$scrypt', 'password_hash');
});

const secretIn = ({ text, headers }: Answer): string | undefined => {
  const all = `${text}\n${JSON.stringify([...headers])}`;
  return forbidden.find((secret) => all.includes(secret));
};

async function answersOf(route: string, expected: Expected, role: RoleName): Promise<Answer[]> {
  const answers: Answer[] = [];
  const actor = world.actor(role);
  for (const relation of KINDS[expected.on]) {
    const target = await targetOf(world, { kind: expected.on, relation, actor, isFresh: false });
    const sending = await sendingOf(route, {
      target,
      world,
      name: (what) => world.name(target.tenant, what),
      thing: (what) => thing(world, what, target.tenant, false),
    });
    answers.push(await world.send(sending, actor.key));
  }
  if (!route.startsWith('GET ') || route.includes('{') || route.includes('*')) return answers;
  for (const bag of BAGS) {
    answers.push(await world.send({ method: 'GET', path: `${route.slice('GET '.length)}?${bag}` }, actor.key));
  }
  return answers;
}

describe('no read holds a secret, whoever asks', () => {
  test.each(READS.filter(([route]) => !route.startsWith('GET /docs/')))('%s', async (route, expected) => {
    const found: string[] = [];
    for (const role of ROLE_NAMES) {
      for (const answer of await answersOf(route, expected, role)) {
        const secret = secretIn(answer);
        if (secret !== undefined) found.push(`${role}: ${secret} in ${answer.text.slice(0, 300)}`);
      }
    }
    expect(found).toEqual([]);
  });

  test('and a secret would be found', async () => {
    const { text, headers } = await world.made('POST', '/key/generate', { key: 'sk-chosen-0123456789abcdef' });
    forbidden.push('sk-chosen-0123456789abcdef');
    expect(secretIn({ status: 200, text, headers, body: null })).toBe('sk-chosen-0123456789abcdef');
  });
});

describe('a write', () => {
  const WRITES: readonly [string, string, () => object][] = [
    ['POST', '/user/update', () => ({ user_id: 'acme-user', password: SECRETS.password })],
    ['POST', '/user/bulk_update', () => ({ users: [{ user_id: 'acme-user', password: SECRETS.password }] })],
    ['POST', '/user/new', () => ({ user_id: 'acme-secretive', password: SECRETS.password, auto_create_key: false })],
    [
      'POST',
      '/credentials',
      () => ({ credential_name: 'acme-second', credential_values: { api_key: SECRETS.credential } }),
    ],
    ['PATCH', '/credentials/acme-second', () => ({ credential_values: { api_key: SECRETS.credential } })],
    [
      'POST',
      '/model/new',
      () => ({
        model_name: 'acme-second',
        litellm_params: { model: 'openai/gpt-4o', api_key: SECRETS.modelKey },
        model_info: { id: 'acme-second' },
      }),
    ],
    ['PATCH', '/model/acme-second/update', () => ({ litellm_params: { api_key: SECRETS.modelKey } })],
    [
      'POST',
      '/model/update',
      () => ({ model_info: { id: 'acme-second' }, litellm_params: { api_key: SECRETS.modelKey } }),
    ],
    ['POST', '/model/delete', () => ({ id: 'acme-second' })],
    ['DELETE', '/credentials/acme-second', () => ({})],
    ['POST', '/key/update', () => ({ key: world.tenants.acme.mateKey, metadata: { a: 1 } })],
    ['POST', '/key/block', () => ({ key: world.tenants.acme.mateKey })],
    ['POST', '/key/unblock', () => ({ key: world.tenants.acme.mateKey })],
    ['POST', '/v2/key/info', () => ({ keys: [world.tenants.acme.mateKey] })],
    ['POST', '/key/bulk_update', () => ({ keys: [{ key: world.tenants.acme.mateKey, metadata: {} }] })],
    ['POST', '/key/delete', () => ({ keys: [world.tenants.acme.mateKey] })],
  ];
  test.each(WRITES)('%s %s answers without the secret that it was given', async (method, path, body) => {
    const answer = await world.made(method, path, body());
    // As in LiteLLM, a key that is named by its secret is named so in the answer.
    const echoed = path.includes('/key/') ? [world.tenants.acme.mateKey] : [];
    const found = forbidden.filter((secret) => answer.text.includes(secret) && !echoed.includes(secret));
    expect(found).toEqual([]);
  });

  test('that is refused does not repeat what it was sent', async () => {
    const tries: readonly [string, unknown][] = [
      ['/key/generate', { key: SECRETS.providerKey, models: 1 }],
      ['/key/generate', { [SECRETS.providerKey]: 1 }],
      ['/user/new', { password: { value: SECRETS.password } }],
      ['/credentials', { credential_name: 'x', credential_values: SECRETS.credential }],
      ['/credentials', `{"credential_values": "${SECRETS.credential}`],
      ['/model/new', { model_name: 'x', litellm_params: [SECRETS.modelKey] }],
    ];
    for (const [path, body] of tries) {
      const { status, text } = await world.send({ method: 'POST', path, body }, world.actor('root').key);
      expect([path, status]).toEqual([path, 400]);
      const isName = JSON.stringify(body).startsWith(`{"${SECRETS.providerKey}`);
      if (!isName) expect(forbidden.filter((secret) => text.includes(secret))).toEqual([]);
    }
  });

  test('leaves none in the audit log', async () => {
    for (let page = 1, pages = 1; page <= pages; page++) {
      const answer = await world.made('GET', `/audit?page_size=100&page=${page}`);
      pages = answer.body.total_pages;
      expect(secretIn(answer)).toBeUndefined();
      expect(answer.text).not.toContain('sk-chosen-0123456789abcdef');
    }
  });
});

describe('a digest is no secret', () => {
  test('and opens nothing', async () => {
    for (const { requests } of Object.values(world.tenants)) {
      for (const key of requests.keys()) {
        const hash = new Bun.CryptoHasher('sha256').update(key).digest('hex');
        for (const credential of [hash, `sk-${hash}`, hash.toUpperCase()]) {
          expect((await world.send({ method: 'GET', path: '/key/info' }, credential)).status).toBe(401);
        }
      }
    }
  });

  test.each([
    ['another end', (key: string) => `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`],
    ['one letter less', (key: string) => key.slice(0, -1)],
    ['one letter more', (key: string) => `${key}A`],
    ['its beginning', (key: string) => key.slice(0, 8)],
    ['another case', (key: string) => key.toUpperCase()],
    ['no prefix', (key: string) => key.slice(3)],
    ['the shown name', (key: string) => `sk-...${key.slice(-4)}`],
    ['two keys', (key: string) => `${key},${key}`],
  ])('a key with %s is none, warm or cold', async (_, change) => {
    const { user } = world.tenants.acme.personal;
    for (let round = 0; round < 3; round++) {
      expect((await world.send({ method: 'GET', path: '/key/info' }, user)).status).toBe(200);
      expect((await world.send({ method: 'GET', path: '/key/info' }, change(user))).status).toBe(401);
    }
  });

  test('nor does a key in the query or in a cookie open anything', async () => {
    const { user } = world.tenants.acme.personal;
    for (const name of ['key', 'api_key', 'token', 'access_token', 'api-key']) {
      const cookie = { cookie: `${name}=${user}; token=${user}` };
      expect(
        (await world.send({ method: 'GET', path: `/key/list?${name}=${user}`, headers: cookie }, null)).status,
      ).toBe(401);
    }
  });
});

test('the password in the database is a slow hash', async () => {
  const settings = world.place.configOf({ model_list: [] });
  const url = Reflect.get(settings.general, 'databaseUrl');
  const db = await openDatabase({ url: String(url), readonly: true });
  const row = await db
    .selectFrom('users')
    .select('password_hash')
    .where('user_id', '=', 'acme-user')
    .executeTakeFirst();
  await db.destroy();
  expect(String(row?.password_hash)).toStartWith('$argon2id$');
});
