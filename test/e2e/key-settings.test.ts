/** Every setting of keys, each seen to do what it says. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'm')],
      litellm_settings: {
        default_key_generate_params: {
          models: ['m'],
          max_budget: 4,
          soft_budget: 3,
          budget_id: 'shared',
          duration: '10d',
          aliases: { nick: 'm' },
          metadata: { from: 'config' },
          tags: ['made-here'],
          guardrails: ['g'],
          organization_id: 'o',
          team_id: 't',
          key_type: 'llm_api',
          tpd_limit: 1_000_000,
          model_max_budget: { m: 2 },
          model_rpm_limit: { m: 50 },
          model_tpm_limit: { m: 50_000 },
        },
        upperbound_key_generate_params: {
          max_budget: 5,
          budget_duration: '30d',
          duration: '30d',
          max_parallel_requests: 3,
          tpm_limit: 100_000,
          rpm_limit: 100,
        },
        key_generation_settings: {
          team_key_generation: { allowed_team_member_roles: ['admin'], required_params: ['key_alias'] },
        },
      },
      general_settings: { disable_custom_api_keys: true },
    },
  });
  await post('/budget/new', { budget_id: 'shared', rpm_limit: 7 });
  await post('/organization/new', { organization_id: 'o', organization_alias: 'O' });
  await post('/team/new', { team_id: 't', organization_id: 'o', team_member_permissions: ['/key/generate'] });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

type Body = Record<string, unknown>;

async function post(path: string, body: object, key?: unknown): Promise<Body & { status: number }> {
  const answer = await gateway.post(path, body, key === undefined ? {} : { authorization: `Bearer ${key}` });
  return { ...((await answer.json()) as Body), status: answer.status };
}
const messageOf = ({ error }: Body): string => String((error as Body | undefined)?.['message']);

/** A user with a key of their own. */
async function person(user_id: string, teamRole?: string): Promise<unknown> {
  const { key } = await post('/user/new', { user_id, user_role: 'internal_user' });
  if (teamRole !== undefined) await post('/team/member_add', { team_id: 't', member: { user_id, role: teamRole } });
  return key;
}

describe('default_key_generate_params', () => {
  test('give a key all that its request leaves out', async () => {
    expect(await post('/key/generate', {})).toMatchObject({
      status: 200,
      models: ['m'],
      max_budget: 4,
      soft_budget: 3,
      budget_id: 'shared',
      litellm_budget_table: { budget_id: 'shared', rpm_limit: 7 },
      aliases: { nick: 'm' },
      metadata: { from: 'config', tags: ['made-here'], guardrails: ['g'] },
      organization_id: 'o',
      team_id: 't',
      key_type: 'llm_api',
      allowed_routes: ['llm_api_routes'],
      tpd_limit: 1_000_000,
      model_max_budget: { m: 2 },
      model_rpm_limit: { m: 50 },
      model_tpm_limit: { m: 50_000 },
    });
  });

  test('give way to what the request says', async () => {
    const made = await post('/key/generate', { max_budget: 1, models: ['x'], allowed_routes: ['/key/info'] });
    expect(made).toMatchObject({ max_budget: 1, models: ['x'], allowed_routes: ['/key/info'] });
  });
});

describe('upperbound_key_generate_params', () => {
  test('are the most that a key gets, and what it gets when nothing is said', async () => {
    const made = await post('/key/generate', {});
    expect(made).toMatchObject({
      budget_duration: '30d',
      max_parallel_requests: 3,
      tpm_limit: 100_000,
      rpm_limit: 100,
    });
    for (const [field, value] of Object.entries({
      max_budget: 6,
      budget_duration: '1mo',
      duration: '31d',
      max_parallel_requests: 4,
      tpm_limit: 100_001,
      rpm_limit: 101,
    })) {
      const refused = await post('/key/generate', { [field]: value });
      expect([field, refused.status, messageOf(refused)]).toEqual([
        field,
        400,
        expect.stringContaining(`${field} is over max limit set in config`),
      ]);
    }
  });
});

describe('key_generation_settings', () => {
  test('name the members of a team who make its keys, and what they must say', async () => {
    const [lead, mate] = [await person('lead', 'admin'), await person('mate', 'user')];
    const refused = await post('/key/generate', { team_id: 't', key_alias: 'x', budget_id: null }, mate);
    expect([refused.status, messageOf(refused)]).toEqual([403, expect.stringContaining('The role "user"')]);
    const silent = await post('/key/generate', { team_id: 't' }, lead);
    expect([silent.status, messageOf(silent)]).toEqual([400, expect.stringContaining("'key_alias' must be set")]);
  });

  test('name the users who make keys of their own, and what they must say', async () => {
    const personal_key_generation = { allowed_user_roles: ['internal_user'], required_params: ['key_alias'] };
    const other = await startGateway({
      config: {
        model_list: [deployment(upstream, 'm')],
        litellm_settings: { key_generation_settings: { personal_key_generation } },
      },
    });
    const make = async (key: unknown, body: object): Promise<number> =>
      (await other.post('/key/generate', body, { authorization: `Bearer ${key}` })).status;
    try {
      const { key } = (await (await other.post('/user/new', { user_role: 'internal_user' })).json()) as Body;
      expect([await make(key, {}), await make(key, { key_alias: 'z' })]).toEqual([400, 200]);
    } finally {
      await other.stop();
    }
  });

  test('let the configuration put a key where its maker could not', async () => {
    const made = await post('/key/generate', { key_alias: 'y' }, await person('alone'));
    expect(made).toMatchObject({
      status: 200,
      user_id: 'alone',
      team_id: 't',
      organization_id: 'o',
      budget_id: 'shared',
    });
    expect(made['metadata']).toMatchObject({ from: 'config', tags: ['made-here'], guardrails: ['g'] });
    const asked = await post('/key/generate', { key_alias: 'q', budget_id: 'shared' }, await person('asker'));
    expect(asked.status).toBe(403);
  });
});

test('disable_custom_api_keys leaves the choice of secrets to the gateway', async () => {
  const refused = await post('/key/generate', { key: 'sk-chosen-by-somebody' });
  expect([refused.status, messageOf(refused)]).toEqual([403, expect.stringContaining('disable_custom_api_keys')]);
});
