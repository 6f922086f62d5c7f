/**
 * The process environment, read once and checked. Names are LiteLLM's (its documentation of environment variables);
 * an unset or empty variable counts as not given.
 */

export type RawEnv = Readonly<Record<string, string | undefined>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Env {
  readonly port: number;
  /** `HOST`; `undefined` leaves the choice to the program. */
  readonly host: string | undefined;
  /** `CONFIG_FILE_PATH`. */
  readonly configFile: string | undefined;
  /** `LITELLM_MASTER_KEY`. Given but empty is the empty string, which is a weak key and not a missing one. */
  readonly masterKey: string | undefined;
  /** `LITELLM_SALT_KEY`. */
  readonly saltKey: string | undefined;
  /** `LITELLM_SALT_KEY_OLD`: what stored secrets may still be sealed with. */
  readonly oldSaltKey: string | undefined;
  /** `DATABASE_URL`, or one put together from `DATABASE_HOST`, `_USERNAME`, `_PASSWORD` and `_NAME`. */
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  /** `LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY`. */
  readonly permitWeakMasterKey: boolean;
  readonly logLevel: LogLevel;
  /** `LITELLM_CORS_ORIGINS`, a comma list. */
  readonly corsOrigins: readonly string[] | undefined;
  /** `REQUEST_TIMEOUT`, written in seconds. */
  readonly requestTimeoutMs: number | undefined;
  /** `LITELLM_DROP_PARAMS`. */
  readonly dropParams: boolean | undefined;
  /** `STORE_MODEL_IN_DB`. */
  readonly storeModels: boolean | undefined;
  /** `MAX_STRING_LENGTH_PROMPT_IN_DB`. */
  readonly maxStoredChars: number | undefined;
  /** `LITELLM_ENVIRONMENT`, compared with `model_info.supported_environments`. */
  readonly environmentName: string | undefined;
  /** `LITELLM_RATE_LIMIT_WINDOW_SIZE`, given in seconds. */
  readonly rateWindowMs: number | undefined;
  /** Any variable by name: `os.environ/NAME` and provider keys. */
  lookup(name: string): string | undefined;
  /** The same environment with `environment_variables` of a config file on top. */
  withExported(exported: Readonly<Record<string, string>>): Env;
}

const DEFAULT_PORT = 4000;
const MAX_PORT = 65_535;
const DEFAULT_POSTGRES_PORT = '5432';

/** Throws Error with a plain message that names the variable and not its value, when the value may be a secret. */
export function readEnv(env: RawEnv): Env {
  const lookup = (name: string): string | undefined => (Object.hasOwn(env, name) ? env[name] || undefined : undefined);
  const seconds = readPositive(lookup, 'REQUEST_TIMEOUT');
  return Object.freeze({
    port: readPort(lookup('PORT')),
    host: lookup('HOST'),
    configFile: lookup('CONFIG_FILE_PATH'),
    masterKey: env['LITELLM_MASTER_KEY'],
    saltKey: lookup('LITELLM_SALT_KEY'),
    oldSaltKey: lookup('LITELLM_SALT_KEY_OLD'),
    databaseUrl: readDatabaseUrl(lookup),
    redisUrl: lookup('REDIS_URL'),
    permitWeakMasterKey: readFlag(lookup, 'LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY') ?? false,
    logLevel: readLogLevel(lookup('LITELLM_LOG')),
    corsOrigins: readList(lookup('LITELLM_CORS_ORIGINS')),
    requestTimeoutMs: seconds === undefined ? undefined : Math.round(seconds * 1000),
    dropParams: readFlag(lookup, 'LITELLM_DROP_PARAMS'),
    storeModels: readFlag(lookup, 'STORE_MODEL_IN_DB'),
    maxStoredChars: readWhole(lookup, 'MAX_STRING_LENGTH_PROMPT_IN_DB'),
    environmentName: lookup('LITELLM_ENVIRONMENT'),
    rateWindowMs: milliseconds(readWhole(lookup, 'LITELLM_RATE_LIMIT_WINDOW_SIZE')),
    lookup,
    withExported: (exported: Readonly<Record<string, string>>) => readEnv({ ...env, ...exported }),
  });
}

/** The environment of this process: the one place that touches it. */
export const processEnv = (): Env => readEnv(process.env);

const milliseconds = (seconds: number | undefined): number | undefined => seconds && seconds * 1000;

type Lookup = (name: string) => string | undefined;

function readPort(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return port;
  throw new Error(`PORT must be a whole number from 0 to ${MAX_PORT}, not "${text}"`);
}

function readFlag(lookup: Lookup, name: string): boolean | undefined {
  const text = lookup(name);
  if (text === undefined) return undefined;
  const word = text.trim().toLowerCase();
  if (word === 'true' || word === '1') return true;
  if (word === 'false' || word === '0') return false;
  throw new Error(`${name} must be true or false, not "${text}"`);
}

function readPositive(lookup: Lookup, name: string): number | undefined {
  const text = lookup(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new Error(`${name} must be a number more than 0, not "${text}"`);
}

function readWhole(lookup: Lookup, name: string): number | undefined {
  const number = readPositive(lookup, name);
  if (number === undefined || Number.isInteger(number)) return number;
  throw new Error(`${name} must be a whole number, not "${number}"`);
}

const LOG_LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  critical: 'error',
};

function readLogLevel(text: string | undefined): LogLevel {
  if (text === undefined) return 'info';
  const level = LOG_LEVELS[text.trim().toLowerCase()];
  if (level) return level;
  throw new Error(`LITELLM_LOG must be DEBUG, INFO, WARNING or ERROR, not "${text}"`);
}

function readList(text: string | undefined): readonly string[] | undefined {
  const items = text?.split(',').map((item) => item.trim());
  return items?.filter((item) => item !== '');
}

function readDatabaseUrl(lookup: Lookup): string | undefined {
  const url = lookup('DATABASE_URL');
  if (url !== undefined) {
    if (isDatabaseUrl(url)) return url;
    throw new Error(`DATABASE_URL must start with ${DATABASE_SCHEMES.join(' or ')}`);
  }
  const host = lookup('DATABASE_HOST');
  const name = lookup('DATABASE_NAME');
  if (host === undefined || name === undefined) return undefined;
  const user = lookup('DATABASE_USERNAME');
  const password = lookup('DATABASE_PASSWORD');
  const login = [user, password]
    .filter((part) => part !== undefined)
    .map(encodeURIComponent)
    .join(':');
  const port = host.includes(':') ? '' : `:${lookup('DATABASE_PORT') ?? DEFAULT_POSTGRES_PORT}`;
  return `postgresql://${login === '' ? '' : `${login}@`}${host}${port}/${name}`;
}

const DATABASE_SCHEMES = ['sqlite:', 'postgres://', 'postgresql://'] as const;

export const isDatabaseUrl = (url: string): boolean => DATABASE_SCHEMES.some((scheme) => url.startsWith(scheme));
