import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, seeing } from '../../test/support/describe-entity-table.ts';
import { accessGroupRow } from '../../test/support/entity-rows.ts';
import { accessGroups } from './access-groups.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({
  name: 'access_groups',
  entity: accessGroups,
  rowOf: accessGroupRow,
  key: ['access_group_id'],
  unique: ['access_group_name'],
});

const db = databasePlace();

test('access groups belong to nobody: only who sees everything finds one, by whatever they own', async () => {
  await accessGroups.insert(db(), accessGroupRow('g', { assigned_team_ids: '["t"]', created_by: 'u' }));
  const person = seeing({ userId: 'u', keyHash: 'g', teams: ['t', 'g'], organizations: ['o'] });
  expect(await accessGroups.find(db(), 'g', person)).toBeUndefined();
  expect(await accessGroups.list(db(), { visibility: person, limit: 9 })).toEqual({ rows: [], total: 0 });
  expect(await accessGroups.change(db(), 'g', person, () => ({ description: 'mine' }))).toBeUndefined();
  expect(await accessGroups.remove(db(), ['g'], person)).toEqual([]);
  expect(await accessGroups.find(db(), 'g', EVERYTHING)).toMatchObject({ description: null, version: 1 });
});

test('a group that is gone leaves its name to another', async () => {
  await accessGroups.insert(db(), accessGroupRow('old', { access_group_name: 'fast' }));
  await accessGroups.remove(db(), ['old'], EVERYTHING);
  expect(await accessGroups.insert(db(), accessGroupRow('new', { access_group_name: 'fast' }))).toBeUndefined();
});

test('names of groups differ by case', async () => {
  await accessGroups.insert(db(), accessGroupRow('a', { access_group_name: 'fast' }));
  expect(await accessGroups.insert(db(), accessGroupRow('b', { access_group_name: 'FAST' }))).toBeUndefined();
});
