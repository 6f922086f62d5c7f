/** The settings sections → the typed parts of Config, with every default in one place. */
import { join as joinPath } from 'node:path';
import type { Config } from './config.ts';
import { type Env, isDatabaseUrl } from './env.ts';
import type { Findings } from './findings.ts';
import {
  GENERAL,
  LITELLM,
  MODEL_GROUP_SETTINGS,
  ROUTER,
  SERVICE_ACCOUNT_SETTINGS,
  TOLLGATE,
  TOP_LEVEL,
} from './schema.ts';
import { openSection, type Section } from './section.ts';
import { join, type MapTree } from './yaml-tree.ts';

const SECOND = 1000;
const MEGABYTE = 1024 * 1024;

const DEFAULTS = {
  numRetries: 2,
  timeoutMs: 600 * SECOND,
  maxFallbacks: 5,
  maxRequestBytes: 10 * MEGABYTE,
  maxResponseBytes: 100 * MEGABYTE,
  keyCacheTtlMs: 60 * SECOND,
  maxStoredChars: 2048,
  /** Reasoning models think for minutes before their first byte. */
  firstByteTimeoutMs: 600 * SECOND,
  idleTimeoutMs: 120 * SECOND,
  connectTimeoutMs: 5 * SECOND,
  totalTimeoutMs: 3_600 * SECOND,
  drainTimeoutMs: 30 * SECOND,
  jsonMaxDepth: 64,
  jsonMaxNodes: 100_000,
  dataDir: './data',
} as const;

export interface Sections {
  readonly top: Section<typeof TOP_LEVEL.honoured>;
  readonly router: Section<typeof ROUTER.honoured>;
  readonly litellm: Section<typeof LITELLM.honoured>;
  readonly general: Section<typeof GENERAL.honoured>;
  readonly tollgate: Section<typeof TOLLGATE.honoured>;
}

export function openSections(tree: MapTree, findings: Findings): Sections {
  const top = openSection({ tree, path: '', rules: TOP_LEVEL }, findings);
  const section = <const K extends keyof typeof TOP_LEVEL.honoured>(path: K) => ({
    path,
    tree: top.entries.get(path)?.value,
  });
  return {
    top,
    router: openSection({ ...section('router_settings'), rules: ROUTER }, findings),
    litellm: openSection({ ...section('litellm_settings'), rules: LITELLM }, findings),
    general: openSection({ ...section('general_settings'), rules: GENERAL }, findings),
    tollgate: openSection({ ...section('tollgate_settings'), rules: TOLLGATE }, findings),
  };
}

type RouterTimes = Pick<
  Config['router'],
  'numRetries' | 'timeoutMs' | 'streamTimeoutMs' | 'retryAfterMs' | 'maxFallbacks'
>;

/** `router_settings` win over keys of the same name in `litellm_settings`; `request_timeout` wins over `timeout`, as in LiteLLM. */
export function routerSettings({ router, litellm }: Sections, env: Env): RouterTimes {
  return {
    numRetries: router.read('num_retries') ?? litellm.read('num_retries') ?? DEFAULTS.numRetries,
    timeoutMs: litellm.read('request_timeout') ?? router.read('timeout') ?? env.requestTimeoutMs ?? DEFAULTS.timeoutMs,
    streamTimeoutMs: router.read('stream_timeout'),
    retryAfterMs: router.read('retry_after') ?? 0,
    maxFallbacks: router.read('max_fallbacks') ?? litellm.read('max_fallbacks') ?? DEFAULTS.maxFallbacks,
  };
}

export function generalSettings({ general, tollgate }: Sections, env: Env, findings: Findings): Config['general'] {
  const is = (key: BooleanKey): boolean => general.read(key) ?? false;
  const dataDir = tollgate.read('data_dir') ?? DEFAULTS.dataDir;
  return {
    masterKey: general.read('master_key') ?? env.masterKey,
    permitWeakMasterKey: general.read('dangerously_permit_weak_or_unset_master_key') ?? env.permitWeakMasterKey,
    databaseUrl: databaseUrl(general, findings) ?? env.databaseUrl ?? `sqlite:${joinPath(dataDir, 'tollgate.db')}`,
    storeModels: general.read('store_model_in_db') ?? env.storeModels ?? true,
    storePrompts: is('store_prompts_in_spend_logs'),
    disableSpendLogs: is('disable_spend_logs'),
    maxRequestBytes: general.read('max_request_size_mb') ?? DEFAULTS.maxRequestBytes,
    maxResponseBytes: general.read('max_response_size_mb') ?? DEFAULTS.maxResponseBytes,
    keyHeaderName: general.read('litellm_key_header_name'),
    alwaysIncludeStreamUsage: general.read('always_include_stream_usage'),
    userHeaderName: general.read('user_header_name'),
    completionModel: general.read('completion_model'),
    keyCacheTtlMs: general.read('user_api_key_cache_ttl') ?? DEFAULTS.keyCacheTtlMs,
    enforceUserParam: is('enforce_user_param'),
    enforcedParams: enforcedParams(general, findings),
    rejectClientMetadataTags: is('reject_clientside_metadata_tags'),
    allowCallerKeys: is('allow_client_side_credentials'),
    allowMockTestingParams: is('dangerously_allow_mock_testing_request_params'),
    includeCallIdInErrors: is('include_call_id_in_error_body'),
    forwardClientHeaders: is('forward_client_headers_to_llm_api'),
  };
}

