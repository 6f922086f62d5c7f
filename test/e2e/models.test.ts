/** Models at run time, with the real program in front of fake upstreams. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Gateway, type GatewayOptions, startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const SECRET = 'sk-provider-secret-of-the-run-time-models';
const OLD_SALT = 'the-first-salt-key-of-the-tests';
const NEW_SALT = 'the-second-salt-key-of-the-tests';

let first: Upstream;
let second: Upstream;
beforeAll(async () => {
  [first, second] = await Promise.all([startUpstream(), startUpstream()]);
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
});

const CONFIG = {
  model_list: [{ model_name: 'file', litellm_params: { model: 'openai/x', mock_response: 'from the file' } }],
};

async function withGateway(options: GatewayOptions, run: (gateway: Gateway) => Promise<void>): Promise<void> {
  const gateway = await startGateway({ config: CONFIG, ...options });
  try {
    await run(gateway);
  } finally {
    await gateway.stop();
  }
}

const ask = (gateway: Gateway, model: string): Promise<Response> =>
  gateway.ask({ model, messages: [{ role: 'user', content: 'Hello' }] });
const add = (gateway: Gateway, upstream: Upstream, fields: object = {}): Promise<Response> =>
  gateway.post('/model/new', {
    model_name: 'added',
    litellm_params: { model: 'openai/gpt-4o', api_base: upstream.url, api_key: SECRET },
    model_info: { id: 'one' },
    ...fields,
  });
const sentKey = (upstream: Upstream): string | undefined => upstream.requests.at(-1)?.headers['authorization'];

/** Every file of a folder, with what stands in it. */
function filesIn(folder: string): { readonly path: string; readonly bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => ({ path, bytes: readFileSync(path) }));
}

/** The secret in every form it could lie about in, whole or from some place on. */
function traces(secret: string): readonly Buffer[] {
  const base64 = [0, 1, 2].map((shift) => Buffer.from(secret.slice(shift)).toString('base64').slice(0, 24));
  const forms = [
    secret,
    secret.slice(8),
    Buffer.from(secret).toString('hex'),
    ...base64,
    [...secret].reverse().join(''),
  ];
  return [...forms.map((form) => Buffer.from(form)), Buffer.from(secret, 'utf16le')];
}

const leaks = (folder: string, secret: string): string[] =>
  filesIn(folder)
    .filter(({ bytes }) => traces(secret).some((trace) => bytes.includes(trace)))
    .map(({ path }) => path);

