/** What a request must say and what is promised to a key: `enforced_params`, guaranteed rates, estimates of the output. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream();
  upstream.behave = () => ({ usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 }, delayMs: 20 });
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'm', {}), deployment(upstream, 'other', {})],
      general_settings: {
        enforced_params: ['temperature'],
        service_account_settings: { enforced_params: ['metadata.job'] },
      },
      router_settings: { num_retries: 0 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

interface Answered {
  readonly status: number;
  readonly message: string;
  readonly param: string | undefined;
  readonly warning: string | null;
  readonly key: string;
}

async function told(answer: Response): Promise<Answered> {
  const { error, key = '' } = (await answer.json()) as { error?: { message: string; param: string }; key?: string };
  const warning = answer.headers.get('x-tollgate-warning');
  return { status: answer.status, message: error?.message ?? '', param: error?.param, warning, key };
}

const post = async (path: string, body: object): Promise<Answered> => told(await gateway.post(path, body));
async function made(fields: object): Promise<string> {
  const { key, warning, status, message } = await post('/key/generate', fields);
  expect([status, message, warning]).toEqual([200, '', null]);
  return key;
}

async function ask(key: string, body: object = {}): Promise<Answered> {
  const whole = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], temperature: 0, max_tokens: 20, ...body };
  return told(await gateway.ask(whole, { authorization: `Bearer ${key}` }));
}

describe('enforced_params', () => {
  test('of the gateway hold for every request', async () => {
    const key = await made({});
    expect((await ask(key)).status).toBe(200);
    const { status, message, param } = await ask(key, { temperature: undefined });
    expect([status, param]).toEqual([400, 'temperature']);
    expect(message).toContain('please pass param=temperature in request body');
    expect((await ask(gateway.masterKey, { temperature: undefined })).status).toBe(400);
  });

  test('of a key hold for it, within the metadata too, and change with it', async () => {
    const key = await made({ enforced_params: ['user', 'metadata.generation_name'] });
    expect(await ask(key)).toMatchObject({ status: 400, param: 'user' });
    expect(await ask(key, { user: 'u' })).toMatchObject({ status: 400, param: 'metadata.generation_name' });
    expect(await ask(key, { user: 'u', metadata: { other: 1 } })).toMatchObject({ status: 400 });
    expect(await ask(key, { user: 'u', metadata: { generation_name: 'g' } })).toMatchObject({ status: 200 });
    await post('/key/update', { key, enforced_params: [] });
    expect(await ask(key)).toMatchObject({ status: 200 });
  });

  test('of a team hold for all of its keys', async () => {
    await post('/team/new', { team_id: 'strict', metadata: { enforced_params: ['seed'] } });
    const key = await made({ team_id: 'strict' });
    expect(await ask(key)).toMatchObject({ status: 400, param: 'seed' });
    expect(await ask(key, { seed: 1 })).toMatchObject({ status: 200 });
  });

  test('of service accounts hold for those only', async () => {
    await post('/team/new', { team_id: 'robots' });
    const { key } = await post('/key/service-account/generate', { team_id: 'robots' });
    expect(await ask(key)).toMatchObject({ status: 400, param: 'metadata.job' });
    expect(await ask(key, { metadata: { job: 'nightly' } })).toMatchObject({ status: 200 });
  });
});

describe('a guaranteed rate', () => {
  const guaranteed = { rpm_limit_type: 'guaranteed_throughput', tpm_limit_type: 'guaranteed_throughput' };

  test('is only given to a key where all of its team’s keys fit', async () => {
    await post('/team/new', { team_id: 'fast', rpm_limit: 100, tpm_limit: 1_000, model_rpm_limit: { m: 10 } });
    const first = await made({ team_id: 'fast', rpm_limit: 60, ...guaranteed });
    const second = await post('/key/generate', { team_id: 'fast', rpm_limit: 41, ...guaranteed });
    expect([second.status, second.param, second.warning]).toEqual([400, 'rpm_limit', null]);
    expect(second.message).toContain('60 of the team');
    const third = await made({ team_id: 'fast', rpm_limit: 40, tpm_limit: 1_000, ...guaranteed });
    expect(await post('/key/update', { key: first, rpm_limit: 61 })).toMatchObject({ status: 400, param: 'rpm_limit' });
    expect(await post('/key/update', { key: first, tpm_limit: 1 })).toMatchObject({ status: 400, param: 'tpm_limit' });
    expect(await post('/key/update', { key: third, rpm_limit: 39 })).toMatchObject({ status: 200 });
    expect(await post('/key/update', { key: first, rpm_limit: 61 })).toMatchObject({ status: 200 });
  });

  test('of one model is held against the team’s for it', async () => {
    await made({ team_id: 'fast', model_rpm_limit: { m: 7 } });
    const over = { team_id: 'fast', model_rpm_limit: { m: 4 }, ...guaranteed };
    expect(await post('/key/generate', over)).toMatchObject({ status: 400, param: 'model_rpm_limit' });
    await made({ ...over, model_rpm_limit: { m: 3 } });
  });

  test('that is not guaranteed may be given away as often as one likes, and each key is held to its own', async () => {
    await made({ team_id: 'fast', rpm_limit: 100, rpm_limit_type: 'best_effort_throughput' });
    const key = await made({ rpm_limit: 2, rpm_limit_type: 'dynamic' });
    const all = await Promise.all(Array.from({ length: 4 }, () => ask(key)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(2);
  });

  test('of a team is held against its organization, and so is a key’s', async () => {
    await post('/organization/new', { organization_id: 'org', organization_alias: 'Org', rpm_limit: 100 });
    expect(await post('/team/new', { organization_id: 'org', rpm_limit: 70, ...guaranteed })).toMatchObject({
      status: 200,
      warning: null,
    });
    const over = await post('/team/new', { team_id: 'late', organization_id: 'org', rpm_limit: 31, ...guaranteed });
    expect([over.status, over.param]).toEqual([400, 'rpm_limit']);
    expect(
      await post('/team/new', { team_id: 'late', organization_id: 'org', rpm_limit: 30, ...guaranteed }),
    ).toMatchObject({ status: 200 });
    expect(await post('/team/update', { team_id: 'late', rpm_limit: 31 })).toMatchObject({ status: 400 });
    await made({ organization_id: 'org', rpm_limit: 90, ...guaranteed });
    const key = { organization_id: 'org', rpm_limit: 11, ...guaranteed };
    expect(await post('/key/generate', key)).toMatchObject({ status: 400, param: 'rpm_limit' });
  });
});

describe('default_estimated_output_tokens', () => {
  const passed = async (fields: object, body: object = {}): Promise<number> => {
    const key = await made({ tpm_limit: 1_000, ...fields });
    const all = await Promise.all(Array.from({ length: 8 }, () => ask(key, { max_tokens: undefined, ...body })));
    return all.filter(({ status }) => status === 200).length;
  };

  test('is what calls without a cap hold of the rate in tokens until they end', async () => {
    expect(await passed({ default_estimated_output_tokens: 400 })).toBe(2);
    expect(await passed({ default_estimated_output_tokens: 20 })).toBe(8);
    const byModel = { default_estimated_output_tokens: 20, default_estimated_output_tokens_per_model: { m: 400 } };
    expect(await passed(byModel)).toBe(2);
    expect(await passed(byModel, { model: 'other' })).toBe(8);
    expect(await passed(byModel, { max_tokens: 5 })).toBe(8);
  });

  test('is the team’s where a key has none', async () => {
    await post('/team/new', { team_id: 'wordy', default_estimated_output_tokens: 400 });
    expect(await passed({ team_id: 'wordy' })).toBe(2);
    expect(await passed({ team_id: 'wordy', default_estimated_output_tokens: 20 })).toBe(8);
  });
});

test('throttle_on_budget_exceeded is refused, as a spent budget lets nothing pass', async () => {
  const { status, param, message } = await post('/key/generate', { throttle_on_budget_exceeded: true });
  expect([status, param]).toEqual([400, 'throttle_on_budget_exceeded']);
  expect(message).toContain('soft_budget');
  await made({ throttle_on_budget_exceeded: false });
});
