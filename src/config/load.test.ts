import { describe, expect, test } from 'bun:test';
import {
  configFolder,
  errorsOf,
  findingsOf,
  load,
  loadFiles,
  TEST_PROVIDERS,
} from '../../test/support/config-files.ts';
import { readEnv } from './env.ts';
import { ConfigError, loadConfig } from './load.ts';

const MODEL = 'model_list:\n  - {model_name: m, litellm_params: {model: openai/gpt-4o}}\n';

/** LiteLLM's documented shape, with everything that most deployments use. */
const WORKED_EXAMPLE = `
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, rpm: 500, tpm: 200000}
    model_info: {id: oai-1}
  - model_name: gpt-4o
    litellm_params: {model: azure/my-gpt4o, api_base: os.environ/AZURE_API_BASE, api_key: os.environ/AZURE_API_KEY, api_version: "2024-10-21", rpm: 100}
    model_info: {id: az-1, base_model: azure/gpt-4o}
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: "gemini/*"
    litellm_params: {model: "gemini/*", api_key: os.environ/GEMINI_API_KEY}
  - model_name: local
    litellm_params: {model: hosted_vllm/qwen, api_base: http://vllm:8000/v1, input_cost_per_token: 0, output_cost_per_token: 0}
    model_info: {mode: chat, access_groups: [cheap]}
router_settings:
  routing_strategy: simple-shuffle
  num_retries: 2
  fallbacks: [{gpt-4o: [claude]}]
  context_window_fallbacks: [{gpt-4o: [gemini/gemini-2.5-pro]}]
  model_group_alias: {gpt-4: gpt-4o}
  redis_host: os.environ/REDIS_HOST
litellm_settings:
  drop_params: true
  callbacks: [prometheus, langfuse]
  cache: true
  cache_params: {type: redis, ttl: 600}
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
  store_model_in_db: true
`;

const SECRETS = {
  OPENAI_API_KEY: 'sk-oai',
  AZURE_API_BASE: 'https://x.openai.azure.com',
  AZURE_API_KEY: 'az',
  ANTHROPIC_API_KEY: 'ant',
  GEMINI_API_KEY: 'gem',
  LITELLM_MASTER_KEY: 'sk-master-of-tests',
  DATABASE_URL: 'postgres://db/x',
};

describe('a configuration of LiteLLM', () => {
  test('loads unchanged, with its references resolved', () => {
    const config = load(WORKED_EXAMPLE, SECRETS);
    expect(config.deployments).toHaveLength(5);
    expect(config.deployments[0]).toMatchObject({
      modelName: 'gpt-4o',
      id: 'oai-1',
      apiKey: 'sk-oai',
      rpm: 500,
      tpm: 200_000,
    });
    expect(config.deployments[1]).toMatchObject({
      id: 'az-1',
      apiBase: 'https://x.openai.azure.com',
      apiVersion: '2024-10-21',
      baseModel: 'azure/gpt-4o',
    });
    expect(config.deployments[4]?.customPrices).toEqual({ input_cost_per_token: 0, output_cost_per_token: 0 });
    expect(config.aliases).toEqual({ 'gpt-4': { group: 'gpt-4o', hidden: false } });
    expect(config.router).toMatchObject({
      numRetries: 2,
      fallbacks: { 'gpt-4o': ['claude'] },
      contextWindowFallbacks: { 'gpt-4o': ['gemini/gemini-2.5-pro'] },
    });
    expect(config.litellm.dropParams).toBe(true);
    expect(config.general).toMatchObject({ masterKey: 'sk-master-of-tests', databaseUrl: 'postgres://db/x' });
  });

  test('has one finding for each key that LiteLLM has and Tollgate does not act on yet', () => {
    const ignored = load(WORKED_EXAMPLE, SECRETS).findings.filter(({ level }) => level === 'ignored');
    expect(ignored.map(({ path }) => path)).toEqual([
      'router_settings.redis_host',
      'litellm_settings.callbacks',
      'litellm_settings.cache',
      'litellm_settings.cache_params',
    ]);
    expect(ignored[0]?.position).toMatchObject({ line: 22, column: 3 });
  });

  test('is frozen all the way down', () => {
    const config = load(WORKED_EXAMPLE, SECRETS);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.deployments[0]?.modelInfo)).toBe(true);
    expect(Object.isFrozen(config.router.fallbacks['gpt-4o'])).toBe(true);
    expect(Object.isFrozen(config.findings[0])).toBe(true);
  });
});

