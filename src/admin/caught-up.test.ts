import { expect, test } from 'bun:test';
import { caughtUp } from './caught-up.ts';

test('with nothing pending nothing is waited for', async () => {
  const flush = () => Promise.reject(new Error('not to be called'));
  expect(await caughtUp({ pending: () => 0, flush })).toBe(0);
});

test('what is pending is waited for', async () => {
  let pending = 3;
  const flush = async () => {
    await Promise.resolve();
    pending = 0;
  };
  expect(await caughtUp({ pending: () => pending, flush })).toBe(0);
  expect(pending).toBe(0);
});

test('a database that takes no rows holds nobody up: the number of missing rows is told', async () => {
  const { promise } = Promise.withResolvers<void>();
  expect(await caughtUp({ pending: () => 7, flush: () => promise }, 5)).toBe(7);
});

test('a ledger that closes meanwhile is an error', async () => {
  const flush = () => Promise.reject(new Error('closed'));
  await expect(caughtUp({ pending: () => 1, flush })).rejects.toThrow('closed');
});
