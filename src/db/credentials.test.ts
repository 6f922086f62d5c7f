import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, seeing } from '../../test/support/describe-entity-table.ts';
import { credentialRow } from '../../test/support/entity-rows.ts';
import { credentials } from './credentials.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({
  name: 'credentials',
  entity: credentials,
  rowOf: credentialRow,
  key: ['credential_id'],
  unique: ['credential_name'],
});

const db = databasePlace();

test('credentials are seen by nobody who does not see everything', async () => {
  await credentials.insert(db(), credentialRow('c', { created_by: 'u' }));
  const person = seeing({ userId: 'u', keyHash: 'c', teams: ['c'], organizations: ['c'] });
  expect(await credentials.find(db(), 'c', person)).toBeUndefined();
  expect(await credentials.findMany(db(), ['c'], person)).toEqual([]);
  expect(await credentials.remove(db(), ['c'], person)).toEqual([]);
  expect(await credentials.count(db(), { visibility: EVERYTHING })).toBe(1);
});

test('a credential may be renamed to a name that was given up a moment ago', async () => {
  await credentials.insert(db(), credentialRow('a', { credential_name: 'main' }));
  await credentials.insert(db(), credentialRow('b', { credential_name: 'spare' }));
  await credentials.change(db(), 'a', EVERYTHING, () => ({ credential_name: 'old' }));
  const changed = await credentials.change(db(), 'b', EVERYTHING, () => ({ credential_name: 'main' }));
  expect(changed).toMatchObject({ after: { credential_name: 'main' } });
});