describe('a model added at run time', () => {
  test('serves the next request, moves with an update, is blocked, and is gone when it is deleted', async () => {
    await withGateway({}, async (gateway) => {
      expect((await ask(gateway, 'added')).status).toBe(400);
      expect((await add(gateway, first)).status).toBe(200);
      const [before, other] = [first.requests.length, second.requests.length];
      expect((await ask(gateway, 'added')).status).toBe(200);
      expect([first.requests.length, sentKey(first)]).toEqual([before + 1, `Bearer ${SECRET}`]);

      const moved = { model_info: { id: 'one' }, litellm_params: { api_base: second.url } };
      expect((await gateway.post('/model/update', moved)).status).toBe(200);
      expect((await ask(gateway, 'added')).status).toBe(200);
      expect([first.requests.length, second.requests.length]).toEqual([before + 1, other + 1]);
      expect(sentKey(second)).toBe(`Bearer ${SECRET}`);

      await gateway.post('/model/block', { id: 'one' });
      const blocked = await ask(gateway, 'added');
      expect([blocked.status, await blocked.json()]).toMatchObject([
        403,
        { error: { message: 'Model is blocked', type: 'permission_error' } },
      ]);
      await gateway.post('/model/unblock', { id: 'one' });
      expect((await ask(gateway, 'added')).status).toBe(200);

      await gateway.post('/model/delete', { id: 'one' });
      expect((await ask(gateway, 'added')).status).toBe(400);
      expect((await ask(gateway, 'file')).status).toBe(200);
    });
  });

  test('is in the list of models and in its facts, and a key sees it only when it may use it', async () => {
    await withGateway({}, async (gateway) => {
      await add(gateway, first);
      const made = (await (await gateway.post('/key/generate', { models: ['file'] })).json()) as { key: string };
      const names = async (path: string, key = gateway.masterKey) => {
        const answer = (await (await gateway.get(path, { authorization: `Bearer ${key}` })).json()) as {
          data: { id?: string; model_name?: string }[];
        };
        return answer.data.map(({ id, model_name }) => model_name ?? id);
      };
      expect(await names('/v1/models')).toEqual(['file', 'added']);
      expect(await names('/model/info')).toEqual(['file', 'added']);
      expect(await names('/v1/models', made.key)).toEqual(['file']);
      expect(await names('/v1/model/info', made.key)).toEqual(['file']);
    });
  });

  test('fifty at once are all served', async () => {
    await withGateway({}, async (gateway) => {
      const made = await Promise.all(
        Array.from({ length: 50 }, (_, at) => add(gateway, first, { model_name: `m-${at}`, model_info: {} })),
      );
      expect(made.every(({ status }) => status === 200)).toBe(true);
      const asked = await Promise.all(Array.from({ length: 50 }, (_, at) => ask(gateway, `m-${at}`)));
      expect(asked.every(({ status }) => status === 200)).toBe(true);
    });
  });

  test('stays through a reload of the configuration', async () => {
    await withGateway({}, async (gateway) => {
      await add(gateway, first);
      const [entry] = CONFIG.model_list;
      writeFileSync(
        join(gateway.folder, 'config.yaml'),
        JSON.stringify({ model_list: [{ ...entry, model_name: 'anew' }] }),
      );
      gateway.signal('SIGHUP');
      await until(
        async () => (await ask(gateway, 'anew')).status,
        (status) => status === 200,
      );
      expect((await ask(gateway, 'added')).status).toBe(200);
      expect((await ask(gateway, 'file')).status).toBe(400);
    });
  });
});

describe('the data folder', () => {
  test('keeps a model through a restart and a kill, and holds its secrets in no form', async () => {
    const gateway = await startGateway({ config: CONFIG });
    await gateway.post('/credentials', { credential_name: 'c', credential_values: { api_key: SECRET } });
    await add(gateway, first, {
      litellm_params: {
        model: 'openai/gpt-4o',
        api_base: first.url,
        litellm_credential_name: 'c',
        extra_headers: { 'x-token': SECRET },
      },
    });
    expect((await ask(gateway, 'added')).status).toBe(200);
    expect(leaks(gateway.folder, SECRET)).toEqual([]);
    await gateway.kill('SIGKILL');
    expect(leaks(gateway.folder, SECRET)).toEqual([]);

    await withGateway({ folder: gateway.folder }, async (again) => {
      const before = first.requests.length;
      expect((await ask(again, 'added')).status).toBe(200);
      expect([first.requests.length, sentKey(first)]).toEqual([before + 1, `Bearer ${SECRET}`]);
      expect(first.requests.at(-1)?.headers['x-token']).toBe(SECRET);
      expect(again.logs()).not.toContain(SECRET);
      // The check can fail: the file does hold what is no secret.
      expect(leaks(again.folder, 'litellm_credential_name')).not.toEqual([]);
    });
  });

  test('without any key given makes one of its own and finds it again', async () => {
    const gateway = await startGateway({ config: CONFIG, withMasterKey: false });
    const made = await until(
      () => /Your admin key, shown this once: (\S+)/.exec(gateway.logs())?.[1],
      (key) => key !== undefined,
    );
    const authorization = `Bearer ${made}`;
    const body = {
      model_name: 'added',
      litellm_params: { model: 'openai/gpt-4o', api_base: first.url, api_key: SECRET },
    };
    expect((await gateway.post('/model/new', body, { authorization })).status).toBe(200);
    expect(leaks(gateway.folder, SECRET)).toEqual([]);
    const file = filesIn(gateway.folder).find(({ path }) => path.endsWith('secret.key'));
    expect(file && statSync(file.path).mode & 0o077).toBe(0);
    await gateway.kill('SIGTERM');
    await withGateway({ folder: gateway.folder, withMasterKey: false }, async (again) => {
      const asked = await again.ask(
        { model: 'added', messages: [{ role: 'user', content: 'Hello' }] },
        { authorization },
      );
      expect([asked.status, sentKey(first)]).toEqual([200, `Bearer ${SECRET}`]);
    });
  });
});

