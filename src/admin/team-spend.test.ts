import { describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { digest } from '../auth/digest.ts';

const place = adminPlace();
const BY_USER = '/team/spend/by_user';
let serial = 0;

function spent(keyHash: string, teamId: string | null, userId: string | null, costNanoUsd = 1_000_000): void {
  serial += 1;
  const startedAtMs = place.nowMs - 1_000;
  place.ledger.record(
    sampleRow({ id: `r-${serial}`, callId: `r-${serial}`, keyHash, teamId, userId, costNanoUsd, startedAtMs }),
  );
}

/** Of ada, who leads `crew`, and bob, who is only in it. */
async function crew(): Promise<{ ada: string; bob: string }> {
  await place.post('/team/new', { team_id: 'crew', team_alias: 'The crew' });
  for (const user_id of ['ada', 'bob']) {
    await place.post('/user/new', { user_id, user_email: `${user_id}@example.com`, auto_create_key: false });
  }
  const member = [
    { role: 'admin', user_id: 'ada' },
    { role: 'user', user_id: 'bob' },
  ];
  await place.post('/team/member_add', { team_id: 'crew', member });
  return { ada: await place.key({ user_id: 'ada' }), bob: await place.key({ user_id: 'bob' }) };
}

const people = ({ body }: { body: { results: { user_id: string; spend: number }[] } }) =>
  body.results.map(({ user_id, spend }) => [user_id, spend]);

describe('what people have spent in teams', () => {
  test('is told person by person, the most first, with the requests of nobody under an empty id', async () => {
    await crew();
    spent('k1', 'crew', 'ada', 1_000_000);
    spent('k2', 'crew', 'bob', 3_000_000);
    spent('k2', 'crew', 'bob', 4_000_000);
    spent('k3', 'crew', null, 2_000_000);
    spent('k1', 'elsewhere', 'ada', 9_000_000);
    const { body } = await place.get(`${BY_USER}?team_ids=crew`);
    expect(people({ body })).toEqual([
      ['bob', 0.007],
      ['', 0.002],
      ['ada', 0.001],
    ]);
    expect(body.results[0]).toMatchObject({
      team_id: 'crew',
      team_alias: 'The crew',
      user_email: 'bob@example.com',
      api_requests: 2,
      successful_requests: 2,
      failed_requests: 0,
    });
  });

  test('is of all teams when none is named, and of no requests without one', async () => {
    spent('k1', 'crew', 'ada', 1_000_000);
    spent('k1', 'elsewhere', 'ada', 2_000_000);
    spent('k1', null, 'ada', 4_000_000);
    const { body } = await place.get(BY_USER);
    expect(body.results.map(({ team_id }: { team_id: string }) => team_id)).toEqual(['elsewhere', 'crew']);
  });

  test('is told to who leads the team, and to others only of themselves', async () => {
    const { ada, bob } = await crew();
    spent(digest(ada), 'crew', 'ada', 1_000_000);
    spent(digest(bob), 'crew', 'bob', 3_000_000);
    expect(people(await place.get(`${BY_USER}?team_ids=crew`, ada))).toEqual([
      ['bob', 0.003],
      ['ada', 0.001],
    ]);
    expect(people(await place.get(`${BY_USER}?team_ids=crew`, bob))).toEqual([['bob', 0.003]]);
    expect(people(await place.get(`${BY_USER}?team_ids=crew`, await place.key({ user_id: 'eve' })))).toEqual([]);
  });

  test('says which days it is about, in the zone that was asked for', async () => {
    const { body } = await place.get(`${BY_USER}?start_date=2026-01-02&end_date=2026-01-03&timezone=Asia/Tokyo`);
    expect(body).toEqual({ start_date: '2026-01-02', end_date: '2026-01-03', results: [] });
    spent('k1', 'crew', 'ada');
    const today = new Date(place.nowMs - 1_000).toISOString().slice(0, 10);
    const now = await place.get(`${BY_USER}?start_date=${today}&end_date=${today}`);
    expect(people(now)).toEqual([['ada', 0.001]]);
  });

  test('is a table too, whose lines say the same', async () => {
    spent('k1', 'crew', 'ada', 1_500_000);
    const { body } = await place.get(`${BY_USER}?team_ids=crew&format=csv`);
    const [head, line] = String(body).split('\r\n');
    expect(head).toStartWith('team_id,team_alias,user_id,user_email,user_alias,spend,');
    expect(line).toStartWith('crew,,ada,,,0.0015,');
  });

  test('refuses what it does not know', async () => {
    expect((await place.get(`${BY_USER}?teams=crew`)).body.error.param).toBe('teams');
    expect((await place.get(`${BY_USER}?end_date=2026-02-30`)).body.error.param).toBe('end_date');
  });
});
