import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { FROM_MS, sumOf, TO_MS, usageRow, ZONES } from '../../test/support/usage-rows.ts';
import { totalsByDay } from './log-totals.ts';
import { directReader } from './reader.ts';
import type { LedgerRow, RowStatus } from './request-row.ts';
import { insertRequests } from './requests.ts';
import { findLogs, type LogFilter } from './spend-logs.ts';

const db = databasePlace();
const reader = () => directReader(db());

/** What a filter means, said for one row in memory. */
function isWanted(row: LedgerRow, filter: LogFilter): boolean {
  const { requestId, tags, model, statuses, minCostNanoUsd, maxCostNanoUsd, fromMs, toMs, errorCode, errorMessage } =
    filter;
  const names = [
    'keyHash',
    'keyAlias',
    'userId',
    'teamId',
    'organizationId',
    'endUser',
    'deploymentId',
    'sessionId',
  ] as const;
  const hasNames = names.every((name) => filter[name] === undefined || row[name] === filter[name]);
  const tests: readonly [asked: unknown, isSo: boolean][] = [
    [requestId, [row.id, row.callId, row.responseId].includes(requestId ?? '')],
    [tags, row.tags.some((tag) => tags?.includes(tag))],
    [model, [row.requestedModel, row.modelGroup, row.model].includes(model ?? '')],
    [statuses, statuses?.includes(row.status) === true],
    [minCostNanoUsd, row.costNanoUsd !== null && row.costNanoUsd >= (minCostNanoUsd ?? 0)],
    [maxCostNanoUsd, row.costNanoUsd !== null && row.costNanoUsd <= (maxCostNanoUsd ?? 0)],
    [fromMs, row.startedAtMs >= (fromMs ?? 0)],
    [toMs, row.startedAtMs < (toMs ?? 0)],
    [errorCode, row.error !== null && (row.error.code === errorCode || String(row.httpStatus) === errorCode)],
    [errorMessage, row.error?.message.toLowerCase().includes(errorMessage?.toLowerCase() ?? '') === true],
  ];
  return hasNames && tests.every(([asked, isSo]) => asked === undefined || isSo);
}

const ERRORS: readonly LedgerRow['error'][] = [
  null,
  { kind: 'rate_limited', type: 'rate_limit_error', message: 'Over 5 requests per minute', code: '429' },
  { kind: 'upstream_failed', type: 'api_error', message: 'It broke: 100% of it', code: null },
];

const ROWS = fc.sample(usageRow, { numRuns: 120, seed: 31 }).map((row, at): LedgerRow => {
  const error = ERRORS[at % ERRORS.length] ?? null;
  return {
    ...row,
    error,
    httpStatus: error === null ? 200 : 500 + (at % 2),
    sessionId: at % 5 === 0 ? `s${at % 3}` : null,
  };
});

const maybe = <Value>(...values: readonly Value[]) =>
  fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
const filters: fc.Arbitrary<LogFilter> = fc.record({
  keyHash: maybe('k1', 'k2', 'unknown'),
  teamId: maybe('t1', 't2'),
  userId: maybe('u1', 't1'),
  endUser: maybe('e1'),
  tags: maybe<readonly string[]>(['a'], ['a', 'b'], ['unknown']),
  model: maybe('gpt-4o', 'small', 'openai/gpt-4o', 'gpt-4o-mini'),
  statuses: maybe<readonly RowStatus[]>(['success'], ['failure', 'crashed'], []),
  sessionId: maybe('s0', 's1'),
  minCostNanoUsd: maybe(0, 2 ** 39),
  maxCostNanoUsd: maybe(2 ** 39),
  errorCode: maybe('429', '500', '501', 'none'),
  errorMessage: maybe('OVER 5', '100%', '%', 'e'),
  fromMs: maybe(FROM_MS + 90_000_001, FROM_MS + 900_000),
  toMs: maybe(TO_MS - 90_000_001),
});
/** Few at once, or nothing is left to find. */
const filter = fc
  .tuple(filters, fc.uniqueArray(fc.constantFrom(...Object.keys(fc.sample(filters, 1)[0] ?? {})), { maxLength: 3 }))
  .map(([all, kept]): LogFilter => Object.fromEntries(Object.entries(all).filter(([name]) => kept.includes(name))));

