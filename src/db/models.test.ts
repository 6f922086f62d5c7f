import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, seeing } from '../../test/support/describe-entity-table.ts';
import { modelRow, teamRow } from '../../test/support/entity-rows.ts';
import { models } from './models.ts';
import { teams } from './teams.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({ name: 'models', entity: models, rowOf: modelRow, key: ['model_id'] });

const db = databasePlace();

test('many deployments may share a name: they are one group', async () => {
  for (const id of ['a', 'b', 'c']) await models.insert(db(), modelRow(id, { model_name: 'gpt', created_at_ms: 1 }));
  const { rows } = await models.list(db(), {
    visibility: EVERYTHING,
    where: [{ column: 'model_name', is: 'gpt' }],
    limit: 9,
  });
  expect(rows.map(({ model_id }) => model_id)).toEqual(['c', 'b', 'a']);
});

test('a team’s own model is seen by the team and by the organization above it, one of nobody by neither', async () => {
  await teams.insert(db(), teamRow('t', { organization_id: 'o' }));
  await teams.insert(db(), teamRow('other', { organization_id: 'p' }));
  await models.insert(db(), modelRow('mine', { team_id: 't' }));
  await models.insert(db(), modelRow('foreign', { team_id: 'other' }));
  await models.insert(db(), modelRow('everybody’s'));
  const ids = async (visibility: Parameters<typeof models.list>[1]['visibility']) =>
    (await models.list(db(), { visibility, limit: 9 })).rows.map(({ model_id }) => model_id);
  expect(await ids(seeing({ teams: ['t'] }))).toEqual(['mine']);
  expect(await ids(seeing({ organizations: ['o'] }))).toEqual(['mine']);
  expect(await ids(seeing({ organizations: ['o', 'p'] }))).toEqual(['mine', 'foreign']);
  expect(await ids(seeing({ userId: 't', keyHash: 'mine' }))).toEqual([]);
});
