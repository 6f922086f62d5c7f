import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { insertRequests } from './requests.ts';
import { isSeen, seenNames } from './seen-scopes.ts';

const db = databasePlace();

test('end users and tags are known by their requests, each kind for itself, in order of the name', async () => {
  await insertRequests(db(), [
    sampleRow({ endUser: 'zoe', tags: ['b', 'a'] }),
    sampleRow({ endUser: 'ann', tags: ['b'], startedAtMs: 1_000 }),
    sampleRow({ endUser: null, tags: [], userId: 'not an end user' }),
  ]);
  expect(await seenNames(db(), 'end_user', 10)).toEqual(['ann', 'zoe']);
  expect(await seenNames(db(), 'tag', 10)).toEqual(['a', 'b']);
  expect(await seenNames(db(), 'tag', 1)).toEqual(['a']);
});

test('a name is seen in the kind in which it was', async () => {
  await insertRequests(db(), [sampleRow({ endUser: 'e', tags: ['t'], userId: 'u' })]);
  expect([await isSeen(db(), 'end_user', 'e'), await isSeen(db(), 'tag', 't')]).toEqual([true, true]);
  expect([await isSeen(db(), 'end_user', 't'), await isSeen(db(), 'tag', 'e')]).toEqual([false, false]);
  expect([await isSeen(db(), 'end_user', 'u'), await isSeen(db(), 'end_user', 'nobody')]).toEqual([false, false]);
});

test('where nothing was asked, nobody was seen', async () => {
  expect(await seenNames(db(), 'end_user', 10)).toEqual([]);
  expect(await isSeen(db(), 'tag', '')).toBe(false);
});

test('a request that was refused has been seen too', async () => {
  await insertRequests(db(), [sampleRow({ endUser: 'e', status: 'failure', attempts: [], costNanoUsd: null })]);
  expect(await isSeen(db(), 'end_user', 'e')).toBe(true);
});
