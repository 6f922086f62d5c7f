import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { settleTenants } from '../../test/support/tenants.ts';

const place = adminPlace();
beforeEach(() => settleTenants(place.db));

async function made(fields: object = {}): Promise<Record<string, unknown>> {
  const { status, body } = await place.post('/team/new', fields);
  expect([status, body.error]).toEqual([200, undefined]);
  return body;
}

const info = async (teamId: string): Promise<Record<string, unknown>> => {
  const { body } = await place.get(`/team/info?team_id=${encodeURIComponent(teamId)}`);
  return body.team_info;
};

const FIELDS = {
  team_alias: 'Readers',
  models: ['gpt-4o', 'openai/*'],
  model_aliases: { best: 'gpt-4o' },
  metadata: { cost_centre: 7 },
  max_budget: 12.5,
  soft_budget: 10,
  budget_duration: '30d',
  budget_limits: [{ budget_duration: '1d', max_budget: 1 }],
  model_max_budget: { 'gpt-4o': { budget_limit: 2, time_period: '1d' } },
  tollgate_limits: [{ unit: 'requests', window: '1d', max: 1000 }],
  max_parallel_requests: 4,
  rpm_limit: 60,
  tpm_limit: 60_000,
  tpd_limit: 1_000_000,
  tags: ['x'],
  model_rpm_limit: { 'gpt-4o': 5 },
  model_tpm_limit: { 'gpt-4o': 500 },
  blocked: true,
  policies: ['p'],
  access_group_ids: ['g'],
  router_settings: { num_retries: 1 },
  object_permission: { vector_stores: ['v'] },
  allow_team_guardrail_config: true,
  team_member_permissions: ['/key/generate'],
  default_team_member_models: ['gpt-4o'],
  team_member_budget: 3,
  team_member_budget_duration: '1d',
  team_member_rpm_limit: 6,
  team_member_tpm_limit: 600,
};

describe('a team', () => {
  test('has every field that it was made with', async () => {
    const team = await made(FIELDS);
    expect(team).toMatchObject(FIELDS);
    expect(await info(String(team['team_id']))).toMatchObject(FIELDS);
  });
});
void OWNER;
void LEAD;
void MATE;
