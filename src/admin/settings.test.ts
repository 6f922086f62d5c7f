import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace, MASTER_KEY } from '../../test/support/admin-place.ts';

const place = adminPlace();

const model = (name: string): object => ({
  model_name: name,
  litellm_params: { model: `openai/${name}`, api_key: 'sk-of-the-provider', api_base: 'https://up.example/v1' },
});
place.configuration = {
  model_list: [model('first'), model('second')],
  router_settings: { num_retries: 1, cooldown_time: 7 },
  litellm_settings: { drop_params: true },
  general_settings: { master_key: MASTER_KEY, completion_model: 'first' },
};

const config = () => place.live.runtime.config;
const update = (body: object, key?: string) => place.post('/config/update', body, key);
const current = async (): Promise<Record<string, unknown>> => (await place.get('/router/settings')).body.current_values;
async function person(role: string): Promise<string> {
  const { status, body } = await place.post('/user/new', { user_role: role });
  expect(status).toBe(200);
  return body.key;
}
const audited = async (): Promise<Record<string, unknown>[]> =>
  (await place.get('/audit?object_kind=settings')).body.audit_logs;

describe('POST /config/update', () => {
  test('is in force from the next request on, over the file, and the rest of the file stays', async () => {
    const { status, body } = await update({ router_settings: { num_retries: 5, routing_strategy: 'least-busy' } });
    expect([status, body]).toEqual([200, { message: 'Config updated successfully' }]);
    expect(config().router).toMatchObject({ numRetries: 5, strategy: 'least-busy', cooldownMs: 7_000 });
    expect(config().litellm.dropParams).toBe(true);
    expect(config().deployments.map(({ modelName }) => modelName)).toEqual(['first', 'second']);
  });

  test('adds to what was set before, key by key', async () => {
    await update({ router_settings: { num_retries: 5 } });
    await update({ router_settings: { timeout: 30 }, litellm_settings: { drop_params: false } });
    expect(config().router).toMatchObject({ numRetries: 5, timeoutMs: 30_000 });
    expect(config().litellm.dropParams).toBe(false);
  });

  test('null takes a value back, so that the file counts again', async () => {
    await update({ router_settings: { num_retries: 5, max_fallbacks: 1 } });
    await update({ router_settings: { num_retries: null } });
    expect(config().router).toMatchObject({ numRetries: 1, maxFallbacks: 1 });
  });

  test('changes made at the same time are all kept', async () => {
    await Promise.all(
      [{ num_retries: 4 }, { timeout: 9 }, { max_fallbacks: 3 }, { cooldown_time: 2 }].map((router_settings) =>
        update({ router_settings }),
      ),
    );
    expect(config().router).toMatchObject({ numRetries: 4, timeoutMs: 9_000, maxFallbacks: 3, cooldownMs: 2_000 });
  });

  test.each([
    [{ router_settings: { num_retries: 'many' } }, 'router_settings.num_retries'],
    [{ router_settings: { num_retries: -1 } }, 'router_settings.num_retries'],
    [{ router_settings: { routing_strategy: 'fastest' } }, 'router_settings.routing_strategy'],
    [{ router_settings: { routing_strategy: 'lar1' } }, 'router_settings.routing_strategy'],
    [{ router_settings: { fallbacks: [{ first: ['nobody'] }] } }, 'router_settings.fallbacks'],
    [{ router_settings: { fallbacks: [{ first: ['second'] }, { second: ['first'] }] } }, 'router_settings.fallbacks'],
    [
      { router_settings: { retry_policy: { TimeoutErrorRetrys: 1 } } },
      'router_settings.retry_policy.TimeoutErrorRetrys',
    ],
    [{ router_settings: { num_retrys: 3 } }, 'router_settings.num_retrys'],
    [{ router_settings: { redis_host: 'r' } }, 'router_settings.redis_host'],
    [{ litellm_settings: { budget_duration: 'soon' } }, 'litellm_settings.budget_duration'],
    [{ litellm_settings: { cache: true } }, 'litellm_settings.cache'],
    [{ general_settings: { max_request_size_mb: 'big' } }, 'general_settings.max_request_size_mb'],
    [{ general_settings: { alerting: ['slack'] } }, 'general_settings.alerting'],
  ])('%j is refused by name, and nothing has changed', async (body, param) => {
    const before = config();
    const answer = await update({ ...body, litellm_settings: { num_retries: 9, ...Object(body).litellm_settings } });
    expect(answer.status).toBe(400);
    expect(answer.body.error.param).toStartWith(param);
    expect(config()).toBe(before);
    expect(await audited()).toEqual([]);
    expect((await place.get('/config/yaml')).body.tollgate.made_at_run_time).toEqual({});
  });

  test.each(['master_key', 'database_url', 'dangerously_permit_weak_or_unset_master_key'])(
    'general_settings.%s stays in the file',
    async (name) => {
      const { status, body } = await update({ general_settings: { [name]: 'sk-another' } });
      expect(status).toBe(400);
      expect(body.error.param).toBe(`general_settings.${name}`);
      expect(body.error.message).toContain('configuration file');
      expect(body.error.message).not.toContain('sk-another');
      expect(config().general.masterKey).toBe(MASTER_KEY);
    },
  );

  test('no value may refer to the environment, not deep inside either', async () => {
    place.environment = { SECRET: 'sk-of-the-environment' };
    for (const body of [
      { general_settings: { completion_model: 'os.environ/SECRET' } },
      { router_settings: { model_group_alias: { mine: ' os.environ/SECRET' } } },
    ]) {
      const answer = await update(body);
      expect(answer.status).toBe(400);
      expect(answer.body.error.message).toContain('environment');
    }
  });

  test.each([{ environment_variables: { A: 'b' } }, { tollgate_settings: {} }, { model_list: [] }, { anything: 1 }])(
    '%j is no section that changes at run time',
    async (body) => {
      const answer = await update(body);
      expect(answer.status).toBe(400);
      expect(answer.body.error.param).toBe(Object.keys(body)[0]);
    },
  );

  test.each([{}, { router_settings: {} }])('%j says nothing', async (body) => {
    expect((await update(body)).status).toBe(400);
  });

  test('what may not be meant is said in a header', async () => {
    const router_settings = { model_group_retry_policy: { frist: { TimeoutErrorRetries: 1 } } };
    const { status, headers } = await update({ router_settings });
    expect(status).toBe(200);
    expect(headers.get('x-tollgate-warning')).toContain('frist');
  });

  test('fallbacks may lead to a model that was added at run time', async () => {
    const added = await place.post('/model/new', model('third'));
    expect(added.status).toBe(200);
    expect((await update({ router_settings: { fallbacks: [{ first: ['third'] }] } })).status).toBe(200);
    expect(config().router.fallbacks).toEqual({ first: ['third'] });
  });

  test('is in the audit log with what was there before', async () => {
    await update({ router_settings: { num_retries: 5 } });
    await place.request('/config/update', {
      method: 'POST',
      body: JSON.stringify({ router_settings: { num_retries: 6, timeout: 3 } }),
      headers: { 'litellm-changed-by': 'carol' },
    });
    expect((await audited())[0]).toMatchObject({
      action: 'updated',
      changed_by: 'carol',
      object_id: 'router_settings.num_retries, router_settings.timeout',
      before_value: { 'router_settings.num_retries': 5, 'router_settings.timeout': null },
      updated_values: { 'router_settings.num_retries': 6, 'router_settings.timeout': 3 },
    });
  });
});

