/**
 * Tells when configuration files have new content. Directories are watched rather than files, because editors replace a
 * file by renaming and Kubernetes swaps a symlink beside it; what counts is whether the bytes differ.
 */
import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, realpathSync, watch } from 'node:fs';
import { dirname, resolve } from 'node:path';

export interface WatchOptions {
  readonly files: readonly string[];
  /** Called after the files came to rest with content other than before. A file that is gone for a moment is waited for. */
  onChange(): void;
  /** Quiet time before the files are looked at. */
  readonly debounceMs?: number;
  /** A directory cannot be watched (any more), for the log. */
  onError?(error: Error): void;
}

const DEFAULT_DEBOUNCE_MS = 200;

/** Does not keep the process alive. `close` ends it; no call comes after. */
export function watchConfig(options: WatchOptions): { close(): void } {
  const watcher = new ConfigWatcher(options);
  return { close: () => watcher.close() };
}

class ConfigWatcher {
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #content: string | undefined;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    // Watch before reading, or a change in between would be missed.
    this.#watchDirectories();
    this.#content = contentOf(options.files);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watchDirectories(): void {
    const wanted = new Set(this.#options.files.flatMap(directoriesOf));
    for (const [directory, watcher] of this.#watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of wanted) if (!this.#watchers.has(directory)) this.#watch(directory);
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#schedule());
      watcher.on('error', (error) => {
        watcher.close();
        this.#watchers.delete(directory);
        this.#options.onError?.(error);
        this.#schedule();
      });
      this.#watchers.set(directory, watcher);
    } catch (thrown) {
      this.#options.onError?.(thrown instanceof Error ? thrown : new Error(`cannot watch ${directory}`));
    }
  }

  #schedule(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), this.#options.debounceMs ?? DEFAULT_DEBOUNCE_MS);
    this.#timer.unref();
  }

  #look(): void {
    this.#watchDirectories();
    const content = contentOf(this.#options.files);
    if (content === undefined || content === this.#content) return;
    this.#content = content;
    this.#options.onChange();
  }
}

/** Where the name stands, and where the file is that it leads to. */
function directoriesOf(file: string): string[] {
  const named = dirname(resolve(file));
  try {
    return [named, dirname(realpathSync(file))];
  } catch {
    // Gone for a moment: its name's directory tells when it is back.
    return [named];
  }
}

/** A digest of all files, or `undefined` while one of them cannot be read. */
function contentOf(files: readonly string[]): string | undefined {
  const hash = createHash('sha256');
  try {
    for (const file of files) hash.update(readFileSync(file)).update('\0');
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}
