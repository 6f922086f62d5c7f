/**
 * One process owns an embedded database file. The lock is an operating-system lock, taken through SQLite on a side file
 * (`PATH.lock`): the kernel frees it when the owner dies, however it dies, so there is no stale lock to judge and no race
 * in taking one over. The owner's process id stands in `PATH.pid`, for the message only.
 */
import { Database as BunDatabase } from 'bun:sqlite';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';

export interface FileLock {
  /** Harmless when already released. */
  release(): void;
}

/** Throws an Error that names the owner when another process, or another handle in this one, has the file open. */
export function lockDatabaseFile(databasePath: string): FileLock {
  // Two names of one file must meet at one lock.
  const path = existsSync(databasePath) ? realpathSync(databasePath) : databasePath;
  const lock = new BunDatabase(`${path}.lock`, { create: true });
  try {
    lock.run('pragma busy_timeout = 0');
    // Held for the owner's life and never committed. The side file stays empty and is never deleted: deleting it would
    // let two processes lock two different files of the same name.
    lock.run('begin exclusive');
  } catch (cause) {
    lock.close();
    if (!isBusy(cause)) throw cause;
    throw new Error(`The database ${path} is in use by ${ownerOf(path)}. Stop it first, or use another database.`, {
      cause,
    });
  }
  const pidPath = `${path}.pid`;
  writeFileSync(pidPath, `${process.pid}\n`);
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      rmSync(pidPath, { force: true });
      lock.close();
    },
  };
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('SQLITE_BUSY');
}

function ownerOf(path: string): string {
  try {
    const pid = Number.parseInt(readFileSync(`${path}.pid`, 'utf8'), 10);
    return Number.isInteger(pid) ? `process ${pid}` : 'another process';
  } catch {
    // The owner has taken the lock but not yet written its id.
    return 'another process';
  }
}