describe('the defaults', () => {
  test('are these when only a model is given', () => {
    const { router, general, litellm, tollgate } = load(MODEL);
    expect(router).toMatchObject({
      numRetries: 2,
      timeoutMs: 600_000,
      retryAfterMs: 0,
      maxFallbacks: 5,
      fallbacks: {},
    });
    expect(router.streamTimeoutMs).toBeUndefined();
    expect(general).toMatchObject({ maxRequestBytes: 10 * 1024 * 1024, keyCacheTtlMs: 60_000, storePrompts: false });
    expect(general.databaseUrl).toBe('sqlite:data/tollgate.db');
    expect(general.masterKey).toBeUndefined();
    expect(litellm).toMatchObject({ dropParams: false, maxStoredChars: 2048 });
    expect(tollgate).toEqual({
      firstByteTimeoutMs: 600_000,
      idleTimeoutMs: 120_000,
      connectTimeoutMs: 5_000,
      totalTimeoutMs: 3_600_000,
      drainTimeoutMs: 30_000,
      jsonMaxDepth: 64,
      jsonMaxNodes: 100_000,
      dataDir: './data',
      corsOrigins: ['*'],
    });
  });

  test('give way to the environment, and the environment to the file', () => {
    const environment = {
      LITELLM_MASTER_KEY: 'from-env',
      REQUEST_TIMEOUT: '5',
      LITELLM_DROP_PARAMS: 'true',
      DATABASE_URL: 'sqlite:env.db',
      LITELLM_CORS_ORIGINS: 'https://env.example',
      MAX_STRING_LENGTH_PROMPT_IN_DB: '7',
    };
    const fromEnv = load(MODEL, environment);
    expect(fromEnv.general).toMatchObject({ masterKey: 'from-env', databaseUrl: 'sqlite:env.db' });
    expect(fromEnv.router.timeoutMs).toBe(5000);
    expect(fromEnv.litellm).toMatchObject({ dropParams: true, maxStoredChars: 7 });
    expect(fromEnv.tollgate.corsOrigins).toEqual(['https://env.example']);
    const fromFile = load(
      `${MODEL}general_settings: {master_key: from-file, database_url: "sqlite:file.db"}\nlitellm_settings: {request_timeout: 9, drop_params: false}\ntollgate_settings: {cors_origins: [a], max_stored_chars: 3}\n`,
      environment,
    );
    expect(fromFile.general).toMatchObject({ masterKey: 'from-file', databaseUrl: 'sqlite:file.db' });
    expect(fromFile.router.timeoutMs).toBe(9000);
    expect(fromFile.litellm).toMatchObject({ dropParams: false, maxStoredChars: 3 });
    expect(fromFile.tollgate.corsOrigins).toEqual(['a']);
  });

  test('put the database into the data directory', () => {
    expect(load(`${MODEL}tollgate_settings: {data_dir: /var/lib/tollgate}`).general.databaseUrl).toBe(
      'sqlite:/var/lib/tollgate/tollgate.db',
    );
  });

  test('router_settings win over the same key in litellm_settings', () => {
    const both = load(
      `${MODEL}router_settings: {num_retries: 0, max_fallbacks: 1, default_fallbacks: [m]}\nlitellm_settings: {num_retries: 7, max_fallbacks: 7, default_fallbacks: []}\n`,
    );
    expect(both.router).toMatchObject({ numRetries: 0, maxFallbacks: 1, defaultFallbacks: ['m'] });
    const one = load(`${MODEL}litellm_settings: {num_retries: 7, max_fallbacks: 7, default_fallbacks: [m]}\n`);
    expect(one.router).toMatchObject({ numRetries: 7, maxFallbacks: 7, defaultFallbacks: ['m'] });
  });
});

