import { describe, expect, test } from 'bun:test';
import { adminPlace, MASTER_KEY, NOW_MS } from '../../test/support/admin-place.ts';
import { addTeams } from '../../test/support/key-owners.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { sampleRow } from '../../test/support/sample-row.ts';
import { digest } from '../auth/digest.ts';

const place = adminPlace();
const DAY_MS = 86_400_000;

/** What using the key for a request comes to: its team, or the reason of the refusal. */
async function use(key: string): Promise<unknown> {
  try {
    return (await place.authenticate({ authorization: `Bearer ${key}` })).teamId;
  } catch {
    const error = await refusalOf(() => place.authenticate({ authorization: `Bearer ${key}` }));
    expect(error.status).toBe(401);
    return error.details.reason;
  }
}

describe('the life of a key, as LiteLLM documents it', () => {
  const ASKED = {
    key_alias: 'app-1',
    models: ['gpt-4o'],
    max_budget: 10,
    budget_duration: '30d',
    rpm_limit: 60,
    tpm_limit: 100_000,
    team_id: 't1',
    metadata: { tags: ['app'] },
    aliases: { best: 'gpt-4o' },
  };

  test('from its making to its deletion', async () => {
    await addTeams(place.db, 't1');
    const made = await place.post('/key/generate', { ...ASKED, duration: '90d' });
    expect(made.status).toBe(200);
    const { key, token } = made.body;
    expect(key).toMatch(/^sk-[A-Za-z0-9_-]{43}$/);
    expect(token).toBe(digest(key));
    expect(made.body).toMatchObject({
      ...ASKED,
      token_id: token,
      key_name: `sk-...${key.slice(-4)}`,
      expires: new Date(NOW_MS + 90 * DAY_MS).toISOString(),
      user_id: null,
      spend: 0,
      blocked: false,
      created_by: 'default_user_id',
    });
    expect(await use(key)).toBe('t1');

    const byKey = await place.get(`/key/info?key=${key}`);
    expect(byKey.body.key).toBe(key);
    expect(byKey.body.info).toMatchObject({ key_alias: 'app-1', status: 'active', spend: 0, max_budget: 10 });
    const byDigest = await place.get(`/key/info?key=${token}`);
    expect(byDigest.body).toEqual({ key: token, info: byKey.body.info });

    place.nowMs += DAY_MS;
    const updated = await place.post('/key/update', { key, max_budget: 20, duration: '30d', key_alias: null });
    expect(updated.body).toMatchObject({
      key,
      max_budget: 20,
      expires: new Date(place.nowMs + 30 * DAY_MS).toISOString(),
      key_alias: null,
      rpm_limit: 60,
      models: ['gpt-4o'],
      created_at: new Date(NOW_MS).toISOString(),
      updated_at: new Date(place.nowMs).toISOString(),
    });

    expect((await place.post('/key/block', { key })).body).toMatchObject({ key, blocked: true });
    expect(await use(key)).toContain('blocked');
    expect((await place.get(`/key/info?key=${key}`)).body.info.status).toBe('revoked');
    expect((await place.post('/key/unblock', { key: token })).body).toMatchObject({ key: token, blocked: false });
    expect(await use(key)).toBe('t1');

    place.nowMs += 30 * DAY_MS;
    expect(await use(key)).toContain('expired');
    expect((await place.get(`/key/info?key=${key}`)).body.info.status).toBe('expired');
    await place.post('/key/update', { key, duration: '-1' });
    expect(await use(key)).toBe('t1');

    expect((await place.post('/key/delete', { keys: [key] })).body).toEqual({ deleted_keys: [key] });
    expect(await use(key)).toContain('deleted');
    const after = await place.get(`/key/info?key=${key}`);
    expect(after.body.info).toMatchObject({ status: 'deleted', max_budget: 20, expires: null });
  });

  test('the secret is in the answer that makes it, and nowhere in the database', async () => {
    const secrets = [await place.key(), await place.key({ key: 'sk-a-custom-key-of-mine' })];
    await place.post('/key/delete', { keys: [secrets[0]] });
    const stored = JSON.stringify([
      await place.db.selectFrom('keys').selectAll().execute(),
      await place.db.selectFrom('deleted_keys').selectAll().execute(),
    ]);
    for (const secret of secrets) {
      expect(stored).not.toContain(secret);
      expect(stored).toContain(digest(secret));
    }
  });

  test('its spend is what the log says, up to the request that was answered last', async () => {
    const key = await place.key();
    place.ledger.record(sampleRow({ keyHash: digest(key), costNanoUsd: 12_300_000 }));
    place.ledger.record(sampleRow({ keyHash: digest(key), costNanoUsd: null }));
    expect((await place.get(`/key/info?key=${key}`)).body.info).toMatchObject({ spend: 0.0123, total_spend: 0.0123 });
  });

  test('a key that was used is warm; each change is seen by the next call, at once', async () => {
    await addTeams(place.db, 'a', 'b', 'c', 'd');
    const key = await place.key({ team_id: 'a' });
    for (let i = 0; i < 20; i++) await use(key);
    expect(place.keyQueries).toBe(1);
    for (const team of ['b', 'c', 'd']) {
      await place.post('/key/update', { key, team_id: team });
      expect(await use(key)).toBe(team);
    }
  });

  test('a key that was guessed before it was made works the moment it is made', async () => {
    await addTeams(place.db, 'early');
    expect(await use('sk-guessed-too-early')).toContain('not known');
    await place.key({ key: 'sk-guessed-too-early', team_id: 'early' });
    expect(await use('sk-guessed-too-early')).toBe('early');
  });

  test('a custom key may be deleted and made again', async () => {
    await addTeams(place.db, 'round 0', 'round 1', 'round 2');
    const key = 'sk-comes-and-goes-and-comes';
    for (let round = 0; round < 3; round++) {
      await place.key({ key, team_id: `round ${round}` });
      expect(await use(key)).toBe(`round ${round}`);
      await place.post('/key/delete', { keys: [key] });
    }
    expect((await place.get(`/key/info?key=${key}`)).body.info).toMatchObject({
      team_id: 'round 2',
      status: 'deleted',
    });
  });

  test('a key may be made blocked', async () => {
    expect(await use(await place.key({ blocked: true }))).toContain('blocked');
  });

  test('its type limits its routes, unless routes are given', async () => {
    const routesOf = async (fields: object): Promise<unknown> =>
      (await place.post('/key/generate', fields)).body.allowed_routes;
    expect(await routesOf({})).toEqual([]);
    expect(await routesOf({ key_type: 'default' })).toEqual([]);
    expect(await routesOf({ key_type: 'llm_api' })).toEqual(['llm_api_routes']);
    expect(await routesOf({ key_type: 'read_only' })).toEqual(['info_routes']);
    expect(await routesOf({ key_type: 'management', allowed_routes: ['/key/info'] })).toEqual(['/key/info']);
    const key = await place.key({ key_type: 'read_only' });
    const chat = await refusalOf(() => place.authenticate({ authorization: `Bearer ${key}` }, '/v1/chat/completions'));
    expect(chat.status).toBe(403);
    expect((await place.post('/key/update', { key, key_type: 'default' })).body.allowed_routes).toEqual([]);
  });

  test('months are those of the calendar', async () => {
    const expiryOf = async (duration: string): Promise<unknown> =>
      (await place.post('/key/generate', { duration })).body.expires;
    expect(await expiryOf('1mo')).toBe('2026-02-28T12:00:00.000Z');
    expect(await expiryOf('1w')).toBe('2026-02-07T12:00:00.000Z');
    expect(await expiryOf('30m')).toBe('2026-01-31T12:30:00.000Z');
    expect(await expiryOf('-1')).toBeNull();
  });
});

