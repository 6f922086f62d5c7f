import { describe, expect, test } from 'bun:test';
import { SUBJECT_SETTINGS } from '../../test/support/limit-parts.ts';
import { joined } from '../db/usage-scopes.ts';
import {
  type Allowance,
  type EndUser,
  type Organization,
  type OrganizationMember,
  type Project,
  type Tag,
  type Team,
  type TeamMember,
  UNLIMITED,
  type User,
} from '../gateway/entities.ts';
import { type SubjectEntities, type SubjectOwners, type SubjectSettings, servingLimits, subjectOf } from './subject.ts';
import type { Limit } from './types.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);
const rpm = (rpmLimit: number): Allowance => ({ ...UNLIMITED, rpmLimit });
const common = (id: string, allowance: Allowance) => ({
  ...{ id, name: null, blocked: false, models: [], metadata: {}, allowance },
});
const team = (allowance: Allowance, memberAllowance: Allowance | null = null): Team => ({
  ...common('t', allowance),
  ...{ kind: 'team', organizationId: 'o', aliases: {}, memberAllowance },
});
const member = (allowance: Allowance): TeamMember => ({
  ...common(joined('t', 'u'), allowance),
  ...{ kind: 'team_member', role: 'user' },
});
const user = (allowance: Allowance): User => ({ ...common('u', allowance), kind: 'user', role: null });
const organization = (allowance: Allowance): Organization => ({ ...common('o', allowance), kind: 'organization' });
const project = (allowance: Allowance): Project => ({ ...common('p', allowance), kind: 'project', teamId: 't' });
const endUser = (allowance: Allowance): EndUser => ({
  ...common('e', allowance),
  ...{ kind: 'end_user', defaultModel: null, allowedModelRegion: null },
});
const tag = (id: string, allowance: Allowance): Tag => ({ ...common(id, allowance), kind: 'tag' });

const OWNERS: SubjectOwners = {
  keyHash: 'k',
  teamId: 't',
  userId: 'u',
  organizationId: 'o',
  projectId: 'p',
  endUser: 'e',
  tags: ['a', 'b'],
};
type Entities = SubjectEntities & { readonly endUserEntity: EndUser | null; readonly tagEntities: readonly Tag[] };
const NOBODY: Entities = {
  ...{ allowance: null, team: null, member: null, user: null, organization: null, project: null },
  ...{ endUserEntity: null, tagEntities: [] },
};

const subject = (
  entities: Partial<Entities> = {},
  owners: Partial<SubjectOwners> = {},
  settings: Partial<SubjectSettings> = {},
) => subjectOf({ ...OWNERS, ...owners }, { ...NOBODY, ...entities }, { ...SUBJECT_SETTINGS, ...settings }, NOW_MS);

const bounded = (limits: readonly Limit[]): string[] =>
  limits
    .filter(({ max }) => max !== Number.POSITIVE_INFINITY)
    .map(({ scope, unit, max }) => `${scope.kind} ${unit} ${max}`);

describe('the scopes of a call', () => {
  test('are all it is counted for', () => {
    expect(subject().base.scopes.map(({ kind }) => kind)).toEqual([
      'global',
      'api_key',
      'team',
      'team_member',
      'user',
      'organization',
      'organization_member',
      'project',
      'end_user',
      'tag',
      'tag',
    ]);
  });

  test('of a key that belongs to nobody are the key’s', () => {
    const alone = { teamId: null, userId: null, organizationId: null, projectId: null, endUser: null, tags: [] };
    expect(subject({}, alone).base.scopes.map(({ kind }) => kind)).toEqual(['global', 'api_key']);
    expect(
      subject({}, alone)
        .servedBy('m')
        .scopes.map(({ kind }) => kind),
    ).toEqual(['model_per_key']);
  });

  test('grow by model, deployment and provider when they are known', () => {
    const { servedBy } = subject();
    expect(servedBy('m').scopes.map(({ kind }) => kind)).toEqual([
      'model_per_key',
      'model_per_team',
      'model_per_user',
      'model_per_organization',
      'model_per_project',
      'model_per_end_user',
      'model_per_tag',
      'model_per_tag',
    ]);
    const serving = { modelGroup: 'm', deploymentId: 'd', provider: 'openai', allowance: null };
    expect(servedBy('m', serving).scopes.slice(-2)).toEqual([
      { kind: 'deployment', id: 'd' },
      { kind: 'provider', id: 'openai' },
    ]);
  });
});

