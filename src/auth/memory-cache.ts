/** What the database holds, in memory: a warm look-up never waits, and what was changed is never seen in its old form again. */
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors.ts';

export interface MemoryCacheOptions<Value> {
  /** `undefined`: there is no such thing. Rejects when the database cannot be asked. */
  load(id: string): Promise<Value | undefined>;
  now(): number;
  /** How long an entry is used without asking again. */
  ttlMs(): number;
  readonly max: number;
  /** How long it is remembered that there is no such thing. */
  unknownTtlMs(): number;
  /** Whether that, too, is taken for granted while the database is down. */
  readonly graceForUnknown: boolean;
  /** As it stands in "could not be checked": `The key`. */
  readonly subject: string;
  /** A reload brought something, or nothing where there was something. */
  onReload?(before: Value | null, after: Value | null): void;
}

export interface MemoryCache<Value> {
  /** The thing while it is fresh in memory, without waiting. `null`: known not to exist. `undefined`: ask `fetch`. */
  peek(id: string): Value | null | undefined;
  /** @throws GatewayError `unavailable` when the database cannot be asked and the thing is not known */
  fetch(id: string): Promise<Value | null>;
  /** Forgets a thing. Call it after a change is stored: a look-up under way is then repeated, so the old form is gone. */
  invalidate(id: string): void;
  invalidateAll(): void;
}

interface Known<Value> {
  readonly value: Value;
  readonly loadedAtMs: number;
}

/** One look-up under way. A thing that changes meanwhile makes it outdated: what it brings is then neither kept nor used. */
interface Load<Value> {
  outdated: boolean;
  result: Promise<Value | null>;
}

/** What does not exist is kept apart from what does, so that guessing pushes nothing out of memory. */
const MAX_UNKNOWN = 10_000;
/** While the database is down, things seen before go on for this long past their time. */
const GRACE_MS = 60_000;

export function createMemoryCache<Value extends object>(options: MemoryCacheOptions<Value>): MemoryCache<Value> {
  const { now, ttlMs, unknownTtlMs, max } = options;
  const known = new LRUCache<string, Known<Value>>({ max });
  /** Id → when it was looked for in vain. */
  const unknown = new LRUCache<string, number>({ max: MAX_UNKNOWN });
  const loads = new Map<string, Load<Value>>();

  function remember(id: string, loaded: Value | undefined): Value | null {
    tellReload(id, loaded ?? null);
    if (loaded === undefined) {
      known.delete(id);
      unknown.set(id, now());
      return null;
    }
    unknown.delete(id);
    known.set(id, { value: loaded, loadedAtMs: now() });
    return loaded;
  }

  function tellReload(id: string, after: Value | null): void {
    const before = known.peek(id)?.value ?? (unknown.has(id) ? null : undefined);
    if (before !== undefined) options.onReload?.(before, after);
  }

  /** The thing as it was last seen, if that is not too long ago. What was invalidated is not there. */
  function duringOutage(id: string, cause: unknown): Value | null {
    const last = known.get(id);
    if (last !== undefined && now() - last.loadedAtMs < ttlMs() + GRACE_MS) return last.value;
    const soughtAtMs = options.graceForUnknown ? unknown.get(id) : undefined;
    if (soughtAtMs !== undefined && now() - soughtAtMs < unknownTtlMs() + GRACE_MS) return null;
    throw new GatewayError(
      'unavailable',
      `${options.subject} could not be checked because the database is unavailable. Try again shortly.`,
      { code: 'no_db_connection', retryAfterMs: 1_000, cause },
    );
  }

  async function run(id: string, load: Load<Value>): Promise<Value | null> {
    try {
      const loaded = await options.load(id);
      return load.outdated ? fetch(id) : remember(id, loaded);
    } catch (cause) {
      return duringOutage(id, cause);
    } finally {
      if (loads.get(id) === load) loads.delete(id);
    }
  }

  function fetch(id: string): Promise<Value | null> {
    const running = loads.get(id);
    if (running !== undefined) return running.result;
    const load: Load<Value> = { outdated: false, result: Promise.resolve(null) };
    loads.set(id, load);
    load.result = run(id, load);
    return load.result;
  }

  return {
    peek(id) {
      const found = known.get(id);
      if (found !== undefined) return now() - found.loadedAtMs < ttlMs() ? found.value : undefined;
      const soughtAtMs = unknown.get(id);
      return soughtAtMs !== undefined && now() - soughtAtMs < unknownTtlMs() ? null : undefined;
    },
    fetch,
    invalidate(id) {
      known.delete(id);
      unknown.delete(id);
      const running = loads.get(id);
      if (running !== undefined) running.outdated = true;
      loads.delete(id);
    },
    invalidateAll() {
      known.clear();
      unknown.clear();
      for (const running of loads.values()) running.outdated = true;
      loads.clear();
    },
  };
}
