import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleRow } from '../../test/support/sample-row.ts';
import { type Database, openDatabase } from './client.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests } from './requests.ts';
import { findLogs, type LogFilter, totalsByDay } from './spend-logs.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

const START_MS = Date.UTC(2026, 2, 1);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
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
  expect(await findLogs(db, { requestId: row.id }, ALL)).toEqual({ rows: [row], total: 1 });
});

test('more rows than one turn reads come complete and in order', async () => {
  const rows = Array.from({ length: 620 }, (_, at) => rowAt(START_MS + at, { sessionId: `s${at}` }));
  for (let start = 0; start < rows.length; start += 500) await insertRequests(db, rows.slice(start, start + 500));
  const found = await findLogs(db, {}, ALL);
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
  await findLogs(db, {}, ALL);
  clearInterval(counter);
  expect(turns).toBeGreaterThan(0);
});

describe('against a list in memory', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const rows = fc.array(
    fc.record({
      hour: fc.integer({ min: 0, max: 96 }),
      keyHash: fc.option(name, { nil: null }),
      userId: fc.option(name, { nil: null }),
      teamId: fc.option(name, { nil: null }),
      model: fc.option(name, { nil: null }),
      requestedModel: name,
      status: fc.constantFrom<LedgerRow['status']>('success', 'failure', 'aborted'),
      costNanoUsd: fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { nil: null }),
    }),
    { maxLength: 12 },
  );
  const filter = fc.record(
    {
      keyHash: name,
      userId: name,
      teamId: fc.constantFrom('a', 'never recorded'),
      model: name,
      statuses: fc.subarray<LedgerRow['status']>(['success', 'failure', 'aborted'], { minLength: 1 }),
      fromMs: fc.integer({ min: 0, max: 96 }).map((hour) => START_MS + hour * HOUR_MS),
      toMs: fc.integer({ min: 0, max: 96 }).map((hour) => START_MS + hour * HOUR_MS),
    },
    { requiredKeys: [] },
  );

  function matches(row: LedgerRow, wanted: LogFilter): boolean {
    const { keyHash, userId, teamId, model, statuses, fromMs = 0, toMs = Number.POSITIVE_INFINITY } = wanted;
    return (
      (keyHash === undefined || row.keyHash === keyHash) &&
      (userId === undefined || row.userId === userId) &&
      (teamId === undefined || row.teamId === teamId) &&
      (model === undefined || [row.model, row.modelGroup, row.requestedModel].includes(model)) &&
      (statuses === undefined || statuses.includes(row.status)) &&
      row.startedAtMs >= fromMs &&
      row.startedAtMs < toMs
    );
  }

  async function filled(specs: { hour: number }[]): Promise<LedgerRow[]> {
    for (const table of ['requests', 'request_details', 'request_payloads'] as const) {
      await db.deleteFrom(table).execute();
    }
    const made = specs.map(({ hour, ...over }) => rowAt(START_MS + hour * HOUR_MS, { modelGroup: 'group', ...over }));
    await insertRequests(db, made);
    return made;
  }

  test('filters find what they should, pages cut it without loss', async () => {
    await fc.assert(
      fc.asyncProperty(rows, filter, fc.integer({ min: 1, max: 5 }), async (specs, wanted, size) => {
        const made = await filled(specs);
        const expected = made
          .filter((row) => matches(row, wanted))
          .map(({ id }) => id)
          .sort()
          .reverse();
        const seen: string[] = [];
        for (let offset = 0; offset <= expected.length; offset += size) {
          const page = await findLogs(db, wanted, { limit: size, offset });
          expect(page.total).toBe(expected.length);
          seen.push(...page.rows.map(({ id }) => id));
        }
        expect(seen).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  test('totals add up to the rows they stand for, and each day is the UTC one', async () => {
    await fc.assert(
      fc.asyncProperty(rows, filter, async (specs, wanted) => {
        const made = await filled(specs);
        const expected = new Map<string, number>();
        for (const row of made.filter((candidate) => matches(candidate, wanted))) {
          const dayMs = Math.floor(row.startedAtMs / DAY_MS) * DAY_MS;
          const group = [dayMs, row.keyHash, row.userId, row.model ?? row.requestedModel].join('/');
          expected.set(group, (expected.get(group) ?? 0) + (row.costNanoUsd ?? 0));
        }
        const totals = await totalsByDay(db, wanted);
        const found = totals.map(({ dayMs, keyHash, userId, model, costNanoUsd }) => [
          [dayMs, keyHash, userId, model].join('/'),
          costNanoUsd,
        ]);
        expect(found.sort()).toEqual([...expected].sort());
        expect(totals.map(({ dayMs }) => dayMs)).toEqual(totals.map(({ dayMs }) => dayMs).sort((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });
});

test('times that no id can hold are limits like others', async () => {
  await insertRequests(db, [rowAt(START_MS)]);
  expect((await findLogs(db, { fromMs: -1e15, toMs: 8.64e15 }, ALL)).total).toBe(1);
  expect((await findLogs(db, { fromMs: 8.64e15 }, ALL)).total).toBe(0);
});

describe('one request', () => {
  test('is found by our id, by the call id and by the id of the answer, and by no other', async () => {
    const row = rowAt(START_MS, { callId: 'call-1', responseId: 'chatcmpl-1' });
    await insertRequests(db, [row, rowAt(START_MS, { callId: 'call-2', responseId: null })]);
    for (const requestId of [row.id, 'call-1', 'chatcmpl-1']) {
      expect((await findLogs(db, { requestId }, ALL)).rows.map(({ id }) => id)).toEqual([row.id]);
    }
    for (const requestId of ['', '%', 'call', "' or 1=1 --"]) {
      expect(await findLogs(db, { requestId }, ALL)).toEqual({ rows: [], total: 0 });
    }
  });

  test('whose call id a client used twice comes twice, the newer one first', async () => {
    const rows = [0, 1].map((at) => rowAt(START_MS + at, { callId: 'mine' }));
    await insertRequests(db, rows);
    const { rows: found } = await findLogs(db, { requestId: 'mine' }, ALL);
    expect(found.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).reverse());
  });

  test('is found by its end user, who is not the user of the key', async () => {
    await insertRequests(db, [
      rowAt(START_MS, { endUser: 'x', userId: 'y' }),
      rowAt(START_MS, { endUser: 'y', userId: 'x' }),
    ]);
    const { rows } = await findLogs(db, { endUser: 'x' }, ALL);
    expect(rows.map(({ endUser, userId }) => [endUser, userId])).toEqual([['x', 'y']]);
  });
});

test('a name that was never recorded finds nothing and adds up to nothing', async () => {
  await insertRequests(db, [rowAt(START_MS)]);
  for (const filter of [{ keyHash: 'nobody' }, { userId: 'nobody' }, { endUser: 'nobody' }, { model: 'nobody' }]) {
    expect(await findLogs(db, filter, ALL)).toEqual({ rows: [], total: 0 });
    expect(await totalsByDay(db, filter)).toEqual([]);
  }
});

test('a list of no statuses finds nothing', async () => {
  await insertRequests(db, [rowAt(START_MS)]);
  expect((await findLogs(db, { statuses: [] }, ALL)).total).toBe(0);
});

test('a page past the end is empty and still knows how many there are', async () => {
  await insertRequests(db, [rowAt(START_MS), rowAt(START_MS + 1)]);
  expect(await findLogs(db, {}, { limit: 5, offset: 5 })).toEqual({ rows: [], total: 2 });
});

test('each status comes back as it was, and is found by itself alone', async () => {
  const all = ['success', 'failure', 'aborted', 'truncated', 'crashed'] as const;
  await insertRequests(
    db,
    all.map((status) => rowAt(START_MS, { status })),
  );
  for (const status of all) {
    expect((await findLogs(db, { statuses: [status] }, ALL)).rows.map((row) => row.status)).toEqual([status]);
  }
});

test('a request of unknown price keeps that in its row, and counts as 0 in the total of its day', async () => {
  await insertRequests(db, [
    rowAt(START_MS, { costNanoUsd: null, costParts: null }),
    rowAt(START_MS, { costNanoUsd: 5 }),
  ]);
  const { rows } = await findLogs(db, {}, ALL);
  expect(new Set(rows.map(({ costNanoUsd }) => costNanoUsd))).toEqual(new Set([null, 5]));
  expect((await totalsByDay(db, {})).map(({ costNanoUsd }) => costNanoUsd)).toEqual([5]);
});

test("a filter's start belongs to it and its end does not", async () => {
  await insertRequests(
    db,
    [START_MS - 1, START_MS, START_MS + 1].map((at) => rowAt(at)),
  );
  expect((await findLogs(db, { fromMs: START_MS }, ALL)).total).toBe(2);
  expect((await findLogs(db, { toMs: START_MS }, ALL)).total).toBe(1);
});
