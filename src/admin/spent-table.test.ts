/** Tables for spreadsheets of what reports list by key, by person and by refusal. */
import { expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { digest } from '../auth/digest.ts';

const place = adminPlace();
const NOON = Date.UTC(2026, 0, 30, 12);

const linesOf = async (path: string): Promise<string[][]> => {
  const { status, headers, body } = await place.get(path);
  expect([path, status, headers.get('content-type')]).toEqual([path, 200, expect.stringContaining('text/csv')]);
  return String(body)
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
};

test('keys and people are told with the names, and every nano-dollar written out', async () => {
  const key = await place.key({ key_alias: 'app', user_id: 'ada', max_budget: 2.5 });
  place.ledger.record(sampleRow({ keyHash: digest(key), userId: 'ada', costNanoUsd: 25, startedAtMs: NOON }));
  const [keyColumns = [], ofKey = []] = await linesOf('/spend/keys?format=csv');
  const keyCells = Object.fromEntries(keyColumns.map((column, at) => [column, ofKey[at]]));
  expect(keyCells).toMatchObject({
    token: digest(key),
    key_alias: 'app',
    user_id: 'ada',
    spend: '0.000000025',
    total_spend: '0.000000025',
    max_budget: '2.5',
    team_id: '',
  });
  const [userColumns = [], ofUser = [], ...others] = await linesOf('/spend/users?format=csv');
  expect(others).toEqual([]);
  expect([userColumns[0], ofUser[0], ofUser[userColumns.indexOf('spend')]]).toEqual(['user_id', 'ada', '0.000000025']);
});

test('refusals are told by day, and by deployment', async () => {
  for (const deploymentId of ['d-1', 'd-1', 'd-2']) {
    place.ledger.record(sampleRow({ status: 'failure', httpStatus: 429, deploymentId, startedAtMs: NOON }));
  }
  expect(await linesOf('/global/activity/exceptions?format=csv')).toEqual([
    ['date', 'num_rate_limit_exceptions'],
    ['2026-01-30', '3'],
  ]);
  const [columns, ...lines] = await linesOf('/global/activity/exceptions/deployment?format=csv');
  expect(columns).toEqual(['api_base', 'date', 'num_rate_limit_exceptions']);
  expect(lines.map(([, , count]) => Number(count)).sort()).toEqual([1, 2]);
});

test('a table of nothing has its columns all the same', async () => {
  for (const [path, column] of [
    ['/spend/keys', 'key_alias'],
    ['/spend/users', 'user_email'],
    ['/global/activity/exceptions', 'num_rate_limit_exceptions'],
    ['/global/activity/exceptions/deployment', 'api_base'],
    ['/global/activity', 'spend'],
  ] as const) {
    const lines = await linesOf(`${path}?format=csv`);
    expect([path, lines.length, lines[0]]).toEqual([path, 1, expect.arrayContaining([column])]);
  }
});

test('a header that asks for a table is enough, and without one the answer is JSON', async () => {
  const asked = await place.request('/spend/keys', { headers: { accept: 'text/csv' } });
  expect(asked.headers.get('content-disposition')).toContain('keys.csv');
  expect((await place.get('/spend/keys')).body).toEqual([]);
});
