import { describe, expect, test } from 'bun:test';
import { complaints, mapFrom } from '../../test/support/config-trees.ts';
import { readEnv } from './env.ts';
import { Findings } from './findings.ts';
import { generalSettings, litellmSettings, openSections, routerSettings, tollgateSettings } from './settings.ts';

type Variables = Readonly<Record<string, string>>;

function read(text: string, variables: Variables = {}) {
  const findings = new Findings();
  const env = readEnv(variables);
  const sections = openSections(mapFrom(text), findings);
  const settings = {
    router: routerSettings(sections, env),
    general: generalSettings(sections, env, findings),
    litellm: litellmSettings(sections, env, findings),
    tollgate: tollgateSettings(sections, env),
  };
  return { ...settings, said: complaints(findings) };
}

type Part = 'router' | 'general' | 'litellm' | 'tollgate';
const SECTION = {
  router: 'router_settings',
  general: 'general_settings',
  litellm: 'litellm_settings',
  tollgate: 'tollgate_settings',
} as const;

describe('settings that nobody made', () => {
  test('are the defaults', () => {
    const { said, ...settings } = read('{}');
    expect(said).toEqual([]);
    expect(settings.router).toEqual({
      numRetries: 2,
      timeoutMs: 600_000,
      streamTimeoutMs: undefined,
      retryAfterMs: 0,
      maxFallbacks: 5,
    });
    expect(settings.general).toMatchObject({
      masterKey: undefined,
      permitWeakMasterKey: false,
      databaseUrl: 'sqlite:data/tollgate.db',
      storeModels: true,
      storePrompts: false,
      disableSpendLogs: false,
      maxRequestBytes: 10_485_760,
      maxResponseBytes: 104_857_600,
      keyCacheTtlMs: 60_000,
      enforceUserParam: false,
      allowMockTestingParams: false,
      forwardClientHeaders: false,
    });
    expect(settings.litellm).toEqual({
      dropParams: false,
      refreshesAzureTokens: false,
      forwardTraceparent: false,
      turnOffMessageLogging: false,
      modelAliasMap: {},
      maxStoredChars: 2048,
      disableUserAgentTags: false,
      disableEndUserTracking: false,
      forwardClientHeadersFor: [],
      keepAlivePingMs: undefined,
    });
    expect(settings.tollgate).toEqual({
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
});

const MADE: readonly (readonly [part: Part, written: string, settings: object])[] = [
  ['router', 'num_retries: 0', { numRetries: 0 }],
  ['router', 'timeout: 1.5', { timeoutMs: 1500 }],
  ['router', 'stream_timeout: 2', { streamTimeoutMs: 2000 }],
  ['router', 'retry_after: 3', { retryAfterMs: 3000 }],
  ['router', 'retry_after: 0', { retryAfterMs: 0 }],
  ['router', 'max_fallbacks: 0', { maxFallbacks: 0 }],
  ['general', 'master_key: sk-1234', { masterKey: 'sk-1234' }],
  ['general', 'database_url: sqlite:x.db', { databaseUrl: 'sqlite:x.db' }],
  ['general', 'database_url: postgres://h/d', { databaseUrl: 'postgres://h/d' }],
  ['general', 'database_url: postgresql://h/d', { databaseUrl: 'postgresql://h/d' }],
  ['general', 'store_model_in_db: false', { storeModels: false }],
  ['general', 'store_prompts_in_spend_logs: true', { storePrompts: true }],
  ['general', 'disable_spend_logs: yes', { disableSpendLogs: true }],
  ['general', 'max_request_size_mb: 0.5', { maxRequestBytes: 524_288 }],
  ['general', 'max_response_size_mb: 1', { maxResponseBytes: 1_048_576 }],
  ['general', 'litellm_key_header_name: X-Key', { keyHeaderName: 'X-Key' }],
  ['general', 'always_include_stream_usage: false', { alwaysIncludeStreamUsage: false }],
  ['general', 'user_header_name: X-User', { userHeaderName: 'X-User' }],
  ['general', 'completion_model: m', { completionModel: 'm' }],
  ['general', 'user_api_key_cache_ttl: 5', { keyCacheTtlMs: 5000 }],
  ['general', 'enforce_user_param: true', { enforceUserParam: true }],
  ['general', 'reject_clientside_metadata_tags: true', { rejectClientMetadataTags: true }],
  ['general', 'allow_client_side_credentials: true', { allowCallerKeys: true }],
  ['general', 'dangerously_allow_mock_testing_request_params: true', { allowMockTestingParams: true }],
  ['general', 'include_call_id_in_error_body: true', { includeCallIdInErrors: true }],
  ['general', 'forward_client_headers_to_llm_api: true', { forwardClientHeaders: true }],
  ['general', 'dangerously_permit_weak_or_unset_master_key: true', { permitWeakMasterKey: true }],
  ['litellm', 'drop_params: true', { dropParams: true }],
  ['litellm', 'forward_traceparent_to_llm_provider: true', { forwardTraceparent: true }],
  ['litellm', 'turn_off_message_logging: true', { turnOffMessageLogging: true }],
  ['litellm', 'model_alias_map: {a: b}', { modelAliasMap: { a: 'b' } }],
  ['litellm', 'disable_add_user_agent_to_request_tags: true', { disableUserAgentTags: true }],
  ['litellm', 'disable_end_user_cost_tracking: true', { disableEndUserTracking: true }],
  ['litellm', 'sse_keepalive_ping_interval_seconds: 15', { keepAlivePingMs: 15_000 }],
  [
    'litellm',
    'model_group_settings: {forward_client_headers_to_llm_api: [a, b]}',
    { forwardClientHeadersFor: ['a', 'b'] },
  ],
  ['tollgate', 'first_byte_timeout: 1', { firstByteTimeoutMs: 1000 }],
  ['tollgate', 'idle_timeout: 1', { idleTimeoutMs: 1000 }],
  ['tollgate', 'connect_timeout: 0.25', { connectTimeoutMs: 250 }],
  ['tollgate', 'total_timeout: 1', { totalTimeoutMs: 1000 }],
  ['tollgate', 'drain_timeout: 0', { drainTimeoutMs: 0 }],
  ['tollgate', 'json_max_depth: 8', { jsonMaxDepth: 8 }],
  ['tollgate', 'json_max_nodes: 9', { jsonMaxNodes: 9 }],
  ['tollgate', 'data_dir: /var/x', { dataDir: '/var/x' }],
  ['tollgate', 'cors_origins: http://a', { corsOrigins: ['http://a'] }],
  ['tollgate', 'cors_origins: []', { corsOrigins: [] }],
];

describe('a setting', () => {
  test.each(MADE)('of %s written %s is read', (part, written, settings) => {
    const { said, ...parts } = read(`${SECTION[part]}:\n  ${written}`);
    expect(parts[part]).toMatchObject(settings);
    expect(said).toEqual([]);
  });

  const FAULTS: readonly (readonly [part: Part, written: string, line: string])[] = [
    [
      'router',
      'num_retries: -1',
      '2:16 error router_settings.num_retries: must be a whole number, 0 or more, not the number -1',
    ],
    [
      'router',
      'timeout: 0',
      '2:12 error router_settings.timeout: must be a number of seconds, more than 0, not the number 0',
    ],
    [
      'router',
      'num_retires: 1',
      '2:3 unknown router_settings.num_retires: nobody knows this key. Did you mean "num_retries"?',
    ],
    [
      'general',
      'master_kye: sk',
      '2:3 unknown general_settings.master_kye: nobody knows this key. Did you mean "master_key"?',
    ],
    ['general', 'master_key: [sk]', '2:15 error general_settings.master_key: must be text, not a list'],
    [
      'general',
      'database_url: mysql://u:p@h/d',
      '2:17 error general_settings.database_url: must start with sqlite:, postgres:// or postgresql://',
    ],
    [
      'general',
      'max_request_size_mb: 0',
      '2:24 error general_settings.max_request_size_mb: must be a number of megabytes, more than 0, not the number 0',
    ],
    [
      'general',
      'store_model_in_db: maybe',
      '2:22 error general_settings.store_model_in_db: must be true or false, not text',
    ],
    [
      'litellm',
      'drop_param: true',
      '2:3 unknown litellm_settings.drop_param: nobody knows this key. Did you mean "drop_params"?',
    ],
    ['litellm', 'drop_params: 2', '2:16 error litellm_settings.drop_params: must be true or false, not the number 2'],
    [
      'litellm',
      'model_group_settings: [a]',
      '2:25 error litellm_settings.model_group_settings: must be a mapping, not a list',
    ],
    [
      'litellm',
      'model_group_settings: {forward_client_header_to_llm_api: [a]}',
      '2:26 unknown litellm_settings.model_group_settings.forward_client_header_to_llm_api: nobody knows this key. Did you mean "forward_client_headers_to_llm_api"?',
    ],
    [
      'tollgate',
      'idle_timeout: 2m',
      '2:17 error tollgate_settings.idle_timeout: must be a number of seconds, more than 0, not text',
    ],
    [
      'tollgate',
      'drain_timeout: -1',
      '2:18 error tollgate_settings.drain_timeout: must be a number of seconds, 0 or more, not the number -1',
    ],
    [
      'tollgate',
      'json_max_depht: 1',
      '2:3 unknown tollgate_settings.json_max_depht: nobody knows this key. Did you mean "json_max_depth"?',
    ],
  ];
  test.each(FAULTS)('of %s written %s is refused, and the default stays', (part, written, line) => {
    const { said, ...parts } = read(`${SECTION[part]}:\n  ${written}`);
    expect(said).toEqual([line]);
    expect(parts[part]).toEqual(read('{}')[part]);
  });

  test.each(Object.values(SECTION))('stands in a mapping: %s may be nothing else', (section) => {
    expect(read(`${section}: [a]`).said).toEqual([
      `1:${section.length + 3} error ${section}: must be a mapping, not a list`,
    ]);
    expect(read(`${section}:`).said).toEqual([]);
  });

  test('stands in a section that exists', () => {
    expect(read('router_setings: {}').said).toEqual([
      '1:1 unknown router_setings: nobody knows this key. Did you mean "router_settings"?',
    ]);
  });
});

describe('of two places', () => {
  const BOTH = 'litellm_settings: {num_retries: 7, max_fallbacks: 8, request_timeout: 9}';
  test.each<[string, string, Variables, object]>([
    ['litellm_settings count alone', BOTH, {}, { numRetries: 7, maxFallbacks: 8, timeoutMs: 9000 }],
    [
      'router_settings win, but not over request_timeout',
      `${BOTH}\nrouter_settings: {num_retries: 1, max_fallbacks: 2, timeout: 3}`,
      {},
      { numRetries: 1, maxFallbacks: 2, timeoutMs: 9000 },
    ],
    [
      'the file wins over REQUEST_TIMEOUT',
      'router_settings: {timeout: 3}',
      { REQUEST_TIMEOUT: '5' },
      { timeoutMs: 3000 },
    ],
    ['REQUEST_TIMEOUT wins over the default', '{}', { REQUEST_TIMEOUT: '5' }, { timeoutMs: 5000 }],
  ])('%s', (_, text, variables, router) => {
    expect(read(text, variables).router).toMatchObject(router);
  });

  const ENVIRONMENT = {
    LITELLM_MASTER_KEY: 'sk-env',
    DATABASE_URL: 'postgres://env/d',
    STORE_MODEL_IN_DB: 'false',
    LITELLM_DROP_PARAMS: 'true',
    MAX_STRING_LENGTH_PROMPT_IN_DB: '10',
    LITELLM_CORS_ORIGINS: 'http://a,http://b',
  };

  test('the environment stands in where the file says nothing', () => {
    expect(read('{}', ENVIRONMENT)).toMatchObject({
      general: { masterKey: 'sk-env', databaseUrl: 'postgres://env/d', storeModels: false },
      litellm: { dropParams: true, maxStoredChars: 10 },
      tollgate: { corsOrigins: ['http://a', 'http://b'] },
    });
  });

  test('the file wins over the environment, also where it says no', () => {
    const text = `
general_settings: {master_key: sk-file, database_url: "sqlite:f.db", store_model_in_db: true}
litellm_settings: {drop_params: false}
tollgate_settings: {max_stored_chars: 0, cors_origins: []}`;
    expect(read(text, ENVIRONMENT)).toMatchObject({
      general: { masterKey: 'sk-file', databaseUrl: 'sqlite:f.db', storeModels: true },
      litellm: { dropParams: false, maxStoredChars: 0 },
      tollgate: { corsOrigins: [] },
    });
  });

  test.each([
    ['data', 'sqlite:data/tollgate.db'],
    ['/var/lib/x/', 'sqlite:/var/lib/x/tollgate.db'],
  ])('the database lies in data_dir %s unless one is named', (dir, url) => {
    expect(read(`tollgate_settings: {data_dir: ${dir}}`).general.databaseUrl).toBe(url);
  });
});
