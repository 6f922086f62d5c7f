/**
 * A key for the curl that a start without a configuration prints: it works when pasted on later starts too, when
 * the admin's key is no longer shown. It lives in this process's memory, for an hour, and reaches the mock model alone.
 */
import { ALONE } from '../auth/acting.ts';
import { digest } from '../auth/digest.ts';
import type { LoadedKey } from '../auth/key-cache.ts';
import type { Config } from '../config/config.ts';

export interface TryKey {
  readonly secret: string;
  readonly hash: string;
  readonly loaded: LoadedKey;
}

const LIFE_MS = 3_600_000;

/** `undefined` when a configuration file says what is served. */
export function createTryKey(config: Config, nowMs: number, randomBytes: () => Uint8Array): TryKey | undefined {
  const mock = config.deployments.find(({ mockResponse }) => mockResponse !== undefined);
  if (config.files.length > 0 || !mock) return undefined;
  const secret = `sk-try-${Buffer.from(randomBytes()).toString('base64url')}`;
  const hash = digest(secret);
  return {
    secret,
    hash,
    loaded: {
      blocked: false,
      expiresAtMs: nowMs + LIFE_MS,
      allowedRoutes: [],
      caller: {
        ...ALONE,
        kind: 'key',
        keyHash: hash,
        keyAlias: 'try-it',
        keyName: `sk-...${secret.slice(-4)}`,
        models: [mock.modelName],
      },
    },
  };
}
