/** Keys in memory: a warm request never waits for the database, and a changed key is never seen in its old form again. */
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors.ts';
import type { Caller } from '../gateway/call.ts';

/** A key as it was loaded. Whether it may be used now is decided at each use. */
export interface LoadedKey {
  readonly caller: Caller;
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

export interface KeyCache {
  /** The key while it is fresh in memory, without waiting. `null`: known not to exist. `undefined`: ask `fetch`. */
  peek(hash: string): LoadedKey | null | undefined;
  /** @throws GatewayError `unavailable` when the database cannot be asked and the key is not known */
  fetch(hash: string): Promise<LoadedKey | null>;
  /** Forgets a key. Call it after a change is stored: a look-up under way is then repeated, so the old form is gone. */
  invalidate(hash: string): void;
}

interface Known {
  readonly key: LoadedKey;
  readonly loadedAtMs: number;
}

/** One look-up under way. A key that changes meanwhile makes it outdated: what it brings is then neither kept nor used. */
interface Load {
  outdated: boolean;
  result: Promise<LoadedKey | null>;
}

const MAX_KEYS = 100_000;
/** Unknown digests are kept apart from known ones, so that guessing pushes no key out of memory. */
const MAX_UNKNOWN = 10_000;
/** How long an unknown digest is remembered, so that repeating it does not become database load. */
const UNKNOWN_TTL_MS = 5_000;
/** While the database is down, keys seen before go on for this long past their time. */
const GRACE_MS = 60_000;

export function createKeyCache(options: KeyCacheOptions): KeyCache {
  const { now, ttlMs, maxKeys = MAX_KEYS } = options;
  const known = new LRUCache<string, Known>({ max: maxKeys });
  /** Digest → when it was looked for in vain. */
  const unknown = new LRUCache<string, number>({ max: MAX_UNKNOWN });
  const spends = new LRUCache<string, Caller['spend']>({ max: maxKeys });
  const loads = new Map<string, Load>();

  /** One counter a key for as long as it is remembered: calls that began before a reload still add to it. */
  function withSpend(hash: string, loaded: LoadedKey): LoadedKey {
    const spend = spends.get(hash) ?? loaded.caller.spend;
    spends.set(hash, spend);
    return { ...loaded, caller: { ...loaded.caller, spend } };
  }

  function remember(hash: string, loaded: LoadedKey | undefined): LoadedKey | null {
    if (loaded === undefined) {
      known.delete(hash);
      unknown.set(hash, now());
      return null;
    }
    const key = withSpend(hash, loaded);
    unknown.delete(hash);
    known.set(hash, { key, loadedAtMs: now() });
    return key;
  }

  /** The key as it was last seen, if that is not too long ago. An invalidated key is not there. */
  function duringOutage(hash: string, cause: unknown): LoadedKey {
    const last = known.get(hash);
    if (last !== undefined && now() - last.loadedAtMs < ttlMs() + GRACE_MS) return last.key;
    throw new GatewayError(
      'unavailable',
      'The key could not be checked because the database is unavailable. Try again shortly.',
      { code: 'no_db_connection', retryAfterMs: 1_000, cause },
    );
  }

  async function run(hash: string, load: Load): Promise<LoadedKey | null> {
    try {
      const loaded = await options.load(hash);
      return load.outdated ? fetch(hash) : remember(hash, loaded);
    } catch (cause) {
      return duringOutage(hash, cause);
    } finally {
      if (loads.get(hash) === load) loads.delete(hash);
    }
  }

  function fetch(hash: string): Promise<LoadedKey | null> {
    const running = loads.get(hash);
    if (running !== undefined) return running.result;
    const load: Load = { outdated: false, result: Promise.resolve(null) };
    loads.set(hash, load);
    load.result = run(hash, load);
    return load.result;
  }

  return {
    peek(hash) {
      const found = known.get(hash);
      if (found !== undefined) return now() - found.loadedAtMs < ttlMs() ? found.key : undefined;
      const soughtAtMs = unknown.get(hash);
      return soughtAtMs !== undefined && now() - soughtAtMs < Math.min(UNKNOWN_TTL_MS, ttlMs()) ? null : undefined;
    },
    fetch,
    invalidate(hash) {
      known.delete(hash);
      unknown.delete(hash);
      const running = loads.get(hash);
      if (running !== undefined) running.outdated = true;
      loads.delete(hash);
    },
  };
}
