import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleRow } from '../../test/support/sample-row.ts';
import { type Database, openDatabase } from './client.ts';
import { totalsByDay } from './log-totals.ts';
import { directReader, type Reader } from './reader.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests } from './requests.ts';
import { findLogs, type LogFilter, type LogPlace, logRows } from './spend-logs.ts';

let db: Database;
let reader: Reader;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
  reader = directReader(db);
});
afterEach(() => db.destroy());

const START_MS = Date.UTC(2026, 2, 1);
const ALL = { limit: 10_000, offset: 0 };

const rowAt = (startedAtMs: number, over: Partial<LedgerRow> = {}): LedgerRow =>
  sampleRow({
    id: Bun.randomUUIDv7('hex', startedAtMs),
    startedAtMs,
    endedAtMs: startedAtMs + 10,
    upstreamMs: 8,
    overheadMs: 2,
    ...over,
  });

test('a row is found as it was recorded', async () => {
  const row = rowAt(START_MS, {
    metadata: { a: [1] },
    tags: ['x'],
    requestBody: '{}',
    changes: [{ field: 'f', action: 'dropped', note: 'n' }],
    priceFactors: { serviceTier: 'flex', webSearches: 2 },
    error: { kind: 'internal', type: 't', message: 'm', code: null },
  });
  await insertRequests(db, [row]);
  expect(await findLogs(reader, { requestId: row.id }, ALL)).toEqual({ rows: [row], total: 1 });
});

test('more rows than one turn reads come complete and in order', async () => {
  const rows = Array.from({ length: 620 }, (_, at) => rowAt(START_MS + at, { sessionId: `s${at}` }));
  for (let start = 0; start < rows.length; start += 500) await insertRequests(db, rows.slice(start, start + 500));
  const found = await findLogs(reader, {}, ALL);
  expect(found.total).toBe(620);
  expect(found.rows.map(({ id, sessionId }) => [id, sessionId])).toEqual(
    rows.map(({ id, sessionId }) => [id, sessionId]).reverse(),
  );
});

test('while a long list is read, other work gets its turns', async () => {
  await insertRequests(
    db,
    Array.from({ length: 500 }, (_, at) => rowAt(START_MS + at)),
  );
  let turns = 0;
  const counter = setInterval(() => {
    turns += 1;
  }, 0);
  await findLogs(reader, {}, ALL);
  clearInterval(counter);
  expect(turns).toBeGreaterThan(0);
});

