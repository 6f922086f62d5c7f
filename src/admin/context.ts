/** What every management route is given. */
import type { Authenticate } from '../auth/authenticate.ts';
import type { KeyCache } from '../auth/key-cache.ts';
import type { Database } from '../db/client.ts';
import type { Ledger } from '../ledger/ledger.ts';

export interface AdminContext {
  readonly db: Database;
  readonly keys: Pick<KeyCache, 'invalidate'>;
  readonly ledger: Pick<Ledger, 'flush' | 'pending'>;
  readonly authenticate: Authenticate;
  now(): number;
  /** 32 random bytes. */
  randomBytes(): Uint8Array;
}
