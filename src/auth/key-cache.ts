/** Keys in memory: a warm request never waits for the database, and a changed key is never seen in its old form again. */
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';

/** A key as it was loaded. Whether it may be used now is decided at each use. */
export interface LoadedKey {
  readonly caller: Caller;
  readonly blocked: boolean;
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

export interface KeyCache {
  /** The key while it is fresh in memory, without waiting. `null`: known not to exist. `undefined`: ask `fetch`. */
  peek(hash: string): LoadedKey | null | undefined;
  /** @throws GatewayError `unavailable` when the database cannot be asked and the key is not known */
  fetch(hash: string): Promise<LoadedKey | null>;
  /** Forgets a key; a load that is under way will not bring the old form back. */
  invalidate(hash: string): void;
}

interface Entry {
  readonly key: LoadedKey | null;
  readonly loadedAtMs: number;
}

const MAX_KEYS = 100_000;
/** Unknown digests are remembered for a moment, so that guessing does not become database load. */
const UNKNOWN_TTL_MS = 5_000;
/** While the database is down, keys seen before go on for this long past their time. */
const GRACE_MS = 60_000;

export function createKeyCache(options: KeyCacheOptions): KeyCache {
  const entries = new LRUCache<string, Entry>({ max: options.maxKeys ?? MAX_KEYS });
  const spends = new LRUCache<string, Caller['spend']>({ max: options.maxKeys ?? MAX_KEYS });
  const loading = new Map<string, Promise<LoadedKey | null>>();
  /** Counts invalidations: a load that began before one may not store what it read. */
  let version = 0;

  function isFresh(entry: Entry): boolean {
    const ttlMs = entry.key === null ? Math.min(UNKNOWN_TTL_MS, options.ttlMs()) : options.ttlMs();
    return options.now() - entry.loadedAtMs < ttlMs;
  }

  /** One counter a key for as long as it is remembered: calls that began before a reload still add to it. */
  function spendOf(hash: string, loaded: Caller['spend']): Caller['spend'] {
    const known = spends.get(hash) ?? loaded;
    spends.set(hash, known);
    return known;
  }

  async function load(hash: string): Promise<LoadedKey | null> {
    const begunAt = version;
    try {
      const loaded = (await options.load(hash)) ?? null;
      const key = loaded && { ...loaded, caller: { ...loaded.caller, spend: spendOf(hash, loaded.caller.spend) } };
      if (version === begunAt) entries.set(hash, { key, loadedAtMs: options.now() });
      return key;
    } catch (cause) {
      const known = entries.get(hash);
      if (known?.key && options.now() - known.loadedAtMs < options.ttlMs() + GRACE_MS) return known.key;
      throw new GatewayError(
        'unavailable',
        'The key could not be checked because the database is unavailable. Try again shortly.',
        {
          code: 'no_db_connection',
          retryAfterMs: 1_000,
          cause,
        },
      );
    }
  }

  return {
    peek(hash) {
      const entry = entries.get(hash);
      return entry && isFresh(entry) ? entry.key : undefined;
    },
    fetch(hash) {
      const running = loading.get(hash);
      if (running !== undefined) return running;
      const started = load(hash).finally(() => {
        if (loading.get(hash) === started) loading.delete(hash);
      });
      loading.set(hash, started);
      return started;
    },
    invalidate(hash) {
      version += 1;
      entries.delete(hash);
      loading.delete(hash);
    },
  };
}
