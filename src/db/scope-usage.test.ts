import { Database as BunDatabase, type SQLQueryBindings } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type CompiledQuery, Kysely, sql } from 'kysely';
import { sampleRow } from '../../test/support/sample-row.ts';
import {
  FROM_MS,
  isConsuming,
  rateTokensOf,
  scopesOf,
  startMs,
  sumOf,
  TO_MS,
  usageOrMirrorRow,
} from '../../test/support/usage-rows.ts';
import { type Database, openDatabase } from './client.ts';
import { bunSqlite, sqliteDialect } from './dialect.ts';
import { recentUsage } from './recent-usage.ts';
import type { LedgerRow } from './request-row.ts';
import { insertRequests } from './requests.ts';
import type { DatabaseSchema } from './schema.ts';
import { type ScopeUsage, spendOf, spendSince, usageSince } from './scope-usage.ts';
import { joined, MIRROR_ROUTE, rateScopes, type Scope, type ScopeKind } from './usage-scopes.ts';

let db: Database;
beforeEach(async () => {
  db = await openDatabase({ url: 'sqlite::memory:' });
});
afterEach(() => db.destroy());

const QUARTER_MS = 900_000;
const NOTHING: ScopeUsage = { costNanoUsd: 0, requests: 0, tokens: 0 };
const keyOf = ({ kind, id }: Scope): string => `${kind} ${id}`;

/** By hand. */
function expectedUsage(rows: readonly LedgerRow[], scope: Scope, sinceMs: number): ScopeUsage {
  const mine = rows.filter(
    (row) => row.startedAtMs >= sinceMs && scopesOf(row).some((other) => keyOf(other) === keyOf(scope)),
  );
  return {
    costNanoUsd: sumOf(mine, (row) => row.costNanoUsd ?? 0),
    requests: mine.filter(isConsuming).length,
    tokens: sumOf(mine, rateTokensOf),
  };
}

const everyThirdUnkept = (row: LedgerRow, at: number): LedgerRow => (at % 3 === 1 ? { ...row, totalsOnly: true } : row);

async function cleared(): Promise<void> {
  for (const table of ['requests', 'counted_requests', 'request_details', 'scope_usage', 'usage_cube'] as const) {
    await db.deleteFrom(table).execute();
  }
}

