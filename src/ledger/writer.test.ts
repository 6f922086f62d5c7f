import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { sampleRow } from '../../test/support/sample-row.ts';
import { until } from '../../test/support/until.ts';
import { type Database, openDatabase } from '../db/client.ts';
import type { LedgerRow } from '../db/request-row.ts';
import type { Journal } from './journal.ts';
import { Writer, type WriterOptions } from './writer.ts';

let db: Database;
let warnings: string[] = [];
let rejected: LedgerRow[] = [];
const writers: Writer[] = [];
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
  warnings = [];
  rejected = [];
});
afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.close();
  await db.destroy();
});

/** Nothing is read back in these tests: all rows fit into memory. */
const NO_JOURNAL = {
  read: () => Promise.reject(new Error('Nothing was left in the journal')),
  end: () => ({ segment: 0, offset: 0 }),
} as unknown as Journal;

function opened(over: Partial<WriterOptions> = {}): Writer {
  const writer = new Writer({
    db,
    journal: NO_JOURNAL,
    rowsOf: () => [],
    onWarning: (message) => warnings.push(message),
    onRejected: (row) => rejected.push(row),
    onProgress: () => Promise.resolve(),
    now: () => 0,
    backlog: undefined,
    everyMs: 1,
    maxBackoffMs: 2,
    ...over,
  });
  writers.push(writer);
  return writer;
}

const at = (segment: number) => ({ segment, offset: 0 });
const stored = async (): Promise<string[]> =>
  (await db.selectFrom('requests').select('id').orderBy('id').execute()).map(({ id }) => id);

describe('rows', () => {
  test('reach the database by themselves, in batches, and are counted', async () => {
    const writer = opened();
    for (let number = 100; number < 1_300; number++) writer.add(sampleRow({ id: `r${number}` }), at(0));
    expect([writer.recorded(), writer.written(), writer.pending()]).toEqual([1_200, 0, 1_200]);
    await writer.flush();
    expect([writer.recorded(), writer.written(), writer.pending(), writer.isUnsure()]).toEqual([
      1_200,
      1_200,
      0,
      false,
    ]);
    expect(await stored()).toHaveLength(1_200);
    expect(warnings).toEqual([]);
  });

  test('that wait tell which segment of the journal is still needed', async () => {
    const writer = opened({ everyMs: 60_000 });
    expect(writer.oldestSegment()).toBeUndefined();
    writer.add(sampleRow(), at(3));
    writer.add(sampleRow(), at(4));
    expect(writer.oldestSegment()).toBe(3);
    await writer.flush();
    expect(writer.oldestSegment()).toBeUndefined();
  });

  test('that the database will never take are set aside by name, and those around them are stored', async () => {
    const writer = opened();
    // A row that is no row: somebody else's line in the journal.
    const bad = { ...sampleRow({ id: 'bad' }), tags: undefined } as unknown as LedgerRow;
    for (const row of [sampleRow({ id: 'a' }), bad, sampleRow({ id: 'b' })]) writer.add(row, at(0));
    await writer.flush();
    expect(await stored()).toEqual(['a', 'b']);
    expect(rejected.map(({ id }) => id)).toEqual(['bad']);
    expect(warnings).toEqual([expect.stringContaining('Request row bad cannot be stored')]);
    expect(writer.pending()).toBe(0);
  });
});

describe('a database that is unwell', () => {
  test('is told of once, however often it is tried, and once more when it is well again', async () => {
    let nowMs = 0;
    const writer = opened({ now: () => nowMs });
    await sql`pragma query_only = on`.execute(db);
    writer.add(sampleRow({ id: 'a' }), at(0));
    for (let attempt = 0; attempt < 5; attempt++) expect(await writer.drain()).toBe(false);
    expect(writer.isFailing()).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('The database takes no request rows')]);
    nowMs = 90_000;
    await sql`pragma query_only = off`.execute(db);
    await until(
      () => writer.pending(),
      (pending) => pending === 0,
    );
    expect(warnings[1]).toBe('The database takes request rows again, after 90 s');
    expect([warnings.length, writer.isFailing(), await stored()]).toEqual([2, false, ['a']]);
  });

  test('makes nobody lose a row that waits: the end is refused to those who wait for it', async () => {
    const writer = opened();
    await sql`pragma query_only = on`.execute(db);
    writer.add(sampleRow({ id: 'a' }), at(7));
    const flushed = writer.flush().then(
      () => 'stored',
      (error: Error) => error.message,
    );
    await writer.close();
    expect(await flushed).toBe('Closed with rows left in the journal');
    expect([writer.pending(), writer.oldestSegment()]).toEqual([1, 7]);
    await sql`pragma query_only = off`.execute(db);
  });

  test('says that it is unsure what was written until it knows', async () => {
    const writer = opened({ everyMs: 60_000 });
    await sql`pragma query_only = on`.execute(db);
    writer.add(sampleRow({ id: 'a' }), at(0));
    expect(writer.isUnsure()).toBe(false);
    await writer.drain();
    expect(writer.isUnsure()).toBe(true);
    await sql`pragma query_only = off`.execute(db);
    await writer.drain();
    expect([writer.isUnsure(), writer.written()]).toEqual([false, 1]);
  });
});

test('a flush with nothing to wait for is over at once, and two at a time are both served', async () => {
  const writer = opened({ everyMs: 60_000 });
  await writer.flush();
  for (const id of ['a', 'b']) writer.add(sampleRow({ id }), at(0));
  await Promise.all([writer.flush(), writer.flush(), writer.drain()]);
  expect(await stored()).toEqual(['a', 'b']);
});

test('the last rows are written at the end, and the same row twice is one', async () => {
  const writer = opened({ everyMs: 60_000 });
  const row = sampleRow({ id: 'a', keyHash: 'k' });
  writer.add(row, at(0));
  writer.add(row, at(0));
  await writer.close();
  expect(await stored()).toEqual(['a']);
  expect(writer.pending()).toBe(0);
});
