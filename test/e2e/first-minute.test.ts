/** The first minute with the program: start it with nothing, paste what it prints, stop it, configure it. */
import { afterEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployment, type Gateway, type GatewayOptions, startGateway } from '../support/gateway.ts';
import { hasCurl, run } from '../support/programs.ts';
import { ROOT, read } from '../support/source-tree.ts';
import { streamed } from '../support/sse.ts';
import { startUpstream } from '../support/upstream.ts';

const started: Gateway[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const gateway of started.splice(0)) await gateway.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function start(options: GatewayOptions = {}): Promise<Gateway> {
  const gateway = await startGateway(options);
  started.push(gateway);
  return gateway;
}

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-first-minute-'));
  folders.push(folder);
  return folder;
}

/**
 * Runs the program to its end.
 * @param folder where its data is; a fresh one unless it is said
 */
function runProgram(args: readonly string[], env: Readonly<Record<string, string>> = {}, folder = freshFolder()) {
  const { PATH = '' } = process.env;
  return spawnSync('node', [join(ROOT, 'bin', 'tollgate.mjs'), ...args], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH, ...env },
    timeout: 10_000,
  });
}

const hello = { messages: [{ role: 'user', content: 'Hello!' }] };
const printedCurl = (text: string): string => /^\s*(curl http.*)$/m.exec(text)?.[1] ?? '';
const printedKey = (text: string): string => /shown this once:\s+(sk-\S+)/.exec(text)?.[1] ?? '';

describe('with nothing', () => {
  test.skipIf(!hasCurl)('it prints a curl that works when pasted', async () => {
    const gateway = await start({ withMasterKey: false });
    await untilLogged(gateway, 'Try it');
    const { stdout, exitCode } = await run(['bash', '-c', `${printedCurl(gateway.logs())} --silent --fail-with-body`]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ object: 'chat.completion', model: 'mock' });
  });

  test('the admin key is shown once, works after a restart, and is nowhere on the disk', async () => {
    const first = await start({ withMasterKey: false });
    await untilLogged(first, 'Try it');
    const key = printedKey(first.logs());
    expect(key.length).toBeGreaterThan(30);
    const authorization = `Bearer ${key}`;
    expect((await first.ask({ model: 'mock', ...hello }, { authorization })).status).toBe(200);
    await first.kill('SIGTERM');
    const second = await start({ withMasterKey: false, folder: first.folder });
    expect(second.logs()).not.toContain(key);
    expect((await second.ask({ model: 'mock', ...hello }, { authorization })).status).toBe(200);
    expect(second.logs()).not.toContain(key);
    const { status } = spawnSync('grep', ['-rq', key, first.folder]);
    expect(status).toBe(1);
  });

  test('the mock model streams, counts tokens, costs money on paper and answers to gpt-4', async () => {
    const gateway = await start();
    for (const model of ['mock', 'gpt-4']) {
      const whole = await gateway.ask({ model, ...hello });
      expect(Number(whole.headers.get('x-litellm-response-cost'))).toBeGreaterThan(0);
      const { usage, choices } = (await whole.json()) as {
        usage: { completion_tokens: number };
        choices: { message: { content: string } }[];
      };
      expect(usage.completion_tokens).toBeGreaterThan(5);
      const stream = await streamed(
        await gateway.ask({ model, ...hello, stream: true, stream_options: { include_usage: true } }),
      );
      expect(stream).toMatchObject({ content: choices[0]?.message.content, isDone: true });
      expect(stream.chunks.length).toBeGreaterThan(3);
      expect(stream.usages).toHaveLength(1);
    }
    const rows = await gateway.rows('', 4);
    expect(rows).toHaveLength(4);
    for (const row of rows) expect(row['spend']).toBeGreaterThan(0);
  });

  test('provider keys in the environment become wildcard models', async () => {
    const gateway = await start({ env: { GROQ_API_KEY: 'gsk-x', OPENAI_API_KEY: 'sk-x' } });
    const listening =
      gateway
        .logs()
        .split('\n')
        .find((line) => line.includes('"listening"')) ?? '{}';
    expect(JSON.parse(listening).models).toEqual(expect.arrayContaining(['mock', 'groq/*', 'openai/*', 'gpt-*']));
  });

  test('its first good answer comes soon after the start', async () => {
    const before = performance.now();
    const gateway = await start();
    expect((await gateway.ask({ model: 'mock', ...hello })).status).toBe(200);
    // One second on a quiet machine; bench measures it. This catches what would wait for a network or a download.
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test('liveness and readiness answer without a key', async () => {
    const { url } = await start();
    for (const path of ['/health/liveliness', '/health/liveness', '/health/readiness']) {
      expect((await fetch(url + path)).status).toBe(200);
    }
  });
});

describe('flags', () => {
  test('--version and --help answer without starting', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(runProgram(['--version']).stdout.trim()).toBe(version);
    expect(runProgram(['--help']).stdout).toContain('--check-config FILE');
  });

  test.each([
    ['--port', 'http'],
    ['--port', '70000'],
    ['--prot', '1'],
    ['--config', '/nowhere.yaml'],
  ])('%s %s ends with 1 and says what is wrong', (flag, value) => {
    const { status, stderr } = runProgram([flag, value]);
    expect(status).toBe(1);
    expect(stderr).toStartWith('tollgate: ');
    expect(stderr).not.toContain('    at ');
  });

  test('--check-config says of each key whether it is honoured, ignored or unknown', async () => {
    const gateway = await start();
    const file = join(gateway.folder, 'checked.yaml');
    writeFileSync(file, 'model_list: []\nrouter_settings:\n  num_retries: 1\n  num_retrys: 2\n');
    const bad = runProgram(['--check-config', file]);
    expect(bad.status).toBe(1);
    expect(bad.stdout).toMatch(/:4:\d+.*num_retrys/);
    expect(bad.stdout).toContain('num_retries');
    expect(runProgram(['--check-config', join(ROOT, 'config.example.yaml')], EXAMPLE_ENVIRONMENT).status).toBe(0);
  });
});

