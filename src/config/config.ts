/** The one frozen configuration that the rest of the program reads. `schema.ts` is the only file that knows LiteLLM's names. */

import type { ErrorClass } from '../errors.ts';

/** Where a value stands in a file, for messages. Lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type FindingLevel = 'honoured' | 'ignored' | 'unknown' | 'error' | 'warning';

/** One thing that reading a configuration found out about one key. */
export interface Finding {
  readonly level: FindingLevel;
  /** `router_settings.num_retries`, `model_list.0.litellm_params.model`. */
  readonly path: string;
  readonly message: string;
  readonly position: Position | undefined;
}

/** One `model_list` entry, environment references resolved. */
export interface DeploymentConfig {
  readonly modelName: string;
  /** `provider/model`, `model` or a wildcard such as `openai/*`. */
  readonly model: string;
  readonly customProvider: string | undefined;
  /** `model_info.id`, else a stable SHA-256 hex over the group name and the parameters. */
  readonly id: string;
  readonly apiKey: string | undefined;
  readonly apiBase: string | undefined;
  readonly apiVersion: string | undefined;
  readonly organization: string | undefined;
  readonly extraHeaders: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
  readonly streamTimeoutMs: number | undefined;
  readonly numRetries: number | undefined;
  /** `weight`; `undefined` when not given. */
  readonly weight: number | undefined;
  readonly rpm: number | undefined;
  readonly tpm: number | undefined;
  readonly maxParallelRequests: number | undefined;
  /** Tier: the lowest is tried first. */
  readonly order: number | undefined;
  /** Requests with one of these tags may come here (`enable_tag_filtering`). */
  readonly tags: readonly string[];
  /** `tag_regex`: so may those whose `User-Agent: …` matches one of these. */
  readonly tagPatterns: readonly string[];
  /** `model_info.enable_tag_filtering`: in place of the router's, for the group. */
  readonly tagFiltering?: boolean | undefined;
  /** `model_info.allow_fail_open`: when tags lead to nobody, the group answers all the same. */
  readonly failsOpen?: boolean | undefined;
  readonly cooldownMs: number | undefined;
  /** `model_info.allowed_fails` and `allowed_fails_policy`: in place of the router's. */
  readonly allowedFails?: number | undefined;
  readonly allowedFailsPolicy?: ErrorPolicy | undefined;
  readonly region: string | undefined;
  /** Groups that get a copy of each request. */
  readonly silentModels: readonly string[];
  readonly maxBudgetUsd: number | undefined;
  readonly budgetDuration: string | undefined;
  readonly mockResponse: string | undefined;
  /** Streams are made of whole answers. */
  readonly fakeStream?: boolean | undefined;
  /** `litellm_credential_name`: where values come from that are not given here. */
  readonly credentialName?: string | undefined;
  readonly dropParams: boolean | undefined;
  readonly additionalDropParams: readonly string[];
  readonly allowedParams: readonly string[];
  /** `configurable_clientside_auth_params` names the key: callers may bring one of their own. */
  readonly takesCallerKey?: boolean;
  /** Completion parameters used as defaults (`temperature`, `max_tokens`, `extra_body`'s members …). */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Provider settings that only its adapter understands (`azure_ad_token`, `region_name` …), for `parseSettings`. */
  readonly providerSettings: Readonly<Record<string, unknown>>;
  /** Price fields by catalog name, from `litellm_params` or `model_info`; `undefined` when none were given. */
  readonly customPrices: Readonly<Record<string, number>> | undefined;
  readonly baseModel: string | undefined;
  /** All of `model_info`, as written. */
  readonly modelInfo: Readonly<Record<string, unknown>>;
  readonly position: Position | undefined;
}

/** How to reach a provider, by itself. */
export interface CredentialValues
  extends Pick<
    DeploymentConfig,
    'customProvider' | 'apiKey' | 'apiBase' | 'apiVersion' | 'organization' | 'extraHeaders' | 'providerSettings'
  > {}

/** One entry of `credential_list`, environment references resolved. */
export interface CredentialConfig {
  readonly name: string;
  readonly values: CredentialValues;
  readonly info: Readonly<Record<string, unknown>>;
}

