/**
 * Runs heavy queries beside the event loop: SQLite answers in the thread that asks, so a report over millions of rows
 * would stop every request. A file is read by a worker with a connection of its own, which sees what was committed.
 */
import type { CompiledQuery } from 'kysely';
import { GatewayError } from '../errors.ts';
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

interface Job {
  readonly question: ReaderQuestion;
  resolve(rows: readonly unknown[]): void;
  reject(error: Error): void;
}

interface Settings {
  readonly path: string;
  readonly timeLimitMs: number;
  readonly maxWaiting: number;
}

class WorkerReader {
  readonly #settings: Settings;
  readonly #waiting: Job[] = [];
  #running: Job | undefined;
  #worker: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async run<Row>({ sql, parameters }: CompiledQuery<Row>): Promise<Row[]> {
    if (this.#closed) throw unavailable('The gateway is stopping');
    if (this.#waiting.length >= this.#settings.maxWaiting) throw unavailable('Too many reports are asked for at once');
    const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
    this.#waiting.push({ question: { path: this.#settings.path, sql, parameters }, resolve, reject });
    this.#next();
    // The rows of the query that was asked, which Kysely has typed.
    return (await promise) as Row[];
  }

  close(): void {
    this.#closed = true;
    const left = this.#running ? [this.#running, ...this.#waiting] : this.#waiting;
    this.#stop();
    for (const { reject } of left.splice(0)) reject(unavailable('The gateway is stopping'));
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const job = this.#waiting.shift();
    if (job === undefined) {
      // An idle worker must not keep the process alive.
      this.#worker?.unref();
      return;
    }
    this.#running = job;
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#timer = setTimeout(() => this.#fail(unavailable('The report took too long')), this.#settings.timeLimitMs);
    this.#worker.postMessage(job.question);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./reader-worker.ts', import.meta.url));
    worker.onmessage = ({ data }: MessageEvent<ReaderAnswer>) => {
      if (worker === this.#worker) this.#end(data);
    };
    worker.onerror = ({ message }: ErrorEvent) => {
      if (worker === this.#worker) this.#fail(new Error(`The reader of the database failed: ${message}`));
    };
    return worker;
  }

  #end(answer: ReaderAnswer): void {
    const job = this.#running;
    this.#running = undefined;
    clearTimeout(this.#timer);
    if ('rows' in answer) job?.resolve(answer.rows);
    else job?.reject(Object.assign(new Error(answer.message), { code: answer.code }));
    this.#next();
  }

  /** SQLite cannot be interrupted from outside its thread, so the thread goes with its query. */
  #fail(error: Error): void {
    const job = this.#running;
    this.#stop();
    job?.reject(error);
    this.#next();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#running = undefined;
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}

const unavailable = (message: string): GatewayError =>
  new GatewayError('unavailable', message, { code: 'report_unavailable', retryAfterMs: 1_000 });
