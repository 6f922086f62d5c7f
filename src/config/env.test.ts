import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { processEnv, readEnv } from './env.ts';

describe('reading the environment', () => {
  test('an empty environment gives the defaults', () => {
    const env = readEnv({});
    expect(env.port).toBe(4000);
    expect(env.logLevel).toBe('info');
    expect(env.permitWeakMasterKey).toBe(false);
    expect(env.host).toBeUndefined();
    expect(env.configFile).toBeUndefined();
    expect(env.masterKey).toBeUndefined();
    expect(env.databaseUrl).toBeUndefined();
    expect(env.corsOrigins).toBeUndefined();
  });

  test('every variable lands in its field', () => {
    const env = readEnv({
      PORT: '8080',
      HOST: '0.0.0.0',
      CONFIG_FILE_PATH: '/etc/tollgate.yaml',
      LITELLM_MASTER_KEY: 'sk-master',
      LITELLM_SALT_KEY: 'salt',
      DATABASE_URL: 'postgres://u:p@h/db',
      REDIS_URL: 'redis://localhost',
      LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: 'True',
      LITELLM_LOG: 'DEBUG',
      LITELLM_CORS_ORIGINS: 'https://a.example, https://b.example,',
      REQUEST_TIMEOUT: '1.5',
      LITELLM_DROP_PARAMS: 'true',
      MAX_STRING_LENGTH_PROMPT_IN_DB: '512',
      LITELLM_ENVIRONMENT: 'production',
    });
    expect(env).toMatchObject({
      port: 8080,
      host: '0.0.0.0',
      configFile: '/etc/tollgate.yaml',
      masterKey: 'sk-master',
      saltKey: 'salt',
      databaseUrl: 'postgres://u:p@h/db',
      redisUrl: 'redis://localhost',
      permitWeakMasterKey: true,
      logLevel: 'debug',
      corsOrigins: ['https://a.example', 'https://b.example'],
      requestTimeoutMs: 1500,
      dropParams: true,
      maxStoredChars: 512,
      environmentName: 'production',
    });
  });

  test('the result is frozen', () => {
    expect(Object.isFrozen(readEnv({}))).toBe(true);
  });

  test('an empty variable counts as not given, but an empty master key is kept to be judged as weak', () => {
    const env = readEnv({ PORT: '', HOST: '', LITELLM_LOG: '', LITELLM_MASTER_KEY: '' });
    expect(env.port).toBe(4000);
    expect(env.host).toBeUndefined();
    expect(env.masterKey).toBe('');
  });

  test.each([
    ['PORT', 'eighty'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['LITELLM_LOG', 'loud'],
    ['REQUEST_TIMEOUT', 'soon'],
    ['REQUEST_TIMEOUT', '0'],
    ['LITELLM_DROP_PARAMS', 'perhaps'],
    ['LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY', 'maybe'],
    ['MAX_STRING_LENGTH_PROMPT_IN_DB', '1.5'],
    ['DATABASE_URL', 'mysql://x'],
  ])('%s=%s is refused with an error that names the variable', (name, value) => {
    expect(() => readEnv({ [name]: value })).toThrow(name);
  });

  test('a database address is never repeated in the error, because it holds a password', () => {
    expect(() => readEnv({ DATABASE_URL: 'mysql://user:canary@host/db' })).not.toThrow('canary');
  });

  test('a database address is put together from its parts, with the password escaped', () => {
    const parts = {
      DATABASE_HOST: 'db',
      DATABASE_NAME: 'gate',
      DATABASE_USERNAME: 'u',
      DATABASE_PASSWORD: 'p@ss/word',
    };
    expect(readEnv(parts).databaseUrl).toBe('postgresql://u:p%40ss%2Fword@db:5432/gate');
    expect(readEnv({ DATABASE_HOST: 'db:6543', DATABASE_NAME: 'gate' }).databaseUrl).toBe('postgresql://db:6543/gate');
    expect(readEnv({ DATABASE_HOST: 'db' }).databaseUrl).toBeUndefined();
  });

  test('any whole number from 0 to 65535 is a port, and nothing else is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: -10, max: 70_000 }), fc.double({ noNaN: true })), (number) => {
        const valid = Number.isInteger(number) && number >= 0 && number <= 65_535;
        const read = (): number => readEnv({ PORT: String(number) }).port;
        if (valid) expect(read()).toBe(number === 0 ? 0 : number);
        else expect(read).toThrow('PORT');
      }),
    );
  });

  test('any variable can be looked up by name, and names of object members are no variables', () => {
    const env = readEnv({ MY_KEY: 'value', EMPTY: '' });
    expect(env.lookup('MY_KEY')).toBe('value');
    expect(env.lookup('EMPTY')).toBeUndefined();
    expect(env.lookup('toString')).toBeUndefined();
    expect(env.lookup('constructor')).toBeUndefined();
  });

  test('exported variables stand over the environment and are checked like it', () => {
    const env = readEnv({ A: '1', B: '2', PORT: '1' });
    const exported = env.withExported({ B: '3', PORT: '5000' });
    expect(exported.lookup('A')).toBe('1');
    expect(exported.lookup('B')).toBe('3');
    expect(exported.port).toBe(5000);
    expect(env.lookup('B')).toBe('2');
    expect(() => env.withExported({ PORT: 'x' })).toThrow('PORT');
  });

  test('the process environment is read through the same door', () => {
    expect(processEnv().lookup('PATH')).toBe(process.env['PATH']);
  });
});
