/** Keys in memory, also under secrets that were replaced and still work for a while. */
import { LRUCache } from 'lru-cache';
import type { Caller } from '../gateway/call.ts';
import { createMemoryCache, type MemoryCache } from './memory-cache.ts';

/** A key as it was loaded. Whether it may be used now is decided at each use. */
export interface LoadedKey {
  readonly caller: Caller;
  /** Digest of its secret: another one than that of the secret that was sent when that is an old one. */
  readonly token?: string;
  /** The secret that was sent is an old one. */
  readonly replaced?: boolean;
  readonly blocked: boolean;
  /** It existed once; kept apart from keys that never did, so that the refusal can say which. */
  readonly deleted?: boolean;
  /** Epoch milliseconds; `null`: never. */
  readonly expiresAtMs: number | null;
  readonly allowedRoutes: readonly string[];
}

export interface KeyCacheOptions {
  /** `undefined`: there is no such key. Rejects when the database cannot be asked. */
  load(hash: string): Promise<LoadedKey | undefined>;
  now(): number;
  /** How long an entry is used without asking again. */
  ttlMs(): number;
  readonly maxKeys?: number;
}

export interface KeyCache extends Omit<MemoryCache<LoadedKey>, 'invalidate'> {
  /** Forgets a key, under its old secrets too. Call it after a change is stored. */
  invalidate(hash: string): void;
}

const MAX_KEYS = 100_000;
/** How long an unknown digest is remembered, so that repeating it does not become database load. */
const UNKNOWN_TTL_MS = 5_000;

export function createKeyCache(options: KeyCacheOptions): KeyCache {
  const { ttlMs, now, maxKeys = MAX_KEYS } = options;
  /** Digest of a key → digests of its old secrets that are in memory. */
  const oldSecrets = new LRUCache<string, Set<string>>({ max: maxKeys });
  let changes = 0;

  /**
   * Only what was loaded tells which key an old secret belongs to. A change meanwhile may have been to that key and could
   * not know of this look-up, so it is made again; from then on `invalidate` finds it.
   */
  async function load(hash: string): Promise<LoadedKey | undefined> {
    for (;;) {
      const before = changes;
      const loaded = await options.load(hash);
      const token = loaded?.token ?? loaded?.caller.keyHash;
      if (token === undefined || token === hash) return loaded;
      const olds = oldSecrets.get(token) ?? new Set<string>();
      oldSecrets.set(token, olds.add(hash));
      if (changes === before) return loaded;
    }
  }

  const cache = createMemoryCache<LoadedKey>({
    load,
    now,
    ttlMs,
    max: maxKeys,
    unknownTtlMs: () => Math.min(UNKNOWN_TTL_MS, ttlMs()),
    graceForUnknown: false,
    subject: 'The key',
  });

  return {
    ...cache,
    invalidate(hash) {
      changes += 1;
      cache.invalidate(hash);
      for (const old of oldSecrets.get(hash) ?? []) cache.invalidate(old);
      oldSecrets.delete(hash);
    },
    invalidateAll() {
      changes += 1;
      cache.invalidateAll();
      oldSecrets.clear();
    },
  };
}
