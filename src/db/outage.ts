/** Tells a database that is unwell from a query that is wrong. */

/** SQLite's result codes for a file that cannot be reached, read, locked or written at the moment. */
const UNWELL = /^SQLITE_(BUSY|LOCKED|IOERR|FULL|CANTOPEN|READONLY|CORRUPT|NOTADB|NOMEM|PROTOCOL)/;

export function isOutage(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && UNWELL.test(String(thrown.code));
}
