/** Keys, authentication and the management API, put together. */
import { type Authenticate, createAuthenticator } from '../auth/authenticate.ts';
import { createKeyCache } from '../auth/key-cache.ts';
import { loadKey } from '../auth/loaded-key.ts';
import { NO_MEMBERSHIPS, principalOf } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import { spendByKey } from '../db/requests.ts';
import type { Caller } from '../gateway/call.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { MasterKey } from './master-key.ts';
import type { Runtime } from './runtime.ts';
import type { TryKey } from './try-key.ts';

export interface AuthParts {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly masterKey: MasterKey;
  readonly tryKey: TryKey | undefined;
  runtime(): Runtime;
  now(): number;
}

export interface Auth {
  readonly authenticate: Authenticate;
  admin(request: Request): Promise<Response>;
}

/** 32 of them. */
export const randomBytes = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32));

export async function createAuth(parts: AuthParts): Promise<Auth> {
  const { db, ledger, masterKey, tryKey, runtime, now } = parts;
  const keys = createKeyCache({
    now,
    ttlMs: () => runtime().config.general.keyCacheTtlMs,
    load: async (hash) => {
      if (hash === tryKey?.hash) return tryKey.loaded;
      return await loadKey(db, hash);
    },
  });
  const master = masterCaller(masterKey.hash, await spendByKey(db, masterKey.hash));
  const authenticate = createAuthenticator({
    keys,
    master,
    now,
    options: () => ({ keyHeaderName: runtime().config.general.keyHeaderName }),
  });
  let admin: Promise<{ fetch(request: Request): Response | Promise<Response> }> | undefined;
  return {
    authenticate,
    async admin(request) {
      admin ??= import('../admin/app.ts').then(({ createAdminApp }) =>
        createAdminApp({
          db,
          keys,
          ledger,
          authenticate,
          principal: async (caller) => principalOf(caller, undefined, NO_MEMBERSHIPS),
          now,
          randomBytes,
        }),
      );
      return (await admin).fetch(request);
    },
  };
}

/** LiteLLM logs the master key's calls under this user. */
const ADMIN_USER = 'default_user_id';

const masterCaller = (keyHash: string, spendNanoUsd: number): Caller => ({
  kind: 'master',
  keyHash,
  keyAlias: null,
  keyName: null,
  userId: ADMIN_USER,
  teamId: null,
  organizationId: null,
  projectId: null,
  models: [],
  aliases: {},
  metadata: {},
  maxBudgetUsd: null,
  rpmLimit: null,
  tpmLimit: null,
  spend: { nanoUsd: spendNanoUsd },
});
