/** The whole gateway inside the test's own process, in front of a fake upstream, over files of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../src/app/log.ts';
import { type App, startApp } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import { readEnv } from '../../src/config/env.ts';
import { loadConfig } from '../../src/config/load.ts';
import { openDatabase } from '../../src/db/client.ts';
import { directReader } from '../../src/db/reader.ts';
import type { LedgerRow } from '../../src/db/request-row.ts';
import { findLogs, type LogFilter } from '../../src/db/spend-logs.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { providerIds } from '../../src/providers/registry.ts';
import { until } from './until.ts';

export const MASTER_KEY = 'sk-master-of-the-app-tests';

interface Sections {
  readonly model_list: readonly object[];
  readonly [section: string]: unknown;
}

export interface AppPlace {
  readonly app: App;
  readonly url: string;
  /** Lines of the program's own log. */
  readonly logged: readonly string[];
  configOf(sections: Sections): Config;
  fetch(path: string, init?: RequestInit & { key?: string }): Promise<Response>;
  ask(
    body: object | string,
    init?: { key?: string; headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  /** A new virtual key's secret. */
  key(fields?: object): Promise<string>;
  /** What the management API says that a key has spent, in dollars. */
  spendOf(key: string): Promise<number>;
  /** Rows in the database, once `count` of them match. */
  rows(filter: LogFilter, count: number): Promise<readonly LedgerRow[]>;
  /** Ends the gateway, then says which requests a next start would find cut off. */
  stop(): Promise<{
    readonly rows: readonly LedgerRow[];
    readonly warnings: readonly string[];
    readonly openIntents: number;
  }>;
}

const ALL = { limit: 10_000, offset: 0 };

export async function startAppPlace(sections: Sections): Promise<AppPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-app-'));
  const databaseUrl = `sqlite:${join(folder, 'tollgate.db')}`;
  const dataDir = join(folder, 'data');
  const env = readEnv({});
  const logged: string[] = [];

  const file = join(folder, 'config.yaml');

  function configOf(given: Sections): Config {
    const written = {
      ...given,
      general_settings: { master_key: MASTER_KEY, database_url: databaseUrl, ...Object(given['general_settings']) },
      tollgate_settings: { data_dir: dataDir, ...Object(given['tollgate_settings']) },
    };
    writeFileSync(file, JSON.stringify(written));
    return loadConfig({ file, env, knownProviders: [...providerIds] });
  }

  const log = createLog({ level: 'info', human: false, write: (line) => logged.push(line) });
  const app = await startApp({
    config: configOf(sections),
    load: (layer) => loadConfig({ file, env, knownProviders: [...providerIds], layer }),
    env,
    host: '127.0.0.1',
    port: 0,
    version: '0.0.0-test',
    log,
  });

  const place: AppPlace = {
    app,
    url: app.listener.url,
    logged,
    configOf,
    fetch(path, { key = MASTER_KEY, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (key !== '') headers.set('authorization', `Bearer ${key}`);
      return fetch(`${app.listener.url}${path}`, { ...init, headers });
    },
    ask(body, { headers = {}, ...init } = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return place.fetch('/v1/chat/completions', {
        method: 'POST',
        body: text,
        headers: { 'content-type': 'application/json', ...headers },
        ...init,
      });
    },
    async key(fields = {}) {
      const made = await place.fetch('/key/generate', { method: 'POST', body: JSON.stringify(fields) });
      const { key } = (await made.json()) as { key?: string };
      if (key === undefined) throw new Error(`No key was made: ${made.status}`);
      return key;
    },
    async spendOf(key) {
      const answer = await place.fetch(`/key/info?key=${encodeURIComponent(key)}`);
      const { info } = (await answer.json()) as { info: { spend: number } };
      return info.spend;
    },
    async rows(filter, count) {
      const db = await openDatabase({ url: databaseUrl, readonly: true });
      try {
        return await until(
          () => findLogs(directReader(db), filter, ALL),
          ({ total }) => total >= count,
        ).then(({ rows }) => rows);
      } finally {
        await db.destroy();
      }
    },
    async stop() {
      await app.stop();
      const db = await openDatabase({ url: databaseUrl });
      const warnings: string[] = [];
      const ledger = await openLedger({ db, dataDir, now: Date.now, onWarning: (message) => warnings.push(message) });
      const openIntents = ledger.openIntents();
      const { rows } = await findLogs(directReader(db), {}, ALL);
      await ledger.close();
      await db.destroy();
      rmSync(folder, { recursive: true, force: true });
      return { rows, warnings, openIntents };
    },
  };
  return place;
}
