import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, seeing } from '../../test/support/describe-entity-table.ts';
import { tagRow } from '../../test/support/entity-rows.ts';
import { tags } from './tags.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({ name: 'tags', entity: tags, rowOf: tagRow, key: ['tag_name'] });

const db = databasePlace();

test('tags that differ by case or by a blank are different tags', async () => {
  for (const name of ['prod', 'Prod', 'prod ', ' prod', 'pród']) {
    expect(await tags.insert(db(), tagRow(name))).toBeUndefined();
  }
  expect(await tags.count(db(), { visibility: EVERYTHING })).toBe(5);
  expect(await tags.remove(db(), ['PROD'], EVERYTHING)).toEqual([]);
});

test('a tag belongs to nobody', async () => {
  await tags.insert(db(), tagRow('prod', { created_by: 'u' }));
  const person = seeing({ userId: 'u', keyHash: 'prod', teams: ['prod'], organizations: ['prod'] });
  expect(await tags.find(db(), 'prod', person)).toBeUndefined();
});

test('a part of a name finds a tag in any case, and a sign of the database’s own is only a sign', async () => {
  for (const name of ['100%', '100x', 'a_b', 'acb', 'back\\slash']) await tags.insert(db(), tagRow(name));
  const found = async (contains: string) =>
    (await tags.list(db(), { visibility: EVERYTHING, where: [{ column: 'tag_name', contains }], limit: 9 })).rows.map(
      ({ tag_name }) => tag_name,
    );
  expect(await found('0%')).toEqual(['100%']);
  expect(await found('A_B')).toEqual(['a_b']);
  expect(await found('\\')).toEqual(['back\\slash']);
  expect(await found('')).toHaveLength(5);
});
