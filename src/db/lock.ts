/**
 * One process owns an embedded database file, and a data folder. The lock is an operating-system lock, taken through SQLite on a side file
 * (`PATH.lock`): the kernel frees it when the owner dies, however it dies, so there is no stale lock to judge and no race
 * in taking one over. The owner's process id stands in `PATH.pid`, for the message only.
 */
import { Database as BunDatabase } from 'bun:sqlite';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FileLock {
  /** Harmless when already released. */
  release(): void;
}

/** Throws an Error that names the owner when another process, or another handle in this one, has the file open. */
export function lockDatabaseFile(databasePath: string): FileLock {
  // Two names of one file must meet at one lock.
  const path = existsSync(databasePath) ? realpathSync(databasePath) : databasePath;
  return lock(path, (owner) => `The database ${path} is in use by ${owner}. Stop it first, or use another database.`);
}

/**
 * One process owns a data folder, wherever its database is: two would take each other's journals for those of the dead.
 * Makes the folder when it is not there. Throws an Error that names the owner.
 */
export function lockDataFolder(folder: string): FileLock {
  mkdirSync(folder, { recursive: true });
  const path = realpathSync(folder);
  return lock(
    join(path, 'folder'),
    (owner) =>
      `The data folder ${path} is in use by ${owner}. Each gateway needs one of its own: set tollgate_settings.data_dir.`,
  );
}

function lock(path: string, refusal: (owner: string) => string): FileLock {
  const handle = new BunDatabase(`${path}.lock`, { create: true });
  try {
    handle.run('pragma busy_timeout = 0');
    // Held for the owner's life and never committed. The side file stays empty and is never deleted: deleting it would
    // let two processes lock two different files of the same name.
    handle.run('begin exclusive');
  } catch (cause) {
    handle.close();
    if (!isBusy(cause)) throw cause;
    throw new Error(refusal(ownerOf(path)), { cause });
  }
  const pidPath = `${path}.pid`;
  writeFileSync(pidPath, `${process.pid}\n`);
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      rmSync(pidPath, { force: true });
      handle.close();
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