describe('against a list in memory', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const maybe = fc.option(name, { nil: null });
  /** Within a few quarter hours, and often in the same moment. */
  const minute = fc.integer({ min: 0, max: 50 }).map((step) => step * 6);
  const rows = fc.array(
    fc.record({
      minute,
      keyHash: maybe,
      userId: maybe,
      teamId: maybe,
      endUser: maybe,
      model: maybe,
      requestedModel: name,
      sessionId: maybe,
      tags: fc.subarray(['a', 'b']),
      status: fc.constantFrom<LedgerRow['status']>('success', 'failure', 'aborted'),
      costNanoUsd: fc.option(fc.integer({ min: 0, max: 9 }), { nil: null }),
    }),
    { minLength: 20, maxLength: 40 },
  );
  const instant = fc.oneof(minute, fc.constant(37)).map((at) => START_MS + at * 60_000 + 1);
  const filter: fc.Arbitrary<LogFilter> = fc.record(
    {
      keyHash: name,
      userId: name,
      teamId: fc.constantFrom('a', 'never recorded'),
      endUser: name,
      model: name,
      sessionId: name,
      tags: fc.constantFrom(['a'], ['a', 'b'], ['never']),
      anyOf: fc.constantFrom([], [{ users: ['a'] }], [{ users: ['a'] }, { teams: ['b', 'c'] }]),
      minCostNanoUsd: fc.integer({ min: 0, max: 9 }),
      maxCostNanoUsd: fc.integer({ min: 0, max: 9 }),
      statuses: fc.subarray<LedgerRow['status']>(['success', 'failure', 'aborted'], { minLength: 1 }),
      fromMs: instant,
      toMs: instant,
    },
    { requiredKeys: [] },
  );
  /** Most have one or two conditions: with all of them nothing is left. */
  const few = fc
    .tuple(filter, fc.array(fc.nat(12), { maxLength: 2 }))
    .map(([all, kept]): LogFilter => Object.fromEntries(Object.entries(all).filter((_, at) => kept.includes(at))));

  const isSeen = (row: LedgerRow, anyOf: LogFilter['anyOf']): boolean =>
    anyOf === undefined ||
    anyOf.some(({ users, teams }) => (users ? users.includes(row.userId) : teams?.includes(row.teamId) === true));

  const equals = (wanted: string | undefined, ...names: (string | null)[]): boolean =>
    wanted === undefined || names.includes(wanted);

  function matches(row: LedgerRow, wanted: LogFilter): boolean {
    const { statuses, tags, fromMs = 0, toMs = Number.POSITIVE_INFINITY } = wanted;
    const { minCostNanoUsd: min, maxCostNanoUsd: max } = wanted;
    const cost = row.costNanoUsd;
    return (
      equals(wanted.keyHash, row.keyHash) &&
      equals(wanted.userId, row.userId) &&
      equals(wanted.teamId, row.teamId) &&
      equals(wanted.endUser, row.endUser) &&
      equals(wanted.sessionId, row.sessionId) &&
      equals(wanted.model, row.model, row.modelGroup, row.requestedModel) &&
      (tags === undefined || tags.some((tag) => row.tags.includes(tag))) &&
      (min === undefined || (cost !== null && cost >= min)) &&
      (max === undefined || (cost !== null && cost <= max)) &&
      (statuses === undefined || statuses.includes(row.status)) &&
      isSeen(row, wanted.anyOf) &&
      row.startedAtMs >= fromMs &&
      row.startedAtMs < toMs
    );
  }

  async function filled(specs: { minute: number }[]): Promise<LedgerRow[]> {
    for (const table of ['requests', 'request_details', 'request_payloads', 'usage_cube'] as const) {
      await db.deleteFrom(table).execute();
    }
    const made = specs.map(({ minute: at, ...over }) =>
      rowAt(START_MS + at * 60_000, { modelGroup: 'group', ...over }),
    );
    await insertRequests(db, made);
    return made;
  }

  const newestFirst = (a: LedgerRow, b: LedgerRow): number => b.startedAtMs - a.startedAtMs || (a.id < b.id ? 1 : -1);

  test('filters find what they should; pages by number and by cursor cut it without loss', async () => {
    let counted = 0;
    const cases = fc.record({
      specs: rows,
      filters: fc.array(few, { minLength: 6, maxLength: 6 }),
      size: fc.integer({ min: 1, max: 7 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ specs, filters, size }) => {
        const made = await filled(specs);
        for (const wanted of filters) {
          const expected = made
            .filter((row) => matches(row, wanted))
            .sort(newestFirst)
            .map(({ id }) => id);
          const seen: string[] = [];
          for (let offset = 0; offset <= expected.length; offset += size) {
            const page = await findLogs(reader, wanted, { limit: size, offset });
            expect(page.total).toBe(expected.length);
            seen.push(...page.rows.map(({ id }) => id));
          }
          expect(seen).toEqual(expected);
          const followed: string[] = [];
          for (let after: LogPlace | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
            const page = await logRows(reader, wanted, { limit: size, offset: 0, after });
            followed.push(...page.map(({ id }) => id));
            after = page.at(-1);
          }
          expect(followed).toEqual(expected);
          counted += expected.length;
        }
      }),
      { numRuns: 20, seed: 7 },
    );
    expect(counted).toBeGreaterThan(500);
  });

  test('rows come in the order that is asked for', async () => {
    const made = await filled(fc.sample(rows, { numRuns: 1, seed: 1 })[0] ?? []);
    const values = {
      cost: ({ costNanoUsd }: LedgerRow) => costNanoUsd ?? -1,
      start: ({ startedAtMs }: LedgerRow) => startedAtMs,
      end: ({ endedAtMs }: LedgerRow) => endedAtMs,
    };
    for (const [by, value] of Object.entries(values)) {
      for (const isAscending of [true, false]) {
        const order = { by: by as keyof typeof values, isAscending };
        const first = await logRows(reader, {}, { limit: 13, offset: 0, order });
        const second = await logRows(reader, {}, { limit: 1_000, offset: 13, order });
        const found = [...first, ...second].map(value);
        expect(found).toEqual(made.map(value).sort((a, b) => (isAscending ? a - b : b - a)));
      }
    }
  });

  test('totals add up to the rows they stand for, and each day is one of the zone', async () => {
    const zone = fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York');
    await fc.assert(
      fc.asyncProperty(rows, few, zone, async (specs, wanted, timeZone) => {
        const made = await filled(specs);
        const expected = new Map<string, number>();
        for (const row of made.filter((candidate) => matches(candidate, wanted))) {
          const day = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(row.startedAtMs);
          const group = [day, row.keyHash, row.userId, row.model ?? row.modelGroup].join('/');
          expected.set(group, (expected.get(group) ?? 0) + (row.costNanoUsd ?? 0));
        }
        const totals = await totalsByDay(reader, wanted, timeZone);
        const found = totals.map(({ day, keyHash, userId, model, costNanoUsd }) => [
          [day, keyHash, userId, model].join('/'),
          costNanoUsd,
        ]);
        expect(found.sort()).toEqual([...expected].sort());
        expect(totals.map(({ day }) => day)).toEqual(totals.map(({ day }) => day).sort());
      }),
      { numRuns: 40, seed: 8 },
    );
  });
});

