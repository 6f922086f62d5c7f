/** Deployments added at run time, through the management API. */
import { describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { modelRow } from '../../test/support/entity-rows.ts';
import { models } from '../db/models.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();
const SECRET = 'sk-provider-secret-of-the-model-tests';
const PARAMS = { model: 'openai/gpt-4o', api_key: SECRET, api_base: 'http://127.0.0.1:9/v1', rpm: 5, temperature: 0.5 };

const add = (fields: object = {}) => place.post('/model/new', { model_name: 'm', litellm_params: PARAMS, ...fields });
const served = (name = 'm') => place.live.runtime.groups.find(name)?.targets ?? [];
const rowOf = (id: string) => models.find(place.db, id, EVERYTHING);
const infoOf = async (id: string) => (await place.get(`/model/info?litellm_model_id=${id}`)).body.data[0];
const patch = (id: string, body: object, key?: string) =>
  place.request(`/model/${id}/update`, { method: 'PATCH', body: JSON.stringify(body) }, key);
const auditOf = (id: string) =>
  place.db.selectFrom('audit_log').selectAll().where('object_id', '=', id).orderBy('id').execute();

describe('a new model', () => {
  test('is served at once, as the same entry of the configuration file would be', async () => {
    const { status, body } = await add({ model_info: { id: 'one', mode: 'chat', input_cost_per_token: 0.5 } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ model_id: 'one', model_name: 'm', blocked: false, created_by: 'default_user_id' });
    expect(served()).toMatchObject([
      {
        deploymentId: 'one',
        litellmModel: 'openai/gpt-4o',
        apiKey: SECRET,
        baseUrl: 'http://127.0.0.1:9/v1',
        defaults: { temperature: 0.5 },
        customPrices: { input_cost_per_token: 0.5 },
      },
    ]);
  });

  test('that refers to a variable which is not set is served without, and the answer says so', async () => {
    const warningOf = async (api_key: string) =>
      (await add({ litellm_params: { ...PARAMS, api_key } })).headers.get('x-tollgate-warning');
    const says = 'not set in the environment of the gateway, so not given: ';
    expect(await warningOf('os.environ/NOWHERE_KEY')).toBe(`${says}NOWHERE_KEY`);
    expect(await warningOf('os.environ/CLÉ')).toBe(`${says}CL?`);
    expect(await warningOf(SECRET)).toBeNull();
    const { body } = await add({ model_info: { id: 'later' } });
    const changed = await patch(body.model_id, { litellm_params: { api_key: 'os.environ/NOWHERE_KEY' } });
    expect(changed.headers.get('x-tollgate-warning')).toContain('NOWHERE_KEY');
  });

  test('gets an id of its own when none is given', async () => {
    const { body } = await add();
    expect(body.model_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(served()[0]?.deploymentId).toBe(body.model_id);
  });

  test('shares a name with others: they are one group', async () => {
    await add({ model_info: { id: 'one' } });
    await add({ model_info: { id: 'two' } });
    expect(served().map(({ deploymentId }) => deploymentId)).toEqual(['one', 'two']);
  });

  test('is a deployment for each organization of a list', async () => {
    await add({ litellm_params: { ...PARAMS, organization: ['a', 'b'] }, model_info: { id: 'one' } });
    expect(served().map(({ deploymentId, organization }) => [deploymentId, organization])).toEqual([
      ['one', 'a'],
      ['one-2', 'b'],
    ]);
  });

  test('takes its limits along', async () => {
    await add({
      litellm_params: { ...PARAMS, rpm: 7, max_budget: 2, budget_duration: '1d' },
      model_info: { id: 'one' },
    });
    const [target] = served();
    if (target === undefined) throw new Error('It is not served');
    expect(place.live.runtime.allowanceOf(target)).toMatchObject({
      rpmLimit: 7,
      maxBudgetNanoUsd: 2e9,
      budgetDuration: '1d',
    });
  });

  test('of which fifty come at the same moment are all served, each once', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => add()));
    expect(made.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(
      served()
        .map(({ deploymentId }) => deploymentId)
        .toSorted(),
    ).toEqual(made.map(({ body }) => body.model_id).toSorted());
  });

  test('of which two with one id come at the same moment is stored once', async () => {
    const made = await Promise.all([add({ model_info: { id: 'one' } }), add({ model_info: { id: 'one' } })]);
    expect(made.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    expect(served()).toHaveLength(1);
  });

  test('says what it accepts and nothing acts on', async () => {
    const { status, headers } = await add({ litellm_params: { ...PARAMS, gcs_bucket_name: 'b' } });
    expect(status).toBe(200);
    expect(headers.get('x-tollgate-warning')).toBe('stored but not enforced yet: litellm_params.gcs_bucket_name');
    expect((await add()).headers.get('x-tollgate-warning')).toBeNull();
  });
});

describe('a model that the configuration file could not have', () => {
  test.each([
    [{ model: 'openai/x', api_kye: 'k' }, 'litellm_params.api_kye', 'Did you mean "api_key"?'],
    [{ model: 'opnai/x' }, 'litellm_params.model', 'Did you mean "openai"?'],
    [{ model: 'openai/x', timeout: 'soon' }, 'litellm_params.timeout', 'must be a number of seconds'],
    [{ model: 'openai/x', rpm: -1 }, 'litellm_params.rpm', 'must be a whole number'],
    [{ model: 'openai/x', input_cost_per_tokn: 1 }, 'litellm_params.input_cost_per_tokn', 'Did you mean'],
    [{}, 'litellm_params.model', 'is missing'],
    [{ model: 'azure/x', api_key: 'k' }, 'litellm_params', 'set litellm_params.api_base'],
    [{ model: 'triton/x' }, 'litellm_params', 'the provider "triton" is not supported yet'],
    [{ model: 'openai/x', litellm_credential_name: 'none' }, 'litellm_params.litellm_credential_name', 'no credential'],
  ])('is refused by the path of its fault: %p', async (litellm_params, param, words) => {
    const { status, body } = await add({ litellm_params });
    expect([status, body.error.param]).toEqual([400, param]);
    expect(body.error.message).toContain(words);
    expect(place.live.current.stored.models).toEqual([]);
  });

  test.each([
    ['an unknown field', { model_name: 'm', litellm_params: PARAMS, modle_info: {} }, 'modle_info', 'model_info'],
    ['no name', { litellm_params: PARAMS }, 'model_name', 'model_name'],
    ['no parameters', { model_name: 'm' }, 'litellm_params', 'litellm_params'],
    ['a stamp', { model_name: 'm', litellm_params: PARAMS, created_by: 'x' }, 'created_by', 'cannot be set'],
    [
      'a wrong fact',
      { model_name: 'm', litellm_params: PARAMS, model_info: { mod: 'chat' } },
      'model_info.mod',
      'mode',
    ],
    ['no id', { model_name: 'm', litellm_params: PARAMS, model_info: { id: 7 } }, 'model_info.id', 'must be a text'],
  ])('is refused with %s', async (_, body, param, words) => {
    const answer = await place.post('/model/new', body);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
    expect(answer.body.error.message).toContain(words);
  });

  test('never hears its values again', async () => {
    const { body } = await add({ litellm_params: { ...PARAMS, timeout: SECRET, api_kye: SECRET } });
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  test('may refer to the environment, but not to what is the gateway’s own', async () => {
    place.environment = { PROVIDER_KEY: 'sk-from-the-environment' };
    await place.end();
    await place.start();
    place.environment = {};
    await add({ litellm_params: { ...PARAMS, api_key: 'os.environ/PROVIDER_KEY' } });
    expect(served()[0]?.apiKey).toBe('sk-from-the-environment');
    expect(JSON.stringify((await place.get('/model/info')).body)).not.toContain('sk-from-the-environment');
    for (const name of ['LITELLM_MASTER_KEY', 'LITELLM_SALT_KEY', 'DATABASE_URL']) {
      const { status, body } = await add({ litellm_params: { ...PARAMS, api_key: `os.environ/${name}` } });
      expect([status, body.error.message]).toEqual([
        400,
        expect.stringContaining(`${name} is a secret of the gateway`),
      ]);
    }
  });
});

describe('a change', () => {
  test.each(['POST', 'PATCH'])('by %s replaces what is sent and keeps the rest', async (method) => {
    await add({ model_info: { id: 'one', mode: 'chat', note: 'x' } });
    const fields = { litellm_params: { api_base: 'http://127.0.0.1:8/v1', rpm: null }, model_info: { note: null } };
    const { status, body } =
      method === 'PATCH'
        ? await patch('one', fields)
        : await place.post('/model/update', { ...fields, model_info: { ...fields.model_info, id: 'one' } });
    expect(status).toBe(200);
    expect(body.litellm_params).toEqual({
      model: 'openai/gpt-4o',
      api_base: 'http://127.0.0.1:8/v1',
      temperature: 0.5,
    });
    expect(body.model_info).toEqual({ mode: 'chat', id: 'one', db_model: true });
    expect(served()).toMatchObject([{ apiKey: SECRET, baseUrl: 'http://127.0.0.1:8/v1' }]);
  });

  test('of the name moves it to another group', async () => {
    await add({ model_info: { id: 'one' } });
    await patch('one', { model_name: 'other' });
    expect([served().length, served('other').length]).toEqual([0, 1]);
  });

  test('that the configuration file could not have leaves everything as it was', async () => {
    await add({ model_info: { id: 'one' } });
    const before = await rowOf('one');
    for (const fields of [
      { litellm_params: { timeout: 'x' } },
      { litellm_params: { model: null } },
      { model_info: { id: 'two' } },
      { colour: 'red' },
    ]) {
      expect((await patch('one', fields)).status).toBe(400);
    }
    expect(await rowOf('one')).toEqual(before);
    expect(served()).toHaveLength(1);
  });

  test('of one that is not there is a 404', async () => {
    expect((await patch('none', { model_name: 'x' })).body.error).toMatchObject({
      type: 'not_found_error',
      code: '404',
    });
    for (const path of ['delete', 'block', 'unblock'])
      expect((await place.post(`/model/${path}`, { id: 'none' })).status).toBe(404);
    expect((await place.post('/model/update', { model_name: 'x' })).status).toBe(400);
  });
});

describe('a blocked model', () => {
  test('is skipped, and comes back when it is unblocked', async () => {
    await add({ model_info: { id: 'one' } });
    await add({ model_info: { id: 'two' } });
    await place.post('/model/block', { id: 'one' });
    expect(served().map(({ deploymentId }) => deploymentId)).toEqual(['two']);
    expect(place.live.runtime.groups.isBlocked('m')).toBe(false);
    expect(await infoOf('one')).toMatchObject({ model_info: { blocked: true, tollgate_fault: null, mode: 'chat' } });
    await place.post('/model/unblock', { id: 'one' });
    expect(served()).toHaveLength(2);
  });

  test('without another of its name is not served by a wildcard either', async () => {
    await add({ model_name: 'openai/gpt-4o', model_info: { id: 'one' } });
    await add({ model_name: 'openai/*', litellm_params: { ...PARAMS, model: 'openai/*' }, model_info: { id: 'all' } });
    await place.post('/model/block', { id: 'one' });
    expect(served('openai/gpt-4o')).toEqual([]);
    expect(served('openai/other')).toHaveLength(1);
    expect(place.live.runtime.groups.isBlocked('openai/gpt-4o')).toBe(true);
    await place.post('/model/block', { id: 'all' });
    expect(place.live.runtime.groups.isBlocked('openai/other')).toBe(true);
    expect(place.live.runtime.groups.isBlocked('groq/other')).toBe(false);
  });

  test('may be blocked from the start', async () => {
    await add({ blocked: true, model_info: { id: 'one' } });
    expect(served()).toEqual([]);
    expect(place.live.runtime.groups.isBlocked('m')).toBe(true);
  });
});

describe('a model of the configuration file', () => {
  const FILE = [{ model_name: 'file', litellm_params: PARAMS, model_info: { id: 'in-file' } }];
  const withFile = async (sections: object = {}): Promise<void> => {
    place.configuration = { model_list: FILE, ...sections };
    await place.end();
    await place.start();
    place.configuration = {};
  };

  test('is shown, and neither changed nor deleted', async () => {
    await withFile();
    expect(await infoOf('in-file')).toMatchObject({ model_name: 'file', model_info: { db_model: false } });
    expect(JSON.stringify((await place.get('/model/info')).body)).not.toContain(SECRET);
    for (const answer of [
      await patch('in-file', { model_name: 'x' }),
      await place.post('/model/delete', { id: 'in-file' }),
      await place.post('/model/block', { id: 'in-file' }),
    ]) {
      expect([answer.status, answer.body.error.message]).toEqual([400, expect.stringContaining('configuration file')]);
    }
  });

  test('shows no secret, not even one that is a number', async () => {
    const litellm_params = {
      ...PARAMS,
      aws_secret_access_key: 98765432109,
      extra_body: { token: SECRET },
      azure_ad_token: SECRET,
    };
    await withFile({ model_list: [{ model_name: 'file', litellm_params, model_info: { id: 'in-file' } }] });
    const text = JSON.stringify(await infoOf('in-file'));
    expect(text).toContain('"rpm":5');
    for (const secret of [SECRET, '98765432109']) expect(text).not.toContain(secret);
  });

  test('keeps its id for itself', async () => {
    await withFile();
    const { status, body } = await add({ model_info: { id: 'in-file' } });
    expect([status, body.error.param]).toEqual([400, 'model_info.id']);
  });

  test('that comes later under a stored one’s id puts that one aside', async () => {
    await add({ model_info: { id: 'in-file' } });
    const { file } = place.live.current;
    const [entry] = place.live.runtime.config.deployments;
    if (entry === undefined) throw new Error('Nothing is served');
    place.live.reload({ ...file, deployments: [{ ...entry, modelName: 'file' }] });
    expect([served().length, served('file').length]).toEqual([0, 1]);
    expect(place.logged.at(-1)).toContain('another deployment has the id');
  });

  test('with store_model_in_db false is all there is', async () => {
    await withFile({ general_settings: { master_key: 'sk-master-of-the-admin-tests', store_model_in_db: false } });
    const { status, body } = await add();
    expect([status, body.error.message]).toEqual([400, expect.stringContaining('store_model_in_db is false')]);
  });
});

describe('a reload', () => {
  test('keeps the stored models', async () => {
    await add({ model_info: { id: 'one' } });
    place.live.reload({ ...place.live.current.file, deployments: [] });
    expect(served()).toHaveLength(1);
  });
});

describe('a stored model that cannot be used', () => {
  const store = async (id: string, litellm_params: string): Promise<void> => {
    await models.insert(place.db, modelRow(id, { litellm_params, model_info: '{}' }));
    await place.live.refresh();
  };

  test.each([
    ['no JSON', '{', 'cannot be read'],
    ['a list', '[]', 'cannot be read'],
    ['no model', '{}', 'is missing'],
    ['a provider that is gone', '{"model":"nobody/x"}', 'no provider "nobody"'],
    ['a key that is lost', `{"model":"openai/x","api_key":"v1:lost:${'A'.repeat(60)}"}`, 'LITELLM_SALT_KEY'],
    ['a credential that is gone', '{"model":"openai/x","litellm_credential_name":"gone"}', 'no credential "gone"'],
  ])('for %s is left out with a warning, and the others are served', async (_, litellm_params, words) => {
    await add({ model_info: { id: 'good' } });
    await store('bad', litellm_params);
    expect(served().map(({ deploymentId }) => deploymentId)).toEqual(['good']);
    expect(place.logged.at(-1)).toContain('a model is left out');
    expect(place.logged.at(-1)?.replaceAll('\\"', '"')).toContain(words);
    expect((await infoOf('bad')).model_info.tollgate_fault).toContain(words);
    await place.live.connect(place.db);
    expect((await place.post('/model/delete', { id: 'bad' })).status).toBe(200);
  });

  test('is warned of once, and not with every change', async () => {
    place.logged.length = 0;
    await store('bad', '{}');
    await add();
    await add();
    expect(place.logged).toHaveLength(1);
  });

  test('for a lost key is repaired by sending the secret anew, and by nothing less', async () => {
    await store('bad', `{"model":"openai/x","api_key":"v1:lost:${'A'.repeat(60)}"}`);
    const refused = await patch('bad', { litellm_params: { timeout: 5 } });
    expect([refused.status, refused.body.error.param]).toEqual([400, 'litellm_params.api_key']);
    expect((await patch('bad', { litellm_params: { api_key: SECRET } })).status).toBe(200);
    expect(served()).toMatchObject([{ apiKey: SECRET }]);
  });
});

describe('secrets', () => {
  const EVERY = {
    ...PARAMS,
    api_base: `http://user:${SECRET}@127.0.0.1:9/v1`,
    extra_headers: { 'x-token': SECRET, 'x-number': 12345678901 },
    extra_body: { deep: [{ token: SECRET }] },
    azure_ad_token: SECRET,
    aws_secret_access_key: SECRET,
    something_new: SECRET,
  };

  test('are sealed in the row, at any depth and also when they are numbers', async () => {
    await add({ litellm_params: { ...EVERY, api_key: 98765432109 }, model_info: { id: 'one' } });
    const row = JSON.stringify(await rowOf('one'));
    for (const secret of [SECRET, '98765432109', '12345678901']) expect(row).not.toContain(secret);
    expect(served()).toMatchObject([
      { apiKey: '98765432109', extraHeaders: { 'x-token': SECRET, 'x-number': '12345678901' } },
    ]);
  });

  test('are in no answer to anybody, in no audit row and in no warning', async () => {
    const key = await place.key();
    const texts = [await add({ litellm_params: EVERY, model_info: { id: 'one' } })];
    texts.push(await patch('one', { litellm_params: { rpm: 9 } }));
    for (const caller of [undefined, key]) {
      for (const path of [
        '/model/info',
        '/v1/model/info',
        '/v2/model/info',
        '/model_group/info',
        '/model/info?litellm_model_id=one',
      ])
        texts.push(await place.get(path, caller));
    }
    texts.push(await place.post('/model/block', { id: 'one' }), await place.post('/model/delete', { id: 'one' }));
    expect(texts.map(({ status }) => status)).toEqual(texts.map(() => 200));
    const said = JSON.stringify([texts.map(({ body }) => body), await auditOf('one'), place.logged]);
    expect(said).not.toContain(SECRET);
    expect(said).not.toContain(SECRET.slice(-8));
  });

  test('that look like sealed ones are none', async () => {
    const forged = `v1:other:${'A'.repeat(60)}`;
    await add({ litellm_params: { ...PARAMS, api_key: forged, stop: forged } });
    expect(served()).toMatchObject([{ apiKey: forged, defaults: { stop: forged } }]);
  });
});

describe('what was done', () => {
  test('stands in the audit with what was before and after', async () => {
    await add({ model_info: { id: 'one' } });
    await patch('one', { model_name: 'other' });
    await place.post('/model/block', { id: 'one' });
    await place.post('/model/unblock', { model_id: 'one' });
    await place.post('/model/delete', { id: 'one' });
    const rows = await auditOf('one');
    expect(rows.map(({ action }) => action)).toEqual(['created', 'updated', 'blocked', 'unblocked', 'deleted']);
    expect(JSON.parse(rows[1]?.before_values ?? '')).toMatchObject({ model_name: 'm', secret_params: ['api_key'] });
    expect(JSON.parse(rows[1]?.after_values ?? '')).toMatchObject({ model_name: 'other' });
    expect(rows[1]?.after_values).not.toContain('changed_secrets');
  });

  test('tells of a secret that it is another one, and of each no more than its end', async () => {
    await add({ model_info: { id: 'one' } });
    await patch('one', { litellm_params: { api_key: 'sk-the-next-secret-of-the-tests-abcd' } });
    await patch('one', { litellm_params: { api_key: 'sk-yet-another-secret-tests-abcd' } });
    await patch('one', { litellm_params: { api_key: null } });
    const [, first, second, third] = await auditOf('one');
    const changed = (json: string | null | undefined) => JSON.parse(json ?? '{}').changed_secrets;
    expect([changed(first?.before_values), changed(first?.after_values)]).toEqual([
      { api_key: '****ests' },
      { api_key: '****abcd' },
    ]);
    // Even where the ends are the same.
    expect([changed(second?.before_values), changed(second?.after_values)]).toEqual(
      Array(2).fill({ api_key: '****abcd' }),
    );
    expect(changed(third?.after_values)).toEqual({ api_key: null });
    expect(JSON.stringify([first, second, third])).not.toContain('secret-of');
  });
});

describe('who may', () => {
  test('change models is nobody but the platform’s admins', async () => {
    await add({ model_info: { id: 'one' } });
    const key = await place.key();
    const body = { model_name: 'm', litellm_params: PARAMS };
    for (const { status } of [
      await place.post('/model/new', body, key),
      await place.post('/model/update', { model_info: { id: 'one' } }, key),
      await patch('one', {}, key),
      await place.post('/model/delete', { id: 'one' }, key),
      await place.post('/model/block', { id: 'one' }, key),
    ]) {
      expect(status).toBe(403);
    }
    expect(served()).toHaveLength(1);
  });

  test('see a model is who may use it, and not how it is reached', async () => {
    await add({ model_name: 'a', model_info: { id: 'id-a' } });
    await add({ model_name: 'b', model_info: { id: 'id-b' } });
    await add({ model_name: 'a', model_info: { id: 'id-blocked' }, blocked: true });
    const key = await place.key({ models: ['a'] });
    const { body } = await place.get('/model/info', key);
    expect(body.data).toHaveLength(1);
    expect(body.data[0]).toMatchObject({ model_name: 'a', litellm_params: { model: 'openai/gpt-4o' } });
    expect(Object.keys(body.data[0].litellm_params)).toEqual(['model']);
    expect((await place.get('/model/info?litellm_model_id=id-b', key)).status).toBe(404);
    expect((await place.get('/v2/model/info', key)).body.total_count).toBe(1);
    expect(
      (await place.get('/model_group/info', key)).body.data.map((group: { model_group: string }) => group.model_group),
    ).toEqual(['a']);
    expect((await place.get('/model/info')).body.data).toHaveLength(3);
  });
});

describe('the list', () => {
  test('has LiteLLM’s fields, known or not', async () => {
    await add({ model_info: { id: 'known', max_tokens: 99 } });
    await add({ litellm_params: { ...PARAMS, model: 'openai/nobody-knows-this' }, model_info: { id: 'unknown' } });
    expect((await infoOf('known')).model_info).toMatchObject({
      id: 'known',
      db_model: true,
      key: 'gpt-4o',
      mode: 'chat',
      litellm_provider: 'openai',
      max_tokens: 99,
      input_cost_per_token: 2.5e-6,
      supports_vision: true,
      team_id: null,
    });
    expect((await infoOf('unknown')).model_info).toMatchObject({
      mode: null,
      max_tokens: null,
      input_cost_per_token: null,
    });
  });

  test('comes by pages, filtered and sorted', async () => {
    for (const name of ['b', 'a', 'c']) {
      place.nowMs += 1000;
      await add({ model_name: name, model_info: { id: `id-${name}` } });
    }
    const names = async (query: string) =>
      (await place.get(`/v2/model/info?${query}`)).body.data.map((one: { model_name: string }) => one.model_name);
    expect(await names('')).toEqual(['b', 'a', 'c']);
    expect(await names('sortBy=model_name&sortOrder=desc')).toEqual(['c', 'b', 'a']);
    expect(await names('sortBy=created_at&size=2&page=2')).toEqual(['c']);
    expect(await names('search=ID-A')).toEqual(['a']);
    expect(await names('model=c')).toEqual(['c']);
    expect(await names('modelId=id-b')).toEqual(['b']);
    const { body } = await place.get('/v2/model/info?size=2');
    expect(body).toMatchObject({ total_count: 3, current_page: 1, total_pages: 2, size: 2 });
  });

  test('is narrowed down by team, access group, blocking, pattern and who made it', async () => {
    await add({ model_name: 'plain', model_info: { id: 'plain', access_groups: ['g'] } });
    await add({ model_name: 'closed', blocked: true });
    await add({ model_name: 'any/*', litellm_params: { ...PARAMS, model: 'openai/*' } });
    const names = async (query: string, key?: string): Promise<string[]> =>
      (await place.get(`/v2/model/info?${query}`, key)).body.data
        .map((one: { model_name: string }) => one.model_name)
        .toSorted();
    expect(await names('access_group=g')).toEqual(['plain']);
    expect(await names('blocked=true')).toEqual(['closed']);
    expect(await names('blocked=false')).toEqual(['any/*', 'plain']);
    expect(await names('wildcard_only=true')).toEqual(['any/*']);
    expect(await names('user_models_only=true')).toHaveLength(3);
    expect(await names('exclude_auto_routers=true')).toHaveLength(3);
    expect(await names('teamId=some-team')).toHaveLength(3);
    expect(await names('user_models_only=true', await place.key({ user_id: 'ann' }))).toEqual([]);
  });

  test.each([
    '/v2/model/info?page=0',
    '/v2/model/info?size=x',
    '/v2/model/info?sortBy=api_key',
    '/model/info?x=1',
    '/model_group/info?y=1',
  ])('refuses %s', async (path) => expect((await place.get(path)).status).toBe(400));

  test('of groups adds up what the deployments can take', async () => {
    await add({ litellm_params: { ...PARAMS, rpm: 5, tpm: 100 } });
    await add({ litellm_params: { ...PARAMS, model: 'groq/llama', rpm: 7 } });
    const { data } = (await place.get('/model_group/info?model_group=m')).body;
    expect(data).toMatchObject([
      {
        model_group: 'm',
        providers: ['openai', 'groq'],
        rpm: 12,
        tpm: 100,
        mode: 'chat',
        supports_vision: true,
        is_public_model_group: false,
      },
    ]);
    expect((await place.get('/model_group/info?model_group=none')).body.data).toEqual([]);
  });
});
