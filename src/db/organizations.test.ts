import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, seeing } from '../../test/support/describe-entity-table.ts';
import { organizationMemberRow, organizationRow } from '../../test/support/entity-rows.ts';
import { organizationMembers } from './organization-members.ts';
import { organizations } from './organizations.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({
  name: 'organizations',
  entity: organizations,
  rowOf: organizationRow,
  key: ['organization_id'],
});

const db = databasePlace();

test('an organization is seen by those to whom it is named, and by no id that happens to be the same', async () => {
  for (const id of ['o', 'p']) await organizations.insert(db(), organizationRow(id));
  const found = async (visibility: Parameters<typeof organizations.find>[2]) =>
    (await organizations.findMany(db(), ['o', 'p'], visibility)).map(({ organization_id }) => organization_id).sort();
  expect(await found(seeing({ organizations: ['o'] }))).toEqual(['o']);
  expect(await found(seeing({ organizations: ['o', 'p', 'q'] }))).toEqual(['o', 'p']);
  expect(await found(seeing({ userId: 'o', keyHash: 'o', teams: ['o'] }))).toEqual([]);
});

test('to be its member is not enough by itself: what somebody may see is said in one place', async () => {
  await organizations.insert(db(), organizationRow('o'));
  await organizationMembers.insert(db(), organizationMemberRow('o', 'u', { user_role: 'org_admin' }));
  expect(await organizations.find(db(), 'o', seeing({ userId: 'u' }))).toBeUndefined();
});

test('aliases may be the same, since an organization is known by its id', async () => {
  await organizations.insert(db(), organizationRow('a', { organization_alias: 'Acme' }));
  expect(await organizations.insert(db(), organizationRow('b', { organization_alias: 'Acme' }))).toBeUndefined();
  expect(await organizations.count(db(), { visibility: EVERYTHING })).toBe(2);
});
