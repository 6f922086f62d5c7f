/**
 * Runs heavy queries beside the event loop: SQLite answers in the thread that asks, so a report over millions of rows
 * would stop every request. A file is read by a worker with a connection of its own, which sees what was committed.
 */
import type { CompiledQuery } from 'kysely';
import { GatewayError } from '../errors.ts';
import { SideThread, type ThreadFault } from '../lib/side-thread.ts';
import { type Database, sqlitePath } from './client.ts';
import type { ReaderAnswer, ReaderQuestion } from './reader-worker.ts';
import { readingDatabase } from './reading-database.ts';

export interface Reader {
  /** For building queries, and for quick look-ups. */
  readonly db: Database;
  /** The same for lists that may be long, through a thread of their own, so that no report makes a page of keys wait. */
  readonly lists: Database;
  /**
   * The query's rows. Queries run one after another.
   * @throws GatewayError `unavailable` when too many wait already, or when it runs for too long
   */
  run<Row>(query: CompiledQuery<Row>): Promise<Row[]>;
  /** Queries that are still waiting are refused. The database itself stays open. */
  close(): void;
}

export interface ReaderOptions {
  readonly db: Database;
  /** The database's own URL. A database in memory has no second connection: its queries run on `db`. */
  readonly url: string;
  readonly timeLimitMs?: number;
  readonly maxWaiting?: number;
}

const TIME_LIMIT_MS = 30_000;
const MAX_WAITING = 50;

export function openReader({ db, url, timeLimitMs = TIME_LIMIT_MS, maxWaiting = MAX_WAITING }: ReaderOptions): Reader {
  const path = sqlitePath(url);
  if (path === ':memory:') return directReader(db);
  const settings = { path, timeLimitMs, maxWaiting };
  const [reports, lists] = [new WorkerReader(settings), new WorkerReader(settings)];
  return {
    db,
    lists: readingDatabase((query) => lists.run(query)),
    run: (query) => reports.run(query),
    close: () => {
      for (const one of [reports, lists]) one.close();
    },
  };
}

/** Runs everything on the connection itself: for databases in memory. */
export function directReader(db: Database): Reader {
  return {
    db,
    lists: db,
    run: async <Row>(query: CompiledQuery<Row>) => (await db.executeQuery<Row>(query)).rows,
    close: () => undefined,
  };
}

interface Settings {
  readonly path: string;
  readonly timeLimitMs: number;
  readonly maxWaiting: number;
}

const FAULTS: Readonly<Record<Exclude<ThreadFault, 'broken'>, string>> = {
  closed: 'The gateway is stopping',
  'too many wait': 'Too many reports are asked for at once',
  'too slow': 'The report took too long',
};

class WorkerReader {
  readonly #path: string;
  readonly #thread: SideThread<ReaderQuestion, ReaderAnswer>;

  constructor({ path, ...limits }: Settings) {
    this.#path = path;
    this.#thread = new SideThread({
      ...limits,
      start: () => new Worker(new URL('./reader-worker.ts', import.meta.url)),
      errorOf,
    });
  }

  async run<Row>({ sql, parameters }: CompiledQuery<Row>): Promise<Row[]> {
    const answer = await this.#thread.ask({ path: this.#path, sql, parameters });
    // The rows of the query that was asked, which Kysely has typed.
    if ('rows' in answer) return answer.rows as Row[];
    throw Object.assign(new Error(answer.message), { code: answer.code });
  }

  close(): void {
    this.#thread.close();
  }
}

function errorOf(fault: ThreadFault, message: string): Error {
  if (fault === 'broken') return new Error(`The reader of the database failed: ${message}`);
  return new GatewayError('unavailable', FAULTS[fault], { code: 'report_unavailable', retryAfterMs: 1_000 });
}