describe('metadata', () => {
  test('takes in the fields that LiteLLM keeps there', async () => {
    const made = await place.post('/key/generate', {
      metadata: { owner: 'me' },
      tags: ['x'],
      model_rpm_limit: { m: 1 },
    });
    expect(made.body.metadata).toEqual({ owner: 'me', tags: ['x'], model_rpm_limit: { m: 1 } });
  });

  test('an update of such a field keeps the rest; an update of all replaces it; null takes away', async () => {
    const key = await place.key({ metadata: { owner: 'me' }, tags: ['x'] });
    const after = async (fields: object): Promise<unknown> =>
      (await place.post('/key/update', { key, ...fields })).body.metadata;
    expect(await after({ tags: ['y'] })).toEqual({ owner: 'me', tags: ['y'] });
    expect(await after({ tags: null })).toEqual({ owner: 'me' });
    expect(await after({ models: ['m'] })).toEqual({ owner: 'me' });
    expect(await after({ metadata: { owner: 'you' } })).toEqual({ owner: 'you' });
    expect(await after({ metadata: null })).toEqual({});
  });

  test('two updates at once lose nothing', async () => {
    const key = await place.key();
    await Promise.all([
      place.post('/key/update', { key, tags: ['a'] }),
      place.post('/key/update', { key, model_rpm_limit: { m: 5 } }),
      place.post('/key/update', { key, guardrails: ['g'] }),
    ]);
    const { metadata } = (await place.get(`/key/info?key=${key}`)).body.info;
    expect(metadata).toEqual({ tags: ['a'], model_rpm_limit: { m: 5 }, guardrails: ['g'] });
  });
});