describe('what was set at run time', () => {
  test('survives a reload of the file, and loses only what does not fit it any more', async () => {
    await update({ router_settings: { num_retries: 5, fallbacks: [{ first: ['second'] }] } });
    const { live, runTimeSettings } = place;
    expect(live.runtime.config.router.numRetries).toBe(5);
    runTimeSettings.reload(live.current.file);
    expect(live.runtime.config.router).toMatchObject({ numRetries: 5, fallbacks: { first: ['second'] } });
    expect((await place.get('/config/yaml')).body.tollgate.left_out).toBeNull();
  });
});

describe('one field', () => {
  test('is set, told and taken back', async () => {
    const set = await place.post('/config/field/update', {
      field_name: 'completion_model',
      field_value: 'second',
      config_type: 'general_settings',
    });
    expect(set).toMatchObject({
      status: 200,
      body: { field_name: 'completion_model', field_value: 'second', stored_in_db: true, editable: true },
    });
    expect(config().general.completionModel).toBe('second');
    expect((await place.get('/config/field/info?field_name=completion_model')).body.field_value).toBe('second');

    const taken = await place.post('/config/field/delete', { field_name: 'completion_model' });
    expect(taken.body).toMatchObject({ field_value: 'first', stored_in_db: false });
    expect(config().general.completionModel).toBe('first');
  });

  test('that was never set at run time cannot be taken back', async () => {
    const { status, body } = await place.post('/config/field/delete', { field_name: 'completion_model' });
    expect(status).toBe(400);
    expect(body.error.param).toBe('field_name');
  });

  test('that nobody knows is not found, with the nearest name', async () => {
    const { status, body } = await place.get('/config/field/info?field_name=completion_modle');
    expect(status).toBe(404);
    expect(body.error.message).toContain('completion_model');
  });

  test('needs a value', async () => {
    const { status, body } = await place.post('/config/field/update', { field_name: 'completion_model' });
    expect([status, body.error.param]).toEqual([400, 'field_value']);
  });
});