const EXAMPLE_ENVIRONMENT = {
  OPENAI_API_KEY: 'sk-x',
  AZURE_API_BASE: 'https://example.openai.azure.com',
  AZURE_API_KEY: 'x',
  GROQ_API_KEY: 'x',
  LITELLM_MASTER_KEY: 'sk-a-long-one-for-the-example',
};

describe('what it refuses to start with', () => {
  test('a weak master key is warned of on loopback and refused elsewhere, unless that is permitted', async () => {
    const weak = { LITELLM_MASTER_KEY: 'sk-1234' };
    const gateway = await start({ env: weak });
    expect(gateway.logs()).toContain('publicly known example');
    const refused = runProgram(['--host', '0.0.0.0', '--port', '0'], { ...weak, DATABASE_URL: 'sqlite::memory:' });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('dangerously_permit_weak_or_unset_master_key');
    expect(refused.stderr).not.toContain('sk-1234');
  });

  test('a second process on the same database is told who has it', async () => {
    const gateway = await start();
    const { status, stderr } = runProgram(['--port', '0'], {
      DATABASE_URL: `sqlite:${join(gateway.folder, 'data', 'tollgate.db')}`,
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/in use by process \d+/);
  });

  test('a second process with a database of its own does not take the journal of the first', async () => {
    const gateway = await start();
    const database = join(gateway.folder, 'other.db');
    const { status, stderr } = runProgram(['--port', '0'], { DATABASE_URL: `sqlite:${database}` }, gateway.folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(/data folder .* in use by process \d+.*tollgate_settings\.data_dir/);
  });

  test('a port that is taken is said in plain words', async () => {
    const gateway = await start();
    const { status, stderr } = runProgram(['--port', String(gateway.port), '--host', '127.0.0.1'], {
      DATABASE_URL: 'sqlite::memory:',
    });
    expect(status).toBe(1);
    expect(stderr).toContain(String(gateway.port));
    expect(stderr).not.toContain('    at ');
  });
});

describe('while it runs', () => {
  test('SIGHUP reads the configuration again; a bad file changes nothing and says why', async () => {
    const upstream = await startUpstream();
    const gateway = await start({ config: { model_list: [deployment(upstream, 'old')] } });
    const file = join(gateway.folder, 'config.yaml');
    const statusOf = async (model: string): Promise<number> => (await gateway.ask({ model, ...hello })).status;

    writeFileSync(file, 'model_list: [');
    gateway.signal('SIGHUP');
    await untilLogged(gateway, 'configuration not reloaded');
    expect(await statusOf('old')).toBe(200);

    writeFileSync(file, JSON.stringify({ model_list: [deployment(upstream, 'new')] }));
    gateway.signal('SIGHUP');
    await untilLogged(gateway, 'configuration reloaded');
    expect(await statusOf('new')).toBe(200);
    expect(await statusOf('old')).toBe(400);
    await upstream.stop();
  });

  test('SIGTERM lets a stream finish, takes no new request, and exits with 0', async () => {
    const upstream = await startUpstream(() => ({ paceMs: 20 }));
    const gateway = await start({ config: { model_list: [deployment(upstream, 'm')] } });
    const answer = await gateway.ask({ model: 'm', stream: true, ...hello });
    const ended = gateway.kill('SIGTERM');
    expect(await streamed(answer)).toMatchObject({ isDone: true, finishReasons: ['stop'] });
    expect(await ended).toBe(0);
    await upstream.stop();
  });
});

async function untilLogged(gateway: Gateway, text: string): Promise<void> {
  while (!gateway.logs().includes(text)) await Bun.sleep(5);
}
