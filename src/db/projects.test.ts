import { expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, seeing } from '../../test/support/describe-entity-table.ts';
import { projectRow, teamRow } from '../../test/support/entity-rows.ts';
import { projects } from './projects.ts';
import { teams } from './teams.ts';
import { EVERYTHING } from './visibility.ts';

describeEntityTable({ name: 'projects', entity: projects, rowOf: projectRow, key: ['project_id'] });

const db = databasePlace();

test('a project is seen by its team and the organization above, and moves with its team', async () => {
  await teams.insert(db(), teamRow('t', { organization_id: 'o' }));
  await projects.insert(db(), projectRow('p', { team_id: 't' }));
  const inOrganization = (id: string) => projects.find(db(), 'p', seeing({ organizations: [id] }));
  expect(await projects.find(db(), 'p', seeing({ teams: ['t'] }))).toBeDefined();
  expect([await inOrganization('o'), await inOrganization('q')]).toEqual([
    projectRow('p', { team_id: 't' }),
    undefined,
  ]);
  await teams.change(db(), 't', EVERYTHING, () => ({ organization_id: 'q' }));
  expect([await inOrganization('o'), await inOrganization('q')]).toEqual([
    undefined,
    projectRow('p', { team_id: 't' }),
  ]);
});

test('a project without a team is seen by nobody but who sees everything', async () => {
  await projects.insert(db(), projectRow('p'));
  const person = seeing({ userId: 'p', keyHash: 'p', teams: ['p', 'null', ''], organizations: ['p', ''] });
  expect(await projects.find(db(), 'p', person)).toBeUndefined();
  expect(await projects.find(db(), 'p', EVERYTHING)).toBeDefined();
});

test('a project cannot be taken from its team by somebody who sees another', async () => {
  await projects.insert(db(), projectRow('p', { team_id: 't' }));
  expect(await projects.change(db(), 'p', seeing({ teams: ['u'] }), () => ({ team_id: 'u' }))).toBeUndefined();
  expect(await projects.find(db(), 'p', EVERYTHING)).toMatchObject({ team_id: 't', version: 1 });
});