describe('limits', () => {
  test('are stored and shown as they were sent, and no header warns of them', async () => {
    const limits = {
      max_budget: 0.1,
      soft_budget: 0.05,
      budget_duration: 'daily',
      budget_limits: [{ budget_duration: '1h', max_budget: 0.01 }],
      rpm_limit: 1,
      tpm_limit: 2,
      tpd_limit: 3,
      max_parallel_requests: 4,
      model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' }, other: 2 },
      model_rpm_limit: { m: 5 },
      model_tpm_limit: { m: 6 },
      tollgate_limits: [{ unit: 'tokens', window: '1mo', max: 1_000, mode: 'shadow', model: 'm' }],
      temp_budget_increase: 1,
      temp_budget_expiry: '2026-03-01T00:00:00.000Z',
    };
    const made = await place.post('/key/generate', limits);
    expect(made.body).toMatchObject(limits);
    expect(made.headers.get('x-tollgate-warning')).toBeNull();
    expect((await place.get(`/key/info?key=${made.body.token}`)).body.info).toMatchObject(limits);
    const { key } = made.body;
    const cleared = Object.fromEntries(Object.keys(limits).map((field) => [field, null]));
    const after = (await place.post('/key/update', { key, ...cleared })).body;
    for (const field of Object.keys(limits)) {
      expect([field, after[field]]).toEqual([
        field,
        /_limits$/.test(field) ? [] : field === 'model_max_budget' ? {} : null,
      ]);
    }
  });

  test('that nothing acts on yet are stored, shown and named in a header', async () => {
    const fields = {
      guardrails: ['g'],
      policies: ['p'],
      prompts: ['q'],
      object_permission: { mcp_servers: ['s'] },
      router_settings: { num_retries: 1 },
      auto_rotate: true,
      rotation_interval: '30d',
    };
    const made = await place.post('/key/generate', { ...fields, send_invite_email: true });
    expect(made.body).toMatchObject(fields);
    const warning = made.headers.get('x-tollgate-warning') ?? '';
    expect(warning).toStartWith('stored but not enforced yet: ');
    expect(warning.split(': ')[1]?.split(', ').sort()).toEqual([...Object.keys(fields), 'send_invite_email'].sort());
  });

  test('that are not set warn of nothing', async () => {
    const made = await place.post('/key/generate', {
      max_budget: null,
      guardrails: [],
      permissions: {},
      models: ['m'],
    });
    expect(made.headers.get('x-tollgate-warning')).toBeNull();
  });

  test('may be cleared', async () => {
    const key = await place.key({ max_budget: 5, rpm_limit: 5 });
    const cleared = await place.post('/key/update', { key, max_budget: null });
    expect(cleared.body).toMatchObject({ max_budget: null, rpm_limit: 5 });
    expect(cleared.headers.get('x-tollgate-warning')).toBeNull();
  });

  test('of zero are a limit', async () => {
    const made = await place.post('/key/generate', { max_budget: 0, rpm_limit: 0 });
    expect(made.body).toMatchObject({ max_budget: 0, rpm_limit: 0 });
  });
});

