import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { totalsByDay } from './log-totals.ts';
import { directReader } from './reader.ts';
import { insertRequests } from './requests.ts';

const db = databasePlace();
const at = (text: string): number => Date.parse(`2026-03-${text}Z`);

async function add(startedAt: string, costNanoUsd: number | null, over: Parameters<typeof sampleRow>[0] = {}) {
  await insertRequests(db(), [
    sampleRow({ startedAtMs: at(startedAt), endedAtMs: at(startedAt) + 1, costNanoUsd, ...over }),
  ]);
}

const totals = async (filter: Parameters<typeof totalsByDay>[1] = {}, timeZone = 'UTC') =>
  (await totalsByDay(directReader(db()), filter, timeZone)).map(({ day, costNanoUsd }) => [day, costNanoUsd]);

describe('totals by day', () => {
  test('are none of nothing, and none of a name that was never recorded', async () => {
    expect(await totals()).toEqual([]);
    await add('29T12:00:00', 5);
    expect(await totals({ userId: 'nobody' })).toEqual([]);
  });

  test('add up what agrees in day, key, person and model, and nothing else', async () => {
    for (const cost of [5, 7, null]) await add('29T12:00:00', cost);
    await add('29T12:00:00', 20, { userId: 'other' });
    await add('29T12:00:00', 30, { keyHash: null });
    await add('30T12:00:00', 40, { model: null });
    const found = await totalsByDay(directReader(db()), {}, 'UTC');
    const shown = found.map(({ day, keyHash, userId, model, costNanoUsd }) => [
      day,
      keyHash?.length ?? null,
      userId,
      model,
      costNanoUsd,
    ]);
    expect(shown.toSorted((one, other) => Number(one[4]) - Number(other[4]))).toEqual([
      ['2026-03-29', 64, 'user-1', 'openai/gpt-4o-mini', 12],
      ['2026-03-29', 64, 'other', 'openai/gpt-4o-mini', 20],
      ['2026-03-29', null, 'user-1', 'openai/gpt-4o-mini', 30],
      ['2026-03-30', 64, 'user-1', 'gpt-4o-mini', 40],
    ]);
  });

  test.each([
    [
      'UTC',
      [
        ['2026-03-28', 3],
        ['2026-03-29', 12],
        ['2026-03-30', 16],
      ],
    ],
    [
      'Europe/Berlin',
      [
        ['2026-03-29', 7],
        ['2026-03-30', 24],
      ],
    ],
    [
      'America/New_York',
      [
        ['2026-03-28', 3],
        ['2026-03-29', 28],
      ],
    ],
  ])('are of the days of %s, also of the one that lacks an hour', async (zone, expected) => {
    const starts = ['28T23:00:00', '28T23:59:59.999', '29T21:59:59.999', '29T22:00:00', '30T00:00:00'];
    for (const [index, start] of starts.entries()) await add(start, 2 ** index);
    expect(await totals({}, zone)).toEqual(expected);
    expect(await totals({ statuses: ['success'], minCostNanoUsd: 0 }, zone)).toEqual(expected);
  });

  test('take in the first instant of a range and leave out the last, within a quarter hour too', async () => {
    const [fromMs, toMs] = [at('29T12:00:01'), at('29T12:40:02')];
    for (const [start, cost] of [
      ['29T12:00:00.999', 1],
      ['29T12:00:01', 2],
      ['29T12:20:00', 4],
      ['29T12:40:01.999', 8],
      ['29T12:40:02', 16],
    ] as const) {
      await add(start, cost);
    }
    expect(await totals({ fromMs, toMs })).toEqual([['2026-03-29', 14]]);
    expect(await totals({ fromMs, toMs, minCostNanoUsd: 3 })).toEqual([['2026-03-29', 12]]);
    expect(await totals({ fromMs: toMs, toMs: fromMs })).toEqual([]);
  });
});
