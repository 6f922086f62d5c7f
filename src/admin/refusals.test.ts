import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { type Answer, adminPlace, MASTER_KEY } from '../../test/support/admin-place.ts';
import { addTeams } from '../../test/support/key-owners.ts';
import { digest } from '../auth/digest.ts';
import { MANAGEMENT_ROUTES } from '../auth/routes.ts';

const place = adminPlace();

function expectRefusal(
  { status, body }: Answer,
  expected: { status: number; param?: string | null; says?: string },
): void {
  expect(status).toBe(expected.status);
  expect(Object.keys(body)).toEqual(['error']);
  expect(typeof body.error.message).toBe('string');
  expect(typeof body.error.type).toBe('string');
  if (expected.param !== undefined) expect(body.error.param).toBe(expected.param);
  if (expected.says !== undefined) expect(body.error.message).toContain(expected.says);
}

describe('who may call', () => {
  const bodyFor = (path: string, key: string): object | undefined =>
    ({
      '/key/generate': {},
      '/key/service-account/generate': { team_id: 't' },
      '/key/update': { key, models: [] },
      '/key/bulk_update': { keys: [{ key, models: [] }] },
      '/team/key/bulk_update': { team_id: 't', all_keys_in_team: true, update_fields: { models: [] } },
      '/key/delete': { keys: [key] },
      '/key/block': { key },
      '/key/unblock': { key },
      '/key/regenerate': { key },
      '/key/{key}/regenerate': {},
      '/key/{key}/reset_spend': { reset_to: 0 },
      '/v2/key/info': { keys: [key] },
      '/key/health': {},
    })[path];
  const call = (method: string, path: string, key: string | null, subject: string): Promise<Answer> =>
    method === 'POST' ? place.post(path.replace('{key}', subject), bodyFor(path, subject), key) : place.get(path, key);

  /** Status by role: nobody, a key that is unknown, blocked or expired, a good key, the admin. */
  const MATRIX: Readonly<Record<string, readonly [string, number, number, number]>> = {
    '/key/generate': ['POST', 401, 403, 200],
    '/key/service-account/generate': ['POST', 401, 403, 200],
    '/key/update': ['POST', 401, 403, 200],
    '/key/bulk_update': ['POST', 401, 403, 200],
    '/team/key/bulk_update': ['POST', 401, 403, 200],
    '/key/block': ['POST', 401, 403, 200],
    '/key/unblock': ['POST', 401, 403, 200],
    '/key/regenerate': ['POST', 401, 403, 200],
    '/key/{key}/regenerate': ['POST', 401, 403, 200],
    '/key/{key}/reset_spend': ['POST', 401, 403, 200],
    '/key/list': ['GET', 401, 403, 200],
    '/key/aliases': ['GET', 401, 200, 200],
    '/key/info': ['GET', 401, 200, 400],
    '/v2/key/info': ['POST', 401, 403, 200],
    '/key/health': ['POST', 401, 200, 200],
    '/spend/logs': ['GET', 401, 200, 200],
    '/spend/logs/v2': ['GET', 401, 200, 200],
    '/key/delete': ['POST', 401, 403, 200],
  };

  /** What they spent has tests of its own. */
  const isOfKeys = (path: string): boolean => path.includes('/key/') && !path.includes('/spend/');

  test('the matrix names every route of keys', () => {
    const ofKeys = MANAGEMENT_ROUTES.map(({ path }) => path).filter(isOfKeys);
    expect(Object.keys(MATRIX).filter(isOfKeys).sort()).toEqual(ofKeys.sort());
  });

  for (const [path, [method, stranger, plain, admin]] of Object.entries(MATRIX)) {
    test(`${method} ${path}: ${stranger} for strangers, ${plain} for a key, ${admin} for the admin`, async () => {
      await addTeams(place.db, 't');
      const subject = await place.key({ team_id: 't' });
      const good = await place.key();
      const blocked = await place.key({ blocked: true });
      const expired = await place.key({ duration: '30s' });
      place.nowMs += 30_000;
      for (const key of [null, 'sk-never-made-by-anyone', blocked, expired, digest(good), 'nonsense']) {
        expectRefusal(await call(method, path, key, subject), { status: stranger });
      }
      const answer = await call(method, path, good, subject);
      expect(answer.status).toBe(plain);
      if (plain === 403) expectRefusal(answer, { status: 403, says: path });
      expect((await call(method, path, MASTER_KEY, subject)).status).toBe(admin);
    });
  }

  test('a key sees itself, with or without naming itself', async () => {
    const key = await place.key({ key_alias: 'mine' });
    for (const query of ['', `?key=${key}`, `?key=${digest(key)}`]) {
      expect((await place.get(`/key/info${query}`, key)).body.info.key_alias).toBe('mine');
    }
    expect((await place.get('/key/info', key)).body.key).toBe(digest(key));
  });

  test('for a key, other keys do not exist, deleted ones neither', async () => {
    const key = await place.key();
    const other = await place.key();
    const deleted = await place.key();
    await place.post('/key/delete', { keys: [deleted] });
    const missing = await place.get('/key/info?key=sk-never-made-by-anyone', key);
    expectRefusal(missing, { status: 404, param: 'key' });
    for (const foreign of [other, digest(other), deleted]) {
      const answer = await place.get(`/key/info?key=${foreign}`, key);
      expect([answer.status, answer.body]).toEqual([404, missing.body]);
    }
  });

  test('a key limited to other routes may not even see itself', async () => {
    const key = await place.key({ key_type: 'llm_api' });
    expectRefusal(await place.get('/key/info', key), { status: 403, says: 'Only allowed to call routes' });
  });
});

