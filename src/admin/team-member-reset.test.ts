import { describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';

const place = adminPlace();

/** `lead` leads the team and `mate` has a budget of his own. */
async function crew(fields: object = {}): Promise<void> {
  await place.post('/team/new', { team_id: 'crew', ...fields });
  for (const user_id of ['lead', 'mate']) await place.post('/user/new', { user_id, auto_create_key: false });
  await place.post('/team/member_add', { team_id: 'crew', member: { role: 'admin', user_id: 'lead' } });
  await place.post('/team/member_add', {
    team_id: 'crew',
    member: { role: 'user', user_id: 'mate' },
    max_budget_in_team: 3,
    allowed_models: ['gpt-4o'],
  });
}

const RESET = '/team/crew/member/mate/reset_budget';

async function mate(): Promise<Record<string, unknown>> {
  const { team_memberships } = (await place.get('/team/info?team_id=crew')).body;
  return team_memberships.find(({ user_id }: { user_id: string }) => user_id === 'mate');
}

describe('the own budget of a member', () => {
  test("is taken away, so that the team's holds again; models and spend stay", async () => {
    await crew({ team_member_budget: 5 });
    await place.post('/team/crew/member/mate/reset_spend', { reset_to: 2 });
    const { status, body } = await place.post(RESET, {});
    expect(status).toBe(200);
    expect(body).toMatchObject({ team_id: 'crew', user_id: 'mate', budget_source: 'team_default' });
    expect(body).toMatchObject({ budget_id: expect.any(String), previous_budget_id: null });
    expect(await mate()).toMatchObject({
      spend: 2,
      budget_id: body.budget_id,
      litellm_budget_table: { max_budget: 5, allowed_models: ['gpt-4o'] },
    });
  });

  test('is none at all where the team gives none', async () => {
    await crew();
    const { body } = await place.post(RESET, {});
    expect(body).toMatchObject({ budget_id: null, budget_source: 'none' });
    expect(await mate()).toMatchObject({ litellm_budget_table: { max_budget: null } });
  });

  test('leaves a row in the audit log, with the budget before and after', async () => {
    await crew();
    await place.post(RESET, {});
    const [row] = (await place.get('/audit?object_kind=team_member&action=updated')).body.audit_logs;
    expect(row).toMatchObject({ object_id: 'crew/mate', before_value: { max_budget: 3 } });
    expect(row.updated_values.max_budget).toBeNull();
  });

  test("is reset by the team's admin, and by nobody who is not", async () => {
    await crew();
    expect((await place.post(RESET, {}, await place.key({ user_id: 'mate' }))).status).toBe(403);
    expect((await place.post(RESET, {}, await place.key({ user_id: 'lead' }))).status).toBe(200);
    expect((await place.post('/team/crew/member/nobody/reset_budget', {})).status).toBe(404);
    expect((await place.post('/team/nowhere/member/mate/reset_budget', {})).status).toBe(404);
  });
});
