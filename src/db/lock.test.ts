import { afterEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDatabaseFile, lockDataFolder } from './lock.ts';

const folders: string[] = [];
const children: Bun.Subprocess[] = [];
function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-lock-'));
  folders.push(folder);
  return join(folder, 'tollgate.db');
}
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await child.exited;
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Another process that takes the lock, says so, and holds it until it is killed; or says why it could not. */
async function otherProcess(path: string): Promise<{ child: Bun.Subprocess; says: string }> {
  const script = `
    const { lockDatabaseFile } = await import(${JSON.stringify(join(import.meta.dir, 'lock.ts'))});
    try { globalThis.lock = lockDatabaseFile(process.argv.at(-1)); console.log('locked'); setInterval(() => {}, 1000); }
    catch (error) { console.log(error.message); }`;
  const child = Bun.spawn([process.execPath, '-e', script, path], { stdout: 'pipe', stderr: 'inherit' });
  children.push(child);
  const { value } = await child.stdout.getReader().read();
  return { child, says: new TextDecoder().decode(value).trim() };
}

test('a second process is refused and told who owns the file', async () => {
  const path = freshPath();
  const owner = await otherProcess(path);
  expect(owner.says).toBe('locked');
  expect(() => lockDatabaseFile(path)).toThrow(`in use by process ${owner.child.pid}`);
  expect((await otherProcess(path)).says).toContain(`in use by process ${owner.child.pid}`);
});

test('a second handle in the same process is refused too', () => {
  const path = freshPath();
  const lock = lockDatabaseFile(path);
  expect(() => lockDatabaseFile(path)).toThrow(`in use by process ${process.pid}`);
  lock.release();
  lock.release();
  lockDatabaseFile(path).release();
});

test('a symbolic link to the file meets the same lock', () => {
  const path = freshPath();
  writeFileSync(path, '');
  const link = `${path}.link`;
  symlinkSync(path, link);
  const lock = lockDatabaseFile(path);
  expect(() => lockDatabaseFile(link)).toThrow('in use by');
  lock.release();
});

test('the lock of a process killed with -9 is taken over', async () => {
  const path = freshPath();
  const owner = await otherProcess(path);
  owner.child.kill('SIGKILL');
  await owner.child.exited;
  lockDatabaseFile(path).release();
});

test('a process id left behind and now used by another program locks nothing', () => {
  const path = freshPath();
  writeFileSync(`${path}.lock`, '');
  writeFileSync(`${path}.pid`, `${process.ppid}\n`);
  lockDatabaseFile(path).release();
});

test('of many processes that start at once on a dead owner, exactly one wins', async () => {
  const path = freshPath();
  const dead = await otherProcess(path);
  dead.child.kill('SIGKILL');
  await dead.child.exited;
  const starts = await Promise.all(Array.from({ length: 4 }, () => otherProcess(path)));
  expect(starts.filter(({ says }) => says === 'locked')).toHaveLength(1);
  expect(starts.filter(({ says }) => says.includes('in use by'))).toHaveLength(3);
});

test('an owner that has not yet written its id is still an owner', () => {
  const path = freshPath();
  const lock = lockDatabaseFile(path);
  rmSync(`${path}.pid`);
  expect(() => lockDatabaseFile(path)).toThrow('in use by another process');
  lock.release();
});

test('a folder that cannot be written is its own error, not "in use"', () => {
  expect(() => lockDatabaseFile(join(freshPath(), 'missing', 'x.db'))).not.toThrow('in use');
  expect(() => lockDatabaseFile(join(freshPath(), 'missing', 'x.db'))).toThrow();
});

test('a data folder is made, has one owner under all of its names, and is free again afterwards', () => {
  const folder = join(freshPath(), '..', 'deep', 'data');
  const lock = lockDataFolder(folder);
  const link = `${folder}.link`;
  symlinkSync(folder, link);
  for (const name of [folder, `${folder}/`, link]) {
    expect(() => lockDataFolder(name)).toThrow(`in use by process ${process.pid}. Each gateway needs one of its own`);
  }
  lock.release();
  lockDataFolder(link).release();
});
