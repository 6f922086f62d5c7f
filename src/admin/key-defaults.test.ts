import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';
import { keyOf, settleTenants } from '../../test/support/tenants.ts';
import { ANY_KEYS, type KeySettings } from './context.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

function set(keys: Partial<KeySettings>): void {
  place.settings = { ...place.settings, keys: { ...ANY_KEYS, ...keys } };
}

const make = (fields: object = {}, as?: string): Promise<Answer> => place.post('/key/generate', fields, as);
const refused = ({ status, body }: Answer, expected: number, says: string): void => {
  expect([status, body.error?.message]).toEqual([expected, expect.stringContaining(says)]);
};

describe('default_key_generate_params', () => {
  test('are what a request leaves out', async () => {
    set({ defaults: { max_budget: 1.5, models: ['m'], team_id: 'a-team', metadata: { from: 'default' } } });
    expect((await make()).body).toMatchObject({
      max_budget: 1.5,
      models: ['m'],
      team_id: 'a-team',
      metadata: { from: 'default' },
    });
    expect((await make({ max_budget: 2, models: [] })).body).toMatchObject({ max_budget: 2, models: [] });
  });

  test('give routes or a type only where the request gives neither', async () => {
    set({ defaults: { key_type: 'llm_api' } });
    expect((await make()).body.allowed_routes).toEqual(['llm_api_routes']);
    expect((await make({ allowed_routes: ['/key/info'] })).body.allowed_routes).toEqual(['/key/info']);
    expect((await make({ key_type: 'management' })).body.allowed_routes).toEqual(['management_routes']);
  });

  test('say nothing about keys that are there', async () => {
    const key = await place.key();
    set({ defaults: { max_budget: 1 } });
    expect((await place.post('/key/update', { key, rpm_limit: 1 })).body.max_budget).toBeNull();
  });
});

describe('what the configuration gives a key', () => {
  const most = { max_budget: 100, rpm_limit: 50 };

  test('is no more than the team has, so that a request which says nothing is not refused for it', async () => {
    await place.post('/team/update', { team_id: 'a-team', max_budget: 3, rpm_limit: 7 });
    for (const settings of [{ caps: most }, { defaults: most }]) {
      set(settings);
      const { status, body } = await make({ team_id: 'a-team' }, keyOf('a-lead'));
      expect([status, body.max_budget, body.rpm_limit]).toEqual([200, 3, 7]);
    }
  });

  test('lives no longer than the key that asks, which is no reason to refuse it', async () => {
    set({ caps: { duration: '30d' } });
    const { key, expires } = (await make({ user_id: 'a-mate' })).body;
    place.nowMs += 86_400_000;
    const { status, body } = await make({}, key);
    expect([status, body.expires]).toEqual([200, expires]);
    refused(await make({ duration: '30d' }, key), 403, 'longer than the one that asks');
    expect((await make({ duration: '1d' }, key)).status).toBe(200);
  });

  test('does not lower what the request itself asks for: that is refused', async () => {
    await place.post('/team/update', { team_id: 'a-team', max_budget: 3 });
    set({ caps: most });
    refused(await make({ team_id: 'a-team', max_budget: 4 }, keyOf('a-lead')), 400, 'is more than the team has (3)');
    expect((await make({ team_id: 'a-team', max_budget: 2 }, keyOf('a-lead'))).body.max_budget).toBe(2);
  });

  test('is all of it for admins of the platform', async () => {
    await place.post('/team/update', { team_id: 'a-team', max_budget: 3 });
    set({ caps: most });
    expect((await make({ team_id: 'a-team' })).body.max_budget).toBe(100);
  });
});

