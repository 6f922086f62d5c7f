/** A database in memory and a data folder that last for one test, and ledgers over them. */
import { afterEach, beforeEach } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { ROW_STATUSES } from '../../src/db/request-codec.ts';
import { type Ledger, type LedgerOptions, openLedger } from '../../src/ledger/ledger.ts';

class LedgerPlace {
  #db: Database | undefined;
  #ledgers: Ledger[] = [];
  dataDir = '';
  warnings: string[] = [];

  get db(): Database {
    if (this.#db === undefined) throw new Error('Only within a test');
    return this.#db;
  }

  async start(): Promise<void> {
    this.#db = await openDatabase({ url: 'sqlite::memory:' });
    this.dataDir = mkdtempSync(join(tmpdir(), 'tollgate-ledger-'));
    this.warnings = [];
  }

  async end(): Promise<void> {
    await this.closeAll();
    await this.db.destroy();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Opening a second one is the next process, while the first is as good as dead. */
  async open(over: Partial<LedgerOptions> = {}): Promise<Ledger> {
    const { db, dataDir, warnings } = this;
    const ledger = await openLedger({
      db,
      dataDir,
      now: () => 0,
      onWarning: (message) => warnings.push(message),
      writeEveryMs: 1,
      maxBackoffMs: 5,
      ...over,
    });
    this.#ledgers.push(ledger);
    return ledger;
  }

  /** A ledger whose rows never leave the journal by themselves, as if the process died before they could. */
  openDying(): Promise<Ledger> {
    return this.open({ writeEveryMs: 60_000, maxBackoffMs: 60_000 });
  }

  async closeAll(): Promise<void> {
    for (const ledger of this.#ledgers.splice(0)) await ledger.close();
  }

  /** Status by id of every row in the database. */
  async stored(): Promise<Record<string, string | undefined>> {
    const rows = await this.db.selectFrom('requests').select(['id', 'status']).orderBy('id').execute();
    return Object.fromEntries(rows.map(({ id, status }) => [id, ROW_STATUSES[status]]));
  }

  segments(): string[] {
    return readdirSync(join(this.dataDir, 'journal')).filter((name) => name.endsWith('.log'));
  }

  async breakDatabase(): Promise<void> {
    await sql`alter table requests rename to requests_away`.execute(this.db);
  }

  /** The database is full after so many more pages of 4,096 bytes; without a number never. */
  async limitPages(more?: number): Promise<void> {
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(this.db);
    const most = more === undefined ? 1_000_000 : (rows[0]?.page_count ?? 0) + more;
    await sql`pragma max_page_count = ${sql.lit(most)}`.execute(this.db);
  }

  async mendDatabase(): Promise<void> {
    await sql`alter table requests_away rename to requests`.execute(this.db);
  }
}

/** Call it at the top of a test file. */
export function ledgerPlace(): LedgerPlace {
  const place = new LedgerPlace();
  beforeEach(() => place.start());
  afterEach(() => place.end());
  return place;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
