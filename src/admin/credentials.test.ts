/** Ways to reach providers, stored by name, through the management API. */
import { describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { credentialRow } from '../../test/support/entity-rows.ts';
import { credentials } from '../db/credentials.ts';

const place = adminPlace();
const SECRET = 'sk-credential-secret-of-the-tests';
const VALUES = { api_key: SECRET, api_base: 'http://127.0.0.1:9/v1', api_version: '2024-10-21' };

const add = (name = 'shared', fields: object = {}) =>
  place.post('/credentials', {
    credential_name: name,
    credential_values: VALUES,
    credential_info: { for: 'all' },
    ...fields,
  });
const change = (name: string, body: object, key?: string) =>
  place.request(`/credentials/${name}`, { method: 'PATCH', body: JSON.stringify(body) }, key);
const remove = (name: string, key?: string) => place.request(`/credentials/${name}`, { method: 'DELETE' }, key);
const addModel = (params: object = {}, id = 'one') =>
  place.post('/model/new', {
    model_name: 'm',
    litellm_params: { model: 'openai/gpt-4o', litellm_credential_name: 'shared', ...params },
    model_info: { id },
  });
const served = (name = 'm') => place.live.runtime.groups.find(name)?.targets ?? [];
const stored = async () => JSON.stringify(await place.db.selectFrom('credentials').selectAll().execute());

describe('a credential', () => {
  test('shows its name, its facts and the last four letters of each secret', async () => {
    expect((await add()).body).toEqual({ success: true, message: 'Credential created successfully' });
    const view = {
      credential_name: 'shared',
      display_name: null,
      credential_values: { api_key: '****ests', api_base: 'http://127.0.0.1:9/v1', api_version: '2024-10-21' },
      credential_info: { for: 'all' },
      source: 'db',
    };
    expect((await place.get('/credentials')).body).toEqual({ success: true, credentials: [view] });
    expect((await place.get('/credentials/by_name/shared')).body).toEqual(view);
    expect(await stored()).not.toContain(SECRET);
  });

  test('that is short shows nothing of itself', async () => {
    await add('short', { credential_values: { api_key: 'abcd1234' } });
    expect((await place.get('/credentials/by_name/short')).body.credential_values).toEqual({ api_key: '****' });
  });

  test.each([
    [{ credential_values: { api_kye: 'x' } }, 'credential_values.api_kye', 'Did you mean "api_key"?'],
    [{ credential_values: { temperature: 1 } }, 'credential_values.temperature', 'nobody knows this key'],
    [{ credential_values: { api_key: [] } }, 'credential_values.api_key', 'must be text'],
    [{ credential_values: { api_key: 'os.environ/LITELLM_MASTER_KEY' } }, 'credential_values', 'secret of the gateway'],
    [{ credential_name: 'a/b' }, 'credential_name', 'must hold no "/"'],
    // No path can name it, so it could never be changed again.
    [{ credential_name: 'a\\b' }, 'credential_name', 'must hold no "/"'],
    [{ credential_name: 'rotate' }, 'credential_name', 'must not be rotate'],
    [{ model_id: 'x' }, 'model_id', 'not supported yet'],
    [{ colour: 'x' }, 'colour', 'Unknown field'],
  ])('is refused by the path of its fault: %p', async (fields, param, words) => {
    const { status, body } = await add('shared', fields);
    expect([status, body.error.param]).toEqual([400, param]);
    expect(body.error.message).toContain(words);
    expect((await place.get('/credentials')).body.credentials).toEqual([]);
  });

  test('has a name of its own', async () => {
    const made = await Promise.all([add(), add()]);
    expect(made.map(({ status }) => status).toSorted()).toEqual([200, 400]);
  });

  test('is for the platform’s admins only', async () => {
    await add();
    const key = await place.key();
    for (const { status } of [
      await place.get('/credentials', key),
      await place.get('/credentials/by_name/shared', key),
      await place.post('/credentials', { credential_name: 'x', credential_values: {} }, key),
      await place.post('/credentials/rotate', {}, key),
      await change('shared', {}, key),
      await remove('shared', key),
    ]) {
      expect(status).toBe(403);
    }
  });

  test('that is not there is a 404', async () => {
    expect((await place.get('/credentials/by_name/none')).status).toBe(404);
    expect((await change('none', {})).status).toBe(404);
    expect((await remove('none')).body.error).toMatchObject({ type: 'not_found_error', code: '404' });
  });
});

describe('a model that refers to one', () => {
  test('is reached by its values, and by its own where it has them', async () => {
    await add();
    await addModel();
    await addModel({ api_base: 'http://127.0.0.1:8/v1' }, 'two');
    expect(served()).toMatchObject([
      { deploymentId: 'one', apiKey: SECRET, baseUrl: 'http://127.0.0.1:9/v1', apiVersion: '2024-10-21' },
      { deploymentId: 'two', apiKey: SECRET, baseUrl: 'http://127.0.0.1:8/v1' },
    ]);
  });

  test('follows a change at once', async () => {
    await add();
    await addModel();
    const { status, body } = await change('shared', { credential_values: { api_key: 'sk-new', api_version: null } });
    expect([status, body]).toEqual([200, { success: true, message: 'Credential updated successfully' }]);
    expect(served()).toMatchObject([{ apiKey: 'sk-new', baseUrl: 'http://127.0.0.1:9/v1' }]);
    expect(served()[0]?.apiVersion).toBeUndefined();
  });

  test('and cannot be served any more after one is named in the answer', async () => {
    await add();
    await addModel({ model: 'azure/x' });
    expect(
      (await change('shared', { credential_values: { api_key: 'sk-new' } })).headers.get('x-tollgate-warning'),
    ).toBeNull();
    const { status, headers } = await change('shared', { credential_values: { api_base: null } });
    expect([status, headers.get('x-tollgate-warning')]).toEqual([200, expect.stringMatching(/^m is not served now: /)]);
    expect(served()).toEqual([]);
  });

  test('keeps it from being deleted', async () => {
    await add();
    await addModel();
    const refused = await remove('shared');
    expect([refused.status, refused.body.error.message]).toEqual([400, expect.stringContaining('used by m')]);
    await place.post('/model/delete', { id: 'one' });
    expect((await remove('shared')).body).toEqual({ success: true, message: 'Credential deleted successfully' });
    expect((await place.get('/credentials')).body.credentials).toEqual([]);
  });

  test('cannot come while it goes', async () => {
    await add();
    const [gone, made] = await Promise.all([remove('shared'), addModel()]);
    expect([gone.status, made.status].filter((status) => status === 200)).toHaveLength(1);
    expect(served()).toHaveLength(made.status === 200 ? 1 : 0);
  });

  test('cannot be renamed under it', async () => {
    await add();
    expect((await change('shared', { credential_name: 'other' })).body.error.param).toBe('credential_name');
    expect((await change('shared', { credential_name: 'shared' })).status).toBe(200);
  });

  test('is left out when its values cannot be opened, with a word what to do', async () => {
    await add();
    await addModel();
    const lost = JSON.stringify({ api_key: `v1:lost:${'A'.repeat(60)}` });
    await place.db.updateTable('credentials').set({ credential_values: lost }).execute();
    await place.live.refresh();
    expect(served()).toEqual([]);
    expect(place.logged.at(-1)).toMatch(/shared.*LITELLM_SALT_KEY/);
    expect((await place.get('/credentials/by_name/shared')).body.credential_values).toEqual({ api_key: '****' });
    const rotated = await place.post('/credentials/rotate', {});
    expect([rotated.status, rotated.body.error.message]).toEqual([400, expect.stringContaining('Nothing was changed')]);
    expect((await change('shared', { credential_values: { api_key: SECRET } })).status).toBe(200);
    expect(served()).toMatchObject([{ apiKey: SECRET }]);
  });
});

describe('credential_list of the configuration file', () => {
  const start = async (): Promise<void> => {
    place.configuration = {
      credential_list: [{ credential_name: 'shared', credential_values: VALUES, credential_info: { from: 'file' } }],
      model_list: [
        { model_name: 'file', litellm_params: { model: 'openai/x', litellm_credential_name: 'shared' } },
        { model_name: 'waits', litellm_params: { model: 'openai/x', litellm_credential_name: 'later' } },
      ],
    };
    await place.end();
    await place.start();
    place.configuration = {};
  };

  test('serves its models and stored ones', async () => {
    await start();
    await addModel();
    expect([served()[0]?.apiKey, served('file')[0]?.apiKey]).toEqual([SECRET, SECRET]);
    expect((await place.get('/credentials/by_name/shared')).body).toEqual({
      credential_name: 'shared',
      display_name: null,
      credential_values: {},
      credential_info: { from: 'file' },
      source: 'config',
    });
  });

  test('is neither changed nor deleted nor doubled', async () => {
    await start();
    for (const { status, body } of [await change('shared', {}), await remove('shared')])
      expect([status, body.error.message]).toEqual([400, expect.stringContaining('configuration file')]);
    expect((await add()).status).toBe(400);
  });

  test('leaves out a model of the file whose credential is not there, until it is stored', async () => {
    await start();
    expect(served('waits')).toEqual([]);
    expect(place.logged.join()).toContain('there is no credential');
    await add('later');
    expect(served('waits')).toMatchObject([{ apiKey: SECRET }]);
    expect((await remove('later')).body.error.message).toContain('used by waits');
  });
});

describe('how one deployment is reached', () => {
  const ofModel = (id: string) => place.get(`/credentials/by_model/${id}`);

  test('is told from its own parameters, with the end of each secret and nothing else of it', async () => {
    const own = { litellm_credential_name: null, api_key: SECRET, api_base: 'http://127.0.0.1:9/v1', timeout: 5 };
    await addModel(own);
    const { body } = await ofModel('one');
    expect(body).toEqual({
      credential_name: 'm-credential-one',
      display_name: null,
      credential_values: { api_key: '****ests', api_base: 'http://127.0.0.1:9/v1' },
      credential_info: {},
      source: 'db',
    });
  });

  test('is the credential that it refers to', async () => {
    await add();
    await addModel();
    expect((await ofModel('one')).body).toEqual((await place.get('/credentials/by_name/shared')).body);
  });

  test('shows no end of a secret that stands in the configuration file', async () => {
    place.configuration = {
      model_list: [
        { model_name: 'f', litellm_params: { model: 'openai/x', api_key: SECRET }, model_info: { id: 'in-file' } },
      ],
    };
    await place.end();
    await place.start();
    const { body } = await ofModel('in-file');
    expect(body).toMatchObject({ credential_name: 'f-credential-in-file', credential_values: {}, source: 'config' });
  });

  test('is not found for a model that is not there, and told to admins alone', async () => {
    await addModel({ litellm_credential_name: null });
    expect((await ofModel('two')).status).toBe(404);
    const key = await place.key({ user_id: 'ada' });
    expect((await place.get('/credentials/by_model/one', key)).status).toBe(403);
  });
});

describe('the audit of credentials', () => {
  test('holds every change and no secret', async () => {
    await add();
    await change('shared', { credential_values: { api_key: `${SECRET}-2` } });
    await place.post('/credentials/rotate', {});
    await remove('shared');
    const rows = await place.db.selectFrom('audit_log').selectAll().orderBy('id').execute();
    expect(rows.map(({ action, object_kind }) => [action, object_kind])).toEqual([
      ['created', 'credential'],
      ['updated', 'credential'],
      ['rotated', 'credential'],
      ['deleted', 'credential'],
    ]);
    expect(JSON.stringify(rows)).not.toContain(SECRET);
  });
});

test('a row that is no JSON stops nothing', async () => {
  await credentials.insert(place.db, credentialRow('bad', { credential_values: '{' }));
  await place.live.refresh();
  expect((await place.get('/credentials')).body.credentials).toMatchObject([
    { credential_name: 'bad', credential_values: {} },
  ]);
  expect((await remove('bad')).status).toBe(200);
});
