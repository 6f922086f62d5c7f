/** The management API over a database in memory and a real ledger, for one test each. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdminApp, createAdminApp } from '../../src/admin/app.ts';
import { type AdminSettings, ANY_KEYS } from '../../src/admin/context.ts';
import type { LiveModels } from '../../src/app/live-models.ts';
import { createPrices } from '../../src/app/prices.ts';
import type { LiveSettings } from '../../src/app/run-time-settings.ts';
import { createActing } from '../../src/auth/acting.ts';
import { type Authenticate, createAuthenticator } from '../../src/auth/authenticate.ts';
import { digest } from '../../src/auth/digest.ts';
import { createDirectory } from '../../src/auth/directory.ts';
import { createKeyCache } from '../../src/auth/key-cache.ts';
import { loadKey } from '../../src/auth/loaded-key.ts';
import { createPrincipals } from '../../src/auth/principal.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { directReader } from '../../src/db/reader.ts';
import { createCards } from '../../src/features/meter.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { loadCatalog } from '../../src/pricing/catalog.ts';
import { sampleCaller } from './callers.ts';
import { SetHealth } from './health-watch.ts';
import { liveModels } from './live-models.ts';
import { previewOver } from './request-preview.ts';

export const MASTER_KEY = 'sk-master-of-the-admin-tests';
export const NOW_MS = Date.UTC(2026, 0, 31, 12);

const SETTINGS: AdminSettings = {
  timeZone: 'UTC',
  endUserBudgetId: null,
  globalBudget: null,
  providerBudgets: {},
  keys: ANY_KEYS,
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // What a management route answers is what a test is about: it says itself what it expects.
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  readonly body: any;
}

class AdminPlace {
  #parts: { db: Database; ledger: Ledger; dataDir: string } | undefined;
  #app: AdminApp | undefined;
  #live: LiveModels | undefined;
  #preview: ReturnType<typeof previewOver> | undefined;
  #settings: LiveSettings | undefined;
  /** Of the next start: sections of the configuration file. */
  configuration: object = {};
  environment: Readonly<Record<string, string>> = {};
  /** Warnings of the program's own log. */
  readonly logged: string[] = [];
  authenticate: Authenticate = () => sampleCaller();
  nowMs = NOW_MS;
  health = new SetHealth();
  settings: AdminSettings = SETTINGS;
  /** Queries for a key's row: none of them on a warm path. */
  keyQueries = 0;

  get db(): Database {
    return this.#within().db;
  }

  get ledger(): Ledger {
    return this.#within().ledger;
  }

  #within(): { db: Database; ledger: Ledger; dataDir: string } {
    if (this.#parts === undefined) throw new Error('Only within a test');
    return this.#parts;
  }

  async start(): Promise<void> {
    this.nowMs = NOW_MS;
    this.health = new SetHealth();
    this.settings = SETTINGS;
    this.keyQueries = 0;
    const now = () => this.nowMs;
    const db = await openDatabase({ url: 'sqlite::memory:' });
    const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-admin-'));
    const ledger = await openLedger({ db, dataDir, now, onWarning: () => {}, writeEveryMs: 60_000 });
    this.#parts = { db, ledger, dataDir };
    const keys = createKeyCache({
      now,
      ttlMs: () => 60_000,
      load: async (hash) => {
        this.keyQueries += 1;
        return await loadKey(db, hash);
      },
    });
    const master = sampleCaller({ kind: 'master', keyHash: digest(MASTER_KEY), userId: 'default_user_id' });
    const directory = createDirectory({
      db,
      now,
      ttlMs: () => 60_000,
      defaultEndUserBudgetId: () => this.settings.endUserBudgetId,
    });
    const acting = createActing(directory);
    this.authenticate = createAuthenticator({ keys, master, acting, now, options: () => ({}) });
    const { live, registry, settings } = await liveModels(db, {
      sections: this.configuration,
      environment: this.environment,
      warn: (line) => this.logged.push(line),
    });
    this.#live = live;
    this.#preview = previewOver({ live, ledger, now });
    this.#settings = settings;
    const catalog = loadCatalog();
    let made = 0;
    const randomBytes = () => new Uint8Array(32).fill(++made);
    this.#app = createAdminApp({
      db,
      reader: directReader(db),
      prices: createPrices({ catalog, rateCard: createCards(() => catalog).rateCard, runtime: () => live.runtime }),
      keys,
      ledger,
      authenticate: this.authenticate,
      principal: createPrincipals(db),
      directory,
      models: registry,
      health: this.health,
      preview: this.#preview,
      runTimeSettings: settings,
      settings: () => this.settings,
      now,
      randomBytes,
      version: '0.0.0',
    });
  }

  /** What is served. */
  get live(): LiveModels {
    if (this.#live === undefined) throw new Error('Only within a test');
    return this.#live;
  }

  /** Those made at run time. */
  get runTimeSettings(): LiveSettings {
    if (this.#settings === undefined) throw new Error('Only within a test');
    return this.#settings;
  }

  async end(): Promise<void> {
    const { db, ledger, dataDir } = this.#within();
    this.#preview?.close();
    await ledger.close();
    await db.destroy();
    rmSync(dataDir, { recursive: true, force: true });
  }

  async get(path: string, key: string | null = MASTER_KEY): Promise<Answer> {
    return await this.request(path, {}, key);
  }

  /** A text goes as it is. */
  async post(path: string, body: unknown, key: string | null = MASTER_KEY): Promise<Answer> {
    const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    return await this.request(path, { method: 'POST', body: text }, key);
  }

  async request(path: string, init: RequestInit, key: string | null = MASTER_KEY): Promise<Answer> {
    if (this.#app === undefined) throw new Error('Only within a test');
    const headers = new Headers(init.headers);
    if (key !== null) headers.set('authorization', `Bearer ${key}`);
    const response = await this.#app.fetch(new Request(`http://gateway${path}`, { ...init, headers }));
    const text = await response.text();
    const isTable = response.headers.get('content-type')?.startsWith('text/csv') === true;
    const body = isTable ? text : text === '' ? null : JSON.parse(text);
    return { status: response.status, headers: response.headers, body };
  }

  /** A new key's secret. */
  async key(fields: object = {}): Promise<string> {
    const { status, body } = await this.post('/key/generate', fields);
    if (status !== 200) throw new Error(`No key was made: ${JSON.stringify(body)}`);
    return String(body.key);
  }
}

/** One for all tests of a `describe`, in their order. */
export function sharedAdminPlace(wanted: {
  readonly configuration?: object | undefined;
  readonly settings?: Partial<AdminSettings> | undefined;
}): AdminPlace {
  const place = new AdminPlace();
  place.configuration = wanted.configuration ?? {};
  beforeAll(async () => {
    await place.start();
    place.settings = { ...SETTINGS, ...wanted.settings };
  });
  afterAll(() => place.end());
  return place;
}

/** Call it at the top of a test file. */
export function adminPlace(): AdminPlace {
  const place = new AdminPlace();
  beforeEach(() => place.start());
  afterEach(() => place.end());
  return place;
}
