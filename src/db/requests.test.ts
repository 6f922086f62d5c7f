import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleRow } from '../../test/support/sample-row.ts';
import { type Database, openDatabase } from './client.ts';
import { namesOf } from './dictionary.ts';
import { fromStored } from './request-codec.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests, isFaultOfRow, MAX_ROWS_PER_TRANSACTION, spendByKey } from './requests.ts';
import { usageSince } from './scope-usage.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

async function readBack(id: string): Promise<LedgerRow> {
  const request = await db.selectFrom('requests').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const details = await db.selectFrom('request_details').selectAll().where('request_id', '=', id).executeTakeFirst();
  const payload = await db.selectFrom('request_payloads').selectAll().where('request_id', '=', id).executeTakeFirst();
  const refs = Object.entries(request).flatMap(([column, value]) =>
    column.endsWith('_ref') && typeof value === 'number' ? [value] : [],
  );
  const names = await namesOf(db, refs);
  return fromStored({ request, details, payload }, (ref) => names.get(ref));
}

async function countOf(table: 'requests' | 'request_details' | 'request_payloads' | 'names'): Promise<number> {
  const found = await db
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return found.count;
}

const attempt = {
  deploymentId: 'deployment-1',
  model: 'openai/gpt-4o-mini',
  provider: 'openai',
  startedAtMs: 1_764_000_000_002.25,
  durationMs: 810.25,
  error: null,
  upstreamStatus: 200,
  costNanoUsd: 27_000,
};

describe('inserting', () => {
  test('a row twice counts once, whether in one batch or in two', async () => {
    const row = sampleRow({ keyHash: 'k', costNanoUsd: 5 });
    expect(await insertRequests(db, [row, { ...row, costNanoUsd: 999 }])).toBe(1);
    expect(await insertRequests(db, [row])).toBe(0);
    expect(await spendByKey(db, 'k')).toBe(5);
    expect(await countOf('requests')).toBe(1);
  });

  test('totals are kept by key; an unknown price counts as a request without cost', async () => {
    await insertRequests(db, [
      sampleRow({ keyHash: 'a', costNanoUsd: 10 }),
      sampleRow({ keyHash: 'b', costNanoUsd: 100 }),
      sampleRow({ keyHash: 'a', costNanoUsd: null }),
      sampleRow({ keyHash: null, costNanoUsd: 7 }),
    ]);
    await insertRequests(db, [sampleRow({ keyHash: 'a', costNanoUsd: 1 })]);
    expect(await spendByKey(db, 'a')).toBe(11);
    expect(await spendByKey(db, 'b')).toBe(100);
    expect(await spendByKey(db, 'nobody')).toBe(0);
    expect((await usageSince(db, { kind: 'api_key', id: 'a' }, null)).requests).toBe(3);
    expect((await usageSince(db, { kind: 'api_key', id: 'b' }, null)).requests).toBe(1);
  });

  test('however batches overlap, a total is the sum over the rows that are there', async () => {
    const rows = Array.from({ length: 12 }, (_, index) =>
      sampleRow({ keyHash: `k${index % 3}`, costNanoUsd: 2 ** index }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.subarray(rows, { minLength: 1 }), { maxLength: 6 }), async (batches) => {
        await db.deleteFrom('requests').execute();
        await db.deleteFrom('scope_usage').execute();
        for (const batch of batches) await insertRequests(db, batch);
        const there = new Set(batches.flat());
        for (const keyHash of ['k0', 'k1', 'k2']) {
          const expected = [...there].filter((row) => row.keyHash === keyHash);
          expect(await spendByKey(db, keyHash)).toBe(expected.reduce((sum, row) => sum + (row.costNanoUsd ?? 0), 0));
        }
      }),
      { numRuns: 40 },
    );
  });

  test('a batch that fails leaves neither rows nor totals', async () => {
    const broken = sampleRow({ keyHash: 'k', costNanoUsd: 3 });
    const good = sampleRow({ keyHash: 'k', costNanoUsd: 4 });
    await db.schema.dropTable('scope_usage').execute();
    await expect(insertRequests(db, [broken, good])).rejects.toThrow(/scope_usage/);
    expect(await countOf('requests')).toBe(0);
  });

  test('the event loop gets turns while a full batch is written, and other queries wait for its end', async () => {
    const rows = Array.from({ length: MAX_ROWS_PER_TRANSACTION }, () => sampleRow());
    let turns = 0;
    const counter = setInterval(() => {
      turns += 1;
    }, 0);
    const inserting = insertRequests(db, rows);
    const seen = db.selectFrom('requests').select('id').execute();
    expect(await inserting).toBe(MAX_ROWS_PER_TRANSACTION);
    clearInterval(counter);
    expect(turns).toBeGreaterThan(0);
    expect([0, MAX_ROWS_PER_TRANSACTION]).toContain((await seen).length);
  });

  test('more than 500 rows at once is a mistake of the caller', async () => {
    const rows = Array.from({ length: MAX_ROWS_PER_TRANSACTION + 1 }, () => sampleRow());
    await expect(insertRequests(db, rows)).rejects.toThrow(RangeError);
  });

  test('nothing to insert is fine', async () => {
    expect(await insertRequests(db, [])).toBe(0);
  });

  test('numbers that are no numbers are stored as unknown instead of stopping the batch', async () => {
    const row = sampleRow({ costNanoUsd: Number.NaN, upstreamMs: Number.POSITIVE_INFINITY, keyHash: 'k' });
    expect(await insertRequests(db, [row])).toBe(1);
    expect(await readBack(row.id)).toMatchObject({ costNanoUsd: null, upstreamMs: 0 });
    expect(await spendByKey(db, 'k')).toBe(0);
  });

  test('a row that is no row is told apart from a database that is unwell', async () => {
    // A journal line of a program that knew fewer fields.
    const stranger = JSON.parse('{"id":"x"}') as LedgerRow;
    const error = await insertRequests(db, [stranger]).catch((thrown: unknown) => thrown);
    expect(isFaultOfRow(error)).toBe(true);
    await db.schema.dropTable('requests').execute();
    const unwell = await insertRequests(db, [sampleRow()]).catch((thrown: unknown) => thrown);
    expect(isFaultOfRow(unwell)).toBe(false);
  });
});