describe('reading', () => {
  test('the router says what is in force, defaults too, and what can be chosen', async () => {
    await update({ router_settings: { timeout: 20 } });
    expect(await current()).toMatchObject({
      num_retries: 1,
      timeout: 20,
      cooldown_time: 7,
      routing_strategy: 'simple-shuffle',
      fallbacks: [],
    });
    const { body } = await place.get('/router/fields');
    const strategy = body.fields.find((field: { field_name: string }) => field.field_name === 'routing_strategy');
    expect(strategy.options).toContain('latency-based-routing');
    expect(Object.keys(body.routing_strategy_descriptions)).toEqual(strategy.options);
    expect(body.fields.every((field: { field_description: string }) => field.field_description.length > 0)).toBe(true);
  });

  test('every strategy that is offered can be chosen', async () => {
    const { body } = await place.get('/router/fields');
    for (const routing_strategy of Object.keys(body.routing_strategy_descriptions)) {
      expect((await update({ router_settings: { routing_strategy } })).status).toBe(200);
      expect((await current())['routing_strategy']).toBe(routing_strategy);
    }
  });

  test('a section lists its fields, where each comes from, and no secret', async () => {
    await update({ general_settings: { enforce_user_param: true } });
    const { body } = await place.get('/config/list?config_type=general_settings');
    const field = (name: string) => body.find((one: { field_name: string }) => one.field_name === name);
    expect(field('enforce_user_param')).toMatchObject({ field_value: true, stored_in_db: true, field_type: 'Boolean' });
    expect(field('completion_model')).toMatchObject({ field_value: 'first', stored_in_db: false });
    expect(field('user_header_name')).toMatchObject({ field_value: null, stored_in_db: null });
    expect(field('master_key')).toMatchObject({ field_value: '********', editable: false });
  });

  test('no answer holds a secret of the file', async () => {
    for (const path of [
      '/config/yaml',
      '/config/list',
      '/router/settings',
      '/config/field/info?field_name=master_key',
    ]) {
      const { status, body } = await place.get(path);
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toContain(MASTER_KEY);
      expect(JSON.stringify(body)).not.toContain('sk-of-the-provider');
    }
  });
});

describe('who may', () => {
  let keys: Readonly<Record<string, string>>;
  beforeEach(async () => {
    keys = {
      proxy_admin: await person('proxy_admin'),
      proxy_admin_viewer: await person('proxy_admin_viewer'),
      internal_user: await person('internal_user'),
      nobody: await place.key(),
    };
  });

  test.each([
    '/router/settings',
    '/router/fields',
    '/config/yaml',
    '/config/list',
    '/config/field/info?field_name=master_key',
  ])('GET %s is for admins and the platform’s viewer', async (path) => {
    const statuses = await Promise.all(Object.values(keys).map(async (key) => (await place.get(path, key)).status));
    expect(statuses).toEqual([200, 200, 403, 403]);
    expect((await place.get(path, null)).status).toBe(401);
  });

  test('only admins change anything', async () => {
    const statuses: number[] = [];
    for (const key of Object.values(keys)) {
      statuses.push((await update({ router_settings: { num_retries: 3 } }, key)).status);
      const field = { field_name: 'enforce_user_param', field_value: true };
      statuses.push((await place.post('/config/field/update', field, key)).status);
    }
    expect(statuses).toEqual([200, 200, 403, 403, 403, 403, 403, 403]);
  });
});