function enforcedParams(general: Sections['general'], findings: Findings): Config['general']['enforcedParams'] {
  const serviceAccounts = openSection(
    {
      tree: general.read('service_account_settings'),
      path: join(general.path, 'service_account_settings'),
      rules: SERVICE_ACCOUNT_SETTINGS,
    },
    findings,
  );
  return {
    ofAll: general.read('enforced_params') ?? [],
    ofServiceAccounts: serviceAccounts.read('enforced_params') ?? [],
  };
}

type GeneralKinds = typeof GENERAL.honoured;
type BooleanKey = { [K in keyof GeneralKinds]: GeneralKinds[K] extends 'boolean' ? K : never }[keyof GeneralKinds];

function databaseUrl(general: Sections['general'], findings: Findings): string | undefined {
  const url = general.read('database_url');
  if (url === undefined || isDatabaseUrl(url)) return url;
  const position = general.entries.get('database_url')?.value.position;
  findings.error(join(general.path, 'database_url'), 'must start with sqlite:, postgres:// or postgresql://', position);
  return undefined;
}

export function litellmSettings({ litellm, tollgate }: Sections, env: Env, findings: Findings): Config['litellm'] {
  const groups = openSection(
    {
      tree: litellm.read('model_group_settings'),
      path: join(litellm.path, 'model_group_settings'),
      rules: MODEL_GROUP_SETTINGS,
    },
    findings,
  );
  return {
    dropParams: litellm.read('drop_params') ?? env.dropParams ?? false,
    refreshesAzureTokens: litellm.read('enable_azure_ad_token_refresh') ?? false,
    forwardTraceparent: litellm.read('forward_traceparent_to_llm_provider') ?? false,
    turnOffMessageLogging: litellm.read('turn_off_message_logging') ?? false,
    modelAliasMap: litellm.read('model_alias_map') ?? {},
    maxStoredChars: tollgate.read('max_stored_chars') ?? env.maxStoredChars ?? DEFAULTS.maxStoredChars,
    disableUserAgentTags: litellm.read('disable_add_user_agent_to_request_tags') ?? false,
    disableEndUserTracking: litellm.read('disable_end_user_cost_tracking') ?? false,
    forwardClientHeadersFor: groups.read('forward_client_headers_to_llm_api') ?? [],
    keepAlivePingMs: litellm.read('sse_keepalive_ping_interval_seconds'),
  };
}

export function tollgateSettings({ tollgate }: Sections, env: Env): Config['tollgate'] {
  return {
    firstByteTimeoutMs: tollgate.read('first_byte_timeout') ?? DEFAULTS.firstByteTimeoutMs,
    idleTimeoutMs: tollgate.read('idle_timeout') ?? DEFAULTS.idleTimeoutMs,
    connectTimeoutMs: tollgate.read('connect_timeout') ?? DEFAULTS.connectTimeoutMs,
    totalTimeoutMs: tollgate.read('total_timeout') ?? DEFAULTS.totalTimeoutMs,
    drainTimeoutMs: tollgate.read('drain_timeout') ?? DEFAULTS.drainTimeoutMs,
    jsonMaxDepth: tollgate.read('json_max_depth') ?? DEFAULTS.jsonMaxDepth,
    jsonMaxNodes: tollgate.read('json_max_nodes') ?? DEFAULTS.jsonMaxNodes,
    dataDir: tollgate.read('data_dir') ?? DEFAULTS.dataDir,
    corsOrigins: tollgate.read('cors_origins') ?? env.corsOrigins ?? ['*'],
  };
}
