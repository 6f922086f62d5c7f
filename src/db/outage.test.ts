import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { isOutage } from './outage.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('It did not throw');
}

test('a file that cannot be opened or written is an outage', () => {
  expect(isOutage(thrownBy(() => new Database('/nowhere/at/all/x.db')))).toBe(true);
  const db = new Database(':memory:');
  db.run('create table t (a unique)');
  db.run('pragma query_only = on');
  expect(isOutage(thrownBy(() => db.run('insert into t values (1)')))).toBe(true);
});

test('a query that is wrong, or breaks a rule, is not', () => {
  const db = new Database(':memory:');
  db.run('create table t (a unique)');
  db.run('insert into t values (1)');
  expect(isOutage(thrownBy(() => db.run('insert into t values (1)')))).toBe(false);
  expect(isOutage(thrownBy(() => db.run('select * from nothing')))).toBe(false);
  expect(isOutage(new Error('SQLITE_BUSY'))).toBe(false);
  expect(isOutage('SQLITE_BUSY')).toBe(false);
});
