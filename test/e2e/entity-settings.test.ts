/** Every setting of what new users and teams have, each seen to do what it says. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;

const USER = {
  max_budget: 4,
  budget_duration: '30d',
  models: ['m'],
  max_parallel_requests: 3,
  tpm_limit: 9_000,
  rpm_limit: 90,
};
const TEAM = {
  organization_id: 'o',
  max_budget: 40,
  budget_duration: '7d',
  models: ['m'],
  tpm_limit: 90_000,
  rpm_limit: 900,
  team_member_permissions: ['/key/generate'],
};

/** Where there is a budget a price must be known. */
const priced = (name: string) => ({
  ...deployment(upstream, name),
  model_info: { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 },
});

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [priced('m'), priced('n')],
      litellm_settings: {
        default_internal_user_params: { user_role: 'internal_user_viewer', ...USER },
        default_team_params: TEAM,
      },
    },
  });
  await post(gateway, '/organization/new', { organization_id: 'o', organization_alias: 'O', max_budget: 30 });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

type Body = Record<string, unknown>;

async function post(to: Gateway, path: string, body: object, key?: unknown): Promise<Body & { status: number }> {
  const answer = await to.post(path, body, key === undefined ? {} : { authorization: `Bearer ${key}` });
  return { ...((await answer.json()) as Body), status: answer.status };
}
const ask = async (to: Gateway, model: string, key: unknown): Promise<number> => {
  const messages = [{ role: 'user', content: 'Hi' }];
  return (await post(to, '/v1/chat/completions', { model, messages }, key)).status;
};

describe('default_internal_user_params', () => {
  test('give a user all that the request leaves out, and hold', async () => {
    const made = await post(gateway, '/user/new', {});
    expect(made).toMatchObject({ status: 200, user_role: 'internal_user_viewer', ...USER });
    expect(await ask(gateway, 'm', made['key'])).toBe(200);
    expect(await ask(gateway, 'n', made['key'])).not.toBe(200);
  });
});

describe('default_team_params', () => {
  test('give a team all that the request leaves out, but no more than its organization has', async () => {
    expect(await post(gateway, '/team/new', {})).toMatchObject({ status: 200, ...TEAM, max_budget: 30 });
  });
});

describe.each([{ max_internal_user_budget: 0 }, { default_max_internal_user_budget: 0 }])('%j', (budget) => {
  test('is the budget of users who have none, however they come in', async () => {
    const other = await startGateway({
      config: {
        model_list: [priced('m')],
        litellm_settings: { ...budget, internal_user_budget_duration: '1d' },
      },
    });
    try {
      const made = await post(other, '/user/new', {});
      expect(made).toMatchObject({ max_budget: 0, budget_duration: '1d' });
      expect(await ask(other, 'm', made['key'])).toBe(422);
      await post(other, '/team/new', { team_id: 't' });
      await post(other, '/team/member_add', { team_id: 't', member: { user_id: 'came', role: 'user' } });
      const { key } = await post(other, '/key/generate', { user_id: 'came' });
      expect(await ask(other, 'm', key)).toBe(422);
    } finally {
      await other.stop();
    }
  });
});
