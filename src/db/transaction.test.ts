import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { teamRow } from '../../test/support/entity-rows.ts';
import { teams } from './teams.ts';
import { inTransaction } from './transaction.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();
const count = () => teams.count(db(), { visibility: EVERYTHING });

test('what succeeds is there, with what it returned', async () => {
  const result = await inTransaction(db(), async (transaction) => {
    await teams.insert(transaction, teamRow('a'));
    await teams.insert(transaction, teamRow('b'));
    return 'done';
  });
  expect([result, await count()]).toEqual(['done', 2]);
});

test('what throws has not happened, and the next one can', async () => {
  const failed = inTransaction(db(), async (transaction) => {
    await teams.insert(transaction, teamRow('a'));
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await count()).toBe(0);
  await inTransaction(db(), (transaction) => teams.insert(transaction, teamRow('a')));
  expect(await count()).toBe(1);
});

test('one within another is a part of it: it goes with the outer one', async () => {
  const failed = inTransaction(db(), async (outer) => {
    await inTransaction(outer, (inner) => {
      expect(inner).toBe(outer);
      return teams.insert(inner, teamRow('a'));
    });
    expect(await teams.count(outer, { visibility: EVERYTHING })).toBe(1);
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await count()).toBe(0);
});

test('a failure within, caught outside of it, leaves the decision to the outer one', async () => {
  await inTransaction(db(), async (outer) => {
    await teams.insert(outer, teamRow('a'));
    await inTransaction(outer, async () => {
      throw new Error('only a part');
    }).catch(() => undefined);
  });
  expect(await count()).toBe(1);
});
