import { beforeAll, describe, expect, test } from 'bun:test';
import { sharedAdminPlace } from '../../test/support/admin-place.ts';
import { addOrganization, addProject, addTeam } from '../../test/support/key-owners.ts';

const place = sharedAdminPlace({});

beforeAll(async () => {
  for (const id of ['acme', 'other']) await addOrganization(place.db, id);
  await addTeam(place.db, 'acme-team', { organization_id: 'acme' });
  await addTeam(place.db, 'other-team', { organization_id: 'other' });
  await addTeam(place.db, 'free-team');
  await addProject(place.db, 'acme-project', { team_id: 'acme-team' });
  await addProject(place.db, 'other-project', { team_id: 'other-team' });
  for (const id of ['small', 'large']) await place.post('/budget/new', { budget_id: id, max_budget: 1 });
});

const OWNERS = ['team_id', 'organization_id', 'project_id', 'budget_id'] as const;
type Owned = Partial<Record<(typeof OWNERS)[number], string | null>>;

/** Only those that are somebody. */
async function ownersOf(key: string): Promise<Owned> {
  const { info } = (await place.get(`/key/info?key=${key}`)).body;
  return Object.fromEntries(OWNERS.flatMap((field) => (info[field] === null ? [] : [[field, info[field]]])));
}

describe('a key is made', () => {
  test.each<[string, Owned, Owned]>([
    ['for nobody', {}, {}],
    ['for a team', { team_id: 'acme-team' }, { team_id: 'acme-team' }],
    ['for an organization', { organization_id: 'acme' }, { organization_id: 'acme' }],
    [
      'for a team and its own organization',
      { team_id: 'acme-team', organization_id: 'acme' },
      { team_id: 'acme-team', organization_id: 'acme' },
    ],
    [
      'for a team of no organization and any organization',
      { team_id: 'free-team', organization_id: 'other' },
      { team_id: 'free-team', organization_id: 'other' },
    ],
    [
      'for a project, and so for its team',
      { project_id: 'acme-project' },
      { project_id: 'acme-project', team_id: 'acme-team' },
    ],
    [
      'for a project and its team',
      { project_id: 'other-project', team_id: 'other-team' },
      { project_id: 'other-project', team_id: 'other-team' },
    ],
    ['with a shared budget', { budget_id: 'small' }, { budget_id: 'small' }],
    ['with nulls for nobody', { team_id: null, organization_id: null, project_id: null, budget_id: null }, {}],
  ])('%s', async (_, fields, expected) => {
    expect(await ownersOf(await place.key(fields))).toEqual(expected);
  });

  const unknown = (field: string, noun: string): string =>
    `'${field}': there is no such ${noun}, or this key may not make keys for it.`;

  test.each<[string, Owned, string, string]>([
    ['an unknown team', { team_id: 'x' }, 'team_id', unknown('team_id', 'team')],
    [
      'an unknown organization',
      { organization_id: 'x' },
      'organization_id',
      unknown('organization_id', 'organization'),
    ],
    ['an unknown project', { project_id: 'x' }, 'project_id', unknown('project_id', 'project')],
    ['an unknown budget', { budget_id: 'x' }, 'budget_id', unknown('budget_id', 'budget')],
    [
      'a team with another organization',
      { team_id: 'acme-team', organization_id: 'other' },
      'organization_id',
      "'organization_id' is another organization than that of the team.",
    ],
    [
      'a team with a project of another one',
      { team_id: 'acme-team', project_id: 'other-project' },
      'project_id',
      "'project_id' is a project of another team.",
    ],
    [
      'a project with another organization than that of its team',
      { project_id: 'acme-project', organization_id: 'other' },
      'organization_id',
      "'organization_id' is another organization than that of the team.",
    ],
  ])('not for %s', async (_, fields, param, message) => {
    const before = (await place.get('/key/list')).body.total_count;
    const { status, body } = await place.post('/key/generate', fields);
    expect([status, body.error.param, body.error.message]).toEqual([400, param, message]);
    expect((await place.get('/key/list')).body.total_count).toBe(before);
  });
});