describe('storing', () => {
  test('the usual row takes one narrow record and no details', async () => {
    await insertRequests(db, [sampleRow({ attempts: [attempt], tags: ['User-Agent: curl'] }), sampleRow()]);
    expect(await countOf('requests')).toBe(2);
    expect(await countOf('request_details')).toBe(0);
    expect(await countOf('request_payloads')).toBe(0);
  });

  test('a name that every row repeats is stored once', async () => {
    await insertRequests(db, [sampleRow()]);
    const before = await countOf('names');
    await insertRequests(db, [sampleRow(), sampleRow(), sampleRow()]);
    expect(await countOf('names')).toBe(before);
  });

  const rows: [string, Partial<LedgerRow>][] = [
    ['a plain row', { attempts: [attempt] }],
    ['a stream', { stream: true, firstTokenAtMs: 1_764_000_000_300.5 }],
    [
      'a failure with two attempts',
      {
        status: 'failure',
        httpStatus: 503,
        attempts: [
          { ...attempt, error: 'upstream_unavailable', upstreamStatus: 503 },
          { ...attempt, error: 'upstream_busy', upstreamStatus: 429 },
        ],
        error: { kind: 'upstream_busy', type: 'rate_limit_error', message: 'Too many "requests" ☂', code: '429' },
        responseId: null,
        buckets: null,
        costNanoUsd: null,
        costParts: null,
        deploymentId: null,
        model: null,
        provider: null,
        apiBase: null,
      },
    ],
    ['one attempt on another deployment', { attempts: [{ ...attempt, deploymentId: 'other' }] }],
    ['a call id of the client', { callId: 'client-7' }],
    [
      'tags, metadata, session and changes',
      {
        tags: ['a', 'b, c', '"d"'],
        metadata: { nested: { list: [1, null, 'x'] } },
        sessionId: 's',
        changes: [{ field: 'top_k', action: 'dropped', note: 'not supported' }],
      },
    ],
    ['more tags than the dictionary shares', { tags: Array.from({ length: 100 }, (_, index) => `tag-${index}`) }],
    [
      'cache writes kept for an hour',
      {
        buckets: {
          input: 1,
          cacheRead: 2,
          cacheWrite: 9,
          cacheWrite1h: 4,
          inputAudio: 0,
          output: 1,
          reasoning: 0,
          outputAudio: 0,
          source: 'provider',
        },
      },
    ],
    ['bodies', { requestBody: '{"model":"m"}', responseBody: '{"id":"r"}' }],
    ['a request body alone', { requestBody: '{}' }],
    [
      'zero cost, which is not unknown cost',
      { costNanoUsd: 0, costParts: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 } },
    ],
    [
      'no key, no team, nobody',
      {
        keyHash: null,
        keyAlias: null,
        teamId: null,
        userId: null,
        clientIp: null,
        userAgent: null,
        status: 'aborted',
        httpStatus: 499,
      },
    ],
  ];
  test.each(rows)('%s comes back as it was recorded', async (_, over) => {
    const row = sampleRow(over);
    await insertRequests(db, [row]);
    expect(await readBack(row.id)).toEqual(row);
  });

  test('any mix of numbers and names comes back', async () => {
    const count = fc.nat(2 ** 40);
    const name = fc.option(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.toWellFormed().replaceAll('\0', '')),
    );
    const over = fc.record({
      status: fc.constantFrom('success', 'failure', 'aborted', 'truncated', 'crashed' as const),
      httpStatus: fc.integer({ min: 200, max: 599 }),
      costNanoUsd: fc.option(count),
      endUser: name,
      organizationId: name,
      tags: fc.array(
        fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed().replaceAll('\0', '')),
        { maxLength: 4 },
      ),
      buckets: fc.record({
        input: count,
        cacheRead: count,
        cacheWrite: count,
        inputAudio: count,
        output: count,
        reasoning: count,
        outputAudio: count,
        source: fc.constantFrom('provider', 'estimated', 'suspect' as const),
      }),
    });
    await fc.assert(
      fc.asyncProperty(over, async (fields) => {
        const row = sampleRow(fields);
        await insertRequests(db, [row]);
        expect(await readBack(row.id)).toEqual(row);
      }),
      { numRuns: 60 },
    );
  });
});