describe('references to the environment', () => {
  test('work anywhere as a whole text: in lists, in nested mappings, in keys of any section', () => {
    const config = load(
      `${MODEL}tollgate_settings: {cors_origins: [os.environ/ORIGIN, x]}\nrouter_settings: {num_retries: os.environ/RETRIES}\nlitellm_settings: {drop_params: os.environ/DROP}\n`,
      { ORIGIN: 'https://o.example', RETRIES: '4', DROP: 'True' },
    );
    expect(config.tollgate.corsOrigins).toEqual(['https://o.example', 'x']);
    expect(config.router.numRetries).toBe(4);
    expect(config.litellm.dropParams).toBe(true);
  });

  test('are left alone inside a longer text', () => {
    expect(
      load(`${MODEL}general_settings: {user_header_name: "x os.environ/A"}`, { A: '1' }).general.userHeaderName,
    ).toBe('x os.environ/A');
  });

  test('that are unset count as not given, with a warning at the line', () => {
    const text = `${MODEL}general_settings:\n  master_key: os.environ/NOT_THERE\n`;
    expect(load(text).general.masterKey).toBeUndefined();
    expect(findingsOf(text).filter(({ level }) => level === 'warning')).toMatchObject([
      { path: 'general_settings.master_key', message: expect.stringContaining('NOT_THERE'), position: { line: 4 } },
    ]);
  });

  test('whose value is wrong are named, and the value is never shown', () => {
    const errors = errorsOf(`${MODEL}router_settings: {num_retries: os.environ/SECRET}`, { SECRET: 'canary' });
    expect(errors).toEqual([
      'router_settings.num_retries: must be a whole number, 0 or more, not the content of SECRET',
    ]);
  });

  test('see what environment_variables set, which also stand for the process environment', () => {
    const config = load(
      `${MODEL}environment_variables: {A_KEY: os.environ/OUTER, LITELLM_MASTER_KEY: sk-from-file, PORT: 5000}\ngeneral_settings: {user_header_name: os.environ/A_KEY}\n`,
      { OUTER: 'outer', LITELLM_MASTER_KEY: 'sk-from-env' },
    );
    expect(config.exportedEnv).toEqual({ A_KEY: 'outer', LITELLM_MASTER_KEY: 'sk-from-file', PORT: '5000' });
    expect(config.general).toMatchObject({ masterKey: 'sk-from-file', userHeaderName: 'outer' });
  });

  test('environment_variables with a bad value are an error and not a crash', () => {
    expect(errorsOf(`${MODEL}environment_variables: {PORT: x}`)).toEqual([expect.stringContaining('PORT')]);
    expect(errorsOf(`${MODEL}environment_variables: {A: [1]}`)).toEqual([
      'environment_variables.A: must be text or a number',
    ]);
    expect(errorsOf(`${MODEL}environment_variables: [1]`).join()).toContain('mapping');
  });
});

