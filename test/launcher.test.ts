/** `bin/tollgate.mjs`: finds Bun as npm may have put it, hands over arguments, signals and exit codes. */
import { afterAll, describe, expect, test } from 'bun:test';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bunPackages, findBun, noBunMessage } from '../bin/find-bun.mjs';
import { ROOT } from './support/source-tree.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-launcher-'));
  folders.push(folder);
  return folder;
}

const LINUX = { platform: 'linux', arch: 'x64', glibc: true };

describe('the package for a machine', () => {
  test.each([
    [LINUX, '@oven/bun-linux-x64'],
    [{ ...LINUX, glibc: false }, '@oven/bun-linux-x64-musl'],
    [{ ...LINUX, arch: 'arm64' }, '@oven/bun-linux-aarch64'],
    [{ platform: 'linux', arch: 'arm64', glibc: false }, '@oven/bun-linux-aarch64-musl'],
    [{ platform: 'darwin', arch: 'arm64', glibc: true }, '@oven/bun-darwin-aarch64'],
    [{ platform: 'darwin', arch: 'x64', glibc: true }, '@oven/bun-darwin-x64'],
    [{ platform: 'win32', arch: 'x64', glibc: true }, '@oven/bun-windows-x64'],
  ])('%o is %s, which package.json has', async (machine, name) => {
    expect(bunPackages(machine)[0]).toBe(name);
    const { optionalDependencies } = await Bun.file(join(ROOT, 'package.json')).json();
    expect(optionalDependencies[name]).toBeString();
  });

  test('Windows on ARM runs the one for x64', () => {
    expect(bunPackages({ platform: 'win32', arch: 'arm64', glibc: true })).toContain('@oven/bun-windows-x64');
  });

  test('a baseline build added by hand is found when there is no other', () => {
    const root = temporaryFolder();
    const path = placeBun(root, '@oven/bun-linux-x64-baseline');
    expect(findBun(root, LINUX)).toBe(path);
  });
});

function placeBun(root: string, name: string, file = 'bun'): string {
  const path = join(root, 'node_modules', name, 'bin', file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  return path;
}

describe('looking for it', () => {
  test('the nearest node_modules wins, one further up does too', () => {
    const root = temporaryFolder();
    const inner = join(root, 'node_modules', 'tollgate', 'bin');
    mkdirSync(inner, { recursive: true });
    const hoisted = placeBun(root, '@oven/bun-linux-x64');
    expect(findBun(inner, LINUX)).toBe(hoisted);
    const own = placeBun(join(root, 'node_modules', 'tollgate'), '@oven/bun-linux-x64');
    expect(findBun(inner, LINUX)).toBe(own);
  });

  test('on Windows the file is an exe', () => {
    const root = temporaryFolder();
    const path = placeBun(root, '@oven/bun-windows-x64', 'bun.exe');
    expect(findBun(root, { platform: 'win32', arch: 'x64', glibc: true })).toBe(path);
  });

  test('glibc does not take the musl build', () => {
    const root = temporaryFolder();
    placeBun(root, '@oven/bun-linux-x64-musl');
    expect(findBun(root, LINUX)).toBeUndefined();
  });

  test('without one the message names the package and the way out', () => {
    expect(noBunMessage(LINUX)).toContain('@oven/bun-linux-x64');
    expect(noBunMessage(LINUX)).toContain('npm ci');
  });
});

/** The launcher with a main.ts of the test's own behind it. */
function installed(main: string, { withBun = true } = {}): string {
  const root = temporaryFolder();
  for (const file of ['tollgate.mjs', 'find-bun.mjs']) {
    mkdirSync(join(root, 'bin'), { recursive: true });
    copyFileSync(join(ROOT, 'bin', file), join(root, 'bin', file));
  }
  mkdirSync(join(root, 'src'));
  writeFileSync(join(root, 'src', 'main.ts'), main);
  if (withBun) {
    const [oven = ''] = [findBun(ROOT)].map((path) => dirname(dirname(path ?? '')));
    mkdirSync(join(root, 'node_modules', '@oven'), { recursive: true });
    symlinkSync(oven, join(root, 'node_modules', '@oven', oven.split('/').pop() ?? ''));
  }
  return join(root, 'bin', 'tollgate.mjs');
}

describe('running the server', () => {
  test('arguments and the exit code pass through, the limit of requests is raised', () => {
    const launcher = installed(
      'console.log(JSON.stringify([process.argv.slice(2), process.env.BUN_CONFIG_MAX_HTTP_REQUESTS])); process.exit(7);',
    );
    const { stdout, status } = spawnSync('node', [launcher, '--port', '0', 'a b'], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([['--port', '0', 'a b'], '65336']);
    expect(status).toBe(7);
  });

  test('an own limit of requests is kept', () => {
    const launcher = installed('console.log(process.env.BUN_CONFIG_MAX_HTTP_REQUESTS)');
    const env = { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: '99' };
    expect(spawnSync('node', [launcher], { encoding: 'utf8', env }).stdout.trim()).toBe('99');
  });

  test('it works through a symlink, as npx starts it', () => {
    const launcher = installed('console.log("started")');
    const link = join(temporaryFolder(), 'tollgate');
    symlinkSync(launcher, link);
    expect(spawnSync('node', [link], { encoding: 'utf8' })).toMatchObject({ stdout: 'started\n', status: 0 });
  });

  test('without Bun it ends with 1 and says what to do', () => {
    const launcher = installed('', { withBun: false });
    const { stderr, status } = spawnSync('node', [launcher], { encoding: 'utf8' });
    expect(stderr).toStartWith('tollgate: no Bun for');
    expect(status).toBe(1);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s reaches the server once', async (signal) => {
    const child = waiting();
    await line(child, 'ready');
    const told = line(child, signal);
    child.kill(signal);
    await told;
    const ended = once(child, 'exit');
    if (signal !== 'SIGTERM') child.kill('SIGTERM');
    expect((await ended)[0]).toBe(signal === 'SIGTERM' ? 11 : 12);
  });

  test('a server killed by a signal gives the exit code that shells give', async () => {
    const child = spawn('node', [installed('process.kill(process.pid, "SIGKILL")')]);
    const [code, signal] = await once(child, 'exit');
    // Where the launcher has become the server, it is the signal itself.
    expect(code === 137 || signal === 'SIGKILL').toBe(true);
  });
});

/** A server that counts the signals it gets, and ends on SIGTERM with 10 and their number. */
const waiting = (): ChildProcess =>
  spawn(
    'node',
    [
      installed(`
        let count = 0;
        for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
          process.on(signal, () => {
            count++;
            console.log(signal);
            if (signal === 'SIGTERM') setTimeout(() => process.exit(10 + count), 30);
          });
        }
        setInterval(() => {}, 1000);
        console.log('ready');`),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );

async function line(child: ChildProcess, text: string): Promise<void> {
  for await (const bytes of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    if (String(bytes).includes(text)) return;
  }
}
