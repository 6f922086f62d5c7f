import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { refOf } from './dictionary.ts';
import { insertRequests } from './requests.ts';
import { type Report, reportQuery } from './usage-report-query.ts';

const db = databasePlace();
const QUARTER_MS = 900_000;
const NOON_MS = Date.parse('2026-03-29T12:00:00Z');
const REPORT: Report = { fromMs: NOON_MS, toMs: NOON_MS + 3 * QUARTER_MS, filters: new Map(), anyOf: [], groupBy: [] };

async function add(offsetMs: number, costNanoUsd: number, over: Parameters<typeof sampleRow>[0] = {}): Promise<void> {
  const startedAtMs = NOON_MS + offsetMs;
  await insertRequests(db(), [sampleRow({ startedAtMs, endedAtMs: startedAtMs + 1, costNanoUsd, ...over })]);
}

const compiled = (over: Partial<Report>) => reportQuery(db(), { ...REPORT, ...over });

async function found(over: Partial<Report> = {}) {
  const query = compiled(over);
  return query === undefined ? [] : (await db().executeQuery(query)).rows;
}

const costs = async (over: Partial<Report>) => (await found(over)).map((row) => row.cost_nano_usd ?? null);

/** Which of the two sources a report reads. */
function sources(over: Partial<Report>): string[] {
  const text = compiled(over)?.sql ?? '';
  return ['usage_cube', 'from requests'].filter((name) => text.includes(name));
}

describe('the range of a report', () => {
  test.each([
    ['whole quarter hours are read from the totals', 0, QUARTER_MS, ['usage_cube']],
    ['a piece of one is read from the rows', 1, QUARTER_MS - 1, ['from requests']],
    ['a piece on either side of a boundary is read from the rows', -1, 1, ['from requests']],
    ['whole ones with a piece before', -1, QUARTER_MS, ['usage_cube', 'from requests']],
    ['whole ones with a piece behind', 0, QUARTER_MS + 1, ['usage_cube', 'from requests']],
    ['nothing, on a boundary', 0, 0, []],
    ['backwards, which is nothing', QUARTER_MS, 0, []],
  ])('%s', (_what, from, to, expected) => {
    expect(sources({ fromMs: NOON_MS + from, toMs: NOON_MS + to })).toEqual(expected);
  });

  test.each([
    [0, 3 * QUARTER_MS, 126],
    [1, 3 * QUARTER_MS, 124],
    [-1, 3 * QUARTER_MS, 127],
    [0, 3 * QUARTER_MS + 1, 254],
    [QUARTER_MS - 1, QUARTER_MS, 4],
    [QUARTER_MS, QUARTER_MS + 1, 8],
    [QUARTER_MS + 1, 2 * QUARTER_MS - 1, 16],
    [-1, 1, 3],
    [5, 10, null],
  ])('from %p to %p sums exactly what began in it: %p', async (from, to, sum) => {
    const starts = [-1, 0, QUARTER_MS - 1, QUARTER_MS, QUARTER_MS + 1, 2 * QUARTER_MS - 1, 3 * QUARTER_MS - 1];
    for (const [index, start] of [...starts, 3 * QUARTER_MS].entries()) await add(start, 2 ** index);
    expect(await costs({ fromMs: NOON_MS + from, toMs: NOON_MS + to })).toEqual([sum]);
  });

  test('before the epoch is as from the epoch on, and has no end at the largest number', async () => {
    await add(0, 5);
    expect(await costs({ fromMs: -5, toMs: Number.MAX_SAFE_INTEGER })).toEqual([5]);
  });
});

describe('the order of a report', () => {
  const cheap = { userId: 'cheap', buckets: null };
  const busy = { userId: 'busy', buckets: null };

  test.each([
    ['cost', [200, 100, 2]],
    ['requests', [2, 100, 200]],
    ['tokens', [100, 200, 2]],
    [undefined, [200, 100, 2]],
  ] as const)('by %p begins with the largest', async (orderBy, expected) => {
    await add(0, 100, { userId: 'long' });
    await add(0, 200, cheap);
    for (const cost of [1, 1]) await add(0, cost, busy);
    expect(await costs({ groupBy: ['user'], orderBy })).toEqual([...expected]);
  });

  test('by day is ascending, and within a day by cost', async () => {
    await add(0, 1, cheap);
    await add(0, 3, busy);
    await add(-86_400_000, 2, busy);
    const fromMs = NOON_MS - 86_400_000;
    expect(await costs({ fromMs, groupBy: ['user', 'day'] })).toEqual([2, 3, 1]);
    expect(await costs({ fromMs, groupBy: ['user', 'day'], orderBy: 'cost' })).toEqual([3, 2, 1]);
  });

  test('leaves no group out of pages, and gives none twice, also among equals', async () => {
    for (const userId of ['a', 'b', 'c', 'd', 'e']) await add(0, 1, { userId });
    const refs = async (over: Partial<Report>) => (await found({ groupBy: ['user'], ...over })).map((row) => row.g0);
    const pages = [];
    for (const offset of [0, 2, 4, 6]) pages.push(...(await refs({ limit: 2, offset })));
    expect(pages).toEqual(await refs({}));
    expect(new Set(pages).size).toBe(5);
    expect(await refs({ limit: 0 })).toEqual([]);
  });
});

describe('what a report is about', () => {
  test.each([
    ['totals', 0, 3 * QUARTER_MS],
    ['rows', 1, QUARTER_MS - 1],
  ])('must match the filter, and one of the others where there are any, in %s', async (_from, from, to) => {
    await add(5, 1, { userId: 'a', teamId: 's' });
    await add(5, 2, { userId: 'b', teamId: 's' });
    await add(5, 4, { userId: 'b', teamId: 't' });
    const [a = 0, b = 0, s = 0] = await Promise.all(['a', 'b', 's'].map((name) => refOf(db(), name)));
    const range = { fromMs: NOON_MS + from, toMs: NOON_MS + to };
    expect(await costs({ ...range, filters: new Map([['user_ref', [b]]]) })).toEqual([6]);
    const anyOf = [new Map([['user_ref', [a]]] as const), new Map([['team_ref', [s]]] as const)];
    expect(await costs({ ...range, anyOf })).toEqual([3]);
    expect(await costs({ ...range, anyOf, filters: new Map([['user_ref', [b]]]) })).toEqual([2]);
  });

  test('counts a request under each of its tags, or only under those asked for', async () => {
    await add(0, 1, { tags: ['x', 'y'] });
    await add(0, 4, { tags: [] });
    expect(await costs({ groupBy: ['tag'] })).toEqual([4, 1, 1]);
    const x = (await refOf(db(), 'x')) ?? 0;
    const ofX = await found({ groupBy: ['tag'], filters: new Map([['tags_ref', [x]]]) });
    expect(ofX.map((row) => [row.g0, row.cost_nano_usd])).toEqual([[x, 1]]);
  });
});