describe('included files', () => {
  test('are found relative to the including file; lists are joined and other keys win', () => {
    const config = loadFiles({
      'config.yaml': `include: [models/a.yaml]\n${MODEL}router_settings: {num_retries: 1, retry_after: 3}\n`,
      'models/a.yaml':
        'include: [b.yaml]\nmodel_list: [{model_name: a, litellm_params: {model: openai/a}}]\nrouter_settings: {num_retries: 5}\n',
      'models/b.yaml': 'model_list: [{model_name: b, litellm_params: {model: openai/b}}]\n',
    });
    expect(config.deployments.map(({ modelName }) => modelName)).toEqual(['m', 'a', 'b']);
    expect(config.router).toMatchObject({ numRetries: 5, retryAfterMs: 3000 });
    expect(config.files.map((file) => file.replace(/^.*tollgate-config-[^/]+\//, ''))).toEqual([
      'config.yaml',
      'models/a.yaml',
      'models/b.yaml',
    ]);
  });

  test('keep their own file and line in findings', () => {
    const load = () =>
      loadFiles({
        'config.yaml': `include: [a.yaml]\n${MODEL}`,
        'a.yaml': '\nrouter_settings:\n  num_retries: many\n',
      });
    expect(load).toThrow(/a\.yaml:3:16 router_settings\.num_retries/);
  });

  test('that include each other are refused', () => {
    const load = () =>
      loadFiles({ 'config.yaml': `include: [a.yaml]\n${MODEL}`, 'a.yaml': 'include: [config.yaml]\n' });
    expect(load).toThrow(/includes itself/);
  });

  test('that are not there, or are no names, are errors', () => {
    expect(errorsOf(`include: [gone.yaml]\n${MODEL}`)).toEqual([
      expect.stringMatching(/gone\.yaml: there is no such file/),
    ]);
    expect(errorsOf(`include: [{a: 1}]\n${MODEL}`)).toEqual(['include: must be a list of file names']);
  });

  test('may be the same file twice from two places', () => {
    const config = loadFiles({
      'config.yaml': `include: [a.yaml, b.yaml]\n${MODEL}`,
      'a.yaml': 'include: [c.yaml]\n',
      'b.yaml': 'include: [c.yaml]\n',
      'c.yaml': 'router_settings: {num_retries: 9}\n',
    });
    expect(config.router.numRetries).toBe(9);
    expect(config.files).toHaveLength(4);
  });
});

describe('what cannot be used', () => {
  test('all errors are reported together, in the order of the file', () => {
    const text = `
model_list:
  - model_nam: a
    litellm_params: {model: opnai/x}
router_settings:
  num_retries: many
litellm_setings: {}
general_settings:
  database_url: mysql://user:canary@host
tollgate_settings: {idle_timeout: -1}
`;
    const fatal = findingsOf(text).filter(({ level }) => level === 'error' || level === 'unknown');
    expect(fatal.map(({ path, position }) => `${position?.line} ${path}`)).toEqual([
      '3 model_list.0.model_nam',
      '3 model_list.0.model_name',
      '4 model_list.0.litellm_params.model',
      '6 router_settings.num_retries',
      '7 litellm_setings',
      '9 general_settings.database_url',
      '10 tollgate_settings.idle_timeout',
    ]);
    expect(JSON.stringify(fatal)).not.toContain('canary');
  });

  test('the error message has file, line, column, path and what is accepted', () => {
    expect(() => load(`${MODEL}router_settings:\n  timeout: soon\n`)).toThrow(
      /config\.yaml:4:12 router_settings\.timeout: must be a number of seconds, more than 0, not text/,
    );
  });

  test('a file that is empty, missing, or no mapping is an error', () => {
    expect(errorsOf('')).toEqual([expect.stringContaining('empty')]);
    expect(errorsOf('# only a comment\n')).toEqual([expect.stringContaining('empty')]);
    expect(errorsOf('- a\n- b\n')).toEqual([expect.stringContaining('mapping')]);
    expect(() => loadFiles({ 'other.yaml': MODEL })).toThrow(/no such file/);
  });

  test('a section that is no mapping is an error, and an empty one is none', () => {
    expect(errorsOf(`${MODEL}router_settings: [1]`)).toEqual(['router_settings: must be a mapping, not a list']);
    expect(errorsOf(`${MODEL}router_settings:\ngeneral_settings: {}\n`)).toEqual([]);
    expect(errorsOf('model_list: {a: 1}')).toEqual(['model_list: must be a list of models, not a mapping']);
  });

  test('without any file it says where a file can be named', () => {
    const load = () => loadConfig({ file: undefined, env: readEnv({}), knownProviders: [] });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/CONFIG_FILE_PATH/);
  });

  test('CONFIG_FILE_PATH is used when no file is named', () => {
    const folder = configFolder();
    const file = folder.write('elsewhere.yaml', MODEL);
    const config = loadConfig({
      file: undefined,
      env: readEnv({ CONFIG_FILE_PATH: file }),
      knownProviders: TEST_PROVIDERS,
    });
    expect(config.files).toEqual([file]);
    folder.remove();
  });
});