describe('limits', () => {
  test('of everybody behind a call hold together', () => {
    const { base } = subject({
      allowance: rpm(1),
      team: team(rpm(2)),
      member: member(rpm(3)),
      user: user(rpm(4)),
      organization: organization(rpm(5)),
      project: project(rpm(6)),
      endUserEntity: endUser(rpm(7)),
      tagEntities: [tag('a', rpm(8)), tag('b', rpm(9))],
    });
    expect(bounded(base.limits)).toEqual([
      'api_key requests 1',
      'team requests 2',
      'team_member requests 3',
      'user requests 4',
      'organization requests 5',
      'project requests 6',
      'end_user requests 7',
      'tag requests 8',
      'tag requests 9',
    ]);
  });

  test('stand on the scopes that are posted to', () => {
    const { base } = subject({ member: member(rpm(3)), tagEntities: [tag('b', rpm(9))] });
    for (const { scope } of base.limits) expect(base.scopes).toContainEqual(scope);
  });

  test('of the configuration hold for all', () => {
    const globalBudget = { maxNanoUsd: 5, duration: '1d' };
    expect(bounded(subject({}, {}, { globalBudget }).base.limits)).toEqual(['global usd 5']);
  });

  test('always count what the key has spent', () => {
    const [only] = subject().base.limits;
    expect(only).toMatchObject({ scope: { kind: 'api_key', id: 'k' }, unit: 'usd', max: Number.POSITIVE_INFINITY });
    expect(subject({}, { keyHash: null }).base.limits).toEqual([]);
  });
});

describe('a user’s limits', () => {
  const entities = { user: user(rpm(4)) };

  test('hold in a team too', () => {
    expect(bounded(subject(entities).base.limits)).toEqual(['user requests 4']);
  });

  test('hold only for personal keys when the configuration says so', () => {
    expect(bounded(subject(entities, {}, { userLimitsInTeams: false }).base.limits)).toEqual([]);
    const personal = { teamId: null };
    expect(bounded(subject(entities, personal, { userLimitsInTeams: false }).base.limits)).toEqual(['user requests 4']);
  });
});

describe('a team member', () => {
  const defaults: Allowance = { ...UNLIMITED, rpmLimit: 10, maxBudgetNanoUsd: 100, budgetDuration: '1d', tpmLimit: 50 };

  test('has the team’s defaults when he has nothing of his own', () => {
    const { base } = subject({ team: team(UNLIMITED, defaults) });
    expect(bounded(base.limits)).toEqual(['team_member usd 100', 'team_member requests 10', 'team_member tokens 50']);
  });

  test('has his own values over them, one by one', () => {
    const own: Allowance = { ...UNLIMITED, rpmLimit: 2 };
    const { base } = subject({ team: team(UNLIMITED, defaults), member: member(own) });
    expect(bounded(base.limits)).toEqual(['team_member usd 100', 'team_member requests 2', 'team_member tokens 50']);
  });

  test('has his own budget with his own window', () => {
    const own: Allowance = { ...UNLIMITED, maxBudgetNanoUsd: 7 };
    const { base } = subject({ team: team(UNLIMITED, defaults), member: member(own) });
    const budget = base.limits.find(({ unit, max }) => unit === 'usd' && max === 7);
    expect(budget?.window).toEqual({ kind: 'lifetime' });
  });

  test('is nobody without a user', () => {
    const { base } = subject({ team: team(UNLIMITED, defaults) }, { userId: null });
    expect(bounded(base.limits)).toEqual([]);
  });
});

