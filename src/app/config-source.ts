/** Where the configuration comes from: a file, or what is built in. */

import { builtInConfig } from '../config/built-in.ts';
import type { Config, Finding } from '../config/config.ts';
import type { Env } from '../config/env.ts';
import type { Layer } from '../config/layer.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import { formatFindings, hasErrors } from '../config/report.ts';
import { sqlitePath } from '../db/client.ts';
import { reasonOf } from '../lib/reason.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import { providerIds, registry } from '../providers/registry.ts';
import type { Log } from './log.ts';
import { createRuntime } from './runtime.ts';

export class ConfigSource {
  readonly file: string | undefined;
  readonly #env: Env;

  constructor(file: string | undefined, env: Env) {
    this.file = file;
    this.#env = env;
  }

  /**
   * @param layer settings made at run time
   * @throws ConfigError, whose message lists every fault with file and line
   */
  load(layer?: Layer): Config {
    if (this.file !== undefined)
      return loadConfig({ file: this.file, env: this.#env, knownProviders: [...providerIds], layer });
    const providerKeys = [...registry.values()].map(({ id, apiKeyEnv }) => ({ provider: id, apiKeyEnv }));
    return builtInConfig({ env: this.#env, providerKeys, layer });
  }

  /** Prints every finding. Returns the exit code. */
  check(out: { write(text: string): unknown }): number {
    try {
      const config = this.load();
      createRuntime(config, {
        lookUp: this.#env.withExported(config.exportedEnv).lookup,
        inferProvider: loadCatalog().inferProvider,
      });
      const findings = [...config.findings, ...databaseFault(config.general.databaseUrl)];
      out.write(`${formatFindings(findings)}\n`);
      return hasErrors(findings) ? 1 : 0;
    } catch (cause) {
      out.write(`${cause instanceof ConfigError ? formatFindings(cause.findings) : reasonOf(cause)}\n`);
      return 1;
    }
  }

  /** What an operator should know of the file: each key that is not acted on, once. */
  report(config: Config, log: Log): void {
    for (const { level, path, message, position } of config.findings) {
      if (level !== 'ignored' && level !== 'warning') continue;
      const place = position ? `${position.file}:${position.line}:${position.column}` : '';
      log.warn(`configuration: ${path}: ${message}`, place === '' ? {} : { place });
    }
  }
}

/** What the start would refuse. */
function databaseFault(url: string | undefined): readonly Finding[] {
  try {
    if (url !== undefined) sqlitePath(url);
    return [];
  } catch (cause) {
    return [{ level: 'error', path: 'general_settings.database_url', message: reasonOf(cause), position: undefined }];
  }
}
