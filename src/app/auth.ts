/** Keys, authentication and the management API, put together. */
import type { AdminContext } from '../admin/context.ts';
import { ALONE, createActing } from '../auth/acting.ts';
import { type Authenticate, createAuthenticator } from '../auth/authenticate.ts';
import { createKeyCache, type KeyCache } from '../auth/key-cache.ts';
import { loadKey } from '../auth/loaded-key.ts';
import { createPrincipals } from '../auth/principal.ts';
import type { Database } from '../db/client.ts';
import type { Caller } from '../gateway/call.ts';
import type { Directory } from '../gateway/entities.ts';
import type { MasterKey } from './master-key.ts';
import type { Runtime } from './runtime.ts';
import type { TryKey } from './try-key.ts';

export interface AuthParts {
  readonly db: Database;
  readonly directory: Directory;
  readonly masterKey: MasterKey;
  readonly tryKey: TryKey | undefined;
  runtime(): Runtime;
  now(): number;
}

export interface Auth {
  readonly keys: KeyCache;
  readonly authenticate: Authenticate;
  readonly principal: AdminContext['principal'];
}

/** 32 of them. */
export const randomBytes = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32));

export function createAuth({ db, directory, masterKey, tryKey, runtime, now }: AuthParts): Auth {
  const keys = createKeyCache({
    now,
    ttlMs: () => runtime().config.general.keyCacheTtlMs,
    load: async (hash) => (hash === tryKey?.hash ? tryKey.loaded : await loadKey(db, hash)),
  });
  const authenticate = createAuthenticator({
    keys,
    master: masterCaller(masterKey.hash),
    acting: createActing(directory),
    now,
    options: () => ({ keyHeaderName: runtime().config.general.keyHeaderName }),
  });
  return { keys, authenticate, principal: createPrincipals(db) };
}

/** LiteLLM logs the master key's calls under this user. */
const ADMIN_USER = 'default_user_id';

export const masterCaller = (keyHash: string): Caller => ({
  ...ALONE,
  kind: 'master',
  keyHash,
  keyAlias: null,
  keyName: null,
  userId: ADMIN_USER,
});

/** The management API is loaded when it is first asked for: most of a gateway's life it is not. */
export function lazyAdmin(context: AdminContext): (request: Request) => Promise<Response> {
  let admin: Promise<{ fetch(request: Request): Response | Promise<Response> }> | undefined;
  return async (request) => {
    admin ??= import('../admin/app.ts').then(({ createAdminApp }) => createAdminApp(context));
    return (await admin).fetch(request);
  };
}
