import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigFolder, configFolder } from '../../test/support/config-files.ts';
import { watchConfig } from './watch.ts';

const open: { close(): void }[] = [];
const folders: ConfigFolder[] = [];

afterEach(() => {
  for (const watcher of open.splice(0)) watcher.close();
  for (const folder of folders.splice(0)) folder.remove();
});

function folder(): ConfigFolder {
  const made = configFolder();
  folders.push(made);
  return made;
}

/** Counts changes; `next` waits for one that comes after those already waited for. */
function watching(files: readonly string[]) {
  let seen = 0;
  let awaited = 0;
  let wake = (): void => {};
  const watcher = watchConfig({
    files,
    debounceMs: 20,
    onChange: () => {
      seen += 1;
      wake();
    },
  });
  open.push(watcher);
  return {
    close: watcher.close,
    seen: () => seen,
    async next(): Promise<void> {
      while (seen <= awaited) await new Promise<void>((resolve) => (wake = resolve));
      awaited = seen;
    },
  };
}

describe('watching configuration files', () => {
  test('a write in place is noticed', async () => {
    const { write } = folder();
    const file = write('config.yaml', 'a: 1\n');
    const watched = watching([file]);
    write('config.yaml', 'a: 2\n');
    await watched.next();
    expect(watched.seen()).toBe(1);
  });

  test('a file replaced by renaming is noticed, again and again', async () => {
    const { write } = folder();
    const file = write('config.yaml', 'a: 1\n');
    const watched = watching([file]);
    for (const text of ['a: 2\n', 'a: 3\n', 'a: 4\n']) {
      renameSync(write('config.yaml.new', text), file);
      await watched.next();
    }
    expect(watched.seen()).toBe(3);
  });

  test('a symlink swap as Kubernetes does it is noticed, and the new target is watched', async () => {
    const { path, write } = folder();
    write('..v1/config.yaml', 'a: 1\n');
    write('..v2/config.yaml', 'a: 2\n');
    symlinkSync('..v1', join(path, '..data'));
    symlinkSync(join('..data', 'config.yaml'), join(path, 'config.yaml'));
    const watched = watching([join(path, 'config.yaml')]);
    symlinkSync('..v2', join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, '..data'));
    rmSync(join(path, '..v1'), { recursive: true });
    await watched.next();
    write('..v2/config.yaml', 'a: 3\n');
    await watched.next();
    expect(watched.seen()).toBe(2);
  });

  test('every one of several files counts, in other directories too', async () => {
    const { write } = folder();
    const watched = watching([write('config.yaml', 'a: 1\n'), write('models/a.yaml', 'b: 1\n')]);
    write('models/a.yaml', 'b: 2\n');
    await watched.next();
    write('config.yaml', 'a: 2\n');
    await watched.next();
    expect(watched.seen()).toBe(2);
  });

  test('the same bytes written again, and other files beside it, are no change', async () => {
    const { write } = folder();
    const file = write('config.yaml', 'a: 1\n');
    const watched = watching([file]);
    write('config.yaml', 'a: 1\n');
    write('other.yaml', 'x: 1\n');
    write('config.yaml', 'a: 2\n');
    await watched.next();
    expect(watched.seen()).toBe(1);
  });

  test('a file that is gone is waited for, and nothing is said until it is back with other content', async () => {
    const { path, write } = folder();
    const file = write('sub/config.yaml', 'a: 1\n');
    const watched = watching([file, write('second.yaml', 'b: 1\n')]);
    rmSync(file);
    mkdirSync(join(path, 'unrelated'));
    writeFileSync(file, 'a: 2\n');
    await watched.next();
    expect(watched.seen()).toBe(1);
  });

  test('after close nothing is said any more', async () => {
    const { write } = folder();
    const file = write('config.yaml', 'a: 1\n');
    const closed = watching([file]);
    closed.close();
    const other = watching([file]);
    write('config.yaml', 'a: 2\n');
    await other.next();
    expect(closed.seen()).toBe(0);
  });

  test('a directory that cannot be watched is reported and does not throw', () => {
    const errors: Error[] = [];
    const watcher = watchConfig({
      files: [join(folder().path, 'nowhere/config.yaml')],
      onChange: () => {},
      onError: (error) => errors.push(error),
    });
    open.push(watcher);
    expect(errors).toHaveLength(1);
  });
});
