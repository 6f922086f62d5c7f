import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { NOBODY, seeing } from '../../test/support/describe-entity-table.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { requestById } from './request-by-id.ts';
import { insertRequests } from './requests.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const OWNERS = { keyHash: 'k', userId: 'u', teamId: 't', organizationId: 'o' };

test('a row is found by its id, its call’s id and its answer’s id, without what was said', async () => {
  const row = sampleRow({ id: 'r', callId: 'c', responseId: 'a', requestBody: '{"secret":1}', responseBody: '{}' });
  await insertRequests(db(), [row]);
  const { requestBody, responseBody, ...rest } = row;
  expect([requestBody, responseBody]).toEqual(['{"secret":1}', '{}']);
  for (const id of ['r', 'c', 'a']) expect(await requestById(db(), id, EVERYTHING)).toEqual({ ...rest, attempts: [] });
  for (const id of ['', 'R', 'r ', 'k']) expect(await requestById(db(), id, EVERYTHING)).toBeUndefined();
});

test('of several with one call id it is the newest that may be seen', async () => {
  await insertRequests(db(), [
    sampleRow({ id: '1', callId: 'shared', ...OWNERS }),
    sampleRow({ id: '3', callId: 'shared', keyHash: 'foreign', userId: null, teamId: null }),
    sampleRow({ id: '2', callId: 'shared', ...OWNERS }),
  ]);
  expect(await requestById(db(), 'shared', EVERYTHING)).toMatchObject({ id: '3' });
  expect(await requestById(db(), 'shared', seeing({ keyHash: 'k' }))).toMatchObject({ id: '2' });
  expect(await requestById(db(), '3', seeing({ keyHash: 'k' }))).toBeUndefined();
});

test('a row is seen by its key, its user, its team and its organization, and by nobody else', async () => {
  await insertRequests(db(), [
    sampleRow({ id: 'r', ...OWNERS }),
    sampleRow({ id: 'other', keyHash: 'x', userId: 'y' }),
  ]);
  for (const over of [{ keyHash: 'k' }, { userId: 'u' }, { teams: ['t', 'z'] }, { organizations: ['o'] }]) {
    expect(await requestById(db(), 'r', seeing(over))).toMatchObject({ id: 'r' });
  }
  for (const over of [
    {},
    { keyHash: 'u' },
    { userId: 'k' },
    { teams: ['o'] },
    { organizations: ['t'] },
    { keyHash: 'x' },
  ]) {
    expect(await requestById(db(), 'r', seeing(over))).toBeUndefined();
  }
  expect(await requestById(db(), 'r', NOBODY)).toBeUndefined();
});

test('a row without owners is nobody’s', async () => {
  await insertRequests(db(), [sampleRow({ id: 'r', keyHash: null, userId: null, teamId: null, organizationId: null })]);
  const person = seeing({ userId: 'null', keyHash: '', teams: ['', 'null'], organizations: [''] });
  expect(await requestById(db(), 'r', person)).toBeUndefined();
  expect(await requestById(db(), 'r', EVERYTHING)).toBeDefined();
});