describe('aliases', () => {
  test('are unique, also against an update', async () => {
    await place.key({ key_alias: 'one' });
    const second = await place.key({ key_alias: 'two' });
    for (const answer of [
      await place.post('/key/generate', { key_alias: 'one' }),
      await place.post('/key/update', { key: second, key_alias: 'one' }),
    ]) {
      expect(answer.status).toBe(400);
      expect(answer.body.error).toMatchObject({ type: 'invalid_request_error', param: 'key_alias' });
    }
    expect((await place.post('/key/update', { key: second, key_alias: 'two' })).status).toBe(200);
  });

  test('asked for by many at once are given to one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => place.post('/key/generate', { key_alias: 'wanted' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400, 400, 400, 400]);
  });

  test('are free again when their key is deleted, and delete by name', async () => {
    const key = await place.key({ key_alias: 'name' });
    expect((await place.post('/key/delete', { key_aliases: ['name'] })).body).toEqual({ deleted_keys: [digest(key)] });
    await place.key({ key_alias: 'name' });
  });
});

describe('lists of keys', () => {
  test('come newest first in pages, as digests or as whole objects', async () => {
    await addTeams(place.db, 'even', 'odd');
    const keys: string[] = [];
    for (let i = 0; i < 5; i++) {
      place.nowMs += 1;
      keys.push(await place.key({ team_id: i % 2 === 0 ? 'even' : 'odd' }));
    }
    const digests = keys.map(digest).reverse();
    const first = await place.get('/key/list?size=2');
    expect(first.body).toEqual({ keys: digests.slice(0, 2), total_count: 5, current_page: 1, total_pages: 3 });
    expect((await place.get('/key/list?size=2&page=3')).body.keys).toEqual(digests.slice(4));
    expect((await place.get('/key/list?page=9')).body.keys).toEqual([]);
    const odd = await place.get('/key/list?team_id=odd&return_full_object=true');
    expect(odd.body.total_count).toBe(2);
    expect(odd.body.keys[0]).toMatchObject({ token: digests[1], team_id: 'odd', status: 'active', spend: 0 });
    expect(JSON.stringify(odd.body)).not.toContain(String(keys[3]));
  });

  test('find by user, alias and digest', async () => {
    const key = await place.key({ user_id: 'u', key_alias: 'a' });
    await place.key();
    for (const filter of ['user_id=u', 'key_alias=a', `key_hash=${digest(key)}`]) {
      expect((await place.get(`/key/list?${filter}`)).body.keys).toEqual([digest(key)]);
    }
  });
});

test('the admin’s own key cannot be made a virtual key', async () => {
  const answer = await place.post('/key/generate', { key: MASTER_KEY });
  expect([answer.status, answer.body.error.param]).toEqual([400, 'key']);
});

test('no answer may be kept by a cache on the way', async () => {
  const made = await place.post('/key/generate', {});
  expect(made.headers.get('cache-control')).toBe('no-store');
  expect(made.headers.get('content-type')).toBe('application/json');
});
