/** What is served now. The file's configuration and the stored models make a runtime; each change of one of them a new one. */
import type { Config } from '../config/config.ts';
import type { Env } from '../config/env.ts';
import type { Database } from '../db/client.ts';
import type { SecretBox } from '../lib/secret-box.ts';
import type { Catalog } from '../pricing/catalog.ts';
import { providerIds } from '../providers/registry.ts';
import { type Composed, type CompositionParts, compose } from './deployments.ts';
import type { Log } from './log.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import { NOTHING_STORED, readStored, type Stored } from './stored-models.ts';

export interface LiveModelsOptions {
  readonly config: Config;
  readonly env: Env;
  readonly catalog: Catalog;
  readonly log: Pick<Log, 'warn'>;
  /** Epoch milliseconds. */
  now(): number;
  /** Opens and seals stored secrets; asked for when there are any. */
  readonly box: () => SecretBox;
}

interface Current {
  readonly file: Config;
  readonly stored: Stored;
  readonly composed: Composed;
  readonly runtime: Runtime;
  readonly madeAtMs: number;
}

export class LiveModels {
  readonly box: () => SecretBox;
  readonly #options: LiveModelsOptions;
  readonly #warned = new Map<string, string>();
  #current: Current;
  #db: Database | undefined;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** From the file alone. @throws Error that names the deployment at fault */
  constructor(options: LiveModelsOptions) {
    this.#options = options;
    this.box = options.box;
    this.#current = this.#made(options.config, NOTHING_STORED);
  }

  get runtime(): Runtime {
    return this.#current.runtime;
  }

  /** When what is served now was put together. */
  get madeAtMs(): number {
    return this.#current.madeAtMs;
  }

  get current(): Omit<Current, 'runtime'> {
    return this.#current;
  }

  /** Serves what is stored as well, from now on. */
  async connect(db: Database): Promise<void> {
    this.#db = db;
    await this.refresh();
  }

  /** The stored models stay, read anew with this configuration. @throws Error in plain words; then nothing has changed */
  reload(config: Config): void {
    this.#swap(this.#made(config, this.#current.stored));
  }

  /** Whether it could be served, with the stored models. @throws Error in plain words */
  check(config: Config): void {
    this.#made(config, this.#current.stored);
  }

  /** Settles when what was stored before the call is served. Calls that come while one waits share it. */
  refresh(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#running = this.#read();
        return this.#running;
      });
    return this.#next;
  }

  async #read(): Promise<void> {
    if (this.#db === undefined) return;
    const stored = await readStored(this.#db, this.box);
    // The configuration may have been reloaded meanwhile.
    this.#swap(this.#made(this.#current.file, stored));
  }

  #made(file: Config, stored: Stored): Current {
    const parts = this.parts(file);
    const composed = compose(file, file.general.storeModels ? stored : NOTHING_STORED, parts);
    const runtime = createRuntime(composed.config, parts.targets, composed.blocked);
    return { file, stored, composed, runtime, madeAtMs: this.#options.now() };
  }

  #swap(next: Current): void {
    this.#current = next;
    const { leftOut } = next.composed;
    for (const id of this.#warned.keys()) if (!leftOut.has(id)) this.#warned.delete(id);
    for (const [id, reason] of leftOut) {
      if (this.#warned.get(id) === reason) continue;
      this.#warned.set(id, reason);
      this.#options.log.warn('a model is left out', { id, reason });
    }
  }

  parts(config: Config): CompositionParts {
    const { env, catalog } = this.#options;
    const { lookup, environmentName } = env.withExported(config.exportedEnv);
    return {
      lookup,
      environmentName,
      knownProviders: [...providerIds],
      targets: { lookUp: lookup, inferProvider: catalog.inferProvider, abilities: catalog.abilities },
    };
  }
}
