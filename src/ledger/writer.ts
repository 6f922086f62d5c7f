/**
 * Moves recorded rows to the database, oldest first. Rows come from memory; when too many wait there (the database is
 * down or slow) the rest stay in the journal alone and are read back from it later. Nothing here can lose a row.
 */
import type { Database } from '../db/client.ts';
import type { LedgerRow } from '../db/request-row.ts';
import { insertRequests, isFaultOfRow, MAX_ROWS_PER_TRANSACTION } from '../db/requests.ts';
import { nextTurn } from '../lib/next-turn.ts';
import { reasonOf } from '../lib/reason.ts';
import type { Journal, JournalLine, Position } from './journal.ts';

export interface WriterOptions {
  readonly db: Database;
  readonly journal: Journal;
  /** Rows in these journal lines, other kinds left out. */
  readonly rowsOf: (lines: readonly JournalLine[]) => LedgerRow[];
  readonly onWarning: (message: string) => void;
  /** A row that the database will never take. */
  readonly onRejected: (row: LedgerRow) => void;
  /** After rows have reached the database. */
  readonly onProgress: () => Promise<void>;
  readonly now: () => number;
  /** Left over from before: where the journal begins and how many rows it has. */
  readonly backlog: { readonly from: Position; readonly rows: number } | undefined;
  readonly maxRowsInMemory?: number;
  readonly everyMs?: number;
  readonly maxBackoffMs?: number;
}

interface Waiting {
  readonly row: LedgerRow;
  readonly at: Position;
}

interface Waiter {
  readonly target: number;
  resolve(): void;
  reject(error: Error): void;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #everyMs: number;
  readonly #queue: Waiting[] = [];
  /** From here on rows are only in the journal. */
  #journalFrom: Position | undefined;
  #recorded: number;
  #written = 0;
  /** Rows behind `#journalFrom` that are in the database, although the ones read with them are not. */
  #writtenAhead = 0;
  /** Between the start of a transaction and its success: the database may hold rows that are not counted as written. */
  #unsure = false;
  #waiters: Waiter[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<boolean> | undefined;
  #failures = 0;
  #failingSinceMs = 0;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? 200;
    this.#journalFrom = options.backlog?.from;
    this.#recorded = options.backlog?.rows ?? 0;
  }

  /** `at`: where the row stands in the journal. */
  add(row: LedgerRow, at: Position): void {
    this.#recorded += 1;
    if (this.#journalFrom === undefined) {
      if (this.#queue.length < (this.#options.maxRowsInMemory ?? 10_000)) this.#queue.push({ row, at });
      else this.#journalFrom = at;
    }
    this.#schedule();
  }

  /** Rows recorded so far, those among them that earlier processes left. */
  recorded(): number {
    return this.#recorded;
  }

  /** Of them the ones in the database: always the first so many. */
  written(): number {
    return this.#written;
  }

  /** Rows may be in the database that `written` does not count: some are being written, or that has just failed. */
  isUnsure(): boolean {
    return this.#unsure;
  }

  /** Rows recorded and not yet in the database. */
  pending(): number {
    return this.#recorded - this.#written;
  }

  /** Oldest segment with a row that is not in the database yet; `undefined` when all are. */
  oldestSegment(): number | undefined {
    return this.#queue[0]?.at.segment ?? this.#journalFrom?.segment;
  }

  /** Resolves when every row added so far is in the database, which may be long after when it is down. */
  async flush(): Promise<void> {
    if (this.pending() === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.push({ target: this.#recorded, resolve, reject });
    void this.drain();
    await promise;
  }

  /** One attempt at all that waits. Resolves to whether it succeeded; a failure has been warned of. */
  drain(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined;
      if (this.pending() > 0) this.#schedule();
    });
    return this.#running;
  }

  /** Whether the database took nothing the last time. */
  isFailing(): boolean {
    return this.#failures > 0;
  }

  /** A last attempt, then no more. */
  async close(): Promise<void> {
    await this.#running;
    if (this.pending() > 0) await this.drain();
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiters) reject(new Error('Closed with rows left in the journal'));
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#running !== undefined) return;
    const backoffMs = Math.min(this.#options.maxBackoffMs ?? 10_000, this.#everyMs * 2 ** this.#failures);
    this.#timer = setTimeout(() => void this.drain(), backoffMs);
  }

  async #attempt(): Promise<boolean> {
    try {
      await this.#writeAll();
    } catch (error) {
      this.#noteFailure(error);
      return false;
    }
    await this.#options.onProgress();
    return true;
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      if (this.#queue.length > 0) await this.#writeFromMemory();
      else if (this.#journalFrom !== undefined) await this.#writeFromJournal(this.#journalFrom);
      else return;
      await nextTurn();
    }
  }

  async #writeFromMemory(): Promise<void> {
    const rows = this.#queue.slice(0, MAX_ROWS_PER_TRANSACTION).map(({ row }) => row);
    await this.#insert(rows);
    this.#queue.splice(0, rows.length);
  }

  async #writeFromJournal(from: Position): Promise<void> {
    const { journal, rowsOf } = this.#options;
    const { lines, next } = await journal.read(from);
    const rows = rowsOf(lines);
    while (this.#writtenAhead < rows.length) {
      const batch = rows.slice(this.#writtenAhead, this.#writtenAhead + MAX_ROWS_PER_TRANSACTION);
      await this.#insert(batch);
      this.#writtenAhead += batch.length;
    }
    this.#writtenAhead = 0;
    const end = journal.end();
    // Compared in the same turn as it is set: a row added meanwhile has moved the end and is read next time round.
    const hasCaughtUp = next.segment === end.segment && next.offset === end.offset;
    this.#journalFrom = hasCaughtUp ? undefined : next;
    // A damaged line was counted when it was recorded and cannot be read back; once caught up, nothing waits.
    if (hasCaughtUp) this.#noteWritten(this.pending());
  }

  async #insert(rows: readonly LedgerRow[]): Promise<void> {
    this.#unsure = true;
    await this.#insertAll(rows);
    this.#unsure = false;
    this.#noteWritten(rows.length);
  }

  async #insertAll(rows: readonly LedgerRow[]): Promise<void> {
    try {
      await insertRequests(this.#options.db, rows);
    } catch (error) {
      if (!isFaultOfRow(error)) throw error;
      for (const row of rows) await this.#insertOrReject(row);
    }
  }

  /** One row that the database will never take must not hold up all others. */
  async #insertOrReject(row: LedgerRow): Promise<void> {
    try {
      await insertRequests(this.#options.db, [row]);
    } catch (error) {
      if (!isFaultOfRow(error)) throw error;
      this.#options.onRejected(row);
      this.#options.onWarning(
        `Request row ${row.id} cannot be stored (${reasonOf(error)}): set aside in rejected.jsonl`,
      );
    }
  }

  #noteWritten(rows: number): void {
    this.#written += rows;
    if (this.#failures > 0) {
      this.#failures = 0;
      const seconds = Math.round((this.#options.now() - this.#failingSinceMs) / 1_000);
      this.#options.onWarning(`The database takes request rows again, after ${seconds} s`);
    }
    for (const waiter of this.#waiters) if (waiter.target <= this.#written) waiter.resolve();
    this.#waiters = this.#waiters.filter(({ target }) => target > this.#written);
  }

  #noteFailure(error: unknown): void {
    if (this.#failures === 0) {
      this.#failingSinceMs = this.#options.now();
      this.#options.onWarning(`The database takes no request rows (${reasonOf(error)}). They wait in the journal`);
    }
    this.#failures += 1;
  }
}
