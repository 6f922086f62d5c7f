import { beforeEach, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { keyRow } from '../../test/support/entity-rows.ts';
import { deleteKeys, findKey, insertKey, keys, keysCountedAs, usageHashOf } from './keys.ts';
import {
  findReplacement,
  forgetOldSecrets,
  type Regeneration,
  regenerateKey,
  usageHashFor,
} from './regenerated-keys.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

const db = databasePlace();
beforeEach(async () => {
  await keys.insert(db(), keyRow('first', { key_alias: 'x', team_id: 't', rotation_count: 0 }));
});

const renew = (from: string, to: string, over: Partial<Regeneration> = {}) =>
  regenerateKey(db(), from, { newToken: to, oldValidUntilMs: 500, nowMs: 100, change: () => ({}), ...over });

test('the key keeps all it has under its new secret, except for what was asked to change', async () => {
  const outcome = await renew('first', 'second', {
    change: (row) => ({ rotation_count: Number(row.rotation_count) + 1, key_name: 'sk-...cond' }),
  });
  const after = keyRow('second', {
    usage_hash: 'first',
    ...{ key_alias: 'x', team_id: 't', rotation_count: 1, key_name: 'sk-...cond' },
  });
  expect(outcome).toMatchObject({ before: { token: 'first' }, after });
  expect(await findKey(db(), 'second')).toEqual(after);
  expect(await findKey(db(), 'first')).toBeUndefined();
  expect(await findReplacement(db(), 'first')).toEqual({ row: after, validUntilMs: 500 });
});

test('without a grace time the old secret is over at once', async () => {
  await renew('first', 'second', { oldValidUntilMs: null });
  expect(await findReplacement(db(), 'first')).toMatchObject({ validUntilMs: 100 });
});

test('secrets before the last one lead to the key as it is now, each until its own time', async () => {
  await renew('first', 'second');
  await renew('second', 'third', { oldValidUntilMs: 900 });
  expect(await findReplacement(db(), 'first')).toMatchObject({ row: { token: 'third' }, validUntilMs: 500 });
  expect(await findReplacement(db(), 'second')).toMatchObject({ row: { token: 'third' }, validUntilMs: 900 });
  expect(await findReplacement(db(), 'third')).toBeUndefined();
});

test('a secret that is or was in use is refused, and so is the alias of another key; nothing has changed then', async () => {
  await keys.insert(db(), keyRow('other', { key_alias: 'y' }));
  expect(await renew('first', 'other')).toEqual({ taken: 'token' });
  expect(await renew('first', 'first')).toEqual({ taken: 'token' });
  expect(await renew('first', 'second', { change: () => ({ key_alias: 'y' }) })).toEqual({ taken: 'key_alias' });
  expect(await findKey(db(), 'first')).toBeDefined();
  await renew('first', 'second');
  expect(await renew('other', 'first')).toEqual({ taken: 'token' });
});

test('nobody makes a new key with a secret that another key had', async () => {
  await renew('first', 'second');
  expect(await insertKey(db(), keyRow('first'))).toBe('key taken');
});

test('a change that throws leaves the old secret as it was, and a key that is not there is told', async () => {
  const failing = renew('first', 'second', {
    change: () => {
      throw new RangeError('no');
    },
  });
  await expect(failing).rejects.toThrow(RangeError);
  expect(await findKey(db(), 'first')).toBeDefined();
  expect(await findReplacement(db(), 'first')).toBeUndefined();
  expect(await renew('nobody', 'second')).toBeUndefined();
});

test('of two at once one wins', async () => {
  const outcomes = await Promise.all([renew('first', 'second'), renew('first', 'third')]);
  expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1);
});

test('old secrets go with their key, and with their time', async () => {
  await renew('first', 'second');
  await keys.insert(db(), keyRow('other'));
  await renew('other', 'another', { oldValidUntilMs: 900 });
  expect(await forgetOldSecrets(db(), 501)).toBe(1);
  expect(await findReplacement(db(), 'first')).toBeUndefined();
  await deleteKeys(db(), ['another'], 1);
  expect(await forgetOldSecrets(db(), 10_000)).toBe(0);
});

const seenBy = (keyHash: string): Visibility => ({
  ...{ all: false, keyHash, userId: null },
  ...{ teams: [], organizations: [] },
});

test('a key is counted under the digest of its first secret, whatever its secret is now', async () => {
  await renew('first', 'second');
  await renew('second', 'third');
  expect(usageHashOf((await findKey(db(), 'third')) ?? keyRow('none'))).toBe('first');
  for (const secret of ['first', 'second', 'third']) expect(await usageHashFor(db(), secret)).toBe('first');
  expect(await usageHashFor(db(), 'of nobody')).toBe('of nobody');
  expect(await keys.find(db(), 'third', seenBy('first'))).toMatchObject({ token: 'third' });
  expect(await keys.find(db(), 'third', seenBy('second'))).toBeUndefined();
  await deleteKeys(db(), ['third'], 1);
  expect(await usageHashFor(db(), 'third')).toBe('first');
});

test('keys are found by what they are counted under, for those who may see them', async () => {
  await keys.insert(db(), keyRow('other', { team_id: 'theirs' }));
  await renew('first', 'second');
  const found = await keysCountedAs(db(), ['first', 'second', 'other', 'nobody'], EVERYTHING);
  expect([...found].map(([name, { token }]) => [name, token]).sort()).toEqual([
    ['first', 'second'],
    ['other', 'other'],
  ]);
  expect([...(await keysCountedAs(db(), ['first', 'other'], seenBy('first'))).keys()]).toEqual(['first']);
});

test('nobody gets what another key is counted under, even when the secret itself is forgotten', async () => {
  await renew('first', 'second');
  await forgetOldSecrets(db(), 10_000);
  expect(await insertKey(db(), keyRow('first'))).toBe('key taken');
  await keys.insert(db(), keyRow('other'));
  expect(await renew('other', 'first')).toEqual({ taken: 'token' });
});

test('a key made with the secret of a deleted one begins anew', async () => {
  expect(await deleteKeys(db(), ['first'], 1)).toEqual(['first']);
  expect(await insertKey(db(), keyRow('first', { created_at_ms: 2 }))).toBe('inserted');
  const second = await usageHashFor(db(), 'first');
  expect(second).not.toBe('first');
  await deleteKeys(db(), ['first'], 3);
  await insertKey(db(), keyRow('first', { created_at_ms: 4 }));
  expect(['first', second]).not.toContain(await usageHashFor(db(), 'first'));
});
