import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, HOSTILE, seeing } from '../../test/support/describe-entity-table.ts';
import { customerRow, userRow } from '../../test/support/entity-rows.ts';
import { customers } from './customers.ts';
import { users } from './users.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({ name: 'customers', entity: customers, rowOf: customerRow, key: ['user_id'] });

const db = databasePlace();

test('a customer and a user of one id are two things', async () => {
  await customers.insert(db(), customerRow('same', { blocked: 1 }));
  await users.insert(db(), userRow('same'));
  await customers.remove(db(), ['same'], EVERYTHING);
  expect(await users.find(db(), 'same', EVERYTHING)).toMatchObject({ blocked: 0 });
});

test('a customer is nobody’s: no user sees one, not even under the same id', async () => {
  await customers.insert(db(), customerRow('u'));
  const person = seeing({ userId: 'u', keyHash: 'u', teams: ['u'], organizations: ['u'] });
  expect(await customers.find(db(), 'u', person)).toBeUndefined();
  expect(await customers.list(db(), { visibility: person, limit: 9 })).toEqual({ rows: [], total: 0 });
});

test('those who are blocked are found by it, and a name that clients sent is only a name', async () => {
  for (const [at, id] of HOSTILE.entries()) await customers.insert(db(), customerRow(id, { blocked: at % 2 }));
  const { rows, total } = await customers.list(db(), {
    visibility: EVERYTHING,
    where: [{ column: 'blocked', is: 1 }],
    limit: 99,
  });
  expect(total).toBe(Math.floor(HOSTILE.length / 2));
  expect(rows.map(({ user_id }) => user_id).sort()).toEqual(HOSTILE.filter((_, at) => at % 2 === 1).sort());
});
