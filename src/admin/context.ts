/** What every management route is given. */
import type { Authenticate, Caller } from '../auth/authenticate.ts';
import type { KeyCache } from '../auth/key-cache.ts';
import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import type { Reader } from '../db/reader.ts';
import type { Directory } from '../gateway/entities.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { HealthWatch } from './health-watch.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { Prices } from './prices.ts';
import type { RequestPreview } from './request-preview.ts';
import type { RunTimeSettings } from './run-time-settings.ts';

/** What of the configuration the management API goes by. Follows a reload. */
export interface AdminSettings {
  /** IANA zone of budget windows and of reports. */
  readonly timeZone: string;
  /** `litellm_settings.max_end_user_budget_id`: for end users without a budget of their own. */
  readonly endUserBudgetId: string | null;
  /** `litellm_settings.max_budget`: what all may spend together. */
  readonly globalBudget: ConfiguredBudget | null;
  /** `router_settings.provider_budget_config`. */
  readonly providerBudgets: Readonly<Record<string, ConfiguredBudget>>;
  readonly keys: KeySettings;
  readonly entityDefaults?: EntityDefaults;
  /** Whether keys with `auto_rotate` get new secrets by themselves. */
  readonly rotatesKeys?: boolean;
}

export interface ConfiguredBudget {
  readonly maxUsd: number;
  /** `30d`, `1mo` …; `null`: for ever. */
  readonly duration: string | null;
}

/** Who may make which keys. Field names inside are those of `/key/generate`. */
export interface KeySettings {
  /** What a new key has that its request says nothing of. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** The most that a key may have, and what it has when its request says nothing. */
  readonly caps: Readonly<Record<string, number | string>>;
  readonly teamKeys: KeyMakers;
  readonly personalKeys: KeyMakers;
  /** A request may choose the secret itself. */
  readonly customSecrets: boolean;
}

export interface KeyMakers {
  /** Roles that may make one; `null`: all that may make keys at all. */
  readonly roles: readonly string[] | null;
  /** Fields that a request must set. */
  readonly requiredFields: readonly string[];
}

/** What new users and teams have that their requests say nothing of. Field names are those of `/user/new` and `/team/new`. */
export interface EntityDefaults {
  readonly user: Readonly<Record<string, unknown>>;
  /** Of users without rights over others, when `user` says nothing. */
  readonly internalUser: Readonly<Record<string, unknown>>;
  readonly team: Readonly<Record<string, unknown>>;
}

/** Nothing is said about keys. */
export const ANY_KEYS: KeySettings = {
  defaults: {},
  caps: {},
  teamKeys: { roles: null, requiredFields: [] },
  personalKeys: { roles: null, requiredFields: [] },
  customSecrets: true,
};

export interface AdminContext {
  readonly db: Database;
  /** Runs the heavy queries of reports beside the event loop. */
  readonly reader: Reader;
  /** Today's, for reports that price anew. */
  readonly prices: Prices;
  readonly keys: Pick<KeyCache, 'invalidate' | 'invalidateAll'>;
  /** Tell it of every change: what stands in memory is used until then. */
  readonly directory: Pick<Directory, 'invalidate' | 'invalidateAll'>;
  readonly ledger: Pick<Ledger, 'flush' | 'pending'>;
  readonly models: ModelRegistry;
  readonly health: HealthWatch;
  readonly preview: RequestPreview;
  readonly runTimeSettings: RunTimeSettings;
  readonly authenticate: Authenticate;
  /** Whose rights the caller has. */
  principal(caller: Caller): Promise<Principal>;
  settings(): AdminSettings;
  /** Of this program, for the OpenAPI document. */
  readonly version: string;
  now(): number;
  /** 32 random bytes. */
  randomBytes(): Uint8Array;
}