describe('upperbound_key_generate_params', () => {
  const caps = {
    max_budget: 10,
    rpm_limit: 5,
    tpm_limit: 6,
    max_parallel_requests: 2,
    duration: '30d',
    budget_duration: '7d',
  };

  test('are refused to be passed, by name and with both numbers', async () => {
    set({ caps });
    for (const [fields, says] of [
      [{ max_budget: 11 }, 'max_budget is over max limit set in config - user_value=11; max_value=10'],
      [{ rpm_limit: 6 }, 'rpm_limit is over max limit set in config'],
      [{ tpm_limit: 7 }, 'tpm_limit is over max limit set in config'],
      [{ max_parallel_requests: 3 }, 'max_parallel_requests is over max limit set in config'],
      [{ duration: '31d' }, 'duration is over max limit set in config - user_value=31d; max_value=30d'],
      [{ duration: '-1' }, 'duration is over max limit set in config'],
      [{ budget_duration: 'monthly' }, 'budget_duration is over max limit set in config'],
    ] as const) {
      refused(await make(fields), 400, says);
    }
    expect((await make({ max_budget: 10, duration: '30d', budget_duration: 'weekly' })).status).toBe(200);
  });

  test('are what a key has that nothing else limits', async () => {
    set({ caps, defaults: { max_budget: 3 } });
    const { body } = await make();
    expect(body).toMatchObject({ max_budget: 3, rpm_limit: 5, max_parallel_requests: 2, budget_duration: '7d' });
    expect(body.expires).toBe('2026-03-02T12:00:00.000Z');
  });

  test('hold for a change and a new secret too, and what is cleared falls back to them', async () => {
    set({ caps });
    const key = await place.key({ max_budget: 1 });
    refused(await place.post('/key/update', { key, max_budget: 11 }), 400, 'over max limit');
    refused(await place.post('/key/regenerate', { key, rpm_limit: 6 }), 400, 'over max limit');
    expect((await place.post('/key/update', { key, max_budget: null })).body.max_budget).toBe(10);
    expect((await place.post('/key/update', { key, models: ['m'] })).body).toMatchObject({ max_budget: 10 });
  });
});

describe('key_generation_settings', () => {
  test('name the members of a team who make its keys', async () => {
    await place.db.updateTable('teams').set({ team_member_permissions: '["/key/generate"]' }).execute();
    set({ teamKeys: { roles: ['admin'], requiredFields: [] } });
    refused(await make({ team_id: 'a-team' }, keyOf('a-mate')), 403, 'The role "user" may not make such keys');
    for (const person of ['a-lead', 'a-owner', 'boss']) {
      expect((await make({ team_id: 'a-team' }, keyOf(person))).status).toBe(200);
    }
  });

  test('name the users who make keys of their own', async () => {
    set({ personalKeys: { roles: ['proxy_admin'], requiredFields: [] } });
    refused(await make({}, keyOf('a-mate')), 403, 'The role "internal_user" may not make such keys');
    expect((await make({}, keyOf('boss'))).status).toBe(200);
    expect((await make({ team_id: 'a-team' }, keyOf('a-lead'))).status).toBe(200);
  });

  test('name fields without which no key is made', async () => {
    set({
      teamKeys: { roles: null, requiredFields: ['tags'] },
      personalKeys: { roles: null, requiredFields: ['key_alias'] },
    });
    refused(await make({ team_id: 'a-team' }, keyOf('a-lead')), 400, "'tags' must be set");
    expect((await make({ team_id: 'a-team', tags: ['t'] }, keyOf('a-lead'))).status).toBe(200);
    refused(await make({}, keyOf('a-mate')), 400, "'key_alias' must be set");
    expect((await make({ key_alias: 'x' }, keyOf('a-mate'))).status).toBe(200);
  });
});

test('disable_custom_api_keys leaves the choice of secrets to the gateway', async () => {
  set({ customSecrets: false });
  refused(await make({ key: 'sk-chosen-by-somebody' }), 403, 'disable_custom_api_keys');
  const key = await place.key();
  refused(
    await place.post('/key/regenerate', { key, new_key: 'sk-chosen-by-somebody' }),
    403,
    'disable_custom_api_keys',
  );
  expect((await place.post('/key/regenerate', { key })).status).toBe(200);
});
