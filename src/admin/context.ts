/** What every management route is given. */
import type { Authenticate, Caller } from '../auth/authenticate.ts';
import type { KeyCache } from '../auth/key-cache.ts';
import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import type { Ledger } from '../ledger/ledger.ts';

export interface AdminContext {
  readonly db: Database;
  readonly keys: Pick<KeyCache, 'invalidate'>;
  readonly ledger: Pick<Ledger, 'flush' | 'pending'>;
  readonly authenticate: Authenticate;
  /** Whose rights the caller has. */
  principal(caller: Caller): Promise<Principal>;
  now(): number;
  /** 32 random bytes. */
  randomBytes(): Uint8Array;
}
