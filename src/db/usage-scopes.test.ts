import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  countedScopes,
  joined,
  MIRROR_ROUTE,
  type Owners,
  ownerScopes,
  parted,
  rateScopes,
  SCOPE_KINDS,
  type Scope,
  scopeParts,
  servedScopes,
} from './usage-scopes.ts';

const NOBODY: Owners = {
  keyHash: null,
  teamId: null,
  userId: null,
  organizationId: null,
  projectId: null,
  endUser: null,
  tags: [],
};
const EVERYBODY: Owners = {
  keyHash: 'k',
  teamId: 't',
  userId: 'u',
  organizationId: 'o',
  projectId: 'p',
  endUser: 'e',
  tags: ['a', 'b'],
};
const SERVED = { modelGroup: 'm', deploymentId: 'd', provider: 'v' };

const told = (scopes: readonly { kind: string; id: string }[]) => scopes.map(({ kind, id }) => `${kind} ${id}`);

describe('who a call is counted for', () => {
  test('is at least everybody together', () => {
    expect(told(ownerScopes(NOBODY))).toEqual(['global ']);
    expect(told(servedScopes(NOBODY, { modelGroup: 'm', deploymentId: null, provider: null }))).toEqual([]);
  });

  test('is each owner it has, and each of its tags', () => {
    expect(told(ownerScopes(EVERYBODY))).toEqual([
      'global ',
      'api_key k',
      'team t',
      `team_member ${joined('t', 'u')}`,
      'user u',
      'organization o',
      `organization_member ${joined('o', 'u')}`,
      'project p',
      'end_user e',
      'tag a',
      'tag b',
    ]);
  });

  test('is a team member only with both, the team and the user', () => {
    const isMember = (owners: Owners) => ownerScopes(owners).some(({ kind }) => kind === 'team_member');
    expect([isMember({ ...NOBODY, teamId: 't' }), isMember({ ...NOBODY, userId: 'u' })]).toEqual([false, false]);
    expect(isMember({ ...NOBODY, teamId: 't', userId: 'u' })).toBe(true);
  });

  test('is the model of each owner, the deployment and the provider, once something serves it', () => {
    expect(told(servedScopes(EVERYBODY, SERVED))).toEqual([
      `model_per_key ${joined('k', 'm')}`,
      `model_per_team ${joined('t', 'm')}`,
      `model_per_user ${joined('u', 'm')}`,
      `model_per_organization ${joined('o', 'm')}`,
      `model_per_project ${joined('p', 'm')}`,
      `model_per_end_user ${joined('e', 'm')}`,
      `model_per_tag ${joined('a', 'm')}`,
      `model_per_tag ${joined('b', 'm')}`,
      'deployment d',
      'provider v',
    ]);
  });

  test('is a model under each tag but those of a client’s program, which every request has', () => {
    const scopes = servedScopes({ ...NOBODY, tags: ['a', 'User-Agent: curl'] }, SERVED);
    expect(told(scopes)).toEqual([`model_per_tag ${joined('a', 'm')}`, 'deployment d', 'provider v']);
  });

  test('is each of its tags with its key, for rates alone, and never for a mirrored request', () => {
    const served = { ...SERVED, route: '/v1/chat/completions' };
    const pairs = (scopes: readonly Scope[]): string[] => told(scopes.filter(({ kind }) => kind === 'tag_per_key'));
    expect(pairs(rateScopes(EVERYBODY, served))).toEqual([
      `tag_per_key ${joined('k', 'a')}`,
      `tag_per_key ${joined('k', 'b')}`,
    ]);
    expect(pairs(countedScopes(EVERYBODY, served))).toEqual([]);
    expect(pairs(rateScopes({ ...EVERYBODY, keyHash: null }, served))).toEqual([]);
    expect(pairs(rateScopes(EVERYBODY, { ...served, route: MIRROR_ROUTE }))).toEqual([]);
  });

  test('is nobody’s use of a model when there was none', () => {
    const scopes = countedScopes(EVERYBODY, {
      modelGroup: '',
      deploymentId: null,
      provider: null,
      route: '/v1/embeddings',
    });
    expect(told(scopes)).toEqual(told(ownerScopes(EVERYBODY)));
    expect(countedScopes(EVERYBODY, { ...SERVED, route: '/v1/embeddings' })).toEqual([
      ...ownerScopes(EVERYBODY),
      ...servedScopes(EVERYBODY, SERVED),
    ]);
  });

  test('is told in kinds that are stored by their place, which may never move', () => {
    expect(SCOPE_KINDS.slice(0, 17)).toEqual([
      'global',
      'api_key',
      'team',
      'team_member',
      'user',
      'organization',
      'project',
      'end_user',
      'tag',
      'model_per_key',
      'model_per_team',
      'model_per_user',
      'model_per_organization',
      'model_per_project',
      'model_per_end_user',
      'deployment',
      'provider',
    ]);
    expect(new Set(SCOPE_KINDS).size).toBe(SCOPE_KINDS.length);
  });
});

describe('a pair', () => {
  const name = fc.string({ maxLength: 8 }).map((text) => text.replaceAll('\u001f', ''));

  test('is read in one way only, whatever the two names are', () => {
    fc.assert(
      fc.property(name, name, name, name, (a, b, c, d) => {
        expect(parted(joined(a, b))).toEqual([a, b]);
        expect(joined(a, b) === joined(c, d)).toBe(a === c && b === d);
      }),
      { seed: 2 },
    );
  });

  test('has two parts where the kind has, and every other id is whole, whatever stands in it', () => {
    expect(scopeParts({ kind: 'team_member', id: joined('t', 'u') })).toEqual(['t', 'u']);
    expect(scopeParts({ kind: 'api_key', id: joined('t', 'u') })).toEqual([joined('t', 'u')]);
    expect(scopeParts({ kind: 'model_per_key', id: 'no pair' })).toEqual(['no pair']);
    expect(parted('no pair')).toEqual(['no pair', '']);
    for (const scope of [...ownerScopes(EVERYBODY), ...servedScopes(EVERYBODY, SERVED)]) {
      const [first, second] = scopeParts(scope);
      expect(second === undefined ? first : joined(first, second)).toBe(scope.id);
    }
  });
});