describe('limits of models', () => {
  const perModel = { m: { maxBudgetNanoUsd: null, budgetDuration: null, rpmLimit: 3, tpmLimit: null } };
  const limited: Allowance = { ...UNLIMITED, perModel };

  test('come with the model that serves, for each owner that has them', () => {
    const { servedBy } = subject({ allowance: limited, team: team(limited), user: user(limited) });
    expect(bounded(servedBy('m').limits)).toEqual([
      'model_per_key requests 3',
      'model_per_team requests 3',
      'model_per_user requests 3',
    ]);
    expect(servedBy('other').limits).toEqual([]);
  });

  test('are compiled once for each model', () => {
    const { servedBy } = subject({ allowance: limited });
    expect(servedBy('m')).toBe(servedBy('m'));
  });
});

describe('what serves', () => {
  const settings = { ...SUBJECT_SETTINGS, providerBudgets: new Map([['openai', { maxNanoUsd: 9, duration: '1d' }]]) };

  test('has limits of its own, and its provider’s budget', () => {
    const found = servingLimits({ deploymentId: 'd', provider: 'openai', allowance: rpm(2) }, settings);
    expect(bounded(found)).toEqual(['deployment requests 2', 'provider usd 9']);
    expect(servingLimits({ deploymentId: 'd', provider: 'groq', allowance: null }, settings)).toEqual([]);
  });
});

test('a subject is valid until the first increase of a budget ends', () => {
  const increased = (untilMs: number): Allowance => ({ ...UNLIMITED, temporaryIncrease: { nanoUsd: 1, untilMs } });
  expect(subject().validUntilMs).toBe(Number.POSITIVE_INFINITY);
  expect(subject({ allowance: increased(NOW_MS + 9), team: team(increased(NOW_MS + 5)) }).validUntilMs).toBe(
    NOW_MS + 5,
  );
  expect(subject({ allowance: increased(NOW_MS - 1) }).validUntilMs).toBe(Number.POSITIVE_INFINITY);
});

describe('a member of an organization', () => {
  const organizationMember: OrganizationMember = { ...common(joined('o', 'u'), rpm(4)), kind: 'organization_member' };

  test('has limits on what they do in it, and none elsewhere', () => {
    const { base } = subject({ organizationMember });
    expect(bounded(base.limits)).toEqual(['organization_member requests 4']);
    expect(base.limits[0]?.scope).toEqual({ kind: 'organization_member', id: joined('o', 'u') });
    expect(bounded(subject({ organizationMember }, { organizationId: null }).base.limits)).toEqual([]);
    expect(bounded(subject({ organizationMember }, { userId: null }).base.limits)).toEqual([]);
  });
});

describe('tags', () => {
  const perModel = { m: { maxBudgetNanoUsd: 5, budgetDuration: '1d', rpmLimit: null, tpmLimit: null } };

  test('have limits on models, but for those of a client’s program', () => {
    const tagEntities = [tag('a', { ...UNLIMITED, perModel }), tag('User-Agent: curl', { ...UNLIMITED, perModel })];
    const { servedBy } = subject({ tagEntities }, { tags: ['a', 'User-Agent: curl'] });
    expect(servedBy('m').limits.map(({ scope }) => scope)).toEqual([{ kind: 'model_per_tag', id: joined('a', 'm') }]);
    expect(servedBy('other').limits).toEqual([]);
  });

  test('have the rates that the key gives them, each its own', () => {
    const allowance: Allowance = { ...UNLIMITED, tagRates: { a: 3, c: 1 } };
    const { base } = subject({ allowance });
    expect(bounded(base.limits)).toEqual(['tag_per_key requests 3']);
    expect(base.scopes.at(-1)).toEqual({ kind: 'tag_per_key', id: joined('k', 'a') });
    expect(bounded(subject({ allowance }, { keyHash: null }).base.limits)).toEqual([]);
    expect(bounded(subject({ allowance }, { tags: ['constructor'] }).base.limits)).toEqual([]);
  });
});
