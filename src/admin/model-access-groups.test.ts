import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { auditLog } from '../db/audit-log.ts';
import { EVERYTHING } from '../db/visibility.ts';

const place = adminPlace();

const added = async (model_name: string, id: string, model_info: object = {}): Promise<void> => {
  const { status, body } = await place.post('/model/new', {
    model_name,
    litellm_params: { model: `openai/${model_name}`, api_key: 'sk-of-the-provider' },
    model_info: { id, ...model_info },
  });
  if (status !== 200) throw new Error(JSON.stringify(body));
};
const send = (method: string, path: string, body?: object, key?: string) =>
  place.request(`/access_group/${path}`, { method, ...(body && { body: JSON.stringify(body) }) }, key);
const groups = async () => (await place.get('/access_group/list')).body.access_groups;
/** What the request path goes by. */
const servedGroups = (model: string): string[] => [...new Set(place.live.runtime.models.accessGroups(model))];

beforeEach(async () => {
  await added('dear', 'dear-1');
  await added('dear', 'dear-2');
  await added('cheap', 'cheap-1', { access_groups: ['all'] });
});

test('a group takes models by name, every deployment of them, and the request path knows at once', async () => {
  const made = await place.post('/access_group/new', { access_group: 'vip', model_names: ['dear'] });
  expect([made.status, made.body]).toMatchObject([
    200,
    { access_group: 'vip', model_names: ['dear'], models_updated: 2 },
  ]);
  expect(servedGroups('dear')).toEqual(['vip']);
  expect(servedGroups('cheap')).toEqual(['all']);
  expect(await groups()).toEqual([
    { access_group: 'all', model_names: ['cheap'], deployment_count: 1, spend: null, budget: null },
    { access_group: 'vip', model_names: ['dear'], deployment_count: 2, spend: null, budget: null },
  ]);
  expect((await place.get('/access_group/vip/info')).body).toEqual({
    access_group: 'vip',
    model_names: ['dear'],
    deployment_count: 2,
    spend: null,
    budget: null,
  });
});

test('a group takes single deployments by id', async () => {
  await place.post('/access_group/new', { access_group: 'vip', model_ids: ['dear-1'], model_names: ['cheap'] });
  expect((await place.get('/access_group/vip/info')).body).toMatchObject({
    deployment_count: 1,
    spend: null,
    budget: null,
  });
  expect(servedGroups('cheap')).toEqual(['all']);
});

test('an update leaves the models given and no others', async () => {
  await place.post('/access_group/new', { access_group: 'vip', model_names: ['dear'] });
  const { body } = await send('PUT', 'vip/update', { model_names: ['cheap'] });
  expect(body.models_updated).toBe(3);
  expect([servedGroups('dear'), servedGroups('cheap')]).toEqual([[], ['all', 'vip']]);
  expect((await send('PUT', 'vip/update', { model_names: ['cheap'] })).body.models_updated).toBe(0);
});

test('a group is deleted from all its models, and the models stay', async () => {
  await place.post('/access_group/new', { access_group: 'vip', model_names: ['dear', 'cheap'] });
  expect((await send('DELETE', 'vip/delete')).body).toMatchObject({ access_group: 'vip', models_updated: 3 });
  expect([servedGroups('dear'), servedGroups('cheap')]).toEqual([[], ['all']]);
  expect((await send('DELETE', 'vip/delete')).status).toBe(404);
});

test('each model that changes leaves a row', async () => {
  await place.post('/access_group/new', { access_group: 'vip', model_ids: ['dear-1'] });
  const { rows } = await auditLog.list(place.db, { visibility: EVERYTHING, limit: 1 });
  expect(rows[0]).toMatchObject({ action: 'updated', object_kind: 'model', object_id: 'dear-1' });
  expect(JSON.parse(rows[0]?.after_values ?? '')).toEqual({ access_groups: ['vip'] });
});

describe('refusals', () => {
  test.each<[string, object | undefined, number, string]>([
    ['POST new', { access_group: 'all', model_names: ['dear'] }, 409, 'access_group'],
    ['POST new', { access_group: 'vip' }, 400, 'model_names'],
    ['POST new', { model_names: ['dear'] }, 400, 'access_group'],
    ['POST new', { access_group: 'vip', model_names: ['nowhere'] }, 400, 'model_names'],
    ['POST new', { access_group: 'vip', model_ids: ['nowhere'] }, 400, 'model_ids'],
    ['POST new', { access_group: 'vip', models: ['dear'] }, 400, 'models'],
    ['PUT nowhere/update', { model_names: ['dear'] }, 404, 'access_group'],
    ['DELETE nowhere/delete', undefined, 404, 'access_group'],
    ['GET nowhere/info', undefined, 404, 'access_group'],
  ])('%s %j', async (route, body, status, param) => {
    const [method = '', path = ''] = route.split(' ');
    const answer = await send(method, path, body);
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
    expect(await groups()).toHaveLength(1);
  });

  test('a key', async () => {
    const key = await place.key();
    expect((await place.get('/access_group/list', key)).status).toBe(403);
    expect((await send('POST', 'new', { access_group: 'vip', model_names: ['dear'] }, key)).status).toBe(403);
    expect((await send('DELETE', 'all/delete', undefined, key)).status).toBe(403);
  });
});