describe('another salt key', () => {
  const salted = (key: string, old?: string) => ({
    LITELLM_SALT_KEY: key,
    ...(old !== undefined && { LITELLM_SALT_KEY_OLD: old }),
  });

  test('leaves the model out with a word what to do; rotation on the running server seals it anew', async () => {
    const gateway = await startGateway({ config: CONFIG, env: salted(OLD_SALT) });
    const { folder } = gateway;
    await add(gateway, first);
    await gateway.kill('SIGTERM');

    const lost = await startGateway({ config: CONFIG, folder, env: salted(NEW_SALT) });
    expect((await ask(lost, 'added')).status).toBe(400);
    expect((await ask(lost, 'file')).status).toBe(200);
    expect(lost.logs()).toMatch(/Start with the LITELLM_SALT_KEY it was stored under.*a model is left out/);
    await lost.kill('SIGTERM');

    const rotating = await startGateway({ config: CONFIG, folder, env: salted(NEW_SALT, OLD_SALT) });
    expect((await ask(rotating, 'added')).status).toBe(200);
    const rotated = await (await rotating.post('/credentials/rotate', {})).json();
    expect(rotated).toMatchObject({ success: true, models: 1, credentials: 0, values: 1 });
    expect((await ask(rotating, 'added')).status).toBe(200);
    await rotating.kill('SIGTERM');

    await withGateway({ folder, env: salted(NEW_SALT) }, async (again) => {
      expect((await ask(again, 'added')).status).toBe(200);
      expect(sentKey(first)).toBe(`Bearer ${SECRET}`);
    });
  });

  test('is put in place by the command, which needs the database for itself', async () => {
    const gateway = await startGateway({ config: CONFIG, env: salted(OLD_SALT) });
    const { folder } = gateway;
    await add(gateway, first);
    expect(rotate(folder, salted(NEW_SALT, OLD_SALT))).toMatchObject({
      code: 1,
      said: expect.stringContaining('in use by'),
    });
    await gateway.kill('SIGTERM');
    expect(rotate(folder, salted(NEW_SALT))).toMatchObject({
      code: 1,
      said: expect.stringContaining('LITELLM_SALT_KEY_OLD'),
    });
    expect(rotate(folder, salted(NEW_SALT, OLD_SALT))).toMatchObject({
      code: 0,
      said: expect.stringMatching(/^Sealed 1 secret with the key "[0-9a-f]{12}", in 1 model and 0 credentials/),
    });
    expect(rotate(folder, salted(NEW_SALT))).toMatchObject({ code: 0, said: expect.stringContaining('Nothing to do') });
    await withGateway({ folder, env: salted(NEW_SALT) }, async (again) => {
      expect((await ask(again, 'added')).status).toBe(200);
    });
  });
});

function rotate(folder: string, env: Readonly<Record<string, string>>): { code: number | null; said: string } {
  const program = join(import.meta.dir, '..', '..', 'bin', 'tollgate.mjs');
  const { status, stdout, stderr } = spawnSync(
    'node',
    [program, '--config', join(folder, 'config.yaml'), '--rotate-credentials'],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        LITELLM_MASTER_KEY: 'sk-master-of-the-end-to-end-tests',
        ...env,
      },
      encoding: 'utf8',
    },
  );
  return { code: status, said: stdout + stderr };
}

test('store_model_in_db: false refuses models at run time, and says which setting it was', async () => {
  const gateway = await startGateway({ config: { model_list: [], general_settings: { store_model_in_db: false } } });
  try {
    const answer = await gateway.post('/model/new', {
      model_name: 'added',
      litellm_params: { model: 'openai/gpt-4o' },
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('store_model_in_db');
    expect((await ask(gateway, 'added')).status).toBe(400);
  } finally {
    await gateway.stop();
  }
});