export interface ModelAlias {
  readonly group: string;
  readonly hidden: boolean;
}

export interface BudgetConfig {
  readonly maxUsd: number;
  /** `30d`, `1mo` …; `null`: for ever. */
  readonly duration: string | null;
}

export interface LimitConfig {
  readonly globalBudget: BudgetConfig | null;
  readonly providerBudgets: Readonly<Record<string, BudgetConfig>>;
  /** Of all copies that `silent_model` sends; `null`: as much as they cost. */
  readonly mirrorBudget: BudgetConfig | null;
  /** HTTP status of a refused budget. */
  readonly budgetStatus: number;
  /** IANA zone of budget windows and of reports. */
  readonly timeZone: string;
  /** Budget of end users that have none of their own. */
  readonly endUserBudgetId: string | null;
  /** A user's own limits hold for keys that are in a team too. */
  readonly userLimitsInTeams: boolean;
  readonly budgetWaitMs: number;
  readonly queueMs: number;
  readonly maxWaiting: number;
  /** Over which time RPM and TPM add up. */
  readonly rateWindowMs: number;
  /** Shares of a budget that are told when they are passed. */
  readonly budgetAlerts: readonly number[];
}

/** Who may make which keys. Field names inside are those of a request that makes one. */
export interface KeyConfig {
  /** What a new key has that its request says nothing of. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** The most that a key may have, and what it has when its request says nothing. */
  readonly caps: Readonly<Record<string, number | string>>;
  readonly teamKeys: KeyMakers;
  readonly personalKeys: KeyMakers;
  /** A request may choose the secret itself. */
  readonly customSecrets: boolean;
}

/** What new users and teams have that their requests say nothing of. Field names are those of `/user/new` and `/team/new`. */
export interface EntityDefaults {
  readonly user: Readonly<Record<string, unknown>>;
  /** Of users without rights over others, when `user` says nothing. */
  readonly internalUser: Readonly<Record<string, unknown>>;
  readonly team: Readonly<Record<string, unknown>>;
}

export interface KeyMakers {
  /** Roles that may make one; `null`: all that may make keys at all. */
  readonly roles: readonly string[] | null;
  /** Fields that a request must set. */
  readonly requiredFields: readonly string[];
}

export type RoutingStrategy =
  | 'simple-shuffle'
  | 'least-busy'
  | 'usage-based-routing-v2'
  | 'latency-based-routing'
  | 'cost-based-routing';

/** A number for each class of failure, LiteLLM's `…Retries` and `…AllowedFails`. */
export type ErrorPolicy = Readonly<Partial<Record<ErrorClass | 'default', number>>>;

export interface AffinityConfig {
  /** Requests that share the beginning of a prompt that a provider caches. */
  readonly prompt: boolean;
  readonly session: boolean;
  /** All calls of a key. */
  readonly key: boolean;
  readonly response: boolean;
  readonly ttlMs: number;
}

export interface HealthConfig {
  /** `GET /health` may ask the deployments themselves, which costs money. */
  readonly probes: boolean;
  /** Of one such question's answer. */
  readonly maxTokens: number;
  /** Such questions, whoever asks for them. */
  readonly probesPerHour: number;
  /** `GET /health/readiness/details` needs no key. */
  readonly publicDetails: boolean;
}

