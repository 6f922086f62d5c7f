/** The other side of `reader.ts`: one read-only connection in a thread of its own. */
import { Database as BunDatabase, type SQLQueryBindings } from 'bun:sqlite';

export interface ReaderQuestion {
  /** The database's file, always the same. */
  readonly path: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export type ReaderAnswer =
  | { readonly rows: readonly unknown[] }
  | { readonly message: string; readonly code: string | undefined };

declare const self: Worker;

/** As long as a writer may hold the file: nobody waits for this thread. */
const BUSY_TIMEOUT_MS = 5_000;

let file: BunDatabase | undefined;

function open(path: string): BunDatabase {
  const opened = new BunDatabase(path, { readonly: true });
  opened.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return opened;
}

function answerTo({ path, sql, parameters }: ReaderQuestion): ReaderAnswer {
  try {
    file ??= open(path);
    // Kysely types parameters as unknown; the tables' types have already said what they are.
    return { rows: file.query(sql).all(...(parameters as SQLQueryBindings[])) };
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    return { message, code };
  }
}

self.onmessage = ({ data }: MessageEvent<ReaderQuestion>) => self.postMessage(answerTo(data));
