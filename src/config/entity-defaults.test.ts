import { describe, expect, test } from 'bun:test';
import { errorsOf, findingsOf, load } from '../../test/support/config-files.ts';
import { TEAM_MEMBER_PERMISSIONS } from '../admin/team-permissions.ts';
import { USER_ROLES } from '../admin/user-schema.ts';
import { DEFAULT_USER_ROLES, MEMBER_PERMISSIONS } from './entity-defaults-schema.ts';

const litellm = (settings: object): string => JSON.stringify({ litellm_settings: settings });

describe('what new users and teams have', () => {
  test('is nothing when nothing is said', () => {
    expect(load('litellm_settings: {}').entityDefaults).toEqual({ user: {}, internalUser: {}, team: {} });
  });

  test('is what was given, under the names of requests', () => {
    const user = {
      user_role: 'internal_user_viewer',
      max_budget: 0,
      budget_duration: '30d',
      models: ['m'],
      rpm_limit: 5,
    };
    const team = { organization_id: 'o', max_budget: 1.5, team_member_permissions: ['/key/generate'], tpm_limit: 7 };
    const settings = { default_internal_user_params: user, default_team_params: team };
    const budget = { max_internal_user_budget: 3, internal_user_budget_duration: '7d' };
    expect(load(litellm({ ...settings, ...budget })).entityDefaults).toEqual({
      user,
      internalUser: { max_budget: 3, budget_duration: '7d' },
      team,
    });
  });

  test('has a budget under an older name, which the newer one replaces', () => {
    const older = { default_max_internal_user_budget: 8 };
    expect(load(litellm(older)).entityDefaults.internalUser).toEqual({ max_budget: 8 });
    const both = { ...older, max_internal_user_budget: 0 };
    expect(load(litellm(both)).entityDefaults.internalUser).toEqual({ max_budget: 0 });
  });

  test('every key is in use, and fields that nothing fills in are told', () => {
    const used = { default_team_params: { models: ['m'] }, default_internal_user_params: { tpm_limit: 1 } };
    expect(findingsOf(litellm(used)).filter(({ level }) => level !== 'honoured')).toEqual([]);
    const idle = findingsOf(litellm({ default_internal_user_params: { teams: ['t'], available_teams: ['t'] } }));
    expect(idle.filter(({ level }) => level === 'ignored').map(({ path }) => path)).toEqual([
      'litellm_settings.default_internal_user_params.teams',
      'litellm_settings.default_internal_user_params.available_teams',
    ]);
  });
});

describe('mistakes are told with their path', () => {
  const mistakes: [object, string][] = [
    [{ default_internal_user_params: { max_budgte: 1 } }, 'default_internal_user_params.max_budgte'],
    [{ default_internal_user_params: { max_budget: -1 } }, 'default_internal_user_params.max_budget'],
    [{ default_internal_user_params: { user_role: 'king' } }, 'default_internal_user_params.user_role'],
    [{ default_internal_user_params: { budget_duration: 'soon' } }, 'default_internal_user_params.budget_duration'],
    [{ default_internal_user_params: 'all' }, 'default_internal_user_params'],
    [{ default_internal_user_params: { max_budget: 9_000_001 } }, 'default_internal_user_params.max_budget'],
    [{ default_team_params: { max_budget: 1e9 } }, 'default_team_params.max_budget'],
    [{ max_internal_user_budget: 1e9 }, 'max_internal_user_budget'],
    [{ default_max_internal_user_budget: 1e9 }, 'default_max_internal_user_budget'],
    [{ max_internal_user_budget: 'much' }, 'max_internal_user_budget'],
    [{ internal_user_budget_duration: '1 fortnight' }, 'internal_user_budget_duration'],
    [{ default_team_params: { budget_duration: 'soon' } }, 'default_team_params.budget_duration'],
    [{ default_team_params: { tpm_limit: 1.5 } }, 'default_team_params.tpm_limit'],
    [{ default_team_params: { team_alias: 'x' } }, 'default_team_params.team_alias'],
    [{ default_team_params: { team_member_permissions: ['/key/x'] } }, 'default_team_params.team_member_permissions'],
  ];
  for (const [settings, path] of mistakes) {
    test(`${path} of ${JSON.stringify(settings)}`, () => {
      expect(errorsOf(litellm(settings)).map((error) => error.split(':')[0])).toEqual([`litellm_settings.${path}`]);
    });
  }
});

test('roles and permissions are those of the management API', () => {
  expect(MEMBER_PERMISSIONS).toEqual(TEAM_MEMBER_PERMISSIONS);
  expect(DEFAULT_USER_ROLES).toEqual(Object.keys(USER_ROLES));
});
