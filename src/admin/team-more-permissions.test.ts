import { describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';

const place = adminPlace();
const BULK = '/team/permissions_bulk_update';
const USUAL = ['/key/info', '/key/health'];

async function permissionsOf(team: string): Promise<string[]> {
  return (await place.get(`/team/permissions_list?team_id=${team}`)).body.team_member_permissions;
}

async function teams(...ids: readonly string[]): Promise<void> {
  for (const team_id of ids) await place.post('/team/new', { team_id });
}

describe('permissions of many teams', () => {
  test('are added to what members may do, in the teams that are named and in no others', async () => {
    await teams('one', 'two', 'three');
    await place.post('/team/permissions_update', { team_id: 'two', team_member_permissions: ['/key/delete'] });
    const { status, body } = await place.post(BULK, { permissions: ['/key/generate'], team_ids: ['one', 'two'] });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        message: 'Team permissions updated successfully',
        teams_updated: 2,
        permissions_appended: ['/key/generate'],
      },
    });
    expect(await permissionsOf('one')).toEqual(['/key/generate', '/key/health', '/key/info']);
    expect(await permissionsOf('two')).toEqual(['/key/delete', '/key/generate']);
    expect(await permissionsOf('three')).toEqual(USUAL);
  });

  test('take effect at once', async () => {
    await teams('one');
    await place.post('/user/new', { user_id: 'bob', auto_create_key: false });
    await place.post('/team/member_add', { team_id: 'one', member: { role: 'user', user_id: 'bob' } });
    const bob = await place.key({ user_id: 'bob' });
    expect((await place.post('/key/generate', { team_id: 'one' }, bob)).status).toBe(403);
    await place.post(BULK, { permissions: ['/key/generate'], apply_to_all_teams: true });
    expect((await place.post('/key/generate', { team_id: 'one' }, bob)).status).toBe(200);
  });

  test('are added to every team, of which only those that change are counted and audited', async () => {
    await teams('one', 'two');
    await place.post(BULK, { permissions: ['/key/list'], team_ids: ['one'] });
    const { body } = await place.post(BULK, { permissions: ['/key/list'], apply_to_all_teams: true });
    expect(body.teams_updated).toBe(1);
    const { audit_logs } = (await place.get('/audit?object_kind=team&action=updated')).body;
    expect(audit_logs.map(({ object_id }: { object_id: string }) => object_id)).toEqual(['two', 'one']);
    expect(audit_logs[0].updated_values.team_member_permissions).toContain('/key/list');
  });

  test('reach more teams than are read at once', async () => {
    await teams(...Array.from({ length: 3 }, (_, at) => `team-${at}`));
    const { db } = place;
    const [row] = await db.selectFrom('teams').selectAll().limit(1).execute();
    if (row === undefined) throw new Error('A team was made');
    const rows = Array.from({ length: 510 }, (_, at) => ({ ...row, team_id: `more-${at}` }));
    for (let at = 0; at < rows.length; at += 30) {
      await db
        .insertInto('teams')
        .values(rows.slice(at, at + 30))
        .execute();
    }
    const { body } = await place.post(BULK, { permissions: ['/key/list'], apply_to_all_teams: true });
    expect(body.teams_updated).toBe(513);
  });

  test('change no team when one of them is not there', async () => {
    await teams('one');
    const { status } = await place.post(BULK, { permissions: ['/key/list'], team_ids: ['one', 'nowhere'] });
    expect([status, await permissionsOf('one')]).toEqual([404, USUAL]);
  });

  test('are refused when nobody knows which teams or what is meant', async () => {
    const paramOf = async (body: object) => (await place.post(BULK, body)).body.error.param;
    expect(await paramOf({ permissions: ['/key/list'] })).toBe('team_ids');
    expect(await paramOf({ permissions: ['/key/list'], team_ids: ['one'], apply_to_all_teams: true })).toBe('team_ids');
    expect(await paramOf({ permissions: ['/team/delete'], team_ids: ['one'] })).toBe('permissions');
    expect((await place.post(BULK, { permissions: [] })).body.teams_updated).toBe(0);
  });
});