describe('keys that are not there are 404', () => {
  for (const path of ['/key/update', '/key/block', '/key/unblock']) {
    test(path, async () => {
      expectRefusal(await place.post(path, { key: 'sk-never-made-by-anyone' }), { status: 404, param: 'key' });
    });
  }
  test('/key/info', async () =>
    expectRefusal(await place.get(`/key/info?key=${'0'.repeat(64)}`), { status: 404, param: 'key' }));
  test('/key/delete, when none of them is', async () => {
    expectRefusal(await place.post('/key/delete', { keys: ['sk-never-made-by-anyone'] }), { status: 404 });
    expectRefusal(await place.post('/key/delete', { key_aliases: ['nobody'] }), { status: 404 });
    expectRefusal(await place.post('/key/delete', {}), { status: 400, param: 'keys' });
  });
});

describe('fields', () => {
  const bad: [string, object, string, string][] = [
    ['an unknown name', { modles: ['x'] }, 'modles', 'Unknown field \'modles\'. Did you mean "models"?'],
    ['an unknown name like no other', { zzzzzzzzzz: 1 }, 'zzzzzzzzzz', "Unknown field 'zzzzzzzzzz'."],
    ['a spend that is negative', { spend: -1 }, 'spend', '>=0'],
    ['the new master key', { new_master_key: 'sk-x' }, 'new_master_key', 'where the gateway is started'],
    ['the digest', { token: 'x' }, 'token', 'cannot be set'],
    ['the maker', { created_by: 'me' }, 'created_by', 'cannot be set'],
    [
      'a window of a budget without its time',
      { budget_limits: [{ max_budget: 1 }] },
      'budget_limits.0.budget_duration',
      '',
    ],
    [
      'a window of a budget that is no time',
      {
        budget_limits: [
          { budget_duration: '1d', max_budget: 1 },
          { budget_duration: 'x', max_budget: 1 },
        ],
      },
      'budget_limits.1.budget_duration',
      'must be a time',
    ],
    ['a limit in an unknown unit', { tollgate_limits: [{ unit: 'calls', max: 1 }] }, 'tollgate_limits.0.unit', ''],
    ['a limit without an amount', { tollgate_limits: [{ unit: 'usd' }] }, 'tollgate_limits.0.max', ''],
    [
      'a limit over what is no time',
      { tollgate_limits: [{ unit: 'usd', max: 1, window: '1 dya' }] },
      'tollgate_limits.0.window',
      'must be a time',
    ],
    ['a route that is neither path nor group', { allowed_routes: ['chat'] }, 'allowed_routes.0', 'must be a path'],
    ['a rate of a pattern', { model_rpm_limit: { m: 1, 'openai/*': 1 } }, 'model_rpm_limit', 'must name single models'],
    ['a budget of a pattern', { model_max_budget: { '*': 1 } }, 'model_max_budget', 'must name single models'],
    [
      'a limit of a pattern',
      { tollgate_limits: [{ unit: 'usd', max: 1, model: 'gpt-*' }] },
      'tollgate_limits.0.model',
      'must name single models',
    ],
    ['a negative rate of a model', { model_rpm_limit: { m: -1 } }, 'model_rpm_limit.m', '>=0'],
    ['an unknown kind of rate', { rpm_limit_type: 'soft' }, 'rpm_limit_type', 'best_effort_throughput'],
    ['an end of a raise that is no time', { temp_budget_expiry: 'soon' }, 'temp_budget_expiry', ''],
    ['an unknown team', { team_id: 'nobody' }, 'team_id', 'no such team'],
    ['an unknown organization', { organization_id: 'nobody' }, 'organization_id', 'no such organization'],
    ['an unknown project', { project_id: 'nobody' }, 'project_id', 'no such project'],
    ['an unknown budget', { budget_id: 'nobody' }, 'budget_id', 'no such budget'],
    ['a list that is a text', { models: 'gpt-4o' }, 'models', 'expected array'],
    ['a list with a number in it', { models: ['a', 3] }, 'models.1', 'expected string'],
    ['an alias that is no text', { aliases: { a: 1 } }, 'aliases.a', 'expected string'],
    ['metadata that is a list', { metadata: [] }, 'metadata', 'expected record'],
    ['a negative budget', { max_budget: -1 }, 'max_budget', '>=0'],
    ['a budget that is a word', { max_budget: 'ten' }, 'max_budget', 'must be a number'],
    ['a negative budget in text', { max_budget: '-1' }, 'max_budget', 'must be a number'],
    ['a budget that is a list', { max_budget: [1] }, 'max_budget', 'must be a number'],
    ['a budget in text that is too large', { max_budget: '9999999' }, 'max_budget', '<=9000000'],
    ['a rate that is a word', { rpm_limit: 'ten' }, 'rpm_limit', 'must be a whole number'],
    ['a budget too large to count exactly', { max_budget: 1e12 }, 'max_budget', '<=9000000'],
    ['half a request', { rpm_limit: 0.5 }, 'rpm_limit', 'must be a whole number'],
    ['half a request in text', { rpm_limit: '0.5' }, 'rpm_limit', 'must be a whole number'],
    [
      'an unknown part of a budget by model',
      { model_max_budget: { m: { budget: 1 } } },
      'model_max_budget.m.budget',
      'is not a known field',
    ],
    [
      'a budget by model over what is no time',
      { model_max_budget: { m: { budget_limit: 1, time_period: 'x' } } },
      'model_max_budget.m.time_period',
      'must be a time',
    ],
    ['half of a character', { key_alias: 'a\ud83d' }, 'request_body', 'half of a character'],
    ['half of a character deep within', { metadata: { a: [{ '\udc00': 1 }] } }, 'request_body', 'half of a character'],
    ['a duration without a unit', { duration: '30' }, 'duration', '30s, 30m, 24h, 30d, 1w or 1mo'],
    ['a duration of nothing', { duration: '0d' }, 'duration', 'must be a time'],
    ['a budget window that is no time', { budget_duration: 'often' }, 'budget_duration', 'daily, weekly or monthly'],
    ['a type that is none', { key_type: 'admin' }, 'key_type', 'llm_api'],
    ['blocked as a text', { blocked: 'yes' }, 'blocked', 'expected boolean'],
    ['a name that is too long', { team_id: 'x'.repeat(257) }, 'team_id', '<=256'],
    ['a short key', { key: 'sk-short' }, 'key', 'at least 16 characters'],
    ['a key without its prefix', { key: 'a-key-without-its-prefix' }, 'key', 'start with "sk-"'],
    ['a key with a comma', { key: 'sk-with-a-comma,-in-it' }, 'key', 'no spaces or commas'],
    ['a key with a space', { key: 'sk-with-a-space in-it' }, 'key', 'no spaces or commas'],
    ['a key that no header can carry', { key: 'sk-schlüssel-mit-umlaut' }, 'key', 'no spaces or commas'],
  ];
  for (const [what, fields, param, says] of bad) {
    test(`${what} is a 400 that names it`, async () => {
      expectRefusal(await place.post('/key/generate', fields), { status: 400, param, says });
      expect((await place.get('/key/list')).body.total_count).toBe(0);
    });
  }

  test('the same rules hold for an update, and a refused one changes nothing', async () => {
    const key = await place.key({ models: ['a'] });
    for (const fields of [{ models: 'b' }, { spend: 'all' }, { duration: 'soon' }, { rmp_limit: 1 }]) {
      expectRefusal(await place.post('/key/update', { key, ...fields }), { status: 400 });
    }
    expectRefusal(await place.post('/key/update', { models: [] }), { status: 400, param: 'key' });
    expect((await place.get(`/key/info?key=${key}`)).body.info.models).toEqual(['a']);
  });

  test('a key is made once', async () => {
    await addTeams(place.db, 't', 'other');
    const key = await place.key({ key: 'sk-made-once-and-once-only', team_id: 't' });
    const again = await place.post('/key/generate', { key, team_id: 'other' });
    expectRefusal(again, { status: 400, param: 'key', says: 'exists already' });
    expect(JSON.stringify(again.body)).not.toContain(key);
    expect((await place.get(`/key/info?key=${key}`)).body.info.team_id).toBe('t');
  });

  test('numbers may be written as text, as LiteLLM takes them', async () => {
    const limits = { max_budget: '0.5', soft_budget: '1e-7', rpm_limit: '3', model_max_budget: { m: '0.0000001' } };
    const { status, body } = await place.post('/key/generate', limits);
    expect([status, body.max_budget, body.soft_budget, body.rpm_limit]).toEqual([200, 0.5, 1e-7, 3]);
  });

  test('one that is needed and not there is said to be missing', async () => {
    for (const [path, param] of [
      ['/key/update', 'key'],
      ['/team/delete', 'team_ids'],
      ['/model/new', 'litellm_params'],
      ['/team/member_add', 'team_id'],
    ] as const) {
      expectRefusal(await place.post(path, {}), { status: 400, param, says: `'${param}': is missing.` });
    }
    expectRefusal(await place.get('/team/info'), { status: 400, param: 'team_id', says: 'is missing' });
  });

  test('whole characters beyond the first 65,536 are welcome, and backslashes before what looks like half of one', async () => {
    for (const key_alias of ['🦊', '\\ud83d', '\\\\ud83d', '\\🦊']) {
      expect((await place.post('/key/generate', { key_alias })).body.key_alias).toBe(key_alias);
    }
  });

  test('empty texts are fields left empty', async () => {
    const made = await place.post('/key/generate', { team_id: '', user_id: '', key_alias: '' });
    expect(made.body).toMatchObject({ team_id: null, user_id: null, key_alias: null });
  });
});

