import { beforeEach, describe, expect, test } from 'bun:test';
import { sampleCaller } from '../../test/support/callers.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { joined } from '../db/usage-scopes.ts';
import type { Caller } from '../gateway/call.ts';
import {
  type Directory,
  type EntityKind,
  type EntityOf,
  type Organization,
  type Project,
  type Team,
  type TeamMember,
  UNLIMITED,
  type User,
} from '../gateway/entities.ts';
import { type Acting, ALONE, createActing } from './acting.ts';
import { permissionOf } from './routes.ts';

type Entity = EntityOf[EntityKind];

/** What is stored, what of it is in memory, and how often it was fetched. */
class Shelf implements Directory {
  readonly stored = new Map<string, Entity>();
  readonly #memory = new Map<string, Entity | null>();
  fetches: string[] = [];
  #version = 0;

  put(entity: Entity): void {
    this.stored.set(`${entity.kind} ${entity.id}`, entity);
    this.invalidate(entity.kind, entity.id);
  }

  peek<Kind extends EntityKind>(kind: Kind, id: string): EntityOf[Kind] | null | undefined {
    return this.#memory.get(`${kind} ${id}`) as EntityOf[Kind] | null | undefined; // Put under its own kind.
  }

  async fetch<Kind extends EntityKind>(kind: Kind, id: string): Promise<EntityOf[Kind] | null> {
    const name = `${kind} ${id}`;
    this.fetches.push(name);
    this.#memory.set(name, this.stored.get(name) ?? null);
    return this.peek(kind, id) ?? null;
  }

  invalidate(kind: EntityKind, id: string): void {
    this.#version += 1;
    this.#memory.delete(`${kind} ${id}`);
  }

  invalidateAll(): void {
    this.#version += 1;
    this.#memory.clear();
  }

  version(): number {
    return this.#version;
  }
}

const common = (id: string) => ({ id, name: null, blocked: false, models: [], metadata: {}, allowance: UNLIMITED });
const team = (over: Partial<Team> = {}): Team => ({
  ...common('t'),
  ...{ kind: 'team', organizationId: null, aliases: {}, memberAllowance: null },
  ...over,
});
const user = (over: Partial<User> = {}): User => ({ ...common('u'), kind: 'user', role: 'internal_user', ...over });
const organization = (over: Partial<Organization> = {}): Organization => ({
  ...common('o'),
  kind: 'organization',
  ...over,
});
const project = (over: Partial<Project> = {}): Project => ({ ...common('p'), kind: 'project', teamId: 't', ...over });
const member: TeamMember = { ...common(joined('t', 'u')), kind: 'team_member', role: 'admin' };

let shelf: Shelf;
let act: Acting;
beforeEach(() => {
  shelf = new Shelf();
  act = createActing(shelf);
});

const acting = async (over: Partial<Caller>): Promise<Caller> => act(sampleCaller(over));

describe('those a caller acts for', () => {
  test('are nobody when it belongs to nobody, and nothing is looked for', () => {
    const caller = sampleCaller();
    expect(act(caller)).toBe(caller);
    expect(shelf.fetches).toEqual([]);
  });

  test('are its team, user, membership, organization and project', async () => {
    for (const entity of [team(), user(), member, organization(), project()]) shelf.put(entity);
    const found = await acting({ teamId: 't', userId: 'u', organizationId: 'o', projectId: 'p' });
    expect([found.team?.id, found.user?.id, found.member?.role, found.organization?.id, found.project?.id]).toEqual([
      't',
      'u',
      'admin',
      'o',
      'p',
    ]);
  });

  test('are none where there is no such row, as old keys may name anybody', async () => {
    const found = await acting({ teamId: 'gone', userId: 'gone' });
    expect([found.team, found.user, found.member, found.teamId]).toEqual([null, null, null, 'gone']);
  });

  test('include the organization of the team, and the team of the project', async () => {
    shelf.put(team({ organizationId: 'o' }));
    shelf.put(organization());
    shelf.put(project());
    const found = await acting({ projectId: 'p' });
    expect([found.teamId, found.organizationId]).toEqual(['t', 'o']);
    expect(found.organization?.id).toBe('o');
  });

  test('of the key itself win over those of its team', async () => {
    shelf.put(team({ organizationId: 'o' }));
    shelf.put(organization({ id: 'own' }));
    expect((await acting({ teamId: 't', organizationId: 'own' })).organizationId).toBe('own');
  });
});

describe('a warm caller', () => {
  test('is the same object, at once and without a look-up', async () => {
    shelf.put(team());
    const caller = sampleCaller({ teamId: 't', userId: 'u' });
    const first = await act(caller);
    const fetched = shelf.fetches.length;
    for (let turn = 0; turn < 100; turn++) expect(act(caller)).toBe(first);
    expect(shelf.fetches).toHaveLength(fetched);
  });

  test('is resolved anew after any change', async () => {
    shelf.put(team({ models: ['a'] }));
    const caller = sampleCaller({ teamId: 't' });
    expect((await act(caller)).team?.models).toEqual(['a']);
    shelf.put(team({ models: ['b'] }));
    expect((await act(caller)).team?.models).toEqual(['b']);
  });

  test('that joins a team which is made later has it then', async () => {
    const caller = sampleCaller({ teamId: 't' });
    expect((await act(caller)).team).toBeNull();
    shelf.put(team());
    expect((await act(caller)).team?.id).toBe('t');
  });
});

describe('who is blocked', () => {
  test.each<[string, Entity]>([
    ['team', team({ blocked: true })],
    ['user', user({ blocked: true })],
    ['organization', organization({ blocked: true })],
    ['project', project({ blocked: true, teamId: null })],
  ])('%s: the key is refused, and is told by whom', async (kind, entity) => {
    shelf.put(entity);
    const ids = { team: { teamId: 't' }, user: { userId: 'u' }, organization: { organizationId: 'o' } } as const;
    const over: Partial<Caller> = { projectId: kind === 'project' ? 'p' : null, ...Reflect.get(ids, kind) };
    const error = await refusalOf(() => acting(over));
    expect([error.status, error.details.code]).toEqual([401, 'invalid_api_key']);
    expect(error.details.reason).toContain(`The ${kind} of this API key is blocked`);
    const named = /\/[a-z_]+\/[a-z]+/.exec(error.details.reason ?? '')?.[0] ?? '';
    expect(['POST', 'PATCH'].some((method) => permissionOf(method, named) !== undefined)).toBe(true);
    expect(error.details.refusedKey?.keyHash).toBe(sampleCaller().keyHash);
  });

  test('is refused on the next request, and served again on the one after its release', async () => {
    shelf.put(team());
    const caller = sampleCaller({ teamId: 't' });
    await act(caller);
    shelf.put(team({ blocked: true }));
    expect((await refusalOf(() => act(caller))).status).toBe(401);
    shelf.put(team());
    expect((await act(caller)).team?.blocked).toBe(false);
  });
});

test('a caller that is alone has nobody, and no limit', () => {
  const { models, aliases, metadata, ...rest } = ALONE;
  expect([models, aliases, metadata]).toEqual([[], {}, {}]);
  expect(Object.values(rest).every((value) => value === null)).toBe(true);
});
