/** Keys that get new secrets by themselves, in the running program. */
import { afterEach, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { startUpstream } from '../support/upstream.ts';

type Body = Record<string, unknown>;
const TOKEN = 'token-of-the-rotation-test';
const ON = { LITELLM_KEY_ROTATION_ENABLED: 'true', LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS: '1' };
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

async function start(env: Record<string, string>): Promise<Gateway> {
  const upstream = await startUpstream();
  undo.push(() => upstream.stop());
  const gateway = await startGateway({ config: { model_list: [deployment(upstream, 'm')] }, env });
  undo.push(() => gateway.stop());
  return gateway;
}

/** Where new secrets are delivered; answers with what `statuses` says, then 200. */
function startVault(...statuses: number[]) {
  const delivered: { body: Body; authorization: string | null }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const body = (await request.json()) as Body; // The gateway's own JSON.
      delivered.push({ body, authorization: request.headers.get('authorization') });
      return new Response(null, { status: statuses.shift() ?? 200, headers: { location: '/elsewhere' } });
    },
  });
  undo.push(() => server.stop(true));
  return { url: server.url.href, delivered };
}

async function make(gateway: Gateway, fields: object): Promise<{ body: Body; headers: Headers }> {
  const answer = await gateway.post('/key/generate', fields);
  expect(answer.status).toBe(200);
  return { body: (await answer.json()) as Body, headers: answer.headers };
}
const DUE_SOON = { auto_rotate: true, rotation_interval: '1s', key_alias: 'turning' };

async function statusOf(gateway: Gateway, key: unknown): Promise<number> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const answer = await gateway.ask({ model: 'm', messages }, { authorization: `Bearer ${key}` });
  await answer.text();
  return answer.status;
}

async function infoOf(gateway: Gateway, key: unknown): Promise<Body> {
  const answer = await gateway.get(`/key/info?key=${key}`);
  return ((await answer.json()) as { info: Body }).info;
}

describe('with an address for new secrets', () => {
  test('a due key gets one, which was delivered before it counts, and keeps its spend, limits and maker', async () => {
    const vault = startVault(500, 302);
    const gateway = await start({ ...ON, TOLLGATE_KEY_ROTATION_URL: vault.url, TOLLGATE_KEY_ROTATION_TOKEN: TOKEN });
    const { body: made, headers } = await make(gateway, { ...DUE_SOON, user_id: 'ann', rpm_limit: 50 });
    expect(headers.get('x-tollgate-warning')).toBeNull();
    expect(Date.parse(String(made['key_rotation_at']))).toBeGreaterThan(Date.parse(String(made['created_at'])));
    await until(
      () => vault.delivered.length,
      (count) => count >= 2,
    );
    // Nobody has said that it is safe, so nothing has changed.
    expect(await statusOf(gateway, made['key'])).toBe(200);
    await until(
      () => statusOf(gateway, made['key']),
      (status) => status === 401,
    );
    const { body: told, authorization } = vault.delivered[2] ?? { body: {}, authorization: null };
    expect(authorization).toBe(`Bearer ${TOKEN}`);
    expect(told).toEqual({
      event: 'key_rotated',
      key: expect.stringMatching(/^sk-/),
      token: expect.stringMatching(/^[0-9a-f]{64}$/),
      ...{ key_alias: 'turning', user_id: 'ann', team_id: null, old_key_valid_until: null },
    });
    const info = await infoOf(gateway, told['token']);
    expect(info).toMatchObject({ rpm_limit: 50, user_id: 'ann', updated_by: 'default_user_id', auto_rotate: true });
    expect(Number(info['rotation_count'])).toBeGreaterThanOrEqual(1);
    const betweenMs = Date.parse(String(info['key_rotation_at'])) - Date.parse(String(info['last_rotation_at']));
    expect(Math.abs(betweenMs - 1_000)).toBeLessThan(50);
    const audit = await (await gateway.get('/audit?action=regenerated')).text();
    expect(audit).toContain('key_rotation');
    for (const { body } of vault.delivered) expect(gateway.logs() + audit).not.toContain(String(body['key']));
    expect(gateway.logs()).toContain('answered 500');
  });

  test('keys that are blocked, that do not rotate or are not due stay as they are', async () => {
    const vault = startVault();
    const gateway = await start({ ...ON, TOLLGATE_KEY_ROTATION_URL: vault.url });
    const { body: blocked } = await make(gateway, { ...DUE_SOON, key_alias: 'blocked', blocked: true });
    const { body: still } = await make(gateway, { key_alias: 'still' });
    const { body: later } = await make(gateway, { ...DUE_SOON, key_alias: 'later', rotation_interval: '30d' });
    const { body: due } = await make(gateway, DUE_SOON);
    await until(
      () => statusOf(gateway, due['key']),
      (status) => status === 401,
    );
    expect(new Set(vault.delivered.map(({ body }) => body['key_alias']))).toEqual(new Set(['turning']));
    expect([await statusOf(gateway, still['key']), await statusOf(gateway, later['key'])]).toEqual([200, 200]);
    expect((await infoOf(gateway, blocked['key']))['rotation_count']).toBe(0);
  });
});

test('with a grace time alone the old secret works on, and fetches a new one for its owner', async () => {
  const gateway = await start({ ...ON, LITELLM_KEY_ROTATION_GRACE_PERIOD: '1h' });
  const { body: made } = await make(gateway, { ...DUE_SOON, rotation_interval: '2s' });
  await until(
    () => infoOf(gateway, made['key']),
    (info) => Number(info['rotation_count']) >= 1,
  );
  expect(await statusOf(gateway, made['key'])).toBe(200);
  const answer = await gateway.post('/key/regenerate', { key: made['key'], auto_rotate: false });
  const { key, key_rotation_at } = (await answer.json()) as Body;
  expect([await statusOf(gateway, key), key_rotation_at]).toEqual([200, null]);
  expect(gateway.logs()).toContain('POST /key/regenerate');
});

test('where nobody would learn a new secret, a due key is told of and left alone', async () => {
  const gateway = await start(ON);
  const { body: made } = await make(gateway, DUE_SOON);
  await until(
    () => gateway.logs(),
    (logs) => logs.includes('key_rotation_due'),
  );
  expect(gateway.logs()).toContain('TOLLGATE_KEY_ROTATION_URL');
  expect(await statusOf(gateway, made['key'])).toBe(200);
  expect((await infoOf(gateway, made['key']))['rotation_count']).toBe(0);
});

test('where rotation is off, whoever wants it is warned', async () => {
  const gateway = await start({});
  const { headers } = await make(gateway, DUE_SOON);
  expect(headers.get('x-tollgate-warning')).toContain('auto_rotate, rotation_interval');
});
