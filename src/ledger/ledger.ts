/** The ledger: each request leaves exactly one row, whatever dies. Intent before the upstream, outcome before the last byte. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, makeDurable } from '../db/client.ts';
import { forgetCounted } from '../db/counted-requests.ts';
import { withCosts } from '../db/request-codec.ts';
import type { LedgerRow } from '../db/request-row.ts';
import { GatewayError } from '../errors.ts';
import { crashedRow, decodeIntent, encodeIntent, type Intent } from './intent.ts';
import { type Journal, openJournal, type Position } from './journal.ts';
import type { JournalDisk } from './journal-disk.ts';
import { Writer } from './writer.ts';

export type { Intent };

/** What the request path needs of the ledger. `intend` and `record` are synchronous and write before they return. */
export interface Ledger {
  /** Throws GatewayError `unavailable` when the line could not be written or the journal is full. */
  intend(intent: Intent): void;
  /** Throws when the line could not be written (disk full): the request must then fail, not go unlogged. */
  record(row: LedgerRow): void;
  /** Resolves when everything recorded so far is in the database. */
  flush(): Promise<void>;
  /** Rows recorded and not yet in the database. */
  pending(): number;
  /** Rows recorded so far, those that earlier processes left among them. */
  recordedRows(): number;
  /** Of them the ones in the database: always the first so many. `undefined` while that is changing. */
  storedRows(): number | undefined;
  /** Requests that have begun and not ended. */
  openIntents(): number;
  /** Asks the journal again while it refuses lines, so that the answer is never an old one. */
  state(): LedgerState;
  /** Tries once more to move everything to the database; what cannot be moved waits in the journal for the next start. */
  close(): Promise<void>;
}

/** `waiting`: the database takes no rows, they wait in the journal. `refusing`: the journal takes none either, nor requests. */
export type LedgerState = 'storing' | 'waiting' | 'refusing';

export interface LedgerOptions {
  readonly db: Database;
  /** The journal is its folder `journal`. One process at a time, which the lock on the folder sees to. */
  readonly dataDir: string;
  readonly now: () => number;
  readonly onWarning: (message: string) => void;
  /** New requests are refused while the journal is larger (the database has been down for long). */
  readonly maxJournalBytes?: number;
  readonly segmentBytes?: number;
  readonly maxRowsInMemory?: number;
  readonly writeEveryMs?: number;
  readonly maxBackoffMs?: number;
  readonly disk?: JournalDisk;
}

const INTENT = 'i';
const ROW = 'r';
/** A line that nobody reads: whether there is room again. */
const PROBE = 'p';
/** What is counted without a row is remembered so long at least, for totals of the last minutes. */
const COUNTED_KEPT_MS = 3_600_000;
/** Between a request's end and its line. */
const SLACK_MS = 60_000;
const DEFAULT_MAX_JOURNAL_BYTES = 1024 ** 3;

/** Opens the journal and brings what an earlier process left into the database, if the database takes it. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const journal = openJournal({
    directory: join(options.dataDir, 'journal'),
    onWarning: options.onWarning,
    ...(options.segmentBytes !== undefined && { segmentBytes: options.segmentBytes }),
    ...(options.disk !== undefined && { disk: options.disk }),
  });
  const backlog = await readBacklog(journal);
  const ledger = new JournalLedger(options, journal, backlog);
  await ledger.recover();
  return ledger;
}

interface Backlog {
  readonly from: Position;
  readonly rows: number;
  /** Intents without a row, and the segment that holds the newest copy of each. */
  readonly open: Map<string, { readonly intent: Intent; readonly segment: number }>;
}

/** Reads every line that earlier processes wrote. */
async function readBacklog(journal: Journal): Promise<Backlog> {
  const from = { segment: journal.firstSegment(), offset: 0 };
  const open: Backlog['open'] = new Map();
  let rows = 0;
  for (let at: Position = from; at.segment < journal.end().segment; ) {
    const { lines, next } = await journal.read(at);
    for (const { kind, json, segment } of lines) {
      if (kind === INTENT) {
        const intent = decodeIntent(json);
        open.set(intent.id, { intent, segment });
      } else if (kind === ROW) {
        open.delete(parseRow(json).id);
        rows += 1;
      }
    }
    at = next;
  }
  return { from, rows, open };
}

class JournalLedger implements Ledger {
  readonly #options: LedgerOptions;
  readonly #journal: Journal;
  readonly #writer: Writer;
  readonly #open: Backlog['open'];
  /** When each segment of this process was begun. */
  readonly #begunMs = new Map<number, number>();
  /** Whether the last line was refused. */
  #refusing = false;