describe('a filter of the log', () => {
  test('finds what a list in memory would, newest first, with its total, in pages without loss', async () => {
    await insertRequests(db(), ROWS);
    let found = 0;
    await fc.assert(
      fc.asyncProperty(filter, async (asked) => {
        const expected = ROWS.filter((row) => isWanted(row, asked))
          .toSorted((a, b) => b.startedAtMs - a.startedAtMs || (a.id < b.id ? 1 : -1))
          .map(({ id }) => id);
        const seen: string[] = [];
        for (let offset = 0; offset <= expected.length; offset += 40) {
          const page = await findLogs(reader(), asked, { limit: 40, offset });
          expect(page.total).toBe(expected.length);
          seen.push(...page.rows.map(({ id }) => id));
        }
        expect(seen).toEqual(expected);
        found += seen.length;
      }),
      { numRuns: 120, seed: 17 },
    );
    expect(found).toBeGreaterThan(1_500);
  });

  test('adds up to what its rows cost, day by day, in any zone', async () => {
    await insertRequests(db(), ROWS);
    await fc.assert(
      fc.asyncProperty(filter, fc.constantFrom(...ZONES), async (asked, timeZone) => {
        const wanted = ROWS.filter((row) => isWanted(row, asked));
        const totals = await totalsByDay(reader(), asked, timeZone);
        const day = new Intl.DateTimeFormat('sv-SE', { timeZone });
        for (const one of new Set([
          ...totals.map((total) => total.day),
          ...wanted.map((row) => day.format(row.startedAtMs)),
        ])) {
          const ofDay = wanted.filter((row) => day.format(row.startedAtMs) === one);
          expect(
            sumOf(
              totals.filter((total) => total.day === one),
              (total) => total.costNanoUsd,
            ),
          ).toBe(sumOf(ofDay, (row) => row.costNanoUsd ?? 0));
          expect(new Set(totals.filter((total) => total.day === one).map(({ keyHash }) => keyHash))).toEqual(
            new Set(ofDay.map(({ keyHash }) => keyHash)),
          );
        }
      }),
      { numRuns: 60, seed: 18 },
    );
  });

  test('may be asked for any of a row’s three ids', async () => {
    await insertRequests(db(), [sampleRow({ id: 'r', callId: 'c', responseId: 'a' }), sampleRow()]);
    for (const requestId of ['r', 'c', 'a']) {
      expect((await findLogs(reader(), { requestId }, { limit: 9, offset: 0 })).rows.map(({ id }) => id)).toEqual([
        'r',
      ]);
    }
  });

  test('shows only what one of the conditions of sight lets through', async () => {
    await insertRequests(db(), [
      sampleRow({ id: '1', keyHash: 'k', teamId: 't' }),
      sampleRow({ id: '2', keyHash: 'l', teamId: 't' }),
      sampleRow({ id: '3', keyHash: 'l', teamId: 'u' }),
    ]);
    const ids = async (anyOf: LogFilter['anyOf'], rest: LogFilter = {}) =>
      (await findLogs(reader(), { ...rest, anyOf }, { limit: 9, offset: 0 })).rows.map(({ id }) => id).sort();
    expect(await ids(undefined)).toEqual(['1', '2', '3']);
    expect(await ids([])).toEqual([]);
    expect(await ids([{ keys: ['k'] }, { teams: ['u'] }])).toEqual(['1', '3']);
    expect(await ids([{ keys: ['k'] }, { teams: ['never seen'] }])).toEqual(['1']);
    expect(await ids([{ keys: ['never seen'] }])).toEqual([]);
    expect(await ids([{ teams: ['t'] }], { keyHash: 'l' })).toEqual(['2']);
  });
});