describe('what a scope has used', () => {
  const usage = fc.record({
    rows: fc.array(usageOrMirrorRow, { minLength: 1, maxLength: 25 }),
    batches: fc.integer({ min: 1, max: 3 }),
    instants: fc.array(startMs, { minLength: 1, maxLength: 3 }),
  });

  test('is the sum over its rows, since any instant, for every scope of every row', async () => {
    await fc.assert(
      fc.asyncProperty(usage, async ({ rows: kept, batches, instants }) => {
        await cleared();
        // Of some the row is not kept, which no sum may show.
        const rows = kept.map(everyThirdUnkept);
        for (let at = 0; at < batches; at++) {
          await insertRequests(
            db,
            rows.filter((_, index) => index % batches === at),
          );
        }
        await insertRequests(db, rows);
        const scopes = new Map(rows.flatMap(scopesOf).map((scope) => [keyOf(scope), scope]));
        for (const scope of scopes.values()) {
          expect(await usageSince(db, scope, null)).toEqual(expectedUsage(rows, scope, 0));
          for (const sinceMs of instants) {
            const told = `${keyOf(scope)} since ${sinceMs}`;
            expect([told, await usageSince(db, scope, sinceMs)]).toEqual([told, expectedUsage(rows, scope, sinceMs)]);
          }
        }
      }),
      { numRuns: 12, seed: 41 },
    );
  });

  test('is asked for many at once with the same result', async () => {
    const rows = fc.sample(usageOrMirrorRow, { numRuns: 120, seed: 3 });
    await insertRequests(db, rows);
    const sinceMs = FROM_MS + 86_400_123;
    for (const kind of ['user', 'tag', 'team_member', 'model_per_end_user'] as const) {
      const ids = [...new Set(rows.flatMap(scopesOf).flatMap((scope) => (scope.kind === kind ? scope.id : [])))];
      expect(ids.length).toBeGreaterThan(1);
      const since = await spendSince(db, kind, [...ids, 'nobody'], sinceMs);
      const ever = await spendOf(db, kind, [...ids, 'nobody']);
      for (const id of ids) {
        expect(since.get(id)).toEqual(expectedUsage(rows, { kind, id }, sinceMs));
        expect(ever.get(id)).toEqual(expectedUsage(rows, { kind, id }, 0));
      }
      expect([since.get('nobody'), ever.get('nobody')]).toEqual([NOTHING, NOTHING]);
    }
  });

  test('of a refused request is nothing, of one that an upstream was asked for is a request', async () => {
    const refused = sampleRow({ status: 'failure', attempts: [], buckets: null, costNanoUsd: 0 });
    await insertRequests(db, [refused]);
    const scope: Scope = { kind: 'team', id: 'team-1' };
    expect(await usageSince(db, scope, null)).toEqual(NOTHING);
    const [attempt] = fc.sample(usageOrMirrorRow, { numRuns: 50, seed: 1 }).flatMap((row) => row.attempts);
    await insertRequests(db, [{ ...refused, id: 'other', attempts: attempt ? [attempt] : [] }]);
    expect(await usageSince(db, scope, null)).toEqual({ ...NOTHING, requests: 1 });
  });

  test('of a name that no row ever had is nothing', async () => {
    await insertRequests(db, [sampleRow()]);
    expect(await usageSince(db, { kind: 'user', id: 'stranger' }, null)).toEqual(NOTHING);
    expect(await usageSince(db, { kind: 'model_per_key', id: joined('a'.repeat(64), 'other') }, 5)).toEqual(NOTHING);
  });

  test('does not mix a pair up with its owner, nor one kind with another', async () => {
    await insertRequests(db, [sampleRow({ teamId: 'same', userId: 'same', costNanoUsd: 7 })]);
    await insertRequests(db, [sampleRow({ teamId: 'same', userId: null, costNanoUsd: 100 })]);
    const costOf = async (scope: Scope) => (await usageSince(db, scope, null)).costNanoUsd;
    expect(await costOf({ kind: 'team', id: 'same' })).toBe(107);
    expect(await costOf({ kind: 'user', id: 'same' })).toBe(7);
    expect(await costOf({ kind: 'team_member', id: joined('same', 'same') })).toBe(7);
  });

  test('changes in the transaction of its rows: where one fails, so does the other', async () => {
    await insertRequests(db, [sampleRow({ costNanoUsd: 1 })]);
    await sql`create trigger no_more before update on scope_usage begin select raise(abort, 'no more'); end`.execute(
      db,
    );
    await expect(insertRequests(db, [sampleRow({ costNanoUsd: 2 })])).rejects.toThrow('no more');
    const counted = await db.selectFrom('requests').select('id').execute();
    const cube = await db.selectFrom('usage_cube').select('requests').execute();
    expect([counted.length, cube]).toEqual([1, [{ requests: 1 }]]);
    expect((await usageSince(db, { kind: 'global', id: '' }, null)).costNanoUsd).toBe(1);
  });
});