  constructor(options: LedgerOptions, journal: Journal, backlog: Backlog) {
    this.#options = options;
    this.#journal = journal;
    this.#open = backlog.open;
    this.#begunMs.set(journal.end().segment, options.now());
    this.#writer = new Writer({
      db: options.db,
      journal,
      onWarning: options.onWarning,
      now: options.now,
      rowsOf: (lines) => lines.filter(({ kind }) => kind === ROW).map(({ json }) => parseRow(json)),
      onRejected: (row) =>
        appendFileSync(join(options.dataDir, 'journal', 'rejected.jsonl'), `${JSON.stringify(row)}\n`),
      onProgress: () => this.#removeFinishedSegments(),
      backlog: backlog.rows > 0 || backlog.open.size > 0 ? backlog : undefined,
      ...(options.maxRowsInMemory !== undefined && { maxRowsInMemory: options.maxRowsInMemory }),
      ...(options.writeEveryMs !== undefined && { everyMs: options.writeEveryMs }),
      ...(options.maxBackoffMs !== undefined && { maxBackoffMs: options.maxBackoffMs }),
    });
  }

  /** Whoever wrote the intents that are open now is dead: this process has written nothing yet. */
  async recover(): Promise<void> {
    const cutOff = [...this.#open.values()];
    if (cutOff.length > 0) {
      this.#options.onWarning(`${cutOff.length} request(s) were cut off when the last process died`);
    }
    for (const { intent } of cutOff) this.record(crashedRow(intent));
    await this.#writer.drain();
  }

  intend(intent: Intent): void {
    if (this.#isFull()) {
      throw new GatewayError('unavailable', 'The request ledger is full', { code: 'ledger_unavailable' });
    }
    this.#writeIntent(intent);
  }

  record(row: LedgerRow): void {
    const at = this.#append(ROW, JSON.stringify(row));
    this.#open.delete(row.id);
    this.#writer.add(row, at);
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  pending(): number {
    return this.#writer.pending();
  }

  recordedRows(): number {
    return this.#writer.recorded();
  }

  storedRows(): number | undefined {
    return this.#writer.isUnsure() ? undefined : this.#writer.written();
  }

  openIntents(): number {
    return this.#open.size;
  }

  state(): LedgerState {
    if (this.#refusing) this.#probe();
    if (this.#refusing || this.#isFull()) return 'refusing';
    return this.#writer.isFailing() ? 'waiting' : 'storing';
  }

  #probe(): void {
    try {
      this.#append(PROBE, '{}');
    } catch {
      // Still refusing.
    }
  }

  #append(kind: string, json: string): Position {
    this.#refusing = true;
    const at = this.#journal.append(kind, json);
    this.#refusing = false;
    if (!this.#begunMs.has(at.segment)) this.#begunMs.set(at.segment, this.#options.now());
    return at;
  }

  #isFull(): boolean {
    return this.#journal.sizeBytes() > (this.#options.maxJournalBytes ?? DEFAULT_MAX_JOURNAL_BYTES);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#journal.close();
  }

  #writeIntent(intent: Intent): void {
    const { segment } = this.#append(INTENT, encodeIntent(intent));
    this.#open.set(intent.id, { intent, segment });
  }

  /** Deletes the segments whose rows are all in the database, after copying the intents that are still open. */
  async #removeFinishedSegments(): Promise<void> {
    const keepFrom = this.#writer.oldestSegment() ?? this.#journal.end().segment;
    if (this.#journal.firstSegment() >= keepFrom) return;
    try {
      for (const { intent, segment } of this.#open.values()) if (segment < keepFrom) this.#writeIntent(intent);
      await this.#journal.sync();
      await makeDurable(this.#options.db);
      this.#journal.removeBefore(keepFrom);
      await this.#forgetCounted(keepFrom);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onWarning(`Finished journal segments were not deleted (${reason})`);
    }
  }

  /** Of what was counted without a row, all that no line of the journal can bring again. */
  async #forgetCounted(keepFrom: number): Promise<void> {
    const { db, now } = this.#options;
    for (const segment of this.#begunMs.keys()) if (segment < keepFrom) this.#begunMs.delete(segment);
    const begunMs = this.#begunMs.get(keepFrom);
    if (begunMs !== undefined) await forgetCounted(db, Math.min(begunMs - SLACK_MS, now() - COUNTED_KEPT_MS));
  }
}

/** JSON edge: `record` wrote it, and the journal has compared the checksum. Older lines lack what came later; one of another shape is
 *  the database's to refuse. */
function parseRow(json: string): LedgerRow {
  const row = JSON.parse(json) as LedgerRow;
  if (!Array.isArray(row.attempts)) return row;
  return { ...row, projectId: row.projectId ?? null, attempts: withCosts(row.attempts, row.costNanoUsd) };
}
