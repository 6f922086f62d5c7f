/** `team_member_key_duration`: how long keys live that members make for their team. */
import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace, NOW_MS } from '../../test/support/admin-place.ts';

const place = adminPlace();
const DAY_MS = 86_400_000;
const days = (count: number): string => new Date(NOW_MS + count * DAY_MS).toISOString();
let member: string;
let admin: string;

beforeEach(async () => {
  for (const user_id of ['ann', 'bob']) await place.post('/user/new', { user_id, auto_create_key: false });
  await place.post('/team/new', {
    team_id: 'a-team',
    team_member_key_duration: '7d',
    team_member_permissions: ['/key/generate', '/key/update'],
    members_with_roles: [
      { role: 'user', user_id: 'ann' },
      { role: 'admin', user_id: 'bob' },
    ],
  });
  member = await place.key({ user_id: 'ann' });
  admin = await place.key({ user_id: 'bob' });
});

const make = async (fields: object, key?: string) => {
  const { status, body } = await place.post('/key/generate', { team_id: 'a-team', ...fields }, key);
  return { status, expires: body.expires, param: body.error?.param, key: body.key };
};

describe('a key that is made for the team', () => {
  test('by a member lives as long as the team says', async () => {
    expect(await make({}, member)).toMatchObject({ status: 200, expires: days(7) });
    expect(await make({ duration: null }, member)).toMatchObject({ status: 200, expires: days(7) });
    expect(await make({ duration: '2d' }, member)).toMatchObject({ status: 200, expires: days(2) });
  });

  test.each(['8d', '-1', '1mo'])('by a member does not live for %s', async (duration) => {
    expect(await make({ duration }, member)).toMatchObject({ status: 400, param: 'duration' });
  });

  test('by those above a member lives as long as they say, and else as long as the team does', async () => {
    expect(await make({ user_id: 'ann' }, admin)).toMatchObject({ status: 200, expires: days(7) });
    expect(await make({ user_id: 'ann', duration: '30d' }, admin)).toMatchObject({ status: 200, expires: days(30) });
    expect(await make({ user_id: 'ann', duration: '-1' })).toMatchObject({ status: 200, expires: null });
  });

  test('for nobody in it is no member’s', async () => {
    expect(await make({})).toMatchObject({ status: 200, expires: null });
    const service = await place.post('/key/service-account/generate', { team_id: 'a-team' });
    expect(service.body.expires).toBeNull();
  });

  test('is made longer by nobody but those above', async () => {
    const { key } = await make({}, member);
    const longer = await place.post('/key/update', { key, duration: '8d' }, member);
    expect([longer.status, longer.body.error.param]).toEqual([400, 'duration']);
    expect((await place.post('/key/update', { key, models: ['m'] }, member)).body.expires).toBe(days(7));
    expect((await place.post('/key/update', { key, duration: '60d' })).body.expires).toBe(days(60));
  });
});

test('a key that comes into the team lives no longer from then on', async () => {
  const key = await place.key({ user_id: 'ann' });
  const moved = await place.post('/key/update', { key, team_id: 'a-team' });
  expect([moved.status, moved.body.expires]).toEqual([200, days(7)]);
});

test('a time that nobody can read is refused', async () => {
  const { status, body } = await place.post('/team/update', { team_id: 'a-team', team_member_key_duration: 'a while' });
  expect([status, body.error.param]).toEqual([400, 'team_member_key_duration']);
});

test('a team that says nothing leaves its keys as they are', async () => {
  await place.post('/team/update', { team_id: 'a-team', team_member_key_duration: null });
  expect(await make({}, member)).toMatchObject({ status: 200, expires: null });
});
