import { describe, expect, test } from 'bun:test';
import {
  budgetRow,
  customerRow,
  memberRow,
  organizationRow,
  projectRow,
  tagRow,
  teamRow,
  userRow,
} from '../../test/support/entity-rows.ts';
import { joined } from '../db/usage-scopes.ts';
import { UNLIMITED } from '../gateway/entities.ts';
import {
  endUserOf,
  isUserRole,
  organizationOf,
  projectOf,
  tagOf,
  teamMemberOf,
  teamOf,
  unknownEndUser,
  userOf,
} from './entities.ts';

const BUDGET = budgetRow('b', { max_budget_nano_usd: 100, rpm_limit: 5, budget_duration: '1d' });

describe('a stored entity', () => {
  const named = { blocked: 1, models: '["m", 5, "n"]', metadata: '{"a": 1}' };
  test.each([
    ['team', teamOf(teamRow('x', { team_alias: 'X', ...named }), undefined, undefined)],
    ['user', userOf(userRow('x', { user_alias: 'X', ...named }), undefined)],
    ['organization', organizationOf(organizationRow('x', { organization_alias: 'X', ...named }), undefined)],
    ['project', projectOf(projectRow('x', { project_alias: 'X', ...named }), undefined)],
    ['end_user', endUserOf(customerRow('x', { alias: 'X', ...named }), undefined)],
  ] as const)('of kind %s has its name, its models and whether it is blocked', (kind, entity) => {
    const expected = { kind, id: 'x', name: 'X', blocked: true, models: ['m', 'n'], metadata: { a: 1 } };
    expect(entity).toMatchObject(expected);
  });

  test.each([
    ['is empty without any', null],
    ['is empty when it is a list', '["a"]'],
    ['is empty when it is null', 'null'],
  ])('has metadata that %s', (_what, metadata) => {
    expect(organizationOf(organizationRow('o', { metadata }), undefined).metadata).toEqual({});
  });

  test('takes from the budget it refers to only what it does not say itself, and zero is said', () => {
    const { allowance } = organizationOf(organizationRow('o', { max_budget_nano_usd: 0 }), BUDGET);
    expect(allowance).toMatchObject({ maxBudgetNanoUsd: 0, rpmLimit: 5, budgetDuration: '1d', tpmLimit: null });
  });

  test('is unlimited when nobody says anything', () => {
    expect(tagOf(tagRow('t'), undefined)).toEqual({
      kind: 'tag',
      id: 't',
      name: 't',
      blocked: false,
      models: [],
      metadata: {},
      allowance: UNLIMITED,
    });
  });
});

describe('a team', () => {
  test('has names for models that mean nothing beyond themselves', () => {
    const { aliases } = teamOf(teamRow('t', { model_aliases: '{"fast": "m", "bad": 5}' }), undefined, undefined);
    expect([aliases['fast'], aliases['bad'], aliases['constructor']]).toEqual(['m', undefined, undefined]);
  });

  test.each([
    ['nothing', '{}', undefined, null],
    ['an amount in its metadata', '{"team_member_budget": 0.5}', undefined, { maxBudgetNanoUsd: 500_000_000 }],
    ['a budget of their own', '{}', BUDGET, { maxBudgetNanoUsd: 100, rpmLimit: 5 }],
    [
      'both, of which the metadata wins',
      '{"team_member_rpm_limit": 0}',
      BUDGET,
      { maxBudgetNanoUsd: 100, rpmLimit: 0 },
    ],
  ])('gives its members %s', (_what, metadata, budget, expected) => {
    const { memberAllowance } = teamOf(teamRow('t', { metadata }), undefined, budget);
    if (expected === null) expect(memberAllowance).toBeNull();
    else expect(memberAllowance).toMatchObject(expected);
  });

  test.each([
    ['admin', 'admin'],
    ['user', 'user'],
    ['owner', 'user'],
  ] as const)('has members as %s, which is %s', (role, expected) => {
    const member = teamMemberOf(memberRow('t', 'u', { role, allowed_models: '["m"]' }), BUDGET);
    expect(member).toMatchObject({ id: joined('t', 'u'), role: expected, models: ['m'], blocked: false });
    expect(member.allowance.maxBudgetNanoUsd).toBe(100);
  });
});

describe('a user', () => {
  test.each([
    ['by hand', { blocked: 1 }, true],
    ['by an identity provider', { metadata: '{"scim_active": false}' }, true],
    ['by nobody', { metadata: '{"scim_active": true}' }, false],
    ['by no text', { metadata: '{"scim_active": "false"}' }, false],
  ])('is blocked %s: %p', (_how, over, blocked) => {
    expect(userOf(userRow('u', over), undefined).blocked).toBe(blocked);
  });

  test('goes by alias before email', () => {
    const user_email = 'u@example.com';
    expect(userOf(userRow('u', { user_email }), undefined).name).toBe(user_email);
    expect(userOf(userRow('u', { user_email, user_alias: 'U' }), undefined).name).toBe('U');
  });

  test.each([
    ['proxy_admin', true],
    ['internal_user_viewer', true],
    ['customer', true],
    ['root', false],
    ['PROXY_ADMIN', false],
    ['', false],
    [null, false],
    [1, false],
  ])('may have the role %p: %p', (role, expected) => {
    expect(isUserRole(role)).toBe(expected);
  });

  test('with a role that nobody knows has none', () => {
    expect(userOf(userRow('u', { user_role: 'root' }), undefined).role).toBeNull();
  });
});

test('the rates of a project by model come from its columns before its metadata', () => {
  const metadata = '{"model_rpm_limit": {"m": 1}, "model_tpm_limit": {"m": 2}}';
  const rates = (over: object) =>
    projectOf(projectRow('p', { metadata, team_id: 't', ...over }), undefined).allowance.perModel['m'];
  expect(rates({})).toMatchObject({ rpmLimit: 1, tpmLimit: 2 });
  expect(rates({ model_rpm_limit: '{"m": 9}' })).toMatchObject({ rpmLimit: 9, tpmLimit: 2 });
  expect(rates({ model_tpm_limit: '{"m": 0}' })).toMatchObject({ rpmLimit: 1, tpmLimit: 0 });
});

describe('an end user', () => {
  test('with a budget of its own has no other limits beside it', () => {
    expect(endUserOf(customerRow('e', { budget_id: 'b' }), BUDGET)).not.toHaveProperty('ownAllowance');
  });

  test('under the budget of everybody keeps apart what it says itself', () => {
    const { allowance, ownAllowance } = endUserOf(customerRow('e', { tpm_limit: 7 }), BUDGET);
    expect([allowance.maxBudgetNanoUsd, allowance.tpmLimit]).toEqual([100, 7]);
    expect([ownAllowance?.maxBudgetNanoUsd, ownAllowance?.tpmLimit]).toEqual([null, 7]);
  });

  test('that nobody stored is under the budget of everybody alone', () => {
    const { id, blocked, models, allowance, ownAllowance } = unknownEndUser('e', BUDGET);
    expect([id, blocked, models, allowance.rpmLimit, ownAllowance]).toEqual(['e', false, [], 5, UNLIMITED]);
  });
});