test('times that no id can hold are limits like others', async () => {
  await insertRequests(db, [rowAt(START_MS)]);
  expect((await findLogs(reader, { fromMs: -1e15, toMs: 8.64e15 }, ALL)).total).toBe(1);
  expect((await findLogs(reader, { fromMs: 8.64e15 }, ALL)).total).toBe(0);
});

describe('one request', () => {
  test('is found by our id, by the call id and by the id of the answer, and by no other', async () => {
    const row = rowAt(START_MS, { callId: 'call-1', responseId: 'chatcmpl-1' });
    await insertRequests(db, [row, rowAt(START_MS, { callId: 'call-2', responseId: null })]);
    for (const requestId of [row.id, 'call-1', 'chatcmpl-1']) {
      expect((await findLogs(reader, { requestId }, ALL)).rows.map(({ id }) => id)).toEqual([row.id]);
    }
    for (const requestId of ['', '%', 'call', "' or 1=1 --"]) {
      expect(await findLogs(reader, { requestId }, ALL)).toEqual({ rows: [], total: 0 });
    }
  });

  test('whose call id a client used twice comes twice, the newer one first', async () => {
    const rows = [0, 1].map((at) => rowAt(START_MS + at, { callId: 'mine' }));
    await insertRequests(db, rows);
    const { rows: found } = await findLogs(reader, { requestId: 'mine' }, ALL);
    expect(found.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).reverse());
  });

  test('is found by its end user, who is not the user of the key', async () => {
    await insertRequests(db, [
      rowAt(START_MS, { endUser: 'x', userId: 'y' }),
      rowAt(START_MS, { endUser: 'y', userId: 'x' }),
    ]);
    const { rows } = await findLogs(reader, { endUser: 'x' }, ALL);
    expect(rows.map(({ endUser, userId }) => [endUser, userId])).toEqual([['x', 'y']]);
  });
});

test('a name that was never recorded finds nothing and adds up to nothing', async () => {
  await insertRequests(db, [rowAt(START_MS)]);
  for (const filter of [{ keyHash: 'nobody' }, { userId: 'nobody' }, { endUser: 'nobody' }, { model: 'nobody' }]) {
    expect(await findLogs(reader, filter, ALL)).toEqual({ rows: [], total: 0 });
    expect(await totalsByDay(reader, filter, 'UTC')).toEqual([]);
  }
});

test('a list of no statuses finds nothing', async () => {
  await insertRequests(db, [rowAt(START_MS)]);
  expect((await findLogs(reader, { statuses: [] }, ALL)).total).toBe(0);
});

test('a page past the end is empty and still knows how many there are', async () => {
  await insertRequests(db, [rowAt(START_MS), rowAt(START_MS + 1)]);
  expect(await findLogs(reader, {}, { limit: 5, offset: 5 })).toEqual({ rows: [], total: 2 });
});

test('each status comes back as it was, and is found by itself alone', async () => {
  const all = ['success', 'failure', 'aborted', 'truncated', 'crashed'] as const;
  await insertRequests(
    db,
    all.map((status) => rowAt(START_MS, { status })),
  );
  for (const status of all) {
    expect((await findLogs(reader, { statuses: [status] }, ALL)).rows.map((row) => row.status)).toEqual([status]);
  }
});

test('a request of unknown price keeps that in its row, and counts as 0 in the total of its day', async () => {
  await insertRequests(db, [
    rowAt(START_MS, { costNanoUsd: null, costParts: null }),
    rowAt(START_MS, { costNanoUsd: 5 }),
  ]);
  const { rows } = await findLogs(reader, {}, ALL);
  expect(new Set(rows.map(({ costNanoUsd }) => costNanoUsd))).toEqual(new Set([null, 5]));
  expect((await totalsByDay(reader, {}, 'UTC')).map(({ costNanoUsd }) => costNanoUsd)).toEqual([5]);
});

test("a filter's start belongs to it and its end does not", async () => {
  await insertRequests(
    db,
    [START_MS - 1, START_MS, START_MS + 1].map((at) => rowAt(at)),
  );
  expect((await findLogs(reader, { fromMs: START_MS }, ALL)).total).toBe(2);
  expect((await findLogs(reader, { toMs: START_MS }, ALL)).total).toBe(1);
});