describe('a key moves', () => {
  test.each<[string, Owned, Owned, Owned]>([
    ['into a team', {}, { team_id: 'acme-team' }, { team_id: 'acme-team' }],
    ['to another team', { team_id: 'acme-team' }, { team_id: 'other-team' }, { team_id: 'other-team' }],
    ['out of its team', { team_id: 'acme-team' }, { team_id: null }, {}],
    ['into an organization', {}, { organization_id: 'acme' }, { organization_id: 'acme' }],
    [
      'to another organization',
      { organization_id: 'acme' },
      { organization_id: 'other' },
      { organization_id: 'other' },
    ],
    [
      'to a team of no organization, and keeps its own',
      { team_id: 'acme-team', organization_id: 'acme' },
      { team_id: 'free-team' },
      { team_id: 'free-team', organization_id: 'acme' },
    ],
    [
      'to a team of another organization, with both said',
      { team_id: 'acme-team', organization_id: 'acme' },
      { team_id: 'other-team', organization_id: 'other' },
      { team_id: 'other-team', organization_id: 'other' },
    ],
    [
      'out of its project, and stays in the team',
      { project_id: 'acme-project' },
      { project_id: null },
      { team_id: 'acme-team' },
    ],
    [
      'to a project of another team, with both said',
      { project_id: 'acme-project' },
      { project_id: 'other-project', team_id: 'other-team' },
      { project_id: 'other-project', team_id: 'other-team' },
    ],
    [
      'out of its project to another team',
      { project_id: 'acme-project' },
      { project_id: null, team_id: 'other-team' },
      { team_id: 'other-team' },
    ],
    [
      'into a project, and so into its team',
      {},
      { project_id: 'acme-project' },
      { project_id: 'acme-project', team_id: 'acme-team' },
    ],
    ['to another budget', { budget_id: 'small' }, { budget_id: 'large' }, { budget_id: 'large' }],
    ['to no budget', { budget_id: 'small' }, { budget_id: null }, {}],
  ])('%s', async (_, made, change, expected) => {
    const key = await place.key(made);
    const { status } = await place.post('/key/update', { key, ...change });
    expect([status, await ownersOf(key)]).toEqual([200, expected]);
  });

  test.each<[string, Owned, Owned, string]>([
    ['to a team that is not there', { team_id: 'acme-team' }, { team_id: 'x' }, 'team_id'],
    ['to an organization that is not there', {}, { organization_id: 'x' }, 'organization_id'],
    ['to a budget that is not there', { budget_id: 'small' }, { budget_id: 'x' }, 'budget_id'],
    ['to a project that is not there', { team_id: 'acme-team' }, { project_id: 'x' }, 'project_id'],
    ['away from the team of its project', { project_id: 'acme-project' }, { team_id: 'other-team' }, 'project_id'],
    ['out of the team of its project', { project_id: 'acme-project' }, { team_id: null }, 'project_id'],
    [
      'to a project of another team alone',
      { project_id: 'acme-project' },
      { project_id: 'other-project' },
      'project_id',
    ],
    [
      'to a team outside of its organization',
      { team_id: 'acme-team', organization_id: 'acme' },
      { team_id: 'other-team' },
      'organization_id',
    ],
    [
      'to an organization that its team is not of',
      { team_id: 'acme-team' },
      { organization_id: 'other' },
      'organization_id',
    ],
    [
      'from an organization to a team of another',
      { organization_id: 'acme' },
      { team_id: 'other-team' },
      'organization_id',
    ],
  ])('not %s, and stays as it was', async (_, made, change, param) => {
    const key = await place.key(made);
    const before = await ownersOf(key);
    const { status, body } = await place.post('/key/update', { key, ...change });
    expect([status, body.error.param]).toEqual([400, param]);
    expect(await ownersOf(key)).toEqual(before);
  });
});

test('an end user budget that is not there is refused by name, and one that is there is kept', async () => {
  const refused = await place.post('/key/generate', { metadata: { end_user_budget_id: 'x' } });
  const key = await place.key({ end_user_budget_id: 'small' });
  expect((await place.get(`/key/info?key=${key}`)).body.info.end_user_budget_id).toBe('small');
  for (const answer of [refused, await place.post('/key/update', { key, end_user_budget_id: 'x' })]) {
    expect([answer.status, answer.body.error.param]).toEqual([400, 'end_user_budget_id']);
  }
  expect((await place.get(`/key/info?key=${key}`)).body.info.end_user_budget_id).toBe('small');
});
