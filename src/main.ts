/** argv and environment → a running gateway, drained on SIGTERM. */
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { printBanner } from './app/banner.ts';
import { ConfigSource } from './app/config-source.ts';
import { createLog, errorFields, type Log } from './app/log.ts';
import { rotateCredentials } from './app/rotate-credentials.ts';
import { type App, startApp } from './app.ts';
import type { Config } from './config/config.ts';
import { type Env, processEnv } from './config/env.ts';
import { checkMasterKey } from './config/master-key.ts';
import { watchConfig } from './config/watch.ts';
import { reasonOf } from './lib/reason.ts';

const HELP = `tollgate ${packageJson.version}: one OpenAI-compatible door in front of every model provider

Usage: tollgate [options]

  --config FILE         LiteLLM-style config.yaml (or CONFIG_FILE_PATH); without one a built-in mock model is served
  --port N              port to listen on (or PORT; default 4000, 0 picks a free one)
  --host H              address to listen on (or HOST; default 127.0.0.1)
  --check-config FILE   print every finding about FILE (honoured, ignored, unknown) and exit; 1 on errors
  --rotate-credentials  seal all stored secrets with the current LITELLM_SALT_KEY and exit; set LITELLM_SALT_KEY_OLD to the
                        key before it. No server may have the database open: there it is POST /credentials/rotate
  --version             print the version
  --help                print this
`;

const DEFAULT_HOST = '127.0.0.1';

interface Arguments {
  readonly config?: string;
  readonly port?: string;
  readonly host?: string;
  readonly 'check-config'?: string;
  readonly 'rotate-credentials'?: boolean;
  readonly version?: boolean;
  readonly help?: boolean;
}

/** Ends the process with a message for people. */
function fail(message: string): never {
  process.stderr.write(`tollgate: ${message}\n`);
  process.exit(1);
}

function readArguments(): Arguments {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      options: {
        ...{ config: text, port: text, host: text, 'check-config': text },
        ...{ 'rotate-credentials': flag, version: flag, help: flag },
      },
    }).values;
  } catch (cause) {
    return fail(`${reasonOf(cause)}\n\n${HELP}`);
  }
}

function portOf(text: string | undefined, env: Env): number {
  if (text === undefined) return env.port;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    fail(`--port must be a whole number from 0 to 65535, not "${text}"`);
  return port;
}

async function main(): Promise<void> {
  const args = readArguments();
  if (args.help) return void process.stdout.write(HELP);
  if (args.version) return void process.stdout.write(`${packageJson.version}\n`);
  const env = processEnv();
  const source = new ConfigSource(args['check-config'] ?? args.config ?? env.configFile, env);
  if (args['check-config'] !== undefined) return process.exit(source.check(process.stdout));
  if (args['rotate-credentials']) return void process.stdout.write(`${await rotateCredentials(source.load(), env)}\n`);
  const log = createLog({
    level: env.logLevel,
    human: process.stdout.isTTY === true,
    write: (line) => process.stdout.write(line),
  });
  await serve(source, { env, log, host: args.host ?? env.host ?? DEFAULT_HOST, port: portOf(args.port, env) });
}

async function serve(
  source: ConfigSource,
  options: { readonly env: Env; readonly log: Log; readonly host: string; readonly port: number },
): Promise<void> {
  const { host, log } = options;
  const config = source.load();
  const answer = checkMasterKey({
    masterKey: config.general.masterKey,
    host,
    permitWeak: config.general.permitWeakMasterKey,
  });
  if (!answer.ok) fail(answer.message);
  if (answer.warning !== undefined) log.warn(answer.warning);
  source.report(config, log);
  const app = await startApp({
    ...options,
    config,
    load: (layer) => source.load(layer),
    version: packageJson.version,
  });
  printBanner({ app, log, human: process.stdout.isTTY === true });
  keepUpToDate(source, app, log);
  stopOnSignal(app, log);
}

/** What has changed and is read only at the start: a key that is thought to be replaced must not go on in silence. */
function onlyAtStart(started: Config, next: Config): readonly string[] {
  return [
    ...(started.general.masterKey === next.general.masterKey ? [] : ['general_settings.master_key']),
    ...(started.general.databaseUrl === next.general.databaseUrl ? [] : ['general_settings.database_url']),
    ...(started.tollgate.dataDir === next.tollgate.dataDir ? [] : ['tollgate_settings.data_dir']),
  ];
}

/** SIGHUP and changed files reload; a faulty file changes nothing and says why. */
function keepUpToDate(source: ConfigSource, app: App, log: Log): void {
  if (source.file === undefined) {
    process.on('SIGHUP', () => log.info('nothing to reload: there is no configuration file'));
    return;
  }
  const started = app.runtime.config;
  let watcher = watchConfig({ files: app.runtime.config.files, onChange: reload });
  process.on('SIGHUP', reload);

  function reload(): void {
    try {
      const config = source.load();
      app.reload(config);
      watcher.close();
      watcher = watchConfig({ files: config.files, onChange: reload });
      log.info('configuration reloaded', { models: config.deployments.length });
      for (const name of onlyAtStart(started, config)) log.warn(`configuration: a change of ${name} needs a restart`);
      source.report(config, log);
    } catch (cause) {
      log.error('configuration not reloaded: the old one stays', { reason: reasonOf(cause) });
    }
  }
}

/** The first signal drains, a second one stops at once; neither loses a row. */
function stopOnSignal(app: App, log: Log): void {
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) process.exit(0);
    stopping = true;
    log.info('stopping', { signal, open_requests: app.listener.pending() });
    app.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('stopped with an error', errorFields(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}

try {
  await main();
} catch (cause) {
  fail(reasonOf(cause));
}