export interface Config {
  /** Files that were read, the main one first; empty for the built-in configuration. */
  readonly files: readonly string[];
  readonly findings: readonly Finding[];
  /** `environment_variables` of the file: they stand over the process environment (`Env.withExported`). */
  readonly exportedEnv: Readonly<Record<string, string>>;
  readonly deployments: readonly DeploymentConfig[];
  readonly aliases: Readonly<Record<string, ModelAlias>>;
  /** By name. */
  readonly credentials: Readonly<Record<string, CredentialConfig>>;
  readonly router: {
    readonly numRetries: number;
    /** Whole-request deadline. */
    readonly timeoutMs: number;
    readonly streamTimeoutMs: number | undefined;
    readonly retryAfterMs: number;
    /** Group name → groups tried in order after it failed. */
    readonly fallbacks: Readonly<Record<string, readonly string[]>>;
    /** The same for requests that are too long, or that a provider's policy forbids. */
    readonly contextWindowFallbacks: Readonly<Record<string, readonly string[]>>;
    readonly contentPolicyFallbacks: Readonly<Record<string, readonly string[]>>;
    readonly defaultFallbacks: readonly string[];
    readonly maxFallbacks: number;
    readonly strategy: RoutingStrategy;
    readonly cooldownMs: number;
    readonly disableCooldowns: boolean;
    readonly allowedFails: number | undefined;
    readonly allowedFailsPolicy: ErrorPolicy;
    readonly retryPolicy: ErrorPolicy;
    readonly groupRetryPolicy: Readonly<Record<string, ErrorPolicy>>;
    /** Leave out deployments whose context window is too small. */
    readonly preCallChecks: boolean;
    readonly tagFiltering: boolean;
    /** One tag of the request is enough. */
    readonly tagMatchAny: boolean;
    /** Only tags of the request that begin so choose deployments; empty: all do. */
    readonly tagPrefix: string;
    readonly affinity: AffinityConfig;
    /** Groups for which a second deployment is asked when the first is slow. */
    readonly hedgedGroups: readonly string[];
  };
  readonly general: {
    readonly masterKey: string | undefined;
    readonly permitWeakMasterKey: boolean;
    readonly databaseUrl: string;
    /** Deployments may be added at run time and are read from the database. */
    readonly storeModels: boolean;
    readonly storePrompts: boolean;
    readonly disableSpendLogs: boolean;
    readonly maxRequestBytes: number;
    readonly maxResponseBytes: number;
    readonly keyHeaderName: string | undefined;
    readonly alwaysIncludeStreamUsage: boolean | undefined;
    readonly userHeaderName: string | undefined;
    readonly completionModel: string | undefined;
    readonly keyCacheTtlMs: number;
    readonly enforceUserParam: boolean;
    /** Parameters that each request must have, and those that requests of service accounts must have besides. */
    readonly enforcedParams: { readonly ofAll: readonly string[]; readonly ofServiceAccounts: readonly string[] };
    readonly rejectClientMetadataTags: boolean;
    /** `allow_client_side_credentials`: every deployment takes a provider key of the caller's own. */
    readonly allowCallerKeys: boolean;
    readonly allowMockTestingParams: boolean;
    readonly includeCallIdInErrors: boolean;
    readonly forwardClientHeaders: boolean;
  };
  readonly litellm: {
    readonly dropParams: boolean;
    /** `enable_azure_ad_token_refresh`: sign in as what the machine is where nothing else is given. */
    readonly refreshesAzureTokens: boolean;
    /** Cut `stop` never; kept for the finding only. */
    readonly forwardTraceparent: boolean;
    readonly turnOffMessageLogging: boolean;
    readonly modelAliasMap: Readonly<Record<string, string>>;
    /** Longest string stored of a prompt or an answer, in characters. */
    readonly maxStoredChars: number;
    readonly disableUserAgentTags: boolean;
    readonly disableEndUserTracking: boolean;
    /** Groups whose calls forward the client's `x-*` headers. */
    readonly forwardClientHeadersFor: readonly string[];
    readonly keepAlivePingMs: number | undefined;
  };
  readonly limits: LimitConfig;
  readonly keys: KeyConfig;
  readonly entityDefaults: EntityDefaults;
  readonly health: HealthConfig;
  /** The sections that can change at run time, as they are written; without secrets. */
  readonly written: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly tollgate: {
    /** Time limits of one attempt, in milliseconds. */
    readonly firstByteTimeoutMs: number;
    readonly idleTimeoutMs: number;
    readonly connectTimeoutMs: number;
    /** Longest a call may take, with all its attempts and its stream. */
    readonly totalTimeoutMs: number;
    /** How long SIGTERM waits for requests in flight. */
    readonly drainTimeoutMs: number;
    readonly jsonMaxDepth: number;
    readonly jsonMaxNodes: number;
    /** Directory of the journal. */
    readonly dataDir: string;
    /** Origins allowed by CORS; `['*']` allows all. */
    readonly corsOrigins: readonly string[];
  };
}