describe('a search', () => {
  /** The plans of all statements that run while `work` does, on a connection that tells them. */
  async function plansOf(work: (told: Database) => Promise<unknown>): Promise<string[]> {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-plans-'));
    const path = join(folder, 'tollgate.db');
    const owner = await openDatabase({ url: `sqlite:${path}` });
    await insertRequests(owner, fc.sample(usageOrMirrorRow, { numRuns: 100, seed: 2 }));
    const file = new BunDatabase(path, { readonly: true });
    const statements: CompiledQuery[] = [];
    const told = new Kysely<DatabaseSchema>({
      dialect: sqliteDialect(bunSqlite(file, () => undefined)),
      log: ({ query }) => {
        statements.push(query);
      },
    });
    await work(told);
    const plans = statements
      .filter(({ sql: text }) => /select/i.test(text))
      .flatMap(({ sql: text, parameters }) => {
        // Kysely types parameters as unknown; these have just been bound.
        const steps = file.query(`explain query plan ${text}`).all(...(parameters as SQLQueryBindings[]));
        return steps.map((step) => JSON.stringify(step));
      });
    await told.destroy();
    await owner.destroy();
    rmSync(folder, { recursive: true });
    return plans;
  }

  test.each<[string, Scope]>([
    ['everything', { kind: 'global', id: '' }],
    ['a key', { kind: 'api_key', id: 'k1' }],
    ['a team', { kind: 'team', id: 't1' }],
    ['a tag', { kind: 'tag', id: 'a' }],
    ['a model of a user', { kind: 'model_per_user', id: joined('u1', 'gpt-4o') }],
    ['a provider', { kind: 'provider', id: 'openai' }],
  ])('for %s goes by time and never through a whole table', async (_, scope) => {
    // A quarter hour in which it was used, or the rows would not be looked at.
    const used = fc
      .sample(usageOrMirrorRow, { numRuns: 100, seed: 2 })
      .find((row) => row.startedAtMs % QUARTER_MS > 1 && scopesOf(row).some((one) => keyOf(one) === keyOf(scope)));
    const plans = await plansOf((told) => usageSince(told, scope, (used?.startedAtMs ?? 0) - 1));
    expect(plans.filter((step) => /"SCAN/.test(step) && !/CONSTANT ROW/.test(step))).toEqual([]);
    expect(plans.join()).toContain('USING INDEX requests_by_start (started_at_ms>? AND started_at_ms<?)');
    expect(plans.join()).toContain('USING PRIMARY KEY (kind=? AND ref=? AND second_ref=? AND quarter>?)');
    expect(plans.join()).not.toContain('requests_by_key');
  });

  test('since a quarter hour in which a scope did nothing leaves the rows alone', async () => {
    const plans = await plansOf((told) => usageSince(told, { kind: 'team', id: 't1' }, FROM_MS - 1_000_001));
    expect(plans.join()).toContain('scope_usage');
    expect(plans.join()).not.toContain('requests');
  });
});

describe('recent requests', () => {
  test('come back with their scopes and tokens, oldest first, refused ones left out', async () => {
    const rows = fc.sample(usageOrMirrorRow, { numRuns: 60, seed: 9 }).map(everyThirdUnkept);
    await insertRequests(db, rows);
    const sinceMs = FROM_MS + 100_000_000;
    const expected = rows.filter((row) => row.startedAtMs >= sinceMs && isConsuming(row));
    expect(expected.length).toBeGreaterThan(5);
    const found = await recentUsage(db, sinceMs);
    const plain = (atMs: number, scopes: readonly Scope[], tokens: number) =>
      `${atMs} ${tokens} ${[...new Set(scopes.map(keyOf))].sort().join()}`;
    expect(found.map(({ atMs }) => atMs)).toEqual(expected.map((row) => row.startedAtMs).sort((a, b) => a - b));
    expect(found.map(({ atMs, scopes, tokens }) => plain(atMs, scopes, tokens)).sort()).toEqual(
      expected.map((row) => plain(row.startedAtMs, rateScopes(row, row), rateTokensOf(row))).sort(),
    );
    expect(await recentUsage(db, TO_MS)).toEqual([]);
  });
});

describe('a mirrored request', () => {
  const served = {
    modelGroup: 'shadow',
    deploymentId: 'd',
    provider: 'openai',
    keyHash: 'k',
    teamId: 't',
    tags: ['x'],
  };

  test('counts for everybody’s scopes and its own, and for none of its owner’s', async () => {
    const costs = { costNanoUsd: 7, startedAtMs: FROM_MS + 5 };
    await insertRequests(db, [sampleRow({ ...served, ...costs, route: MIRROR_ROUTE })]);
    const spent = async (kind: ScopeKind, id: string): Promise<number[]> => {
      const since = [null, FROM_MS, FROM_MS + 1];
      return Promise.all(since.map(async (sinceMs) => (await usageSince(db, { kind, id }, sinceMs)).costNanoUsd));
    };
    for (const [kind, id] of [
      ['global', ''],
      ['mirror', ''],
      ['deployment', 'd'],
      ['provider', 'openai'],
    ] as const) {
      expect(await spent(kind, id)).toEqual([7, 7, 7]);
    }
    for (const [kind, id] of [
      ['api_key', 'k'],
      ['team', 't'],
      ['tag', 'x'],
      ['model_per_key', joined('k', 'shadow')],
    ] as const) {
      expect(await spent(kind, id)).toEqual([0, 0, 0]);
    }
  });
});
