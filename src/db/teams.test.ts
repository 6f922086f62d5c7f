import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { describeEntityTable, NOBODY, seeing } from '../../test/support/describe-entity-table.ts';
import { keyRow, memberRow, projectRow, teamRow } from '../../test/support/entity-rows.ts';
import { keys } from './keys.ts';
import { projects } from './projects.ts';
import { removeTeams } from './removals.ts';
import { teamMembers } from './team-members.ts';
import { deletedTeams, teams } from './teams.ts';
import { EVERYTHING, type Visibility } from './visibility.ts';

describeEntityTable({ name: 'teams', entity: teams, rowOf: teamRow, key: ['team_id'] });

const db = databasePlace();
const names = async (visibility: Visibility): Promise<string[]> =>
  (await teams.list(db(), { visibility, sort: { by: 'team_id', order: 'asc' }, limit: 99 })).rows.map(
    ({ team_id }) => team_id,
  );

describe('who sees a team', () => {
  test('is told by its id or its organization, and a total is of what is seen', async () => {
    await teams.insert(db(), teamRow('a', { organization_id: 'o' }));
    await teams.insert(db(), teamRow('b', { organization_id: 'o' }));
    await teams.insert(db(), teamRow('c'));
    for (const [visibility, expected] of [
      [EVERYTHING, ['a', 'b', 'c']],
      [NOBODY, []],
      [seeing({ teams: ['c'] }), ['c']],
      [seeing({ organizations: ['o'] }), ['a', 'b']],
      [seeing({ teams: ['a', 'c'], organizations: ['o'] }), ['a', 'b', 'c']],
      [seeing({ userId: 'a', keyHash: 'b' }), []],
      [seeing({ organizations: ['p'], teams: ['d'] }), []],
    ] as const) {
      expect(await names(visibility)).toEqual([...expected]);
      expect(await teams.count(db(), { visibility })).toBe(expected.length);
    }
  });
});

describe('a deleted team', () => {
  test('keeps everything it had, with who deleted it and when, and is seen by whom it was seen before', async () => {
    const row = teamRow('t', { organization_id: 'o', models: '["m"]', max_budget_nano_usd: 5, blocked: 1 });
    await teams.insert(db(), row);
    await removeTeams(db(), ['t'], { visibility: EVERYTHING, nowMs: 77, by: 'boss' });
    const expected = { ...row, deleted_at_ms: 77, deleted_by: 'boss' };
    expect(await deletedTeams.find(db(), 't', seeing({ organizations: ['o'] }))).toEqual(expected);
    expect(await deletedTeams.find(db(), 't', seeing({ teams: ['t'] }))).toEqual(expected);
    expect(await deletedTeams.find(db(), 't', seeing({ teams: ['u'] }))).toBeUndefined();
    expect(await names(EVERYTHING)).toEqual([]);
  });

  test('is listed last deleted first', async () => {
    for (const [at, id] of ['a', 'b', 'c'].entries()) {
      await teams.insert(db(), teamRow(id));
      await removeTeams(db(), [id], { visibility: EVERYTHING, nowMs: at === 1 ? 9 : at, by: null });
    }
    const { rows, total } = await deletedTeams.list(db(), { visibility: EVERYTHING, limit: 2 });
    expect([rows.map(({ team_id }) => team_id), total]).toEqual([['b', 'c'], 3]);
  });

  test('takes what hangs on it along only when it goes itself', async () => {
    await teams.insert(db(), teamRow('t', { organization_id: 'o' }));
    await teamMembers.insert(db(), memberRow('t', 'u'));
    await projects.insert(db(), projectRow('p', { team_id: 't' }));
    await keys.insert(db(), keyRow('k', { team_id: 't' }));
    const foreign = { visibility: seeing({ teams: ['other'], userId: 'u' }), nowMs: 5, by: 'u' };
    expect(await removeTeams(db(), ['t'], foreign)).toEqual({ rows: [], keys: [] });
    expect(await keys.count(db(), { visibility: EVERYTHING })).toBe(1);
    const removed = await removeTeams(db(), ['t', 't'], { ...foreign, visibility: seeing({ organizations: ['o'] }) });
    expect([removed.rows.length, removed.keys.map(({ token }) => token)]).toEqual([1, ['k']]);
    expect(await teamMembers.count(db(), { visibility: EVERYTHING })).toBe(0);
    expect(await projects.find(db(), 'p', EVERYTHING)).toMatchObject({ team_id: null });
  });
});
