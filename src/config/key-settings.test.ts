import { describe, expect, test } from 'bun:test';
import { errorsOf, findingsOf, load } from '../../test/support/config-files.ts';

const litellm = (settings: object): string => JSON.stringify({ litellm_settings: settings });

describe('what keys may be made', () => {
  test('is anything by anybody when nothing is said', () => {
    expect(load('litellm_settings: {}').keys).toEqual({
      defaults: {},
      caps: {},
      teamKeys: { roles: null, requiredFields: [] },
      personalKeys: { roles: null, requiredFields: [] },
      customSecrets: true,
    });
  });

  test('has defaults, only of what was given', () => {
    const given = { max_budget: 1.5, budget_duration: '30d', models: ['m'], metadata: { a: { b: 1 } }, rpm_limit: 0 };
    expect(load(litellm({ default_key_generate_params: given })).keys.defaults).toEqual(given);
  });

  test('has caps, as the fields they cap', () => {
    const given = { max_budget: 100, duration: '365d', budget_duration: '1mo', tpm_limit: 5, rpm_limit: 6 };
    expect(load(litellm({ upperbound_key_generate_params: given })).keys.caps).toEqual(given);
  });

  test('says who may make which', () => {
    const { keys } = load(
      litellm({
        key_generation_settings: {
          team_key_generation: { allowed_team_member_roles: ['admin'], required_params: ['tags'] },
          personal_key_generation: { allowed_user_roles: ['proxy_admin'] },
        },
      }),
    );
    expect(keys.teamKeys).toEqual({ roles: ['admin'], requiredFields: ['tags'] });
    expect(keys.personalKeys).toEqual({ roles: ['proxy_admin'], requiredFields: [] });
  });

  test('may leave the choice of secrets to the gateway', () => {
    expect(load('general_settings: {disable_custom_api_keys: true}').keys.customSecrets).toBe(false);
  });

  test('every key is in use and none is told as ignored', () => {
    const findings = findingsOf(
      litellm({ default_key_generate_params: { models: [] }, upperbound_key_generate_params: { max_budget: 1 } }),
    );
    expect(findings.filter(({ level }) => level !== 'honoured')).toEqual([]);
  });
});

describe('mistakes are told with their path', () => {
  const mistakes: [object, string][] = [
    [{ default_key_generate_params: { max_budgte: 1 } }, 'default_key_generate_params.max_budgte'],
    [{ default_key_generate_params: { duration: 'soon' } }, 'default_key_generate_params.duration'],
    [{ default_key_generate_params: { key_type: 'admin' } }, 'default_key_generate_params.key_type'],
    [{ upperbound_key_generate_params: { models: ['m'] } }, 'upperbound_key_generate_params.models'],
    [
      { upperbound_key_generate_params: { budget_duration: '1 fortnight' } },
      'upperbound_key_generate_params.budget_duration',
    ],
    [{ upperbound_key_generate_params: { rpm_limit: -1 } }, 'upperbound_key_generate_params.rpm_limit'],
    [
      { key_generation_settings: { team_key_generation: { allowed_user_roles: ['x'] } } },
      'key_generation_settings.team_key_generation.allowed_user_roles',
    ],
    [{ key_generation_settings: { teams: {} } }, 'key_generation_settings.teams'],
  ];
  for (const [settings, path] of mistakes) {
    test(path, () => {
      expect(errorsOf(litellm(settings)).map((error) => error.split(':')[0])).toEqual([`litellm_settings.${path}`]);
    });
  }

  test('an endless life is none', () => {
    expect(errorsOf(litellm({ upperbound_key_generate_params: { duration: '-1' } }))).toEqual([]);
  });
});
