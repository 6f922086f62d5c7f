import { describe, expect, test } from 'bun:test';
import { ledgerPlace } from '../../test/support/ledger-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import type { LedgerRow } from '../db/request-row.ts';
import type { Scope } from '../db/usage-scopes.ts';
import { nextTurn } from '../lib/next-turn.ts';
import type { Ledger } from './ledger.ts';
import { createSeed, type Seeded } from './seed.ts';

const place = ledgerPlace();
const START_MS = 1_764_000_000_000;
const USER: Scope = { kind: 'user', id: 'user-1' };
const seedOf = (ledger: Pick<Ledger, 'flush' | 'storedRows'>, timeoutMs = 2_000) =>
  createSeed({ db: place.db, ledger, timeoutMs });

const costOf = (rows: readonly LedgerRow[]): number => rows.reduce((sum, row) => sum + (row.costNanoUsd ?? 0), 0);

describe('a seed', () => {
  test('is what was used so far, rows that were only recorded included', async () => {
    const ledger = await place.openDying();
    ledger.record(sampleRow({ costNanoUsd: 5 }));
    ledger.record(sampleRow({ costNanoUsd: 6, startedAtMs: START_MS + 1_000, endedAtMs: START_MS + 2_000 }));
    ledger.record(sampleRow({ costNanoUsd: 9, userId: 'other' }));
    const seed = seedOf(ledger);
    expect(await seed(USER, 'usd', Number.NEGATIVE_INFINITY)).toEqual({ amount: 11, storedRows: 3 });
    expect(await seed(USER, 'requests', 0)).toEqual({ amount: 2, storedRows: 3 });
    expect(await seed(USER, 'tokens', START_MS)).toEqual({ amount: 240, storedRows: 3 });
    expect(await seed(USER, 'usd', START_MS + 1)).toEqual({ amount: 6, storedRows: 3 });
    expect(ledger.recordedRows()).toBe(3);
  });

  test('contains what earlier processes left, counted before the rows of this one', async () => {
    const first = await place.openDying();
    for (let at = 0; at < 3; at++) first.record(sampleRow({ costNanoUsd: 1 }));
    const second = await place.open();
    second.record(sampleRow({ costNanoUsd: 10 }));
    expect(second.recordedRows()).toBe(4);
    expect(await seedOf(second)(USER, 'usd', 0)).toEqual({ amount: 13, storedRows: 4 });
  });

  /** Rows that are recorded a few at a time until `done`, each turn of the event loop. */
  async function busy(ledger: Ledger, recorded: LedgerRow[], done: () => boolean): Promise<void> {
    const random = seededRandom(7);
    while (!done()) {
      for (let left = random() * 4; left > 1; left--) {
        const row = sampleRow({ costNanoUsd: 1 + Math.floor(random() * 1_000) });
        recorded.push(row);
        ledger.record(row);
      }
      await nextTurn();
    }
  }

  test.each<[string, Partial<Parameters<typeof place.open>[0]>]>([
    ['from memory', {}],
    ['from the journal', { maxRowsInMemory: 1 }],
  ])('contains exactly the first so many rows, whatever is written meanwhile %s', async (_, options) => {
    const ledger = await place.open(options);
    const seed = seedOf(ledger);
    const recorded: LedgerRow[] = [];
    const seen: Seeded[] = [];
    const writing = busy(ledger, recorded, () => seen.length >= 30);
    while (seen.length < 30) {
      await nextTurn();
      seen.push(await seed(USER, 'usd', seen.length % 2 === 0 ? 0 : START_MS - 1));
    }
    await writing;
    for (const { amount, storedRows } of seen) expect(amount).toBe(costOf(recorded.slice(0, storedRows)));
    expect(new Set(seen.map(({ storedRows }) => storedRows)).size).toBeGreaterThan(5);
  });

  test('of several scopes in one turn flushes once', async () => {
    const ledger = await place.openDying();
    ledger.record(sampleRow());
    let flushes = 0;
    const counting = {
      flush: () => {
        flushes += 1;
        return ledger.flush();
      },
      storedRows: () => ledger.storedRows(),
    };
    const seed = seedOf(counting);
    await Promise.all(['user-1', 'a', 'b'].map((id) => seed({ kind: 'user', id }, 'usd', 0)));
    expect(flushes).toBe(1);
    await seed(USER, 'usd', 0);
    expect(flushes).toBe(2);
  });

  test('that the database cannot give in time is refused, and given once it can', async () => {
    const ledger = await place.open();
    await place.breakDatabase();
    ledger.record(sampleRow({ costNanoUsd: 5 }));
    const failure = await seedOf(ledger, 60)(USER, 'usd', 0).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'unavailable', status: 503, details: { code: 'no_db_connection' } });
    expect([ledger.recordedRows(), ledger.storedRows()]).toEqual([1, undefined]);
    await place.mendDatabase();
    expect(await seedOf(ledger)(USER, 'usd', 0)).toEqual({ amount: 5, storedRows: 1 });
  });

  test('counts a row that the database will never take as stored: it waits for nothing', async () => {
    const ledger = await place.openDying();
    const broken: LedgerRow = { ...sampleRow(), ...JSON.parse('{"tags":5}') };
    ledger.record(sampleRow({ costNanoUsd: 5 }));
    ledger.record(broken);
    expect(await seedOf(ledger)(USER, 'usd', 0)).toEqual({ amount: 5, storedRows: 2 });
  });
});

test('rows read back from the journal after a failure half-way are counted once', async () => {
  const dead = await place.openDying();
  const rows = Array.from({ length: 1_200 }, () => sampleRow({ costNanoUsd: 1 }));
  for (const row of rows) dead.record(row);
  await place.limitPages(60);
  const ledger = await place.open({ maxBackoffMs: 60_000, writeEveryMs: 60_000 });
  const stored = Object.keys(await place.stored()).length;
  expect(stored).toBeGreaterThan(0);
  expect([ledger.pending(), ledger.storedRows()]).toEqual([1_200 - stored, undefined]);
  await place.limitPages();
  await ledger.flush();
  expect([ledger.recordedRows(), ledger.storedRows(), ledger.pending()]).toEqual([1_200, 1_200, 0]);
  expect(await seedOf(ledger)(USER, 'usd', 0)).toEqual({ amount: 1_200, storedRows: 1_200 });
});

test('a line of an older journal has no project and attempts without costs', async () => {
  const dead = await place.openDying();
  const { projectId, ...row } = sampleRow({ costNanoUsd: 7 });
  expect(projectId).toBeNull();
  const attempt = { deploymentId: 'd', model: 'm', provider: 'p', startedAtMs: 1, durationMs: 1, error: null };
  const old = { ...row, attempts: [attempt, attempt].map((one) => ({ ...one, upstreamStatus: 200 })) };
  // As a version wrote it that knew neither.
  dead.record(JSON.parse(JSON.stringify(old)));
  await place.open();
  const stored = await place.db.selectFrom('requests').select('project_ref').execute();
  const details = await place.db.selectFrom('request_details').select('attempts').execute();
  expect(stored).toEqual([{ project_ref: null }]);
  expect(JSON.parse(details[0]?.attempts ?? '[]').map((one: { costNanoUsd: number }) => one.costNanoUsd)).toEqual([
    0, 7,
  ]);
});
