/** What every management route is given. */
import type { Authenticate, Caller } from '../auth/authenticate.ts';
import type { KeyCache } from '../auth/key-cache.ts';
import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import type { Directory } from '../gateway/entities.ts';
import type { Ledger } from '../ledger/ledger.ts';

/** What of the configuration the management API goes by. Follows a reload. */
export interface AdminSettings {
  /** IANA zone of budget windows and of reports. */
  readonly timeZone: string;
  /** `litellm_settings.max_end_user_budget_id`: for end users without a budget of their own. */
  readonly endUserBudgetId: string | null;
}

export interface AdminContext {
  readonly db: Database;
  readonly keys: Pick<KeyCache, 'invalidate' | 'invalidateAll'>;
  /** Tell it of every change: what stands in memory is used until then. */
  readonly directory: Pick<Directory, 'invalidate' | 'invalidateAll'>;
  readonly ledger: Pick<Ledger, 'flush' | 'pending'>;
  readonly authenticate: Authenticate;
  /** Whose rights the caller has. */
  principal(caller: Caller): Promise<Principal>;
  settings(): AdminSettings;
  now(): number;
  /** 32 random bytes. */
  randomBytes(): Uint8Array;
}