describe('bodies', () => {
  const bad: [string, string | Uint8Array, string][] = [
    ['nothing', '', 'one JSON object'],
    ['no JSON', '{"key_alias": "x"', 'one JSON object'],
    ['a list', '[]', 'a JSON object'],
    ['a text', '"x"', 'a JSON object'],
    ['null', 'null', 'a JSON object'],
    ['no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'UTF-8'],
    ['a field twice', '{"team_id":"a","team_id":"b"}', 'twice'],
    ['__proto__', '{"__proto__":{"blocked":false}}', '__proto__'],
    ['__proto__ within', '{"metadata":{"a":[{"__proto__":{"x":1}}]}}', '__proto__'],
    ['deep nesting', `{"metadata":${'{"a":'.repeat(40)}1${'}'.repeat(41)}`, 'levels deep'],
    ['absurd nesting', `{"metadata":{"a":${'['.repeat(300_000)}${']'.repeat(300_000)}}}`, ''],
  ];
  for (const [what, body, says] of bad) {
    test(`${what}: 400`, async () => {
      expectRefusal(await place.post('/key/generate', body), { status: 400, says });
      expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
    });
  }

  test('a route that asks for nothing takes nothing', async () => {
    expect((await place.post('/credentials/rotate', '')).status).toBe(200);
    expectRefusal(await place.post('/credentials/rotate', '{'), { status: 400, says: 'one JSON object' });
  });

  test('more than a megabyte: 413', async () => {
    const answer = await place.post('/key/generate', { metadata: { a: 'x'.repeat(1024 * 1024) } });
    expectRefusal(answer, { status: 413, param: 'request_body' });
  });

  test('the body of a stranger is not even read', async () => {
    let read = false;
    const body = new ReadableStream(
      {
        pull(controller) {
          read = true;
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    expect((await place.request('/key/generate', { method: 'POST', body }, null)).status).toBe(401);
    expect(read).toBe(false);
  });

  test('whatever JSON comes, the answer is a key or a 400 in the one shape', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 3 }), async (value) => {
        const answer = await place.post('/key/generate', JSON.stringify(value));
        if (answer.status !== 200) expectRefusal(answer, { status: 400 });
      }),
      { numRuns: 150 },
    );
  });

  test('whatever value a field gets, the answer is a key or a 400, and what is stored can be read', async () => {
    const field = fc.constantFrom(
      'models',
      'aliases',
      'metadata',
      'max_budget',
      'rpm_limit',
      'duration',
      'team_id',
      'tags',
    );
    await fc.assert(
      fc.asyncProperty(field, fc.jsonValue({ maxDepth: 2 }), async (name, value) => {
        const answer = await place.post('/key/generate', JSON.stringify({ [name]: value }));
        if (answer.status !== 200) return expectRefusal(answer, { status: 400 });
        const info = await place.get(`/key/info?key=${answer.body.key}`);
        expect(info.body.info[name === 'tags' ? 'metadata' : name === 'duration' ? 'expires' : name]).toBeDefined();
      }),
      { numRuns: 150 },
    );
  });
});

