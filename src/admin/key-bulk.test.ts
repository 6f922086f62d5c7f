import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));
const infoOf = async (key: string) => (await place.get(`/key/info?key=${key}`)).body.info;
const LEAD = keyOf('a-lead');

describe('/key/bulk_update', () => {
  test('changes each key in its own way, and one that fails keeps no other from it', async () => {
    const [one, two] = [await place.key({ key_alias: 'one' }), await place.key({ key_alias: 'two' })];
    const { status, body } = await place.post('/key/bulk_update', {
      keys: [
        { key: one, max_budget: 3, tags: ['t'] },
        { key: two, key_alias: 'one' },
        { key: 'sk-never-made-by-anyone', max_budget: 3 },
      ],
    });
    expect(status).toBe(200);
    expect(body.total_requested).toBe(3);
    expect(body.successful_updates).toMatchObject([{ key: one, key_info: { max_budget: 3, key_alias: 'one' } }]);
    expect(body.failed_updates).toMatchObject([
      { key: two, key_info: { key_alias: 'two' }, failed_reason: expect.stringContaining('alias') },
      { key: 'sk-never-made-by-anyone', key_info: null, failed_reason: expect.stringContaining('no such key') },
    ]);
    expect(await infoOf(one)).toMatchObject({ max_budget: 3, metadata: { tags: ['t'] } });
    expect(await infoOf(two)).toMatchObject({ key_alias: 'two', max_budget: null });
  });

  test('takes nothing that a single update would not take', async () => {
    const key = await place.key();
    for (const [body, param] of [
      [{ keys: [] }, 'keys'],
      [{ keys: [{ max_budget: 1 }] }, 'keys.0.key'],
      [{ keys: [{ key, max_budget: -1 }] }, 'keys.0.max_budget'],
      [{ keys: [{ key, created_by: 'me' }] }, 'keys.0.created_by'],
    ] as const) {
      const answer = await place.post('/key/bulk_update', body);
      expect([answer.status, answer.body.error.param]).toEqual([400, param]);
    }
  });
});

describe('/team/key/bulk_update', () => {
  const update = (body: object, as?: string) => place.post('/team/key/bulk_update', { team_id: 'a-team', ...body }, as);

  test('changes all keys of a team, or those that are named', async () => {
    const keys = [await place.key({ team_id: 'a-team' }), await place.key({ team_id: 'a-team', user_id: 'a-mate' })];
    const foreign = await place.key({ team_id: 'b-team' });
    const all = await update({ all_keys_in_team: true, update_fields: { rpm_limit: 5 } }, LEAD);
    expect([all.body.total_requested, all.body.successful_updates.length]).toEqual([2, 2]);
    for (const key of keys) expect((await infoOf(key)).rpm_limit).toBe(5);
    expect((await infoOf(foreign)).rpm_limit).toBeNull();
    const named = await update({ key_ids: [keys[0], foreign], update_fields: { rpm_limit: 6 } }, LEAD);
    expect(named.body.successful_updates.map(({ key }: { key: string }) => key)).toEqual([keys[0]]);
    expect(named.body.failed_updates).toMatchObject([{ key: foreign, key_info: null }]);
    expect([(await infoOf(String(keys[0]))).rpm_limit, (await infoOf(foreign)).rpm_limit]).toEqual([6, null]);
  });

  test('moves no key and frees none', async () => {
    for (const field of ['user_id', 'team_id', 'organization_id', 'project_id', 'spend', 'blocked', 'key_alias']) {
      const answer = await update({ all_keys_in_team: true, update_fields: { [field]: 'x' } });
      expect([field, answer.status]).toEqual([field, 400]);
    }
  });

  test('needs either keys or the word for all, and a team that is there', async () => {
    const update_fields = { rpm_limit: 1 };
    for (const body of [{ update_fields }, { key_ids: ['x'], all_keys_in_team: true, update_fields }]) {
      expect((await update(body)).body.error.param).toBe('key_ids');
    }
    const missing = await update({ team_id: 'nobody', all_keys_in_team: true, update_fields });
    expect([missing.status, missing.body.error.param]).toEqual([404, 'team_id']);
    expect((await update({ all_keys_in_team: true, update_fields })).body.total_requested).toBe(0);
  });
});
