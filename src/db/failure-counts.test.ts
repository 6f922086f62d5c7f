import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { type FailureQuery, failuresBy } from './failure-counts.ts';
import { directReader } from './reader.ts';
import { insertRequests } from './requests.ts';

const db = databasePlace();
const NOON = Date.UTC(2026, 2, 28, 12);
const HOUR_MS = 3_600_000;

const failures = (over: Partial<FailureQuery> = {}) =>
  failuresBy(directReader(db()), {
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
    timeZone: 'UTC',
    filters: {},
    httpStatus: 429,
    byDeployment: false,
    ...over,
  });

async function store(): Promise<void> {
  const failed = { status: 'failure', httpStatus: 429 } as const;
  await insertRequests(db(), [
    sampleRow({ ...failed, startedAtMs: NOON, deploymentId: 'a', teamId: 't' }),
    sampleRow({ ...failed, startedAtMs: NOON + 1, deploymentId: 'a', teamId: 'u' }),
    sampleRow({ ...failed, startedAtMs: NOON + 2, deploymentId: 'b', teamId: 't' }),
    sampleRow({ ...failed, startedAtMs: NOON + 11.5 * HOUR_MS, deploymentId: null, teamId: 't' }),
    sampleRow({ ...failed, startedAtMs: NOON, httpStatus: 500, teamId: 't' }),
    sampleRow({ startedAtMs: NOON, teamId: 't' }),
  ]);
}

test('requests that ended with a status are counted by the day', async () => {
  await store();
  expect(await failures()).toEqual([{ day: '2026-03-28', deployment: null, count: 4 }]);
  expect(await failures({ httpStatus: 500 })).toEqual([{ day: '2026-03-28', deployment: null, count: 1 }]);
  expect(await failures({ httpStatus: 418 })).toEqual([]);
});

test('the day is the local one', async () => {
  await store();
  expect(await failures({ timeZone: 'Europe/Berlin' })).toEqual([
    { day: '2026-03-28', deployment: null, count: 3 },
    { day: '2026-03-29', deployment: null, count: 1 },
  ]);
});

test('each deployment is counted for itself, and those without one together', async () => {
  await store();
  const found = await failures({ byDeployment: true });
  expect(found.map(({ deployment, count }) => [deployment, count]).sort()).toEqual([
    [null, 1],
    ['a', 2],
    ['b', 1],
  ]);
});

test('filters, range and sight hold as in every report', async () => {
  await store();
  expect(await failures({ filters: { teams: ['u'] } })).toMatchObject([{ count: 1 }]);
  expect(await failures({ filters: { teams: ['never seen'] } })).toEqual([]);
  expect(await failures({ fromMs: NOON + 1, toMs: NOON + 2 })).toMatchObject([{ count: 1 }]);
  expect(await failures({ anyOf: [{ teams: ['t'] }, { teams: ['u'] }] })).toMatchObject([{ count: 4 }]);
  expect(await failures({ anyOf: [] })).toEqual([]);
});
