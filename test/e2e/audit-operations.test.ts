/** Running it: what an operator and a key's owner are told when something is not as it should be. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { ROOT } from '../support/source-tree.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const messages = [{ role: 'user', content: 'Hello!' }];
let upstream: Upstream;
let gateway: Gateway;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-audit-'));
  upstream = await startUpstream();
  gateway = await startGateway({ config: { model_list: [deployment(upstream, 'm')] } });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function runProgram(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync('node', [join(ROOT, 'bin', 'tollgate.mjs'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...env },
    timeout: 10_000,
  });
}

describe('--check-config', () => {
  test('prints every finding also where a deployment cannot be reached, and every such deployment', () => {
    const file = join(folder, 'unreachable.yaml');
    writeFileSync(
      file,
      [
        'model_list:',
        '  - {model_name: a, litellm_params: {model: nobody-knows-this-model}}',
        '  - {model_name: b, litellm_params: {model: azure/mine, api_key: k}}',
        'litellm_settings: {cache: true}',
        '',
      ].join('\n'),
    );
    const { status, stdout } = runProgram(['--check-config', file]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/:2:\d+ model_list entry "a": cannot tell the provider/);
    expect(stdout).toMatch(/:3:\d+ model_list entry "b": .*api_base/);
    expect(stdout).toContain('litellm_settings.cache');
    expect(stdout).toContain('2 errors');
  });
});

describe('--check-config of a database that is not there yet', () => {
  test('says what the start would say, without the password', () => {
    const file = join(folder, 'postgres.yaml');
    writeFileSync(file, 'model_list: []\ngeneral_settings: {database_url: "postgresql://u:pw-secret@h/litellm"}\n');
    const { status, stdout } = runProgram(['--check-config', file]);
    expect(status).toBe(1);
    expect(stdout).toContain('PostgreSQL is not supported yet');
    expect(stdout).not.toContain('pw-secret');
  });
});

describe('a reload with another master key', () => {
  test('says that it needs a restart, and shows neither key', async () => {
    const config = (key: string): object => ({
      model_list: [deployment(upstream, 'm')],
      general_settings: { master_key: key },
    });
    const running = await startGateway({ config: config('sk-the-old-key-of-the-admin'), withMasterKey: false });
    writeFileSync(join(running.folder, 'config.yaml'), JSON.stringify(config('sk-the-new-key-of-the-admin')));
    running.signal('SIGHUP');
    while (!running.logs().includes('"configuration reloaded"')) await Bun.sleep(5);
    while (!running.logs().includes('restart')) await Bun.sleep(5);
    expect(running.logs()).toContain('a change of general_settings.master_key needs a restart');
    expect(running.logs()).not.toContain('key-of-the-admin');
    await running.stop();
  });
});

describe('the model "*"', () => {
  test('serves what is asked for, of every provider whose key is in the environment', async () => {
    const catchAll = await startGateway({
      config: { model_list: [{ model_name: '*', litellm_params: { model: '*' } }] },
      env: { OPENAI_API_KEY: 'sk-of-openai', OPENAI_API_BASE: upstream.url, GROQ_API_KEY: 'gsk-x' },
    });
    for (const model of ['openai/gpt-4o', 'gpt-4o-mini']) {
      const answer = await catchAll.ask({ model, messages });
      expect(await answer.json()).toMatchObject({ model });
      const sent = upstream.requests.at(-1);
      expect(sent?.body['model']).toBe(model.replace('openai/', ''));
      expect(sent?.headers['authorization']).toBe('Bearer sk-of-openai');
    }
    expect((await catchAll.ask({ model: 'nobody/x', messages })).status).toBe(400);
    const list = await (await catchAll.get('/v1/models')).text();
    expect(list).toContain('groq/*');
    await catchAll.stop();
  });

  test('is an error that says what to do where there is no key', () => {
    const file = join(folder, 'catch-all.yaml');
    writeFileSync(file, 'model_list:\n  - {model_name: "*", litellm_params: {model: "*"}}\n');
    const { status, stdout } = runProgram(['--check-config', file]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/:2:\d+ .*Set OPENAI_API_KEY/);
    expect(runProgram(['--check-config', file], { OPENAI_API_KEY: 'sk-x' }).status).toBe(0);
  });
});

describe('a database that cannot be used', () => {
  test('is named, together with what is wrong', () => {
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'data', 'tollgate.db'), 'this is no database, and long enough to show it '.repeat(100));
    const { status, stderr } = runProgram(['--port', '0']);
    expect(status).toBe(1);
    expect(stderr).toContain('data/tollgate.db');
    expect(stderr).toContain('not a database');
  });
});

describe('the list of models', () => {
  test('has what a key names one by one and a wildcard serves, and no access group', async () => {
    const config = {
      model_list: [deployment(upstream, '*', {}, { model_info: { access_groups: ['beta'] } })],
    };
    const wild = await startGateway({ config });
    const settings = { models: ['org/one', 'beta', 'all-team-models'] };
    const { key } = (await (await wild.post('/key/generate', settings)).json()) as { key: string };
    const list = await wild.get('/v1/models', { authorization: `Bearer ${key}` });
    const { data } = (await list.json()) as { data: { id: string }[] };
    const names = data.map(({ id }) => id);
    expect(names).toContain('org/one');
    expect(names).not.toContain('beta');
    expect(names).not.toContain('all-team-models');
    await wild.stop();
  });
});

describe('the refusal of a key', () => {
  test('tells a deleted key from one that never was', async () => {
    const made = (await (await gateway.post('/key/generate', {})).json()) as { key: string };
    await gateway.post('/key/delete', { keys: [made.key] });
    const reasonFor = async (key: string): Promise<string> => {
      const answer = await gateway.ask({ model: 'm', messages }, { authorization: `Bearer ${key}` });
      expect(answer.status).toBe(401);
      return ((await answer.json()) as { error: { reason: string } }).error.reason;
    };
    expect(await reasonFor(made.key)).toContain('was deleted');
    const unknown = await reasonFor('sk-never-made-never-made-never-made');
    expect(unknown).toContain('never made');
    expect(unknown).not.toContain('deleted');
  });
});

describe('the row of a request', () => {
  test('that a blocked key made is the key’s, so that its owner can be found', async () => {
    const settings = { key_alias: 'blocked-one', user_id: 'u1', blocked: true };
    const made = (await (await gateway.post('/key/generate', settings)).json()) as { key: string; token: string };
    const answer = await gateway.ask({ model: 'm', messages }, { authorization: `Bearer ${made.key}` });
    expect(answer.status).toBe(401);
    const rows = await gateway.rows(`?api_key=${made.token}`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ api_key: made.token, user: 'u1', status: 'failure', spend: 0 });
    expect(await gateway.rows('?key_alias=blocked-one')).toHaveLength(1);
  });

  test('says of each attempt what the upstream answered, also of the one that succeeded after a retry', async () => {
    let count = 0;
    upstream.behave = () => ({ status: count++ === 0 ? 503 : 200 });
    const answer = await gateway.ask({ model: 'm', messages, num_retries: 1 });
    upstream.behave = () => undefined;
    expect(answer.status).toBe(200);
    const [row] = await gateway.rows(`?request_id=${answer.headers.get('x-litellm-call-id')}`);
    expect(row?.['tollgate']).toMatchObject({
      attempts: [
        { error: 'upstream_unavailable', upstreamStatus: 503 },
        { error: null, upstreamStatus: 200 },
      ],
    });
  });

  test('says where it came from', async () => {
    const answer = await gateway.ask({ model: 'm', messages });
    const id = answer.headers.get('x-litellm-call-id');
    const [row] = await gateway.rows(`?request_id=${id}`);
    expect(row?.['requester_ip_address']).toBe('127.0.0.1');
  });
});