describe('queries', () => {
  for (const [query, param] of [
    ['/key/list?page=0', 'page'],
    ['/key/list?page=x', 'page'],
    ['/key/list?size=101', 'size'],
    ['/key/list?size=1e1', 'size'],
    ['/spend/logs/v2?page=-1', 'page'],
    ['/spend/logs/v2?page_size=1001', 'page_size'],
    ['/spend/logs/v2?status_filter=odd', 'status_filter'],
    ['/spend/logs?start_date=yesterday', 'start_date'],
    ['/spend/logs?start_date=2026-13-01', 'start_date'],
    ['/spend/logs?start_date=2026-02-30', 'start_date'],
    ['/user/daily/activity?start_date=2027-02-29&end_date=2027-03-01', 'start_date'],
    ['/global/spend/report?start_date=2027-02-01&end_date=2027-04-31', 'end_date'],
    ['/audit?start_date=2026-02-30', 'start_date'],
    ['/spend/logs?end_date=2026-01-31T25:00', 'end_date'],
    ['/spend/logs?end_date=1', 'end_date'],
  ] as const) {
    test(`${query}: 400`, async () => expectRefusal(await place.get(query), { status: 400, param }));
  }
});

describe('a database that is unwell', () => {
  test('is a 503 that says when to come back, and what it refused did not happen', async () => {
    const key = await place.key();
    await sql`pragma query_only = on`.execute(place.db);
    const answer = await place.post('/key/block', { key });
    expectRefusal(answer, { status: 503 });
    expect(answer.body.error.code).toBe('no_db_connection');
    expect(answer.headers.get('retry-after')).toBe('1');
    await sql`pragma query_only = off`.execute(place.db);
    expect((await place.get(`/key/info?key=${key}`)).body.info.blocked).toBe(false);
  });

  test('is told from a fault of ours, which is not disguised as an answer', async () => {
    await sql`drop table deleted_keys`.execute(place.db);
    await expect(place.get(`/key/info?key=${'0'.repeat(64)}`)).rejects.toThrow(/deleted_keys/);
  });
});

test('an unknown path or method of the management API is a 404 in the one shape', async () => {
  expectRefusal(await place.get('/key/generate'), { status: 404 });
  expectRefusal(await place.post('/key/renew', {}), { status: 404 });
});
