/** What every management route is given. */

import type { Authenticate, Caller } from '../auth/authenticate.ts';
import type { KeyCache } from '../auth/key-cache.ts';
import type { Database } from '../db/client.ts';
import type { Ledger } from '../ledger/ledger.ts';

export interface AdminContext {
  readonly db: Database;
  readonly keys: KeyCache;
  readonly ledger: Ledger;
  readonly authenticate: Authenticate;
  now(): number;
  /** 32 random bytes. */
  randomBytes(): Uint8Array;
}

/** Hono's variables: who is calling, set before any handler runs. */
export interface AdminEnv {
  Variables: { caller: Caller };
}
